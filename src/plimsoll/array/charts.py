"""Recorded bars as columns of float64, and the points of a path through them as rows of prices.

The points are those of `prices.paths.waypoints`, all of them, so that every frame has as many; one that repeats its neighbour
changes nothing. Each price is rounded once, from Decimal.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from plimsoll.array.compile import Column

FIELDS: Final = ("open", "high", "low", "close")
HAIR: Final = 1e-9
"""Whether a market closed higher is not said where its returns sum to less."""


class Bar(Protocol):
    """One symbol's prices in a frame; `mark_*` None: the trade price is the mark."""

    @property
    def open(self) -> Decimal: ...
    @property
    def high(self) -> Decimal: ...
    @property
    def low(self) -> Decimal: ...
    @property
    def close(self) -> Decimal: ...
    @property
    def mark_open(self) -> Decimal | None: ...
    @property
    def mark_high(self) -> Decimal | None: ...
    @property
    def mark_low(self) -> Decimal | None: ...
    @property
    def mark_close(self) -> Decimal | None: ...


class Chart(NamedTuple):
    """Open, high, low and close of all frames and symbols, each [frames, symbols]; a symbol without a bar stands where it
    closed before. `whole`: the first frame by which every symbol has had a price."""

    symbols: tuple[str, ...]
    marks: tuple[Column, ...]
    lasts: tuple[Column, ...]
    whole: int


class Rows(NamedTuple):
    """A path's prices: `marks`, `lasts` [rows, symbols + 1], the last column all ones; `points` rows a frame. `unsure`: frames
    whose path float64 cannot tell."""

    marks: Column
    lasts: Column
    points: int
    unsure: tuple[int, ...]


def chart_of(symbols: Sequence[str], frames: Sequence[Mapping[str, Bar]]) -> Chart:
    """The bars of all frames as columns."""
    lasts, marks = _columns(symbols, frames, ""), _columns(symbols, frames, "mark_")
    there = ~np.isnan(lasts[0])
    marks = [np.where(np.isnan(mark), last, mark) for mark, last in zip(marks, lasts, strict=True)]
    same = all(np.array_equal(mark, last, equal_nan=True) for mark, last in zip(marks, lasts, strict=True))
    missing = ~there.all()
    shown = [_filled(columns, there) if missing else columns for columns in ((lasts,) if same else (lasts, marks))]
    appeared = np.argmax(there, axis=0) if there.any(axis=0).all() else np.array([len(frames)])
    return Chart(tuple(symbols), tuple(shown[-1]), tuple(shown[0]), int(appeared.max()))


def _columns(symbols: Sequence[str], frames: Sequence[Mapping[str, Bar]], prefix: str) -> list[Column]:
    out = [np.full((len(frames), len(symbols)), np.nan) for _ in FIELDS]
    for column, symbol in enumerate(symbols):
        there = np.array([symbol in frame for frame in frames])
        bars = [frame[symbol] for frame in frames if symbol in frame]
        for prices, field in zip(out, FIELDS, strict=True):
            prices[there, column] = _floats(list(map(attrgetter(prefix + field), bars)))
    return out


def _floats(values: Sequence[Decimal | None]) -> Column:
    """NaN where there is none. Prices are above zero, so that what is false is none."""
    if all(values):
        return np.fromiter(map(float, values), np.float64, len(values))  # type: ignore[arg-type]
    if not any(values):
        return np.full(len(values), np.nan)
    return np.array([np.nan if value is None else float(value) for value in values])


def _filled(columns: Sequence[Column], there: Column) -> list[Column]:
    """Where a symbol has no bar all four prices are its close before; NaN where there is none yet."""
    frames = np.arange(len(there))[:, None]
    before = np.maximum.accumulate(np.where(there, frames, -1), axis=0)
    stood = np.where(before < 0, np.nan, np.take_along_axis(columns[-1], np.maximum(before, 0), axis=0))
    return [np.where(there, column, stood) for column in columns]


def rows_of(chart: Chart, path: str, sides: Mapping[str, int]) -> Rows:
    """The points of a path through all frames. `path`: worst, synchronised or best; `sides`: symbol -> the side of the price
    that hurts, as in `waypoints`."""
    side = np.array([sides.get(symbol, 0) for symbol in chart.symbols])
    opening, _, _, closing = chart.marks
    moves = closing / opening - 1
    total = moves.sum(axis=1)
    rising = (total >= 0)[:, None]
    marks = _points(chart.marks, path, side, rising)
    lasts = marks if chart.lasts is chart.marks else _points(chart.lasts, path, side, rising)
    unsure = np.nonzero((np.abs(total) < HAIR) & (moves != 0).any(axis=1))[0] if path == "synchronised" else ()
    return Rows(_stacked(marks), _stacked(lasts), len(marks), tuple(int(n) for n in unsure))


def _points(prices: Sequence[Column], path: str, side: Column, rising: Column) -> list[Column]:
    opening, high, low, closing = prices
    adverse = np.where(side == 0, closing, np.where(side < 0, low, high))
    kind = np.where(side == 0, closing, np.where(side < 0, high, low))
    if path == "worst":
        return [opening, adverse, kind, closing]
    if path == "synchronised":
        return [opening, np.where(rising, low, high), np.where(rising, high, low), closing]
    assert path == "best", path
    points = [opening, kind]
    for column in np.nonzero(side)[0]:
        trip = kind.copy()
        trip[:, column] = adverse[:, column]
        points += [trip, kind]
    return [*points, closing]


def _stacked(points: Sequence[Column]) -> Column:
    """Row after row: all points of a frame, then those of the next."""
    frames, symbols = points[0].shape
    out: Any = np.ones((frames, len(points), symbols + 1))
    for k, point in enumerate(points):
        out[:, k, :symbols] = point
    rows: Column = out.reshape(frames * len(points), symbols + 1)
    return rows
