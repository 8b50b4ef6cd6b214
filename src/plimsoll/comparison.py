"""The main job: one plan, one history, every venue and margin mode asked for, and what that did to the account.

Each venue and mode is played on synchronised bars (the headline), on the worst and the kindest path the bars allow, and
under every other reading of what the venue does not publish. Each run is the exact machine; nothing is approximated.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import msgspec

from plimsoll.account.state import Environment, Venue
from plimsoll.cautions import unstated
from plimsoll.coin_tables import coin_tables, coin_words
from plimsoll.collateral_prices import carriers, need_told
from plimsoll.engines import Counter, Engine, Lead
from plimsoll.errors import BadInput
from plimsoll.indexes import stand_in_note
from plimsoll.law import law_digest
from plimsoll.model import PositionMode
from plimsoll.plan import Opening, Plan, PlanMode, mode_refusal, open_plan, symbols_of
from plimsoll.play import play
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.prices.paths import BarPath
from plimsoll.rulebook import Rulebook, all_readings, with_readings
from plimsoll.runs import Comparison, LegResult, ModeResult, RegimeMap, Run, VenueNote, Verdict
from plimsoll.sentences import closing_sentences, mode_sentence
from plimsoll.standings import standings
from plimsoll.telling import run_of
from plimsoll.units import unit_notes, unit_of

Progress = Callable[[str], None]


class Job(NamedTuple):
    """One venue's part: its rulebook, that of the plan's own venue, and the history in the venue's symbols."""

    rulebook: Rulebook
    home: Rulebook


def compare(
    plan: Plan,
    history: History,
    jobs: Sequence[Job],
    modes: Sequence[PlanMode],
    environment: Environment | None = None,
    progress: Progress | None = None,
    engine: Engine = Engine.AUTO,
) -> Comparison:
    """Play `plan` on `history` (in the plan's own symbols) under each job's rulebook in each mode. `engine`: says the same
    either way.

    BadInput: no venue can run any of it, a wallet that does not suffice, a symbol without a price. `progress` is told what
    is being played."""
    results: list[ModeResult] = []
    venues: list[VenueNote] = []
    counter, begun = Counter(engine, history), list[datetime]()
    for job in jobs:
        rulebook = with_readings(job.rulebook, plan.readings) if job.rulebook.name == plan.venue else job.rulebook
        opened, refused = _opened(plan, rulebook, job.home, modes)
        runnable = _part_of(plan, rulebook, history, tuple(opened.values()))
        runnable.note.skipped.update({mode.value: why for mode, why in refused.items()})
        venues.append(runnable.note)
        if runnable.history is None:
            continue
        lead = Lead(counter, runnable.history)
        begun.append(runnable.history.frames[0].time)
        for mode, opening in opened.items():
            venue = Venue(rulebook, environment or Environment())
            try:
                results.append(_mode_result(plan, lead, venue, opening, mode, progress, history.symbols))
            except BadInput as bad:
                if rulebook.name == plan.venue:
                    raise
                runnable.note.skipped[mode.value] = _told(bad)
    if not results:
        reasons = "; ".join(f"{v.venue}: {', '.join(v.skipped.values()) or 'nothing to play'}" for v in venues)
        raise BadInput(plan.source, "venue", None, f"no venue can play this account ({reasons})")
    return Comparison(
        name=plan.name,
        about=plan.about,
        prices=history.source,
        first=min(begun),
        last=history.frames[-1].time,
        unit=results[0].run.unit,
        venues=tuple(venues),
        results=tuple(results),
        sentences=closing_sentences(results),
        standings=standings(results),
        price_notes=history.notes,
        stand_in=history.stand_in,
        pace=counter.pace(),
    )


class _Part(NamedTuple):
    note: VenueNote
    history: History | None


def _opened(
    plan: Plan, rulebook: Rulebook, home: Rulebook, modes: Sequence[PlanMode]
) -> tuple[dict[PlanMode, Opening], dict[PlanMode, str]]:
    """The plan opened in each mode that the venue can hold it in, and why it cannot in the others. BadInput: at its own venue
    it cannot be opened in the only mode, or not as the file itself divides it."""
    opened: dict[PlanMode, Opening] = {}
    refused: dict[PlanMode, str] = {}
    for mode in modes:
        kept_out = mode_refusal(plan, rulebook, home, mode)
        if kept_out is not None:
            if rulebook.name == plan.venue and not rulebook.part and _as_written(plan, mode):
                raise kept_out
            refused[mode] = kept_out.cure
            continue
        try:
            opened[mode] = open_plan(plan, rulebook, home, mode)
        except BadInput as bad:
            if rulebook.name == plan.venue and (len(modes) == 1 or _as_written(plan, mode)):
                raise
            refused[mode] = _told(bad)
    return opened, refused


def _as_written(plan: Plan, mode: PlanMode) -> bool:
    """Whether this division is the file's own."""
    return mode is PlanMode.AS_GIVEN or all(p.mode.value == mode.value for p in plan.positions)


def _told(bad: BadInput) -> str:
    return f"{bad.field}: {bad.cure}" if bad.field else bad.cure


def _part_of(plan: Plan, rulebook: Rulebook, history: History, openings: Sequence[Opening]) -> _Part:
    """What of the plan this venue can play, on the prices there are, and what a reader must know of it."""
    if not openings:
        return _Part(VenueNote(rulebook.shown, _title(rulebook), {}, {}, (), law_digest(rulebook)), None)
    opening = openings[0]
    carried = {coin: there for each in openings for coin, there in carriers(history.symbols, plan, each, rulebook).items()}
    skipped = {s.symbol: s.reason for s in opening.skipped}
    here = opening.symbols
    notes = [*opening.notes, *_left_out(plan, history, carried)]
    notes += [caution.sentence for caution in unstated(here.values(), rulebook)]
    tables = {name: told for each in openings for name, told in tables_told(each, rulebook).items()}
    legs = len(opening.account.positions) + len(opening.commands)
    moved = None
    if legs:
        moved, cut = in_symbols(history, here | carried)
        notes += cut
        if rulebook.name != plan.venue:
            notes.append(f"the prices are those of {plan.venue}'s symbols; they stand in for {rulebook.name}'s own")
    return _Part(VenueNote(rulebook.shown, _title(rulebook), tables, skipped, tuple(notes), law_digest(rulebook)), moved)


def _left_out(plan: Plan, history: History, carried: Collection[str]) -> list[str]:
    """A sentence on the coins whose prices are there and that this venue does not take."""
    coins = [coin for coin in history.symbols if coin not in carried and coin not in symbols_of(plan)]
    return [f"prices of {', '.join(coins)} are not used here"] if coins else []


def _title(rulebook: Rulebook) -> str:
    return f"{rulebook.rules.TITLE}: {rulebook.part}" if rulebook.part else rulebook.rules.TITLE


def tables_told(opening: Opening, rulebook: Rulebook) -> dict[str, str]:
    """The bracket table of each symbol, and the tables of the coins behind them."""
    symbols = tuple(opening.symbols.values())
    coins = coin_tables(opening.account, (rulebook.instruments[symbol] for symbol in symbols), rulebook)
    return {symbol: table_words(rulebook, symbol) for symbol in symbols} | {each.name: coin_words(each) for each in coins}


def table_words(rulebook: Rulebook, symbol: str) -> str:
    """Which bracket table is used, how old it is, and how firm."""
    age = rulebook.ages.get(symbol)
    if age is None:
        return "given"
    table = age.brackets
    until = table.until or table.since
    span = f"{table.since}" if until == table.since else f"{table.since} to {until}"
    distance = "" if age.days == 0 else f", {age.days} days away"
    end = "" if age.open_above is None else f", known up to {age.open_above}"
    return f"table of {span}{distance}, grade {age.grade}{end}"


def in_symbols(history: History, symbols: Mapping[str, str]) -> tuple[History, list[str]]:
    """(the history with its symbols renamed, what was cut): it starts at the first time at which all of them have a price."""
    missing = [symbol for symbol in symbols if symbol not in history.symbols]
    if missing:
        known = ", ".join(history.symbols)
        raise BadInput(history.source, "symbol", missing[0], f"the prices have only {known}; add this symbol's")
    first = next((n for n, f in enumerate(history.frames) if all(s in f.bars for s in symbols)), None)
    if first is None:
        raise BadInput(history.source, "symbols", ", ".join(symbols), "they never have a price at the same time")
    frames = tuple(renamed(frame, symbols) for frame in history.frames[first:])
    notes = [] if first == 0 else [f"played from {frames[0].time:%Y-%m-%d %H:%M}: only then every symbol has a price"]
    stand_in = {symbols[s]: what for s, what in history.stand_in.items() if s in symbols}
    return History(history.source, tuple(symbols.values()), frames, history.notes, stand_in, history.still), notes


def renamed(frame: Frame, symbols: Mapping[str, str]) -> Frame:
    """A frame with the symbols asked for, as they are called there."""
    bars = {there: frame.bars[here] for here, there in symbols.items() if here in frame.bars}
    funding = {there: frame.funding[here] for here, there in symbols.items() if here in frame.funding}
    return Frame(frame.time, frame.seconds, bars, funding)


def _mode_result(
    plan: Plan, lead: Lead, venue: Venue, opening: Opening, mode: PlanMode, progress: Progress | None, known: Collection[str]
) -> ModeResult:
    history = lead.history
    unit, own = unit_of(opening, venue), carriers(known, plan, opening, venue.rulebook)

    def once(path: BarPath, under: Venue) -> Run:
        if progress is not None:
            progress(f"{under.rulebook.shown} {mode.value}, {path.value} bars")
        first = {symbol: bar.open for symbol, bar in history.frames[0].bars.items()}
        priced = stand_in_note(opening.account, first, under.rulebook, own, history.still)
        notes = (*opening.notes, *unit_notes(opening, unit), *priced)
        scout = lead.scout(under, path, unit)
        try:
            need_told(opening, under.rulebook, history.symbols, history.source)
            played = play(opening.account, opening.commands, opening.top_ups, history, under, path, unit, scout)
        except BadInput as bad:
            raise (BadInput(plan.source, bad.field, bad.value, bad.cure) if bad.source == "account" else bad) from None
        return in_words_of_plan(run_of(lead.count(played), under, mode, path, unit, notes), opening)

    result = played_all_ways(venue, mode, history, once, FORCED_KINDS)
    return msgspec.structs.replace(result, sentence=mode_sentence(result))


Once = Callable[[BarPath, Venue], Run]
"""One playing: along which path of the bars, under which reading of the rules."""


def played_all_ways(venue: Venue, mode: PlanMode, history: History, once: Once, kinds: Collection[str]) -> ModeResult:
    """The headline on synchronised bars, the worst and the best path where there are bars, and the other readings where the
    headline has an event of one of `kinds`."""
    headline = once(BarPath.SYNCHRONISED, venue)
    bars = any(frame.seconds for frame in history.frames)
    worst = once(BarPath.WORST, venue) if bars else None
    best = once(BarPath.BEST, venue) if bars else None
    others = _other_readings(venue, headline, lambda v: once(BarPath.SYNCHRONISED, v), kinds)
    return ModeResult(
        venue=venue.rulebook.shown,
        mode=mode,
        run=headline,
        worst=worst,
        best=best,
        verdicts=_verdicts(headline, worst, best),
        readings_that_matter=others,
    )


def in_words_of_plan(run: Run, opening: Opening) -> Run:
    """Each leg with the name it has in the account, by which venues are compared."""
    own = {there: here for here, there in opening.symbols.items()}
    hedge = opening.account.position_mode is PositionMode.HEDGE

    def named(leg: LegResult) -> LegResult:
        side = f":{leg.side}" if hedge else ""
        return msgspec.structs.replace(leg, planned=f"{own.get(leg.symbol, leg.symbol)}{side}")

    return msgspec.structs.replace(run, legs=tuple(named(leg) for leg in run.legs))


FORCED_KINDS = ("liquidation", "convert", "forced_close", "take_over", "close", "refuse", "end")


def _other_readings(
    venue: Venue, headline: Run, once: Callable[[Venue], Run], kinds: Collection[str]
) -> dict[str, Decimal]:
    """reading -> final equity, for the readings under which the run ends otherwise. Readings concern forced steps, closings
    and settings: a run without any of them is the same under all, and is not repeated."""
    if not any(h.kind in kinds for h in headline.happenings):
        return {}
    found = {}
    for other in all_readings(venue.rulebook)[1:]:
        changed = next(k for k, v in other.readings.items() if venue.rulebook.readings[k] != v)
        run = once(msgspec.structs.replace(venue, rulebook=other))
        if run.final_equity != headline.final_equity or _fates(run) != _fates(headline):
            found[f"{changed} = {other.readings[changed]}"] = run.final_equity
    return found


def _fates(run: Run) -> list[tuple[str, bool]]:
    return [(leg.name, leg.liquidated_at is not None) for leg in run.legs]


def _verdicts(headline: Run, worst: Run | None, best: Run | None) -> dict[str, Verdict]:
    """Per leg: liquidated even on the kindest path (certainly), on some path (possibly), on none."""
    runs = [run for run in (headline, worst, best) if run is not None]
    verdicts = {}
    for leg in headline.legs:
        gone = [any(x.name == leg.name and x.liquidated_at is not None for x in run.legs) for run in runs]
        verdicts[leg.name] = Verdict.CERTAINLY if all(gone) else Verdict.POSSIBLY if any(gone) else Verdict.NOT
    return verdicts


def regime_map(
    plan: Plan,
    rulebook: Rulebook,
    symbol: str,
    prices: Mapping[str, tuple[Decimal, Decimal]],
    falls: Sequence[Decimal],
    finals: Sequence[Decimal],
    named: Mapping[str, tuple[Decimal, Decimal]],
) -> RegimeMap:
    """Which mode ends richer when `symbol` falls by `falls[i]` and ends at `finals[j]` of its start. `prices`: symbol ->
    (start, end) of every symbol; the others move straight to their end while `symbol` falls. Every cell is played exactly
    in both modes; a cell whose end lies below its own low is None."""
    grids = {}
    for mode in (PlanMode.ISOLATED, PlanMode.CROSS):
        opening = open_plan(plan, rulebook, rulebook, mode)
        venue = Venue(rulebook)
        unit = unit_of(opening, venue)
        rows = []
        for fall in falls:
            row: list[Decimal | None] = []
            for final in finals:
                if final < 1 - fall:
                    row.append(None)
                    continue
                history = _three_points(symbol, prices, 1 - fall, final)
                played = play(
                    opening.account, opening.commands, opening.top_ups, history, venue, BarPath.SYNCHRONISED, unit
                )
                row.append(played.samples[-1].equity)
            rows.append(tuple(row))
        grids[mode] = tuple(rows)
    return RegimeMap(
        symbol, unit.name, tuple(falls), tuple(finals), grids[PlanMode.ISOLATED], grids[PlanMode.CROSS], dict(named)
    )


def _three_points(
    symbol: str, prices: Mapping[str, tuple[Decimal, Decimal]], low: Decimal, final: Decimal
) -> History:
    """Start, the low, the end."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    points = []
    for n, share in enumerate((Decimal(1), low, final)):
        at = {s: start if n == 0 else end for s, (start, end) in prices.items()}
        at[symbol] = prices[symbol][0] * share
        bars = {s: Bar(p, p, p, p, p, p, p, p) for s, p in at.items()}
        points.append(Frame(begin + timedelta(hours=n), 0, bars))
    return History("map", tuple(prices), tuple(points))
