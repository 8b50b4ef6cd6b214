"""What one instant does to an account in float64: the ladder of a failing pool, closing orders. The bookkeeping of
`account.liquidate` and `account.trade`, without events: numba compiles it with the rules of one venue.

Which step comes next is the venue's rule. A step that would come out otherwise if the amounts differed in the thirteenth
digit is too close to call (CLOSE).
"""

from typing import Any, Final

from plimsoll.array.compile import Column
from plimsoll.array.desk import Desk, Held
from plimsoll.rules.columns import CANCEL, HOLD, REDUCE, TAKE_OVER, Pool

assess_pool: Any
is_liquidatable: Any
next_step: Any
profit: Any
value: Any

DONE: Final = 0
GONE: Final = 1
HAND: Final = 2
CLOSE: Final = 3
JUMPED: Final = 4
CROSSED: Final = 5
"""How a walk ends, or what is known of an instant: JUMPED, anything may have happened at it; CROSSED, it is where a headroom
vanishes, so that it fails although it is too close to tell."""

_POOL: Any = Pool

BAND: Final = 1e-12
"""A decision nearer than this share of the gross scale is too close to call."""
NUDGE: Final = 1e-13
"""How far amounts are moved to see whether a step hangs on a hair: less than the band, which rules may themselves use."""
STEPS: Final = 1_000

CANCELLED: Final = 1
REDUCED: Final = 2
TAKEN: Final = 3
FILLED: Final = 4
"""Kinds of events in the log; FILLED: a stop, take-profit or limit has closed."""


def pool_of(held: Held, p: int) -> Any:
    """A pool as the rules read it, on this path's columns."""
    row = held.pools[p]
    return _POOL(
        row.cash,
        held.legs[row.leg_from : row.leg_to],
        row.reserved,
        row.orders,
        row.outside_pnl,
        row.outside_initial,
        row.outside_maintenance,
        row.outside_fee,
        0.0,
        held.wallets[row.wallet_from : row.wallet_to],
        held.rests[row.rest_from : row.rest_to],
        held.beside[row.beside_from : row.beside_to],
        row.apart,
        held.asks[row.ask_from : row.ask_to],
    )


def standing(pool: Any, cash: float, reserved: float, legs: Column, beside: Column) -> Any:
    """The same pool with other money, legs and neighbours."""
    return rebuilt(pool, cash, reserved, legs, beside, pool.wallets, pool.rests, pool.asks)


def rebuilt(
    pool: Any, cash: float, reserved: float, legs: Column, beside: Column, wallets: Column, rests: Column, asks: Column
) -> Any:
    """A pool of other columns; what is not named here stays."""
    return _POOL(
        cash,
        legs,
        reserved,
        pool.orders,
        pool.outside_pnl,
        pool.outside_initial,
        pool.outside_maintenance,
        pool.outside_fee,
        pool.locked,
        wallets,
        rests,
        beside,
        pool.apart,
        asks,
    )


def live_legs(held: Held) -> int:
    """How many positions are open."""
    count = 0
    for p in range(len(held.pools)):
        count += held.pools[p].leg_to - held.pools[p].leg_from
    return count


def live_orders(held: Held) -> int:
    """How many orders rest."""
    count = 0
    for i in range(len(held.orders)):
        if held.orders[i].live:
            count += 1
    return count


def note(held: Held, tally: Column, log: Column, kind: int, leg: int, pool: int, price: float, amount: float) -> None:
    """Write an event down, as far as the log has room; the count goes on."""
    record = tally[0]
    if kind in (REDUCED, TAKEN):
        held.hits[leg] = min(held.hits[leg], record.base + record.step - 1 + record.part)
        record.reduced += kind == REDUCED
    elif kind == FILLED:
        record.filled += 1
    if record.events < len(log):
        row = log[record.events]
        row.kind, row.leg, row.pool, row.step, row.part = kind, leg, pool, record.base + record.step, record.part
        row.price, row.amount = price, amount
    record.events += 1


def settle(held: Held, p: int, amount: float) -> None:
    """Money into (+) or out of (-) a pool; an isolated leg carries its own."""
    held.pools[p].cash += amount
    stake(held, p, held.pools[p].cash)


def stake(held: Held, p: int, cash: float) -> None:
    """An isolated leg carries its pool's money as its own."""
    row = held.pools[p]
    if row.isolated and row.leg_to > row.leg_from:
        held.legs[row.leg_from].margin = cash


def instant(crossed: bool) -> int:
    """CROSSED or JUMPED as a number: a constant is a type of its own, and would compile the ladder once more."""
    return CROSSED if crossed else JUMPED


def ladder(desk: Desk, held: Held, p: int, marks: Column, how: int, tally: Column, log: Column) -> int:
    """Take a failing pool step by step until it holds or is gone. Fills are at the marks."""
    row = held.pools[p]
    stage = 0
    if row.leg_to == row.leg_from:
        return DONE
    for _ in range(STEPS):
        if row.leg_to == row.leg_from:
            close_pool(held, p, tally)
            return DONE
        pool = pool_of(held, p)
        margin = assess_pool(pool, marks, desk.markets)
        near = abs(margin.balance - margin.requirement) <= BAND * margin.scale
        if stage == 0 and near and how != CROSSED:
            return CLOSE
        step = next_step(stage, pool, margin, marks, marks, desk.markets, desk.reading)
        if step.kind == HOLD:
            return DONE
        if hangs(desk, held, p, stage, marks, step, near):
            return CLOSE
        if step.kind == CANCEL:
            stage = max(stage, 1)
            note(held, tally, log, CANCELLED, -1, p, 0.0, 0.0)
            cancel(desk, held, p)
        elif step.kind == REDUCE:
            stage = max(stage, 2)
            one = row.leg_from + step.leg
            other = row.leg_from + step.other
            name = held.names[other] if step.other >= 0 else -1
            reduce(desk, held, p, one, step, marks, tally, log)
            if name >= 0:
                reduce(desk, held, p, find(held, p, name), step, marks, tally, log)
        elif step.kind == TAKE_OVER:
            stage = 3
            take_over(desk, held, p, row.leg_from + step.leg, step, marks, tally, log)
        else:
            return CLOSE
    return CLOSE


def hangs(desk: Desk, held: Held, p: int, stage: int, marks: Column, step: Any, near: bool) -> bool:
    """Whether a step hangs on a hair: another one, or another amount, when each leg's amount is a little more or less."""
    row = held.pools[p]
    pool = pool_of(held, p)
    count = row.leg_to - row.leg_from
    for sign in range(-1, 2, 2):
        for i in range(count):
            held.spare[i] = held.legs[row.leg_from + i]
            held.spare[i].amount *= 1 + sign * NUDGE * (i + 1)
            held.spare[i].tier *= 1 + sign * NUDGE * (i + 1)
        moved = standing(pool, pool.cash, pool.reserved, held.spare[:count], pool.beside)
        margin = assess_pool(moved, marks, desk.markets)
        other = next_step(stage, moved, margin, marks, marks, desk.markets, desk.reading)
        if other.kind == HOLD and near:
            continue
        if other.kind != step.kind or other.leg != step.leg or other.other != step.other:
            return True
        if abs(other.amount - step.amount) > 1e-9 * abs(step.amount):
            return True
    return False


def find(held: Held, p: int, name: int) -> int:
    """Where a leg stands now in its pool, -1: it is gone."""
    for i in range(held.pools[p].leg_from, held.pools[p].leg_to):
        if held.names[i] == name:
            return i
    return -1


def cancel(desk: Desk, held: Held, p: int) -> None:
    """The orders that a liquidation of the pool cancels."""
    for i in range(len(held.orders)):
        if held.orders[i].live and desk.scope[i, p]:
            drop(desk, held, i)


def drop(desk: Desk, held: Held, i: int) -> None:
    """An order goes, and what it reserved with it."""
    order = held.orders[i]
    order.live = False
    held.pools[order.home].reserved -= order.reserve
    for q in range(len(held.pools)):
        if desk.scope[i, q]:
            held.pools[q].orders -= 1


def gain(desk: Desk, held: Held, i: int, amount: float, price: float) -> float:
    """Profit of closing `amount` > 0 of a leg at a price."""
    leg = held.legs[i]
    part = held.spare[len(held.spare) - 1 :]
    part[0] = leg
    part[0].amount = amount if leg.amount > 0 else -amount
    part[0].cost = leg.cost * (amount / abs(leg.amount))
    return float(profit(part[0], price, desk.markets[leg.market]))


def shrink(desk: Desk, held: Held, p: int, i: int, amount: float) -> None:
    """`amount` > 0 of a leg is gone; what is left below a millionth of a lot is nothing. Tiers follow."""
    leg = held.legs[i]
    row = held.pools[p]
    after = abs(leg.amount) - amount
    gone = after <= 1e-6 * desk.markets[leg.market].lot or after <= 1e-13 * abs(leg.amount)
    leg.amount = 0.0 if gone else (after if leg.amount > 0 else -after)
    tiers(desk, held)
    if gone:
        for k in range(i, row.leg_to - 1):
            held.legs[k] = held.legs[k + 1]
            held.names[k] = held.names[k + 1]
        row.leg_to -= 1


def tiers(desk: Desk, held: Held) -> None:
    """The contracts that choose each leg's bracket, where the venue counts contracts."""
    for p in range(len(held.pools)):
        for i in range(held.pools[p].leg_from, held.pools[p].leg_to):
            total = 0.0
            for q in range(len(held.pools)):
                for j in range(held.pools[q].leg_from, held.pools[q].leg_to):
                    total += desk.tiers[held.names[i], held.names[j]] * abs(held.legs[j].amount)
            held.legs[i].tier = total


def reduce(desk: Desk, held: Held, p: int, i: int, step: Any, marks: Column, tally: Column, log: Column) -> None:
    """A forced close at the step's price. Fee and penalty are charged only as far as the pool still has anything."""
    record = tally[0]
    leg = held.legs[i]
    realised = gain(desk, held, i, step.amount, step.price)
    slip = realised - gain(desk, held, i, step.amount, marks[leg.market])
    room = max(0.0, assess_pool(pool_of(held, p), marks, desk.markets).balance + slip)
    fee = min(step.fee, room)
    penalty = min(step.penalty, room - fee)
    note(held, tally, log, REDUCED, held.names[i], p, step.price, step.amount)
    record.forced += (fee + penalty) * rate_of(held, p, marks)
    settle(held, p, realised - fee - penalty)
    shrink(desk, held, p, i, step.amount)
    empty_wall(held, p, marks, tally)


def rate_of(held: Held, p: int, marks: Column) -> float:
    """What a unit of the pool's asset is worth."""
    teller = held.pools[p].teller
    return float(marks[teller]) if teller >= 0 else (1.0 if teller == -1 else 0.0)


def empty_wall(held: Held, p: int, marks: Column, tally: Column) -> None:
    """What is left in the wall of a leg that is gone goes to the cash; what is missing is somebody else's loss."""
    row = held.pools[p]
    if not row.isolated or row.leg_to > row.leg_from:
        return
    if row.cash > 0:
        held.pools[row.home].cash += row.cash
    else:
        tally[0].shortfall -= row.cash * rate_of(held, p, marks)
    row.cash = 0.0


def close_pool(held: Held, p: int, tally: Column) -> None:
    """After its last leg: a cross balance below zero is covered."""
    row = held.pools[p]
    if not row.isolated and row.cash < 0:
        tally[0].shortfall -= row.cash
        row.cash = 0.0


def take_over(desk: Desk, held: Held, p: int, i: int, step: Any, marks: Column, tally: Column, log: Column) -> None:
    """The fund takes a leg at the step's price; the last leg takes the pool to exactly zero."""
    record = tally[0]
    row = held.pools[p]
    leg = held.legs[i]
    alone = row.leg_to - row.leg_from == 1
    whole = step.amount >= abs(leg.amount)
    fee = min(step.fee, max(row.cash, 0.0)) if alone else step.fee
    realised = fee - row.cash if alone and whole else gain(desk, held, i, step.amount, step.price)
    result = gain(desk, held, i, step.amount, marks[leg.market]) - realised
    worth = rate_of(held, p, marks)
    note(held, tally, log, TAKEN, held.names[i], p, step.price, step.amount)
    record.forced += (fee + max(result, 0.0)) * worth
    record.shortfall += max(-result, 0.0) * worth
    settle(held, p, realised - fee)
    if alone and whole:
        row.cash = 0.0
    shrink(desk, held, p, i, step.amount)


def run_orders(desk: Desk, held: Held, marks: Column, lasts: Column, tally: Column, log: Column) -> int:
    """Every resting order that the prices reach, in the order placed; after each the pools are looked at again."""
    again = True
    while again:
        again = False
        for i in range(len(held.orders)):
            order = held.orders[i]
            if not order.live:
                continue
            watched = marks[order.market] if order.on_mark else lasts[order.market]
            if (watched <= order.level) if order.falling else (watched >= order.level):
                if execute(desk, held, i, marks, lasts, tally, log):
                    for p in range(len(held.pools)):
                        code = ladder(desk, held, p, marks, instant(False), tally, log)
                        if code != DONE:
                            return code
                again = True
                break
    return DONE


def execute(desk: Desk, held: Held, i: int, marks: Column, lasts: Column, tally: Column, log: Column) -> bool:
    """Close what an order closes, at the last price (a limit at its own or better); whether anything was traded."""
    order = held.orders[i]
    drop(desk, held, i)
    for p in range(len(held.pools)):
        at = find(held, p, order.leg)
        if at < 0 or (held.legs[at].amount > 0) == order.buy:
            continue
        price, rate = lasts[order.market], desk.taker_rate
        if order.limit:
            price = min(price, order.level) if order.buy else max(price, order.level)
            rate = desk.maker_rate
        close(desk, held, p, at, min(order.amount, abs(held.legs[at].amount)), price, rate, marks, tally)
        note(held, tally, log, FILLED, order.leg, i, price, order.amount)
        return True
    return False


def close(
    desk: Desk, held: Held, p: int, i: int, amount: float, price: float, rate: float, marks: Column, tally: Column
) -> None:
    """A trade that closes: profit to the cash; an isolated leg releases its money, all of it or (reading) its share."""
    row = held.pools[p]
    leg = held.legs[i]
    realised = gain(desk, held, i, amount, price)
    fee = value(amount, price, desk.markets[leg.market]) * rate
    tally[0].fees += fee * rate_of(held, p, marks)
    share = amount / abs(leg.amount)
    if not row.isolated:
        row.cash += realised - fee
    elif amount >= abs(leg.amount) or desk.releases:
        released = row.cash * share + realised
        kept = row.cash + realised - max(released, 0.0)
        if amount >= abs(leg.amount):
            tally[0].shortfall += max(-released, 0.0) * rate_of(held, p, marks)
            kept = 0.0
        settle(held, p, kept - row.cash)
        held.pools[row.home].cash += max(released, 0.0) - fee
    else:
        settle(held, p, realised - fee)
    shrink(desk, held, p, i, amount)


def failing(desk: Desk, held: Held, p: int, marks: Column) -> int:
    """DONE where a pool has headroom; else the exact machine is to look at it."""
    pool = pool_of(held, p)
    if len(pool.legs) == 0:
        return DONE
    margin = assess_pool(pool, marks, desk.markets)
    return DONE if margin.balance - margin.requirement > BAND * margin.scale else HAND
