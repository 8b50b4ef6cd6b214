"""With somebody who sees ahead the player gives what it gives alone: to the last digit, in the same order, at the same times."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plimsoll import engines, play, tape
from plimsoll.account.commands import AddMargin, Deposit
from plimsoll.account.events import MarksSet
from plimsoll.account.state import Venue
from plimsoll.array import quiet
from plimsoll.compare_command import Wish, prepare
from plimsoll.compare_command import run as compare_run
from plimsoll.comparison import compare
from plimsoll.engines import Engine
from plimsoll.errors import BadInput
from plimsoll.model import Account, LegSide, MarginMode, Order, OrderType, Position, PositionMode, Trigger
from plimsoll.plan import TopUp
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.prices.paths import BarPath
from plimsoll.rulebook import Rulebook
from plimsoll.scout import Ahead, Charted
from plimsoll.tape import Played, Unit
from random_accounts import VENUES, D, accounts, rulebook_of, under_regimes

DATA = Path(__file__).parents[3] / "shared" / "data"
HOURLY = DATA / "binance_usdm_1h_mark_funding_12sym_2024-12_2026-02.parquet"
MINUTES = DATA / "binance_usdm_1m_9sym_2025-01-31_2025-02-04.parquet"
START = datetime(2026, 7, 2, tzinfo=UTC)
FRAMES = 60
SEEN: Counter[str] = Counter()


@pytest.fixture(autouse=True, scope="module")
def short() -> Iterator[None]:
    """Few samples and short stretches, so that a short history has what a long one has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(play, "SAMPLES", 10)
        patch.setattr(quiet, "STRETCH", 40)
        yield


def plain(played: Played) -> Played:
    """Without the prices that were set on the way: those are known from the history."""
    told = tuple(t for t in played.told if not isinstance(t.event, MarksSet))
    return msgspec.structs.replace(played, told=told, passed=0)


def bars_of(prices: dict[str, Decimal], seed: int) -> list[dict[str, Bar]]:
    """Bars that mostly move little and now and then much; some symbols miss some."""
    lots = random.Random(seed)
    calm = lots.choice([0.001, 0.004, 0.02])
    holes = lots.choice([0, 0, 0.1])
    own_marks = lots.random() < 0.5
    now = {symbol: float(price) for symbol, price in prices.items()}
    frames = []
    for n in range(FRAMES):
        frame = {}
        burst = lots.choice([1] * 12 + [6])
        for symbol in prices:
            points = [now[symbol]]
            for _ in range(3):
                points.append(points[-1] * (1 + max(-0.5, lots.gauss(0, calm * burst))))
            now[symbol] = points[-1]
            four = [lots.choice([D(1), D(1), D(10)]) * 0 + Decimal(f"{x:.6f}") for x in points]
            last = (four[0], max(four), min(four), four[3])
            shift = D("1.0003") if own_marks else D(1)
            mark = tuple(x * shift for x in last) if own_marks else (None,) * 4
            if n == 0 or lots.random() >= holes:
                frame[symbol] = Bar(*last, *mark)
        frames.append(frame)
    return frames


def history_of(prices: dict[str, Decimal], seed: int) -> History:
    lots = random.Random(seed + 1)
    frames = []
    for n, bars in enumerate(bars_of(prices, seed)):
        paid = n % 8 == 0 and n > 0
        funding = {s: Decimal(round(lots.gauss(0, 0.001), 6)).quantize(D("1e-6")) for s in bars} if paid else {}
        frames.append(Frame(START + timedelta(hours=n), 3600, bars, funding))
    return History("test", tuple(prices), tuple(frames))


def orders_for(account: Account, prices: dict[str, Decimal], book: Rulebook, seed: int) -> tuple[Order, ...]:
    """Stops and limits of the positions, near enough that some are reached, and now and then an order that opens."""
    lots = random.Random(seed + 2)
    found = []
    for n, held in enumerate(account.positions):
        if lots.random() < 0.4:
            continue
        away = D(lots.choice([-1, 1]) * lots.randint(1, 80)) / 1000
        price = (prices[held.symbol] * (1 + away)).quantize(D("1e-6"))
        closes = lots.random() < 0.8
        side = ("sell" if held.size > 0 else "buy") if closes else ("buy" if held.size > 0 else "sell")
        beyond = (away > 0) == (side == "sell")
        if not (closes or account.position_mode is PositionMode.ONE_WAY):
            continue
        if beyond or not closes:
            price = price if beyond else (prices[held.symbol] * (1 - away)).quantize(D("1e-6"))
            found.append(
                Order(str(n), held.symbol, side, abs(held.size), OrderType.LIMIT, price, None, reduce_only=closes, mode=held.mode,
                      position_side=held.side)
            )  # fmt: skip
        else:
            watched = lots.choice([Trigger.MARK, Trigger.LAST])
            found.append(
                Order(str(n), held.symbol, side, abs(held.size), OrderType.STOP_MARKET, None, price, watched, True,
                      held.mode, held.side)
            )  # fmt: skip
    return tuple(found)


def top_ups_for(account: Account, prices: dict[str, Decimal], book: Rulebook, seed: int) -> tuple[TopUp, ...]:
    lots = random.Random(seed + 3)
    found = []
    for held in account.positions:
        if lots.random() < 0.7:
            continue
        asset = book.instruments[held.symbol].settle
        money = abs(account.cash.get(asset, D(1))) + held.isolated_margin + 1
        commands = (Deposit(asset, money), *((AddMargin(held.symbol, money, held.side),) if held.isolated_margin else ()))
        at_price = (prices[held.symbol] * (1 + D(lots.randint(-60, 60)) / 1000)).quantize(D("1e-6"))
        by_time = lots.random() < 0.5
        at = START + timedelta(minutes=lots.randint(60, 60 * FRAMES))
        found.append(TopUp(held.symbol, None if by_time else at_price, at if by_time else None, commands))
    return tuple(found)


def both(account: Account, top_ups: Sequence[TopUp], history: History, book: Rulebook, path: BarPath) -> tuple[Played, Played]:
    venue, unit = Venue(book), Unit("USDT", True)
    alone = play.play(account, (), top_ups, history, venue, path, unit)
    led = play.play(account, (), top_ups, history, venue, path, unit, Ahead(Charted(history), venue, path, unit))
    return alone, led


@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=30, derandomize=True)
@given(st.data())
def test_the_outcome_is_the_same_with_and_without(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    book = data.draw(st.sampled_from(under_regimes(rulebook_of(venue))))
    seed = data.draw(st.integers(0, 2**32))
    path = data.draw(st.sampled_from(list(BarPath)))
    prices = dict(marks.marks)
    if data.draw(st.booleans()):
        account = msgspec.structs.replace(account, orders=orders_for(account, prices, book, seed))
    top_ups = top_ups_for(account, prices, book, seed) if data.draw(st.booleans()) else ()
    try:
        alone, led = both(account, top_ups, history_of(prices, seed), book, path)
    except BadInput:
        assume(False)
    SEEN[venue] += led.passed
    SEEN[f"{venue} runs"] += 1
    SEEN[f"{venue} told"] += len(plain(alone).told)
    one, other = plain(alone), plain(led)
    for field in one.__struct_fields__:
        assert getattr(one, field) == getattr(other, field), field


@pytest.mark.parametrize("venue", VENUES)
def test_much_of_it_was_passed(venue: str) -> None:
    print(venue, {k: v for k, v in SEEN.items() if k.startswith(venue)})
    assert SEEN[venue] > 0
