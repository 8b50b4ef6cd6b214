"""A block of paths as kernels see it, and one lane of it: its prices, what is charged at them, its own copy of the account."""

import math
from typing import Any, NamedTuple

from plimsoll.array.compile import Column, lent, owning
from plimsoll.array.desk import Held

_HELD: Any = Held


class Sight(NamedTuple):
    """A block of LANES paths. `starts` [m]: the prices that paths begin at; `tellers` [coins]: whose price is a coin's (-1:
    one); `before` [m, lanes]: the prices at the block's start, `origin` [m, lanes]: their log(price / start); `logs` [steps, m,
    lanes]: the same after each step; `paid` [steps, m, lanes or 1]: funding of the steps in whose rows `due` [steps + 1] is
    set; `jumps` [steps, lanes]: as `next_rows` gives them. `table` [steps + 1, m + coins], `rates` [steps + 1, m]: room for
    one lane's prices, an instant a row, and what is charged at them."""

    starts: Column
    tellers: Column
    before: Column
    origin: Column
    logs: Column
    paid: Column
    due: Column
    jumps: Column
    table: Column
    rates: Column


_SIGHT: Any = Sight


def lent_sight(sight: Sight) -> Any:
    """The block with columns that nobody counts the owners of."""
    return _SIGHT(
        lent(sight.starts),
        lent(sight.tellers),
        lent(sight.before),
        lent(sight.origin),
        lent(sight.logs),
        lent(sight.paid),
        lent(sight.due),
        lent(sight.jumps),
        lent(sight.table),
        lent(sight.rates),
    )


def lane_of(lanes: Held, lane: int) -> Any:
    """One lane's columns, of columns that are lent."""
    return _HELD(
        lanes.pools[lane],
        lanes.legs[lane],
        lanes.names[lane],
        lanes.orders[lane],
        lanes.wallets[lane],
        lanes.rests[lane],
        lanes.beside[lane],
        lanes.beside_names[lane],
        lanes.asks[lane],
        lanes.hits[lane],
        lanes.spare[lane],
        lanes.watches[lane],
        lanes.growth[lane],
    )


@owning
def tabulate(sight: Sight, lane: int, begin: int, end: int) -> None:
    """One lane's prices in rows `begin` to `end`, those of the coins behind the marks."""
    table, m = sight.table, len(sight.starts)
    for k in range(m):
        if begin == 0:
            table[0, k] = sight.before[k, lane]
        for row in range(max(begin, 1), end + 1):
            table[row, k] = sight.starts[k] * math.exp(sight.logs[row - 1, k, lane])
    for c in range(len(sight.tellers)):
        for row in range(begin, end + 1):
            table[row, m + c] = 1.0 if sight.tellers[c] < 0 else table[row, sight.tellers[c]]


@owning
def charge_table(sight: Sight, lane: int, begin: int, end: int) -> None:
    """One lane's funding rates in rows `begin` to `end` of its prices; none in the first of all."""
    at = lane if sight.paid.shape[2] > 1 else 0
    for k in range(sight.paid.shape[1]):
        for row in range(begin, end + 1):
            sight.rates[row, k] = 0.0 if row == 0 else sight.paid[row - 1, k, at]
