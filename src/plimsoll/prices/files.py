"""Recorded prices: candles from CSV or Parquet files, with funding from their own column or from a funding file.

Needs Polars (the `report` extra) for candles; instants in a CSV (`prices.script`) do without. Nothing is filled,
smoothed or guessed: what is missing becomes a sentence in `History.notes`, what is wrong raises BadInput.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from plimsoll.errors import BadInput
from plimsoll.prices.funding import holes, snap
from plimsoll.prices.gaps import edge_notes, gap_notes
from plimsoll.prices.history import Frame, History, Meaning
from plimsoll.prices.script import holds_instants, instant_symbols, read_instants
from plimsoll.prices.times import milliseconds, moment

if TYPE_CHECKING:
    from plimsoll.prices.candles import Candles

V = TypeVar("V")


def read_history(
    path: Path,
    symbols: Mapping[str, str],
    start: datetime | None = None,
    end: datetime | None = None,
    funding_path: Path | None = None,
    funding_symbols: Mapping[str, str] | None = None,
    means: Meaning | None = None,
) -> History:
    """The prices of `symbols` (rulebook symbol -> file symbol) whose bars open in [start, end), UTC; None: as far as
    the file goes. `funding_symbols`: the same for the funding file (None: `symbols`). `means`: what plain open .. close
    are (None: what a word in the file's name says, else trades). Raises BadInput."""
    _need_window(path, symbols, start, end)
    if path.is_file() and holds_instants(path):
        return _instants(path, symbols, start, end, funding_path)
    _need_polars(path)
    from plimsoll.prices.candles import read_candles
    from plimsoll.prices.table import open_table

    meant = means or _meaning(path)
    window = (None if time is None else milliseconds(time) for time in (start, end))
    first, last = window
    candles = read_candles(open_table(path), dict.fromkeys(symbols.values()), first, last, meant)
    rates, funding_notes = _funding(candles, symbols, funding_path, funding_symbols or symbols)
    frames = tuple(
        Frame(moment(time), candles.step // 1000, _renamed(bars, symbols), rates.get(time, {}))
        for time, bars in candles.bars.items()
    )
    gaps = [*edge_notes(frames, first, last, candles.step), *gap_notes(frames, tuple(symbols), candles.step)]
    notes = (*candles.notes, *gaps, *funding_notes)
    return History(str(path), tuple(symbols), frames, notes, _stand_in(path, symbols, meant))


def file_symbols(path: Path) -> tuple[str, ...]:
    """Every symbol that a file of prices has. Raises BadInput."""
    if path.is_file() and holds_instants(path):
        return instant_symbols(path)
    _need_polars(path)
    from plimsoll.prices.table import need_columns, open_table, symbols_of

    table = open_table(path)
    need_columns(table, ("ts", "symbol"))
    return tuple(symbols_of(table))


def read_columns(path: Path, symbol: str, names: Sequence[str]) -> tuple[list[Any], tuple[str, ...]]:
    """(float64 columns of one symbol's bars, notes): the marks' where the file has them, else the trades'. `names`: of open,
    high, low, close. Raises BadInput."""
    _need_polars(path)
    from plimsoll.prices.candles import read_floats
    from plimsoll.prices.table import open_table

    found, notes = read_floats(open_table(path), symbol, _meaning(path))
    return [found[name].to_numpy() for name in names], tuple(notes)


def _need_window(path: Path, symbols: Mapping[str, str], start: datetime | None, end: datetime | None) -> None:
    if not symbols:
        raise BadInput(str(path), "symbols", "none", "ask for at least one symbol")
    for name, time in (("start", start), ("end", end)):
        if time is not None and time.tzinfo is None:
            raise BadInput(str(path), name, time, "say the zone: give an aware time in UTC")
    if start is not None and end is not None and end <= start:
        raise BadInput(str(path), "end", end.isoformat(), f"the end must be later than the start, {start.isoformat()}")


def _need_polars(path: Path) -> None:
    if find_spec("polars") is None:
        cure = "reading CSV and Parquet needs the report extra: pip install 'plimsoll[report]'"
        raise BadInput(str(path), "file", None, cure)


def _meaning(path: Path) -> Meaning:
    """What the file's name says of its prices: `spot` or `mark` as a word of it, else trades."""
    words = re.split(r"[^a-z]+", path.name.lower())
    return next((means for means in (Meaning.SPOT, Meaning.MARK) if means.value in words), Meaning.TRADE)


def _stand_in(path: Path, symbols: Mapping[str, str], means: Meaning) -> dict[str, str]:
    """What a symbol's prices really are: a spot market's, or another symbol's."""
    if means is Meaning.SPOT:
        return {symbol: f"spot price of {there} in {path.name}" for symbol, there in symbols.items()}
    return {symbol: f"{there} in {path.name}" for symbol, there in symbols.items() if there != symbol}


def _renamed(cells: Mapping[str, V], symbols: Mapping[str, str]) -> dict[str, V]:
    """From file symbols to rulebook symbols; one file symbol may serve several."""
    return {symbol: cells[there] for symbol, there in symbols.items() if there in cells}


def _funding(
    candles: "Candles", symbols: Mapping[str, str], path: Path | None, names: Mapping[str, str]
) -> tuple[dict[int, dict[str, Decimal]], list[str]]:
    """Rates by frame time and rulebook symbol, and notes. A funding file is used instead of the candles' own column."""
    times = list(candles.bars)
    if path is None:
        if candles.charges is None:
            return {}, ["No funding in the file: none is paid."]
        snapped, names, notes = snap(candles.charges, times, candles.step), symbols, list[str]()
    else:
        from plimsoll.prices.candles import read_charges
        from plimsoll.prices.table import open_table

        charges = read_charges(open_table(path), dict.fromkeys(names.values()))
        snapped = snap(charges, times, candles.step)
        span = times[0], times[-1] + candles.step
        notes = [note for name in dict.fromkeys(names.values()) for note in holes(charges, name, *span)]
        if candles.charges:
            notes.append(f"The price file's own funding is not used: {path.name} is.")
    return {time: _renamed(cells, names) for time, cells in snapped.rates.items()}, [*notes, *snapped.notes]


def _instants(
    path: Path, symbols: Mapping[str, str], start: datetime | None, end: datetime | None, funding_path: Path | None
) -> History:
    if funding_path is not None:
        cure = "a file of instants has its own funding_rate column; leave the funding file out"
        raise BadInput(str(path), "funding file", funding_path.name, cure)
    return read_instants(path, symbols, start, end)
