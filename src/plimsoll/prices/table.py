"""A CSV or Parquet file as a table of text, read with Polars: the rows of some symbols, `time` in epoch milliseconds.

Numbers stay text (Polars prints the shortest text that reads back as the same float), so that 101877.7 becomes exactly
that Decimal. Files are only read; what cannot be read raises BadInput.
"""

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import polars as pl

from plimsoll.errors import BadInput
from plimsoll.prices.times import parse_milliseconds, show_moment

SUFFIXES = (".csv", ".csv.gz", ".parquet")


class Table(NamedTuple):
    """An opened file: nothing but its columns is read yet. `path` as the user wrote it."""

    path: str
    lazy: pl.LazyFrame
    columns: dict[str, pl.DataType]


def open_table(path: Path) -> Table:
    """The file's columns, or BadInput: no such file, not a table, not readable."""
    if not path.is_file():
        raise BadInput(str(path), "file", None, "there is no such file; check the path")
    if not path.name.endswith(SUFFIXES):
        raise BadInput(str(path), "file", path.suffix, f"give a file that ends in {', '.join(SUFFIXES)}")
    try:
        parquet = path.suffix == ".parquet"
        lazy = pl.scan_parquet(path, glob=False) if parquet else pl.scan_csv(path, glob=False, infer_schema=False)
        return Table(str(path), lazy, dict(lazy.collect_schema()))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(str(path), error) from None


def unreadable(path: str, error: Exception) -> BadInput:
    """What a reader's own error becomes: its first line, and a cure."""
    first = (str(error) or type(error).__name__).strip().splitlines()[0].rstrip(".")
    return BadInput(path, "file", None, f"it cannot be read ({first}); write it anew as CSV or Parquet")


def need_columns(table: Table, names: Collection[str]) -> None:
    """Raise BadInput for the first of `names` that the file lacks, listing what is there."""
    for name in names:
        if name not in table.columns:
            raise BadInput(table.path, "column", name, f"there is no such column; the file has {listed(table.columns)}")


def need_symbols(table: Table, wanted: Collection[str], known: Collection[str]) -> None:
    """Raise BadInput for the first wanted symbol that the file lacks, with the nearest that it has."""
    for symbol in wanted:
        if symbol not in known:
            near = get_close_matches(symbol, known, n=5, cutoff=0.65)
            there = f"the nearest: {listed(near)}" if near else f"the file has {listed(known)}"
            raise BadInput(table.path, "symbol", symbol, f"there is no such symbol; {there}")


def listed(names: Collection[str]) -> str:
    """A short enumeration on one line: at most 12 names."""
    shown = [" ".join(name.split()) for name in list(names)[:12]]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(shown) + more or "none"


def symbols_of(table: Table) -> list[str]:
    """All symbols in the file."""
    symbols = pl.col("symbol").cast(pl.String).str.strip_chars().unique().drop_nulls()
    return sorted(_collect(table, table.lazy.select(symbols))["symbol"].to_list())


def read_rows(table: Table, symbols: Collection[str], columns: Collection[str]) -> pl.DataFrame:
    """The rows of `symbols` in the file's order: `row` (from 0), `time`, `symbol` and `columns` as text, null where
    empty. Refuses rows without time or symbol, duplicates, and time that runs backward within a symbol."""
    text = [_text(name) for name in ("symbol", *columns)]
    time = pl.col("ts") if isinstance(table.columns["ts"], (pl.Datetime, pl.Date)) else _text("ts")
    lazy = table.lazy.with_row_index("row").select(pl.col("row").cast(pl.Int64), time, *text)
    rows = _collect(table, lazy.filter(pl.col("symbol").is_in(list(symbols)) | pl.col("symbol").is_null()))
    rows = rows.filter(~pl.all_horizontal(pl.exclude("row").is_null()))
    _need_filled(table, rows)
    rows = rows.with_columns(_times(table, rows))
    _need_order(table, rows)
    return rows


def refuse(table: Table, row: dict[str, object], field: str, cure: str) -> BadInput:
    """A BadInput that names the row by its line (CSV) or number (Parquet), time and symbol."""
    return BadInput(table.path, f"{field}, {place(table, row)}", row.get(field), cure)


def place(table: Table, row: dict[str, object]) -> str:
    """Where a row stands, for people: line 7 (2025-10-10 21:00 BTCUSDT)."""
    number, time, symbol = row["row"], row.get("time"), row["symbol"] or "no symbol"
    assert isinstance(number, int)
    when = show_moment(time) if isinstance(time, int) else "no time"
    return f"{_number(table, number)} ({when} {symbol})"


def _number(table: Table, row: int) -> str:
    """What an editor or a data frame calls the row that is `row` rows below the first."""
    return f"row {row + 1}" if table.path.endswith(".parquet") else f"line {row + 2}"


def _text(name: str) -> pl.Expr:
    """A column as text without blanks at the ends; null where nothing is left."""
    text = pl.col(name).cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text).alias(name)


def _collect(table: Table, lazy: pl.LazyFrame) -> pl.DataFrame:
    try:
        return lazy.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise unreadable(table.path, error) from None


def _need_filled(table: Table, rows: pl.DataFrame) -> None:
    for name in ("symbol", "ts"):
        empty = rows.filter(pl.col(name).is_null())
        if empty.height:
            raise refuse(table, empty.row(0, named=True), name, "every row needs a time and a symbol")


def _times(table: Table, rows: pl.DataFrame) -> pl.Series:
    """The rows' times in epoch milliseconds, whatever the file stores."""
    kind = table.columns["ts"]
    if isinstance(kind, pl.Datetime) and kind.time_zone is None:
        raise BadInput(table.path, "ts", kind, "the column has no time zone; store it in UTC")
    if isinstance(kind, (pl.Datetime, pl.Date)):
        return rows["ts"].cast(pl.Datetime("ms", "UTC")).dt.epoch("ms").alias("time")
    return pl.Series("time", _parsed(table, rows), pl.Int64)


def _parsed(table: Table, rows: pl.DataFrame) -> list[int]:
    """Times from text; each distinct text is parsed once, the first bad one is named by its row."""
    known: dict[str, int] = {}
    for row, text in zip(rows["row"].to_list(), rows["ts"].to_list(), strict=True):
        if text not in known:
            known[text] = parse_milliseconds(text, f"ts, {_number(table, row)}", table.path)
    return [known[text] for text in rows["ts"].to_list()]


def _need_order(table: Table, rows: pl.DataFrame) -> None:
    twice = rows.filter(pl.struct("time", "symbol").is_duplicated() & ~pl.struct("time", "symbol").is_first_distinct())
    if twice.height:
        raise refuse(table, twice.row(0, named=True), "ts", "this time and symbol stand here twice; keep one row")
    back = rows.filter(pl.col("time").diff().over("symbol") < 0)
    if back.height:
        raise refuse(table, back.row(0, named=True), "ts", "time runs backward; sort the rows of a symbol by ts")
