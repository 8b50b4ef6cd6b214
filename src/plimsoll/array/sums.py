"""Counts and histograms of very many paths, which do not grow with their number, and what can be read off them."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from plimsoll.array.compile import Column
from plimsoll.array.study import MONEY, Chunk

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
        self.equity = np.zeros((points, 2, BINS))
        self.lowest = np.zeros((2, BINS))
        self.money = dict.fromkeys((*MONEY, "final", "square"), 0.0)

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
            self.equity[point] += _histogram(chunk.equity[point, :count], start)
        self.lowest += _histogram(chunk.lowest[:count], start)
        for name in MONEY:
            self.money[name] += float(getattr(chunk, name)[:count].sum())
        self.money["final"] += float(final.sum())
        self.money["square"] += float(((final - start) ** 2).sum())
        self.closes += chunk.closes
        self.handed += chunk.handed


def _histogram(equity: Column, start: float) -> Column:
    """[2, BINS]: how many are in each bin, and the sum of what they have."""
    bins = np.searchsorted(EDGES, equity / start, side="right")
    return np.stack([np.bincount(bins, minlength=BINS), np.bincount(bins, equity, minlength=BINS)])


def _value_at(bins: Column, share: float) -> float:
    """The quantile, as the mean of the bin that it lies in: where very many end at one amount, that amount."""
    reached = np.cumsum(bins[0])
    index = int(np.searchsorted(reached, share * reached[-1]))
    return float(bins[1, index] / bins[0, index])


def quantiles(bins: Column) -> tuple[float, ...]:
    """Equity at SHARES."""
    return tuple(_value_at(bins, share) for share in SHARES)


def tail(sums: Sums) -> tuple[float, float]:
    """The loss that TAIL of the paths exceed, and the mean of those that do."""
    bins, wanted = sums.equity[-1], TAIL * sums.paths
    reached = np.cumsum(bins[0])
    index = int(np.searchsorted(reached, wanted))
    before = float(reached[index - 1]) if index else 0.0
    kept = float(bins[1, :index].sum()) + _value_at(bins, TAIL) * (wanted - before)
    return sums.start - _value_at(bins, TAIL), sums.start - kept / wanted


def density(bins: Column) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(edges, shares): sixty bars over all but the outermost thousandths, what is beyond in the first and the last."""
    low, high = _value_at(bins, 0.001), _value_at(bins, 0.999)
    edges = np.linspace(low, high if high > low else low + max(abs(low), 1.0) / 100, 61)
    there = bins[0] > 0
    shares, _ = np.histogram(np.clip(bins[1, there] / bins[0, there], edges[0], edges[-1]), edges, weights=bins[0, there])
    return tuple(float(e) for e in edges), tuple(float(s) / float(bins[0].sum()) for s in shares)


def time_at(counts: Column, share: float, horizon: float) -> float:
    """When that share of those that are hit has been hit."""
    sums = np.cumsum(counts)
    return float(np.searchsorted(sums, share * sums[-1])) / TIMES * horizon
