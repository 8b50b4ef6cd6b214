"""How prices may move: a random model of the log returns of several symbols, as plain arrays that compiled code takes, built
here from stated numbers. `fits.py` and `jump_fit.py` build the same from recorded prices.

A stated volatility is a year's (365 days). Drift is an explicit choice. By default the price itself has no drift, so that its
logarithm falls by half its variance: exactly so for BROWNIAN, JUMPS and (over its rows) BOOTSTRAP. For GARCH the long-run
variance stands in the formula, which leaves out how the variance moves. A Student log return has no expected price at all (its
tails are too fat for an exponential), so that half the variance is a convention there and not a martingale.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

import numpy as np

from plimsoll.errors import BadInput

Column = np.ndarray[Any, Any]
Matrix = Column | Sequence[Sequence[float]]

BROWNIAN: Final = 0
STUDENT: Final = 1
JUMPS: Final = 2
GARCH: Final = 3
BOOTSTRAP: Final = 4

YEAR_SECONDS: Final = 365 * 86400
ROUND_OFF: Final = 1e-10
"""A correlation matrix may miss symmetry and positive semidefiniteness by this much: decimals cut off on paper."""
MOST_VOLATILITY: Final = 100.0
"""Of a year, or of a jump: what is wilder leaves the range of float32 within a horizon, and is no market."""
MOST_FREEDOM: Final = 1e6


class PathModel(NamedTuple):
    """One model of `m` symbols. All rates are per step of `step_seconds`; what a kind does not use is zero or empty (never
    missing), so that compiled code takes any kind as one type.

    `drift` [m]: what is added to the log return of every step (JUMPS: beside the jumps; BOOTSTRAP: zero, the rows hold it).
    `scale` [m, m]: lower triangular; volatility a step times the Cholesky factor of the correlation (GARCH: the factor of the
    correlation alone; BOOTSTRAP: zero). `freedom`: STUDENT, degrees of freedom of the multivariate t (one chi-square for all
    symbols, scaled to unit variance). `jump_rate`: JUMPS, probability that a step has a jump, at its end; all symbols jump
    together. `jump_mean` [m], `jump_scale` [m, m] lower triangular: the jump's log size. `garch` [m, 5]: omega, alpha, gamma
    (what a fall adds, GJR), beta, and the variance of the first step: a step's surprise is e = sqrt(h) (scale z), and the next
    variance omega + (alpha + gamma [e < 0]) e^2 + beta h. `rows` [T, m]: BOOTSTRAP, recorded log returns of all symbols, one
    instant a row, moved to the drift asked for. `restart`: BOOTSTRAP, probability of going on at a fresh row (stationary block
    bootstrap: 1 / mean block length)."""

    kind: int
    drift: Column
    scale: Column
    freedom: float
    jump_rate: float
    jump_mean: Column
    jump_scale: Column
    garch: Column
    rows: Column
    restart: float
    step_seconds: float


class DriftKind(StrEnum):
    """What the drift is taken from."""

    ZERO = "zero"
    RECORDED = "recorded"
    RATE = "rate"


class Drift(NamedTuple):
    """ZERO: prices without drift. RECORDED: the mean log return of the history. RATE: the expected price grows by `rate` a
    year, continuously compounded (0.1: e^0.1 in 365 days)."""

    kind: DriftKind
    rate: float = 0.0


NO_DRIFT: Final = Drift(DriftKind.ZERO)


class Subject(NamedTuple):
    """What a model is of: where its numbers come from (for messages), the symbols, the seconds of a step."""

    source: str
    symbols: tuple[str, ...]
    step_seconds: float


def brownian(of: Subject, volatility: Sequence[float], correlation: Matrix, drift: Drift = NO_DRIFT) -> PathModel:
    """Correlated geometric Brownian motion. `volatility`: of a year, by symbol. BadInput names what cannot be."""
    scale = year_scale(of, "volatility", volatility, "correlation", correlation)
    return plain(of, BROWNIAN, drift_column(of, drift, -variances(scale) / 2, None), scale)


def student(
    of: Subject, volatility: Sequence[float], correlation: Matrix, freedom: float, drift: Drift = NO_DRIFT
) -> PathModel:
    """Multivariate Student-t log returns of the same variance: all symbols share a step's chi-square, so that they have their
    wild steps together. `freedom`: above 2, or there is no variance to scale to."""
    scale = year_scale(of, "volatility", volatility, "correlation", correlation)
    model = plain(of, STUDENT, drift_column(of, drift, -variances(scale) / 2, None), scale)
    return model._replace(freedom=need_freedom(of.source, freedom))


class StatedJumps(NamedTuple):
    """Jumps common to all symbols: how many a year, and by symbol the mean and the standard deviation of a jump's log size,
    with their correlation."""

    a_year: float
    mean: Sequence[float]
    volatility: Sequence[float]
    correlation: Matrix


def jumps(
    of: Subject, volatility: Sequence[float], correlation: Matrix, stated: StatedJumps, drift: Drift = NO_DRIFT
) -> PathModel:
    """Brownian motion with jumps that strike all symbols in the same step. At most one jump a step: its probability is that of
    at least one, 1 - exp(-a_year x step)."""
    scale = year_scale(of, "volatility", volatility, "correlation", correlation)
    if not (np.isfinite(stated.a_year) and stated.a_year > 0):
        raise BadInput(of.source, "jumps a year", stated.a_year, "give a number above zero, or the model brownian")
    rate = float(-np.expm1(-stated.a_year * of.step_seconds / YEAR_SECONDS))
    if rate > 0.5:
        raise BadInput(
            of.source, "jumps a year", stated.a_year, "more than half of the steps would have one; take a shorter step"
        )
    mean = _by_symbol(of, "jump mean", stated.mean)
    sizes = need_volatility(of, "jump volatility", stated.volatility, least=0.0)
    jump_scale = sizes[:, None] * factor(need_correlation(of, "jump correlation", stated.correlation))
    return with_jumps(of, scale, rate, mean, jump_scale, drift, None)


def with_jumps(
    of: Subject, scale: Column, rate: float, mean: Column, jump_scale: Column, drift: Drift, recorded: Column | None
) -> PathModel:
    """The jump model of numbers a step. A price without drift makes up for its jumps: log(1 - rate + rate E[e^jump])."""
    with np.errstate(over="ignore"):
        lift = np.log1p(rate * np.expm1(mean + variances(jump_scale) / 2))
    column = drift_column(of, drift, -variances(scale) / 2 - lift, recorded)
    return plain(of, JUMPS, column, scale)._replace(
        jump_rate=rate, jump_mean=mean.astype(np.float64), jump_scale=jump_scale.astype(np.float64)
    )


def garch(of: Subject, rows: Column, correlation: Matrix, drift: Drift = NO_DRIFT, recorded: Column | None = None) -> PathModel:
    """GARCH(1, 1), or GJR-GARCH where gamma is not zero, with constant correlation. `rows`: as `PathModel.garch`, per step."""
    for symbol, row in zip(of.symbols, rows, strict=True):
        need_variance(of.source, symbol, row)
    scale = factor(need_correlation(of, "correlation", correlation))
    column = drift_column(of, drift, -long_run(rows) / 2, recorded)
    return plain(of, GARCH, column, scale)._replace(garch=np.ascontiguousarray(rows, dtype=np.float64))


def bootstrap(of: Subject, rows: Column, block: float, drift: Drift = NO_DRIFT) -> PathModel:
    """Recorded rows in random blocks of the mean length `block`, in steps, all symbols of an instant together."""
    if not (np.isfinite(block) and 1 <= block <= len(rows)):
        raise BadInput(of.source, "block", block, f"give a mean block length between 1 and the {len(rows)} rows there are")
    own = rows.mean(axis=0)
    martingale = own - np.log(np.exp(rows).mean(axis=0))
    wanted = drift_column(of, drift, martingale, own)
    moved = np.ascontiguousarray(rows + (wanted - own), dtype=np.float64)
    empty = np.zeros((len(of.symbols), len(of.symbols)))
    return plain(of, BOOTSTRAP, np.zeros(len(of.symbols)), empty)._replace(rows=moved, restart=1.0 / float(block))


def with_step(model: PathModel, step_seconds: float, source: str) -> PathModel:
    """The same model in steps of another length. Drift and variance scale with time: exact for BROWNIAN. STUDENT keeps its
    degrees of freedom as well, so that the tails belong to the new step and not to sums of the old. BadInput for all other
    kinds: their jumps, clusters and rows belong to the step they were recorded at."""
    if not (np.isfinite(step_seconds) and step_seconds > 0):
        raise BadInput(source, "step", step_seconds, "give a number of seconds above zero")
    if model.kind not in (BROWNIAN, STUDENT):
        cure = f"this model is tied to its step of {model.step_seconds:g} seconds; give prices of the step you want"
        raise BadInput(source, "step", f"{step_seconds:g} seconds", cure)
    ratio = step_seconds / model.step_seconds
    return model._replace(drift=model.drift * ratio, scale=model.scale * np.sqrt(ratio), step_seconds=float(step_seconds))


def with_still(model: PathModel, count: int) -> PathModel:
    """The same model with `count` further symbols whose prices stand still; the others move as they did."""
    aside, square = (0, count), ((0, count), (0, count))
    return model._replace(
        drift=np.pad(model.drift, aside),
        scale=np.pad(model.scale, square),
        jump_mean=np.pad(model.jump_mean, aside),
        jump_scale=np.pad(model.jump_scale, square),
        garch=np.pad(model.garch, (aside, (0, 0))),
        rows=np.pad(model.rows, ((0, 0), aside)),
    )


def drift_column(of: Subject, drift: Drift, martingale: Column, recorded: Column | None) -> Column:
    """Log drift a step. `martingale`: the one that leaves the expected price alone; `recorded`: the history's, None: there is
    none."""
    if not np.isfinite(martingale).all():
        at = of.symbols[int(np.argmin(np.isfinite(martingale)))]
        cure = "its moves are too big for an expected price; correct volatility, jumps or rows"
        raise BadInput(of.source, f"drift of {at}", "not finite", cure)
    if drift.kind is DriftKind.ZERO:
        return martingale
    if drift.kind is DriftKind.RATE:
        if not np.isfinite(drift.rate):
            raise BadInput(of.source, "drift", drift.rate, "give a finite number a year, zero or recorded")
        return martingale + drift.rate * of.step_seconds / YEAR_SECONDS
    if recorded is None:
        raise BadInput(of.source, "drift", "recorded", "stated numbers have no history; give zero or a number a year")
    return recorded


def year_scale(of: Subject, name: str, volatility: Sequence[float], named: str, correlation: Matrix) -> Column:
    """The scale a step of volatilities a year and their correlation, checked."""
    if not (np.isfinite(of.step_seconds) and of.step_seconds > 0):
        raise BadInput(of.source, "step", of.step_seconds, "give a number of seconds above zero")
    sizes = need_volatility(of, name, volatility, least=None) * np.sqrt(of.step_seconds / YEAR_SECONDS)
    return np.asarray(sizes[:, None] * factor(need_correlation(of, named, correlation)))


def variances(scale: Column) -> Column:
    """Variance a step of each symbol: the squared length of its row."""
    return np.asarray((scale * scale).sum(axis=1))


def long_run(rows: Column) -> Column:
    """The mean variance a step of GARCH rows."""
    omega, alpha, gamma, beta = rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3]
    return np.asarray(omega / (1 - alpha - gamma / 2 - beta))


def need_volatility(of: Subject, name: str, given: Sequence[float], least: float | None) -> Column:
    """Standard deviations by symbol, above zero (`least` 0.0: zero is allowed)."""
    found = _by_symbol(of, name, given)
    for symbol, value in zip(of.symbols, found, strict=True):
        if value < 0 or (value == 0 and least is None):
            raise BadInput(of.source, f"{name} of {symbol}", f"{value:g}", "give a number above zero")
        if value > MOST_VOLATILITY:
            cure = f"give at most {MOST_VOLATILITY:g} (1 is 100 %)"
            raise BadInput(of.source, f"{name} of {symbol}", f"{value:g}", cure)
    return found


def need_freedom(source: str, freedom: float) -> float:
    """Degrees of freedom with a variance."""
    if not 2 < freedom <= MOST_FREEDOM:
        cure = f"a variance needs more than 2 (and at most {MOST_FREEDOM:g}); give more, or take the model bootstrap"
        raise BadInput(source, "freedom", freedom, cure)
    return float(freedom)


def need_variance(source: str, symbol: str, row: Column) -> None:
    """Refuse GARCH numbers that are no variance, or whose variance grows without bound."""
    omega, alpha, gamma, beta, start = (float(value) for value in row)
    for name, value, allowed in (
        ("omega", omega, omega > 0),
        ("alpha", alpha, alpha >= 0),
        ("alpha + gamma", alpha + gamma, alpha + gamma >= 0),
        ("beta", beta, beta >= 0),
        ("starting variance", start, start > 0),
    ):
        if not (allowed and np.isfinite(value)):
            raise BadInput(source, f"{name} of {symbol}", f"{value:g}", "no variance comes of it; keep it above zero")
    persistence = alpha + gamma / 2 + beta
    if persistence >= 1:
        cure = "at 1 or more the variance has no long-run mean; take more history, or the model bootstrap or student"
        raise BadInput(source, f"alpha + gamma / 2 + beta of {symbol}", f"{persistence:.6g}", cure)


def need_correlation(of: Subject, name: str, given: Matrix) -> Column:
    """A correlation matrix, or BadInput naming the entry that is wrong or the eigenvalue below zero."""
    matrix, count = np.asarray(given, dtype=np.float64), len(of.symbols)
    if matrix.shape != (count, count):
        raise BadInput(of.source, name, matrix.shape, f"give {count} rows of {count} numbers, one for each symbol")
    for i, one in enumerate(of.symbols):
        for j, other in enumerate(of.symbols):
            value, field = matrix[i, j], f"{name} of {one} and {other}"
            if not np.isfinite(value):
                raise BadInput(of.source, field, value, "give a number")
            if i == j and abs(value - 1) > ROUND_OFF:
                raise BadInput(of.source, field, f"{value:g}", "a symbol's correlation with itself is 1")
            if abs(value) > 1 + ROUND_OFF:
                raise BadInput(of.source, field, f"{value:g}", "a correlation lies between -1 and 1")
            if abs(value - matrix[j, i]) > ROUND_OFF:
                cure = f"the other way round stands {matrix[j, i]:g}; both must be the same"
                raise BadInput(of.source, field, f"{value:g}", cure)
    least = float(np.linalg.eigvalsh(matrix)[0])
    if least < -ROUND_OFF:
        cure = f"not positive semidefinite (smallest eigenvalue {least:.6g}): they contradict each other; correct one"
        raise BadInput(of.source, name, f"of {', '.join(of.symbols)}", cure)
    return matrix


def factor(matrix: Column) -> Column:
    """The lower triangular factor of a positive semidefinite matrix: the Cholesky factor, with a column of zeros wherever a
    symbol is a sum of those before it (which the usual Cholesky refuses)."""
    count = len(matrix)
    lower = np.zeros((count, count))
    for j in range(count):
        left = matrix[j, j] - lower[j, :j] @ lower[j, :j]
        if left <= ROUND_OFF * max(matrix[j, j], 1e-300):
            continue
        lower[j, j] = np.sqrt(left)
        lower[j + 1 :, j] = (matrix[j + 1 :, j] - lower[j + 1 :, :j] @ lower[j, :j]) / lower[j, j]
    return lower


def _by_symbol(of: Subject, name: str, given: Sequence[float]) -> Column:
    found = np.asarray(given, dtype=np.float64)
    if found.shape != (len(of.symbols),):
        raise BadInput(of.source, name, f"{found.size} numbers", f"give one for each of {', '.join(of.symbols)}")
    for symbol, value in zip(of.symbols, found, strict=True):
        if not np.isfinite(value):
            raise BadInput(of.source, f"{name} of {symbol}", value, "give a finite number")
    return found


def plain(of: Subject, kind: int, drift: Column, scale: Column) -> PathModel:
    """A model without what only some kinds have."""
    count = len(of.symbols)
    return PathModel(
        kind=kind,
        drift=np.ascontiguousarray(drift, dtype=np.float64),
        scale=np.ascontiguousarray(scale, dtype=np.float64),
        freedom=0.0,
        jump_rate=0.0,
        jump_mean=np.zeros(count),
        jump_scale=np.zeros((count, count)),
        garch=np.zeros((count, 5)),
        rows=np.zeros((0, count)),
        restart=0.0,
        step_seconds=float(of.step_seconds),
    )
