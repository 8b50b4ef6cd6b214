"""The compiled walk decides as the exact machine does, event by event, or says that it does not decide."""

from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from plimsoll.array.desk import Watch
from plimsoll.array.ladder import CLOSE, DONE, FILLED, GONE, HAND, REDUCED, TAKEN
from plimsoll.array.watches import MOVED, PUT_IN
from plimsoll.errors import BadInput
from plimsoll.model import Account, Fees, LegKey, LegSide, MarginMode, Order, OrderType, Position, PositionMode, leg_key
from plimsoll.rulebook import Rulebook
from random_accounts import VENUES, D, accounts, on_boundaries, rulebook_of
from walks import final, happenings, logged, played, walked

STEPS = 25


def paths(marks: dict[str, Decimal], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Prices that now and then move much, and funding each eighth step."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 0.02, (STEPS, len(marks))) * rng.choice([1, 1, 1, 4], (STEPS, 1))
    logs = np.vstack([np.zeros(len(marks)), np.cumsum(moves, axis=0)])
    prices = np.array([float(x) for x in marks.values()]) * np.exp(logs)
    funding = np.zeros_like(prices)
    funding[8::8] = np.round(rng.normal(0, 0.001, funding[8::8].shape), 6)
    return prices, funding


def room(account: Account, venue: str, marks: np.ndarray) -> float:
    """What float sums may be off by: a hair of the money, and of the value that profit and funding are taken of."""
    instruments = rulebook_of(venue).instruments
    money = sum(abs(float(x)) for x in account.cash.values()) + sum(float(p.isolated_margin) for p in account.positions)
    coins = [abs(float(p.size * instruments[p.symbol].multiplier)) for p in account.positions]
    prices = [*(float(p.entry_price) for p in account.positions), *marks.ravel()]
    values = sum(coins) * max(max(prices), 1 / min(prices))
    return 1e-9 * money + 1e-12 * values


def agree(
    account: Account,
    venue: str,
    symbols: tuple[str, ...],
    marks: np.ndarray,
    funding: np.ndarray,
    top_ups: tuple[Watch, ...] = (),
) -> int:
    """The code that the walk ends with; asserts that what both say is the same."""
    rulebook = rulebook_of(venue)
    exactly = played(account, rulebook, symbols, marks, funding, top_ups)
    laid, walk = walked(account, rulebook, symbols, marks, funding, top_ups)
    told, seen = happenings(exactly, rulebook), logged(laid, walk)
    if not laid.steady or walk.code == CLOSE:
        return CLOSE
    if walk.code == HAND:
        later = told[len(seen) :]
        assert not later or later[0].time >= walk.tally["step"] - 1
        told = told[: len(seen)]
    assert [(e.kind, e.leg) for e in told] == [(e.kind, e.leg) for e in seen]
    for one, other in zip(told, seen, strict=True):
        assert other.time == pytest.approx(one.time, abs=1e-6)
        assert other.price == pytest.approx(one.price, rel=1e-8)
        assert other.amount == pytest.approx(one.amount, rel=1e-6)
    if walk.code == HAND:
        return HAND
    after = final(laid, walk)
    assert [p.size for p in after.positions] == [p.size for p in exactly.final.account.positions]
    for asset, amount in exactly.final.account.cash.items():
        assert float(after.cash.get(asset, 0)) == pytest.approx(float(amount), abs=room(account, venue, marks))
    settles = {rulebook.instruments[s].settle for s in symbols}
    if len(settles) == 1 and not laid.coins and set(account.cash) <= settles and walk.tally["added"] == 0:
        assert walk.tally["lowest"] == pytest.approx(float(exactly.lowest_equity), abs=1e3 * room(account, venue, marks))
    return int(walk.code)


@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=40, derandomize=True)
@given(st.data())
def test_the_walk_and_the_exact_machine_tell_the_same_story(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(st.one_of(accounts(venue), accounts(venue), on_boundaries(venue)))
    prices, funding = paths(marks.marks, data.draw(st.integers(0, 2**32)))
    try:
        agree(account, venue, tuple(marks.marks), prices, funding)
    except BadInput:
        assume(False)


@st.composite
def top_ups(draw: st.DrawFn, account: Account, marks: dict[str, Decimal], rulebook: Rulebook) -> tuple[Watch, ...]:
    """One to four, at levels that the prices may get to or at the end of a step, of amounts that may be too much; two of them
    now and then at one level."""
    found: list[Watch] = []
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.sampled_from(account.positions))
        asset = rulebook.instruments[position.symbol].settle
        money = max(account.cash.get(asset, D(0)), position.isolated_margin, D(1))
        isolated = position.mode is MarginMode.ISOLATED
        fresh = draw(st.booleans()) or not isolated
        away = D(1) + D(draw(st.integers(-200, 200))) / 1000
        level = None if draw(st.integers(0, 3)) == 0 else (marks[position.symbol] * away).quantize(D("1e-6"))
        if found and level is not None and found[-1].symbol == position.symbol and draw(st.booleans()):
            level = found[-1].level
        found.append(
            Watch(
                symbol=position.symbol,
                level=level,
                step=-1 if level is not None else draw(st.integers(1, STEPS)),
                asset=asset,
                amount=(money * draw(st.integers(1, 150)) / 100).quantize(D("1e-8")),
                fresh=fresh,
                leg=leg_key(position) if isolated and (draw(st.booleans()) or not fresh) else None,
            )
        )
    return tuple(found)


@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=60, derandomize=True)
@given(st.data())
def test_top_ups_come_where_the_exact_machine_has_them(venue: str, data: st.DataObject) -> None:
    account, marks = data.draw(accounts(venue))
    wanted = data.draw(top_ups(account, marks.marks, rulebook_of(venue)))
    prices, funding = paths(marks.marks, data.draw(st.integers(0, 2**32)))
    try:
        agree(account, venue, tuple(marks.marks), prices, funding, wanted)
    except BadInput:
        assume(False)


def btc(size: str, mode: MarginMode = MarginMode.CROSS, margin: str = "0", side: LegSide = LegSide.NET) -> Position:
    return Position("BTCUSDT", mode, side, D(size), D("60000"), D(10), D(margin))


def straight(*prices: float) -> tuple[np.ndarray, np.ndarray]:
    marks = np.array(prices)[:, None]
    return marks, np.zeros_like(marks)


def walk_of(account: Account, *prices: float) -> Any:
    marks, funding = straight(*prices)
    assert agree(account, "binance_usdm", ("BTCUSDT",), marks, funding) in (DONE, GONE)
    return walked(account, rulebook_of("binance_usdm"), ("BTCUSDT",), marks, funding)


def test_a_stop_on_the_way_saves_what_a_gap_would_have_lost() -> None:
    stop = Order("s", "BTCUSDT", "sell", D("0.1"), OrderType.STOP_MARKET, stop_price=D("58000"), reduce_only=True)
    account = Account(PositionMode.ONE_WAY, {"USDT": D(700)}, (btc("0.1"),), (stop,), fees=Fees(D(0), D("0.0005")))
    laid, walk = walk_of(account, 60000.0, 50000.0)
    assert [(e.kind, e.price) for e in logged(laid, walk)] == [(FILLED, 58000.0)]
    assert float(final(laid, walk).cash["USDT"]) == pytest.approx(700 - 200 - 58000 * 0.1 * 0.0005)


def test_an_isolated_long_is_taken_at_its_bankruptcy_and_the_rest_stays() -> None:
    account = Account(PositionMode.ONE_WAY, {"USDT": D(1000)}, (btc("0.1", MarginMode.ISOLATED, "600"),))
    laid, walk = walk_of(account, 60000.0, 50000.0)
    assert [(e.kind, e.price) for e in logged(laid, walk)] == [(TAKEN, 54000.0)]
    assert final(laid, walk).cash["USDT"] == 1000
    assert walk.code == GONE


def test_a_large_position_is_cut_by_lots_before_it_is_taken() -> None:
    account = Account(PositionMode.ONE_WAY, {"USDT": D(40_000_000)}, (btc("4000"),))
    laid, walk = walk_of(account, 60000.0, 48000.0)
    kinds = Counter(e.kind for e in logged(laid, walk))
    assert kinds[REDUCED] > 0 and kinds[TAKEN] == 1


def test_money_from_outside_saves_a_long_that_would_be_taken_and_is_no_gain() -> None:
    """100 come in at 56000, the line moves from 54000 / 0.996 to 53000 / 0.996; equity less what came in is that of 10 % of a
    coin bought at 60000."""
    account = Account(PositionMode.ONE_WAY, {"USDT": D(5)}, (btc("0.1", MarginMode.ISOLATED, "600"),))
    key = LegKey("BTCUSDT", MarginMode.ISOLATED, LegSide.NET)
    added = Watch("BTCUSDT", D(56000), -1, "USDT", D(100), True, key)
    marks, funding = straight(60000.0, 54000.0, 53400.0)
    assert agree(account, "binance_usdm", ("BTCUSDT",), marks, funding, (added,)) == DONE
    laid, walk = walked(account, rulebook_of("binance_usdm"), ("BTCUSDT",), marks, funding, (added,))
    assert [(e.kind, e.time) for e in logged(laid, walk)] == [(PUT_IN, pytest.approx(4 / 6)), (MOVED, pytest.approx(4 / 6))]
    assert walk.tally["added"] == 100
    assert walk.tally["equity"] == pytest.approx(605 - 660)
    assert final(laid, walk).positions[0].isolated_margin == 700


def test_two_top_ups_at_one_level_both_come_and_money_to_a_leg_that_is_gone_stays_cash() -> None:
    account = Account(PositionMode.ONE_WAY, {"USDT": D(50)}, (btc("0.1", MarginMode.ISOLATED, "600"),))
    key = LegKey("BTCUSDT", MarginMode.ISOLATED, LegSide.NET)
    both = (Watch("BTCUSDT", D(56000), -1, "USDT", D(20), False, key), Watch("BTCUSDT", D(56000), -1, "USDT", D(7), True, None))
    later = Watch("BTCUSDT", D(50000), -1, "USDT", D(30), True, key)
    marks, funding = straight(60000.0, 49000.0)
    assert agree(account, "binance_usdm", ("BTCUSDT",), marks, funding, (*both, later)) in (DONE, GONE)
    laid, walk = walked(account, rulebook_of("binance_usdm"), ("BTCUSDT",), marks, funding, (*both, later))
    assert [e.kind for e in logged(laid, walk)] == [MOVED, PUT_IN, TAKEN, PUT_IN]
    assert final(laid, walk).cash["USDT"] == 50 - 20 + 7 + 30


def test_both_legs_of_a_hedge_are_walked() -> None:
    legs = (btc("1", side=LegSide.LONG), btc("-1", side=LegSide.SHORT))
    account = Account(PositionMode.HEDGE, {"USDT": D(2000)}, legs)
    _, walk = walk_of(account, 60000.0, 40000.0, 90000.0)
    assert walk.code == DONE


def pair_of_6600_coins(rate: str) -> Account:
    """26.02314 is owed against 6600 coins, of which 25.74 was lent: the line is where the coins are worth 1.18 of it."""
    leg = Position(
        "BTCUSDT", MarginMode.ISOLATED, LegSide.NET, D(6600), D("0.01"), D(1), D("57.09"),
        coins={"USDT": D(0), "BTC": D(6600)}, borrowed={"USDT": D("25.74")}, interest={"USDT": D("0.28314")},
    )  # fmt: skip
    account = Account(PositionMode.ONE_WAY, {"USDT": D(1000)}, (leg,), leverages={"BTCUSDT@isolated": D(1)})
    return msgspec.structs.replace(account, interest_rates={"USDT": D(rate)})


def test_coins_inside_a_pair_fall_with_its_mark() -> None:
    """At 0.004652622 the level is 1.18: in the second step, where only the pair holds that coin."""
    account = pair_of_6600_coins("0")
    marks, funding = straight(0.01, 0.004653, 0.004652)
    assert agree(account, "binance_margin", ("BTCUSDT",), marks, funding) == HAND
    _, walk = walked(account, rulebook_of("binance_margin"), ("BTCUSDT",), marks, funding)
    assert walk.tally["step"] == 2


def test_debts_grow_by_the_hour_in_both() -> None:
    """6600 * 0.0047 = 31.02 covers 26.2881 at 1.18; 25.74 * 10 / 8760 an hour on what was lent is 0.2645 after nine."""
    account = pair_of_6600_coins("10")
    marks, funding = straight(*[0.0047] * 20)
    assert agree(account, "binance_margin", ("BTCUSDT",), marks, funding) == HAND
    _, walk = walked(account, rulebook_of("binance_margin"), ("BTCUSDT",), marks, funding)
    assert walk.tally["step"] == 10


def test_an_account_exactly_on_its_line_is_a_close_call() -> None:
    account = Account(PositionMode.ONE_WAY, {"USDT": D(600)}, (btc("0.1"),))
    at = 54000 / (1 - 0.004)
    marks, funding = straight(60000.0, at)
    _, walk = walked(account, rulebook_of("binance_usdm"), ("BTCUSDT",), marks, funding)
    assert walk.code == CLOSE


def test_an_order_that_opens_is_left_to_the_exact_machine() -> None:
    order = Order("o", "BTCUSDT", "buy", D("0.1"), OrderType.LIMIT, price=D("58000"))
    account = Account(PositionMode.ONE_WAY, {"USDT": D(5000)}, (btc("0.1"),), (order,))
    marks, funding = straight(60000.0, 59000.0, 57000.0)
    laid, walk = walked(account, rulebook_of("binance_usdm"), ("BTCUSDT",), marks, funding)
    assert (walk.code, int(walk.tally["step"])) == (HAND, 2)
    assert msgspec.structs.replace(final(laid, walk)).positions == account.positions


def test_a_forced_sale_that_costs_nothing_is_rested_after_as_any_other() -> None:
    """Cut on its line at the first prices, without fee or penalty; the venue looks again a fiftieth of a segment later."""
    isolated = MarginMode.ISOLATED
    leg = Position("BTCUSDT", isolated, LegSide.NET, D("319999999.999"), D("0.01"), D(3), D("1066666.66666333"))
    account = Account(
        PositionMode.ONE_WAY,
        {"USDT": D(0)},
        (leg,),
        leverages={"BTCUSDT": D(3)},
        margin_modes={"BTCUSDT": isolated},
        fees=Fees(D("0.0002"), D(0)),
        options={"margin_mode": "isolated"},
    )
    marks, funding = straight(0.0068, 0.0060)
    laid, walk = walked(account, rulebook_of("bybit_uta"), ("BTCUSDT",), marks, funding)
    first, second = logged(laid, walk)
    assert (first.kind, second.kind) == (REDUCED, TAKEN)
    assert second.time - first.time == pytest.approx(1 / 50)
    assert agree(account, "bybit_uta", ("BTCUSDT",), marks, funding) == GONE
