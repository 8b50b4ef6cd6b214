"""Bybit Unified Trading Account for people, in plain Python: names, codes, printed prices, ratios, what may be switched when.

Nothing here enters a margin decision's arithmetic except which orders count to a tier; the numbers compared come from the
rules. Callers are inside `exact()`.
"""

from collections.abc import Mapping
from decimal import Decimal

from plimsoll.errors import BadInput, Reason, Reject
from plimsoll.model import (
    Account,
    Instrument,
    Kind,
    LegKey,
    LegSide,
    MarginMode,
    Order,
    Position,
    PositionMode,
    closing_of,
    leg_key,
)
from plimsoll.number import ONE, ZERO, ceil_to, floor_to
from plimsoll.rules.asks import LegAsk, LeverageAsk, PriceAsk, SizeAsk
from plimsoll.rules.bybit_uta import formulas
from plimsoll.rules.columns import PoolMargin, Resting
from plimsoll.rules.common import row_above
from plimsoll.rules.drawing import PoolSpec, pools_per_settle_asset, valued_pool
from plimsoll.rules.resting import new_value, order_value

TITLE = "Bybit Unified Trading Account, isolated and cross"
REGIMES: Mapping[str, tuple[str, ...]] = {"margin_basis": ("entry", "mark")}
"""Before and after the reform of 2025-09-02. H2."""

MODE_SCOPE = "account"
"""One setting for the whole account. A3, H6."""

CURRENCY = "USD"
"""What a cross account is measured in. H1."""

SETTLES_EXPIRIES_DAILY = False
"""USDC contracts settle profit every 8 hours (A1, A15); expiries as such have no daily settlement."""

WALLET_HOLDS_ISOLATED = True
"""`walletBalance` counts the locked margins in. A2."""

UNIT = Decimal("0.00000001")
"""1/L is rounded up to 8 decimals. Recorded."""

RATIO_UNIT = Decimal("0.0001")
"""Account rates are cut to 4 decimals. Recorded (seven wallets)."""

LEAST_EXIT_FEE = Decimal("0.00055")
"""Break-even prices count at least the standard taker rate. A1."""

EXEMPT = {
    "maintenance_is_at_most_initial": ("H2", "maintenance_is_at_most_initial_at_the_entry_price"),
    "long_and_short_mirror_each_other": ("H10", "long_and_short_mirror_without_the_closing_fee"),
    "a_liquidated_trader_owes_nothing": ("H7", "after_a_command_no_pool_is_left_under_water"),
}
"""Initial margin of an isolated position stays on its entry while maintenance follows the mark. The closing-fee reserve is the
fee at the bankruptcy price, which lies below the entry for a long and above it for a short. A coin may be owed while other
coins stand behind it: a loss beyond the coin's balance is an automatic borrow."""

SOURCES = {
    "A1": "github bybit-exchange/docs at 072c197 (2026-07-24): docs/v5/position/position.mdx",
    "A2": "same repository: docs/v5/account/wallet-balance.mdx",
    "A3": "same repository: docs/v5/account/set-margin-mode.mdx",
    "A5": "same repository: docs/v5/position/manual-add-margin.mdx",
    "A6": "same repository: docs/v5/position/auto-add-margin.mdx",
    "A7": "same repository: docs/v5/error.mdx",
    "A8": "same repository: docs/v5/enum.mdx (createType, execType, cancelType)",
    "A13": "same repository: docs/v5/account/unified-trans-amnt.mdx",
    "A14": "same repository: docs/v5/spot-margin-uta (collateral ratios, position tiers), account/collateral-info.mdx",
    "A15": "same repository: docs/v5/account/transaction-log.mdx",
    "A17": "same repository: position/position-mode.mdx, position/leverage.mdx",
    "A19": "same repository: docs/v5/order/create-order.mdx",
    "H1": "Glossary of the Unified Trading Account, bytick.com copy of 2026-03-13",
    "H2": "Understanding the Adjustment and Impact of the New Margin Calculation, testnet.bytick.com (2025-09-18), zh-MY",
    "H3": "Liquidation Price Calculation under Isolated Mode (UTA), kbybit.com (2026-05-27), bybit.nl (2024-09-10)",
    "H4": "UTA Trading Rules: liquidation process, bybit.com (2023-10-19) to testnet.bybit.com (2024-10-23)",
    "H5": "the 2026-08-07 edition of H4 and related pages, as reported in a public file",
    "H6": "Differences Between the Margin Modes Under the UTA, bybit.eu (2025-05-12) and 2026-08-04",
    "H7": "Assets Collateral Value Ratio List (UTA), testnet.bytick.com (2025-09-18)",
    "H8": "Maintenance Margin (USDT Contract), bytick.com; 2026-04-16",
    "H9": "announcement-info/margin-parameters, bybitglobal.com and others",
    "H10": "Order Cost (USDT Contract), testnet.bybit.com (2024-10-30)",
    "H11": "Liquidation Process (USDT Contract), help.bybit.com 900000167723",
    "H12": "announcement-info/liquidation-summarize, bybitglobal.com",
    "H13": "Auto Margin Replenishment, bybit.nl (2023-12-04)",
    "H14": "Funding fee calculation, bybit.com/ro-RO (2024-12-19)",
    "H15": "Auto-Deleveraging (ADL), help.bybit.com 900000031623; testnet.bybitx.global (2025-11-05)",
    "H17": "Glossary zh-TW, bybitglobal.com (order loss)",
    "H18": "Risk Limit (USDT Contract), bybitglobal.com",
    "H22": "Insurance Fund (2026-03-24), as reported in a public file",
    "H23": "USDT contract rules, testnet.bybit.com/zh-TW",
    "H24": "a third party's account of opposite orders on one symbol",
    "H25": "a copy of the FAQ on adding and reducing margin",
    "H26": "Liquidation Price (USDT Contract), testnet.bybit.com",
    "H27": "How to calculate Liquidation Price (Inverse Contract), help.bybit.com 360039261334",
    "H30": "Spot Margin Trading: Fees Explained, bybit.global search page",
    "H28": "collateral customisation guide (copy of 2023-08-22)",
}

DEBTS = "apart"
"""Spot borrowing stands beside the wallet (spotBorrow). A2; that a trade borrows what the wallet lacks by itself: A14."""

FIRST_HOUR_AT_ONCE = True
"""Interest by the hour, each started hour counts. H30."""

LENDS_IN = (MarginMode.CROSS,)
"""Spot margin trading needs cross margin. H6."""

CODES = {
    Reason.NOT_ENOUGH_MARGIN: "110007",
    Reason.REDUCE_ONLY: "110017",
    Reason.POSITION_LIMIT: "110090",
    Reason.LEVERAGE_ABOVE_BRACKET: "110013",
    Reason.LEVERAGE_INVALID: "110013",
    Reason.MARGIN_MODE_SAME: "110026",
    Reason.MARGIN_MODE_SHORT: "110073",
    Reason.POSITION_MODE_SAME: "110025",
    Reason.POSITION_MODE_OPEN_ORDERS: "110028",
    Reason.POSITION_MODE_POSITION: "110024",
    Reason.MARGIN_ONLY_ISOLATED: "110015",
    Reason.MARGIN_ADD_TOO_MUCH: "110014",
    Reason.MARGIN_REMOVE_TOO_MUCH: "110078",
    Reason.MARGIN_WOULD_LIQUIDATE: "110011",
    Reason.MARGIN_NO_POSITION: "110033",
    Reason.UNKNOWN_ORDER: "110001",
    Reason.BORROW_TOO_MUCH: "110098",
}
"""Reason -> the venue's code. A7; 110001, 110017, 110025 grade memory."""


def venue_code(reject: Reject) -> str:
    """The venue's code for a refusal, '' where it has none."""
    return CODES.get(reject.reason, "")


def leg_name(key: LegKey, position_mode: PositionMode) -> str:
    """`BTCUSDT`, or `BTCUSDT:long` in hedge mode; the margin mode is the account's and needs no name."""
    return key.symbol if key.side is LegSide.NET else f"{key.symbol}:{key.side}"


def leverage_key(symbol: str, mode: MarginMode, side: LegSide) -> str:
    """One setting per symbol; in isolated mode the two hedge legs have their own. A17."""
    return symbol if side is LegSide.NET or mode is MarginMode.CROSS else f"{symbol}:{side}"


DEFAULT_LEVERAGE = Decimal(10)
"""Before the user sets one. Grade memory."""


def account_mode(account: Account) -> MarginMode:
    """The account's margin mode: as stated, else that of its first position, else cross, the default. A3, H6."""
    given = account.positions[0].mode if account.positions else MarginMode.CROSS
    return MarginMode(account.options.get("margin_mode", given))


def fill_mode(account: Account, symbol: str, asked: MarginMode | None) -> MarginMode:
    """The margin mode of a trade is the account's. A3, H6."""
    return account_mode(account)


def pools_of(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """Cross: one pool over all coins, in USD. Isolated: one pool per leg (hedge legs apart), and each coin's cash. H1, H6.

    BadInput: a position in another mode than the account's; an account that states none is in its positions'."""
    mode = account_mode(account)
    stray = next((p for p in account.positions if p.mode is not mode), None)
    if stray is not None:
        cure = f"the whole account is in {mode} margin (options: margin_mode), and so is each of its positions"
        raise BadInput("account", f"mode of {stray.symbol}", stray.mode, cure)
    if mode is MarginMode.ISOLATED:
        return pools_per_settle_asset(account, instruments, leg_name)
    return valued_pool(account, instruments, CURRENCY)


def tier_of(position: Position, account: Account, instruments: Mapping[str, Instrument]) -> Decimal:
    """Value of the symbol's orders that need margin, which choose the tier beside the position's own. H2, H18. That orders
    which only close, and the cheaper side, do not count here either is grade derived.

    Cross only: in isolated mode orders have money of their own, and a deduction taken for their sake would lower the
    requirement of the position (grade derived)."""
    if position.mode is MarginMode.ISOLATED:
        return ZERO
    same = [o for o in account.orders if (o.symbol, o.mode, o.position_side) == leg_key(position)]
    if not same:
        return ZERO
    instrument = instruments[position.symbol]
    closable = position.size if position.side is LegSide.NET else ZERO
    buys, sells = (
        new_value(same, side, size, lambda order: order_value(order, instrument))
        for side, size in (("buy", -closable), ("sell", closable))
    )
    rate = initial_rate(position.leverage)
    resting = Resting(0, ZERO, buys, sells, rate, position.leverage, buys, sells, ZERO, ZERO, False)
    taker = closing_of(account.fees, instrument)
    return formulas.dearer_side(resting, taker, instrument.kind is Kind.INVERSE)[0]


def entry_in_rules(entry: Decimal) -> Decimal:
    """Entry price as the formulas use it: as it stands. Recorded."""
    return entry


def initial_rate(leverage: Decimal) -> Decimal:
    """1 / leverage, rounded up to 8 decimals. Recorded."""
    return formulas.initial_rate(leverage, UNIT)


def order_reserve(order: Order, instrument: Instrument, taker_rate: Decimal) -> Decimal:
    """What a resting order takes off its pool's balance: nothing, its fees are in its margin. H10."""
    return ZERO


def cancels(order: Order, spec: PoolSpec) -> bool:
    """Cross: the orders that add exposure. Isolated: those of the symbol that could enlarge the position. H4, H11, H12."""
    closing = (order.position_side, order.side) in ((LegSide.LONG, "sell"), (LegSide.SHORT, "buy"))
    if order.reduce_only or closing:
        return False
    return not spec.isolated or (order.symbol, order.position_side) == (spec.legs[0].symbol, spec.legs[0].side)


def order_funds(mode: MarginMode, available: Decimal, withdrawable: Decimal) -> Decimal:
    """What a new order or a lower leverage may draw on: the available balance. A2, H6."""
    return available


def displayed_liquidation_price(ask: PriceAsk) -> Decimal | None:
    """`liqPrice`: isolated the published closed form with the present tier, a long's up to the tick and a short's down;
    cross an estimate. H3, A1; recorded. None where the venue prints an empty string."""
    price = _isolated_price(ask) if ask.leg.isolated else _estimate(ask)
    if price is None or price <= 0:
        return None
    if ask.tick is None or not ask.leg.isolated:
        return price
    return ceil_to(price, ask.tick) if ask.size > 0 else floor_to(price, ask.tick)


def _isolated_price(ask: PriceAsk) -> Decimal | None:
    """Since the reform linear (q*B - s*d) / (q*(1 - s*r)), inverse Q*(1 + s*r) / (Q/B + s*d); before it linear
    B + s*(E*r - d/q), inverse Q / (Q/B - s*((Q/E)*r - d)). H2, H3, H27. Written with one division, last, so that a price
    which lies on a tick is printed as that tick."""
    leg, market = ask.leg, ask.markets[ask.leg.market]
    if not formulas.bankruptcy_price(leg, leg.margin, market).found:
        return None
    side, amount = (1 if ask.size > 0 else -1), abs(leg.amount)
    value = formulas.base_value(leg, ask.marks[leg.market], market)
    row = formulas.bracket(value, leg.tier, market)
    rate, deduction = market.rates[row], market.deductions[row]
    own = formulas.notional(leg.amount, leg.entry, market.inverse)
    after = 1 + side * market.taker_rate if market.inverse else 1 - side * market.taker_rate
    asked = deduction if market.regime == 1 else deduction - value * rate
    grows = (1 + side * rate if market.inverse else 1 - side * rate) if market.regime == 1 else ONE
    if market.inverse:
        depth = own + side * leg.margin + side * asked * after
        return amount * grows * after / depth if depth > 0 else None
    return (own - side * leg.margin - side * asked * after) / (amount * grows * after)


def _estimate(ask: PriceAsk) -> Decimal | None:
    """LP_est = P - s*(margin balance - maintenance) / (q*k): k = 1 while the coin's equity is positive, else 1 + the loan's
    maintenance rate. A1; recorded to 1e-7 on two accounts. Of inverse contracts no formula is known."""
    leg, coin = ask.leg, ask.coin
    if coin is None or ask.markets[leg.market].inverse:
        return None
    wallet, divisor = ask.pool.wallets[leg.wallet], ONE
    if coin.equity < 0 and wallet.loan_rows > 0:
        divisor += wallet.loan_maintenance[row_above(coin.borrowed, wallet.loan_floors, wallet.loan_rows)]
    return ask.marks[leg.market] - (ask.margin.balance - ask.margin.maintenance) / (leg.amount * divisor)


def printed(quantity: str, ask: LegAsk) -> Decimal | None:
    """No further number of a position is printed."""
    return None


def venue_ratio(margin: PoolMargin[Decimal], spec: PoolSpec, account: Account) -> Decimal | None:
    """accountMMRate = maintenance / (margin balance + order loss), cut to 4 decimals; of an isolated leg the same of its own
    money. H1, H17; recorded. None without a balance or requirement."""
    return _rate(margin.maintenance, margin)


def venue_initial_ratio(margin: PoolMargin[Decimal]) -> Decimal | None:
    """accountIMRate = initial / (margin balance + order loss), cut to 4 decimals. H1, H17; recorded."""
    return _rate(margin.initial, margin)


def _rate(need: Decimal, margin: PoolMargin[Decimal]) -> Decimal | None:
    backing = margin.balance - (margin.requirement - margin.maintenance)
    if margin.requirement == 0 or backing <= 0:
        return None
    return floor_to(need / backing, RATIO_UNIT)


def break_even_price(position: Position, taker_rate: Decimal) -> Decimal:
    """(E*q - realised) / (q - |q|*max(f, 0.00055)), q signed. A1; recorded. Of inverse contracts not known: as if linear."""
    size = position.size
    fee = max(taker_rate, LEAST_EXIT_FEE)
    return (position.entry_price * size - position.realised_pnl) / (size - abs(size) * fee)


def may_switch_mode(account: Account, symbol: str, mode: MarginMode) -> Reject | None:
    """Account-wide: refused when unchanged; the machine then tests the account as it would stand. A3, A7.

    A debt, borrowed or left by a loss, needs cross margin (182021, 3200403). That positions may stay open when they pass the
    test is grade memory."""
    if account_mode(account) is mode:
        return Reject(Reason.MARGIN_MODE_SAME, f"the account is in {mode} margin already")
    owing = [asset for asset, amount in account.borrowed.items() if amount > 0]
    owing += [asset for asset, amount in account.cash.items() if amount < 0 and asset not in owing]
    if mode is MarginMode.ISOLATED and owing:
        return Reject(Reason.MARGIN_MODE_SHORT, f"a debt needs cross margin: repay {', '.join(owing)} first")
    return None


def may_switch_position_mode(account: Account, mode: PositionMode) -> Reject | None:
    """Refused when unchanged, with any position, with any order. A7, A17. (The venue sets it per symbol or for all USDT
    perpetuals; an account here has one.)"""
    if account.position_mode is mode:
        return Reject(Reason.POSITION_MODE_SAME, "the position mode is that already")
    if account.positions:
        return Reject(Reason.POSITION_MODE_POSITION, "position mode cannot change while positions are open")
    if account.orders:
        return Reject(Reason.POSITION_MODE_OPEN_ORDERS, "position mode cannot change while orders are open")
    return None


def row_cap(instrument: Instrument, leverage: Decimal) -> Decimal | None:
    """The largest value that a leverage allows: the cap of the last row that still allows it. H18, A7. None: no bound known."""
    allowed = [row for row in instrument.brackets if row.max_leverage is None or row.max_leverage >= leverage]
    return allowed[-1].cap if allowed else ZERO


def may_set_leverage(ask: LeverageAsk) -> Reject | None:
    """110013 below 1 or above what the row of the position's value allows; refused where the margin is missing. A7."""
    known = [row.max_leverage for row in ask.instrument.brackets if row.max_leverage is not None]
    top = max(known, default=None)
    if ask.new < 1 or (top is not None and ask.new > top):
        return Reject(Reason.LEVERAGE_INVALID, f"leverage {ask.new} is not offered for {ask.instrument.symbol}", ask.new, top)
    cap = row_cap(ask.instrument, ask.new)
    if cap is not None and ask.value > cap:
        return Reject(Reason.LEVERAGE_ABOVE_BRACKET, f"the position exceeds what {ask.new}x allows", ask.value, cap)
    if ask.wanted > max(ask.free, ZERO):
        return Reject(Reason.LEVERAGE_NEEDS_MARGIN, "not enough free margin for the lower leverage", ask.wanted, ask.free)
    return None


def may_grow(ask: SizeAsk) -> Reject | None:
    """Value beyond the cap of the last row that allows the leverage: only reduce-only orders are accepted there. H18."""
    cap = row_cap(ask.instrument, ask.leverage)
    if cap is not None and ask.value > cap:
        return Reject(Reason.POSITION_LIMIT, f"{ask.leverage}x allows no more of {ask.instrument.symbol}", ask.value, cap)
    return None


def limit_counts(order: Order, own: Instrument, other: Instrument) -> bool:
    """Never: the cap is compared with the leg alone (grade memory for hedge legs). H18."""
    return False
