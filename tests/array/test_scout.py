"""With somebody who sees ahead the player gives what it gives alone: to the last digit, in the same order, at the same times.

A machine that finds something at prices that were called quiet asserts; what it is not asked at is compared here."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plimsoll import engines, play
from plimsoll.account.commands import AddMargin, Deposit
from plimsoll.account.events import MarksSet
from plimsoll.account.state import Venue
from plimsoll.array import quiet
from plimsoll.compare_command import Wish, prepare
from plimsoll.comparison import compare
from plimsoll.engines import Engine
from plimsoll.errors import BadInput
from plimsoll.model import Account, LegSide, MarginMode, Order, OrderType, Position, PositionMode, Trigger
from plimsoll.plan import TopUp
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.prices.paths import BarPath, waypoints
from plimsoll.report.as_json import to_json
from plimsoll.rulebook import Rulebook, all_readings
from plimsoll.runs import Comparison
from plimsoll.scout import Ahead, Charted
from plimsoll.tape import Played, Unit
from random_accounts import VENUES, D, accounts, rulebook_of, under_regimes

DATA = Path(__file__).parents[3] / "shared" / "data"
HOURLY = DATA / "binance_usdm_1h_mark_funding_12sym_2024-12_2026-02.parquet"
MINUTES = DATA / "binance_usdm_1m_9sym_2025-01-31_2025-02-04.parquet"
START = datetime(2026, 7, 2, tzinfo=UTC)
FRAMES = 60
TOLD = Unit("USDT", True)
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
            four = [Decimal(f"{x:.6f}") for x in points]
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


def orders_for(account: Account, prices: dict[str, Decimal], seed: int) -> tuple[Order, ...]:
    """Stops and limits of the positions, near enough that some are reached, and now and then an order that opens."""
    lots = random.Random(seed + 2)
    found = []
    for n, held in enumerate(account.positions):
        if lots.random() < 0.4:
            continue
        away = D(lots.choice([-1, 1]) * lots.randint(1, 80)) / 1000
        price = (prices[held.symbol] * (1 + away)).quantize(D("1e-6"))
        closes = lots.random() < 0.6
        side = ("sell" if held.size > 0 else "buy") if closes else ("buy" if held.size > 0 else "sell")
        beyond = (away > 0) == (side == "sell")
        if not (closes or account.position_mode is PositionMode.ONE_WAY):
            continue
        if beyond or not closes:
            price = price if beyond else (prices[held.symbol] * (1 - away)).quantize(D("1e-6"))
            found.append(
                Order(str(n), held.symbol, side, abs(held.size), OrderType.LIMIT, price, None, Trigger.MARK, closes,
                      held.mode, held.side)
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


def both(
    account: Account,
    top_ups: Sequence[TopUp],
    history: History,
    book: Rulebook,
    path: BarPath,
    unit: Unit = TOLD,
) -> tuple[Played, Played]:
    venue = Venue(book)
    alone = play.play(account, (), top_ups, history, venue, path, unit)
    led = play.play(account, (), top_ups, history, venue, path, unit, Ahead(Charted(history), venue, path, unit))
    return alone, led


@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=30, derandomize=True)
@given(st.data())
def test_the_outcome_is_the_same_with_and_without(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    book = data.draw(st.sampled_from(all_readings(data.draw(st.sampled_from(under_regimes(rulebook_of(venue)))))))
    seed = data.draw(st.integers(0, 2**32))
    path = data.draw(st.sampled_from(list(BarPath)))
    prices = dict(marks.marks)
    if data.draw(st.booleans()):
        account = msgspec.structs.replace(account, orders=orders_for(account, prices, seed))
    top_ups = top_ups_for(account, prices, book, seed) if data.draw(st.booleans()) else ()
    first = book.instruments[account.positions[0].symbol]
    unit = data.draw(st.sampled_from([Unit(first.quote, True), Unit(first.settle, False)]))
    try:
        alone, led = both(account, top_ups, history_of(prices, seed), book, path, unit)
    except BadInput:
        assume(False)
    if book.rules.STATES_LINES or led.final.account.positions:
        SEEN[venue] += led.passed
    same(alone, led)


def same(alone: Played, led: Played) -> None:
    one, other = plain(alone), plain(led)
    for field in one.__struct_fields__:
        assert getattr(one, field) == getattr(other, field), field


@pytest.mark.parametrize("venue", VENUES)
def test_much_of_it_was_passed(venue: str) -> None:
    """Of 30 times 60 frames, a sixth of which carry samples and an eighth funding; coins and debts are played by frame as long
    as they are there."""
    if not rulebook_of(venue).rules.STATES_LINES:
        assert SEEN[venue] == 0
        return
    assert SEEN[venue] > 200


def steps(*rows: dict[str, int]) -> History:
    """Flat hours, so that prices move from one to the next."""
    frames = []
    for n, row in enumerate(rows):
        bars = {s: Bar(D(x), D(x), D(x), D(x)) for s, x in row.items()}
        frames.append(Frame(START + timedelta(hours=n), 3600, bars))
    return History("test", tuple(rows[0]), tuple(frames))


def cross(symbol: str, size: str, entry: int, leverage: int = 10, side: LegSide = LegSide.NET) -> Position:
    return Position(symbol, MarginMode.CROSS, side, D(size), D(entry), D(leverage))


@pytest.mark.parametrize(("cash", "fails"), [("1", True), ("1.19", False), ("1.3", False)])
def test_headroom_that_is_gone_between_two_prices_and_there_at_both(cash: str, fails: bool) -> None:
    """Long and short dollars of one coin on two contracts that part: the sum of a concave and a convex curve."""
    swap, future = "BTC-USD-SWAP", "BTC-USD-220930"
    legs = (cross(swap, "5500", 10000, 50), cross(future, "-1000", 10000, 50))
    account = Account(PositionMode.ONE_WAY, {"BTC": D(cash)}, legs)
    history = steps(*[{swap: 10000, future: 10000}] * 15, *[{swap: 11000, future: 20000}] * 15)
    alone, led = both(account, (), history, rulebook_of("okx_futures"), BarPath.SYNCHRONISED)
    same(alone, led)
    assert bool(plain(alone).told) is fails
    assert led.passed > 5


def test_orders_that_a_venue_wants_gone_before_the_pool_fails_go_at_the_same_price() -> None:
    symbol = "BTC-USDT-SWAP"
    order = Order("x", symbol, "buy", D(10), OrderType.LIMIT, D(30000), mode=MarginMode.CROSS)
    account = Account(PositionMode.ONE_WAY, {"USDT": D(700)}, (cross(symbol, "10", 60000),), (order,), {symbol: D(10)})
    book = next(b for b in all_readings(rulebook_of("okx_futures")) if b.readings["cancel_when"] == "order_needs_too")
    history = steps(*[{symbol: 60000 - 20 * n} for n in range(200)])
    alone, led = both(account, (), history, book, BarPath.SYNCHRONISED)
    same(alone, led)
    assert [type(t.event).__name__ for t in plain(alone).told][1] == "OrderCancelled"


def test_an_even_hedge_is_not_looked_at_for_lows_of_an_equity_that_stands_still() -> None:
    legs = (cross("BTCUSDT", "1", 60000, side=LegSide.LONG), cross("BTCUSDT", "-1", 60000, side=LegSide.SHORT))
    account = Account(PositionMode.HEDGE, {"USDT": D(5000)}, legs)
    history = steps(*[{"BTCUSDT": 60000 - 10 * n} for n in range(100)])
    alone, led = both(account, (), history, rulebook_of("binance_usdm"), BarPath.WORST)
    same(alone, led)
    assert led.passed > 80


def test_prices_of_a_symbol_that_is_missing_for_a_while_are_those_it_had_last() -> None:
    account = Account(PositionMode.ONE_WAY, {"USDT": D(9000)}, (cross("BTCUSDT", "0.1", 60000), cross("ETHUSDT", "-1", 3000)))
    rows = [{"BTCUSDT": 60000 + 30 * n, "ETHUSDT": 3000 + n} for n in range(100)]
    for n in (*range(20, 41), 60, 61, 99):
        del rows[n]["ETHUSDT"]
    alone, led = both(account, (), steps(*rows), rulebook_of("binance_usdm"), BarPath.BEST)
    same(alone, led)
    assert alone.final.marks.marks["ETHUSDT"] == 3098
    assert led.passed > 70


def test_bars_that_overlap_are_all_played() -> None:
    account = Account(PositionMode.ONE_WAY, {"USDT": D(9000)}, (cross("BTCUSDT", "0.1", 60000),))
    history = steps(*[{"BTCUSDT": 60000 + n} for n in range(50)])
    late = tuple(msgspec.structs.replace(frame, seconds=7200) for frame in history.frames)
    history = msgspec.structs.replace(history, frames=late)
    alone, led = both(account, (), history, rulebook_of("binance_usdm"), BarPath.WORST)
    same(alone, led)
    assert led.passed == 0


def compared(wish: Wish) -> tuple[Comparison, Comparison]:
    """A comparison by the exact engine alone, and one with the array engine ahead from a hundred frames on."""
    ready = prepare(wish)
    alone = compare(ready.plan, ready.history, ready.jobs, ready.modes, engine=Engine.EXACT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "LONG", 100)
        return alone, compare(ready.plan, ready.history, ready.jobs, ready.modes)


PLAN = """
name = "three coins"
venue = "binance_usdm"
[wallet]
USDT = "6000"
[[positions]]
symbol = "BTCUSDT"
side = "long"
size = "0.1"
leverage = 5
mode = "isolated"
[[positions]]
symbol = "ETHUSDT"
side = "short"
size = "1"
leverage = 5
mode = "cross"
[[positions]]
symbol = "SOLUSDT"
side = "long"
size = "20"
leverage = 10
mode = "isolated"
[[stops]]
symbol = "ETHUSDT"
price = "5200"
[[top_ups]]
symbol = "SOLUSDT"
at_price = "200"
amount = "100"
from = "outside"
"""


@pytest.mark.parametrize(
    ("file", "start", "end", "venue", "modes"),
    [
        (HOURLY, "2025-08-15", "2025-11-30", "binance_usdm", "as-given"),
        (HOURLY, "2025-10-01", "2025-10-12", "okx_futures,bybit_uta,bybit_classic", "isolated,cross"),
        (MINUTES, "2025-02-03", "2025-02-03", "binance_usdm", "isolated,cross"),
    ],
)
def test_recorded_months_give_the_same_report(
    tmp_path: Path, file: Path, start: str, end: str, venue: str, modes: str
) -> None:
    if not file.exists():
        pytest.skip("the recorded prices (../shared/data) are not here")
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    alone, led = compared(Wish(account=str(path), prices=str(file), start=start, end=end, venue=venue, modes=modes))
    assert alone.pace is not None and led.pace is not None
    assert (alone.pace.passed, alone.pace.why) == (0, "as asked for")
    assert led.pace.passed > 0.8 * led.pace.frames
    assert any(leg.liquidated_at for result in alone.results for leg in result.run.legs)
    assert to_json(msgspec.structs.replace(alone, pace=None)) == to_json(msgspec.structs.replace(led, pace=None))


def test_an_account_that_is_sunk_at_the_first_prices_is_refused_alike() -> None:
    account = Account(PositionMode.ONE_WAY, {"USDT": D(100)}, (cross("BTCUSDT", "1", 60000),))
    history = steps(*[{"BTCUSDT": 50000}] * 100)
    venue, unit = Venue(rulebook_of("binance_usdm")), Unit("USDT", True)
    ahead = Ahead(Charted(history), venue, BarPath.WORST, unit)
    for scout in (None, ahead):
        with pytest.raises(BadInput, match="beyond its liquidation price at the first prices"):
            play.play(account, (), (), history, venue, BarPath.WORST, unit, scout)


def test_a_scout_that_calls_a_frame_quiet_on_which_something_happens_is_found_out() -> None:
    class Blind:
        def stretch(self, *_: object) -> play.Stretch:
            return play.Stretch(1000, frozenset(), True)

    account = Account(PositionMode.ONE_WAY, {"USDT": D(4000)}, (cross("BTCUSDT", "1", 60000),))
    history = steps(*[{"BTCUSDT": 60000 - 100 * n} for n in range(100)])
    venue, unit = Venue(rulebook_of("binance_usdm")), Unit("USDT", True)
    with pytest.raises(AssertionError, match="where nothing was seen ahead"):
        play.play(account, (), (), history, venue, BarPath.WORST, unit, Blind())


@pytest.mark.parametrize("path", BarPath)
@settings(max_examples=20, derandomize=True)
@given(seed=st.integers(0, 2**32), sides=st.lists(st.sampled_from([-1, 0, 1]), min_size=3, max_size=3))
def test_rows_are_the_points_that_are_played(path: BarPath, seed: int, sides: list[int]) -> None:
    symbols = ("A", "B", "C")
    history = history_of(dict.fromkeys(symbols, D(100)), seed)
    hurts = dict(zip(symbols, sides, strict=True))
    charted = Charted(history)
    rows = charted.rows(path, hurts)
    for n, frame in enumerate(history.frames):
        if len(frame.bars) < 3 or n in rows.unsure:
            continue
        points = [[float(point[s].mark) for s in symbols] for point in waypoints(frame, path, hurts)]
        lasts = [[float(point[s].last) for s in symbols] for point in waypoints(frame, path, hurts)]
        own = slice(n * rows.points, (n + 1) * rows.points)
        assert distinct(rows.marks[own]) == points
        assert distinct(rows.lasts[own]) == lasts


def distinct(rows: Any) -> list[list[float]]:
    found: list[list[float]] = []
    for row in rows[:, :-1].tolist():
        if not found or row != found[-1]:
            found.append(row)
    return found


def test_a_price_at_which_float64_reads_the_wrong_bracket_is_left_to_the_machine() -> None:
    """A value beyond a floor by less than float64 holds, in a table that leaps there: the requirement is ten times as much."""
    known = rulebook_of("binance_usdm")
    contract = known.instruments["BTCUSDT"]
    low = msgspec.structs.replace(contract.brackets[0], floor=D(0), maintenance_rate=D("0.01"), deduction=D(0))
    high = msgspec.structs.replace(low, floor=D(50000), maintenance_rate=D("0.1"))
    leaping = msgspec.structs.replace(contract, brackets=(low, high))
    book = msgspec.structs.replace(known, instruments={**known.instruments, "BTCUSDT": leaping})
    account = Account(PositionMode.ONE_WAY, {"USDT": D(1000)}, (cross("BTCUSDT", "0.1", 499000),))
    frames = []
    for n in range(100):
        price = D("500000.00000000001") if n == 55 else D(500000 - n)
        frames.append(Frame(START + timedelta(hours=n), 3600, {"BTCUSDT": Bar(price, price, price, price)}))
    alone, led = both(account, (), History("test", ("BTCUSDT",), tuple(frames)), book, BarPath.WORST)
    same(alone, led)
    assert [type(t.event).__name__ for t in plain(alone).told].count("TakenOver") + len(alone.final.account.positions) == 1
    assert plain(alone).told and led.passed > 70
