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

from plimsoll.array.curves import FARTHEST, Column, f4, i4, inlined, kernel, rise
from plimsoll.array.randoms import LANES

TILE: Final = 16
"""Steps that are looked at as one box."""
CLEAR: Final = -1
"""Written as a lane's first flagged step: none."""
DONE: Final = -2
"""Given as a lane's first flagged step: do not look at this lane."""
ULP: Final = 2.0**-24


class Screen(NamedTuple):
    """`slack` [P, LANES], `weight` [P, m, LANES] float32, in money; `turn` [m] float32: +1, or -1 for an inverse contract;
    `low`, `high` [m, LANES] float32: log moves at or beyond which a step is flagged."""

    slack: Column
    weight: Column
    turn: Column
    low: Column
    high: Column


def open_screen(slack: Column, weight: Column, inverse: Column, low: Column, high: Column) -> Screen:
    """A screen that is the same in all lanes, from float64: `slack` [P], `weight` [P, m], `inverse` [m] of truths, `low`,
    `high` [m] as log moves (infinite: no limit but that of float32). Rounded so that nothing is missed."""
    pools, m = weight.shape
    assert slack.shape == (pools,) and inverse.shape == low.shape == high.shape == (m,)
    screen = Screen(
        np.empty((pools, LANES), dtype=np.float32),
        np.empty((pools, m, LANES), dtype=np.float32),
        np.where(inverse, -1, 1).astype(np.float32),
        np.empty((m, LANES), dtype=np.float32),
        np.empty((m, LANES), dtype=np.float32),
    )
    slack, weight, low, high = (np.asarray(a, dtype=np.float64) for a in (slack, weight, low, high))
    for lane in range(LANES):
        set_lane(screen, lane, slack, weight, low, high)
    return screen


@kernel
def set_lane(screen: Screen, lane: int, slack: Column, weight: Column, low: Column, high: Column) -> None:
    """Fill one lane from float64 columns as in open_screen: slack rounded down, ranges inward, weights to the nearest (which
    the allowance covers)."""
    pools, m = weight.shape
    for p in range(pools):
        screen.slack[p, lane] = below(slack[p])
        for k in range(m):
            screen.weight[p, k, lane] = f4(weight[p, k])
    for k in range(m):
        screen.low[k, lane] = -below(-max(low[k], -np.float64(FARTHEST)))
        screen.high[k, lane] = below(min(high[k], np.float64(FARTHEST)))


@inlined
def below(x: Any) -> Any:
    """The greatest float32 that is not above a float64."""
    near = f4(x)
    if np.float64(near) > x:
        near = np.nextafter(near, f4(-np.inf))
    return near


@inlined
def margin_of(slack: Any, total: Any, size: Any, allowance: Any) -> Any:
    """A bound less what float32 may have got wrong in it: `allowance` times the sum of the sizes of all its terms.

    Each term carries the rounding of its weight (1 ulp of 2^-24), of exp - 1 (below 7), of the product (1), and each of the m
    additions rounds a sum that is no larger than the sizes; the sum of sizes is itself short by as much, and this subtraction
    rounds once more: m + 16 ulps cover it.
    """
    return slack + total - allowance * (abs(slack) + size)


@kernel
def screen_block(screen: Screen, block: Column, first: Column, least: Column) -> None:
    """Look at `block` float32 [steps, m, LANES] of log moves. `first` int32 [LANES]: DONE lanes are passed over, all others get
    their first flagged step or CLEAR. `least` float32 [P, LANES] is lowered to the least bound seen of each pool (up to the
    flagged step; where a box was cleared, the box's, which is lower than any of its steps)."""
    steps, m = block.shape[0], block.shape[1]
    pools = len(screen.slack)
    edges = np.empty((4, m, LANES), dtype=np.float32)
    bounds = np.empty((pools, LANES), dtype=np.float32)
    doubt = np.empty(LANES, dtype=np.int32)
    for i in range(LANES):
        first[i] = DONE if first[i] == DONE else CLEAR
    for at in range(0, steps, TILE):
        end = min(at + TILE, steps)
        for k in range(m):
            _extremes(block, at, end, k, edges[0, k], edges[1, k])
        if _box(screen, edges, bounds, first, doubt) > 0:
            for i in range(LANES):
                if doubt[i] != 0:
                    found = screen_lane(screen, block, i, at, end, least)
                    if found >= 0:
                        first[i] = i4(found)
        for p in range(pools):
            _lower(least[p], bounds[p], doubt, first)


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


@kernel
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


@kernel
def _extremes_of_four(a: Column, b: Column, c: Column, d: Column, low: Column, high: Column) -> None:
    for i in range(LANES):
        low[i] = min(low[i], min(min(a[i], b[i]), min(c[i], d[i])))
        high[i] = max(high[i], max(max(a[i], b[i]), max(c[i], d[i])))


@kernel
def _box(screen: Screen, edges: Column, bounds: Column, first: Column, doubt: Column) -> int:
    """Bound every pool over the box of a tile; `edges` [0] and [1] hold the extremes, [2] and [3] get x at them. `doubt` is 1
    in lanes that are looked at and not cleared; how many they are."""
    pools, m = screen.weight.shape[0], screen.weight.shape[1]
    allowance = f4((m + 16) * ULP)
    for i in range(LANES):
        doubt[i] = 0
    for k in range(m):
        _outside(edges[0, k], edges[1, k], screen.low[k], screen.high[k], doubt)
        _rises(edges[0, k], edges[1, k], screen.turn[k], edges[2, k], edges[3, k])
    total, size = np.empty(LANES, dtype=np.float32), np.empty(LANES, dtype=np.float32)
    for p in range(pools):
        for i in range(LANES):
            total[i] = f4(0)
            size[i] = f4(0)
        for k in range(m):
            _worst(screen.weight[p, k], edges[2, k], edges[3, k], total, size)
        _judge(screen.slack[p], total, size, allowance, bounds[p], doubt)
    count = 0
    for i in range(LANES):
        doubt[i] = doubt[i] if first[i] == CLEAR else 0
        count += doubt[i]
    return count


@kernel
def _outside(lowest: Column, highest: Column, low: Column, high: Column, doubt: Column) -> None:
    for i in range(LANES):
        doubt[i] = doubt[i] if lowest[i] > low[i] and highest[i] < high[i] else 1


@kernel
def _rises(lowest: Column, highest: Column, turn: Any, one: Column, other: Column) -> None:
    for i in range(LANES):
        one[i] = rise(turn * lowest[i])
        other[i] = rise(turn * highest[i])


@kernel
def _worst(weight: Column, one: Column, other: Column, total: Column, size: Column) -> None:
    """Add a symbol's lesser term, and the size of its larger one."""
    for i in range(LANES):
        a, b = weight[i] * one[i], weight[i] * other[i]
        total[i] += min(a, b)
        size[i] += max(abs(a), abs(b))


@kernel
def _judge(slack: Column, total: Column, size: Column, allowance: Any, bound: Column, doubt: Column) -> None:
    for i in range(LANES):
        x = margin_of(slack[i], total[i], size[i], allowance)
        bound[i] = x
        doubt[i] = doubt[i] if x > f4(0) else 1


@kernel
def _lower(least: Column, bound: Column, doubt: Column, first: Column) -> None:
    """Take the box's bound into account in lanes that it cleared."""
    for i in range(LANES):
        x = bound[i] if doubt[i] == 0 and first[i] == CLEAR else least[i]
        least[i] = min(least[i], x)
