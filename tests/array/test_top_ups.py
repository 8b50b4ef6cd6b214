"""Studies of accounts that add money on the way: chances are those of the formulas, what comes from outside is no gain, and the
exact engine is told which top-ups are still to come."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from math import erf, exp, log, pi, sqrt

import msgspec
import numpy as np
import pytest

from plimsoll.account_file import read_account
from plimsoll.array import study as engine
from plimsoll.comparison import Job
from plimsoll.errors import BadInput
from plimsoll.model import LegSide
from plimsoll.model_choice import build, read_model_words
from plimsoll.plan import Payer, PlanMode, PlannedTopUp, symbols_of
from plimsoll.rulebook import Rulebook, in_force
from plimsoll.simulation import simulate
from plimsoll.studies import Ask, Odds, Setting, Study
from plimsoll.table_files import load

D = Decimal
MARKS = {"BTCUSDT": D(100000), "ETHUSDT": D(4000)}
BROWNIAN = "brownian volatility=BTCUSDT:0.6,ETHUSDT:0.8 correlation=BTCUSDT-ETHUSDT:0.8 funding=none step=6h"
FALLS = (
    "jumps volatility=BTCUSDT:0.0001,ETHUSDT:0.0001 correlation=BTCUSDT-ETHUSDT:0 jumps_a_year=200 step=6h funding=none"
    " jump_mean=BTCUSDT:-0.06,ETHUSDT:-0.06 jump_volatility=BTCUSDT:0,ETHUSDT:0 jump_correlation=BTCUSDT-ETHUSDT:0"
)
BEGINS = datetime(2026, 7, 2, tzinfo=UTC)
PATHS = 20_000
YEARS = 5 / 365


@cache
def book(name: str) -> Rulebook:
    return in_force(load(name), date(2026, 7, 2))


def planned(symbol: str, amount: str, payer: Payer, at_price: str | None = None, at: datetime | None = None) -> PlannedTopUp:
    return PlannedTopUp(symbol, D(amount), payer, LegSide.NET, None if at_price is None else D(at_price), at)


@cache
def studied(
    top_ups: tuple[PlannedTopUp, ...],
    mode: PlanMode = PlanMode.ISOLATED,
    venue: str = "binance_usdm",
    words: str = BROWNIAN,
    begins: datetime | None = None,
    wallet: str = "2000",
    **ask: object,
) -> Study:
    plan = msgspec.structs.replace(read_account("textbook"), top_ups=top_ups, wallet={"USDT": D(wallet)})
    given = msgspec.structs.replace(Ask(horizon_seconds=5 * 86400, paths=PATHS, points=5), **ask)
    modelled = build(read_model_words(words.split()), symbols_of(plan), None, 5 * 86400)._replace(begins=begins)
    return simulate(plan, [Job(book(venue), book(plan.venue))], [Setting(venue, mode)], modelled, MARKS, given)


def passage(barrier: float, years: float, sigma: float) -> float:
    """The chance that the log of a price without drift is ever below a barrier < 0 within `years`."""
    spread, drift = sigma * sqrt(years), -sigma * sigma / 2 * years
    below, above = ((1 + erf((barrier - sign * drift) / spread / sqrt(2))) / 2 for sign in (1, -1))
    return below + exp(2 * drift * barrier / spread**2) * above


def line(found: Odds, symbol: str, added: float = 0.0) -> float:
    """The log of a long's line over the start; money behind it moves it by amount / (size (1 - rate)), which is lowest-bracket
    arithmetic: 0.4 % at BTCUSDT."""
    leg = next(leg for leg in found.legs if leg.symbol == symbol)
    assert leg.liquidation_price is not None
    size = leg.notional / float(MARKS[symbol])
    return log((leg.liquidation_price - added / (size * (1 - 0.004))) / float(MARKS[symbol]))


def close(found: float, chance: float) -> bool:
    return abs(found - chance) < 4 * sqrt(chance * (1 - chance) / PATHS) + 0.0005


@pytest.mark.parametrize("payer", [Payer.CASH, Payer.OUTSIDE])
def test_money_at_a_level_moves_the_line_before_it_is_reached(payer: Payer) -> None:
    """The way to the old line leads over the level: only the new one counts, watched all the time; and the money has come as
    often as the level is passed."""
    bare = studied(()).odds[0]
    found = studied((planned("BTCUSDT", "150", payer, at_price="97000"),)).odds[0]
    chance = passage(line(bare, "BTCUSDT", 150), YEARS, 0.6)
    assert close(found.legs[0].liquidated.value, chance)
    assert chance < 0.7 * bare.legs[0].liquidated.value
    assert found.legs[1].liquidated == bare.legs[1].liquidated
    came = passage(log(0.97), YEARS, 0.6)
    assert close(found.added / 150, came if payer is Payer.OUTSIDE else 0.0)


def test_money_at_a_time_counts_from_then_on() -> None:
    """The chance of the old line until then, and of the new one after it, over where a path that lives may stand: the density
    of a Brownian motion that is killed at the old line."""
    bare = studied(()).odds[0]
    day = timedelta(days=2, hours=1)
    found = studied((planned("BTCUSDT", "150", Payer.CASH, at=BEGINS + day),), begins=BEGINS).odds[0]
    first, rest = 54 / 24 / 365, YEARS - 54 / 24 / 365
    old, new, drift = line(bare, "BTCUSDT"), line(bare, "BTCUSDT", 150), -0.6**2 / 2
    x = np.linspace(old, 1.0, 20_001)
    variance = 0.36 * first

    def density(start: float) -> np.ndarray:
        return np.exp(-((x - start - drift * first) ** 2) / 2 / variance) / sqrt(2 * pi * variance)

    alive = density(0.0) - exp(2 * drift * old / 0.36) * density(2 * old)
    later = np.array([passage(new - each, rest, 0.6) for each in x])
    chance = passage(old, first, 0.6) + float(np.trapezoid(alive * later, x))
    assert close(found.legs[0].liquidated.value, chance)
    assert chance < 0.97 * bare.legs[0].liquidated.value


@pytest.mark.parametrize("mode", [PlanMode.ISOLATED, PlanMode.CROSS])
def test_money_from_outside_is_no_gain(mode: PlanMode) -> None:
    fresh = (
        planned("BTCUSDT", "200", Payer.OUTSIDE, at_price="98000"),
        planned("ETHUSDT", "100", Payer.OUTSIDE, at_price="4100"),
        planned("ETHUSDT", "50", Payer.OUTSIDE, at=BEGINS + timedelta(days=3)),
    )
    study = studied(fresh, mode, begins=BEGINS)
    odds = study.odds[0]
    gained = odds.final_mean.value + odds.fees + odds.forced - odds.shortfall - odds.start_equity
    assert abs(gained) < 4 * (odds.final_mean.high - odds.final_mean.low) / 2 / 1.96
    up = passage(-log(4100 / 4000), YEARS, 0.8)
    assert 0.5 * 200 + 0.8 * up * 100 + 50 < odds.added < 350
    assert any("is no gain" in note for note in study.notes)


def test_threads_do_not_change_a_digit() -> None:
    both = (planned("BTCUSDT", "150", Payer.OUTSIDE, at_price="97000"), planned("ETHUSDT", "50", Payer.CASH, at_price="3900"))
    assert studied(both, threads=1, paths=1500) == studied(both, threads=2, paths=1500)


@pytest.mark.parametrize(
    ("venue", "mode", "words", "straight"),
    [
        ("binance_usdm", PlanMode.ISOLATED, BROWNIAN, True),
        ("binance_usdm", PlanMode.ISOLATED, FALLS, False),
        ("bybit_uta", PlanMode.CROSS, BROWNIAN, True),
        ("bybit_uta", PlanMode.CROSS, FALLS, False),
    ],
)
def test_the_walk_and_the_exact_engine_add_the_same_money(
    venue: str, mode: PlanMode, words: str, straight: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same study with every path replayed whole. At BTC 97000 prices leap over the level where all falls at once."""
    added = (
        planned("BTCUSDT", "150", Payer.OUTSIDE, at_price="97000"),
        planned("ETHUSDT", "60", Payer.CASH, at_price="3800"),
        planned("ETHUSDT", "70", Payer.OUTSIDE, at=BEGINS + timedelta(days=2)),
        planned("BTCUSDT", "40", Payer.OUTSIDE, at_price="90000"),
    )
    plain = engine.lay_desk
    plan = msgspec.structs.replace(read_account("textbook"), top_ups=added)

    def run() -> Odds:
        ask = Ask(horizon_seconds=4 * 86400, paths=16, points=4, straight=straight)
        modelled = build(read_model_words(words.split()), symbols_of(plan), None, 4 * 86400)._replace(begins=BEGINS)
        return simulate(plan, [Job(book(venue), book(plan.venue))], [Setting(venue, mode)], modelled, MARKS, ask).odds[0]

    walked = run()
    monkeypatch.setattr(engine, "lay_desk", lambda *given: plain(*given)._replace(steady=False))
    replayed = run()
    assert replayed.close_calls == 16 and walked.close_calls == 0
    assert (walked.handed > 0) == (venue == "bybit_uta")
    assert walked.added == pytest.approx(replayed.added, rel=1e-9) and walked.added > 70
    assert walked.liquidated == replayed.liquidated
    assert walked.final_mean.value == pytest.approx(replayed.final_mean.value, abs=1e-3)
    assert walked.lowest_equity.values == pytest.approx(replayed.lowest_equity.values, abs=1e-3)


def test_a_time_needs_a_calendar() -> None:
    timed = (planned("BTCUSDT", "150", Payer.CASH, at=BEGINS),)
    with pytest.raises(BadInput, match=r"top_ups 1 \(BTCUSDT\) at"):
        studied(timed)
    with pytest.raises(BadInput, match="paths begin at"):
        studied(timed, begins=BEGINS + timedelta(hours=1))
