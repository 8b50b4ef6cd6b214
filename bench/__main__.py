"""Print the timings: `uv run --group dev python -m bench`. Exit code 0 whatever they are: a busy machine is not a bug.

Each row is the median of `REPEATS` repeats after a warm-up, on one core, with the fastest and the slowest. A spread of more
than a fifth says that something else ran: repeat on a quiet machine before believing such a row.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib.util import find_spec
from statistics import median
from time import perf_counter
from typing import NamedTuple

from bench import accounts, pools, replays, side_by_side
from bench.accounts import Case
from plimsoll.account.commands import Fill, SetMarks
from plimsoll.account.decide import decide
from plimsoll.account.state import State
from plimsoll.margin.assess import Prices, assess, headrooms, mark_column
from plimsoll.margin.liquidation_price import triggers_of
from plimsoll.margin.pools import lay_out
from plimsoll.number import exact

REPEATS = 9
SPREAD = 1.2
"""Slowest to fastest above which a row is marked as noisy."""


class Row(NamedTuple):
    """One measured thing. Times in microseconds; `budget` None: shown without a verdict; `skipped`: why it did not run."""

    name: str
    budget: float | None = None
    times: tuple[float, ...] = ()
    skipped: str = ""


def measure(name: str, work: Callable[[], object], budget: float | None = None, seconds: float = 0.05) -> Row:
    """Microseconds per call of `work`: each repeat runs it for about `seconds`, garbage collection held off."""
    work()
    began = perf_counter()
    work()
    count = max(1, int(seconds / max(perf_counter() - began, 1e-9)))
    times = []
    gc.disable()
    for _ in range(REPEATS + 1):
        began = perf_counter()
        for _ in range(count):
            work()
        times.append((perf_counter() - began) / count * 1e6)
    gc.enable()
    return Row(name, budget, tuple(times[1:]))


def margin_rows(name: str, case: Case) -> Iterator[Row]:
    """A tick and a full assessment of ten positions, and one liquidation price."""
    account, marks, rulebook = case.account, case.marks, case.venue.rulebook
    layout = lay_out(account, rulebook)
    column = mark_column(layout, marks.marks, marks.indexes)
    with exact():
        yield measure(f"headroom, ten positions, {name}", lambda: headrooms(layout, rulebook, column), 30)
        at = next(i for i, pool in enumerate(layout.pools) if pool.legs)
        pool = layout.pools[at]
        margin = rulebook.rules.assess_pool(pool, column, layout.markets)
        moving = [pool.legs[0].market]
        yield measure(
            f"one liquidation price of ten, {name}",
            lambda: triggers_of(rulebook.rules, pool, margin, column, layout.markets, moving),
        )
    yield measure(f"lay out ten positions, {name}", lambda: lay_out(account, rulebook))
    yield measure(f"assess without prices, {name}", lambda: assess(account, marks, rulebook, Prices.NONE))
    yield measure(f"assess with all prices, {name}", lambda: assess(account, marks, rulebook, Prices.ALL), 400)


def machine_rows() -> Iterator[Row]:
    """Commands on the textbook account, in the state machine with journal events and ledger."""
    case = accounts.textbook()
    state = State(case.account, case.marks)
    marks = SetMarks({symbol: mark * Decimal("1.001") for symbol, mark in case.marks.marks.items()})
    fill = Fill("BTCUSDT", "buy", Decimal("0.001"), Decimal(40000))
    for name, command in (("SetMarks", marks), ("Fill", fill)):
        assert decide(state, command, case.venue).reject is None
        yield measure(f"decide({name}), textbook account", lambda command=command: decide(state, command, case.venue))


def import_row() -> Row:
    """Start-up of the core in a fresh interpreter, less the interpreter's own."""
    modules = "plimsoll.account.decide, plimsoll.margin.assess, plimsoll.rulebook"

    def started(code: str) -> float:
        began = perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return (perf_counter() - began) * 1e6

    started(f"import {modules}")
    times = tuple(started(f"import {modules}") - started("pass") for _ in range(REPEATS))
    return Row("import of the core", 150_000, times)


def rows() -> Iterator[Row]:
    """Everything, one row after the other."""
    tens = accounts.tens()
    for name, case in tens.items():
        yield from margin_rows(name, case)
    yield from machine_rows()
    yield measure("play a day of hourly bars, textbook account", replays.day(accounts.textbook()), seconds=0.2)
    yield import_row()
    if find_spec("numba") is None:
        yield Row("rules in machine code", skipped="numba is not installed; run with --extra array")
        return
    for name, case in tens.items():
        compiled = pools.compile_time(case)
        yield Row(f"compile assess_pool, {name}", None, (compiled.seconds * 1e6,))
        yield measure(f"compiled assess_pool, first pool, {name}", compiled.call)
    yield from bridge_rows()


def bridge_rows() -> Iterator[Row]:
    """Steps of the Brownian bridge; `python -m bench.bridge` shows how exact they are."""
    from bench import bridge

    for name, work in bridge.calls():
        yield measure(name, work)


def line(row: Row) -> str:
    """One row of the printed table."""
    if row.skipped:
        return f"{row.name:<46}{'':>10}  skipped: {row.skipped}"
    least, middle, most = min(row.times), median(row.times), max(row.times)
    share = "" if row.budget is None else f"{middle / row.budget:.2f}"
    verdict = "" if row.budget is None else ("ok" if middle <= row.budget else "MISSED")
    noisy = " noisy" if most > SPREAD * least else ""
    budget = "" if row.budget is None else f"{row.budget:,.0f}"
    return f"{row.name:<46}{budget:>10}{middle:>12,.1f}  {f'{least:,.1f} .. {most:,.1f}':<22}{share:>6}  {verdict}{noisy}"


def main() -> None:
    busy = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores{busy}; microseconds, medians of {REPEATS}, one core used.")
    print(f"{'what':<46}{'budget':>10}{'measured':>12}  {'least .. most':<22}{'ratio':>6}  verdict")
    began = os.times()
    for row in rows():
        print(line(row), flush=True)
    if find_spec("numba") is not None:
        from bench import first_passage, liquidation_prices, long_histories, monte_carlo, walks

        print("\nThe array engine beside other ways to the same answers; medians of rounds taken by turns.")
        for ratio in (*liquidation_prices.rows(), *first_passage.rows(), *walks.rows(), *long_histories.rows()):
            print(side_by_side.line(ratio), flush=True)
        print()
        for text in monte_carlo.lines():
            print(text, flush=True)
    ended = os.times()
    share = (sum(ended[:4]) - sum(began[:4])) / (ended.elapsed - began.elapsed)
    print(f"Share of the wall clock that the work had a core: {share:.2f} (much below 1: the machine was not free).")


if __name__ == "__main__":
    main()
