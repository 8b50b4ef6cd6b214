"""BitMEX for people, in plain Python: names, printed prices, and what may be switched when.

Nothing here enters a margin decision's arithmetic; the numbers compared come from the rules. Callers are inside `exact()`.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Context, Decimal

from msgspec.structs import replace

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
from plimsoll.number import DIGITS, ONE, ZERO, ceil_to, exact, floor_to, half_up_to
from plimsoll.rules.apart import Apart
from plimsoll.rules.asks import LegAsk, LeverageAsk, PriceAsk, SizeAsk
from plimsoll.rules.bitmex import formulas
from plimsoll.rules.columns import Found, PoolMargin
from plimsoll.rules.common import notional
from plimsoll.rules.drawing import PoolSpec, pools_per_settle_asset

TITLE = "BitMEX, historical (closed on 23 September 2026)"
"""After that day no rules are in force. CLOSE."""

REGIMES: Mapping[str, tuple[str, ...]] = {"engine": ("apart_fee_up", "apart", "apart_paid_out", "shared")}
"""Each cross position by itself (opening fees of orders rounded up; then to the nearest; then with profit paid out every ten
minutes), then all of a currency together. LIQ, PAY, PR23, XM24."""

MODE_SCOPE = "symbol"
"""Each contract has its margin mode, and an open position follows it. API, ISO."""

SETTLES_EXPIRIES_DAILY = False
"""Futures settle once, at expiry."""

WALLET_HOLDS_ISOLATED = True
"""`walletBalance` counts position margins in, isolated or not. PAY, WID."""

PRICES_STATED = True
"""Prices follow from values rounded by lots; the risk tier is held while they are sought. PAY."""

CHARGES_FUNDING_AHEAD = True
"""A funding payment that is due is part of maintenance (`Instrument.funding_rate`). PAY, RED1."""

MARGIN_FOLLOWS = True
"""An isolated position holds its posMargin: a trade, a leverage or a change of mode sizes it anew. PAY, ISO."""

APART = Apart(formulas.standing, formulas.assess_apart, formulas.assess_cash, locks_losses=False)
"""Before 25 March 2024 each cross position fails by itself; what it locks follows its cost and tier. LIQ, PAY."""

NO_LIQUIDATION = Decimal(100000000)
"""What the API prints for a short that cannot be liquidated, and the highest price it prints. PAY."""

TEN_MINUTES = 600
"""Seconds between two payments of running profit, April 2023 to March 2024. PR23."""

SOURCES = {
    "LIQ": "bitmex.com/app/liquidation and testnet.bitmex.com/app/liquidationExamples (same text mirrored on doc.sat.is)",
    "ISO": "bitmex.com/app/isolatedMarginExamples (isolated and cross margin examples)",
    "RISK": "bitmex.com/app/riskLimitsExamples",
    "ADL": "bitmex.com/app/autoDeleveraging; support.bitmex.com/hc/articles/18589621443357",
    "FAIR": "bitmex.com/app/fairPriceMarking",
    "EXG": "bitmex.com/app/exchangeGuide",
    "XM24": "support.bitmex.com/hc/en-gb/articles/19343437697309 (cross margining); blog.bitmex.com, 19 and 31 March 2024",
    "PR23": "blog.bitmex.com/pnl-realisation-cross-margining (April 2023)",
    "WID": "bitmex.freshdesk.com/support/solutions/articles/5000504283 (how to read the margin widget)",
    "API": "github.com/BitMEX/api-connectors, auto-generated PositionApi.md and the Position model",
    "CALC": "the front end's calculator, reverse-engineered: gist highfestiva/25598e429e0d2cd54e80160e710a0d2a",
    "RED1": "reddit r/BitMEX dgzniw (October 2019, answer quoted from support)",
    "RED2": "reddit r/BitMEX cojq9d (funding moves the liquidation price)",
    "PAY": "recorded API answers, 2017 to 2023; the individual source stands in each golden case",
    "CLOSE": "closure announced on 2026-07-23 for 2026-09-23 (ccxt pull request 29914, nautilus_trader issue 4552)",
}

EXEMPT = {
    "at_the_liquidation_price_the_pool_fails_and_one_tick_safer_it_does_not": (
        "PAY",
        "a_stated_liquidation_price_is_where_the_pool_loses_its_last_whole_unit_a_lot",
    ),
    "a_pool_under_water_is_whole_beyond_its_liquidation_price": (
        "PAY",
        "a_stated_liquidation_price_is_where_the_pool_loses_its_last_whole_unit_a_lot",
    ),
    "headroom_is_concave_in_the_price_or_its_inverse": ("RISK", "headroom_is_concave_within_its_tiers_but_for_whole_units"),
    "a_legs_stated_line_is_its_share_of_the_headroom": (
        "PAY",
        "a_legs_stated_line_is_its_share_of_the_headroom_but_for_whole_units",
    ),
}
"""Laws that this venue breaks: law -> (source key, the law that holds instead). Value is rounded by lots, so that headroom is
a staircase over the price, and a higher tier takes its rate of the whole position."""

TWICE = Context(prec=2 * DIGITS)
"""Twice the working digits, for a rate that is multiplied before it is rounded."""


def venue_code(reject: Reject) -> str:
    """The venue answers with words, not codes."""
    return ""


def leg_name(key: LegKey, position_mode: PositionMode) -> str:
    """`XBTUSD`: one position a contract, in one mode at a time. API."""
    return key.symbol if key.side is LegSide.NET else f"{key.symbol}:{key.side}"


def leverage_key(symbol: str, mode: MarginMode, side: LegSide) -> str:
    """One leverage a contract; 0 is cross. API."""
    return symbol


DEFAULT_LEVERAGE = ZERO
"""Cross until a leverage is chosen. API; that this is the first state is grade memory."""


def fill_mode(account: Account, symbol: str, asked: MarginMode | None) -> MarginMode:
    """The mode a trade falls under: the contract's setting, cross by default. API."""
    return account.margin_modes.get(symbol, MarginMode.CROSS)


def mode_on_leverage(account: Account, symbol: str, leverage: Decimal, asked: MarginMode | None) -> MarginMode | None:
    """A leverage of 0 is cross, 0.01 to 100 isolated: choosing one sets the mode of the contract at once. API, ISO."""
    return MarginMode.CROSS if leverage == 0 else MarginMode.ISOLATED


def pools_of(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """One cross pool per settlement currency, one pool per isolated position. ISO, XM24."""
    return pools_per_settle_asset(account, instruments, leg_name)


def cross_apart(regime: int) -> bool:
    """Before 25 March 2024 each cross position is liquidated by itself, on what the others leave available. LIQ, WID, XM24."""
    return regime < 3


def pays_profit_out(regime: int, before: datetime | None, now: datetime | None) -> bool:
    """From 11 April 2023 to 24 March 2024 running profit of cross positions is realised at the mark every ten minutes. PR23.

    On whole ten minutes of the clock (grade derived); without a clock never."""
    if regime != 2 or before is None or now is None:
        return False
    return int(now.timestamp()) // TEN_MINUTES > int(before.timestamp()) // TEN_MINUTES


def tier_of(position: Position, account: Account, instruments: Mapping[str, Instrument]) -> Decimal:
    """Order cost, which counts towards the risk value besides the mark value: all limit orders of the contract that are not
    reduce-only. PAY, recorded (two rows; that reducing orders count as well follows the oracle cases)."""
    total = ZERO
    for order in account.orders:
        if order.symbol == position.symbol and order.type is OrderType.LIMIT and order.price and not order.reduce_only:
            total += order_value(order, instruments[order.symbol])
    return total


def order_value(order: Order, instrument: Instrument) -> Decimal:
    """Cost of a limit order, by lots, in whole units."""
    assert order.price is not None
    unit, lot = instrument.unit, instrument.lot or order.size
    each = notional(lot * instrument.multiplier, order.price, instrument.kind is Kind.INVERSE)
    if unit is None:
        return each * order.size / lot
    return half_up_to(half_up_to(each, unit) * (order.size / lot), unit)


def entry_in_rules(entry: Decimal) -> Decimal:
    """Entry price as the formulas use it: as it stands; the cost decides. PAY."""
    return entry


def initial_rate(leverage: Decimal) -> Decimal:
    """1 / leverage, unrounded; 0 in cross, where the tier's minimum stands in. API, PAY."""
    return TWICE.divide(ONE, leverage) if leverage > 0 else ZERO


def order_reserve(order: Order, instrument: Instrument, taker_rate: Decimal) -> Decimal:
    """Nothing besides the order margin, which is not part of a requirement: orders are cancelled first. LIQ."""
    return ZERO


def cancels(order: Order, spec: PoolSpec) -> bool:
    """All orders of the contracts in the pool; other contracts' orders stay. LIQ."""
    return any(order.symbol == leg.symbol for leg in spec.legs)


def order_funds(mode: MarginMode, available: Decimal, withdrawable: Decimal) -> Decimal:
    """What a new order may draw on: the available margin. WID."""
    return available


def displayed_liquidation_price(ask: PriceAsk) -> Decimal | None:
    """A long's up to the tick, a short's down: the earlier price. A short that has none shows 100000000. PAY."""
    return to_tick(ask.found, ask.leg.amount, ask.tick)


def to_tick(found: Found[Decimal], amount: Decimal, tick: Decimal | None) -> Decimal | None:
    """A price as it is printed, liquidation and bankruptcy alike."""
    if not found.found:
        return NO_LIQUIDATION if amount < 0 else None
    if tick is None:
        return found.price
    return min(NO_LIQUIDATION, ceil_to(found.price, tick) if amount > 0 else floor_to(found.price, tick))


def printed(quantity: str, ask: LegAsk) -> Decimal | None:
    """entry_value: the unsigned cost. locked_margin: maintMargin = posMargin + PnL. risk_value: mark value + order cost.
    displayed_bankruptcy_price: rounded and capped as the liquidation price, tier held. PAY."""
    leg, market = ask.leg, ask.market
    if quantity == "entry_value":
        return abs(formulas.cost(leg, market))
    if quantity == "locked_margin":
        return formulas.position_margin(leg, ask.mark, market) + formulas.profit(leg, ask.mark, market)
    if quantity == "risk_value":
        return formulas.value(leg.amount, ask.mark, market) + leg.tier
    if quantity != "displayed_bankruptcy_price" or ask.money is None:
        return None
    row = formulas.row_of(leg, ask.mark, market)
    only = replace(market, rows=1, rates=market.rates[row:], leverages=market.leverages[row:], initials=market.initials[row:])
    with exact(2 * DIGITS):
        found = formulas.bankruptcy_price(leg, ask.money, only)
    return to_tick(Found(found.found, +found.price), leg.amount, ask.tick)


def venue_ratio(margin: PoolMargin[Decimal], spec: PoolSpec, account: Account) -> Decimal | None:
    """None is printed for a position."""
    return None


def venue_initial_ratio(margin: PoolMargin[Decimal]) -> Decimal | None:
    """None is printed."""
    return None


def break_even_price(position: Position, taker_rate: Decimal) -> Decimal:
    """breakEvenPrice = entry * (1 + s*rate). Grade memory."""
    return position.entry_price * (1 + (1 if position.size > 0 else -1) * taker_rate)


def may_switch_mode(account: Account, symbol: str, mode: MarginMode) -> Reject | None:
    """Always, with positions and orders open: an open position changes its mode at once. API (`POST /position/isolate`)."""
    return None


def may_switch_position_mode(account: Account, mode: PositionMode) -> Reject | None:
    """There is no hedge mode. API."""
    if mode is PositionMode.HEDGE:
        return Reject(Reason.NOT_OFFERED, "BitMEX nets a contract into one position; there is no hedge mode")
    return None


def tier_leverage(instrument: Instrument, value: Decimal) -> Decimal | None:
    """The highest leverage at a risk value: one over the tier's minimum initial rate. RISK. None: unknown."""
    row = next((row for row in instrument.brackets if row.cap is None or value <= row.cap), instrument.brackets[-1])
    if row.max_leverage is not None:
        return row.max_leverage
    return ONE / row.initial_rate if row.initial_rate else None


def may_set_leverage(ask: LeverageAsk) -> Reject | None:
    """0 (cross), or 0.01 to the most that the tier of the present value allows. API, RISK. Codes are not known."""
    if ask.new == 0:
        return None
    if ask.new < Decimal("0.01"):
        return Reject(Reason.LEVERAGE_INVALID, "leverage is 0 (cross) or at least 0.01", ask.new, Decimal("0.01"))
    top = tier_leverage(ask.instrument, ask.value)
    if top is not None and ask.new > top:
        return Reject(Reason.LEVERAGE_ABOVE_BRACKET, "the risk limit allows no such leverage", ask.new, top)
    return None


def may_grow(ask: SizeAsk) -> Reject | None:
    """The tier of the larger position must allow the leverage chosen. RISK. In cross (leverage 0) the tier's own is used."""
    top = tier_leverage(ask.instrument, ask.value)
    if ask.leverage > 0 and top is not None and ask.leverage > top:
        return Reject(Reason.POSITION_LIMIT, f"{ask.leverage}x allows no more of {ask.instrument.symbol}", ask.leverage, top)
    return None


def limit_counts(order: Order, own: Instrument, other: Instrument) -> bool:
    """Never: a risk limit is that of one contract. RISK."""
    return False
