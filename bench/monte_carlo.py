"""The path kernel (paths and screen) against a NumPy step loop and the same work in C: `python -m bench.monte_carlo`.

All ways run by turns in one process, so that a busy machine slows them alike; the ratio is the median of the rounds. Processor
time of one thread, but for the row on two threads, which needs two free cores and says how much of them it had.

The account: one pool of 2 or 5 correlated positions, long and short, 7 days in 1,440 steps of seven minutes. The NumPy loop
is what anybody would write: all paths one step at a time, `standard_normal`, a matrix product, `exp`; the faster of
float64 and float32 counts. The C source is `monte_carlo.c`: the same random numbers, polynomials, box and allowance.

`simulate` draws these paths (with Philox) and asks this screen, but tells more of each path than whether it failed:
`python -m bench.studies` has what that takes.
"""

import ctypes
import gc
import math
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np

from plimsoll.array.curves import aligned, kernel
from plimsoll.array.models import BROWNIAN, PathModel
from plimsoll.array.paths import LANES, begin_paths, next_block, open_block, open_paths
from plimsoll.array.randoms import PHILOX, QUAD, SPAN, XOSHIRO, draw_normals, open_stream
from plimsoll.array.screen import CLEAR, SKIP, Screen, open_screen, screen_block

Column = np.ndarray[Any, Any]

PATHS, NUMPY_PATHS, STEPS, BLOCK = 131_072, 16_384, 1440, 64
"""The NumPy loop gets the number of paths that suits its caches; the comparison is by path and step."""
ROUNDS = 5
DAYS, VOLATILITY, CORRELATION, MAINTENANCE = 7.0, 0.8, 0.6, 0.005
LEVERAGES = {1: 5.0, 2: 5.0, 5: 9.0}
"""Of so many positions together, so that some five to ten paths of a hundred fail."""
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-shared", "-fPIC")
NAMES = {PHILOX: "Philox", XOSHIRO: "xoshiro"}
TARGETS = {PHILOX: 22.0, XOSHIRO: 35.0}
TARGET_C, TARGET_THREADS = 0.9, 1.9
SHIFT = 0.5826
"""Broadie, Glasserman, Kou (1997): watching at steps is as watching always a level this many step deviations farther off."""


class Task(NamedTuple):
    """A random model and one pool: headroom = slack + sum of weight (price / start - 1)."""

    model: Any
    slack: float
    weight: Column


class Way(NamedTuple):
    """One way to do the task: path-symbol-steps of one call, and the work, which gives the share of paths that fail."""

    name: str
    moves: int
    work: Callable[[], float]


class Taken(NamedTuple):
    """What a way took in each round, nanoseconds a path, symbol and step, and its last answer."""

    way: Way
    times: tuple[float, ...]
    answer: float


def task_of(m: int) -> Task:
    """The account of `m` positions, of size 1 in the quote at the start, and its model."""
    correlation = np.full((m, m), CORRELATION) + np.eye(m) * (1 - CORRELATION)
    step = DAYS / 365 / STEPS
    scale = np.linalg.cholesky(correlation) * (VOLATILITY * np.linspace(1, 1.4, m) * math.sqrt(step))[:, None]
    drift, none, table = -(scale**2).sum(1) / 2, np.zeros(m), np.zeros((m, m))
    model = PathModel(
        BROWNIAN, drift, scale, 0.0, 0.0, none, table, np.zeros((m, 5)), np.zeros((0, m)), 0.0, DAYS * 86400 / STEPS
    )
    sizes = np.array([1.0, 1.0, -0.5, 0.7, -0.4])[:m]
    weight = sizes - MAINTENANCE * abs(sizes)
    margin = abs(sizes).sum() / LEVERAGES[m]
    return Task(model, margin - MAINTENANCE * abs(sizes).sum(), weight)


@kernel
def _count(model: Any, state: Any, screen: Screen, out: Column, begin: int, end: int, first: Column, least: Column) -> int:
    """How many of the paths of chunks begin .. end - 1 are flagged; a flagged lane is not looked at again."""
    count = 0
    for number in range(begin, end):
        begin_paths(model, state, number * LANES)
        first[:] = CLEAR
        at = 0
        while at < STEPS:
            block = out[: min(len(out), STEPS - at)]
            next_block(model, state, block)
            screen_block(screen, block, first, least)
            for i in range(LANES):
                if first[i] >= 0:
                    first[i] = SKIP
                    count += 1
            at += len(block)
    return count


def count(task: Task, generator: int, begin: int, end: int) -> int:
    """Failures among the paths of some chunks, all in the memory of one."""
    m = len(task.weight)
    wide, none = np.full(m, np.inf), np.zeros(m, dtype=bool)
    screen = open_screen(np.array([task.slack]), task.weight[None, :], none, -wide, wide)
    first, least = aligned((LANES,), np.int32), aligned((1, LANES), np.float32)
    state = open_paths(task.model, 1, 0, generator)
    return int(_count(task.model, state, screen, open_block(task.model, BLOCK), begin, end, first, least))


def ours(task: Task, generator: int, paths: int = PATHS, threads: int = 1) -> float:
    """Share of failures; chunks may be shared among threads, which changes nothing in it."""
    chunks = paths // LANES
    if threads == 1:
        return count(task, generator, 0, chunks) / paths
    cuts = range(0, chunks + 1, max(1, chunks // (8 * threads)))
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda a, b: count(task, generator, a, b), cuts[:-1], cuts[1:])) / paths


@kernel
def _normals(stream: Any, m: int, quads: int, out: Column, words: Column) -> None:
    generator, key, numbers, track = stream
    for quad in range(quads):
        for k in range(m):
            draw_normals(out, k, generator, key, numbers, track, quad, words)


def normals_alone(m: int, generator: int, paths: int = PATHS) -> float:
    """The ceiling: as many normals as the task needs, and nothing done with them."""
    out, words = aligned((m, SPAN), np.float32), aligned((SPAN,), np.uint32)
    for number in range(paths // LANES):
        _normals(open_stream(1, number * LANES, generator), m, STEPS // QUAD, out, words)
    return math.nan


def numpy_loop(task: Task, kind: Any) -> float:
    """The step loop in NumPy; SFC64 is its fastest generator."""
    draw = np.random.Generator(np.random.SFC64(1))
    scale, drift, weight = task.model.scale.T.astype(kind), task.model.drift.astype(kind), task.weight.astype(kind)
    rest = kind(task.slack - task.weight.sum())
    place = np.zeros((NUMPY_PATHS, len(weight)), dtype=kind)
    failed = np.zeros(NUMPY_PATHS, dtype=bool)
    for _ in range(STEPS):
        place += draw.standard_normal(place.shape, dtype=kind) @ scale + drift
        failed |= np.exp(place) @ weight + rest <= 0
    return float(failed.mean())


def build_c(folder: str) -> Any | None:
    """The C version, built here and now; None where there is no compiler that takes the flags."""
    source, built = Path(__file__).with_name("monte_carlo.c"), Path(folder) / "monte_carlo.so"
    if shutil.which("cc") is None:
        return None
    done = subprocess.run(["cc", *FLAGS, str(source), "-o", str(built), "-lm"], capture_output=True, check=False)
    return ctypes.CDLL(str(built)).first_hits if done.returncode == 0 else None


def in_c(first_hits: Any, task: Task, generator: int, paths: int = PATHS) -> Column:
    """The first step at which each path fails, -1: none."""
    hit = np.empty(paths, dtype=np.int32)
    columns = [np.ascontiguousarray(c, dtype=np.float32) for c in (task.model.scale, task.model.drift, task.weight)]
    scale, drift, weight = (ctypes.c_void_p(c.ctypes.data) for c in columns)
    numbers = (ctypes.c_int64(paths), STEPS, len(task.weight), generator, ctypes.c_uint64(1))
    first_hits(*numbers, scale, drift, ctypes.c_float(task.slack), weight, ctypes.c_void_p(hit.ctypes.data))
    return hit


def by_turns(ways: Sequence[Way], clock: Callable[[], float] = process_time, rounds: int = ROUNDS) -> list[Taken]:
    """Each way once a round, after a warm-up of each; garbage collection held off."""
    answers = [way.work() for way in ways]
    times: list[list[float]] = [[] for _ in ways]
    gc.disable()
    for _ in range(rounds):
        for way, taken in zip(ways, times, strict=True):
            began = clock()
            way.work()
            taken.append((clock() - began) / way.moves * 1e9)
    gc.enable()
    return [Taken(way, tuple(taken), answer) for way, taken, answer in zip(ways, times, answers, strict=True)]


def ratio_line(name: str, ours: Taken, theirs: Taken, target: float | None) -> str:
    """How many times faster ours is: the median of the rounds, the least and the most."""
    ratios = [b / a for a, b in zip(ours.times, theirs.times, strict=True)]
    middle = median(ratios)
    verdict = ""
    if target is not None:
        verdict = f"target {target:g}x {'ok' if middle >= target else f'MISSED by {1 - middle / target:.0%}'}"
    return f"  {name:<62}{middle:>8.2f}x  {min(ratios):.2f} .. {max(ratios):.2f}  {verdict}"


def rate_line(taken: Taken) -> str:
    answer = "" if math.isnan(taken.answer) else f"share failed {taken.answer:.4f} +- {_error(taken):.4f}"
    return f"  {taken.way.name:<40}{1e3 / median(taken.times):>9.0f} M path-symbol-steps/s   {answer}"


def _error(taken: Taken) -> float:
    paths = NUMPY_PATHS if "NumPy" in taken.way.name else PATHS
    return math.sqrt(max(taken.answer * (1 - taken.answer), 1e-12) / paths)


def kernel_lines(m: int, first_hits: Any | None) -> Iterator[str]:
    """Paths and screen of `m` symbols against the others, on one thread."""
    task = task_of(m)
    moves = STEPS * m * PATHS
    ways = [
        Way("NumPy step loop, float64", STEPS * m * NUMPY_PATHS, lambda: numpy_loop(task, np.float64)),
        Way("NumPy step loop, float32", STEPS * m * NUMPY_PATHS, lambda: numpy_loop(task, np.float32)),
    ]
    for g in (PHILOX, XOSHIRO):
        ways.append(Way(f"ours, {NAMES[g]}", moves, lambda g=g: ours(task, g)))
        ways.append(Way(f"our normals alone, {NAMES[g]}", moves, lambda g=g: normals_alone(m, g)))
        if first_hits is not None:
            ways.append(Way(f"C, {NAMES[g]}", moves, lambda g=g: float((in_c(first_hits, task, g) >= 0).mean())))
    taken = {t.way.name: t for t in by_turns(ways)}
    yield f"{m} symbols, {PATHS:,} paths, {STEPS:,} steps, one thread"
    yield from map(rate_line, taken.values())
    loop = min((t for n, t in taken.items() if "NumPy" in n), key=lambda t: median(t.times))
    for g in (PHILOX, XOSHIRO):
        mine = taken[f"ours, {NAMES[g]}"]
        yield ratio_line(f"{NAMES[g]} / {loop.way.name}", mine, loop, TARGETS[g])
        if first_hits is not None:
            yield ratio_line(f"{NAMES[g]} / the same in C", mine, taken[f"C, {NAMES[g]}"], TARGET_C)
        yield ratio_line(f"{NAMES[g]} / its normals alone (a ceiling)", mine, taken[f"our normals alone, {NAMES[g]}"], None)


def exact_chance() -> float:
    """That one long position, 5x, fails: the chance that a Brownian log price ever meets a level, watched at steps."""
    task = task_of(1)
    sigma, drift = float(task.model.scale[0, 0]), float(task.model.drift[0])
    level = math.log1p(-task.slack / float(task.weight[0])) - SHIFT * sigma
    spread, way = sigma * math.sqrt(STEPS), drift * STEPS
    below = [0.5 * math.erfc((way * sign - level) / spread / math.sqrt(2)) for sign in (1, -1)]
    return below[0] + math.exp(2 * drift * level / sigma**2) * below[1]


def exact_line(generator: int) -> str:
    """The estimate beside the exact answer."""
    exact, found = exact_chance(), ours(task_of(1), generator)
    off = (found - exact) / math.sqrt(exact * (1 - exact) / PATHS)
    told = f"share failed {found:.5f}, exact {exact:.5f}, off by {found / exact - 1:+.2%}"
    return f"  {NAMES[generator]:<10} {told} = {off:+.1f} standard errors"


def thread_lines() -> Iterator[str]:
    """From one thread to two, wall clock, the share of two cores that they had, and the two against the NumPy loop's one."""
    for m in (2, 5):
        task = task_of(m)
        moves = STEPS * m * PATHS
        share: list[float] = []

        def two(generator: int, task: Task = task, share: list[float] = share) -> float:
            wall, used = perf_counter(), process_time()
            answer = ours(task, generator, PATHS, 2)
            share.append((process_time() - used) / (perf_counter() - wall))
            return answer

        ways = [
            Way("NumPy", STEPS * m * NUMPY_PATHS, lambda task=task: numpy_loop(task, np.float32)),
            Way("one", moves, lambda task=task: ours(task, PHILOX)),
            Way("two", moves, lambda two=two: two(PHILOX)),
            Way("two, fast", moves, lambda two=two: two(XOSHIRO)),
        ]
        loop, one, both, fast = by_turns(ways, perf_counter)
        assert one.answer == both.answer, "threads must not change the answer"
        yield ratio_line(f"{m} symbols, two threads / one", both, one, TARGET_THREADS)
        yield f"    processor time of the two threads over wall time: {median(share):.2f} (below 1.8: no two free cores)"
        yield ratio_line(f"{m} symbols, Philox on two threads / NumPy step loop, float32", both, loop, TARGETS[PHILOX])
        yield ratio_line(f"{m} symbols, xoshiro on two threads / NumPy step loop, float32", fast, loop, TARGETS[XOSHIRO])


def memory_line() -> str:
    """The peak of this process before and after eight times as many paths."""
    task = task_of(2)
    ours(task, PHILOX, LANES)
    peaks = []
    for paths in (PATHS // 4, 2 * PATHS):
        ours(task, PHILOX, paths)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    return f"  peak memory {peaks[0]:.1f} MB after {PATHS // 4:,} paths, {peaks[1]:.1f} MB after {2 * PATHS:,} more"


def agreement_line(first_hits: Any, generator: int) -> str:
    """Paths whose first failing step in C is not ours."""
    task = task_of(2)
    theirs = in_c(first_hits, task, generator, PATHS // 8)
    mine = count(task, generator, 0, PATHS // 8 // LANES)
    return f"  {NAMES[generator]:<10} failures of {PATHS // 8:,} paths: ours {mine:,}, C {(theirs >= 0).sum():,}"


def lines() -> Iterator[str]:
    """Everything, line by line."""
    with tempfile.TemporaryDirectory() as folder:
        first_hits = build_c(folder)
        yield "Monte Carlo: paths (as `simulate` draws them) and screen"
        if first_hits is None:
            yield "C skipped: no cc"
        for m in (2, 5):
            yield from kernel_lines(m, first_hits)
        yield "One long position against the exact answer (watching at steps)"
        yield from map(exact_line, (PHILOX, XOSHIRO))
        if first_hits is not None:
            yield from (agreement_line(first_hits, g) for g in (PHILOX, XOSHIRO))
        yield "Threads (wall clock) and memory"
        yield from thread_lines()
        yield memory_line()


def main() -> None:
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {ROUNDS} rounds; processor time unless said.")
    for line in lines():
        print(line, flush=True)


if __name__ == "__main__":
    main()
