"""How far an account can be led along recorded prices before anything can happen to it, and where on the way it stands lowest.

Prices come as rows, one row a point of the path; between two rows they move together along a straight segment. A row is quiet
where no pool comes near its line on the way to it (headroom being concave there, or bounded leg by leg), no watched level is
reached, and the venue wants no order gone. Nothing is decided here: what is not certainly quiet is left to the exact engine,
and what may be an extreme is named for it to look at. Rules are the venue's own, bound by `compile.bound`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from plimsoll.array.charts import Rows
from plimsoll.array.compile import (
    MARKET_RECORD,
    Column,
    bound,
    float_markets,
    float_pool,
    lent,
    owning,
)
from plimsoll.array.ladder import BAND, NUDGE, rebuilt, standing
from plimsoll.margin.pools import Layout
from plimsoll.rules.columns import HOLD, Pool, PoolMargin

assess_pool: Any
assess_coin: Any
next_step: Any
profit: Any

STRETCH: Final = 16_384
"""Rows that are looked at together."""
_MARGIN: Any = PoolMargin


class Asked(NamedTuple):
    """What is asked of a pool. `counts`: it can fail; `bends`: its headroom is not concave along a segment; `orders`: the venue
    may want its resting orders gone before it fails; `shared`: it stands on a cash with others, so that only its own part of it
    is equity. `paid`: the gross value that its profits are counted from. `column`, `flip`: the price that its money is told at,
    or divided by (-1: it is not told). `coin_columns`, `coin_flips`: the same of each coin of a valued pool."""

    counts: bool
    bends: bool
    orders: bool
    shared: bool
    paid: float
    column: int
    flip: bool
    coin_columns: Column
    coin_flips: Column


_ASKED: Any = Asked


@owning
def scan(
    pool: Any,
    more: Column,
    less: Column,
    asked: Any,
    markets: Column,
    reading: Any,
    marks: Column,
    first: int,
    count: int,
    heads: Column,
    equity: Column,
    slack: Column,
) -> int:
    """How many of `count` rows of `marks` from row `first` on (the account stands at the row before) are quiet for a pool.
    Writes its told headroom, and adds its equity; `slack` [2, rows]: what either may be off by. `more`, `less`: its legs a hair
    larger and smaller: where these fall into another bracket, float64 cannot tell which the pool is in."""
    pool, asked, markets, marks = lent_pool(pool), lent_asked(asked), lent(markets), lent(marks)
    more, less = lent(more), lent(less)
    for k in range(count):
        at = marks[first + k]
        margin = assess_pool(pool, at, markets)
        headroom = margin.balance - margin.requirement
        room = BAND * (margin.scale + asked.paid + abs(margin.balance))
        if asked.counts and not headroom > room:
            return k
        if asked.counts and (jumps(pool, more, at, markets, headroom, room) or jumps(pool, less, at, markets, headroom, room)):
            return k
        if asked.bends and not clears(pool, markets, marks[first + k - 1], at, headroom, room):
            return k
        if asked.orders:
            near = _MARGIN(margin.balance - room, margin.initial, margin.maintenance, margin.requirement, margin.scale)
            if next_step(0, pool, near, at, at, markets, reading).kind != HOLD:
                return k
        worth = told_at(at, asked.column, asked.flip)
        heads[k] = headroom * worth
        slack[0, k] = room * worth
        for w in range(len(pool.wallets)):
            own = assess_coin(pool, margin, w, at, markets).equity * told_at(at, asked.coin_columns[w], asked.coin_flips[w])
            equity[k] += own
            slack[1, k] += BAND * abs(own)
        if len(pool.wallets) == 0:
            equity[k] += own_equity(pool, asked, margin, at, markets) * worth
        slack[1, k] += room * worth
    return count


def lent_pool(pool: Any) -> Any:
    """The pool with columns that nobody counts the owners of: the caller holds on to them."""
    legs, beside, wallets = lent(pool.legs), lent(pool.beside), lent(pool.wallets)
    return rebuilt(pool, pool.cash, pool.reserved, legs, beside, wallets, lent(pool.rests), lent(pool.asks))


def lent_asked(asked: Any) -> Any:
    """The same of what is asked."""
    return _ASKED(
        asked.counts,
        asked.bends,
        asked.orders,
        asked.shared,
        asked.paid,
        asked.column,
        asked.flip,
        lent(asked.coin_columns),
        lent(asked.coin_flips),
    )


def jumps(pool: Any, legs: Column, at: Column, markets: Column, headroom: float, room: float) -> bool:
    """Whether the headroom of a pool is another with legs of about the same size."""
    margin = assess_pool(standing(pool, pool.cash, pool.reserved, legs, pool.beside), at, markets)
    return bool(abs(margin.balance - margin.requirement - headroom) > room)


def told_at(at: Column, column: int, flip: bool) -> float:
    """What a unit of money is worth in the unit that the run is told in."""
    if column < 0:
        return 0.0
    return float(1 / at[column] if flip else at[column])


def own_equity(pool: Any, asked: Any, margin: Any, at: Column, markets: Column) -> float:
    """What is in a pool of one asset."""
    if not asked.shared:
        return float(margin.balance + pool.reserved)
    own = 0.0 if pool.apart else pool.cash + pool.outside_pnl
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        own += profit(leg, at[leg.market], markets[leg.market])
    return float(own)


def clears(pool: Any, markets: Column, a: Column, b: Column, headroom: float, room: float) -> bool:
    """Whether headroom that bends both ways is certain to last from `a` to `b`: each leg's share of it is least at an end."""
    low = headroom
    for i in range(len(pool.legs)):
        alone = standing(pool, 0.0, 0.0, pool.legs[i : i + 1], pool.beside[:0])
        at_a = assess_pool(alone, a, markets)
        at_b = assess_pool(alone, b, markets)
        low -= max(0.0, (at_b.balance - at_b.requirement) - (at_a.balance - at_a.requirement))
    return low > room and len(pool.beside) == 0


@owning
def unreached(prices: Column, column: int, level: float, way: int, first: int, count: int) -> int:
    """How many of `count` rows pass before a watched level is reached, or as good as reached: by falling (`way` -1), by rising
    (+1), from either side (0)."""
    prices = lent(prices)
    low, high = level * (1 - BAND), level * (1 + BAND)
    for k in range(count):
        to = prices[first + k, column]
        origin = prices[first + k - 1, column]
        if way < 0 and not to > high:
            return k
        if way > 0 and not to < low:
            return k
        if way == 0 and not (min(to, origin) > high or max(to, origin) < low):
            return k
    return count


class Telling(NamedTuple):
    """How money of an asset is told: at the price in a column, or divided by it."""

    column: int
    flip: bool


class Laid(NamedTuple):
    """An account's pools as the scan reads them, and their keys; `symbols`: those of its markets. `still`: no price changes its
    equity."""

    symbols: tuple[str, ...]
    keys: tuple[str, ...]
    pools: tuple[Pool[float], ...]
    nudged: tuple[tuple[Column, Column], ...]
    asked: tuple[Asked, ...]
    markets: Column
    still: bool


def lay(
    layout: Layout, columns: Mapping[str, int], coins: Mapping[str, int], told: Mapping[str, Telling], known: Laid | None
) -> Laid:
    """A layout's pools. `columns`: symbol -> its place in a row of prices; `coins`: coin -> the place of its price; `told`:
    asset -> how its money is told. `known`: those of the same account before, whose markets are kept."""
    place = np.array([columns[symbol] for symbol in layout.symbols], dtype=np.int64)
    markets = np.zeros(max(columns.values()) + 1, MARKET_RECORD) if known is None else known.markets
    if known is None and len(place):
        markets[place] = float_markets(layout.markets)
    pools, asked = [], []
    for spec, exactly in zip(layout.specs, layout.pools, strict=True):
        pool = float_pool(exactly)
        for rows in (pool.legs, pool.beside, pool.rests, pool.asks):
            _moved(rows, place)
        if spec.assets or spec.kept:
            _set_places(pool.wallets, [coins[asset] for asset in spec.assets or spec.kept])
        pools.append(pool)
        asked.append(_asked(spec, exactly, layout, told))
    keys = tuple(spec.key for spec in layout.specs)
    ones = len(columns)
    still = all(telling.column in (-1, ones) for telling in told.values()) and _is_even(layout)
    nudged = tuple((_nudged(pool.legs, 1 + NUDGE), _nudged(pool.legs, 1 - NUDGE)) for pool in pools)
    return Laid(layout.symbols, keys, tuple(pools), nudged, tuple(asked), markets, still)


def _nudged(legs: Any, share: float) -> Column:
    """The legs with that share of their amounts. Not of the contracts that choose a bracket: those are rounded once, no price
    enters them, and whoever holds as many as a bracket ends at would be between two all the time."""
    rows: Column = legs.copy()
    rows["amount"] *= share
    return rows


def _is_even(layout: Layout) -> bool:
    """Whether what one leg gains another loses, to the last digit: as much long as short of each linear market, nothing
    rounded, no coins valued."""
    net: dict[int, Any] = {}
    for pool in layout.pools:
        for leg in pool.legs:
            net[leg.market] = net.get(leg.market, 0) + leg.amount
    plain = all(not layout.markets[i].inverse and layout.markets[i].unit == 0 for i in net)
    return plain and all(amount == 0 for amount in net.values()) and not any(pool.wallets for pool in layout.pools)


def _set_places(wallets: Any, places: Sequence[int]) -> None:
    wallets["place"] = places


def _moved(rows: Any, place: Column) -> None:
    if len(rows):
        rows["market"] = place[rows["market"]]


def _asked(spec: Any, pool: Pool[Any], layout: Layout, told: Mapping[str, Telling]) -> Asked:
    """What is asked of one pool."""
    everything = (*pool.legs, *pool.beside)
    markets = {leg.market for leg in everything}
    inverse = any(layout.markets[i].inverse for i in markets)
    paid = sum(
        abs(leg.amount / leg.entry if layout.markets[leg.market].inverse else leg.amount * leg.entry) for leg in everything
    )
    coins = [told[asset] for asset in spec.assets]
    counts = bool(pool.legs or pool.wallets)
    return Asked(
        counts=counts,
        bends=bool(pool.legs) and len(markets) > 1 and inverse and not pool.wallets,
        orders=counts and pool.orders > 0,
        shared=bool(spec.apart or pool.beside),
        paid=float(paid),
        column=told[spec.asset].column,
        flip=told[spec.asset].flip,
        coin_columns=np.array([telling.column for telling in coins], dtype=np.int64),
        coin_flips=np.array([telling.flip for telling in coins], dtype=np.bool_),
    )


class Watch(NamedTuple):
    """A price level at which something happens. `way`: reached by falling (-1), by rising (+1), from either side (0)."""

    column: int
    level: float
    on_mark: bool
    way: int


class Kernels(NamedTuple):
    """The compiled texts of one venue."""

    scan: Callable[..., int]
    unreached: Callable[..., int]


def kernels_of(name: str, folder: str) -> Kernels:
    """The scan with one venue's rules; machine code is made at the first call, once a process, and kept in `folder`."""
    from plimsoll.array import ladder, quiet  # `ladder` means a kernel in what is compiled

    modules = (ladder, quiet)
    return Kernels(bound(name, modules, "scan", folder), bound(None, modules, "unreached", folder))


class Extremes(NamedTuple):
    """What is known to have been lowest so far, and what the account's pools came to."""

    equity: float
    heads: tuple[float, ...]


class Found(NamedTuple):
    """`free`: how many rows are quiet; `rows`: those of them (from the first one on) that may be an extreme."""

    free: int
    rows: Column


def quiet_rows(
    kernels: Kernels,
    laid: Laid,
    watches: Sequence[Watch],
    reading: Any,
    rows: Rows,
    first: int,
    end: int,
    last: int,
    low: Extremes,
) -> Found:
    """How many rows from `first` on, up to `end`, are quiet, and which of those before `last` may set a new low in equity or in
    a pool's headroom. All that are not certain not to are named."""
    lowest, heads_low = low.equity, list(low.heads)
    named: list[Column] = []
    at = first
    while at < end:
        count = min(STRETCH, end - at)
        for watch in watches:
            prices = rows.marks if watch.on_mark else rows.lasts
            count = kernels.unreached(prices, watch.column, watch.level, watch.way, at, count)
        heads, equity = np.empty((len(laid.pools), count)), np.zeros(count)
        slack, equity_slack = np.zeros((len(laid.pools), count)), np.zeros((2, count))
        whole = min(STRETCH, end - at)
        for p, (pool, nudged, asked) in enumerate(zip(laid.pools, laid.nudged, laid.asked, strict=True)):
            count = kernels.scan(
                pool, *nudged, asked, laid.markets, reading, rows.marks, at, count, heads[p], equity, equity_slack
            )
            slack[p, :count] = equity_slack[0, :count]
        seen = max(0, min(count, last - at))
        if not laid.still:
            lowest = _name(equity[:seen], equity_slack[1, :seen], lowest, at, named)
        for p, pool in enumerate(laid.pools):
            if len(pool.legs):
                heads_low[p] = _name(heads[p, :seen], slack[p, :seen], heads_low[p], at, named)
        at += count
        if count < whole:
            break
    return Found(at - first, np.unique(np.concatenate(named)) if named else np.zeros(0, dtype=np.int64))


def _name(values: Column, slack: Column, lowest: float, at: int, named: list[Column]) -> float:
    """Name the rows whose value may be lower than all before; what the lowest is then, at the most."""
    if not len(values):
        return lowest
    floor = values - slack
    if floor.min() >= lowest:
        return lowest
    best = min(lowest, float((values + slack).min()))
    named.append(np.nonzero(floor <= best)[0] + at)
    return best
