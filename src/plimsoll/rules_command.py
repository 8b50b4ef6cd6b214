"""`plimsoll rules` without its flags' syntax: from words on a command line to what is to be printed. Reads tables; prints
nothing and reads no clock."""

from collections.abc import Sequence
from datetime import date
from difflib import get_close_matches
from enum import Enum

import msgspec

from plimsoll.command_options import RULES_DAY, RulesDay, read_rules_day
from plimsoll.errors import BadInput
from plimsoll.questions.asking import WEAKEST_LAST, Answers, ask_all
from plimsoll.rulebook import discover, rules_of
from plimsoll.rulebook_words import Page, page, tables_in_force
from plimsoll.rules_diff import OPTION, Diff, diff_all, read_days
from plimsoll.table_files import load
from plimsoll.venue_table import Grade

HERE = "command line"


class Form(Enum):
    """Which of the command's three answers is wanted: a rulebook in words, the questions, or what changed."""

    WORDS = "words"
    COMPARE = "compare"
    DIFF = "diff"


class RulesWish(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for, as words. `venue`: the argument; `venues`: the option, comma-separated; `today`: the day
    where none is named."""

    today: date
    form: Form = Form.WORDS
    venue: str | None = None
    venues: str | None = None
    days: tuple[str, str] | None = None
    rules_as_of: str | None = None


class Listed(msgspec.Struct, frozen=True):
    """One rulebook in the list. `in_force`, `stale`: symbols served by a table of that day, or of another; `missing`: known
    ones without any; `oldest`: days to the farthest of those tables; `weakest`: grade among the `readings` (None: it has
    none)."""

    name: str
    title: str
    tables: int
    since: date
    last: date
    grades: tuple[Grade, ...]
    in_force: int
    stale: int
    missing: int
    oldest: int
    readings: int
    weakest: Grade | None


class Listing(msgspec.Struct, frozen=True):
    """All rulebooks, on a day."""

    as_of: date
    rulebooks: tuple[Listed, ...]


class Diffs(msgspec.Struct, frozen=True):
    """What changed, by rulebook. `missing`: rulebooks without a table on the first day -> what to do about it."""

    first: date
    second: date
    rulebooks: tuple[Diff, ...]
    missing: dict[str, str]


Told = Page | Listing | Answers | Diffs


def tell(wish: RulesWish) -> Told:
    """What was asked for. BadInput: options that do not go together, an unknown rulebook, a date that is none."""
    day = read_rules_day(wish.rules_as_of, wish.today, HERE, RULES_DAY)
    if wish.form is Form.DIFF:
        assert wish.days is not None
        if wish.rules_as_of is not None:
            raise BadInput(HERE, RULES_DAY, wish.rules_as_of, f"{OPTION} names its own days; leave it out")
        first, second = read_days(wish.days)
        found, missing = diff_all([load(name) for name in chosen(wish)], first, second)
        return Diffs(first, second, found, missing)
    if wish.form is Form.COMPARE:
        return ask_all(chosen(wish), day.day, day.policy)
    if wish.venues is not None:
        raise BadInput(HERE, "--venue", wish.venues, f"belongs to --compare and {OPTION}; name one rulebook without it")
    return listing(day) if wish.venue is None else page(wish.venue, day.day, day.policy)


def chosen(wish: RulesWish) -> tuple[str, ...]:
    """The rulebooks of a comparison or a diff: those named, else all."""
    known = discover()
    if wish.venue is not None and wish.venues is not None:
        raise BadInput(HERE, "--venue", wish.venues, f"{wish.venue} is named already; write all of them after --venue")
    word = wish.venue if wish.venues is None else wish.venues
    if word is None or word.strip() == "all":
        return known
    names = [part.strip() for part in word.split(",") if part.strip()]
    if not names:
        raise BadInput(HERE, "--venue", word, f"name one or more of {', '.join(known)}")
    for name in names:
        if name not in known:
            raise BadInput(HERE, "--venue", name, _near(name, known))
    return tuple(dict.fromkeys(names))


def _near(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"name one of {', '.join(known)}"


def listing(day: RulesDay) -> Listing:
    """One line for each rulebook there is."""
    return Listing(day.day, tuple(_listed(name, day) for name in discover()))


def _listed(name: str, day: RulesDay) -> Listed:
    table = load(name)
    served = tables_in_force(table, day.day, day.policy)
    days = [each for entry in table.brackets for each in (entry.since, entry.until) if each is not None]
    readings = [row.grade for row in table.readings]
    return Listed(
        name=name,
        title=rules_of(name).TITLE,
        tables=len(table.brackets),
        since=min(days),
        last=max(days),
        grades=tuple(sorted({entry.grade for entry in table.brackets}, key=WEAKEST_LAST.index)),
        in_force=sum(1 for each in served if not each.missing and not each.days),
        stale=sum(1 for each in served if each.days),
        missing=sum(1 for each in served if each.missing),
        oldest=max((each.days for each in served), default=0),
        readings=len(readings),
        weakest=max(readings, key=WEAKEST_LAST.index, default=None),
    )
