"""OKX futures and perpetual swaps for people, in plain Python: names, codes, printed prices, ratios, what may be
switched when.

Nothing here enters a margin decision's arithmetic except which contracts are counted together for a tier; the numbers
compared come from the rules.
"""

from collections.abc import Mapping
from decimal import Context, Decimal

from plimsoll.errors import Reason, Reject
from plimsoll.model import (
    Account,
    Instrument,
    Kind,
    LegKey,
    LegSide,
    MarginMode,
    Order,
    OrderType,
    Position,
    PositionMode,
)
from plimsoll.number import DIGITS, ONE, ZERO
from plimsoll.rules.asks import LegAsk, LeverageAsk, PriceAsk, SizeAsk
from plimsoll.rules.columns import PoolMargin
from plimsoll.rules.drawing import PoolSpec, pools_per_settle_asset
from plimsoll.rules.okx_futures import formulas

TITLE = "OKX futures and perpetual swaps, Futures account mode"
REGIMES: Mapping[str, tuple[str, ...]] = {}
"""No rule changed on a known day."""

MODE_SCOPE = "order"
"""The order says in which mode it trades. S1."""

SETTLES_EXPIRIES_DAILY = True
"""Cross expiry futures, since March 2025: profit to cash, entry to the settlement price, no fee. S17, grade D."""

WALLET_HOLDS_ISOLATED = False
"""`cashBal` leaves isolated margin out. Recorded (okx-016, -017, -034)."""

SOURCES = {
    "S1": "okx.com/docs-v5/en (API: fields, error codes, mode and leverage settings), as stored April and July 2025",
    "S3": "okx.com/help/360054225072 (cross margin in Futures mode, formerly single-currency) and rewrites of it",
    "S7": "okx.com/help/okx-to-change-initial-margin-requirement-imr-for-futures-under-one-way-mode (October 2024)",
    "S7b": "a rewrite of the order margin page (instant loss of an order at an unfavourable price)",
    "S11": "okx.com/help/v-tiered-maintenance-margin-ratio-rules (by tiers, May 2025), read through rewrites",
    "S11b": "okx.com/help/vi-system-liquidation-mechanism (at what prices liquidation orders are placed)",
    "S13": "okx.com/help/introduction-to-clearing-mechanism (the whole size pays the rate of its tier)",
    "S14": "OKX tier articles 360037209112 and 360040581412 (what is counted for a tier)",
    "S15": "announcements of tier changes, 2021 to 2026",
    "S16": "okx.com/help/iv-introduction-to-perpetual-swap-funding-fee (funding)",
    "S16c": "the funding change of June and July 2024, read through rewrites (charged in full)",
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
    Reason.POSITION_MODE_OPEN_ORDERS: "59000",
    Reason.POSITION_MODE_POSITION: "59000",
    Reason.MARGIN_ONLY_ISOLATED: "59300",
    Reason.MARGIN_NO_POSITION: "59300",
    Reason.MARGIN_AMOUNT: "51000",
    Reason.MARGIN_ADD_TOO_MUCH: "59301",
    Reason.MARGIN_REMOVE_TOO_MUCH: "59301",
    Reason.WITHDRAW_TOO_MUCH: "58350",
}
"""Reason -> the venue's code. S1; 51000, 51001, 51016, 51020, 51121, 51169, 51400, 58350 grade memory. A margin mode is
refused without a code: the venue has no call that would switch it."""


TWICE = Context(prec=2 * DIGITS)
"""Twice the working digits, for a rate that is multiplied before it is rounded."""

EXEMPT = {"maintenance_is_at_most_initial": ("S7", "maintenance_is_at_most_initial_at_the_entry_price")}
"""Laws that this venue breaks: law -> (source key, the law that holds instead). Isolated initial margin stays at
the entry price while maintenance follows the mark."""


def venue_code(reject: Reject) -> str:
    """The venue's code for a refusal, '' where it has none."""
    return CODES.get(reject.reason, "")


def leg_name(key: LegKey, position_mode: PositionMode) -> str:
    """`BTC-USDT-SWAP`, then `:long` or `:short` in hedge mode, then `@isolated`: both modes may be held at once. S1."""
    symbol, mode, side = key
    name = symbol if side is LegSide.NET else f"{symbol}:{side}"
    return f"{name}@isolated" if mode is MarginMode.ISOLATED else name


def leverage_key(symbol: str, mode: MarginMode, side: LegSide) -> str:
    """One setting per contract and mode; isolated hedge legs apart; in cross all expiries of a family share one. S1.

    An expiry is told by its symbol, FAMILY-YYMMDD."""
    if mode is MarginMode.CROSS:
        family, _, expiry = symbol.rpartition("-")
        return f"{family if family and expiry.isdigit() else symbol}|cross"
    return f"{symbol}|isolated" if side is LegSide.NET else f"{symbol}|isolated|{side}"


DEFAULT_LEVERAGE = Decimal(3)
"""Before the user sets one. Grade memory."""


def fill_mode(account: Account, symbol: str, asked: MarginMode | None) -> MarginMode:
    """The margin mode of a trade is the order's own (`tdMode`); cross where it names none (our choice). S1."""
    return MarginMode.CROSS if asked is None else asked


def pools_of(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """One cross pool per settle asset, one pool per isolated leg (hedge legs apart). S1, S3."""
    return pools_per_settle_asset(account, instruments, leg_name)


def tier_of(position: Position, account: Account, instruments: Mapping[str, Instrument]) -> Decimal:
    """Contracts that choose the row: isolated the one position; cross swap long + short of the instrument; cross expiry
    futures long + short of every expiry of the family. S1 (text of 51004), S14."""
    if position.mode is MarginMode.ISOLATED:
        return abs(position.size)
    own = instruments[position.symbol]
    if is_expiry(own):
        same = [other for other in account.positions if counted_together(own, instruments[other.symbol])]
    else:
        same = [other for other in account.positions if other.symbol == own.symbol]
    return sum([abs(other.size) for other in same if other.mode is MarginMode.CROSS], ZERO)


def counted_together(one: Instrument, other: Instrument) -> bool:
    """Whether two instruments share a tier in cross: the same one, or expiries of one family and settle asset. S14."""
    if one.symbol == other.symbol or one.family != other.family or one.family == "":
        return one.symbol == other.symbol
    return one.kind is other.kind and one.settle == other.settle and is_expiry(one) and is_expiry(other)


def is_expiry(instrument: Instrument) -> bool:
    """Expiry futures are marked as such, or carry a family without the symbol of a swap."""
    return instrument.expires or (instrument.family != "" and not instrument.symbol.endswith("-SWAP"))


def entry_in_rules(entry: Decimal) -> Decimal:
    """Entry price as the formulas use it: as it stands, unrounded. Recorded (`avgPx` has up to 17 digits)."""
    return entry


def initial_rate(leverage: Decimal) -> Decimal:
    """1 / leverage, unrounded: kept to twice the working digits, so that a value times it is the value over the
    leverage at every digit that counts. Recorded (`margin` = avg*q/L)."""
    return TWICE.divide(ONE, leverage)


def order_reserve(order: Order, instrument: Instrument, taker_rate: Decimal) -> Decimal:
    """What a resting order takes off its pool's balance: its estimated fee, value at its price * f. S3, grade rewrite.

    Only limit orders; stops and take-profits reserve nothing before they trigger (grade memory). The margin of resting
    isolated orders, which S3 also names, is not in here (see `assess_pool`)."""
    if order.type is not OrderType.LIMIT or order.price is None:
        return ZERO
    amount = order.size * instrument.multiplier
    return formulas.notional(amount, order.price, instrument.kind is Kind.INVERSE) * taker_rate


def cancels(order: Order, spec: PoolSpec) -> bool:
    """Cross: the orders that add risk; isolated: the pending orders of that position. S11, grade rewrite."""
    if not spec.isolated:
        closing = (order.position_side, order.side) in ((LegSide.LONG, "sell"), (LegSide.SHORT, "buy"))
        return not order.reduce_only and not closing
    leg = spec.legs[0]
    return (order.symbol, order.mode, order.position_side) == (leg.symbol, leg.mode, leg.side)


def order_funds(mode: MarginMode, available: Decimal, withdrawable: Decimal) -> Decimal:
    """What a new order or a lower leverage may draw on: in cross the available balance, running cross profit included;
    in isolated only what is there without it. S3; the second half rewrite."""
    return available if mode is MarginMode.CROSS else withdrawable


def displayed_liquidation_price(ask: PriceAsk) -> Decimal | None:
    """`liqPx`, unrounded: isolated one tick nearer to the mark than the true price (long + tick, short - tick), cross
    as it is; empty where no positive price exists. Recorded (okx-001 to -006; -010, -011, -013, -014). Without a tick:
    the true price."""
    if not ask.found.found:
        return None
    if ask.mode is MarginMode.CROSS or ask.tick is None:
        return ask.found.price
    return ask.found.price + ask.tick if ask.size > 0 else ask.found.price - ask.tick


def printed(quantity: str, ask: LegAsk) -> Decimal | None:
    """No further number of a position is printed."""
    return None


def venue_ratio(margin: PoolMargin[Decimal], spec: PoolSpec, account: Account) -> Decimal | None:
    """mgnRatio = balance / (maintenance + closing fees): cover, liquidation at 1. Recorded. None: no requirement."""
    if margin.requirement == 0:
        return None
    return margin.balance / margin.requirement


def venue_initial_ratio(margin: PoolMargin[Decimal]) -> Decimal | None:
    """None: the venue prints no ratio of initial margin."""
    return None


def break_even_price(position: Position, taker_rate: Decimal) -> Decimal:
    """bePx = avg*(1 + s*f)/(1 - s*f). Long recorded (okx-036); short by symmetry, grade derived."""
    side = 1 if position.size > 0 else -1
    return position.entry_price * (1 + side * taker_rate) / (1 - side * taker_rate)


def may_switch_mode(account: Account, symbol: str, mode: MarginMode) -> Reject | None:
    """Never: the mode belongs to each order, a position keeps the one it was opened in. S1 (there is no such call)."""
    return Reject(
        Reason.MARGIN_MODE_PER_ORDER, f"the margin mode belongs to each order; place the next {symbol} order as {mode}"
    )


def may_switch_position_mode(account: Account, mode: PositionMode) -> Reject | None:
    """Account-wide: needs no position and no pending order, whatever mode is asked for. S1 (59000).

    Asking for the present mode with neither changes nothing and is accepted (grade memory)."""
    if account.positions:
        return Reject(Reason.POSITION_MODE_POSITION, "position mode cannot change while positions are open")
    if account.orders:
        return Reject(Reason.POSITION_MODE_OPEN_ORDERS, "position mode cannot change while orders are pending")
    return None


def row_cap(instrument: Instrument, leverage: Decimal) -> Decimal | None:
    """The most contracts that a leverage allows: the cap of the last row that still allows it (the last known cap,
    where a table is incomplete). S1, S15. None: no bound."""
    allowed = [row for row in instrument.brackets if row.max_leverage is None or row.max_leverage >= leverage]
    if not allowed:
        return ZERO if instrument.brackets else None
    return allowed[-1].cap


def may_set_leverage(ask: LeverageAsk) -> Reject | None:
    """S1: 59107 or 59101 with pending orders of the mode asked, 59102 above the maximum of the row of the size held (or
    of the instrument), 59103 where the margin is missing. Which refusal comes first is not published (grade memory)."""
    if ask.new < 1:
        return Reject(Reason.LEVERAGE_INVALID, f"leverage {ask.new} is below 1", ask.new, Decimal(1))
    if any(order.mode is ask.mode for order in ask.orders):
        isolated = ask.mode is MarginMode.ISOLATED
        reason = Reason.LEVERAGE_OPEN_ORDERS_ISOLATED if isolated else Reason.LEVERAGE_OPEN_ORDERS_CROSS
        return Reject(reason, f"cancel the pending {ask.mode} orders of {ask.instrument.symbol} first")
    crossed = sum((abs(p.size) for p in ask.positions if p.mode is MarginMode.CROSS), ZERO)
    top = max_leverage(ask.instrument, crossed if ask.mode is MarginMode.CROSS else ask.size)
    if top is not None and ask.new > top:
        return Reject(
            Reason.LEVERAGE_ABOVE_BRACKET, f"leverage {ask.new} exceeds what the position's tier allows", ask.new, top
        )
    if ask.wanted > max(ask.free, ZERO):
        return Reject(
            Reason.LEVERAGE_NEEDS_MARGIN, "not enough free margin for the lower leverage", ask.wanted, ask.free
        )
    return None


def max_leverage(instrument: Instrument, size: Decimal) -> Decimal | None:
    """The highest leverage for `size` contracts: that of the row they reach. S15. None: unknown."""
    reached = [row for row in instrument.brackets if row.floor < size] or list(instrument.brackets[:1])
    return reached[-1].max_leverage if reached else None


def may_grow(ask: SizeAsk) -> Reject | None:
    """51004: more contracts than the cap of the last row that allows the leverage. S1."""
    cap = row_cap(ask.instrument, ask.leverage)
    if cap is not None and ask.size > cap:
        return Reject(
            Reason.POSITION_LIMIT, f"{ask.leverage}x allows no more of {ask.instrument.symbol}", ask.size, cap
        )
    return None


def limit_counts(order: Order, own: Instrument, other: Instrument) -> bool:
    """Whether other legs' contracts count towards an order's limit: in cross hedge mode both sides of the instrument and,
    for expiries, of the whole family, held and resting; in net mode and in isolated the own leg alone. S1 (text of 51004)."""
    return (
        order.mode is MarginMode.CROSS and order.position_side is not LegSide.NET and counted_together(own, other)
    )
