"""dYdX v4: the liquidation of a subaccount as steps, in the rule language. CLOB.

In each block a subaccount whose NC is below its MMR sends an order for one position, at the fillable price or better, for at
most a share of it; what the fill brings beyond the bankruptcy price goes to the insurance fund up to the fee, what it lacks the
fund pays. If nobody fills and NC is below zero, an offsetting account takes the position at the bankruptcy price. Blocks come
about once a second: here they follow each other at one oracle price until the subaccount holds or is empty (grade derived). No
order is cancelled: a resting order is looked at again when it fills.
"""

from collections.abc import Sequence

from plimsoll.number import N, floor_to, zero
from plimsoll.rules.columns import HOLD, REDUCE, TAKE_OVER, Leg, Market, Pool, PoolMargin, Step
from plimsoll.rules.common import side_of
from plimsoll.rules.dydx.formulas import (
    Reading,
    bankruptcy_price_of,
    bankruptcy_quote,
    down,
    fillable_price,
    is_liquidatable,
    value,
)


def fills_at(leg: Leg[N], margin: PoolMargin[N], mark: N, fill: N, market: Market[N]) -> bool:
    """Whether somebody takes the order (fill 0: nobody) at its fillable price or better. CLOB."""
    return fill > 0 and (fill - fillable_price(leg, margin, mark, market)) * side_of(leg.amount) >= 0


def in_one_block(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """Units that one block may close: worth the share of the position, at least the smallest, at most the largest notional,
    in whole steps down, at least one step; all of it where that is no more. CLOB.

    terms: 5 the share of a position, 6 and 7 the smallest and the largest notional in USDC (0: none)."""
    size = abs(leg.amount)
    worth = value(size, mark, market)
    most = max(market.terms[5] * worth, market.terms[6])
    if market.terms[7] > 0:
        most = min(most, market.terms[7])
    if worth <= most or most <= 0 or size <= market.lot:
        return size
    closed = most / mark
    if market.lot > 0:
        closed = max(market.lot, floor_to(closed, market.lot))
    return min(closed, size)


def first_leg(
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    order: int,
    filling: bool,
) -> int:
    """The leg that goes next, -1 where none does. The chain draws it by lot: order 0 the largest value, 1 the smallest, as the
    ends between which a draw lies. `filling`: only those that somebody takes. CLOB."""
    best = -1
    score = zero(pool.cash)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        at = leg.market
        if filling and not fills_at(leg, margin, marks[at], fills[at], markets[at]):
            continue
        this = value(leg.amount, marks[at], markets[at])
        if order == 1:
            this = -this
        if best < 0 or this > score:
            best = i
            score = this
    return best


def next_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The venue's next act on this subaccount. CLOB. `fills`: the price at which the market takes forced orders, 0: nobody.

    A fill below the bankruptcy price, and a position that nobody fills, leave the subaccount at its bankruptcy price."""
    none = zero(pool.cash)
    if len(pool.legs) == 0 or not is_liquidatable(margin.balance, margin.requirement):
        return Step(HOLD, -1, -1, none, none, none, none)
    first = first_leg(pool, margin, marks, fills, markets, reading.close_order, True)
    if first < 0 and margin.balance >= 0:
        return Step(HOLD, -1, -1, none, none, none, none)
    if first < 0:
        return bankrupt(pool, margin, marks, fills, markets, reading)
    leg = pool.legs[first]
    market = markets[leg.market]
    mark = marks[leg.market]
    fill = fills[leg.market]
    closed = in_one_block(leg, mark, market)
    brought = value(closed, fill, market)
    surplus = side_of(leg.amount) * brought - bankruptcy_quote(leg, closed, margin, mark, market)
    if surplus < 0:
        price = bankruptcy_price_of(leg, abs(leg.amount), margin, mark, market)
        return Step(TAKE_OVER, first, -1, abs(leg.amount), price, none, none)
    fee = min(down(brought * market.liquidation_fee_rate, market), surplus)
    return Step(REDUCE, first, -1, closed, fill, none, fee)


def bankrupt(
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """Nobody fills and NC < 0: the next position goes whole at its bankruptcy price. CLOB."""
    none = zero(pool.cash)
    first = first_leg(pool, margin, marks, fills, markets, reading.close_order, False)
    leg = pool.legs[first]
    price = bankruptcy_price_of(leg, abs(leg.amount), margin, marks[leg.market], markets[leg.market])
    return Step(TAKE_OVER, first, -1, abs(leg.amount), price, none, none)
