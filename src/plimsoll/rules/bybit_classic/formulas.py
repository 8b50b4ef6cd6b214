"""Bybit accounts before the unified one: what a pool is worth and what it needs, in the rule language.

Symbols: s side (+1 long, -1 short), q size in coins (linear), c face in USD (inverse), E average entry, P mark, L leverage,
f taker fee rate, r and ded rate and deduction of the tier, V value at entry (linear q*E, inverse c/E), F closing-fee
reserve, X added margin, M money inside an isolated wall (V/L + F + X), B bankruptcy price, W the cash behind a cross leg.
Margins stand on the entry price, so that requirements do not move with the mark. Source keys (H3, A7 ...) are spelled out
in `people.SOURCES`. Grade `doc` unless a docstring says otherwise. Refuses to know: which positions exist, what anything is
called, how it is printed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from plimsoll.number import N, zero
from plimsoll.rules.columns import Found, Leg, Line, Market, Pool, PoolMargin, Resting, Standing, Sums
from plimsoll.rules.common import gross_value, no_price, notional, row_above, side_of, unrealised_pnl

__all__ = ["notional", "unrealised_pnl"]


class Reading(NamedTuple):
    """The unpublished choices, each an index into the options that the table names; 0 is the default.

    cut_to: 0 any_lower_tier, 1 next_lower_tier (see `procedure.cut`). partial_close: 0 pro_rata_release."""

    cut_to: int
    partial_close: int


def bracket(value: N, tier: N, market: Market[N]) -> int:
    """Row that holds `tier`, the leg's value at entry with the orders that would enlarge it: floor exclusive, cap inclusive,
    above the last cap the last row. H18, H11. `value`, at the mark, is unused: no price moves a leg to another row."""
    return row_above(tier, market.floors, market.rows)


def entry_value(leg: Leg[N], market: Market[N]) -> N:
    """V: linear q*E, inverse c/E, in the settle asset. H3, H26."""
    return notional(leg.amount, leg.entry, market.inverse)


def reserve(value: N, side: N, leverage: N, market: Market[N]) -> N:
    """F = V * (1 - s/L) * f, inverse V * (1 + s/L) * f: the taker fee at the bankruptcy price of the selected leverage. H2,
    H10; recorded to 1e-8."""
    if market.inverse:
        return value * (1 + side / leverage) * market.taker_rate
    return value * (1 - side / leverage) * market.taker_rate


def closing_fee(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """F, the closing-fee reserve: a part of both margins, not added to them. H2, H10; recorded (12 positions)."""
    return reserve(entry_value(leg, market), side_of(leg.amount), leg.leverage, market)


def initial_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """IM = V * ceil8(1/L) + F, at entry in both margin modes. H3, H10; the rounding recorded."""
    return entry_value(leg, market) * leg.initial_rate + closing_fee(leg, mark, market)


def base_at(value: N, row: int, market: Market[N]) -> N:
    """value * r - ded of a row, without the closing-fee reserve. H9, H27; the risk limits of 2018 to 2022 print no ded."""
    return value * market.rates[row] - market.deductions[row]


def base_needed(value: N, tier: N, market: Market[N]) -> N:
    """V * r - ded of the row that V and the orders reach. H18, H9. At least that of the row of V alone: where rows have
    deductions, a higher row would ask less of the same position (grade derived: orders never lower what is needed)."""
    alone = base_at(value, row_above(value, market.floors, market.rows), market)
    if tier == value:
        return alone
    return max(alone, base_at(value, row_above(tier, market.floors, market.rows), market))


def base_maintenance(leg: Leg[N], market: Market[N]) -> N:
    """V * r - ded of a leg. H18, H9."""
    return base_needed(entry_value(leg, market), leg.tier, market)


def maintenance_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """MM = V * r - ded + F, at entry. H8, H9; recorded (SOLPERP 1.371254)."""
    return base_maintenance(leg, market) + closing_fee(leg, mark, market)


def position_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """Money that a position locks: isolated M; cross V/L + F + max(0, loss at the mark). Recorded (`positionBalance`, five
    positions to 1e-8)."""
    if leg.isolated:
        return leg.margin
    own = entry_value(leg, market) / leg.leverage + closing_fee(leg, mark, market)
    return own - min(zero(mark), unrealised_pnl(leg.amount, leg.entry, mark, market.inverse))


def net_bankruptcy(amount: N, cost: N, money: N, market: Market[N]) -> Found[N]:
    """B, where `money` is gone after the taker fee at B. `amount`: signed; `cost`: amount*E (linear) or amount/E (inverse),
    summed over the legs of a symbol.

    Linear (cost - money) / (amount * (1 - s*f)); inverse amount * (1 + s*f) / (cost + money). H3, H27; recorded."""
    if amount == 0:
        return no_price(money)
    fee = side_of(amount) * market.taker_rate
    if market.inverse:
        depth = cost + money
        if depth * amount <= 0:
            return no_price(money)
        return Found(True, amount * (1 + fee) / depth)
    price = (cost - money) / (amount * (1 - fee))
    if price <= 0:
        return no_price(money)
    return Found(True, price)


def cost_of(leg: Leg[N], market: Market[N]) -> N:
    """Signed value at entry: linear amount*E, inverse amount/E. Profit is amount*P - cost, inverse cost - amount/P. H3."""
    if market.inverse:
        return leg.amount / leg.entry
    return leg.amount * leg.entry


def bankruptcy_price(leg: Leg[N], cash: N, market: Market[N]) -> Found[N]:
    """B of a leg with `cash` behind it alone: M in isolated, W in cross. H3, H27; recorded.

    Without added margin E*(1 - s/L), inverse E*L/(L + s): the fee never enters it."""
    return net_bankruptcy(leg.amount, cost_of(leg, market), cash, market)


def fee_at_bankruptcy(amount: N, cost: N, money: N, market: Market[N]) -> N:
    """Taker fee of closing `amount` at B; nothing where no positive price exists. H3 (the reserve pays it)."""
    found = net_bankruptcy(amount, cost, money, market)
    if not found.found:
        return zero(money)
    return notional(amount, found.price, market.inverse) * market.taker_rate


def isolated_requirement(leg: Leg[N], market: Market[N]) -> N:
    """What the isolated wall, M + profit, is compared with: V*r - ded + taker fee at the wall's own B, so that it fails at
    LP = B + s*(E*r - ded/q), inverse c / (c/B - s*(V*r - ded)). H3, H26, H27; recorded (26 prices)."""
    return base_maintenance(leg, market) + fee_at_bankruptcy(leg.amount, cost_of(leg, market), leg.margin, market)


def headroom_line(leg: Leg[N], price: N, market: Market[N]) -> Line[N]:
    """The one line of profit less requirement over the price (inverse: over one over it): margins stand on the entry. H3,
    H27."""
    needed = maintenance_margin(leg, price, market)
    if leg.isolated:
        needed = isolated_requirement(leg, market)
    none = zero(price)
    if market.inverse:
        return Line(cost_of(leg, market) - needed, -leg.amount, none, none)
    return Line(-cost_of(leg, market) - needed, leg.amount, none, none)


def largest(legs: Sequence[Leg[N]]) -> int:
    """Index of the leg with the most coins or face: of a long and a short of one symbol the one that is not balanced. H11."""
    best = 0
    for i in range(1, len(legs)):
        if abs(legs[i].amount) > abs(legs[best].amount):
            best = i
    return best


def net_amount(legs: Sequence[Leg[N]], start: N) -> N:
    """Signed sum of the amounts of one symbol: only the net side is exposed. H11. `start` gives the number type."""
    total = zero(start)
    for i in range(len(legs)):
        total += legs[i].amount
    return total


def net_cost(legs: Sequence[Leg[N]], markets: Sequence[Market[N]], start: N) -> N:
    """Sum of the signed values at entry. H3. `start` gives the number type."""
    total = zero(start)
    for i in range(len(legs)):
        total += cost_of(legs[i], markets[legs[i].market])
    return total


def taken_beside(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """What the legs beside a symbol lock of the wallet. Recorded, as `position_margin`."""
    taken = pool.locked
    for i in range(len(pool.beside)):
        leg = pool.beside[i]
        taken += position_margin(leg, marks[leg.market], markets[leg.market])
    return taken


def backing(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """W = wallet - order margin - what the legs beside lock. Recorded (ETHUSDT 16967.25 / 16961.00 to the tick); several
    symbols: rewrite."""
    return pool.cash - pool.reserved - taken_beside(pool, marks, markets)


def assess_cash(pool: Pool[N], sums: Sums[N]) -> PoolMargin[N]:
    """The cash of an asset, which no position fails with: balance = cash - order margin - running losses of the cross legs,
    initial = sum(V/L + F). Running profit is in neither. Recorded (available 8436.20247873)."""
    return PoolMargin(
        pool.cash - pool.reserved + pool.outside_pnl - sums.loss,
        pool.outside_initial + sums.locked,
        pool.outside_maintenance + sums.maintenance,
        pool.outside_maintenance + pool.outside_fee,
        abs(pool.cash) + sums.scale,
    )


def shared_margin(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """The cash of an asset with the cross legs that stand on it, added up. Recorded as `assess_cash`."""
    gain = zero(pool.cash)
    loss = zero(pool.cash)
    locked = zero(pool.cash)
    maintenance = zero(pool.cash)
    scale = zero(pool.cash)
    for i in range(len(pool.beside)):
        leg = pool.beside[i]
        market = markets[leg.market]
        mark = marks[leg.market]
        pnl = unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
        gain += pnl
        loss -= min(zero(mark), pnl)
        locked += entry_value(leg, market) / leg.leverage + closing_fee(leg, mark, market)
        maintenance += maintenance_margin(leg, mark, market)
        scale += notional(leg.amount, mark, market.inverse) + entry_value(leg, market)
    return assess_cash(pool, Sums(gain, loss, locked, maintenance, scale))


def standing(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> Standing[N]:
    """The margins of the cross legs of one symbol, at entry, so that no mark moves them: V/L + F is locked of each, the net
    side has to hold MM and counts F. H3, H10, H11. Both sides of a symbol: the larger leg's margins by its unbalanced share,
    grade memory (H11 says that only the net side is exposed)."""
    none = zero(pool.cash)
    first = pool.legs[largest(pool.legs)]
    market = markets[first.market]
    size = entry_value(first, market)
    side = side_of(first.amount)
    fee = reserve(size, side, first.leverage, market)
    locked = size / first.leverage + fee
    initial = size * first.initial_rate + fee
    needed = base_needed(size, first.tier, market) + fee
    amount = first.amount
    cost = side * size
    if len(pool.legs) > 1:
        amount = net_amount(pool.legs, none)
        cost = net_cost(pool.legs, markets, none)
        share = abs(amount) / abs(first.amount)
        needed = needed * share
        fee = fee * share
        size = none
        locked = none
        initial = none
        for i in range(len(pool.legs)):
            leg = pool.legs[i]
            value = entry_value(leg, market)
            size += value
            locked += value / leg.leverage + reserve(value, side_of(leg.amount), leg.leverage, market)
            initial += initial_margin(leg, marks[leg.market], market)
    base, slope = fee_line(amount, cost, market)
    if market.inverse:
        cost = -cost
    return Standing(none, none, locked, initial, needed, fee, fee, cost, base, slope, size)


def fee_line(amount: N, cost: N, market: Market[N]) -> tuple[N, N]:
    """(base, slope) of the taker fee at B over the money W behind a symbol, nothing where it is below zero: linear
    s*f*(cost - W) / (1 - s*f), inverse s*f*(cost + W) / (1 + s*f). H3, as `net_bankruptcy`."""
    if amount == 0:
        return zero(cost), zero(cost)
    fee = side_of(amount) * market.taker_rate
    if market.inverse:
        return fee * cost / (1 + fee), fee / (1 + fee)
    return fee * cost / (1 - fee), -fee / (1 - fee)


def assess_apart(
    pool: Pool[N], stand: Standing[N], gain: N, taken: N, marks: Sequence[N], markets: Sequence[Market[N]]
) -> PoolMargin[N]:
    """The cross legs of one symbol: requirement = MM of the net side; balance = W + profits + (F of the net side - taker fee
    at B), so that one leg fails at LP = B + s*(E*r - ded/q), inverse c / (c/E + s*(W - V*r + ded - fee at B)). H27; linear
    recorded. `gain`: the profits; `taken`: what the legs beside lock of the wallet."""
    money = pool.cash - pool.reserved - taken
    kept = stand.kept
    fee = stand.cut_base + stand.cut_slope * money
    if fee > 0:
        kept -= fee
    scale = abs(pool.cash) + stand.size
    if len(pool.legs) == 1:
        scale += abs(gain + stand.cost)
    else:
        scale += gross_value(pool.legs, marks, markets, money)
    return PoolMargin(money + gain + kept, stand.initial, stand.maintenance, stand.maintenance, scale)


def symbol_margin(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """The cross legs of one symbol on what those beside leave of the wallet. H27, as `assess_apart`."""
    gain = zero(pool.cash)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        gain += unrealised_pnl(leg.amount, leg.entry, marks[leg.market], markets[leg.market].inverse)
    taken = taken_beside(pool, marks, markets)
    margin = assess_apart(pool, standing(pool, marks, markets), gain, taken, marks, markets)
    scale = margin.scale
    for i in range(len(pool.beside)):
        leg = pool.beside[i]
        scale += notional(leg.amount, marks[leg.market], markets[leg.market].inverse) + entry_value(leg, markets[leg.market])
    return PoolMargin(margin.balance, margin.initial, margin.maintenance, margin.requirement, scale)


def assess_pool(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """Four kinds of pool: an isolated wall (balance M + profit, see `isolated_requirement`), the cross legs of one symbol
    (`symbol_margin`), an asset's shared cash (`shared_margin`), and the legs of a USDC account, which pool their profits:
    balance = cash + sum(profit), requirement = sum(MM). H3, H27; the last grade derived (recorded: available = equity - IM)."""
    if pool.apart:
        return symbol_margin(pool, marks, markets)
    if len(pool.legs) == 0:
        return shared_margin(pool, marks, markets)
    balance = pool.cash - pool.reserved + pool.outside_pnl
    initial = pool.outside_initial
    maintenance = pool.outside_maintenance
    requirement = pool.outside_maintenance + pool.outside_fee
    scale = abs(pool.cash)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        market = markets[leg.market]
        mark = marks[leg.market]
        own = maintenance_margin(leg, mark, market)
        balance += unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
        initial += initial_margin(leg, mark, market)
        maintenance += own
        if leg.isolated:
            own = isolated_requirement(leg, market)
        requirement += own
        scale += notional(leg.amount, mark, market.inverse) + entry_value(leg, market)
    return PoolMargin(balance, initial, maintenance, requirement, scale)


def is_liquidatable(balance: N, requirement: N) -> bool:
    """Liquidation when the mark reaches LP, equality included. H3, H11.

    A pool without a requirement has nothing to liquidate."""
    return requirement > 0 and balance <= requirement


def available_balance(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What new orders may use: max(0, wallet - position margins - order margins), running profit excluded; USDC: max(0, equity
    - IM). Recorded (8436.20247873 USDT, 66830.98384815 USDT, 1246.7387871 USDC). Order margin is off the cash already."""
    return max(zero(margin.balance), margin.balance - margin.initial)


def withdrawable(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What may leave: the available balance, without running profit. Grade memory (A13 says so of the unified account)."""
    settled = pool.cash - pool.reserved - margin.initial
    return max(zero(margin.balance), min(settled, margin.balance - margin.initial))


def open_loss(amount: N, price: N, mark: N, inverse: bool) -> N:
    """An order asks nothing for the distance of its price from the mark: its cost is margin and fees. H10."""
    return zero(mark)


def order_rate(side: N, rate: N, market: Market[N]) -> N:
    """Cost of an order per unit of its value: 1/L + opening fee + closing fee = 1/L + f + f*(1 - s/L), inverse
    f*(1 + s/L), of an inverse sell at least f/100. H10; recorded (BTCUSD 0.00004279; low leverage)."""
    leverage_share = side * rate
    if not market.inverse:
        leverage_share = -leverage_share
    closing = 1 + leverage_share
    if market.inverse and closing * 100 < 1:
        closing = 1 / (zero(rate) + 100)
    return rate + market.taker_rate + market.taker_rate * closing


def order_margin(resting: Resting[N], mark: N, market: Market[N]) -> N:
    """Margin of resting orders: the dearer of the buy and the sell side, each the value at its own prices beyond what only
    closes the position, times the cost of `order_rate`. H23, H24 (the larger side: rewrite); that closing is free: memory."""
    one = zero(resting.initial_rate) + 1
    buys = resting.new_buys * order_rate(one, resting.initial_rate, market)
    sells = resting.new_sells * order_rate(-one, resting.initial_rate, market)
    return max(buys, sells)


def order_cost(amount: N, price: N, mark: N, rate: N, market: Market[N]) -> N:
    """Cost of one order alone: value at its price * (1/L + opening and closing fee). H10."""
    return notional(amount, price, market.inverse) * order_rate(side_of(amount), rate, market)


def liquidation_fee(leg: Leg[N], price: N, market: Market[N]) -> N:
    """Taker fee of a forced close of the whole leg at `price`; there is no further one. H15; grade derived."""
    return notional(leg.amount, price, market.inverse) * market.taker_rate


def margin_bounds(
    leg: Leg[N], mark: N, market: Market[N], pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N
) -> tuple[N, N]:
    """(most that can be added, most that can be removed) for an isolated leg; `pool`, `margin` of its asset's cash.

    add = available balance without profit (A5, A7); remove = max(0, min(M - V/L - F, M + profit - requirement)): no more than
    was added, and not into liquidation. The lower bound is an open question of the rules: grade memory."""
    add = withdrawable(pool, margin, cross_orders, isolated_orders)
    own = entry_value(leg, market) / leg.leverage + closing_fee(leg, mark, market)
    pnl = unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
    remove = min(leg.margin - own, leg.margin + pnl - isolated_requirement(leg, market))
    return add, max(zero(mark), remove)


def margin_at_fill(amount: N, price: N, leverage: N, rate: N, market: Market[N]) -> N:
    """Money that enters an isolated wall when `amount` is opened: value at the fill / L + F, per fill. H3; recorded (position
    margin 0.36592896, 11.84788704). `rate` is unused: the wall takes the exact 1/L."""
    value = notional(amount, price, market.inverse)
    return value / leverage + reserve(value, side_of(amount), leverage, market)


def margin_on_leverage(leg: Leg[N], leverage: N, market: Market[N], reading: Reading) -> N:
    """Money that enters (+) or leaves (-) an isolated leg when its leverage changes: the wall becomes V/L + F of the new
    leverage, added margin falls to zero. H25."""
    value = entry_value(leg, market)
    return value / leverage + reserve(value, side_of(leg.amount), leverage, market) - leg.margin


def funding_payment(amount: N, mark: N, rate: N, inverse: bool) -> N:
    """Cash paid (+) or received (-): s * value at the mark * rate; longs pay a positive rate. H14."""
    return side_of(amount) * notional(amount, mark, inverse) * rate


def funding_split(payment: N, leg: Leg[N], free: N) -> tuple[N, N]:
    """(from the cash, from the leg's own money): the available balance pays first, then the position margin, which may even
    go negative while profit covers it; LP moves only then. H14. What is received goes to the cash: grade memory."""
    if leg.isolated and payment > 0:
        first = min(payment, max(zero(free), free))
        return first, payment - first
    return payment, zero(payment)


def opening_fee_split(fee: N, isolated: bool) -> tuple[N, N]:
    """(from the cash, from the leg's own money): the opening fee leaves the cash in both modes; the wall keeps V/L + F.
    Recorded (position margins to 1e-8)."""
    return fee, zero(fee)
