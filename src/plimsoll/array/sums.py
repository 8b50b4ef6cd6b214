"""Counts and histograms of very many paths, which do not grow with their number, and what can be read off them."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from plimsoll.array.compile import Column
from plimsoll.array.study import Chunk

SHARES: Final = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TAIL: Final = 0.05
RUINED: Final = 0.01
"""Of the starting equity: who has less left has lost all."""
EDGES: Final = np.concatenate([-np.geomspace(1000, 0.5, 200), np.linspace(-0.5, 3, 3501)[1:], np.geomspace(3, 1000, 600)[1:]])
"""Bounds of the bins of equity over starting equity: a thousandth wide where most of them end."""
BINS: Final = len(EDGES) + 1
TIMES: Final = 2000
"""Bins of the time to a liquidation, and one for its end."""


class Sums:
    """The totals of one setting so far. Lives for one study; its size does not depend on the number of paths."""

    def __init__(self, start_equity: float, legs: int, grid: Sequence[int]) -> None:
        self.start, self.grid = start_equity, tuple(grid)
        self.paths = self.liquidated = self.ruined = self.stopped = self.closes = self.handed = 0
        points = len(grid)
        self.by_grid = np.zeros(points, np.int64)
        self.legs = np.zeros(legs, np.int64)
        self.first = np.zeros(legs, np.int64)
        self.times = np.zeros((legs + 1, TIMES + 1), np.int64)
        self.equity = np.zeros((points, BINS), np.int64)
        self.lowest = np.zeros(BINS, np.int64)
        self.loss = np.zeros(BINS)
        self.money = dict.fromkeys(("fees", "forced", "funding", "shortfall", "final", "square"), 0.0)

    def add(self, chunk: Chunk, count: int) -> None:
        """The first `count` paths of a chunk."""
        hits, start = chunk.hits[:count], self.start
        final = chunk.equity[-1, :count]
        earliest = hits.min(axis=1, initial=np.inf)
        self.paths += count
        self.liquidated += int(np.isfinite(earliest).sum())
        self.ruined += int((final < RUINED * start).sum())
        self.stopped += int((chunk.filled[:count] > 0).sum())
        self.by_grid += [int((earliest <= step).sum()) for step in self.grid]
        self.legs += np.isfinite(hits).sum(axis=0)
        self.first += (np.isfinite(hits) & (hits == earliest[:, None])).sum(axis=0)
        for row, when in enumerate((earliest, *hits.T)):
            there = when[np.isfinite(when)] / self.grid[-1]
            np.add.at(self.times[row], np.minimum((there * TIMES).astype(np.int64), TIMES), 1)
        for point in range(len(self.grid)):
            self.equity[point] += np.bincount(_bins(chunk.equity[point, :count] / start), minlength=BINS)
        self.lowest += np.bincount(_bins(chunk.lowest[:count] / start), minlength=BINS)
        self.loss += np.bincount(_bins(final / start), start - final, minlength=BINS)
        for name in ("fees", "forced", "funding", "shortfall"):
            self.money[name] += float(getattr(chunk, name)[:count].sum())
        self.money["final"] += float(final.sum())
        self.money["square"] += float(((final - start) ** 2).sum())
        self.closes += chunk.closes
        self.handed += chunk.handed


def _bins(values: Column) -> Column:
    return np.searchsorted(EDGES, values, side="right")


def _bounds(index: int) -> tuple[float, float]:
    low = EDGES[max(index - 1, 0)]
    return float(low), float(EDGES[min(index, len(EDGES) - 1)])


def _value_at(counts: Column, share: float) -> float:
    """The quantile within its bin, as if what is in it were spread evenly."""
    sums = np.cumsum(counts)
    wanted = share * sums[-1]
    index = int(np.searchsorted(sums, wanted))
    low, high = _bounds(index)
    before = sums[index - 1] if index else 0
    return low + (high - low) * float((wanted - before) / counts[index]) if counts[index] else low


def quantiles(counts: Column, start: float) -> tuple[float, ...]:
    """Equity at SHARES."""
    return tuple(_value_at(counts, share) * start for share in SHARES)


def tail(sums: Sums) -> tuple[float, float]:
    """The loss that TAIL of the paths exceed, and the mean of those that do."""
    counts, wanted = sums.equity[-1], TAIL * sums.paths
    reached = np.cumsum(counts)
    index = int(np.searchsorted(reached, wanted))
    before = float(reached[index - 1]) if index else 0.0
    inside = float(sums.loss[index] / counts[index]) if counts[index] else 0.0
    expected = (float(sums.loss[:index].sum()) + inside * (wanted - before)) / wanted
    return sums.start - _value_at(counts, TAIL) * sums.start, expected


def density(counts: Column, start: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(edges, shares): sixty bars over all but the outermost thousandths, what is beyond in the first and the last."""
    low, high = _value_at(counts, 0.001), _value_at(counts, 0.999)
    edges = np.linspace(low, high if high > low else low + 0.01, 61)
    middles = np.array([sum(_bounds(i)) / 2 for i in range(BINS)])
    shares, _ = np.histogram(np.clip(middles, edges[0], edges[-1]), edges, weights=counts)
    return tuple(float(e) * start for e in edges), tuple(float(s) / int(counts.sum()) for s in shares)


def time_at(counts: Column, share: float, horizon: float) -> float:
    """When that share of those that are hit has been hit."""
    sums = np.cumsum(counts)
    return float(np.searchsorted(sums, share * sums[-1])) / TIMES * horizon
