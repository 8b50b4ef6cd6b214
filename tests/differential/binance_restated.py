"""Binance futures restated from the venue's pages alone, in whole fractions, and none of it shared with the program.

USDⓈ-M, q coins:

    UPNL = s*q*(MP - EP)        MM = q*MP*MMR - cum, row by q*MP          IM = q*MP * ceil8(1/L)
    LP = (WB - TMM + UPNL_other + cum_long + cum_short - q_long*EP_long + q_short*EP_short)
         / (q_long*MMR_long + q_short*MMR_short - q_long + q_short)

COIN-M, q dollars (contracts * contract size), all else in the coin:

    UPNL = s*q*(1/EP - 1/MP)    MM = q/MP*MMR - cum, row by q/MP          IM = q/MP * ceil8(1/L)
    LP = (q_long*MMR_long + q_short*MMR_short + q_long - q_short)
         / (WB - TMM + UPNL_other + cum_long + cum_short + q_long/EP_long - q_short/EP_short)

Multi-assets mode, in dollars: bid = index * (1 - bid buffer), ask = index * (1 + ask buffer), E = WB + UPNL of an asset,

    equity = sum of min(E * bid, E * ask)     maintenance = sum of MM * ask     initial = sum of IM * ask

and where the marks of some legs, and the index of a coin that nothing settles in, move to x times themselves, with r the bid or
the ask of each asset that these legs settle in and `rest` all that does not move:

    x = (rest + sum of (r * (WB + UPNL_other - s*q*EP) - ask * (MM_other - cum)))
        / (sum of (ask * q*MP*MMR - r * s*q*MP) - what the moving coin counts)

WB is the cross wallet, or the leg's own wallet in isolated; TMM and UPNL_other are those of the other symbols (none in
isolated). Rows are found by trying each: a price counts if at it the legs stand in the very rows it was computed with.
"""

import math
from fractions import Fraction
from itertools import product
from typing import NamedTuple

from plimsoll.model import Account, Instrument, MarginMode, Marks, Position


def cut8(x: Fraction) -> Fraction:
    return Fraction(math.floor(x * 10**8), 10**8)


def ceil8(x: Fraction) -> Fraction:
    return Fraction(math.ceil(x * 10**8), 10**8)


class Leg(NamedTuple):
    """q > 0, s = +1 long or -1 short; money of its own in isolated."""

    symbol: str
    s: int
    q: Fraction
    ep: Fraction
    rate: Fraction
    wallet: Fraction
    isolated: bool
    rows: list[tuple[Fraction, Fraction, Fraction]]
    asset: str
    inverse: bool

    def value(self, price: Fraction) -> Fraction:
        return self.q / price if self.inverse else self.q * price


def leg_of(p: Position, i: Instrument) -> Leg:
    rows = [(Fraction(r.floor), Fraction(r.maintenance_rate), Fraction(r.deduction)) for r in i.brackets]
    side = 1 if p.size > 0 else -1
    return Leg(
        symbol=p.symbol,
        s=side,
        q=abs(Fraction(p.size)) * Fraction(i.multiplier),
        ep=cut8(Fraction(p.entry_price)),
        rate=ceil8(1 / Fraction(p.leverage)),
        wallet=Fraction(p.isolated_margin),
        isolated=p.mode is MarginMode.ISOLATED,
        rows=rows,
        asset=i.settle,
        inverse=i.kind == "inverse",
    )


def row_at(leg: Leg, price: Fraction) -> int:
    """The row whose floor lies below the value; a value on a floor belongs to the row below it."""
    return max(n for n, (floor, _, _) in enumerate(leg.rows) if n == 0 or leg.value(price) > floor)


def upnl(leg: Leg, price: Fraction) -> Fraction:
    if leg.inverse:
        return leg.s * leg.q * (1 / leg.ep - 1 / price)
    return leg.s * leg.q * (price - leg.ep)


def mm(leg: Leg, price: Fraction) -> Fraction:
    _, rate, cum = leg.rows[row_at(leg, price)]
    return leg.value(price) * rate - cum


def im(leg: Leg, price: Fraction) -> Fraction:
    return leg.value(price) * leg.rate


class Restated(NamedTuple):
    """One pool: its legs, its money, the marks."""

    legs: list[Leg]
    money: Fraction
    marks: dict[str, Fraction]

    def balance(self) -> Fraction:
        return self.money + sum((upnl(leg, self.marks[leg.symbol]) for leg in self.legs), Fraction(0))

    def maintenance(self) -> Fraction:
        return sum((mm(leg, self.marks[leg.symbol]) for leg in self.legs), Fraction(0))

    def initial(self) -> Fraction:
        return sum((im(leg, self.marks[leg.symbol]) for leg in self.legs), Fraction(0))

    def fails(self) -> bool:
        return self.maintenance() > 0 and self.balance() <= self.maintenance()


def pools_of(account: Account, marks: Marks, instruments: dict[str, Instrument]) -> list[Restated]:
    prices = {symbol: Fraction(mark) for symbol, mark in marks.marks.items()}
    legs = [leg_of(p, instruments[p.symbol]) for p in account.positions]
    cross = [
        Restated([x for x in legs if x.asset == asset and not x.isolated], Fraction(cash), prices)
        for asset, cash in account.cash.items()
    ]
    return cross + [Restated([leg], leg.wallet, prices) for leg in legs if leg.isolated]


def liquidation_prices(pool: Restated, symbol: str) -> set[Fraction]:
    """Every positive price of `symbol` at which the pool stands exactly on its trigger, by the closed formula."""
    own = [leg for leg in pool.legs if leg.symbol == symbol]
    others = [leg for leg in pool.legs if leg.symbol != symbol]
    tmm = sum((mm(leg, pool.marks[leg.symbol]) for leg in others), Fraction(0))
    pnl = sum((upnl(leg, pool.marks[leg.symbol]) for leg in others), Fraction(0))
    found = set()
    for rows in _rows(own):
        cum = sum((leg.rows[n][2] for leg, n in zip(own, rows, strict=True)), Fraction(0))
        top, below = _of_the_quotient(own, rows, pool.money - tmm + pnl + cum)
        if below == 0:
            continue
        price = top / below
        if price > 0 and [row_at(leg, price) for leg in own] == list(rows):
            found.add(price)
    return found


def _of_the_quotient(legs: list[Leg], rows: tuple[int, ...], money: Fraction) -> tuple[Fraction, Fraction]:
    """Numerator and denominator of the closed formula; `money`: WB - TMM + UPNL_other + the maintenance amounts."""
    needed = sum((leg.q * leg.rows[n][1] for leg, n in zip(legs, rows, strict=True)), Fraction(0))
    net = sum((leg.s * leg.q for leg in legs), Fraction(0))
    if legs[0].inverse:
        return needed + net, money + sum((leg.s * leg.q / leg.ep for leg in legs), Fraction(0))
    return money - sum((leg.s * leg.q * leg.ep for leg in legs), Fraction(0)), needed - net


def _rows(legs: list[Leg]) -> list[tuple[int, ...]]:
    out: list[tuple[int, ...]] = [()]
    for leg in legs:
        out = [(*rows, n) for rows in out for n in range(len(leg.rows))]
    return out


class Asset(NamedTuple):
    """One asset of an account in multi-assets mode: its wallet, bid and ask in dollars, and the legs that settle in it."""

    name: str
    wallet: Fraction
    bid: Fraction
    ask: Fraction
    legs: list[Leg]

    def equity(self, marks: dict[str, Fraction]) -> Fraction:
        return self.wallet + sum((upnl(leg, marks[leg.symbol]) for leg in self.legs), Fraction(0))

    def counts(self, marks: dict[str, Fraction]) -> Fraction:
        return min(self.equity(marks) * self.bid, self.equity(marks) * self.ask)

    def needs(self, marks: dict[str, Fraction]) -> Fraction:
        return self.ask * sum((mm(leg, marks[leg.symbol]) for leg in self.legs), Fraction(0))


class MultiAssets(NamedTuple):
    """The whole account, and the marks."""

    assets: list[Asset]
    marks: dict[str, Fraction]

    def balance(self) -> Fraction:
        return sum((asset.counts(self.marks) for asset in self.assets), Fraction(0))

    def maintenance(self) -> Fraction:
        return sum((asset.needs(self.marks) for asset in self.assets), Fraction(0))

    def initial(self) -> Fraction:
        own = (asset.ask * im(leg, self.marks[leg.symbol]) for asset in self.assets for leg in asset.legs)
        return sum(own, Fraction(0))


def multi_assets_of(
    account: Account, marks: Marks, instruments: dict[str, Instrument], buffers: dict[str, tuple[Fraction, Fraction]]
) -> MultiAssets:
    """`buffers`: asset -> (bid buffer, ask buffer)."""
    legs = [leg_of(p, instruments[p.symbol]) for p in account.positions]
    assets = []
    for name in dict.fromkeys([*account.cash, *(leg.asset for leg in legs)]):
        index, (below, above) = Fraction(marks.indexes[name]), buffers[name]
        mine = [leg for leg in legs if leg.asset == name]
        assets.append(Asset(name, Fraction(account.cash.get(name, 0)), index * (1 - below), index * (1 + above), mine))
    return MultiAssets(assets, {symbol: Fraction(mark) for symbol, mark in marks.marks.items()})


def factors(whole: MultiAssets, moving: list[str], coin: str) -> set[Fraction]:
    """Every x > 0 at which the account stands exactly on its trigger when the marks of the symbols `moving`, and the index of
    `coin` ('' none), are x times what they are, by the closed formula: each rate and each row is tried."""
    touched = [asset for asset in whole.assets if any(leg.symbol in moving for leg in asset.legs)]
    still = [asset for asset in whole.assets if asset not in touched and asset.name != coin]
    rest = sum((asset.counts(whole.marks) - asset.needs(whole.marks) for asset in still), Fraction(0))
    turns = sum((asset.counts(whole.marks) for asset in whole.assets if asset.name == coin), Fraction(0))
    legs = [leg for asset in touched for leg in asset.legs if leg.symbol in moving]
    found = set()
    for rates in product(*((asset.bid, asset.ask) for asset in touched)):
        for rows in product(*(range(len(leg.rows)) for leg in legs)):
            x = _factor(whole, touched, moving, dict(zip(map(id, legs), rows, strict=True)), rates, rest, turns)
            if x is None or x <= 0:
                continue
            there = {s: mark * x if s in moving else mark for s, mark in whole.marks.items()}
            if [row_at(leg, there[leg.symbol]) for leg in legs] == list(rows) and all(
                asset.equity(there) * rate == asset.counts(there) for asset, rate in zip(touched, rates, strict=True)
            ):
                found.add(x)
    return found


def _factor(
    whole: MultiAssets,
    touched: list[Asset],
    moving: list[str],
    rows: dict[int, int],
    rates: tuple[Fraction, ...],
    rest: Fraction,
    turns: Fraction,
) -> Fraction | None:
    top, below = rest, -turns
    for asset, rate in zip(touched, rates, strict=True):
        movers = [leg for leg in asset.legs if leg.symbol in moving]
        others = [leg for leg in asset.legs if leg.symbol not in moving]
        top += rate * (asset.wallet + sum((upnl(leg, whole.marks[leg.symbol]) for leg in others), Fraction(0)))
        top -= asset.ask * sum((mm(leg, whole.marks[leg.symbol]) for leg in others), Fraction(0))
        for leg in movers:
            _, mmr, cum = leg.rows[rows[id(leg)]]
            value = leg.q * whole.marks[leg.symbol]
            top += asset.ask * cum - rate * leg.s * leg.q * leg.ep
            below += asset.ask * value * mmr - rate * leg.s * value
    return None if below == 0 else top / below
