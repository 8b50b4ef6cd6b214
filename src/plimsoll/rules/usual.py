"""What most venues answer where a few have something of their own. Plain Python; a venue that differs writes its own."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from plimsoll.errors import Reject
from plimsoll.model import Account, Coin, Instrument, MarginMode, Order
from plimsoll.rules.asks import PoolAsk
from plimsoll.rules.drawing import PoolSpec

APART = None
"""No cross position fails by itself."""

PRICES_STATED = False
"""Liquidation prices follow from the headroom; tiers are chosen anew at each price."""

CHARGES_FUNDING_AHEAD = False
"""The next funding payment is not part of a requirement."""

LEVERAGE_SETS_MODE = False
"""Choosing a leverage says nothing of the margin mode."""

WAITS = Decimal(0)
"""Nothing in a liquidation depends on how long ago something else in it was."""

MARGIN_FOLLOWS = False
"""An isolated wall holds what has gone into it; nothing sizes it anew."""

TERMS: tuple[str, ...] = ()
"""No number is asked for beyond those that instruments and brackets have."""

BALANCE_PAYS_POSITIONS = False
"""The balance that the venue prints does not change when a position is opened, but for the fee."""

CHARGES_SURPLUS = False
"""Fee and penalty of a forced close are charged as far as the pool has anything left."""

FUND_TAKES_POSITIONS = True
"""A position that nobody fills goes to the insurance fund, as far as that can carry it."""

ORDERS_RESERVE = True
"""What a resting order needs is set aside when it is placed; it is not asked for again when it fills."""

DEBTS = ""
"""No money is lent. Else `apart`: debts stand beside the balances; `overdrawn`: a balance below zero is the debt; `inside`:
each spot position keeps coins and debts of its own, in cross as well, and borrows all that it trades."""

LENDS_IN: tuple[MarginMode, ...] = ()
"""The margin modes in which coins themselves can be bought or sold short with borrowed money: none."""

LENDING_GAPS: Mapping[MarginMode, str] = {}
"""None is missing: what the venue lends for is in LENDS_IN."""

FIRST_HOUR_AT_ONCE = False
"""Interest is charged for time that has passed."""

STATES_LINES = True
"""Headroom is made of the straight lines that the rules state; else prices are sought along whole assessments."""


def may_open(account: Account, order: Order, instruments: Mapping[str, Instrument]) -> Reject | None:
    """Any contract may be traded beside any other."""
    return None


def unstated(instrument: Instrument) -> str:
    """Nothing is missing: the rules ask tables for no number of a contract that they can do without."""
    return ""


def coin_in_rules(
    coin: Coin, asset: str, spec: PoolSpec, account: Account, instruments: Mapping[str, Instrument], reading: Any
) -> Coin:
    """A coin counts the same in every pool."""
    return coin


def margin_asset(account: Account, instrument: Instrument, mode: MarginMode, buys: bool) -> str:
    """The own money of a spot position is in the quote asset."""
    return instrument.quote


def printed_of_pool(quantity: str, ask: PoolAsk) -> Decimal | None:
    """No further number is printed."""
    return None


OPTIONS: Mapping[str, tuple[str, ...]] = {}
"""The account has no settings besides its modes."""


def may_set_option(account: Account, name: str, value: str) -> Reject | None:
    """There are none to refuse."""
    return None


def cross_apart(regime: int) -> bool:
    """All cross positions of a pool are liquidated on what the whole of it has."""
    return False


def pays_profit_out(regime: int, before: datetime | None, now: datetime | None) -> bool:
    """Running profit stays in its position until that is closed."""
    return False


def mode_on_leverage(account: Account, symbol: str, leverage: Decimal, asked: MarginMode | None) -> MarginMode | None:
    """Choosing a leverage leaves the margin mode alone."""
    return None


def may_leave(regime: int, available: Decimal, withdrawable: Decimal) -> Decimal:
    """What may leave the account is what `withdrawable` says, whenever it is asked."""
    return withdrawable
