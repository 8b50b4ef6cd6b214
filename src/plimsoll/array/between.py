"""What prices do between two steps of a path, drawn where it matters: points of the Brownian bridge between the step's ends.

A walk that looks at its steps alone misses what comes and goes between them, and flatters: a stop would fill at its price on a
straight line of which the far end is known. So each step near a line or a level is cut in halves, and those again, at points of
the path that the model allows between the two ends; the walk decides where (`wander`), this module draws. A point is a function
of (seed, path number, step, place in the step) alone: it does not matter who asks for it, or whether.

- BROWNIAN and JUMPS: the bridge of the step's diffusion; a jump comes at its end, all at once, so that stops slip in it.
- GARCH: the same with the step's own variance.
- STUDENT: a step is taken for a Brownian motion whose variance was drawn for the step: W x the model's, with 1 / W gamma. Given
  the step's moves, 1 / W is gamma again, and is drawn so: the joint law of all steps stays what it was.
- BOOTSTRAP: a recorded row tells nothing of its way. Prices move straight; what is between is not seen.

No rule stands here.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from plimsoll.array.curves import Column, aligned, f4, i4, inner, kernel
from plimsoll.array.models import BOOTSTRAP, BROWNIAN, GARCH, JUMPS, STUDENT, PathModel, variances
from plimsoll.array.paths import LANES, jump_of
from plimsoll.array.randoms import BRIDGES, MIXING, four_words, key_of, normal_pair

STRAIGHT: Final = -1
"""The kind of a road whose prices move straight between two rows."""
HALVES: Final = 12
"""How often a step is cut in halves at most: what is then still missed is an excursion within a 4,096th of a step."""
MISSED: Final = 1e-7
"""A stretch is not looked into where the chance that its path reached the line is below this."""
POINTS: Final = 512
"""Points that a step is given at most: a position that is sold bit by bit along its line would take all there are."""


class Road(NamedTuple):
    """What one path does between the rows of its table. `kind`: of the model, or STRAIGHT; `key` [2] uint32: the seed; `number`
    [1]: the path's; `tellers` [coins]: the market whose mark is a coin's price (-1: one); `start` [m]: log prices at step 0;
    `logs` [rows, m]: log(price / start price); `reach` [rows]: how near two distances to a line (in shares of the values at
    stake) may be before the step to that row is looked into: where twice their product is less; `stretch`: what it is for a
    step of the stated variance; `sizes` [rows, m]: GARCH, the step's volatility of each symbol; `jumps` [rows]: the number of
    the jump at that row, -1: none. `room`, `ways`: see `wander`."""

    kind: int
    key: Column
    number: Column
    scale: Column
    stretch: float
    jump_mean: Column
    jump_scale: Column
    tellers: Column
    start: Column
    logs: Column
    reach: Column
    sizes: Column
    jumps: Column
    room: Column
    ways: Column


def road_of(model: PathModel, seed: int, starts: Column, tellers: Column, rows: int, straight: bool = False) -> Road:
    """Room for the roads of one path after the other, in tables of up to `rows` rows."""
    m = len(starts)
    kind = STRAIGHT if straight or model.kind == BOOTSTRAP else model.kind
    return Road(
        kind=kind,
        key=key_of(seed),
        number=np.zeros(1, np.int64),
        scale=model.scale,
        stretch=-math.log(MISSED) * float(variances(model.scale).max(initial=0.0)),
        jump_mean=model.jump_mean,
        jump_scale=model.jump_scale,
        tellers=tellers,
        start=np.log(starts),
        logs=np.zeros((rows, m)),
        reach=np.zeros(rows),
        sizes=np.zeros((rows if kind == GARCH else 0, m)),
        jumps=np.full(rows, -1, np.int32),
        room=np.zeros((HALVES + 6, m + len(tellers) + 8)),
        ways=np.zeros((3, m + 2)),
    )


def no_road(m: int) -> Road:
    """For a walk along straight segments."""
    empty = np.zeros((0, m))
    model = PathModel(STRAIGHT, empty[0:0, 0], empty, 0.0, 0.0, np.zeros(m), empty, empty, empty, 0.0, 1.0)
    return road_of(model, 0, np.ones(m), np.zeros(0, np.int64), 0, straight=True)


class Survey(NamedTuple):
    """How far LANES paths may stray in each step of a block. `reach` [steps, LANES], `sizes` [steps, m, LANES] (GARCH; else no
    steps): as in `Road`; `last` [m, LANES]: log prices where the block before ended; `variance` [m, LANES]: GARCH, of the next
    step; `key`, `first`: the seed, the number of the first path."""

    key: Column
    first: int
    reach: Column
    sizes: Column
    last: Column
    variance: Column


def open_survey(model: PathModel, seed: int, first: int, steps: int) -> Survey:
    """Before the first step of paths `first` and on. `steps`: the most that a block has."""
    m = len(model.drift)
    survey = Survey(
        key_of(seed),
        first,
        aligned((steps, LANES), np.float32),
        aligned((steps if model.kind == GARCH else 0, m, LANES), np.float32),
        aligned((m, LANES), np.float32),
        aligned((m, LANES), np.float64),
    )
    survey.last[:] = 0
    survey.variance[:] = model.garch[:, 4:5]
    return survey


@kernel
def look_over(model: PathModel, survey: Survey, logs: Column, jumps: Column, step: int) -> None:
    """Fill in a block's steps, the first of them step `step`. `logs` float32 [steps, m, LANES], `jumps` [steps, LANES]: as
    `next_rows` gave them."""
    reach, last = survey.reach, survey.last
    steps, m = len(logs), len(model.drift)
    most = 0.0
    for k in range(m):
        own = 0.0
        for j in range(k + 1):
            own += model.scale[k, j] * model.scale[k, j]
        most = max(most, own)
    if model.kind == STUDENT:
        _student_reach(model, most, survey, logs, step)
    elif model.kind == GARCH:
        _garch_reach(model, survey, logs)
    elif model.kind in (BROWNIAN, JUMPS):
        reach[:steps] = f4(-math.log(MISSED) * most)
    else:
        reach[:steps] = f4(-1)
    if model.kind == JUMPS:
        for row in range(steps):
            for i in range(LANES):
                if jumps[row, i] >= 0:
                    reach[row, i] = f4(np.inf)
    for k in range(m):
        for i in range(LANES):
            last[k, i] = logs[steps - 1, k, i]


@inner
def _garch_reach(model: PathModel, survey: Survey, logs: Column) -> None:
    """Each step's variance, from the surprises before it."""
    reach, sizes, last, variance = survey.reach, survey.sizes, survey.last, survey.variance
    farness = -math.log(MISSED)
    for step in range(len(logs)):
        for i in range(LANES):
            reach[step, i] = f4(0)
        for k in range(len(model.drift)):
            omega, alpha, gamma, beta = model.garch[k, 0], model.garch[k, 1], model.garch[k, 2], model.garch[k, 3]
            for i in range(LANES):
                h = variance[k, i]
                before = last[k, i] if step == 0 else logs[step - 1, k, i]
                surprise = np.float64(logs[step, k, i]) - np.float64(before) - model.drift[k]
                sizes[step, k, i] = f4(math.sqrt(h))
                reach[step, i] = max(reach[step, i], f4(farness * h))
                variance[k, i] = omega + (alpha + (gamma if surprise < 0 else 0.0)) * surprise * surprise + beta * h


@inner
def _student_reach(model: PathModel, most: float, survey: Survey, logs: Column, step: int) -> None:
    """The variance of a step is W x the stated one: 1 / W is gamma, its rate told by the step's moves."""
    m, farness = len(model.drift), -math.log(MISSED) * most
    shape = model.freedom / 2
    for k in range(m):
        shape += 0.5 if model.scale[k, k] > 0 else 0.0
    moves = np.zeros(m)
    for row in range(len(logs)):
        for i in range(LANES):
            for k in range(m):
                before = survey.last[k, i] if row == 0 else logs[row - 1, k, i]
                moves[k] = np.float64(logs[row, k, i]) - np.float64(before) - model.drift[k]
            rate = (model.freedom - 2 + _length(model.scale, moves)) / 2
            survey.reach[row, i] = f4(farness * rate / _gamma(shape, survey.key, survey.first + i, step + row))


@inner
def _length(scale: Column, moves: Column) -> float:
    """The squared length of the normals that make up a step's moves (symbols that are sums of those before them have none);
    `moves` are lost."""
    total = 0.0
    for k in range(len(scale)):
        left = moves[k]
        for j in range(k):
            left -= scale[k, j] * moves[j]
        moves[k] = left / scale[k, k] if scale[k, k] > 0 else 0.0
        total += moves[k] * moves[k]
    return total


@inner
def _gamma(shape: float, key: Column, number: int, step: int) -> float:
    """A gamma variate of a path and step, by Marsaglia and Tsang's way (2000), for shapes above 1."""
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    for attempt in range(64):
        one, two, three, _ = four_words(number, step, attempt, MIXING, key)
        normal, _ = normal_pair(one, two)
        cube = (1.0 + c * normal) ** 3
        uniform = (np.float64(three) + 0.5) * 2.0**-32
        if cube > 0 and math.log(uniform) < 0.5 * normal * normal + d - d * cube + d * math.log(cube):
            return float(d * cube)
    return d


@kernel
def bridge_point(road: Road, row: int, step: int, node: int, size: float, left: Column, right: Column, out: Column) -> None:
    """The middle of the stretch from `left` to `right` (log prices) into `out`: their mean and noise of `size` (the standard
    deviation of the middle in those of a step as stated). `node`: the stretch's number, 1: the whole step,
    2 n and 2 n + 1: the halves of n."""
    m = len(road.scale)
    calls = (m + 3) // 4
    for call in range(calls):
        a, b, c, d = four_words(road.number[0], step, node * calls + call, BRIDGES, road.key)
        out[4 * call], out[4 * call + 1] = normal_pair(a, b)
        out[4 * call + 2], out[4 * call + 3] = normal_pair(c, d)
    for k in range(m - 1, -1, -1):
        noise = 0.0
        for j in range(k + 1):
            noise += road.scale[k, j] * out[j]
        if len(road.sizes) > 0:
            noise *= road.sizes[row, k]
        out[k] = noise
    for k in range(m):
        out[k] = (left[k] + right[k]) / 2 + size * out[k]


@kernel
def jump_at(road: Road, row: int, out: Column) -> bool:
    """The log sizes of the jump at a row; False: there is none."""
    m = len(road.scale)
    for k in range(m):
        out[k] = 0.0
    if len(road.jumps) == 0 or road.jumps[row] < 0:
        return False
    jump_of(road.jump_mean, road.jump_scale, road.number[0], road.jumps[row], road.key, out)
    return True


@kernel
def lay_road(road: Road, survey: Survey, before: Column, logs: Column, jumps: Column, number: int, lane: int) -> None:
    """A lane's part of a block as the road of its table. `before` [m, LANES]: log prices at the block's start."""
    road.number[0] = number
    rows, m = len(logs) + 1, len(road.scale)
    for k in range(m):
        road.logs[0, k] = before[k, lane]
        for row in range(1, rows):
            road.logs[row, k] = logs[row - 1, k, lane]
    for row in range(1, rows):
        road.reach[row] = survey.reach[row - 1, lane]
        road.jumps[row] = jumps[row - 1, lane] if road.kind == JUMPS else i4(-1)
    if len(road.sizes) > 0:
        for row in range(1, rows):
            for k in range(m):
                road.sizes[row, k] = survey.sizes[row - 1, k, lane]
