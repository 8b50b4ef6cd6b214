"""Bybit Unified Trading Account 2.0, isolated and cross: what a pool is worth and what it needs, in the rule language.

The account is isolated or cross as a whole. Isolated: a pool is one leg with the money locked in it, in its settle coin.
Cross: one pool over all coins, in USD. Symbols: q amount (coins, inverse USD face), E average entry, P mark, L leverage,
f taker rate, s the side (+1 long, -1 short), V = q*E or q/E value at entry, X added margin, B bankruptcy price, r and d rate
and deduction of a tier, F the closing-fee reserve. The base of margins is the entry before 2025-09-02 and the mark since
(`Market.regime` 0, 1; H2). Source keys (H..., A..., R...) are spelled out in `people.SOURCES`. Grade `doc` unless a docstring
says otherwise. Refuses to know: which positions exist, what anything is called, how it is printed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from plimsoll.number import N, ceil_to, zero
from plimsoll.rules.columns import Found, Leg, Line, Market, Pool, PoolMargin, Rest, Resting
from plimsoll.rules.common import (
    counted,
    exchange_loss,
    line_of,
    marginal_maintenance,
    no_price,
    notional,
    open_loss,
    owed,
    row_above,
    side_of,
    sliced,
    unrealised_pnl,
)

__all__ = ["notional", "open_loss", "unrealised_pnl"]


class Reading(NamedTuple):
    """The unpublished choices, each an index into the options that the table names; 0 is the default.

    convert_order: which collateral coin an automatic repayment sells first: 0 largest_value, 1 lowest_ratio.
    repayment_fee: 0 none, 1 two_percent of what is repaid.
    close_order: which cross leg goes first: 0 largest_loss, 1 largest_maintenance, 2 largest_notional.
    reduce_target: how far a leg is cut: 0 just_compliant, 1 lower_tier, 2 whole_position.
    partial_close: 0 pro_rata_release (the venue's word; there is no other)."""

    convert_order: int
    repayment_fee: int
    close_order: int
    reduce_target: int
    partial_close: int


def reserve(amount: N, price: N, leverage: N, market: Market[N]) -> N:
    """F, the taker fee at the bankruptcy price of the chosen leverage: linear q*E*(1 - s/L)*f, inverse (q/E)*(1 + s/L)*f.

    On the entry price whatever the base of the margins is. H2, H3, H10; recorded (SOL 2025, BTCPERP)."""
    if market.inverse:
        return (abs(amount) + amount / leverage) / price * market.taker_rate
    return (abs(amount) - amount / leverage) * price * market.taker_rate


def initial_rate(leverage: N, unit: N) -> N:
    """1 / leverage rounded up to 8 decimals. unit = 1e-8. Grade recorded (usdc-classic-perp-im-ceil, BTC 13x)."""
    return ceil_to(1 / leverage, unit)


def bracket(value: N, tier: N, market: Market[N]) -> int:
    """Row of the position's value with `tier`, the value of its symbol's active orders, added. A value on a bound belongs
    to the row below it. H2, H18; recorded boundary example H8."""
    return row_above(value + tier, market.floors, market.rows)


def base_value(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """The value that maintenance is asked for: at the mark since 2025-09-02, at the entry before. H2."""
    if market.regime == 0:
        return notional(leg.amount, leg.entry, market.inverse)
    return notional(leg.amount, mark, market.inverse)


def closing_fee(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """F of a position (see `reserve`). It is a part of both margins and not added to them again. H3; recorded."""
    return reserve(leg.amount, leg.entry, leg.leverage, market)


def initial_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """IM = value / L + F: isolated on the entry; cross on the mark since 2025-09-02, on the entry before. 1/L rounded up at 8
    decimals. H2; recorded (SOL, XRP, BTC 13x)."""
    value = notional(leg.amount, leg.entry, market.inverse)
    if market.regime == 1 and not leg.isolated:
        value = notional(leg.amount, mark, market.inverse)
    return value * leg.initial_rate + reserve(leg.amount, leg.entry, leg.leverage, market)


def position_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """Money that a position locks: isolated V/L + F + X less what funding took, all that
    its wall holds; cross its IM. H3, H2."""
    if leg.isolated:
        return leg.margin
    return initial_margin(leg, mark, market)


def base_maintenance(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """value * r - d of the tier that value and active orders reach; marginal, continuous together with the orders' own
    maintenance (`order_maintenance`). H8, H9, H18."""
    value = base_value(leg, mark, market)
    return marginal_maintenance(value, bracket(value, leg.tier, market), market)


def maintenance_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """MM = value * r - d + F. H2, H8; recorded (XRP, ETH, LTC, BTC, AAVE, ADA)."""
    return base_maintenance(leg, mark, market) + reserve(leg.amount, leg.entry, leg.leverage, market)


def fee_at_bankruptcy(leg: Leg[N], market: Market[N]) -> N:
    """Taker fee at the leg's own bankruptcy price: F when no money was added or lost. Grade derived (section 3 of the rules:
    what is left above B is compared with the base maintenance)."""
    side = side_of(leg.amount)
    value = notional(leg.amount, leg.entry, market.inverse)
    if market.inverse:
        at = (value + side * leg.margin) / (1 + side * market.taker_rate)
    else:
        at = (value - side * leg.margin) / (1 - side * market.taker_rate)
    return max(zero(at), at) * market.taker_rate


def last_fee(leg: Leg[N], market: Market[N]) -> N:
    """What closing will cost at last: of an isolated leg at its own bankruptcy price, of a cross leg F. H3; grade derived."""
    if leg.isolated:
        return fee_at_bankruptcy(leg, market)
    return reserve(leg.amount, leg.entry, leg.leverage, market)


def headroom_line(leg: Leg[N], price: N, market: Market[N]) -> Line[N]:
    """The line of profit less requirement of a leg near `price`, in its settle coin: of an isolated leg less the fee at its own
    bankruptcy price, of a cross leg less F. [H2, H3; as `assess_pool`]"""
    fee = last_fee(leg, market)
    value = base_value(leg, price, market)
    row = bracket(value, leg.tier, market)
    none = zero(price)
    if market.regime == 0:
        return line_of(leg, none, -marginal_maintenance(value, row, market) - fee, market.inverse, none, none)
    most = none
    if row + 1 < market.rows:
        most = market.floors[row + 1] - leg.tier
    least = max(none, market.floors[row] - leg.tier)
    return line_of(leg, market.rates[row], market.deductions[row] - fee, market.inverse, least, most)


def closing_share(side: N, rate: N, inverse: bool) -> N:
    """The closing fee of an order per unit of value and fee rate: linear 1 - s/L, inverse 1 + s/L (`rate` = 1/L), but of an
    inverse sell at least 1/100: at 1x it has no bankruptcy price. H10; the floor recorded (classic BTCUSD, low leverage)."""
    if inverse:
        return max(1 + side * rate, 1 / (zero(rate) + 100))
    return 1 - side * rate


def dearer_side(resting: Resting[N], taker_rate: N, inverse: bool) -> tuple[N, N]:
    """(value, fees per unit of it) of the side whose orders ask for more initial margin: opening fee + closing fee at the
    bankruptcy price of the chosen leverage, linear buy f + f*(1 - 1/L), sell f + f*(1 + 1/L), inverse the other way. H10.

    Contracts that only close the position cost nothing, whatever their price. H23, A19. Of buys and sells only the dearer
    side counts. H24, grade rewrite; open since the reform."""
    one = zero(resting.leverage) + 1
    buying = taker_rate * (1 + closing_share(one, 1 / resting.leverage, inverse))
    selling = taker_rate * (1 + closing_share(-one, 1 / resting.leverage, inverse))
    bought = resting.new_buys * (resting.initial_rate + buying)
    if bought >= resting.new_sells * (resting.initial_rate + selling):
        return resting.new_buys, buying
    return resting.new_sells, selling


def order_margin(resting: Resting[N], mark: N, market: Market[N]) -> N:
    """IM of resting orders on top of the position's own: value/L + opening fee + closing fee of the dearer side (see
    `dearer_side`). H10; recorded (XRP). Of spot orders none by themselves (grade memory: what is borrowed for them is a debt
    once they trade)."""
    if market.spot:
        return zero(mark)
    value, fees = dearer_side(resting, market.taker_rate, market.inverse)
    return value * (resting.initial_rate + fees)


def order_maintenance(resting: Resting[N], held: N, market: Market[N]) -> N:
    """MM of resting orders: value * r + opening fee + closing fee, r of the tier that position and orders reach together,
    without its deduction; `held`: value of the position as maintenance counts it. H10; recorded (uta-cross-xrp)."""
    value, fees = dearer_side(resting, market.taker_rate, market.inverse)
    row = row_above(held + value, market.floors, market.rows)
    return value * (market.rates[row] + fees)


def assess_pool(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """Cross, in USD: balance = coins (wallet - borrowed + profit) after their ratios, requirement = maintenance of positions,
    orders and debts, less the order loss. H1, A2, H17; recorded (see `assess_account`). Isolated, in the settle coin: balance
    = V/L + F + X + profit, requirement = base MM + the fee at the leg's bankruptcy price. H3 (see `assess_leg`)."""
    if len(pool.wallets) > 0:
        return assess_account(pool, marks, markets)
    return assess_leg(pool, marks, markets)


def assess_leg(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """balance = V/L + F + X + profit, requirement = base MM + fee at the leg's own bankruptcy price: they meet exactly at the
    published liquidation price. H3, H2; grade derived. A coin without legs has its cash."""
    balance = pool.cash + pool.outside_pnl
    initial = pool.outside_initial
    maintenance = pool.outside_maintenance
    scale = abs(pool.cash)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        market = markets[leg.market]
        mark = marks[leg.market]
        balance += unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
        initial += initial_margin(leg, mark, market)
        maintenance += base_maintenance(leg, mark, market) + last_fee(leg, market)
        scale += notional(leg.amount, mark, market.inverse)
    return PoolMargin(balance, initial, maintenance, maintenance + pool.outside_fee, scale)


def assess_account(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """All in USD. balance = sum of coins (wallet - borrowed + profit) after their ratios, a negative equity in full, less the
    haircut loss of resting spot orders (which the venue prints apart: totalMarginBalance is without it); initial and
    maintenance = positions + active orders + debts, at the plain index; requirement = maintenance - order loss, so that
    it meets the balance where accountMMRate = maintenance / (balance + order loss) is 1. H1, A2, H7, H17; recorded.

    A debt is what was borrowed and what a running loss takes beyond the wallet; slice by slice at the loan tiers. A14; the
    sum of both grade memory. The interest-free quota is not modelled."""
    balance = pool.cash + pool.outside_pnl
    initial = pool.outside_initial
    maintenance = pool.outside_maintenance
    loss = pool.outside_fee
    scale = abs(pool.cash)
    for w in range(len(pool.wallets)):
        index = marks[pool.wallets[w].place]
        coin = assess_wallet(pool, w, marks, markets)
        balance += coin.balance * index
        initial += coin.initial * index
        maintenance += coin.maintenance * index
        scale += coin.scale * index
    for i in range(len(pool.rests)):
        index = marks[pool.wallets[pool.rests[i].wallet].place]
        if pool.rests[i].base >= 0:
            balance -= haircut_loss(pool, i, marks, markets)
            scale += abs(pool.rests[i].amount) * pool.rests[i].price * index
            continue
        order = assess_order(pool, i, marks, markets)
        initial += order.initial * index
        maintenance += order.maintenance * index
        loss += (order.requirement - order.maintenance) * index
        scale += order.scale * index
    return PoolMargin(balance, initial, maintenance, maintenance + loss, scale)


def assess_wallet(pool: Pool[N], w: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """One coin with the legs that settle in it and its debt, in the coin: what it counts and what they need. H1, H7; recorded
    (collateral-multi-coin-2024). Legs as in `initial_margin` and `maintenance_margin`, written out for speed."""
    wallet = pool.wallets[w]
    none = zero(wallet.balance)
    pnl = none
    initial = wallet.outside_initial
    maintenance = wallet.outside_maintenance + wallet.outside_fee
    scale = abs(wallet.balance) + wallet.borrowed
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        market = markets[leg.market]
        if leg.wallet != w or market.spot:
            continue
        if market.inverse:
            at_entry = leg.amount / leg.entry
            at_mark = leg.amount / marks[leg.market]
            pnl += at_entry - at_mark
            fee = (abs(at_entry) + at_entry / leg.leverage) * market.taker_rate
        else:
            at_entry = leg.amount * leg.entry
            at_mark = leg.amount * marks[leg.market]
            pnl += at_mark - at_entry
            fee = (abs(at_entry) - at_entry / leg.leverage) * market.taker_rate
        value = abs(at_mark)
        scale += value
        if market.regime == 0:
            value = abs(at_entry)
        row = row_above(value + leg.tier, market.floors, market.rows)
        initial += value * leg.initial_rate + fee
        maintenance += value * market.rates[row] - market.deductions[row] + fee
    debt = owed(wallet, pnl)
    if debt > 0:
        initial += sliced(debt, wallet.loan_rows, wallet.loan_floors, wallet.loan_initial)
        maintenance += sliced(debt, wallet.loan_rows, wallet.loan_floors, wallet.loan_maintenance)
    return PoolMargin(counted(wallet, wallet.balance - wallet.borrowed + pnl), initial, maintenance, maintenance, scale)


def haircut_loss(pool: Pool[N], i: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """Haircut loss of one resting spot order, in USD: collateral value of what it sells less that of what it brings, where it
    is a loss. It comes off the balance of both rates and off what is available. H1, A2; how it is summed grade derived."""
    return exchange_loss(pool, i, marks, markets, False)


def assess_order(pool: Pool[N], i: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """One resting order, in its settle coin: the loss it would open with (requirement - maintenance), and if it leads the
    orders of its leg, what they need together. H10, H17."""
    rest = pool.rests[i]
    market = markets[rest.market]
    mark = marks[rest.market]
    none = zero(mark)
    lost = open_loss(rest.amount, rest.price, mark, market.inverse)
    if not rest.leads:
        return PoolMargin(none, none, none, lost, lost)
    resting = together(rest)
    maintenance = order_maintenance(resting, held_value(pool, rest, mark, market), market)
    initial = order_margin(resting, mark, market)
    return PoolMargin(none, initial, maintenance, maintenance + lost, lost + rest.buys + rest.sells)


def together(rest: Rest[N]) -> Resting[N]:
    """The resting orders of one leg together, as the order that leads them tells."""
    none = zero(rest.price)
    return Resting(
        rest.market,
        rest.held,
        rest.buys,
        rest.sells,
        rest.initial_rate,
        rest.leverage,
        rest.new_buys,
        rest.new_sells,
        none,
        none,
        False,
    )


def held_value(pool: Pool[N], rest: Rest[N], mark: N, market: Market[N]) -> N:
    """The value, as maintenance counts it, of the position that resting orders choose a tier with; none where none is held."""
    if rest.leg < 0:
        return zero(mark)
    return base_value(pool.legs[rest.leg], mark, market)


def order_line(pool: Pool[N], i: int, price: N, markets: Sequence[Market[N]]) -> Line[N]:
    """The line of what one resting order takes off the headroom near `price`, over the price or one over it: the loss that it
    would open with, and if it leads the orders of its leg, their maintenance. [H10, H17; as `assess_order`]

    It bends where the price passes the order's own, and where the position beside it passes a floor of the table."""
    rest = pool.rests[i]
    market = markets[rest.market]
    none = zero(price)
    turn = notional(rest.amount, rest.price, market.inverse)
    beyond = notional(rest.amount, price, market.inverse) > turn
    loses_beyond = (rest.amount < 0) != market.inverse
    base = none
    slope = none
    if beyond == loses_beyond and market.inverse:
        base = rest.amount / rest.price
        slope = -rest.amount
    elif beyond == loses_beyond:
        base = -rest.amount * rest.price
        slope = rest.amount
    least = none
    most = none
    if beyond:
        least = turn
    else:
        most = turn
    if not rest.leads:
        return Line(base, slope, least, most)
    resting = together(rest)
    held = held_value(pool, rest, price, market)
    base -= order_maintenance(resting, held, market)
    if rest.leg < 0 or market.regime == 0:
        return Line(base, slope, least, most)
    ordered = dearer_side(resting, market.taker_rate, market.inverse)[0]
    row = row_above(held + ordered, market.floors, market.rows)
    scale = abs(rest.amount / pool.legs[rest.leg].amount)
    least = max(least, (market.floors[row] - ordered) * scale)
    if row + 1 < market.rows:
        top = (market.floors[row + 1] - ordered) * scale
        if most == 0 or top < most:
            most = top
    return Line(base, slope, least, most)


def is_liquidatable(balance: N, requirement: N) -> bool:
    """Liquidation when accountMMRate reaches 100 %, or the mark an isolated leg's price: balance <= requirement. H4, H3.

    A pool without a requirement has nothing to liquidate."""
    return requirement > 0 and balance <= requirement


def available_balance(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """Cross: margin balance - total IM, orders inside it, running profit counted; it may be negative. A2, H28. Isolated: the
    coin's cash outside the locked margins less order IM: running profit does not help. A2, H6."""
    if len(pool.wallets) > 0:
        return margin.balance - margin.initial
    return margin.balance - margin.initial - cross_orders - isolated_orders


def withdrawable(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What is available, profit left out: transferable counts min(running profit, 0) only. A13."""
    return max(zero(margin.balance), available_balance(pool, margin, cross_orders, isolated_orders))


def order_cost(amount: N, price: N, mark: N, rate: N, market: Market[N]) -> N:
    """Cost of one order alone = value/L + opening fee + closing fee, `rate` = 1/L. H10."""
    share = closing_share(side_of(amount), rate, market.inverse)
    return notional(amount, price, market.inverse) * (rate + market.taker_rate + market.taker_rate * share)


def bankruptcy_price(leg: Leg[N], cash: N, market: Market[N]) -> Found[N]:
    """B: where the leg's own money is gone after the taker fee at B. Linear B = (V - s*cash) / (q*(1 - s*f)), inverse
    q/B = (V + s*cash) / (1 + s*f); with cash = V/L + F + X this is E*(1 - s/L) - s*X/(q*(1 - s*f)). H3, H26, H27."""
    side = side_of(leg.amount)
    value = notional(leg.amount, leg.entry, market.inverse)
    if market.inverse:
        depth = value + side * cash
        if depth <= 0:
            return no_price(cash)
        return Found(True, abs(leg.amount) * (1 + side * market.taker_rate) / depth)
    price = (value - side * cash) / (abs(leg.amount) * (1 - side * market.taker_rate))
    if price <= 0:
        return no_price(cash)
    return Found(True, price)


def liquidation_fee(leg: Leg[N], price: N, market: Market[N]) -> N:
    """None apart from the taker fee, which was reserved at B. H15; grade derived."""
    return zero(price)


def margin_bounds(
    leg: Leg[N], mark: N, market: Market[N], pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N
) -> tuple[N, N]:
    """(most that can be added, most that can be removed): the available balance; what was added, as far as it is not lost.

    A5, H25: no more out than V/L + F leaves; whether profit could leave as well is open (grade memory)."""
    locked = notional(leg.amount, leg.entry, market.inverse) / leg.leverage
    locked += reserve(leg.amount, leg.entry, leg.leverage, market)
    add = available_balance(pool, margin, cross_orders, isolated_orders)
    return max(zero(mark), add), max(zero(mark), leg.margin - locked)


def margin_at_fill(amount: N, price: N, leverage: N, rate: N, market: Market[N]) -> N:
    """Money locked in an isolated position when `amount` is opened: V/L + F with the exact 1/L; `rate` unused. H3, A1."""
    return notional(amount, price, market.inverse) / leverage + reserve(amount, price, leverage, market)


def margin_on_leverage(leg: Leg[N], leverage: N, market: Market[N], reading: Reading) -> N:
    """Money that enters (+) or leaves (-) an isolated leg when its leverage changes: what is missing to V/L + F of the new
    one, so that added margin is reset to nothing. A5, H13 (the classic FAQ)."""
    value = notional(leg.amount, leg.entry, market.inverse)
    return value / leverage + reserve(leg.amount, leg.entry, leverage, market) - leg.margin


def funding_payment(amount: N, mark: N, rate: N, inverse: bool) -> N:
    """Cash paid (+) or received (-): s * value at the mark * rate; longs pay a positive rate. H14; recorded."""
    return side_of(amount) * notional(amount, mark, inverse) * rate


def funding_split(payment: N, leg: Leg[N], free: N) -> tuple[N, N]:
    """(from the cash, from the leg's own money): the available balance `free` pays first, an isolated leg only the rest. H14.

    What is received goes to the cash; where it goes is open (grade memory)."""
    if not leg.isolated or payment <= free:
        return payment, zero(payment)
    first = max(zero(payment), free)
    return first, payment - first


def opening_fee_split(fee: N, isolated: bool) -> tuple[N, N]:
    """(from the cash, from the leg's own money): the opening fee leaves the cash. A15; recorded."""
    return fee, zero(fee)


def borrowable(
    pool: Pool[N], margin: PoolMargin[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> N:
    """Most units of a coin that can be borrowed: what is free of initial margin over what each unit needs beside it, the
    initial rate of the loan and what of the coin itself does not count. A14; grade derived."""
    wallet = pool.wallets[at]
    room = margin.balance - margin.initial
    if room <= 0 or wallet.loan_rows == 0 or wallet.rows == 0:
        return zero(room)
    row = row_above(wallet.borrowed, wallet.loan_floors, wallet.loan_rows)
    share = wallet.loan_initial[row] + 1 - wallet.ratios[0]
    if share <= 0:
        return zero(room)
    return room / (share * marks[wallet.place])
