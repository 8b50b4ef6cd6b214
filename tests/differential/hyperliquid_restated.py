"""Hyperliquid restated from the rule sheet alone, in whole fractions, and none of it shared with the program.

    IM = q*mark/leverage        l = 1/(2*highest leverage of the tier at q*price)
    MM = q*mark*l_n - d_n       d_n = d_(n-1) + floor_n*(l_n - l_(n-1))
    liq = mark - s*available/q/(1 - l*s)       available = AV - sum(MM) (cross), margin + profit - MM (isolated)
    what leaves must leave max(IM, 10 % of notional)

    below MM    a market order for all of it; above 100,000 only 20 %, then 30 seconds of cool-down, after that all
    below 2/3   the vault takes position and margin

Rates and deductions are worked out from the floors and highest leverages, not read. A price counts if at it the position stands
in the very tier that it was computed with.
"""

import math
from fractions import Fraction
from typing import NamedTuple

from plimsoll.model import Account, Instrument, MarginMode, Marks, Position

ZERO = Fraction(0)


class Tier(NamedTuple):
    floor: Fraction
    cap: Fraction | None
    rate: Fraction
    deduction: Fraction


def tiers_of(instrument: Instrument) -> list[Tier]:
    found: list[Tier] = []
    for row in instrument.brackets:
        assert row.max_leverage is not None
        rate, floor = 1 / (2 * Fraction(row.max_leverage)), Fraction(row.floor)
        deduction = found[-1].deduction + floor * (rate - found[-1].rate) if found else ZERO
        found.append(Tier(floor, None if row.cap is None else Fraction(row.cap), rate, deduction))
    return found


class Leg(NamedTuple):
    """q > 0 coins, s = +1 long or -1 short; `money` of its own in isolated."""

    symbol: str
    s: int
    q: Fraction
    entry: Fraction
    mark: Fraction
    leverage: Fraction
    money: Fraction | None
    tiers: list[Tier]

    def profit(self) -> Fraction:
        return self.s * self.q * (self.mark - self.entry)

    def initial(self) -> Fraction:
        return self.q * self.mark / self.leverage

    def tier(self, price: Fraction) -> Tier:
        return [t for n, t in enumerate(self.tiers) if n == 0 or self.q * price > t.floor][-1]

    def maintenance(self) -> Fraction:
        tier = self.tier(self.mark)
        return self.q * self.mark * tier.rate - tier.deduction


class Restated(NamedTuple):
    """A pool: its settled money and the positions on it."""

    money: Fraction
    legs: list[Leg]

    def value(self) -> Fraction:
        return self.money + sum((leg.profit() for leg in self.legs), ZERO)

    def initial(self) -> Fraction:
        return sum((leg.initial() for leg in self.legs), ZERO)

    def maintenance(self) -> Fraction:
        return sum((leg.maintenance() for leg in self.legs), ZERO)

    def notional(self) -> Fraction:
        return sum((leg.q * leg.mark for leg in self.legs), ZERO)

    def fails(self) -> bool:
        return self.value() < self.maintenance()

    def may_leave(self) -> Fraction:
        return max(ZERO, self.value() - max(self.initial(), self.notional() / 10))

    def liquidation_prices(self, symbol: str) -> list[Fraction]:
        """Of one position, its mark alone moving; in each tier the sheet's formula."""
        leg = next(x for x in self.legs if x.symbol == symbol)
        others = self.maintenance() - leg.maintenance()
        found = set()
        for tier in leg.tiers:
            available = self.value() - others - (leg.q * leg.mark * tier.rate - tier.deduction)
            if tier.rate == leg.s:
                continue
            price = leg.mark - leg.s * available / leg.q / (1 - tier.rate * leg.s)
            if price > 0 and leg.q * price >= tier.floor and (tier.cap is None or leg.q * price <= tier.cap):
                found.add(price)
        return sorted(found)


def pools_of(account: Account, marks: Marks, instruments: dict[str, Instrument]) -> list[Restated]:
    """The cross pool, then each isolated position."""
    legs = [leg_of(p, marks, instruments[p.symbol]) for p in account.positions]
    (cash,) = account.cash.values()
    crossed = [leg for leg in legs if leg.money is None]
    return [Restated(Fraction(cash), crossed)] + [Restated(leg.money, [leg]) for leg in legs if leg.money is not None]


def leg_of(p: Position, marks: Marks, instrument: Instrument) -> Leg:
    return Leg(
        symbol=p.symbol,
        s=1 if p.size > 0 else -1,
        q=abs(Fraction(p.size)) * Fraction(instrument.multiplier),
        entry=Fraction(p.entry_price),
        mark=Fraction(marks.marks[p.symbol]),
        leverage=Fraction(p.leverage),
        money=Fraction(p.isolated_margin) if p.mode is MarginMode.ISOLATED else None,
        tiers=tiers_of(instrument),
    )


class Said(NamedTuple):
    """The unpublished choices: nothing is sold in the cool-down, or all; the vault takes at once, or what is waited with; the
    fee of a forced order."""

    waits: bool
    at_once: bool
    taker: Fraction


class Alone(NamedTuple):
    """A trader with one position, on all the money there is. `sold`: when a fifth of it went (seconds)."""

    money: Fraction
    leg: Leg
    sold: Fraction | None

    def at(self, price: Fraction, now: Fraction, lot: Fraction, said: Said) -> "Alone":
        """What becomes of it at a price at which the book takes everything."""
        here = self._replace(leg=self.leg._replace(mark=price))
        while here.leg.q > 0:
            value, needed = here.money + here.leg.profit(), here.leg.maintenance()
            ago = None if here.sold is None else now - here.sold
            if value >= needed:
                return here._replace(sold=None) if ago is not None and ago >= 30 else here
            cooling = said.waits and ago is not None and ago < 30
            if value < needed * 2 / 3 and (said.at_once or cooling):
                return here._replace(money=ZERO, leg=here.leg._replace(q=ZERO))
            if cooling:
                return here
            here = here._sold(price, now, lot, said, ago)
        return here

    def _sold(self, price: Fraction, now: Fraction, lot: Fraction, said: Said, ago: Fraction | None) -> "Alone":
        leg = self.leg
        whole = leg.q * price <= 100_000 or (ago is not None and (said.waits or ago < 30))
        amount = leg.q if whole else max(lot, math.floor(leg.q / 5 / lot) * lot)
        fee = min(amount * price * said.taker, max(ZERO, self.money + leg.profit()))
        left = self.money + leg.s * amount * (price - leg.entry) - fee
        if amount >= leg.q:
            return Alone(max(ZERO, left), leg._replace(q=ZERO), self.sold)
        return Alone(left, leg._replace(q=leg.q - amount), now)
