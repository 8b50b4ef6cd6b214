"""OKX margin trading for people, in plain Python: forms of isolated positions, walls, names, codes, printed numbers, and what
may be asked. Callers are inside `exact()`."""

from collections.abc import Mapping, Sequence
from decimal import Context, Decimal

from plimsoll.errors import BadInput, Reason, Reject
from plimsoll.model import (
    Account,
    Bracket,
    Instrument,
    LegKey,
    LegSide,
    MarginMode,
    Order,
    Position,
    PositionMode,
)
from plimsoll.number import DIGITS, ONE, ZERO
from plimsoll.rules.asks import LegAsk, LeverageAsk, PoolAsk, PriceAsk, SizeAsk
from plimsoll.rules.columns import PoolMargin
from plimsoll.rules.drawing import PoolSpec, pools_per_margin_asset, spot_walls

TITLE = "OKX margin trading (spot with leverage), Futures account mode"
REGIMES: Mapping[str, tuple[str, ...]] = {}
"""No rule changed on a known day."""

MODE_SCOPE = "order"
"""The order says in which mode it trades. S1."""

SETTLES_EXPIRIES_DAILY = False
"""Coins do not expire."""

WALLET_HOLDS_ISOLATED = False
"""`cashBal` leaves isolated margin out. Recorded (okx-016, -017, -034)."""

DEBTS = "inside"
"""Each position keeps its own coins and debts (`pos`, `liab`), in cross as well, and all that it buys or sells short is
borrowed: own margin stands beside it. S1, S6; recorded (okx-007, -008, -029)."""

LENDS_IN = (MarginMode.CROSS, MarginMode.ISOLATED)
"""Coins themselves can be bought or sold short in both modes. S1."""

FIRST_HOUR_AT_ONCE = False
"""Interest accrues by the hour on the debt. S5; that none is due at once: grade memory."""

STATES_LINES = False
"""A position told in its base coin has no straight line over the mark: prices are sought along whole assessments."""

SOURCES = {
    "S1": "okx.com/docs-v5/en (API: fields, error codes, mode and leverage settings), as stored April and July 2025",
    "S3": "okx.com/help/360054225072 (cross margin in Futures mode, formerly single-currency) and rewrites of it",
    "S5": "aws.okx.com/it/help/ix-introduction-to-system-forced-repayment (borrowing, interest) and rewrites of it",
    "S6": "okx.com/help-center/6997123251341, okex.com/help/vii-introduction-to-the-isolated-mode (isolated margin trading)",
    "S7": "okx.com/help/okx-to-change-initial-margin-requirement-imr-for-futures-under-one-way-mode (October 2024)",
    "S11": "okx.com/help/v-tiered-maintenance-margin-ratio-rules (by tiers, May 2025), read through rewrites",
    "S11b": "okx.com/help/vi-system-liquidation-mechanism (at what prices liquidation orders are placed)",
    "S14": "OKX tier article 360037209112 (margin: what is counted for a tier)",
    "S15": "announcements of tier changes, 2021 to 2026",
    "okx-NNN": "a recorded API response or worked example; the number is that of the case in the venue's rule sheet",
}

CODES = {
    Reason.UNKNOWN_SYMBOL: "51001",
    Reason.BAD_AMOUNT: "51000",
    Reason.BAD_LOT: "51121",
    Reason.BELOW_MINIMUM: "51020",
    Reason.WRONG_POSITION_SIDE: "51000",
    Reason.DUPLICATE_ORDER: "51016",
    Reason.UNKNOWN_ORDER: "51400",
    Reason.REDUCE_ONLY: "51169",
    Reason.NOT_ENOUGH_MARGIN: "51008",
    Reason.POSITION_LIMIT: "51004",
    Reason.LEVERAGE_INVALID: "51000",
    Reason.LEVERAGE_ABOVE_BRACKET: "59102",
    Reason.LEVERAGE_NEEDS_MARGIN: "59103",
    Reason.LEVERAGE_OPEN_ORDERS_CROSS: "59107",
    Reason.LEVERAGE_OPEN_ORDERS_ISOLATED: "59101",
    Reason.NOT_OFFERED: "51010",
    Reason.POSITION_MODE_POSITION: "59000",
    Reason.MARGIN_ONLY_ISOLATED: "59300",
    Reason.MARGIN_NO_POSITION: "59300",
    Reason.MARGIN_AMOUNT: "51000",
    Reason.MARGIN_ADD_TOO_MUCH: "59301",
    Reason.MARGIN_REMOVE_TOO_MUCH: "59301",
    Reason.WITHDRAW_TOO_MUCH: "58350",
}
"""Reason -> the venue's code. S1; 51000, 51001, 51010, 51016, 51020, 51121, 51169, 51400, 58350 grade memory."""

TWICE = Context(prec=2 * DIGITS)
"""Twice the working digits, for a rate that is multiplied before it is rounded."""

FORMS = ("auto_transfers_ccy", "automatic", "quick_margin")
"""Settings of isolated margin trading (`isolated_mode`), the default first: margin in the quote beside the position (or in the
base, see MARGIN_IN); the older form, whose margin is in the currency that is held; quick margin, whose coins are the
position's. S1, S6."""

MARGIN_IN = ("quote", "base")
"""What `margin_in` may say: in which coin of its pair a new position has its margin, isolated in the newer forms and in cross.
S3, S6."""


OPTIONS: Mapping[str, tuple[str, ...]] = {"isolated_mode": FORMS, "margin_in": MARGIN_IN}
"""How new positions keep their margin. S1, S6."""


def _option(account: Account, name: str) -> str:
    value = account.options.get(name, OPTIONS[name][0])
    if value not in OPTIONS[name]:
        raise BadInput("account", name, value, f"choose one of {', '.join(OPTIONS[name])}")
    return value


def may_set_option(account: Account, name: str, value: str) -> Reject | None:
    """The form of isolated positions changes only without any (59000); in which coin margin is, each order says anew. S1; the
    first half grade memory."""
    if name == "isolated_mode" and any(p.mode is MarginMode.ISOLATED for p in account.positions):
        return Reject(Reason.POSITION_MODE_POSITION, "the form of isolated margin cannot change while such positions are open")
    return None


def venue_code(reject: Reject) -> str:
    """The venue's code for a refusal, '' where it has none."""
    return CODES.get(reject.reason, "")


def leg_name(key: LegKey, position_mode: PositionMode) -> str:
    """`BTC-USDT`, then `@isolated`: both modes may be held at once. S1."""
    return key.symbol if key.mode is MarginMode.CROSS else f"{key.symbol}@{key.mode}"


def leverage_key(symbol: str, mode: MarginMode, side: LegSide) -> str:
    """One setting per pair and mode. S1."""
    return f"{symbol}|{mode}"


DEFAULT_LEVERAGE = Decimal(3)
"""Before the user sets one. Grade memory."""


def fill_mode(account: Account, symbol: str, asked: MarginMode | None) -> MarginMode:
    """The margin mode of a trade is the order's own (`tdMode`); cross where it names none (our choice). S1."""
    return MarginMode.CROSS if asked is None else asked


def margin_asset(account: Account, instrument: Instrument, mode: MarginMode, buys: bool) -> str:
    """The coin that a new position has its margin in: the one it will hold in the `automatic` form, else the quote, or the one
    that the account's `margin_in` says. S6; in cross the order names it (`ccy`), S1. BadInput: words that are no setting."""
    form, chosen = (_option(account, name) for name in OPTIONS)
    if mode is MarginMode.ISOLATED and form == "automatic":
        return instrument.base if buys else instrument.quote
    return instrument.base if chosen == "base" else instrument.quote


def pools_of(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """One cross pool per margin currency, one pool per isolated position, told in the currency of its margin. S3, S6."""
    walls = spot_walls(account, instruments, leg_name, lambda position, own: position.margin_asset or own.quote)
    return (*pools_per_margin_asset(account, instruments), *walls)


def tier_of(position: Position, account: Account, instruments: Mapping[str, Instrument]) -> Decimal:
    """What chooses the row, as an amount of the base: what is owed of it, or where the quote debt stands in a higher row the
    cap of that row (an unbounded one: beyond its floor). S14."""
    own = instruments[position.symbol]
    base = owed(position, own.base)
    row = row_of(own.brackets, base, owed(position, own.quote))
    if row is None or row is row_of(own.brackets, base, ZERO):
        return base
    return row.floor + ONE if row.cap is None else row.cap


def owed(position: Position, asset: str) -> Decimal:
    """What a position owes of a coin, interest included."""
    return position.borrowed.get(asset, ZERO) + position.interest.get(asset, ZERO)


def row_of(rows: Sequence[Bracket], base: Decimal, quote: Decimal) -> Bracket | None:
    """The row for what is owed in both coins: the higher one. S14. None: no table."""
    reached = [row for row in rows if row.floor < base or (row.quote_floor is not None and row.quote_floor < quote)]
    return reached[-1] if reached else next(iter(rows), None)


def entry_in_rules(entry: Decimal) -> Decimal:
    """Entry price as the formulas use it: as it stands, unrounded. Recorded (`avgPx`)."""
    return entry


def initial_rate(leverage: Decimal) -> Decimal:
    """1 / leverage, unrounded: kept to twice the working digits. Recorded (`margin` = liab*avg/L, okx-008)."""
    return TWICE.divide(ONE, leverage)


def order_reserve(order: Order, instrument: Instrument, taker_rate: Decimal) -> Decimal:
    """What a resting order takes off its pool's balance: nothing. Grade memory."""
    return ZERO


def cancels(order: Order, spec: PoolSpec) -> bool:
    """Cross: the orders that add risk; isolated: the pending orders of that position. S11, grade rewrite."""
    if not spec.isolated:
        return order.mode is MarginMode.CROSS and not order.reduce_only
    leg = spec.legs[0]
    return (order.symbol, order.mode) == (leg.symbol, leg.mode)


def order_funds(mode: MarginMode, available: Decimal, withdrawable: Decimal) -> Decimal:
    """What a new order or a lower leverage may draw on: in cross the available balance, running profit included; in isolated
    only what is there without it. S3; the second half rewrite."""
    return available if mode is MarginMode.CROSS else withdrawable


def displayed_liquidation_price(ask: PriceAsk) -> Decimal | None:
    """`liqPx`: the true price, unrounded and without a tick; empty where no positive price exists. Recorded (okx-007 to
    -009)."""
    return ask.found.price if ask.found.found else None


def printed(quantity: str, ask: LegAsk) -> Decimal | None:
    """No further number of a position is printed."""
    return None


def printed_of_pool(quantity: str, ask: PoolAsk) -> Decimal | None:
    """No further number is printed."""
    return None


def venue_ratio(margin: PoolMargin[Decimal], spec: PoolSpec, account: Account) -> Decimal | None:
    """mgnRatio = balance / (maintenance + fees): cover, liquidation at 1. Recorded (okx-007, -008). None: no requirement."""
    if margin.requirement == 0:
        return None
    return margin.balance / margin.requirement


def venue_initial_ratio(margin: PoolMargin[Decimal]) -> Decimal | None:
    """None: the venue prints no ratio of initial margin."""
    return None


def break_even_price(position: Position, taker_rate: Decimal) -> Decimal:
    """bePx = avg*(1 + s*f)/(1 - s*f), as for contracts; interest comes on top. Grade derived."""
    side = 1 if position.size > 0 else -1
    return position.entry_price * (1 + side * taker_rate) / (1 - side * taker_rate)


def may_switch_mode(account: Account, symbol: str, mode: MarginMode) -> Reject | None:
    """Never: the mode belongs to each order, a position keeps the one it was opened in. S1 (there is no such call)."""
    return Reject(
        Reason.MARGIN_MODE_PER_ORDER, f"the margin mode belongs to each order; place the next {symbol} order as {mode}"
    )


def may_switch_position_mode(account: Account, mode: PositionMode) -> Reject | None:
    """Long and short sides are for contracts only; coins net. S1."""
    if mode is PositionMode.HEDGE:
        return Reject(Reason.NOT_OFFERED, "margin trading has no hedge mode")
    return Reject(Reason.POSITION_MODE_SAME, "the position mode is that already")


def may_set_leverage(ask: LeverageAsk) -> Reject | None:
    """S1: 59107 or 59101 with pending orders of the mode asked, 59102 above the maximum of the row that the debts reach, 59103
    where the margin is missing. Which refusal comes first is not published (grade memory)."""
    if ask.new < 1:
        return Reject(Reason.LEVERAGE_INVALID, f"leverage {ask.new} is below 1", ask.new, Decimal(1))
    if any(order.mode is ask.mode for order in ask.orders):
        isolated = ask.mode is MarginMode.ISOLATED
        reason = Reason.LEVERAGE_OPEN_ORDERS_ISOLATED if isolated else Reason.LEVERAGE_OPEN_ORDERS_CROSS
        return Reject(reason, f"cancel the pending {ask.mode} orders of {ask.instrument.symbol} first")
    base = max((owed(p, ask.instrument.base) for p in ask.positions), default=ZERO)
    quote = max((owed(p, ask.instrument.quote) for p in ask.positions), default=ZERO)
    row = row_of(ask.instrument.brackets, base, quote)
    top = None if row is None else row.max_leverage
    if top is not None and ask.new > top:
        return Reject(
            Reason.LEVERAGE_ABOVE_BRACKET, f"leverage {ask.new} exceeds what the position's tier allows", ask.new, top
        )
    if ask.wanted > max(ask.free, ZERO):
        return Reject(Reason.LEVERAGE_NEEDS_MARGIN, "not enough free margin for the lower leverage", ask.wanted, ask.free)
    return None


def may_grow(ask: SizeAsk) -> Reject | None:
    """51004: more borrowed than the cap of the last row that allows the leverage: of the quote for a long, of the base for a
    short. S1, S14."""
    rows = ask.instrument.brackets
    allowed = [row for row in rows if row.max_leverage is None or row.max_leverage >= ask.leverage]
    cap = ZERO if rows else None
    if allowed:
        cap = allowed[-1].quote_cap if ask.long else allowed[-1].cap
    borrowed = ask.value if ask.long else ask.size * ask.instrument.multiplier
    if cap is not None and borrowed > cap:
        message = f"{ask.leverage}x allows no more of {ask.instrument.symbol}"
        return Reject(Reason.POSITION_LIMIT, message, borrowed, cap)
    return None


def limit_counts(order: Order, own: Instrument, other: Instrument) -> bool:
    """Only the position itself counts towards its limit. S1 (text of 51004)."""
    return False
