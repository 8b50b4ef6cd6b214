"""One account along one path of prices, in float64: the text that numba compiles together with the rules of one venue.

Prices come as rows of a table, one row an instant; between two rows they move together along a straight segment, and what
happens on it happens in order, as the exact player has it: stops and limits at their levels, a pool where its headroom is
gone. No rule stands here: `assess_pool`, `next_step` and the others below are the venue's own, bound by `compile.bound`, and
`ladder` and `tick` are the bookkeeping that the exact machine does with events and postings.

A decision that is too close to call is not made: the walk stops with CLOSE, and the exact engine replays the path.
"""

from typing import Any, Final

import numpy as np

from plimsoll.array.between import STRAIGHT, Road
from plimsoll.array.compile import Column, lent, owning
from plimsoll.array.debts import grow, grows, owes_too_much, recall_debts, remember_debts
from plimsoll.array.desk import Desk, Held
from plimsoll.array.glide import AHEAD, FIRST, glide, look, mark_equity, worth
from plimsoll.array.ladder import (
    BAND,
    CLOSE,
    DONE,
    GONE,
    HAND,
    JUMPED,
    failing,
    instant,
    ladder,
    live_legs,
    live_orders,
    pool_of,
    run_orders,
    standing,
)
from plimsoll.array.payments import pay_funding
from plimsoll.array.wander import lent_road, set_way, wander
from plimsoll.array.watches import awaits_money, comes_due, meets, next_watch, top_up, top_ups_due
from plimsoll.rules.columns import HOLD

assess_pool: Any
assess_coin: Any
is_liquidatable: Any
next_step: Any
profit: Any
_DESK: Any = Desk
_HELD: Any = Held
LOOKS: Final = 50
"""As in `play`: after a forced sale the venue looks again a fiftieth of a segment later."""
DEPTH: Final = 30


@owning
def walk(
    desk: Desk,
    held: Held,
    road: Road,
    marks: Column,
    lasts: Column,
    funding: Column,
    due: Column,
    first: int,
    tally: Column,
    log: Column,
) -> int:
    """Walk from row `first` (where the account stands, all that it brings done; or on the way to the next row, where the share
    `tally.behind` of that is behind it) to the last row. `marks`, `lasts` [steps, markets and coins], `funding` [steps,
    markets] (0: none) in the rows that `due` [steps] names; `road`: what prices do between the rows (other than STRAIGHT:
    lasts are marks). DONE, GONE (no position is left), HAND (the exact machine must decide what happens on the way to row
    tally.step) or CLOSE."""
    desk, held = lent_desk(desk), lent_held(held)
    road = lent_road(road)
    marks, lasts, funding, due, tally, log = lent(marks), lent(lasts), lent(funding), lent(due), lent(tally), lent(log)
    record = tally[0]
    step, ages = first + 1, grows(held)
    ahead = np.empty((FIRST + 3 * len(held.pools), AHEAD))
    record.step, window = first, ahead.shape[1]  # AHEAD itself would be a type of its own, and compile a glide for it
    if record.behind == 0.0:
        look(desk, held, marks[first], tally)
    while step < len(marks):
        if record.behind == 0.0:
            passed = glide(desk, held, road, marks, lasts, funding, due, step, window, tally, ahead)
            window = min(2 * window, AHEAD) if passed == window else max(passed, 4)
            step += passed
            if step == len(marks):
                break
        record.step = step
        timed = comes_due(held, record.base + step)
        looks = not (due[step] or timed or ages)
        if road.kind == STRAIGHT:
            code = tick(desk, held, marks[step - 1], marks[step], lasts[step - 1], lasts[step], looks, tally, log)
        else:
            code = wander(desk, held, road, marks[step - 1], marks[step], step, looks, tally, log)
        if code == DONE and not looks:
            code = at_its_end(desk, held, road, marks[step], funding[step], due[step], timed, tally, log)
        if code != DONE:
            return code
        if live_legs(held) == 0 and live_orders(held) == 0 and only_money(held) and not awaits_money(held):
            return GONE
        step += 1
    record.step = len(marks) - 1
    return DONE


def at_its_end(
    desk: Desk, held: Held, road: Road, marks: Column, rates: Column, due: bool, timed: bool, tally: Column, log: Column
) -> int:
    """What a step brings at its end: funding (`due`), then money that is planned for that time (`timed`)."""
    record = tally[0]
    record.part = 1.0
    code = DONE
    if (timed and not desk.plain) or (grows(held) and not bear(desk, held, marks, tally)):
        code = HAND
    elif due:
        code = pay_funding(desk, held, marks, rates, tally, log)
    if code == HAND:
        only_its_end(road, marks, tally)
    elif code == DONE and timed:
        code = top_ups_due(desk, held, marks, record.base + record.step, tally, log)
    look(desk, held, marks, tally)
    return code


def bear(desk: Desk, held: Held, marks: Column, tally: Column) -> bool:
    """A step's interest on every debt, or none of it where a pool would fail by it."""
    told = 0.0
    for p in range(len(held.pools)):
        remember_debts(held, p)
        told += grow(desk, held, p, marks)
    for p in range(len(held.pools)):
        if failing(desk, held, p, marks) != DONE or owes_too_much(held, p):
            for q in range(len(held.pools)):
                recall_debts(held, q)
            return False
    tally[0].funding += told
    return True


def only_its_end(road: Road, marks: Column, tally: Column) -> None:
    """All that is left of the step is what comes at its end."""
    set_way(road.ways[0], 1.0, 0.0, marks)
    set_way(road.ways[1], 1.0, 0.0, marks)
    tally[0].ways = 2


def lent_desk(desk: Desk) -> Any:
    """The desk with columns that nobody counts the owners of: the walk's caller holds on to them."""
    return _DESK(
        lent(desk.markets),
        desk.reading,
        lent(desk.scope),
        lent(desk.tiers),
        desk.taker_rate,
        desk.maker_rate,
        desk.releases,
        desk.unit,
        desk.early,
        desk.plain,
        desk.pays,
    )


def lent_held(held: Held) -> Any:
    """The same of the account."""
    return _HELD(
        lent(held.pools),
        lent(held.legs),
        lent(held.names),
        lent(held.orders),
        lent(held.wallets),
        lent(held.rests),
        lent(held.beside),
        lent(held.beside_names),
        lent(held.asks),
        lent(held.hits),
        lent(held.spare),
        lent(held.watches),
        lent(held.growth),
    )


def only_money(held: Held) -> bool:
    """Whether no price matters to what is held: no coins."""
    for p in range(len(held.pools)):
        row = held.pools[p]
        if row.wallet_to > row.wallet_from or (row.teller >= 0 and row.cash != 0):
            return False
    return True


def tick(
    desk: Desk, held: Held, a: Column, b: Column, last_a: Column, last_b: Column, looks: bool, tally: Column, log: Column
) -> int:
    """From prices `a` to prices `b`. `looks`: equity and headroom at `b` count (else funding comes first)."""
    if (live_orders(held) == 0 or not touched(held, b, last_b)) and not meets(held, a, b):
        code = quiet(desk, held, a, b, looks, tally)
        if code != JUMPED:
            return code
    if not desk.plain:
        return HAND
    return through(desk, held, a, b, last_a, last_b, looks, tally, log)


def quiet(desk: Desk, held: Held, a: Column, b: Column, looks: bool, tally: Column) -> int:
    """DONE where every pool has headroom at `b` (and so all the way, headroom being concave); JUMPED where one may not."""
    record = tally[0]
    equity = held.pools[0].cash * 0
    for p in range(len(held.pools)):
        row = held.pools[p]
        pool = pool_of(held, p)
        margin = assess_pool(pool, b, desk.markets)
        equity += worth(desk, held, p, pool, margin, b)
        headroom = margin.balance - margin.requirement
        if len(pool.legs) == 0:
            if margin.requirement > 0 and headroom <= BAND * margin.scale:
                return JUMPED
            continue
        if headroom <= BAND * margin.scale:
            if headroom >= -BAND * margin.scale and margin.scale > 0:
                return CLOSE
            return JUMPED
        if row.bends and not clear(desk, pool, a, b, headroom):
            return JUMPED
        if desk.early and pool.orders > 0 and next_step(0, pool, margin, b, b, desk.markets, desk.reading).kind != HOLD:
            return JUMPED
        if looks:
            row.least = min(row.least, headroom)
        record.closest = min(record.closest, headroom / margin.scale)
    if looks:
        mark_equity(tally, equity)
    return DONE


def clear(desk: Desk, pool: Any, a: Column, b: Column, headroom: float) -> bool:
    """Whether the headroom of a pool whose legs bend both ways is certain to last from `a` to `b`: each leg's share of it is
    least at an end."""
    bound = headroom
    for i in range(len(pool.legs)):
        alone = standing(pool, 0.0, 0.0, pool.legs[i : i + 1], pool.beside[:0])
        at_a = assess_pool(alone, a, desk.markets)
        at_b = assess_pool(alone, b, desk.markets)
        bound -= max(0.0, (at_b.balance - at_b.requirement) - (at_a.balance - at_a.requirement))
    return bound > 0 and len(pool.beside) == 0


def touched(held: Held, b: Column, last_b: Column) -> bool:
    """Whether any resting order is reached on the way, or as good as reached."""
    for i in range(len(held.orders)):
        order = held.orders[i]
        if order.live:
            to = b[order.market] if order.on_mark else last_b[order.market]
            slack = BAND * order.level
            if (to <= order.level + slack) if order.falling else (to >= order.level - slack):
                return True
    return False


@owning
def through(
    desk: Desk, held: Held, a: Column, b: Column, last_a: Column, last_b: Column, looks: bool, tally: Column, log: Column
) -> int:
    """A segment on which something may happen: from stop to stop, and to its end."""
    record = tally[0]
    done, rest = 0.0, 0.0
    marks, lasts = b.copy(), last_b.copy()
    while True:
        order, watch, at = next_stop(held, a, b, last_a, last_b, done)
        if order == -2:
            return CLOSE
        end = min(at, 1.0)
        lost = first_loss(desk, held, a, b, done, end) if end > done else -1.0
        if lost == -2.0:
            return CLOSE
        sinking = lost >= 0.0 and max(lost, rest) <= end
        if not sinking and order < 0 and watch < 0:
            break
        done = max(lost, rest) if sinking else at
        between(a, b, done, marks)
        between(last_a, last_b, done, lasts)
        if not sinking and watch >= 0:
            marks[held.watches[watch].market] = held.watches[watch].level
        elif not sinking:
            row = held.orders[order]
            (marks if row.on_mark else lasts)[row.market] = row.level
        record.part = record.since + record.span * done
        before = record.reduced
        code = stand(desk, held, marks, lasts, instant(sinking), tally, log)
        if code == DONE and watch >= 0 and not sinking:
            code = top_up(desk, held, watch, marks, tally, log)
        if code != DONE:
            return code
        if record.reduced != before:
            rest = min(done + 1.0 / LOOKS, 1.0)
        look(desk, held, marks, tally)
        if done >= 1.0:
            return DONE
    record.part = record.since + record.span
    code = stand(desk, held, b, last_b, instant(False), tally, log)
    if looks:
        look(desk, held, b, tally)
    return code


def stand(desk: Desk, held: Held, marks: Column, lasts: Column, how: int, tally: Column, log: Column) -> int:
    """The account at these prices: every pool that fails is taken through its ladder, then what the prices set off."""
    for p in range(len(held.pools)):
        code = ladder(desk, held, p, marks, how, tally, log)
        if code != DONE:
            return code
    return run_orders(desk, held, marks, lasts, tally, log)


def between(a: Column, b: Column, at: float, out: Column) -> None:
    """Prices after the share `at` of the way from `a` to `b`."""
    for i in range(len(a)):
        out[i] = a[i] + (b[i] - a[i]) * at if at < 1.0 else b[i]


def next_stop(
    held: Held, a: Column, b: Column, last_a: Column, last_b: Column, done: float
) -> tuple[int, int, float]:
    """(order, top-up, share of the way) of what is reached first, -1 for the other; -2, -2: too close to call."""
    order, at = next_order(held, a, b, last_a, last_b, done)
    watch, share = next_watch(held, a, b, done)
    if order == -2 or watch == -2:
        return -2, -2, 0.0
    if order >= 0 and watch >= 0 and abs(share - at) <= BAND and held.orders[order].market != held.watches[watch].market:
        return -2, -2, 0.0
    if watch >= 0 and share < at:
        return -1, watch, share
    return order, -1, at


def next_order(
    held: Held, a: Column, b: Column, last_a: Column, last_b: Column, done: float
) -> tuple[int, float]:
    """(which resting order is reached first after `done`, after what share of the way); -1: none, -2: too close to call."""
    best, at = -1, 2.0
    for i in range(len(held.orders)):
        row = held.orders[i]
        if not row.live:
            continue
        origin = a[row.market] if row.on_mark else last_a[row.market]
        target = b[row.market] if row.on_mark else last_b[row.market]
        level = row.level
        if abs(target - level) <= BAND * level or (abs(origin - level) <= BAND * level and origin != level):
            return -2, 0.0
        crosses = (origin > level >= target) if row.falling else (origin < level <= target)
        if not crosses:
            continue
        share = (level - origin) / (target - origin)
        if share > done and best >= 0 and abs(share - at) <= BAND and row.market != held.orders[best].market:
            return -2, 0.0
        if share > done and share < at:
            best, at = i, share
    return best, at


@owning
def first_loss(desk: Desk, held: Held, a: Column, b: Column, done: float, end: float) -> float:
    """The first share of the way in (done, end] at which some pool's headroom is gone; -1: none, -2: too close to call."""
    first = -1.0
    marks = b.copy()
    for p in range(len(held.pools)):
        pool = pool_of(held, p)
        if len(pool.legs) == 0:
            continue
        high = end if first < 0 else first
        at = earliest(desk, pool, held.pools[p].bends, a, b, done, high, marks)
        if at == -2.0:
            return at
        if at >= 0:
            first = at
    return first


@owning
def earliest(
    desk: Desk, pool: Any, bends: bool, a: Column, b: Column, low: float, high: float, marks: Column
) -> float:
    """Where a pool's headroom first vanishes in (low, high]; -1: it does not, -2: too close to call. One that bends both ways
    is cut into pieces that its legs' own shares clear, as the exact player does."""
    if not bends:
        return lost_between(desk, pool, a, b, low, high, marks)
    size = 1.0
    for _ in range(DEPTH):
        size /= 2
    left = low
    width = high - low
    far = a.copy()
    while left < high:
        right = min(left + width, high)
        between(a, b, right, marks)
        margin = assess_pool(pool, marks, desk.markets)
        between(a, b, left, far)
        if margin.balance > margin.requirement and clear(desk, pool, far, marks, margin.balance - margin.requirement):
            left = right
            width = min(width * 2, high - left)
        elif width <= size * (high - low):
            return -2.0
        elif margin.balance <= margin.requirement and not falls_once(desk, pool, far, marks):
            width /= 2
        elif margin.balance <= margin.requirement:
            return lost_between(desk, pool, a, b, left, right, marks)
        else:
            width /= 2
    return -1.0


def falls_once(desk: Desk, pool: Any, a: Column, b: Column) -> bool:
    """Whether every leg's share of the headroom falls from `a` to `b`: then it vanishes once between them."""
    for i in range(len(pool.legs)):
        alone = standing(pool, 0.0, 0.0, pool.legs[i : i + 1], pool.beside[:0])
        at_a = assess_pool(alone, a, desk.markets)
        at_b = assess_pool(alone, b, desk.markets)
        if at_b.balance - at_b.requirement > at_a.balance - at_a.requirement:
            return False
    return True


def lost_between(
    desk: Desk, pool: Any, a: Column, b: Column, low: float, high: float, marks: Column
) -> float:
    """The root of a concave headroom by the Illinois secant method, on its failing side: behind it where none is safe."""
    between(a, b, high, marks)
    margin = assess_pool(pool, marks, desk.markets)
    fb = margin.balance - margin.requirement
    if abs(fb) <= BAND * margin.scale:
        return -2.0
    if fb > 0:
        return -1.0
    between(a, b, low, marks)
    margin = assess_pool(pool, marks, desk.markets)
    fa = margin.balance - margin.requirement
    if abs(fa) <= BAND * margin.scale:
        return -2.0
    if fa <= 0:
        return high
    good, bad = low, high
    safe = not is_liquidatable(1.0, 1.0)
    least = (high - low) * 1e-16
    for _ in range(200):
        if (fb == 0 and not safe) or bad - good <= least:
            break
        c = bad - fb * (bad - good) / (fb - fa)
        if not (c > good and c < bad):
            c = (good + bad) / 2
            if c <= good or c >= bad:
                break
        between(a, b, c, marks)
        margin = assess_pool(pool, marks, desk.markets)
        fc = margin.balance - margin.requirement
        if fc > 0 or (fc == 0 and safe):
            good, fa, fb = c, fc, fb / 2
        else:
            bad, fb, fa = c, fc, fa / 2
    return bad
