"""A file of fills under every venue and mode that was asked for: each replayed along the three paths of its bars, beside the
same fills without margin rules. The answer is a `Comparison` like any other, whose results say who survived.

Nothing is decided here that the exact machine does not decide, and no file is read.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from plimsoll.account.state import Environment, Venue
from plimsoll.comparison import (
    Job,
    Progress,
    in_words_of_plan,
    played_all_ways,
    renamed,
    table_words,
)
from plimsoll.errors import BadInput
from plimsoll.fills import LeftOut as Missed
from plimsoll.fills import Step, replay, steps_of, twin
from plimsoll.fills_plan import Book
from plimsoll.fills_prices import covered, far_off
from plimsoll.fills_words import left_out_words, mode_words, survival_sentences
from plimsoll.indexes import stand_in_note
from plimsoll.law import law_digest
from plimsoll.model import MarginMode
from plimsoll.number import exact, show
from plimsoll.plan import Opening, Plan, PlanMode, match_symbols, open_plan
from plimsoll.prices.history import History
from plimsoll.prices.paths import BarPath
from plimsoll.rulebook import with_readings
from plimsoll.runs import Comparison, Happening, LeftOut, ModeResult, Run, Survival, VenueNote, Verdict
from plimsoll.tape import Unit
from plimsoll.telling import run_of
from plimsoll.units import unit_notes, unit_of

FORCED = ("forced_close", "take_over", "convert")
"""Events in which the venue closes or sells something."""
OPEN_TO_READINGS = (*FORCED, "liquidation", "deleverage", "shortfall", "refuse")
"""Events that an unpublished step may have a hand in: without any of them other readings are not played."""


class Part(NamedTuple):
    """One venue's part in one mode: the account as it opens there, the fills and the prices in the venue's symbols."""

    venue: Venue
    opening: Opening
    steps: tuple[Step, ...]
    history: History
    unit: Unit


def survive(
    plan: Plan,
    book: Book,
    history: History,
    jobs: Sequence[Job],
    modes: Sequence[PlanMode],
    environment: Environment | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Replay the fills of `book` under each job's rulebook in each mode. `plan`: the account before them; `history`: prices in
    the home venue's symbols. BadInput: no venue can play any of it, a fill without a price, a wallet that cannot be."""
    needed = covered(book.fills, history, plan.source, bool(book.left))
    results: list[ModeResult] = []
    venues: list[VenueNote] = []
    for job in jobs:
        rulebook = with_readings(job.rulebook, plan.readings) if job.rulebook.name == plan.venue else job.rulebook
        venue = Venue(rulebook, environment or Environment())
        skipped = {s.symbol: s.reason for s in match_symbols(plan, rulebook, job.home).skipped}
        parts = {}
        if any(fill.symbol not in skipped for fill in book.fills):
            parts = {mode: _part(plan, book, needed, venue, job, mode) for mode in (*modes, PlanMode.CROSS)}
        results += _at_venue(parts, modes, progress)
        venues.append(_note(venue, parts[modes[0]] if parts else None, skipped, book, plan))
    if not results:
        reasons = "; ".join(f"{v.venue}: {', '.join(v.skipped.values())}" for v in venues)
        raise BadInput(plan.source, "venue", None, f"no venue lists what was traded ({reasons})")
    return Comparison(
        name=plan.name,
        about=plan.about,
        prices=history.source,
        first=needed.frames[0].time,
        last=needed.frames[-1].time,
        unit=results[0].run.unit,
        venues=tuple(venues),
        results=tuple(results),
        sentences=survival_sentences(results),
        price_notes=(*history.notes, *far_off(book.fills, needed)),
        stand_in=history.stand_in,
    )


def _part(plan: Plan, book: Book, history: History, venue: Venue, job: Job, mode: PlanMode) -> Part:
    opening = open_plan(plan, venue.rulebook, job.home, mode)
    found = {here: venue.rulebook.instruments[there] for here, there in opening.symbols.items()}
    steps = steps_of(book.fills, found, venue.rulebook.name == job.home.name)
    frames = tuple(renamed(frame, opening.symbols) for frame in history.frames)
    stand_in = {opening.symbols[s]: what for s, what in history.stand_in.items() if s in opening.symbols}
    there = History(history.source, tuple(opening.symbols.values()), frames, history.notes, stand_in)
    return Part(venue, opening, steps, there, unit_of(opening, venue))


def _at_venue(parts: Mapping[PlanMode, Part], modes: Sequence[PlanMode], progress: Progress | None) -> list[ModeResult]:
    """The modes of one venue; the fills without rules are the same for all of them."""
    if not parts:
        return []
    crossed = parts[PlanMode.CROSS]
    if progress is not None:
        progress(f"{crossed.venue.rulebook.name}, without margin rules")
    bare = twin(crossed.opening.account, crossed.steps, crossed.history, crossed.venue, crossed.unit)
    told = run_of(bare, crossed.venue, PlanMode.CROSS, BarPath.SYNCHRONISED, crossed.unit, ())
    without = msgspec.structs.replace(told, happenings=(), least=())
    return [_in_mode(parts[mode], mode, without, progress) for mode in modes]


def _in_mode(part: Part, mode: PlanMode, without: Run, progress: Progress | None) -> ModeResult:
    missed: dict[str, tuple[Missed, ...]] = {}
    cut: dict[str, int] = {}

    def once(path: BarPath, under: Venue) -> Run:
        if progress is not None:
            progress(f"{under.rulebook.name} {mode.value}, {path.value} bars")
        opening, unit = part.opening, part.unit
        found = replay(opening.account, part.steps, part.history, under, path, unit, MarginMode(mode.value))
        if under is part.venue and path is BarPath.SYNCHRONISED:
            missed["headline"] = found.left_out
            cut.update(found.cut)
        first = {symbol: bar.open for symbol, bar in part.history.frames[0].bars.items()}
        notes = (*opening.notes, *unit_notes(opening, unit), *stand_in_note(opening.account, first, under.rulebook))
        run = in_words_of_plan(run_of(found.played, under, mode, path, unit, notes), opening)
        return _with_left_out(run, found.left_out, opening, under)

    result = played_all_ways(part.venue, mode, part.history, once, OPEN_TO_READINGS)
    runs = [run for run in (result.run, result.worst, result.best) if run is not None]
    hit = [any(event.kind in FORCED for event in run.happenings) for run in runs]
    survival = Survival(
        fills=len(part.steps),
        left_out=tuple(_told(one, part.venue) for one in missed["headline"]),
        liquidation=Verdict.CERTAINLY if all(hit) else Verdict.POSSIBLY if any(hit) else Verdict.NOT,
        first_liquidation=_first_liquidation(result.run),
        without_rules=without,
    )
    notes = (*result.run.notes, *(_cut_note(part, symbol, count) for symbol, count in cut.items()))
    run = msgspec.structs.replace(result.run, notes=notes)
    found = msgspec.structs.replace(result, run=run, survival=survival)
    return msgspec.structs.replace(found, sentence=mode_words(found))


def _first_liquidation(run: Run) -> Happening | None:
    """The first thing the venue closed or sold, at the price where the market stood."""
    event = next((event for event in run.happenings if event.kind in FORCED), None)
    leg = next((leg for leg in run.legs if event is not None and leg.name == event.leg and leg.hit_at == event.time), None)
    return event if event is None or leg is None else msgspec.structs.replace(event, price=leg.hit_price)


def _with_left_out(run: Run, left_out: Sequence[Missed], opening: Opening, venue: Venue) -> Run:
    """The run with a happening for each fill, or part of one, that did not come to pass."""
    mode, rules = opening.account.position_mode, venue.rulebook.rules
    told = []
    for missed in left_out:
        left, leg = _told(missed, venue), rules.leg_name(missed.key, mode)
        kind = "refuse" if left.why == "refused" else "left_out"
        told.append(Happening(left.time, kind, leg, f"{leg}: {left_out_words(left)}", left.price, left.size))
    happenings = sorted([*run.happenings, *told], key=lambda event: event.time)
    return msgspec.structs.replace(run, happenings=tuple(happenings))


def _told(missed: Missed, venue: Venue) -> LeftOut:
    reject, fill = missed.reject, missed.fill
    plain = LeftOut(fill.place, missed.time, missed.key.symbol, fill.side, missed.size, fill.price, missed.why)
    if reject is None:
        return plain
    return msgspec.structs.replace(
        plain,
        reason=reject.reason.value,
        message=reject.message,
        wanted=reject.wanted,
        limit=reject.limit,
        code=venue.rulebook.rules.venue_code(reject),
    )


def _cut_note(part: Part, symbol: str, count: int) -> str:
    instrument = part.venue.rulebook.instruments[symbol]
    with exact():
        step = show((instrument.lot or Decimal(0)) * instrument.multiplier)
    return f"{symbol} trades in steps of {step}: {count} fills were cut to whole steps (without rules they stand as they are)"


def _note(venue: Venue, part: Part | None, skipped: Mapping[str, str], book: Book, plan: Plan) -> VenueNote:
    """What a reader must know of a venue's part."""
    rulebook = venue.rulebook
    notes = [*book.notes] if rulebook.name == plan.venue else []
    absent = sum(fill.symbol in skipped for fill in book.fills)
    notes += [f"{absent} of {len(book.fills)} fills are in contracts that are not here, and are left out"] if absent else []
    if part is not None and rulebook.name != plan.venue:
        notes.append(f"the prices are those of {plan.venue}'s symbols; they stand in for {rulebook.name}'s own")
        if any(fill.fee_rate is not None for fill in book.fills):
            notes.append(f"fees are the list rates of {rulebook.name}: the file's own are those of {plan.venue}")
    tables = {s: table_words(rulebook, s) for s in part.opening.symbols.values()} if part is not None else {}
    return VenueNote(rulebook.name, rulebook.rules.TITLE, tables, dict(skipped), tuple(notes), law_digest(rulebook))
