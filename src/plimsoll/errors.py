"""The three kinds of failure: a Reject is a value (a venue or user refusal with both numbers compared), a raised error
means the world failed (file, feed, missing rulebook), and an assert means we are wrong. A venue's own codes live with it."""

from decimal import Decimal
from enum import StrEnum

import msgspec


class BadInput(Exception):
    """Input that cannot be used: where it stands, what it says, and what to write instead. One line, no traceback."""

    def __init__(self, source: str, field: str, value: object, cure: str) -> None:
        self.source, self.field, self.value, self.cure = source, field, value, cure
        shown = "" if value is None else f" = {value!s}"
        super().__init__(" ".join(f"{source}: {field}{shown}: {cure}".split()))


class RulebookGap(Exception):
    """No table is in force: the symbol, the date and the nearest known tables. Never replaced by a default."""


class JournalCorrupt(Exception):
    """A recorded journal that does not replay to the state it claims."""


class Reason(StrEnum):
    """Why a command is refused, in our words; `venue_code` of a rulebook turns it into the venue's own code."""

    UNKNOWN_SYMBOL = "unknown_symbol"
    MISSING_MARK = "missing_mark"
    BACKWARD_TIME = "backward_time"
    BAD_AMOUNT = "bad_amount"
    BAD_LOT = "bad_lot"
    BELOW_MINIMUM = "below_minimum"
    WRONG_POSITION_SIDE = "wrong_position_side"
    DUPLICATE_ORDER = "duplicate_order"
    UNKNOWN_ORDER = "unknown_order"
    REDUCE_ONLY = "reduce_only"
    NOT_ENOUGH_MARGIN = "not_enough_margin"
    POSITION_LIMIT = "position_limit"
    WOULD_TRIGGER = "would_trigger"
    LEVERAGE_INVALID = "leverage_invalid"
    LEVERAGE_ABOVE_BRACKET = "leverage_above_bracket"
    LEVERAGE_NEEDS_MARGIN = "leverage_needs_margin"
    LEVERAGE_LOWER_ISOLATED = "leverage_lower_isolated"
    LEVERAGE_OPEN_ORDERS_CROSS = "leverage_open_orders_cross"
    LEVERAGE_OPEN_ORDERS_ISOLATED = "leverage_open_orders_isolated"
    MARGIN_MODE_SAME = "margin_mode_same"
    MARGIN_MODE_OPEN_ORDERS = "margin_mode_open_orders"
    MARGIN_MODE_POSITION = "margin_mode_position"
    MARGIN_MODE_PER_ORDER = "margin_mode_per_order"
    MARGIN_MODE_SCOPE = "margin_mode_scope"
    MARGIN_MODE_SHORT = "margin_mode_short"
    MARGIN_MODE_CROSS_ONLY = "margin_mode_cross_only"
    POSITION_MODE_SAME = "position_mode_same"
    POSITION_MODE_OPEN_ORDERS = "position_mode_open_orders"
    POSITION_MODE_POSITION = "position_mode_position"
    OPTION_UNKNOWN = "option_unknown"
    OPTION_SAME = "option_same"
    OPTION_ISOLATED = "option_isolated"
    OPTION_OPEN_ORDERS = "option_open_orders"
    OPTION_POSITION = "option_position"
    OPTION_DEBT = "option_debt"
    OPTION_SHORT = "option_short"
    MARGIN_ONLY_ISOLATED = "margin_only_isolated"
    MARGIN_NO_POSITION = "margin_no_position"
    MARGIN_AMOUNT = "margin_amount"
    MARGIN_ADD_TOO_MUCH = "margin_add_too_much"
    MARGIN_REMOVE_TOO_MUCH = "margin_remove_too_much"
    MARGIN_WOULD_LIQUIDATE = "margin_would_liquidate"
    WITHDRAW_TOO_MUCH = "withdraw_too_much"
    BORROW_TOO_MUCH = "borrow_too_much"
    REPAY_TOO_MUCH = "repay_too_much"
    NOT_OFFERED = "not_offered"
    LEVERAGE_LOWER = "leverage_lower"


class Reject(msgspec.Struct, frozen=True):
    """A refusal. `wanted` and `limit` are the two numbers compared (None where the refusal compares none)."""

    reason: Reason
    message: str
    wanted: Decimal | None = None
    limit: Decimal | None = None
