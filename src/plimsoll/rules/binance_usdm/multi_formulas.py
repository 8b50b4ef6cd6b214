"""Binance USDⓈ-M in multi-assets mode: what one pool over all assets is worth and what it needs, in USD, in the rule language.

E is the equity of an asset (wallet + UPNL), bid = index * (1 - bid buffer) what a unit of it counts that is held, ask = index *
(1 + ask buffer) what a unit counts that is owed or asked as margin. A leg's own margins and profit are those of single-asset
mode (`formulas`). Refuses to know what single-asset mode does.
"""

from collections.abc import Sequence

from plimsoll.number import N, zero
from plimsoll.rules.columns import CoinMargin, Market, Pool, PoolMargin, Rest
from plimsoll.rules.common import (
    coin_pnl,
    counted,
    marginal_maintenance,
    netted_order_value,
    notional,
    owed,
    row_above,
    side_of,
    unrealised_pnl,
)


def assess_account(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """Multi-assets mode, in USD: balance = sum over the assets of min(E * bid, E * ask), requirement = sum(MM * ask), initial =
    sum(IM * ask), resting orders included. F-MULTIMARGIN; both of its scenarios, and a recorded account but for 3.76
    dollars of what is available, come out so.

    Without a position and an order the venue compares debts with what stands behind them instead: it exchanges from LTV =
    debts / collateral >= 0.995 on, which is balance <= debts / 199. F-MULTIINFO; that both are valued at ask and bid there is
    grade derived."""
    balance = pool.cash - pool.reserved + pool.outside_pnl
    initial = pool.outside_initial
    maintenance = pool.outside_maintenance
    scale = abs(pool.cash)
    debts = zero(pool.cash)
    for w in range(len(pool.wallets)):
        wallet = pool.wallets[w]
        index = marks[wallet.place]
        coin = assess_asset(pool, w, marks, markets)
        balance += counted(wallet, coin.balance) * index
        initial += coin.initial * wallet.dearer * index
        maintenance += coin.maintenance * wallet.dearer * index
        scale += coin.scale * index
        if coin.balance < 0:
            debts -= coin.balance * wallet.dearer * index
    for i in range(len(pool.rests)):
        if pool.rests[i].leads:
            wallet = pool.wallets[pool.rests[i].wallet]
            asked = rest_margin(pool.rests[i], marks[pool.rests[i].market], markets[pool.rests[i].market])
            initial += asked * wallet.dearer * marks[wallet.place]
    requirement = maintenance + pool.outside_fee
    if len(pool.legs) == 0 and pool.orders == 0:
        requirement += debts / 199
    return PoolMargin(balance, initial, maintenance, requirement, scale)


def assess_asset(pool: Pool[N], w: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """One asset in multi-assets mode with the legs that settle in it, in that asset: balance = E = wallet + UPNL, and the
    margins of the legs. F-MULTIMARGIN."""
    wallet = pool.wallets[w]
    balance = wallet.balance - wallet.borrowed
    initial = zero(balance)
    maintenance = zero(balance)
    scale = abs(wallet.balance) + wallet.borrowed
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        if leg.wallet != w:
            continue
        market = markets[leg.market]
        mark = marks[leg.market]
        value = notional(leg.amount, mark, market.inverse)
        balance += unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
        initial += value * leg.initial_rate
        maintenance += marginal_maintenance(value, row_above(value, market.floors, market.rows), market)
        scale += value
    return PoolMargin(balance, initial, maintenance, maintenance, scale)


def rest_margin(rest: Rest[N], mark: N, market: Market[N]) -> N:
    """Initial margin of the resting orders of one leg together, as the order that leads them tells, on top of the position's
    own; as in single-asset mode (`order_margin`). Grade derived."""
    position = side_of(rest.held) * notional(rest.held, mark, market.inverse)
    return netted_order_value(position, rest.buys, rest.sells) * rest.initial_rate


def assess_coin(
    pool: Pool[N], margin: PoolMargin[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> CoinMargin[N]:
    """An asset in multi-assets mode. available = max(0, balance - initial) / ask. F-MULTIMARGIN.

    withdrawable = what the asset has without running profit, at most min(balance without running profit and loss - requirement,
    balance - initial) / ask: as in single-asset mode (`withdrawable`) over all assets. Grade derived."""
    wallet = pool.wallets[at]
    none = zero(margin.balance)
    pnl = coin_pnl(pool, at, marks, markets)
    own = wallet.balance - wallet.borrowed
    settled = pool.cash - pool.reserved
    for w in range(len(pool.wallets)):
        other = pool.wallets[w]
        settled += counted(other, other.balance - other.borrowed) * marks[other.place]
    index = marks[wallet.place]
    ask = index * wallet.dearer
    free = min(settled - margin.requirement, margin.balance - margin.initial) / ask
    return CoinMargin(
        own + pnl,
        owed(wallet, pnl),
        max(none, margin.balance - margin.initial) / ask,
        max(none, min(own + min(none, pnl), free)),
        counted(wallet, own + pnl) * index,
        counted(wallet, own) * index,
        max(none, margin.balance - margin.initial) / ask,
        none,
    )
