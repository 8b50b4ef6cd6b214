"""Jump diffusion fitted to recorded prices, with jumps common to all symbols. Two ways, and a choice between them.

THRESHOLD (the default) marks the rows that the local volatility cannot explain, by the test of Lee and Mykland (2008): a return
over the bipower volatility of the rows before it, against what the largest of so many normal numbers exceeds once in a hundred
histories. The rate and the moments of the jumps are those of the marked rows. Jumps as small as a calm step's moves are missed.

LIKELIHOOD is the most likely mixture of a narrow and a wide normal, climbed by EM: the chance that a row had a jump, then the
jump itself (normal given the row), then the numbers. It gives back exactly what a simulation was made with. But coins have wild
spells, and constant volatility knows no word for them but jump: in the recorded half-hours and hours tried, one step in five.
What a margin account fears is the rare common crash, so the threshold is the default.
"""

from enum import StrEnum
from math import ceil, log, pi, sqrt
from typing import Final, NamedTuple

import numpy as np

from plimsoll.array.models import NO_DRIFT, YEAR_SECONDS, Column, Drift, PathModel, factor, with_jumps
from plimsoll.array.recorded import Recorded, need_rows
from plimsoll.errors import BadInput

JUMP_ROWS: Final = 500
LEAST_JUMPS: Final = 5
"""Jumps that must be expected in the history: fewer say nothing of their size."""
MOST_RATE: Final = 0.5
FALSE_ALARM: Final = 0.01
"""Chance that a history without a jump has a row marked."""
STARTS: Final = (0.003, 0.02, 0.1)
"""Shares of the widest rows that the search starts from; the likelihood may have several hills."""
ROUNDS: Final = 2000
CONVERGED: Final = 1e-10


class Mixture(NamedTuple):
    """Numbers a step: `mean`, `covariance` of the diffusion; `rate`, `jump_mean`, `jump_covariance` of the jumps."""

    rate: float
    mean: Column
    covariance: Column
    jump_mean: Column
    jump_covariance: Column


class JumpWay(StrEnum):
    """How jumps are told from the rest."""

    THRESHOLD = "threshold"
    LIKELIHOOD = "likelihood"


def fit_jumps(history: Recorded, drift: Drift = NO_DRIFT, way: JumpWay = JumpWay.THRESHOLD) -> PathModel:
    """A jump diffusion of the history. BadInput: too few rows, or fewer than five jumps can be told from the rest."""
    need_rows(history, max(JUMP_ROWS, 20 * len(history.of.symbols), 2 * window(history)), "jumps")
    if way is JumpWay.THRESHOLD:
        marks = jump_rows(history)
        _need_jumps(history, float(marks.sum()))
        found = _moments(history.returns, marks, len(history.returns) - window(history))
    else:
        found, _ = max((_climb(history.returns, share) for share in STARTS), key=lambda pair: pair[1])
        _need_jumps(history, found.rate * len(history.returns))
    if found.rate > MOST_RATE:
        cure = "more than half of the steps would be jumps, which is no diffusion; take the model student or garch"
        raise BadInput(history.of.source, "jump rate", f"{found.rate:.2f}", cure)
    recorded = history.returns.mean(axis=0) - found.rate * found.jump_mean
    jump_scale = factor(found.jump_covariance)
    return with_jumps(history.of, factor(found.covariance), found.rate, found.jump_mean, jump_scale, drift, recorded)


def window(history: Recorded) -> int:
    """Rows that a local volatility is taken from: the square root of the steps of a year, as Lee and Mykland advise, and at
    least 15."""
    return max(15, ceil(sqrt(YEAR_SECONDS / history.of.step_seconds)))


def jump_rows(history: Recorded) -> Column:
    """Which rows have a jump: True where any symbol's return is beyond what its local volatility explains. The rows of the
    first window are never marked."""
    rows, reach = history.returns, window(history)
    tested = len(rows) - reach
    pairs = np.vstack([np.zeros(rows.shape[1]), np.abs(rows[1:]) * np.abs(rows[:-1])]).cumsum(axis=0)
    spread = (pairs[reach - 1 : -1] - pairs[:tested]) / (reach - 1) * pi / 2
    marks = np.zeros(len(rows), dtype=np.bool_)
    marks[reach:] = (np.abs(rows[reach:]) > _largest(tested * rows.shape[1]) * np.sqrt(spread)).any(axis=1)
    return marks


def _largest(count: int) -> float:
    """What the largest of `count` normal numbers, without sign, exceeds with the chance of a false alarm (Gumbel's law)."""
    width = sqrt(2 * log(count))
    return width - (log(pi) + log(log(count))) / (2 * width) - log(-log(1 - FALSE_ALARM)) / width


def _moments(rows: Column, marks: Column, tested: int) -> Mixture:
    """The numbers of marked and unmarked rows. A jump's covariance is what a marked row has beyond an unmarked one."""
    calm, wild = rows[~marks], rows[marks]
    mean, covariance = calm.mean(axis=0), np.cov(calm, rowvar=False).reshape(rows.shape[1], -1)
    beyond = np.cov(wild, rowvar=False).reshape(rows.shape[1], -1) - covariance
    values, vectors = np.linalg.eigh(_even(beyond))
    spread = (vectors * np.maximum(values, 0)) @ vectors.T
    return Mixture(float(marks.sum() / tested), mean, covariance, wild.mean(axis=0) - mean, _even(spread))


def _need_jumps(history: Recorded, count: float) -> None:
    if count < LEAST_JUMPS:
        cure = f"at least {LEAST_JUMPS} are needed to know how big they are; take a longer history, or the model brownian"
        raise BadInput(history.of.source, "jumps in the history", f"{count:.3g}", cure)


def _climb(rows: Column, share: float) -> tuple[Mixture, float]:
    """EM from one start until the likelihood stands still; the numbers and the log likelihood of a row."""
    now, before = _start(rows, share), -np.inf
    for _ in range(ROUNDS):
        now, likelihood = _round(rows, now)
        if likelihood - before < CONVERGED:
            break
        before = likelihood
    return now, likelihood


def _start(rows: Column, share: float) -> Mixture:
    """The `share` of rows that lie farthest out, in units of each symbol's median absolute return, as if they were jumps."""
    size = np.median(np.abs(rows), axis=0)
    size = np.where(size > 0, size, np.abs(rows).mean(axis=0))
    reach = np.abs(rows / size).max(axis=1)
    far = reach >= np.quantile(reach, 1 - share)
    calm = rows[~far]
    mean, covariance = calm.mean(axis=0), np.cov(calm, rowvar=False).reshape(rows.shape[1], -1)
    apart = rows[far] - mean
    jump_mean = apart.mean(axis=0)
    spread = (apart - jump_mean).T @ (apart - jump_mean) / len(apart) + covariance
    return Mixture(float(far.mean()), mean, covariance, jump_mean, spread)


def _round(rows: Column, now: Mixture) -> tuple[Mixture, float]:
    """One round of EM, and the mean log likelihood of a row before it."""
    apart = rows - now.mean
    both = now.covariance + now.jump_covariance
    calm = log(1 - now.rate) + _log_density(apart, now.covariance)
    wild = log(now.rate) + _log_density(apart - now.jump_mean, both)
    top = np.logaddexp(calm, wild)
    chance = np.exp(wild - top)
    weight = chance.sum()
    gain = np.linalg.solve(both, now.jump_covariance).T  # of the row's distance, what the jump is expected to be
    jump = now.jump_mean + (apart - now.jump_mean) @ gain.T
    left = now.jump_covariance - gain @ now.jump_covariance
    jump_mean = chance @ jump / weight
    about = jump - jump_mean
    jump_covariance = (about * chance[:, None]).T @ about / weight + left
    rest = rows - chance[:, None] * jump
    mean = rest.mean(axis=0)
    still, after = rows - mean, rows - mean - jump
    covariance = (still * (1 - chance)[:, None]).T @ still + (after * chance[:, None]).T @ after + weight * left
    rate = min(max(float(weight / len(rows)), 1e-9), 1 - 1e-9)
    return Mixture(rate, mean, _even(covariance / len(rows)), jump_mean, _even(jump_covariance)), float(top.mean())


def _even(matrix: Column) -> Column:
    """The matrix without the round-off that makes it lopsided."""
    return np.asarray((matrix + matrix.T) / 2)


def _log_density(apart: Column, covariance: Column) -> Column:
    lower = np.linalg.cholesky(covariance + np.diag(np.diag(covariance)) * 1e-10)
    solved = np.linalg.solve(lower, apart.T)
    volume = np.log(np.diag(lower)).sum() + covariance.shape[0] / 2 * log(2 * pi)
    return np.asarray(-(solved * solved).sum(axis=0) / 2 - volume)
