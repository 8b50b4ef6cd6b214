"""Hyperliquid for people, in plain Python: names, printed prices, ratios, and what may be switched when.

Nothing here enters a margin decision's arithmetic; the numbers compared come from the rules. Callers are inside `exact()`.
"""

from collections.abc import Mapping
from decimal import Decimal

from plimsoll.errors import Reason, Reject
from plimsoll.model import Account, Instrument, LegKey, LegSide, MarginMode, Order, Position, PositionMode
from plimsoll.rules.asks import LegAsk, LeverageAsk, PriceAsk, SizeAsk
from plimsoll.rules.columns import PoolMargin
from plimsoll.rules.drawing import PoolSpec, pools_per_settle_asset
from plimsoll.rules.hyperliquid.procedure import seconds_of_pause

TITLE = "Hyperliquid perpetuals"

REGIMES: Mapping[str, tuple[str, ...]] = {"account_page": ("2023", "now")}
"""In March 2023 the account page printed liquidation prices without the maintenance term, and let all leave but the initial
margin. Recorded (CASSETTE)."""

MODE_SCOPE = "symbol"
"""Each asset has its margin mode, set together with its leverage. MARGIN, EXCHANGE."""

LEVERAGE_SETS_MODE = True
"""Choosing a leverage says cross or isolated as well. EXCHANGE."""

WAITS = seconds_of_pause(Decimal(1))
"""Seconds of the pause after a part-sale. LIQ."""

SETTLES_EXPIRIES_DAILY = False
"""There are no expiring contracts."""

EXEMPT = {
    "after_a_command_no_pool_is_left_under_water": (
        "LIQ",
        "after_a_command_a_pool_under_water_is_one_that_the_venue_waits_with",
    ),
    "each_step_of_a_ladder_leaves_less_and_the_ladder_ends": (
        "LIQ",
        "each_step_of_a_ladder_leaves_less_until_the_venue_waits",
    ),
    "what_is_left_under_water_has_money_and_nobody_takes_it": (
        "LIQ",
        "after_a_command_a_pool_under_water_is_one_that_the_venue_waits_with",
    ),
}
"""After a part-sale the venue waits, and a position that nobody takes is kept until the vault may have it."""

WALLET_HOLDS_ISOLATED = True
"""Isolated margin is counted into the USDC balance. Grade derived (ACCOUNT prints it apart, as rawUsd)."""

SOURCES = {
    "MARGIN": "hyperliquid.gitbook.io/hyperliquid-docs/trading/margining",
    "TIERS": "hyperliquid.gitbook.io/hyperliquid-docs/trading/margin-tiers",
    "LIQ": "hyperliquid.gitbook.io/hyperliquid-docs/trading/liquidations",
    "BACKSTOP": "hyperliquid.gitbook.io/hyperliquid-docs/trading/liquidations, liquidator vault",
    "ADL": "hyperliquid.gitbook.io/hyperliquid-docs/trading/auto-deleveraging",
    "FUND": "hyperliquid.gitbook.io/hyperliquid-docs/trading/funding",
    "CONTRACT": "hyperliquid.gitbook.io/hyperliquid-docs/trading/contract-specifications",
    "ACCOUNT": "hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/info-endpoint, clearinghouseState",
    "EXCHANGE": "hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api/exchange-endpoint, updateLeverage",
    "LIQPX": "github.com/hyperliquid-dex/ts-examples, LiquidationPx.tsx",
    "CASSETTE": "github.com/hyperliquid-dex/hyperliquid-python-sdk, tests/cassettes/info_test/test_get_user_state.yaml, 2023",
    "SWITCH": "docs.byreal.io; MetaMask/core pull 10136: cross and isolated cannot be switched with a position open",
}


def venue_code(reject: Reject) -> str:
    """'': the venue refuses in words and has no codes."""
    return ""


def leg_name(key: LegKey, position_mode: PositionMode) -> str:
    """`BTC`: one position an asset, in one mode."""
    return key.symbol


def leverage_key(symbol: str, mode: MarginMode, side: LegSide) -> str:
    """Leverage is one setting per asset. MARGIN, EXCHANGE."""
    return symbol


DEFAULT_LEVERAGE = Decimal(20)
"""Before the user sets one. Grade memory."""


def fill_mode(account: Account, symbol: str, asked: MarginMode | None) -> MarginMode:
    """The margin mode a trade in `symbol` falls under: the asset's setting, cross by default. MARGIN."""
    return account.margin_modes.get(symbol, MarginMode.CROSS)


def pools_of(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """One cross pool in USDC, one pool per isolated position. MARGIN."""
    return pools_per_settle_asset(account, instruments, leg_name)


def tier_of(position: Position, account: Account, instruments: Mapping[str, Instrument]) -> Decimal:
    """Unused: this venue's brackets count notional."""
    return Decimal(0)


def entry_in_rules(entry: Decimal) -> Decimal:
    """Entry price as the formulas use it: as it is."""
    return entry


def initial_rate(leverage: Decimal) -> Decimal:
    """1 / leverage. MARGIN."""
    return 1 / leverage


def order_reserve(order: Order, instrument: Instrument, taker_rate: Decimal) -> Decimal:
    """What a resting order takes off its pool's balance before the liquidation test: nothing. LIQ."""
    return Decimal(0)


def cancels(order: Order, spec: PoolSpec) -> bool:
    """Open orders go first, those of an isolated pool by its asset. Grade memory: the venue does not say."""
    return not spec.isolated or order.symbol == spec.legs[0].symbol


def order_funds(mode: MarginMode, available: Decimal, withdrawable: Decimal) -> Decimal:
    """What a new order may draw on: the available balance, running cross profit included. MARGIN."""
    return available


def may_leave(regime: int, available: Decimal, withdrawable: Decimal) -> Decimal:
    """In March 2023 all but the initial margin could leave; now the rule of today. Recorded (CASSETTE)."""
    return available if regime == 0 else withdrawable


def displayed_liquidation_price(ask: PriceAsk) -> Decimal | None:
    """The true price (LIQ, LIQPX); in March 2023 mark - s * margin available / size, without the maintenance of the way
    there. Recorded. None where it is not above zero. How it is rounded is not known: not at all here."""
    market = ask.markets[ask.leg.market]
    if market.regime == 0:
        mark = ask.marks[ask.leg.market]
        price = mark - (ask.margin.balance - ask.margin.requirement) / ask.leg.amount
        return price if price > 0 else None
    return ask.found.price if ask.found.found else None


def printed(quantity: str, ask: LegAsk) -> Decimal | None:
    """No further number of a position is printed."""
    return None


def venue_ratio(margin: PoolMargin[Decimal], spec: PoolSpec, account: Account) -> Decimal | None:
    """Cross margin ratio = maintenance / account value: usage, liquidation above 1. Grade memory. None without a balance or
    requirement."""
    if margin.requirement == 0 or margin.balance == 0:
        return None
    return margin.requirement / margin.balance


def venue_initial_ratio(margin: PoolMargin[Decimal]) -> Decimal | None:
    """None: the venue prints no ratio of initial margin."""
    return None


def break_even_price(position: Position, taker_rate: Decimal) -> Decimal:
    """entry * (1 + s * rate): where closing pays its own fee. Grade derived (the venue prints none)."""
    side = 1 if position.size > 0 else -1
    return position.entry_price * (1 + side * taker_rate)


def may_switch_mode(account: Account, symbol: str, mode: MarginMode) -> Reject | None:
    """Refused with a position in the asset; saying the mode that it has is no change. SWITCH; recorded."""
    same = account.margin_modes.get(symbol, MarginMode.CROSS) is mode
    if not same and any(position.symbol == symbol for position in account.positions):
        return Reject(
            Reason.MARGIN_MODE_POSITION, f"{symbol} has an open position: close it before changing the margin mode"
        )
    return None


def may_switch_position_mode(account: Account, mode: PositionMode) -> Reject | None:
    """There is no hedge mode. ACCOUNT."""
    if mode is PositionMode.HEDGE:
        return Reject(Reason.NOT_OFFERED, "Hyperliquid nets an asset into one position; there is no hedge mode")
    return None


def row_cap(instrument: Instrument, leverage: Decimal) -> Decimal | None:
    """The largest notional that a leverage allows: the cap of the last row that still allows it. TIERS. None: no bound."""
    allowed = [row for row in instrument.brackets if row.max_leverage is None or row.max_leverage >= leverage]
    return allowed[-1].cap if allowed else Decimal(0)


def may_set_leverage(ask: LeverageAsk) -> Reject | None:
    """Refused: no whole number from 1 to the asset's highest, lower with a position open, above the row of the present
    notional (grade derived), without the margin that resting orders would need. MARGIN, TIERS."""
    known = [row.max_leverage for row in ask.instrument.brackets if row.max_leverage is not None]
    top = max(known) if known else None
    if ask.new < 1 or (top is not None and ask.new > top) or ask.new != ask.new.to_integral_value():
        return Reject(
            Reason.LEVERAGE_INVALID, f"leverage {ask.new} is not offered for {ask.instrument.symbol}", ask.new, top
        )
    if ask.positions and ask.new < ask.old:
        return Reject(Reason.LEVERAGE_LOWER, "leverage cannot be lowered with a position open", ask.new, ask.old)
    cap = row_cap(ask.instrument, ask.new)
    if cap is not None and ask.value > cap:
        return Reject(Reason.LEVERAGE_ABOVE_BRACKET, f"the position exceeds what {ask.new}x allows", ask.value, cap)
    if ask.wanted > max(ask.free, Decimal(0)):
        return Reject(
            Reason.LEVERAGE_NEEDS_MARGIN, "not enough free margin for the lower leverage", ask.wanted, ask.free
        )
    return None


def may_grow(ask: SizeAsk) -> Reject | None:
    """Notional beyond the cap of the last row that allows the leverage. TIERS."""
    cap = row_cap(ask.instrument, ask.leverage)
    if cap is not None and ask.value > cap:
        return Reject(
            Reason.POSITION_LIMIT, f"{ask.leverage}x allows no more of {ask.instrument.symbol}", ask.value, cap
        )
    return None


def limit_counts(order: Order, own: Instrument, other: Instrument) -> bool:
    """Never: the cap of a leverage is compared with the position alone. TIERS."""
    return False
