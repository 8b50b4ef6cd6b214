"""How far lanes of a block certainly get with nothing but funding happening, so that the rules need not be asked row by row.

The screen's bounds (see `screen`) are derived here, lane by lane, from the rules of one venue: each leg's own `headroom_line`
and `profit`, at the prices where the lane stands. They hold where no leg leaves its line, no price moves by more than RANGE,
and no order or top-up is near; elsewhere, and wherever a pool does not stand by itself on one asset, the lane is left to the
walk. Funding is paid on the way as the walk pays it, where the least headroom since the last of it bears all that may be owed.
The lowest equity is looked for in float32, and told by the rules. Compiled with `walk` and the rules of one venue.
"""

import math
from typing import Any, Final, NamedTuple

import numpy as np

from plimsoll.array.between import STRAIGHT, Road, Survey
from plimsoll.array.compile import Column, folded
from plimsoll.array.curves import aligned, f4, rise
from plimsoll.array.debts import grows
from plimsoll.array.desk import Desk, Held
from plimsoll.array.glide import LEVERS, bare_margin, look, plain_worth
from plimsoll.array.ladder import DONE, pool_of, stake
from plimsoll.array.models import GARCH, STUDENT
from plimsoll.array.payments import charges
from plimsoll.array.randoms import LANES
from plimsoll.array.screen import CLEAR, SKIP, Lows, Screen, lows_block, open_lows, open_screen, screen_block
from plimsoll.array.sight import Sight, charge_table, lane_of, tabulate

headroom_line: Any
profit: Any

RANGE: Final = 0.25
"""How far a log price may move from where bounds were laid. Within it the gross scale grows by no more than its exponential."""
UNBOUND: Final = 1e30
"""Slack of a pool that nothing is asked of."""
AWAY: Final = 0.12
"""Where a log price has moved so far, bounds are laid anew before it is out of their range."""
GUARD: Final = 1e-6
"""Of the gross scale: room for what a line, a sum in float32 and a band of too close calls may be off by."""
EDGE: Final = 1e-6
"""How far inside its bracket, or beyond an order's level, a log price must stay."""
SPARE: Final = 1.5
"""Where the reach changes from step to step, bounds are laid for so many times what is needed, so that they last."""
WIDER: Final = math.exp(RANGE)
NARROWER: Final = math.exp(-RANGE)
STALE: Final = 16.0
"""Bounds laid for so many times the reach that is needed are laid anew."""
LOW: Final = 0
HIGH: Final = 1
WORTH: Final = 2
WEIGHT: Final = 3
START: Final = 4
TAKEN_BY: Final = 5
"""Lines of `Clearance.room`, a number a market: bounds of its log price, slope of the equity, slope of a pool's headroom, start
price over price; and one of what pools pay."""


class Clearance(NamedTuple):
    """The bounds of LANES lanes of one case. `able`: whether the rulebook states lines; `stands` [LANES]: the row that a lane
    has got to, all that it brings done; `laid` [LANES]: the reach that its bounds were laid for (-1: there are none); `slack`
    [P + 1, LANES]: those of the screen and of the equity, before they are rounded; `least`, `first`: as `screen_block` leaves
    them; `centre` [m, LANES]: the log prices at which bounds were laid. The rest is room."""

    able: bool
    stands: Column
    laid: Column
    slack: Column
    screen: Screen
    lows: Lows
    first: Column
    least: Column
    centre: Column
    logs: Column
    room: Column


def open_clearance(able: bool, pools: int, inverse: Column) -> Clearance:
    """No bounds yet. `inverse` [m] of truths: which markets' contracts are."""
    m = len(inverse)
    nothing, wide = np.zeros(pools), np.full(m, np.inf)
    return Clearance(
        able,
        np.zeros(LANES, np.int64),
        np.full(LANES, -1.0),
        np.zeros((pools + 1, LANES)),
        open_screen(nothing, np.zeros((pools, m)), inverse, -wide, wide),
        open_lows(m),
        aligned((LANES,), np.int32),
        aligned((pools, LANES), np.float32),
        np.zeros((m, LANES)),
        np.zeros(m),
        np.zeros((6, max(m, pools))),
    )


def pass_lanes(
    desk: Desk, lanes: Held, road: Road, survey: Survey, sight: Sight, clearance: Clearance, status: Column, tallies: Column
) -> None:
    """Let every lane that is DONE so far stand where it certainly gets to, from one funding to the next."""
    logs, due, first = sight.logs, sight.due, clearance.first
    clearance.stands[:] = 0
    begin = clearance.stands[0]  # 0 itself would be a type of its own, and compile all of this twice
    while begin < len(logs):
        end = begin + 1
        while end < len(logs) and not due[end]:
            end += 1
        any_left = False
        for lane in range(len(status)):
            first[lane] = CLEAR if status[lane] == DONE and clearance.stands[lane] == begin else SKIP
            if first[lane] == CLEAR:
                any_left = True
                bound_lane(desk, lane_of(lanes, lane), road, survey, sight, clearance, begin, end, lane, tallies[lane])
        if not any_left:
            break
        screen_block(clearance.screen, logs[begin:end], first, clearance.least)
        lows_block(clearance.screen, clearance.lows, logs[begin : end - due[end]], first)
        for lane in range(len(status)):
            if first[lane] != SKIP:
                passed = pass_lane(desk, lane_of(lanes, lane), sight, clearance, begin, end, lane, tallies[lane : lane + 1])
                clearance.stands[lane] = begin + passed
        begin = end


@folded
def bound_lane(
    desk: Desk,
    held: Held,
    road: Road,
    survey: Survey,
    sight: Sight,
    clearance: Clearance,
    begin: int,
    end: int,
    lane: int,
    record: Any,
) -> None:
    """See that a lane that stands at row `begin` has bounds that serve to row `end`."""
    reach, away = reach_of(road, survey, lane, begin, end), False
    for k in range(len(sight.starts)):
        clearance.logs[k] = sight.origin[k, lane] if begin == 0 else sight.logs[begin - 1, k, lane]
        away = away or abs(clearance.logs[k] - clearance.centre[k, lane]) > AWAY
    if away or not serves(clearance, lane, reach):
        tabulate(sight, lane, begin, begin)
        spare = SPARE if road.kind == STUDENT or road.kind == GARCH else 1.0
        now = lay_bounds(desk, held, sight.table[begin], spare * reach, clearance, lane, record.added)
        if now < record.lowest:
            record.lowest = now
    for p in range(len(clearance.least)):
        clearance.least[p, lane] = f4(np.inf)
    clearance.lows.best[lane] = f4(record.lowest)


@folded
def pass_lane(
    desk: Desk, held: Held, sight: Sight, clearance: Clearance, begin: int, end: int, lane: int, tally: Column
) -> int:
    """How many rows a lane has behind it of `begin` + 1 to `end`, the funding at the last of them paid. Tells its equity where
    it was least, if that is less than ever."""
    flagged, lowest, lows = clearance.first[lane], clearance.lows.at[lane], clearance.lows
    if lowest != CLEAR:
        tell_equity(desk, held, sight, begin + lowest + 1, lane, tally)
    if flagged != CLEAR:
        shut(clearance, lane)
        return int(flagged)
    if sight.due[end]:
        tabulate(sight, lane, end, end)
        charge_table(sight, lane, end, end)
        if not pay_on(desk, held, sight.rates[end], sight.table[end], clearance, lane, tally):
            shut(clearance, lane)
            return end - begin - 1
        if not lows.slack[lane] + moved_by(clearance, sight.logs[end - 1], lane) >= lows.best[lane]:
            tell_equity(desk, held, sight, end, lane, tally)
    return end - begin


@folded
def moved_by(clearance: Clearance, logs: Column, lane: int) -> Any:
    """What moves have made of a lane's equity at these prices, in float32."""
    total = f4(0)
    for k in range(len(logs)):
        total += clearance.lows.weight[k, lane] * rise(clearance.screen.turn[k] * logs[k, lane])
    return total


@folded
def pay_on(
    desk: Desk, held: Held, rates: Column, marks: Column, clearance: Clearance, lane: int, tally: Column
) -> bool:
    """Pay funding from every pool, its bounds lowered by as much. False, with nothing paid: the least headroom that a pool has
    had since the last of it may not bear what it may owe."""
    if not desk.pays:
        return False
    pools = len(held.pools)
    for p in range(pools):
        _, worst, _ = charges(desk, held, p, rates, marks)
        if worst > 0 and not clearance.least[p, lane] > worst:
            return False
    span = span_of(clearance.laid[lane])
    for p in range(pools):
        clearance.room[TAKEN_BY, p], _, told = charges(desk, held, p, rates, marks)
        tally[0].funding += told
        if held.pools[p].teller != -2:
            clearance.slack[pools, lane] -= told
    for p in range(pools):
        taken, row = clearance.room[TAKEN_BY, p], held.pools[p]
        row.cash -= taken
        if row.isolated and row.leg_to > row.leg_from:
            held.legs[row.leg_from].lost += taken
        stake(held, p, row.cash)
        clearance.slack[p, lane] -= taken + span * abs(taken)
    write_slack(clearance, lane)
    return True


def tell_equity(desk: Desk, held: Held, sight: Sight, row: int, lane: int, tally: Column) -> None:
    """A lane's equity at a row, by the rules."""
    tabulate(sight, lane, row, row)
    tally[0].step = row
    look(desk, held, sight.table[row], tally)


@folded
def write_slack(clearance: Clearance, lane: int) -> None:
    """Round a lane's slack for the screen."""
    pools = len(clearance.slack) - 1
    for p in range(pools):
        clearance.screen.slack[p, lane] = f4(clearance.slack[p, lane])
    clearance.lows.slack[lane] = f4(clearance.slack[pools, lane])


@folded
def reach_of(road: Road, survey: Survey, lane: int, begin: int, end: int) -> float:
    """The farthest that a lane may stray in the steps to rows begin + 1 .. end."""
    most = 0.0
    if road.kind != STRAIGHT:
        for row in range(begin, end):
            most = max(most, survey.reach[row, lane])
    return most


@folded
def serves(clearance: Clearance, lane: int, reach: float) -> bool:
    """Whether a lane's bounds serve for this reach."""
    return bool(clearance.laid[lane] >= reach and clearance.laid[lane] <= STALE * max(reach, EDGE * EDGE))


def shut(clearance: Clearance, lane: int) -> None:
    """No bound: a lane that is flagged at any price, whatever its weights still are."""
    pools = len(clearance.slack) - 1
    clearance.laid[lane], clearance.slack[0, lane], clearance.slack[pools, lane] = -1.0, -np.inf, np.inf
    write_slack(clearance, lane)


def lay_bounds(desk: Desk, held: Held, marks: Column, reach: float, clearance: Clearance, lane: int, added: float) -> float:
    """Lay a lane's bounds where it stands at these prices, for this reach, and tell its equity there; nan, and nothing laid,
    where something is beside the lines, or as good as reached. `added`: what came from outside. The prices' logs stand in
    `clearance`."""
    room, logs = clearance.room, clearance.logs
    shut(clearance, lane)
    if grows(held) or not reach < 1.0 or not set_range(held, marks, logs, math.sqrt(reach / 2) + EDGE, room):
        return math.nan
    span = span_of(reach)
    now, slack = -added, -added
    for p in range(len(held.pools)):
        worth, moved = lay_pool(desk, held, p, marks, span, clearance, lane)
        now += worth
        slack += worth - moved
    for k in range(len(logs)):
        low, high = room[LOW, k] + EDGE, room[HIGH, k] - EDGE
        if not low < logs[k] < high:
            now = math.nan
        clearance.screen.low[k, lane], clearance.screen.high[k, lane] = f4(low), f4(high)
        clearance.lows.weight[k, lane], clearance.centre[k, lane] = f4(room[WORTH, k]), logs[k]
    if math.isnan(now):
        shut(clearance, lane)
        return now
    clearance.slack[len(held.pools), lane], clearance.laid[lane] = slack, reach
    write_slack(clearance, lane)
    return now


def span_of(reach: float) -> float:
    """Which share of its gross scale a pool's headroom must keep at both ends of a step, not to be looked into (`within`)."""
    return LEVERS * WIDER * math.sqrt(reach / 2) + GUARD


def set_range(held: Held, marks: Column, logs: Column, near: float, room: Column) -> bool:
    """Begin with the range of prices in which no order and no top-up is reached, or as good as reached: none may be nearer than
    `near`, as a share. False: one is, or a top-up waits for its time."""
    for k in range(len(logs)):
        room[LOW, k], room[HIGH, k], room[WORTH, k] = logs[k] - RANGE, logs[k] + RANGE, 0.0
        room[START, k] = math.exp(-logs[k])
    for i in range(len(held.orders)):
        order = held.orders[i]
        if order.live:
            if (marks[order.market] > order.level) != order.falling:
                return False
            stay_beside(order.level, marks[order.market], logs[order.market], near, room, order.market)
    for i in range(len(held.watches)):
        watch = held.watches[i]
        if watch.live:
            if watch.step >= 0:
                return False
            stay_beside(watch.level, marks[watch.market], logs[watch.market], near, room, watch.market)
    return True


def stay_beside(level: float, mark: float, log: float, near: float, room: Column, k: int) -> None:
    """Keep a price on its side of a level."""
    if mark > level:
        stay_above(level / (1 - near) / mark, log, room, k)
    else:
        stay_below(level * (1 - near) / mark, log, room, k)


def stay_above(share: float, log: float, room: Column, k: int) -> None:
    """Keep a price above a share of what it is."""
    if share > NARROWER:  # a logarithm takes as long as all else here
        room[LOW, k] = max(room[LOW, k], log + math.log(share))


def stay_below(share: float, log: float, room: Column, k: int) -> None:
    """Keep a price below a multiple of what it is."""
    if share < WIDER:
        room[HIGH, k] = min(room[HIGH, k], log + math.log(share))


def stay_within(line: Any, worth: float, inverse: bool, log: float, room: Column, k: int) -> None:
    """Keep a leg of that value on its line."""
    if line.least > 0 and not inverse:
        stay_above(line.least / worth, log, room, k)
    elif line.least > 0:
        stay_below(worth / line.least, log, room, k)
    if line.most > 0 and not inverse:
        stay_below(line.most / worth, log, room, k)
    elif line.most > 0:
        stay_above(worth / line.most, log, room, k)


def lay_pool(
    desk: Desk, held: Held, p: int, marks: Column, span: float, clearance: Clearance, lane: int
) -> tuple[float, float]:
    """A pool's bound, which lies `span` of the gross scale below its headroom. (its equity, how much of that its moves have
    made); nan where it does not stand alone with that much headroom."""
    room, logs, row, pool = clearance.room, clearance.logs, held.pools[p], pool_of(held, p)
    if not stands_alone(desk, row, pool):
        return math.nan, 0.0
    margin = bare_margin(desk, pool, marks)
    slack, moved = margin.balance - margin.requirement - span * margin.scale, 0.0
    if not slack > 0 and (len(pool.legs) > 0 or margin.requirement > 0):
        return math.nan, 0.0
    for k in range(len(logs)):
        room[WEIGHT, k] = 0.0
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        at, market, mark = leg.market, desk.markets[leg.market], marks[leg.market]
        x, begin, twice = mark, mark * room[START, at], 2 * mark
        if market.inverse:
            x, begin, twice = 1.0 / mark, 1.0 / begin, 0.5 * mark
        line = headroom_line(leg, mark, market)
        stay_within(line, abs(leg.amount) * x, market.inverse, logs[at], room, at)
        room[WEIGHT, at] += line.slope * begin
        slack -= line.slope * (x - begin)
        if row.teller == -1:
            slope = (profit(leg, twice, market) - profit(leg, mark, market)) / x
            room[WORTH, at] += slope * begin
            moved += slope * (x - begin)
    clearance.slack[p, lane] = slack if len(pool.legs) > 0 or margin.requirement > 0 else UNBOUND
    for k in range(len(logs)):
        clearance.screen.weight[p, k, lane] = f4(room[WEIGHT, k])
    return plain_worth(held, p, pool, margin, marks), moved


def stands_alone(desk: Desk, row: Any, pool: Any) -> bool:
    """Whether lines say all about a pool: one asset, no neighbours, nothing rounded to whole units, and nothing that a venue
    would cancel before it fails."""
    if len(pool.wallets) > 0 or len(pool.beside) > 0 or len(pool.asks) > 0 or len(pool.rests) > 0:
        return False
    for i in range(len(pool.legs)):
        if desk.markets[pool.legs[i].market].unit != 0:
            return False
    return not bool(row.bends or pool.apart or row.teller >= 0 or (desk.early and pool.orders > 0))
