"""One account along one path of prices, in float64: the text that numba compiles together with the rules of one venue.

Prices come as rows of a table, one row an instant; between two rows they move together along a straight segment, and what
happens on it happens in order, as the exact player has it: stops and limits at their levels, a pool where its headroom is
gone. No rule stands here: `assess_pool`, `next_step` and the others below are the venue's own, bound by `compile.bound`, and
`ladder` and `tick` are the bookkeeping that the exact machine does with events and postings.

A decision that is too close to call is not made: the walk stops with CLOSE, and the exact engine replays the path.
"""

from typing import Any, Final

import numpy as np

from plimsoll.array.compile import Column, lent
from plimsoll.array.desk import Desk, Held
from plimsoll.array.ladder import (
    BAND,
    CLOSE,
    CROSSED,
    DONE,
    GONE,
    HAND,
    JUMPED,
    charges,
    ladder,
    live_legs,
    live_orders,
    pay_funding,
    pool_of,
    run_orders,
    stake,
    standing,
)
from plimsoll.rules.columns import HOLD

assess_pool: Any
assess_coin: Any
next_step: Any
profit: Any
AHEAD: Final = 64
"""Rows that are looked at together."""
EQUITY: Final = 0
PAID: Final = 1
FIRST: Final = 2
HEADROOM: Final = 0
CLOSENESS: Final = 1
CASH: Final = 2
"""What is found out about rows ahead, a line each: the equity, the funding paid, and from line FIRST on three of each pool."""
_DESK: Any = Desk
_HELD: Any = Held
LOOKS: Final = 50
"""As in `play`: after a forced sale the venue looks again a fiftieth of a segment later."""
DEPTH: Final = 30


def walk(
    desk: Desk, held: Held, marks: Column, lasts: Column, funding: Column, due: Column, first: int, tally: Column, log: Column
) -> int:
    """Walk from row `first` (where the account stands, all that it brings done) to the last row. `marks`, `lasts` [steps,
    markets and coins], `funding` [steps, markets] (0: none) in the rows that `due` [steps] names. DONE, GONE (no position is
    left), HAND (the exact machine must decide what happens on the way to row tally.step) or CLOSE."""
    desk, held = lent_desk(desk), lent_held(held)
    marks, lasts, funding, due, tally, log = lent(marks), lent(lasts), lent(funding), lent(due), lent(tally), lent(log)
    record = tally[0]
    step = first + 1
    ahead = np.empty((FIRST + 3 * len(held.pools), AHEAD))
    record.step = first
    look(desk, held, marks[first], tally)
    while step < len(marks):
        step += glide(desk, held, marks, lasts, funding, due, step, tally, ahead)
        if step == len(marks):
            break
        record.step = step
        code = tick(desk, held, marks[step - 1], marks[step], lasts[step - 1], lasts[step], not due[step], tally, log)
        if code == DONE and due[step]:
            code = pay_funding(desk, held, marks[step], funding[step], tally, log)
            look(desk, held, marks[step], tally)
        if code != DONE:
            return code
        if live_legs(held) == 0 and live_orders(held) == 0 and only_money(held):
            return GONE
        step += 1
    record.step = len(marks) - 1
    return DONE


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
    )


def only_money(held: Held) -> bool:
    """Whether no price matters to what is held: no coins."""
    for p in range(len(held.pools)):
        row = held.pools[p]
        if row.wallet_to > row.wallet_from or (row.teller >= 0 and row.cash != 0):
            return False
    return True


def glide(
    desk: Desk, held: Held, marks: Column, lasts: Column, funding: Column, due: Column, step: int, tally: Column, ahead: Column
) -> int:
    """How many rows from `step` on can be passed because nothing happens at them: every pool has headroom (headroom being
    concave on the way), also while funding is paid, and no order is reached. Pool by pool, so that a pool's columns are read
    once; funding is then paid up to there. `ahead`: room for what is found out about the rows looked at."""
    free = 0
    while free < AHEAD and step + free < len(marks) and (desk.pays or not due[step + free]):
        free += 1
    for i in range(len(held.orders)):
        if held.orders[i].live:
            free = before_order(held, i, marks, lasts, step, free)
    ahead[EQUITY : PAID + 1, :free] = 0.0
    for p in range(len(held.pools)):
        free = glide_pool(desk, held, p, marks, funding, due, step, free, ahead)
    record = tally[0]
    for p in range(len(held.pools)):
        row, at = held.pools[p], FIRST + 3 * p
        if free > 0:
            row.cash = ahead[at + CASH, free - 1]
            stake(held, p, row.cash)
        for k in range(free if row.leg_to > row.leg_from else 0):
            row.least = min(row.least, ahead[at + HEADROOM, k])
            record.closest = min(record.closest, ahead[at + CLOSENESS, k])
    for k in range(free):
        record.step = step + k
        record.funding += ahead[PAID, k]
        mark_equity(tally, ahead[EQUITY, k])
    return free


def before_order(held: Held, i: int, marks: Column, lasts: Column, step: int, free: int) -> int:
    """How many of `free` rows pass before an order is reached, or as good as reached."""
    order = held.orders[i]
    slack = BAND * order.level
    for k in range(free):
        to = marks[step + k, order.market] if order.on_mark else lasts[step + k, order.market]
        if (to <= order.level + slack) if order.falling else (to >= order.level - slack):
            return k
    return free


def glide_pool(
    desk: Desk, held: Held, p: int, marks: Column, funding: Column, due: Column, step: int, free: int, ahead: Column
) -> int:
    """How many of `free` rows a pool passes with headroom; its headroom, closeness, cash and equity at them. Funding is
    only tried here: the pool's columns are left as they were."""
    row = held.pools[p]
    pool = pool_of(held, p)
    counts = row.leg_to > row.leg_from
    if counts and row.bends:
        return 0
    plain = len(pool.wallets) == 0 and len(pool.beside) == 0 and not pool.apart
    heads, close, cashes = ahead[FIRST + 3 * p + HEADROOM], ahead[FIRST + 3 * p + CLOSENESS], ahead[FIRST + 3 * p + CASH]
    equity, paid = ahead[EQUITY], ahead[PAID]
    k = 0
    while k < free:
        at = marks[step + k]
        if due[step + k]:
            taken, worst, told = charges(desk, held, p, funding[step + k], at)
            paid[k] += told
            if taken != 0 or worst != 0:
                if len(pool.wallets) > 0 or not bears(desk, held, p, standing(
                    pool, pool.cash - worst, pool.reserved, pool.legs, pool.beside
                ), at):
                    break
                pool = standing(pool, pool.cash - taken, pool.reserved, pool.legs, pool.beside)
                stake(held, p, pool.cash)
        margin = assess_pool(pool, at, desk.markets)
        headroom = margin.balance - margin.requirement
        if counts and not headroom > BAND * margin.scale:
            break
        if desk.early and pool.orders > 0 and counts:
            step_due = next_step(0, pool, margin, at, at, desk.markets, desk.reading)
            if step_due.kind != HOLD:
                break
        heads[k] = headroom
        close[k] = headroom / margin.scale
        cashes[k] = pool.cash
        if not plain:
            equity[k] += worth(desk, held, p, pool, margin, at)
        elif row.teller == -1:
            equity[k] += margin.balance + pool.reserved
        elif row.teller >= 0:
            equity[k] += (margin.balance + pool.reserved) * at[row.teller]
        k += 1
    stake(held, p, row.cash)
    return k


def bears(desk: Desk, held: Held, p: int, pool: Any, marks: Column) -> bool:
    """Whether a pool has headroom when all that it may owe for funding is taken before it receives any."""
    stake(held, p, pool.cash)
    margin = assess_pool(pool, marks, desk.markets)
    if len(pool.legs) == 0:
        return True
    if not margin.balance - margin.requirement > BAND * margin.scale:
        return False
    early = desk.early and pool.orders > 0
    return not early or next_step(0, pool, margin, marks, marks, desk.markets, desk.reading).kind == HOLD


def tick(
    desk: Desk, held: Held, a: Column, b: Column, last_a: Column, last_b: Column, looks: bool, tally: Column, log: Column
) -> int:
    """From prices `a` to prices `b`. `looks`: equity and headroom at `b` count (else funding comes first)."""
    if live_orders(held) == 0 or not touched(held, b, last_b):
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
        if len(pool.legs) == 0:
            continue
        headroom = margin.balance - margin.requirement
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


def worth(desk: Desk, held: Held, p: int, pool: Any, margin: Any, marks: Column) -> float:
    """Equity of a pool in the unit that the walk is told in."""
    row = held.pools[p]
    if len(pool.wallets) > 0:
        total = 0.0
        for w in range(len(pool.wallets)):
            total += assess_coin(pool, margin, w, marks, desk.markets).equity * marks[pool.wallets[w].place]
        return total if desk.unit < 0 else total / marks[desk.unit]
    if row.teller == -2:
        return 0.0
    own = margin.balance + pool.reserved
    if pool.apart or len(pool.beside) > 0:
        own = 0.0 if pool.apart else pool.cash + pool.outside_pnl
        for i in range(len(pool.legs)):
            leg = pool.legs[i]
            own += profit(leg, marks[leg.market], desk.markets[leg.market])
    return float(own if row.teller < 0 else own * marks[row.teller])


def mark_equity(tally: Column, equity: float) -> None:
    """The equity of this instant, and whether it is the lowest."""
    record = tally[0]
    record.equity = equity
    if equity < record.lowest:
        record.lowest = equity
        record.lowest_step = record.base + record.step


def look(desk: Desk, held: Held, marks: Column, tally: Column) -> None:
    """Equity and headroom at these prices, kept where they are the lowest so far."""
    equity = 0.0
    for p in range(len(held.pools)):
        pool = pool_of(held, p)
        margin = assess_pool(pool, marks, desk.markets)
        equity += worth(desk, held, p, pool, margin, marks)
        if len(pool.legs) > 0:
            held.pools[p].least = min(held.pools[p].least, margin.balance - margin.requirement)
    mark_equity(tally, equity)


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


def through(
    desk: Desk, held: Held, a: Column, b: Column, last_a: Column, last_b: Column, looks: bool, tally: Column, log: Column
) -> int:
    """A segment on which something may happen: from stop to stop, and to its end."""
    record = tally[0]
    done, rest = 0.0, 0.0
    marks, lasts = b.copy(), last_b.copy()
    while True:
        order, at = next_order(held, a, b, last_a, last_b, done)
        if order == -2:
            return CLOSE
        end = 1.0 if order < 0 else at
        lost = first_loss(desk, held, a, b, done, end)
        if lost == -2.0:
            return CLOSE
        sinking = lost >= 0.0 and max(lost, rest) <= end
        if not sinking and order < 0:
            break
        done = max(lost, rest) if sinking else at
        between(a, b, done, marks)
        between(last_a, last_b, done, lasts)
        if not sinking:
            row = held.orders[order]
            (marks if row.on_mark else lasts)[row.market] = row.level
        record.part = done
        before = record.reduced
        code = stand(desk, held, marks, lasts, CROSSED if sinking else JUMPED, tally, log)
        if code != DONE:
            return code
        if record.reduced != before:
            rest = min(done + 1.0 / LOOKS, 1.0)
        look(desk, held, marks, tally)
        if done >= 1.0:
            return DONE
    record.part = 1.0
    code = stand(desk, held, b, last_b, JUMPED, tally, log)
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
    """The root of a concave headroom by the Illinois secant method, on its failing side."""
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
    least = (high - low) * 1e-16
    for _ in range(200):
        if fb == 0 or bad - good <= least:
            break
        c = bad - fb * (bad - good) / (fb - fa)
        if not (c > good and c < bad):
            c = (good + bad) / 2
            if c <= good or c >= bad:
                break
        between(a, b, c, marks)
        margin = assess_pool(pool, marks, desk.markets)
        fc = margin.balance - margin.requirement
        if fc > 0:
            good, fa, fb = c, fc, fb / 2
        else:
            bad, fb, fa = c, fc, fa / 2
    return bad
