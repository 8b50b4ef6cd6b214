"""Selling one coin for another that is owed, in a pool that holds several: a step of a ladder, and the squaring at its end."""

from collections.abc import Iterator
from decimal import Decimal

from plimsoll.account.events import Converted
from plimsoll.account.turn import Turn
from plimsoll.margin.ledger import MONEY_UNIT, Ledger, Posting, money, transfer
from plimsoll.number import ONE, ZERO, ceil_to
from plimsoll.rules.columns import Step
from plimsoll.rules.common import exchange_price
from plimsoll.rules.drawing import PoolSpec

_MARKET = Posting(Ledger.MARKET, "", ZERO)
_FEES = Posting(Ledger.FEES, "", ZERO)
_LENDER = Posting(Ledger.LENDER, "", ZERO)
_CASH = Posting(Ledger.CASH, "", ZERO)


def convert(turn: Turn, spec: PoolSpec, step: Step[Decimal]) -> None:
    """A CONVERT step: amounts up to whole ledger units, so that a debt which can be paid is gone, and no more than is held."""
    if step.leg < 0:
        _convert_all(turn, spec, step)
        return
    source, target = spec.assets[step.leg], spec.assets[step.other]
    held = turn.account.cash.get(source, ZERO)
    amount = min(ceil_to(step.amount, MONEY_UNIT), held)
    layout = turn.layout()
    at = next(i for i, other in enumerate(layout.specs) if other.key == spec.key)
    pool, column = layout.pools[at], turn.column(layout)
    margin = turn.rulebook.rules.assess_pool(pool, column, layout.markets)
    coin = turn.rulebook.rules.assess_coin(pool, margin, step.other, column, layout.markets)
    borrowed = turn.account.borrowed.get(target, ZERO)
    _exchange(turn, spec.key, source, target, amount, step.price, step.fee, max(ZERO, coin.borrowed - borrowed))


DUST = 10**9
"""A coin worth less than this part of all that is held is left alone: it is what rounding up to whole ledger units has left."""


def _convert_all(turn: Turn, spec: PoolSpec, step: Step[Decimal]) -> None:
    """A CONVERT step of every coin that is held: the share of each, the last as much as is still due."""
    layout, rules = turn.layout(), turn.rulebook.rules
    pool = layout.pools[next(i for i, other in enumerate(layout.specs) if other.key == spec.key)]
    column = turn.column(layout)
    margin, target = rules.assess_pool(pool, column, layout.markets), spec.assets[step.other]
    held: dict[int, tuple[Decimal, Decimal]] = {}
    for w, wallet in enumerate(pool.wallets):
        coin = rules.assess_coin(pool, margin, w, column, layout.markets)
        free = min(wallet.balance - wallet.borrowed, coin.equity)
        if w != step.other and wallet.collateral and free > 0:
            held[w] = free, exchange_price(wallet, pool.wallets[step.other], column)
    brought = sum((free * price for free, price in held.values()), ZERO)
    sold = {w: pair for w, pair in held.items() if pair[0] * pair[1] * DUST > brought}
    for w, (free, price) in sold.items():
        last = step.amount < ONE and w == max(sold)
        amount = ceil_to(_due(turn, target) / price if last else free * step.amount, MONEY_UNIT)
        gap = max(ZERO, -turn.account.cash.get(target, ZERO))
        _exchange(turn, spec.key, spec.assets[w], target, min(amount, free), price, ZERO, gap)


def _exchange(
    turn: Turn, pool: str, source: str, target: str, amount: Decimal, price: Decimal, fee: Decimal, gap: Decimal
) -> None:
    """Sell `amount`; of what comes in, `gap` stays to fill up the balance, the rest repays what was borrowed."""
    borrowed = turn.account.borrowed.get(target, ZERO)
    if source == target:
        proceeds, charged, repaid = ZERO, ZERO, min(borrowed, amount)
    else:
        proceeds = money(amount * price)
        charged = min(money(fee), proceeds)
        repaid = min(borrowed, max(ZERO, proceeds - charged - ceil_to(gap, MONEY_UNIT)))
    postings = transfer(source, amount, _CASH, _MARKET) if source != target else ()
    postings += transfer(target, proceeds, _MARKET, _CASH)
    postings += transfer(target, charged, _CASH, _FEES) + transfer(target, repaid, _CASH, _LENDER)
    turn.emit(Converted(pool, source, target, amount, proceeds, charged, repaid, postings))


def square(turn: Turn, spec: PoolSpec) -> Iterator[tuple[str, Decimal]]:
    """After the last leg of a valued pool: what is owed is repaid from the coins that are left, the most valuable first,
    switched off or not. Yields (coin, what nobody could repay), which the caller has covered."""
    layout = turn.layout()
    column = turn.column(layout)
    prices = dict(zip(layout.assets, column[len(layout.symbols) :], strict=True))
    pool = layout.pools[next(i for i, other in enumerate(layout.specs) if other.key == spec.key)]
    wallets = dict(zip(spec.assets, pool.wallets, strict=True))
    for asset in spec.assets:
        while (due := _due(turn, asset)) > 0:
            held = {other: turn.account.cash.get(other, ZERO) for other in spec.assets}
            rich = max((o for o in held if held[o] > 0), key=lambda o: (o == asset, held[o] * prices[o]), default=None)
            if rich is None:
                break
            price = exchange_price(wallets[rich], wallets[asset], column)
            amount = min(ceil_to(due / price, MONEY_UNIT), held[rich])
            _exchange(turn, spec.key, rich, asset, amount, price, ZERO, max(ZERO, -held[asset]))
        cash = turn.account.cash.get(asset, ZERO)
        if cash < 0:
            yield asset, -cash
        left = turn.account.borrowed.get(asset, ZERO)
        if left > 0:
            yield asset, left
            turn.emit(Converted(spec.key, asset, asset, left, ZERO, ZERO, left, transfer(asset, left, _CASH, _LENDER)))


def _due(turn: Turn, asset: str) -> Decimal:
    return turn.account.borrowed.get(asset, ZERO) + max(ZERO, -turn.account.cash.get(asset, ZERO))
