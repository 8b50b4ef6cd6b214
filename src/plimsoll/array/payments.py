"""Funding inside a walk: who pays what from where, in float64. The bookkeeping of `account.decide`, without events: numba
compiles it with the rules of one venue.

Where a venue counts money in whole units, a payment is rounded as the exact machine rounds it. One that hangs on a hair is
the exact machine's to make.
"""

from typing import Any

from plimsoll.array.compile import Column, owning
from plimsoll.array.debts import owes_too_much
from plimsoll.array.desk import Desk, Held
from plimsoll.array.ladder import DONE, HAND, NUDGE, failing, instant, ladder, rate_of, settle
from plimsoll.number import half_up_of

value: Any
funding_payment: Any
funding_split: Any


def pay_funding(desk: Desk, held: Held, marks: Column, rates: Column, tally: Column, log: Column) -> int:
    """Funding of every market at these marks; after each market's the pools are looked at. HAND, with nothing changed, where it
    is not for us or a pool of somebody else's ladder would fail."""
    if not desk.pays or not is_clear(desk, held, rates, marks):
        return HAND
    if not desk.plain:
        return pay_all_or_nothing(desk, held, marks, rates, tally)
    for market in range(len(rates)):
        if rates[market] == 0 or not charge_all(desk, held, market, rates[market], marks, tally):
            continue
        for p in range(len(held.pools)):
            if failing(desk, held, p, marks) != DONE or held.pools[p].orders > 0:
                code = ladder(desk, held, p, marks, instant(False), tally, log)
                if code != DONE:
                    return code
    return DONE


@owning
def pay_all_or_nothing(desk: Desk, held: Held, marks: Column, rates: Column, tally: Column) -> int:
    """Funding of every market, or none of it where a pool fails on the way."""
    pools, legs, wallets, paid = held.pools.copy(), held.legs.copy(), held.wallets.copy(), tally[0].funding
    for market in range(len(rates)):
        if rates[market] == 0 or not charge_all(desk, held, market, rates[market], marks, tally):
            continue
        for p in range(len(held.pools)):
            if failing(desk, held, p, marks) != DONE or owes_too_much(held, p):
                restore(held, pools, legs, wallets)
                tally[0].funding = paid
                return HAND
    return DONE


def restore(held: Held, pools: Column, legs: Column, wallets: Column) -> None:
    """As it was before."""
    for p in range(len(pools)):
        held.pools[p] = pools[p]
    for i in range(len(legs)):
        held.legs[i] = legs[i]
    for w in range(len(wallets)):
        held.wallets[w] = wallets[w]


def charge_all(desk: Desk, held: Held, market: int, rate: float, marks: Column, tally: Column) -> bool:
    """Funding of one market; whether any leg pays or receives."""
    paid = False
    for p in range(len(held.pools)):
        for i in range(held.pools[p].leg_from, held.pools[p].leg_to):
            if held.legs[i].market == market:
                charge(desk, held, p, i, marks[market], rate, marks, tally)
                paid = True
    return paid


def charge(
    desk: Desk, held: Held, p: int, i: int, mark: float, rate: float, marks: Column, tally: Column
) -> None:
    """One leg's funding, from where the venue takes it."""
    row = held.pools[p]
    leg = held.legs[i]
    payment = owed(desk, leg.amount, leg.market, mark, rate)
    from_cash, from_leg = funding_split(payment, leg, 0.0)
    worth = rate_of(held, p, marks)
    if row.wallet_to > row.wallet_from:
        wallet = held.wallets[row.wallet_from + leg.wallet]
        wallet.balance -= from_cash
        worth = marks[wallet.place] / (1.0 if desk.unit < 0 else marks[desk.unit])
    else:
        held.pools[row.home if row.isolated else p].cash -= from_cash
    if from_leg != 0:
        held.legs[i].lost += from_leg
        settle(held, p, -from_leg)
    tally[0].funding += payment * worth


def owed(desk: Desk, amount: float, at: int, mark: float, rate: float) -> float:
    """What a leg of that amount of market `at` pays (+) or receives (-) as funding; in whole units where the venue has them."""
    market = desk.markets[at]
    signed = value(amount, mark, market)
    payment = funding_payment(-signed if amount < 0 else signed, 1.0, rate, False)
    return half_up_of(payment, market.unit) if market.unit > 0 else float(payment)


def is_clear(desk: Desk, held: Held, rates: Column, marks: Column) -> bool:
    """Whether no leg's funding hangs on a hair: what is counted in whole units comes out the same if amount, mark and rate are
    a little less, all at once, or a little more. So it is to the unit what the exact machine pays, however often it is paid."""
    for p in range(len(held.pools)):
        for i in range(held.pools[p].leg_from, held.pools[p].leg_to):
            leg = held.legs[i]
            market = desk.markets[leg.market]
            if market.unit == 0 or rates[leg.market] == 0:
                continue
            less, more = 1 - NUDGE, 1 + NUDGE
            low, high = (more, less) if market.inverse else (less, more)
            mark, rate = marks[leg.market], rates[leg.market]
            least = owed(desk, leg.amount * less, leg.market, mark * low, rate * less)
            if least != owed(desk, leg.amount * more, leg.market, mark * high, rate * more):
                return False
    return True


def charges(desk: Desk, held: Held, p: int, rates: Column, marks: Column) -> tuple[float, float, float]:
    """(what funding takes from a pool's cash, the same without what it brings, what its own legs pay in the unit of the tally)
    of all markets at these marks."""
    taken, worst, told = 0.0, 0.0, 0.0
    for q in range(len(held.pools)):
        row = held.pools[q]
        payer = row.home if row.isolated else q
        for i in range(row.leg_from, row.leg_to if p in (q, payer) else row.leg_from):
            leg = held.legs[i]
            if rates[leg.market] == 0:
                continue
            payment = owed(desk, leg.amount, leg.market, marks[leg.market], rates[leg.market])
            from_cash, from_leg = funding_split(payment, leg, 0.0)
            amount = (from_cash if payer == p else 0.0) + (from_leg if q == p else 0.0)
            taken += amount
            worst += max(amount, 0.0)
            told += payment * rate_of(held, p, marks) if q == p else 0.0
    return taken, worst, told
