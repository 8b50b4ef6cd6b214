"""Every question put to every rulebook in both margin modes, under each reading; with the grade of what the answer rests on."""

import dis
import inspect
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from types import FunctionType
from typing import Any, NamedTuple, cast

import msgspec

from plimsoll.explain import grade_in, table_line
from plimsoll.model import MarginMode
from plimsoll.number import exact, show
from plimsoll.questions.answers import Answer
from plimsoll.questions.backing import (
    profit_leaves,
    profit_opens,
    profit_opens_in_other_mode,
    realised_profit,
    spare_cash,
    unrealised_profit,
)
from plimsoll.questions.forced import (
    funding_moves_line,
    large_charged,
    lose_more,
    others_survive,
    small_charged,
    which_first,
)
from plimsoll.questions.small_account import PRICE, Ground, Pair, find_pair, leverage_for
from plimsoll.questions.switching import beside_in_one, beside_in_two, switch_flat, switch_with_order, switch_with_position
from plimsoll.rulebook import Policy, Rulebook, in_force, with_readings
from plimsoll.rules.interface import Rules
from plimsoll.table_files import load
from plimsoll.venue_table import Grade

WEAKEST_LAST = tuple(Grade)
"""From the venue's own word to what nobody vouches for."""


class Question(NamedTuple):
    """`key`: its name in JSON; `words`: as a trader asks it."""

    key: str
    words: str
    ask: Callable[[Ground], Answer]


QUESTIONS = (
    Question("switch_flat", "May I switch the mode now: holding nothing?", switch_flat),
    Question("switch_with_order", "May I switch the mode now: with an order resting?", switch_with_order),
    Question("switch_with_position", "May I switch the mode now: with a position?", switch_with_position),
    Question("beside_in_two", "May both modes stand side by side, in two symbols?", beside_in_two),
    Question("beside_in_one", "May both modes stand side by side, in one symbol?", beside_in_one),
    Question("spare_cash", "Does spare cash keep a loser alive?", spare_cash),
    Question("realised_profit", "Does realised profit of another position keep a loser alive?", realised_profit),
    Question("unrealised_profit", "Does unrealised profit of another position keep a loser alive?", unrealised_profit),
    Question("profit_opens", "Can unrealised profit open a new position in the same mode?", profit_opens),
    Question("profit_opens_other", "Can unrealised profit open a new position in the other mode?", profit_opens_in_other_mode),
    Question("profit_leaves", "Can unrealised profit be withdrawn?", profit_leaves),
    Question("which_first", "Which position goes first?", which_first),
    Question("others_survive", "When one position fails, do the others survive?", others_survive),
    Question("lose_more", "Can I lose more than I assigned?", lose_more),
    Question("funding", "What does funding do to the liquidation price?", funding_moves_line),
    Question("charged", "What is charged on liquidation, and where does it go?", small_charged),
    Question("charged_large", "What is charged when a large position is liquidated?", large_charged),
)


class Rest(msgspec.Struct, frozen=True):
    """Something an answer rests on: a rule's name or a reading's, and its grade. `why`: the words that carry the grade."""

    name: str
    grade: Grade
    why: str


class Option(msgspec.Struct, frozen=True):
    """The answer under other choices of a reading. `chosen`: the options that lead to it, the default marked in `default`."""

    reading: str
    chosen: tuple[str, ...]
    default: bool
    word: str
    text: str


class Cell(msgspec.Struct, frozen=True):
    """One answer. `options`: by reading, every answer, where a reading changes it (else empty). `grade`: the weakest of
    `rests_on`, which begins with it."""

    venue: str
    mode: MarginMode
    word: str
    text: str
    options: tuple[Option, ...]
    grade: Grade
    rests_on: tuple[Rest, ...]


class Asked(msgspec.Struct, frozen=True):
    """One question and its answers, by venue and mode."""

    key: str
    words: str
    cells: tuple[Cell, ...]


class VenueAsked(msgspec.Struct, frozen=True):
    """A rulebook and what it was asked with. `account`: contracts, prices and leverage in words; `tables`: a line a
    contract; `stale`: a table stands in for the day. `account` '': it has nothing to play with."""

    venue: str
    title: str
    account: str
    tables: tuple[str, ...]
    stale: bool


class Answers(msgspec.Struct, frozen=True):
    """All questions to all rulebooks asked, on the tables of a day."""

    as_of: date
    venues: tuple[VenueAsked, ...]
    questions: tuple[Asked, ...]


def ask_all(names: Sequence[str], day: date, policy: Policy = Policy.NEAREST) -> Answers:
    """Every question to each rulebook named, in both modes. `policy`: with NEAREST another day's tables stand in where none
    is known for `day`, with IN_FORCE such contracts are left out."""
    with exact():
        books = [in_force(load(name), day, policy) for name in names]
        pairs = [find_pair(book) for book in books]
        asked = [Asked(q.key, q.words, tuple(_cells(q, books, pairs))) for q in QUESTIONS]
        return Answers(day, tuple(_venue(book, pair) for book, pair in zip(books, pairs, strict=True)), tuple(asked))


def _cells(question: Question, books: Sequence[Rulebook], pairs: Sequence[Pair | None]) -> Iterator[Cell]:
    for book, pair in zip(books, pairs, strict=True):
        for mode in MarginMode:
            yield _nothing(book, mode) if pair is None else ask(question, Ground(book, mode, pair))


def _nothing(book: Rulebook, mode: MarginMode) -> Cell:
    """The answer of a rulebook that has no contract to play with."""
    rest = Rest("tables", Grade.STALE, f"no table is in force on {book.as_of}")
    return Cell(book.name, mode, "", f"cannot be asked: {rest.why}", (), rest.grade, (rest,))


def ask(question: Question, ground: Ground) -> Cell:
    """One question on one ground, played under every option of every reading. It rests on those of the rules named by the
    answer that were asked on the way (on all the venue has, where the way was never taken)."""
    watched = Watched(ground.rulebook.rules)
    watching = msgspec.structs.replace(ground.rulebook, rules=cast(Rules, watched))
    usual = question.ask(ground._replace(rulebook=watching))
    options: list[Option] = []
    turned: list[Rest] = []
    for row in ground.rulebook.options:
        answers = {option: _under(question, ground, row.name, option) for option in row.options}
        if len({(a.word, a.text) for a in answers.values()}) > 1:
            options += _options(row.name, answers, ground.rulebook.readings[row.name])
            turned.append(Rest(row.name, row.grade, row.why))
    named = [name for name in usual.rules if name in watched.asked] or [n for n in usual.rules if hasattr(watched.rules, n)]
    rests = [rest_of(name, ground.rulebook) for name in named] + turned
    rests.sort(key=lambda rest: -WEAKEST_LAST.index(rest.grade))
    return Cell(
        ground.rulebook.name, ground.mode, usual.word, usual.text, tuple(options), rests[0].grade, tuple(rests)
    )


class Watched:
    """Rules that note which of them are asked."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.asked: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.asked.add(name)
        return getattr(self.rules, name)


def _under(question: Question, ground: Ground, reading: str, option: str) -> Answer:
    return question.ask(ground._replace(rulebook=with_readings(ground.rulebook, {reading: option})))


def _options(reading: str, answers: dict[str, Answer], default: str) -> list[Option]:
    """The different answers, each with the options that lead to it, in the order of the table."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for option, answer in answers.items():
        grouped.setdefault((answer.word, answer.text), []).append(option)
    return [Option(reading, tuple(chosen), default in chosen, *said) for said, chosen in grouped.items()]


def rest_of(name: str, rulebook: Rulebook) -> Rest:
    """The weakest grade that a rule's own text carries, or the text of a part of it: a rule of its module which it calls."""
    texts = [(rule, inspect.getdoc(rule) or "") for rule in _with_called(getattr(rulebook.rules, name))]
    graded = [(weakest_in(text), rule.__name__, text) for rule, text in texts]
    grade, at, text = max(graded, key=lambda found: WEAKEST_LAST.index(found[0]))
    words = _sentence(text, grade) if at == name else f"{at}: {_sentence(text, grade)}"
    return Rest(name, grade, "" if grade is Grade.DOC else words)


def weakest_in(text: str) -> Grade:
    """The weakest grade that a text names.

    >>> weakest_in("Recorded (BTC); the order is ours (grade memory)."), weakest_in("F-LIQ.")
    (<Grade.MEMORY: 'memory'>, <Grade.DOC: 'doc'>)
    """
    return max((Grade(word) for word in grade_in(text).split(", ")), key=WEAKEST_LAST.index)


def _with_called(rule: FunctionType) -> list[FunctionType]:
    """A rule and, one after another, those that its body calls in the same module."""
    found: list[FunctionType] = []
    waiting = [rule]
    while waiting:
        here = waiting.pop(0)
        if here not in found:
            found.append(here)
            loaded = [step.argval for step in dis.get_instructions(here) if step.opname == "LOAD_GLOBAL"]
            called = [here.__globals__.get(name) for name in loaded]
            waiting += [f for f in called if isinstance(f, FunctionType) and f.__module__ == rule.__module__]
    return found


def _sentence(text: str, grade: Grade) -> str:
    """The paragraph of a text that names a grade, on one line."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return next((part for part in paragraphs if weakest_in(part) is grade), paragraphs[0])


DEPENDS = "depends on"


def lines_of(cell: Cell) -> tuple[str, ...]:
    """An answer as sentences: one, or where readings change it one for each outcome."""
    if not cell.options:
        return (_said(cell.word, cell.text),)
    lines = []
    for reading in dict.fromkeys(option.reading for option in cell.options):
        lines.append(f"{DEPENDS} {reading}:")
        for option in cell.options:
            if option.reading == reading:
                marked = ", the default" if option.default else ""
                lines.append(f"{' or '.join(option.chosen)}{marked}: {_said(option.word, option.text)}")
    return tuple(lines)


def _said(word: str, text: str) -> str:
    return f"{word}: {text}" if word else text


def doubts(answers: Answers) -> dict[tuple[str, str], Rest]:
    """(rulebook, rule or reading) -> what is weaker than a recording in the answers, with the words that say so."""
    cells = [cell for asked in answers.questions for cell in asked.cells]
    rests = {(cell.venue, rest.name): rest for cell in cells for rest in cell.rests_on}
    firm = WEAKEST_LAST.index(Grade.RECORDED)
    return {at: rests[at] for at in sorted(rests) if WEAKEST_LAST.index(rests[at].grade) > firm}


def _venue(book: Rulebook, pair: Pair | None) -> VenueAsked:
    if pair is None:
        return VenueAsked(book.name, book.rules.TITLE, "", (), False)
    both = [i for i in (pair.first, pair.beside) if i is not None]
    words = " and ".join(i.symbol for i in both)
    leverages = " and ".join(dict.fromkeys(f"{show(leverage_for(i))}x" for i in both))
    account = f"{words}, opened at {show(PRICE)} with {leverages}, taker fee {show(book.fees.taker_rate * 100)} %"
    tables = tuple(table_line(i.symbol, book) for i in both)
    stale = any(book.ages[i.symbol].grade is Grade.STALE for i in both if i.symbol in book.ages)
    return VenueAsked(book.name, book.rules.TITLE, account, tables, stale)
