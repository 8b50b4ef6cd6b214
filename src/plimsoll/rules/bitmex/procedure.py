"""BitMEX: the liquidation ladder as steps, in the rule language. LIQ.

Cancel the contract's orders; in a higher risk tier cut the position to the next lower one with a FillOrKill order; then take
the rest over at its bankruptcy price with everything that stood behind it. The risk limit itself is always the lowest that
fits, so that lowering it needs no step. From March 2024 the cross positions of a currency go together, XM24.
"""

from collections.abc import Sequence

from plimsoll.number import N, ceil_to, floor_to, zero
from plimsoll.rules.bitmex.formulas import Reading, bankruptcy_price, is_liquidatable, lot_of, profit, row_of, value, whole_up
from plimsoll.rules.columns import CANCEL, HOLD, REDUCE, TAKE_OVER, Leg, Market, Pool, PoolMargin, Step
from plimsoll.rules.common import gross_value, side_of, spread_price


def kept(leg: Leg[N], mark: N, market: Market[N], target: int) -> N:
    """Amount that fits below the row above `target`: whole lots worth at most the cap of that row. LIQ, RISK."""
    lot = lot_of(leg.amount, market)
    each = value(lot, mark, market)
    if each <= 0:
        return zero(mark)
    return floor_to(market.floors[target + 1] / each, zero(mark) + 1) * lot


def is_better(price: N, limit: N, amount: N) -> bool:
    """Whether somebody takes a forced order of the position's owner at `price` (0: nobody) or better than `limit`."""
    if price <= 0:
        return False
    return (price - limit) * side_of(amount) >= 0


def to_tick(price: N, amount: N, tick: N) -> N:
    """A price at which an order can stand: a long's up to the tick, a short's down, never to nothing. PAY."""
    if tick <= 0 or (amount < 0 and price < tick):
        return price
    if amount > 0:
        return ceil_to(price, tick)
    return floor_to(price, tick)


def deleveraging_rank(gain: N, worth: N, bankrupt_worth: N) -> N:
    """Who is deleveraged first: PnL% * leverage where PnL% > 0, else PnL% / leverage; highest first. ADL.

    `gain`: PnL as a share; leverage = |worth| / (worth - bankrupt_worth), values signed, at the mark and at bankruptcy."""
    leverage = abs(worth) / (worth - bankrupt_worth)
    if gain > 0:
        return gain * leverage
    return gain / leverage


def next_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The venue's next act on this pool. LIQ, XM24. `fills`: the price at which the market takes forced orders, 0: nobody.

    tier_cut 0: one cut to the next lower tier, then takeover; 1: tier by tier down to the lowest first."""
    none = zero(pool.cash)
    taking = stage >= 3
    if len(pool.legs) == 0 or (not taking and not is_liquidatable(margin.balance, margin.requirement)):
        return Step(HOLD, -1, -1, none, none, none, none)
    if stage < 1:
        return Step(CANCEL, -1, -1, none, none, none, none)
    leg = pool.legs[0]
    market = markets[leg.market]
    mark = marks[leg.market]
    fill = fills[leg.market]
    if len(pool.legs) > 1:
        return together(pool, margin, marks, markets)
    money = margin.balance - profit(leg, mark, market)
    found = bankruptcy_price(leg, money, market)
    row = row_of(leg, mark, market)
    if not taking and row > 0 and (stage < 2 or reading.tier_cut == 1) and found.found:
        amount = abs(leg.amount) - kept(leg, mark, market, row - 1)
        if amount > 0 and amount < abs(leg.amount) and is_better(fill, found.price, leg.amount):
            fee = whole_up(value(amount, fill, market) * market.taker_rate, market)
            return Step(REDUCE, 0, -1, amount, fill, fee, none)
    price = mark
    if found.found:
        price = to_tick(found.price, leg.amount, market.tick)
    return Step(TAKE_OVER, 0, -1, abs(leg.amount), price, none, none)


def together(pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> Step[N]:
    """All cross positions of the currency are taken over, one after another, each giving up the same share of its value, so
    that the pool ends with nothing. XM24; the share of each is grade derived (only the sum is known)."""
    none = zero(pool.cash)
    leg = pool.legs[0]
    gross = gross_value(pool.legs, marks, markets, none)
    price = spread_price(leg.amount, marks[leg.market], margin.balance, gross, markets[leg.market].inverse)
    return Step(TAKE_OVER, 0, -1, abs(leg.amount), price, none, none)
