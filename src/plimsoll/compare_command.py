"""`plimsoll compare` without its flags' syntax: from words on a command line to a Comparison. Reads files; prints nothing."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from plimsoll.account_file import read_account
from plimsoll.collateral_prices import (
    asked_by,
    carriers,
    coins_of,
    counted,
    need_told,
    refuse_unasked,
    refuse_unheld,
    symbols_for,
    unused_notes,
    with_stated,
    without_funding,
)
from plimsoll.command_options import RULES_DAY, RulesDay, read_indexes, read_rules_day
from plimsoll.comparison import Job, Progress, compare, in_symbols, regime_map
from plimsoll.engines import Engine
from plimsoll.errors import BadInput
from plimsoll.plan import Opening, Plan, PlanMode, holds_both_modes, open_plan, symbols_of
from plimsoll.prices.files import file_symbols, read_history
from plimsoll.prices.gaps import Stale, refuse_late, refuse_stale
from plimsoll.prices.history import History
from plimsoll.prices.script import read_script, script_coins, script_names, script_symbols
from plimsoll.prices.times import parse_end, parse_time
from plimsoll.rulebook import Held, Policy, Rulebook, discover, holding, in_force, with_readings
from plimsoll.runs import Comparison, RegimeMap
from plimsoll.table_files import load, load_file, merge

EXAMPLE = "textbook"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for, as words. `rules_as_of`: a date, `nearest` or `in-force`; `symbols`: plan symbol -> the
    prices' symbol, where they differ; `engine`: auto or exact; `held`: what positions are held as; `indexes`: COIN=PRICE, what
    stands behind them and has no prices of its own; `stale`: refuse or carry, where prices stop for long."""

    account: str = EXAMPLE
    prices: str | None = None
    start: str | None = None
    end: str | None = None
    venue: str | None = None
    modes: str = "isolated,cross,as-given"
    rules_as_of: str = "nearest"
    funding: str | None = None
    tables: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    engine: str = Engine.AUTO.value
    held: str = Held.AS_WRITTEN.value
    indexes: tuple[str, ...] = ()
    stale: str = Stale.REFUSE.value


class Ready(NamedTuple):
    """Everything loaded: nothing after this reads a file."""

    plan: Plan
    history: History
    jobs: tuple[Job, ...]
    modes: tuple[PlanMode, ...]
    engine: Engine


def prepare(wish: Wish) -> Ready:
    """Load account, prices and tables. BadInput or RulebookGap where something is wrong or missing."""
    engine, stale = engine_of(wish.engine), stale_of(wish.stale)
    plan = read_account(wish.account)
    renamed = paired(wish.symbols, (*symbols_of(plan), *coins_of(plan)))
    history = load_prices(plan, wish, renamed)
    day, policy = rules_date(wish.rules_as_of, plan, history)
    home = load_rulebook(plan.venue, day, policy, wish.tables, symbols_of(plan) if policy is Policy.IN_FORCE else None)
    books = [
        home if name == plan.venue else load_rulebook(name, day, policy, wish.tables, None) for name in venues(wish.venue, plan)
    ]
    parts = [part for book in books for held in held_as(wish.held) if (part := holding(book, held)) is not None]
    jobs = tuple(Job(part, home) for part in parts)
    if not jobs:
        raise BadInput("command line", "--as", wish.held, "none of these venues has that; name others with --venue")
    modes = modes_of(wish.modes, plan)
    history = _with_coins(plan, wish, history, jobs, modes, renamed)
    refuse_late(history)
    if stale is Stale.REFUSE:
        refuse_stale(history)
    return Ready(plan, history, jobs, modes, engine)


def _with_coins(
    plan: Plan, wish: Wish, history: History, jobs: Sequence[Job], modes: Sequence[PlanMode], renamed: Mapping[str, str]
) -> History:
    """The history, read once more where coins that the plan does not trade stand behind it or are owed, with their prices."""
    stated = read_indexes(wish.indexes)
    coins = asked_by(plan, jobs, modes)
    pegged = asked_by(plan, jobs, modes, counted) or ()
    asked = None if coins is None else (*coins, *pegged)
    refuse_unasked({s: there for s, there in renamed.items() if s not in symbols_of(plan)}, plan, asked, "--symbol")
    refuse_unasked(stated, plan, asked, "--index")
    there = symbols_there(plan, wish.prices)
    found = symbols_for([coin for coin in coins or () if coin not in stated], plan, jobs[0].home, there, renamed)
    found |= {coin: renamed.get(coin, coin) for coin in pegged if coin not in stated and coin in (*renamed, *there)}
    unused = unasked_in(plan, wish.prices, jobs, asked, there)
    if found:
        history = without_funding(load_prices(plan, wish, renamed, found), found)
    history = with_stated(history, stated)
    return replace(history, notes=(*history.notes, *unused_notes(unused)))


def unasked_in(
    plan: Plan, prices: str | None, jobs: Sequence[Job], asked: Collection[str] | None, there: Collection[str]
) -> tuple[str, ...]:
    """Coins of the account whose prices are given there, in a script or as a dollar's, and that nobody asks for. `asked`: as
    `asked_by`. BadInput: a script has the price of a coin that the account has not, or that what is traded tells."""
    if asked is None:
        return ()
    own = {instrument.quote for instrument in jobs[0].home.priced.values()}
    given = [coin for coin in coins_of(plan) if coin in there and coin in own and coin not in symbols_of(plan)]
    scripts = script_names({"scripts": plan.scripts}, plan.source) if plan.scripts else {}
    name = prices if prices is not None else next(iter(scripts), "")
    if name in scripts:
        given = [coin for coin in script_coins({"scripts": plan.scripts}, plan.source, name) if coin not in asked]
        refuse_unheld(given, plan, jobs, f"scripts.{name} in {plan.source}")
    return tuple(coin for coin in given if coin not in asked)


def run(wish: Wish, progress: Progress | None = None) -> Comparison:
    """The comparison that was asked for."""
    ready = prepare(wish)
    return compare(ready.plan, ready.history, ready.jobs, ready.modes, progress=progress, engine=ready.engine)


def engine_of(word: str) -> Engine:
    """BadInput: there is no such engine."""
    known = [engine.value for engine in Engine]
    if word not in known:
        raise BadInput("command line", "--engine", word, _near(word, known))
    return Engine(word)


def stale_of(word: str) -> Stale:
    """BadInput: there is no such choice."""
    known = [stale.value for stale in Stale]
    if word not in known:
        raise BadInput("command line", "--stale", word, _near(word, known))
    return Stale(word)


def held_as(word: str) -> tuple[Held, ...]:
    """What positions are to be held as. BadInput: no such thing."""
    known = [held.value for held in Held]
    asked = [part.strip() for part in word.split(",") if part.strip()]
    for name in asked or [word]:
        if name not in known:
            raise BadInput("command line", "--as", name, _near(name, known))
    return tuple(dict.fromkeys(Held(name) for name in asked))


def venues(word: str | None, plan: Plan) -> tuple[str, ...]:
    """Rulebook names: the plan's own first. `all`: every rulebook there is."""
    if word is None:
        return (plan.venue,)
    known = discover()
    asked = list(known) if word.strip() == "all" else [part.strip() for part in word.split(",") if part.strip()]
    for name in asked:
        if name not in known:
            raise BadInput("command line", "--venue", name, _near(name, known))
    if not asked:
        raise BadInput("command line", "--venue", word, f"name one of {', '.join(known)}, or all")
    return tuple(sorted(dict.fromkeys(asked), key=lambda name: (name != plan.venue, name)))


def modes_of(word: str, plan: Plan) -> tuple[PlanMode, ...]:
    """The modes to play. As given is left out where it is the same as one of the others."""
    known = [mode.value for mode in PlanMode]
    asked = [part.strip() for part in word.split(",") if part.strip()]
    for name in asked:
        if name not in known:
            raise BadInput("command line", "--modes", name, _near(name, known))
    if not asked:
        raise BadInput("command line", "--modes", word, f"name one or more of {', '.join(known)}")
    modes = list(dict.fromkeys(PlanMode(name) for name in asked))
    if holds_both_modes(plan) and PlanMode.AS_GIVEN in modes:
        return (PlanMode.AS_GIVEN,)
    kinds = {position.mode.value for position in plan.positions}
    if len(kinds) == 1 and len(modes) > 1 and PlanMode(next(iter(kinds))) in modes and PlanMode.AS_GIVEN in modes:
        modes.remove(PlanMode.AS_GIVEN)
    return tuple(modes)


def _near(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f"did you mean {close[0]}?" if close else f"name one of {', '.join(known)}"


def paired(words: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """The account's symbols with the names that the prices have for them."""
    pairs = {}
    for word in words:
        here, equals, there = word.partition("=")
        if not equals or not here.strip() or not there.strip():
            raise BadInput("command line", "--symbol", word, "write ACCOUNT_SYMBOL=PRICE_SYMBOL")
        if here.strip() not in known:
            raise BadInput("command line", "--symbol", here.strip(), f"the account has {', '.join(known)}")
        if here.strip() in pairs:
            raise BadInput("command line", "--symbol", here.strip(), "is given twice; keep one")
        pairs[here.strip()] = there.strip()
    return pairs


def symbols_there(plan: Plan, prices: str | None) -> tuple[str, ...]:
    """What the prices hold, a script of the account or a file."""
    scripts = script_names({"scripts": plan.scripts}, plan.source) if plan.scripts else {}
    name = prices if prices is not None else next(iter(scripts), "")
    if name in scripts:
        return script_symbols({"scripts": plan.scripts}, plan.source, name)
    return file_symbols(Path(name))


def load_prices(
    plan: Plan, wish: Wish, renamed: Mapping[str, str], coins: Mapping[str, str] | None = None
) -> History:
    """A script of the account file by its name (the first one where none is named), or a CSV or Parquet file. `coins`: those
    whose prices are read as well, with the prices' symbols."""
    wanted = {symbol: renamed.get(symbol, symbol) for symbol in symbols_of(plan)} | dict(coins or {})
    scripts = script_names({"scripts": plan.scripts}, plan.source) if plan.scripts else {}
    name = wish.prices if wish.prices is not None else next(iter(scripts), None)
    if name is None:
        cure = "the account file has no scripts; name a CSV or Parquet file with --prices"
        raise BadInput("command line", "--prices", None, cure)
    if name in scripts:
        if wish.start is not None or wish.end is not None:
            raise BadInput("command line", "--from/--to", None, f"{name} is a script and is played whole; leave them out")
        if wish.funding is not None:
            raise BadInput("command line", "--funding", wish.funding, f"{name} is a script and has its own; leave it out")
        return read_script({"scripts": plan.scripts}, plan.source, name, wanted)
    path = Path(name)
    if not path.exists():
        cure = f"is neither a file nor a script of {plan.source}" + (f" ({', '.join(scripts)})" if scripts else "")
        raise BadInput("command line", "--prices", name, cure)
    return read_history(
        path,
        wanted,
        None if wish.start is None else parse_time(wish.start, "--from", "command line"),
        None if wish.end is None else parse_end(wish.end, "--to", "command line"),
        None if wish.funding is None else Path(wish.funding),
    )


def rules_date(word: str, plan: Plan, history: History | None) -> RulesDay:
    """The day whose rules apply, and what to do where no table is in force. A date that is named counts; otherwise the
    account file's, otherwise the day the prices begin."""
    begun = None if history is None else history.frames[0].time.date()
    day = begun if word == Policy.IN_FORCE and begun is not None else plan.rules_as_of or begun
    return read_rules_day(word, day, "command line", RULES_DAY)


def load_rulebook(
    name: str, day: date, policy: Policy, tables: Sequence[str], symbols: Sequence[str] | None
) -> Rulebook:
    """A venue's rulebook of a day, with the user's own table files laid over the bundled one."""
    table = load(name)
    for file in tables:
        own = load_file(Path(file))
        if own.name == name:
            table = merge(table, own)
    return in_force(table, day, policy, symbols)


def map_of(ready: Ready, symbol: str) -> RegimeMap:
    """The regime map of one symbol of the account at the first venue, the others going where the prices end. The account's
    scripts are marked on it by name. BadInput: not a symbol of the account, or not one that the venue can play."""
    plan, (rulebook, home) = ready.plan, ready.jobs[0]
    if symbol not in symbols_of(plan):
        raise BadInput("command line", "--map", symbol, f"the account has {', '.join(symbols_of(plan))}")
    opening = open_plan(plan, rulebook, home, ready.modes[0])
    absent = {skipped.symbol: skipped.reason for skipped in opening.skipped}
    if symbol in absent:
        playable = ", ".join(s for s in opening.symbols if s not in absent) or "none"
        raise BadInput("command line", "--map", symbol, f"it cannot be played: {absent[symbol]}; there are {playable}")
    names = opening.symbols | carriers(ready.history.symbols, plan, opening, rulebook)
    history, _ = in_symbols(ready.history, names)
    need_told(opening, rulebook, history.symbols, history.source)
    first = history.frames[0]
    ends = {s: bar for frame in history.frames for s, bar in frame.bars.items()}
    prices = {s: (first.bars[s].open, ends[s].close) for s in names.values()}
    named = {}
    for name in script_names({"scripts": plan.scripts}, plan.source) if plan.scripts else {}:
        told = read_script({"scripts": plan.scripts}, plan.source, name)
        if symbol not in told.symbols:
            continue
        start = told.frames[0].bars[symbol].open
        lows = [f.bars[symbol].low for f in told.frames if symbol in f.bars]
        named[name] = (1 - min(lows) / start, told.frames[-1].bars[symbol].close / start)
    falls = [Decimal(n) / 50 for n in range(31)]
    finals = [Decimal(n) / 50 for n in range(20, 61)]
    here = at_venue(plan, opening, rulebook.name)
    read = with_readings(rulebook, plan.readings) if rulebook.name == plan.venue else rulebook
    return regime_map(here, read, opening.symbols[symbol], prices, falls, finals, named)


def at_venue(plan: Plan, opening: Opening, venue: str) -> Plan:
    """What of the plan `opening` can play at `venue`, written in the venue's own symbols and with the fees it has there."""
    names = opening.symbols
    return replace(
        plan,
        venue=venue,
        fees=opening.account.fees,
        positions=tuple(replace(p, symbol=names[p.symbol]) for p in plan.positions if p.symbol in names),
        orders=tuple(replace(o, symbol=names[o.symbol]) for o in plan.orders if o.symbol in names),
        top_ups=tuple(replace(t, symbol=names[t.symbol]) for t in plan.top_ups if t.symbol in names),
    )
