"""dYdX v4: what a subaccount is worth and what it needs, in whole quantums of USDC, in the rule language.

Source keys (RISK, TIER, ...) are spelled out in `people.SOURCES`. Grade `doc` unless a docstring says otherwise. The chain
keeps one balance of USDC, less what positions were paid for, and sizes; net collateral is that balance and the sizes at the
oracle price. Here the cash is what it would be without the payments, and running profit counts from them: the same sum, in
whole quantums. Marks are oracle prices. Refuses to know: which positions exist, what anything is called, how it is printed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from plimsoll.number import N, ceil_to, floor_to, zero
from plimsoll.rules.columns import Found, Leg, Line, Market, Pool, PoolMargin, Resting
from plimsoll.rules.common import netted_order_value, no_price, notional, open_loss, row_above, side_of, unrealised_pnl

__all__ = ["notional", "open_loss", "unrealised_pnl"]


class Reading(NamedTuple):
    """The unpublished choices, each an index into the options that the table names."""

    close_order: int


def down(x: N, market: Market[N]) -> N:
    """x down to a whole quantum (market.unit); as it is where none is known."""
    if market.unit > 0:
        return floor_to(x, market.unit)
    return x


def up(x: N, market: Market[N]) -> N:
    """x up to a whole quantum; as it is where none is known."""
    if market.unit > 0:
        return ceil_to(x, market.unit)
    return x


def value(amount: N, price: N, market: Market[N]) -> N:
    """|size| * price, cut to a whole quantum, for longs and shorts alike. LIB."""
    return down(abs(amount) * price, market)


def cost(leg: Leg[N], market: Market[N]) -> N:
    """What the balance paid (+) or took in (-) for the position, in quantums: as it was, or its value at the entry. LIB."""
    if leg.cost != 0:
        return leg.cost
    return side_of(leg.amount) * value(leg.amount, leg.entry, market)


def profit(leg: Leg[N], price: N, market: Market[N]) -> N:
    """s*value(p) - cost: the position's share of net collateral, less what it cost. LIB."""
    return side_of(leg.amount) * value(leg.amount, price, market) - cost(leg, market)


def bracket(value: N, tier: N, market: Market[N]) -> int:
    """A market has one liquidity tier, whatever the size. TIER. `tier` is unused."""
    return row_above(value, market.floors, market.rows)


def base_rate(market: Market[N]) -> N:
    """The base IMF of the market's liquidity tier; its maintenance rate where none is stated. TIER."""
    if market.initials[0] > 0:
        return market.initials[0]
    return market.rates[0]


def fraction(market: Market[N]) -> N:
    """The maintenance fraction of the liquidity tier: MMF / base IMF. TIER."""
    base = base_rate(market)
    if base > 0:
        return market.rates[0] / base
    return base


def open_rate(mark: N, market: Market[N]) -> N:
    """OIMF: the base IMF while the open notional OI*p is at most the lower cap, 1 from the upper cap on, between them
    base + (OI*p - lower)/(upper - lower) * (1 - base), cut to a millionth; the base where there is no upper cap. TIER.

    terms: 0 open interest in base units (0: not stated, the base IMF then holds), 1 and 2 the caps in USDC."""
    base = base_rate(market)
    if len(market.terms) < 3:
        return base
    lower = market.terms[1]
    upper = market.terms[2]
    held = down(market.terms[0] * mark, market)
    if upper <= 0 or held <= lower:
        return base
    one = zero(mark) + 1
    if held >= upper:
        return one
    return floor_to(base + (held - lower) * (1 - base) / (upper - lower), one / 1000000)


def initial_of(worth: N, chosen: N, mark: N, market: Market[N]) -> N:
    """ceil(value * max(OIMF, 1/leverage)): a chosen leverage only raises the rate. TIER; the leverage by the sheet's word."""
    return up(worth * max(open_rate(mark, market), chosen), market)


def maintenance_of(worth: N, market: Market[N]) -> N:
    """ceil(ceil(value * base IMF) * maintenance fraction): open interest and leverage do not change it. LIB."""
    return up(up(worth * base_rate(market), market) * fraction(market), market)


def initial_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """IMR of the position: ceil(value * max(OIMF, 1/leverage)). TIER, LIB."""
    return initial_of(value(leg.amount, mark, market), leg.initial_rate, mark, market)


def maintenance_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """MMR of the position: ceil(ceil(value * base IMF) * maintenance fraction). LIB."""
    return maintenance_of(value(leg.amount, mark, market), market)


def position_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """What a position locks: IMR, and in a subaccount of its own all that is in it. RISK; the second grade derived."""
    if leg.isolated:
        return leg.margin
    return initial_margin(leg, mark, market)


def closing_fee(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """Nothing is added to maintenance before the comparison. RISK."""
    return zero(mark)


def headroom_line(leg: Leg[N], price: N, market: Market[N]) -> Line[N]:
    """Profit less MMR as if nothing were rounded: a*p - cost - |a|*p*MMF. LIB. At most three quanta off (grade derived)."""
    none = zero(price)
    return Line(-cost(leg, market), leg.amount - abs(leg.amount) * market.rates[0], none, none)


def grain(market: Market[N]) -> N:
    """What inexact numbers may round the other way for one leg, eight quantums, as gross size times a million million, so that
    a decision within 1e-12 of gross size is within it. Grade derived."""
    return market.unit * 8 * 1000000 * 1000000


def assess_pool(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """One subaccount: NC = USDC + sum(size * oracle), IMR and MMR the sums of those of its positions. RISK, LIB."""
    balance = pool.cash - pool.reserved + pool.outside_pnl
    initial = pool.outside_initial
    maintenance = pool.outside_maintenance
    scale = abs(pool.cash)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        market = markets[leg.market]
        worth = value(leg.amount, marks[leg.market], market)
        paid = cost(leg, market)
        balance += side_of(leg.amount) * worth - paid
        initial += initial_of(worth, leg.initial_rate, marks[leg.market], market)
        maintenance += maintenance_of(worth, market)
        scale += worth + abs(paid) + grain(market)
    return PoolMargin(balance, initial, maintenance, maintenance + pool.outside_fee, scale)


def is_liquidatable(balance: N, requirement: N) -> bool:
    """MMR > 0 and MMR > NC: equality is safe. RISK, recorded (the protocol's own tests)."""
    return requirement > 0 and balance < requirement


def order_margin(resting: Resting[N], mark: N, market: Market[N]) -> N:
    """What the IMR would grow by if the resting orders filled, at their own prices. Grade memory: an order is placed if the
    subaccount would hold its IMR after all fills; nothing is set aside for it. At their prices rather than at the oracle's:
    grade derived, a little more than the chain asks."""
    position = side_of(resting.amount) * value(resting.amount, mark, market)
    beyond = netted_order_value(position, resting.buys, resting.sells)
    return up(beyond * max(open_rate(mark, market), resting.initial_rate), market)


def order_cost(amount: N, price: N, mark: N, rate: N, market: Market[N]) -> N:
    """What one order alone asks for: IMR at its price and the loss that it would fill with. RISK; derived."""
    worth = value(amount, price, market)
    return initial_of(worth, rate, mark, market) + open_loss(amount, price, mark, market.inverse)


def available_balance(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What new orders may use: NC - IMR, less what resting ones would need if they filled. RISK; the orders grade memory."""
    return max(zero(margin.balance), margin.balance - margin.initial - cross_orders - isolated_orders)


def withdrawable(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What may leave the subaccount: NC - IMR, running profit included; resting orders hold nothing back. RISK; the last grade
    memory."""
    return max(zero(margin.balance), margin.balance - margin.initial)


def margin_bounds(
    leg: Leg[N], mark: N, market: Market[N], pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N
) -> tuple[N, N]:
    """(most that can be added, most that can be removed): transfers between subaccounts; each must keep its IMR. RISK."""
    free = leg.margin + profit(leg, mark, market) - initial_margin(leg, mark, market)
    return withdrawable(pool, margin, cross_orders, isolated_orders), max(zero(mark), free)


def margin_at_fill(amount: N, price: N, leverage: N, rate: N, market: Market[N]) -> N:
    """USDC brought into a subaccount of its own when a position is opened there: its IMR. RISK; that no more is brought is
    grade derived (the trader chooses)."""
    return initial_of(value(amount, price, market), rate, price, market)


def margin_on_leverage(leg: Leg[N], leverage: N, market: Market[N], reading: Reading) -> N:
    """Nothing moves: a leverage is a setting, a transfer is made by hand. Grade derived."""
    return zero(leg.margin)


def opening_fee_split(fee: N, isolated: bool) -> tuple[N, N]:
    """(from the cash, from the leg's own money): the fee is brought along with the margin, since the fill must leave the
    subaccount its IMR. RISK; grade derived."""
    return fee, zero(fee)


def funding_payment(amount: N, mark: N, rate: N, inverse: bool) -> N:
    """USDC paid (+) or received (-): signed value at the oracle price * rate; longs pay a positive rate. LIB."""
    return side_of(amount) * notional(amount, mark, inverse) * rate


def funding_split(payment: N, leg: Leg[N], free: N) -> tuple[N, N]:
    """(from the cash, from the leg's own money): the balance of the subaccount that holds the position. SUB."""
    if leg.isolated:
        return zero(payment), payment
    return payment, zero(payment)


def liquidation_fee(leg: Leg[N], price: N, market: Market[N]) -> N:
    """The most that a forced close of the whole leg pays to the insurance fund: floor(value * rate). CLOB."""
    return down(value(leg.amount, price, market) * market.liquidation_fee_rate, market)


def bankruptcy_price(leg: Leg[N], cash: N, market: Market[N]) -> Found[N]:
    """Price at which a subaccount with this position alone has nothing left: value = s*(cost - cash). CLOB, grade derived."""
    worth = side_of(leg.amount) * (cost(leg, market) - cash)
    if worth <= 0:
        return no_price(cash)
    return Found(True, worth / abs(leg.amount))


def bankruptcy_quote(leg: Leg[N], closed: N, margin: PoolMargin[N], mark: N, market: Market[N]) -> N:
    """USDC that `closed` > 0 units of the leg must bring (+) or may cost (-) to take its share of net collateral along:
    -DNNV - floor(TNC * |DMMR| / TMMR), towards +infinity. CLOB.

    DNNV, DMMR: what net notional and MMR change by; TNC, TMMR: those of the subaccount."""
    now = value(leg.amount, mark, market)
    left = value(abs(leg.amount) - closed, mark, market)
    freed = maintenance_of(now, market) - maintenance_of(left, market)
    return side_of(leg.amount) * (now - left) - down(margin.balance * freed / margin.requirement, market)


def bankruptcy_price_of(leg: Leg[N], closed: N, margin: PoolMargin[N], mark: N, market: Market[N]) -> N:
    """The price at which `closed` units are worth their bankruptcy quote; inside the quantum where it does not end. CLOB;
    0 where even a gift is not enough (grade derived)."""
    quote = side_of(leg.amount) * bankruptcy_quote(leg, closed, margin, mark, market)
    if quote <= 0:
        return zero(mark)
    price = quote / closed
    if market.unit > 0 and value(closed, price, market) != quote:
        return (quote + market.unit / 2) / closed
    return price


def fillable_price(leg: Leg[N], margin: PoolMargin[N], mark: N, market: Market[N]) -> N:
    """The worst price at which a liquidation order fills: (PNNV - ABR*SMMR*PMMR)/PS, ABR = min(max(BA*(1 - TNC/TMMR), 0), 1),
    of the full position even where less is closed. CLOB.

    PNNV, PMMR, PS: net notional, MMR and size of the position; terms: 3 BA (bankruptcy adjustment), 4 SMMR (spread to MMR)."""
    worth = value(leg.amount, mark, market)
    rating = market.terms[3] * (1 - margin.balance / margin.requirement)
    rating = min(max(rating, zero(mark)), zero(mark) + 1)
    spread = rating * market.terms[4] * maintenance_of(worth, market)
    return (worth - side_of(leg.amount) * spread) / abs(leg.amount)


def stated_liquidation_price(
    leg: Leg[N], pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]]
) -> Found[N]:
    """The oracle price in the middle of the last quantum of value at which NC < MMR, other positions at their marks. RISK, LIB.

    Headroom is `rest` + s*v - MMR(v) over the position's value v; rounding up MMR shifts its zero by few quantums, which are
    tried one by one."""
    market = markets[leg.market]
    side = side_of(leg.amount)
    now = value(leg.amount, marks[leg.market], market)
    rest = margin.balance - side * now - margin.requirement + maintenance_of(now, market)
    slope = side - market.rates[0]
    if rest * slope >= 0:
        return no_price(rest)
    v = -rest / slope
    if market.unit <= 0:
        return Found(True, v / abs(leg.amount))
    v = floor_to(v, market.unit)
    if side > 0:
        while rest + v - maintenance_of(v, market) < 0:
            v += market.unit
        v -= market.unit
    else:
        v += market.unit
        while v > market.unit and rest - (v - market.unit) - maintenance_of(v - market.unit, market) < 0:
            v -= market.unit
    if v <= 0:
        return no_price(rest)
    return Found(True, (v + market.unit / 2) / abs(leg.amount))
