"""OKX futures and perpetual swaps: the liquidation ladder as steps, in the rule language. S3, S11, S11b.

Cancel the resting orders; in a cross pool offset opposite legs of one instrument; then take the legs one by one, the
neediest first, by tiers. Everything is closed at the price the market takes it (the mark unless told), each time for
the taker fee and a penalty of maintenance rate * closed value (recorded, okx-024). Only where nobody takes it, the
venue takes the legs over at the price that leaves the pool nothing. The unpublished choices are readings.

Known gap: the venue's second phase, reducing delta-neutral combinations across instruments of one index, is not
described anywhere precisely enough to be written (S11, grade rewrite); such legs wait for the third phase.
"""

from collections.abc import Sequence

from plimsoll.number import N, ceil_to, zero
from plimsoll.rules.columns import CANCEL, HOLD, REDUCE, TAKE_OVER, Leg, Market, Pool, PoolMargin, Step
from plimsoll.rules.common import gross_value, notional, row_above, spread_price, unrealised_pnl
from plimsoll.rules.okx_futures.formulas import Reading, is_liquidatable, maintenance_margin, maintenance_rate


def close_score(leg: Leg[N], mark: N, market: Market[N], order: int) -> N:
    """The leg with the highest score goes first. order 0: largest maintenance; 1: largest loss; 2: largest value."""
    if order == 1:
        return -unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
    if order == 2:
        return notional(leg.amount, mark, market.inverse)
    return maintenance_margin(leg, mark, market)


def opposite(pool: Pool[N], first: int) -> int:
    """Index of the leg on the other side of the same instrument (hedge mode has at most one), -1: there is none."""
    leg = pool.legs[first]
    for i in range(len(pool.legs)):
        if pool.legs[i].market == leg.market and pool.legs[i].amount * leg.amount < 0:
            return i
    return -1


def first_leg(
    pool: Pool[N], marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]], order: int, phase: int
) -> int:
    """Index of the leg that goes first, -1 where none can. phase 1: only hedged legs that somebody fills; 3: any leg
    that somebody fills; 4: any leg."""
    best = -1
    score = zero(pool.cash)
    for i in range(len(pool.legs)):
        at = pool.legs[i].market
        if (phase < 4 and fills[at] <= 0) or (phase == 1 and opposite(pool, i) < 0):
            continue
        this = close_score(pool.legs[i], marks[at], markets[at], order)
        if best < 0 or this > score:
            best = i
            score = this
    return best


def first_tier_requirement(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """What the pool would need if every leg paid the rate of the first tier: sum(N * (r_1 + f)). S11, grade rewrite."""
    total = pool.outside_maintenance + pool.outside_fee
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        market = markets[leg.market]
        total += notional(leg.amount, marks[leg.market], market.inverse) * (market.rates[0] + market.taker_rate)
    return total


def two_tiers_down(leg: Leg[N], market: Market[N]) -> N:
    """Amount to close so that the contracts that choose the row come down two rows, to the cap of the lower one: whole
    lots, at least enough, at most the leg. In the first and second tier: all of it. S11, grade rewrite."""
    row = row_above(leg.tier, market.floors, market.rows)
    if row < 2:
        return abs(leg.amount)
    contracts = leg.tier - market.floors[row - 1]
    if market.lot > 0:
        contracts = ceil_to(contracts, market.lot / market.multiplier)
    return min(contracts * market.multiplier, abs(leg.amount))


def closing(
    pool: Pool[N], first: int, other: int, amount: N, fills: Sequence[N], markets: Sequence[Market[N]]
) -> Step[N]:
    """Close `amount` of a leg, and of the opposite one if any, at the fill; of each leg fee = value * f and penalty =
    value * r of its row. Grade recorded (okx-024). Opposite cross legs of one instrument stand in the same row."""
    leg = pool.legs[first]
    market = markets[leg.market]
    fill = fills[leg.market]
    value = notional(amount, fill, market.inverse)
    return Step(REDUCE, first, other, amount, fill, value * market.taker_rate, value * maintenance_rate(leg, market))


def failing(stage: int, margin: PoolMargin[N]) -> bool:
    """Whether the pool is still to be liquidated: cover at or below 100 %, tested again after every step. S1, S11.

    Closing a whole leg at the mark costs value * (f + r), exactly the requirement that it frees, so headroom does not
    move: once reducing has begun, less than 1e-12 of the pool's scale is rounding and no recovery (grade derived)."""
    if stage >= 2 and (margin.balance - margin.requirement) * 1000000000000 <= margin.scale:
        return True
    return is_liquidatable(margin.balance, margin.requirement)


def cancels(stage: int, pool: Pool[N], margin: PoolMargin[N], reading: Reading) -> bool:
    """Whether the resting orders go although the pool still meets its requirement (cancel_when 1, cross only): balance
    - initial margin of the legs <= requirement. S3, grade rewrite; a pool does not know the margin of its orders."""
    if stage >= 1 or reading.cancel_when != 1 or pool.orders == 0 or pool.legs[0].isolated:
        return False
    return margin.balance - margin.initial <= margin.requirement


def next_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The venue's next act on this pool. `stage`: the Stage reached so far; `fills`: the price at which the market
    takes forced orders, per market (0: nobody does). After each act the pool is built anew and asked again, so
    cancelling alone may save it. Once a takeover has begun it goes on until no leg is left. Fee and penalty are what
    the venue books; the caller takes no more than the pool has left."""
    none = zero(pool.cash)
    taking = stage >= 3
    if len(pool.legs) == 0:
        return Step(HOLD, -1, -1, none, none, none, none)
    if not taking and not failing(stage, margin) and not cancels(stage, pool, margin, reading):
        return Step(HOLD, -1, -1, none, none, none, none)
    if stage < 1:
        return Step(CANCEL, -1, -1, none, none, none, none)
    if not taking:
        first = first_leg(pool, marks, fills, markets, reading.close_order, 1)
        if first >= 0:
            other = opposite(pool, first)
            overlap = min(abs(pool.legs[first].amount), abs(pool.legs[other].amount))
            return closing(pool, first, other, overlap, fills, markets)
        first = first_leg(pool, marks, fills, markets, reading.close_order, 3)
        if first >= 0:
            amount = abs(pool.legs[first].amount)
            if reading.partial == 0 and margin.balance > first_tier_requirement(pool, marks, markets):
                amount = two_tiers_down(pool.legs[first], markets[pool.legs[first].market])
            return closing(pool, first, -1, amount, fills, markets)
    return take_over(pool, margin, marks, fills, markets, reading)


def take_over(
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The venue takes a whole leg at the price that gives up the pool's balance evenly over the value it stands behind:
    no fee, no penalty, nothing left after the last leg. S11 (the older article: takeover at the bankruptcy price)."""
    none = zero(pool.cash)
    first = first_leg(pool, marks, fills, markets, reading.close_order, 4)
    leg = pool.legs[first]
    gross = gross_value(pool.legs, marks, markets, none)
    price = spread_price(leg.amount, marks[leg.market], margin.balance, gross, markets[leg.market].inverse)
    return Step(TAKE_OVER, first, -1, abs(leg.amount), price, none, none)
