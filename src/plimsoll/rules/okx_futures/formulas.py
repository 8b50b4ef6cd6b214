"""OKX futures and perpetual swaps, Futures account mode: what a pool is worth and what it needs, in the rule language.

Linear and inverse contracts in one text: `amount` is signed, coins of a linear or USD face of an inverse contract.
Symbols: avg entry price, mk mark price (quote per base), N value in the settle asset (linear q*price, inverse c/price),
m the isolated margin, f the user's own taker rate, r the maintenance rate, L leverage, s the side (+1 long, -1 short).
Source keys (S1 ...) are spelled out in `people.SOURCES`. Grade `doc` unless a docstring says otherwise. Refuses to
know: which positions exist, what anything is called, how it is printed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from plimsoll.number import N, zero
from plimsoll.rules.columns import Found, Leg, Line, Market, Pool, PoolMargin
from plimsoll.rules.common import (
    line_of,
    no_price,
    notional,
    open_loss,
    order_margin,
    position_margin,
    row_above,
    side_of,
    unrealised_pnl,
)

__all__ = ["notional", "open_loss", "order_margin", "position_margin", "unrealised_pnl"]


class Reading(NamedTuple):
    """The unpublished choices, each an index into the options that the table names; 0 is the default.

    cancel_when: 0 equity_less_order_fees (orders go when the balance, net of their fees, meets the requirement),
      1 order_needs_too (in cross already when the balance less the initial margin of the legs does; S3, grade rewrite).
    partial: 0 two_tiers (from the third tier on, while the first tier's requirement is met), 1 whole.
    close_order: 0 largest_maintenance, 1 largest_loss, 2 largest_notional.
    partial_close: 0 pro_rata_release (a partial close releases margin in proportion, its result goes to the cash),
      1 result_stays.
    isolated_leverage: 0 margin_moves, 1 margin_stays (see `margin_on_leverage`)."""

    cancel_when: int
    partial: int
    close_order: int
    partial_close: int
    isolated_leverage: int


def bracket(value: N, tier: N, market: Market[N]) -> int:
    """Row that holds `tier` contracts: floor exclusive, cap inclusive, above the last known cap the last row. S14, S15.

    `value` is unused: this venue counts contracts, so no price moves a leg to another row."""
    return row_above(tier, market.floors, market.rows)


def headroom_line(leg: Leg[N], price: N, market: Market[N]) -> Line[N]:
    """The line of profit less maintenance and closing fee over the price; the row is chosen by size, so it never bends.
    [S13 and recorded, as `maintenance_margin` and `closing_fee`]"""
    row = row_above(leg.tier, market.floors, market.rows)
    none = zero(price)
    return line_of(leg, market.rates[row] + market.taker_rate, none, market.inverse, none, none)


def maintenance_rate(leg: Leg[N], market: Market[N]) -> N:
    """r: the rate of the row that the whole size reaches. S13."""
    return market.rates[row_above(leg.tier, market.floors, market.rows)]


def initial_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """IM = N / L: isolated at the entry price and fixed, cross at the mark and floating. S7.

    Grade recorded (okx-001, -003, -004, -006 isolated; -010 to -015, -017 cross)."""
    if leg.isolated:
        return notional(leg.amount, leg.entry, market.inverse) * leg.initial_rate
    return notional(leg.amount, mark, market.inverse) * leg.initial_rate


def maintenance_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """MM = N(mk) * r: the whole size pays the rate of the row it reaches, no deduction. S13; first tier recorded."""
    return notional(leg.amount, mark, market.inverse) * maintenance_rate(leg, market)


def closing_fee(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """N(mk) * f, added to maintenance before the comparison; f: the user's rate. Grade recorded (okx-014, -016)."""
    return notional(leg.amount, mark, market.inverse) * market.taker_rate


def assess_pool(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """balance = cash - fees of resting orders + sum(upl), requirement = sum(MM) + sum(N*f), initial = sum(IM). S3.

    Grade recorded (okx-001 to -019); the order fees rewrite. S3 also takes off what resting isolated orders need: left
    out here, because their margin is not settled money of the pool and the available balance already subtracts it."""
    balance = pool.cash - pool.reserved + pool.outside_pnl
    initial = pool.outside_initial
    maintenance = pool.outside_maintenance
    fees = pool.outside_fee
    scale = abs(pool.cash)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        market = markets[leg.market]
        mark = marks[leg.market]
        value = notional(leg.amount, mark, market.inverse)
        balance += unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
        initial += initial_margin(leg, mark, market)
        maintenance += value * maintenance_rate(leg, market)
        fees += value * market.taker_rate
        scale += value
    return PoolMargin(balance, initial, maintenance, maintenance + fees, scale)


def is_liquidatable(balance: N, requirement: N) -> bool:
    """Liquidation at a cover of 100 % or less: balance <= requirement, equality included. S1, S3.

    A pool without a requirement has nothing to liquidate."""
    return requirement > 0 and balance <= requirement


def available_balance(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What new cross orders may use: max(0, cash + cross upl - cross IM - margin of resting orders - their fees). S3.

    Running cross profit finances new cross orders; isolated profit never does. Grade recorded (okx-016, -034)."""
    return max(zero(margin.balance), margin.balance - margin.initial - cross_orders - isolated_orders)


def withdrawable(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What may leave, or enter an isolated wall: max(0, min(cash, cash + cross upl) - fees and margin of resting orders
    - cross IM). Floating profit does not count, floating loss does. S3; grade rewrite."""
    settled = pool.cash - pool.reserved - margin.initial - cross_orders - isolated_orders
    return max(zero(margin.balance), min(settled, available_balance(pool, margin, cross_orders, isolated_orders)))


def order_cost(amount: N, price: N, mark: N, rate: N, market: Market[N]) -> N:
    """Cost of one order alone = value at its price / L + the loss it would carry at the mark. S7; the loss S7b,
    rewrite.

    `rate` = 1/L; `amount` signed (+ buy). The estimated fee is a separate subtraction (`people.order_reserve`)."""
    return notional(amount, price, market.inverse) * rate + open_loss(amount, price, mark, market.inverse)


def bankruptcy_price(leg: Leg[N], cash: N, market: Market[N]) -> Found[N]:
    """Price at which the leg's own money is gone after its closing fee. Grade derived (the venue prints none; okx-039).

    Linear (avg*q - s*cash) / (q*(1 - s*f)); inverse c*(1 + s*f) / (c/avg + s*cash)."""
    fee = side_of(leg.amount) * market.taker_rate
    if market.inverse:
        depth = leg.amount / leg.entry + cash
        if depth * leg.amount <= 0:
            return no_price(cash)
        return Found(True, leg.amount * (1 + fee) / depth)
    price = (leg.amount * leg.entry - cash) / (leg.amount * (1 - fee))
    if price <= 0:
        return no_price(cash)
    return Found(True, price)


def liquidation_fee(leg: Leg[N], price: N, market: Market[N]) -> N:
    """Penalty for what is liquidated: value at the closing price * r of the leg's row, to the insurance fund.

    Grade recorded (okx-024: `liqPenalty` = r * closed value)."""
    return notional(leg.amount, price, market.inverse) * maintenance_rate(leg, market)


def margin_bounds(
    leg: Leg[N],
    mark: N,
    market: Market[N],
    pool: Pool[N],
    margin: PoolMargin[N],
    cross_orders: N,
    isolated_orders: N,
) -> tuple[N, N]:
    """(most that can be added, most that can be removed) for an isolated leg; `pool`, `margin` of its asset's cross
    pool.

    add = available balance without floating profit (S3, grade rewrite); remove = max(0, m - N(mk)/L + min(0, upl)), the
    reading of a third party of "margin less the greater of initial margin and losses" (S11; open question: grade
    memory)."""
    add = withdrawable(pool, margin, cross_orders, isolated_orders)
    loss = min(zero(mark), unrealised_pnl(leg.amount, leg.entry, mark, market.inverse))
    needed = notional(leg.amount, mark, market.inverse) * leg.initial_rate
    return add, max(zero(mark), leg.margin - needed + loss)


def margin_at_fill(amount: N, price: N, leverage: N, rate: N, market: Market[N]) -> N:
    """Money that enters an isolated wall when `amount` is opened: value at the fill / L, unrounded. `rate` is unused.

    Grade recorded (okx-001, -003, -004, -006)."""
    return notional(amount, price, market.inverse) / leverage


def margin_on_leverage(leg: Leg[N], leverage: N, market: Market[N], reading: Reading) -> N:
    """Money that enters (+) or leaves (-) an isolated leg when its leverage changes to `leverage`.

    isolated_leverage 0 (margin_moves): the entry value * (1/L_new - 1/L_old), so added margin and funding stay inside;
    1 (margin_stays): nothing. S1 and okx-040; open question of the rules: grade memory, default 0."""
    if reading.isolated_leverage == 1:
        return zero(leg.margin)
    value = notional(leg.amount, leg.entry, market.inverse)
    return value / leverage - value / leg.leverage


def funding_payment(amount: N, mark: N, rate: N, inverse: bool) -> N:
    """Cash paid (+) or received (-): s * N(mk) * rate; longs pay a positive rate, always in full since mid-2024. S16,
    S16c."""
    return side_of(amount) * notional(amount, mark, inverse) * rate


def funding_split(payment: N, leg: Leg[N], free: N) -> tuple[N, N]:
    """(from the cash, from the leg's own money): an isolated leg pays from its margin, so its price moves. S16c.

    Grade recorded (okx-003: margin = avg*q/L + funding)."""
    if leg.isolated:
        return zero(payment), payment
    return payment, zero(payment)


def opening_fee_split(fee: N, isolated: bool) -> tuple[N, N]:
    """(from the cash, from the leg's own money): the opening fee leaves the cash in both modes.

    Grade recorded (okx-003, -034: `margin` is exactly avg*q/L)."""
    return fee, zero(fee)
