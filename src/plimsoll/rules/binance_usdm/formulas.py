"""Binance futures: what a pool is worth and what it needs, in the rule language; over several assets see `multi_formulas`.

Written for the USDⓈ-M contracts and true of the COIN-M ones, which take these functions by name: there a value is face / price
and a profit face * (1/entry - 1/price), in the coin (F-COINLIQ, F-COINLEV).

Source keys (F-..., A-..., E-CODES) are spelled out in `people.SOURCES`. Grade `doc` unless a docstring says otherwise.
Refuses to know: which positions exist, what anything is called, how it is printed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from plimsoll.number import N, ceil_to, floor_to, zero
from plimsoll.rules.binance_usdm.multi_formulas import assess_account
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
    """The unpublished choices, each an index into the options that the table names; the last two of multi-assets mode.

    multi_scope: what a liquidation there is about: 0 all_positions, 1 until_compliant.
    multi_surrender: what a take-over there gives up: 0 account_equity, 1 all_collateral."""

    close_order: int
    reduce_target: int
    partial_close: int
    raise_leverage: int
    multi_scope: int
    multi_surrender: int


class SingleReading(NamedTuple):
    """The same where there is no multi-assets mode."""

    close_order: int
    reduce_target: int
    partial_close: int
    raise_leverage: int


def entry_in_rules(entry: N, unit: N) -> N:
    """Entry price as profit and liquidation price use it: cut to 8 decimals. unit = 1e-8.

    Grade recorded: ENA, SCR, SAND, DOGE rows (case usdm-iso-hedge-short-doge-2024)."""
    return floor_to(entry, unit)


def initial_rate(leverage: N, unit: N) -> N:
    """1 / leverage rounded up to 8 decimals. unit = 1e-8. Grade recorded (case usdm-im-ceil-75x)."""
    return ceil_to(1 / leverage, unit)


def bracket(value: N, tier: N, market: Market[N]) -> int:
    """Row that holds the leg's notional at the price in question, never at entry. F-LIQPX, F-LEV, F-COINLIQ, F-COINLEV.

    A value on a bound stays in the lower row: maintenance is continuous there, only the leverage cap could differ (grade
    derived; the venue does not say). `tier` is unused: this venue counts notional."""
    return row_above(value, market.floors, market.rows)


def headroom_line(leg: Leg[N], price: N, market: Market[N]) -> Line[N]:
    """The line of profit less maintenance on which the leg stays while its value is in the row that it has at `price`: over the
    price, or over 1/price of an inverse contract. F-LIQPX, F-COINLIQ: N * MMR - cum."""
    row = row_above(notional(leg.amount, price, market.inverse), market.floors, market.rows)
    most = zero(price)
    if row + 1 < market.rows:
        most = market.floors[row + 1]
    return line_of(leg, market.rates[row], market.deductions[row], market.inverse, market.floors[row], most)


def initial_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """IM = N * IMR, N the value at the mark: |q| * mark, of an inverse contract |face| / mark; in both margin modes. F-WALLET,
    F-COINLEV; recorded ADA, WLD (linear)."""
    return notional(leg.amount, mark, market.inverse) * leg.initial_rate


def maintenance_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """MM = N * MMR - cum, N the mark notional, row by N: marginal, continuous, independent of leverage. F-LIQPX,
    F-COINLIQ."""
    value = notional(leg.amount, mark, market.inverse)
    return marginal_maintenance(value, bracket(value, leg.tier, market), market)


def closing_fee(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """Nothing is added to maintenance before the comparison. F-WALLET."""
    return zero(mark)


def assess_pool(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """balance = cash + sum(UPNL), requirement = sum(MM), initial = sum(IM). F-WALLET, F-LIQ. In multi-assets mode all in USD
    (see `assess_account`). F-MULTIMARGIN."""
    if len(pool.wallets) > 0:
        return assess_account(pool, marks, markets)
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
    """Liquidation at ratio 100 %: margin balance <= maintenance margin, equality included. F-LIQ, F-WALLET.

    A pool without a requirement has nothing to liquidate."""
    return requirement > 0 and balance <= requirement


def available_balance(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What new orders may use: max(0, crossWB + cross UPNL - cross IM - open-order IM of cross and isolated). F-WALLET. In
    multi-assets mode max(0, balance - initial), orders inside the latter. F-MULTIMARGIN.

    Running cross profit finances new orders; isolated profit does not. Recorded (case usdm-cross-account-available)."""
    return max(zero(margin.balance), margin.balance - margin.initial - cross_orders - isolated_orders)


def withdrawable(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """max(0, min(crossWB - isolated open-order IM - cross MM, available)): profit can be traded on, not withdrawn. F-ADJ."""
    settled = pool.cash - isolated_orders - margin.maintenance
    free = margin.balance - margin.initial - cross_orders - isolated_orders
    return max(zero(margin.balance), min(settled, free))


def order_cost(amount: N, price: N, mark: N, rate: N, market: Market[N]) -> N:
    """Cost of one order alone = IM at the order price + open loss against the mark. F-COST, the text before late 2024."""
    return notional(amount, price, market.inverse) * rate + open_loss(amount, price, mark, market.inverse)


def bankruptcy_price(leg: Leg[N], cash: N, market: Market[N]) -> Found[N]:
    """Price at which the leg's own money is gone: EP - s*wallet/q; no fee in it. Grade derived (the venue prints none).

    Inverse: face / (face/EP + s*wallet), face unsigned."""
    if market.inverse:
        depth = leg.amount / leg.entry + cash
        if depth * leg.amount <= 0:
            return no_price(cash)
        return Found(True, leg.amount / depth)
    price = leg.entry - cash / leg.amount
    if price <= 0:
        return no_price(cash)
    return Found(True, price)


def liquidation_fee(leg: Leg[N], price: N, market: Market[N]) -> N:
    """Insurance clearance fee on the amount liquidated: value at the fill * the symbol's rate. F-LIQ20, F-LIQ."""
    return notional(leg.amount, price, market.inverse) * market.liquidation_fee_rate


def margin_bounds(
    leg: Leg[N], mark: N, market: Market[N], pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N
) -> tuple[N, N]:
    """(most that can be added, most that can be removed) for an isolated leg; `pool`, `margin` of its asset's cross pool.

    add = max(0, min(crossWB - isolated open-order IM - cross MM, available)); remove = max(0, min(wallet - MM,
    wallet + UPNL - IM)). F-ADJ (an older text lacked the "- MM")."""
    add = withdrawable(pool, margin, cross_orders, isolated_orders)
    pnl = unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
    remove = min(
        leg.margin - maintenance_margin(leg, mark, market), leg.margin + pnl - initial_margin(leg, mark, market)
    )
    return add, max(zero(mark), remove)


def margin_at_fill(amount: N, price: N, leverage: N, rate: N, market: Market[N]) -> N:
    """Money that enters an isolated wall when `amount` is opened: value at the fill * IMR. Recorded (AGIX: 5.8734 IM)."""
    return notional(amount, price, market.inverse) * rate


def margin_on_leverage(leg: Leg[N], leverage: N, market: Market[N], reading: Reading | SingleReading) -> N:
    """Money that enters (+) or leaves (-) an isolated leg when its leverage is raised. raise_leverage 0: none moves;
    1: the wallet shrinks with the initial margin on entry. Open question of the sheet (1.10): grade memory, default 0."""
    if reading.raise_leverage == 0:
        return zero(leg.margin)
    return notional(leg.amount, leg.entry, market.inverse) * (1 / leverage - 1 / leg.leverage)


def funding_payment(amount: N, mark: N, rate: N, inverse: bool) -> N:
    """Cash paid (+) or received (-) by a position: signed value at mark * rate; longs pay a positive rate. F-LIQ20."""
    return side_of(amount) * notional(amount, mark, inverse) * rate


def funding_split(payment: N, leg: Leg[N], free: N) -> tuple[N, N]:
    """(from the cash, from the leg's own money): an isolated leg pays from its wallet, so its price moves. A-UDS."""
    if leg.isolated:
        return zero(payment), payment
    return payment, zero(payment)


def opening_fee_split(fee: N, isolated: bool) -> tuple[N, N]:
    """(from the cash, from the leg's own money): the opening commission of an isolated leg leaves its wallet.

    Recorded (case usdm-iso-short-agix-1x: 5.8734 - 0.05 % = 5.87046330)."""
    if isolated:
        return zero(fee), fee
    return fee, zero(fee)
