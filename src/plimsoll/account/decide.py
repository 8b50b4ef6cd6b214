"""What an account does with a command: events, or a Reject with both numbers and the state unchanged.

Everything is validated first; below that line nothing may fail. Funding, fills and settings reach the ladder through the
same `liquidate` as new marks do: there is no second way.
"""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from plimsoll.account.borrowing import accrue, ask_to_borrow, ask_to_repay, charge
from plimsoll.account.commands import (
    AccrueInterest,
    AddMargin,
    Borrow,
    CancelOrder,
    ChargeInterest,
    Command,
    Deposit,
    Fill,
    PlaceOrder,
    RemoveMargin,
    Repay,
    SetLeverage,
    SetMarginMode,
    SetMarks,
    SetOption,
    SetPositionMode,
    SettleExpiry,
    SettleFunding,
    Withdraw,
)
from plimsoll.account.events import (
    Deposited,
    Event,
    ExpirySettled,
    FundingPaid,
    MarksSet,
    OrderCancelled,
    PositionModeSet,
    Withdrawn,
)
from plimsoll.account.marking import lock_funding, pay_profit_out, stand
from plimsoll.account.orders import place, run_triggers
from plimsoll.account.settings import asset_view, move_margin, set_leverage, set_margin_mode, set_option
from plimsoll.account.spot import deal, standing
from plimsoll.account.state import State, Venue
from plimsoll.account.trade import realised_pnl, split_size, wall
from plimsoll.account.turn import Laid, Turn
from plimsoll.errors import BadInput, Reason, Reject
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.ledger import Ledger, Posting, money, transfer
from plimsoll.margin.pools import legs_by_key
from plimsoll.model import Kind, LegKey, LegSide, MarginMode, PositionMode, leg_key
from plimsoll.number import ONE, ZERO, exact
from plimsoll.rulebook import why_not_lent

_CASH = Posting(Ledger.CASH, "", ZERO)
_OUTSIDE = Posting(Ledger.OUTSIDE, "", ZERO)


_REASONS = {
    "marks": Reason.MISSING_MARK,
    "indexes": Reason.MISSING_MARK,
    "amount": Reason.BAD_AMOUNT,
    "interest": Reason.NOT_OFFERED,
    "loans": Reason.NOT_OFFERED,
}
"""What a BadInput from below means as a refusal, by its source."""


class Decision(NamedTuple):
    """The state after the command (the old one when refused), what happened, and the refusal if there was one."""

    state: State
    events: tuple[Event, ...]
    reject: Reject | None
    laid: Laid | None


def decide(state: State, command: Command, venue: Venue, laid: Laid | None = None) -> Decision:
    """Apply one command under a venue's rules. Refusals are values; a symbol the rulebook lacks or a price that is missing
    is a refusal too (UNKNOWN_SYMBOL, MISSING_MARK). `laid`: that of the decision before, to save work; never needed."""
    with exact():
        turn = Turn(state, venue, laid)
        try:
            reject = _handle(turn, command)
            if reject is None:
                pay_profit_out(turn, state.marks.time)
                stand(turn)
                if isinstance(command, SetMarks):
                    run_triggers(turn)
        except BadInput as bad:
            reject = Reject(_REASONS.get(bad.source, Reason.UNKNOWN_SYMBOL), str(bad))
        if reject is not None:
            return Decision(state, (), reject, laid)
        assert all(p.size != 0 for p in turn.account.positions), "a closed leg was left with money inside"
        return Decision(turn.state, tuple(turn.events), None, turn.laid)


def _set_marks(turn: Turn, command: SetMarks) -> Reject | None:
    for symbol, price in (*command.marks.items(), *command.lasts.items()):
        if not (price.is_finite() and price > 0):
            return Reject(Reason.BAD_AMOUNT, f"the price of {symbol} must be greater than zero", price, ZERO)
    before = turn.state.marks.time
    if before is not None and command.time is not None and command.time < before:
        return Reject(Reason.BACKWARD_TIME, f"{command.time} lies before {before}")
    turn.emit(MarksSet(command.marks, command.lasts, command.indexes, command.time))
    return None


def _positive(amount: Decimal, reason: Reason = Reason.BAD_AMOUNT) -> Reject | None:
    if amount.is_finite() and amount > 0:
        return None
    return Reject(reason, "the amount must be greater than zero", amount, ZERO)


def _fill(turn: Turn, command: Fill) -> Reject | None:
    bad = _positive(command.size) or _positive(command.price)
    if bad is not None:
        return bad
    instrument = turn.instrument(command.symbol)
    turn.mark(command.symbol)
    mode = turn.rulebook.rules.fill_mode(turn.account, command.symbol, command.mode)
    unlent = why_not_lent(turn.rulebook, mode) if instrument.kind is Kind.SPOT else None
    if unlent is not None:
        return Reject(Reason.NOT_OFFERED, unlent)
    key = LegKey(command.symbol, mode, command.position_side)
    bad = leg_fits(turn, key, command.side, command.size)
    if bad is not None:
        return bad
    if command.reduce_only and split_size(turn.held(key), command.side, command.size).opening > 0:
        return Reject(Reason.REDUCE_ONLY, "a reduce-only trade would open a position")
    rate = turn.rate(command.symbol, command.liquidity)
    deal(turn, key, command.side, command.size, command.price, rate if command.fee_rate is None else command.fee_rate)
    return None


def leg_fits(turn: Turn, key: LegKey, side: str, size: Decimal) -> Reject | None:
    """One-way mode knows no legs, hedge mode nothing else; a hedge leg cannot be closed beyond zero."""
    hedge = turn.account.position_mode is PositionMode.HEDGE
    if hedge is (key.side is LegSide.NET):
        return Reject(Reason.WRONG_POSITION_SIDE, "the position side does not match the position mode")
    closing = (key.side, side) in ((LegSide.LONG, "sell"), (LegSide.SHORT, "buy"))
    held = turn.held(key)
    there = abs(held.size) if held is not None else ZERO
    if closing and size > there:
        return Reject(Reason.REDUCE_ONLY, f"the {key.side} leg holds less than that", size, there)
    return None


def _cancel(turn: Turn, command: CancelOrder) -> Reject | None:
    order = next((o for o in turn.account.orders if o.id == command.id), None)
    if order is None:
        return Reject(Reason.UNKNOWN_ORDER, f"no open order has the id {command.id}")
    turn.emit(OrderCancelled(order, "user"))
    return None


def _funding(turn: Turn, command: SettleFunding) -> Reject | None:
    """Each position of the symbol pays or receives value * rate, from where the venue takes it."""
    instrument = turn.instrument(command.symbol)
    legs = [p for p in turn.account.positions if p.symbol == command.symbol]
    if not legs or instrument.kind is Kind.SPOT:
        return None
    mark = command.mark if command.mark is not None else turn.mark(command.symbol)
    bad = _positive(mark)
    if bad is not None:
        return bad
    rules = turn.rulebook.rules
    layout = turn.layout()
    views = legs_by_key(layout)
    for position in legs:
        leg = views[leg_key(position)]
        worth = rules.value(leg.amount, mark, turn.market(command.symbol)) * (1 if leg.amount > 0 else -1)
        amount = money(rules.funding_payment(worth, ONE, command.rate, False), instrument.unit)
        free = _free(turn, instrument.settle) if leg.isolated else ZERO
        from_cash, from_leg = rules.funding_split(amount, leg, free)
        if amount < 0 and leg.isolated and turn.rulebook.readings.get("funding_received") == "refills_position":
            from_cash, from_leg = ZERO, amount
        funding = Posting(Ledger.FUNDING, "", ZERO)
        key = leg_key(position)
        postings = transfer(instrument.settle, from_cash, _CASH, funding)
        postings += transfer(instrument.settle, from_leg, wall(key), funding)
        turn.emit(FundingPaid(key, command.rate, mark, amount, postings))
        lock_funding(turn, position, amount)
    return None


def _free(turn: Turn, asset: str) -> Decimal:
    """What is free of an asset, nothing promised to orders; money() so that both parts of a split sum to the whole."""
    view = asset_view(turn, asset)
    return ZERO if view is None else money(max(ZERO, view.available_balance))


def _expiry(turn: Turn, command: SettleExpiry) -> Reject | None:
    """Daily settlement of cross expiry futures, where the venue has it: profit to cash, entry to the price, no fee."""
    instrument = turn.instrument(command.symbol)
    if not instrument.expires and not instrument.family:
        return Reject(Reason.NOT_OFFERED, f"{command.symbol} does not expire: nothing is settled")
    if not turn.rulebook.rules.SETTLES_EXPIRIES_DAILY:
        return Reject(Reason.NOT_OFFERED, f"{command.symbol} is not settled daily on this venue")
    for position in [p for p in turn.account.positions if p.symbol == command.symbol and p.mode is MarginMode.CROSS]:
        realised = realised_pnl(turn, position, abs(position.size), command.price)
        after = msgspec.structs.replace(position, entry_price=command.price)
        postings = transfer(instrument.settle, realised, Posting(Ledger.MARKET, "", ZERO), _CASH)
        turn.emit(ExpirySettled(leg_key(position), command.price, realised, after, postings))
    return None


def _deposit(turn: Turn, command: Deposit) -> Reject | None:
    bad = _positive(command.amount)
    if bad is None:
        postings = transfer(command.asset, money(command.amount), _OUTSIDE, _CASH)
        turn.emit(Deposited(command.asset, command.amount, postings))
    return bad


def _withdraw(turn: Turn, command: Withdraw) -> Reject | None:
    bad = _positive(command.amount)
    if bad is not None:
        return bad
    view = assess(turn.account, turn.state.marks, turn.rulebook, Prices.NONE)
    free = next((a.withdrawable for a in view.assets if a.asset == command.asset), ZERO)
    stood = standing(turn.account, turn.rulebook, command.asset)
    if stood:
        free = max(ZERO, min(free, turn.account.cash.get(command.asset, ZERO) - stood))
    if command.amount > free:
        return Reject(Reason.WITHDRAW_TOO_MUCH, f"not that much {command.asset} may leave", command.amount, free)
    postings = transfer(command.asset, money(command.amount), _CASH, _OUTSIDE)
    turn.emit(Withdrawn(command.asset, command.amount, postings))
    return None


def _position_mode(turn: Turn, command: SetPositionMode) -> Reject | None:
    reject = turn.rulebook.rules.may_switch_position_mode(turn.account, command.mode)
    if reject is None:
        turn.emit(PositionModeSet(command.mode))
    return reject


def _place(turn: Turn, command: PlaceOrder) -> Reject | None:
    order = command.order
    mode = turn.rulebook.rules.fill_mode(turn.account, order.symbol, command.mode)
    fits = leg_fits(turn, LegKey(order.symbol, mode, order.position_side), order.side, order.size)
    return fits or place(turn, msgspec.structs.replace(order, mode=mode))


def _handle(turn: Turn, command: Command) -> Reject | None:
    match command:
        case SetMarks():
            return _set_marks(turn, command)
        case Fill():
            return _fill(turn, command)
        case PlaceOrder():
            return _place(turn, command)
        case CancelOrder():
            return _cancel(turn, command)
        case SettleFunding():
            return _funding(turn, command)
        case SettleExpiry():
            return _expiry(turn, command)
        case ChargeInterest():
            return charge(turn, command.leg, command.asset, command.amount)
        case AccrueInterest():
            return accrue(turn, command.hours)
        case Borrow():
            return ask_to_borrow(turn, command.leg, command.asset, command.amount)
        case Repay():
            return ask_to_repay(turn, command.leg, command.asset, command.amount)
        case Deposit():
            return _deposit(turn, command)
        case Withdraw():
            return _withdraw(turn, command)
        case AddMargin():
            return move_margin(turn, command.symbol, command.position_side, command.amount, 1)
        case RemoveMargin():
            return move_margin(turn, command.symbol, command.position_side, command.amount, -1)
        case SetLeverage():
            return set_leverage(turn, command)
        case SetMarginMode():
            return set_margin_mode(turn, command)
        case SetPositionMode():
            return _position_mode(turn, command)
        case SetOption():
            return set_option(turn, command)
