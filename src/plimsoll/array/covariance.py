"""How the log returns of a model's symbols hang together in a step: variances and covariances, whatever the kind."""

import numpy as np

from plimsoll.array.models import BOOTSTRAP, GARCH, JUMPS, Column, PathModel


def step_covariance(model: PathModel) -> Column:
    """Covariance [m, m] of the log returns of one step. GARCH: that of the first step; BOOTSTRAP: that of its rows. A jump of
    chance p, mean m and covariance S adds p S + p (1 - p) m m'."""
    if model.kind == BOOTSTRAP:
        return np.atleast_2d(np.cov(model.rows, rowvar=False, bias=True))
    inner = model.scale @ model.scale.T
    if model.kind == GARCH:
        size = np.sqrt(model.garch[:, 4])
        return np.asarray(inner * np.outer(size, size))
    if model.kind == JUMPS:
        rate = model.jump_rate
        jump = model.jump_scale @ model.jump_scale.T
        inner = inner + rate * jump + rate * (1 - rate) * np.outer(model.jump_mean, model.jump_mean)
    return np.asarray(inner)
