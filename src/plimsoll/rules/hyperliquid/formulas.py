"""Hyperliquid perpetuals: what a pool is worth and what it needs, in the rule language.

Source keys (MARGIN, TIERS, LIQ, ...) are spelled out in `people.SOURCES`. Grade `doc` unless a docstring says otherwise. All
contracts are linear and settle in USDC. Refuses to know: which positions exist, what anything is called, how it is printed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from plimsoll.number import N, zero
from plimsoll.rules.columns import Found, Leg, Line, Market, Pool, PoolMargin
from plimsoll.rules.common import (
    line_of,
    marginal_maintenance,
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
    """The unpublished choices, each an index into the options that the table names."""

    close_order: int
    pause: int
    backstop: int
    forced_fee: int
    partial_close: int
    raise_leverage: int


def bracket(value: N, tier: N, market: Market[N]) -> int:
    """Row that holds the leg's notional at the price in question. TIERS, LIQ.

    A value on a bound stays in the lower row: maintenance is continuous there, only the leverage cap could differ (grade
    derived; the venue does not say). `tier` is unused: this venue counts notional."""
    return row_above(value, market.floors, market.rows)


def headroom_line(leg: Leg[N], price: N, market: Market[N]) -> Line[N]:
    """The line of profit less maintenance on which the leg stays while its value is in the row that it has at `price`, over the
    price. TIERS: N * rate - deduction."""
    row = row_above(notional(leg.amount, price, market.inverse), market.floors, market.rows)
    most = zero(price)
    if row + 1 < market.rows:
        most = market.floors[row + 1]
    return line_of(leg, market.rates[row], market.deductions[row], market.inverse, market.floors[row], most)


def initial_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """IM = |q| * mark / leverage, in both margin modes. MARGIN; recorded (case hyperliquid-cross-btc-202510)."""
    return notional(leg.amount, mark, market.inverse) * leg.initial_rate


def maintenance_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """MM = N * rate - deduction, N the mark notional, row by N, rate = 1 / (2 * the row's highest leverage). MARGIN, TIERS."""
    value = notional(leg.amount, mark, market.inverse)
    return marginal_maintenance(value, bracket(value, leg.tier, market), market)


def closing_fee(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """Nothing is added to maintenance before the comparison. LIQ."""
    return zero(mark)


def assess_pool(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """balance = cash + sum(UPNL), requirement = sum(MM), initial = sum(IM); scale = |cash| + sum(N). MARGIN, LIQ."""
    balance = pool.cash - pool.reserved + pool.outside_pnl
    initial = pool.outside_initial
    maintenance = pool.outside_maintenance
    scale = abs(pool.cash)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        market = markets[leg.market]
        mark = marks[leg.market]
        value = notional(leg.amount, mark, market.inverse)
        balance += unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
        initial += value * leg.initial_rate
        maintenance += marginal_maintenance(value, row_above(value, market.floors, market.rows), market)
        scale += value
    return PoolMargin(balance, initial, maintenance, maintenance + pool.outside_fee, scale)


def is_liquidatable(balance: N, requirement: N) -> bool:
    """Liquidation when the account value, or an isolated position's, is less than its maintenance margin: a pool whose balance
    equals it is safe, and one without a requirement has nothing to liquidate. LIQ, MARGIN."""
    return requirement > 0 and balance < requirement


def available_balance(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What new orders may use: max(0, account value - IM - margin of resting orders): running profit of cross positions
    margins new ones. MARGIN; that resting orders hold margin back: grade memory."""
    return max(zero(margin.balance), margin.balance - margin.initial - cross_orders - isolated_orders)


def gross_of(pool: Pool[N], margin: PoolMargin[N]) -> N:
    """The notional of a pool's positions, which `scale` counts besides the cash."""
    return margin.scale - abs(pool.cash)


def withdrawable(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What may leave the cross pool: what is left must be at least max(IM, N / 10), running profit included. MARGIN;
    recorded (case hyperliquid-cross-btc-202510). Margin of resting orders stays as well: grade memory."""
    kept = max(margin.initial + cross_orders, gross_of(pool, margin) / 10)
    return max(zero(margin.balance), margin.balance - kept - isolated_orders)


def order_cost(amount: N, price: N, mark: N, rate: N, market: Market[N]) -> N:
    """Margin of one order alone at its own price, and the loss against the mark that it would open with. MARGIN; the loss:
    grade derived, since the account value is taken at the mark."""
    return notional(amount, price, market.inverse) * rate + open_loss(amount, price, mark, market.inverse)


def bankruptcy_price(leg: Leg[N], cash: N, market: Market[N]) -> Found[N]:
    """Price at which the leg's own money is gone: entry - s * margin / q. Grade derived (the venue prints none)."""
    price = leg.entry - cash / leg.amount
    if price <= 0:
        return no_price(cash)
    return Found(True, price)


def liquidation_fee(leg: Leg[N], price: N, market: Market[N]) -> N:
    """There is no clearance fee. LIQ."""
    return zero(price)


def margin_bounds(
    leg: Leg[N], mark: N, market: Market[N], pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N
) -> tuple[N, N]:
    """(most that can be added, most that can be removed) for an isolated leg; `pool`, `margin` of its asset's cross pool.

    add: what may leave the cross pool; remove: margin + UPNL - max(IM, N / 10), running profit included. MARGIN: moving
    isolated margin is a transfer like any other."""
    add = withdrawable(pool, margin, cross_orders, isolated_orders)
    kept = max(initial_margin(leg, mark, market), notional(leg.amount, mark, market.inverse) / 10)
    pnl = unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
    return add, max(zero(mark), leg.margin + pnl - kept)


def margin_at_fill(amount: N, price: N, leverage: N, rate: N, market: Market[N]) -> N:
    """Money that enters an isolated wall when `amount` is opened: value at the fill / leverage. MARGIN; recorded (case
    hyperliquid-ft-05-eth-long-2x: 48.94405 / 2 less the fee)."""
    return notional(amount, price, market.inverse) * rate


def margin_on_leverage(leg: Leg[N], leverage: N, market: Market[N], reading: Reading) -> N:
    """Money that enters (+) or leaves (-) an isolated leg when its leverage is raised. raise_leverage 0: none moves; 1: the
    wall shrinks with the initial margin on entry. Not published: grade memory."""
    if reading.raise_leverage == 0:
        return zero(leg.margin)
    return notional(leg.amount, leg.entry, market.inverse) * (1 / leverage - 1 / leg.leverage)


def funding_payment(amount: N, mark: N, rate: N, inverse: bool) -> N:
    """Cash paid (+) or received (-) by a position each hour: signed value * rate; longs pay a positive rate. FUND.

    The venue takes the value at the oracle price; where only marks are known these stand in for it (grade derived)."""
    return side_of(amount) * notional(amount, mark, inverse) * rate


def funding_split(payment: N, leg: Leg[N], free: N) -> tuple[N, N]:
    """(from the cash, from the leg's own money): an isolated leg pays from its wall and receives into it. FUND says only that
    it is the holder's balance: grade memory."""
    if leg.isolated:
        return zero(payment), payment
    return payment, zero(payment)


def opening_fee_split(fee: N, isolated: bool) -> tuple[N, N]:
    """(from the cash, from the leg's own money): the opening fee of an isolated leg leaves its wall.

    Recorded (case hyperliquid-ft-05-eth-long-2x: 24.472025 - 0.035 % of 48.94405 = 24.454895)."""
    if isolated:
        return zero(fee), fee
    return fee, zero(fee)
