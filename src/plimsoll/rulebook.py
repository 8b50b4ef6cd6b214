"""A rulebook: a venue's rules together with the numbers in force on a date. Given parsed tables, it reads no table file
and no clock; where no table is known it says so (`gaps`, RulebookGap) and never fills in a number."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, TypeVar, cast

import msgspec

import plimsoll.rules
from plimsoll.errors import BadInput, RulebookGap
from plimsoll.model import Account, Coin, Fees, Instrument, Kind, MarginMode
from plimsoll.number import ZERO
from plimsoll.rules.interface import Rules
from plimsoll.venue_table import (
    SHARED_FIELDS,
    BracketTable,
    CollateralRow,
    Grade,
    InstrumentRow,
    LiquidationFeeRow,
    LoanRow,
    ReadingRow,
    VenueTable,
)


class Policy(StrEnum):
    """What to do on a day without a table: NEAREST takes the nearest and says how old it is, IN_FORCE raises."""

    NEAREST = "nearest"
    IN_FORCE = "in-force"


class Held(StrEnum):
    """What a comparison holds a position as: as the account has it (else what the venue has instead), contracts only, or the
    coins themselves with borrowed money."""

    AS_WRITTEN = "as-written"
    CONTRACT = "contract"
    COINS = "coins"


class TableAge(msgspec.Struct, frozen=True):
    """Where an instrument's numbers come from. `days`: from the day asked to the bracket table's own days (0: inside);
    `grade`: the table's own, or STALE; `open_above`: size above which the venue has unknown rows (None: complete, or where
    the last known row ends is not known either)."""

    days: int
    grade: Grade
    open_above: Decimal | None
    brackets: BracketTable
    contract: InstrumentRow
    liquidation_fee: LiquidationFeeRow | None


class EntryAge(msgspec.Struct, frozen=True):
    """Where a coin's numbers come from. `days`: from the day asked to the entry's own days (0: inside); `grade`: the entry's
    own, or STALE."""

    days: int
    grade: Grade
    entry: CollateralRow | LoanRow


class Rulebook(msgspec.Struct, frozen=True, kw_only=True):
    """Rules and the numbers in force. `reading`: the chosen `readings` as the indexes that rules take; `options`: all
    there are; `gaps`: symbol -> why it cannot be used, one sentence; `as_of` None: numbers given, not looked up. `coins`: what
    a coin counts where pools are valued, and the ages of the entries that say so; `regimes`: which of the rules' dated regimes
    is in force, by name. `tellers`: contracts that may tell a price where not all of them can be traded (empty: they are the
    instruments). `part`: which of its instruments these are, in a word, where they are not all."""

    name: str
    rules: Rules
    instruments: dict[str, Instrument]
    fees: Fees
    readings: dict[str, str]
    reading: Any
    options: tuple[ReadingRow, ...]
    ages: dict[str, TableAge] = {}
    gaps: dict[str, str] = {}
    as_of: date | None = None
    coins: dict[str, Coin] = {}
    collateral_ages: dict[str, EntryAge] = {}
    loan_ages: dict[str, EntryAge] = {}
    regimes: dict[str, str] = {}
    tellers: dict[str, Instrument] = {}
    part: str = ""

    @property
    def priced(self) -> dict[str, Instrument]:
        """Every contract that may tell a price, whether it can be traded or not."""
        return self.tellers or self.instruments

    @property
    def shown(self) -> str:
        """Its name for readers."""
        return f"{self.name}:{self.part}" if self.part else self.name


class Dated(Protocol):
    """An entry that is known to hold from `since` to `until` (None: to this day)."""

    @property
    def since(self) -> date: ...
    @property
    def until(self) -> date | None: ...


D = TypeVar("D", bound=Dated)
DOLLARS = ("USDT", "USDC", "USD")
"""What contracts are quoted in that is worth a dollar, or as good as."""


def discover() -> tuple[str, ...]:
    """The names of all rulebooks: the folders under `plimsoll.rules`."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(plimsoll.rules.__path__) if found.ispkg))


def rules_of(name: str) -> Rules:
    """The rules of one venue product. BadInput where there are none of that name."""
    if name not in discover():
        raise BadInput("rules", "rulebook", name, f"choose one of {', '.join(discover())}")
    return cast(Rules, importlib.import_module(f"{plimsoll.rules.__name__}.{name}"))


def days_away(entry: Dated, day: date) -> int:
    """Days between `day` and the nearer end of an entry; 0 inside it."""
    after = (day - entry.until).days if entry.until is not None else 0
    return max((entry.since - day).days, after, 0)


def nearest(entries: Iterable[D], day: date) -> D | None:
    """The entry in force on `day`, else the nearest in time (of two equally near the earlier); None of none."""
    return min(entries, key=lambda entry: (days_away(entry, day), entry.since), default=None)


def in_force(
    table: VenueTable, as_of: date, policy: Policy = Policy.NEAREST, symbols: Iterable[str] | None = None
) -> Rulebook:
    """The rulebook of a day. `symbols`: those asked for (None: all known). With IN_FORCE a symbol that was asked for by
    name and has no bracket table on `as_of` raises RulebookGap; else what cannot be used is listed in `gaps`.

    The policy judges brackets; contracts and fees, which change rarely, are the nearest known under both."""
    asked = symbols is not None
    instruments: dict[str, Instrument] = {}
    ages: dict[str, TableAge] = {}
    gaps: dict[str, str] = {}
    for symbol in known_symbols(table) if symbols is None else symbols:
        age = _age(table, symbol, as_of, policy)
        if isinstance(age, TableAge):
            ages[symbol], instruments[symbol] = age, with_terms(_instrument(age, table.bracket_unit), table, as_of)
        elif asked and policy is Policy.IN_FORCE:
            raise RulebookGap(f"{table.name} {symbol}: {age}")
        else:
            gaps[symbol] = age
    rules = rules_of(table.name)
    return Rulebook(
        name=table.name,
        rules=rules,
        instruments=instruments,
        fees=_fees(table, as_of),
        readings=_defaults(table),
        reading=reading_of(rules, table.readings, _defaults(table)),
        options=table.readings,
        ages=ages,
        gaps=gaps,
        as_of=as_of,
        coins=coins_of(table, as_of),
        collateral_ages=_entry_ages(table.collateral, as_of),
        loan_ages=_entry_ages(table.loans, as_of),
        regimes=regimes_of(table, rules, as_of),
        tellers=_nearest_known(table, as_of) | instruments if policy is Policy.IN_FORCE else {},
    )


def _nearest_known(table: VenueTable, as_of: date) -> dict[str, Instrument]:
    """Every contract of a venue as it is known nearest to a day."""
    ages = {symbol: _age(table, symbol, as_of, Policy.NEAREST) for symbol in known_symbols(table)}
    found = {symbol: _instrument(age, table.bracket_unit) for symbol, age in ages.items() if isinstance(age, TableAge)}
    return {symbol: with_terms(instrument, table, as_of) for symbol, instrument in found.items()}


def with_terms(i: Instrument, table: VenueTable, as_of: date, stated: Mapping[str, Decimal] | None = None) -> Instrument:
    """The instrument with the unit of its settle asset and the rules' TERMS: those `stated`, else of the day for its symbol,
    else for all; 0 where the table has none."""
    names, found = rules_of(table.name).TERMS, []
    for name in names:
        rows = [row for row in table.terms if row.name == name and row.symbol in ("", i.symbol)]
        row = nearest((row for row in rows if row.symbol), as_of) or nearest(rows, as_of)
        found.append((stated or {}).get(name, Decimal(0) if row is None else row.value))
    unit = next((row.unit for row in table.units if row.asset == i.settle), i.unit)
    return msgspec.structs.replace(i, terms=tuple(found), unit=unit) if names or unit is not i.unit else i


def for_case(
    table: VenueTable, instruments: dict[str, Instrument], as_of: date = date.max,
    coins: Mapping[str, Coin] | None = None, terms: Mapping[str, Mapping[str, Decimal]] | None = None,
) -> Rulebook:  # fmt: skip
    """A rulebook whose instruments, and `coins` where pools are valued, are given in full (a case, an exchange's answer);
    default readings, latest fees, the regime of the day. `terms`: symbol -> those of the rules' TERMS that are stated."""
    rules, stated = rules_of(table.name), terms or {}
    return Rulebook(
        name=table.name,
        rules=rules,
        instruments={s: with_terms(i, table, as_of, stated.get(s)) for s, i in instruments.items()},
        fees=_fees(table, date.max),
        readings=_defaults(table),
        reading=reading_of(rules, table.readings, _defaults(table)),
        options=table.readings,
        coins=dict(coins or {}),
        regimes=regimes_of(table, rules, as_of),
    )


def coins_of(table: VenueTable, as_of: date) -> dict[str, Coin]:
    """What each coin counts, and what a debt in it needs, by the nearest entries in time."""
    found = {}
    for asset in dict.fromkeys(row.asset for row in table.collateral):
        counted = nearest((row for row in table.collateral if row.asset == asset), as_of)
        loans = nearest((row for row in table.loans if row.asset == asset), as_of)
        assert counted is not None
        found[asset] = Coin(
            counted.rows,
            () if loans is None else loans.rows,
            by_worth=counted.unit == "usd",
            repayment_rate=ZERO if loans is None else loans.repayment_rate,
            ask_buffer=counted.ask_buffer,
            sell_buffer=counted.sell_buffer,
            buy_buffer=counted.buy_buffer,
            exchange_below=counted.exchange_below,
        )
    return found


def _entry_ages(entries: Sequence[CollateralRow] | Sequence[LoanRow], as_of: date) -> dict[str, EntryAge]:
    """Per coin the entry that `coins_of` takes, and how old it is on the day."""
    found = {}
    for asset in dict.fromkeys(entry.asset for entry in entries):
        entry = nearest((entry for entry in entries if entry.asset == asset), as_of)
        assert entry is not None
        days = days_away(entry, as_of)
        found[asset] = EntryAge(days, Grade.STALE if days else entry.grade, entry)
    return found


def regimes_of(table: VenueTable, rules: Rules, as_of: date) -> dict[str, str]:
    """The regime in force, by name. BadInput: the table and the rules name different ones."""
    named = {row.name: {r.option for r in table.regimes if r.name == row.name} for row in table.regimes}
    stated = {name: set(options) for name, options in rules.REGIMES.items()}
    if named != stated:
        known = "; ".join(f"{name}: {', '.join(sorted(options))}" for name, options in stated.items()) or "none"
        odd = [f"{name} = {option}" for name in named for option in sorted(named[name] - stated.get(name, set()))]
        cure = f"the rules know {known}" if odd else f"list all of {known}"
        raise BadInput(table.file, "regimes", ", ".join(odd or named), cure)
    found = {}
    for name in named:
        row = nearest((r for r in table.regimes if r.name == name), as_of)
        assert row is not None
        found[name] = row.option
    return found


def regime_of(rulebook: Rulebook, account: Account) -> int:
    """The regime as the index that rules take: what the account itself states, else the one in force. 0: there is none."""
    for name, options in rulebook.rules.REGIMES.items():
        option = account.options.get(name, rulebook.regimes[name])
        if option not in options:
            raise BadInput("account", name, option, f"choose one of {', '.join(options)}")
        return options.index(option)
    return 0


def known_symbols(table: VenueTable) -> tuple[str, ...]:
    """Every symbol or family that the table says anything about."""
    families = {row.family for row in table.instruments}
    named = {row.symbol for row in table.instruments}
    named |= {entry.symbol for entry in table.brackets if entry.symbol}
    return tuple(sorted(named | {entry.family for entry in table.brackets if entry.family} - families))


def _age(table: VenueTable, symbol: str, as_of: date, policy: Policy) -> TableAge | str:
    """The sources of one symbol on a day, or one sentence that says what is missing."""
    contract = nearest((row for row in table.instruments if row.symbol == symbol), as_of)
    family = contract.family if contract is not None else ""
    entries = [e for e in table.brackets if symbol in (e.symbol, e.family) or (family and e.family == family)]
    brackets = nearest(entries, as_of)
    if contract is None and brackets is None:
        return "neither contract nor brackets are known; add both in a table file of your own"
    if brackets is None:
        return "the contract is known, its bracket table is not; add [[brackets]] in a table file of your own"
    if contract is None:
        return f"brackets of {brackets.since} are known, the contract is not; add [[instruments]] in a file of your own"
    days = days_away(brackets, as_of)
    if table.closed is not None and as_of > table.closed:
        days = max(days, (as_of - table.closed).days)
        if policy is Policy.IN_FORCE:
            return f"the venue closed on {table.closed}: no rules are in force on {as_of}; use the policy `nearest`"
    if days and policy is Policy.IN_FORCE:
        return f"no bracket table covers {as_of}; the nearest known: {_spans(entries, as_of)}; use the policy `nearest`"
    fee = _liquidation_fee(table, symbol, as_of)
    grade = Grade.STALE if days else brackets.grade
    return TableAge(days, grade, None if brackets.complete else brackets.rows[-1].cap, brackets, contract, fee)


def _spans(entries: Sequence[BracketTable], day: date) -> str:
    """The last table before and the first after `day`, as dates."""
    before = [entry for entry in entries if entry.since <= day]
    after = [entry for entry in entries if entry.since > day]
    near = sorted(before, key=lambda entry: entry.since)[-1:] + sorted(after, key=lambda entry: entry.since)[:1]
    return " and ".join(f"{entry.since}..{entry.until or 'now'}" for entry in near)


def _liquidation_fee(table: VenueTable, symbol: str, day: date) -> LiquidationFeeRow | None:
    """The nearest row that applies to a symbol; one that names it before a general one."""
    named = nearest((row for row in table.liquidation_fees if row.symbol == symbol), day)
    general = nearest((row for row in table.liquidation_fees if not row.symbol), day)
    if named is None or (general is not None and days_away(general, day) < days_away(named, day)):
        return general
    return named


def _instrument(age: TableAge, bracket_unit: str) -> Instrument:
    alike = {field: getattr(age.contract, field) for field in SHARED_FIELDS}
    fee = age.liquidation_fee.rate if age.liquidation_fee is not None else None
    return Instrument(**alike, brackets=age.brackets.rows, bracket_unit=bracket_unit, liquidation_fee_rate=fee)


def _fees(table: VenueTable, as_of: date) -> Fees:
    row = nearest(table.fees, as_of)
    if row is None:
        raise BadInput(table.file, "fees", None, "no fee rates are given; add an entry with maker_rate and taker_rate")
    return Fees(row.maker_rate, row.taker_rate, row.coin_maker_rate, row.coin_taker_rate)


def _defaults(table: VenueTable) -> dict[str, str]:
    return {row.name: row.options[0] for row in table.readings}


def reading_of(rules: Rules, rows: Sequence[ReadingRow], chosen: Mapping[str, str]) -> Any:
    """The rules' `Reading`: per step the index of the chosen option. BadInput: the table lists other steps."""
    names, steps = ", ".join(row.name for row in rows), ", ".join(rules.Reading._fields)
    if names != steps:
        raise BadInput(f"table of {rules.__name__}", "readings", names, f"list the steps {steps}, in this order")
    return rules.Reading(*(row.options.index(chosen[row.name]) for row in rows))


def with_readings(rulebook: Rulebook, change: Mapping[str, str]) -> Rulebook:
    """The same rulebook under other readings. BadInput: a step or an option that the table does not list."""
    options = {row.name: row.options for row in rulebook.options}
    for name, option in change.items():
        if name not in options:
            raise BadInput(rulebook.name, "reading", name, f"choose a step of {', '.join(options)}")
        if option not in options[name]:
            raise BadInput(rulebook.name, f"reading {name}", option, f"choose one of {', '.join(options[name])}")
    chosen = rulebook.readings | dict(change)
    return msgspec.structs.replace(rulebook, readings=chosen, reading=reading_of(rulebook.rules, rulebook.options, chosen))


def all_readings(rulebook: Rulebook) -> tuple[Rulebook, ...]:
    """The rulebook as it is, then with each single step read another way."""
    others = [(row.name, option) for row in rulebook.options for option in row.options]
    changed = [{name: option} for name, option in others if rulebook.readings[name] != option]
    return (rulebook, *(with_readings(rulebook, change) for change in changed))


def match(rulebook: Rulebook, base: str, quote: str, kind: Kind) -> Instrument | None:
    """The venue's instrument of the same base, quote and kind: a perpetual before an expiry; of a linear contract else the
    coins themselves, and the other way round, which profit alike. One quoted in another dollar where the venue quotes nothing
    in the dollar asked for. None without any."""
    there = rulebook.instruments.values()
    alike = (Kind.LINEAR, Kind.SPOT) if kind in (Kind.LINEAR, Kind.SPOT) else (kind,)
    quotes: tuple[str, ...] = (quote,)
    if quote in DOLLARS and kind is Kind.LINEAR and not any(i.quote == quote for i in there):
        quotes = DOLLARS
    same = [i for i in there if i.base == base and i.quote in quotes and i.kind in alike]
    return min(same, key=lambda instrument: (instrument.kind is not kind, instrument.expires, instrument.symbol), default=None)


def why_not_lent(rulebook: Rulebook, mode: MarginMode) -> str | None:
    """Why coins cannot be traded on borrowed money in this mode: the venue does not lend, or the rulebook lacks it, and the
    cure. None: they can."""
    rules = rulebook.rules
    if mode in rules.LENDS_IN:
        return None
    if mode in rules.LENDING_GAPS:
        return f"{rulebook.name} does not model {mode} margin trading of coins, which the venue has: {rules.LENDING_GAPS[mode]}"
    if not rules.LENDS_IN:
        return f"{rulebook.name} lends no money to trade coins with"
    return f"{rulebook.name} lends money to buy coins with in {', '.join(rules.LENDS_IN)} margin only"


def holding(rulebook: Rulebook, held: Held) -> Rulebook | None:
    """The rulebook with only the contracts, or only the coins; as it is where it has nothing else, None where it has none."""
    if held is Held.AS_WRITTEN:
        return rulebook
    wanted = {s: i for s, i in rulebook.instruments.items() if (i.kind is Kind.SPOT) is (held is Held.COINS)}
    if not wanted:
        return None
    part = "" if len(wanted) == len(rulebook.instruments) else "coins" if held is Held.COINS else "contracts"
    return msgspec.structs.replace(rulebook, instruments=wanted, part=part)
