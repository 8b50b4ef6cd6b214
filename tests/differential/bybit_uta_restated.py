"""Bybit's unified account restated from the rule sheet alone, in whole fractions, and none of it shared with the program.

    v(P) = q*P (linear), c/P (inverse, in coin), V = v(E);  P in margins: the mark, or E before the reform
    F = V*(1 - s/L)*f, inverse V*(1 + s/L)*f        base = v*r - ded, the row by v and in cross the orders that count
    IM = v*ceil8(1/L) + F (isolated on V)           MM = base + F
    orders  w beyond what only closes, of the dearer side: IM = w*(ceil8(1/L) + f + f*(1 -+ 1/L)), MM with r for ceil8(1/L)
            order loss = min(0, profit if filled at its price), of every order
    coin    equity = wallet - borrowed + profit: slice by slice when positive (nothing when switched off), in full below 0
            owes borrowed + max(0, -(wallet + profit)), with loan margins slice by slice at the plain index
    cross   balance = sum of coins;  requirement = MM of positions, orders, loans - order loss
    isolated    balance = money + profit;  requirement = base + fee at B;  B as in the sheet with X = money - V/L - F

The prices at which a pool fails come from straight pieces between all points where any rule bends, over x = P or 1/P; no
search and no formula of the program.
"""

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from plimsoll.model import Account, CollateralTier, Instrument, LegSide, LoanTier, Marks, Order, OrderType, Position

ZERO = Fraction(0)
Row = tuple[Fraction, Fraction, Fraction]


def ceil8(x: Fraction) -> Fraction:
    return Fraction(math.ceil(x * 10**8), 10**8)


class Side(NamedTuple):
    """One leg or one order: q > 0 coins or USD of face, s = +1 long or -1 short, e its entry or limit price."""

    symbol: str
    s: int
    q: Fraction
    e: Fraction
    lev: Fraction
    f: Fraction
    inverse: bool
    settle: str

    def value(self, price: Fraction) -> Fraction:
        return self.q / price if self.inverse else self.q * price

    def pnl(self, price: Fraction) -> Fraction:
        return self.s * self.q * ((1 / self.e - 1 / price) if self.inverse else (price - self.e))

    def fee_reserve(self, over: Fraction) -> Fraction:
        """The taker fee where the chosen leverage would be lost; `over` is 1/L."""
        return self.value(self.e) * (1 + (self.s if self.inverse else -self.s) * over) * self.f


class Restated(NamedTuple):
    account: Account
    instruments: dict[str, Instrument]
    tiers: dict[str, tuple[tuple[CollateralTier, ...], tuple[LoanTier, ...]]]
    on_mark: bool

    def rows(self, symbol: str) -> list[Row]:
        rows = self.instruments[symbol].brackets
        return [(Fraction(r.floor), Fraction(r.maintenance_rate), Fraction(r.deduction)) for r in rows]

    def fee(self, symbol: str) -> Fraction:
        rate = self.instruments[symbol].taker_rate
        return Fraction(self.account.fees.taker_rate if rate is None else rate)

    def leg(self, p: Position) -> Side:
        i = self.instruments[p.symbol]
        s, q = 1 if p.size > 0 else -1, abs(Fraction(p.size)) * Fraction(i.multiplier)
        lev, e = Fraction(p.leverage), Fraction(p.entry_price)
        return Side(p.symbol, s, q, e, lev, self.fee(p.symbol), i.kind == "inverse", i.settle)

    def order(self, o: Order) -> Side:
        i = self.instruments[o.symbol]
        same = [p for p in self.account.positions if p.symbol == o.symbol]
        twin = [p for p in same if p.side in (LegSide.NET, o.position_side)]
        named = f"{o.symbol}:{o.position_side.value}"
        leverage = twin[0].leverage if twin else self.account.leverages.get(o.symbol, self.account.leverages.get(named))
        assert leverage is not None and o.price is not None
        q, lev = Fraction(o.size) * Fraction(i.multiplier), Fraction(leverage)
        s = 1 if o.side == "buy" else -1
        return Side(o.symbol, s, q, Fraction(o.price), lev, self.fee(o.symbol), i.kind == "inverse", i.settle)

    def resting(self) -> list[tuple[Order, Side]]:
        """Limit orders that may add exposure: conditional ones reserve nothing, and so do those that only reduce."""
        closing = ((LegSide.LONG, "sell"), (LegSide.SHORT, "buy"))
        limits = [o for o in self.account.orders if o.type is OrderType.LIMIT and not o.reduce_only]
        return [(o, self.order(o)) for o in limits if (o.position_side, o.side) not in closing]

    def groups(self) -> list[tuple[str, LegSide]]:
        return sorted({(o.symbol, o.position_side) for o, _ in self.resting()})

    def dearer(self, symbol: str, side: LegSide) -> tuple[Fraction, Fraction, Fraction]:
        """(value beyond what only closes, initial rate, fees per unit of value) of the side that asks for more."""
        best = (ZERO, ZERO, ZERO)
        for s in (1, -1):
            mine = [x for o, x in self.resting() if (o.symbol, o.position_side) == (symbol, side) and x.s == s]
            if not mine:
                continue
            x, size = mine[0], sum((x.q for x in mine), ZERO)
            held = [self.leg(p) for p in self.account.positions if (p.symbol, p.side) == (symbol, LegSide.NET)]
            closable = sum((leg.q for leg in held if leg.s == -s), ZERO)
            value = sum((x.value(x.e) for x in mine), ZERO) * max(ZERO, size - closable) / size
            closing = 1 + (s if x.inverse else -s) / x.lev
            fees = x.f + x.f * (max(closing, Fraction(1, 100)) if x.inverse else closing)
            if value * (ceil8(1 / x.lev) + fees) > best[0] * (best[1] + best[2]):
                best = (value, ceil8(1 / x.lev), fees)
        return best

    def row(self, symbol: str, held: Fraction, side: LegSide) -> Row:
        reached = held + (self.dearer(symbol, side)[0] if self.crossed else ZERO)
        return [r for n, r in enumerate(self.rows(symbol)) if n == 0 or reached > r[0]][-1]

    @property
    def crossed(self) -> bool:
        return self.account.options["margin_mode"] == "cross"

    def base(self, p: Position, marks: dict[str, Fraction]) -> Fraction:
        leg = self.leg(p)
        held = leg.value(marks[p.symbol] if self.on_mark else leg.e)
        _, rate, deduction = self.row(p.symbol, held, p.side)
        return held * rate - deduction

    def initial(self, p: Position, marks: dict[str, Fraction]) -> Fraction:
        leg = self.leg(p)
        at = marks[p.symbol] if self.on_mark and p.mode == "cross" else leg.e
        return leg.value(at) * ceil8(1 / leg.lev) + leg.fee_reserve(1 / leg.lev)

    def maintenance(self, p: Position, marks: dict[str, Fraction]) -> Fraction:
        leg = self.leg(p)
        return self.base(p, marks) + leg.fee_reserve(1 / leg.lev)

    # orders

    def order_initial(self, symbol: str, side: LegSide) -> Fraction:
        value, rate, fees = self.dearer(symbol, side)
        return value * (rate + fees)

    def order_maintenance(self, symbol: str, side: LegSide, marks: dict[str, Fraction]) -> Fraction:
        held = [(self.leg(p), p) for p in self.account.positions if (p.symbol, p.side) == (symbol, side)]
        value = sum((leg.value(marks[symbol] if self.on_mark else leg.e) for leg, _ in held), ZERO)
        ordered, _, fees = self.dearer(symbol, side)
        return ordered * (self.row(symbol, value, side)[1] + fees)

    # coins

    def profit(self, asset: str, marks: dict[str, Fraction]) -> Fraction:
        legs = [self.leg(p) for p in self.account.positions if p.mode == "cross"]
        return sum((x.pnl(marks[x.symbol]) for x in legs if x.settle == asset), ZERO)

    def coins(self) -> list[str]:
        settles = {self.instruments[p.symbol].settle for p in self.account.positions}
        return sorted({*self.account.cash, *self.account.borrowed, *settles})

    def wallet(self, asset: str) -> Fraction:
        return Fraction(self.account.cash.get(asset, 0))

    def equity(self, asset: str, marks: dict[str, Fraction]) -> Fraction:
        return self.wallet(asset) - Fraction(self.account.borrowed.get(asset, 0)) + self.profit(asset, marks)

    def counted(self, asset: str, marks: dict[str, Fraction]) -> Fraction:
        """In the coin."""
        equity = self.equity(asset, marks)
        if equity <= 0:
            return equity
        if asset in self.account.not_collateral:
            return ZERO
        return sliced(equity, [(t.floor, t.cap, t.ratio) for t in self.tiers[asset][0]])

    def owed(self, asset: str, marks: dict[str, Fraction]) -> Fraction:
        lost = max(ZERO, -(self.wallet(asset) + self.profit(asset, marks)))
        return Fraction(self.account.borrowed.get(asset, 0)) + lost

    def loan(self, asset: str, marks: dict[str, Fraction]) -> tuple[Fraction, Fraction]:
        debt, rows = self.owed(asset, marks), self.tiers[asset][1]
        initial = sliced(debt, [(t.floor, t.cap, t.initial_rate) for t in rows])
        return initial, sliced(debt, [(t.floor, t.cap, t.maintenance_rate) for t in rows])


def sliced(amount: Fraction, rows: list[tuple]) -> Fraction:  # type: ignore[type-arg]
    """Each slice at its own rate; what lies above the last cap goes on at the last rate."""
    total = ZERO
    for n, (floor, cap, rate) in enumerate(rows):
        top = amount if cap is None or n == len(rows) - 1 else min(amount, Fraction(cap))
        total += max(ZERO, top - Fraction(floor)) * Fraction(rate)
    return total


class Totals(NamedTuple):
    balance: Fraction
    initial: Fraction
    maintenance: Fraction
    order_loss: Fraction

    @property
    def headroom(self) -> Fraction:
        return self.balance - self.maintenance + self.order_loss


def cross(r: Restated, marks: dict[str, Fraction], indexes: dict[str, Fraction]) -> Totals:
    balance = sum((r.counted(a, marks) * indexes[a] for a in r.coins()), ZERO)
    initial = maintenance = loss = ZERO
    for p in r.account.positions:
        index = indexes[r.instruments[p.symbol].settle]
        initial += r.initial(p, marks) * index
        maintenance += r.maintenance(p, marks) * index
    for symbol, side in r.groups():
        index = indexes[r.instruments[symbol].settle]
        initial += r.order_initial(symbol, side) * index
        maintenance += r.order_maintenance(symbol, side, marks) * index
    for o, x in r.resting():
        loss += min(ZERO, x.pnl(marks[o.symbol])) * indexes[x.settle]
    for a in r.coins():
        im, mm = r.loan(a, marks)
        initial += im * indexes[a]
        maintenance += mm * indexes[a]
    return Totals(balance, initial, maintenance, loss)


class Walled(NamedTuple):
    """One isolated leg."""

    r: Restated
    p: Position

    @property
    def leg(self) -> Side:
        return self.r.leg(self.p)

    @property
    def money(self) -> Fraction:
        return Fraction(self.p.isolated_margin)

    def bankruptcy(self) -> Fraction | None:
        x = self.leg
        over = 1 / x.lev
        value = x.value(x.e)
        added = self.money - value * over - x.fee_reserve(over)
        if x.inverse:
            depth = value * (1 + x.s * over) + x.s * added / (1 + x.s * x.f)
            return x.q / depth if depth > 0 else None
        price = x.e * (1 - x.s * over) - x.s * added / (x.q * (1 - x.s * x.f))
        return price if price > 0 else None

    def requirement(self, marks: dict[str, Fraction]) -> Fraction:
        found = self.bankruptcy()
        fee = ZERO if found is None else self.leg.f * self.leg.value(found)
        return self.r.base(self.p, marks) + fee

    def balance(self, marks: dict[str, Fraction]) -> Fraction:
        return self.money + self.leg.pnl(marks[self.p.symbol])

    def headroom(self, marks: dict[str, Fraction]) -> Fraction:
        return self.balance(marks) - self.requirement(marks)

    def closed_form(self, mark: Fraction) -> Fraction | None:
        """The sheet's formula with the row of the present mark; None where there is no bankruptcy price."""
        x, found = self.leg, self.bankruptcy()
        if found is None:
            return None
        held = x.value(mark if self.r.on_mark else x.e)
        _, rate, ded = self.r.row(self.p.symbol, held, self.p.side)
        if self.r.on_mark:
            if x.inverse:
                return x.q * (1 + x.s * rate) / (x.q / found + x.s * ded)
            return (x.q * found - x.s * ded) / (x.q * (1 - x.s * rate))
        if x.inverse:
            depth = x.q / found - x.s * (x.value(x.e) * rate - ded)
            return x.q / depth if depth > 0 else None
        return found + x.s * (x.e * rate - ded / x.q)


def available(r: Restated, asset: str) -> Fraction:
    """Isolated: cash outside the walls less what orders ask for."""
    mine = [(symbol, side) for symbol, side in r.groups() if r.instruments[symbol].settle == asset]
    return r.wallet(asset) - sum((r.order_initial(*group) for group in mine), ZERO)


# where a pool fails


def roots(headroom: Callable[[Fraction], Fraction], kinks: list[Fraction], low: Fraction, high: Fraction) -> list[Fraction]:
    """Every x in (low, high) at which the sign of a piecewise straight function changes; `kinks`: where it may bend or jump."""
    cuts = [low, *sorted(k for k in set(kinks) if low < k < high), high]
    found = []
    before: int | None = None
    for a, b in itertools.pairwise(cuts):
        x, y = a + (b - a) / 3, b - (b - a) / 3
        fx, fy = headroom(x), headroom(y)
        slope = (fy - fx) / (y - x)
        left, right = fx - slope * (x - a), fy + slope * (b - y)
        if before is not None and (left > 0) != (before > 0) and not (left == 0 or before == 0):
            found.append(a)
        if slope != 0:
            root = x - fx / slope
            if a <= root <= b:
                found.append(root)
        before = 1 if right > 0 else -1 if right < 0 else 0
    return sorted(set(found))


def kinks(r: Restated, marks: dict[str, Fraction], moving: set[str], inverse: bool) -> list[Fraction]:
    """Where any rule bends while the marks of `moving` go to k times themselves, as x = k (linear) or 1/k (inverse)."""
    out: list[Fraction] = []
    turn: Callable[[Fraction], Fraction] = (lambda k: 1 / k) if inverse else (lambda k: k)
    for symbol in moving:
        mark, isinv = marks[symbol], r.instruments[symbol].kind == "inverse"
        for _, x in r.resting():
            if x.symbol == symbol:
                out.append(turn(x.e / mark))
        for p in r.account.positions:
            if p.symbol != symbol:
                continue
            leg = r.leg(p)
            ordered = r.dearer(symbol, p.side)[0] if r.crossed else ZERO
            for floor, _, _ in r.rows(symbol):
                if floor > ordered:
                    price = leg.q / (floor - ordered) if isinv else (floor - ordered) / leg.q
                    out.append(turn(price / mark))
    for asset in r.coins():
        legs = [r.leg(p) for p in r.account.positions if p.mode == "cross" and r.instruments[p.symbol].settle == asset]
        legs = [x for x in legs if x.symbol in moving]
        if not legs:
            continue
        per = sum((-x.s * x.q / marks[x.symbol] if x.inverse else x.s * x.q * marks[x.symbol] for x in legs), ZERO)
        if per == 0:
            continue
        gone, owed = r.wallet(asset) + r.profit(asset, marks), Fraction(r.account.borrowed.get(asset, 0))
        levels = [owed, ZERO]  # wallet + profit at which equity and the running debt vanish
        levels += [owed + Fraction(t.floor) for t in r.tiers[asset][0]]
        levels += [owed - Fraction(t.floor) for t in r.tiers[asset][1]]
        # profit goes straight with k, or with 1/k where the coin's contracts are inverse
        native = [k for k in (1 + (level - gone) / per for level in levels) if k > 0]
        out += [1 / k if legs[0].inverse != inverse else k for k in native]
    return out


def restated(
    account: Account,
    instruments: dict[str, Instrument],
    tiers: dict[str, tuple[tuple[CollateralTier, ...], tuple[LoanTier, ...]]],
    on_mark: bool,
) -> Restated:
    return Restated(account, instruments, tiers, on_mark)


def fractions(marks: Marks) -> tuple[dict[str, Fraction], dict[str, Fraction]]:
    return {s: Fraction(m) for s, m in marks.marks.items()}, {a: Fraction(i) for a, i in marks.indexes.items()}
