"""What funding a simulated path pays: a description, made from the recorded rates or from a stated one.

A rate is charged at the start of a step, on the position's value there; positive: longs pay shorts.
"""

from typing import Final, NamedTuple

import numpy as np

from plimsoll.array.models import BOOTSTRAP, Column, PathModel, Subject
from plimsoll.array.recorded import Recorded, show_time
from plimsoll.errors import BadInput

NONE: Final = 0
PROFILE: Final = 1
BESIDE: Final = 2
REVERTING: Final = 3

DAY: Final = 86400
CHARGES: Final = 30
"""Pairs of charges that an autoregression needs."""
STATED: Final = "choose funding fitted, a rate, or none"


class FundingModel(NamedTuple):
    """`rates`: PROFILE [P, m], charged at step k of a path is row (first + k) mod P; BESIDE [T, m], beside the `rows` of a
    bootstrap; 0 where nothing is charged. REVERTING: symbol i is charged at steps due[i], due[i] + every[i], ...; its rate is
    mean + persistence (the rate before - mean) + noise z, with a standard normal z of its own. `reverting` [m, 4]: mean,
    persistence, noise and the last rate recorded. `covered_seconds`: how long the record is that the rates were taken from (0:
    the choice holds for any horizon)."""

    kind: int
    rates: Column
    first: int
    every: Column
    due: Column
    reverting: Column
    covered_seconds: float
    step_seconds: float


def no_funding(of: Subject) -> FundingModel:
    """Nothing is charged."""
    count = len(of.symbols)
    whole = np.zeros(count, dtype=np.int64)
    return FundingModel(NONE, np.zeros((0, count)), 0, whole, whole, np.zeros((count, 4)), 0.0, float(of.step_seconds))


def constant_funding(of: Subject, rate: float, every_seconds: float) -> FundingModel:
    """`rate` for all symbols each `every_seconds`, first at the first step. Where a step is the longer, it pays all of its
    charges at once. BadInput: neither is a multiple of the other."""
    step = of.step_seconds
    if not np.isfinite(rate) or abs(rate) >= 1:
        raise BadInput(of.source, "funding", rate, "give a rate a charge such as 0.0001")
    if every_seconds > 0 and every_seconds % step == 0:
        cycle, each = int(every_seconds // step), rate
    elif every_seconds > 0 and step % every_seconds == 0:
        cycle, each = 1, rate * (step // every_seconds)
    else:
        cure = f"the time between charges and the step of {step:g} seconds must go into each other"
        raise BadInput(of.source, "funding every", f"{every_seconds:g} seconds", cure)
    rates = np.zeros((cycle, len(of.symbols)))
    rates[0] = each
    return no_funding(of)._replace(kind=PROFILE, rates=rates)


def recorded_funding(history: Recorded, model: PathModel, first_time: int) -> FundingModel:
    """The funding of the history. A bootstrap carries what was charged beside each row; any other model pays the mean of what
    each time of day (UTC) was charged. `first_time`: when a path begins, milliseconds. BadInput: the record has holes, or a day
    is no whole number of steps."""
    _need_cover(history)
    paid = np.nan_to_num(history.funding, nan=0.0)
    covered = len(paid) * history.of.step_seconds
    found = no_funding(history.of)._replace(covered_seconds=float(covered))
    if model.kind == BOOTSTRAP:
        assert len(model.rows) == len(paid), "the rows of a bootstrap and its history are the same"
        return found._replace(kind=BESIDE, rates=np.ascontiguousarray(paid))
    step = history.of.step_seconds
    cycle = max(1, int(DAY // step))
    if DAY % step and step % DAY:
        cure = f"a day is no whole number of steps of {step:g} seconds, so there is no time of day to average; {STATED}"
        raise BadInput(history.of.source, "funding", "recorded", cure)
    slots = (history.times // 1000 - int(step)) // int(step) % cycle
    counts = np.bincount(slots, minlength=cycle)
    if (counts == 0).any():
        cure = f"the history is shorter than a day, so that times of day are missing; {STATED}"
        raise BadInput(history.of.source, "funding", "recorded", cure)
    rates = np.column_stack([np.bincount(slots, paid[:, i], cycle) / counts for i in range(paid.shape[1])])
    return found._replace(kind=PROFILE, rates=np.ascontiguousarray(rates), first=first_time // 1000 // int(step) % cycle)


def fitted_funding(history: Recorded, first_time: int) -> FundingModel:
    """An autoregression of order one of each symbol's recorded rate, by least squares on charges that follow each other.
    BadInput: too few charges, or a rate that does not return to a mean."""
    count, step = len(history.of.symbols), int(history.of.step_seconds * 1000)
    every, due = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    reverting = np.zeros((count, 4))
    for i, symbol in enumerate(history.of.symbols):
        when, rates = _charges(history, i)
        apart = _usual(history.of.source, symbol, when)
        pairs = np.diff(when) == apart
        if pairs.sum() < CHARGES:
            cure = f"{CHARGES} charges in a row are needed to fit one; choose funding recorded, a rate, or none"
            raise BadInput(history.of.source, f"funding of {symbol}", f"{int(pairs.sum())} pairs of charges", cure)
        reverting[i] = _autoregression(history.of.source, symbol, rates[:-1][pairs], rates[1:][pairs], rates[-1])
        every[i] = apart // step
        due[i] = -((first_time - when[-1]) // step) % every[i]
    return no_funding(history.of)._replace(kind=REVERTING, every=every, due=due, reverting=reverting)


def need_horizon(funding: FundingModel, horizon_seconds: float, source: str) -> None:
    """BadInput where a path is longer than the recorded funding that it repeats."""
    if 0 < funding.covered_seconds < horizon_seconds:
        days = f"{horizon_seconds / DAY:g} days, funding is recorded for {funding.covered_seconds / DAY:g}"
        raise BadInput(source, "horizon", days, f"a longer path would pay the same record twice; {STATED}")


def with_uncharged(funding: FundingModel, count: int) -> FundingModel:
    """The same with `count` further symbols that pay nothing."""
    aside = (0, count)
    return funding._replace(
        rates=np.pad(funding.rates, ((0, 0), aside)),
        every=np.pad(funding.every, aside),
        due=np.pad(funding.due, aside),
        reverting=np.pad(funding.reverting, (aside, (0, 0))),
    )


def charges(funding: FundingModel, steps: int, rows: Column, normals: Column) -> Column:
    """The rates [steps, m] that one path is charged, 0 where nothing is due. `rows` [steps]: BESIDE, the row of the bootstrap
    that each step took; `normals` [steps, m]: REVERTING. The plain statement of what a FundingModel means, for tests and for
    few paths."""
    count = len(funding.every)
    out = np.zeros((steps, count))
    if funding.kind == PROFILE:
        out[:] = funding.rates[(funding.first + np.arange(steps)) % len(funding.rates)]
    elif funding.kind == BESIDE:
        out[:] = funding.rates[rows]
    elif funding.kind == REVERTING:
        for i in range(count):
            mean, persistence, noise, rate = funding.reverting[i]
            for step in range(int(funding.due[i]), steps, int(funding.every[i])):
                rate = mean + persistence * (rate - mean) + noise * normals[step, i]
                out[step, i] = rate
    return out


def _charges(history: Recorded, column: int) -> tuple[Column, Column]:
    """When a symbol was charged (start of the row's step, milliseconds) and at what rate."""
    rates = history.funding[:, column]
    there = ~np.isnan(rates)
    symbol = history.of.symbols[column]
    if there.sum() < 2:
        cure = "funding is recorded at two places at least, or not at all; choose a rate, or none"
        raise BadInput(history.of.source, f"funding of {symbol}", f"{int(there.sum())} charges", cure)
    return history.times[there] - int(history.of.step_seconds * 1000), rates[there]


def _usual(source: str, symbol: str, when: Column) -> int:
    """The most frequent time between two charges; the shortest of those that are as frequent."""
    found, counts = np.unique(np.diff(when), return_counts=True)
    usual = int(found[np.argmax(counts)])
    assert usual > 0, f"{source}: the charges of {symbol} are in order of time"
    return usual


def _need_cover(history: Recorded) -> None:
    """Refuse a record that is silent for more than twice the usual time between charges."""
    begin, end = int(history.times[0] - history.of.step_seconds * 1000), int(history.times[-1])
    for column, symbol in enumerate(history.of.symbols):
        when, _ = _charges(history, column)
        usual = _usual(history.of.source, symbol, when)
        edges = np.concatenate([[min(begin, when[0])], when, [max(end, when[-1])]])
        silent = np.diff(edges)
        if silent.max() > 2 * usual:
            at = int(np.argmax(silent))
            days = f"none from {show_time(edges[at])} to {show_time(edges[at + 1])}"
            cure = f"the prices go on meanwhile; choose a window that has both, or {STATED.removeprefix('choose ')}"
            raise BadInput(history.of.source, f"funding of {symbol}", days, cure)


def _autoregression(source: str, symbol: str, before: Column, after: Column, last: float) -> Column:
    """Mean, persistence, noise and the last rate."""
    spread = float(before.var())
    if spread == 0:
        return np.array([float(before.mean()), 0.0, 0.0, last])
    persistence = float(((before - before.mean()) * (after - after.mean())).mean() / spread)
    if not -1 < persistence < 1:
        cure = "the recorded rate does not return to a mean; choose funding recorded, a rate, or none"
        raise BadInput(source, f"funding of {symbol}", f"persistence {persistence:.4g}", cure)
    mean = float((after.mean() - persistence * before.mean()) / (1 - persistence))
    left = after - mean - persistence * (before - mean)
    noise = float(np.sqrt((left * left).sum() / (len(left) - 2)))
    return np.array([mean, persistence, noise, last])
