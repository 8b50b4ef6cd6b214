"""How prices may move: a random model of the log returns of several symbols, as plain arrays that compiled code takes."""

from typing import Any, Final, NamedTuple

import numpy as np

Column = np.ndarray[Any, Any]

BROWNIAN: Final = 0
STUDENT: Final = 1
JUMPS: Final = 2
GARCH: Final = 3
BOOTSTRAP: Final = 4


class PathModel(NamedTuple):
    """One model of `m` symbols. All rates are per step of `step_seconds`; what a kind does not use is zero or empty (never
    missing), so that compiled code takes any kind as one type.

    `drift` [m]: mean log return a step. `scale` [m, m]: lower triangular; volatility a step times the Cholesky factor of the
    correlation (GARCH: the factor of the correlation alone; BOOTSTRAP: unused). `freedom`: STUDENT, degrees of freedom of the
    multivariate t (one chi-square for all symbols, scaled to unit variance). `jump_rate`: JUMPS, probability that a step has a
    jump; all symbols jump together. `jump_mean` [m], `jump_scale` [m, m] lower triangular: the jump's log size. `garch` [m, 5]:
    omega, alpha, gamma (what a fall adds, GJR), beta, and the starting variance of each symbol. `rows` [T, m]: BOOTSTRAP,
    recorded log returns of all symbols, one instant a row. `restart`: BOOTSTRAP, probability of going on at a fresh row
    (stationary block bootstrap: 1 / mean block length)."""

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
