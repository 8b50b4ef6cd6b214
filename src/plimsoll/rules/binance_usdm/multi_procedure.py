"""Binance USDⓈ-M in multi-assets mode: the liquidation ladder, and the auto-exchange of assets, in the rule language.

A liquidation is about all positions (F-MULTIMARGIN; reading multi_scope). Assets are exchanged for those that are owed, in
proportion to their values: when a wallet is below its threshold, when positions that are gone left a debt, or when debts reach
0.995 of what stands behind them with nothing open (F-MULTIINFO).
"""

from collections.abc import Sequence

from plimsoll.number import N, zero
from plimsoll.rules.binance_usdm.formulas import Reading, is_liquidatable
from plimsoll.rules.binance_usdm.single_procedure import (
    close_result,
    credit,
    dearer,
    first_leg,
    most_gain,
    reduction,
    take_over,
    worth,
)
from plimsoll.rules.columns import CANCEL, CONVERT, HOLD, REDUCE, Market, Pool, PoolMargin, Step
from plimsoll.rules.common import coin_pnl, notional


def multi_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """The next act in multi-assets mode. While the account holds, or when nothing is open, only assets are exchanged; else the
    orders are cancelled, and all positions closed in the market as long as that leaves something (multi_scope 0), or cut until
    the account is compliant again (1); what cannot be closed so is taken over. F-MULTIMARGIN, F-MULTIINFO, F-LIQ."""
    none = zero(pool.cash)
    failing = is_liquidatable(margin.balance, margin.requirement)
    going = stage >= 3 or (stage == 2 and reading.multi_scope == 0)
    if len(pool.legs) == 0 or (not failing and not going):
        return exchange(stage, pool, failing, marks, markets)
    if stage < 1:
        return Step(CANCEL, -1, -1, none, none, none, none)
    need = margin.requirement - margin.balance
    if stage < 3 and reading.multi_scope == 0 and left_when_closed(pool, margin, marks, fills, markets) > 0:
        return whole_leg(pool, marks, fills, markets, reading.close_order)
    if stage < 3 and reading.multi_scope == 1 and most_gain(pool, need, marks, fills, markets) > need:
        return reduction(pool, need, marks, fills, markets, reading.close_order, reading.reduce_target)
    given_up = surrendered(pool, margin, marks, markets, reading.multi_surrender)
    return take_over(pool, given_up, marks, markets, reading.close_order)


def exchange(
    stage: int, pool: Pool[N], failing: bool, marks: Sequence[N], markets: Sequence[Market[N]]
) -> Step[N]:
    """Auto-exchange: the asset owed most, by value, is repaid from all assets held, in proportion to their values. While
    positions are open only where its wallet is below the threshold; HOLD where nothing is due or nothing is held. F-MULTIINFO.
    That a running loss is not sold is grade derived."""
    none = zero(pool.cash)
    hold = Step(HOLD, -1, -1, none, none, none, none)
    every = len(pool.legs) == 0 and (failing or stage >= 2)
    debtor = -1
    due = none
    for w in range(len(pool.wallets)):
        wallet = pool.wallets[w]
        debt = wallet.borrowed - wallet.balance
        below = wallet.exchanged_below > 0 and debt > wallet.exchanged_below
        cost = debt * wallet.bought * marks[wallet.place]
        if (every or below) and cost > due:
            debtor = w
            due = cost
    if debtor < 0:
        return hold
    held = none
    for w in range(len(pool.wallets)):
        if w != debtor:
            held += sellable(pool, w, marks, markets) * pool.wallets[w].sold * marks[pool.wallets[w].place]
    if held <= 0:
        return hold
    return Step(CONVERT, -1, debtor, min(due / held, none + 1), none, none, none)


def sellable(pool: Pool[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """Units of an asset that an exchange may sell: what its wallet holds, less a running loss in it. Grade derived."""
    wallet = pool.wallets[at]
    if not wallet.collateral:
        return zero(wallet.balance)
    loss = min(zero(wallet.balance), coin_pnl(pool, at, marks, markets))
    return max(zero(wallet.balance), wallet.balance - wallet.borrowed + loss)


def left_when_closed(
    pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]]
) -> N:
    """What of the account's equity is left when all positions are closed at the fills and have paid the clearance fee; nothing
    where nobody fills one of them. F-LIQ20, F-MULTIMARGIN; grade derived."""
    left = margin.balance
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        fill = fills[leg.market]
        if fill <= 0:
            return zero(left)
        market = markets[leg.market]
        result = close_result(leg.amount, marks[leg.market], fill, market, dearer(pool, leg), credit(pool, leg))
        left += result * worth(pool, leg, marks)
    return left


def surrendered(
    pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]], surrender: int
) -> N:
    """What a take-over gives up. surrender 0: the account's equity; 1: all that the assets bring when they are exchanged. Where
    that equity is gone, nothing: a loss beyond it is a debt that the assets stand for, and what they cannot pay is the fund's.
    Open question 1 of the sheet; grade memory."""
    none = zero(margin.balance)
    if margin.balance > 0 and surrender == 0:
        return margin.balance
    brought = pool.cash + pool.outside_pnl
    for w in range(len(pool.wallets)):
        wallet = pool.wallets[w]
        own = wallet.balance - wallet.borrowed + coin_pnl(pool, w, marks, markets)
        brought += min(own * wallet.bought, own * wallet.sold) * marks[wallet.place]
    if surrender == 1:
        return brought
    return min(none, brought)


def whole_leg(
    pool: Pool[N], marks: Sequence[N], fills: Sequence[N], markets: Sequence[Market[N]], order: int
) -> Step[N]:
    """The leg that goes first, closed in the market, with its clearance fee. F-LIQ20, F-MULTIMARGIN."""
    none = zero(pool.cash)
    first = first_leg(pool, marks, fills, markets, order, False)
    leg = pool.legs[first]
    market = markets[leg.market]
    fill = fills[leg.market]
    fee = notional(leg.amount, fill, market.inverse) * market.liquidation_fee_rate
    return Step(REDUCE, first, -1, abs(leg.amount), fill, none, fee)
