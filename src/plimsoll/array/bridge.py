"""What happened between two steps: the Brownian-bridge correction of barriers that are watched all the time.

A walk that looks at its steps alone misses every crossing that comes back before the next look. Given both ends, the chance
that a Brownian path between them never reached zero is

    survival = 1 - exp(-2 start end / variance)        0 where an end is at or below zero

with the distances to the barrier at both ends and the variance of the step. It is exact where the distance itself is Brownian:
an isolated position's log-price over its liquidation price. A cross account's headroom is not. It can be taken in two ways:

- as it is, with the variance of its slopes by log-price at both ends, of which the kernels take the mean (`local_variance`);
- in standard deviations and straightened (`deviations`), which is far nearer to the truth: docs/simulation.md has the errors.

What else is to know:


- Jumps: the bridge spans the diffusion alone. `end` is the distance before the step's jump, the next `start` the one after it.
- GARCH: the variance is that of the step, not a constant (`deviations_sized`).
- STUDENT and BOOTSTRAP have no path between their steps that this could know: a Student step's own chi-square is not seen from
  its ends (a walk that keeps it may bridge with it), and a recorded row has its own way. There the barrier is watched at the
  steps.
- A venue that looks at its marks now and then, each second say, misses a little too: `watched` moves the barrier outward.

Kernels run on columns of lanes and hold no rule. They are compiled at their first call, release the interpreter's lock, and
give the same whatever runs beside them. Inside all is float64 (a factor 1.0 makes it so).
"""

from collections.abc import Callable
from math import expm1, sqrt
from typing import Any, Final, cast

import numba
import numpy as np

from plimsoll.array.models import Column

WATCH: Final = 0.5826
"""-zeta(1/2) / sqrt(2 pi): how far, in standard deviations of the time between two looks, a barrier that is looked at now and
then lies beyond one that is watched all the time (Broadie, Glasserman and Kou, 1997)."""
NEVER: Final = -1
"""In a column of crossings: not crossed so far."""
NOTHING: Final = 1e-300
"""A variance below this is none."""
SURE: Final = 40.0
"""An exponent from which on exp(-x) is nothing beside 1 in float64."""


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    return cast("Callable[..., Any]", numba.njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz"})(function))


def survival_of_step(start: float, end: float, variance: float) -> float:
    """The chance that one step's path stayed above zero, exactly; plain Python and compiled code alike. A variance of zero is
    a straight line."""
    if not (start > 0 and end > 0):
        return 0.0
    if variance <= 0:
        return 1.0
    return -expm1(-2 * start * end / variance)


def _exp_of_minus(x: float) -> float:
    """exp(-x) for 0 <= x <= SURE: the first seven terms at x / 64, squared six times. Off by less than 1e-11 (it is the
    difference to 1 that counts), and no call into a library, so that the loop around it stays vectors."""
    y = -x * (1 / 64)
    p = 1 + y * (1 / 6)
    p = 1 + p * y * (1 / 5)
    p = 1 + p * y * (1 / 4)
    p = 1 + p * y * (1 / 3)
    p = 1 + p * y * (1 / 2)
    p = 1 + p * y
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    p = p * p
    return p * p


_exp = _compiled(_exp_of_minus)


def _step(start: Column, end: Column, variance_start: Column, variance_end: Column, survival: Column) -> None:
    for lane in range(len(survival)):
        a, b = 1.0 * start[lane], 1.0 * end[lane]
        spread = 0.5 * (1.0 * variance_start[lane] + 1.0 * variance_end[lane])
        above = (a > 0.0) & (b > 0.0)
        x = 2.0 * a * b / (spread if spread > NOTHING else NOTHING)
        x = x if x < SURE else SURE
        x = x if above else 0.0
        survival[lane] = survival[lane] * (1.0 - _exp(x))


bridge_step = _compiled(_step)
"""bridge_step(start, end, variance_start, variance_end, survival): columns of lanes. Multiplies each lane's `survival` by its
chance of having stayed above zero in one step; the step's variance is the mean of both ends'. An end at or below zero (or not a
number) leaves nothing. With jumps, `end` and `variance_end` are those before the jump."""


def _block(headroom: Column, variance: Column, survival: Column) -> None:
    for step in range(len(headroom) - 1):
        bridge_step(headroom[step], headroom[step + 1], variance[step], variance[step + 1], survival)


bridge_block = _compiled(_block)
"""bridge_block(headroom, variance, survival): all steps of a block without jumps. `headroom`, `variance`: [steps + 1, lanes],
the distance to the barrier and the local variance a step, at each instant. `survival` [lanes] is multiplied as in
`bridge_step`: start from ones; 1 - survival is the chance of liquidation given the path, its mean over paths the estimate."""


def _mark(survival: Column, draws: Column, step: int, crossed: Column) -> None:
    for lane in range(len(crossed)):
        if crossed[lane] == NEVER and not survival[lane] > draws[lane]:
            crossed[lane] = step


mark_crossed = _compiled(_mark)
"""mark_crossed(survival, draws, step, crossed): draws whether the barrier was crossed by the end of `step`, and keeps the
first. `draws`: one uniform in [0, 1) a path, the same for all its steps: the crossing falls where survival sinks to it."""


def _block_crossings(headroom: Column, variance: Column, draws: Column, survival: Column, crossed: Column, first: int) -> None:
    for step in range(len(headroom) - 1):
        bridge_step(headroom[step], headroom[step + 1], variance[step], variance[step + 1], survival)
        mark_crossed(survival, draws, first + step, crossed)


bridge_crossings = _compiled(_block_crossings)
"""bridge_crossings(headroom, variance, draws, survival, crossed, first): as `bridge_block`, and marks in `crossed` [lanes] the
step (counted from `first`) in which each path fell; NEVER stays where it did not."""


def _pull_of(slopes: Column, scale: Column, symbol: int, pull: Column) -> None:
    """Row `symbol` of the covariance times the slopes, in every lane."""
    pull[:] = 0.0
    for j in range(len(scale)):
        covariance = 0.0
        for k in range(len(scale)):
            covariance = covariance + scale[symbol, k] * scale[j, k]
        own = slopes[j]
        for lane in range(len(pull)):
            pull[lane] = pull[lane] + covariance * own[lane]


_pull = _compiled(_pull_of)


def _local(slopes: Column, scale: Column, variance: Column) -> None:
    pull = np.empty(len(variance))
    variance[:] = 0.0
    for i in range(len(scale)):
        _pull(slopes, scale, i, pull)
        own = slopes[i]
        for lane in range(len(variance)):
            variance[lane] = variance[lane] + own[lane] * pull[lane]


local_variance = _compiled(_local)
"""local_variance(slopes, scale, variance): the variance a step of sums of log-prices. `slopes` [m, lanes]: what the headroom
gains if a symbol's log-price rises by one (for linear contracts, signed value less what the requirement grows by); `scale`
[m, m] as in PathModel; `variance` [lanes] is overwritten."""


def _gather(slopes: Column, pull: Column, variance: Column, bend: Column) -> None:
    """Add one symbol's share of the variance and of its change on the way to the barrier."""
    for lane in range(len(pull)):
        lean = slopes[lane] * pull[lane]
        variance[lane] = variance[lane] + lean
        bend[lane] = bend[lane] + lean * pull[lane]


_share = _compiled(_gather)


def _straighten(headroom: Column, variance: Column, bend: Column, out: Column) -> None:
    for lane in range(len(out)):
        distance = 1.0 * headroom[lane]
        spread = variance[lane] if variance[lane] > NOTHING else NOTHING
        z = distance * (bend[lane] / spread) / spread
        z = z if z < 0.9 else 0.9
        z = z if z > -9.0 else -9.0
        out[lane] = distance / np.sqrt(spread) * (6.0 - z) / (6.0 - 4.0 * z)


_straight = _compiled(_straighten)


def _deviations(headroom: Column, slopes: Column, scale: Column, out: Column) -> None:
    pull, variance, bend = np.empty(len(out)), np.zeros(len(out)), np.zeros(len(out))
    for i in range(len(scale)):
        _pull(slopes, scale, i, pull)
        _share(slopes[i], pull, variance, bend)
    _straight(headroom, variance, bend, out)


def _sized(headroom: Column, slopes: Column, sizes: Column, scale: Column, out: Column) -> None:
    lanes = len(out)
    pull, variance, bend = np.empty(lanes), np.zeros(lanes), np.zeros(lanes)
    moved = np.empty((len(scale), lanes))
    for i in range(len(scale)):
        for lane in range(lanes):
            moved[i, lane] = slopes[i, lane] * sizes[i, lane]
    for i in range(len(scale)):
        _pull(moved, scale, i, pull)
        for lane in range(lanes):
            pull[lane] = pull[lane] * sizes[i, lane]
        _share(slopes[i], pull, variance, bend)
    _straight(headroom, variance, bend, out)


deviations = _compiled(_deviations)
"""deviations(headroom, slopes, scale, out): how many standard deviations of a step the headroom is from zero, straightened.

    pull = scale scale' slopes,  v = sum slope_i pull_i,  b = sum slope_i pull_i^2,  z = headroom b / v^2
    out = headroom / sqrt(v)  x  -log(1 - z) / z

On the steepest way to the barrier the standard deviation changes with the slopes themselves (a slope of a linear contract is
a value: it moves as its price does), by b / v^1.5 a unit of headroom; `out` is the integral of 1 / sd along it. For one symbol
that is the log-price over its barrier in standard deviations, exactly; for several it is right to the first bend. Bridge `out`
with a variance of ones. The logarithm is a quotient good to 1e-4 for z within 0.2; farther off nothing is crossed in a step.
Arguments as in `local_variance`."""

deviations_sized = _compiled(_sized)
"""deviations_sized(headroom, slopes, sizes, scale, out): as `deviations`, where each path has volatilities of its own: `sizes`
[m, lanes] multiplies the rows of `scale`. GARCH: the square root of the step's variance, which follows from the path so far;
both ends of a step take the same, since it holds for the whole step."""


def _watched(headroom: Column, variance: Column, share: float, out: Column) -> None:
    for lane in range(len(out)):
        spread = 1.0 * variance[lane]
        out[lane] = 1.0 * headroom[lane] + WATCH * np.sqrt((spread if spread > 0.0 else 0.0) * share)


watched = _compiled(_watched)
"""watched(headroom, variance, share, out): the headroom to a barrier that is only looked at now and then. `share`: the time
between two looks over the time of a step (one second and a step of an hour: 1 / 3600). The looks must be many a step."""


def crossing_fraction(start: float, end: float, variance: float, normal: float, uniform: float) -> float:
    """Where in a step the path first reached zero, as a fraction of the step, given that it did: one draw from a standard
    `normal` and a `uniform` in [0, 1). `end` may be on either side; asserts start > 0 and variance > 0.

    With s = t / (1 - t) a bridge is Brownian motion with drift, so that s is inverse Gaussian of mean start / |end| and shape
    start^2 / variance (Michael, Schucany and Haas draw it; their root is taken in the form that does not cancel)."""
    assert start > 0 and variance > 0, (start, variance)
    square = normal * normal
    shape = start * start / variance
    if end == 0:
        return shape / (shape + square)
    mean = start / abs(end)
    half = mean * square / (2 * shape)
    root = mean / (1 + half + sqrt(half * half + 2 * half))
    s = root if uniform * (mean + root) <= mean else mean * mean / root
    return s / (1 + s)
