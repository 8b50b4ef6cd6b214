"""Over the rows on which nothing happens: how many there are, and what an account looks like at an instant. Compiled with
`walk` and the rules of one venue."""

from typing import Any, Final

from plimsoll.array.between import STRAIGHT, Road
from plimsoll.array.compile import Column
from plimsoll.array.debts import grow, grow_by, recall_debts, remember_debts
from plimsoll.array.desk import Desk, Held
from plimsoll.array.ladder import BAND, pool_of, rebuilt, stake, standing
from plimsoll.array.payments import charges, is_clear
from plimsoll.array.watches import before_watch
from plimsoll.rules.columns import HOLD

assess_pool: Any
assess_bare: Any
assess_coin: Any
next_step: Any
profit: Any
value: Any
AHEAD: Final = 128
"""Rows that are looked at together."""
EQUITY: Final = 0
PAID: Final = 1
FIRST: Final = 2
HEADROOM: Final = 0
CLOSENESS: Final = 1
CASH: Final = 2
"""What is found out about rows ahead, a line each: the equity, the funding paid, and from line FIRST on three of each pool."""
LEVERS: Final = 1.1
"""Headroom moves by at most this share of the gross scale for a price that moves by one: a position's value, and what its
maintenance and closing fee add to that."""


def glide(
    desk: Desk,
    held: Held,
    road: Road,
    marks: Column,
    lasts: Column,
    funding: Column,
    due: Column,
    step: int,
    window: int,
    tally: Column,
    ahead: Column,
) -> int:
    """How many of `window` rows from `step` on can be passed because nothing happens at them: every pool has headroom (headroom
    being concave on the way), also while funding is paid, no order is reached and no money added, nor likely to be between the
    rows. Pool by pool, so that a pool's columns are read once; funding is then paid up to there. `ahead`: room for what is
    found out about the rows looked at."""
    free = 0
    while free < window and step + free < len(marks):
        at = step + free
        if due[at] and not (desk.pays and is_clear(desk, held, funding[at], marks[at])):
            break
        free += 1
    for i in range(len(held.orders)):
        if held.orders[i].live:
            free = before_order(held, i, marks, lasts, step, free)
            if road.kind != STRAIGHT:
                free = before_level(held, i, road, marks, step, free)
    for i in range(len(held.watches)):
        if held.watches[i].live:
            free = before_watch(held, i, road, marks, tally[0].base, step, free)
    ahead[EQUITY, :free] = -tally[0].added
    ahead[PAID, :free] = 0.0
    for p in range(len(held.pools)):
        free = glide_pool(desk, held, p, road, marks, funding, due, step, free, ahead)
    if free > 0:
        for p in range(len(held.pools)):
            keep_pool(held, p, ahead, free, tally)
        keep_rows(ahead, step, free, tally)
    return free


def keep_pool(held: Held, p: int, ahead: Column, free: int, tally: Column) -> None:
    """What a pool was on the rows that are passed: its cash after them, its least headroom and closeness."""
    row, at = held.pools[p], FIRST + 3 * p
    before, row.cash = row.cash, ahead[at + CASH, free - 1]
    if row.isolated and row.leg_to > row.leg_from:
        held.legs[row.leg_from].lost += before - row.cash
    grow_by(held, p, free)
    stake(held, p, row.cash)
    if row.leg_to > row.leg_from:
        row.least = least_of(ahead[at + HEADROOM], free, row.least)
        tally[0].closest = least_of(ahead[at + CLOSENESS], free, tally[0].closest)


def least_of(column: Column, count: int, least: float) -> float:
    """The least of the first numbers of a column and of one more. In four lanes, for one would wait for itself."""
    a = b = c = d = least
    whole = count - count % 4
    for k in range(0, whole, 4):
        a, b = min(a, column[k]), min(b, column[k + 1])
        c, d = min(c, column[k + 2]), min(d, column[k + 3])
    for k in range(whole, count):
        a = min(a, column[k])
    return min(min(a, b), min(c, d))


def keep_rows(ahead: Column, step: int, free: int, tally: Column) -> None:
    """Funding and equity of the rows that are passed."""
    record, equity, paid = tally[0], ahead[EQUITY], ahead[PAID]
    lowest, at, total = record.lowest, -1, record.funding
    for k in range(free):
        if paid[k] != 0.0:  # to add what is nothing takes as long as all else here
            total += paid[k]
        if equity[k] < lowest:
            lowest, at = equity[k], k
    record.step, record.funding, record.equity = step + free - 1, total, equity[free - 1]
    if at >= 0:
        record.lowest, record.lowest_step = lowest, record.base + step + at


def before_order(held: Held, i: int, marks: Column, lasts: Column, step: int, free: int) -> int:
    """How many of `free` rows pass before an order is reached, or as good as reached."""
    order = held.orders[i]
    market, level = order.market, order.level
    prices = marks if order.on_mark else lasts
    slack, side = BAND * level, 1.0 if order.falling else -1.0
    for k in range(free):
        if side * (prices[step + k, market] - level) <= slack:
            return k
    return free


def before_level(held: Held, i: int, road: Road, marks: Column, step: int, free: int) -> int:
    """How many of `free` rows pass before the road may well reach an order's level between two of them."""
    order = held.orders[i]
    for k in range(free):
        if within_level(marks[step + k - 1, order.market], marks[step + k, order.market], order.level, road.reach[step + k]):
            return k
    return free


def glide_pool(
    desk: Desk, held: Held, p: int, road: Road, marks: Column, funding: Column, due: Column, step: int, free: int, ahead: Column
) -> int:
    """How many of `free` rows a pool passes with headroom; its headroom, closeness, cash and equity at them. Funding is
    only tried here: the pool's columns are left as they were."""
    row, pool = held.pools[p], pool_of(held, p)
    counts = row.leg_to > row.leg_from
    if counts and row.bends:
        return 0
    plain = len(pool.wallets) == 0 and len(pool.beside) == 0 and not pool.apart
    heads, close, cashes = ahead[FIRST + 3 * p + HEADROOM], ahead[FIRST + 3 * p + CLOSENESS], ahead[FIRST + 3 * p + CASH]
    equity, paid = ahead[EQUITY], ahead[PAID]
    looks = counts and road.kind != STRAIGHT
    before = 0.0
    if looks:
        margin = assess_pool(pool, marks[step - 1], desk.markets)
        before = margin.balance - margin.requirement
    remember_debts(held, p)
    alone = plain and row.teller == -1 and road.kind == STRAIGHT and not (desk.early and pool.orders > 0)
    k = 0
    while k < free:
        if alone and not due[step + k]:
            stop = k
            while stop < free and not due[step + stop]:
                stop += 1
            k = glide_bare(desk, pool, counts, marks[step:], k, stop, ahead, FIRST + 3 * p)
            if k < stop:
                break
            continue
        at = marks[step + k]
        if not plain:
            paid[k] += grow(desk, held, p, at)
        if due[step + k]:
            taken, worst, told = charges(desk, held, p, funding[step + k], at)
            paid[k] += told
            if taken != 0 or worst != 0:
                lost = looks and taken < 0 and strays(desk, pool, before, at, road.reach[step + k])
                if lost or not bears(desk, held, p, with_less(pool, worst), at):
                    break
                pool = with_less(pool, taken)
                stake(held, p, pool.cash)
        margin = assess_pool(pool, at, desk.markets)
        headroom = margin.balance - margin.requirement
        if (counts or margin.requirement > 0) and not headroom > BAND * margin.scale:
            break
        strayed = looks and within(before, headroom, gross(desk, pool, margin, at), road.reach[step + k])
        if strayed or (counts and not rests(desk, pool, margin, at)):
            break
        before = headroom
        heads[k], close[k], cashes[k] = headroom, headroom / margin.scale, pool.cash
        equity[k] += plain_worth(held, p, pool, margin, at) if plain else worth(desk, held, p, pool, margin, at)
        k += 1
    stake(held, p, row.cash)
    recall_debts(held, p)
    return k


def glide_bare(
    desk: Desk, pool: Any, counts: bool, marks: Column, k: int, stop: int, ahead: Column, line: int
) -> int:
    """`glide_pool` for rows `k` to `stop` without funding, of a pool of one asset, told in it, that stands by itself."""
    equity, heads, close, cashes = ahead[EQUITY], ahead[line + HEADROOM], ahead[line + CLOSENESS], ahead[line + CASH]
    none = pool.legs[:0]
    bare = rebuilt(pool, pool.cash, pool.reserved, pool.legs, none, pool.wallets[:0], pool.rests[:0], pool.asks[:0])
    cashes[k:stop] = pool.cash
    begin = k
    while k < stop:
        margin = assess_bare(bare, marks[k], desk.markets)
        headroom = margin.balance - margin.requirement
        if (counts or margin.requirement > 0) and not headroom > BAND * margin.scale:
            break
        heads[k], close[k] = headroom, margin.scale
        equity[k] += margin.balance + pool.reserved
        k += 1
    for i in range(begin, k):
        close[i] = heads[i] / close[i]
    return k


def plain_worth(held: Held, p: int, pool: Any, margin: Any, marks: Column) -> float:
    """Equity of a pool of one asset that stands by itself, as `worth` has it."""
    teller = held.pools[p].teller
    if teller == -2:
        return 0.0
    own = margin.balance + pool.reserved
    return float(own if teller == -1 else own * marks[teller])


def strays(desk: Desk, pool: Any, before: float, at: Column, reach: float) -> bool:
    """Whether headroom that goes from `before` to what it is at these prices, before funding brings any, may well have been
    gone between."""
    margin = assess_pool(pool, at, desk.markets)
    return within(before, margin.balance - margin.requirement, gross(desk, pool, margin, at), reach)


def bears(desk: Desk, held: Held, p: int, pool: Any, marks: Column) -> bool:
    """Whether a pool, from whose one cash all is taken that it may owe for funding before it receives any, has headroom."""
    if len(pool.wallets) > 0:
        return False
    stake(held, p, pool.cash)
    margin = assess_pool(pool, marks, desk.markets)
    if len(pool.legs) == 0:
        return True
    return margin.balance - margin.requirement > BAND * margin.scale and rests(desk, pool, margin, marks)


def rests(desk: Desk, pool: Any, margin: Any, marks: Column) -> bool:
    """Whether the venue leaves the orders alone that it may cancel before the pool fails."""
    if not desk.early or pool.orders == 0:
        return True
    return bool(next_step(0, pool, margin, marks, marks, desk.markets, desk.reading).kind == HOLD)


def with_less(pool: Any, amount: float) -> Any:
    """The pool without an amount of its cash."""
    return standing(pool, pool.cash - amount, pool.reserved, pool.legs, pool.beside)


def near(desk: Desk, held: Held, a: Column, b: Column, reach: float) -> bool:
    """Whether a path from `a` to `b` may well have met a pool's line or the level of an order or a top-up: it has at an end, or
    twice the product of the distances at both ends is below `reach`. That a venue cancels orders before a pool fails is seen at
    ends."""
    for p in range(len(held.pools)):
        pool = pool_of(held, p)
        if len(pool.legs) == 0:
            continue
        at_a = assess_pool(pool, a, desk.markets)
        at_b = assess_pool(pool, b, desk.markets)
        most = max(gross(desk, pool, at_a, a), gross(desk, pool, at_b, b))
        if within(at_a.balance - at_a.requirement, at_b.balance - at_b.requirement, most, reach):
            return True
    for i in range(len(held.orders)):
        order = held.orders[i]
        if order.live and within_level(a[order.market], b[order.market], order.level, reach):
            return True
    for i in range(len(held.watches)):
        watch = held.watches[i]
        if watch.live and watch.step < 0 and within_level(a[watch.market], b[watch.market], watch.level, reach):
            return True
    return False


def gross(desk: Desk, pool: Any, margin: Any, marks: Column) -> float:
    """What a pool's headroom moves with: its gross scale, and where that speaks of how money is rounded, which is far more, its
    cash, values and costs."""
    total = float(abs(pool.cash))
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        total += value(leg.amount, marks[leg.market], desk.markets[leg.market]) + abs(leg.cost)
        if desk.markets[leg.market].unit == 0:
            return float(margin.scale)
    return float(margin.scale) if pool.apart else total


def within(start: float, end: float, scale: float, reach: float) -> bool:
    """Whether headroom that goes from `start` to `end` may well have been gone between."""
    most = LEVERS * scale
    return not (start > 0 and end > 0 and 2 * start * end >= reach * most * most)


def within_level(start: float, end: float, level: float, reach: float) -> bool:
    """Whether a price that goes from `start` to `end` may well have met a level."""
    x = (start - level) / max(start, level)
    y = (end - level) / max(end, level)
    return not (x * y > 0 and 2 * x * y >= reach)


def look(desk: Desk, held: Held, marks: Column, tally: Column) -> None:
    """Equity and headroom at these prices, kept where they are the lowest so far."""
    equity = 0.0
    for p in range(len(held.pools)):
        pool = pool_of(held, p)
        if len(pool.wallets) == 0 and len(pool.beside) == 0 and not pool.apart:
            margin = bare_margin(desk, pool, marks)
            equity += plain_worth(held, p, pool, margin, marks)
        else:
            margin = assess_pool(pool, marks, desk.markets)
            equity += worth(desk, held, p, pool, margin, marks)
        if len(pool.legs) > 0:
            held.pools[p].least = min(held.pools[p].least, margin.balance - margin.requirement)
    mark_equity(tally, equity)


def bare_margin(desk: Desk, pool: Any, marks: Column) -> Any:
    """A pool of one asset that stands by itself, assessed by the rule written in here: a third of the time of a call."""
    none = pool.legs[:0]
    bare = rebuilt(pool, pool.cash, pool.reserved, pool.legs, none, pool.wallets[:0], pool.rests[:0], pool.asks[:0])
    return assess_bare(bare, marks, desk.markets)


def worth(desk: Desk, held: Held, p: int, pool: Any, margin: Any, marks: Column) -> float:
    """Equity of a pool in the unit that the walk is told in."""
    row = held.pools[p]
    if len(pool.wallets) > 0:
        total = 0.0
        for w in range(len(pool.wallets)):
            total += assess_coin(pool, margin, w, marks, desk.markets).equity * marks[pool.wallets[w].place]
        if pool.cash != 0 and len(pool.legs) > 0:  # beside coins that legs keep, in the asset of the pool
            total += pool.cash * marks[pool.wallets[pool.legs[0].wallet].place]
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
    """The equity of this instant less what was put in on the way, and whether it is the lowest."""
    record = tally[0]
    equity -= record.added
    record.equity = equity
    if equity < record.lowest:
        record.lowest = equity
        record.lowest_step = record.base + record.step
