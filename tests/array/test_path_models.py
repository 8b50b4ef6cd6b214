"""Models from stated numbers: what they hold, what the expected price does, and what is refused."""

from math import exp
from typing import Any

import numpy as np
import pytest

from plimsoll.array.models import (
    YEAR_SECONDS,
    Drift,
    DriftKind,
    StatedJumps,
    Subject,
    bootstrap,
    brownian,
    factor,
    garch,
    jumps,
    student,
    with_step,
)
from plimsoll.errors import BadInput

OF = Subject("plan.toml", ("BTCUSDT", "ETHUSDT"), 3600.0)
THREE = Subject("plan.toml", ("A", "B", "C"), 3600.0)
HALF = np.array([[1.0, 0.5], [0.5, 1.0]])
STEP = 3600 / YEAR_SECONDS


def test_a_stated_volatility_is_a_year_s_and_the_price_has_no_drift() -> None:
    model = brownian(OF, [0.8, 0.6], HALF)
    covariance = model.scale @ model.scale.T
    assert covariance[0, 0] == pytest.approx(0.64 * 3600 / 31_536_000, rel=1e-12)
    assert covariance[0, 1] == pytest.approx(0.5 * 0.8 * 0.6 * 3600 / 31_536_000, rel=1e-12)
    assert model.scale[0, 1] == 0
    growth = np.exp(model.drift + np.diag(covariance) / 2)  # the mean of a lognormal
    assert growth == pytest.approx([1, 1], abs=1e-15)


def test_a_drift_a_year_is_the_growth_of_the_expected_price() -> None:
    model = brownian(OF, [0.8, 0.6], HALF, Drift(DriftKind.RATE, 0.1))
    growth = (model.drift + (model.scale**2).sum(axis=1) / 2) * 8760
    assert growth == pytest.approx([0.1, 0.1], rel=1e-12)


def test_the_expected_price_stands_still_with_jumps() -> None:
    stated = StatedJumps(50, [-0.05, -0.08], [0.04, 0.06], HALF)
    model = jumps(OF, [0.5, 0.7], HALF, stated)
    assert model.jump_rate == pytest.approx(1 - exp(-50 * STEP), rel=1e-12)
    for i, volatility in enumerate((0.5, 0.7)):
        lift = exp(stated.mean[i] + stated.volatility[i] ** 2 / 2)
        expected = exp(model.drift[i] + volatility**2 * STEP / 2) * (1 - model.jump_rate + model.jump_rate * lift)
        assert expected == pytest.approx(1, abs=1e-15)


def test_the_rows_of_a_bootstrap_keep_the_expected_price_or_the_recorded_mean() -> None:
    rows = np.array([[0.01, -0.02], [-0.03, 0.05], [0.004, 0.0]])
    still = bootstrap(OF, rows, 2)
    assert np.exp(still.rows).mean(axis=0) == pytest.approx([1, 1], abs=1e-15)
    assert still.restart == 0.5 and not still.drift.any()
    assert np.diff(still.rows, axis=0) == pytest.approx(np.diff(rows, axis=0))
    assert bootstrap(OF, rows, 2, Drift(DriftKind.RECORDED)).rows == pytest.approx(rows)


def test_perfectly_correlated_symbols_are_one() -> None:
    matrix = np.array([[1, 1, -1], [1, 1, -1], [-1, -1, 1.0]])
    lower = factor(matrix)
    assert lower @ lower.T == pytest.approx(matrix)
    model = brownian(THREE, [0.5, 0.5, 0.5], matrix)
    assert model.scale[1] == pytest.approx(model.scale[0])


@pytest.mark.parametrize("size", [1, 2, 5, 12])
def test_the_factor_of_a_matrix_is_its_cholesky_factor(size: int) -> None:
    loads = np.random.default_rng(size).standard_normal((size, size + 2))
    assert factor(loads @ loads.T) == pytest.approx(np.linalg.cholesky(loads @ loads.T))


def test_another_step_scales_variance_with_time() -> None:
    model = brownian(OF, [0.8, 0.6], HALF, Drift(DriftKind.RATE, 0.3))
    minute = brownian(OF._replace(step_seconds=60.0), [0.8, 0.6], HALF, Drift(DriftKind.RATE, 0.3))
    scaled = with_step(model, 60.0, "plan.toml")
    assert scaled.scale == pytest.approx(minute.scale) and scaled.drift == pytest.approx(minute.drift)
    assert scaled.step_seconds == 60.0
    assert with_step(student(OF, [0.8, 0.6], HALF, 4.0), 60.0, "plan.toml").freedom == 4.0


def test_a_model_tied_to_its_step_refuses_another() -> None:
    rows = np.array([[1e-6, 0.1, 0.0, 0.8, 1e-5]] * 2)
    with pytest.raises(BadInput, match=r"plan.toml: step = 60 seconds: this model is tied to its step of 3600 seconds"):
        with_step(garch(OF, rows, HALF), 60.0, "plan.toml")


def matrix(**entries: float) -> Any:
    """Three symbols, uncorrelated but for the entries named, as in `ab=0.5` (both ways) or `ab_only=0.5` (one way)."""
    made = np.eye(3)
    for name, value in entries.items():
        i, j = "abc".index(name[0]), "abc".index(name[1])
        made[i, j] = value
        if not name.endswith("_only"):
            made[j, i] = value
    return made


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (matrix(ab=1.2), "plan.toml: correlation of A and B = 1.2: a correlation lies between -1 and 1"),
        (matrix(bb=0.9), "plan.toml: correlation of B and B = 0.9: a symbol's correlation with itself is 1"),
        (matrix(bc_only=0.4), "plan.toml: correlation of B and C = 0.4: the other way round stands 0; both must be the same"),
        (matrix(ac=float("nan")), "plan.toml: correlation of A and C = nan: give a number"),
        (matrix(ab=0.9, ac=0.9, bc=-0.9), "smallest eigenvalue -0.8)"),
        (np.eye(2), "plan.toml: correlation = (2, 2): give 3 rows of 3 numbers"),
    ],
)
def test_what_is_no_correlation_is_named(given: Any, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        brownian(THREE, [0.5, 0.5, 0.5], given)
    assert says in str(caught.value)


ROW = np.array([1e-6, 0.1, 0.0, 0.8, 1e-5])


def garch_row(place: int, value: float) -> Any:
    row = ROW.copy()
    row[place] = value
    return np.array([ROW, row])


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: brownian(OF, [0.5], HALF), "volatility = 1 numbers: give one for each of BTCUSDT, ETHUSDT"),
        (lambda: brownian(OF, [0.5, 0.0], HALF), "volatility of ETHUSDT = 0: give a number above zero"),
        (lambda: brownian(OF, [0.5, float("inf")], HALF), "volatility of ETHUSDT = inf: give a finite number"),
        (lambda: brownian(OF._replace(step_seconds=0.0), [0.5, 0.5], HALF), "step = 0.0: give a number of seconds"),
        (lambda: brownian(OF, [0.5, 0.5], HALF, Drift(DriftKind.RECORDED)), "drift = recorded: stated numbers have no history"),
        (
            lambda: brownian(OF, [0.5, 0.5], HALF, Drift(DriftKind.RATE, float("nan"))),
            "drift = nan: give a finite number a year",
        ),
        (lambda: student(OF, [0.5, 0.5], HALF, 2.0), "freedom = 2.0: a variance needs more than 2"),
        (lambda: student(OF, [0.5, 0.5], HALF, float("nan")), "freedom = nan: a variance needs more than 2"),
        (lambda: garch(OF, garch_row(1, 0.2), HALF), "alpha + gamma / 2 + beta of ETHUSDT = 1: at 1 or more"),
        (lambda: garch(OF, garch_row(2, 0.3), HALF), "alpha + gamma / 2 + beta of ETHUSDT = 1.05: at 1 or more"),
        (lambda: garch(OF, garch_row(0, 0.0), HALF), "omega of ETHUSDT = 0: no variance comes of it"),
        (lambda: garch(OF, garch_row(2, -0.2), HALF), "alpha + gamma of ETHUSDT = -0.1: no variance comes of it"),
        (lambda: garch(OF, garch_row(4, float("nan")), HALF), "starting variance of ETHUSDT = nan"),
        (lambda: bootstrap(OF, np.zeros((50, 2)), 0.5), "block = 0.5: give a mean block length between 1 and the 50 rows"),
        (lambda: bootstrap(OF, np.zeros((50, 2)), 51), "block = 51: give a mean block length between 1 and the 50 rows"),
        (
            lambda: jumps(OF, [0.5, 0.5], HALF, StatedJumps(0, [0, 0], [0.1, 0.1], HALF)),
            "jumps a year = 0: give a number above",
        ),
        (lambda: jumps(OF, [0.5, 0.5], HALF, StatedJumps(9999, [0, 0], [0.1, 0.1], HALF)), "more than half of the steps"),
        (lambda: jumps(OF, [0.5, 0.5], HALF, StatedJumps(9, [0, 0], [0.1, -0.1], HALF)), "jump volatility of ETHUSDT = -0.1"),
    ],
)
def test_numbers_that_no_model_has_are_refused(build: Any, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        build()
    assert str(caught.value).startswith("plan.toml: ") and says in str(caught.value)


def test_the_first_variance_and_the_long_run_belong_to_the_numbers() -> None:
    model = garch(OF, np.array([ROW, ROW]), HALF)
    assert model.drift == pytest.approx([-1e-6 / 0.1 / 2] * 2)
    assert model.garch[0, 4] == 1e-5 and model.scale @ model.scale.T == pytest.approx(HALF)
