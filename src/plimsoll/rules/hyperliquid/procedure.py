"""Hyperliquid: the liquidation ladder as steps, in the rule language. LIQ, BACKSTOP.

Cancel the orders, send the position to the book as a market order (a fifth of it where it is large, and then wait), and below
two thirds of the maintenance margin hand positions and margin to the backstop vault. The unpublished choices are readings.
"""

from collections.abc import Sequence

from plimsoll.number import N, floor_to, zero
from plimsoll.rules.columns import (
    CANCEL,
    HOLD,
    PART,
    REDUCE,
    RESUME,
    TAKE_OVER,
    WAIT,
    Leg,
    Market,
    Pool,
    PoolMargin,
    Step,
)
from plimsoll.rules.common import gross_value, notional, spread_price, unrealised_pnl
from plimsoll.rules.hyperliquid.formulas import Reading, is_liquidatable, maintenance_margin


def is_large(leg: Leg[N], mark: N, market: Market[N]) -> bool:
    """Whether a position is sold in parts: worth more than 100,000 USDC at the mark. LIQ."""
    return notional(leg.amount, mark, market.inverse) > 100000


def seconds_of_pause(x: N) -> N:
    """How long the pause after a part-sale is. LIQ."""
    return zero(x) + 30


def since_part(pool: Pool[N]) -> N:
    """Seconds since the last part-sale in the pool that is still heeded; below zero: there is none."""
    found = zero(pool.cash) - 1
    for i in range(len(pool.legs)):
        since = pool.legs[i].since
        if since >= 0 and (found < 0 or since < found):
            found = since
    return found


def is_below_backstop(balance: N, requirement: N) -> bool:
    """Whether the vault may take over: equity below two thirds of the maintenance margin. LIQ, BACKSTOP."""
    return 3 * balance < 2 * requirement


def close_score(leg: Leg[N], mark: N, market: Market[N], order: int) -> N:
    """The leg with the highest score goes first. order 0: largest loss; 1: largest maintenance; 2: largest value."""
    if order == 0:
        return -unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
    if order == 1:
        return maintenance_margin(leg, mark, market)
    return notional(leg.amount, mark, market.inverse)


def first_leg(
    pool: Pool[N], marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]], order: int, filled: bool
) -> int:
    """Index of the leg that goes first, -1 where none can. `filled`: only legs that somebody takes."""
    best = -1
    score = zero(pool.cash)
    for i in range(len(pool.legs)):
        at = pool.legs[i].market
        if filled and fills[at] <= 0:
            continue
        this = close_score(pool.legs[i], marks[at], markets[at], order)
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
    """The venue's next act on this pool. `stage`: the Stage reached so far; `fills`: the price at which the market takes
    forced orders, per market (0: nobody does). Once a takeover has begun it goes on until no leg is left.

    pause 0: after a part-sale nothing is sold for 30 seconds, then all of a position that still fails; a pool found whole
    after the pause begins anew. 1: within these 30 seconds a position is sold whole, after them in parts again. backstop
    0: the vault takes over as soon as the line is passed; 1: only what the book does not take, or during a pause."""
    none = zero(pool.cash)
    since = since_part(pool)
    pause = seconds_of_pause(none)
    taking = stage >= 3
    if len(pool.legs) == 0:
        return Step(HOLD, -1, -1, none, none, none, none)
    if not taking and not is_liquidatable(margin.balance, margin.requirement):
        if since >= pause:
            return Step(RESUME, -1, -1, none, none, none, none)
        return Step(HOLD, -1, -1, none, none, none, none)
    pausing = reading.pause == 0 and since >= 0 and since < pause
    first = first_leg(pool, marks, fills, markets, reading.close_order, True)
    below = is_below_backstop(margin.balance, margin.requirement)
    taken = taking or (below and (reading.backstop == 0 or pausing or first < 0))
    if not taken and (pausing or first < 0):
        return Step(WAIT, -1, -1, max(none, pause - since), none, none, none)
    if stage < 1:
        return Step(CANCEL, -1, -1, none, none, none, none)
    if taken:
        return takeover(pool, margin, marks, fills, markets, reading)
    whole = not is_large(pool.legs[first], marks[pool.legs[first].market], markets[pool.legs[first].market])
    if since >= 0:
        whole = whole or reading.pause == 0 or since < pause
    return sale(pool.legs[first], first, whole, fills, markets, reading)


def sale(
    leg: Leg[N], at: int, whole: bool, fills: Sequence[N], markets: Sequence[Market[N]], reading: Reading
) -> Step[N]:
    """The market order: all of the leg, or a fifth of it in whole lots. LIQ; that it pays the taker fee is a reading.

    forced_fee 0: as any market order; 1: none."""
    market = markets[leg.market]
    fill = fills[leg.market]
    none = zero(fill)
    amount = abs(leg.amount)
    kind = REDUCE
    if not whole:
        part = amount / 5
        if market.lot > 0:
            part = max(market.lot, floor_to(part, market.lot))
        if part < amount:
            kind = PART
            amount = part
    fee = none
    if reading.forced_fee == 0:
        fee = notional(amount, fill, market.inverse) * market.taker_rate
    return Step(kind, at, -1, amount, fill, fee, none)


def takeover(
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The vault takes a position with its share of the pool's money: the price spreads what is left over all legs, so that the
    pool ends at zero. LIQ, BACKSTOP: nothing of the maintenance margin comes back."""
    none = zero(pool.cash)
    first = first_leg(pool, marks, fills, markets, reading.close_order, False)
    leg = pool.legs[first]
    gross = gross_value(pool.legs, marks, markets, none)
    price = spread_price(leg.amount, marks[leg.market], margin.balance, gross, markets[leg.market].inverse)
    return Step(TAKE_OVER, first, -1, abs(leg.amount), price, none, none)
