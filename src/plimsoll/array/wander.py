"""A step of which a walk has come near a line or a level: played along points of its path, more of them the nearer it gets.

The text is compiled with `walk` and `ladder` and the rules of one venue; the points are drawn by `between`.
"""

import math
from typing import Any, Final

from plimsoll.array.between import HALVES, POINTS, Road, bridge_point, jump_at
from plimsoll.array.compile import Column, lent
from plimsoll.array.desk import Desk, Held
from plimsoll.array.glide import look, near
from plimsoll.array.ladder import DONE, HAND, JUMPED, instant, live_orders
from plimsoll.array.models import STUDENT

tick: Any
quiet: Any
touched: Any
stand: Any
meets: Any
top_ups_leapt: Any
_ROAD: Any = Road

LEFT: Final = 0
HERE: Final = 1
THERE: Final = 2
JUMP: Final = 3
ENDS: Final = 4
"""Lines of the room: log prices and prices where the walk stands, prices where it goes, the jump, ends of stretches ahead."""


def lent_road(road: Road) -> Any:
    """The road with columns that nobody counts the owners of."""
    return _ROAD(
        road.kind,
        lent(road.key),
        lent(road.number),
        lent(road.scale),
        road.stretch,
        lent(road.jump_mean),
        lent(road.jump_scale),
        lent(road.tellers),
        lent(road.start),
        lent(road.logs),
        lent(road.reach),
        lent(road.sizes),
        lent(road.jumps),
        lent(road.room),
        lent(road.ways),
    )


def wander(
    desk: Desk, held: Held, road: Road, a: Column, b: Column, row: int, looks: bool, tally: Column, log: Column
) -> int:
    """The step from prices `a` to prices `b` of a row, from end to end of stretches that are halved until nothing is missed on
    them, and the jump at its end; what is left of it, where the share `tally.behind` of it is behind already. `looks`: equity
    and headroom at `b` count. HAND: as `remember` tells."""
    record = tally[0]
    m, room, tail = len(road.start), road.room, road.room.shape[1]
    left, here, there = room[LEFT], room[HERE], room[THERE]
    jumped = jump_at(road, row, room[JUMP])
    for i in range(len(a)):
        here[i] = a[i]
    for k in range(m):
        left[k] = road.logs[row - 1, k]
        room[ENDS, k] = road.logs[row, k] - room[JUMP, k]
    room[ENDS, tail - 1], room[ENDS, tail - 2], room[ENDS, tail - 3] = 1.0, 1.0, 0.0
    reach = road.stretch if jumped else road.reach[row]
    wild = math.sqrt(reach / road.stretch) if road.kind == STUDENT else 1.0
    top, at, given = 0, record.behind, 0
    if at > 0.0:
        top, given = regain(road, row, record.base + row, wild, at), record.given
    while top >= 0:
        end = room[ENDS + top]
        share, depth = end[tail - 1], end[tail - 3]
        if top == 0 and not jumped:
            for i in range(len(b)):
                there[i] = b[i]
        else:
            put(road, end, there)
        if depth < HALVES and given < POINTS and near(desk, held, here, there, reach * (share - at)):
            halve(road, row, record.base + row, wild, at, top)
            top += 1
            given += 1
            continue
        record.since, record.span = at, share - at
        code = tick(desk, held, here, there, here, there, looks or top > 0 or jumped, tally, log)
        record.since, record.span = 0.0, 1.0
        if code != DONE:
            record.given = given
            remember(road, b, top, at, jumped, tally)
            return int(code)
        for k in range(m):
            left[k] = end[k]
        for i in range(len(b)):
            here[i] = there[i]
        at = share
        top -= 1
    record.behind = 0.0
    return leap(desk, held, road, b, looks, tally, log) if jumped else DONE


def halve(road: Road, row: int, step: int, wild: float, at: float, top: int) -> None:
    """The stretch from share `at` of the step to the nearest end ahead becomes two: the first half ends at a new point."""
    room, tail = road.room, road.room.shape[1]
    end, middle = room[ENDS + top], room[ENDS + top + 1]
    span, node, depth = end[tail - 1] - at, end[tail - 2], end[tail - 3]
    bridge_point(road, row, step, int(node), wild * math.sqrt(span) / 2, room[LEFT], end, middle)
    middle[tail - 1], middle[tail - 2], middle[tail - 3] = at + span / 2, 2 * node, depth + 1
    end[tail - 2], end[tail - 3] = 2 * node + 1, depth + 1


def regain(road: Road, row: int, step: int, wild: float, behind: float) -> int:
    """Stand at the share `behind` of a step again, at prices HERE, as if the walk had come to it: whatever points it was given,
    what lies ahead are the ends of those halves that hold what is left. How many of them are behind the nearest."""
    m, room, tail = len(road.start), road.room, road.room.shape[1]
    top, at = 0, 0.0
    while at < behind:
        end = room[ENDS + top]
        if end[tail - 1] > behind:
            halve(road, row, step, wild, at, top)
            top += 1
            continue
        at = end[tail - 1]
        for k in range(m):
            room[LEFT, k] = end[k]
        top -= 1
    put(road, room[LEFT], room[HERE])
    return top


def leap(desk: Desk, held: Held, road: Road, b: Column, looks: bool, tally: Column, log: Column) -> int:
    """All prices are at `b` at once: a stop fills there, beyond its price, and money is added there."""
    record = tally[0]
    record.part = 1.0
    before = road.room[HERE]
    if (live_orders(held) == 0 or not touched(held, b, b)) and not meets(held, before, b):
        code = quiet(desk, held, b, b, looks, tally)
        if code != JUMPED:
            return int(code)
    if not desk.plain:
        remember(road, b, -1, 1.0, True, tally)
        return HAND
    code = stand(desk, held, b, b, instant(False), tally, log)
    if code == DONE:
        code = top_ups_leapt(desk, held, before, b, tally, log)
    if looks:
        look(desk, held, b, tally)
    return int(code)


def remember(road: Road, b: Column, top: int, at: float, jumped: bool, tally: Column) -> None:
    """What the exact engine is to play: the stretch that the walk stands before, in the first `tally.ways` rows of `road.ways`
    (share of the step, whether reached at once, prices; where the account stands first). `tally.behind`: the share of the step
    behind which the walk is to go on. The last stretch is played to the end of the step, jump and all, and nothing (0) left."""
    record, ways, count = tally[0], road.ways, 1
    share = road.room[ENDS + top, road.room.shape[1] - 1] if top > 0 else 1.0
    set_way(ways[0], at, 0.0, road.room[HERE])
    if top >= 0:
        set_way(ways[count], share, 0.0, road.room[THERE])
        count += 1
    if top <= 0 and jumped:
        set_way(ways[count], 1.0, 1.0, b)
        count += 1
    record.behind, record.ways = share if top > 0 else 0.0, count


def set_way(way: Column, share: float, leaps: float, prices: Column) -> None:
    """A point of the step for the exact engine."""
    way[0], way[1] = share, leaps
    for k in range(len(way) - 2):
        way[2 + k] = prices[k]


def put(road: Road, logs: Column, out: Column) -> None:
    """Prices of log prices, those of the coins behind the marks."""
    m = len(road.start)
    for k in range(m):
        out[k] = math.exp(road.start[k] + logs[k])
    for c in range(len(road.tellers)):
        out[m + c] = 1.0 if road.tellers[c] < 0 else out[road.tellers[c]]
