"""A rulebook in words: what it says, where that stands, how firm it is. Everything is taken from the docstrings of the rule
functions and from the table file; no rule is told again here, so the words cannot drift from the code."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from plimsoll.errors import Reason, Reject
from plimsoll.explain import grade_in, sources_in
from plimsoll.number import show
from plimsoll.rulebook import BracketTable, Rulebook, VenueTable, discover, for_case
from plimsoll.rules import common, usual
from plimsoll.rules.interface import Rules
from plimsoll.table_files import load

if TYPE_CHECKING:
    from rich.console import Console

MODES = (
    "pools_of",
    "fill_mode",
    "may_switch_mode",
    "may_switch_position_mode",
    "leverage_key",
    "margin_at_fill",
    "opening_fee_split",
    "funding_split",
    "margin_on_leverage",
    "margin_bounds",
    "order_funds",
)
"""The rules in which a venue says what its margin modes mean."""


def words(rulebook: Rulebook, table: VenueTable) -> str:
    """The whole rulebook as Markdown; equal rules and tables give equal text."""
    return "\n\n".join(
        [
            f"# {rulebook.rules.TITLE}",
            f"Rulebook `{rulebook.name}`. Made from its rules and tables by `python docs/generate.py`; edit those instead.",
            *_closed(table),
            *_rules(rulebook),
            *_regimes(table),
            *_readings(table),
            *_instruments(table),
            *_brackets(table),
            *_fees(table),
            *_codes(rulebook),
            "## Sources of the rules",
            _bullets(f"**{key}**: {_plain(where)}" for key, where in rulebook.rules.SOURCES.items()),
            "",
        ]
    )


def of(name: str) -> str:
    """`words` of a packaged rulebook. BadInput: none of that name."""
    table = load(name)
    return words(for_case(table, {}), table)


def interface_words() -> str:
    """The functions that a rulebook exports, with signature and meaning, as Markdown."""
    functions = inspect.getmembers(Rules, inspect.isfunction)
    order = {name: i for i, name in enumerate(vars(Rules))}
    named = sorted([pair for pair in functions if pair[0] in order], key=lambda pair: order[pair[0]])
    entries = [f"- `{name}{_signature(function)}`: {_plain(_doc(function))}" for name, function in named if _doc(function)]
    head = "# The interface of a rulebook"
    note = "Made from `plimsoll/rules/interface.py` by `python docs/generate.py`. Arguments go by position."
    return "\n\n".join([head, note, _plain(_doc(Rules)), "\n".join(entries), ""])


def print_rules(name: str | None, console: "Console") -> None:
    """The rulebook `name` on the terminal; None: one line for each rulebook there is. BadInput: none of that name."""
    from rich.markdown import Markdown
    from rich.table import Column, Table

    if name is not None:
        console.print(Markdown(of(name)))
        return
    listed = Table(Column("rulebook", no_wrap=True), "venue and product", "symbols", "tables", "from .. to", "grades")
    for each in discover():
        table = load(each)
        days = sorted(day for entry in table.brackets for day in (entry.since, entry.until) if day is not None)
        symbols = {entry.symbol or entry.family for entry in table.brackets}
        grades = sorted({entry.grade.value for entry in table.brackets})
        counts = (str(len(symbols)), str(len(table.brackets)))
        listed.add_row(each, for_case(table, {}).rules.TITLE, *counts, f"{days[0]} .. {days[-1]}", ", ".join(grades))
    console.print(listed)


def _rules(rulebook: Rulebook) -> Iterator[str]:
    """Modes first, then every rule where it is written: formulas, procedure, and what is for people."""
    rules: Any = rulebook.rules
    exported = [name for name in vars(Rules) if isinstance(getattr(rules, name, None), FunctionType)]
    yield "## Cross and isolated"
    yield from (_rule(getattr(rules, name), rulebook) for name in MODES)
    left = [getattr(rules, name) for name in exported if name not in MODES]
    for title, part in (("Formulas", "formulas"), ("Liquidation, step by step", "procedure")):
        module = inspect.getmodule(rules.assess_pool if part == "formulas" else rules.next_step)
        assert module is not None
        yield f"## {title}"
        yield _plain(_doc(module))
        shared = [rule for rule in left if rule.__module__ == common.__name__ and part == "formulas"]
        written = [rule for rule in _written_in(module) if rule.__name__ not in MODES]
        own = [rule for rule in written if getattr(rules, rule.__name__, rule) is rule]
        yield from (_rule(rule, rulebook) for rule in (*shared, *own))
    yield "## Printed numbers and refusals"
    people = (getattr(inspect.getmodule(rules.venue_code), "__name__", ""), usual.__name__)
    yield from (_rule(rule, rulebook) for rule in left if rule.__module__ in people)


def _written_in(module: ModuleType) -> list[FunctionType]:
    """The functions of a module, in the order in which they stand there."""
    found = [f for _, f in inspect.getmembers(module, inspect.isfunction) if f.__module__ == module.__name__]
    return sorted(found, key=lambda function: function.__code__.co_firstlineno)


def _rule(function: Callable[..., Any], rulebook: Rulebook) -> str:
    """One rule: its name, its docstring, its sources spelled out, its grade."""
    text = _doc(function)
    meaning = _doc(getattr(Rules, function.__name__, None)) if hasattr(Rules, function.__name__) else ""
    lead = "" if text.startswith(meaning.rstrip(".")) else f"*{_plain(meaning)}*"
    parts = [f"### {function.__name__}", lead, *map(_plain, text.split("\n\n"))]
    parts += [f"Grade: {grade_in(text)}.", _bullets(map(_plain, sources_in(text, rulebook)))]
    return "\n\n".join(part for part in parts if part)


def _closed(table: VenueTable) -> Iterator[str]:
    if table.closed is not None:
        after = "after that day no rules are in force, and what is computed for one is *stale*"
        yield f"The venue closed on {table.closed}: {after}."


def _regimes(table: VenueTable) -> Iterator[str]:
    """What changed on a date, and the units of money."""
    if table.regimes:
        yield "## What changed on a date"
        yield "The number is the one by which the rules know it."
        dated = [(r.name, r.value, r.since, _until(r.until), r.grade, _plain(r.source)) for r in table.regimes]
        yield _table(("what", "number", "from", "until", "grade", "source"), dated)
    if table.units:
        yield "Money is a whole number of units:"
        units = [(unit.asset, _number(unit.unit), unit.grade, _plain(unit.source)) for unit in table.units]
        yield _table(("asset", "unit", "grade", "source"), units)


def _readings(table: VenueTable) -> Iterator[str]:
    yield "## Steps that the venue does not publish"
    yield "Each is a named reading; the first option is the default, and `compare` says when the outcome depends on one."
    rows = [(f"`{r.name}`", f"`{r.options[0]}`", _codes_of(r.options[1:]), r.grade, _plain(r.why)) for r in table.readings]
    yield _table(("step", "default", "else", "grade", "why"), rows)


def _codes_of(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _instruments(table: VenueTable) -> Iterator[str]:
    yield "## Contracts"
    yield "`multiplier`: coins (linear) or quote face (inverse) of one contract. Weaker fields carry their own grade."
    head = ("symbol", "kind", "settles in", "multiplier", "tick", "lot", "funding, hours", "from", "until", "grade")
    entries = sorted(table.instruments, key=lambda row: (row.symbol, row.since))
    yield _table(
        head,
        [
            (
                row.symbol,
                row.kind,
                row.settle,
                *map(_number, (row.multiplier, row.tick, row.lot)),
                "-" if row.funding_hours is None else row.funding_hours,
                row.since,
                _until(row.until),
                "; ".join([str(row.grade), *(f"{field} {grade}" for field, grade in sorted(row.grades.items()))]),
            )
            for row in entries
        ],
    )


def _brackets(table: VenueTable) -> Iterator[str]:
    yield "## Bracket tables"
    yield f"Floors and caps count {table.bracket_unit}. Between two tables nothing is known: the nearest stands in, as *stale*."
    head = ("of", "from", "until", "rows", "maintenance", "leverage", "known up to", "grade", "source")
    entries = sorted(table.brackets, key=lambda entry: (entry.symbol or entry.family, entry.since))
    yield _table(head, [_bracket_row(entry) for entry in entries])


def _bracket_row(entry: BracketTable) -> tuple[object, ...]:
    first, last = entry.rows[0], entry.rows[-1]
    return (
        entry.symbol or f"{entry.family} (expiries)",
        entry.since,
        _until(entry.until),
        len(entry.rows),
        f"{_number(first.maintenance_rate)} .. {_number(last.maintenance_rate)}",
        f"{_number(first.max_leverage)} .. {_number(last.max_leverage)}",
        _number(last.cap) + ("" if entry.complete else ", further rows unknown"),
        entry.grade,
        _plain(entry.source),
    )


def _fees(table: VenueTable) -> Iterator[str]:
    yield "## Fees"
    yield "Fractions of the traded notional, for a user who states none."
    rates = [
        (_number(fee.maker_rate), _number(fee.taker_rate), fee.since, _until(fee.until), fee.grade, _plain(fee.source))
        for fee in table.fees
    ]
    yield _table(("maker", "taker", "from", "until", "grade", "source"), rates)
    if not table.liquidation_fees:
        return
    yield "Charged on forced orders:"
    charged = sorted(table.liquidation_fees, key=lambda fee: (fee.symbol, fee.since))
    rows = [
        (fee.symbol or "all others", _number(fee.rate), fee.since, _until(fee.until), fee.grade, _plain(fee.source))
        for fee in charged
    ]
    yield _table(("of", "rate", "from", "until", "grade", "source"), rows)


def _codes(rulebook: Rulebook) -> Iterator[str]:
    yield "## Refusals and the venue's codes"
    codes = [(f"`{reason}`", rulebook.rules.venue_code(Reject(reason, ""))) for reason in Reason]
    if not any(code for _, code in codes):
        yield "None: the venue answers in words."
        return
    yield _table(("reason", "code"), [(reason, f"`{code}`") for reason, code in codes if code])


def _until(day: date | None) -> str:
    return "latest known" if day is None else str(day)


def _number(value: Decimal | None) -> str:
    return "-" if value is None else show(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _doc(item: object) -> str:
    return inspect.getdoc(item) or ""


def _signature(function: Callable[..., Any]) -> str:
    names = [name for name in inspect.signature(function).parameters if name not in ("self", "/")]
    return f"({', '.join(names)})"


def _plain(text: str) -> str:
    """One paragraph on one line, with the signs that Markdown would read as layout escaped outside of `code`."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else re.sub(r"([*<\[\]])", r"\\\1", part) for part in parts)
