"""Money that is added on the way: when a mark gets to a level, from either side, or at the end of a step. `play.move` and
`play.due` in float64. Compiled with `walk` and the rules of one venue; how much an isolated leg may take is the venue's word.
"""

from typing import Any, Final

from plimsoll.array.between import STRAIGHT, Road
from plimsoll.array.compile import Column
from plimsoll.array.desk import Desk, Held
from plimsoll.array.ladder import BAND, CLOSE, DONE, HAND, find, note, pool_of, rate_of, settle

assess_pool: Any
margin_bounds: Any
within_level: Any

PUT_IN: Final = 5
MOVED: Final = 6
"""Kinds of events in the log: fresh money has come to the cash; cash has gone into an isolated leg."""


def passes(start: float, end: float, level: float) -> bool:
    """Whether a price that goes straight from `start` to `end` stays clear of a level; one that starts there has left it."""
    slack = BAND * level
    if abs(end - level) <= slack:
        return False
    return start == level or (abs(start - level) > slack and (start - level) * (end - level) > 0)


def before_watch(held: Held, i: int, road: Road, marks: Column, base: int, step: int, free: int) -> int:
    """How many of `free` rows from `step` on pass before money is added, or may well be between two of them. `base`: the row of
    the path that the first row of the table is."""
    watch = held.watches[i]
    market, level = watch.market, watch.level
    for k in range(free):
        if watch.step >= 0:
            if base + step + k >= watch.step:
                return k
        else:
            start, end = marks[step + k - 1, market], marks[step + k, market]
            if not passes(start, end, level):
                return k
            if road.kind != STRAIGHT and within_level(start, end, level, road.reach[step + k]):
                return k
    return free


def meets(held: Held, a: Column, b: Column) -> bool:
    """Whether a level is met on the way from `a` to `b`, or as good as met."""
    for i in range(len(held.watches)):
        watch = held.watches[i]
        if watch.live and watch.step < 0 and not passes(a[watch.market], b[watch.market], watch.level):
            return True
    return False


def comes_due(held: Held, step: int) -> bool:
    """Whether money is added at the end of that step of the path."""
    for i in range(len(held.watches)):
        watch = held.watches[i]
        if watch.live and watch.step >= 0 and watch.step <= step:
            return True
    return False


def awaits_money(held: Held) -> bool:
    """Whether money may still come from outside."""
    fresh = 0
    for i in range(len(held.watches)):
        fresh += held.watches[i].live and held.watches[i].fresh
    return fresh > 0


def next_watch(held: Held, a: Column, b: Column, done: float) -> tuple[int, float]:
    """(which level is met first from `done` on, after what share of the way from `a` to `b`); -1: none, -2: too close to
    call."""
    best, at = -1, 2.0
    for i in range(len(held.watches)):
        watch = held.watches[i]
        if not watch.live or watch.step >= 0:
            continue
        origin, target, level = a[watch.market], b[watch.market], watch.level
        if passes(origin, target, level):
            continue
        if touches(origin, target, level):
            return -2, 0.0
        share = (level - origin) / (target - origin)
        if share < done:
            continue
        if best >= 0 and abs(share - at) <= BAND and watch.market != held.watches[best].market:
            return -2, 0.0
        if share < at:
            best, at = i, share
    return best, at


def touches(start: float, end: float, level: float) -> bool:
    """Whether an end of the way lies so near a level that it cannot be told on which side."""
    slack = BAND * level
    return abs(end - level) <= slack or (abs(start - level) <= slack and start != level)


def top_up(desk: Desk, held: Held, i: int, marks: Column, tally: Column, log: Column) -> int:
    """Do what was planned, at these marks: fresh money to the cash, cash into the leg as far as the venue allows it. HAND, with
    nothing done, where the columns do not hold all that the venue asks."""
    watch = held.watches[i]
    if not desk.plain:
        return HAND
    if watch.home < 0:
        return CLOSE
    watch.live = False
    if watch.fresh:
        held.pools[watch.home].cash += watch.amount
        tally[0].added += watch.amount * rate_of(held, watch.home, marks)
        note(held, tally, log, PUT_IN, -1, watch.home, 0.0, watch.amount)
    for p in range(len(held.pools)):
        if watch.leg >= 0 and held.pools[p].isolated and find(held, p, watch.leg) >= 0:
            return move_in(desk, held, i, p, marks, tally, log)
    return DONE


def move_in(desk: Desk, held: Held, i: int, p: int, marks: Column, tally: Column, log: Column) -> int:
    """Cash into an isolated leg, or nothing where the venue refuses it."""
    watch = held.watches[i]
    leg = held.legs[find(held, p, watch.leg)]
    pool = pool_of(held, watch.home)
    margin = assess_pool(pool, marks, desk.markets)
    bound, _ = margin_bounds(leg, marks[leg.market], desk.markets[leg.market], pool, margin, 0.0, 0.0)
    if abs(watch.amount - bound) <= BAND * max(margin.scale, abs(pool.cash), watch.amount):
        return CLOSE
    if watch.amount > bound:
        return DONE
    settle(held, watch.home, -watch.amount)
    settle(held, p, watch.amount)
    note(held, tally, log, MOVED, watch.leg, p, 0.0, watch.amount)
    return DONE if holds(desk, held, watch.home, marks) and holds(desk, held, p, marks) else CLOSE


def holds(desk: Desk, held: Held, p: int, marks: Column) -> bool:
    """Whether a pool has headroom beyond doubt."""
    pool = pool_of(held, p)
    if len(pool.legs) == 0:
        return True
    margin = assess_pool(pool, marks, desk.markets)
    return bool(margin.balance - margin.requirement > BAND * margin.scale)


def top_ups_due(desk: Desk, held: Held, marks: Column, step: int, tally: Column, log: Column) -> int:
    """All that is planned for the end of a step of the path."""
    for i in range(len(held.watches)):
        watch = held.watches[i]
        if watch.live and watch.step >= 0 and watch.step <= step:
            code = top_up(desk, held, i, marks, tally, log)
            if code != DONE:
                return code
    return DONE


def top_ups_leapt(desk: Desk, held: Held, a: Column, b: Column, tally: Column, log: Column) -> int:
    """All whose levels lie between the prices before a jump and those after it, at the latter."""
    for i in range(len(held.watches)):
        watch = held.watches[i]
        if not watch.live or watch.step >= 0 or passes(a[watch.market], b[watch.market], watch.level):
            continue
        if touches(a[watch.market], b[watch.market], watch.level):
            return CLOSE
        code = top_up(desk, held, i, b, tally, log)
        if code != DONE:
            return code
    return DONE
