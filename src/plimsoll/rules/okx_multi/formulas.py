"""OKX multi-currency margin: what an account and a coin are worth and what they need, in the rule language.

One pool over all coins, in USD, stands behind the cross positions; an isolated position has its own money, as in Futures mode,
whose leg formulas hold here too. Symbols: eq equity of a coin (balance + running cross profit), idx its price in USD, adjEq
adjusted equity, N value of a position at the mark, r maintenance rate of its row, f the user's taker rate, debt a negative eq,
unsigned, b its maintenance rate, L leverage. Source keys (S1 ...) are spelled out in `people.SOURCES`. Grade `doc` unless a
docstring says otherwise. Refuses to know: which positions exist, what anything is called, how it is printed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from plimsoll.number import N, zero
from plimsoll.rules.columns import CoinLine, CoinMargin, Line, Market, Pool, PoolMargin, Rest, Resting, Wallet
from plimsoll.rules.common import (
    brought,
    coin_pnl,
    exchange_loss,
    given,
    notional,
    row_above,
    slice_line,
    sliced,
    unrealised_pnl,
)
from plimsoll.rules.common import order_margin as contract_margin
from plimsoll.rules.okx_futures.formulas import assess_pool as assess_position
from plimsoll.rules.okx_futures.formulas import initial_margin, maintenance_rate


class Reading(NamedTuple):
    """The unpublished choices, each an index into the options that the table names; 0 is the default.

    cancel_when .. isolated_leverage: as in Futures mode.
    convert_order: which coin a forced repayment sells first: 0 largest_value, 1 lowest_ratio.
    repayment_fee: 0 taker_fee (of what is repaid), 1 with_maintenance (and the debt's maintenance rate, as the penalty of a
      contract is)."""

    cancel_when: int
    partial: int
    close_order: int
    partial_close: int
    isolated_leverage: int
    convert_order: int
    repayment_fee: int


def worth(wallet: Wallet[N], equity: N, index: N) -> N:
    """disEq = eq * idx * ratio, slice by slice: the slices count USD until late 2024, coins since; a negative eq in full. S4;
    recorded (okx-019, -020). A coin switched off counts nothing (grade memory)."""
    if equity <= 0:
        return equity * index
    if not wallet.collateral:
        return zero(equity)
    if wallet.by_worth:
        return sliced(equity * index, wallet.rows, wallet.floors, wallet.ratios)
    return sliced(equity, wallet.rows, wallet.floors, wallet.ratios) * index


def least_holding(wallet: Wallet[N], needed: N, index: N) -> N:
    """The fewest coins whose `worth` is `needed` > 0, where the coin has that much. Grade derived."""
    rest = needed
    if not wallet.by_worth:
        rest = needed / index
    for i in range(wallet.rows):
        if wallet.ratios[i] > 0:
            top = wallet.floors[i] + rest / wallet.ratios[i]
            if i + 1 == wallet.rows or top <= wallet.floors[i + 1]:
                if wallet.by_worth:
                    return top / index
                return top
            rest -= (wallet.floors[i + 1] - wallet.floors[i]) * wallet.ratios[i]
    return zero(needed)


def debt_of(wallet: Wallet[N], pnl: N) -> N:
    """debt: what eq = balance - borrowed + running profit is below zero. S4, S5."""
    return max(zero(pnl), wallet.borrowed - wallet.balance - pnl)


def promised(pool: Pool[N], at: int) -> N:
    """Units of a coin that resting spot orders freeze: all that they sell of it, a buy its value at its price. S4; recorded
    (okx-020)."""
    total = zero(pool.cash)
    for i in range(len(pool.rests)):
        total += given(pool.rests[i], at)
    return total


def filling_loss(pool: Pool[N], i: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """What the fill of one resting spot order would take off adjEq, in USD: disEq of what it sells less disEq of what it
    brings, its estimated fee f taken from that, where this is a loss; each coin stands there as the orders before (pair by
    pair) have left it. S4; that no gain of one order pays for the loss of another, and that one which gains costs no fee,
    recorded (okx-020, to 0.02 of 22.5 USD); the order grade memory."""
    return exchange_loss(pool, i, marks, markets, True)


def assess_pool(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """The account, in USD: balance = adjEq = sum(disEq) - loss from filling spot orders - estimated fees of open orders;
    initial = imr = positions + orders + debts; requirement = maintenance + N*f of positions and orders + debt*(1+b)*f of the
    spot market. S4; recorded (okx-017 to -020). An isolated position: as in Futures mode. S6."""
    if len(pool.wallets) == 0:
        return assess_position(pool, marks, markets)
    balance = pool.cash - pool.reserved + pool.outside_pnl
    initial = pool.outside_initial
    maintenance = pool.outside_maintenance
    requirement = pool.outside_maintenance + pool.outside_fee
    scale = abs(pool.cash)
    for w in range(len(pool.wallets)):
        wallet = pool.wallets[w]
        index = marks[wallet.place]
        coin = assess_wallet(pool, w, marks, markets)
        balance += worth(wallet, coin.balance, index)
        initial += coin.initial * index
        maintenance += coin.maintenance * index
        requirement += coin.requirement * index
        scale += coin.scale * index
    for i in range(len(pool.rests)):
        index = marks[pool.wallets[pool.rests[i].wallet].place]
        if pool.rests[i].base >= 0:
            balance -= filling_loss(pool, i, marks, markets)
            scale += abs(pool.rests[i].amount) * pool.rests[i].price * index
            continue
        order = assess_order(pool, i, marks, markets)
        balance += order.balance * index
        initial += order.initial * index
        maintenance += order.maintenance * index
        requirement += order.requirement * index
        scale += order.scale * index
    return PoolMargin(balance, initial, maintenance, requirement, scale)


def assess_wallet(pool: Pool[N], w: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """One coin, in coins: eq (as `balance`), and what its legs and its debt need: maintenance sum(N*r) + debt*b, requirement
    that + sum(N*f) + debt*(1+b)*f of the spot market, initial sum(N/L) + the debt's. The debt here is with what may come to be
    borrowed: max(0, what spot orders freeze - eq). S4; recorded (okx-017 to -020; as defined since February 2025); that the
    tiers of a loan count slice by slice is grade memory, and an interest-free quota is not modelled."""
    wallet = pool.wallets[w]
    pnl = zero(wallet.balance)
    initial = wallet.outside_initial
    maintenance = wallet.outside_maintenance
    fees = wallet.outside_fee
    scale = abs(wallet.balance) + wallet.borrowed
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        market = markets[leg.market]
        if leg.wallet != w or market.spot:
            continue
        mark = marks[leg.market]
        value = notional(leg.amount, mark, market.inverse)
        pnl += unrealised_pnl(leg.amount, leg.entry, mark, market.inverse)
        initial += value * leg.initial_rate
        maintenance += value * maintenance_rate(leg, market)
        fees += value * market.taker_rate
        scale += value
    debt = max(zero(pnl), promised(pool, w) - (wallet.balance - wallet.borrowed + pnl))
    if debt > 0:
        needed = sliced(debt, wallet.loan_rows, wallet.loan_floors, wallet.loan_maintenance)
        initial += sliced(debt, wallet.loan_rows, wallet.loan_floors, wallet.loan_initial)
        maintenance += needed
        fees += (debt + needed) * wallet.repayment_rate
    return PoolMargin(wallet.balance - wallet.borrowed + pnl, initial, maintenance, maintenance + fees, scale)


def opened(pool: Pool[N], i: int) -> N:
    """Amount that the orders of one leg, of which the order `i` is the first, can add to its exposure: of buys and sells the
    larger side, reducing is free. S7."""
    bought = zero(pool.cash)
    sold = zero(pool.cash)
    held = pool.rests[i].held
    for j in range(i, len(pool.rests)):
        if j > i and pool.rests[j].leads:
            break
        if pool.rests[j].amount > 0:
            bought += pool.rests[j].amount
        else:
            sold -= pool.rests[j].amount
    return max(abs(held + bought), abs(held - sold)) - abs(held)


def together(rest: Rest[N]) -> Resting[N]:
    """The resting orders of one leg together, as the order that leads them tells."""
    none = zero(rest.price)
    return Resting(
        rest.market,
        rest.held,
        rest.buys,
        rest.sells,
        rest.initial_rate,
        rest.leverage,
        rest.new_buys,
        rest.new_sells,
        none,
        rest.tier,
        rest.isolated,
    )


def order_rate(pool: Pool[N], i: int, added: N, market: Market[N]) -> N:
    """r + f of what resting orders can add: of the row that position and orders reach together. Recorded for the first row
    (okx-020); of further rows grade memory."""
    row = row_above(pool.rests[i].tier + added / market.multiplier, market.floors, market.rows)
    return market.rates[row] + market.taker_rate


def assess_order(pool: Pool[N], i: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """One resting order, in its settle coin: its estimated fee, value at its price * f, off the balance (S4, grade rewrite). If
    it leads the orders of its leg, what they need together: initial margin at their prices, and at the mark maintenance and
    closing fee of what they can add. Recorded (okx-020). An isolated order needs the coin's own money instead. S6."""
    rest = pool.rests[i]
    market = markets[rest.market]
    mark = marks[rest.market]
    none = zero(mark)
    fee = notional(rest.amount, rest.price, market.inverse) * market.taker_rate
    if not rest.leads or rest.isolated:
        return PoolMargin(-fee, none, none, none, fee)
    added = opened(pool, i)
    value = notional(added, mark, market.inverse)
    rate = order_rate(pool, i, added, market)
    initial = order_margin(together(rest), mark, market)
    return PoolMargin(-fee, initial, value * (rate - market.taker_rate), value * rate, fee + value)


def order_margin(resting: Resting[N], mark: N, market: Market[N]) -> N:
    """Initial margin of resting orders, as in Futures mode; of spot orders none by themselves: what they may come to borrow is
    asked of the coin (`assess_wallet`). S7; recorded (okx-020)."""
    if market.spot:
        return zero(mark)
    return contract_margin(resting, mark, market)


def order_line(pool: Pool[N], i: int, price: N, markets: Sequence[Market[N]]) -> Line[N]:
    """The line of what one resting order takes off the headroom, over the price or one over it: its fee, and if it leads the
    orders of its leg, their maintenance and closing fee. It never bends. [S4; as `assess_order`]"""
    rest = pool.rests[i]
    market = markets[rest.market]
    none = zero(price)
    fee = notional(rest.amount, rest.price, market.inverse) * market.taker_rate
    if not rest.leads or rest.isolated:
        return Line(-fee, none, none, none)
    added = opened(pool, i)
    return Line(-fee, -added * order_rate(pool, i, added, market), none, none)


def coin_line(wallet: Wallet[N], index: N, pnl: N) -> CoinLine[N]:
    """What a coin counts (`worth`) less what its debt needs, near a running profit `pnl` in it. In credit: the slice that eq
    has reached. In debt: eq in full, and of each unit owed b*(1+f) + f. [S4; as `assess_wallet`]"""
    own = wallet.balance - wallet.borrowed
    none = zero(pnl)
    stated = wallet.outside_maintenance + wallet.outside_fee
    if own + pnl > 0:
        rows = wallet.rows
        if not wallet.collateral:
            rows = 0
        if wallet.by_worth:
            line = slice_line((own + pnl) * index, rows, wallet.floors, wallet.ratios)
            least = line.least / index - own
            most = line.most / index - own
            return CoinLine(line.slope * own - stated, line.slope, True, least, line.most > 0, most, line.base)
        line = slice_line(own + pnl, rows, wallet.floors, wallet.ratios)
        base = line.base + line.slope * own - stated
        return CoinLine(base, line.slope, True, line.least - own, line.most > 0, line.most - own, none)
    debt = -own - pnl
    rate = none
    base = none
    least = none
    most = none
    if wallet.loan_rows > 0:
        row = row_above(debt, wallet.loan_floors, wallet.loan_rows)
        rate = wallet.loan_maintenance[row]
        base = sliced(debt, wallet.loan_rows, wallet.loan_floors, wallet.loan_maintenance) - rate * debt
        least = wallet.loan_floors[row]
        if row + 1 < wallet.loan_rows:
            most = wallet.loan_floors[row + 1]
    fee = wallet.repayment_rate
    slope = 1 + rate * (1 + fee) + fee
    return CoinLine(own * slope - base * (1 + fee) - stated, slope, most > 0, -most - own, True, -least - own, none)


def frozen(pool: Pool[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """frozenBal of a coin: initial margins of its cross positions, the margin of resting orders in both modes, and what spot
    orders sell. Recorded (okx-018, -019, -020)."""
    total = pool.wallets[at].outside_initial + promised(pool, at)
    for i in range(len(pool.legs)):
        leg = pool.legs[i]
        if leg.wallet == at and not markets[leg.market].spot:
            total += initial_margin(leg, marks[leg.market], markets[leg.market])
    for i in range(len(pool.rests)):
        rest = pool.rests[i]
        if rest.wallet == at and rest.leads and rest.base < 0:
            total += order_margin(together(rest), marks[rest.market], markets[rest.market])
    return total


def walled(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """Margin, in USD, that resting isolated orders hold ready: adjEq must cover it as well. S6."""
    total = zero(pool.cash)
    for i in range(len(pool.rests)):
        rest = pool.rests[i]
        if rest.isolated and rest.leads:
            margin = order_margin(together(rest), marks[rest.market], markets[rest.market])
            total += margin * marks[pool.wallets[rest.wallet].place]
    return total


def idle(pool: Pool[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """disEq, in USD, of a coin that counts in adjEq but gives no room for new positions (`collateralRestrict`), with what spot
    orders would bring of it. S10; recorded (okx-020)."""
    wallet = pool.wallets[at]
    if not wallet.restricted:
        return zero(wallet.balance)
    equity = wallet.balance - wallet.borrowed + coin_pnl(pool, at, marks, markets)
    for i in range(len(pool.rests)):
        equity += brought(pool.rests[i], at)
    return max(zero(equity), worth(wallet, equity, marks[wallet.place]))


def available_balance(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """availEq of the account, in USD: adjEq - imr less what resting orders take, negative where the account is short of its
    initial margin. S10; grade derived."""
    return margin.balance - margin.initial - cross_orders - isolated_orders


def free_margin(pool: Pool[N], margin: PoolMargin[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """availEq of the account, in USD, less what isolated orders hold ready: adjEq - imr - disEq of restricted coins. A new
    order asks for adjEq >= imr after it. S1 (51008), S10."""
    total = margin.balance - margin.initial - walled(pool, marks, markets)
    for w in range(len(pool.wallets)):
        total -= idle(pool, w, marks, markets)
    return total


def assess_coin(
    pool: Pool[N], margin: PoolMargin[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> CoinMargin[N]:
    """One coin. available = availEq = eq - frozenBal (recorded: okx-018, -019). New cross orders may draw on the account's free
    margin; with auto-borrow off on no more than availEq (S5, grade rewrite). What may leave the coin, for a wall too: availEq
    without running profit (S3, S6), as far as adjEq stays above imr without it; of a coin that spot orders sell, as far as
    that is sure in whatever slice it counts (grade derived)."""
    wallet = pool.wallets[at]
    index = marks[wallet.place]
    pnl = coin_pnl(pool, at, marks, markets)
    none = zero(pnl)
    settled = wallet.balance - wallet.borrowed
    equity = settled + pnl
    used = frozen(pool, at, marks, markets)
    counts = worth(wallet, equity, index)
    resting = idle(pool, at, marks, markets)
    room = free_margin(pool, margin, marks, markets)
    orders = room / index
    if not wallet.lends:
        orders = min(orders, equity - used)
    leaving = none
    if room >= 0:
        leaving = settled + min(none, pnl) - used
        if promised(pool, at) > 0 and counts > room:
            leaving = min(leaving, least_holding(wallet, room, index))
        elif not wallet.restricted and counts > room:
            leaving = min(leaving, equity - least_holding(wallet, counts - room, index))
    return CoinMargin(
        equity,
        debt_of(wallet, pnl),
        max(none, equity - used),
        max(none, leaving),
        counts,
        worth(wallet, settled, index),
        max(none, orders),
        resting,
    )


def borrowable(
    pool: Pool[N], margin: PoolMargin[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> N:
    """Units of a coin that could be lent now: as many as the account's free margin carries at the initial rate of the loan's
    first slice. Grade derived; the venue's own quota is not modelled."""
    wallet = pool.wallets[at]
    none = zero(pool.cash)
    if wallet.loan_rows == 0 or wallet.loan_initial[0] <= 0 or not wallet.lends:
        return none
    room = max(none, free_margin(pool, margin, marks, markets))
    return room / marks[wallet.place] / wallet.loan_initial[0]
