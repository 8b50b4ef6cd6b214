"""A rulebook in words: what it says, where that stands, how firm it is. Everything is taken from the docstrings of the rule
functions and from the table file; no rule is told again here, so the words cannot drift from the code."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from types import FunctionType, ModuleType
from typing import Any

import msgspec

from plimsoll.errors import Reason, Reject
from plimsoll.explain import grade_in, sources_in
from plimsoll.law import law_modules
from plimsoll.model import Instrument
from plimsoll.number import show
from plimsoll.rulebook import Policy, Rulebook, for_case, in_force
from plimsoll.rules import common, usual
from plimsoll.rules.interface import Rules
from plimsoll.table_files import load
from plimsoll.venue_table import BracketTable, CollateralRow, FeeRow, Grade, ReadingRow, VenueTable

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


class RuleWords(msgspec.Struct, frozen=True):
    """One rule. `part`: the heading it stands under; `meaning`: what the interface asks of it; `text`: what the venue does,
    in the words of its docstring; `grade`: every grade that the text names; `sources`: spelled out."""

    name: str
    part: str
    meaning: str
    text: str
    grade: str
    sources: tuple[str, ...]


class InForce(msgspec.Struct, frozen=True):
    """The table that serves a symbol on a day. `days`: from the day to the table's own days; `age`: from the day on which
    the table was last seen; `grade`: its own, or STALE; `contract_since`, `contract_grade`: of the contract's entry; `missing`:
    why there is none (the rest is then empty)."""

    symbol: str
    since: date | None = None
    until: date | None = None
    days: int = 0
    age: int = 0
    grade: Grade | None = None
    rows: int = 0
    first_rate: Decimal | None = None
    max_leverage: Decimal | None = None
    known_up_to: Decimal | None = None
    complete: bool = True
    liquidation_fee_rate: Decimal | None = None
    liquidation_fee_grade: Grade | None = None
    contract_since: date | None = None
    contract_grade: Grade | None = None
    source: str = ""
    missing: str = ""


class Page(msgspec.Struct, frozen=True):
    """A whole rulebook as data. `as_of`: the day of `in_force`; the tables are all that are known."""

    name: str
    title: str
    as_of: date
    rules: tuple[RuleWords, ...]
    readings: tuple[ReadingRow, ...]
    in_force: tuple[InForce, ...]
    tables: VenueTable
    codes: dict[str, str]
    sources: dict[str, str]


def page(name: str, day: date, policy: Policy = Policy.NEAREST) -> Page:
    """A packaged rulebook as data. BadInput: none of that name."""
    table = load(name)
    rulebook = for_case(table, {})
    rules = tuple(told for part in _parts(rulebook) for told in part.rules)
    codes = {str(reason): rulebook.rules.venue_code(Reject(reason, "")) for reason in Reason}
    return Page(
        name=name,
        title=rulebook.rules.TITLE,
        as_of=day,
        rules=rules,
        readings=table.readings,
        in_force=tables_in_force(table, day, policy),
        tables=table,
        codes={reason: code for reason, code in codes.items() if code},
        sources=dict(rulebook.rules.SOURCES),
    )


def tables_in_force(table: VenueTable, day: date, policy: Policy = Policy.NEAREST) -> tuple[InForce, ...]:
    """Which table serves each symbol on a day, how old it is, and its grade; the symbols without one at the end."""
    book = in_force(table, day, policy)
    found = []
    for symbol, age in book.ages.items():
        entry, fee = age.brackets, age.liquidation_fee
        seen = max(entry.since, min(entry.until or entry.retrieved or entry.since, day))
        found.append(
            InForce(
                symbol=symbol,
                since=entry.since,
                until=entry.until,
                days=age.days,
                age=abs((day - seen).days),
                grade=age.grade,
                rows=len(entry.rows),
                first_rate=entry.rows[0].maintenance_rate,
                max_leverage=entry.rows[0].max_leverage,
                known_up_to=entry.rows[-1].cap,
                complete=entry.complete,
                liquidation_fee_rate=None if fee is None else fee.rate,
                liquidation_fee_grade=None if fee is None else fee.grade,
                contract_since=age.contract.since,
                contract_grade=age.contract.grade,
                source=entry.source,
            )
        )
    return (*found, *(InForce(symbol, missing=why) for symbol, why in book.gaps.items()))


def words(rulebook: Rulebook, table: VenueTable, in_force_on: tuple[date, Policy] | None = None) -> str:
    """The whole rulebook as Markdown; equal rules and tables give equal text. `in_force_on`: with the tables of a day."""
    return "\n\n".join(
        [
            f"# {rulebook.rules.TITLE}",
            f"Rulebook `{rulebook.name}`. Made from its rules and tables by `python docs/generate.py`; edit those instead.",
            *_closed(table),
            *_settings(rulebook),
            *_rules(rulebook),
            *_regimes(table),
            *_readings(table),
            *(_in_force(table, *in_force_on) if in_force_on is not None else ()),
            *_instruments(table),
            *_brackets(table),
            *_terms(rulebook, table),
            *_collateral(table),
            *_fees(table),
            *_codes(rulebook),
            "## Sources of the rules",
            _bullets(f"**{key}**: {_plain(where)}" for key, where in rulebook.rules.SOURCES.items()),
            "",
        ]
    )


def _settings(rulebook: Rulebook) -> Iterator[str]:
    """Settings of the account besides its modes."""
    if rulebook.rules.OPTIONS:
        yield "## Settings of the account"
        yield "`[options]` in an account file; the first value is the default."
        yield _bullets(f"`{name}`: {_codes_of(values)}" for name, values in rulebook.rules.OPTIONS.items())


def _collateral(table: VenueTable) -> Iterator[str]:
    """What coins count where they stand behind positions together."""
    if not table.collateral:
        return
    yield "## What coins count"
    ratio = "`ratio`: the share that counts of what is held, slice by slice"
    ask = "`ask`: what a unit that is owed, or asked as margin, counts above the index"
    exchanged = "`exchanged at`: off and on the index when the venue exchanges coins by itself"
    beyond = "`beyond`: units owed from which it does"
    yield f"{ratio}. {ask}. {exchanged}; {beyond}. Weaker fields carry their own grade."
    head = ("coin", "ratio", "ask", "exchanged at", "beyond", "from", "until", "grade", "source")
    entries = sorted(table.collateral, key=lambda row: (row.asset, row.since))
    yield _table(head, [_collateral_row(row) for row in entries])


def _collateral_row(row: CollateralRow) -> tuple[object, ...]:
    slices = [f"{_number(r.ratio)}" + ("" if r.cap is None else f" up to {_number(r.cap)}") for r in row.rows]
    weaker = "".join(f", {field} {grade}" for field, grade in row.grades.items())
    return (
        row.asset,
        ", ".join(slices),
        _number(row.ask_buffer),
        f"-{_number(row.sell_buffer)}, +{_number(row.buy_buffer)}",
        "-" if row.exchange_below is None else _number(row.exchange_below),
        row.since,
        _until(row.until),
        f"{row.grade}{weaker}",
        _plain(row.source),
    )


def of(name: str, in_force_on: tuple[date, Policy] | None = None) -> str:
    """`words` of a packaged rulebook. BadInput: none of that name."""
    table = load(name)
    return words(for_case(table, {}), table, in_force_on)


def interface_words() -> str:
    """The functions that a rulebook exports, with signature and meaning, as Markdown."""
    functions = inspect.getmembers(Rules, inspect.isfunction)
    order = {name: i for i, name in enumerate(vars(Rules))}
    named = sorted([pair for pair in functions if pair[0] in order], key=lambda pair: order[pair[0]])
    entries = [f"- `{name}{_signature(function)}`: {_plain(_doc(function))}" for name, function in named if _doc(function)]
    head = "# The interface of a rulebook"
    note = "Made from `plimsoll/rules/interface.py` by `python docs/generate.py`. Arguments go by position."
    return "\n\n".join([head, note, _plain(_doc(Rules)), "\n".join(entries), ""])


class Part(msgspec.Struct, frozen=True):
    """The rules under one heading. `note`: what their module says of itself."""

    title: str
    note: str
    rules: tuple[RuleWords, ...]


def _parts(rulebook: Rulebook) -> Iterator[Part]:
    """Modes first, then every rule where it is written: formulas, procedure, and what is for people."""
    rules: Any = rulebook.rules
    exported = [name for name in vars(Rules) if isinstance(getattr(rules, name, None), FunctionType)]
    yield _part("Cross and isolated", "", [getattr(rules, name) for name in MODES], rulebook)
    left = [getattr(rules, name) for name in exported if name not in MODES]
    for title, part in (("Formulas", "formulas"), ("Liquidation, step by step", "procedure")):
        shared = [rule for rule in left if rule.__module__ == common.__name__ and part == "formulas"]
        modules = _modules(rules, part)
        named = {rule.__name__ for module in modules for rule in _written_in(module)}
        taken = [rule for module in _sisters(rules, part, modules) for rule in _written_in(module)]
        taken = [rule for rule in taken if rule.__name__ not in named]
        for module in modules:
            written = [rule for rule in [*_written_in(module), *taken] if rule.__name__ not in MODES]
            own = [rule for rule in written if getattr(rules, rule.__name__, rule) is rule]
            yield _part(_titled(title, module, part), _doc(module), [*shared, *own], rulebook)
            shared, taken = [], []
    printed = [rule for rule in left if rule.__module__.endswith(".people") or rule.__module__ == usual.__name__]
    yield _part("Printed numbers and refusals", "", printed, rulebook)


def _modules(rules: Any, part: str) -> list[ModuleType]:
    """The modules of a part: the one of its chief rule, and the rulebook's own further ones (`multi_formulas`), or where it
    takes a ladder from a sister product, those it is taken from."""
    chief = inspect.getmodule(rules.assess_pool if part == "formulas" else rules.next_step)
    assert chief is not None
    own = [name for name in law_modules(rules) if name.startswith(f"{rules.__name__}.")]
    if chief.__name__ in own:
        own += [item.__module__ for item in vars(chief).values() if inspect.isfunction(item)]
    named = [name for name in dict.fromkeys(own) if name.endswith(f"_{part}")]
    return [chief, *(importlib.import_module(name) for name in named)]


def _sisters(rules: Any, part: str, own: Sequence[ModuleType]) -> list[ModuleType]:
    """The modules of that part of sister products, whose rules a rulebook takes by name beside its own."""
    names = [name for name in law_modules(rules) if name.endswith(f".{part}")]
    return [importlib.import_module(name) for name in names if name not in {module.__name__ for module in own}]


def _titled(title: str, module: ModuleType, part: str) -> str:
    """The title of a part, with what its module is about where there are several (`multi_formulas`)."""
    about = module.__name__.rpartition(".")[2].removesuffix(part).strip("_")
    return f"{title}: {about}" if about else title


def _part(title: str, note: str, functions: Iterable[Callable[..., Any]], rulebook: Rulebook) -> Part:
    return Part(title, note, tuple(_told(function, title, rulebook) for function in functions))


def _told(function: Callable[..., Any], part: str, rulebook: Rulebook) -> RuleWords:
    text = _doc(function)
    meaning = _doc(getattr(Rules, function.__name__, None)) if hasattr(Rules, function.__name__) else ""
    return RuleWords(function.__name__, part, meaning, text, grade_in(text), sources_in(text, rulebook))


def _rules(rulebook: Rulebook) -> Iterator[str]:
    for part in _parts(rulebook):
        yield f"## {part.title}"
        if part.note:
            yield _plain(part.note)
        yield from map(_rule, part.rules)


def _written_in(module: ModuleType) -> list[FunctionType]:
    """The functions of a module, in the order in which they stand there."""
    found = [f for _, f in inspect.getmembers(module, inspect.isfunction) if f.__module__ == module.__name__]
    return sorted(found, key=lambda function: function.__code__.co_firstlineno)


def _rule(rule: RuleWords) -> str:
    """One rule: its name, its docstring, its sources spelled out, its grade."""
    lead = "" if rule.text.startswith(rule.meaning.rstrip(".")) else f"*{_plain(rule.meaning)}*"
    parts = [f"### {rule.name}", lead, *map(_plain, rule.text.split("\n\n"))]
    parts += [f"Grade: {rule.grade}.", _bullets(map(_plain, rule.sources))]
    return "\n\n".join(part for part in parts if part)


def _closed(table: VenueTable) -> Iterator[str]:
    if table.closed is not None:
        after = "after that day no rules are in force, and what is computed for one is *stale*"
        yield f"The venue closed on {table.closed}: {after}."


def _regimes(table: VenueTable) -> Iterator[str]:
    """What changed on a date, and the units of money."""
    if table.regimes:
        yield "## What changed on a date"
        dated = [(r.name, f"`{r.option}`", r.since, _until(r.until), r.grade, _plain(r.source)) for r in table.regimes]
        yield _table(("what", "option", "from", "until", "grade", "source"), dated)
    if table.units:
        yield "Money is a whole number of units:"
        units = [(unit.asset, _number(unit.unit), unit.grade, _plain(unit.source)) for unit in table.units]
        yield _table(("asset", "unit", "grade", "source"), units)


def _terms(rulebook: Rulebook, table: VenueTable) -> Iterator[str]:
    """Further numbers that the rules ask for by name, and the contracts that share collateral with no other."""
    alone = sorted({row.symbol for row in table.instruments if row.alone})
    if table.terms:
        yield "## Further numbers"
        rows = [(t.name, t.symbol or "all others", _number(t.value), t.since, _until(t.until), t.grade) for t in table.terms]
        yield _table(("number", "of", "value", "from", "until", "grade"), rows)
        newest = in_force(table, max(row.since for row in table.terms), Policy.NEAREST)
        yield from _unstated(rulebook, newest.instruments.values())
    if alone:
        yield f"Alone on their collateral: {', '.join(alone)}."


def _unstated(rulebook: Rulebook, instruments: Iterable[Instrument]) -> Iterator[str]:
    """What the rules would ask for and no table states, with the contracts it concerns."""
    missing: dict[str, list[str]] = {}
    for each in instruments:
        missing.setdefault(rulebook.rules.unstated(each), []).append(each.symbol)
    if set(missing) - {""}:
        yield "Not stated:"
        yield _bullets(f"{', '.join(symbols)}: {why}." for why, symbols in missing.items() if why)


def _in_force(table: VenueTable, day: date, policy: Policy) -> Iterator[str]:
    """The tables of a day: for each symbol which one serves it, and how old it is."""
    found = tables_in_force(table, day, policy)
    yield f"## Tables in force on {day}"
    yield "*Away*: days between that day and the days for which the table is known; *stale* where there are any."
    head = ("symbol", "table", "away", "grade", "maintenance from", "up to", "contract of", "forced orders")
    yield _table(head, [_in_force_row(each) for each in found if not each.missing])
    missing: dict[str, list[str]] = {}
    for each in found:
        if each.missing:
            missing.setdefault(each.missing, []).append(each.symbol)
    if missing:
        yield "Not to be used on that day:"
        yield _bullets(f"{', '.join(symbols)}: {_plain(why)}" for why, symbols in missing.items())


def _in_force_row(each: InForce) -> tuple[object, ...]:
    fee = "-" if each.liquidation_fee_rate is None else f"{_number(each.liquidation_fee_rate)}, {each.liquidation_fee_grade}"
    return (
        each.symbol,
        _span(each),
        f"{each.days} days" if each.days else "0" if each.until is not None else f"0, seen {each.age} days ago",
        each.grade,
        _number(each.first_rate),
        "-" if each.max_leverage is None else f"{_number(each.max_leverage)}x",
        f"{each.contract_since}, {each.contract_grade}",
        fee,
    )


def _readings(table: VenueTable) -> Iterator[str]:
    yield "## Steps that the venue does not publish"
    yield "Each is a named reading; the first option is the default, and `compare` says when the outcome depends on one."
    rows = [(f"`{r.name}`", f"`{r.options[0]}`", _codes_of(r.options[1:]), r.grade, _plain(r.why)) for r in table.readings]
    yield _table(("step", "default", "else", "grade", "why"), rows)


def _codes_of(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _span(each: InForce) -> str:
    if each.until is None:
        return f"from {each.since}"
    return f"of {each.since}" if each.until == each.since else f"{each.since} .. {each.until}"


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
    rates = [(*_rates(fee), fee.since, _until(fee.until), fee.grade, _plain(fee.source)) for fee in table.fees]
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


def _rates(fee: FeeRow) -> list[str]:
    pairs = ((fee.maker_rate, fee.coin_maker_rate), (fee.taker_rate, fee.coin_taker_rate))
    return [show(rate) if coins is None else f"{show(rate)}, coins {show(coins)}" for rate, coins in pairs]


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
