"""dYdX v4 for people, in plain Python: names, printed prices, and what may be switched when.

Nothing here enters a margin decision's arithmetic; the numbers compared come from the rules. Callers are inside `exact()`.
"""

from collections.abc import Mapping
from decimal import Context, Decimal

from plimsoll.errors import Reason, Reject
from plimsoll.model import Account, Instrument, LegKey, LegSide, MarginMode, Order, Position, PositionMode
from plimsoll.number import DIGITS, ONE, ZERO, ceil_to, floor_to
from plimsoll.rules.asks import LegAsk, LeverageAsk, PriceAsk, SizeAsk
from plimsoll.rules.columns import PoolMargin
from plimsoll.rules.drawing import PoolSpec, pools_per_settle_asset
from plimsoll.rules.dydx import formulas

TITLE = "dYdX v4 perpetuals"

REGIMES: Mapping[str, tuple[str, ...]] = {}
"""No rule changed on a known day."""

TERMS = (
    "open_interest",
    "open_interest_lower_cap",
    "open_interest_upper_cap",
    "bankruptcy_adjustment",
    "spread_to_maintenance_ratio",
    "block_position_portion",
    "block_min_notional",
    "block_max_notional",
)
"""Open interest in base units, its caps in USDC (TIER); how forced orders are priced, and how much of a position and of a
subaccount one block may close (CLOB)."""

MODE_SCOPE = "order"
"""A position stands in the subaccount that traded it: `cross` the main one, `isolated` one of its own. SUB."""

SETTLES_EXPIRIES_DAILY = False
"""There are no expiring contracts. LIB."""

WALLET_HOLDS_ISOLATED = False
"""Each subaccount has its own balance. SUB."""

BALANCE_PAYS_POSITIONS = True
"""The USDC balance of a subaccount is less what its positions were paid for; it may be negative. SUB, LIB."""

CHARGES_SURPLUS = True
"""The fee of a fill is part of what it brings beyond the bankruptcy price, also where NC is below zero. CLOB."""

FUND_TAKES_POSITIONS = False
"""The insurance fund pays losses only; what nobody fills goes to offsetting accounts. CLOB."""

ORDERS_RESERVE = False
"""Nothing is set aside for a resting order: it is looked at again when it fills. RISK; grade memory."""

PRICES_STATED = True
"""Value and margins are whole quantums, so that headroom is a staircase over the price. LIB."""

SOURCES = {
    "RISK": "github.com/dydxprotocol/v4-chain, protocol/lib/margin/risk.go",
    "TIER": "github.com/dydxprotocol/v4-chain, protocol/x/perpetuals/types/liquidity_tier.go (commit 84d4664)",
    "LIB": "github.com/dydxprotocol/v4-chain, protocol/x/perpetuals/lib/lib.go and protocol/lib/quantums.go",
    "CLOB": "github.com/dydxprotocol/v4-chain, protocol/x/clob/keeper/liquidations.go and its tests (commit 84d4664)",
    "SUB": "github.com/dydxprotocol/v4-chain, protocol/x/subaccounts; docs.dydx.exchange",
    "GEN": "github.com/dydxprotocol/v4-chain, protocol/testing/genesis.sh",
}

EXEMPT = {
    "after_a_command_no_pool_is_left_under_water": ("CLOB", "what_is_left_under_water_has_money_and_nobody_takes_it"),
    "each_step_of_a_ladder_leaves_less_and_the_ladder_ends": ("CLOB", "each_step_of_a_ladder_leaves_less"),
    "each_step_of_a_ladder_leaves_less_until_the_venue_waits": ("CLOB", "each_step_of_a_ladder_leaves_less"),
    "after_a_command_a_pool_under_water_is_one_that_the_venue_waits_with": (
        "CLOB",
        "what_is_left_under_water_has_money_and_nobody_takes_it",
    ),
    "at_the_liquidation_price_the_pool_fails_and_one_tick_safer_it_does_not": (
        "LIB",
        "a_stated_liquidation_price_is_where_the_pool_loses_its_last_whole_unit_a_lot",
    ),
    "a_pool_under_water_is_whole_beyond_its_liquidation_price": (
        "LIB",
        "a_stated_liquidation_price_is_where_the_pool_loses_its_last_whole_unit_a_lot",
    ),
    "headroom_is_concave_in_the_price_or_its_inverse": ("LIB", "headroom_is_concave_within_its_tiers_but_for_whole_units"),
    "a_legs_stated_line_is_its_share_of_the_headroom": (
        "LIB",
        "a_legs_stated_line_is_its_share_of_the_headroom_but_for_whole_units",
    ),
}
"""Laws that this venue breaks: law -> (source key, the law that holds instead). Value is cut to whole quantums; a position
that nobody fills stays while NC >= 0."""

TWICE = Context(prec=2 * DIGITS)
"""Twice the working digits, for a rate that is multiplied before it is rounded."""


def venue_code(reject: Reject) -> str:
    """The chain's codes of refusals are not known here."""
    return ""


def leg_name(key: LegKey, position_mode: PositionMode) -> str:
    """`BTC-USD` in the main subaccount, `BTC-USD@isolated` in one of its own: both may be held at once. SUB."""
    name = key.symbol if key.side is LegSide.NET else f"{key.symbol}:{key.side}"
    return f"{name}@isolated" if key.mode is MarginMode.ISOLATED else name


def leverage_key(symbol: str, mode: MarginMode, side: LegSide) -> str:
    """A chosen leverage is one setting per market and subaccount. SUB; grade derived."""
    return f"{symbol}|{mode}"


DEFAULT_LEVERAGE = ZERO
"""None chosen: the market's own initial rate holds. TIER."""


def fill_mode(account: Account, symbol: str, asked: MarginMode | None) -> MarginMode:
    """The subaccount that the trade names; the main one where it names none (our choice). SUB."""
    return MarginMode.CROSS if asked is None else asked


def pools_of(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """The main subaccount, and one for each position that stands in its own. SUB."""
    return pools_per_settle_asset(account, instruments, leg_name)


def tier_of(position: Position, account: Account, instruments: Mapping[str, Instrument]) -> Decimal:
    """Unused: a market has one liquidity tier. TIER."""
    return ZERO


def entry_in_rules(entry: Decimal) -> Decimal:
    """Entry price as the formulas use it: as it stands; the cost decides. LIB."""
    return entry


def initial_rate(leverage: Decimal) -> Decimal:
    """1 / leverage, unrounded; 0 where none is chosen, and the market's own rate holds. TIER; the rounding grade derived."""
    return TWICE.divide(ONE, leverage) if leverage > 0 else ZERO


def order_reserve(order: Order, instrument: Instrument, taker_rate: Decimal) -> Decimal:
    """Nothing: resting orders are no part of NC or MMR. RISK."""
    return ZERO


def cancels(order: Order, spec: PoolSpec) -> bool:
    """No order is cancelled by a liquidation. CLOB; grade derived."""
    return False


def order_funds(mode: MarginMode, available: Decimal, withdrawable: Decimal) -> Decimal:
    """What a new order may draw on: NC - IMR of the main subaccount; a position of its own takes its IMR along. RISK."""
    return available


def displayed_liquidation_price(ask: PriceAsk) -> Decimal | None:
    """A long's down to the tick, a short's up: a price at which NC < MMR. The chain prints none; grade derived."""
    if not ask.found.found:
        return None
    if ask.tick is None:
        return ask.found.price
    price = floor_to(ask.found.price, ask.tick) if ask.size > 0 else ceil_to(ask.found.price, ask.tick)
    return price if price > 0 else None


def printed(quantity: str, ask: LegAsk) -> Decimal | None:
    """bankruptcy_quote: of what resting reduce-only orders close, else of the whole position; fillable_price. CLOB."""
    if ask.margin.requirement <= 0:
        return None
    if quantity == "bankruptcy_quote":
        return formulas.bankruptcy_quote(ask.leg, ask.closing or abs(ask.leg.amount), ask.margin, ask.mark, ask.market)
    if quantity == "fillable_price":
        return formulas.fillable_price(ask.leg, ask.margin, ask.mark, ask.market)
    return None


def venue_ratio(margin: PoolMargin[Decimal], spec: PoolSpec, account: Account) -> Decimal | None:
    """The chain compares NC and MMR and prints no ratio."""
    return None


def venue_initial_ratio(margin: PoolMargin[Decimal]) -> Decimal | None:
    """None is printed."""
    return None


def break_even_price(position: Position, taker_rate: Decimal) -> Decimal:
    """entry * (1 + s*rate): where the fee of closing is earned. Grade derived (the chain keeps no entry price)."""
    return position.entry_price * (1 + (1 if position.size > 0 else -1) * taker_rate)


def may_switch_mode(account: Account, symbol: str, mode: MarginMode) -> Reject | None:
    """Never: a position stays in its subaccount until it is closed. SUB (no message moves one)."""
    return Reject(
        Reason.MARGIN_MODE_PER_ORDER,
        f"a position stays in the subaccount that opened it; close it and open {symbol} {mode} with the next order",
    )


def may_switch_position_mode(account: Account, mode: PositionMode) -> Reject | None:
    """There is no hedge mode; two subaccounts may hold a long and a short. SUB."""
    if mode is PositionMode.HEDGE:
        return Reject(Reason.NOT_OFFERED, "dYdX nets a market into one position a subaccount; there is no hedge mode")
    return None


def may_set_leverage(ask: LeverageAsk) -> Reject | None:
    """Above 1/IMF a leverage would lower the rate, which it cannot; a lower one must leave NC >= IMR. RISK, TIER; that the
    chain refuses rather than ignores is grade memory."""
    top = ask.instrument.brackets[0].max_leverage if ask.instrument.brackets else None
    if top is not None and ask.new > top:
        return Reject(Reason.LEVERAGE_ABOVE_BRACKET, f"{ask.instrument.symbol} offers no such leverage", ask.new, top)
    if ask.wanted > max(ask.free, ZERO):
        return Reject(Reason.LEVERAGE_NEEDS_MARGIN, "not enough free collateral for the lower leverage", ask.wanted, ask.free)
    return None


def unstated(instrument: Instrument) -> str:
    """Open interest where it would count: the rate grows from the lower cap on, and maintenance does not. TIER."""
    stated = dict(zip(TERMS, instrument.terms, strict=False))
    upper = stated.get("open_interest_upper_cap", ZERO)
    if upper <= 0 or stated["open_interest"] > 0:
        return ""
    lower = stated["open_interest_lower_cap"]
    return (
        "open interest is not in the table, so initial margin is the least there is; it grows once open interest is worth more "
        f"than {lower:,} {instrument.settle}, to the whole value at {upper:,}, and the venue may then refuse what passes "
        "here; state open_interest, in coins, under terms of a table file of your own"
    )


def may_open(account: Account, order: Order, instruments: Mapping[str, Instrument]) -> Reject | None:
    """An isolated market stands alone in its subaccount: nothing beside it, and it beside nothing. SUB."""
    if order.mode is MarginMode.ISOLATED:
        return None
    others = [p.symbol for p in account.positions if p.mode is MarginMode.CROSS and p.symbol != order.symbol]
    if others and instruments[order.symbol].alone:
        return Reject(Reason.NOT_OFFERED, f"{order.symbol} is an isolated market: it needs a subaccount without positions")
    walled = next((symbol for symbol in others if instruments[symbol].alone), None)
    if walled is not None:
        return Reject(Reason.NOT_OFFERED, f"{walled} is an isolated market: nothing else may be held in its subaccount")
    return None


def may_grow(ask: SizeAsk) -> Reject | None:
    """Any size that can be margined: a leverage above the market's own simply does not count. TIER."""
    return None


def limit_counts(order: Order, own: Instrument, other: Instrument) -> bool:
    """Never: there is no limit of size. TIER."""
    return False
