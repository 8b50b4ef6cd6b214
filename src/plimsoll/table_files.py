"""Table files on disk: TOML in, a checked `VenueTable` out. The packaged files and a user's own have the same format
and pass the same checks; a file that breaks one is refused in one line (BadInput) and nothing in it is repaired."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from plimsoll.errors import BadInput
from plimsoll.model import Bracket, CollateralTier, Kind, LoanTier
from plimsoll.number import ONE, ZERO, exact, parse, show
from plimsoll.rulebook import discover, rules_of
from plimsoll.text_files import read_text, read_toml
from plimsoll.venue_table import (
    BracketTable,
    CollateralRow,
    FeeRow,
    Grade,
    InstrumentRow,
    LiquidationFeeRow,
    LoanRow,
    ReadingRow,
    RegimeRow,
    TermRow,
    UnitRow,
    VenueTable,
)

HEADER: dict[str, tuple[str, ...]] = {
    "rulebook": (),
    "bracket_unit": ("notional", "contracts", "base"),
    "deductions": ("marginal", "none"),
}
SECTIONS: dict[str, Any] = {
    "brackets": BracketTable,
    "instruments": InstrumentRow,
    "liquidation_fees": LiquidationFeeRow,
    "fees": FeeRow,
    "collateral": CollateralRow,
    "loans": LoanRow,
    "regimes": RegimeRow,
    "readings": ReadingRow,
    "units": UnitRow,
    "terms": TermRow,
}
DATED = ("brackets", "instruments", "liquidation_fees", "fees", "collateral", "loans", "regimes", "terms")
CELLS = ("floor", "cap", "rate", "deduction", "max_leverage")
FURTHER = {1: ("initial_rate",), 2: ("quote_floor", "quote_cap")}
"""Further cells of a bracket, by their number: an initial rate that the venue states for the row itself; the bounds of what is
borrowed in the quote asset, where the others are those of the base."""
ROWS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "brackets": (Bracket, CELLS),
    "collateral": (CollateralTier, ("floor", "cap", "ratio")),
    "loans": (LoanTier, ("floor", "cap", "initial rate", "maintenance rate")),
}
"""Sections whose entries are made of rows: what a row becomes, and its cells."""
ENUMS: dict[str, type[StrEnum]] = {"grade": Grade, "grades": Grade, "kind": Kind}
CONTINUITY = Decimal("0.000001")
"""Largest relative error of a deduction: venues print them rounded."""

R = TypeVar("R", BracketTable, InstrumentRow, LiquidationFeeRow, FeeRow, CollateralRow, LoanRow, RegimeRow, TermRow)
Entry = BracketTable | InstrumentRow | LiquidationFeeRow | FeeRow | CollateralRow | LoanRow | RegimeRow | TermRow


class Source(msgspec.Struct, frozen=True):
    """Where numbers come from, and the day on which they were recorded (where known)."""

    text: str
    retrieved: date | None = None


class Place(msgspec.Struct, frozen=True):
    """Where in a file an entry stands: the file and the entry's printed name."""

    file: str
    entry: str

    def bad(self, field: str, value: object, cure: str) -> BadInput:
        return BadInput(self.file, f"{self.entry} {field}".strip(), value, cure)


@cache
def load(name: str) -> VenueTable:
    """The packaged table of a rulebook. BadInput where there is none of that name."""
    if name not in discover():
        raise BadInput("tables", "rulebook", name, f"choose one of {', '.join(discover())}")
    table = read(files("plimsoll").joinpath("tables", f"{name}.toml").read_text(encoding="utf-8"), f"{name}.toml")
    return _with_contracts(table, load(table.like)) if table.like else table


def _with_contracts(table: VenueTable, sister: VenueTable) -> VenueTable:
    """The table with the brackets, contracts and fees of a rulebook that has the same contracts."""
    return msgspec.structs.replace(
        table,
        brackets=_over(sister.brackets, table.brackets),
        instruments=_over(sister.instruments, table.instruments),
        liquidation_fees=_over(sister.liquidation_fees, table.liquidation_fees),
        fees=_over(sister.fees, table.fees),
    )


def load_file(path: Path) -> VenueTable:
    """A user's own table file. BadInput names the file, the entry, the field and the cure."""
    return read(read_text(path, "file", "give the path of a table file"), str(path))


def read(text: str, file: str) -> VenueTable:
    """A table file's text, parsed and checked. `file`: its name in messages."""
    document = read_toml(text, file)
    place = Place(file, "")
    _only(document, [*HEADER, "closed", "like", "sources", *SECTIONS], [*HEADER, "sources"], place)
    header = {key: _choice(document, key, options or discover(), place) for key, options in HEADER.items()}
    sources = _sources(document["sources"], file)
    table = VenueTable(
        file=file,
        name=header["rulebook"],
        bracket_unit=header["bracket_unit"],
        marginal=header["deductions"] == "marginal",
        closed=_closed(document, place),
        like=_choice(document, "like", discover(), place) if "like" in document else "",
        **{section: _section(document, section, sources, file) for section in SECTIONS},
    )
    _check(table)
    return table


def _closed(document: Mapping[str, Any], place: Place) -> date | None:
    day = document.get("closed")
    if day is not None and type(day) is not date:
        raise place.bad("closed", day, "write the last day of the venue as a date, such as 2026-09-23")
    return day


def merge(base: VenueTable, user: VenueTable) -> VenueTable:
    """The base with the user's entries in front: for the same symbol they replace it on their own days.

    BadInput: another rulebook, unit or way of deductions, or readings that are not the base's."""
    for field, theirs, ours in [
        ("rulebook", user.name, base.name),
        ("bracket_unit", user.bracket_unit, base.bracket_unit),
        ("deductions", _deductions(user), _deductions(base)),
    ]:
        if theirs != ours:
            raise BadInput(user.file, field, theirs, f"write {ours!r}, as the packaged table does")
    if user.readings and [(r.name, r.options) for r in user.readings] != [(r.name, r.options) for r in base.readings]:
        raise BadInput(user.file, "readings", None, "remove them: the rules fix the options; choose one when running")
    for section, coins in (("collateral", user.collateral), ("loans", user.loans)):
        if coins and not base.collateral:
            raise BadInput(user.file, section, coins[0].asset, f"{base.name} values no coins together; leave it out")
    return msgspec.structs.replace(
        base,
        file=f"{base.file} and {user.file}",
        brackets=_over(base.brackets, user.brackets),
        instruments=_over(base.instruments, user.instruments),
        liquidation_fees=_over(base.liquidation_fees, user.liquidation_fees),
        fees=_over(base.fees, user.fees),
        collateral=_over(base.collateral, user.collateral),
        loans=_over(base.loans, user.loans),
        regimes=_over(base.regimes, user.regimes),
        terms=_over(base.terms, user.terms),
    )


def _deductions(table: VenueTable) -> str:
    return "marginal" if table.marginal else "none"


def _over(base: Sequence[R], user: Sequence[R]) -> tuple[R, ...]:
    """`user`, then what `base` says about other keys and other days."""
    kept: list[R] = list(base)
    for new in user:
        pieces = [[old] if _key(old) != _key(new) else _outside(old, new) for old in kept]
        kept = [piece for group in pieces for piece in group]
    return tuple(user) + tuple(kept)


def _key(entry: Entry) -> str:
    """What an entry is about: its symbol, family, coin or name, '' for all."""
    if isinstance(entry, BracketTable):
        return entry.symbol or entry.family
    if isinstance(entry, (CollateralRow, LoanRow)):
        return entry.asset
    if isinstance(entry, RegimeRow):
        return entry.name
    if isinstance(entry, TermRow):
        return f"{entry.name} {entry.symbol}"
    return "" if isinstance(entry, FeeRow) else entry.symbol


def _outside(old: R, new: R) -> list[R]:
    """The parts of `old` before and after the days of `new`."""
    pieces: list[R] = []
    if old.since < new.since:
        last = new.since - timedelta(days=1)
        pieces.append(msgspec.structs.replace(old, until=last if old.until is None else min(old.until, last)))
    if new.until is not None and (old.until is None or old.until > new.until):
        first = new.until + timedelta(days=1)
        pieces.append(msgspec.structs.replace(old, since=max(old.since, first)))
    return pieces


def _only(raw: Mapping[str, object], known: Sequence[str], needed: Iterable[str], place: Place) -> None:
    """Refuses unknown and missing keys."""
    for key in raw:
        if key not in known:
            raise place.bad(key, None, f"unknown key; known here are {', '.join(known)}")
    for key in needed:
        if key not in raw:
            raise place.bad(key, None, "is missing; add it")


def _choice(raw: Mapping[str, Any], key: str, options: Sequence[str], place: Place) -> str:
    if raw[key] not in options:
        raise place.bad(key, raw[key], f"choose one of {', '.join(options)}")
    return str(raw[key])


def _sources(raw: object, file: str) -> dict[str, Source]:
    if not isinstance(raw, dict) or not all(isinstance(entry, dict) for entry in raw.values()):
        raise BadInput(file, "sources", None, "write [sources.KEY] tables with text and, where known, retrieved")
    for key, entry in raw.items():
        _only(entry, _keys(Source), _keys(Source, required=True), Place(file, f"sources.{key}"))
    return {key: _convert(entry, Source, Place(file, f"sources.{key}")) for key, entry in raw.items()}


def _section(document: Mapping[str, Any], section: str, sources: Mapping[str, Source], file: str) -> tuple[Any, ...]:
    entries = document.get(section, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadInput(file, section, None, f"write [[{section}]] entries")
    places = [Place(file, _named(section, number, entry)) for number, entry in enumerate(entries, 1)]
    return tuple(_entry(entry, section, sources, place) for entry, place in zip(entries, places, strict=True))


def _named(section: str, number: int, raw: Mapping[str, object]) -> str:
    """`brackets 3 (BTCUSDT 2024-05-01)`: enough to find the entry in the file."""
    label = [str(raw[key]) for key in ("symbol", "family", "asset", "name", "from") if key in raw and raw[key] != ""]
    return f"{section} {number} ({' '.join(label)})" if label else f"{section} {number}"


def _entry(raw: dict[str, Any], section: str, sources: Mapping[str, Source], place: Place) -> Any:
    """One entry of a section: its keys and types checked, its source spelled out, its brackets read."""
    entry, kind = dict(raw), SECTIONS[section]
    _only(raw, [key for key in _keys(kind) if key != "retrieved"], _keys(kind, required=True), place)
    if section != "readings":
        source = sources.get(entry["source"]) if isinstance(entry["source"], str) else None
        if source is None:
            raise place.bad("source", raw["source"], f"choose a key of [sources]: {', '.join(sources)}")
        entry |= {"source": source.text, "retrieved": source.retrieved}
    if section not in ROWS:
        return _convert(entry, kind, place)
    rows = _rows(entry["rows"], section, place)
    return msgspec.structs.replace(_convert(entry | {"rows": []}, kind, place), rows=rows)


def _keys(kind: Any, *, required: bool = False) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(kind) if field.required or not required]


def _convert(raw: Mapping[str, Any], kind: Any, place: Place) -> Any:
    """The struct of an entry whose keys are known; BadInput for a value of the wrong type."""
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        found = re.search(r"\$\.(\w+)", path)
        field = found[1] if found else ""
        options = ", ".join(ENUMS[field]) if field in ENUMS else ""
        cure = f"choose one of {options}" if options else f"{message[:1].lower()}{message[1:]}; correct it"
        raise place.bad(field, raw.get(field), cure) from None


def _rows(raw: object, section: str, place: Place) -> tuple[Any, ...]:
    """Rows of cells each; "-" stands for an unknown last cap or an unknown leverage."""
    if not isinstance(raw, list) or not raw:
        raise place.bad("rows", None, f"give at least one row of {', '.join(ROWS[section][1])}")
    return tuple(_row(cells, section, place, number, number == len(raw)) for number, cells in enumerate(raw, 1))


COUNTED = {3: "three", 4: "four", 5: "five"}
UNBOUNDED = ("cap", "quote_cap")


def _row(raw: object, section: str, place: Place, number: int, last: bool) -> Any:
    kind, cells = ROWS[section]
    if section == "brackets" and isinstance(raw, list):
        cells += FURTHER.get(len(raw) - len(cells), ())
    if not isinstance(raw, list) or len(raw) != len(cells):
        raise place.bad(f"row {number}", raw, f"give {COUNTED[len(cells)]} cells: {', '.join(cells)}")
    found = [
        None if cell == "-" and (name == "max_leverage" or (name in UNBOUNDED and last))
        else parse(cell, f"{place.entry} row {number} {name}", place.file)
        for cell, name in zip(raw, cells, strict=True)
    ]
    if "quote_cap" in cells:
        row = kind(*found[:-2])
        return msgspec.structs.replace(row, quote_floor=found[-2], quote_cap=found[-1])
    return kind(*found)


def _check(table: VenueTable) -> None:
    """What the types do not say: dates in order, numbers in range, brackets without holes, nothing said twice."""
    for section in DATED:
        entries = getattr(table, section)
        for number, entry in enumerate(entries, 1):
            place = Place(table.file, f"{section} {number} ({f'{_key(entry)} {entry.since}'.strip()})")
            _check_dates(entry, place)
            _check_grades(entry, place)
            CHECKS[type(entry)](entry, place)
            if isinstance(entry, BracketTable):
                _check_deductions(entry.rows, table.marginal and not entry.whole, place)
        _check_overlaps(table.file, section, entries)
    _check_units(table)
    _check_terms(table)
    _check_readings(table)


def _check_dates(entry: Any, place: Place) -> None:
    if entry.until is not None and entry.until < entry.since:
        raise place.bad("until", entry.until, "put it on or after `from`")


def _check_grades(entry: Any, place: Place) -> None:
    weaker: dict[str, Grade] = getattr(entry, "grades", {})
    for field, grade in {"grade": entry.grade, **weaker}.items():
        if field not in _keys(type(entry)):
            raise place.bad("grades", field, f"name fields of the entry: {', '.join(_keys(type(entry)))}")
        if grade is Grade.STALE:
            raise place.bad(field, grade, "a table cannot call itself stale; choose the grade of its source")


def _check_brackets(entry: BracketTable, place: Place) -> None:
    if bool(entry.symbol) == bool(entry.family):
        raise place.bad("symbol", entry.symbol, "give either a symbol or a family")
    _check_steps(entry.rows, place)
    _check_quote_steps(entry.rows, place)
    for number, row in enumerate(entry.rows, 1):
        if not ZERO < row.maintenance_rate <= ONE:
            raise place.bad(f"row {number} rate", row.maintenance_rate, "give a fraction above 0, at most 1")
        if row.max_leverage is not None and row.max_leverage <= 0:
            raise place.bad(f"row {number} max_leverage", row.max_leverage, 'give a number above zero, or "-"')


def _check_steps(rows: Sequence[Bracket | CollateralTier | LoanTier], place: Place) -> None:
    """Each row begins where the one before it ends, the first at 0."""
    floor: Decimal | None = ZERO
    for number, row in enumerate(rows, 1):
        if row.floor != floor:
            cure = "the first floor is 0" if number == 1 else f"put the floor where the row before ends, at {floor}"
            raise place.bad(f"row {number} floor", row.floor, cure)
        if row.cap is not None and row.cap <= row.floor:
            raise place.bad(f"row {number} cap", row.cap, "put the cap above the floor")
        floor = row.cap


def _check_quote_steps(rows: Sequence[Bracket], place: Place) -> None:
    """All rows have bounds of the quote asset or none has, each beginning where the one before it ends."""
    if all(row.quote_floor is None and row.quote_cap is None for row in rows):
        return
    if any(row.quote_floor is None for row in rows):
        raise place.bad("rows", None, "give the quote floor and cap in every row or in none")
    _check_steps([CollateralTier(row.quote_floor or ZERO, row.quote_cap, ZERO) for row in rows], place)


def _check_collateral(entry: CollateralRow, place: Place) -> None:
    """Ratios fall as a holding grows: so headroom stays concave, which the search for liquidation prices relies on."""
    _check_steps(entry.rows, place)
    above = ONE
    for number, row in enumerate(entry.rows, 1):
        if not ZERO <= row.ratio <= above:
            raise place.bad(f"row {number} ratio", row.ratio, f"give a share from 0 to {show(above)}, the one before")
        above = row.ratio
    for field in ("ask_buffer", "sell_buffer", "buy_buffer"):
        buffer: Decimal = getattr(entry, field)
        if not buffer.is_finite() or not ZERO <= buffer < ONE:
            raise place.bad(field, buffer, "give a fraction from 0 to below 1, such as 0.05")
    if entry.exchange_below is not None and not (entry.exchange_below.is_finite() and entry.exchange_below > 0):
        raise place.bad("exchange_below", entry.exchange_below, "give the units owed, an amount above zero")


def _check_loans(entry: LoanRow, place: Place) -> None:
    """Rates rise as a debt grows, and maintenance stays below initial."""
    _check_steps(entry.rows, place)
    below = ZERO
    for number, row in enumerate(entry.rows, 1):
        if not ZERO < row.initial_rate <= ONE:
            raise place.bad(f"row {number} initial rate", row.initial_rate, "give a fraction above 0, at most 1")
        if not below <= row.maintenance_rate <= row.initial_rate <= ONE:
            cure = f"give a fraction from {show(below)}, the one before, to its initial rate, at most 1"
            raise place.bad(f"row {number} maintenance rate", row.maintenance_rate, cure)
        below = row.maintenance_rate


def _check_regime(row: RegimeRow, place: Place) -> None:
    if not row.name or not row.option:
        raise place.bad("option", None, "name the regime and its option")


def _check_terms(table: VenueTable) -> None:
    known = rules_of(table.name).TERMS
    for number, row in enumerate(table.terms, 1):
        if row.name not in known:
            place = Place(table.file, f"terms {number} ({row.name})")
            raise place.bad("name", row.name, f"the rules know {', '.join(known) or 'none'}")


def _check_term(row: TermRow, place: Place) -> None:
    if not row.value.is_finite() or row.value < 0:
        raise place.bad("value", row.value, "give a finite number, 0 or above")


def _check_deductions(rows: Sequence[Bracket], marginal: bool, place: Place) -> None:
    """Marginal: floor * (rate - rate below) + deduction below, within the venue's printing; otherwise none at all."""
    below = Bracket(ZERO, None, ZERO, ZERO, None)
    for number, row in enumerate(rows, 1):
        with exact():
            due = row.floor * (row.maintenance_rate - below.maintenance_rate) + below.deduction if marginal else ZERO
            off = abs(row.deduction - due) > CONTINUITY * abs(due)
        if off:
            cure = f"margin would jump at the floor; {show(due)} keeps it continuous" if marginal else "write 0"
            raise place.bad(f"row {number} deduction", row.deduction, cure)
        below = row


def _check_instrument(row: InstrumentRow, place: Place) -> None:
    for field in ("symbol", "base", "quote", "settle"):
        if not getattr(row, field):
            raise place.bad(field, None, "is empty; fill it in")
    for field in ("multiplier", "tick", "lot", "min_size", "min_notional", "funding_hours"):
        value = getattr(row, field)
        if value is not None and (not Decimal(value).is_finite() or value <= 0):
            raise place.bad(field, value, "give a finite number above zero")


def _check_rates(row: FeeRow | LiquidationFeeRow, place: Place) -> None:
    names = ("rate", "maker_rate", "taker_rate", "coin_maker_rate", "coin_taker_rate")
    for field in [name for name in names if getattr(row, name, None) is not None]:
        value: Decimal = getattr(row, field)
        least = -ONE if field.endswith("maker_rate") else ZERO
        if not value.is_finite() or not least <= value < ONE:
            raise place.bad(field, value, "give a fraction such as 0.0005 (only a maker's may be negative)")


def _check_readings(table: VenueTable) -> None:
    names = [row.name for row in table.readings]
    for number, row in enumerate(table.readings, 1):
        place = Place(table.file, f"readings {number} ({row.name})")
        if not row.options or len(set(row.options)) < len(row.options):
            raise place.bad("options", ", ".join(row.options), "give at least one option and none twice")
        if names.index(row.name) != number - 1:
            raise place.bad("name", row.name, "is given twice; remove one of the two")


def _check_units(table: VenueTable) -> None:
    for number, row in enumerate(table.units, 1):
        if not row.unit.is_finite() or row.unit <= 0:
            raise Place(table.file, f"units {number} ({row.asset})").bad("unit", row.unit, "give an amount above zero")


def _check_overlaps(file: str, section: str, entries: Sequence[Any]) -> None:
    """No day of a key is described twice."""
    last: dict[str, Any] = {}
    for entry in sorted(entries, key=lambda each: each.since):
        key = _key(entry)
        before = last.get(key)
        if before is not None and (before.until is None or before.until >= entry.since):
            cure = f"overlaps the entry from {before.since}; end that one earlier (`until`) or remove one of them"
            raise Place(file, f"{section} ({key})").bad("from", entry.since, cure)
        last[key] = entry


CHECKS: dict[type, Callable[[Any, Place], None]] = {
    BracketTable: _check_brackets,
    InstrumentRow: _check_instrument,
    LiquidationFeeRow: _check_rates,
    FeeRow: _check_rates,
    CollateralRow: _check_collateral,
    LoanRow: _check_loans,
    RegimeRow: _check_regime,
    TermRow: _check_term,
}
