"""Selling one coin for another that is owed, in a pool that holds several: a step of a ladder, and the squaring at its end."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from plimsoll.account.borrowing import grown, held, owed, purse, repay, repayment
from plimsoll.account.events import Converted, Reduced
from plimsoll.account.spot import cover_inside, empty_wall, even_out
from plimsoll.account.turn import Turn
from plimsoll.margin.ledger import MONEY_UNIT, Ledger, Posting, money, transfer
from plimsoll.model import Kind, LegKey, Position, leg_key
from plimsoll.number import ONE, ZERO, ceil_to
from plimsoll.rules.columns import Step
from plimsoll.rules.common import exchange_price
from plimsoll.rules.drawing import PoolSpec

_MARKET = Posting(Ledger.MARKET, "", ZERO)
_FEES = Posting(Ledger.FEES, "", ZERO)
_FUND = Posting(Ledger.INSURANCE_FUND, "", ZERO)


def purse_of(spec: PoolSpec, wallet: int = 0) -> LegKey | None:
    """Where a coin of a pool is: inside a wall, with a leg that keeps its own, or (None) in the account's cash."""
    if spec.isolated:
        return spec.legs[0]
    return spec.legs[wallet // 2] if spec.kept else None


def coin_of(spec: PoolSpec, wallet: int) -> str:
    """The coin of a wallet of a pool; where legs keep their own, the base and the quote of each in turn."""
    return (spec.assets or spec.kept)[wallet]


def convert(turn: Turn, spec: PoolSpec, step: Step[Decimal]) -> None:
    """A CONVERT step: amounts up to whole ledger units, so that a debt which can be paid is gone, and no more than is held.
    Spot positions that stood on what was sold are smaller by it."""
    if step.leg < 0:
        _convert_all(turn, spec, step)
        return
    source, target, at = coin_of(spec, step.leg), coin_of(spec, step.other), purse_of(spec, step.leg)
    amount = min(ceil_to(step.amount, MONEY_UNIT), held(turn.account, at, source))
    layout = turn.layout()
    place = next(i for i, other in enumerate(layout.specs) if other.key == spec.key)
    pool, column = layout.pools[place], turn.column(layout)
    margin = turn.rulebook.rules.assess_pool(pool, column, layout.markets)
    coin = turn.rulebook.rules.assess_coin(pool, margin, step.other, column, layout.markets)
    gap = max(ZERO, coin.borrowed - owed(turn.account, at, target))
    _exchange(turn, (spec.key, at), source, target, amount, step.price, (step.fee, step.penalty), gap)
    kept = at is not None and turn.rulebook.rules.DEBTS == "inside"
    if at is not None and kept and held(turn.account, at, source) <= 0:  # all of it is sold: what else is there pays
        even_out(turn, at, spec.key, turn.mark(at.symbol))
        for asset in (source, target):
            repay(turn, at, asset, max(ZERO, held(turn.account, at, asset)))
    shrink(turn, spec)
    if at is not None and not spec.isolated and (left := turn.held(at)) is not None and left.size == 0:
        empty_wall(turn, at, spec.key)


DUST = 10**9
"""A coin worth less than this part of all that is held is left alone: it is what rounding up to whole ledger units has left."""


def _convert_all(turn: Turn, spec: PoolSpec, step: Step[Decimal]) -> None:
    """A CONVERT step of every coin that is held: the share of each, the last as much as is still due."""
    layout, rules, at = turn.layout(), turn.rulebook.rules, purse_of(spec)
    pool = layout.pools[next(i for i, other in enumerate(layout.specs) if other.key == spec.key)]
    column = turn.column(layout)
    margin, target = rules.assess_pool(pool, column, layout.markets), spec.assets[step.other]
    there: dict[int, tuple[Decimal, Decimal]] = {}
    for w, wallet in enumerate(pool.wallets):
        coin = rules.assess_coin(pool, margin, w, column, layout.markets)
        free = min(wallet.balance - wallet.borrowed, coin.equity)
        if w != step.other and wallet.collateral and free > 0:
            there[w] = free, exchange_price(wallet, pool.wallets[step.other], column)
    brought = sum((free * price for free, price in there.values()), ZERO)
    sold = {w: pair for w, pair in there.items() if pair[0] * pair[1] * DUST > brought}
    for w, (free, price) in sold.items():
        last = step.amount < ONE and w == max(sold)
        amount = ceil_to(_due(turn, at, target) / price if last else free * step.amount, MONEY_UNIT)
        gap = max(ZERO, -held(turn.account, at, target))
        _exchange(turn, (spec.key, at), spec.assets[w], target, min(amount, free), price, (ZERO, ZERO), gap)
    shrink(turn, spec)


def _exchange(
    turn: Turn,
    place: tuple[str, LegKey | None],
    source: str,
    target: str,
    amount: Decimal,
    price: Decimal,
    charges: tuple[Decimal, Decimal],
    gap: Decimal,
) -> None:
    """In a pool of some name and one of its purses: sell `amount`; of what comes in, `charges` go to the venue and to the
    insurance fund, `gap` stays to fill up the balance, the rest repays what is owed, interest first."""
    name, at = place
    due, own = owed(turn.account, at, target), purse(at)
    if source == target:
        proceeds = fee = penalty = ZERO
        repaid = min(due, amount)
    else:
        proceeds = money(amount * price)
        fee = min(money(charges[0]), proceeds)
        penalty = min(money(charges[1]), proceeds - fee)
        repaid = min(due, max(ZERO, proceeds - fee - penalty - ceil_to(gap, MONEY_UNIT)))
    postings = transfer(source, amount, own, _MARKET) if source != target else ()
    postings += transfer(target, proceeds, _MARKET, own)
    postings += transfer(target, fee, own, _FEES) + transfer(target, penalty, own, _FUND)
    postings += repayment(at, target, repaid, min(repaid, grown(turn.account, at, target)))
    turn.emit(Converted(name, source, target, amount, proceeds, fee, repaid, postings, penalty))


def square(turn: Turn, spec: PoolSpec) -> Iterator[tuple[str, Decimal]]:
    """After the last leg of a valued pool: what is owed is repaid from the coins that are left, the most valuable first,
    switched off or not. Yields (coin, what nobody could repay), which the caller has covered."""
    layout, at = turn.layout(), purse_of(spec)
    column = turn.column(layout)
    prices = dict(zip(layout.assets, column[len(layout.symbols) :], strict=True))
    pool = next((p for s, p in zip(layout.specs, layout.pools, strict=True) if s.key == spec.key), None)
    wallets = {} if pool is None else dict(zip(spec.assets, pool.wallets, strict=True))
    for asset in spec.assets:
        while (due := _due(turn, at, asset)) > 0:
            there = {other: held(turn.account, at, other) for other in spec.assets}
            rich = max((o for o in there if there[o] > 0), key=lambda o: (o == asset, there[o] * prices[o]), default=None)
            if rich is None:
                break
            price = exchange_price(wallets[rich], wallets[asset], column) if wallets else prices[rich] / prices[asset]
            amount = min(ceil_to(due / price, MONEY_UNIT), there[rich])
            _exchange(turn, (spec.key, at), rich, asset, amount, price, (ZERO, ZERO), max(ZERO, -there[asset]))
        cash = held(turn.account, at, asset)
        if cash < 0:
            yield asset, -cash
        left = owed(turn.account, at, asset)
        if left > 0:
            yield asset, left
            postings = repayment(at, asset, left, grown(turn.account, at, asset))
            turn.emit(Converted(spec.key, asset, asset, left, ZERO, ZERO, left, postings))
    shrink(turn, spec)


def _due(turn: Turn, at: LegKey | None, asset: str) -> Decimal:
    return owed(turn.account, at, asset) + max(ZERO, -held(turn.account, at, asset))


def shrink(turn: Turn, spec: PoolSpec) -> None:
    """Spot positions of a pool beyond what there is of their coin (a long) or what is owed of it (a short) were closed by what
    the pool sold: a forced close at the present index prices, whose money has moved already."""
    for i, key in enumerate(spec.legs):
        at = purse_of(spec, 2 * i)
        position = turn.held(key)
        if position is None or turn.instrument(key.symbol).kind is not Kind.SPOT or position.size == 0:
            continue
        gone = _beyond(turn, position, at)
        if gone > 0:
            price = _price(turn, position.symbol)
            long = position.size > 0
            share = ZERO if gone == abs(position.size) else position.isolated_margin * (1 - gone / abs(position.size))
            multiplier = turn.instrument(key.symbol).multiplier
            realised = money((price - position.entry_price) * gone * multiplier * (1 if long else -1))
            after = _smaller(position, gone, share)
            turn.emit(Reduced(spec.key, key, "long" if long else "short", gone, price, ZERO, ZERO, realised, after, ()))


def _beyond(turn: Turn, position: Position, at: LegKey | None) -> Decimal:
    """How much of a position has nothing behind it any more; the positions before it in the same coin come first."""
    account, instrument = turn.account, turn.instrument(position.symbol)
    base, long = instrument.base, position.size > 0
    backing = held(account, at, base) if long else owed(account, at, base) + max(ZERO, -held(account, at, base))
    for other in account.positions if at is None else ():
        if leg_key(other) == leg_key(position):
            break
        known = turn.instrument(other.symbol)
        if known.kind is Kind.SPOT and known.base == base and other.mode is position.mode and (other.size > 0) == long:
            backing -= abs(other.size) * known.multiplier
    return max(ZERO, abs(position.size) - max(ZERO, backing) / instrument.multiplier)


def _smaller(position: Position, gone: Decimal, share: Decimal) -> Position:
    return replace(position, size=position.size + (-gone if position.size > 0 else gone), isolated_margin=share)


def _price(turn: Turn, symbol: str) -> Decimal:
    """Base in quote, at the index prices that conversions are made at; the mark where coins have none."""
    instrument, layout = turn.instrument(symbol), turn.layout()
    if turn.rulebook.rules.DEBTS == "inside":
        return turn.mark(symbol)
    prices = dict(zip(layout.assets, turn.column(layout)[len(layout.symbols) :], strict=True))
    return prices[instrument.base] / prices[instrument.quote]


def finish(turn: Turn, spec: PoolSpec) -> None:
    """The end of spot positions that keep coins of their own and are gone: what they have left goes back to the cash."""
    for key in spec.legs if spec.kept or (spec.isolated and spec.assets) else ():
        position = turn.held(key)
        if position is not None and position.size == 0:
            empty_wall(turn, key, spec.key)


def cover(turn: Turn, spec: PoolSpec, asset: str, short: Decimal) -> bool:
    """Whether the pool's coins are inside a wall, in which case what is missing there is covered."""
    at = purse_of(spec)
    if at is not None:
        cover_inside(turn, spec.key, asset, at, short)
    return at is not None
