"""Liquidation prices of very many pools at once, in float64: one mark moves, all else stands still.

No rule stands here. The prices follow the rulebook's own `headroom_line`, compiled, by Newton's method: headroom over the
price (over one over it, of an inverse contract) is concave and made of straight lines, so that the root of a line never passes
the end. Where no line is stated (coins valued together, or legs beside a pool that move with it) the end is bracketed on the
compiled `assess_pool`. What `margin.liquidation_price` finds at 57 digits, this finds at 15.

A rulebook that states its prices in whole units of money (PRICES_STATED) is refused: float64 would put a value beside a
half unit into the wrong one, and the price with it by more than it is wrong elsewhere. The exact engine answers there.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from plimsoll.array.compile import (
    LEG_RECORD,
    MARKET_RECORD,
    REST_RECORD,
    RESTING_RECORD,
    WALLET_RECORD,
    Column,
    float_column,
    float_markets,
    float_pool,
    kernel,
    lent,
    part,
    rule_part,
)
from plimsoll.errors import BadInput
from plimsoll.margin.pools import Layout
from plimsoll.rulebook import rules_of
from plimsoll.rules.columns import Market, Pool

LEAST, MOST = 1e-12, 1e12
"""The range that is searched, in marks. A price outside it is none: nearer to zero a root cannot be told from the rounding of
the sums that it is the root of."""
NEAR = 1e-15
"""A step of Newton's method shorter than this share of the price is the last one."""
HAIR = 1e-7
"""How far apart, as a share, the two assessments are that tell which way the headroom of a pool goes."""
STEPS = 300
"""More steps than a search needs; only printed deductions that leave a gap at a floor could keep one so long."""

KINDS = (("leg", LEG_RECORD), ("beside", LEG_RECORD), ("wallet", WALLET_RECORD), ("rest", REST_RECORD), ("ask", RESTING_RECORD))
SUMS = ("cash", "reserved", "outside_pnl", "outside_initial", "outside_maintenance", "outside_fee", "locked")
POOL_RECORD = np.dtype(
    [(name, np.float64) for name in SUMS]
    + [("orders", np.int64), ("apart", np.bool_), ("market", np.int64), ("mark", np.int64)]
    + [(f"{name}{edge}", np.int64) for name, _ in KINDS for edge in ("", "_end")],
    align=True,
)
"""A pool: its sums, where its markets and its marks begin, and from where to where its legs (and so on) stand."""


class Pools(NamedTuple):
    """Very many pools as columns. `rows`: POOL_RECORD [n], which say what of the other columns is theirs. The `market` of a
    leg counts from its pool's first market, the `place` of a wallet from its pool's first mark."""

    rows: Column
    legs: Column
    beside: Column
    wallets: Column
    rests: Column
    asks: Column
    marks: Column
    markets: Column


class Prices(NamedTuple):
    """float64 [legs], in the order of `Pools.legs`: where the pool of a leg fails while this leg's mark moves alone, on the
    way down and up from the marks; nan: no positive price does it. `nearest`: the one with the smaller ratio to the mark."""

    below: Column
    above: Column
    nearest: Column


def need_lines(name: str) -> None:
    """BadInput: no such rulebook, one whose prices are stated in whole units of money, or one that states no lines."""
    if not rules_of(name).STATES_LINES:
        cure = "its positions have no line of their own, coins and debts have; ask the exact engine (assess)"
        raise BadInput(name, "liquidation prices", None, cure)
    if rules_of(name).PRICES_STATED:
        cure = "its prices are stated in whole units of money, which float64 rounds apart; ask the exact engine (assess)"
        raise BadInput(name, "liquidation prices", None, cure)


def gather(accounts: Iterable[tuple[Layout, Sequence[Decimal]]]) -> Pools:
    """The pools of accounts that are laid out, each with its marks column. Accounts with the same markets share their rows."""
    rows: list[tuple[Any, ...]] = []
    columns: dict[str, list[Column]] = {name: [] for name, _ in KINDS}
    counts = dict.fromkeys(columns, 0)
    marks: list[Column] = []
    markets: list[Column] = []
    known: dict[tuple[Market[Decimal], ...], int] = {}
    mark = market = 0
    for layout, column in accounts:
        if layout.markets not in known:
            known[layout.markets], market = market, market + len(layout.markets)
            markets.append(float_markets(layout.markets))
        for pool in map(float_pool, layout.pools):
            parts = dict(zip(columns, (pool.legs, pool.beside, pool.wallets, pool.rests, pool.asks), strict=True))
            ends: list[int] = []
            for name, records in parts.items():
                ends += [counts[name], counts[name] + len(records)]
                counts[name] += len(records)
                columns[name].append(np.asarray(records))
            sums = [getattr(pool, name) for name in SUMS]
            rows.append((*sums, pool.orders, pool.apart, known[layout.markets], mark, *ends))
        marks.append(float_column(column))
        mark += len(column)
    legs, beside, wallets, rests, asks = (np.concatenate([np.empty(0, kind), *columns[name]]) for name, kind in KINDS)
    every = np.concatenate([np.empty(0, MARKET_RECORD), *markets])
    prices = np.concatenate([np.empty(0), *marks])
    return Pools(np.array(rows, POOL_RECORD), legs, beside, wallets, rests, asks, prices, every)


def liquidation_prices(name: str, pools: Pools, threads: int = 1) -> Prices:
    """The liquidation prices of every leg under the rules of `name`. BadInput: see `need_lines`."""
    need_lines(name)
    found = Prices(*(np.full(len(pools.legs), np.nan) for _ in Prices._fields))
    rules = rule_part(name, "headroom_line"), rule_part(name, "assess_pool")

    def work(first: int, last: int) -> None:
        _pools(*rules, pools, pools.marks.copy(), first, last, found)

    in_chunks(work, len(pools.rows), threads)
    return found


def isolated_prices(name: str, legs: Column, marks: Column, markets: Column, threads: int = 1) -> Column:
    """The liquidation price of each isolated leg, float64 [n], nan where there is none. `legs`: LEG_RECORD [n] whose
    `margin` is all that stands behind them; `marks`: float64 [n], the mark of each (it only says where to begin). BadInput:
    see `need_lines`."""
    need_lines(name)
    found = np.empty(len(legs))
    rules = rule_part(name, "headroom_line"), rule_part(name, "assess_pool")
    nothing = tuple(np.empty(0, kind) for _, kind in KINDS[1:])

    def work(first: int, last: int) -> None:
        _walls(*rules, legs, marks, np.empty(len(markets)), markets, nothing, first, last, found)

    in_chunks(work, len(legs), threads)
    return found


def in_chunks(work: Callable[[int, int], None], count: int, threads: int) -> None:
    """`work(first, last)` over 0 .. count in one part a thread, the first by the caller; kernels let go of the interpreter
    lock. BadInput: no thread."""
    if threads < 1:
        raise BadInput("threads", "threads", threads, "give 1 or more")
    edges = [count * i // threads for i in range(threads + 1)]
    first, *others = pairwise(edges)
    working = [_workers(threads - 1).submit(work, *ends) for ends in others]
    work(*first)
    for other in working:
        other.result()


@cache
def _workers(count: int) -> ThreadPoolExecutor:
    """Threads that wait for work: to start one takes as long as thousands of prices."""
    return ThreadPoolExecutor(count)


@part
def _moved(line: Any, pool: Any, markets: Any, at: Any, x: Any) -> Any:
    """The line on which the legs of market `at` lie at x: (base, slope, from, to, some leg gains with x, some leg loses)."""
    market = markets[at]
    price = 1.0 / x if market.inverse else x
    base, slope, low, high, gains, loses = 0.0, 0.0, 0.0, np.inf, False, False
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        if leg.market == at:
            own = line(leg, price, market)
            base += own.base
            slope += own.slope
            gains = gains or own.slope > 0
            loses = loses or own.slope < 0
            size = abs(leg.amount)
            low = max(low, own.least / size)
            if own.most > 0:
                high = min(high, own.most / size)
    return base, slope, low, high, gains, loses


@kernel
def _end(line: Any, pool: Any, markets: Any, at: Any, rest: Any, x: Any, start: Any, side: Any) -> Any:
    """Newton's method from x, as `margin.liquidation_price._end`; nan where there is no end."""
    least, most = LEAST * start, MOST * start
    if not (least <= x <= most):
        return np.nan
    for _ in range(STEPS):
        base, slope, low, high, _, _ = _moved(line, pool, markets, at, x)
        if x in (least, most) and rest + base + slope * x > 0:
            return np.nan
        if slope * side <= 0:
            return np.nan
        root = -(rest + base) / slope
        if not (least <= root <= most):
            return np.nan
        if (root < x) == (side > 0) or abs(root - x) <= x * NEAR or low < root <= high:
            return root
        x = root
    return x


@kernel
def _along(line: Any, pool: Any, headroom: Any, marks: Any, markets: Any, at: Any) -> Any:
    """Both ends of the stretch of x (the price of market `at`, or one over it) on which a pool of one asset holds, nan where
    it has none; `headroom`: the pool's at these marks."""
    start = 1.0 / marks[at] if markets[at].inverse else marks[at]
    base, slope, low, high, gains, loses = _moved(line, pool, markets, at, start)
    rest = headroom - base - slope * start
    root = np.nan if slope == 0 else -(rest + base) / slope
    lower = upper = np.nan
    if headroom <= 0:
        if slope > 0:
            lower = _end(line, pool, markets, at, rest, root, start, 1.0)
        if slope < 0:
            upper = _end(line, pool, markets, at, rest, root, start, -1.0)
        return lower, upper
    if gains:
        if slope > 0 and low < root <= high and root > LEAST * start:
            lower = root
        else:
            x = max(root, LEAST * start) if slope > 0 else LEAST * start
            lower = _end(line, pool, markets, at, rest, x, start, 1.0)
    if loses:
        if slope < 0 and low < root <= high and root < MOST * start:
            upper = root
        else:
            x = min(root, MOST * start) if slope < 0 else MOST * start
            upper = _end(line, pool, markets, at, rest, x, start, -1.0)
    return lower, upper


@kernel
def _headroom(assess: Any, pool: Any, marks: Any, markets: Any, at: Any, x: Any) -> Any:
    """Headroom of a pool with the mark of market `at` at x, or at one over it."""
    held = marks[at]
    marks[at] = 1.0 / x if markets[at].inverse else x
    margin = assess(pool, marks, markets)
    marks[at] = held
    return margin.balance - margin.requirement


@kernel
def _between(assess: Any, pool: Any, marks: Any, markets: Any, at: Any, good: Any, bad: Any) -> Any:
    """The x between `good` (headroom above zero) and `bad` where headroom is lost, on the failing side: the Illinois secant
    method, as `margin.liquidation_price.first_failure`."""
    a, fa = good, _headroom(assess, pool, marks, markets, at, good)
    b, fb = bad, _headroom(assess, pool, marks, markets, at, bad)
    for _ in range(STEPS):
        if fb == 0 or abs(b - a) <= 4 * NEAR * max(a, b):
            break
        c = b - fb * (b - a) / (fb - fa)
        if not (min(a, b) < c < max(a, b)):
            c = (a + b) / 2
        fc = _headroom(assess, pool, marks, markets, at, c)
        if fc > 0:
            a, fa, fb = c, fc, fb / 2
        else:
            b, fb, fa = c, fc, fa / 2
    return b


@kernel
def _uphill(assess: Any, pool: Any, marks: Any, markets: Any, at: Any, here: Any, start: Any) -> Any:
    """Of a pool that has failed: the end that is met on the way uphill, by Newton's method on two assessments a hair apart,
    as (lower, upper)."""
    x, side = start, 0.0
    for _ in range(STEPS):
        step = x * HAIR if x <= start else -x * HAIR
        slope = (_headroom(assess, pool, marks, markets, at, x + step) - here) / step
        if side == 0:
            side = 1.0 if slope > 0 else -1.0
        if slope * side <= 0:
            return np.nan, np.nan
        root = x - here / slope
        if not (LEAST * start <= root <= MOST * start):
            return np.nan, np.nan
        if abs(root - x) <= 4 * NEAR * x or (x != start and (root < x) == (side > 0)):
            x = root
            break
        x = root
        here = _headroom(assess, pool, marks, markets, at, x)
    return (x, np.nan) if side > 0 else (np.nan, x)


@kernel
def _bracketed(assess: Any, pool: Any, marks: Any, markets: Any, at: Any) -> Any:
    """As `_along`, for a pool whose line nobody states."""
    start = 1.0 / marks[at] if markets[at].inverse else marks[at]
    here = _headroom(assess, pool, marks, markets, at, start)
    if here <= 0:
        return _uphill(assess, pool, marks, markets, at, here, start)
    lower = upper = np.nan
    if _headroom(assess, pool, marks, markets, at, LEAST * start) <= 0:
        lower = _between(assess, pool, marks, markets, at, start, LEAST * start)
    if _headroom(assess, pool, marks, markets, at, MOST * start) <= 0:
        good, bad = start, 2 * start
        while _headroom(assess, pool, marks, markets, at, bad) > 0:
            good, bad = bad, 4 * bad
        upper = _between(assess, pool, marks, markets, at, good, bad)
    return lower, upper


@part
def _moving(legs: Any, at: Any) -> Any:
    """How many of the legs move with market `at`."""
    count = 0
    for i in range(len(legs)):
        count += legs[i].market == at
    return count


@part
def _held(pools: Any) -> Any:
    """The columns of `pools` as they are, lent."""
    legs, beside, wallets = lent(pools.legs), lent(pools.beside), lent(pools.wallets)
    rests, asks = lent(pools.rests), lent(pools.asks)
    return Pools(lent(pools.rows), legs, beside, wallets, rests, asks, lent(pools.marks), lent(pools.markets))


@part
def _pool(pools: Any, row: Any) -> Any:
    """The pool of a row, whose columns are parts of those of `pools`."""
    return Pool(
        row.cash,
        pools.legs[row.leg : row.leg_end],
        row.reserved,
        row.orders,
        row.outside_pnl,
        row.outside_initial,
        row.outside_maintenance,
        row.outside_fee,
        row.locked,
        pools.wallets[row.wallet : row.wallet_end],
        pools.rests[row.rest : row.rest_end],
        pools.beside[row.beside : row.beside_end],
        row.apart,
        pools.asks[row.ask : row.ask_end],
    )


@kernel
def _pools(line: Any, assess: Any, owned: Any, marks: Any, first: Any, last: Any, found: Any) -> None:
    """The prices of the legs of pools first .. last - 1; `marks`: a copy, which is written to."""
    pools, marks = _held(owned), lent(marks)
    below, above, near = lent(found.below), lent(found.above), lent(found.nearest)
    for p in range(first, last):
        row = pools.rows[p]
        pool = _pool(pools, row)
        column, markets = marks[row.mark :], pools.markets[row.market :]
        margin = assess(pool, column, markets)
        headroom = margin.balance - margin.requirement
        for k in range(len(pool.legs)):
            leg = pool.legs[k]
            at = leg.market
            market, mark = markets[at], column[at]
            known, x, rises, low, high = False, 0.0, False, np.nan, np.nan
            read_off = len(pool.wallets) > 0 or _moving(pool.beside, at) > 0
            if not read_off and _moving(pool.legs, at) == 1:
                known, x, rises = _alone(line, leg, headroom, mark, market)
            if known and rises:
                low = x
            elif known:
                high = x
            elif read_off:
                low, high = _bracketed(assess, pool, column, markets, at)
            else:
                low, high = _along(line, pool, headroom, column, markets, at)
            if market.inverse:
                low, high = 1.0 / high, 1.0 / low
            below[row.leg + k] = low
            above[row.leg + k] = high
            near[row.leg + k] = _nearest(low, high, mark)


@part
def _nearest(below: Any, above: Any, mark: Any) -> Any:
    if np.isnan(below):
        return above
    if np.isnan(above) or mark * mark <= below * above:
        return below
    return above


@part
def _alone(line: Any, leg: Any, headroom: Any, mark: Any, market: Any) -> Any:
    """As `_along` for a leg whose market no other leg has, by Newton's method from the mark: (found, x, headroom rises with
    x). Not found: there may be an end all the same, where a line on the way has its root outside the search."""
    size, inverse = abs(leg.amount), market.inverse
    start = 1.0 / mark if inverse else mark
    own = line(leg, mark, market)
    side, rest = own.slope, headroom - own.base - own.slope * start
    for _ in range(STEPS):
        if own.slope * side <= 0:
            return False, start, False
        root = -(rest + own.base) / own.slope
        if not (LEAST * start < root < MOST * start):
            return False, start, False
        value = size * root
        if own.least < value and (value <= own.most or own.most == 0):
            return True, root, side > 0
        own = line(leg, 1.0 / root if inverse else root, market)
    return False, start, False


@kernel
def _walls(
    line: Any, assess: Any, legs: Any, marks: Any, column: Any, markets: Any, nothing: Any, first: Any, last: Any, found: Any
) -> None:
    """The prices of isolated legs first .. last - 1, each a pool of its own with its margin for cash; `column`: room for
    marks."""
    legs, marks, column, markets, found = lent(legs), lent(marks), lent(column), lent(markets), lent(found)
    beside, wallets, rests, asks = lent(nothing[0]), lent(nothing[1]), lent(nothing[2]), lent(nothing[3])
    for i in range(first, last):
        leg = legs[i]
        at = leg.market
        market = markets[at]
        column[at] = marks[i]
        own = legs[i : i + 1]
        pool = Pool(leg.margin, own, 0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, wallets, rests, beside, False, asks)
        margin = assess(pool, column, markets)
        headroom = margin.balance - margin.requirement
        known, x, _ = _alone(line, leg, headroom, marks[i], market)
        if not known:
            low, high = _along(line, pool, headroom, column, markets, at)
            x = high if np.isnan(low) else low
        found[i] = 1.0 / x if market.inverse else x
