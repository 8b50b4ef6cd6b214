"""Bybit accounts before the unified one: the liquidation ladder as steps, in the rule language. H11, H4, H22.

Cancel the orders of the symbol, which may lower the tier; in a higher tier one immediate order for the difference between
the position and a lower tier's cap, where that is enough; otherwise the position is taken over at the bankruptcy price, the
reserve paying the taker fee. Cross positions go symbol by symbol, of a long and a short only what is not balanced.
The unpublished choices are readings.
"""

from collections.abc import Sequence

from plimsoll.number import N, ceil_to, zero
from plimsoll.rules.bybit_classic.formulas import (
    Reading,
    backing,
    base_at,
    cost_of,
    fee_at_bankruptcy,
    is_liquidatable,
    largest,
    net_amount,
    net_bankruptcy,
    net_cost,
)
from plimsoll.rules.columns import CANCEL, HOLD, REDUCE, TAKE_OVER, Leg, Market, Pool, PoolMargin, Step
from plimsoll.rules.common import gross_value, notional, row_above, side_of, spread_price, unrealised_pnl


def room_after(leg: Leg[N], amount: N, money: N, mark: N, fill: N, market: Market[N]) -> N:
    """Headroom of what stays when `amount` is closed at the fill: money + result - taker fee + profit of the rest, less its
    V*r - ded and the taker fee at its B. H3, H11; that the money stays with the rest: grade memory."""
    side = side_of(leg.amount)
    kept = leg.amount - side * amount
    cost = cost_of(leg, market) * abs(kept) / abs(leg.amount)
    left = money + unrealised_pnl(side * amount, leg.entry, fill, market.inverse)
    left -= notional(amount, fill, market.inverse) * market.taker_rate
    needed = base_at(abs(cost), row_above(abs(cost), market.floors, market.rows), market)
    needed += fee_at_bankruptcy(kept, cost, left, market)
    return left + unrealised_pnl(kept, leg.entry, mark, market.inverse) - needed


def cut(leg: Leg[N], money: N, mark: N, fill: N, market: Market[N], cut_to: int) -> N:
    """Amount of the one immediate order, 0 where none helps: value at entry down to the cap of the highest lower tier at which
    the rest holds, in whole lots. cut_to 0: any lower tier; 1: the next one only. H11 ("the lower margin tier value which
    satisfies the margin requirement")."""
    none = zero(money)
    if fill <= 0:
        return none
    value = abs(cost_of(leg, market))
    row = row_above(value, market.floors, market.rows)
    last = row - 1
    while row > 0 and (cut_to == 0 or row > last):
        amount = abs(leg.amount) * (value - market.floors[row]) / value
        if market.lot > 0:
            amount = ceil_to(amount, market.lot)
        if amount > 0 and amount < abs(leg.amount) and room_after(leg, amount, money, mark, fill, market) > 0:
            return amount
        row -= 1
    return none


def money_behind(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """Isolated: the wall's own. Cross: W, at least nothing: where in one instant the others have lost more than all the cash,
    none of it is left to this symbol (grade memory; prices that move on meet each symbol's line before)."""
    if not pool.apart:
        return pool.cash
    money = backing(pool, marks, markets)
    return max(zero(money), money)


def take_over(pool: Pool[N], money: N, marks: Sequence[N], markets: Sequence[Market[N]]) -> Step[N]:
    """The liquidation engine takes the position, of two sides the unbalanced part, at B, and the reserve pays the taker fee
    at B. H3, H11, H22. Where no positive price leaves nothing (an inverse short at 1x): at the mark without a fee, grade
    memory; an isolated wall is emptied then as well."""
    first = largest(pool.legs)
    net = net_amount(pool.legs, money)
    market = markets[pool.legs[first].market]
    found = net_bankruptcy(net, net_cost(pool.legs, markets, money), money, market)
    none = zero(money)
    if not found.found:
        return Step(TAKE_OVER, first, -1, abs(net), marks[pool.legs[first].market], none, none)
    fee = notional(net, found.price, market.inverse) * market.taker_rate
    return Step(TAKE_OVER, first, -1, abs(net), found.price, fee, none)


def take_over_pooled(
    pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]]
) -> Step[N]:
    """A USDC account: the leg with the largest loss first, at the price that gives up the balance evenly. Grade memory."""
    none = zero(pool.cash)
    first = 0
    worst = none
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        pnl = unrealised_pnl(leg.amount, leg.entry, marks[leg.market], markets[leg.market].inverse)
        if i == 0 or pnl < worst:
            first = i
            worst = pnl
    leg = pool.legs[first]
    gross = gross_value(pool.legs, marks, markets, none)
    price = spread_price(leg.amount, marks[leg.market], margin.balance, gross, markets[leg.market].inverse)
    return Step(TAKE_OVER, first, -1, abs(leg.amount), price, none, none)


def next_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The venue's next act on this pool. `stage`: the Stage reached so far; `fills`: the price at which the market takes
    forced orders, per market (0: nobody does). After each act the pool is built anew and asked again."""
    none = zero(pool.cash)
    if len(pool.legs) == 0:
        return Step(HOLD, -1, -1, none, none, none, none)
    pooled = not pool.apart and not pool.legs[0].isolated
    taking = pooled and stage >= 3
    if not taking and not is_liquidatable(margin.balance, margin.requirement):
        return Step(HOLD, -1, -1, none, none, none, none)
    if stage < 1:
        return Step(CANCEL, -1, -1, none, none, none, none)
    if pooled:
        return take_over_pooled(pool, margin, marks, markets)
    money = money_behind(pool, marks, markets)
    if len(pool.legs) == 1:
        leg = pool.legs[0]
        market = markets[leg.market]
        fill = fills[leg.market]
        amount = cut(leg, money, marks[leg.market], fill, market, reading.cut_to)
        if amount > 0:
            return Step(REDUCE, 0, -1, amount, fill, notional(amount, fill, market.inverse) * market.taker_rate, none)
    return take_over(pool, money, marks, markets)
