"""Blocks of log prices of LANES paths at once, for any PathModel. No rule stands here.

A path is a function of (seed, path number, step) alone: neither the paths beside it, nor the length of the blocks in which it
is asked for, nor the thread that computes it changes a bit of it. (Another machine, with other fused steps, may.)

Work goes by quads of four steps. A quad's returns are summed in float32 on top of a float64 sum of all quads before it, so
that a path's rounding does not grow with its length. Where a block ends within a quad, the rest of it waits in the state.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from plimsoll.array.curves import Column, f4, i4, kernel, u4
from plimsoll.array.models import BOOTSTRAP, GARCH, JUMPS, STUDENT, PathModel
from plimsoll.array.randoms import (
    EVENTS,
    PHILOX,
    QUAD,
    SPAN,
    Stream,
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


class Room(NamedTuple):
    """Room to work, for one block: `moves` [symbols * 4 LANES] float32, a symbol's quad after the other; `words` [4 LANES]
    uint32; `grown` [2 LANES], `few` [m + 4] float32."""

    moves: Column
    words: Column
    grown: Column
    few: Column


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
        base=np.zeros((m, LANES)),
        ahead=np.zeros((QUAD, m, LANES), dtype=np.float32),
        ahead_rows=np.full((QUAD, LANES), -1, dtype=np.int32),
        variance=np.zeros((m, LANES), dtype=np.float32),
        due=np.full(LANES, NEVER, dtype=np.int32),
        event=np.zeros(LANES, dtype=np.uint32),
        row=np.zeros(LANES, dtype=np.int32),
    )
    if model.kind == GARCH:
        state.variance[:] = model.garch[:, 4:5]
    elif model.kind == JUMPS:
        _first_jumps(state, model.jump_rate)
    elif model.kind == BOOTSTRAP:
        state.due[:] = 0
    return state


@kernel
def next_block(model: PathModel, state: PathState, out: Column) -> None:
    """`out` float32 [steps, m, LANES]: log(price / start price) after each of the next steps; the state moves on."""
    _advance(model, state, out, state.ahead_rows[:0])


@kernel
def next_rows(model: PathModel, state: PathState, out: Column, chosen: Column) -> None:
    """As next_block, and `chosen` int32 [steps, LANES]: the row of `model.rows` that each step was taken from, so that what was
    recorded beside it (funding) can be looked up; -1 where the model has no rows."""
    _advance(model, state, out, chosen)


@kernel
def _advance(model: PathModel, state: PathState, out: Column, chosen: Column) -> None:
    m = len(model.drift)
    room = Room(
        np.empty((m + 1) * SPAN, dtype=np.float32),
        np.empty(SPAN, dtype=np.uint32),
        np.empty(2 * LANES, dtype=np.float32),
        np.empty(m + QUAD, dtype=np.float32),
    )
    steps = out.shape[0]
    done = 0
    while done < steps:
        phase = state.step[0] % QUAD
        if phase == 0 and steps - done >= QUAD:
            _quad(model, state, room, out, chosen, done)
            taken = QUAD
        else:
            if phase == 0:
                _quad(model, state, room, state.ahead, state.ahead_rows, 0)
            taken = min(QUAD - phase, steps - done)
            for s in range(taken):
                for k in range(m):
                    for i in range(LANES):
                        out[done + s, k, i] = state.ahead[phase + s, k, i]
                if len(chosen) > 0:
                    for i in range(LANES):
                        chosen[done + s, i] = state.ahead_rows[phase + s, i]
        state.step[0] += taken
        done += taken


@kernel
def _quad(model: PathModel, state: PathState, room: Room, out: Column, chosen: Column, at: int) -> None:
    """The next four steps into out[at .. at + 3], the rows they come from into `chosen` where it has room."""
    m = len(model.drift)
    moves = room.moves
    if model.kind == BOOTSTRAP:
        _resample(model, state, moves, chosen, at)
    else:
        quad = state.step[0] // QUAD
        if model.kind == STUDENT:
            _student(model.freedom, m, state.stream, quad, room)
        else:
            for k in range(m):
                draw_normals(moves[k * SPAN : (k + 1) * SPAN], state.stream, quad, k, room.words)
        _correlate(moves, model.scale)
        if model.kind == GARCH:
            for k in range(m):
                _heteroscedastic(moves[k * SPAN : (k + 1) * SPAN], state.variance[k], model.garch[k])
        elif model.kind == JUMPS:
            _jump(model, state, room)
        if len(chosen) > 0:
            chosen[at : at + QUAD] = -1
    for k in range(m):
        _sum_up(
            moves[k * SPAN : (k + 1) * SPAN],
            f4(model.drift[k]),
            state.base[k],
            out[at, k],
            out[at + 1, k],
            out[at + 2, k],
            out[at + 3, k],
        )


@kernel
def _sum_up(moves: Column, drift: Any, base: Column, one: Column, two: Column, three: Column, four: Column) -> None:
    """A symbol's four returns summed on top of its base, which then holds their float32 sum as well."""
    for i in range(LANES):
        before = base[i]
        start = f4(before)
        run = moves[i] + drift
        one[i] = start + run
        run += moves[i + LANES] + drift
        two[i] = start + run
        run += moves[i + 2 * LANES] + drift
        three[i] = start + run
        run += moves[i + 3 * LANES] + drift
        four[i] = start + run
        base[i] = before + np.float64(run)


@kernel
def _correlate(moves: Column, scale: Column) -> None:
    """Lower triangular `scale` times the normals, in place: the last symbol first, since each needs only those before it."""
    for k in range(len(scale) - 1, -1, -1):
        own = f4(scale[k, k])
        mine = moves[k * SPAN : (k + 1) * SPAN]
        if k % 2 == 0:
            for i in range(SPAN):
                mine[i] = own * mine[i]
        else:
            with_it = f4(scale[k, k - 1])
            other = moves[(k - 1) * SPAN : k * SPAN]
            for i in range(SPAN):
                mine[i] = own * mine[i] + with_it * other[i]
        for j in range(0, k - k % 2, 2):
            with_one, with_two = f4(scale[k, j]), f4(scale[k, j + 1])
            one = moves[j * SPAN : (j + 1) * SPAN]
            two = moves[(j + 1) * SPAN : (j + 2) * SPAN]
            for i in range(SPAN):
                mine[i] = mine[i] + with_one * one[i] + with_two * two[i]


@kernel
def _student(freedom: float, m: int, stream: Stream, quad: int, room: Room) -> None:
    """A quad of the multivariate t into `moves`: pairs of symbols, two steps a call; an odd symbol's partner is thrown away."""
    for half in range(2):
        room.grown[:] = f4(1)
        for pair in range((m + 1) // 2):
            draw_words(room.words, stream, quad, 2 * pair + half)
            for step in range(2):
                words = room.words[2 * step * LANES : 2 * (step + 1) * LANES]
                grown = room.grown[step * LANES : (step + 1) * LANES]
                x = 2 * pair * SPAN + (2 * half + step) * LANES
                y = x + SPAN
                student_pair(room.moves[x : x + LANES], room.moves[y : y + LANES], words, grown, freedom, pair)


@kernel
def _heteroscedastic(moves: Column, variance: Column, terms: Column) -> None:
    """A symbol's four correlated normals times the volatility that its own surprises lead to (GARCH after Glosten, Jagannathan
    and Runkle), in place; `variance` moves on to the step after."""
    omega, alpha, gamma, beta = f4(terms[0]), f4(terms[1]), f4(terms[2]), f4(terms[3])
    for i in range(LANES):
        h = variance[i]
        for step in range(QUAD):
            surprise = math.sqrt(h) * moves[i + step * LANES]
            moves[i + step * LANES] = surprise
            answer = alpha + gamma if surprise < f4(0) else alpha
            h = omega + answer * (surprise * surprise) + beta * h
        variance[i] = h


@kernel
def _gap(word: Any, rate: float) -> int:
    """Steps to the next event where each step has one with probability `rate`: 1, 2, ... (geometric, from one word)."""
    if rate <= 0:
        return NEVER
    steps = math.log((np.float64(word) + 0.5) * WORD) / math.log1p(-min(rate, 1.0))
    return NEVER if steps >= NEVER else 1 + int(steps)


@kernel
def _first_jumps(state: PathState, rate: float) -> None:
    """When each lane jumps first."""
    for i in range(LANES):
        word, _, _, _ = four_words(state.stream.numbers[i], 0, 0, EVENTS, state.stream.key)
        state.due[i] = min(_gap(word, rate) - 1, NEVER)


@kernel
def _next_event(state: PathState, i: int, rate: float) -> None:
    """Count the event that is due in a lane and find when the next one is."""
    state.event[i] += u4(1)
    word, _, _, _ = four_words(state.stream.numbers[i], state.event[i], 0, EVENTS, state.stream.key)
    state.due[i] = min(state.due[i] + _gap(word, rate), NEVER)


@kernel
def _jump(model: PathModel, state: PathState, room: Room) -> None:
    """The jumps that fall into this quad, on top of the moves. Seldom, so that they are drawn lane by lane, by Philox."""
    first = state.step[0]
    end = i4(first + QUAD)
    soon = 0
    for i in range(LANES):
        soon += state.due[i] < end
    if soon == 0:
        return
    m = len(model.drift)
    for i in range(LANES):
        while state.due[i] < end:
            step = state.due[i] - first
            for call in range((m + 3) // 4):
                _four_normals(room.few[4 * call : 4 * call + 4], state, i, call + 1)
            for k in range(m):
                size = model.jump_mean[k]
                for j in range(k + 1):
                    size += model.jump_scale[k, j] * room.few[j]
                room.moves[k * SPAN + step * LANES + i] += f4(size)
            _next_event(state, i, model.jump_rate)


@kernel
def _four_normals(out: Column, state: PathState, i: int, call: int) -> None:
    """Four standard normals of the event that is due in a lane."""
    a, b, c, d = four_words(state.stream.numbers[i], state.event[i], call, EVENTS, state.stream.key)
    out[0], out[1] = normal_pair(a, b)
    out[2], out[3] = normal_pair(c, d)


@kernel
def _resample(model: PathModel, state: PathState, moves: Column, chosen: Column, at: int) -> None:
    """Recorded rows into `moves`: the row after the last one, the first after the very last, or a fresh one where it is due."""
    rows = model.rows
    count = len(rows)
    m = rows.shape[1]
    for step in range(QUAD):
        now = state.step[0] + step
        for i in range(LANES):
            if state.due[i] == now:
                word = _fresh(state, i)
                _next_event(state, i, model.restart)
                state.row[i] = i4((np.uint64(word) * np.uint64(count)) >> np.uint64(32))
            else:
                after = state.row[i] + 1
                state.row[i] = after if after < count else 0
        for k in range(m):
            place = k * SPAN + step * LANES
            for i in range(LANES):
                moves[place + i] = f4(rows[state.row[i], k])
        if len(chosen) > 0:
            for i in range(LANES):
                chosen[at + step, i] = state.row[i]


@kernel
def _fresh(state: PathState, i: int) -> Any:
    """The word that says where the event due in a lane takes it."""
    _, word, _, _ = four_words(state.stream.numbers[i], state.event[i], 0, EVENTS, state.stream.key)
    return word
