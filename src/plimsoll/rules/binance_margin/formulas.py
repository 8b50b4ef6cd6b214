"""Binance spot margin: what an account of coins and debts is worth and what its debts need, in the rule language.

Three kinds of pools, all of them coins with debts and no contract: the cross account of the classic tiers, the cross account
Pro, and an isolated pair. Write a for the coins held and l for those owed, interest included, both at index prices.

    classic, pair   marginLevel = sum a / sum l; liquidation at or below the level of the class
    Pro             (sum of net coins after their collateral ratio - what open orders would lose) / (sum of marginal
                    maintenance margins), at or below 1; before 2025-01-21 without the orders

So a pool's balance is what it is worth net of its debts, and its requirement (level - 1) * l, or the maintenance of Pro: both
vanish together. A wallet whose loan tiers count value is one of Pro (`people.coin_in_rules` makes them). Source keys (M-...)
are spelled out in `people.SOURCES`. Grade `doc` unless a docstring says otherwise.
"""

from collections.abc import Sequence
from typing import NamedTuple

from plimsoll.number import N, zero
from plimsoll.rules.columns import CoinMargin, Found, Leg, Line, Market, Pool, PoolMargin, Resting, Wallet
from plimsoll.rules.common import counted, no_price, notional, open_loss, row_above, sliced, unrealised_pnl

__all__ = ["notional", "open_loss", "unrealised_pnl"]


class Reading(NamedTuple):
    """The unpublished choices, each an index into the options that the table names; 0 is the default.

    sold: how much of a coin goes in a liquidation: 0 whole_balances, 1 what_debts_ask. pair_class: which levels an isolated
    pair has: 0 of_leverage, those of the class that the chosen leverage asks for, 1 of_pair, those of its highest class.
    early_fee: the clearance fee before it was fixed: 0 as_later, 1 none."""

    sold: int
    pair_class: int
    early_fee: int


def initial_rate(leverage: N) -> N:
    """1 / leverage: the own share of what an isolated position buys. M-TIER; grade derived."""
    return 1 / leverage


def bracket(value: N, tier: N, market: Market[N]) -> int:
    """Row that holds `tier`, what was borrowed as an amount of the base (`people.tier_of`): no price moves a pair to another
    row. M-TIER. `value` is unused."""
    return row_above(tier, market.floors, market.rows)


def is_liquidatable(balance: N, requirement: N) -> bool:
    """Level at or below that of liquidation; an account without debts is never. M-LEVEL, M-PRO."""
    return requirement > 0 and balance <= requirement


def is_pro(wallet: Wallet[N]) -> bool:
    """Whether a coin's debt is tiered by its value, as in Cross Margin Pro. M-PRO."""
    return wallet.loans_by_value


def debt_margin(wallet: Wallet[N], debt: N, index: N, rates: Sequence[N]) -> N:
    """What a debt needs, in the pool's currency: slice by slice of its value in Pro, else of its coins. M-PRO, M-LEVEL."""
    if wallet.loans_by_value:
        return sliced(debt * index, wallet.loan_rows, wallet.loan_floors, rates)
    return sliced(debt, wallet.loan_rows, wallet.loan_floors, rates) * index


def uncounted(wallet: Wallet[N]) -> N:
    """Units of a coin held that do not count as collateral when more is to be borrowed or taken out; liquidation counts them.
    The collateral margin level of classic cross accounts. M-LEVEL."""
    if wallet.loans_by_value or wallet.balance <= 0:
        return zero(wallet.balance)
    return wallet.balance - sliced(wallet.balance, wallet.rows, wallet.floors, wallet.ratios)


def has_tiered_fee(market: Market[N]) -> bool:
    """Whether the clearance fee is still that of the tiers: before 2024-08-12. M-FUND."""
    return market.regime == 0


def counts_orders(market: Market[N]) -> bool:
    """Whether Pro counts what open orders would lose: since 2025-01-21. M-PRO."""
    return market.regime == 2


def orders_loss(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> N:
    """What the open orders of Pro would lose at once: sum of a * |min(0, s * (m - p))|, a an order's amount, s its side, p its
    price, m the mark, told at the index of the quote. M-PRO, since 2025-01-21; the form of the loss is that of the venue's
    futures, grade derived. An order for a pair is its own account's."""
    total = zero(pool.cash)
    for i in range(len(pool.rests)):
        rest = pool.rests[i]
        wallet = pool.wallets[rest.wallet]
        if counts_orders(markets[rest.market]) and wallet.loans_by_value and not rest.isolated:
            total += open_loss(rest.amount, rest.price, marks[rest.market], False) * marks[wallet.place]
    return total


def assess_pool(pool: Pool[N], marks: Sequence[N], markets: Sequence[Market[N]]) -> PoolMargin[N]:
    """balance = sum of (held - owed) * index, in Pro after the collateral ratio of what is positive and less what orders would
    lose; maintenance and requirement = what the debts need; initial = what they need for more to be borrowed, and in classic
    accounts the part of the coins that is no collateral. M-LEVEL, M-PRO. `scale` is the sum of coins and debts, exactly: the
    level is read off it. Positions have no profit of their own."""
    balance = pool.cash + pool.outside_pnl
    initial = pool.outside_initial
    maintenance = pool.outside_maintenance
    scale = abs(pool.cash)
    for w in range(len(pool.wallets)):
        wallet = pool.wallets[w]
        index = marks[wallet.place]
        net = wallet.balance - wallet.borrowed
        if wallet.loans_by_value:
            net = counted(wallet, net)
        balance += net * index
        initial += debt_margin(wallet, wallet.borrowed, index, wallet.loan_initial) + uncounted(wallet) * index
        maintenance += debt_margin(wallet, wallet.borrowed, index, wallet.loan_maintenance)
        scale += (abs(wallet.balance) + wallet.borrowed) * index
    balance -= orders_loss(pool, marks, markets)
    return PoolMargin(balance, initial, maintenance, maintenance + pool.outside_fee, scale)


def borrowable(
    pool: Pool[N], margin: PoolMargin[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> N:
    """Most units of a coin that can be borrowed: what is free of initial margin, over the share of each unit that has to be
    there beside it. Classic: that of the class, and what of the borrowed coin itself is no collateral. Pro: the initial rate,
    slice by slice from the debt there is. M-BORROW."""
    none = zero(pool.cash)
    wallet = pool.wallets[at]
    index = marks[wallet.place]
    room = margin.balance - margin.initial
    if room <= 0 or wallet.loan_rows == 0:
        return none
    if not wallet.loans_by_value:
        share = wallet.loan_initial[0]
        if wallet.rows > 0:
            share += 1 - wallet.ratios[0]
        if share <= 0:
            return none
        return room / (share * index)
    debt = wallet.borrowed * index
    lent = none
    for i in range(wallet.loan_rows):
        rate = wallet.loan_initial[i]
        if rate <= 0 or (i + 1 < wallet.loan_rows and debt >= wallet.loan_floors[i + 1]):
            continue
        if i + 1 == wallet.loan_rows or room <= (wallet.loan_floors[i + 1] - debt) * rate:
            return (lent + room / rate) / index
        lent += wallet.loan_floors[i + 1] - debt
        room -= (wallet.loan_floors[i + 1] - debt) * rate
        debt = wallet.loan_floors[i + 1]
    return lent / index


def assess_coin(
    pool: Pool[N], margin: PoolMargin[N], at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> CoinMargin[N]:
    """One coin. available: what is free of initial margin, in its units. withdrawable: without debts all of it; with debts, in
    a classic account or a pair what leaves assets at twice the debts, counted as collateral; in Pro what is free (grade
    derived). M-LEVEL, M-ISO."""
    wallet = pool.wallets[at]
    none = zero(wallet.balance)
    index = marks[wallet.place]
    net = wallet.balance - wallet.borrowed
    available = (margin.balance - margin.initial) / index
    free = wallet.balance
    owing = none
    held = none
    for w in range(len(pool.wallets)):
        other = pool.wallets[w]
        owing += other.borrowed * marks[other.place]
        held += (other.balance - uncounted(other)) * marks[other.place]
    if owing > 0:
        free = available
        if not wallet.loans_by_value:
            free = (held - 2 * owing) / index
            if wallet.rows > 0 and wallet.ratios[0] > 0:
                free = free / wallet.ratios[0]
    value = (net - uncounted(wallet)) * index
    if wallet.loans_by_value:
        value = counted(wallet, net) * index
    leaving = max(none, min(free, wallet.balance))
    return CoinMargin(net, wallet.borrowed, available, leaving, value, value, available, none)


def wall_bounds(
    inside: Pool[N], margin: PoolMargin[N], free: N, at: int, marks: Sequence[N], markets: Sequence[Market[N]]
) -> tuple[N, N]:
    """(what can be moved into a pair, what can leave it): all that is free outside; out of the pair what leaves its level at
    two, everything without a debt. M-ISO; grade derived for the bar, which is that of the cross account."""
    coin = assess_coin(inside, margin, at, marks, markets)
    return max(zero(free), free), coin.withdrawable


def initial_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """A position needs nothing by itself: debts do. M-LEVEL, M-PRO."""
    return zero(mark)


def maintenance_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """A position needs nothing by itself: debts do. M-LEVEL, M-PRO."""
    return zero(mark)


def position_margin(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """The own money that went into an isolated pair; in cross nothing is locked. Grade derived."""
    return leg.margin


def closing_fee(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """No fee is part of the requirement. M-LEVEL."""
    return zero(mark)


def liquidation_fee(leg: Leg[N], mark: N, market: Market[N]) -> N:
    """The clearance fee if all of the position went: two hundredths of its value. M-FUND, since 2024-08-12; three in Pro. What
    is charged is `clearance_rate`."""
    return notional(leg.amount, mark, market.inverse) * 2 / 100


def headroom_line(leg: Leg[N], price: N, market: Market[N]) -> Line[N]:
    """None: coins and debts have the headroom (STATES_LINES is off). M-LEVEL."""
    none = zero(price)
    return Line(none, none, none, none)


def order_margin(resting: Resting[N], mark: N, market: Market[N]) -> N:
    """A resting order needs nothing of itself; what it would borrow is asked for when it trades. What it would lose counts in
    Pro, in the balance (`orders_loss`). Grade derived."""
    return zero(mark)


def order_cost(amount: N, price: N, mark: N, rate: N, market: Market[N]) -> N:
    """The own share of an order: value / leverage. Grade derived."""
    return notional(amount, price, market.inverse) * rate


def available_balance(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """What is free of initial margin. M-BORROW; of classic accounts grade derived."""
    return max(zero(margin.balance), margin.balance - margin.initial)


def withdrawable(pool: Pool[N], margin: PoolMargin[N], cross_orders: N, isolated_orders: N) -> N:
    """As `available_balance`: which coin may leave is `assess_coin`'s answer. Grade derived."""
    return max(zero(margin.balance), margin.balance - margin.initial)


def bankruptcy_price(leg: Leg[N], cash: N, market: Market[N]) -> Found[N]:
    """None is printed of a position: its pool's coins decide. M-LEVEL."""
    return no_price(cash)


def margin_bounds(
    leg: Leg[N],
    mark: N,
    market: Market[N],
    pool: Pool[N],
    margin: PoolMargin[N],
    cross_orders: N,
    isolated_orders: N,
) -> tuple[N, N]:
    """No contract is isolated here (see `wall_bounds`). M-ISO."""
    return zero(mark), zero(mark)


def margin_at_fill(amount: N, price: N, leverage: N, rate: N, market: Market[N]) -> N:
    """Own money that goes into a pair with what is bought or sold short: value / leverage; the rest is borrowed. M-TIER; grade
    derived."""
    return notional(amount, price, market.inverse) * rate


def margin_on_leverage(leg: Leg[N], leverage: N, market: Market[N], reading: Reading) -> N:
    """A leverage chosen later moves no money. Grade derived."""
    return zero(leverage)


def funding_payment(amount: N, mark: N, rate: N, inverse: bool) -> N:
    """Coins pay no funding. M-ISO: what is owed costs interest."""
    return zero(mark)


def funding_split(payment: N, leg: Leg[N], free: N) -> tuple[N, N]:
    """Coins pay no funding; if they did, it would be the cash's. M-ISO: what is owed costs interest."""
    return payment, zero(payment)


def opening_fee_split(fee: N, isolated: bool) -> tuple[N, N]:
    """The fee is paid where the coins are. Grade derived."""
    if isolated:
        return zero(fee), fee
    return fee, zero(fee)
