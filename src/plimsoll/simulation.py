"""A plan under random prices: every setting on the same paths, by the array engine, with the exact machine behind it. Starts no
model and reads no file: those are `model_choice`'s and the commands' work."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple

import msgspec

from plimsoll.account.borrowing import need_rates, owes
from plimsoll.account.commands import AccrueInterest, AddMargin, Deposit
from plimsoll.account.events import Converted, FundingPaid, InterestCharged, Reduced, ShortfallCovered, TakenOver, Traded
from plimsoll.account.state import State, Venue
from plimsoll.array.desk import Told as ToldIn
from plimsoll.array.desk import Watch, is_steady
from plimsoll.array.models import BOOTSTRAP, GARCH, JUMPS, STUDENT
from plimsoll.array.study import Case, Exact, Rows, Settled, chunks
from plimsoll.array.study import Job as Paths
from plimsoll.array.sums import Sums
from plimsoll.begin import begin, refusal_text
from plimsoll.cautions import above_bracket, unstated
from plimsoll.coin_tables import table_lines
from plimsoll.collateral_prices import as_instruments, at_venue_marks, coins_of
from plimsoll.comparison import Job
from plimsoll.errors import BadInput
from plimsoll.indexes import in_priced, stand_in_indexes, teller_of, tellers_of
from plimsoll.kept import kept_folder
from plimsoll.law import law_digest
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.pools import lay_out
from plimsoll.margin.views import LegView
from plimsoll.model import Account, Kind, LegKey, MarginMode, Marks, leg_key
from plimsoll.model_choice import Modelled
from plimsoll.number import ONE, ZERO, exact
from plimsoll.odds import Counted, LegInfo, odds_of, width_of
from plimsoll.plan import Plan, TopUp, open_plan, symbols_of
from plimsoll.play import crossing, due, jump, move
from plimsoll.prices.history import Frame
from plimsoll.prices.paths import Quote
from plimsoll.rulebook import Rulebook, with_readings
from plimsoll.studies import Ask, Odds, Setting, Stopped, Study
from plimsoll.tape import Tape, Told, Unit
from plimsoll.units import unit_of
from plimsoll.variations import varied

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""When paths begin for a venue that looks at the clock: a day like any other."""
FRESH = "Top-ups bring money from outside: it is no gain, and all that is told of equity is without it."
STEPWISE = (
    "{venue} changes the account at every mark (it locks losses), so that the exact engine plays its paths from step to step: "
    "what comes and goes between steps is not seen there, which tells too kindly of what lies within a few steps' reach."
)
PATIENCE = 16
"""Chunks between two looks at how narrow the intervals are."""


class Ready(NamedTuple):
    """One setting, opened: what the study needs and what the report wants to know of its start."""

    setting: Setting
    case: Case
    counted: Counted


def simulate(
    plan: Plan,
    jobs: Sequence[Job],
    settings: Sequence[Setting],
    modelled: Modelled,
    marks: Mapping[str, Decimal],
    ask: Ask,
    progress: Callable[[int, int], None] | None = None,
) -> Study:
    """Walk the plan under every setting along `ask.paths` paths of the model, which begin at `marks` (plan symbols).

    A KeyboardInterrupt ends the study with the paths done so far. BadInput: a symbol without a mark, a horizon that is no whole
    number of the model's steps, nothing that could be played."""
    _check(symbols_of(plan), coins_of(plan), modelled, marks, ask)
    _check_times(plan, modelled)
    by_name = {job.rulebook.name: job for job in jobs}
    ready: list[Ready] = []
    refused: list[tuple[Setting, str]] = []
    notes: dict[str, None] = {}
    for setting in settings:
        opened = _open(plan, by_name[setting.venue], setting, modelled, marks)
        if isinstance(opened, str):
            refused.append((setting, opened))
        else:
            ready.append(opened)
            notes |= dict.fromkeys(opened.counted.notes)
    if not ready:
        raise BadInput(plan.source, "settings", None, _reasons(refused) if refused else "name at least one setting")
    paths = _paths(modelled, marks, ask)
    stepwise = dict.fromkeys(one.setting.venue for one in ready if not is_steady(one.case.account, one.case.rulebook))
    straight, seen = ask.straight or modelled.path.kind == BOOTSTRAP, len(stepwise) < len({one.setting.venue for one in ready})
    if not straight:
        notes |= dict.fromkeys(STEPWISE.format(venue=venue) for venue in stepwise)
    sums = [Sums(one.counted.start_equity, len(one.counted.legs), paths.grid) for one in ready]
    stopped = _walk(paths, ready, sums, ask, progress)
    step = modelled.path.step_seconds
    odds: list[Odds] = [odds_of(one.setting, one.counted, total, step) for one, total in zip(ready, sums, strict=True)]
    return Study(
        plan=plan.name,
        source=plan.source,
        unit=ready[0].counted.unit,
        model=(*modelled.notes, *_between(modelled.path.kind, straight, seen)),
        seed=ask.seed,
        horizon_days=ask.horizon_seconds / 86400,
        step_seconds=step,
        paths_wanted=ask.paths,
        stopped=stopped,
        odds=tuple(odds),
        refused=tuple(refused),
        notes=tuple(notes),
        digest=_digest(modelled, [one.case.rulebook for one in ready]),
    )


def _reasons(refused: Sequence[tuple[Setting, str]]) -> str:
    """Why nothing can be played, mode by mode."""
    why = dict.fromkeys((setting.venue, setting.mode.value, reason) for setting, reason in refused)
    several = len({reason for _, _, reason in why}) > 1
    return "; ".join(f"{venue} {mode}: {reason}" for venue, mode, reason in why) if several else next(iter(why))[2]


def _walk(
    paths: Paths, ready: Sequence[Ready], sums: Sequence[Sums], ask: Ask, progress: Callable[[int, int], None] | None
) -> Stopped:
    """Add up chunk after chunk until there are enough."""
    threads = ask.threads or os.cpu_count() or 1
    left = ask.paths
    try:
        for number, found in enumerate(chunks(paths, [one.case for one in ready], ask.paths, threads)):
            for total, chunk in zip(sums, found, strict=True):
                total.add(chunk, min(left, chunk.hits.shape[0]))
            left -= min(left, found[0].hits.shape[0])
            if progress is not None:
                progress(ask.paths - left, ask.paths)
            if ask.width is not None and number % PATIENCE == PATIENCE - 1 and all(width_of(t) <= ask.width for t in sums):
                return Stopped.INTERVAL
    except KeyboardInterrupt:
        if any(total.paths == 0 for total in sums):
            raise
        return Stopped.INTERRUPTED
    return Stopped.PATHS


def _between(kind: int, straight: bool, seen: bool) -> tuple[str, ...]:
    """What is seen between two steps, in a sentence; none where nothing is `seen`, as the notes then say of each venue."""
    if straight:
        return (
            "Between steps prices move straight: what comes and goes there is not seen, and stops fill at their price, "
            "which tells too kindly of what lies within a few steps' reach.",
        )
    if not seen:
        return ()
    own = {STUDENT: ", a Student's with a variance drawn for the step", GARCH: ", each with the variance of its step"}
    of = own.get(kind, "")
    leaps = " Jumps come at once: stops slip in them." if kind == JUMPS else ""
    return (f"Steps near a line or a stop are seen from within, at points of the Brownian bridge{of}.{leaps}",)


def _check(
    symbols: Sequence[str], coins: Sequence[str], modelled: Modelled, marks: Mapping[str, Decimal], ask: Ask
) -> None:
    for symbol in dict.fromkeys((*symbols, *modelled.symbols)):
        if symbol not in marks:
            raise BadInput("marks", symbol, None, "give the price at which its paths begin")
        if symbol not in modelled.symbols:
            raise BadInput("model", symbol, None, "the model must have every symbol of the account")
    for symbol in modelled.symbols:
        if symbol not in (*symbols, *coins):
            raise BadInput("model", symbol, None, "the account has no such symbol; build the model of the account's own")
    step = modelled.path.step_seconds
    if not ask.horizon_seconds > 0 or ask.horizon_seconds % step:
        cure = f"give a whole number of the model's steps of {step:g} seconds"
        raise BadInput("command line", "--horizon", f"{ask.horizon_seconds:g} seconds", cure)
    if ask.paths < 1:
        raise BadInput("command line", "--paths", ask.paths, "give one or more")
    if ask.width is not None and not 0 < ask.width < 1:
        raise BadInput("command line", "--width", ask.width, "give a share between 0 and 1 such as 0.01")


def _check_times(plan: Plan, modelled: Modelled) -> None:
    """BadInput where a top-up has a time and the paths have no calendar, or begin after it."""
    for number, top_up in enumerate(plan.top_ups, 1):
        field = f"top_ups {number} ({top_up.symbol}) at"
        if top_up.at is not None and modelled.begins is None:
            cure = "paths have dates only where a history tells when they begin; name a --history, or write at_price"
            raise BadInput(plan.source, field, top_up.at, cure)
        if top_up.at is not None and modelled.begins is not None and top_up.at < modelled.begins:
            cure = f"paths begin at {modelled.begins}, where the history ends; give a later time, or leave the top-up out"
            raise BadInput(plan.source, field, top_up.at, cure)


def _paths(modelled: Modelled, marks: Mapping[str, Decimal], ask: Ask) -> Paths:
    """The paths, in the order of the model's symbols."""
    steps = round(ask.horizon_seconds / modelled.path.step_seconds)
    points = min(max(ask.points, 1), steps)
    grid = tuple(dict.fromkeys(round(steps * (i + 1) / points) for i in range(points)))
    starts = tuple(float(marks[symbol]) for symbol in modelled.symbols)
    return Paths(starts, modelled.path, modelled.funding, ask.seed, grid, ask.straight, kept_folder())


def _open(
    plan: Plan, job: Job, setting: Setting, modelled: Modelled, marks: Mapping[str, Decimal]
) -> Ready | str:
    """A setting's account at the start, or why the venue does not allow it."""
    rulebook = with_readings(job.rulebook, plan.readings) if job.rulebook.name == plan.venue else job.rulebook
    try:
        opening = open_plan(varied(plan, setting, marks), rulebook, job.home, setting.mode)
        if opening.skipped:
            return "; ".join(f"{skipped.symbol}: {skipped.reason}" for skipped in opening.skipped)
        starts = at_venue_marks({symbol: marks[symbol] for symbol in modelled.symbols}, opening, rulebook, "model")
        apart = in_priced(tellers_of(opening.account, starts, rulebook), starts, rulebook)
        if apart:
            coin, quote = next(iter(apart.items()))
            return f"{coin} is told in {quote}, whose own price is given: a study counts one of both only; leave {quote}'s out"
        rulebook = as_instruments(rulebook, starts, next(iter(opening.symbols.values())))
        names, own = tuple(starts), set(modelled.symbols).difference(symbols_of(plan))
        begun = begin(opening, rulebook, starts, own=own, still=modelled.still)
        if owes(begun.state.account, rulebook):
            need_rates(begun.state.account, rulebook)
    except BadInput as bad:
        return f"{bad.field}: {bad.cure}"
    if begun.refusals:
        return "; ".join(refusal_text(refused) for refused in begun.refusals)
    held = {leg_key(position) for position in begun.state.account.positions}
    for order in begun.state.account.orders:
        if not order.reduce_only and LegKey(order.symbol, order.mode, order.position_side) not in held:
            return f"order {order.id} may open another position in {order.symbol}, which is not simulated; leave it out"
    view = assess(begun.state.account, begun.state.marks, rulebook, Prices.OWN)
    if any(pool.liquidatable for pool in view.pools):
        return "is due for liquidation at the start"
    too_much = above_bracket(view, rulebook) if setting.leverage is not None else []
    if too_much:
        return " ".join(too_much)
    unit = unit_of(opening, Venue(rulebook))
    account = begun.state.account
    top_ups = tuple(_on_paths(top_up, modelled) for top_up in opening.top_ups if top_up.commands)
    watches = tuple(_watch(top_up, rulebook, modelled.path.step_seconds) for top_up in top_ups)
    exactly = Exact(_settler(rulebook, unit, names, modelled.path.step_seconds, top_ups))
    told_in = ToldIn(_tellers(account, names, rulebook), unit.name, unit.mixed)
    case = Case(names, account, rulebook, told_in, exactly, watches)
    notes = [*opening.notes, *begun.notes, *([FRESH] if any(watch.fresh for watch in watches) else [])]
    instruments = [rulebook.instruments[name] for name in opening.symbols.values()]
    notes += [f"{rulebook.name} {line}." for line in table_lines(account, instruments, rulebook)]
    notes += [f"{rulebook.name} {caution.sentence}" for caution in unstated(opening.symbols.values(), rulebook)]
    return Ready(setting, case, _counted(begun.state, rulebook, unit, notes))


def _on_paths(top_up: TopUp, modelled: Modelled) -> TopUp:
    """A top-up as the paths can have it: its level a float like their prices, so that both engines have it on the same side of
    them; its time in whole steps since they began, the next step where it lies between two."""
    if top_up.at_price is not None:
        return msgspec.structs.replace(top_up, at_price=_decimal(float(top_up.at_price)))
    assert top_up.at is not None and modelled.begins is not None
    step = modelled.path.step_seconds
    steps = max(math.ceil((top_up.at - modelled.begins).total_seconds() / step - 1e-9), 1)
    return msgspec.structs.replace(top_up, at=EPOCH + timedelta(seconds=steps * step))


def _watch(top_up: TopUp, rulebook: Rulebook, step_seconds: float) -> Watch:
    """A top-up as the array engine wants it."""
    fresh = [command.amount for command in top_up.commands if isinstance(command, Deposit)]
    inside = [command for command in top_up.commands if isinstance(command, AddMargin)]
    return Watch(
        symbol=top_up.symbol,
        level=top_up.at_price,
        step=-1 if top_up.at is None else round((top_up.at - EPOCH).total_seconds() / step_seconds),
        asset=rulebook.instruments[top_up.symbol].settle,
        amount=fresh[0] if fresh else inside[0].amount,
        fresh=bool(fresh),
        leg=LegKey(inside[0].symbol, MarginMode.ISOLATED, inside[0].position_side) if inside else None,
    )


def _tellers(account: Account, symbols: Sequence[str], rulebook: Rulebook) -> dict[str, str]:
    """Asset -> the symbol whose mark tells its price, '' for quotes."""
    assets = {rulebook.instruments[symbol].settle for symbol in symbols} | set(account.cash) | set(account.borrowed)
    assets |= {rulebook.instruments[symbol].base for symbol in symbols if rulebook.instruments[symbol].kind is Kind.SPOT}
    found = {asset: teller_of(asset, dict.fromkeys(symbols, ONE), rulebook) for asset in sorted(assets)}
    return {asset: symbol for asset, symbol in found.items() if symbol is not None}


def _counted(state: State, rulebook: Rulebook, unit: Unit, notes: Sequence[str]) -> Counted:
    """What is to be counted, and how the account stands at the start."""
    with exact():
        tape = Tape(state.account, Venue(rulebook), unit, EPOCH)
        tape.state = state
        tape.look()
        worth = tape.worth()
        view = assess(state.account, state.marks, rulebook, Prices.OWN)
        layout = lay_out(state.account, rulebook)
    keys = [key for spec in layout.specs for key in spec.legs]
    legs = {LegKey(leg.symbol, leg.mode, leg.side): leg for leg in view.legs}
    infos = tuple(_info(legs[key], worth) for key in keys)
    isolated = sum(float(leg.isolated_margin * worth[leg.asset]) for leg in view.legs if leg.mode is MarginMode.ISOLATED)
    crossed = any(leg.mode is MarginMode.CROSS for leg in view.legs)
    return Counted(unit.name, float(tape.equity), float(tape.equity) if crossed else isolated, infos, tuple(notes))


def _info(leg: LegView, worth: Mapping[str, Decimal]) -> LegInfo:
    price = None if leg.liquidation_price is None else float(leg.liquidation_price)
    side = "long" if leg.size > 0 else "short"
    return LegInfo(leg.name, leg.symbol, side, leg.mode.value, float(leg.notional * worth[leg.asset]), price)


def _settler(
    rulebook: Rulebook, unit: Unit, symbols: tuple[str, ...], step_seconds: float, top_ups: tuple[TopUp, ...]
) -> Callable[[Account, Rows, tuple[int, ...], float], Settled]:
    """The exact machine along rows of prices, for what the array engine does not decide."""
    venue = Venue(rulebook)

    def at(step: float) -> datetime:
        return EPOCH + timedelta(seconds=float(step) * step_seconds)

    def settle(account: Account, rows: Rows, waiting: tuple[int, ...], added: float) -> Settled:
        with exact():
            first, left = at(rows.steps[0]), [top_ups[i] for i in waiting]
            tape = Tape(account, venue, unit, first)
            tape.added, tape.figures = _decimal(added), False
            prices = dict(zip(symbols, map(_decimal, rows.marks[0]), strict=True))
            tape.state = State(account, Marks(prices, dict(prices), stand_in_indexes(account, prices, rulebook), first))
            if any(p.part_sold is not None for p in account.positions):
                jump(tape, {s: Quote(x, x) for s, x in prices.items()}, first)
            tape.look()
            for row, (marks, rates, step, leaps) in list(enumerate(zip(*rows, strict=True)))[1:]:
                quotes = {s: Quote(x, x) for s, x in zip(symbols, map(_decimal, marks), strict=True)}
                (_leap if leaps else move)(tape, quotes, at(step), left)
                if row + 1 == len(rows.steps) or rows.steps[row + 1] > step:
                    paid = {symbol: _decimal(rate) for symbol, rate in zip(symbols, rates, strict=True) if rate != 0}
                    accrue_to(tape, float(step), step_seconds)
                    due(tape, left, Frame(tape.time, 0, {}, paid))
                tape.look()
        settled = _settled(tape, rulebook, step_seconds)
        waiting = tuple(i for i in waiting if any(top_ups[i] is top_up for top_up in left))
        return settled._replace(waiting=waiting, added=settled.added - added)

    return settle


def accrue_to(tape: Tape, step: float, step_seconds: float) -> None:
    """Interest of a step, at its end."""
    if abs(step - round(step)) < 1e-9 and owes(tape.state.account, tape.venue.rulebook):
        refused = tape.do(AccrueInterest(_decimal(step_seconds) / 3600))
        assert refused is None, refused


def _leap(tape: Tape, target: Mapping[str, Quote], time: datetime, waiting: list[TopUp]) -> None:
    """Prices are at `target` at once; top-ups whose levels they leapt over follow there."""
    before = tape.state.marks.marks
    jump(tape, target, time)
    for top_up in list(waiting):
        if top_up.at_price is not None and top_up.symbol in target:
            a, b = before[top_up.symbol], target[top_up.symbol].mark
            if crossing(a, b, top_up.at_price, a > top_up.at_price) is not None:
                waiting.remove(top_up)
                tape.obey(top_up.commands)


def _decimal(x: float) -> Decimal:
    return Decimal.from_float(float(x))


def _settled(tape: Tape, rulebook: Rulebook, step_seconds: float) -> Settled:
    """What the machine told, added up in the unit."""
    hits: dict[LegKey, float] = {}
    sums = {"fees": ZERO, "forced": ZERO, "funding": ZERO, "shortfall": ZERO}
    filled = 0
    for told in tape.told:
        event = told.event
        if isinstance(event, (Reduced, TakenOver)):
            hits.setdefault(event.leg, (told.time - EPOCH).total_seconds() / step_seconds)
        filled += isinstance(event, Traded)
        for name, amount in _costs(told, rulebook):
            sums[name] += amount
    assert tape.lowest is not None
    return Settled(
        account=tape.state.account,
        waiting=(),
        hits=hits,
        equity=float(tape.equity),
        lowest=float(tape.lowest[0]),
        fees=float(sums["fees"]),
        forced=float(sums["forced"]),
        funding=float(sums["funding"]),
        shortfall=float(sums["shortfall"]),
        added=float(tape.added or ZERO),
        filled=filled,
    )


def _costs(told: Told, rulebook: Rulebook) -> list[tuple[str, Decimal]]:
    """What one event cost, and under which name."""
    event = told.event
    if isinstance(event, ShortfallCovered):
        return [("shortfall", (event.from_fund + event.from_counterparties) * told.worth[event.asset])]
    if isinstance(event, InterestCharged):
        return [("funding", event.amount * told.worth[event.asset])]
    if isinstance(event, Converted):
        return [("forced", (event.fee + event.penalty) * told.worth[event.target])]
    if not isinstance(event, (Traded, FundingPaid, Reduced, TakenOver)):
        return []
    worth = told.worth[rulebook.instruments[event.leg.symbol].settle]
    if isinstance(event, Traded):
        return [("fees", event.fee * worth)]
    if isinstance(event, FundingPaid):
        return [("funding", event.amount * worth)]
    if isinstance(event, Reduced):
        return [("forced", (event.fee + event.penalty) * worth)]
    gained = (event.fee + max(event.fund_result, ZERO)) * worth
    return [("forced", gained), ("shortfall", max(-event.fund_result, ZERO) * worth)]


def _digest(modelled: Modelled, rulebooks: Sequence[Rulebook]) -> str:
    """Of the law and the model: the same digest and seed give the same numbers."""
    parts = [law_digest(rulebook) for rulebook in rulebooks] + [repr(modelled.path), repr(modelled.funding)]
    return sha256("\n".join(parts).encode()).hexdigest()
