"""A block of LANES paths for one account: each lane has its own copy of the account and walks its own prices. Compiled with
the rules of one venue; no rule stands here."""

from typing import Any

from plimsoll.array.between import Road, Survey, lay_road
from plimsoll.array.clearance import Clearance, pass_lanes, tell_equity
from plimsoll.array.compile import Column, owning
from plimsoll.array.desk import Desk, Held
from plimsoll.array.ladder import DONE, HAND
from plimsoll.array.sight import Sight, charge_table, lane_of, lent_sight, tabulate
from plimsoll.array.walk import lent_desk, lent_held

walk: Any


@owning
def walk_lanes(
    desk: Desk,
    lanes: Held,
    road: Road,
    survey: Survey,
    sight: Sight,
    clearance: Clearance,
    first: int,
    status: Column,
    tallies: Column,
    events: Column,
    ways: Column,
) -> None:
    """Every lane that is DONE so far through the block: as far as it certainly passes (`clearance`), and walked from there.
    `road`, `survey`: as in `lay_road`, of paths `first` and on. A lane's status and tally tell what became of it; a lane that
    stops short stands where it stopped, `ways` [lanes, ...] holds what its road had ahead."""
    desk, lanes, sight = lent_desk(desk), lent_held(lanes), lent_sight(sight)
    steps = len(sight.logs)
    if clearance.able:
        pass_lanes(desk, lanes, road, survey, sight, clearance, status, tallies)
    for lane in range(len(status)):
        if status[lane] != DONE:
            continue
        held, tally, at = lane_of(lanes, lane), tallies[lane : lane + 1], clearance.stands[lane]
        if at == steps:
            tell_equity(desk, held, sight, steps, lane, tally)
            continue
        tabulate(sight, lane, at, steps)
        charge_table(sight, lane, at, steps)
        lay_road(road, survey, sight.origin, sight.logs, sight.jumps, first + lane, lane)
        status[lane] = walk(desk, held, road, sight.table, sight.table, sight.rates, sight.due, at, tally, events[lane])
        if status[lane] == HAND:
            for row in range(road.ways.shape[0]):
                for k in range(road.ways.shape[1]):
                    ways[lane, row, k] = road.ways[row, k]
