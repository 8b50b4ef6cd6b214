"""First passage for Python: bars from a file or from columns, a position at each of several leverages, and at how many entries,
when, it would have been liquidated. The counting is `array.passage`; this is its door."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from plimsoll.errors import BadInput
from plimsoll.prices.files import read_columns
from plimsoll.rulebook import Rulebook

COLUMNS = ("high", "low", "close")


class FirstPassage(NamedTuple):
    """One number a leverage: `hits`, the entries that were liquidated within `horizon` bars, of `entries`, and `shares` of
    them. `steps` int32 [entries, leverages]: in which bar after the entry, 0: in none. `notes`: what the file's prices are."""

    symbol: str
    side: str
    leverages: tuple[Decimal, ...]
    horizon: int
    entries: int
    hits: tuple[int, ...]
    shares: tuple[float, ...]
    steps: Any
    notes: tuple[str, ...]


def first_passage(
    rulebook: Rulebook,
    symbol: str,
    prices: Path | str | Mapping[str, Sequence[float]],
    leverages: Sequence[Decimal],
    horizon: int,
    side: str,
    amount: tuple[str, Decimal],
    taker_rate: Decimal,
    threads: int,
) -> FirstPassage:
    """See `api.passage`."""
    if find_spec("numba") is None:
        raise BadInput("passage", "numba", None, "counting passages needs the array extra: pip install 'plimsoll[array]'")
    from plimsoll.array.passage import Bars, Trade, barriers, need_bars, times

    columns, notes = _columns(prices, symbol)
    bars = need_bars(Bars(*columns), horizon)
    asked = barriers(rulebook, Trade(symbol, side, *amount, taker_rate), leverages, bars, horizon, threads)
    found = times(bars, asked, horizon, threads)
    counted = found.passage
    hits, shares = tuple(counted.hits.tolist()), tuple(counted.shares.tolist())
    return FirstPassage(symbol, side, asked.leverages, horizon, counted.entries, hits, shares, found.steps, notes)


def _columns(prices: Path | str | Mapping[str, Sequence[float]], symbol: str) -> tuple[list[Any], tuple[str, ...]]:
    """The columns of `Bars`, and what a file's prices are."""
    if not isinstance(prices, Mapping):
        return read_columns(Path(prices), symbol, COLUMNS)
    for name in COLUMNS:
        if name not in prices:
            raise BadInput("passage", "prices", None, f"there is no column {name}; give {', '.join(COLUMNS)}")
    return [prices[name] for name in COLUMNS], ()
