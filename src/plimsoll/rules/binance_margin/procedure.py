"""Binance spot margin: the liquidation of an account, or of a pair, as steps, in the rule language. M-LEVEL, M-FUND.

Orders are cancelled; then coins are sold for what is owed until nothing is, the clearance fee taken off what they bring; what
is owed when no coin is left is the margin insurance fund's. The order of coins is nobody's word: the largest first."""

from collections.abc import Sequence

from plimsoll.number import N, zero
from plimsoll.rules.binance_margin.formulas import Reading, has_tiered_fee, is_liquidatable
from plimsoll.rules.columns import CANCEL, CONVERT, HOLD, Market, Pool, PoolMargin, Step, Wallet


def clearance_rate(wallet: Wallet[N], markets: Sequence[Market[N]], reading: Reading) -> N:
    """Of what is sold: 2 % classic and pairs, 3 % Pro. M-FUND, since 2024-08-12; before, by tiers that no source lists, the
    same or (reading `early_fee`) nothing. The day is told by the account's markets: coins without any are of today."""
    if reading.early_fee == 1 and len(markets) > 0 and has_tiered_fee(markets[0]):
        return zero(wallet.balance)
    if wallet.loans_by_value:
        return (zero(wallet.balance) + 3) / 100
    return (zero(wallet.balance) + 2) / 100


def next_step(
    stage: int,
    pool: Pool[N],
    margin: PoolMargin[N],
    marks: Sequence[N],
    fills: Sequence[N],
    markets: Sequence[Market[N]],
    reading: Reading,
) -> Step[N]:
    """Cancel; then until nothing is owed, whatever the level is meanwhile: repay each debt from its own coin; sell the most
    valuable coin for the largest debt, as far as the debt asks, or (reading `sold`) whole for the last debt: what an earlier
    sale brought in is no asset of the snapshot, and pays no second fee. A coin sold short is bought back no further than is
    owed of it; the fee of the whole is charged nevertheless (see `sale`). HOLD where nothing is owed any more, or nothing is
    left. M-LEVEL, M-FUND; grade derived for the order."""
    none = zero(pool.cash)
    hold = Step(HOLD, -1, -1, none, none, none, none)
    if stage < 1:
        if is_liquidatable(margin.balance, margin.requirement):
            return Step(CANCEL, -1, -1, none, none, none, none)
        return hold
    debtor = largest(pool, marks, 0)
    source = largest(pool, marks, 1)
    if debtor < 0 or source < 0:
        return hold
    one = none + 1
    owed = pool.wallets[debtor]
    if owed.balance > 0:
        return Step(CONVERT, debtor, debtor, min(owed.balance, owed.borrowed), one, none, none)
    price = marks[pool.wallets[source].place] / marks[owed.place]
    rate = clearance_rate(pool.wallets[source], markets, reading)
    return sale(pool, source, debtor, price, rate, reading.sold == 1 or debts(pool) > 1)


def sale(pool: Pool[N], source: int, debtor: int, price: N, rate: N, asked: bool) -> Step[N]:
    """One coin sold for another that is owed, l units of it, the fee c (`rate`) taken off. `asked`: as far as the debt asks,
    l / (price * (1 - c)). Else the whole balance a; where what is owed is itself a coin that was sold short, only l / price and
    the fee of all of it, a * c, go into that coin and the rest stays what it is: the account's coins are all liquidated, and
    none is bought to be kept. M-FUND: the fee is on what the snapshot holds; grade derived for the rest."""
    owed = pool.wallets[debtor]
    coin = pool.wallets[source]
    amount = coin.balance
    charged = coin.balance
    if asked:
        amount = min(amount, owed.borrowed / (price * (1 - rate)))
        charged = amount
    elif owed.is_base:
        amount = min(amount, owed.borrowed / price + charged * rate)
    return Step(CONVERT, source, debtor, amount, price, zero(amount), charged * price * rate)


def debts(pool: Pool[N]) -> int:
    """In how many coins something is owed."""
    found = 0
    for w in range(len(pool.wallets)):
        if pool.wallets[w].borrowed > 0:
            found += 1
    return found


def largest(pool: Pool[N], marks: Sequence[N], kind: int) -> int:
    """The coin owed most by value (kind 0), or held most (kind 1); -1: none."""
    best = -1
    score = zero(pool.cash)
    for w in range(len(pool.wallets)):
        wallet = pool.wallets[w]
        amount = wallet.borrowed
        if kind == 1:
            amount = wallet.balance
        if amount * marks[wallet.place] > score:
            best = w
            score = amount * marks[wallet.place]
    return best
