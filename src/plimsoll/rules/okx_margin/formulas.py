"""OKX margin trading in Futures account mode: what coins bought or sold with borrowed money are worth and what their debts
need, in the rule language.

One text for every form of it. A position keeps coins and debts of its own: base held and owed (BA, BL), quote held and owed
(QA, QL), interest among what is owed. A long owes the quote, a short the base; own margin may be in either coin, inside the
position (isolated) or in the cash of the pool (cross). With the mark P, r the maintenance rate and f the user's own taker rate:

    headroom = BA*P + QA - (BL*P + QL)*(1 + r)*(1 + f)

and each of the venue's four liquidation prices is where that is zero. A position whose margin is in the base is told in the
base: the same divided by P. No price but the pair's own mark enters. In `Pool.wallets` stand the base and the quote of each
leg, one leg after the other, and `Leg.wallet` names that of the two in which its pool is told. Source keys (S1 ...) are
spelled out in `people.SOURCES`. Grade `doc` unless a docstring says otherwise. """

from collections.abc import Sequence
from typing import NamedTuple

from plimsoll.number import N, zero
from plimsoll.rules.columns import CoinMargin, Found, Leg, Line, Market, Pool, PoolMargin, Wallet
from plimsoll.rules.common import no_price, notional, open_loss, order_margin, row_above, unrealised_pnl

__all__ = ["notional", "open_loss", "order_margin", "unrealised_pnl"]


class Reading(NamedTuple):
    """The unpublished choices, each an index into the options that the table names; 0 is the default.

    partial: 0 two_tiers (from the third tier on, while the first tier's requirement is met), 1 whole.
    close_order: 0 largest_maintenance, 1 largest_loss, 2 largest_notional.
    isolated_leverage: 0 margin_moves, 1 margin_stays (see `margin_on_leverage`)."""

    partial: int
    close_order: int
    isolated_leverage: int


def row_of_debts(base: N, quote: N, market: Market[N]) -> int:
    """The row for what is owed in both coins: the higher of the two, floor exclusive and cap inclusive, above the last known
    cap the last row. S14, S15."""
    return max(row_above(base, market.floors, market.rows), row_above(quote, market.quote_floors, market.rows))


def bracket(value: N, tier: N, market: Market[N]) -> int:
    """Row that holds `tier`, which is what chooses it as an amount of the base (`people.tier_of`). `value` is unused: what was
    borrowed decides, so that no price moves a position to another row. S14."""
    return row_above(tier, market.floors, market.rows)


def debt_at(base: Wallet[N], quote: Wallet[N], price: N) -> N:
    """What a position owes, in the quote: BL*P + QL. S6."""
    return base.borrowed * price + quote.borrowed


def leg_in_quote(pool: Pool[N], i: int, price: N, market: Market[N]) -> PoolMargin[N]:
    """Leg i by itself in the quote: balance = BA*P + QA - D, D = BL*P + QL; maintenance = D*r; requirement = D*r + D*(1 + r)*f;
    initial = what it owes / L, isolated at the entry price and fixed, cross at the mark. S6, S14; the fee on debt plus
    maintenance and the isolated initial margin recorded (okx-007, -008, -009), the cross one derived from S3 and S7."""
    leg = pool.legs[i]
    base = pool.wallets[2 * i]
    quote = pool.wallets[2 * i + 1]
    rate = market.rates[row_of_debts(base.borrowed, quote.borrowed, market)]
    debt = debt_at(base, quote, price)
    balance = base.balance * price + quote.balance - debt
    initial = debt * leg.initial_rate
    if leg.isolated:
        initial = debt_at(base, quote, leg.entry) * leg.initial_rate
    fee = debt * (1 + rate) * market.taker_rate
    return PoolMargin(balance, initial, debt * rate, debt * rate + fee, abs(base.balance) * price + abs(quote.balance) + debt)


def told_in_base(pool: Pool[N], i: int) -> bool:
    """Whether a leg's pool is told in its base coin."""
    return pool.legs[i].wallet == 2 * i


def assess_leg(pool: Pool[N], i: int, price: N, market: Market[N]) -> PoolMargin[N]:
    """`leg_in_quote` in the asset of the pool: of a base-margined position divided by the mark, its isolated initial margin by
    the entry price. S6, S14; recorded (okx-007, -008)."""
    found = leg_in_quote(pool, i, price, market)
    if not told_in_base(pool, i):
        return found
    initial = found.initial / price
    if pool.legs[i].isolated:
        initial = found.initial / pool.legs[i].entry
    return PoolMargin(
        found.balance / price, initial, found.maintenance / price, found.requirement / price, found.scale / price
    )


def assess_pool(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """Sums over the legs, and in cross the cash: balance = cash + sum(what positions are worth net), requirement =
    sum(maintenance) + sum(fees), each in the pool's currency. S3, S6; for margin positions in cross derived from these two."""
    balance = pool.cash - pool.reserved + pool.outside_pnl
    initial = pool.outside_initial
    maintenance = pool.outside_maintenance
    requirement = pool.outside_maintenance + pool.outside_fee
    scale = abs(pool.cash)
    for i in range(len(pool.legs)):
        market = pool.legs[i].market
        own = assess_leg(pool, i, marks[market], markets[market])
        balance += own.balance
        initial += own.initial
        maintenance += own.maintenance
        requirement += own.requirement
        scale += own.scale
    return PoolMargin(balance, initial, maintenance, requirement, scale)


def is_liquidatable(balance: N, requirement: N) -> bool:
    """Liquidation at a ratio of 100 % or less, equality included; without a debt never. S1, S6."""
    return requirement > 0 and balance <= requirement


def available_balance(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What new cross orders may use: max(0, balance - initial margin - margin of resting orders). S3, grade rewrite."""
    return max(zero(margin.balance), margin.balance - margin.initial - cross_orders - isolated_orders)


def withdrawable(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What may leave, or enter an isolated wall: as `available_balance`, without the running profit of cross positions. S3;
    grade rewrite."""
    settled = pool.cash - pool.reserved - margin.initial - cross_orders - isolated_orders
    return max(zero(margin.balance), min(settled, available_balance(pool, margin, cross_orders, isolated_orders)))


def assess_coin(
    pool: Pool[N], margin: PoolMargin[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> CoinMargin[N]:
    """One of a position's coins: what is held less what is owed; nothing of it is free while the position stands. S6."""
    wallet = pool.wallets[at]
    none = zero(wallet.balance)
    net = wallet.balance - wallet.borrowed
    return CoinMargin(net, wallet.borrowed, none, none, net, net, none, none)


def borrowable(
    pool: Pool[N], margin: PoolMargin[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> N:
    """Nothing is lent but by trading. Grade memory."""
    return zero(pool.cash)


def wall_bounds(
    inside: Pool[N], margin: PoolMargin[N], free: N, at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> tuple[N, N]:
    """(most of the coin `at` that can be added to an isolated position, most that can be removed): what is free outside; of the
    margin what it has beyond the initial margin at the mark, at most what is inside. S11's "margin less the greater of what is
    required and losses" by a third party; open question of the sheet: grade memory."""
    market = inside.legs[0].market
    price = marks[market]
    base = inside.wallets[0]
    quote = inside.wallets[1]
    whole = leg_in_quote(inside, 0, price, markets[market])
    spare = whole.balance - debt_at(base, quote, price) * inside.legs[0].initial_rate
    if at == 0:
        spare = spare / price
    return max(zero(free), free), max(zero(free), min(spare, inside.wallets[at].balance))


def initial_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """(BL*P + QL)/L, which `assess_leg` counts with the coins: a position needs nothing beyond what it owes. S6."""
    return zero(mark)


def maintenance_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """(BL*P + QL)*r, which `assess_leg` counts with the coins: a position needs nothing beyond what it owes. S6."""
    return zero(mark)


def closing_fee(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """(BL*P + QL)*(1 + r)*f, which `assess_leg` counts with the coins: a position needs nothing beyond what it owes. S6."""
    return zero(mark)


def position_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """The own money that went into an isolated position; cross positions lock theirs as initial margin of the pool. S6."""
    return leg.margin


def headroom_line(leg: Leg[N], price: N, market: Market[N]) -> Line[N]:
    """None: coins and debts have the headroom (STATES_LINES is off). S6."""
    none = zero(price)
    return Line(none, none, none, none)


def liquidation_fee(leg: Leg[N], price: N, market: Market[N]) -> N:
    """Penalty for what is liquidated: value at the closing price * r of the leg's row, to the insurance fund. Grade derived
    from contracts, where it is recorded (okx-024)."""
    return notional(leg.amount, price, market.inverse) * market.rates[row_above(leg.tier, market.floors, market.rows)]


def order_cost(amount: N, price: N, mark: N, rate: N, market: Market[N]) -> N:
    """Own margin of one order alone: value at its price / L. S6."""
    return notional(amount, price, market.inverse) * rate


def bankruptcy_price(leg: Leg[N], cash: N, market: Market[N]) -> Found[N]:
    """None is printed of a position: its coins decide. Grade derived."""
    return no_price(cash)


def margin_bounds(
    leg: Leg[N],
    mark: N,
    market: Market[N],
    pool: Pool[N],
    margin: PoolMargin[N],
    cross_orders: N,
    isolated_orders: N,
) -> tuple[N, N]:
    """No contract is isolated here (see `wall_bounds`). Grade derived."""
    return zero(mark), zero(mark)


def margin_at_fill(amount: N, price: N, leverage: N, rate: N, market: Market[N]) -> N:
    """Own money that goes into an isolated position beside what is borrowed, as a value in the quote: value / L. All that is
    bought or sold short is borrowed (1 BTC at 10,000 with 10x: margin 0.1 BTC, debt 10,000). S6; okx-029."""
    return notional(amount, price, market.inverse) / leverage


def margin_on_leverage(leg: Leg[N], leverage: N, market: Market[N], reading: Reading) -> N:
    """Money that enters (+) or leaves (-) an isolated position when its leverage changes, as a value in the quote at the entry
    price: value * (1/L_new - 1/L_old), or (reading `isolated_leverage`) nothing. S1 and okx-040; open question of the rules:
    grade memory."""
    if reading.isolated_leverage == 1:
        return zero(leg.margin)
    value = notional(leg.amount, leg.entry, market.inverse)
    return value / leverage - value / leg.leverage


def interest(borrowed: N, accrued: N, rate: N, hours: N) -> N:
    """Accrues by the hour on all that is owed, interest included: (borrowed + accrued) * rate * hours / 8760, at a rate a year
    of 365 days. S5; that interest itself bears interest follows from `liab` holding it: grade derived."""
    return (borrowed + accrued) * rate * hours / 8760


def funding_payment(amount: N, mark: N, rate: N, inverse: bool) -> N:
    """Coins pay no funding. S5."""
    return zero(mark)


def funding_split(payment: N, leg: Leg[N], free: N) -> tuple[N, N]:
    """Coins pay no funding; there is none to split. S5."""
    if leg.isolated:
        return zero(payment), payment
    return payment, zero(payment)


def opening_fee_split(fee: N, isolated: bool) -> tuple[N, N]:
    """The fee is paid where the coins are (the venue takes it from what is received: okx-009, recorded)."""
    if isolated:
        return zero(fee), fee
    return fee, zero(fee)
