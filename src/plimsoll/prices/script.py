"""Scripted prices: a path written down as instants, between which prices move together along straight segments.

Two forms: a table `[scripts.NAME]` of an account file (already parsed), and a CSV `ts, symbol, mark[, last,
funding_rate]`. Plain Python: no extra is needed. Every symbol has a mark at every instant, or BadInput says which not.
"""

import csv
import gzip
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, TextIO

from plimsoll.errors import BadInput
from plimsoll.number import parse, parse_positive
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.prices.times import milliseconds, moment, parse_milliseconds, parse_step, parse_time, show_moment

START = datetime(2026, 1, 1, tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
KEYS = ("about", "start", "step", "marks", "last", "funding", "index")


class Row(NamedTuple):
    """One line of a CSV of instants; `last` None: the mark."""

    mark: Decimal
    last: Decimal | None
    rate: Decimal | None


def script_names(data: Mapping[str, object], source: str) -> dict[str, str]:
    """The scripts of a parsed file, each with its `about` sentence (empty where it has none)."""
    scripts = _table(data.get("scripts", {}), "scripts", source)
    return {name: str(_table(script, f"scripts.{name}", source).get("about", "")) for name, script in scripts.items()}


def script_symbols(data: Mapping[str, object], source: str, name: str) -> tuple[str, ...]:
    """What a script has prices of: the symbols of its marks, and the coins of its index prices."""
    script = _script(data, source, name)
    return tuple({**_table(script.get("marks", {}), f"scripts.{name}.marks", source), **_index(script, name, source)})


def script_coins(data: Mapping[str, object], source: str, name: str) -> tuple[str, ...]:
    """The coins that a script has index prices of."""
    return tuple(_index(_script(data, source, name), name, source))


def _index(script: Mapping[str, object], name: str, source: str) -> Mapping[str, object]:
    return _table(script.get("index", {}), f"scripts.{name}.index", source)


def read_script(
    data: Mapping[str, object], source: str, name: str, symbols: Mapping[str, str] | None = None
) -> History:
    """The script `name` of a parsed file `{"scripts": {name: {...}}}`. `symbols`: rulebook symbol, or coin -> symbol of the
    marks, or coin of the index prices, in the script (None: all marks, as they are called there). Raises BadInput."""
    field = f"scripts.{name}"
    script = _script(data, source, name)
    marks = _prices(script.get("marks"), f"{field}.marks", source)
    lasts = _lasts(script.get("last", {}), marks, f"{field}.last", source)
    wanted = symbols or {symbol: symbol for symbol in marks}
    count = len(next(iter(marks.values())))
    rates = _rates(script.get("funding", {}), marks, f"{field}.funding", source)
    coins = _coins(_index(script, name, source), marks, f"{field}.index", source)
    marks, lasts = {**marks, **coins}, {**lasts, **coins}
    _need_symbols(wanted, list(marks), f"{field}.marks", source)
    start = parse_time(script.get("start", START), f"{field}.start", source)
    step = timedelta(seconds=parse_step(script.get("step"), f"{field}.step", source))
    if step * (count - 1) > LATEST - start:
        raise BadInput(source, f"{field}.start", start.isoformat(), "the script runs beyond the year 9999; start earlier")
    frames = tuple(
        Frame(
            start + index * step,
            0,
            {symbol: _instant(marks[there][index], lasts[there][index]) for symbol, there in wanted.items()},
            {symbol: rates[there, index] for symbol, there in wanted.items() if (there, index) in rates},
        )
        for index in range(count)
    )
    return History(f"{field} in {source}", tuple(wanted), frames, (), _stand_in(wanted, field))


def _stand_in(symbols: Mapping[str, str], place: str) -> dict[str, str]:
    return {symbol: f"{there} in {place}" for symbol, there in symbols.items() if there != symbol}


def _instant(mark: Decimal, last: Decimal) -> Bar:
    return Bar(last, last, last, last, mark, mark, mark, mark)


def _table(value: object, field: str, source: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise BadInput(source, field, value, "write a table of names and values")
    return value


def _script(data: Mapping[str, object], source: str, name: str) -> Mapping[str, object]:
    scripts = _table(data.get("scripts", {}), "scripts", source)
    if name not in scripts:
        known = ", ".join(scripts) or "none"
        raise BadInput(source, "script", name, f"there is no such script; the file has {known}")
    script = _table(scripts[name], f"scripts.{name}", source)
    for key in script:
        if key not in KEYS:
            raise BadInput(source, f"scripts.{name}", key, f"there is no such field; the fields are {', '.join(KEYS)}")
    return script


def _prices(value: object, field: str, source: str) -> dict[str, list[Decimal]]:
    """Price lists of one length, two points or more each."""
    table = _table({} if value is None else value, field, source)
    if not table:
        raise BadInput(source, field, None, 'give each symbol its prices, such as BTCUSDT = ["100000", "101000"]')
    prices = {symbol: _points(points, f"{field}.{symbol}", source) for symbol, points in table.items()}
    _need_length(prices, len(next(iter(prices.values()))), field, source)
    return prices


def _points(value: object, field: str, source: str) -> list[Decimal]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise BadInput(source, field, value, "write a list of prices")
    if len(value) < 2:
        raise BadInput(source, field, f"{len(value)} prices", "a path needs at least two points")
    return [parse_positive(point, f"{field}[{index}]", source) for index, point in enumerate(value)]


def _need_length(prices: Mapping[str, Sequence[Decimal]], length: int, field: str, source: str) -> None:
    for symbol, points in prices.items():
        if len(points) != length:
            cure = f"every symbol needs the same number of prices, {length}"
            raise BadInput(source, f"{field}.{symbol}", f"{len(points)} prices", cure)


def _lasts(
    value: object, marks: Mapping[str, list[Decimal]], field: str, source: str
) -> Mapping[str, Sequence[Decimal]]:
    """The last prices: the script's own where it gives them, else the marks."""
    table = _table(value, field, source)
    _need_marked(table, marks, field, source)
    own = {symbol: _points(points, f"{field}.{symbol}", source) for symbol, points in table.items()}
    _need_length(own, len(next(iter(marks.values()))), field, source)
    return {**marks, **own}


def _coins(
    table: Mapping[str, object], marks: Mapping[str, list[Decimal]], field: str, source: str
) -> dict[str, list[Decimal]]:
    """Index prices of coins that no symbol of the marks has the name of."""
    prices = {coin: _points(points, f"{field}.{coin}", source) for coin, points in table.items()}
    _need_length(prices, len(next(iter(marks.values()))), field, source)
    for coin in prices:
        if coin in marks:
            raise BadInput(source, field, coin, "it is a symbol that has marks already; leave it out here")
    return prices


def _rates(
    value: object, marks: Mapping[str, list[Decimal]], field: str, source: str
) -> dict[tuple[str, int], Decimal]:
    """Funding rates by symbol and index, from pairs [index, rate]."""
    table = _table(value, field, source)
    _need_marked(table, marks, field, source)
    rates: dict[tuple[str, int], Decimal] = {}
    for symbol, pairs in table.items():
        place = f"{field}.{symbol}"
        if not isinstance(pairs, Sequence) or isinstance(pairs, str):
            raise BadInput(source, place, pairs, 'write pairs of index and rate, such as [[8, "0.0001"]]')
        for pair in pairs:
            index, rate = _pair(pair, len(marks[symbol]), place, source)
            if (symbol, index) in rates:
                raise BadInput(source, place, index, "this index stands here twice; keep one pair")
            rates[symbol, index] = rate
    return rates


def _pair(pair: object, count: int, field: str, source: str) -> tuple[int, Decimal]:
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
        raise BadInput(source, field, pair, 'write pairs of index and rate, such as [[8, "0.0001"]]')
    index = pair[0]
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
        raise BadInput(source, f"{field} index", index, f"count the points from 0 to {count - 1}")
    return index, parse(pair[1], f"{field}[{index}]", source)


def _need_marked(table: Mapping[str, object], marks: Mapping[str, object], field: str, source: str) -> None:
    for symbol in table:
        if symbol not in marks:
            raise BadInput(source, field, symbol, f"this symbol has no marks; the script has {', '.join(marks)}")


def _need_symbols(wanted: Mapping[str, str], known: Sequence[str], field: str, source: str) -> None:
    for symbol in wanted.values():
        if symbol not in known:
            raise BadInput(source, field, symbol, f"this symbol has no prices; there are {', '.join(known) or 'none'}")


def holds_instants(path: Path) -> bool:
    """Whether a CSV holds instants, not candles: its header has `mark`. False for any other file."""
    if not path.name.endswith((".csv", ".csv.gz")):
        return False
    with _text(path) as file:
        return "mark" in next(csv.reader(file), [])


def need_columns(columns: Sequence[str] | None, names: Sequence[str], source: str) -> None:
    """Raise BadInput for the first of `names` that a CSV's header lacks. `columns` None: the file is empty."""
    there = f"the file has {', '.join(columns)}" if columns else "the file is empty"
    for name in names:
        if name not in (columns or ()):
            raise BadInput(source, "column", name, f"there is no such column; {there}")


def instant_symbols(path: Path) -> tuple[str, ...]:
    """The symbols of a CSV of instants."""
    with _text(path) as file:
        reader = csv.DictReader(file)
        need_columns(reader.fieldnames, ("ts", "symbol", "mark"), str(path))
        return tuple(dict.fromkeys((fields["symbol"] or "").strip() for fields in reader))


def read_instants(
    path: Path, symbols: Mapping[str, str], start: datetime | None = None, end: datetime | None = None
) -> History:
    """The instants in [start, end] of a CSV `ts, symbol, mark[, last, funding_rate]`, for `symbols` (rulebook symbol ->
    symbol in the file). Raises BadInput."""
    source = str(path)
    table = _instant_rows(path, set(symbols.values()))
    _need_symbols(symbols, sorted({symbol for row in table.values() for symbol in row}), "symbol", source)
    lower, upper = (None if time is None else milliseconds(time) for time in (start, end))
    inside = [t for t in table if (lower is None or t >= lower) and (upper is None or t <= upper)]
    if len(inside) < 2:
        span = f"{show_moment(min(table))} to {show_moment(max(table))} UTC"
        cure = f"a path needs at least two; the file goes from {span}"
        raise BadInput(source, "instants in the window", len(inside), cure)
    frames = tuple(_instant_frame(time, table[time], symbols, source) for time in inside)
    return History(source, tuple(symbols), frames, (), _stand_in(symbols, path.name))


def _instant_frame(time: int, rows: Mapping[str, Row], symbols: Mapping[str, str], source: str) -> Frame:
    for there in symbols.values():
        if there not in rows:
            cure = f"{there} has no mark at this instant; give every symbol one"
            raise BadInput(source, "ts", show_moment(time), cure)
    found = {symbol: rows[there] for symbol, there in symbols.items()}
    bars = {symbol: _instant(row.mark, row.mark if row.last is None else row.last) for symbol, row in found.items()}
    return Frame(moment(time), 0, bars, {symbol: row.rate for symbol, row in found.items() if row.rate is not None})


def _instant_rows(path: Path, wanted: set[str]) -> dict[int, dict[str, Row]]:
    """The wanted rows by time and symbol; time may not run backward."""
    table: dict[int, dict[str, Row]] = {}
    latest = None
    with _text(path) as file:
        reader = csv.DictReader(file)
        need_columns(reader.fieldnames, ("ts", "symbol", "mark"), str(path))
        for fields in reader:
            place = f"line {reader.line_num}"
            if None in fields:
                raise BadInput(str(path), place, None, "the line has more fields than the header; check its commas")
            symbol = (fields["symbol"] or "").strip()
            time = parse_milliseconds((fields["ts"] or "").strip(), f"ts, {place}", str(path))
            if latest is not None and time < latest:
                raise BadInput(str(path), f"ts, {place}", fields["ts"], "time runs backward; sort the rows by ts")
            latest = time
            if symbol in table.setdefault(time, {}):
                raise BadInput(str(path), f"ts, {place}", fields["ts"], f"{symbol} stands here twice; keep one row")
            table[time][symbol] = _row(fields, place, str(path))
    return {time: rows for time, rows in table.items() if wanted & rows.keys()}


def _row(fields: Mapping[str, str | None], place: str, source: str) -> Row:
    last, rate = ((fields.get(name) or "").strip() for name in ("last", "funding_rate"))
    return Row(
        parse_positive(fields["mark"] or "", f"mark, {place}", source),
        parse_positive(last, f"last, {place}", source) if last else None,
        parse(rate, f"funding_rate, {place}", source) if rate else None,
    )


@contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    """The file as text, unpacked where its name ends in .gz; what cannot be read raises BadInput."""
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig", newline="")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig", newline="")
        ) as file:
            yield file
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        cure = f"it cannot be read ({str(error).splitlines()[0]}); write it anew as UTF-8 CSV"
        raise BadInput(str(path), "file", None, cure) from None
