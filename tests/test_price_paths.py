"""Scripted prices and how bars are played: a script is what it says, a wrong one is refused by field, and every path
through a bar stays inside it. Expected points are written by hand."""

import tomllib
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.errors import BadInput
from plimsoll.prices.files import read_history
from plimsoll.prices.history import Bar, Frame, History
from plimsoll.prices.paths import BarPath, Quote, waypoints
from plimsoll.prices.script import read_script, script_names
from plimsoll.prices.times import parse_time

D = Decimal
PAIR = {"BTCUSDT": "BTCUSDT", "ETHUSDT": "ETHUSDT"}


def at(text: str) -> datetime:
    return parse_time(text, "time")


# Scripts --------------------------------------------------------------------------------------------------------------

SCRIPT = """
[scripts.crash]
about = "ETH falls, BTC does not"
start = 2026-02-01T00:00:00Z
step = "4h"
[scripts.crash.marks]
BTCUSDT = ["100000", "101000", 102000]
ETHUSDT = [4000, "3000", 2000.5]
[scripts.crash.last]
ETHUSDT = [4000, "2990", 2000]
[scripts.crash.funding]
BTCUSDT = [[0, "0.0001"], [2, "-0.0002"]]
"""


def script(text: str = SCRIPT, symbols: Mapping[str, str] | None = None) -> History:
    return read_script(tomllib.loads(text, parse_float=D), "a.toml", "crash", symbols)


def test_a_script_becomes_instants() -> None:
    history = script()
    assert [frame.time for frame in history.frames] == [at("2026-02-01") + timedelta(hours=4 * n) for n in range(3)]
    assert {frame.seconds for frame in history.frames} == {0}
    assert history.frames[1].bars["BTCUSDT"] == Bar(*[D(101000)] * 8)
    assert history.frames[1].bars["ETHUSDT"] == Bar(*[D(2990)] * 4, *[D(3000)] * 4)
    assert [frame.funding for frame in history.frames] == [{"BTCUSDT": D("0.0001")}, {}, {"BTCUSDT": D("-0.0002")}]
    assert script_names(tomllib.loads(SCRIPT), "a.toml") == {"crash": "ETH falls, BTC does not"}


def test_a_script_starts_in_2026_unless_it_says_otherwise() -> None:
    assert script(SCRIPT.replace("start = 2026-02-01T00:00:00Z", "")).frames[0].time == at("2026-01-01")


def test_a_script_may_be_read_for_the_symbols_of_another_venue() -> None:
    history = script(symbols={"BTC-USDT-SWAP": "BTCUSDT"})
    assert history.symbols == ("BTC-USDT-SWAP",)
    assert history.frames[0].funding == {"BTC-USDT-SWAP": D("0.0001")}
    assert history.stand_in == {"BTC-USDT-SWAP": "BTCUSDT in scripts.crash"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('[4000, "3000", 2000.5]', "[4000]", "a path needs at least two points"),
        ('[4000, "3000", 2000.5]', "[4000, 1]", "marks.ETHUSDT = 2 prices: every symbol needs the same number"),
        ('[4000, "2990", 2000]', "[4000, 1]", "last.ETHUSDT = 2 prices: every symbol needs the same number"),
        ('[4000, "3000", 2000.5]', "[4000, 0, 1]", "marks.ETHUSDT[1] = 0: give a number greater than zero"),
        ("2000.5", "nan", "marks.ETHUSDT[2] = NaN"),
        ("2000.5", "true", "marks.ETHUSDT[2] = True"),
        ('[[0, "0.0001"], [2, "-0.0002"]]', "[[3, 0]]", "funding.BTCUSDT index = 3: count the points from 0 to 2"),
        ('[[0, "0.0001"], [2, "-0.0002"]]', "[[0, 1], [0, 1]]", "stands here twice"),
        ('[[0, "0.0001"], [2, "-0.0002"]]', "[0, 1]", "write pairs of index and rate"),
        ("4h", "4 weeks", "step = 4 weeks: write a whole number and s, m, h or d"),
        ("4h", "0h", "step = 0h"),
        ('step = "4h"', "", "scripts.crash.step: write"),
        ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00", "start = 2026-02-01 00:00:00: say the zone"),
        ("[scripts.crash.marks]", "[scripts.crash.mark]", "= mark: there is no such field"),
        ("[scripts.crash]", "[scripts.crush]", "script = crash"),
        ("[scripts.crash.last]\nETH", "[scripts.crash.last]\nSOL", "last = SOLUSDT: this symbol has no marks"),
    ],
)
def test_a_wrong_script_is_refused_by_field(old: str, new: str, says: str) -> None:
    assert old in SCRIPT
    text = SCRIPT.replace("scripts.crash", "scripts.crush") if new == "[scripts.crush]" else SCRIPT.replace(old, new)
    with pytest.raises(BadInput) as caught:
        script(text)
    assert str(caught.value).startswith("a.toml: ")
    assert says in str(caught.value)


def test_a_script_that_lacks_a_wanted_symbol_is_refused() -> None:
    with pytest.raises(BadInput, match="marks = SOLUSDT: this symbol has no prices; there are BTCUSDT, ETHUSDT"):
        script(symbols={"SOLUSDT": "SOLUSDT"})


INSTANTS = [
    "2025-01-01T00:00:00Z,BTCUSDT,100,,0.0001",
    "2025-01-01T00:00:00Z,ETHUSDT,10,9.9,",
    "2025-01-01T00:00:30Z,BTCUSDT,101,,",
    "2025-01-01T00:00:30Z,ETHUSDT,11,,",
]


def instants_file(folder: Path, lines: list[str]) -> Path:
    path = folder / "instants.csv"
    path.write_text("\n".join(["ts,symbol,mark,last,funding_rate", *lines]) + "\n")
    return path


def test_a_csv_of_instants_is_a_script(tmp_path: Path) -> None:
    history = read_history(instants_file(tmp_path, INSTANTS), PAIR)
    first = history.frames[0]
    assert (first.time, first.seconds, first.funding) == (at("2025-01-01"), 0, {"BTCUSDT": D("0.0001")})
    assert first.bars == {"BTCUSDT": Bar(*[D(100)] * 8), "ETHUSDT": Bar(*[D("9.9")] * 4, *[D(10)] * 4)}
    assert history.frames[1].time - first.time == timedelta(seconds=30)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (INSTANTS[:3], "ts = 2025-01-01 00:00:30: ETHUSDT has no mark at this instant"),
        (INSTANTS[:2], "instants in the window = 1"),
        ([*INSTANTS, INSTANTS[0]], "line 6 = 2025-01-01T00:00:00Z: time runs backward"),
        ([*INSTANTS, INSTANTS[3]], "ETHUSDT stands here twice"),
        ([*INSTANTS[:3], "2025-01-01T00:00:30Z,ETHUSDT,0,,"], "mark, line 5 = 0"),
        ([*INSTANTS[:3], "2025-01-01T00:00:30Z,ETHUSDT,inf,,"], "mark, line 5 = inf"),
        ([*INSTANTS[:3], "2025-01-01T00:00:30Z,ETHUSDT,1,,,,"], "line 5: the line has more fields"),
        (INSTANTS[::2], "symbol = ETHUSDT: this symbol has no prices; there are BTCUSDT"),
    ],
)
def test_a_wrong_csv_of_instants_is_refused(tmp_path: Path, lines: list[str], says: str) -> None:
    path = instants_file(tmp_path, lines)
    with pytest.raises(BadInput) as caught:
        read_history(path, PAIR)
    assert str(caught.value).startswith(f"{path}: ")
    assert says in str(caught.value)


# How bars are played --------------------------------------------------------------------------------------------------


def frame(**prices: str) -> Frame:
    """A frame of bars written `open high low close` (trade), whose marks are one higher."""
    return Frame(at("2025-01-01"), 3600, {symbol: _bar(text) for symbol, text in prices.items()})


def _bar(text: str) -> Bar:
    trade = [D(price) for price in text.split()]
    return Bar(*trade, *(price + 1 for price in trade))


def marks(path: BarPath, adverse: dict[str, int], **prices: str) -> list[str]:
    """The marks of each point, symbols in order, as text; the last must stand one lower throughout."""
    points = waypoints(frame(**prices), path, adverse)
    assert all(quote.last == quote.mark - 1 for point in points for quote in point.values())
    return [" ".join(str(quote.last) for quote in point.values()) for point in points]


BOTH = {"A": "10 14 8 9", "B": "50 60 45 55"}


@pytest.mark.parametrize(
    ("path", "adverse", "want"),
    [
        (BarPath.WORST, {"A": -1, "B": 1}, ["10 50", "8 60", "14 45", "9 55"]),
        (BarPath.WORST, {"A": -1}, ["10 50", "8 55", "14 55", "9 55"]),
        (BarPath.WORST, {}, ["10 50", "9 55"]),
        (BarPath.BEST, {"A": -1, "B": 1}, ["10 50", "14 45", "8 45", "14 45", "14 60", "14 45", "9 55"]),
        (BarPath.BEST, {"A": -1}, ["10 50", "14 55", "8 55", "14 55", "9 55"]),
        (BarPath.BEST, {}, ["10 50", "9 55"]),
    ],
)
def test_bars_are_played_as_documented(path: BarPath, adverse: dict[str, int], want: list[str]) -> None:
    assert marks(path, adverse, **BOTH) == want


def test_a_rising_market_visits_its_lows_first_and_a_falling_one_its_highs() -> None:
    # returns on mark: A 10/11 - 1 = -9.1 %; B 56/51 - 1 = +9.8 %, or 55/51 - 1 = +7.8 %
    assert marks(BarPath.SYNCHRONISED, {}, **BOTH) == ["10 50", "8 45", "14 60", "9 55"]
    falling = BOTH | {"B": "50 60 45 54"}
    assert marks(BarPath.SYNCHRONISED, {"A": -1}, **falling) == ["10 50", "14 60", "8 45", "9 54"]


def test_trade_prices_are_marks_where_a_bar_has_none() -> None:
    only = Frame(at("2025-01-01"), 60, {"A": Bar(D(2), D(3), D(1), D(2))})
    low = waypoints(only, BarPath.WORST, {"A": -1})[1]
    assert low == {"A": Quote(D(1), D(1))}


def test_an_instant_is_one_point_on_every_path() -> None:
    first = script().frames[0]
    for path in BarPath:
        assert len(waypoints(first, path, {"BTCUSDT": -1, "ETHUSDT": 1})) == 1


price = st.decimals(min_value=D("0.0001"), max_value=D(100000), places=4)


@st.composite
def some_bar(draw: st.DrawFn) -> Bar:
    trade, mark = (sorted(draw(st.lists(price, min_size=4, max_size=4))) for _ in range(2))
    swap = draw(st.booleans())
    ordered = [(four[1 + swap], four[3], four[0], four[2 - swap]) for four in (trade, mark)]
    return Bar(*ordered[0], *ordered[1])


some_frame = st.dictionaries(st.sampled_from("ABCDE"), some_bar(), min_size=1).map(
    lambda bars: Frame(at("2025-01-01"), 60, bars)
)
some_sides = st.dictionaries(st.sampled_from("ABCDE"), st.sampled_from([-1, 0, 1]))


def mark_at(bar: Bar, side: int) -> D | None:
    return {-1: bar.mark_low, 0: bar.mark_close, 1: bar.mark_high}[side]


@given(some_frame, some_sides, st.sampled_from(BarPath))
def test_every_path_goes_from_open_to_close_inside_the_bar(frame: Frame, sides: dict[str, int], path: BarPath) -> None:
    points = waypoints(frame, path, sides)
    for symbol, bar in frame.bars.items():
        assert points[0][symbol] == (bar.mark_open, bar.open)
        assert points[-1][symbol] == (bar.mark_close, bar.close)
        for point in points:
            assert bar.mark_low <= point[symbol].mark <= bar.mark_high
            assert bar.low <= point[symbol].last <= bar.high
    assert all(earlier != later for earlier, later in pairwise(points))
    assert all(point.keys() == frame.bars.keys() for point in points)


@given(some_frame, some_sides)
def test_the_worst_path_has_every_symbol_at_its_adverse_extreme_at_once(frame: Frame, sides: dict[str, int]) -> None:
    worst = {symbol: mark_at(bar, sides.get(symbol, 0)) for symbol, bar in frame.bars.items()}
    points = waypoints(frame, BarPath.WORST, sides)
    assert worst in [{symbol: quote.mark for symbol, quote in point.items()} for point in points]


@given(some_frame, some_sides)
def test_the_best_path_touches_every_adverse_extreme_in_the_kindest_company(
    frame: Frame, sides: dict[str, int]
) -> None:
    points = [{s: quote.mark for s, quote in point.items()} for point in waypoints(frame, BarPath.BEST, sides)]
    kind = {symbol: mark_at(bar, -sides.get(symbol, 0)) for symbol, bar in frame.bars.items()}
    for symbol, bar in frame.bars.items():
        if sides.get(symbol, 0):
            assert kind | {symbol: mark_at(bar, sides[symbol])} in points


@given(some_frame, some_sides)
def test_no_segment_of_the_best_path_trades_one_symbol_against_another(frame: Frame, sides: dict[str, int]) -> None:
    held = {symbol: side for symbol, side in sides.items() if side and symbol in frame.bars}
    points = waypoints(frame, BarPath.BEST, held)
    for earlier, later in pairwise(points):
        moves = [held[symbol] * (later[symbol].mark - earlier[symbol].mark) for symbol in held]
        assert all(move >= 0 for move in moves) or all(move <= 0 for move in moves)
