"""Binance futures, USDⓈ-M and COIN-M: the liquidation ladder of a pool of one asset, in the rule language. F-LIQ, F-LIQ20,
F-INS.

Cancel the orders, cut with one IOC to become compliant where any cut can do that after the clearance fee, otherwise hand
everything to the insurance fund at the price where the pool has nothing left. The unpublished choices are readings. The parts
serve multi-assets mode as well, where a unit of an asset may count more or less than one.
"""

from collections.abc import Sequence

from plimsoll.number import N, floor_to, zero
from plimsoll.rules.binance_usdm.formulas import Reading, SingleReading, is_liquidatable, maintenance_margin
from plimsoll.rules.columns import CANCEL, HOLD, REDUCE, TAKE_OVER, Leg, Market, Pool, PoolMargin, Step
from plimsoll.rules.common import notional, row_above, side_of, spread_price, unrealised_pnl


def worth(pool: Pool[N], leg: Leg[N], marks: Sequence[N]) -> N:
    """What a unit of the asset that a leg settles in is worth in the pool's currency."""
    if len(pool.wallets) == 0:
        return zero(pool.cash) + 1
    return marks[pool.wallets[leg.wallet].place]


def dearer(pool: Pool[N], leg: Leg[N]) -> N:
    """What a unit owed or asked as margin counts: in multi-assets mode 1 + ask buffer. F-MULTIMARGIN."""
    if len(pool.wallets) == 0:
        return zero(pool.cash) + 1
    return pool.wallets[leg.wallet].dearer


def credit(pool: Pool[N], leg: Leg[N]) -> N:
    """What a unit received counts: in multi-assets mode 1 - bid buffer. F-MULTIMARGIN."""
    if len(pool.wallets) == 0:
        return zero(pool.cash) + 1
    wallet = pool.wallets[leg.wallet]
    if wallet.rows == 0 or not wallet.collateral:
        return zero(pool.cash)
    return wallet.ratios[0]


def close_result(amount: N, mark: N, fill: N, market: Market[N], paid: N, got: N) -> N:
    """What closing a signed amount brings besides the maintenance that it frees: the slippage of the fill less the clearance
    fee; each unit going out counts `paid`, each coming in `got`. F-LIQ20; the last grade derived."""
    fee = notional(amount, fill, market.inverse) * market.liquidation_fee_rate
    cash = unrealised_pnl(amount, mark, fill, market.inverse) - fee
    return min(cash * paid, cash * got)


def cut_gain(side: N, rate: N, mark: N, fill: N, market: Market[N], paid: N, got: N) -> N:
    """Headroom won by closing one unit: maintenance freed at `rate`, less the clearance fee, plus slippage of the fill."""
    freed = notional(side, mark, market.inverse) * rate
    return freed * paid + close_result(side, mark, fill, market, paid, got)


def cut(leg: Leg[N], need: N, mark: N, fill: N, market: Market[N], target: int, paid: N, got: N) -> tuple[N, N]:
    """(amount to close, headroom won): walks down the brackets while a cut still gains, until `need` is reached.

    target 0: the least amount that does it; 1: down to the floor of the row in which that happens; 2: while it gains."""
    unit = notional(side_of(leg.amount), mark, market.inverse)
    left = notional(leg.amount, mark, market.inverse)
    closed = zero(mark)
    won = zero(mark)
    row = row_above(left, market.floors, market.rows)
    while row >= 0:
        gain = cut_gain(side_of(leg.amount), market.rates[row], mark, fill, market, paid, got)
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


def gains(leg: Leg[N], mark: N, fill: N, market: Market[N], paid: N, got: N) -> bool:
    """Whether the first unit closed would win headroom at all (and somebody fills it)."""
    if fill <= 0:
        return False
    row = row_above(notional(leg.amount, mark, market.inverse), market.floors, market.rows)
    return cut_gain(side_of(leg.amount), market.rates[row], mark, fill, market, paid, got) > 0


def first_leg(
    pool: Pool[N], marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]], order: int, gaining: bool
) -> int:
    """Index of the leg that goes first, -1 where none can. `gaining`: only legs whose cut would help."""
    best = -1
    score = zero(pool.cash)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        at = leg.market
        paid = dearer(pool, leg)
        if gaining and not gains(leg, marks[at], fills[at], markets[at], paid, credit(pool, leg)):
            continue
        this = close_score(leg, marks[at], markets[at], order) * worth(pool, leg, marks)
        if best < 0 or this > score:
            best = i
            score = this
    return best


def most_gain(pool: Pool[N], need: N, marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """Headroom that cutting every leg for as long as it helps could win in all."""
    total = zero(need)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        at = leg.market
        paid = dearer(pool, leg)
        got = credit(pool, leg)
        if gains(leg, marks[at], fills[at], markets[at], paid, got):
            _, won = cut(leg, need, marks[at], fills[at], markets[at], 2, paid, got)
            total += won * worth(pool, leg, marks)
    return total


def single_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading | SingleReading,
) -> Step[N]:
    """The next act on a pool of one asset: cancel, cut to compliance where any cut can do that, else take over."""
    none = zero(pool.cash)
    taking = stage >= 3
    if len(pool.legs) == 0 or (not taking and not is_liquidatable(margin.balance, margin.requirement)):
        return Step(HOLD, -1, -1, none, none, none, none)
    if stage < 1:
        return Step(CANCEL, -1, -1, none, none, none, none)
    need = margin.requirement - margin.balance
    if not taking and most_gain(pool, need, marks, fills, markets) > need:
        return reduction(pool, need, marks, fills, markets, reading.close_order, reading.reduce_target)
    return take_over(pool, margin.balance, marks, markets, reading.close_order)


def take_over(pool: Pool[N], given_up: N, marks: Sequence[N], markets: Sequence[Market[N]], order: int) -> Step[N]:
    """The leg that goes first, handed to the insurance fund at the price that gives up its share, by value, of what the pool
    gives up. F-LIQ20, F-INS."""
    none = zero(given_up)
    first = first_leg(pool, marks, marks, markets, order, False)
    leg = pool.legs[first]
    gross = none
    for i in range(len(pool.legs)):
        other = pool.legs[i]
        value = notional(other.amount, marks[other.market], markets[other.market].inverse)
        gross += value * worth(pool, other, marks)
    price = spread_price(leg.amount, marks[leg.market], given_up, gross, markets[leg.market].inverse)
    return Step(TAKE_OVER, first, -1, abs(leg.amount), price, none, none)


def reduction(
    pool: Pool[N],
    need: N,
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    order: int,
    target: int,
) -> Step[N]:
    """The IOC cut of the leg that goes first: a whole number of lots, strictly more than `need` asks where it can be."""
    none = zero(need)
    first = first_leg(pool, marks, fills, markets, order, True)
    leg = pool.legs[first]
    market = markets[leg.market]
    fill = fills[leg.market]
    need = need / worth(pool, leg, marks)
    amount, _ = cut(leg, need, marks[leg.market], fill, market, target, dearer(pool, leg), credit(pool, leg))
    if market.lot > 0:
        amount = floor_to(amount, market.lot) + market.lot
    else:
        amount = abs(leg.amount)
    amount = min(amount, abs(leg.amount))
    fee = notional(amount, fill, market.inverse) * market.liquidation_fee_rate
    return Step(REDUCE, first, -1, amount, fill, none, fee)
