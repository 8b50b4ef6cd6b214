"""What changed in a rulebook between two days: the numbers that apply on each, compared entry by entry, with the tables that
they come from. Rules themselves carry no dates: one that changed is a dated number in the table.

On a day without a table the nearest stands in, as it does everywhere, and is marked stale. An entry that is first known
after a day is not known on that day; a contract that no later entry follows is gone.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from plimsoll.errors import BadInput
from plimsoll.number import show
from plimsoll.rulebook import days_away, nearest, rules_of
from plimsoll.venue_table import Grade, VenueTable

OPTION = "--diff"


class Kind(StrEnum):
    """What became of an entry from the first day to the second."""

    CHANGED = "changed"
    NEW = "new"
    GONE = "gone"


class Where(msgspec.Struct, frozen=True):
    """The table that an entry comes from. `days`: from the day asked to the table's own days; `grade`: its own, or STALE."""

    since: date
    until: date | None
    days: int
    grade: Grade
    source: str


class Difference(msgspec.Struct, frozen=True):
    """One number. `of`: the bracket row it belongs to ('' outside of brackets); None: not there."""

    of: str
    field: str
    was: str | None
    now: str | None


class Change(msgspec.Struct, frozen=True):
    """One entry that is not the same on both days. `section`: of the table file; `names`: the symbols or families that it is
    about (none: all); `between`: first days of further tables between the two."""

    section: str
    names: tuple[str, ...]
    kind: Kind
    was: Where | None
    now: Where | None
    differences: tuple[Difference, ...]
    between: tuple[date, ...]


class Diff(msgspec.Struct, frozen=True):
    """All changes of one rulebook. `same`: section -> entries that are the same on both days; `readings`: the defaults,
    which carry no dates and hold on both."""

    venue: str
    title: str
    first: date
    second: date
    changes: tuple[Change, ...]
    same: dict[str, int]
    readings: dict[str, str]


class Entry(NamedTuple):
    """An entry in force on a day, and how far away its own days are."""

    row: Any
    days: int


def read_days(words: Sequence[str]) -> tuple[date, date]:
    """Two dates in order. BadInput: not dates, or the later one first."""
    days = []
    for word in words:
        try:
            days.append(date.fromisoformat(word))
        except ValueError:
            raise BadInput("command line", OPTION, word, "write two dates such as 2024-06-01 2026-07-02") from None
    first, second = days
    if first > second:
        raise BadInput("command line", OPTION, f"{first} {second}", "name the earlier day first")
    return first, second


def diff(table: VenueTable, first: date, second: date) -> Diff:
    """The changes from `first` to `second`. BadInput: a day before the first table of the rulebook."""
    early = too_early(table, first)
    if early:
        raise BadInput("command line", OPTION, first, early)
    changes: list[Change] = []
    same: dict[str, int] = {}
    for section in _sections(table):
        found = [_change(section, name, was, now, days) for name, was, now, days in _pairs(table, section, first, second)]
        changes += _merged([change for change in found if change is not None])
        same[section] = found.count(None)
    readings = {row.name: row.options[0] for row in table.readings}
    return Diff(table.name, rules_of(table.name).TITLE, first, second, tuple(changes), same, readings)


def too_early(table: VenueTable, day: date) -> str:
    """What to do about a day before the first table of a rulebook; '' for a later one."""
    earliest = min(row.since for rows in _sections(table).values() for row in rows)
    return f"no table of {table.name} is known before {earliest}; name that day or a later one" if day < earliest else ""


def _sections(table: VenueTable) -> dict[str, tuple[Any, ...]]:
    """The dated parts of a table, whatever they are called."""
    parts = {field.name: getattr(table, field.name) for field in msgspec.structs.fields(table)}
    return {name: rows for name, rows in parts.items() if isinstance(rows, tuple) and rows and hasattr(rows[0], "since")}


Pair = tuple[str, Entry | None, Entry | None, tuple[date, ...]]


def _pairs(table: VenueTable, section: str, first: date, second: date) -> Iterator[Pair]:
    """Each entry of a section on both days (None: not known or gone), with the first days of the tables between."""
    by_name: dict[str, list[Any]] = {}
    for row in _sections(table)[section]:
        by_name.setdefault(_name(row), []).append(row)
    if section == "liquidation_fees":
        named, general = by_name, by_name.get("", [])
        symbols = sorted({row.symbol for row in table.instruments})
        by_name = {symbol: named.get(symbol, []) + general for symbol in symbols}
    for name, rows in sorted(by_name.items()):
        was, now = (_on(rows, day, section) for day in (first, second))
        if was is not None or now is not None:
            yield name, was, now, tuple(sorted({row.since for row in rows if first < row.since <= second}))


NAMES = ("symbol", "family", "asset", "name")
"""Fields that say what an entry is about, the first that is filled."""


def _name(row: Any) -> str:
    """What an entry is about, '' for all."""
    return next((found for key in NAMES if (found := getattr(row, key, ""))), "")


def _on(rows: Sequence[Any], day: date, section: str) -> Entry | None:
    """The entry that applies on a day. Of two equally near the one that names its symbol."""
    if all(row.since > day for row in rows):
        return None
    closest = min(days_away(row, day) for row in rows)
    row = nearest([row for row in rows if days_away(row, day) == closest and _name(row)] or rows, day)
    assert row is not None
    ended = section == "instruments" and all(r.until is not None and r.until < day for r in rows)
    return None if ended else Entry(row, closest)


def _change(section: str, name: str, was: Entry | None, now: Entry | None, between: tuple[date, ...]) -> Change | None:
    """What is not the same; None where everything is."""
    differences = tuple(_differences(was, now))
    if was is not None and now is not None and not differences:
        return None
    kind = Kind.NEW if was is None else Kind.GONE if now is None else Kind.CHANGED
    later = tuple(day for day in between if now is None or day != now.row.since)
    return Change(section, (name,) if name else (), kind, _where(was), _where(now), differences, later)


def _where(entry: Entry | None) -> Where | None:
    if entry is None:
        return None
    row, days = entry
    return Where(row.since, row.until, days, Grade.STALE if days else row.grade, row.source)


ABOUT = (*NAMES, "since", "until", "source", "retrieved", "grade", "grades", "complete")
"""Fields that say what an entry is about and where it comes from, not what it says."""


def _differences(was: Entry | None, now: Entry | None) -> Iterator[Difference]:
    kind = next(type(entry.row) for entry in (was, now) if entry is not None)
    for field in (name for name in kind.__struct_fields__ if name not in ABOUT):
        old, new = (None if entry is None else getattr(entry.row, field) for entry in (was, now))
        if field == "rows":
            yield from _rows(old or (), new or ())
        elif old != new:
            yield Difference("", field, _text(old), _text(new))


def _rows(was: Sequence[Any], now: Sequence[Any]) -> Iterator[Difference]:
    """Rows of a table side by side: those of one leverage where each row has its own, else those of one floor."""
    label = _by_leverage if _distinct(was) and _distinct(now) else _by_floor
    old, new = ({label(row): row for row in rows} for rows in (was, now))
    for key in (*new, *(key for key in old if key not in new)):
        before, after = old.get(key), new.get(key)
        if before is None or after is None:
            yield Difference(key, "row", _row_text(before), _row_text(after))
            continue
        for field in after.__struct_fields__:
            a, b = getattr(before, field), getattr(after, field)
            if a != b:
                yield Difference(key, field, _text(a), _text(b))


def _distinct(rows: Sequence[Any]) -> bool:
    tops = [getattr(row, "max_leverage", None) for row in rows]
    return None not in tops and len(set(tops)) == len(tops)


def _by_leverage(row: Any) -> str:
    return f"up to {_text(row.max_leverage)}x"


def _by_floor(row: Any) -> str:
    return f"above {_text(row.floor)}"


def _row_text(row: Any) -> str | None:
    """`0 to 5000: maintenance_rate 0.015, ...`."""
    if row is None:
        return None
    cap = "a cap that is not known" if row.cap is None else _text(row.cap)
    rest = {name: getattr(row, name) for name in row.__struct_fields__ if name not in ("floor", "cap")}
    said = ", ".join(f"{name} {_text(value)}" for name, value in rest.items() if value is not None)
    return f"{_text(row.floor)} to {cap}: {said}"


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return show(value) if isinstance(value, Decimal) else str(value)


def _merged(changes: Iterable[Change]) -> list[Change]:
    """Changes that are alike in all but the name, told once."""
    alike: dict[Any, list[str]] = {}
    for change in changes:
        alike.setdefault(msgspec.structs.replace(change, names=()), []).extend(change.names)
    return [msgspec.structs.replace(change, names=tuple(names)) for change, names in alike.items()]


def diff_all(tables: Sequence[VenueTable], first: date, second: date) -> tuple[tuple[Diff, ...], dict[str, str]]:
    """The diffs of several rulebooks, and why others have none. BadInput: none of them has a table on the first day."""
    missing = {table.name: early for table in tables if (early := too_early(table, first))}
    if len(missing) == len(tables):
        raise BadInput("command line", OPTION, first, next(iter(missing.values())))
    return tuple(diff(table, first, second) for table in tables if table.name not in missing), missing
