"""The command `plimsoll assess`: reads the account, the marks and the tables, builds the report, prints it. Problems go to
the error stream in one line, with exit code 2."""

import json
import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TextIO

import msgspec

from plimsoll.account_file import read_debtor
from plimsoll.assess_report import AssessReport, Question, assess_report, to_json
from plimsoll.command_options import RulesDay, read_indexes, read_marks, read_rules_day
from plimsoll.errors import BadInput, RulebookGap
from plimsoll.plan import Opening, Plan, PlanMode, match_symbols, open_plan
from plimsoll.prices.files import read_history
from plimsoll.prices.history import History
from plimsoll.prices.script import read_script
from plimsoll.rulebook import Policy, Rulebook, in_force, with_readings
from plimsoll.table_files import load


class Form(StrEnum):
    """How the report is printed."""

    TERMINAL = "terminal"
    JSON = "json"


class AssessOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The command's arguments as given. `account`: a file or an example's name; `prices`: a price file or the name of a
    script in the account file; `today`: the day where neither the options nor the file name one."""

    account: str
    today: date
    marks: tuple[str, ...] = ()
    venue: str | None = None
    rules_as_of: str | None = None
    explain: str | None = None
    want: str | None = None
    prices: str | None = None
    indexes: tuple[str, ...] = ()
    form: Form = Form.TERMINAL


def run_assess(options: AssessOptions, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The exit code: 0, or 2 with one line on `err`. Terminal output needs the extra `cli`."""
    try:
        report = build(options)
    except (BadInput, RulebookGap) as problem:
        print(f"plimsoll assess: {problem}", file=err or sys.stderr)
        return 2
    if options.form is Form.JSON:
        print(json.dumps(to_json(report), indent=2, ensure_ascii=False), file=out or sys.stdout)
        return 0
    from plimsoll.report.terminal_assess import print_report

    print_report(report, out or sys.stdout)
    return 0


def build(options: AssessOptions) -> AssessReport:
    """The report. BadInput, RulebookGap: what cannot be used."""
    plan = read_debtor(options.account)
    rules = read_rules_day(options.rules_as_of, plan.rules_as_of or options.today)
    home = with_readings(in_force(load(plan.venue), rules.day), plan.readings)
    venue = plan.venue if options.venue is None else options.venue
    rulebook = venue_rulebook(plan, home, venue, rules)
    opening = open_plan(plan, rulebook, home, PlanMode.AS_GIVEN)
    if not opening.symbols and opening.skipped:
        raise BadInput(plan.source, "venue", venue, f"it can run nothing of this account: {opening.skipped[0].reason}")
    marks = read_marks(options.marks, opening.symbols)
    history = _history(plan, options.prices, opening)
    indexes = read_indexes(options.indexes) if options.indexes else None
    question = Question(options.explain, options.want, indexes)
    return assess_report(plan, opening, rulebook, home, marks, history, question)


def venue_rulebook(plan: Plan, home: Rulebook, venue: str, rules: RulesDay) -> Rulebook:
    """The rulebook to assess under; `home` is that of the plan's own venue, with the nearest tables. RulebookGap: under
    IN_FORCE a symbol of the plan has no table on that very day."""
    if rules.policy is Policy.NEAREST:
        return home if venue == home.name else in_force(load(venue), rules.day)
    there = home if venue == home.name else in_force(load(venue), rules.day)
    needed = [instrument.symbol for instrument in match_symbols(plan, there, home).found.values()]
    strict = in_force(load(venue), rules.day, rules.policy, needed)
    return with_readings(strict, plan.readings) if venue == home.name else strict


def _history(plan: Plan, prices: str | None, opening: Opening) -> History | None:
    """The named script of the file, or a price file whose symbols are the plan's."""
    if prices is None:
        return None
    if not opening.symbols:
        raise BadInput("--prices", "positions", None, "they serve the lines of positions, and there is none; leave them out")
    names = {venue: symbol for symbol, venue in opening.symbols.items()}
    if prices in plan.scripts:
        return read_script({"scripts": plan.scripts}, plan.source, prices, names)
    return read_history(Path(prices), names)
