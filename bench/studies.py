"""A study as `simulate` runs it beside the same one without clearance, and beside the step loop in NumPy that anybody would
write for its account: `python -m bench.studies`.

An answer is a path at a step under a setting. The account has the two longs of `textbook`, or a third of them, in cross; two
correlated Brownian prices; no funding, or a charge each eighth hour. The NumPy loop knows one flat maintenance rate, no
brackets, no fees, no funding, no bridge between its steps, and goes on with a path that has failed: what it tells is nearly
right, and much less. That clearance changes nothing is a law (tests/array/test_clearance.py); here both must tell the same
share of liquidations.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import NamedTuple

import msgspec
import numpy as np

from bench import side_by_side
from bench.side_by_side import Ratio, Side, by_turns
from plimsoll.account_file import read_account
from plimsoll.array import study
from plimsoll.comparison import Job
from plimsoll.model_choice import Modelled, build, read_model_words
from plimsoll.plan import Plan, PlanMode, symbols_of
from plimsoll.rulebook import in_force
from plimsoll.simulation import simulate
from plimsoll.studies import Ask, Setting
from plimsoll.table_files import load

PATHS, NUMPY_PATHS, DAY = 8192, 16384, 86400
MARKS = {"BTCUSDT": Decimal(100000), "ETHUSDT": Decimal(4000)}
SIGMA, CORRELATION, MAINTENANCE = np.array([0.6, 0.8]), 0.6, 0.005
YEAR = 365 * DAY


class Task(NamedTuple):
    """How much of the textbook's positions, the days, the seconds of a step, and the funding in words."""

    name: str
    share: Decimal
    days: int
    step: int
    funding: str


TASKS = (
    Task("far from its line, steps of 5 minutes, a week", Decimal("0.3"), 7, 300, "none"),
    Task("near its line, steps of 5 minutes, a week", Decimal(1), 7, 300, "none"),
    Task("far from its line, steps of an hour, 30 days, funding", Decimal("0.3"), 30, 3600, "0.0001"),
    Task("near its line, steps of an hour, 30 days, funding", Decimal(1), 30, 3600, "0.0001"),
)


def plan_of(task: Task) -> Plan:
    """The textbook account with a share of its positions."""
    plan = read_account("textbook")
    legs = tuple(
        msgspec.structs.replace(p, size=p.size * task.share, margin=None if p.margin is None else p.margin * task.share)
        for p in plan.positions
    )
    return msgspec.structs.replace(plan, positions=legs)


def modelled(task: Task, plan: Plan) -> Modelled:
    words = (
        f"brownian volatility=BTCUSDT:{SIGMA[0]},ETHUSDT:{SIGMA[1]} correlation=BTCUSDT-ETHUSDT:{CORRELATION} "
        f"step={task.step // 60}m funding={task.funding}"
    )
    return build(read_model_words(words.split()), symbols_of(plan), None, task.days * DAY)


def ours(task: Task, able: bool) -> Callable[[], float]:
    """The study in cross on one thread; its share of liquidations."""
    plan = plan_of(task)
    book = in_force(load(plan.venue), plan.rules_as_of)
    ask = Ask(horizon_seconds=task.days * DAY, paths=PATHS, threads=1)
    model, made = modelled(task, plan), study.clearance_of

    def work() -> float:
        study.clearance_of = lambda case, laid: made(case, laid)._replace(able=able)  # type: ignore[assignment]
        try:
            found = simulate(plan, [Job(book, book)], [Setting(plan.venue, PlanMode.CROSS)], model, MARKS, ask)
        finally:
            study.clearance_of = made
        return found.odds[0].liquidated.value

    return work


def numpy_loop(task: Task) -> Callable[[], float]:
    """All paths one step at a time in float32; the lowest equity of each and its fan at forty times are kept, as in a study."""
    plan = plan_of(task)
    steps = task.days * DAY // task.step
    scale = np.linalg.cholesky(np.array([[1, CORRELATION], [CORRELATION, 1]])) * (SIGMA * np.sqrt(task.step / YEAR))[:, None]
    drift = (-(scale**2).sum(1) / 2).astype(np.float32)
    mix = scale.T.astype(np.float32)
    values = np.array([float(p.size * MARKS[p.symbol]) for p in plan.positions], np.float32)
    weight, slack = values, np.float32(float(plan.wallet["USDT"]) - values.sum())
    grid = {round(steps * (i + 1) / 40) for i in range(40)}

    def work() -> float:
        draw = np.random.Generator(np.random.SFC64(1))
        place = np.zeros((NUMPY_PATHS, 2), np.float32)
        failed, lowest, fan = np.zeros(NUMPY_PATHS, bool), np.full(NUMPY_PATHS, np.inf, np.float32), []
        for step in range(1, steps + 1):
            place += draw.standard_normal(place.shape, dtype=np.float32) @ mix + drift
            worth = np.exp(place) @ weight
            equity = worth + slack
            failed |= equity <= MAINTENANCE * worth
            np.minimum(lowest, equity, out=lowest)
            if step in grid:
                fan.append(equity)
        return float(failed.mean())

    return work


def rows() -> Iterator[Ratio]:
    """Each task beside both."""
    for task in TASKS:
        steps = task.days * DAY // task.step
        mine, walked, loop = ours(task, True), ours(task, False), numpy_loop(task)
        found, same, theirs = mine(), walked(), loop()
        assert found == same, (found, same)
        side = Side("a study, its rows cleared first", mine, PATHS * steps, f"liquidated {found:.4f}")
        plain = Side("every row walked by the rules", walked, PATHS * steps, f"liquidated {same:.4f}")
        yield by_turns(f"{task.name}: / walked", side, plain)
        bare = Side("NumPy step loop", loop, NUMPY_PATHS * steps, f"failed {theirs:.4f}")
        yield by_turns(f"{task.name}: / NumPy", side, bare)


def main() -> None:
    for ratio in rows():
        print(side_by_side.line(ratio), flush=True)


if __name__ == "__main__":
    main()
