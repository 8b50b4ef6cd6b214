"""OKX's multi-currency mode restated from the rule sheet alone, in whole fractions, and none of it shared with the program.

    N = q*P (linear), c/P (inverse, in coin);  upl = s*q*(P - E), s*c*(1/E - 1/P)
    IM = N(mark)/L in cross, N(E)/L isolated   MM = N(mark)*r, r flat by contracts (cross: all of the contract)   fee N*f
    coin    eq = cash - borrowed + cross upl;  disEq slice by slice in coins or dollars, nothing when switched off, in full < 0
            debt = max(0, -eq):  MM slice by slice, fee (debt + MM)*spot taker, IM slice by slice
    orders  net: (max(|p + B|, |p - S|) - |p|)/L, hedge (B + S)/L;  at the mark MM and fee of the contracts that can be added;
            each one's estimated fee off adjEq
    spot    an order freezes what it sells; debt, in all its terms, is max(0, frozen - eq): what may come to be borrowed;
            off adjEq what each fill would lose: disEq of what goes less disEq of what comes, fee off, after those before it
    adjEq = sum disEq - order fees - those losses   requirement = MM + N*f + debt terms   imr = IM of positions, orders, debts
    coin availEq = eq - frozen (cross IM, all order margin);  account availEq = adjEq - imr - disEq of restricted coins
"""

from fractions import Fraction
from typing import NamedTuple

from plimsoll.model import Account, Coin, Instrument, LegSide, MarginMode, Order, OrderType, Position

ZERO = Fraction(0)
Prices = dict[str, Fraction]
CLOSING = ((LegSide.LONG, "sell"), (LegSide.SHORT, "buy"))


class Totals(NamedTuple):
    balance: Fraction
    initial: Fraction
    maintenance: Fraction
    requirement: Fraction


class Group(NamedTuple):
    """Resting limit orders of one leg that may add to it."""

    symbol: str
    mode: MarginMode
    side: LegSide
    orders: tuple[Order, ...]


class Restated(NamedTuple):
    account: Account
    instruments: dict[str, Instrument]
    coins: dict[str, Coin]
    taker: Fraction

    # positions

    def q(self, size: object, symbol: str) -> Fraction:
        return abs(Fraction(size)) * Fraction(self.instruments[symbol].multiplier)  # type: ignore[arg-type]

    def inverse(self, symbol: str) -> bool:
        return self.instruments[symbol].kind == "inverse"

    def value(self, symbol: str, q: Fraction, price: Fraction) -> Fraction:
        return q / price if self.inverse(symbol) else q * price

    def upl(self, p: Position, mark: Fraction) -> Fraction:
        s, q, e = (1 if p.size > 0 else -1), self.q(p.size, p.symbol), Fraction(p.entry_price)
        return s * q * (1 / e - 1 / mark) if self.inverse(p.symbol) else s * q * (mark - e)

    def rate(self, symbol: str, contracts: Fraction) -> Fraction:
        rows = self.instruments[symbol].brackets
        return Fraction([r for n, r in enumerate(rows) if n == 0 or contracts > Fraction(r.floor)][-1].maintenance_rate)

    def crossed(self, symbol: str) -> Fraction:
        """Contracts of both sides in cross."""
        return sum((abs(Fraction(p.size)) for p in self.cross() if p.symbol == symbol), ZERO)

    def cross(self) -> list[Position]:
        return [p for p in self.account.positions if p.mode is MarginMode.CROSS]

    def leg(self, p: Position, mark: Fraction) -> Totals:
        """(profit, IM, MM, MM + fee) in the settle coin."""
        alone = p.mode is MarginMode.ISOLATED
        q = self.q(p.size, p.symbol)
        worth = self.value(p.symbol, q, mark)
        base = self.value(p.symbol, q, Fraction(p.entry_price)) if alone else worth
        need = worth * self.rate(p.symbol, abs(Fraction(p.size)) if alone else self.crossed(p.symbol))
        return Totals(self.upl(p, mark), base / Fraction(p.leverage), need, need + worth * self.taker)

    # orders

    def groups(self) -> list[Group]:
        keys = list(dict.fromkeys((o.symbol, o.mode, o.position_side) for o in self.account.orders))
        found = []
        for key in keys:
            mine = [o for o in self.account.orders if (o.symbol, o.mode, o.position_side) == key]
            mine = [o for o in mine if o.type is OrderType.LIMIT and not o.reduce_only]
            mine = [o for o in mine if (o.position_side, o.side) not in CLOSING]
            if mine and self.instruments[key[0]].kind != "spot":
                found.append(Group(*key, tuple(mine)))
        return found

    def order_fee(self, o: Order) -> Fraction:
        assert o.price is not None
        return self.value(o.symbol, self.q(o.size, o.symbol), Fraction(o.price)) * self.taker

    def _held(self, g: Group) -> Position | None:
        return next((p for p in self.account.positions if (p.symbol, p.mode, p.side) == g[:3]), None)

    def order_initial(self, g: Group, mark: Fraction) -> Fraction:
        held, hedged = self._held(g), g.side is not LegSide.NET
        key = f"{g.symbol}|{g.mode.value}" + (f"|{g.side.value}" if hedged and g.mode is MarginMode.ISOLATED else "")
        leverage = Fraction(held.leverage if held else self.account.leverages[key])
        total = dict.fromkeys(("buy", "sell"), ZERO)
        for o in g.orders:
            total[o.side] += self.order_fee(o) / self.taker
        if hedged:
            return (total["buy"] + total["sell"]) / leverage
        p = ZERO
        if held is not None:
            p = self.value(g.symbol, self.q(held.size, g.symbol), mark) * (1 if held.size > 0 else -1)
        return (max(abs(p + total["buy"]), abs(p - total["sell"])) - abs(p)) / leverage

    def order_needs(self, g: Group, mark: Fraction) -> tuple[Fraction, Fraction]:
        """(MM, MM + fee) at the mark of what the orders can add."""
        held = self._held(g) if g.side is LegSide.NET else None
        p = Fraction(held.size) if held is not None else ZERO
        bought = sum((Fraction(o.size) for o in g.orders if o.side == "buy"), ZERO)
        sold = sum((Fraction(o.size) for o in g.orders if o.side == "sell"), ZERO)
        added = max(abs(p + bought), abs(p - sold)) - abs(p)
        worth = self.value(g.symbol, added * Fraction(self.instruments[g.symbol].multiplier), mark)
        need = worth * self.rate(g.symbol, self.crossed(g.symbol) + added)
        return need, need + worth * self.taker

    def exchanges(self) -> list[tuple[str, Fraction, str, Fraction]]:
        """Of each resting spot order, pair by pair, what it gives and what it brings before its fee."""
        found, symbols = [], list(dict.fromkeys(o.symbol for o in self.account.orders))
        for o in sorted(self.account.orders, key=lambda o: symbols.index(o.symbol)):
            pair = self.instruments[o.symbol]
            if pair.kind == "spot" and o.type is OrderType.LIMIT and not o.reduce_only:
                assert o.price is not None
                coins, money = (pair.base, Fraction(o.size)), (pair.quote, Fraction(o.size) * Fraction(o.price))
                found.append((*money, *coins) if o.side == "buy" else (*coins, *money))
        return found

    def promised(self, asset: str) -> Fraction:
        return sum((much for given, much, _, _ in self.exchanges() if given == asset), ZERO)

    def filling_losses(self, marks: Prices, indexes: Prices) -> Fraction:
        """In USD, one order after the other, each coin as those before have left it; a gain counts nothing."""
        equity = {a: self.equity(a, marks) for a in self.assets()}
        left, there, total = dict(equity), dict(equity), ZERO

        def goes(asset: str, before: Fraction, after: Fraction) -> Fraction:
            return self.worth(asset, before, indexes[asset]) - self.worth(asset, after, indexes[asset])

        for given, much, bought, gross in self.exchanges():
            net = gross - gross * self.taker
            lost = goes(given, left[given], left[given] - much) + goes(bought, there[bought], there[bought] + net)
            total += max(ZERO, lost)
            left[given] -= much
            there[bought] += net
        return total

    # coins

    def assets(self) -> list[str]:
        traded = [self.instruments[x.symbol] for x in (*self.account.positions, *self.account.orders)]
        pairs = {i.base for i in traded if i.kind == "spot"}
        return sorted({*self.account.cash, *self.account.borrowed, *(i.settle for i in traded), *pairs})

    def settled(self, asset: str) -> Fraction:
        return Fraction(self.account.cash.get(asset, 0)) - Fraction(self.account.borrowed.get(asset, 0))

    def profit(self, asset: str, marks: Prices) -> Fraction:
        mine = [p for p in self.cross() if self.instruments[p.symbol].settle == asset]
        return sum((self.upl(p, marks[p.symbol]) for p in mine), ZERO)

    def equity(self, asset: str, marks: Prices) -> Fraction:
        return self.settled(asset) + self.profit(asset, marks)

    def worth(self, asset: str, equity: Fraction, index: Fraction) -> Fraction:
        if equity <= 0:
            return equity * index
        if asset in self.account.not_collateral:
            return ZERO
        coin = self.coins[asset]
        rows = [(t.floor, t.cap, t.ratio) for t in coin.collateral_tiers]
        return sliced(equity * index, rows) if coin.by_worth else sliced(equity, rows) * index

    def loan(self, asset: str, marks: Prices) -> tuple[Fraction, Fraction, Fraction]:
        """(IM, MM, MM + fee) in the coin."""
        coin, debt = self.coins[asset], max(ZERO, self.promised(asset) - self.equity(asset, marks))
        initial = sliced(debt, [(t.floor, t.cap, t.initial_rate) for t in coin.loan_tiers])
        need = sliced(debt, [(t.floor, t.cap, t.maintenance_rate) for t in coin.loan_tiers])
        return initial, need, need + (debt + need) * Fraction(coin.repayment_rate)

    # the account

    def total(self, marks: Prices, indexes: Prices) -> Totals:
        balance = -self.filling_losses(marks, indexes)
        initial = maintenance = requirement = ZERO
        for a in self.assets():
            balance += self.worth(a, self.equity(a, marks), indexes[a])
            im, mm, full = (x * indexes[a] for x in self.loan(a, marks))
            initial, maintenance, requirement = initial + im, maintenance + mm, requirement + full
        for p in self.cross():
            index, leg = indexes[self.instruments[p.symbol].settle], self.leg(p, marks[p.symbol])
            initial += leg.initial * index
            maintenance += leg.maintenance * index
            requirement += leg.requirement * index
        for g in self.groups():
            index = indexes[self.instruments[g.symbol].settle]
            balance -= sum((self.order_fee(o) for o in g.orders), ZERO) * index
            if g.mode is MarginMode.CROSS:
                initial += self.order_initial(g, marks[g.symbol]) * index
                mm, full = self.order_needs(g, marks[g.symbol])
                maintenance, requirement = maintenance + mm * index, requirement + full * index
        return Totals(balance, initial, maintenance, requirement)

    def headroom(self, marks: Prices, indexes: Prices) -> Fraction:
        found = self.total(marks, indexes)
        return found.balance - found.requirement

    def frozen(self, asset: str, marks: Prices) -> Fraction:
        held = [p for p in self.cross() if self.instruments[p.symbol].settle == asset]
        resting = [g for g in self.groups() if self.instruments[g.symbol].settle == asset]
        taken = sum((self.leg(p, marks[p.symbol]).initial for p in held), self.promised(asset))
        return taken + sum((self.order_initial(g, marks[g.symbol]) for g in resting), ZERO)

    def restricted_worth(self, marks: Prices, indexes: Prices) -> Fraction:
        """With what orders would bring of the coin."""
        shut = {a: self.equity(a, marks) for a in self.assets() if a in self.account.restricted}
        for _, _, bought, gross in self.exchanges():
            if bought in shut:
                shut[bought] += gross
        return sum((max(ZERO, self.worth(a, much, indexes[a])) for a, much in shut.items()), ZERO)

    def room(self, marks: Prices, indexes: Prices) -> Fraction:
        """What new cross orders may use: availEq of the account less what isolated orders hold ready."""
        found = self.total(marks, indexes)
        walls = [g for g in self.groups() if g.mode is MarginMode.ISOLATED]
        ready = sum(
            (self.order_initial(g, marks[g.symbol]) * indexes[self.instruments[g.symbol].settle] for g in walls), ZERO
        )
        return found.balance - found.initial - ready - self.restricted_worth(marks, indexes)


def sliced(amount: Fraction, rows: list[tuple]) -> Fraction:  # type: ignore[type-arg]
    """Each slice at its own rate; what lies above the last cap goes on at the last rate."""
    total = ZERO
    for n, (floor, cap, rate) in enumerate(rows):
        top = amount if cap is None or n == len(rows) - 1 else min(amount, Fraction(cap))
        total += max(ZERO, top - Fraction(floor)) * Fraction(rate)
    return total
