"""Two ways to one answer, timed side by side: both run by turns in one process, and each is compared with the exact answer."""

import gc
from collections.abc import Callable
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple

ROUNDS = 7
SECONDS = 0.05
"""How long a side works in one round, at the least one call."""
FREE = 1.8
"""Processor time over wall clock that two threads must have had, or something else was using the cores."""


class Side(NamedTuple):
    """One way: its name, the work, how many answers one call gives, and how far they are from the exact ones, in words.
    `threads`: how many it works on."""

    name: str
    work: Callable[[], object]
    answers: int
    error: str
    threads: int = 1


class Timing(NamedTuple):
    """Nanoseconds an answer: of processor time where one thread works, of the wall clock where several do. `cores`: how many
    cores it had meanwhile."""

    nanoseconds: float
    cores: float


class Ratio(NamedTuple):
    """Medians of both sides. `target`: how many times faster ours is to be; None: shown only."""

    name: str
    ours: Side
    theirs: Side
    timings: tuple[Timing, Timing]
    target: float | None

    @property
    def times_faster(self) -> float:
        return self.timings[1].nanoseconds / self.timings[0].nanoseconds


def by_turns(name: str, ours: Side, theirs: Side, target: float | None = None, rounds: int = ROUNDS) -> Ratio:
    """The medians of `rounds` rounds in which each side runs once, for about SECONDS, after a warm-up."""
    sides = (ours, theirs)
    counts = [_count(side.work) for side in sides]
    taken: list[list[Timing]] = [[], []]
    gc.disable()
    for _ in range(rounds):
        for side, count, timings in zip(sides, counts, taken, strict=True):
            timings.append(_timed(side, count))
    gc.enable()
    ours_at, theirs_at = (Timing(median(t.nanoseconds for t in side), median(t.cores for t in side)) for side in taken)
    return Ratio(name, ours, theirs, (ours_at, theirs_at), target)


def _count(work: Callable[[], object]) -> int:
    work()
    began = perf_counter()
    work()
    return max(1, int(SECONDS / max(perf_counter() - began, 1e-9)))


def _timed(side: Side, count: int) -> Timing:
    wall, processor = perf_counter(), process_time()
    for _ in range(count):
        side.work()
    wall, processor = perf_counter() - wall, process_time() - processor
    seconds = processor if side.threads == 1 else wall
    return Timing(seconds / side.answers / count * 1e9, processor / wall)


def line(ratio: Ratio) -> str:
    """Three printed lines: the ratio and its verdict, then each side with its time an answer and its error."""
    verdict = ""
    if ratio.target is not None:
        verdict = f"  target {ratio.target:g}x  {'ok' if ratio.times_faster >= ratio.target else 'MISSED'}"
    if ratio.ours.threads > 1 and ratio.timings[0].cores < FREE * ratio.ours.threads / 2:
        verdict += f"  (not a verdict: the machine was not free, {ratio.timings[0].cores:.2f} cores)"
    sides = [
        f"    {side.name:<52}{timing.nanoseconds:>14,.2f} ns  {side.error}"
        for side, timing in zip((ratio.ours, ratio.theirs), ratio.timings, strict=True)
    ]
    return "\n".join([f"{ratio.name}: {ratio.times_faster:,.1f}x{verdict}", *sides])
