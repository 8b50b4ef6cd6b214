"""A block of LANES paths for one account: each lane has its own copy of the account and walks its own prices. Compiled with
the rules of one venue; no rule stands here."""

import math
from typing import Any

from plimsoll.array.between import Road, Survey, lay_road
from plimsoll.array.compile import Column, owning
from plimsoll.array.desk import Desk, Held
from plimsoll.array.ladder import DONE, HAND

walk: Any
_HELD: Any = Held


@owning
def walk_lanes(
    desk: Desk,
    lanes: Held,
    road: Road,
    survey: Survey,
    origin: Column,
    jumps: Column,
    first: int,
    starts: Column,
    tellers: Column,
    before: Column,
    logs: Column,
    paid: Column,
    due: Column,
    status: Column,
    tallies: Column,
    events: Column,
    ways: Column,
    table: Column,
    rates: Column,
) -> None:
    """Every lane that is DONE so far through the block. `logs` [steps, m, lanes]: log(price / start), `before` [m, lanes]: the
    prices at the block's start; `tellers` [coins]: whose price is a coin's (-1: one); `paid` [steps, m, lanes or 1]: funding in
    the steps that `due` names; `road`, `survey`, `origin` (log prices at the block's start), `jumps`: as in `lay_road`, of
    paths `first` and on; `table` [steps + 1, m + coins], `rates` [steps + 1, m]: room. A lane's status and tally tell what
    became of it; a lane that stops short stands where it stopped, `ways` [lanes, ...] holds what its road had ahead."""
    for lane in range(len(status)):
        if status[lane] == DONE:
            tabulate(starts, tellers, before, logs, lane, table)
            charge_table(paid, lane, rates)
            lay_road(road, survey, origin, logs, jumps, first + lane, lane)
            held = lane_of(lanes, lane)
            status[lane] = walk(desk, held, road, table, table, rates, due, 0, tallies[lane : lane + 1], events[lane])
            if status[lane] == HAND:
                for row in range(road.ways.shape[0]):
                    for k in range(road.ways.shape[1]):
                        ways[lane, row, k] = road.ways[row, k]


@owning
def lane_of(lanes: Held, lane: int) -> Any:
    """One lane's columns."""
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
def tabulate(starts: Column, tellers: Column, before: Column, logs: Column, lane: int, table: Column) -> None:
    """One lane's prices, an instant a row, those of the coins behind the marks."""
    m = len(starts)
    for k in range(m):
        table[0, k] = before[k, lane]
        for step in range(len(logs)):
            table[step + 1, k] = starts[k] * math.exp(logs[step, k, lane])
    for c in range(len(tellers)):
        for row in range(len(logs) + 1):
            table[row, m + c] = 1.0 if tellers[c] < 0 else table[row, tellers[c]]


@owning
def charge_table(paid: Column, lane: int, rates: Column) -> None:
    """One lane's funding rates, in the rows of its prices; none in the first."""
    at = lane if paid.shape[2] > 1 else 0
    for k in range(paid.shape[1]):
        rates[0, k] = 0.0
        for step in range(len(paid)):
            rates[step + 1, k] = paid[step, k, at]
