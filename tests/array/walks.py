"""One path played twice, by the compiled walk and by the exact machine, and what each says happened."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from plimsoll import indexes
from plimsoll.account.commands import AddMargin, Command, Deposit
from plimsoll.account.events import Deposited, MarginMoved, Reduced, TakenOver, Traded
from plimsoll.account.state import Environment, Venue
from plimsoll.array import ladder, watches
from plimsoll.array.between import no_road
from plimsoll.array.desk import EVENT_RECORD, Laid, Told, Watch, copied, lay_desk, new_tally
from plimsoll.array.readback import account_of
from plimsoll.array.study import walker_of
from plimsoll.indexes import teller_of
from plimsoll.kept import kept_folder
from plimsoll.model import Account
from plimsoll.number import ONE
from plimsoll.plan import TopUp
from plimsoll.play import play
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.prices.paths import BarPath
from plimsoll.rulebook import Rulebook
from plimsoll.tape import Played, Unit

HOUR = ONE
"""Of a row: what debts grow by, as in the exact player."""
START = datetime(2026, 7, 2, tzinfo=UTC)


class Walked(NamedTuple):
    code: int
    tally: Any
    log: Any
    held: Any


@cache
def kernel(venue: str) -> Any:
    return walker_of(venue, kept_folder())


def tellers_of(account: Account, symbols: Sequence[str], rulebook: Rulebook) -> dict[str, str]:
    """Whose mark tells a coin's price, as the exact player has it, also of coins that stand inside positions."""
    assets = {i.settle for s, i in rulebook.instruments.items() if s in symbols} | set(account.cash) | set(account.borrowed)
    found = {asset: teller_of(asset, dict.fromkeys(symbols, ONE), rulebook) for asset in assets}
    told = {asset: symbol for asset, symbol in found.items() if symbol is not None}
    return told | indexes.tellers_of(account, dict.fromkeys(symbols, ONE), rulebook)


def columns(laid: Laid, marks: np.ndarray, tellers: dict[str, str]) -> np.ndarray:
    """Marks with the prices of coins behind them."""
    extra = [marks[:, laid.symbols.index(tellers[c])] if tellers[c] else np.ones(len(marks)) for c in laid.coins]
    return np.ascontiguousarray(np.column_stack([marks, *extra]))


def walked(
    account: Account,
    rulebook: Rulebook,
    symbols: Sequence[str],
    marks: np.ndarray,
    funding: np.ndarray,
    top_ups: Sequence[Watch] = (),
) -> tuple[Laid, Walked]:
    tellers = tellers_of(account, symbols, rulebook)
    laid = lay_desk(account, rulebook, symbols, Told(tellers, "USDT", True), top_ups, None, HOUR)
    held, tally, log = copied(laid.held), new_tally(), np.zeros(4096, EVENT_RECORD)
    table = columns(laid, marks, tellers)
    road, due = no_road(len(symbols)), np.any(funding != 0, axis=1)
    code = kernel(rulebook.name)(laid.desk, held, road, table, table, funding, due, 0, tally, log)
    return laid, Walked(code, tally[0], log, held)


def history_of(symbols: Sequence[str], marks: np.ndarray, funding: np.ndarray) -> History:
    frames = []
    for k, (row, rates) in enumerate(zip(marks, funding, strict=True)):
        prices = [Decimal(float(x)) for x in row]
        bars = {s: Bar(x, x, x, x, x, x, x, x) for s, x in zip(symbols, prices, strict=True)}
        paid = {s: Decimal(float(r)) for s, r in zip(symbols, rates, strict=True) if r != 0}
        frames.append(Frame(START + timedelta(hours=k), 0, bars, paid))
    return History("test", tuple(symbols), tuple(frames))


def planned(watch: Watch) -> TopUp:
    """The same top-up in the words of the exact player; rows of prices are hours, and prices floats."""
    commands: tuple[Command, ...] = (Deposit(watch.asset, watch.amount),) if watch.fresh else ()
    if watch.leg is not None:
        commands += (AddMargin(watch.leg.symbol, watch.amount, watch.leg.side),)
    at = START + timedelta(hours=watch.step) if watch.level is None else None
    level = None if watch.level is None else Decimal(float(watch.level))
    return TopUp(watch.symbol, level, at, commands)


def played(
    account: Account,
    rulebook: Rulebook,
    symbols: Sequence[str],
    marks: np.ndarray,
    funding: np.ndarray,
    top_ups: Sequence[Watch] = (),
) -> Played:
    venue = Venue(rulebook, Environment())
    unit = Unit(rulebook.instruments[symbols[0]].quote, True)
    history, added = history_of(symbols, marks, funding), [planned(watch) for watch in top_ups]
    return play(account, (), added, history, venue, BarPath.SYNCHRONISED, unit, figures=False)


class Happened(NamedTuple):
    kind: int
    leg: str
    time: float
    price: float
    amount: float


def happenings(played: Played, rulebook: Rulebook) -> list[Happened]:
    """Forced closes, takeovers, orders that closed and money added, as the exact machine told them."""
    kinds = {Reduced: ladder.REDUCED, TakenOver: ladder.TAKEN, Traded: ladder.FILLED}
    out = []
    for told in played.told:
        time = (told.time - START) / timedelta(hours=1)
        if isinstance(told.event, Deposited):
            out.append(Happened(watches.PUT_IN, "", time, 0.0, float(told.event.amount)))
        if isinstance(told.event, MarginMoved) and told.event.why == "user":
            out.append(Happened(watches.MOVED, str(told.event.leg), time, 0.0, float(told.event.amount)))
        if type(told.event) in kinds:
            event: Any = told.event
            amount = float(event.size * rulebook.instruments[event.leg.symbol].multiplier)
            out.append(Happened(kinds[type(event)], str(event.leg), time, float(event.price), amount))
    return out


def logged(laid: Laid, walked: Walked) -> list[Happened]:
    rows = walked.log[: walked.tally["events"]]
    return [
        Happened(
            int(r["kind"]),
            str(laid.keys[r["leg"]]) if r["leg"] >= 0 else "",
            r["step"] - 1 + r["part"],
            float(r["price"]),
            float(r["amount"]),
        )
        for r in rows
        if r["kind"] != ladder.CANCELLED
    ]


def final(laid: Laid, walked: Walked) -> Account:
    return account_of(laid, walked.held)
