"""Candles from a table: the bars of a window, checked, and the funding rates that stand beside them.

Prices are never repaired. A row that lacks either its trade or its mark prices is left out with a note; any other
defect raises BadInput.
"""

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple, TypeAlias

import polars as pl

from plimsoll.errors import BadInput
from plimsoll.prices.funding import Charge
from plimsoll.prices.history import Bar, Meaning
from plimsoll.prices.table import Table, need_columns, need_symbols, read_rows, refuse, symbols_of
from plimsoll.prices.times import show_moment, show_span

TRADE = ("open", "high", "low", "close")
MARK = ("mark_open", "mark_high", "mark_low", "mark_close")
Group: TypeAlias = tuple[str, str, str, str]


class Candles(NamedTuple):
    """Bars of a window by time (epoch milliseconds, rising) and file symbol. `step`: milliseconds from bar to bar.
    `charges`: the file's own funding, None without such a column."""

    step: int
    bars: dict[int, dict[str, Bar]]
    charges: list[Charge] | None
    notes: list[str]


def read_candles(table: Table, symbols: Collection[str], start: int | None, end: int | None, means: Meaning) -> Candles:
    """The bars of `symbols` that open in [start, end) (epoch milliseconds; None: the file's own span)."""
    groups = _groups(table)
    need_symbols(table, symbols, symbols_of(table))
    funded = ["funding_rate"] if "funding_rate" in table.columns else []
    rows = read_rows(table, symbols, [*(name for group in groups for name in group), *funded])
    step = _step(table, rows)
    rows = _window(table, rows, start, end)
    for group in groups:
        _check_prices(table, rows, group)
    charges = _charges(table, rows) if funded else None
    rows, notes = _complete(rows, groups)
    if rows.is_empty():
        raise BadInput(table.path, "prices", None, "no row of the window has all its prices; choose another window")
    _need_grid(table, rows, step)
    return Candles(step, _bars(rows, groups, means), charges, [*_stand_in_notes(groups, means), *notes])


def read_floats(table: Table, symbol: str, means: Meaning) -> tuple[pl.DataFrame, list[str]]:
    """(open, high, low, close of one symbol as float64, notes), for those who count bars and need no digits: the marks where
    the file has them. A hole between two bars is a note."""
    groups = _groups(table)
    need_symbols(table, [symbol], symbols_of(table))
    rows = read_rows(table, [symbol], [name for group in groups for name in group])
    step = _step(table, rows)
    for group in groups:
        _check_prices(table, rows, group)
    rows, notes = _complete(rows, groups)
    if rows.is_empty():
        raise BadInput(table.path, "prices", None, "no row has all its prices")
    _need_grid(table, rows, step)
    holes = int((rows["time"].diff() > step).sum())
    if holes:
        notes.append(f"{symbol}: {holes} hole{'s' if holes > 1 else ''} between bars: bars are counted, not the time in them.")
    group = MARK if MARK in groups else TRADE
    named = rows.select(pl.col(theirs).cast(pl.Float64).alias(ours) for ours, theirs in zip(TRADE, group, strict=True))
    return named, [*_stand_in_notes(groups, means), *notes]


def read_charges(table: Table, symbols: Collection[str]) -> list[Charge]:
    """All charges of `symbols` in a funding file (`ts, symbol, funding_rate`), by time; a symbol may have none."""
    need_columns(table, ("ts", "symbol", "funding_rate"))
    return _charges(table, read_rows(table, symbols, ["funding_rate"]).sort("time", maintain_order=True))


def _marks_only(groups: list[Group], means: Meaning) -> bool:
    """Whether marks are all the prices there are. Beside mark columns open .. close are always trades."""
    return groups == [MARK] or (groups == [TRADE] and means is Meaning.MARK)


def _stand_in_notes(groups: list[Group], means: Meaning) -> list[str]:
    if _marks_only(groups, means):
        return ["No trade price in the file: mark prices stand in for last prices."]
    return [] if MARK in groups else [f"No mark price in the file: {means} prices stand in for marks."]


def _groups(table: Table) -> list[Group]:
    """The price groups the file has: trade, mark or both, each whole."""
    need_columns(table, ("ts", "symbol"))
    groups = [group for group in (TRADE, MARK) if any(name in table.columns for name in group)] or [TRADE]
    for group in groups:
        need_columns(table, group)
    return groups


def _step(table: Table, rows: pl.DataFrame) -> int:
    """The most common spacing within a symbol, in milliseconds; the shortest where several are equally common."""
    spacings = rows.select(pl.col("time").diff().over("symbol").drop_nulls().mode().min()).item()
    if spacings is None:
        raise BadInput(table.path, "ts", None, "one row tells no bar length; give at least two bars of a symbol")
    return int(spacings)


def _window(table: Table, rows: pl.DataFrame, start: int | None, end: int | None) -> pl.DataFrame:
    first, last = (int(time) for time in rows.select(pl.col("time").min(), pl.col("time").max().alias("last")).row(0))
    lower, upper = first if start is None else start, last + 1 if end is None else end
    inside = rows.filter((pl.col("time") >= lower) & (pl.col("time") < upper))
    if inside.is_empty():
        span = f"{show_moment(first)} to {show_moment(last)} UTC"
        asked = f"{show_moment(lower)} to {show_moment(upper)}"
        raise BadInput(table.path, "window", asked, f"no bar opens in it; the file has these symbols from {span}")
    return inside


def _check_prices(table: Table, rows: pl.DataFrame, group: Group) -> None:
    """Raise BadInput for the first price that is no finite positive number, and for the first impossible bar."""
    number = {name: pl.col(name).cast(pl.Float64, strict=False) for name in group}
    some = pl.any_horizontal(pl.col(*group).is_not_null())
    for name in group:
        hole = pl.col(name).is_null() & some
        _forbid(table, rows, hole, name, "the bar is incomplete; fill the field or drop the row")
        odd = pl.col(name).is_not_null() & (number[name].is_null() | ~number[name].is_finite())
        _forbid(table, rows, odd, name, "write a plain, finite decimal number")
        _forbid(table, rows, number[name] <= 0, name, "a price is greater than zero")
    start, high, low, close = (number[name] for name in group)
    above = high < pl.max_horizontal(start, low, close)
    _forbid(table, rows, above, group[1], "the high is below another price of its bar; check the columns")
    below = low > pl.min_horizontal(start, close)
    _forbid(table, rows, below, group[2], "the low is above another price of its bar; check the columns")


def _forbid(table: Table, rows: pl.DataFrame, condition: pl.Expr, field: str, cure: str) -> None:
    bad = rows.filter(condition)
    if bad.height:
        raise refuse(table, bad.row(0, named=True), field, cure)


def _charges(table: Table, rows: pl.DataFrame) -> list[Charge]:
    """The charges of a column `funding_rate` of finite fractions; an empty field is no charge."""
    rows = rows.filter(pl.col("funding_rate").is_not_null())
    rate = pl.col("funding_rate").cast(pl.Float64, strict=False)
    odd = rate.is_null() | ~rate.is_finite()
    _forbid(table, rows, odd, "funding_rate", "write a plain, finite fraction such as 0.0001")
    columns = (rows["time"].to_list(), rows["symbol"].to_list(), rows["funding_rate"].to_list())
    return [Charge(time, symbol, Decimal(text)) for time, symbol, text in zip(*columns, strict=True)]


def _complete(rows: pl.DataFrame, groups: list[Group]) -> tuple[pl.DataFrame, list[str]]:
    """The rows that have every price group, and a sentence on those left out."""
    lacking = {TRADE: "trade", MARK: "mark"}
    notes = []
    for group in groups:
        out = rows.filter(pl.col(group[0]).is_null())
        for (symbol,), part in out.group_by("symbol", maintain_order=True):
            count = f"{part.height} bar{'s' if part.height > 1 else ''}"
            span = show_span(part["time"][0], part["time"][-1])
            notes.append(f"{symbol}: {count} {span} without {lacking[group]} price left out.")
    return rows.filter(pl.all_horizontal(pl.col(group[0]).is_not_null() for group in groups)), notes


def _need_grid(table: Table, rows: pl.DataFrame, step: int) -> None:
    """Frames must not overlap, or the marks of one instant would not be together."""
    times = rows["time"].unique().sort()
    close = times.filter((times.diff() < step).fill_null(value=False))
    if len(close):
        row = rows.filter(pl.col("time") == close[0]).row(0, named=True) | {"ts": show_moment(close[0])}
        cure = f"it opens within {step // 1000} s, the bar length, of the one before; give bars of one length and grid"
        raise refuse(table, row, "ts", cure)


def _bars(rows: pl.DataFrame, groups: list[Group], means: Meaning) -> dict[int, dict[str, Bar]]:
    """Decimal bars; a price group that the file lacks is None (marks) or stood in for by the other (trades)."""
    rows = rows.sort("time", maintain_order=True)
    prices = [list(map(Decimal, rows[name].to_list())) for group in groups for name in group]
    if _marks_only(groups, means):
        prices = prices + prices
    bars: dict[int, dict[str, Bar]] = {}
    for time, symbol, *row in zip(rows["time"].to_list(), rows["symbol"].to_list(), *prices, strict=True):
        bars.setdefault(time, {})[symbol] = Bar(*row)
    return bars
