"""Binance futures, USDⓈ-M and COIN-M: the liquidation ladder as steps, in the rule language. F-LIQ, F-LIQ20, F-INS.

Cancel the orders, cut with one IOC to become compliant where any cut can do that after the clearance fee, otherwise hand
everything to the insurance fund at the price where the pool has nothing left. The unpublished choices are readings.
"""

from collections.abc import Sequence

from plimsoll.number import N, floor_to, zero
from plimsoll.rules.binance_usdm.formulas import Reading, is_liquidatable, maintenance_margin
from plimsoll.rules.columns import CANCEL, HOLD, REDUCE, TAKE_OVER, Leg, Market, Pool, PoolMargin, Step
from plimsoll.rules.common import gross_value, notional, row_above, side_of, spread_price, unrealised_pnl


def cut_gain(side: N, rate: N, mark: N, fill: N, market: Market[N]) -> N:
    """Headroom won by closing one unit: maintenance freed at `rate`, less the clearance fee, plus slippage of the fill."""
    freed = notional(side, mark, market.inverse) * rate
    fee = notional(side, fill, market.inverse) * market.liquidation_fee_rate
    return freed - fee + unrealised_pnl(side, mark, fill, market.inverse)


def cut(leg: Leg[N], need: N, mark: N, fill: N, market: Market[N], target: int) -> tuple[N, N]:
    """(amount to close, headroom won): walks down the brackets while a cut still gains, until `need` is reached.

    target 0: the least amount that does it; 1: down to the floor of the row in which that happens; 2: while it gains."""
    unit = notional(side_of(leg.amount), mark, market.inverse)
    left = notional(leg.amount, mark, market.inverse)
    closed = zero(mark)
    won = zero(mark)
    row = row_above(left, market.floors, market.rows)
    while row >= 0:
        gain = cut_gain(side_of(leg.amount), market.rates[row], mark, fill, market)
        if gain <= 0:
            return closed, won
        span = (left - market.floors[row]) / unit
        if won + gain * span > need and target == 0:
            span = (need - won) / gain
        closed += span
        won += gain * span
        if won >= need and target < 2:
            return closed, won
        left = market.floors[row]
        row -= 1
    return closed, won


def close_score(leg: Leg[N], mark: N, market: Market[N], order: int) -> N:
    """The leg with the highest score goes first. order 0: largest loss; 1: largest maintenance; 2: largest value."""
    if order == 0:
        return -unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
    if order == 1:
        return maintenance_margin(leg, mark, market)
    return notional(leg.amount, mark, market.inverse)


def gains(leg: Leg[N], mark: N, fill: N, market: Market[N]) -> bool:
    """Whether the first unit closed would win headroom at all (and somebody fills it)."""
    if fill <= 0:
        return False
    row = row_above(notional(leg.amount, mark, market.inverse), market.floors, market.rows)
    return cut_gain(side_of(leg.amount), market.rates[row], mark, fill, market) > 0


def first_leg(
    pool: Pool[N], marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]], order: int, gaining: bool
) -> int:
    """Index of the leg that goes first, -1 where none can. `gaining`: only legs whose cut would help."""
    best = -1
    score = zero(pool.cash)
    for i in range(len(pool.legs)):
        at = pool.legs[i].market
        if gaining and not gains(pool.legs[i], marks[at], fills[at], markets[at]):
            continue
        this = close_score(pool.legs[i], marks[at], markets[at], order)
        if best < 0 or this > score:
            best = i
            score = this
    return best


def most_gain(pool: Pool[N], need: N, marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """Headroom that cutting every leg for as long as it helps could win in all."""
    total = zero(need)
    for i in range(len(pool.legs)):
        at = pool.legs[i].market
        if gains(pool.legs[i], marks[at], fills[at], markets[at]):
            _, won = cut(pool.legs[i], need, marks[at], fills[at], markets[at], 2)
            total += won
    return total


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
    forced orders, per market (0: nobody does). Once a takeover has begun it goes on until no leg is left."""
    none = zero(pool.cash)
    taking = stage >= 3
    if len(pool.legs) == 0 or (not taking and not is_liquidatable(margin.balance, margin.requirement)):
        return Step(HOLD, -1, -1, none, none, none, none)
    if stage < 1:
        return Step(CANCEL, -1, -1, none, none, none, none)
    need = margin.requirement - margin.balance
    if not taking and most_gain(pool, need, marks, fills, markets) > need:
        return reduction(pool, need, marks, fills, markets, reading)
    first = first_leg(pool, marks, fills, markets, reading.close_order, False)
    leg = pool.legs[first]
    gross = gross_value(pool.legs, marks, markets, none)
    price = spread_price(leg.amount, marks[leg.market], margin.balance, gross, markets[leg.market].inverse)
    return Step(TAKE_OVER, first, -1, abs(leg.amount), price, none, none)


def reduction(
    pool: Pool[N], need: N, marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]], reading: Reading
) -> Step[N]:
    """The IOC cut of the leg that goes first: a whole number of lots, strictly more than `need` asks where it can be."""
    none = zero(need)
    first = first_leg(pool, marks, fills, markets, reading.close_order, True)
    leg = pool.legs[first]
    market = markets[leg.market]
    fill = fills[leg.market]
    amount, _ = cut(leg, need, marks[leg.market], fill, market, reading.reduce_target)
    if market.lot > 0:
        amount = floor_to(amount, market.lot) + market.lot
    else:
        amount = abs(leg.amount)
    amount = min(amount, abs(leg.amount))
    fee = notional(amount, fill, market.inverse) * market.liquidation_fee_rate
    return Step(REDUCE, first, -1, amount, fill, none, fee)
