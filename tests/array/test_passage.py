"""First passage over bars: what the sliding minimum and the pyramid say is what a walk over every bar of every entry says, and
the prices that they wait for are those of positions that the exact machine opened."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll
from plimsoll.account.commands import Fill, SetMarks
from plimsoll.account.decide import decide
from plimsoll.account.state import State, Venue
from plimsoll.array.passage import FAN, Barriers, Bars, Trade, barriers, shares, times
from plimsoll.errors import BadInput
from plimsoll.margin.assess import Prices, assess
from plimsoll.model import Account, Fees, LegSide, MarginMode, Marks, PositionMode
from plimsoll.number import exact
from plimsoll.prices.files import read_history
from plimsoll.rulebook import Rulebook
from random_accounts import VENUES, D, marks_at, options_of, rulebook_of

LINED = [venue for venue in VENUES if rulebook_of(venue).rules.STATES_LINES]
SOLVED = [venue for venue in LINED if not rulebook_of(venue).rules.PRICES_STATED]
TAKER = D("0.0005")


def walked(bars: Bars, asked: Barriers, horizon: int) -> np.ndarray:
    """Every entry, leverage and bar in plain Python."""
    entries = len(bars.close) - horizon
    steps = np.zeros((entries, len(asked.ratios)), np.int32)
    for i in range(entries):
        for row, ratio in enumerate(asked.ratios):
            price = ratio[i if len(ratio) > 1 else 0] * bars.close[i]
            for j in range(i + 1, i + horizon + 1):
                if bars.low[j] <= price if asked.sign > 0 else bars.high[j] >= price:
                    steps[i, row] = j - i
                    break
    return steps


def random_bars(seed: int, count: int, grid: float) -> Bars:
    """A random walk on a price grid: the coarser, the more bars that end exactly on a level."""
    draw = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.01, count)))
    close = np.round(close / grid) * grid
    return Bars(close + grid * draw.integers(0, 4, count), close - grid * draw.integers(0, 4, count), close)


def random_barriers(seed: int, sign: int, entries: int, varied: int) -> Barriers:
    """Leverages in any order; `varied`: each entry with barriers of its own, still nested."""
    draw = np.random.default_rng(seed)
    away = np.array([0.0, 0.005, 0.02, 0.05, 0.2, np.inf])[draw.permutation(6)][: draw.integers(1, 7)]
    ratios = (np.maximum(1 - away, 0) if sign > 0 else 1 + away)[:, None]
    if varied:
        ratios = 1 + (ratios - 1) * draw.uniform(0.5, 1.5, entries)
        ratios = np.nan_to_num(np.maximum(ratios, 0), posinf=np.inf)
    return Barriers(tuple(D(n + 1) for n in range(len(ratios))), ratios, sign)


@given(st.integers(0, 2**32), st.integers(2, 300), st.sampled_from([0.01, 0.5]), st.sampled_from([1, -1]), st.integers(0, 1))
def test_a_walk_over_every_bar_says_the_same(seed: int, count: int, grid: float, sign: int, varied: int) -> None:
    bars = random_bars(seed, count, grid)
    horizon = 1 + seed % (count - 1)
    asked = random_barriers(seed + 1, sign, count - horizon, varied)
    truth = walked(bars, asked, horizon)
    found, whether = times(bars, asked, horizon), shares(bars, asked, horizon)
    assert np.array_equal(found.steps, truth)
    for passage in (found.passage, whether):
        assert passage.entries == len(truth)
        assert np.array_equal(passage.hits, np.count_nonzero(truth, axis=0))
        assert np.array_equal(passage.shares, passage.hits / passage.entries)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_long_history_climbs_every_level_of_the_pyramid(sign: int, threads: int) -> None:
    """More bars than two levels hold, against minima of windows; and in parts as in one."""
    bars, horizon = random_bars(7, FAN * FAN * 3 + 17, 0.01), FAN * FAN + 5
    asked = Barriers((D(20), D(5), D(2)), np.array([[1 - 0.04 * sign], [1 - 0.19 * sign], [1 - 0.45 * sign]]), sign)
    worst = bars.low if sign > 0 else -bars.high
    windows = np.lib.stride_tricks.sliding_window_view(worst[1:], horizon)
    found = times(bars, asked, horizon, threads)
    rows = np.arange(0, len(windows), 97)
    for row, (ratio,) in enumerate(asked.ratios):
        below = windows[rows] <= sign * ratio * bars.close[rows][:, None]
        truth = np.where(below.any(axis=1), below.argmax(axis=1) + 1, 0)
        assert np.array_equal(found.steps[rows, row], truth)
    assert (found.steps[:, 0] > FAN * FAN // 2).any() and (found.steps[:, 1] > 0).any()
    assert np.array_equal(shares(bars, asked, horizon, threads).hits, np.count_nonzero(found.steps, axis=0))


def linear_symbol(rulebook: Rulebook) -> str:
    """The contract with the most brackets, linear where there is one."""
    return max(rulebook.instruments.values(), key=lambda i: (i.kind == "linear", len(i.brackets), i.symbol)).symbol


def opened(venue: str, symbol: str, size: Decimal, price: Decimal, leverage: Decimal) -> Decimal | None:
    """The liquidation price after the exact machine has filled an isolated order."""
    rulebook = rulebook_of(venue)
    instrument = rulebook.instruments[symbol]
    keys = {rulebook.rules.leverage_key(symbol, MarginMode.ISOLATED, side): leverage for side in LegSide}
    cash = {instrument.settle: D(10) ** 12}
    account = Account(
        PositionMode.ONE_WAY, cash, leverages=keys, margin_modes={symbol: MarginMode.ISOLATED}, fees=Fees(TAKER, TAKER),
        options=options_of(venue, MarginMode.ISOLATED),
    )  # fmt: skip
    marks = marks_at(venue, {symbol: price})
    state = decide(State(account, Marks({})), SetMarks(marks.marks, {}, marks.indexes), Venue(rulebook)).state
    fill = Fill(symbol, "buy" if size > 0 else "sell", abs(size), price, mode=MarginMode.ISOLATED)
    done = decide(state, fill, Venue(rulebook))
    assert done.reject is None, done.reject
    (leg,) = assess(done.state.account, done.state.marks, rulebook, Prices.OWN).legs
    return leg.liquidation_price


@pytest.mark.parametrize("venue", SOLVED)
@pytest.mark.parametrize("side", ["long", "short"])
def test_the_barrier_is_where_a_position_that_the_exact_machine_opened_fails(venue: str, side: str) -> None:
    """From small to so large that the bracket changes on the way."""
    rulebook = rulebook_of(venue)
    symbol = linear_symbol(rulebook)
    sign = D(1) if side == "long" else D(-1)
    closes = [D(80), D(100), D("100.5"), D(140)]
    column = np.array([*map(float, closes), 100.0])
    bars = Bars(column, column, column)
    checked = 0
    for contracts in (D(10), D(3000), D(40000), D(900000)):
        for leverage in (D(1), D(3), D(10)):
            try:
                found = barriers(rulebook, Trade(symbol, side, "size", contracts, TAKER), [leverage], bars, 1)
            except BadInput as refused:
                assert "may have at most" in str(refused)
                continue
            for at, close in enumerate(closes):
                ratio = found.ratios[0, at if found.ratios.shape[1] > 1 else 0]
                truth = opened(venue, symbol, sign * contracts, close, leverage)
                if truth is None:
                    assert ratio in (0, np.inf)
                else:
                    assert ratio == pytest.approx(float(truth / close), rel=1e-9)
                checked += 1
    assert checked >= 16


def test_a_value_and_a_size_at_one_price_are_one_position() -> None:
    """3,000 contracts of 1 at 100 are 300,000 at any price, where margins are asked on the value."""
    column = np.array([80.0, 100.0, 140.0, 90.0])
    rulebook, bars = rulebook_of("binance_usdm"), Bars(column, column, column)
    by_value = barriers(rulebook, Trade("BTCUSDT", "long", "value", D(30_000_000)), [D(5)], bars, 1)
    by_size = barriers(rulebook, Trade("BTCUSDT", "long", "size", D(300_000)), [D(5)], bars, 1)
    assert by_value.ratios.shape == (1, 1) and by_size.ratios.shape == (1, 3)
    assert by_size.ratios[0, 1] == pytest.approx(by_value.ratios[0, 0], rel=1e-14)
    assert by_size.ratios[0, 0] < by_value.ratios[0, 0] < by_size.ratios[0, 2]


def test_contracts_choose_the_bracket_where_the_venue_counts_them() -> None:
    """The same value is more contracts at a lower price, and so may stand in a higher bracket."""
    rulebook = rulebook_of("okx_futures")
    symbol = linear_symbol(rulebook)
    instrument = rulebook.instruments[symbol]
    floor = instrument.brackets[1].floor
    value = floor * instrument.multiplier * 100
    column = np.array([99.0, 100.0, 101.0, 103.0, 100.0])
    found = barriers(rulebook, Trade(symbol, "long", "value", value), [D(2)], Bars(column, column, column), 1)
    low, high = found.ratios[0, 0], found.ratios[0, 2]
    rates = [row.maintenance_rate for row in instrument.brackets[:2]]
    assert low == pytest.approx(0.5 / (1 - float(rates[1])), rel=1e-12)
    assert high == pytest.approx(0.5 / (1 - float(rates[0])), rel=1e-12)
    assert found.ratios[0, 3] == high


BARS = Bars(np.array([3.0, 3.0, 3.0]), np.array([1.0, 1.0, 1.0]), np.array([2.0, 2.0, 2.0]))
ONE = Barriers((D(2),), np.array([[0.5]]), 1)


@pytest.mark.parametrize(
    ("bars", "horizon", "said"),
    [
        (BARS, 0, "horizon"),
        (BARS, 3, "horizon"),
        (BARS._replace(low=BARS.low[:2]), 1, "one length"),
        (BARS._replace(low=np.array([1.0, np.nan, 1.0])), 1, "row 1"),
        (BARS._replace(high=np.array([3.0, 3.0, np.inf])), 1, "row 2"),
        (BARS._replace(low=np.array([0.0, 1.0, 1.0])), 1, "row 0"),
        (BARS._replace(close=np.array([2.0, 4.0, 2.0])), 1, "row 1"),
    ],
)
def test_bars_that_are_none_are_refused(bars: Bars, horizon: int, said: str) -> None:
    for verb in (shares, times):
        with pytest.raises(BadInput, match=said):
            verb(bars, ONE, horizon)


@pytest.mark.parametrize(
    ("trade", "leverages", "said"),
    [
        (Trade("NOPE", "long", "value", D(1)), [D(2)], "no such instrument"),
        (Trade("BTCUSDT", "up", "value", D(1)), [D(2)], "choose long or short"),
        (Trade("BTCUSDT", "long", "coins", D(1)), [D(2)], "choose value or size"),
        (Trade("BTCUSDT", "long", "value", D(0)), [D(2)], "greater than zero"),
        (Trade("BTCUSDT", "long", "value", D(1)), [], "at least one"),
        (Trade("BTCUSDT", "long", "value", D(1)), [D("0.5")], "1 or more"),
        (Trade("BTCUSDT", "long", "value", D(1)), [D(5), D(1000)], "at most"),
    ],
)
def test_a_trade_that_is_none_is_refused(trade: Trade, leverages: list[Decimal], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        barriers(rulebook_of("binance_usdm"), trade, leverages, BARS, 1)


HISTORY = Path(__file__).parents[3] / "shared" / "data" / "binance_usdm_1h_btc_2019-09_2025-06.parquet"


@pytest.mark.real
@pytest.mark.skipif(not HISTORY.is_file(), reason="no recorded history beside the repository")
def test_recorded_entries_are_liquidated_in_the_bar_that_the_exact_price_is_reached() -> None:
    """Every 997th hour of six years, 10,000 USDT at 10x and 25x for a week: the exact engine's price against Decimal lows."""
    book, leverages, horizon = rulebook_of("binance_usdm"), [D(10), D(25)], 168
    bars = [bar for frame in read_history(HISTORY, {"BTCUSDT": "BTCUSDT"}).frames for bar in frame.bars.values()]
    found = plimsoll.passage(book, "BTCUSDT", HISTORY, leverages=leverages, horizon=horizon, value=10_000, taker_rate=0)
    assert found.entries == len(bars) - horizon
    seen = set()
    for entry in range(0, found.entries, 997):
        close = bars[entry].close
        for row, leverage in enumerate(leverages):
            with exact():
                size, margin = 10_000 / close, 10_000 / leverage
            held = plimsoll.position("BTCUSDT", size, entry_price=close, leverage=leverage, isolated_margin=margin)
            account = Account(PositionMode.ONE_WAY, {}, (held,))
            price = plimsoll.liquidation_prices(account, {"BTCUSDT": close}, book)["BTCUSDT"]
            assert price is not None
            truth = next((n for n in range(1, horizon + 1) if bars[entry + n].low <= price), 0)
            assert found.steps[entry, row] == truth
            seen.add(truth > 0)
    assert seen == {True, False} and "trade prices stand in for marks" in found.notes[0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"value": 1, "size": 1}, "give one of them"),
        ({}, "give one of them"),
        ({"value": "x"}, "plain decimal"),
        ({"value": 1, "side": "up"}, "long or short"),
        ({"value": 1, "prices": {"high": [1.0], "low": [1.0]}}, "no column close"),
        ({"value": 1, "horizon": 9}, "less than there are"),
        ({"value": 1, "horizon": "7d"}, "whole number of bars"),
        ({"value": 1, "threads": 0}, "1 or more"),
        ({"value": 1, "prices": {"high": ["x"], "low": [1.0], "close": [1.0]}}, "columns of numbers"),
        ({"value": 1, "prices": "nowhere.parquet"}, "no such file"),
    ],
)
def test_the_verb_refuses_what_cannot_be_asked(asked: dict[str, object], said: str) -> None:
    known = {"prices": {"high": [3.0] * 3, "low": [1.0] * 3, "close": [2.0] * 3}, "leverages": [2], "horizon": 1}
    given_ = known | asked
    with pytest.raises(BadInput, match=said):
        plimsoll.passage(rulebook_of("binance_usdm"), "BTCUSDT", given_.pop("prices"), **given_)


@pytest.mark.parametrize("stated", [venue for venue in LINED if venue not in SOLVED])
def test_a_venue_that_counts_in_whole_units_is_refused_with_the_reason(stated: str) -> None:
    trade = Trade(linear_symbol(rulebook_of(stated)), "long", "size", D(1000))
    with pytest.raises(BadInput, match="whole units of money"):
        barriers(rulebook_of(stated), trade, [D(2)], BARS, 1)


@pytest.mark.parametrize(("venue", "symbol"), [("bybit_uta", "ETH/USDT"), ("okx_multi", "ETH-USDT")])
def test_coins_that_cannot_be_bought_isolated_are_refused(venue: str, symbol: str) -> None:
    book = plimsoll.load_rulebook(venue, "2026-07-02")
    bars = {"high": [3000, 3010, 2900], "low": [2990, 2950, 2000], "close": [3000, 2960, 2500]}
    with pytest.raises(BadInput, match="cross"):
        plimsoll.passage(book, symbol, bars, leverages=[3], horizon=1, value=1000)
