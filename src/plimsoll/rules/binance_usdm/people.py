"""Binance USDⓈ-M for people, in plain Python: the asset mode, names, codes, printed prices, ratios, and what may be switched
when.

Nothing here enters a margin decision's arithmetic; the numbers compared come from the rules. Callers are inside `exact()`.
"""

from collections.abc import Mapping
from decimal import Decimal

from plimsoll.errors import BadInput, Reason, Reject
from plimsoll.model import Account, Instrument, LegKey, LegSide, MarginMode, Order, Position, PositionMode
from plimsoll.number import half_up_to
from plimsoll.rules.asks import LegAsk, LeverageAsk, PriceAsk, SizeAsk
from plimsoll.rules.binance_usdm import formulas
from plimsoll.rules.columns import PoolMargin
from plimsoll.rules.drawing import PoolSpec, pools_per_settle_asset, valued_pool

TITLE = "Binance USD-M futures, single-asset and multi-assets mode"
REGIMES: Mapping[str, tuple[str, ...]] = {}
"""No rule changed on a known day."""

ASSET_MODE, SINGLE, MULTI = "asset_mode", "single", "multi"
OPTIONS: Mapping[str, tuple[str, ...]] = {ASSET_MODE: (SINGLE, MULTI)}
"""Whether margin assets are pools of their own, or all of them one pool in USD. F-MULTI."""

CURRENCY = "USD"
"""What an account in multi-assets mode is measured in. F-MULTIMARGIN."""

EXEMPT = {"a_liquidated_trader_owes_nothing": ("F-MULTIINFO", "a_liquidated_trader_owes_nothing_in_a_pool_of_one_asset")}
"""In multi-assets mode an asset may be owed while other assets stand behind it."""

MODE_SCOPE = "symbol"
"""Each symbol has its margin mode. F-MODE."""

SETTLES_EXPIRIES_DAILY = False
"""No source tells of a daily settlement of quarterly contracts."""

WALLET_HOLDS_ISOLATED = True
"""`walletBalance` counts the isolated wallets in; cross wallet = wallet - sum of isolated wallets. F-WALLET, recorded."""

UNIT = Decimal("0.00000001")
"""The venue's money and price unit: 8 decimals."""

SOURCES = {
    "F-LIQPX": "binance.com/en/support/faq/b3c689c1f50a44cabb3a84e663b81d93 (liquidation price)",
    "F-LIQ": "binance.com/en/support/faq/360033525271 (liquidation protocol, May 2024)",
    "F-LIQ20": "the 2020 text of the liquidation FAQ, as copied in a public repository (bradkyle/Qenv:logic/binance.md)",
    "F-LEV": "binance.com/en/support/faq/360033162192 (leverage and margin)",
    "F-COST": "binance.com/en/support/faq/87fa7ee33b574f7084d42bd2ce2e463b (cost of opening a position)",
    "F-WALLET": "binance.com/en/support/faq/5d62f8be18d24544b5b6156094c16bf7 (wallet and margin balances)",
    "F-ADJ": "binance.com/en/support/faq/360038447311 (adjusting isolated margin)",
    "F-MODE": "binance.com/en/support/faq/360038075852 (cross and isolated margin)",
    "F-INS": "binance.com/en/support/faq/360033525371 (insurance funds)",
    "F-ADL": "binance.com/en/support/faq/360033525471 (auto-deleveraging)",
    "F-MULTI": "binance.com/en/support/faq/29b45c485d664028b9ca1cdf90b24f6f (multi-assets mode; copies of 2021 and later)",
    "F-MULTIMARGIN": "binance.com/en/support/faq/c983a9268cfa4e70a4916c276bb3b7bc (margin and ratio in multi-assets mode)",
    "F-MULTIINFO": "binance.com/en/futures/trading-rules/perpetual/multi-asset-info, and binance.com/en/support/faq/"
    "f80415bea8124f6494566f23c0bf9c38 (collateral ratios, auto-exchange)",
    "A-UDS": "developers.binance.com, event: Balance and Position Update",
    "A-SDK": "binance/binance-connector-python, USDⓈ-M client docstrings and samples (August 2026)",
    "E-CODES": "developers.binance.com, USDⓈ-M error codes",
}

CODES = {
    Reason.NOT_ENOUGH_MARGIN: "-2019",
    Reason.REDUCE_ONLY: "-2022",
    Reason.POSITION_LIMIT: "-2027",
    Reason.LEVERAGE_ABOVE_BRACKET: "-2027",
    Reason.LEVERAGE_NEEDS_MARGIN: "-2028",
    Reason.LEVERAGE_INVALID: "-4028",
    Reason.LEVERAGE_LOWER_ISOLATED: "-4161",
    Reason.MARGIN_MODE_SAME: "-4046",
    Reason.MARGIN_MODE_OPEN_ORDERS: "-4047",
    Reason.MARGIN_MODE_POSITION: "-4048",
    Reason.POSITION_MODE_SAME: "-4059",
    Reason.POSITION_MODE_OPEN_ORDERS: "-4067",
    Reason.POSITION_MODE_POSITION: "-4068",
    Reason.OPTION_ISOLATED: "-4167",
    Reason.MARGIN_MODE_CROSS_ONLY: "-4168",
    Reason.OPTION_SHORT: "-4169",
    Reason.OPTION_OPEN_ORDERS: "-4170",
    Reason.OPTION_SAME: "-4171",
    Reason.OPTION_DEBT: "-4172",
    Reason.WRONG_POSITION_SIDE: "-4061",
    Reason.MARGIN_ONLY_ISOLATED: "-4049",
    Reason.MARGIN_ADD_TOO_MUCH: "-4050",
    Reason.MARGIN_REMOVE_TOO_MUCH: "-4051",
    Reason.MARGIN_NO_POSITION: "-4054",
    Reason.MARGIN_AMOUNT: "-4055",
    Reason.BELOW_MINIMUM: "-4164",
    Reason.BAD_LOT: "-1111",
    Reason.BAD_AMOUNT: "-4003",
    Reason.UNKNOWN_SYMBOL: "-1121",
    Reason.UNKNOWN_ORDER: "-2011",
    Reason.WOULD_TRIGGER: "-2021",
}
"""Reason -> the venue's code. E-CODES; -1111, -1121, -2011, -2021, -4003 grade memory."""


def venue_code(reject: Reject) -> str:
    """The venue's code for a refusal, '' where it has none."""
    return CODES.get(reject.reason, "")


def leg_name(key: LegKey, position_mode: PositionMode) -> str:
    """`BTCUSDT`, or `BTCUSDT:long` in hedge mode; the mode is a property of the symbol and needs no name."""
    return key.symbol if key.side is LegSide.NET else f"{key.symbol}:{key.side}"


def leverage_key(symbol: str, mode: MarginMode, side: LegSide) -> str:
    """Leverage is one setting per symbol, for both modes and both hedge legs (the last: grade memory). E-CODES, F-LEV,
    F-COINLEV."""
    return symbol


DEFAULT_LEVERAGE = Decimal(20)
"""Before the user sets one. F-LEV."""


def fill_mode(account: Account, symbol: str, asked: MarginMode | None) -> MarginMode:
    """The margin mode a trade in `symbol` falls under: the symbol's setting, cross by default. F-MODE."""
    return account.margin_modes.get(symbol, MarginMode.CROSS)


def in_multi_assets_mode(account: Account) -> bool:
    """Whether all margin assets are one pool; single-asset mode unless the account says otherwise. F-MULTI. BadInput: a mode
    that the venue does not have."""
    mode = account.options.get(ASSET_MODE, SINGLE)
    if mode not in OPTIONS[ASSET_MODE]:
        raise BadInput("account", ASSET_MODE, mode, f"choose one of {', '.join(OPTIONS[ASSET_MODE])}")
    return mode == MULTI


def pools_of(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """Single-asset mode: one cross pool per margin asset, one pool per isolated leg (hedge legs apart). F-MODE. Multi-assets
    mode: one pool over all assets, in USD, cross only. F-MULTI, F-MULTIMARGIN. BadInput: an isolated position there."""
    if not in_multi_assets_mode(account):
        return pools_per_settle_asset(account, instruments, leg_name)
    walled = next((p for p in account.positions if p.mode is MarginMode.ISOLATED), None)
    if walled is not None:
        cure = "multi-assets mode is cross only; make it cross, or the account single-asset"
        raise BadInput("account", f"mode of {walled.symbol}", walled.mode, cure)
    return valued_pool(account, instruments, CURRENCY)


def tier_of(position: Position, account: Account, instruments: Mapping[str, Instrument]) -> Decimal:
    """Unused: this venue's brackets count notional."""
    return Decimal(0)


def entry_in_rules(entry: Decimal) -> Decimal:
    """Entry price as the formulas use it: cut to 8 decimals. Recorded."""
    return formulas.entry_in_rules(entry, UNIT)


def initial_rate(leverage: Decimal) -> Decimal:
    """1 / leverage, rounded up to 8 decimals. Recorded."""
    return formulas.initial_rate(leverage, UNIT)


def order_reserve(order: Order, instrument: Instrument, taker_rate: Decimal) -> Decimal:
    """What a resting order takes off its pool's balance before the liquidation test: nothing here. F-WALLET."""
    return Decimal(0)


def cancels(order: Order, spec: PoolSpec) -> bool:
    """All open orders go first. F-LIQ. In isolated margin those of the symbol, whichever leg: grade memory."""
    return not spec.isolated or order.symbol == spec.legs[0].symbol


def order_funds(mode: MarginMode, available: Decimal, withdrawable: Decimal) -> Decimal:
    """What a new order or a lower leverage may draw on: the available balance, running cross profit included. F-WALLET."""
    return available


def displayed_liquidation_price(ask: PriceAsk) -> Decimal | None:
    """Rounded half-up to 8 decimals; the API prints 0 and the screen "--" where there is none. Recorded; F-COINLIQ."""
    if not ask.found.found:
        return None
    return half_up_to(ask.found.price, UNIT)


def printed(quantity: str, ask: LegAsk) -> Decimal | None:
    """No further number of a position is printed."""
    return None


def venue_ratio(margin: PoolMargin[Decimal], spec: PoolSpec, account: Account) -> Decimal | None:
    """marginRatio = maintenance / margin balance: usage, liquidation at 1. F-LIQ, F-MULTIMARGIN. None without a balance or
    maintenance margin."""
    if margin.maintenance == 0 or margin.balance == 0:
        return None
    return margin.maintenance / margin.balance


def venue_initial_ratio(margin: PoolMargin[Decimal]) -> Decimal | None:
    """None: the venue prints no ratio of initial margin."""
    return None


def break_even_price(position: Position, taker_rate: Decimal) -> Decimal:
    """breakEvenPrice = entry * (1 + s*rate), from the uncut entry. Recorded (BTC 2024, AGIX, ENA)."""
    side = 1 if position.size > 0 else -1
    return position.entry_price * (1 + side * taker_rate)


def may_switch_mode(account: Account, symbol: str, mode: MarginMode) -> Reject | None:
    """Per symbol: refused when unchanged, with an open order, with a position in it; isolated never in multi-assets mode.
    F-MODE, F-MULTI, E-CODES.

    Which of two refusals comes first is not published; orders before position is our order (grade memory)."""
    if mode is MarginMode.ISOLATED and in_multi_assets_mode(account):
        return Reject(Reason.MARGIN_MODE_CROSS_ONLY, "multi-assets mode has no isolated margin")
    if account.margin_modes.get(symbol, MarginMode.CROSS) is mode:
        return Reject(Reason.MARGIN_MODE_SAME, "No need to change margin type.")
    if any(order.symbol == symbol for order in account.orders):
        return Reject(
            Reason.MARGIN_MODE_OPEN_ORDERS, f"{symbol} has open orders: cancel them before changing the margin mode"
        )
    if any(position.symbol == symbol for position in account.positions):
        return Reject(
            Reason.MARGIN_MODE_POSITION, f"{symbol} has an open position: close it before changing the margin mode"
        )
    return None


def may_switch_position_mode(account: Account, mode: PositionMode) -> Reject | None:
    """Account-wide: refused when unchanged, with any open order, with any position. A-SDK, E-CODES."""
    if account.position_mode is mode:
        return Reject(Reason.POSITION_MODE_SAME, "No need to change position side.")
    if account.orders:
        return Reject(Reason.POSITION_MODE_OPEN_ORDERS, "position mode cannot change while orders are open")
    if account.positions:
        return Reject(Reason.POSITION_MODE_POSITION, "position mode cannot change while positions are open")
    return None


def may_set_option(account: Account, name: str, value: str) -> Reject | None:
    """The asset mode, for the whole account. Refused when unchanged (-4171), with open orders (-4170), with a position (its
    code is not published), into multi-assets mode while a symbol is isolated (-4167), out of it while an asset is owed (-4172);
    the machine then tests the account as it would stand (-4169). E-CODES, F-MULTI; the order of the checks, and that positions
    and orders block the way out as well, grade memory."""
    if account.options.get(name, OPTIONS[name][0]) == value:
        return Reject(Reason.OPTION_SAME, f"the account is in {value} asset mode already")
    if account.orders:
        return Reject(Reason.OPTION_OPEN_ORDERS, "the asset mode cannot change while orders are open")
    isolated = [symbol for symbol, mode in account.margin_modes.items() if mode is MarginMode.ISOLATED]
    isolated += [p.symbol for p in account.positions if p.mode is MarginMode.ISOLATED and p.symbol not in isolated]
    if value == MULTI and isolated:
        return Reject(Reason.OPTION_ISOLATED, f"multi-assets mode is cross only: make {', '.join(isolated)} cross first")
    if account.positions:
        return Reject(Reason.OPTION_POSITION, "the asset mode cannot change while positions are open")
    owing = [asset for asset, amount in account.cash.items() if amount < 0]
    owing += [asset for asset, amount in account.borrowed.items() if amount > 0 and asset not in owing]
    if owing:
        return Reject(Reason.OPTION_DEBT, f"the asset mode cannot change while {', '.join(owing)} is owed")
    return None


def row_cap(instrument: Instrument, leverage: Decimal) -> Decimal | None:
    """The largest notional that a leverage allows: the cap of the last row that still allows it. F-LEV, F-COINLEV.
    None: no bound."""
    allowed = [row for row in instrument.brackets if row.max_leverage is None or row.max_leverage >= leverage]
    return allowed[-1].cap if allowed else Decimal(0)


def may_set_leverage(ask: LeverageAsk) -> Reject | None:
    """Refused: not a leverage of this symbol, lower with an isolated position, above the row of the present notional, lower in
    cross without free margin. E-CODES (-4028; -4161, in COIN-M -4150; -2027; -2028)."""
    top = instrument_max_leverage(ask.instrument)
    if ask.new < 1 or (top is not None and ask.new > top) or ask.new != ask.new.to_integral_value():
        return Reject(
            Reason.LEVERAGE_INVALID, f"leverage {ask.new} is not offered for {ask.instrument.symbol}", ask.new, top
        )
    isolated = any(position.mode is MarginMode.ISOLATED for position in ask.positions)
    if isolated and ask.new < ask.old:
        return Reject(
            Reason.LEVERAGE_LOWER_ISOLATED, "leverage cannot be lowered with an isolated position", ask.new, ask.old
        )
    cap = row_cap(ask.instrument, ask.new)
    if cap is not None and ask.value > cap:
        return Reject(Reason.LEVERAGE_ABOVE_BRACKET, f"the position exceeds what {ask.new}x allows", ask.value, cap)
    if ask.wanted > max(ask.free, Decimal(0)):
        return Reject(
            Reason.LEVERAGE_NEEDS_MARGIN, "not enough free margin for the lower leverage", ask.wanted, ask.free
        )
    return None


def instrument_max_leverage(instrument: Instrument) -> Decimal | None:
    """The highest leverage any row allows."""
    known = [row.max_leverage for row in instrument.brackets if row.max_leverage is not None]
    return max(known) if known else None


def may_grow(ask: SizeAsk) -> Reject | None:
    """-2027: notional beyond the cap of the last row that allows the leverage. F-LEV, F-COINLEV."""
    cap = row_cap(ask.instrument, ask.leverage)
    if cap is not None and ask.value > cap:
        return Reject(
            Reason.POSITION_LIMIT, f"{ask.leverage}x allows no more of {ask.instrument.symbol}", ask.value, cap
        )
    return None


def limit_counts(order: Order, own: Instrument, other: Instrument) -> bool:
    """Never: the cap of a leverage is compared with the leg alone (grade memory for hedge legs). F-LEV, F-COINLEV."""
    return False
