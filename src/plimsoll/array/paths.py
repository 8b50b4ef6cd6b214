"""Blocks of log prices of LANES paths at once, for any PathModel. No rule stands here.

A path is a function of (seed, path number, step) alone: neither the paths beside it, nor the length of the blocks in which it
is asked for, nor the thread that computes it changes a bit of it. (Another machine, with other fused steps, may.)

Work goes by quads of four steps. A quad's returns are summed in float32 on top of a float64 sum of all quads before it, so
that a path's rounding does not grow with its length. Where a block ends within a quad, the rest of it waits in the state.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from plimsoll.array.curves import Column, aligned, f4, i4, inlined, inner, kernel, u4
from plimsoll.array.models import BOOTSTRAP, GARCH, JUMPS, STUDENT, PathModel
from plimsoll.array.randoms import (
    EVENTS,
    PHILOX,
    QUAD,
    SPAN,
    Stream,
    begin_stream,
    draw_normals,
    draw_words,
    four_words,
    normal_pair,
    open_stream,
    student_pair,
)
from plimsoll.array.randoms import LANES as LANES
from plimsoll.errors import BadInput

NEVER = 2**30
"""A step that no path reaches: where the next event of a lane without events is due."""
WORD = 2.0**-32


class Room(NamedTuple):
    """Room to work: `moves` [m + 1, 4 LANES] float32, the returns of a quad; `words` [4 LANES] uint32; `grown`
    [2, LANES] float32; `few` [m + 4]."""

    moves: Column
    words: Column
    grown: Column
    few: Column


class PathState(NamedTuple):
    """LANES paths on their way. `step` [1] int64: the next one; `base` [m, LANES] float64: log(price / start) after the last
    whole quad; `ahead` [4, m, LANES], `ahead_rows` [4, LANES]: the quad in progress; `variance` [m, LANES] float32:
    GARCH, of the next step; `due` int32, `event` uint32 [LANES]: the step of the next jump or fresh row, and how many came
    before; `row` [LANES] int32: BOOTSTRAP, the row of the last step."""

    stream: Stream
    step: Column
    base: Column
    ahead: Column
    ahead_rows: Column
    variance: Column
    due: Column
    event: Column
    row: Column
    room: Room


def open_paths(model: PathModel, seed: int, first: int, generator: int = PHILOX) -> PathState:
    """Paths first .. first + LANES - 1 before their first step. BadInput: no such seed, path number or model."""
    m = len(model.drift)
    if model.kind == STUDENT and not model.freedom > 2:
        raise BadInput("the path model", "freedom", model.freedom, "give more than 2: fewer degrees have no variance")
    if model.kind == BOOTSTRAP and len(model.rows) == 0:
        raise BadInput("the path model", "rows", None, "give at least one recorded row")
    state = PathState(
        stream=open_stream(seed, first, generator),
        step=np.zeros(1, dtype=np.int64),
        base=aligned((m, LANES), np.float64),
        ahead=aligned((QUAD, m, LANES), np.float32),
        ahead_rows=aligned((QUAD, LANES), np.int32),
        variance=aligned((m, LANES), np.float32),
        due=aligned((LANES,), np.int32),
        event=aligned((LANES,), np.uint32),
        row=aligned((LANES,), np.int32),
        room=Room(
            aligned((m + 1, SPAN), np.float32),
            aligned((SPAN,), np.uint32),
            aligned((2, LANES), np.float32),
            aligned((m + QUAD,), np.float64),
        ),
    )
    begin_paths(model, state, first)
    return state


@kernel
def begin_paths(model: PathModel, state: PathState, first: int) -> None:
    """Set the state back to before the first step of paths first .. first + LANES - 1, as if opened with their number: so that
    one chunk after the other uses the same memory, in compiled code."""
    begin_stream(state.stream, first)
    key, numbers, due = state.stream.key, state.stream.numbers, state.due
    state.step[0] = 0
    state.base[:] = 0.0
    state.ahead_rows[:] = i4(-1)
    state.event[:] = u4(0)
    due[:] = i4(0 if model.kind == BOOTSTRAP else NEVER)
    for k in range(len(model.drift)):
        for i in range(LANES):
            state.variance[k, i] = f4(model.garch[k, 4])
    if model.kind == JUMPS:
        for i in range(LANES):
            word, _, _, _ = four_words(numbers[i], 0, 0, EVENTS, key)
            due[i] = min(_gap(word, model.jump_rate) - 1, NEVER)


def open_block(model: PathModel, steps: int) -> Column:
    """Room for `steps` steps of LANES paths, as next_block fills it fastest."""
    return aligned((steps, len(model.drift), LANES), np.float32)


@kernel
def next_block(model: PathModel, state: PathState, out: Column) -> None:
    """`out` float32 [steps, m, LANES]: log(price / start price) after each of the next steps; the state moves on."""
    _advance(model, state, out, state.ahead_rows[:0])


@kernel
def next_rows(model: PathModel, state: PathState, out: Column, chosen: Column) -> None:
    """As next_block, and `chosen` int32 [steps, LANES]: the row of `model.rows` that each step was taken from, so that what was
    recorded beside it (funding) can be looked up; JUMPS: the number of the path's jump at the end of the step; -1: none."""
    _advance(model, state, out, chosen)


@inner
def _advance(model: PathModel, state: PathState, out: Column, chosen: Column) -> None:
    # Arrays are taken out of their tuples once a block: see randoms.draw_words.
    generator, key, numbers, track = state.stream
    moves, words, grown, few = state.room
    base, ahead, quad_rows, variance = state.base, state.ahead, state.ahead_rows, state.variance
    due, event, row = state.due, state.event, state.row
    kind, drift, scale, garch, rows = model.kind, model.drift, model.scale, model.garch, model.rows
    jump_mean, jump_scale = model.jump_mean, model.jump_scale
    m, steps, step = len(drift), len(out), state.step[0]
    done = 0
    while done < steps:
        phase = step % QUAD
        taken = min(QUAD - phase, steps - done)
        if phase == 0:
            quad = step // QUAD
            if kind == BOOTSTRAP:
                _resample(moves, quad_rows, rows, model.restart, step, key, numbers, due, event, row)
            elif kind == STUDENT:
                _student(moves, m, model.freedom, generator, key, numbers, track, quad, words, grown)
            else:
                for k in range(m):
                    draw_normals(moves, k, generator, key, numbers, track, quad, words)
            target, at = (out, done) if taken == QUAD else (ahead, 0)
            if kind == GARCH:
                _correlate(moves, scale)
                for k in range(m):
                    _heteroscedastic(moves[k], variance[k], garch[k])
            if kind in (GARCH, BOOTSTRAP):
                for k in range(m):
                    rows_of = target[at, k], target[at + 1, k], target[at + 2, k], target[at + 3, k]
                    _sum_one(moves[k], f4(1), f4(drift[k]), base[k], *rows_of)
            else:
                _sum_correlated(moves, scale, drift, base, target, at)
            if kind == JUMPS:
                quad_rows[:] = i4(-1)
            if kind == JUMPS and _soon(due, step + QUAD):
                _jump(target, at, base, jump_mean, jump_scale, model.jump_rate, step, key, numbers, due, event, few, quad_rows)
        if taken < QUAD:
            for later in range(taken):
                for k in range(m):
                    _copy(ahead[phase + later, k], out[done + later, k])
        if len(chosen) > 0:
            for later in range(taken):
                _copy(quad_rows[phase + later], chosen[done + later])
        step += taken
        done += taken
    state.step[0] = step


@inlined
def _copy(of: Column, to: Column) -> None:
    """A row; numba's own assignment of slices can raise, in words that take it seconds to compile."""
    for i in range(LANES):
        to[i] = of[i]


@inlined
def _sum_correlated(moves: Column, scale: Column, drift: Column, base: Column, out: Column, at: int) -> None:
    """Lower triangular `scale` times the normals, and the sums of it: the last symbol first, since each needs those before it.
    The last two of these are added while summing up, the others in place."""
    for k in range(len(scale) - 1, -1, -1):
        mine, own, mean, mine_base = moves[k], f4(scale[k, k]), f4(drift[k]), base[k]
        first, second, third, fourth = out[at, k], out[at + 1, k], out[at + 2, k], out[at + 3, k]
        if k > 2:
            _blend(moves, k, scale, k - 2)
            own = f4(1)
        if k == 0:
            _sum_one(mine, own, mean, mine_base, first, second, third, fourth)
        elif k == 1:
            _sum_two(mine, own, moves[0], f4(scale[1, 0]), mean, mine_base, first, second, third, fourth)
        else:
            one, other = f4(scale[k, k - 2]), f4(scale[k, k - 1])
            _sum_three(mine, own, moves[k - 2], one, moves[k - 1], other, mean, mine_base, first, second, third, fourth)


# One loop a function: in one function with others the compiler no longer turns it into whole vectors.


@inlined
def _sum_one(mine: Column, own: Any, drift: Any, base: Column, a: Column, b: Column, c: Column, d: Column) -> None:
    """A symbol's four returns summed on top of its base, which then holds their float32 sum as well."""
    for i in range(LANES):
        before = base[i]
        start = f4(before)
        run = drift + own * mine[i]
        a[i] = start + run
        run += drift + own * mine[i + LANES]
        b[i] = start + run
        run += drift + own * mine[i + 2 * LANES]
        c[i] = start + run
        run += drift + own * mine[i + 3 * LANES]
        d[i] = start + run
        base[i] = before + np.float64(run)


@inlined
def _sum_two(
    mine: Column, own: Any, one: Column, x: Any, drift: Any, base: Column, a: Column, b: Column, c: Column, d: Column
) -> None:
    """As _sum_one, with a share of another symbol's normals."""
    for i in range(LANES):
        before = base[i]
        start = f4(before)
        run = drift + own * mine[i] + x * one[i]
        a[i] = start + run
        run += drift + own * mine[i + LANES] + x * one[i + LANES]
        b[i] = start + run
        run += drift + own * mine[i + 2 * LANES] + x * one[i + 2 * LANES]
        c[i] = start + run
        run += drift + own * mine[i + 3 * LANES] + x * one[i + 3 * LANES]
        d[i] = start + run
        base[i] = before + np.float64(run)


@inlined
def _sum_three(
    mine: Column,
    own: Any,
    one: Column,
    x: Any,
    two: Column,
    y: Any,
    drift: Any,
    base: Column,
    a: Column,
    b: Column,
    c: Column,
    d: Column,
) -> None:
    """As _sum_one, with shares of two other symbols' normals."""
    for i in range(LANES):
        before = base[i]
        start = f4(before)
        run = drift + own * mine[i] + x * one[i] + y * two[i]
        a[i] = start + run
        run += drift + own * mine[i + LANES] + x * one[i + LANES] + y * two[i + LANES]
        b[i] = start + run
        run += drift + own * mine[i + 2 * LANES] + x * one[i + 2 * LANES] + y * two[i + 2 * LANES]
        c[i] = start + run
        run += drift + own * mine[i + 3 * LANES] + x * one[i + 3 * LANES] + y * two[i + 3 * LANES]
        d[i] = start + run
        base[i] = before + np.float64(run)


@inner
def _correlate(moves: Column, scale: Column) -> None:
    """Lower triangular `scale` times the normals, in place."""
    for k in range(len(scale) - 1, -1, -1):
        _blend(moves, k, scale, k)


@inner
def _blend(moves: Column, k: int, scale: Column, count: int) -> None:
    """A symbol's normals times its own scale, and shares of the first `count` symbols' added, in place."""
    mine, own = moves[k], f4(scale[k, k])
    if count % 2 == 0:
        _times(mine, own)
    else:
        _times_and_one(mine, own, moves[count - 1], f4(scale[k, count - 1]))
    for j in range(0, count - count % 2, 2):
        _and_two(mine, moves[j], f4(scale[k, j]), moves[j + 1], f4(scale[k, j + 1]))


@inner
def _times(mine: Column, own: Any) -> None:
    for i in range(SPAN):
        mine[i] = own * mine[i]


@inner
def _times_and_one(mine: Column, own: Any, other: Column, share: Any) -> None:
    for i in range(SPAN):
        mine[i] = own * mine[i] + share * other[i]


@inner
def _and_two(mine: Column, one: Column, share: Any, two: Column, other_share: Any) -> None:
    for i in range(SPAN):
        mine[i] = mine[i] + share * one[i] + other_share * two[i]


@inner
def _student(
    moves: Column,
    m: int,
    freedom: float,
    generator: int,
    key: Column,
    numbers: Column,
    track: Column,
    quad: int,
    words: Column,
    grown: Column,
) -> None:
    """A quad of the multivariate t into `moves`: pairs of symbols, two steps a call; an odd symbol's partner is thrown away."""
    for twice in range(2):
        grown[:] = f4(1)
        for pair in range((m + 1) // 2):
            draw_words(words, generator, key, numbers, track, quad, 2 * pair + twice)
            for half in range(2):
                start = (2 * twice + half) * LANES
                student_pair(moves, pair, start, words, 2 * half * LANES, grown[half], freedom)


@inner
def _heteroscedastic(moves: Column, variance: Column, terms: Column) -> None:
    """A symbol's four correlated normals times the volatility that its own surprises lead to (GARCH after Glosten, Jagannathan
    and Runkle), in place; `variance` moves on to the step after."""
    omega, alpha, gamma, beta = f4(terms[0]), f4(terms[1]), f4(terms[2]), f4(terms[3])
    for i in range(LANES):
        h = variance[i]
        for step in range(QUAD):
            surprise = math.sqrt(h) * moves[step * LANES + i]
            moves[step * LANES + i] = surprise
            answer = alpha + gamma if surprise < f4(0) else alpha
            h = omega + answer * (surprise * surprise) + beta * h
        variance[i] = h


@inner
def _gap(word: Any, rate: float) -> int:
    """Steps to the next event where each step has one with probability `rate`: 1, 2, ... (geometric, from one word)."""
    if rate <= 0:
        return NEVER
    steps = math.log((np.float64(word) + 0.5) * WORD) / math.log1p(-min(rate, 1.0))
    return NEVER if steps >= NEVER else 1 + int(steps)


@inner
def _next_event(i: int, rate: float, key: Column, numbers: Column, due: Column, event: Column) -> None:
    """Count the event that is due in a lane and find when the next one is."""
    event[i] += u4(1)
    word, _, _, _ = four_words(numbers[i], event[i], 0, EVENTS, key)
    due[i] = min(due[i] + _gap(word, rate), NEVER)


@inner
def _soon(due: Column, end: int) -> bool:
    """Whether any lane has an event before step `end`."""
    count = 0
    limit = i4(end)
    for i in range(LANES):
        count += due[i] < limit
    return count > 0


@inner
def _jump(
    out: Column,
    at: int,
    base: Column,
    mean: Column,
    scale: Column,
    rate: float,
    first: int,
    key: Column,
    numbers: Column,
    due: Column,
    event: Column,
    few: Column,
    chosen: Column,
) -> None:
    """The jumps of the quad that begins at step `first`, on top of its prices: seldom, so lane by lane, by Philox."""
    m = len(mean)
    for i in range(LANES):
        while due[i] < first + QUAD:
            step = due[i] - first
            jump_of(mean, scale, numbers[i], event[i], key, few)
            chosen[step, i] = i4(event[i])
            for k in range(m):
                base[k, i] += few[k]
                for later in range(step, QUAD):
                    out[at + later, k, i] += f4(few[k])
            _next_event(i, rate, key, numbers, due, event)


@kernel
def jump_of(mean: Column, scale: Column, number: Any, event: Any, key: Column, out: Column) -> None:
    """The log sizes of jump `event` of path `number` into `out` [m], of which there is room for whole fours."""
    m = len(mean)
    for call in range((m + 3) // 4):
        a, b, c, d = four_words(number, event, call + 1, EVENTS, key)
        out[4 * call], out[4 * call + 1] = normal_pair(a, b)
        out[4 * call + 2], out[4 * call + 3] = normal_pair(c, d)
    for k in range(m - 1, -1, -1):
        size = mean[k]
        for j in range(k + 1):
            size += scale[k, j] * out[j]
        out[k] = size


@inner
def _resample(
    moves: Column,
    chosen: Column,
    rows: Column,
    restart: float,
    first: int,
    key: Column,
    numbers: Column,
    due: Column,
    event: Column,
    row: Column,
) -> None:
    """Recorded rows into `moves`: the row after the last one, the first after the very last, or a fresh one where it is due."""
    count, m = rows.shape
    for step in range(QUAD):
        for i in range(LANES):
            if due[i] == first + step:
                _, word, _, _ = four_words(numbers[i], event[i], 0, EVENTS, key)
                _next_event(i, restart, key, numbers, due, event)
                row[i] = i4((np.uint64(word) * np.uint64(count)) >> np.uint64(32))
            else:
                after = row[i] + 1
                row[i] = after if after < count else 0
            chosen[step, i] = row[i]
        for k in range(m):
            for i in range(LANES):
                moves[k, step * LANES + i] = f4(rows[row[i], k])
