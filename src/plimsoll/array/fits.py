"""Random models fitted to recorded prices, one function a model. Only GARCH and the length of blocks need the library `arch`.

The step of a fitted model is the step of the history. Nothing is rescaled; who wants another step takes prices of that step,
or `models.with_step` where variance scales with time.
"""

from importlib import import_module
from math import exp, lgamma, log, pi
from typing import Any, Final, NamedTuple

import numpy as np

from plimsoll.array.models import (
    BROWNIAN,
    NO_DRIFT,
    STUDENT,
    YEAR_SECONDS,
    Column,
    Drift,
    PathModel,
    Subject,
    bootstrap,
    drift_column,
    factor,
    garch,
    long_run,
    need_freedom,
    need_variance,
    plain,
    variances,
)
from plimsoll.array.recorded import Recorded, need_rows
from plimsoll.errors import BadInput

BROWNIAN_ROWS: Final = 30
"""A standard deviation from 30 returns is known to about 13 %."""
STUDENT_ROWS: Final = 250
"""Degrees of freedom are read off the tail: of 250 rows some ten are in it."""
GARCH_ROWS: Final = 500
"""Fewer leave alpha and beta all but undetermined."""
BOOTSTRAP_ROWS: Final = 100
CLUSTERS: Final = 10
"""Blocks that a history must hold at least: with fewer, every path is the same story."""
LEAST_FREEDOM: Final = 2.05
"""A fit that ends here wants tails without a variance."""
MOST_FREEDOM: Final = 200.0
"""From here on the t is a normal for any purpose."""
BEYOND: Final = 1.5
BLOCKS_NEED: Final = "choosing a block length needs the library arch: pip install 'plimsoll[array]', or give block"
GARCH_NEEDS: Final = "fitting GARCH needs the library arch: pip install 'plimsoll[array]', or take another model"
UNIT: Final = 10.0
"""Standard deviation that returns are scaled to before `arch` fits them: its search wants variances between 1 and 1000."""


def fit_brownian(history: Recorded, drift: Drift = NO_DRIFT) -> PathModel:
    """Brownian motion with the covariance of the recorded log returns (about their mean, divided by rows - 1)."""
    need_rows(history, max(BROWNIAN_ROWS, len(history.of.symbols) + 2), "brownian")
    scale = factor(_covariance(history.returns))
    mean = history.returns.mean(axis=0)
    return plain(history.of, BROWNIAN, drift_column(history.of, drift, -variances(scale) / 2, mean), scale)


def fit_student(history: Recorded, drift: Drift = NO_DRIFT) -> PathModel:
    """Multivariate Student-t: degrees of freedom and correlation by maximum likelihood, volatility as recorded. The variance
    that the likelihood itself implies grows without bound as the degrees of freedom fall to 2, where short steps of coins
    lie; the recorded one is what users check a model against. BadInput: tails without a variance."""
    need_rows(history, max(STUDENT_ROWS, 5 * len(history.of.symbols)), "student")
    fitted = _student(history.returns)
    if fitted.freedom <= LEAST_FREEDOM * 1.001:
        cure = (
            f"at steps of {history.of.step_seconds:g} seconds the recorded tails have no variance (2 or fewer); "
            "give prices of a longer step, a number for freedom, or the model bootstrap"
        )
        raise BadInput(history.of.source, "degrees of freedom", f"{fitted.freedom:.3g}", cure)
    return student_of(history, fitted.scatter, fitted.freedom, drift)


def fit_student_with(history: Recorded, freedom: float, drift: Drift = NO_DRIFT) -> PathModel:
    """As `fit_student` with stated degrees of freedom."""
    need_rows(history, max(BROWNIAN_ROWS, 5 * len(history.of.symbols)), "student")
    need_freedom(history.of.source, freedom)
    return student_of(history, _scatter(history.returns, freedom, None).scatter, freedom, drift)


def student_of(history: Recorded, scatter: Column, freedom: float, drift: Drift) -> PathModel:
    """The correlation of `scatter` with the volatilities of the history."""
    sizes = np.sqrt(np.diag(_covariance(history.returns)))
    scale = sizes[:, None] * factor(_correlation(scatter))
    mean = history.returns.mean(axis=0)
    column = drift_column(history.of, drift, -variances(scale) / 2, mean)
    return plain(history.of, STUDENT, column, scale)._replace(freedom=float(freedom))


class Scatter(NamedTuple):
    """Centre and scatter of a multivariate t at some degrees of freedom, and its log likelihood."""

    freedom: float
    centre: Column
    scatter: Column
    likelihood: float


def _student(rows: Column) -> Scatter:
    """Maximum likelihood over the degrees of freedom: golden section on their logarithm above 2, the rest by EM."""
    ratio = (5**0.5 - 1) / 2
    low, high = log(LEAST_FREEDOM - 2), log(MOST_FREEDOM - 2)
    points = [high - ratio * (high - low), low + ratio * (high - low)]
    found = [_scatter(rows, 2 + exp(point), None) for point in points]
    while high - low > 1e-3:
        if found[0].likelihood >= found[1].likelihood:
            high, points[1], found[1] = points[1], points[0], found[0]
            points[0] = high - ratio * (high - low)
            found[0] = _scatter(rows, 2 + exp(points[0]), found[1])
        else:
            low, points[0], found[0] = points[0], points[1], found[1]
            points[1] = low + ratio * (high - low)
            found[1] = _scatter(rows, 2 + exp(points[1]), found[0])
    return max(found, key=lambda one: one.likelihood)


def _scatter(rows: Column, freedom: float, start: Scatter | None) -> Scatter:
    """Centre and scatter by EM at fixed degrees of freedom: each row weighs (freedom + m) / (freedom + its distance)."""
    count, width = rows.shape
    centre = np.median(rows, axis=0) if start is None else start.centre
    scatter = _covariance(rows) if start is None else start.scatter
    likelihood = -np.inf
    for _ in range(200):
        distance, volume = _distances(rows - centre, scatter)
        before, likelihood = likelihood, _t_likelihood(distance, volume, freedom, count, width)
        if likelihood - before <= 1e-9 * abs(likelihood):
            break
        weights = (freedom + width) / (freedom + distance)
        centre = weights @ rows / weights.sum()
        apart = rows - centre
        scatter = (apart * weights[:, None]).T @ apart / weights.sum()
    return Scatter(freedom, centre, scatter, likelihood)


def _distances(apart: Column, scatter: Column) -> tuple[Column, float]:
    """Squared distances in units of the scatter, and half the log of its determinant. A hair on the diagonal keeps symbols
    apart that move as one."""
    steady = scatter + np.diag(np.diag(scatter)) * 1e-10
    lower = np.linalg.cholesky(steady)
    solved = np.linalg.solve(lower, apart.T)
    return np.asarray((solved * solved).sum(axis=0)), float(np.log(np.diag(lower)).sum())


def _t_likelihood(distance: Column, volume: float, freedom: float, count: int, width: int) -> float:
    constant = lgamma((freedom + width) / 2) - lgamma(freedom / 2) - width / 2 * log(freedom * pi) - volume
    return float(count * constant - (freedom + width) / 2 * np.log1p(distance / freedom).sum())


def fit_garch(history: Recorded, drift: Drift = NO_DRIFT, leverage: bool = False) -> PathModel:
    """GARCH(1, 1) with normal surprises for each symbol, by maximum likelihood (library `arch`), GJR where `leverage`; then the
    correlation of the standardised surprises, held constant. The first step's variance is the forecast after the last row."""
    need_rows(history, GARCH_ROWS, "garch")
    fitted = [
        _garch_of(history.of, symbol, history.returns[:, column], leverage) for column, symbol in enumerate(history.of.symbols)
    ]
    surprises = np.column_stack([one.surprises for one in fitted])
    rows = np.array([one.row for one in fitted])
    correlation = _correlation(_covariance(surprises))
    return garch(history.of, rows, correlation, drift, history.returns.mean(axis=0))


class FittedGarch(NamedTuple):
    """`row`: as a row of `PathModel.garch`; `surprises` [T]: the returns over their own volatility."""

    row: Column
    surprises: Column


def _garch_of(of: Subject, symbol: str, returns: Column, leverage: bool) -> FittedGarch:
    univariate = _arch(of, "univariate", GARCH_NEEDS)
    size = UNIT / returns.std()
    volatility = univariate.arch_model(
        returns * size, mean="Constant", vol="GARCH", p=1, o=1 if leverage else 0, q=1, dist="normal", rescale=False
    )
    result = volatility.fit(disp="off", show_warning=False)
    if result.convergence_flag != 0:
        cure = f"the search for the most likely numbers did not end ({result.optimization_result.message}); take more history"
        raise BadInput(of.source, f"GARCH of {symbol}", None, cure)
    numbers = result.params
    omega, alpha, beta = float(numbers["omega"]), max(0.0, float(numbers["alpha[1]"])), max(0.0, float(numbers["beta[1]"]))
    gamma = max(-alpha, float(numbers["gamma[1]"])) if leverage else 0.0  # the search keeps its bounds up to round-off
    if alpha + gamma / 2 + beta > 1 - 1e-6:  # arch stops a hair below 1
        need_variance(of.source, symbol, np.array([omega, alpha, gamma, max(beta, 1 - alpha - gamma / 2), 1.0]))
    last, spread = float(result.resid[-1]), float(result.conditional_volatility[-1]) ** 2
    start = omega + (alpha + gamma * (last < 0)) * last * last + beta * spread
    row = np.array([omega / size**2, alpha, gamma, beta, start / size**2])
    need_variance(of.source, symbol, row)
    return FittedGarch(row, np.asarray(result.resid / result.conditional_volatility))


def beyond_recorded(history: Recorded, model: PathModel) -> list[str]:
    """A sentence for each symbol whose long-run volatility by GARCH lies more than half above what was recorded."""
    own, found = history.returns.std(axis=0), np.sqrt(long_run(model.garch))
    year = np.sqrt(YEAR_SECONDS / history.of.step_seconds)
    return [
        f"{symbol}: GARCH goes to a volatility of {there * year:.0%} a year in the long run, {here * year:.0%} was recorded."
        for symbol, here, there in zip(history.of.symbols, own, found, strict=True)
        if there > BEYOND * here
    ]


def fit_bootstrap(history: Recorded, drift: Drift = NO_DRIFT, block: float | None = None) -> PathModel:
    """The recorded rows in random blocks. `block`: mean length in steps (None: `block_length`)."""
    need_rows(history, BOOTSTRAP_ROWS, "bootstrap")
    length = block_length(history) if block is None else block
    if block is None and length * CLUSTERS > len(history.returns):
        there = len(history.returns)
        cure = f"blocks as long as its wild spells: fewer than {CLUSTERS} fit into the history; give block yourself,"
        raise BadInput(history.of.source, "block", f"{length:.0f} steps, {there} rows", f"{cure} or a longer history")
    return bootstrap(history.of, history.returns, length, drift)


def block_length(history: Recorded) -> float:
    """Mean length of blocks, in steps, by the rule of Politis and White for the stationary bootstrap (library `arch`), for the
    absolute returns, the longest of all symbols. Returns themselves hardly depend on each other and would give blocks of a
    step or two; what liquidates is a spell of wild ones, and blocks must keep those together."""
    chosen = _arch(history.of, "bootstrap", BLOCKS_NEED).optimal_block_length(np.abs(history.returns))
    return max(1.0, float(np.nanmax(np.asarray(chosen["stationary"]))))


def _arch(of: Subject, part: str, cure: str) -> Any:
    """A part of the library, imported only now: it takes a second and is optional."""
    try:
        return import_module(f"arch.{part}")
    except ImportError:
        raise BadInput(of.source, "arch", None, cure) from None


def _covariance(rows: Column) -> Column:
    apart = rows - rows.mean(axis=0)
    return np.asarray(apart.T @ apart / (len(rows) - 1))


def _correlation(covariance: Column) -> Column:
    sizes = np.sqrt(np.diag(covariance))
    found = covariance / np.outer(sizes, sizes)
    np.fill_diagonal(found, 1.0)
    return np.clip((found + found.T) / 2, -1.0, 1.0)
