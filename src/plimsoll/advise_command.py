"""`plimsoll advise` without its flags' syntax: from words on a command line to an Advice. Reads files; prints nothing.

Two rounds on the same paths: first the plan in each mode and each position isolated alone; then, in the mode that this speaks
for (in both where it speaks for none), leverages, stops, other sizes and more money.
"""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from plimsoll.advice import advice_of, modes_to_follow
from plimsoll.advice_facts import (
    Ground,
    Standing,
    holdings_of,
    known_walls,
    lift_of,
    model_told,
    rules_told,
    sided,
    together_of,
    tried,
)
from plimsoll.collateral_prices import coins_of
from plimsoll.comparison import Job
from plimsoll.errors import BadInput
from plimsoll.evidence import Advice, Change, Conviction, Evidence, Holding, Lift, Prefer, Profile, Skill, Trial, Watch
from plimsoll.number import ONE, ZERO, exact, parse, parse_positive, show
from plimsoll.plan import Plan, PlanMode, symbols_of
from plimsoll.rulebook import with_readings
from plimsoll.simulate_command import Progress, Ready, SimulateWish, prepare
from plimsoll.studies import Setting, Stopped, Study
from plimsoll.sweeps import read_axis
from plimsoll.trials import one_isolated, resized, topped, without_top_ups

LINE = "command line"
PATHS = 4_000
"""Paths of each setting, unless said: a chance of 5 % is known to within 0.7 %."""
LEVERAGES = tuple(Decimal(n) for n in (1, 2, 3, 5, 8, 10, 15, 20, 30, 50))
STOPS = tuple(Decimal(n) / 100 for n in (2, 3, 5, 8, 12, 20, 30))
SIZES = (Decimal("0.75"), Decimal("0.5"), Decimal("0.25"))
PARTS = (Decimal("0.5"), ONE)
"""Money tried on top, as parts of what stands behind the position or the account."""
CENT = Decimal("0.01")
NOT_MODELLED = (
    "Not modelled: the depth of the order book and what closing does to the price, outages, changes of rules and tables "
    "within the horizon, other accounts, and whatever you do by hand."
)
NO_PROMISE = "This is a recommendation from a model, not a promise: another model, horizon or seed gives other numbers."

Play = Callable[[Plan, Sequence[Setting]], Study]
Word = TypeVar("Word", bound=StrEnum)


class AdviseWish(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for, as words. `base`: account, model, horizon and prices as in a simulation (its axes are not used
    but for leverages); `conviction`: SYMBOL=high or low; `stops`, `top_ups`: distances and amounts to try instead of ours."""

    base: SimulateWish = SimulateWish()
    limit: str = "5%"
    stop_first: str = "95%"
    prefer: str = "balanced"
    watch: str = "unsaid"
    skill: str = "experienced"
    conviction: tuple[str, ...] = ()
    stops: str | None = None
    top_ups: str | None = None


class Tries(NamedTuple):
    """What to vary. None: ours."""

    leverages: tuple[Decimal, ...] | None
    stops: tuple[Decimal, ...] | None
    top_ups: tuple[Decimal, ...] | None


class Case(NamedTuple):
    """Everything loaded: nothing after this reads a file. `ready.plan` is what is played."""

    ready: Ready
    job: Job
    ground: Ground
    profile: Profile
    tries: Tries
    volumes: dict[str, Decimal]
    top_ups_planned: int


def run_advice(wish: AdviseWish, progress: Progress | None = None) -> Advice:
    """The advice that was asked for."""
    case = prepare_advice(wish)
    from plimsoll.simulation import simulate

    def play(plan: Plan, settings: Sequence[Setting]) -> Study:
        ready = case.ready
        study = simulate(plan, (case.job,), settings, ready.modelled, ready.marks, ready.ask, progress)
        if study.stopped is Stopped.INTERRUPTED:
            raise KeyboardInterrupt
        return study

    return advice_of(gather(case, play), case.profile)


def prepare_advice(wish: AdviseWish) -> Case:
    """Load and check everything. BadInput or RulebookGap where something is wrong or missing."""
    profile = read_profile(wish)
    tries = _tries(wish)
    base = replace(wish.base, paths=PATHS if wish.base.paths is None else wish.base.paths, leverage=None, sweep=())
    ready = prepare(base)
    plan = ready.plan
    if not plan.positions:
        raise BadInput(plan.source, "positions", None, "there is none to give advice on; add a table [[positions]]")
    if len(ready.jobs) != 1:
        raise BadInput(LINE, "--venue", wish.base.venue, "advice is on one venue; name one")
    for symbol in profile.conviction:
        if symbol not in symbols_of(plan):
            raise BadInput(LINE, "--conviction", symbol, f"the account has {', '.join(symbols_of(plan))}")
    planned = len(plan.top_ups)
    if profile.watch is Watch.UNWATCHED:
        plan = without_top_ups(plan)
    job = ready.jobs[0]
    own = job.rulebook.name == plan.venue
    rulebook = with_readings(job.rulebook, plan.readings) if own else job.rulebook
    ground = Ground(plan, rulebook, job.home, ready.marks)
    volumes = hourly_volumes(wish.base, plan, ground)
    return Case(ready._replace(plan=plan), job, ground, profile, tries, volumes, planned)


def read_profile(wish: AdviseWish) -> Profile:
    """Who asks. BadInput names the flag."""
    conviction: dict[str, Conviction] = {}
    for word in wish.conviction:
        symbol, equals, value = (part.strip() for part in word.partition("="))
        if not equals or not symbol:
            raise BadInput(LINE, "--conviction", word, "write SYMBOL=high or SYMBOL=low")
        if symbol in conviction:
            raise BadInput(LINE, "--conviction", symbol, "is given twice; keep one")
        conviction[symbol] = _choice(Conviction, value, "--conviction")
    return Profile(
        limit=_share(wish.limit, "--limit"),
        stop_first=_share(wish.stop_first, "--stop-first"),
        prefer=_choice(Prefer, wish.prefer, "--prefer"),
        watch=_choice(Watch, wish.watch, "--watched"),
        skill=_choice(Skill, wish.skill, "--beginner"),
        conviction=conviction,
    )


def _choice(kind: type[Word], value: str, flag: str) -> Word:
    known = [item.value for item in kind]
    if value not in known:
        near = get_close_matches(value, known, 1)
        raise BadInput(LINE, flag, value, f"did you mean {near[0]}?" if near else f"choose one of {', '.join(known)}")
    return kind(value)


def _share(text: str, flag: str) -> Decimal:
    """A probability above 0 and below 1, also as per cent."""
    word = text.strip()
    with exact():
        value = parse(word.removesuffix("%").strip(), flag, LINE) / (100 if word.endswith("%") else 1)
    if not ZERO < value < ONE:
        raise BadInput(LINE, flag, text, "give a probability above 0 and below 1, such as 5% or 0.05")
    return value


def _tries(wish: AdviseWish) -> Tries:
    def axis(name: str, text: str | None, flag: str) -> tuple[Decimal, ...] | None:
        values = () if text is None else read_axis(name, text, flag)
        return tuple(sorted(value for value in values if value is not None)) or None

    amounts = None
    if wish.top_ups is not None:
        amounts = tuple(parse_positive(part.strip(), "--top-up", LINE) for part in wish.top_ups.split(","))
    return Tries(axis("leverage", wish.base.leverage, "--leverage"), axis("stop", wish.stops, "--stop"), amounts)


def hourly_volumes(base: SimulateWish, plan: Plan, ground: Ground) -> dict[str, Decimal]:
    """Median money traded in an hour, by symbol of the plan, where the history is a file with a column `volume` (in coins) and
    the contract is linear."""
    if base.history is None or not Path(base.history).is_file():
        return {}
    from plimsoll.compare_command import paired
    from plimsoll.plan import match_symbols
    from plimsoll.prices.volumes import read_volumes

    found = match_symbols(plan, ground.rulebook, ground.home).found
    linear = [symbol for symbol, instrument in found.items() if instrument.kind == "linear"]
    renamed = paired(base.symbols, (*symbols_of(plan), *coins_of(plan)))
    return read_volumes(Path(base.history), {symbol: renamed.get(symbol, symbol) for symbol in linear})


def gather(case: Case, play: Play) -> Evidence:
    """All studies and facts. `play` simulates a plan in settings, always on the same paths."""
    plan, ground = case.ready.plan, case.ground
    left_out: list[str] = []
    modes = tuple(dict.fromkeys(setting.mode for setting in case.ready.settings))
    standings = {mode: at for mode in modes if (at := _standing(ground, mode, left_out)) is not None}
    if not standings:
        raise BadInput(plan.source, "account", None, f"it can be played in no mode ({'; '.join(left_out)})")
    ladder, stops = _ladder(case, standings), case.tries.stops or STOPS
    holdings = holdings_of(ground, standings, ladder, case.volumes)
    trials = [_study(play, Change.NONE, plan, [_setting(case, mode) for mode in standings])]
    trials += _alone(case, standings, play, left_out)
    begun = Evidence(trials=tuple(trials), holdings=holdings)
    lifts: list[Lift] = []
    for mode in modes_to_follow(begun, case.profile):
        settings = [*_leverages(case, mode, ladder, left_out), *(_setting(case, mode, stop=stop) for stop in stops)]
        trials.append(_study(play, Change.NONE, plan, settings))
        trials += _smaller(case, mode, standings, play)
        for trial, lift in _topped(case, mode, standings, holdings, play, left_out):
            trials.append(trial)
            lifts += [] if lift is None else [lift]
    source = "from the model's covariance of one step and the values at the start"
    refused = [f"{_words(setting)}: {why}" for trial in trials for setting, why in trial.study.refused]
    return Evidence(
        trials=tuple(trial for trial in trials if trial.study.odds),
        holdings=holdings,
        lifts=tuple(lifts),
        together=together_of(holdings, case.ready.modelled, source),
        assumptions=_assumptions(case, trials[0].study),
        left_out=tuple(dict.fromkeys((*left_out, *refused))),
        top_ups_planned=case.top_ups_planned,
        walls_bound=not plan.top_ups and all(order.reduce_only for order in plan.orders),
    )


def _standing(ground: Ground, mode: PlanMode, left_out: list[str]) -> Standing | None:
    """The plan at rest in a mode; None, and why, where it cannot be had."""
    setting = Setting(ground.rulebook.name, mode)
    at, why = tried(ground, setting)
    if at is None:
        left_out.append(f"{mode.value}: {why}")
    return at


def _study(
    play: Play, change: Change, plan: Plan, settings: Sequence[Setting], of: str = "", amount: Decimal | None = None
) -> Trial:
    return Trial(change, play(plan, settings), of, amount)


def _setting(case: Case, mode: PlanMode, leverage: Decimal | None = None, stop: Decimal | None = None) -> Setting:
    return Setting(case.job.rulebook.name, mode, leverage, stop)


def _words(setting: Setting) -> str:
    more = [f"{show(setting.leverage)}x"] if setting.leverage is not None else []
    more += [f"stop {show(setting.stop * 100)} %"] if setting.stop is not None else []
    return ", ".join([setting.mode.value, *more])


def _ladder(case: Case, standings: dict[PlanMode, Standing]) -> tuple[Decimal, ...]:
    """Leverages to try: those asked for; else ours and the plan's own, as far as the brackets allow."""
    if case.tries.leverages is not None:
        return case.tries.leverages
    legs = [leg for at in standings.values() for leg in at.view.legs]
    caps = [leg.max_leverage for leg in legs if leg.max_leverage is not None]
    own = {p.leverage for p in case.ready.plan.positions}
    return tuple(sorted(x for x in {*LEVERAGES, *own} if not caps or x <= min(caps)))


def _leverages(case: Case, mode: PlanMode, ladder: Sequence[Decimal], left_out: list[str]) -> list[Setting]:
    """The leverages at which the account can stand in a mode. In cross, where leverage asks nothing of a position that is held,
    the ends and the plan's own say as much as all."""
    settings, poor = [], []
    for leverage in ladder:
        setting = _setting(case, mode, leverage)
        at, why = tried(case.ground, setting)
        if at is None:
            poor.append((leverage, why))
        else:
            settings.append(setting)
    if poor:
        told = ", ".join(f"{show(leverage)}x" for leverage, _ in poor)
        left_out.append(f"{mode.value} at {told}: at {show(poor[-1][0])}x {poor[-1][1]}")
    if mode is PlanMode.CROSS and case.tries.leverages is None:
        own = {p.leverage for p in case.ready.plan.positions}
        settings = [s for i, s in enumerate(settings) if i in (0, len(settings) - 1) or s.leverage in own]
    return settings


def _alone(case: Case, standings: dict[PlanMode, Standing], play: Play, left_out: list[str]) -> list[Trial]:
    """Each symbol isolated while the rest is cross, where the venue can hold that."""
    plan = case.ready.plan
    symbols = tuple(dict.fromkeys(p.symbol for p in plan.positions))
    if len(symbols) < 2 or PlanMode.CROSS not in standings:
        return []
    out = []
    for symbol in symbols:
        changed = one_isolated(plan, symbol)
        setting = _setting(case, PlanMode.AS_GIVEN)
        at, why = tried(case.ground, setting, changed)
        if at is None:
            left_out.append(f"{symbol} isolated, the rest cross: {why}")
        else:
            out.append(_study(play, Change.ALONE, changed, [setting], symbol))
    return out


def _smaller(case: Case, mode: PlanMode, standings: dict[PlanMode, Standing], play: Play) -> Iterator[Trial]:
    """The positions at shares of their size, with the same money behind their walls."""
    plan, walls = case.ready.plan, known_walls(case.ground, standings.get(PlanMode.ISOLATED))
    if mode is not PlanMode.CROSS and len(walls) < len(plan.positions):
        return
    for share in SIZES:
        changed = resized(plan, share, {} if mode is PlanMode.CROSS else walls)
        setting = _setting(case, mode)
        if tried(case.ground, setting, changed)[0] is not None:
            yield _study(play, Change.SIZE, changed, [setting], "", share)


def _topped(
    case: Case,
    mode: PlanMode,
    standings: dict[PlanMode, Standing],
    holdings: Sequence[Holding],
    play: Play,
    left_out: list[str],
) -> Iterator[tuple[Trial, Lift | None]]:
    """More money: in cross for all, in isolated for each position that is held."""
    plan, ground = case.ready.plan, case.ground
    setting, asset = _setting(case, mode), holdings[0].asset
    walls = known_walls(ground, standings.get(PlanMode.ISOLATED))
    if mode is PlanMode.ISOLATED:
        if len(walls) < len(plan.positions) or sided(plan):
            left_out.append("more money in isolated: only for positions with an entry_price, in one-way mode")
            return
        for holding in holdings:
            wall = next(money for name, money in walls.items() if name[0] == holding.symbol)
            for amount in case.tries.top_ups or tuple(_cents(wall * part) for part in PARTS):
                changed = topped(plan, holding.asset, amount, holding.symbol, walls)
                lift = lift_of(ground, mode, holding.symbol, amount, changed)
                yield _study(play, Change.TOP_UP, changed, [setting], holding.symbol, amount), lift
    elif plan.wallet.get(asset, ZERO) > 0:
        for amount in case.tries.top_ups or tuple(_cents(plan.wallet[asset] * part) for part in PARTS):
            changed = topped(plan, asset, amount)
            yield _study(play, Change.TOP_UP, changed, [setting], "", amount), None


def _cents(value: Decimal) -> Decimal:
    with exact():
        return max(value.quantize(CENT), CENT)


def _assumptions(case: Case, study: Study) -> tuple[str, ...]:
    """What stands beside the advice."""
    odds = study.odds[0]
    told = (
        case.ready.told,
        case.ready.words,
        *study.model,
        model_told(case.ready.modelled),
        f"{odds.paths} paths of {study.horizon_days:g} days in steps of {study.step_seconds:g} seconds, seed {study.seed}; "
        "every setting on the same paths. Bounds hold 95 times in 100, given the model.",
        *rules_told(case.ground),
        *study.notes,
        NOT_MODELLED,
        NO_PROMISE,
    )
    return tuple(dict.fromkeys(told))
