"""What happens between two steps is seen where the model allows it: chances are those of a path that is watched all the time,
and stops and lines on the way are no gift."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from math import erf, exp, gamma, log, sqrt

import msgspec
import numpy as np
import pytest

from plimsoll.account_file import read_account
from plimsoll.array import models
from plimsoll.array.between import MISSED, look_over, open_survey
from plimsoll.array.funding import no_funding
from plimsoll.array.paths import LANES, next_rows, open_paths
from plimsoll.comparison import Job
from plimsoll.model_choice import Modelled, build, read_model_words
from plimsoll.plan import PlanMode, symbols_of
from plimsoll.rulebook import Rulebook, in_force
from plimsoll.simulation import simulate
from plimsoll.studies import Ask, Odds, Setting, Study
from plimsoll.table_files import load

MARKS = {"BTCUSDT": Decimal(100000), "ETHUSDT": Decimal(4000)}
BROWNIAN = "brownian volatility=BTCUSDT:0.6,ETHUSDT:0.8 correlation=BTCUSDT-ETHUSDT:0.8 funding=none"
STUDENT = BROWNIAN.replace("brownian", "student") + " freedom=3.5"
PATHS = 20_000


@cache
def book(name: str) -> Rulebook:
    return in_force(load(name), date(2026, 7, 2))


@cache
def studied(
    words: str,
    days: float = 5,
    stop: str | None = None,
    mode: PlanMode | None = None,
    venue: str = "binance_usdm",
    **ask: object,
) -> Study:
    modes = [PlanMode.ISOLATED, PlanMode.CROSS] if mode is None else [mode]
    settings = [Setting(venue, each, stop=None if stop is None else Decimal(stop)) for each in modes]
    return asked_together(words, settings, days, **ask)


def asked_together(words: str, settings: Sequence[Setting], days: float = 5, **ask: object) -> Study:
    symbols = symbols_of(read_account("textbook"))
    return simulated(build(read_model_words(words.split()), symbols, None, days * 86400), settings, days, **ask)


def simulated(modelled: Modelled, settings: Sequence[Setting], days: float, **ask: object) -> Study:
    plan = read_account("textbook")
    jobs = [Job(book(venue), book(plan.venue)) for venue in dict.fromkeys(setting.venue for setting in settings)]
    given = msgspec.structs.replace(Ask(horizon_seconds=days * 86400, paths=PATHS, points=5), **ask)
    return simulate(plan, jobs, settings, modelled, MARKS, given)


def passage(barrier: float, years: float, drift: float, spread: float) -> float:
    """The chance that drift t + W(t) / sqrt(years) spread is ever below a barrier < 0 within `years`."""
    below = (1 + erf((barrier - drift * years) / spread / sqrt(2))) / 2
    above = (1 + erf((barrier + drift * years) / spread / sqrt(2))) / 2
    return below + exp(2 * drift * barrier * years / spread**2) * above


def gained(odds: Odds) -> float:
    """What the paths gained on the mean before anything that was paid for: nothing, where prices have no drift."""
    costs = odds.fees + odds.forced + odds.funding - odds.shortfall
    return odds.final_mean.value + costs - odds.start_equity


def error(odds: Odds) -> float:
    """The standard error of the mean that is left."""
    return (odds.final_mean.high - odds.final_mean.low) / 2 / 1.96


@pytest.mark.parametrize("step", ["1h", "6h", "1d"])
def test_an_isolated_long_is_hit_as_often_as_a_brownian_motion_watched_all_the_time(step: str) -> None:
    found = studied(f"{BROWNIAN} step={step}").odds[0]
    for leg, sigma in zip(found.legs, (0.6, 0.8), strict=True):
        assert leg.liquidation_price is not None
        barrier = log(leg.liquidation_price / float(MARKS[leg.symbol]))
        chance = passage(barrier, 5 / 365, -sigma * sigma / 2, sigma * sqrt(5 / 365))
        assert leg.liquidated.value == pytest.approx(chance, abs=4 * sqrt(chance * (1 - chance) / PATHS) + 0.0005)


def test_a_step_of_student_is_a_brownian_motion_of_a_variance_drawn_for_it() -> None:
    """One step of a day; the chance is the passage formula's, over all variances (nu - 2) / chi-square of nu."""
    freedom, sigma, years = 3.5, 0.8, 1 / 365
    found = studied(f"{STUDENT} step=1d", days=1).odds[0].legs[1]
    assert found.liquidation_price is not None
    barrier = log(found.liquidation_price / 4000)
    x = np.exp(np.linspace(log(1e-9), log(200), 200_001))
    weight = x ** (freedom / 2) * np.exp(-x / 2) / (2 ** (freedom / 2) * gamma(freedom / 2))
    chances = [passage(barrier, years, -sigma * sigma / 2, sigma * sqrt(years * (freedom - 2) / c)) for c in x[::100]]
    chance = float(np.trapezoid(np.interp(x, x[::100], chances) * weight, np.log(x)))
    at_its_end = studied(
        f"{STUDENT} step=1d", days=1, straight=True
    ).odds[0].legs[1].liquidated.value
    assert found.liquidated.value == pytest.approx(chance, abs=4 * sqrt(chance / PATHS))
    assert at_its_end < 0.7 * chance


@pytest.mark.parametrize("words", [BROWNIAN, STUDENT])
@pytest.mark.parametrize(("step", "stop", "paths"), [("5d", None, 100_000), ("6h", "0.03", PATHS)])
def test_nobody_gains_from_prices_without_drift(words: str, step: str, stop: str | None, paths: int) -> None:
    """On paths enough, and steps long enough, that the gift of a straight line would not pass in any account."""
    seen, straight = (studied(f"{words} step={step}", stop=stop, paths=paths, straight=way).odds for way in (False, True))
    for odds, gift in zip(seen, straight, strict=True):
        assert abs(gained(odds)) < 4 * error(odds)
        assert gained(gift) > 5 * error(gift)


def test_a_stop_slips_in_a_jump() -> None:
    """All paths that jump fall by 8 % at once; a stop 3 % below fills where the price is then. What makes up for the jumps
    lifts the price by less than 0.8 % on the day."""
    words = (
        "jumps volatility=BTCUSDT:0.0001,ETHUSDT:0.0001 correlation=BTCUSDT-ETHUSDT:0 jumps_a_year=36.5 step=1h funding=none"
        " jump_mean=BTCUSDT:-0.08,ETHUSDT:-0.08 jump_volatility=BTCUSDT:0,ETHUSDT:0 jump_correlation=BTCUSDT-ETHUSDT:0"
    )
    odds = studied(words, days=1, stop="0.03", mode=PlanMode.CROSS).odds[0]
    jumped = 1 - exp(-36.5 / 365)
    assert odds.stopped_out.value == pytest.approx(jumped, abs=4 * sqrt(jumped / PATHS))
    lost = 4000 * (1 - exp(-0.08))
    assert lost - 0.008 * 4000 < odds.value_at_risk < lost


@pytest.mark.parametrize("words", [BROWNIAN, STUDENT])
def test_a_stop_is_no_gift_where_the_exact_engine_decides(words: str) -> None:
    """One step of five days; the stop lies before every line, so that the account with walls, which the exact engine never
    sees, is the same one on the same paths. Cross is handed over; what is left of the step after that was once straight from
    point to point, which brought 14 and 11 too much here."""
    walls, handed = studied(f"{words} step=5d", stop="0.03", venue="bybit_uta", paths=800).odds
    assert walls.handed == 0 and handed.handed > 500
    assert abs(gained(handed)) < 4 * error(handed)
    assert gained(handed) == pytest.approx(gained(walls), abs=0.5)
    assert handed.stopped_out == walls.stopped_out


def test_points_between_do_not_depend_on_who_asks() -> None:
    """Neither threads nor other settings on the same paths, one of which is handed over, change a digit."""
    words, ask = f"{BROWNIAN} step=1d", {"paths": 600, "days": 2}
    grid = [
        Setting(venue, mode, stop=stop)
        for venue in ("bybit_uta", "binance_usdm")
        for mode in (PlanMode.CROSS, PlanMode.ISOLATED)
        for stop in (Decimal("0.03"), None)
    ]
    together = asked_together(words, grid, threads=2, **ask).odds
    assert together[0].handed > 0
    assert together == asked_together(words, grid, threads=1, **ask).odds
    for setting, found in zip(grid, together, strict=True):
        assert (found,) == asked_together(words, [setting], threads=1, **ask).odds


def test_a_jump_diffusion_is_hit_as_often_whatever_its_step() -> None:
    jumps = (
        "jumps volatility=BTCUSDT:0.5,ETHUSDT:0.7 correlation=BTCUSDT-ETHUSDT:0.8 jumps_a_year=20 funding=none"
        " jump_mean=BTCUSDT:-0.03,ETHUSDT:-0.04 jump_volatility=BTCUSDT:0.03,ETHUSDT:0.04 jump_correlation=BTCUSDT-ETHUSDT:0.9"
    )
    fine, rough = (studied(f"{jumps} step={step}").odds for step in ("30m", "12h"))
    for one, other in zip(fine, rough, strict=True):
        spread = 4 * sqrt(2 * one.liquidated.value / PATHS)
        assert other.liquidated.value == pytest.approx(one.liquidated.value, abs=spread)
        assert abs(gained(other)) < 4 * error(other)


def test_an_isolated_long_is_hit_as_often_as_a_garch_walk_watched_all_the_time() -> None:
    """The recursion written out, each step survived with the chance of its bridge; variances begin high and cluster."""
    terms = np.array([[5e-5, 0.25, 0.1, 0.5, 6e-4], [9e-5, 0.3, 0.0, 0.5, 1.1e-3]])
    model = models.garch(models.Subject("test", tuple(MARKS), 21600.0), terms, [[1, 0.6], [0.6, 1]])
    modelled = Modelled(tuple(MARKS), model, no_funding(models.Subject("test", tuple(MARKS), 21600.0)), ())
    setting = Setting("binance_usdm", PlanMode.ISOLATED)
    found, straight = (simulated(modelled, [setting], 5, straight=way).odds[0] for way in (False, True))
    draw = np.random.default_rng(1)
    for leg, at_steps, (omega, alpha, tilt, beta, first) in zip(found.legs, straight.legs, terms, strict=True):
        assert leg.liquidation_price is not None
        barrier = log(leg.liquidation_price / float(MARKS[leg.symbol]))
        drift = -omega / (1 - alpha - tilt / 2 - beta) / 2
        x, h, alive = np.zeros(400_000), np.full(400_000, first), np.ones(400_000)
        for _ in range(20):
            surprise = np.sqrt(h) * draw.standard_normal(len(x))
            y = x + drift + surprise
            alive *= np.where(y > barrier, 1 - np.exp(-2 * np.maximum((x - barrier) * (y - barrier), 0) / h), 0)
            x, h = y, omega + (alpha + tilt * (surprise < 0)) * surprise**2 + beta * h
        chance = 1 - float(alive.mean())
        spread = 4 * sqrt(chance * (1 - chance) * (1 / PATHS + 1 / len(x)))
        assert leg.liquidated.value == pytest.approx(chance, abs=spread)
        assert at_steps.liquidated.value < chance - 2 * spread


def test_a_garch_step_strays_as_far_as_its_own_variance() -> None:
    """Moves over the volatilities that the survey tells are normals of the stated correlation, clusters and all; the reach is
    that of the wilder symbol."""
    subject = models.Subject("test", ("A", "B"), 3600.0)
    terms = np.array([[1e-6, 0.1, 0.05, 0.85, 4e-5], [2e-6, 0.15, 0.0, 0.8, 9e-5]])
    model = models.garch(subject, terms, [[1, 0.6], [0.6, 1]])
    steps = 200
    state, survey = open_paths(model, 3, 0), open_survey(model, 3, 0, steps)
    logs, rows = np.empty((steps, 2, LANES), np.float32), np.empty((steps, LANES), np.int32)
    next_rows(model, state, logs, rows)
    look_over(model, survey, logs, rows, 1)
    moves = np.diff(logs.astype(float), axis=0) - model.drift[:, None]
    normals = moves / survey.sizes[1:]
    assert np.std(normals, axis=(0, 2)) == pytest.approx([1, 1], abs=0.01)
    assert np.mean(normals**4, axis=(0, 2)) == pytest.approx([3, 3], abs=0.1)
    assert np.mean(normals[:, 0] * normals[:, 1]) == pytest.approx(0.6, abs=0.02)
    wilder = np.max(survey.sizes.astype(float), axis=1) ** 2
    assert survey.reach == pytest.approx(-log(MISSED) * wilder, rel=1e-5)
