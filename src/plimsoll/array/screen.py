"""Screens over blocks of paths: which lanes certainly need no look, and where the others first may. No rule stands here.

A screen is given, lane by lane, what somebody derived from the rules: for each pool a linear bound of its headroom

    headroom >= slack + sum over symbols of weight * x,     x = exp(+L) - 1, or exp(-L) - 1 for an inverse contract,

L = log(price / start price), and for each symbol the range low < L < high within which the bound holds and no stop or limit is
reached. A step is flagged where a bound is not above zero or a symbol is out of its range. The screen may flag too much and
never misses: every rounding is allowed for in `margin_of`, and a bound that is no number counts as flagged.

First a tile of steps is looked at as one box, each symbol at its lowest and highest; only lanes that the box does not clear are
looked at step by step. Slack and weights are a lane's own, so that a lane whose account has changed is simply filled in anew.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from plimsoll.array.curves import FARTHEST, Column, aligned, f4, i4, inlined, kernel, rise
from plimsoll.array.randoms import LANES

TILE: Final = 16
"""Steps that are looked at as one box."""
CLEAR: Final = -1
"""Written as a lane's first flagged step: none."""
SKIP: Final = -2
"""Given as a lane's first flagged step: do not look at this lane."""
ULP: Final = 2.0**-24


class Screen(NamedTuple):
    """`slack` [P, LANES], `weight` [P, m, LANES] float32, in money; `turn` [m] float32: +1, or -1 for an inverse contract;
    `low`, `high` [m, LANES] float32: log moves at or beyond which a step is flagged. The rest is room to work: a screen
    serves one thread."""

    slack: Column
    weight: Column
    turn: Column
    low: Column
    high: Column
    edges: Column
    bounds: Column
    sums: Column
    doubt: Column


class Lows(NamedTuple):
    """A sum of the form of a bound, of which the least value is looked for: `slack` [LANES], `weight` [m, LANES] float32.
    `best` [LANES] float32: the least so far; `at` [LANES] int32: the step that has it, CLEAR: none of this block."""

    slack: Column
    weight: Column
    best: Column
    at: Column


def open_lows(m: int) -> Lows:
    """Room for the sums of LANES paths."""
    return Lows(
        aligned((LANES,), np.float32),
        aligned((m, LANES), np.float32),
        aligned((LANES,), np.float32),
        aligned((LANES,), np.int32),
    )


def open_screen(slack: Column, weight: Column, inverse: Column, low: Column, high: Column) -> Screen:
    """A screen that is the same in all lanes, from float64: `slack` [P], `weight` [P, m], `inverse` [m] of truths, `low`,
    `high` [m] as log moves (infinite: no limit but that of float32)."""
    pools, m = weight.shape
    assert slack.shape == (pools,) and inverse.shape == low.shape == high.shape == (m,)
    screen = Screen(
        aligned((pools, LANES), np.float32),
        aligned((pools, m, LANES), np.float32),
        np.where(inverse, -1, 1).astype(np.float32),
        aligned((m, LANES), np.float32),
        aligned((m, LANES), np.float32),
        aligned((4, m, LANES), np.float32),
        aligned((pools, LANES), np.float32),
        aligned((2, LANES), np.float32),
        aligned((LANES,), np.int32),
    )
    screen.slack[:] = slack[:, None]
    screen.weight[:] = weight[:, :, None]
    screen.low[:] = np.maximum(low, -FARTHEST)[:, None]
    screen.high[:] = np.minimum(high, FARTHEST)[:, None]
    return screen


@kernel
def set_lane(screen: Screen, lane: int, slack: Column, weight: Column, low: Column, high: Column) -> None:
    """Fill one lane from float64 columns as in open_screen: rounded to the nearest, which the allowance covers. (A level may
    so move outward, but never beyond the first float32 that passes it.)"""
    pools, m = weight.shape
    for p in range(pools):
        screen.slack[p, lane] = f4(slack[p])
        for k in range(m):
            screen.weight[p, k, lane] = f4(weight[p, k])
    for k in range(m):
        screen.low[k, lane] = f4(max(low[k], -np.float64(FARTHEST)))
        screen.high[k, lane] = f4(min(high[k], np.float64(FARTHEST)))


@inlined
def margin_of(slack: Any, total: Any, size: Any, allowance: Any) -> Any:
    """A bound less what float32 may have got wrong in it: `allowance` times the sum of the sizes of all its terms.

    Each term carries the rounding of its weight (1 ulp of 2^-24), of exp - 1 (below 7) and of the product (1), slack its own
    (1); each of the m additions rounds a sum that is no larger than the sizes; the sum of sizes is itself short by as much, and
    this subtraction rounds once more: m + 16 ulps cover it.
    """
    return slack + total - allowance * (abs(slack) + size)


@kernel
def screen_block(screen: Screen, block: Column, first: Column, least: Column) -> None:
    """Look at `block` float32 [steps, m, LANES] of log moves. `first` int32 [LANES]: SKIP lanes are passed over, all others get
    their first flagged step or CLEAR. `least` float32 [P, LANES] is lowered to the least bound seen of each pool (up to the
    flagged step; where a box was cleared, the box's, which is lower than any of its steps)."""
    slack, weight, turn, low, high, edges, bounds, sums, doubt = screen
    steps, m = block.shape[0], block.shape[1]
    pools = len(slack)
    allowance = f4((m + 16) * ULP)
    _begin(first)
    for at in range(0, steps, TILE):
        end = min(at + TILE, steps)
        doubt[:] = i4(0)
        for k in range(m):
            _extremes(block, at, end, k, edges[0, k], edges[1, k])
            _outside(edges[0, k], edges[1, k], low[k], high[k], doubt)
            _rises(edges[0, k], edges[1, k], turn[k], edges[2, k], edges[3, k])
        for p in range(pools):
            sums[:] = f4(0)
            for k in range(m):
                _worst(weight[p, k], edges[2, k], edges[3, k], sums[0], sums[1])
            _judge(slack[p], sums[0], sums[1], allowance, bounds[p], doubt)
        if _doubtful(doubt, first) > 0:
            for i in range(LANES):
                if doubt[i] != 0 and first[i] == CLEAR:
                    first[i] = i4(screen_lane(screen, block, i, at, end, least))
        for p in range(pools):
            _lower(least[p], bounds[p], doubt, first)


@kernel
def lows_block(screen: Screen, lows: Lows, block: Column, first: Column) -> None:
    """Look for lower values in the steps before `first` (as screen_block left it: none of a SKIP lane, all of a CLEAR one). A
    tile whose box cannot hold one is passed over."""
    slack, weight, best, at = lows
    turn, edges, sums = screen.turn, screen.edges, screen.sums
    steps, m = block.shape[0], block.shape[1]
    at[:] = i4(CLEAR)
    for begin in range(0, steps, TILE):
        end = min(begin + TILE, steps)
        sums[:] = f4(0)
        for k in range(m):
            _extremes(block, begin, end, k, edges[0, k], edges[1, k])
            _rises(edges[0, k], edges[1, k], turn[k], edges[2, k], edges[3, k])
            _worst(weight[k], edges[2, k], edges[3, k], sums[0], sums[1])
        if _lower_ones(slack, sums[0], best, screen.doubt) > 0:
            for i in range(LANES):
                if screen.doubt[i] != 0 and first[i] != SKIP:
                    stop = end if first[i] == CLEAR else min(end, first[i])
                    _lows_lane(lows, turn, block, i, begin, stop)


@inlined
def _lower_ones(slack: Column, total: Column, best: Column, doubt: Column) -> int:
    """In how many lanes a box may hold a lower value."""
    count = 0
    for i in range(LANES):
        doubt[i] = i4(slack[i] + total[i] < best[i])
        count += doubt[i]
    return count


@kernel
def _lows_lane(lows: Lows, turn: Column, block: Column, lane: int, begin: int, end: int) -> None:
    slack, weight, best, at = lows
    for s in range(begin, end):
        total = slack[lane]
        for k in range(block.shape[1]):
            total += weight[k, lane] * rise(turn[k] * block[s, k, lane])
        if total < best[lane]:
            best[lane] = total
            at[lane] = i4(s)


@inlined
def _begin(first: Column) -> None:
    for i in range(LANES):
        first[i] = SKIP if first[i] == SKIP else CLEAR


@inlined
def _doubtful(doubt: Column, first: Column) -> int:
    """How many lanes are to be looked at step by step."""
    count = 0
    for i in range(LANES):
        count += doubt[i] & i4(first[i] == CLEAR)
    return count


@kernel
def screen_lane(screen: Screen, block: Column, lane: int, begin: int, end: int, least: Column) -> int:
    """The first flagged step of one lane from `begin` to before `end`, or CLEAR; `least` as in screen_block."""
    pools, m = screen.weight.shape[0], screen.weight.shape[1]
    allowance = f4((m + 16) * ULP)
    for s in range(begin, end):
        flagged = False
        for k in range(m):
            x = block[s, k, lane]
            if not (x > screen.low[k, lane] and x < screen.high[k, lane]):
                flagged = True
        for p in range(pools):
            total, size = f4(0), f4(0)
            for k in range(m):
                term = screen.weight[p, k, lane] * rise(screen.turn[k] * block[s, k, lane])
                total += term
                size += abs(term)
            bound = margin_of(screen.slack[p, lane], total, size, allowance)
            if bound < least[p, lane]:
                least[p, lane] = bound
            if not bound > f4(0):
                flagged = True
        if flagged:
            return s
    return CLEAR


@inlined
def _extremes(block: Column, at: int, end: int, k: int, low: Column, high: Column) -> None:
    """A symbol's lowest and highest log move over the steps of a tile, in each lane."""
    for i in range(LANES):
        low[i] = block[at, k, i]
        high[i] = block[at, k, i]
    s = at + 1
    while s + 4 <= end:
        _extremes_of_four(block[s, k], block[s + 1, k], block[s + 2, k], block[s + 3, k], low, high)
        s += 4
    while s < end:
        row = block[s, k]
        for i in range(LANES):
            x = row[i]
            low[i] = min(low[i], x)
            high[i] = max(high[i], x)
        s += 1


@inlined
def _extremes_of_four(a: Column, b: Column, c: Column, d: Column, low: Column, high: Column) -> None:
    for i in range(LANES):
        low[i] = min(low[i], min(min(a[i], b[i]), min(c[i], d[i])))
        high[i] = max(high[i], max(max(a[i], b[i]), max(c[i], d[i])))


@inlined
def _outside(lowest: Column, highest: Column, low: Column, high: Column, doubt: Column) -> None:
    for i in range(LANES):
        doubt[i] |= i4(1) - (i4(lowest[i] > low[i]) & i4(highest[i] < high[i]))


@inlined
def _rises(lowest: Column, highest: Column, turn: Any, one: Column, other: Column) -> None:
    for i in range(LANES):
        one[i] = rise(turn * lowest[i])
        other[i] = rise(turn * highest[i])


@inlined
def _worst(weight: Column, one: Column, other: Column, total: Column, size: Column) -> None:
    """Add a symbol's lesser term, and the size of its larger one."""
    for i in range(LANES):
        a, b = weight[i] * one[i], weight[i] * other[i]
        total[i] += min(a, b)
        size[i] += max(abs(a), abs(b))


@inlined
def _judge(slack: Column, total: Column, size: Column, allowance: Any, bound: Column, doubt: Column) -> None:
    for i in range(LANES):
        x = margin_of(slack[i], total[i], size[i], allowance)
        bound[i] = x
        doubt[i] = doubt[i] if x > f4(0) else 1


@inlined
def _lower(least: Column, bound: Column, doubt: Column, first: Column) -> None:
    """Take the box's bound into account in lanes that it cleared."""
    for i in range(LANES):
        before, now = least[i], bound[i]
        counts = i4(doubt[i] == 0) & i4(first[i] == CLEAR) & i4(now < before)
        least[i] = now if counts != 0 else before
