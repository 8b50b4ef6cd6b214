"""From chunks of paths to probabilities: counts and histograms that do not grow with the number of paths, and what follows from
them. Float figures of a simulation; no rule and no account machine here."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from plimsoll.studies import Curve, Density, Fan, Interval, LegOdds, Odds, Quantiles, Setting

if TYPE_CHECKING:
    from plimsoll.array.compile import Column
    from plimsoll.array.study import Chunk

Z95 = 1.959963984540054
SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TAIL = 0.05
RUINED = 0.01
"""Of the starting equity: who has less left has lost all."""
EDGES = np.concatenate([-np.geomspace(1000, 0.5, 200), np.linspace(-0.5, 3, 3501)[1:], np.geomspace(3, 1000, 600)[1:]])
"""Bounds of the bins of equity over starting equity: a thousandth wide where most of them end."""
BINS = len(EDGES) + 1


class LegInfo(NamedTuple):
    """One position at the start. Money in the study's unit."""

    name: str
    symbol: str
    side: str
    mode: str
    notional: float
    liquidation_price: float | None


class Counted(NamedTuple):
    """What is counted in one setting: legs in the order of a chunk's hits."""

    unit: str
    start_equity: float
    money_at_risk: float
    legs: tuple[LegInfo, ...]
    notes: tuple[str, ...]


class Sums:
    """The totals of one setting so far. Lives for one study; its size does not depend on the number of paths."""

    def __init__(self, counted: Counted, grid: Sequence[int]) -> None:
        self.counted, self.grid = counted, tuple(grid)
        self.paths = self.liquidated = self.ruined = self.stopped = self.closes = self.handed = 0
        legs, points = len(counted.legs), len(grid)
        self.by_grid = np.zeros(points, np.int64)
        self.legs = np.zeros(legs, np.int64)
        self.first = np.zeros(legs, np.int64)
        self.times = np.zeros((legs + 1, 2001), np.int64)
        self.equity = np.zeros((points, BINS), np.int64)
        self.lowest = np.zeros(BINS, np.int64)
        self.loss = np.zeros(BINS)
        self.money = {name: 0.0 for name in ("fees", "forced", "funding", "shortfall", "final", "square")}

    def add(self, chunk: "Chunk", count: int) -> None:
        """The first `count` paths of a chunk."""
        hits, start = chunk.hits[:count], self.counted.start_equity
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
            np.add.at(self.times[row], np.minimum((there * 2000).astype(np.int64), 2000), 1)
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

    def width(self) -> float:
        """How wide the interval of the liquidation probability is."""
        found = share_of(self.liquidated, self.paths)
        return found.high - found.low


def odds_of(setting: Setting, counted: Counted, sums: Sums, step_seconds: float) -> Odds:
    """What the totals of a setting say."""
    days = tuple(step * step_seconds / 86400 for step in sums.grid)
    start, n = counted.start_equity, sums.paths
    horizon = days[-1]
    mean = sums.money["final"] / n
    spread = math.sqrt(max(sums.money["square"] / n - (mean - start) ** 2, 0.0) / n)
    legs = tuple(
        LegOdds(
            name=leg.name,
            symbol=leg.symbol,
            side=leg.side,
            mode=leg.mode,
            notional=leg.notional,
            liquidation_price=leg.liquidation_price,
            liquidated=share_of(int(sums.legs[i]), n),
            first=share_of(int(sums.first[i]), n),
            median_day=_median_day(sums.times[i + 1], horizon),
        )
        for i, leg in enumerate(counted.legs)
    )
    hit = sums.times[0].sum()
    value_at_risk, expected = _tail(sums, start)
    return Odds(
        setting=setting,
        paths=n,
        start_equity=start,
        money_at_risk=counted.money_at_risk,
        notional=sum(leg.notional for leg in counted.legs),
        liquidated=share_of(sums.liquidated, n),
        ruined=share_of(sums.ruined, n),
        stopped_out=share_of(sums.stopped, n),
        by_day=Curve(days, tuple(share_of(int(count), n) for count in sums.by_grid)),
        legs=legs,
        days_to_liquidation=Quantiles(SHARES, tuple(_time_at(sums.times[0], s, horizon) for s in SHARES)) if hit else None,
        final_mean=Interval(mean, mean - Z95 * spread, mean + Z95 * spread),
        final_equity=_quantiles(sums.equity[-1], start),
        final_density=_density(sums.equity[-1], start),
        lowest_equity=_quantiles(sums.lowest, start),
        value_at_risk=value_at_risk,
        expected_shortfall=expected,
        fees=sums.money["fees"] / n,
        funding=sums.money["funding"] / n,
        forced=sums.money["forced"] / n,
        shortfall=sums.money["shortfall"] / n,
        fan=Fan(days, tuple(_quantiles(row, start) for row in sums.equity)),
        close_calls=sums.closes,
        handed=sums.handed,
    )


def share_of(count: int, total: int) -> Interval:
    """A share and its 95 % interval after Wilson, which is right near 0 and 1 as well."""
    p, z = count / total, Z95 * Z95 / total
    middle = (p + z / 2) / (1 + z)
    half = Z95 / (1 + z) * math.sqrt(p * (1 - p) / total + z / (4 * total))
    return Interval(p, max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half)))


def _bins(values: "Column") -> "Column":
    return np.searchsorted(EDGES, values, side="right")


def _bounds(index: int) -> tuple[float, float]:
    low = EDGES[max(index - 1, 0)]
    return float(low), float(EDGES[min(index, len(EDGES) - 1)])


def _value_at(counts: "Column", share: float) -> float:
    """The quantile within its bin, as if what is in it were spread evenly."""
    sums = np.cumsum(counts)
    wanted = share * sums[-1]
    index = int(np.searchsorted(sums, wanted))
    low, high = _bounds(index)
    before = sums[index - 1] if index else 0
    return low + (high - low) * float((wanted - before) / counts[index]) if counts[index] else low


def _quantiles(counts: "Column", start: float) -> Quantiles:
    return Quantiles(SHARES, tuple(_value_at(counts, share) * start for share in SHARES))


def _tail(sums: Sums, start: float) -> tuple[float, float]:
    """The loss that TAIL of the paths exceed, and the mean of those that do."""
    counts, wanted = sums.equity[-1], TAIL * sums.paths
    reached = np.cumsum(counts)
    index = int(np.searchsorted(reached, wanted))
    before = float(reached[index - 1]) if index else 0.0
    inside = float(sums.loss[index] / counts[index]) if counts[index] else 0.0
    expected = (float(sums.loss[:index].sum()) + inside * (wanted - before)) / wanted
    return start - _value_at(counts, TAIL) * start, expected


def _density(counts: "Column", start: float) -> Density:
    """Sixty bars over all but the outermost thousandths, what is beyond in the first and the last."""
    low, high = _value_at(counts, 0.001), _value_at(counts, 0.999)
    edges = np.linspace(low, high if high > low else low + 0.01, 61)
    middles = np.array([sum(_bounds(i)) / 2 for i in range(BINS)])
    shares, _ = np.histogram(np.clip(middles, edges[0], edges[-1]), edges, weights=counts)
    return Density(tuple(float(e) * start for e in edges), tuple(float(s) / int(counts.sum()) for s in shares))


def _time_at(counts: "Column", share: float, horizon: float) -> float:
    sums = np.cumsum(counts)
    return float(np.searchsorted(sums, share * sums[-1])) / 2000 * horizon


def _median_day(counts: "Column", horizon: float) -> float | None:
    return _time_at(counts, 0.5, horizon) if counts.sum() else None
