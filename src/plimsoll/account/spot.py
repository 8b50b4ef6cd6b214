"""Buying coins and selling them short with borrowed money: what a trade in a SPOT instrument does to coins, debts and the
position that keeps account of them. A contract's trade stands in `trade`; `deal` chooses.

What a trade needs and the purse has not is borrowed; what a closing trade brings in repays first. Fees are paid in the quote
asset on both sides (venues take the received coin unless told otherwise: the same worth at the trade's price)."""

from decimal import Decimal

import msgspec

from plimsoll.account.borrowing import borrow, grown, held, owed, purse, repay
from plimsoll.account.events import MarginMoved, ShortfallCovered, Traded
from plimsoll.account.state import fund_size
from plimsoll.account.trade import split_size, trade
from plimsoll.account.turn import Turn
from plimsoll.errors import Reason, Reject
from plimsoll.margin.ledger import Ledger, Posting, money, transfer
from plimsoll.margin.pools import leverage_of
from plimsoll.margin.waterfall import split_shortfall
from plimsoll.model import Instrument, Kind, LegKey, MarginMode, Position
from plimsoll.number import ZERO
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


def inside(key: LegKey) -> LegKey | None:
    """Whose coins a position trades with: those inside its wall, or (None) the account's."""
    return key if key.mode is MarginMode.ISOLATED else None


def _open(turn: Turn, key: LegKey, side: str, size: Decimal, price: Decimal, fee_rate: Decimal, order_id: str) -> None:
    """Bought or sold short; an isolated wall first takes its margin and the fee from the cash."""
    instrument, before, at = turn.instrument(key.symbol), turn.held(key), inside(key)
    sign = 1 if side == "buy" else -1
    leverage = leverage_of(turn.account, turn.rulebook, *key) if before is None else before.leverage
    value = money(size * instrument.multiplier * price)
    fee = money(value * fee_rate)
    margin = ZERO
    postings: tuple[Posting, ...] = ()
    if at is not None:
        rules, market = turn.rulebook.rules, turn.market(key.symbol)
        rate = rules.initial_rate(leverage)
        margin = money(rules.margin_at_fill(sign * size * instrument.multiplier, price, leverage, rate, market))
        postings = transfer(instrument.quote, margin + fee, _CASH, purse(at))
    if before is None:
        coins: dict[str, Decimal] | None = None if at is None else {}
        after = Position(key.symbol, key.mode, key.side, sign * size, price, leverage, margin, coins=coins)
    else:
        entry = average_entry(abs(before.size), before.entry_price, size, price, False)
        mine = before.isolated_margin + margin
        after = msgspec.structs.replace(before, size=before.size + sign * size, entry_price=entry, isolated_margin=mine)
    after = msgspec.structs.replace(after, realised_pnl=after.realised_pnl - fee)
    postings += _exchange(instrument, at, sign, size, value, fee)
    turn.emit(Traded(key, side, size, price, fee, ZERO, after, order_id, postings))
    borrow_short(turn, at, instrument)


def _exchange(
    instrument: Instrument, at: LegKey | None, sign: int, size: Decimal, value: Decimal, fee: Decimal
) -> tuple[Posting, ...]:
    """Coins against money, and the fee."""
    coins = size * instrument.multiplier
    return (
        transfer(instrument.base, sign * coins, _MARKET, purse(at))
        + transfer(instrument.quote, sign * value, purse(at), _MARKET)
        + transfer(instrument.quote, fee, purse(at), _FEES)
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
    instrument, before, at = turn.instrument(key.symbol), turn.held(key), inside(key)
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
    postings = _exchange(instrument, at, sign, traded, value, fee)
    turn.emit(Traded(key, side, size, price, fee, realised, after, order_id, postings))
    received = base if side == "buy" else instrument.quote
    brought = traded * instrument.multiplier if side == "buy" else value - fee
    if at is not None:
        repay(turn, at, received, max(ZERO, held(turn.account, at, received)))
    elif turn.rulebook.rules.DEBTS == "apart":
        repay(turn, at, received, max(ZERO, min(brought, held(turn.account, at, received))))
    if at is not None and after.size == 0:
        empty_wall(turn, key, "")
    else:
        borrow_short(turn, at, instrument)


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
        worth += there if asset == instrument.quote else ZERO
    if left:
        turn.emit(MarginMoved(key, -worth, left, "closed"))


def cover_inside(turn: Turn, pool: str, asset: str, key: LegKey, short: Decimal) -> None:
    """The insurance fund, and then others, put what is missing into a wall."""
    paid = split_shortfall(short, fund_size(turn.state, turn.venue, asset))
    postings = transfer(asset, paid.from_fund, Posting(Ledger.INSURANCE_FUND, "", ZERO), purse(key))
    postings += transfer(asset, paid.from_counterparties, Posting(Ledger.COUNTERPARTIES, "", ZERO), purse(key))
    turn.emit(ShortfallCovered(pool, asset, key, paid.from_fund, paid.from_counterparties, postings))


def unaffordable(turn: Turn, key: LegKey, side: str, size: Decimal, price: Decimal, fee_rate: Decimal) -> Reject | None:
    """Why the venue would not lend for a trade, tried on a copy of the account whose debts cost nothing yet: a pool that could
    not carry its initial margin then, or an isolated margin that the cash has not."""
    if split_size(turn.held(key), side, size).opening == 0:
        return None
    instrument, at = turn.instrument(key.symbol), inside(key)
    free = msgspec.structs.replace(turn.account, interest_rates={})
    trial = Turn(msgspec.structs.replace(turn.state, account=free), turn.venue)
    deal(trial, key, side, size, price, fee_rate)
    if at is not None:
        before, after = turn.account.cash.get(instrument.quote, ZERO), trial.account.cash.get(instrument.quote, ZERO)
        if after < min(before, ZERO):
            wanted = before - after
            return Reject(Reason.NOT_ENOUGH_MARGIN, "not enough free margin for this order", wanted, max(before, ZERO))
    layout, rules = trial.layout(), turn.rulebook.rules
    column = trial.column(layout)
    for spec, pool in zip(layout.specs, layout.pools, strict=True):
        if key in spec.legs:
            margin = rules.assess_pool(pool, column, layout.markets)
            if margin.balance < margin.initial:
                message = f"{spec.key} could not carry its initial margin"
                return Reject(Reason.NOT_ENOUGH_MARGIN, message, margin.initial, margin.balance)
    return None
