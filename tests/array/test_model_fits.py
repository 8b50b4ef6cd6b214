"""Fits give back what a simulation was made with, and refuse histories that cannot carry them. The simulations are written
here with NumPy, seeds as printed on a failure."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from plimsoll.array.fits import (
    block_length,
    fit_bootstrap,
    fit_brownian,
    fit_garch,
    fit_student,
    fit_student_with,
)
from plimsoll.array.jump_fit import JumpWay, fit_jumps, jump_rows
from plimsoll.array.models import BOOTSTRAP, GARCH, JUMPS, STUDENT, Drift, DriftKind, PathModel, Subject
from plimsoll.array.recorded import Gaps, Recorded, recorded
from plimsoll.errors import BadInput

SYMBOLS = ("BTCUSDT", "ETHUSDT")
OF = Subject("simulated", SYMBOLS, 3600.0)
RECORDED = Drift(DriftKind.RECORDED)
SIGMA = np.array([0.01, 0.02])
LOWER = np.array([[0.01, 0.0], [0.016, 0.012]])
"""Volatilities 0.01 and 0.02 a step, correlation 0.8."""


def chance(seed: int) -> np.random.Generator:
    print(f"seed {seed}")
    return np.random.default_rng(seed)


def history(returns: Any, symbols: tuple[str, ...] = SYMBOLS) -> Recorded:
    times = 3_600_000 * (1 + np.arange(len(returns)))
    return Recorded(OF._replace(symbols=symbols), times, returns, np.full(returns.shape, np.nan), 0)


def correlation(model: PathModel) -> float:
    covariance = model.scale @ model.scale.T
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))


def sizes(scale: Any) -> Any:
    return np.sqrt((scale**2).sum(axis=1))


def test_brownian_motion_is_recovered() -> None:
    rows = np.array([3e-4, -2e-4]) + chance(11).standard_normal((40_000, 2)) @ LOWER.T
    model = fit_brownian(history(rows), RECORDED)
    assert sizes(model.scale) == pytest.approx(SIGMA, rel=0.015)  # four standard errors of 1 / sqrt(2 T)
    assert correlation(model) == pytest.approx(0.8, abs=4 * 0.36 / 200)
    assert model.drift == pytest.approx(rows.mean(axis=0))
    assert fit_brownian(history(rows)).drift == pytest.approx(-(SIGMA**2) / 2, rel=0.03)


@pytest.mark.parametrize(("seed", "freedom"), [(21, 3.0), (22, 5.0), (23, 12.0)])
def test_degrees_of_freedom_are_recovered(seed: int, freedom: float) -> None:
    draw = chance(seed)
    rows = draw.standard_normal((30_000, 2)) @ LOWER.T * np.sqrt((freedom - 2) / draw.chisquare(freedom, 30_000))[:, None]
    model = fit_student(history(rows))
    assert model.kind == STUDENT
    assert model.freedom == pytest.approx(freedom, rel=0.02 * np.sqrt(freedom + 1))
    assert correlation(model) == pytest.approx(0.8, abs=0.01)
    assert sizes(model.scale) == pytest.approx(rows.std(axis=0), rel=1e-3)


def test_normal_returns_have_many_degrees_of_freedom() -> None:
    assert fit_student(history(chance(24).standard_normal((20_000, 2)) @ LOWER.T)).freedom > 50


def test_stated_degrees_of_freedom_stand() -> None:
    rows = chance(25).standard_normal((400, 2)) @ LOWER.T
    assert fit_student_with(history(rows), 4.5).freedom == 4.5


JUMP_LOWER = np.array([[0.04, 0.0], [0.05, 0.03]])
JUMP_MEAN = np.array([-0.10, -0.15])


def jumping(seed: int, rate: float, count: int) -> tuple[Any, Any]:
    draw = chance(seed)
    struck = draw.random(count) < rate
    sizes_of = JUMP_MEAN + draw.standard_normal((count, 2)) @ JUMP_LOWER.T
    return draw.standard_normal((count, 2)) @ LOWER.T + struck[:, None] * sizes_of, struck


@pytest.mark.parametrize(("way", "tolerance"), [(JumpWay.LIKELIHOOD, 0.12), (JumpWay.THRESHOLD, 0.25)])
def test_common_jumps_are_recovered(way: JumpWay, tolerance: float) -> None:
    rows, struck = jumping(31, 0.01, 60_000)
    model = fit_jumps(history(rows), RECORDED, way)
    assert model.kind == JUMPS
    assert model.jump_rate == pytest.approx(0.01, rel=tolerance) and 500 < struck.sum() < 700
    assert model.jump_mean == pytest.approx(JUMP_MEAN, rel=tolerance)
    assert sizes(model.jump_scale) == pytest.approx([0.04, np.hypot(0.05, 0.03)], rel=tolerance)
    assert sizes(model.scale) == pytest.approx(SIGMA, rel=0.03)
    assert model.drift + model.jump_rate * model.jump_mean == pytest.approx(rows.mean(axis=0))


def test_a_row_without_a_jump_is_hardly_ever_marked() -> None:
    marked = sum(jump_rows(history(chance(seed).standard_normal((5_000, 2)) @ LOWER.T)).any() for seed in range(40, 80))
    assert marked <= 8  # the local volatility is an estimate: a few more than the one in a hundred of the exact one


def test_a_marked_row_is_one_that_jumped() -> None:
    rows, struck = jumping(32, 0.005, 20_000)
    marks = jump_rows(history(rows))
    assert (marks & ~struck).sum() <= 1
    assert (marks & struck).sum() >= 0.8 * struck[94:].sum()  # one in eight jumps is no bigger than five calm steps


def clustered(seed: int, count: int, numbers: Any) -> tuple[Any, Any]:
    """GJR-GARCH returns and the variance of the step after them."""
    draw, spread, out = chance(seed), numbers[:, 0] / (1 - numbers[:, 1] - numbers[:, 2] / 2 - numbers[:, 3]), []
    lower = np.array([[1.0, 0.0], [0.7, np.sqrt(0.51)]])
    for normal in draw.standard_normal((count, 2)):
        surprise = np.sqrt(spread) * (lower @ normal)
        out.append(surprise)
        spread = numbers[:, 0] + (numbers[:, 1] + numbers[:, 2] * (surprise < 0)) * surprise**2 + numbers[:, 3] * spread
    return np.array(out), spread


def test_garch_with_leverage_is_recovered() -> None:
    numbers = np.array([[2e-6, 0.05, 0.08, 0.88], [8e-6, 0.08, 0.04, 0.86]])
    rows, spread = clustered(51, 20_000, numbers)
    model = fit_garch(history(rows), leverage=True)
    assert model.kind == GARCH
    assert model.garch[:, 1:4] == pytest.approx(numbers[:, 1:4], abs=0.03)
    assert model.garch[:, 0] == pytest.approx(numbers[:, 0], rel=0.3)
    assert model.garch[:, 4] == pytest.approx(spread, rel=0.1)
    assert correlation(model) == pytest.approx(0.7, abs=0.015) and sizes(model.scale) == pytest.approx([1, 1])


def test_garch_without_leverage_has_none() -> None:
    numbers = np.array([[2e-6, 0.09, 0.0, 0.88], [8e-6, 0.1, 0.0, 0.86]])
    model = fit_garch(history(clustered(52, 10_000, numbers)[0]))
    assert not model.garch[:, 2].any()
    assert model.garch[:, 1] + model.garch[:, 3] == pytest.approx(numbers[:, 1] + numbers[:, 3], abs=0.03)


def test_variance_without_a_mean_is_refused() -> None:
    draw = chance(53)
    spread, out = 1e-4, []
    for normal in draw.standard_normal(4_000):
        out.append(np.sqrt(spread) * normal)
        spread = 1e-6 + 0.25 * out[-1] ** 2 + 0.78 * spread  # 1.03 together
    with pytest.raises(BadInput, match=r"simulated: alpha \+ gamma / 2 \+ beta of BTCUSDT = 1: at 1 or more"):
        fit_garch(history(np.array(out)[:, None], ("BTCUSDT",)))


def test_a_bootstrap_holds_the_recorded_rows_and_blocks_as_long_as_spells() -> None:
    numbers = np.array([[2e-6, 0.05, 0.08, 0.88], [8e-6, 0.08, 0.04, 0.86]])
    wild = history(clustered(54, 5_000, numbers)[0])
    model = fit_bootstrap(wild, RECORDED)
    assert model.kind == BOOTSTRAP and model.rows == pytest.approx(wild.returns)
    assert model.restart == pytest.approx(1 / block_length(wild)) and block_length(wild) > 20
    assert block_length(history(chance(55).standard_normal((5_000, 2)))) < 10
    assert fit_bootstrap(wild, block=24).restart == 1 / 24


def calm(count: int) -> Recorded:
    return history(chance(61).standard_normal((count, 2)) @ LOWER.T)


def wild_tails(count: int) -> Recorded:
    draw = chance(62)
    return history(draw.standard_normal((count, 2)) @ LOWER.T / np.sqrt(draw.chisquare(1.2, count))[:, None])


@pytest.mark.parametrize(
    ("fit", "says"),
    [
        (lambda: fit_brownian(calm(29)), "rows for brownian = 29: 30 are needed"),
        (lambda: fit_student(calm(249)), "rows for student = 249: 250 are needed"),
        (lambda: fit_jumps(calm(499)), "rows for jumps = 499: 500 are needed"),
        (lambda: fit_garch(calm(499)), "rows for garch = 499: 500 are needed"),
        (lambda: fit_bootstrap(calm(99)), "rows for bootstrap = 99: 100 are needed"),
        (lambda: fit_jumps(calm(2_000)), "jumps in the history = 0: at least 5 are needed"),
        (lambda: fit_student(wild_tails(3_000)), "degrees of freedom = 2.05: at steps of 3600 seconds the recorded tails"),
        (lambda: fit_student_with(calm(400), 1.5), "freedom = 1.5: a variance needs more than 2"),
        (lambda: fit_bootstrap(calm(400), block=500), "block = 500: give a mean block length between 1 and the 400 rows"),
    ],
)
def test_a_history_that_cannot_carry_a_model_is_refused(fit: Callable[[], object], says: str) -> None:
    with pytest.raises(BadInput) as caught:
        fit()
    assert str(caught.value).startswith("simulated: ") and says in str(caught.value)


def test_without_arch_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("arch.univariate", "arch.bootstrap"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        BadInput, match=r"simulated: arch: fitting GARCH needs the library arch: pip install 'plimsoll\[array\]'"
    ):
        fit_garch(calm(600))
    with pytest.raises(BadInput, match=r"simulated: arch: choosing a block length needs the library arch"):
        fit_bootstrap(calm(600))
    assert fit_bootstrap(calm(600), block=12).restart == 1 / 12


HOUR = 3_600_000
ONE = OF._replace(symbols=("BTCUSDT",))


def prices(*rows: float | None) -> list[list[float | None]]:
    return [[row] for row in rows]


def test_returns_run_from_close_to_close() -> None:
    made = recorded(ONE, [0, HOUR, 2 * HOUR], prices(100, 110, 99), prices(None, 0.0001, None))
    assert made.returns[:, 0] == pytest.approx(np.log([1.1, 0.9]))
    assert made.times.tolist() == [HOUR, 2 * HOUR] and made.skipped == 0
    assert made.funding[0, 0] == 0.0001 and np.isnan(made.funding[1, 0])


def test_returns_across_a_gap_are_left_out_where_that_is_chosen() -> None:
    times = [0, HOUR, 3 * HOUR, 4 * HOUR, 5 * HOUR, 6 * HOUR]
    made = recorded(ONE, times, prices(100, 101, 102, None, 104, 103), [[None]] * 6, Gaps.SKIP)
    assert made.returns[:, 0] == pytest.approx(np.log([1.01, 103 / 104]))
    assert made.times.tolist() == [HOUR, 6 * HOUR] and made.skipped == 3


@pytest.mark.parametrize(
    ("times", "rows", "says"),
    [
        ([0], prices(100), "prices = 1 rows: a return needs two prices"),
        (
            [0, HOUR, 3 * HOUR],
            prices(1, 2, 3),
            "gap from 1970-01-01 01:00:00 to 1970-01-01 03:00:00 = 2 steps: there are 1 such",
        ),
        ([0, HOUR, 2 * HOUR], prices(1, None, 3), "price of BTCUSDT at 1970-01-01 01:00:00 = missing: there are 2 such places"),
        ([0, HOUR, 2 * HOUR], prices(None, 2, 3), "price of BTCUSDT at 1970-01-01 00:00:00 = missing: there are 1 such places"),
        ([0, HOUR, 2 * HOUR], prices(1, float("nan"), 3), "price of BTCUSDT at 1970-01-01 01:00:00 = missing"),
        ([0, HOUR, 2 * HOUR], prices(1, 0, 3), "price of BTCUSDT at 1970-01-01 01:00:00 = 0.0: a price is above zero"),
        ([0, HOUR, 2 * HOUR], prices(1, -2, 3), "price of BTCUSDT at 1970-01-01 01:00:00 = -2.0: a price is above zero"),
        ([0, HOUR, 2 * HOUR], prices(1, float("inf"), 3), "= inf: a price is above zero and finite"),
        ([0, HOUR, 2 * HOUR], prices(7, 7, 7), "price of BTCUSDT = constant: it never moves"),
        ([0, HOUR, 2 * HOUR], prices(None, None, None), "symbol = BTCUSDT: the history has no price of it"),
        ([0, HOUR, HOUR], prices(1, 2, 3), "time = 1970-01-01 01:00:00: time must rise"),
        ([0, HOUR, HOUR + 60_000], prices(1, 2, 3), "not a whole number of steps of 3600 seconds"),
    ],
)
def test_what_is_no_history_is_named(times: list[int], rows: list[list[float | None]], says: str) -> None:
    with pytest.raises(BadInput) as caught:
        recorded(ONE, times, rows, [[None]] * len(times))
    assert str(caught.value).startswith("simulated: ") and says in str(caught.value)


def test_symbols_are_named_once() -> None:
    with pytest.raises(BadInput, match="symbols = none"):
        recorded(OF._replace(symbols=()), [0, HOUR], [[], []], [[], []])
    with pytest.raises(BadInput, match="symbol = BTCUSDT: stands here twice"):
        recorded(OF._replace(symbols=("BTCUSDT", "BTCUSDT")), [0, HOUR], [[1, 1], [2, 2]], [[None] * 2] * 2)
