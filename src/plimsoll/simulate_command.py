"""`plimsoll simulate` without its flags' syntax: from words on a command line to a Study. Reads files; prints nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from plimsoll.account_file import read_account
from plimsoll.collateral_prices import (
    asked_by,
    coins_of,
    counted,
    refuse_unasked,
    symbols_for,
    unused_notes,
    without_funding,
)
from plimsoll.command_options import RULES_DAY, RulesDay, read_indexes, read_marks, read_rules_day
from plimsoll.compare_command import EXAMPLE, load_rulebook, modes_of, paired, symbols_there, unasked_in, venues
from plimsoll.comparison import Job
from plimsoll.errors import BadInput
from plimsoll.model_choice import KINDS, ModelChoice, build, choice_words, read_model_table, read_model_words, with_still
from plimsoll.number import parse_positive, show
from plimsoll.plan import Plan, symbols_of
from plimsoll.prices.files import read_history
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.prices.script import read_script, script_names, script_symbols
from plimsoll.prices.times import parse_end, parse_step, parse_time
from plimsoll.rulebook import Policy, Rulebook
from plimsoll.studies import Ask, Setting, Study
from plimsoll.sweeps import AXES, read_sweep, settings_of

if TYPE_CHECKING:
    from plimsoll.model_choice import Modelled

LINE = "command line"
PATHS, SWEEP_PATHS = 10_000, 2_000
"""Paths, unless said: of a few settings, and of a grid."""
FEW = 6
MOST_PATHS = 1_000_000_000
MOST_SEED = 2**63
Progress = Callable[[int, int], None]


class SimulateWish(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for, as words. `model`: words or a TOML file; `history`: a file or a script of the account;
    `sweep`: axes such as leverage=2:50; `symbols`: plan symbol or coin -> the prices' symbol, where they differ; `indexes`:
    COIN=PRICE, what stands behind them and stands still."""

    account: str = EXAMPLE
    model: str | None = None
    history: str | None = None
    start: str | None = None
    end: str | None = None
    marks: tuple[str, ...] = ()
    horizon: str = "30d"
    paths: int | None = None
    seed: int = 1
    venue: str | None = None
    modes: str = "isolated,cross,as-given"
    leverage: str | None = None
    sweep: tuple[str, ...] = ()
    width: str | None = None
    threads: int = 0
    straight: bool = False
    rules_as_of: str = "nearest"
    funding: str | None = None
    tables: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()


class Ready(NamedTuple):
    """Everything loaded and fitted: nothing after this reads a file. `words`: the model that was chosen, `told`: where the
    prices start, a sentence each."""

    plan: Plan
    jobs: tuple[Job, ...]
    settings: tuple[Setting, ...]
    modelled: "Modelled"
    marks: dict[str, Decimal]
    ask: Ask
    words: str
    told: str


def parted(words: Sequence[str], sweep: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The account, and the axes of a sweep: what stands after `--sweep` without being an option's value lands among the words.

    >>> parted(["stop=1%:20%", "my.toml"], ["leverage=2:50"])
    ('my.toml', ('leverage=2:50', 'stop=1%:20%'))
    """
    axes = [word for word in words if word.partition("=")[0] in AXES]
    accounts = [word for word in words if word not in axes]
    if axes and not sweep:
        raise BadInput(LINE, "ACCOUNT", axes[0], f"write --sweep {axes[0]}")
    for word in accounts:
        if "=" in word and not Path(word).exists():
            cure = "is no file; the words of a model stand in quotes: --model \"student freedom=4\""
            raise BadInput(LINE, "ACCOUNT", word, cure)
    if len(accounts) > 1:
        raise BadInput(LINE, "ACCOUNT", accounts[1], "name one account at a time")
    return accounts[0] if accounts else EXAMPLE, (*sweep, *axes)


def prepare(wish: SimulateWish) -> Ready:
    """Load account, history and tables, fit the model. BadInput or RulebookGap where something is wrong or missing."""
    plan = read_account(wish.account)
    settings = settings_of(
        venues(wish.venue, plan), modes_of(wish.modes, plan), read_sweep(wish.sweep, wish.leverage)
    )
    ask = _ask(wish, len(settings))
    choice = _choice(wish, plan)
    renamed = paired(wish.symbols, (*symbols_of(plan), *coins_of(plan)))
    history = _history(wish, plan, renamed)
    if history is None and not choice.volatility:
        cure = f"{choice.kind} is fitted to prices: name a CSV or Parquet file, or state volatility in the model"
        raise BadInput(LINE, "--history", None, cure)
    day, policy = _rules_day(wish, plan, history)
    home = load_rulebook(plan.venue, day, policy, wish.tables, symbols_of(plan) if policy is Policy.IN_FORCE else None)
    jobs = tuple(
        Job(home if name == plan.venue else load_rulebook(name, day, policy, wish.tables, None), home)
        for name in dict.fromkeys(setting.venue for setting in settings)
    )
    modes, still = tuple(dict.fromkeys(setting.mode for setting in settings)), read_indexes(wish.indexes)
    asked, pegged = asked_by(plan, jobs, modes), asked_by(plan, jobs, modes, counted) or ()
    every = None if asked is None else (*asked, *pegged)
    refuse_unasked({coin: there for coin, there in renamed.items() if coin not in symbols_of(plan)}, plan, every, "--symbol")
    refuse_unasked(still, plan, every, "--index")
    there = () if history is None else symbols_there(plan, wish.history)
    priced = [coin for coin in pegged if coin in renamed or coin in there or coin in choice.volatility]
    coins = tuple(coin for coin in (*(asked or ()), *priced) if coin not in still)
    unused = _unused(wish, plan, jobs, every, there)
    history = _with_coins(wish, plan, history, coins, home, renamed)
    still |= {coin: price for coin, price in _scripted(wish, plan, pegged).items() if coin not in (*coins, *still)}
    marks, told = _start(wish, plan, history, (*symbols_of(plan), *coins))
    modelled = with_still(build(choice, symbols_of(plan), history, ask.horizon_seconds, coins), still)
    modelled = modelled._replace(notes=(*modelled.notes, *unused_notes(unused)))
    step = modelled.path.step_seconds
    if ask.horizon_seconds % step:
        cure = f"is no whole number of the model's steps of {step:g} seconds; give a multiple, or another step=..."
        raise BadInput(LINE, "--horizon", wish.horizon, cure)
    return Ready(plan, jobs, settings, modelled, marks | still, ask, choice_words(choice), told)


def _unused(
    wish: SimulateWish, plan: Plan, jobs: Sequence[Job], asked: Collection[str] | None, there: Collection[str]
) -> tuple[str, ...]:
    """Coins whose prices are given, in the history or in the script that the paths start from, and that nobody asks for."""
    name = wish.history if wish.history is not None else _first_script(wish, plan)
    return () if name is None else unasked_in(plan, name, jobs, asked, there)


def _first_script(wish: SimulateWish, plan: Plan) -> str | None:
    """The script whose beginning the paths start from, where neither a history nor marks are given."""
    scripts = script_names({"scripts": plan.scripts}, plan.source) if plan.scripts else {}
    return None if wish.history is not None or wish.marks else next(iter(scripts), None)


def _scripted(wish: SimulateWish, plan: Plan, coins: Sequence[str]) -> dict[str, Decimal]:
    """The prices of those of the coins that the script has where the paths start from it: they stand still."""
    name, data = _first_script(wish, plan), {"scripts": plan.scripts}
    there = () if name is None else script_symbols(data, plan.source, name)
    known = {coin: coin for coin in coins if coin in there}
    if name is None or not known:
        return {}
    return {coin: bar.open for coin, bar in read_script(data, plan.source, name, known).frames[0].bars.items()}


def _with_coins(
    wish: SimulateWish, plan: Plan, history: History | None, coins: Sequence[str], home: Rulebook, renamed: Mapping[str, str]
) -> History | None:
    """The history, read once more where coins that the plan does not trade stand behind it or are owed, with their prices."""
    if history is None or not coins:
        return history
    found = symbols_for(coins, plan, home, symbols_there(plan, wish.history), renamed)
    for coin in coins:
        if coin not in found:
            cure = (
                f"backs the account or is owed, and has no prices there; name them with --symbol {coin}=PRICE_SYMBOL, or let "
                f"one stand still with --index {coin}=PRICE"
            )
            raise BadInput(history.source, coin, None, cure)
    again = _history(wish, plan, renamed, found)
    assert again is not None
    return without_funding(again, found)


def run_study(ready: Ready, progress: Progress | None = None) -> Study:
    """The study that was asked for, and in words what its prices are made of and where they start."""
    from plimsoll.simulation import simulate

    study = simulate(ready.plan, ready.jobs, ready.settings, ready.modelled, ready.marks, ready.ask, progress)
    return replace(study, model=(ready.words, *study.model), notes=(ready.told, *study.notes))


def _ask(wish: SimulateWish, settings: int) -> Ask:
    width = None if wish.width is None else float(parse_positive(wish.width, "--width", LINE))
    if width is not None and width >= 1:
        raise BadInput(LINE, "--width", wish.width, "give the width of a probability's interval, below 1, such as 0.01")
    paths = wish.paths if wish.paths is not None else PATHS if settings <= FEW else SWEEP_PATHS
    if not 1 <= paths <= MOST_PATHS:
        raise BadInput(LINE, "--paths", paths, f"give a whole number from 1 to {MOST_PATHS}")
    if not 0 <= wish.seed < MOST_SEED:
        raise BadInput(LINE, "--seed", wish.seed, f"give a whole number from 0 to {MOST_SEED - 1}")
    if not 0 <= wish.threads <= 1024:
        raise BadInput(LINE, "--threads", wish.threads, "give how many, or 0 for as many as there are cores")
    seconds = parse_step(wish.horizon, "--horizon", LINE)
    return Ask(
        horizon_seconds=float(seconds), paths=paths, seed=wish.seed, width=width, threads=wish.threads, straight=wish.straight
    )


def _choice(wish: SimulateWish, plan: Plan) -> ModelChoice:
    """The model that was named, else the account's own."""
    if wish.model is not None:
        return read_model_words(wish.model.split())
    if plan.model:
        return read_model_table(plan.model, plan.source)
    cure = f"the account file has no table [model]; name one of {', '.join(KINDS)}, or a TOML file"
    raise BadInput(LINE, "--model", None, cure)


def _history(
    wish: SimulateWish, plan: Plan, renamed: Mapping[str, str], coins: Mapping[str, str] | None = None
) -> History | None:
    """What to fit to and to start from: a script of the account by its name, a file, or nothing. `coins`: those whose
    prices are read as well, with the history's symbols."""
    name = wish.history
    flags = (("--from", wish.start), ("--to", wish.end), ("--funding", wish.funding))
    if name is None:
        for flag, value in flags:
            if value is not None:
                raise BadInput(LINE, flag, value, "goes with --history; name a file of prices, or leave it out")
        return None
    wanted = {symbol: renamed.get(symbol, symbol) for symbol in symbols_of(plan)} | dict(coins or {})
    scripts = script_names({"scripts": plan.scripts}, plan.source) if plan.scripts else {}
    if name in scripts:
        for flag, value in flags:
            if value is not None:
                raise BadInput(LINE, flag, value, f"{name} is a script and is taken whole; leave it out")
        return read_script({"scripts": plan.scripts}, plan.source, name, wanted)
    if not Path(name).exists():
        cure = f"is neither a file nor a script of {plan.source}" + (f" ({', '.join(scripts)})" if scripts else "")
        raise BadInput(LINE, "--history", name, cure)
    return read_history(
        Path(name),
        wanted,
        None if wish.start is None else parse_time(wish.start, "--from", LINE),
        None if wish.end is None else parse_end(wish.end, "--to", LINE),
        None if wish.funding is None else Path(wish.funding),
    )


def _start(
    wish: SimulateWish, plan: Plan, history: History | None, symbols: Sequence[str]
) -> tuple[dict[str, Decimal], str]:
    """Where the paths start: the marks that were given, else where the history ends, else where the account's first script
    begins; and which it was. `symbols`: the plan's, and coins. BadInput: one without a price."""
    scripts = script_names({"scripts": plan.scripts}, plan.source) if plan.scripts else {}
    if wish.marks:
        marks, where = read_marks(wish.marks, {symbol: symbol for symbol in symbols}), "as given"
    elif history is not None:
        marks, where = _last(history.frames, symbols), f"where {history.source} ends"
    elif scripts:
        name = next(iter(scripts))
        there = set(script_symbols({"scripts": plan.scripts}, plan.source, name))
        known = {symbol: symbol for symbol in symbols if symbol in there}
        first = read_script({"scripts": plan.scripts}, plan.source, name, known).frames[0].bars if known else {}
        marks = {symbol: first[symbol].open for symbol in symbols if symbol in first}
        where = f"where the script {name} begins"
    else:
        marks, where = {}, ""
    for symbol in symbols:
        if symbol not in marks:
            more = "" if symbol in symbols_of(plan) else f", or let it stand still with --index {symbol}=PRICE"
            cure = f"has no price to start from; add --marks {symbol}=PRICE, or --history{more}"
            raise BadInput(LINE, "--marks", symbol, cure)
    prices = ", ".join(f"{symbol} {show(marks[symbol])}" for symbol in symbols)
    return marks, f"Prices start {where}: {prices}."


def _last(frames: Sequence[Frame], symbols: Sequence[str]) -> dict[str, Decimal]:
    """The last price of each symbol, its mark where it has one; nothing of a symbol that is not in the last frame."""
    bars = frames[-1].bars
    return {symbol: _close(bars[symbol]) for symbol in symbols if symbol in bars}


def _close(bar: Bar) -> Decimal:
    return bar.close if bar.mark_close is None else bar.mark_close


def _rules_day(wish: SimulateWish, plan: Plan, history: History | None) -> RulesDay:
    """The day whose rules apply: the one named, else the account file's, else the day on which the history ends."""
    end = None
    if history is not None:
        frame = history.frames[-1]
        end = (frame.time + timedelta(seconds=frame.seconds)).date()
    day = end if wish.rules_as_of == Policy.IN_FORCE and end is not None else plan.rules_as_of or end
    return read_rules_day(wish.rules_as_of, day, LINE, RULES_DAY)
