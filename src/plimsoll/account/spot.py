"""Buying coins and selling them short with borrowed money: what a trade in a SPOT instrument does to coins, debts and the
position that keeps account of them. A contract's trade stands in `trade`; `deal` chooses.

What a trade needs and the purse has not is borrowed; what a closing trade brings in repays first. Fees are paid in the quote
asset on both sides (venues take the received coin unless told otherwise: the same worth at the trade's price)."""

from decimal import Decimal

import msgspec

from plimsoll.account.borrowing import borrow, grown, held, lent, owed, purse, repay
from plimsoll.account.events import Converted, MarginMoved, ShortfallCovered, Traded
from plimsoll.account.settings import funds_for
from plimsoll.account.state import fund_size
from plimsoll.account.trade import split_size, trade
from plimsoll.account.turn import Turn
from plimsoll.errors import Reason, Reject
from plimsoll.margin.ledger import MONEY_UNIT, Ledger, Posting, money, transfer
from plimsoll.margin.pools import leverage_of
from plimsoll.margin.waterfall import split_shortfall
from plimsoll.model import Account, Instrument, Kind, LegKey, MarginMode, Position
from plimsoll.number import ONE, ZERO, ceil_to
from plimsoll.rulebook import Rulebook
from plimsoll.rules.common import average_entry

_MARKET = Posting(Ledger.MARKET, "", ZERO)
_FEES = Posting(Ledger.FEES, "", ZERO)
_CASH = Posting(Ledger.CASH, "", ZERO)


def deal(turn: Turn, key: LegKey, side: str, size: Decimal, price: Decimal, fee_rate: Decimal, order_id: str = "") -> None:
    """A trade in any instrument."""
    if turn.instrument(key.symbol).kind is not Kind.SPOT:
        trade(turn, key, side, size, price, fee_rate, order_id)
        return
    parts = split_size(turn.held(key), side, size)
    if parts.closing > 0:
        _close(turn, key, side, parts.closing, price, fee_rate, "" if parts.opening else order_id)
    if parts.opening > 0:
        _open(turn, key, side, parts.opening, price, fee_rate, order_id)


def inside(turn: Turn, key: LegKey) -> LegKey | None:
    """Whose coins a position trades with: its own, inside its wall or where the venue keeps them with each position, or (None)
    the account's."""
    return key if key.mode is MarginMode.ISOLATED or turn.rulebook.rules.DEBTS == "inside" else None


def _open(turn: Turn, key: LegKey, side: str, size: Decimal, price: Decimal, fee_rate: Decimal, order_id: str) -> None:
    """Bought or sold short; a position with coins of its own first takes the fee, and an isolated one its margin (up to a whole
    ledger unit, so that what is lent beside it is no more than that margin carries), from the cash."""
    instrument, before, at = turn.instrument(key.symbol), turn.held(key), inside(turn, key)
    sign = 1 if side == "buy" else -1
    leverage = leverage_of(turn.account, turn.rulebook, *key) if before is None else before.leverage
    value = money(size * instrument.multiplier * price)
    fee = money(value * fee_rate)
    asset, rate = _margin_in(turn, key, before, sign, price)
    margin = ZERO
    postings: tuple[Posting, ...] = ()
    if at is not None:
        margin = ceil_to(_margin_of(turn, key, sign * size, price, leverage) / rate, MONEY_UNIT)
        postings = transfer(asset, margin + money(fee / rate), _CASH, purse(at))
    if before is None:
        coins: dict[str, Decimal] | None = None if at is None else {}
        told = "" if asset == instrument.quote else asset
        after = Position(key.symbol, key.mode, key.side, sign * size, price, leverage, margin, coins=coins, margin_asset=told)
    else:
        entry = average_entry(abs(before.size), before.entry_price, size, price, False)
        mine = before.isolated_margin + margin
        after = msgspec.structs.replace(before, size=before.size + sign * size, entry_price=entry, isolated_margin=mine)
    after = msgspec.structs.replace(after, realised_pnl=after.realised_pnl - fee)
    postings += _exchange(instrument, at, sign, size, value, (asset, money(fee / rate)))
    turn.emit(Traded(key, side, size, price, fee, ZERO, after, order_id, postings))
    if turn.rulebook.rules.DEBTS == "inside":
        given, much = (instrument.quote, value) if sign > 0 else (instrument.base, size * instrument.multiplier)
        borrow(turn, at, given, much)
        return
    borrow_short(turn, at, instrument)
    if at is not None:
        borrow_short(turn, None, instrument)


def _margin_in(
    turn: Turn, key: LegKey, before: Position | None, sign: int, price: Decimal
) -> tuple[str, Decimal]:
    """The coin that a position has its own money in, and what one of it is worth in the quote."""
    instrument = turn.instrument(key.symbol)
    asset = before.margin_asset or instrument.quote if before is not None else ""
    if not asset:
        asset = turn.rulebook.rules.margin_asset(turn.account, instrument, key.mode, sign > 0)
    return asset, price if asset == instrument.base else ONE


def _margin_of(turn: Turn, key: LegKey, size: Decimal, price: Decimal, leverage: Decimal) -> Decimal:
    """Own money that goes with `size` signed coins, as a value in the quote: none in cross."""
    if key.mode is MarginMode.CROSS:
        return ZERO
    rules, market = turn.rulebook.rules, turn.market(key.symbol)
    return rules.margin_at_fill(size * market.multiplier, price, leverage, rules.initial_rate(leverage), market)


def _exchange(
    instrument: Instrument, at: LegKey | None, sign: int, size: Decimal, value: Decimal, fee: tuple[str, Decimal]
) -> tuple[Posting, ...]:
    """Coins against money, and the fee in its asset."""
    coins = size * instrument.multiplier
    return (
        transfer(instrument.base, sign * coins, _MARKET, purse(at))
        + transfer(instrument.quote, sign * value, purse(at), _MARKET)
        + transfer(*fee, purse(at), _FEES)
    )


def borrow_short(turn: Turn, at: LegKey | None, instrument: Instrument) -> None:
    """Borrow what a trade took beyond what there was, where debts stand apart from balances."""
    if at is None and turn.rulebook.rules.DEBTS != "apart":
        return
    for asset in (instrument.base, instrument.quote):
        there = held(turn.account, at, asset)
        if there < 0:
            borrow(turn, at, asset, -there)


def _close(turn: Turn, key: LegKey, side: str, size: Decimal, price: Decimal, fee_rate: Decimal, order_id: str) -> None:
    """Sold, or bought back together with the interest that is owed in the coin when the whole short goes."""
    instrument, before, at = turn.instrument(key.symbol), turn.held(key), inside(turn, key)
    assert before is not None
    sign = 1 if side == "buy" else -1
    whole, base = size == abs(before.size), instrument.base
    traded = size
    if whole and side == "buy":
        lacking = owed(turn.account, at, base) - held(turn.account, at, base) - size * instrument.multiplier
        traded += max(ZERO, min(lacking, grown(turn.account, at, base))) / instrument.multiplier
    value = money(traded * instrument.multiplier * price)
    fee = money(value * fee_rate)
    realised = money((price - before.entry_price) * size * instrument.multiplier * -sign)
    share = ZERO if whole else before.isolated_margin * (1 - size / abs(before.size))
    after = msgspec.structs.replace(
        before,
        size=before.size + sign * size,
        isolated_margin=share,
        realised_pnl=before.realised_pnl + realised - fee,
    )
    postings = _exchange(instrument, at, sign, traded, value, (instrument.quote, fee))
    turn.emit(Traded(key, side, size, price, fee, realised, after, order_id, postings))
    received = base if side == "buy" else instrument.quote
    brought = traded * instrument.multiplier if side == "buy" else value - fee
    if at is not None and turn.rulebook.rules.DEBTS != "inside":
        repay(turn, at, received, max(ZERO, held(turn.account, at, received)))
    elif turn.rulebook.rules.DEBTS in ("apart", "inside"):
        repay(turn, at, received, max(ZERO, min(brought, held(turn.account, at, received))))
    if at is not None and after.size == 0:
        even_out(turn, key, "", price)
        empty_wall(turn, key, "")
    else:
        borrow_short(turn, at, instrument)


def even_out(turn: Turn, key: LegKey, pool: str, price: Decimal) -> None:
    """What a position lacks of one of its coins to pay what it owes is bought for its other coin, as far as that goes; in cross
    the cash of its margin currency has the rest. `price`: of the base; `pool`: its printed name, where it is liquidated."""
    instrument, position = turn.instrument(key.symbol), turn.held(key)
    if position is None:  # it came out even
        return
    base, quote = instrument.base, instrument.quote
    cash = position.margin_asset or quote
    for asset, other, rate in ((quote, base, price), (base, quote, 1 / price)):
        short = owed(turn.account, key, asset) - held(turn.account, key, asset)
        spare = held(turn.account, key, other) - owed(turn.account, key, other)
        if short > 0 and spare > 0:
            amount = min(ceil_to(short / rate, MONEY_UNIT), spare)
            _buy_for(turn, key, (pool, other, asset), amount, money(amount * rate), purse(key))
        short = owed(turn.account, key, asset) - held(turn.account, key, asset)
        if short > 0 and key.mode is MarginMode.CROSS:
            if cash == asset:
                turn.emit(MarginMoved(key, short, transfer(asset, short, _CASH, purse(key)), "closed"))
            elif cash == other:
                _buy_for(turn, key, (pool, cash, asset), ceil_to(short / rate, MONEY_UNIT), short, _CASH)


def _buy_for(
    turn: Turn, key: LegKey, names: tuple[str, str, str], amount: Decimal, brings: Decimal, source: Posting
) -> None:
    """`amount` of a coin out of the purse `source` for what it `brings` of another into the position's own."""
    pool, given, asset = names
    postings = transfer(given, amount, source, _MARKET) + transfer(asset, brings, _MARKET, purse(key))
    turn.emit(Converted(pool or key.symbol, given, asset, amount, brings, ZERO, ZERO, postings, forced=bool(pool)))


def empty_wall(turn: Turn, key: LegKey, pool: str) -> None:
    """A position is gone: what is owed inside its wall is paid from there as far as it goes, the insurance fund has the rest,
    and what is left of the coins goes back to the cash. `pool`: its printed name, where it was liquidated."""
    position = next((p for p in turn.account.positions if (p.symbol, p.mode, p.side) == key), None)
    if position is None or position.coins is None:
        return
    instrument = turn.instrument(key.symbol)
    for asset in (instrument.base, instrument.quote):
        there = held(turn.account, key, asset)
        short = max(ZERO, owed(turn.account, key, asset) - there)
        if short > 0:
            cover_inside(turn, pool or key.symbol, asset, key, short)
        repay(turn, key, asset, owed(turn.account, key, asset))
    left: tuple[Posting, ...] = ()
    worth = ZERO
    for asset in (instrument.base, instrument.quote):
        there = held(turn.account, key, asset)
        left += transfer(asset, there, purse(key), _CASH)
        worth += there if asset == (position.margin_asset or instrument.quote) else ZERO
    if left:
        turn.emit(MarginMoved(key, -worth, left, "closed"))


def cover_inside(turn: Turn, pool: str, asset: str, key: LegKey, short: Decimal) -> None:
    """The insurance fund, and then others, put what is missing into a wall."""
    paid = split_shortfall(short, fund_size(turn.state, turn.venue, asset))
    postings = transfer(asset, paid.from_fund, Posting(Ledger.INSURANCE_FUND, "", ZERO), purse(key))
    postings += transfer(asset, paid.from_counterparties, Posting(Ledger.COUNTERPARTIES, "", ZERO), purse(key))
    turn.emit(ShortfallCovered(pool, asset, key, paid.from_fund, paid.from_counterparties, postings))


def _own(account: Account, asset: str) -> Decimal:
    """The cash less what was lent to it."""
    return account.cash.get(asset, ZERO) - lent(account, None, asset)


def _drawn(account: Account, at: LegKey | None, asset: str) -> Decimal:
    """What has been lent of an asset, by either way."""
    return lent(account, at, asset) + max(ZERO, -held(account, at, asset))


def standing(account: Account, rulebook: Rulebook, asset: str) -> Decimal:
    """Units of a coin in the cash that long positions stand on: they are sold, not taken out."""
    bought = ZERO
    for position in account.positions:
        known = rulebook.instruments[position.symbol]
        if known.kind is Kind.SPOT and known.base == asset and position.coins is None:
            bought += max(ZERO, position.size) * known.multiplier
    return bought


def unaffordable(turn: Turn, key: LegKey, side: str, size: Decimal, price: Decimal, fee_rate: Decimal) -> Reject | None:
    """Why the venue would not lend for a trade, tried on a copy of the account whose debts cost nothing yet: a pool that could
    not carry its initial margin then, or an isolated margin that the cash has not."""
    if split_size(turn.held(key), side, size).opening == 0:
        return None
    instrument, at = turn.instrument(key.symbol), inside(turn, key)
    free = msgspec.structs.replace(turn.account, interest_rates={})
    trial = Turn(msgspec.structs.replace(turn.state, account=free), turn.venue)
    deal(trial, key, side, size, price, fee_rate)
    for asset in (instrument.quote, instrument.base) if at is not None else ():
        wanted = _own(turn.account, asset) - _own(trial.account, asset)
        there = max(funds_for(turn, asset, key.mode), ZERO)
        if wanted > there:
            return Reject(Reason.NOT_ENOUGH_MARGIN, "not enough free margin for this order", wanted, there)
    both = (instrument.base, instrument.quote)
    if all(_drawn(trial.account, at, asset) <= _drawn(turn.account, at, asset) for asset in both):
        return None
    layout, rules = trial.layout(), turn.rulebook.rules
    column = trial.column(layout)
    for spec, pool in zip(layout.specs, layout.pools, strict=True):
        if key in spec.legs:
            margin = rules.assess_pool(pool, column, layout.markets)
            asked = margin.initial
            if spec.isolated and rules.DEBTS == "inside":  # its margin has gone in with it
                asked = margin.requirement
            elif not (spec.isolated or spec.assets):
                rows = [r.row for r in layout.resting if r.asset == spec.asset and not r.isolated]
                asked += sum((rules.order_margin(row, column[row.market], layout.markets[row.market]) for row in rows), ZERO)
            if margin.balance < asked:
                message = f"{spec.key} could not carry its initial margin"
                return Reject(Reason.NOT_ENOUGH_MARGIN, message, asked, margin.balance)
    return None
