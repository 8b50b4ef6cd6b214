"""The timings can be taken: every measured thing runs, and a missed budget is said aloud. No time is judged here."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from plimsoll.margin.assess import assess

sys.path.insert(0, str(Path(__file__).parents[1]))  # pytest puts `tests` on the path, not the repository
bench, accounts, replays = (import_module(f"bench.{name}") for name in ("__main__", "accounts", "replays"))

TENS = accounts.tens() | {f"{name}, made": accounts.ten_of(name) for name in ("binance_usdm", "okx_futures")}


@pytest.mark.parametrize("name", TENS)
def test_a_timed_account_holds_ten_symbols_long_and_short_some_beyond_the_first_bracket(name: str) -> None:
    case = TENS[name]
    view = assess(case.account, case.marks, case.venue.rulebook)
    assert len({leg.symbol for leg in view.legs}) == len(view.legs) == 10
    assert {leg.size > 0 for leg in view.legs} == {True, False}
    instruments = case.venue.rulebook.instruments
    stepped = sum(len(instruments[leg.symbol].brackets) > 1 for leg in view.legs)
    assert sum(leg.bracket > 0 for leg in view.legs) >= min(stepped, 1)
    assert not any(pool.liquidatable for pool in view.pools)


def test_a_row_is_measured_as_often_as_promised() -> None:
    calls: list[int] = []
    row = bench.measure("counted", lambda: calls.append(1), seconds=1e-9)
    assert len(row.times) == bench.REPEATS == 9
    assert len(calls) == bench.REPEATS + 3, "one warm-up, one to size the repeat, one repeat thrown away"


def test_the_day_that_is_timed_is_played_to_its_end() -> None:
    played = replays.day(accounts.textbook())()
    assert played.final.marks.time is not None
    assert (played.final.marks.time - replays.START).total_seconds() > 23 * 3600


@pytest.mark.parametrize(
    ("times", "verdict"), [((90.0, 100.0, 101.0), "ok"), ((100.0, 101.0, 102.0), "MISSED"), ((50.0, 100.0, 500.0), "ok noisy")]
)
def test_a_line_says_the_verdict(times: tuple[float, ...], verdict: str) -> None:
    assert bench.line(bench.Row("x", 100, times)).endswith(verdict)


def test_a_line_without_a_budget_has_no_verdict() -> None:
    assert not any(word in bench.line(bench.Row("x", None, (1.0,))) for word in ("ok", "MISSED"))


def test_what_cannot_run_says_why() -> None:
    assert "skipped: numba is not installed" in bench.line(bench.Row("x", skipped="numba is not installed"))


def test_two_sides_run_by_turns_and_the_slower_one_sets_the_ratio() -> None:
    side_by_side = import_module("bench.side_by_side")
    turns: list[str] = []

    def work(name: str, rounds: int) -> int:
        turns.append(name)
        return sum(range(rounds))

    quick = side_by_side.Side("quick", lambda: work("quick", 40_000), 1, "exact")
    slow = side_by_side.Side("slow", lambda: work("slow", 4_000_000), 1, "off by 1")
    ratio = side_by_side.by_turns("sums", quick, slow, 2)
    assert ratio.times_faster > 2
    assert turns[4:].count("slow") >= side_by_side.ROUNDS and turns[-1] == "slow"
    printed = side_by_side.line(ratio).splitlines()
    assert printed[0].startswith("sums: ") and printed[0].endswith("target 2x  ok")
    assert printed[2].endswith("off by 1")
    assert "MISSED" in side_by_side.line(ratio._replace(target=1e9))


def test_errors_are_told_with_the_prices_that_one_side_alone_has() -> None:
    positions = pytest.importorskip("bench.positions", reason="needs numba", exc_type=ImportError)
    nan = float("nan")
    said = positions.errors([1.0, 2.0, nan, 5.0], [1.0, 1.0, 3.0, nan])
    assert said == (
        "off by 5.0e-01 (median), 1.0e+00 (most), 50.0% by more than 1e-6, "
        "2 of 4 with a price where there is none or none where there is one"
    )
