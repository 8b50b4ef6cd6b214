"""First passage over three years of minutes: whether and when positions opened at every minute's close at ten leverages would
have been liquidated within a week. Alone: `python -m bench.first_passage`. The bars are a random walk from a seed."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import numpy as np

from bench.side_by_side import Ratio, Side, by_turns, line
from plimsoll.array.compile import Column, kernel
from plimsoll.array.passage import Barriers, Bars, Trade, barriers, shares, times
from plimsoll.rulebook import in_force
from plimsoll.table_files import load

MINUTES, WEEK = 3 * 365 * 1440, 7 * 1440
LEVERAGES = tuple(Decimal(x) for x in (2, 3, 5, 10, 15, 20, 25, 50, 75, 100))
WINDOWS, SCANNED = 2_000, 40_000
"""How many entries the slow ways are given: the first ones, with all the bars that these need."""


def recorded() -> Bars:
    """Bars whose closes walk by 0.08 % a minute."""
    draw = np.random.default_rng(0)
    log = np.cumsum(draw.normal(0, 8e-4, MINUTES))
    above, below = (abs(draw.normal(0, 4e-4, MINUTES)) for _ in range(2))
    return Bars(*(30_000 * np.exp(x) for x in (log + above, log - below, log)))


def windowed(bars: Bars, ratios: Column, entries: int) -> Column:
    """NumPy: the minimum of every window; hits of each leverage."""
    least = np.lib.stride_tricks.sliding_window_view(bars.low[1 : entries + WEEK], WEEK).min(axis=1)
    return np.array([np.count_nonzero(least <= ratio * bars.close[:entries]) for ratio in ratios])


@kernel
def scanned(low: Column, close: Column, ratios: Column, horizon: int, steps: Column) -> None:
    """One walk an entry in machine code, through all leverages, nearest first: `steps` as `Times.steps`."""
    for i in range(len(steps)):
        row = 0
        for j in range(i + 1, i + horizon + 1):
            while row < len(ratios) and low[j] <= ratios[row] * close[i]:
                steps[i, row] = j - i
                row += 1
            if row == len(ratios):
                break


def rows() -> Iterator[Ratio]:
    """Whether, against NumPy's windows; when, against a walk an entry; both on long positions of 10,000 USDT."""
    bars = recorded()
    rulebook = in_force(load("binance_usdm"), date(2026, 7, 2))
    asked = barriers(rulebook, Trade("BTCUSDT", "long", "value", Decimal(10_000)), LEVERAGES, bars, WEEK)
    part = Bars(*(column[: WINDOWS + WEEK] for column in bars))
    same = np.array_equal(shares(part, asked, WEEK).hits, windowed(bars, asked.ratios[:, 0], WINDOWS))
    cells = len(LEVERAGES) * (MINUTES - WEEK)
    ours = Side("sliding minimum, one thread", lambda: shares(bars, asked, WEEK), cells, _said(same))
    answers = WINDOWS * len(LEVERAGES)
    numpy = Side("NumPy sliding_window_view().min", lambda: windowed(bars, asked.ratios[:, 0], WINDOWS), answers, "exact")
    yield by_turns("first passage, whether (an entry and leverage)", ours, numpy, 100)
    yield _when(bars, asked, cells)


def _when(bars: Bars, asked: Barriers, cells: int) -> Ratio:
    nearest = np.ascontiguousarray(asked.ratios[::-1, 0])
    steps = np.zeros((SCANNED, len(LEVERAGES)), np.int32)
    part = Bars(*(column[: SCANNED + WEEK] for column in bars))

    def scan() -> None:
        steps[:] = 0
        scanned(bars.low, bars.close, nearest, WEEK, steps)

    scan()
    same = np.array_equal(times(part, asked, WEEK).steps, steps[:, ::-1])
    ours = Side("pyramid of minima, one thread", lambda: times(bars, asked, WEEK), cells, _said(same))
    theirs = Side("one walk an entry, the same compiler", scan, SCANNED * len(LEVERAGES), "exact")
    return by_turns("first passage, when (an entry and leverage)", ours, theirs, 12)


def _said(same: bool) -> str:
    return "identical on the entries that both did" if same else "DIFFERENT"


if __name__ == "__main__":
    for row in rows():
        print(line(row), flush=True)
