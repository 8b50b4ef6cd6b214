"""Bybit's classic accounts restated from the rule sheet alone, in whole fractions, and none of it shared with the program.

    V = q*E (linear), c/E (inverse, in coin)        F = V*(1 - s/L)*f, inverse V*(1 + s/L)*f
    IM = V*ceil8(1/L) + F        MM = V*r - ded + F, the row by V and the orders that would enlarge the position
    isolated   B = E*(1 - s/L) - s*X/(q*(1 - s*f)),  inverse c/B = V*(1 + s/L) + s*X/(1 + s*f),  X = money - V/L - F
    cross      W = wallet - order margin - what the other symbols lock (V/L + F + max(0, loss))
               s*q*(E - B) + q*B*f = W,  inverse c/B*(1 + s*f) = V + s*W
    both       LP = B + s*(E*r - ded/q),  inverse c/LP = c/B - s*(V*r - ded) in isolated,
               c/LP = V + s*(W - V*r + ded - c*f/B) in cross
    available = wallet - isolated money - order margin - the locks of all cross positions

Without a positive B (added margin or cash beyond the value) no closing fee is set aside.
"""

import math
from fractions import Fraction
from typing import NamedTuple

from plimsoll.model import Account, Instrument, LegSide, MarginMode, Marks, Order, Position

ZERO = Fraction(0)


class Leg(NamedTuple):
    """q > 0 coins or USD of face, s = +1 long or -1 short; `rows`: (floor, rate, deduction); `ordered`: value of orders that
    would enlarge it."""

    position: Position
    s: int
    q: Fraction
    e: Fraction
    lev: Fraction
    money: Fraction
    f: Fraction
    inverse: bool
    settle: str
    rows: list[tuple[Fraction, Fraction, Fraction]]
    ordered: Fraction

    @property
    def value(self) -> Fraction:
        return self.q / self.e if self.inverse else self.q * self.e

    @property
    def fee_reserve(self) -> Fraction:
        return self.value * (1 + (self.s if self.inverse else -self.s) / self.lev) * self.f

    @property
    def own(self) -> Fraction:
        return self.value / self.lev + self.fee_reserve

    @property
    def base(self) -> Fraction:
        """The row that the position and its orders reach; never less than the position alone would need."""
        reached = [[row for n, row in enumerate(self.rows) if n == 0 or value > row[0]][-1] for value in self._reaches]
        return max(self.value * rate - deduction for _, rate, deduction in reached)

    @property
    def _reaches(self) -> tuple[Fraction, Fraction]:
        return self.value, self.value + self.ordered

    @property
    def initial(self) -> Fraction:
        return self.value * Fraction(math.ceil(10**8 / self.lev), 10**8) + self.fee_reserve

    def pnl(self, price: Fraction) -> Fraction:
        if self.inverse:
            return self.s * self.q * (1 / self.e - 1 / price)
        return self.s * self.q * (price - self.e)

    def locked(self, mark: Fraction) -> Fraction:
        return self.own + max(ZERO, -self.pnl(mark))

    def bankruptcy(self, behind: Fraction) -> Fraction | None:
        """Isolated by the sheet's form with added margin; cross by its equation."""
        s, q, f = self.s, self.q, self.f
        if self.position.mode is MarginMode.ISOLATED:
            added = behind - self.own
            if self.inverse:
                depth = self.value * (1 + s / self.lev) + s * added / (1 + s * f)
                return q / depth if depth > 0 else None
            price = self.e * (1 - s / self.lev) - s * added / (q * (1 - s * f))
            return price if price > 0 else None
        if self.inverse:
            depth = (self.value + s * behind) / (1 + s * f)
            return q / depth if depth > 0 else None
        price = (behind - s * q * self.e) / (q * f - s * q)
        return price if price > 0 else None

    def liquidation(self, behind: Fraction) -> Fraction | None:
        s, found = self.s, self.bankruptcy(behind)
        if found is None:
            return self._without_fee(behind)
        if not self.inverse:
            price = found + s * self.base / self.q
            return price if price > 0 else None
        if self.position.mode is MarginMode.ISOLATED:
            depth = self.q / found - s * self.base
        else:
            depth = self.value + s * (behind - self.base - self.q * self.f / found)
        return self.q / depth if depth > 0 else None

    def _without_fee(self, behind: Fraction) -> Fraction | None:
        """Where profit and money are down to the base maintenance."""
        loss = behind - self.base
        if self.inverse:
            depth = self.value + self.s * loss
            return self.q / depth if depth > 0 else None
        price = self.e - self.s * loss / self.q
        return price if price > 0 else None


def legs_of(account: Account, instruments: dict[str, Instrument]) -> list[Leg]:
    out = []
    for p in account.positions:
        i = instruments[p.symbol]
        s = 1 if p.size > 0 else -1
        fee = account.fees.taker_rate if i.taker_rate is None else i.taker_rate
        rows = [(Fraction(r.floor), Fraction(r.maintenance_rate), Fraction(r.deduction)) for r in i.brackets]
        same = [o for o in account.orders if (o.symbol, o.position_side) == (p.symbol, p.side)]
        ordered = sum((worth(o, i) for o in same if o.side == ("buy" if s > 0 else "sell")), ZERO)
        out.append(
            Leg(
                p, s, abs(Fraction(p.size)) * Fraction(i.multiplier), Fraction(p.entry_price), Fraction(p.leverage),
                Fraction(p.isolated_margin), Fraction(fee), i.kind == "inverse", i.settle, rows, ordered,
            )
        )  # fmt: skip
    return out


def worth(order: Order, i: Instrument) -> Fraction:
    assert order.price is not None
    size, price = Fraction(order.size) * Fraction(i.multiplier), Fraction(order.price)
    return size / price if i.kind == "inverse" else size * price


def order_margin(account: Account, instruments: dict[str, Instrument], asset: str) -> Fraction:
    """Per leg the dearer side; contracts that only close the position cost nothing."""
    total = ZERO
    groups = {(o.symbol, o.position_side) for o in account.orders if instruments[o.symbol].settle == asset}
    for symbol, side in groups:
        i = instruments[symbol]
        held = next((p for p in account.positions if (p.symbol, p.side) == (symbol, side)), None)
        setting = account.leverages.get(symbol, account.leverages.get(f"{symbol}:{side}"))
        leverage = held.leverage if held is not None else setting
        assert leverage is not None
        rate = Fraction(math.ceil(10**8 / Fraction(leverage)), 10**8)
        fee = Fraction(account.fees.taker_rate if i.taker_rate is None else i.taker_rate)
        costs = []
        for word, s in (("buy", 1), ("sell", -1)):
            mine = [o for o in account.orders if (o.symbol, o.position_side, o.side) == (symbol, side, word)]
            if (side, word) in ((LegSide.LONG, "sell"), (LegSide.SHORT, "buy")) or not mine:
                continue
            size = sum((Fraction(o.size) for o in mine), ZERO)
            closable = max(ZERO, -s * Fraction(held.size)) if held is not None and side is LegSide.NET else ZERO
            share = max(ZERO, size - closable) / size
            closing = 1 + (s if i.kind == "inverse" else -s) * rate
            if i.kind == "inverse":
                closing = max(closing, Fraction(1, 100))
            costs.append(share * sum((worth(o, i) for o in mine), ZERO) * (rate + fee + fee * closing))
        total += max(costs, default=ZERO)
    return total


class Restated(NamedTuple):
    """One account: its legs, and per asset the cash less the margin of resting orders."""

    legs: list[Leg]
    free: dict[str, Fraction]
    marks: dict[str, Fraction]

    def mark(self, leg: Leg) -> Fraction:
        return self.marks[leg.position.symbol]

    def crossed(self, asset: str) -> list[Leg]:
        return [x for x in self.legs if x.position.mode is MarginMode.CROSS and x.settle == asset]

    def behind(self, leg: Leg) -> Fraction:
        """The wall's own money, or W."""
        if leg.position.mode is MarginMode.ISOLATED:
            return leg.money
        others = [x for x in self.crossed(leg.settle) if x.position.symbol != leg.position.symbol]
        return self.free[leg.settle] - sum((x.locked(self.mark(x)) for x in others), ZERO)

    def hedged(self, leg: Leg) -> bool:
        """Whether the cross pool of its symbol holds the other side as well: the sheet has no formula for that."""
        twins = [x for x in self.crossed(leg.settle) if x.position.symbol == leg.position.symbol]
        return len(twins) > 1 and leg.position.mode is MarginMode.CROSS

    def headroom(self, leg: Leg) -> Fraction:
        """What is left at the mark beyond the base maintenance and the closing fee at B."""
        found = leg.bankruptcy(self.behind(leg))
        fee = ZERO if found is None else leg.f * (leg.q / found if leg.inverse else leg.q * found)
        return self.behind(leg) + leg.pnl(self.mark(leg)) - leg.base - fee

    def available(self, asset: str) -> Fraction:
        return max(ZERO, self.free[asset] - sum((x.locked(self.mark(x)) for x in self.crossed(asset)), ZERO))


def restated(account: Account, marks: Marks, instruments: dict[str, Instrument]) -> Restated:
    free = {a: Fraction(cash) - order_margin(account, instruments, a) for a, cash in account.cash.items()}
    return Restated(legs_of(account, instruments), free, {s: Fraction(m) for s, m in marks.marks.items()})
