"""Fills as users have them: a CSV of their own, what ccxt's `fetch_my_trades` returned, or the export of a freqtrade backtest.

Strict: a row that cannot be (no number, no zone, a size below zero, time that runs backward) is refused in one line that
names file, row, field and cure. Symbols are looked up elsewhere (`fills_plan`); nothing here knows a venue.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import msgspec

from plimsoll.errors import BadInput
from plimsoll.model import LegSide
from plimsoll.number import ONE, parse, parse_positive
from plimsoll.prices.times import moment, parse_milliseconds
from plimsoll.text_files import read_text

COLUMNS: dict[str, tuple[str, ...]] = {
    "time": ("time", "date", "timestamp", "datetime", "ts", "executed_at"),
    "symbol": ("symbol", "pair", "market", "instrument"),
    "side": ("side", "direction"),
    "size": ("size", "amount", "qty", "quantity", "filled", "executed"),
    "contracts": ("contracts",),
    "price": ("price", "rate", "fill_price", "avg_price", "average"),
    "fee": ("fee", "fees", "commission", "fee_cost"),
    "fee_currency": ("fee_currency", "fee_asset", "fee_coin", "commission_asset"),
    "leverage": ("leverage", "lev"),
    "reduce_only": ("reduce_only", "reduceonly"),
    "position_side": ("position_side", "positionside", "pos_side", "posside"),
    "liquidity": ("liquidity", "takerormaker", "taker_or_maker", "maker_taker", "role"),
}
"""What a column means -> the names it may have. Case, blanks, dashes and a unit in brackets do not matter."""

YES, NO = ("true", "yes", "1"), ("false", "no", "0", "")
SIDES = {"buy": "buy", "sell": "sell", "b": "buy", "s": "sell"}
LEGS = {"": LegSide.NET, "both": LegSide.NET, "net": LegSide.NET, "long": LegSide.LONG, "short": LegSide.SHORT}
CHOICE = "give a CSV, the JSON of ccxt's fetch_my_trades, or a freqtrade backtest export (JSON or zip)"


class Counted(StrEnum):
    """What an amount counts: coins of a linear and face value of an inverse contract; contracts; or contracts unless the
    cost beside it says coins (ccxt's unified trades)."""

    COINS = "coins"
    CONTRACTS = "contracts"
    BY_COST = "by cost"


class FillRow(msgspec.Struct, frozen=True, kw_only=True):
    """One fill as the file tells it. `place`: where it stands there; `fee` > 0: paid, in `fee_asset` ('': the settle asset);
    `fee_rate`: where the file has a rate instead; None: not told."""

    place: str
    time: datetime
    symbol: str
    side: str
    amount: Decimal
    price: Decimal
    counted: Counted = Counted.COINS
    cost: Decimal | None = None
    fee: Decimal | None = None
    fee_asset: str = ""
    fee_rate: Decimal | None = None
    liquidity: str = "taker"
    leverage: Decimal | None = None
    reduce_only: bool = False
    position_side: LegSide = LegSide.NET


class FillsFile(msgspec.Struct, frozen=True, kw_only=True):
    """All fills in their order. `wallet`: the starting money, where the file tells it (asset -> amount)."""

    source: str
    kind: str
    name: str
    rows: tuple[FillRow, ...]
    wallet: dict[str, Decimal] = {}
    notes: tuple[str, ...] = ()


def read_fills(path: Path, strategy: str | None = None) -> FillsFile:
    """The fills of a file, recognised by its ending and its content. `strategy`: which one, in an export of several."""
    from plimsoll.fills_json import read_fills_json, read_fills_zip

    ending = path.suffix.lower()
    if ending == ".zip":
        return read_fills_zip(path, strategy)
    if ending not in (".csv", ".json"):
        raise BadInput(str(path), "file", path.suffix or None, CHOICE)
    text = read_text(path, "fills", CHOICE)
    if ending == ".json":
        return read_fills_json(text, str(path), path.stem, strategy)
    return read_fills_csv(text, str(path), path.stem)


def read_fills_csv(text: str, source: str, name: str) -> FillsFile:
    """A CSV's text; the columns are those of COLUMNS, in any order, others are ignored and told."""
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        head = next(reader, [])
        lines = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise BadInput(source, "CSV", None, f"it cannot be read ({error}); write it anew") from None
    at, utc = _columns(head, source)
    rows = []
    for number, cells in lines:
        if len(cells) != len(head):
            cure = f"the header has {len(head)} columns; write as many (no thousands separators)"
            raise BadInput(source, f"line {number}", f"{len(cells)} fields", cure)
        rows.append(_row({key: cells[n].strip() for key, n in at.items()}, source, f"line {number}", utc))
    ignored = [head[n].strip() for n in range(len(head)) if n not in at.values() and head[n].strip()]
    notes = (f"columns not read: {', '.join(ignored)}",) if ignored else ()
    return checked(FillsFile(source=source, kind="CSV", name=name, rows=tuple(rows), notes=notes))


def checked(fills: FillsFile) -> FillsFile:
    """The file, if there is anything in it and its times do not run backward."""
    if not fills.rows:
        raise BadInput(fills.source, "fills", None, "there is no fill in it; name another file")
    for before, row in zip(fills.rows, fills.rows[1:], strict=False):
        if row.time < before.time:
            cure = f"time runs backward, {before.place} has {show_time(before.time)}; sort the fills by time"
            raise BadInput(fills.source, f"{row.place} time", show_time(row.time), cure)
    return fills


def show_time(time: datetime) -> str:
    """A UTC time as a person writes it, with what it has of seconds."""
    if time.microsecond:
        return f"{time:%Y-%m-%d %H:%M:%S.%f}".rstrip("0")
    return f"{time:%Y-%m-%d %H:%M:%S}" if time.second else f"{time:%Y-%m-%d %H:%M}"


def _columns(head: Sequence[str], source: str) -> tuple[dict[str, int], bool]:
    """What a column means -> its number, and whether the time column says that it is UTC."""
    at: dict[str, int] = {}
    utc = False
    for n, cell in enumerate(head):
        word, _, unit = cell.strip().lower().replace("(", " (").partition(" (")
        word = "_".join(word.replace("-", " ").split())
        said_utc = word.endswith("_utc") or unit.rstrip(")").strip() == "utc"
        word = word.removesuffix("_utc")
        meaning = next((key for key, names in COLUMNS.items() if word in names), None)
        if meaning is None:
            continue
        if meaning in at:
            raise BadInput(source, "columns", f"{head[at[meaning]]}, {cell}", f"both mean {meaning}; keep one")
        at[meaning] = n
        utc = utc or (meaning == "time" and said_utc)
    if "size" in at and "contracts" in at:
        raise BadInput(source, "columns", f"{head[at['size']]}, {head[at['contracts']]}", "both are sizes; keep one")
    for key in ("time", "symbol", "side", "contracts" if "contracts" in at else "size", "price"):
        if key not in at:
            raise BadInput(source, "column", key, f"is missing; it may be called {', '.join(COLUMNS[key])}")
    return at, utc


def _row(cells: Mapping[str, str], source: str, place: str, utc: bool) -> FillRow:
    size = "contracts" if "contracts" in cells else "size"
    return FillRow(
        place=place,
        time=_time(cells["time"], f"{place} time", source, utc),
        symbol=need(cells["symbol"], f"{place} symbol", source),
        side=side_of(cells["side"], f"{place} side", source),
        amount=positive(cells[size], f"{place} {size}", source, "a size is greater than zero; the side says which way"),
        counted=Counted.CONTRACTS if size == "contracts" else Counted.COINS,
        price=positive(cells["price"], f"{place} price", source, "a price is greater than zero"),
        fee=parse(cells["fee"], f"{place} fee", source) if cells.get("fee") else None,
        fee_asset=cells.get("fee_currency", ""),
        leverage=leverage_in(cells.get("leverage") or None, f"{place} leverage", source),
        reduce_only=_flag(cells.get("reduce_only", ""), f"{place} reduce_only", source),
        position_side=leg_in(cells.get("position_side", ""), f"{place} position_side", source),
        liquidity=liquidity_in(cells.get("liquidity") or None, f"{place} liquidity", source),
    )


def need(text: str, field: str, source: str) -> str:
    """The text, if there is any."""
    if not text:
        raise BadInput(source, field, None, "is empty; fill it in")
    return text


def _time(text: str, field: str, source: str, utc: bool) -> datetime:
    """UTC from epoch milliseconds or ISO 8601; a clock time without a zone only where the column says UTC."""
    need(text, field, source)
    if utc:
        try:
            read = datetime.fromisoformat(text)
        except ValueError:
            read = None
        if read is not None and read.tzinfo is None:
            return read.replace(tzinfo=UTC)
    try:
        return moment(parse_milliseconds(text, field, source))
    except BadInput as bad:
        more = ", or call the column time_utc" if "say the zone" in bad.cure else ""
        raise BadInput(source, field, text, f"{bad.cure}{more}") from None


def side_of(text: object, field: str, source: str) -> str:
    """buy or sell."""
    word = text.strip().lower() if isinstance(text, str) else ""
    if word not in SIDES:
        cure = "write buy or sell (which leg of hedge mode it is for stands in position_side)"
        raise BadInput(source, field, text or None, cure)
    return SIDES[word]


def positive(text: object, field: str, source: str, cure: str) -> Decimal:
    """A number greater than zero, with the cure for what is not."""
    value = parse(text, field, source)
    if value <= 0:
        raise BadInput(source, field, text, cure)
    return value


def leverage_in(text: object, field: str, source: str) -> Decimal | None:
    """A leverage of 1 or more; None: the file says none."""
    if text is None:
        return None
    value = parse_positive(text.lower().removesuffix("x") if isinstance(text, str) else text, field, source)
    if value < ONE:
        raise BadInput(source, field, text, "leverage is at least 1")
    return value


def leg_in(text: object, field: str, source: str) -> LegSide:
    """The leg a fill belongs to: net in one-way mode, long or short in hedge mode."""
    word = text.strip().lower() if isinstance(text, str) else ""
    if word not in LEGS:
        raise BadInput(source, field, text, "write long or short; both, net or nothing in one-way mode")
    return LEGS[word]


def liquidity_in(text: object, field: str, source: str) -> str:
    """maker or taker; taker where the file says nothing."""
    if text is None:
        return "taker"
    word = text.strip().lower() if isinstance(text, str) else ""
    if word not in ("maker", "taker"):
        raise BadInput(source, field, text, "write maker or taker, or leave it empty")
    return word


def _flag(text: str, field: str, source: str) -> bool:
    if text.lower() not in (*YES, *NO):
        raise BadInput(source, field, text, "write true or false")
    return text.lower() in YES
