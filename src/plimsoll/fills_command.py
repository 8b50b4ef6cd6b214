"""`plimsoll compare --fills` without its flags' syntax: from words on a command line to a Comparison. Reads files; prints
nothing."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec

from plimsoll.account_file import read_holdings
from plimsoll.command_options import RULES_DAY, read_rules_day
from plimsoll.compare_command import EXAMPLE, Wish, engine_of, load_prices, load_rulebook, modes_of, paired, stale_of, venues
from plimsoll.comparison import Job, Progress
from plimsoll.errors import BadInput
from plimsoll.fills_file import FillsFile, leverage_in, read_fills
from plimsoll.fills_plan import Book, Leverages, book_of, plan_of, settles
from plimsoll.fills_prices import covered
from plimsoll.fills_run import survive
from plimsoll.number import parse_positive
from plimsoll.plan import Plan, PlanMode, symbols_of
from plimsoll.prices.gaps import Stale, refuse_stale
from plimsoll.prices.history import History
from plimsoll.rulebook import Policy, discover
from plimsoll.runs import Comparison

LINE = "command line"


class FillsWish(msgspec.Struct, frozen=True, kw_only=True):
    """What the user asked for, as words. `base`: what every comparison has (its account may be the example: then there is
    none); `wallet`: 1000, or USDT=1000,BTC=0.5; `strategy`: of an export of several."""

    base: Wish
    fills: str
    wallet: str | None = None
    leverage: str | None = None
    strategy: str | None = None


class FillsReady(NamedTuple):
    """Everything loaded: nothing after this reads a file."""

    plan: Plan
    book: Book
    history: History
    jobs: tuple[Job, ...]
    modes: tuple[PlanMode, ...]


def prepare_fills(wish: FillsWish) -> FillsReady:
    """Load fills, account, prices and tables. Fills are replayed exactly, whichever engine is asked for. BadInput or
    RulebookGap where something is wrong or missing."""
    base = wish.base
    engine_of(base.engine)
    stale = stale_of(base.stale)
    if base.indexes:
        raise BadInput(LINE, "--index", base.indexes[0], "does not go with --fills; leave it out")
    account = None if base.account == EXAMPLE else _holdings(base.account)
    if account is None and (base.prices is None or not Path(base.prices).exists()):
        cure = "name the recorded prices that the fills are replayed on, a CSV or Parquet file"
        raise BadInput(LINE, "--prices", base.prices, cure if base.prices is None else f"there is no such file; {cure}")
    file = read_fills(Path(wish.fills), wish.strategy)
    home, asked = _venues(base.venue, account)
    begun = file.rows[0].time.date()
    stated = account.rules_as_of if account is not None else None
    known = begun if base.rules_as_of == Policy.IN_FORCE else stated or begun
    day, policy = read_rules_day(base.rules_as_of, known, LINE, RULES_DAY)
    own = load_rulebook(home, day, policy, base.tables, None)
    book = book_of(file, own, account, _leverages(wish, account))
    wallet, told = _wallet(wish.wallet, account, file, settles(book, own))
    book = book._replace(notes=(*book.notes, *told))
    plan = plan_of(file, book, home, wallet, account)
    history = load_prices(plan, base, paired(base.symbols, symbols_of(plan)))
    if stale is Stale.REFUSE:
        refuse_stale(covered(book.fills, history, plan.source, bool(book.left)))
    names = (home,) if asked is None else venues(asked, plan)
    jobs = tuple(Job(own if name == home else load_rulebook(name, day, policy, base.tables, None), own) for name in names)
    return FillsReady(plan, book, history, jobs, _modes(base.modes, plan))


def run_fills(wish: FillsWish, progress: Progress | None = None) -> Comparison:
    """The replay that was asked for."""
    plan, book, history, jobs, modes = prepare_fills(wish)
    return survive(plan, book, history, jobs, modes, progress=progress)


def _holdings(account: str) -> Plan:
    """An account file as what is there before the first fill: money, settings, and positions with their entries."""
    plan = read_holdings(account)
    for section in ("orders", "top_ups"):
        if getattr(plan, section):
            cure = "the fills say what was traded; leave it (and [[stops]]) out"
            raise BadInput(plan.source, section, None, cure)
    for planned in plan.positions:
        if planned.entry_price is None:
            cure = f"is missing for {planned.symbol}: what is held before the first fill has been entered already; add it"
            raise BadInput(plan.source, "positions entry_price", None, cure)
    return plan


def _venues(word: str | None, account: Plan | None) -> tuple[str, str | None]:
    """(the venue whose words and fees the file has, the venues asked for): the account's, else the first that is named."""
    named = [part.strip() for part in (word or "").split(",") if part.strip()]
    asked = "all" if "all" in named else ",".join(named) or None
    if account is not None:
        return account.venue, asked
    if not named or named[0] == "all":
        cure = f"name the venue that the fills are of, one of {', '.join(discover())}; others, or all, after a comma"
        raise BadInput(LINE, "--venue", word, cure)
    if named[0] not in discover():
        raise BadInput(LINE, "--venue", named[0], f"name one of {', '.join(discover())}")
    return named[0], asked


def _leverages(wish: FillsWish, account: Plan | None) -> Leverages:
    of_symbol: dict[str, Decimal] = {}
    if account is not None:
        of_symbol = {**{p.symbol: p.leverage for p in account.positions}, **account.leverages}
    return Leverages(of_symbol, leverage_in(wish.leverage, "--leverage", LINE))


def _wallet(
    word: str | None, account: Plan | None, file: FillsFile, assets: tuple[str, ...]
) -> tuple[Mapping[str, Decimal], tuple[str, ...]]:
    """(the starting money, what is told of it): of the command line, else of the account, else of the file itself."""
    if word is not None and account is not None:
        raise BadInput(LINE, "--wallet", word, f"{account.source} says it as well; keep one of the two")
    if account is not None:
        return account.wallet, ()
    if word is None:
        if not file.wallet:
            cure = f"say what was there before the first fill, such as --wallet {assets[0]}=1000"
            raise BadInput(LINE, "--wallet", None, cure)
        money = ", ".join(f"{amount} {asset}" for asset, amount in file.wallet.items())
        return file.wallet, (f"the wallet is the backtest's own starting balance: {money}",)
    parts = [part.strip() for part in word.split(",")]
    if len(parts) == 1 and "=" not in word:
        if len(assets) > 1:
            cure = f"the fills settle in {', '.join(assets)}; write --wallet {assets[0]}={word},{assets[1]}=..."
            raise BadInput(LINE, "--wallet", word, cure)
        return {assets[0]: parse_positive(word, "--wallet", LINE)}, ()
    found: dict[str, Decimal] = {}
    for part in parts:
        asset, equals, amount = part.partition("=")
        if not equals or not asset.strip():
            raise BadInput(LINE, "--wallet", part, "write ASSET=AMOUNT, several with commas")
        if asset.strip() in found:
            raise BadInput(LINE, "--wallet", asset.strip(), "stands here twice; keep one")
        found[asset.strip()] = parse_positive(amount, f"--wallet {asset.strip()}", LINE)
    return found, ()


def _modes(word: str, plan: Plan) -> tuple[PlanMode, ...]:
    """Cross, isolated or both: a file of fills says nothing of its own modes."""
    asked = tuple(mode for mode in modes_of(word, plan) if mode is not PlanMode.AS_GIVEN)
    if not asked:
        raise BadInput(LINE, "--modes", word, "fills are replayed in cross, in isolated, or in both")
    return asked
