"""BitMEX restated from the rule sheet alone, in whole units of money (satoshi, millionths of a USDT), none of it shared with
the program.

    V(p) = lots * round(value of one lot), signed: long inverse -, short inverse +, long linear and quanto +, short -
    posInit = ceil(|C|*imr)     posComm = ceil((|C| + posInit + posCross)*fee)
    posMaint = ceil(|C|*min(imr, mmr + max(0, f*s))) + posComm      posMargin = posInit + posCross + posComm - posLoss
    available = wallet - sum(posMargin) - orders                    add = max(0, floor(available/(1 + fee))), 0 in isolated
    v = ceil((C - (posMargin - posMaint + add)) / lots), price = p at which a lot is worth v; long up, short down to the tick

Before 25 March 2024 each position by itself; from then on the cross positions of a currency together.
"""

import math
from fractions import Fraction
from typing import NamedTuple

from plimsoll.model import Account, Instrument, MarginMode, Marks, Position


def nearest(x: Fraction) -> int:
    return math.floor(x + Fraction(1, 2))


class Held(NamedTuple):
    """One position in whole units; `s` the side, `d` the sign of its value; `wall`: the money inside, isolated only."""

    symbol: str
    asset: str
    s: int
    d: int
    lots: int
    cost: int
    value: int
    imr: Fraction
    mmr: Fraction
    fee: Fraction
    due: Fraction
    cross: int
    loss: int
    wall: int | None
    lot: Fraction
    inverse: bool
    unit: Fraction
    tick: Fraction
    unleveraged: bool

    @property
    def pnl(self) -> int:
        return self.value - self.cost

    @property
    def init(self) -> int:
        return math.ceil(abs(self.cost) * self.imr)

    @property
    def comm(self) -> int:
        return 0 if self.unleveraged else math.ceil((abs(self.cost) + self.init + self.cross) * self.fee)

    @property
    def maint(self) -> int:
        if self.unleveraged:
            return 0
        return math.ceil(abs(self.cost) * min(self.imr, self.mmr + self.due)) + self.comm

    @property
    def margin(self) -> int:
        return self.init + self.cross + self.comm - self.loss if self.wall is None else self.wall

    def price(self, worth: int) -> Fraction | None:
        """The price at which the whole position is worth `worth`, by lots; None where there is none."""
        v = math.ceil(Fraction(worth, self.lots)) * self.d
        if v <= 0:
            return None
        return self.lot / (v * self.unit) if self.inverse else v * self.unit / self.lot

    def printed(self, price: Fraction | None) -> Fraction | None:
        if price is None:
            return Fraction(100000000) if self.s < 0 else None
        steps = math.ceil(price / self.tick) if self.s > 0 else math.floor(price / self.tick)
        return min(Fraction(100000000), steps * self.tick)


def held_of(p: Position, i: Instrument, mark: Fraction, fee: Fraction) -> Held:
    assert i.unit is not None and i.lot is not None and i.tick is not None
    unit, inverse, s = Fraction(i.unit), i.kind == "inverse", 1 if p.size > 0 else -1
    d = -s if inverse else s
    lot = Fraction(i.lot) * Fraction(i.multiplier)
    lots = abs(Fraction(p.size)) / Fraction(i.lot)
    assert lots.denominator == 1

    def worth(price: Fraction) -> int:
        return int(lots) * nearest((lot / price if inverse else lot * price) / unit)

    value = worth(mark)
    cost = worth(Fraction(p.entry_price)) * d if p.cost is None else int(Fraction(p.cost) / unit)
    row = max(n for n, r in enumerate(i.brackets) if n == 0 or value * unit > Fraction(r.floor))
    isolated = p.mode is MarginMode.ISOLATED
    own = i.brackets[row].initial_rate
    assert own is not None
    return Held(
        symbol=p.symbol,
        asset=i.settle,
        s=s,
        d=d,
        lots=int(lots),
        cost=cost,
        value=value * d,
        imr=1 / Fraction(p.leverage) if isolated else Fraction(own),
        mmr=Fraction(i.brackets[row].maintenance_rate),
        fee=fee if i.taker_rate is None else Fraction(i.taker_rate),
        due=max(Fraction(0), Fraction(i.funding_rate or 0) * s),
        cross=int(Fraction(p.added_margin) / unit),
        loss=int(Fraction(p.lost_margin) / unit),
        wall=int(Fraction(p.isolated_margin) / unit) if isolated else None,
        lot=lot,
        inverse=inverse,
        unit=unit,
        tick=Fraction(i.tick),
        unleveraged=isolated and inverse and s < 0 and p.leverage == 1,
    )


class Restated(NamedTuple):
    """All positions of an account, its cash outside the walls in whole units, and whether cross positions share."""

    held: list[Held]
    cash: dict[str, int]
    shared: bool

    def crossed(self, asset: str) -> list[Held]:
        return [h for h in self.held if h.asset == asset and h.wall is None]

    def available(self, asset: str) -> int:
        crossed = self.crossed(asset)
        if self.shared:
            return self.cash[asset] + sum(h.pnl - h.maint for h in crossed)
        return self.cash[asset] - sum(h.margin for h in crossed)

    def balance(self, h: Held) -> int:
        """Of the pool that the position is in."""
        if h.wall is not None:
            return h.wall + h.pnl
        if self.shared:
            return self.cash[h.asset] + sum(x.pnl for x in self.crossed(h.asset))
        return h.margin + max(0, math.floor(self.available(h.asset) / (1 + h.fee))) + h.pnl

    def requirement(self, h: Held) -> int:
        return h.maint if h.wall is not None or not self.shared else sum(x.maint for x in self.crossed(h.asset))

    def liquidation_price(self, h: Held) -> Fraction | None:
        """From the cost, as the sheet has it; shared: from the value, less what the pool has left."""
        if h.wall is None and self.shared:
            return h.price(h.value - self.balance(h) + self.requirement(h))
        add = 0 if h.wall is not None else max(0, math.floor(self.available(h.asset) / (1 + h.fee)))
        return h.price(h.cost - (h.margin - h.maint + add))

    def bankruptcy_price(self, h: Held) -> Fraction | None:
        add = 0 if h.wall is not None else max(0, math.floor(self.available(h.asset) / (1 + h.fee)))
        return h.price(h.cost - (h.margin - h.comm + add))


def restate(account: Account, marks: Marks, instruments: dict[str, Instrument], shared: bool) -> Restated:
    fee = Fraction(account.fees.taker_rate)
    units = {i.settle: Fraction(i.unit or 1) for i in instruments.values()}
    held = [held_of(p, instruments[p.symbol], Fraction(marks.marks[p.symbol]), fee) for p in account.positions]
    return Restated(held, {asset: int(Fraction(cash) / units[asset]) for asset, cash in account.cash.items()}, shared)
