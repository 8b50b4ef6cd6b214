"""The compiled rules on one pool of a timed account. Needs numba (the `array` extra)."""

from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

from bench.accounts import Case
from plimsoll.margin.assess import mark_column
from plimsoll.margin.pools import lay_out


class Compiled(NamedTuple):
    """Seconds that the first call took, compiling included, and a further call."""

    seconds: float
    call: Callable[[], object]


def compile_time(case: Case) -> Compiled:
    """Compile the rulebook's assess_pool by calling it once on the account's first pool."""
    from plimsoll.array.compile import compile_rules, float_column, float_markets, float_pool

    layout = lay_out(case.account, case.venue.rulebook)
    pool = float_pool(next(pool for pool in layout.pools if pool.legs))
    column = float_column(mark_column(layout, case.marks.marks, case.marks.indexes))
    markets = float_markets(layout.markets)
    assess_pool = compile_rules(case.venue.rulebook.name).assess_pool
    began = perf_counter()
    assess_pool(pool, column, markets)
    return Compiled(perf_counter() - began, lambda: assess_pool(pool, column, markets))
