"""What command-line options say, read and checked: marks, index prices, and the day whose rules apply. No clock is read
here."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from plimsoll.errors import BadInput
from plimsoll.number import parse_positive
from plimsoll.prices.script import need_columns
from plimsoll.rulebook import Policy
from plimsoll.text_files import read_json, read_text

MARKS = "--marks"
INDEX = "--index"
RULES_DAY = "--rules-as-of"


class RulesDay(NamedTuple):
    """The day whose rules apply, and what to do where no table is known for it."""

    day: date
    policy: Policy


def read_rules_day(text: str | None, default: date | None, source: str = RULES_DAY, field: str = "day") -> RulesDay:
    """`nearest`, `in-force` (both of the day `default`), or a date. BadInput at `source` and `field` for anything else, and
    where no day is known.

    >>> read_rules_day("in-force", date(2026, 7, 2)).policy, read_rules_day("2024-05-01", date(2026, 7, 2)).day
    (<Policy.IN_FORCE: 'in-force'>, datetime.date(2024, 5, 1))
    """
    if text is None or text in list(Policy):
        if default is None:
            raise BadInput(source, field, text, "no date is known; name one, such as 2026-07-02")
        return RulesDay(default, Policy(text or Policy.NEAREST))
    try:
        return RulesDay(date.fromisoformat(text), Policy.NEAREST)
    except ValueError:
        cure = f"write a date such as 2026-07-02, or {' or '.join(Policy)}"
        raise BadInput(source, field, text, cure) from None


def read_marks(given: Sequence[str], names: Mapping[str, str]) -> dict[str, Decimal]:
    """Venue symbol -> mark, from `SYMBOL=PRICE` pairs (several with commas) and CSV or JSON files. `names`: the plan's
    symbol -> the venue's; either is understood. BadInput: a symbol without a mark, two marks for one, a pair for a
    symbol nobody asked for."""
    marks: dict[str, Decimal] = {}
    there = {**names, **{venue: venue for venue in names.values()}}
    for item in given:
        found = [_pair(pair, there) for pair in item.split(",")] if "=" in item else _file(Path(item))
        for symbol, price in found:
            if symbol not in there:
                continue
            if marks.setdefault(there[symbol], price) != price:
                raise BadInput(MARKS, symbol, price, "this symbol has two different marks; keep one")
    missing = [name for name, venue in names.items() if venue not in marks]
    if missing:
        cure = f"no mark price; add --marks {missing[0]}=PRICE, or a CSV or JSON file of marks"
        raise BadInput(MARKS, ", ".join(missing), None, cure)
    return marks


def read_indexes(given: Sequence[str]) -> dict[str, Decimal]:
    """Coin -> its index price in US dollars, from `COIN=PRICE` pairs (several with commas) and CSV files with the columns
    `asset, index` or JSON files. Whether these are the account's coins is seen when it is opened. BadInput: no price, two for
    one coin."""
    indexes: dict[str, Decimal] = {}
    for item in given:
        pairs = [pair.partition("=") for pair in item.split(",")] if "=" in item else []
        found = [(coin.strip(), parse_positive(price.strip(), coin.strip() or "coin", INDEX)) for coin, _, price in pairs]
        for coin, price in found or _file(Path(item), INDEX_FILE):
            if not coin:
                raise BadInput(INDEX, "coin", item, "write COIN=PRICE, such as BTC=60000")
            if indexes.setdefault(coin, price) != price:
                raise BadInput(INDEX, coin, price, "this coin has two different index prices; keep one")
    return indexes


def _pair(item: str, known: Iterable[str]) -> tuple[str, Decimal]:
    symbol, _, price = item.partition("=")
    symbol = symbol.strip()
    if symbol not in list(known):
        near = get_close_matches(symbol, list(known), 1, 0.5)
        hint = f"did you mean {near[0]}?" if near else f"the account has {', '.join(known)}"
        hint = hint if list(known) else "it holds coins alone; give their prices with --index COIN=PRICE"
        raise BadInput(MARKS, "symbol", symbol, f"the account has no such symbol; {hint}")
    return symbol, parse_positive(price, symbol, MARKS)


class Columns(NamedTuple):
    """A file of prices: what it holds, how a pair is written instead, and the columns of a CSV."""

    what: str
    pair: str
    name: str
    price: str


MARK_FILE = Columns("marks", "SYMBOL=PRICE", "symbol", "mark")
INDEX_FILE = Columns("index", "COIN=PRICE", "asset", "index")


def _file(path: Path, columns: Columns = MARK_FILE) -> list[tuple[str, Decimal]]:
    text = read_text(path, columns.what, f"write {columns.pair}, or give a CSV or JSON file")
    return _json(text, str(path)) if path.suffix == ".json" else _csv(text, str(path), columns)


def _json(text: str, source: str) -> list[tuple[str, Decimal]]:
    """`{"BTCUSDT": "60000", ...}`."""
    pairs = read_json(text, source, list)
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise BadInput(source, "JSON", None, 'write one object of symbols and prices: {"BTCUSDT": "60000"}')
    _once([symbol for symbol, _ in pairs], source)
    return [(symbol, parse_positive(price, symbol, source)) for symbol, price in pairs]


def _csv(text: str, source: str, columns: Columns) -> list[tuple[str, Decimal]]:
    """Columns such as `symbol, mark`, others ignored."""
    name, price = columns.name, columns.price
    reader = csv.DictReader(io.StringIO(text))
    try:
        need_columns(reader.fieldnames, (name, price), source)
        rows = [((row[name] or "").strip(), (row[price] or "").strip(), reader.line_num) for row in reader]
    except csv.Error as error:
        raise BadInput(source, "CSV", None, f"it cannot be read ({error}); write it anew") from None
    _once([symbol for symbol, _, _ in rows], source)
    return [(symbol, parse_positive(mark, f"{price}, line {line}", source)) for symbol, mark, line in rows]


def _once(symbols: Sequence[str], source: str) -> None:
    for number, symbol in enumerate(symbols):
        if symbol in symbols[:number]:
            raise BadInput(source, "symbol", symbol, "stands here twice; keep one row")
