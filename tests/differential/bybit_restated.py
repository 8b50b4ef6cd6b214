"""The account-level test of Bybit's unified account restated from the rule sheet alone, in whole fractions.

    equity of a coin  = wallet - borrowed + profit            counts slice by slice at its ratios; below zero in full
    owed              = borrowed + max(0, -(wallet + profit)) needs loan IM and MM slice by slice
    IM = qP * ceil8(1/L) + F      MM = qP * r - d + F         F = qE (1 - s/L) f,   inverse (Q/E)(1 + s/L) f
    order IM = v (1/L + f + f (1 -+ 1/L)), MM the same with the rate of the tier that position and orders reach together
    requirement = total MM - order loss, order loss = sum min(0, profit of the order at the mark)

Everything of a coin is valued at its plain index. Mark-based: the days since 2025-09-02.
"""

import math
from fractions import Fraction
from typing import NamedTuple

from plimsoll.model import Account, Instrument, LegSide, Order, Position
from plimsoll.rulebook import Rulebook

Prices = dict[str, Fraction]


class Sums(NamedTuple):
    balance: Fraction
    initial: Fraction
    maintenance: Fraction
    order_loss: Fraction
    scale: Fraction

    @property
    def headroom(self) -> Fraction:
        return self.balance - self.maintenance + self.order_loss


def slices(amount: Fraction, tiers: list[tuple[Fraction, Fraction]]) -> Fraction:
    """Sum of rate * part; a tier is its floor and its rate."""
    ends = [floor for floor, _ in tiers[1:]] + [None]
    total = Fraction(0)
    for (floor, rate), end in zip(tiers, ends, strict=True):
        top = amount if end is None else min(amount, end)
        total += max(Fraction(0), top - floor) * rate
    return total


def value(i: Instrument, size: Fraction, price: Fraction) -> Fraction:
    amount = size * Fraction(i.multiplier)
    return amount / price if i.kind == "inverse" else amount * price


def profit(i: Instrument, size: Fraction, entry: Fraction, price: Fraction) -> Fraction:
    """Signed size."""
    if i.kind == "inverse":
        return value(i, size, entry) - value(i, size, price)
    return value(i, size, price) - value(i, size, entry)


def tier(i: Instrument, reach: Fraction) -> tuple[Fraction, Fraction]:
    """(rate, deduction): the highest row whose floor lies below the value; caps are inclusive."""
    row = [r for r in i.brackets if Fraction(r.floor) < reach] or [i.brackets[0]]
    return Fraction(row[-1].maintenance_rate), Fraction(row[-1].deduction)


def rate_up(leverage: Fraction) -> Fraction:
    return Fraction(math.ceil(10**8 / leverage), 10**8)


def counted(account: Account, p: Position) -> list[Order]:
    """Opening limit orders of a position's leg."""
    closing = {LegSide.LONG: "sell", LegSide.SHORT: "buy"}
    return [
        o for o in account.orders
        if (o.symbol, o.position_side) == (p.symbol, p.side) and not o.reduce_only and closing.get(o.position_side) != o.side
    ]


def sums(account: Account, book: Rulebook, marks: Prices, indexes: Prices) -> Sums:
    """The whole account; one side of orders a leg (none against the position)."""
    f = Fraction(account.fees.taker_rate)
    balance = initial = maintenance = loss = scale = Fraction(0)
    assets = {book.instruments[p.symbol].settle for p in account.positions} | set(account.cash) | set(account.borrowed)
    for asset in assets:
        pnl = needs_initial = needs = gross = lost = Fraction(0)
        for p in account.positions:
            i = book.instruments[p.symbol]
            if i.settle != asset:
                continue
            q, entry, leverage, mark = abs(Fraction(p.size)), Fraction(p.entry_price), Fraction(p.leverage), marks[p.symbol]
            s = 1 if p.size > 0 else -1
            tilt = s if i.kind == "inverse" else -s
            reserve = value(i, q, entry) * (1 + tilt / leverage) * f
            pnl += profit(i, q * s, entry, mark)
            orders = counted(account, p)
            resting = sum((value(i, Fraction(o.size), Fraction(str(o.price))) for o in orders), Fraction(0))
            at_mark = value(i, q, mark)
            rate, deduction = tier(i, at_mark + resting)
            needs_initial += at_mark * rate_up(leverage) + reserve
            needs += at_mark * rate - deduction + reserve
            fees = f + f * (1 + tilt / leverage)
            needs_initial += resting * (rate_up(leverage) + fees)
            needs += resting * (rate + fees)
            for o in orders:
                lost += min(Fraction(0), profit(i, Fraction(o.size) * s, Fraction(str(o.price)), mark))
            gross += at_mark + resting + value(i, q, entry)
        coin, index = book.coins[asset], indexes[asset]
        wallet, borrowed = Fraction(account.cash.get(asset, 0)), Fraction(account.borrowed.get(asset, 0))
        equity = wallet - borrowed + pnl
        owed = borrowed + max(Fraction(0), -(wallet + pnl))
        counts = equity
        if equity > 0:
            ratios = [(Fraction(t.floor), Fraction(t.ratio)) for t in coin.collateral_tiers]
            counts = Fraction(0) if asset in account.not_collateral else slices(equity, ratios)
        loan_initial = [(Fraction(t.floor), Fraction(t.initial_rate)) for t in coin.loan_tiers]
        loan_maintenance = [(Fraction(t.floor), Fraction(t.maintenance_rate)) for t in coin.loan_tiers]
        balance += counts * index
        initial += (needs_initial + slices(owed, loan_initial)) * index
        maintenance += (needs + slices(owed, loan_maintenance)) * index
        loss += lost * index
        scale += (abs(wallet) + borrowed + gross) * index
    return Sums(balance, initial, maintenance, loss, scale)
