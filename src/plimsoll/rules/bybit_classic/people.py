"""Bybit accounts before the unified one, for people, in plain Python: names, codes, printed prices, how the walls are drawn,
and what may be switched when.

Nothing here enters a margin decision's arithmetic except which legs share cash and what counts for a tier; the numbers
compared come from the rules. Callers are inside `exact()`.
"""

from collections.abc import Mapping
from decimal import Decimal

from plimsoll.errors import Reason, Reject
from plimsoll.model import Account, Instrument, Kind, LegKey, LegSide, MarginMode, Order, Position, PositionMode, leg_key
from plimsoll.number import ONE, ZERO, ceil_to, floor_to, half_up_to
from plimsoll.rules.apart import Apart
from plimsoll.rules.asks import LegAsk, LeverageAsk, PriceAsk, SizeAsk
from plimsoll.rules.bybit_classic import formulas
from plimsoll.rules.columns import PoolMargin
from plimsoll.rules.drawing import PoolSpec

TITLE = "Bybit before the unified account: USDT perpetuals and inverse contracts, isolated and cross"
REGIMES: Mapping[str, tuple[str, ...]] = {}
"""No rule changed on a known day."""

MODE_SCOPE = "symbol"
"""Each symbol has its margin mode. A20."""

SETTLES_EXPIRIES_DAILY = False
"""Inverse quarterly contracts settle once, at expiry."""

WALLET_HOLDS_ISOLATED = True
"""`wallet_balance` counts position margins in: available = wallet - position margins. Recorded (66830.98384815)."""

APART = Apart(formulas.standing, formulas.assess_apart, formulas.assess_cash, locks_losses=True)
"""Cross positions of different symbols fail one by one, each on what the others leave of the cash. H27, H11."""

UNIT = Decimal("0.00000001")
"""The venue's money unit: 8 decimals."""

SOURCES = {
    "A5": "github bybit-exchange/docs v5/position/manual-add-margin.mdx",
    "A7": "github bybit-exchange/docs v5/error.mdx (error codes)",
    "A13": "github bybit-exchange/docs v5/account/unified-trans-amnt.mdx (what may be transferred)",
    "A17": "github bybit-exchange/docs v5/position/position-mode.mdx and leverage.mdx",
    "A20": "github bybit-exchange/docs v5/abandon/cross-isolate.mdx (the switch of one symbol)",
    "H2": "help centre, adjustment of the margin calculation (2025), for the rules before it",
    "H3": "help centre, liquidation price under isolated mode (2024-09-10 edition)",
    "H4": "help centre, liquidation process (2024-09-10 edition)",
    "H8": "help centre, maintenance margin of USDT contracts",
    "H9": "help centre, margin parameters (tiers and deductions)",
    "H10": "help centre, order cost of USDT contracts (2024-10-30)",
    "H11": "help.bybit.com 900000167723, liquidation process of USDT contracts (tiers, hedged positions)",
    "H14": "help centre, funding fee calculation",
    "H15": "help.bybit.com 900000031623, auto-deleveraging (older edition)",
    "H18": "help centre, risk limit of USDT contracts",
    "H22": "help centre, insurance fund",
    "H23": "testnet.bybit.com/zh-TW/usdt-contract-rules (order cost, conditional orders)",
    "H24": "safe-crypto.com/trading/bybit, a third party's account of order margin",
    "H25": "a public copy of the add and reduce margin FAQ (cryptoarmy.io)",
    "H26": "help centre, liquidation price of USDT contracts",
    "H27": "help.bybit.com 360039261334, liquidation price of inverse contracts (fee editions 0.075 % and 0.06 %)",
    "SYM": "GET /v2/public/symbols as recorded on 2021-04-17 (bmoscon/cryptofeed sample_data)",
}

EXEMPT = {
    "long_and_short_mirror_each_other": ("H2", "profit_and_funding_of_long_and_short_mirror"),
    "isolated_pools_do_not_feel_each_other": ("H27", "an_isolated_pool_feels_no_other_position"),
    "a_cross_position_pulls_the_others_of_its_pool_down_with_it": (
        "H27",
        "a_cross_position_that_loses_more_leaves_less_of_its_cash",
    ),
    "a_reduction_never_raises_the_requirement": ("H11", "a_reduction_in_one_way_mode_never_raises_the_requirement"),
}
"""Laws that this venue breaks: law -> (source key, the law that holds instead). The closing-fee reserve stands at the
bankruptcy price, which a short has above its entry and a long below. Cross legs of different symbols fail apart and still
stand on one cash, of which a loss takes its part while a profit is nobody else's. Of a long and a short of one symbol only
the net side is exposed, so that closing the smaller one exposes more."""

CODES = {
    Reason.NOT_ENOUGH_MARGIN: "110007",
    Reason.POSITION_LIMIT: "110090",
    Reason.REDUCE_ONLY: "110017",
    Reason.LEVERAGE_INVALID: "110013",
    Reason.LEVERAGE_ABOVE_BRACKET: "110013",
    Reason.LEVERAGE_NEEDS_MARGIN: "110006",
    Reason.MARGIN_MODE_SAME: "110026",
    Reason.MARGIN_MODE_SHORT: "110006",
    Reason.POSITION_MODE_POSITION: "110024",
    Reason.POSITION_MODE_OPEN_ORDERS: "110028",
    Reason.MARGIN_ONLY_ISOLATED: "110015",
    Reason.MARGIN_ADD_TOO_MUCH: "110014",
    Reason.MARGIN_REMOVE_TOO_MUCH: "110078",
    Reason.MARGIN_NO_POSITION: "110033",
    Reason.WITHDRAW_TOO_MUCH: "110004",
}
"""Reason -> the venue's code, as the API numbers them since 2022. A7; 110017, 110004 for a withdrawal, and 110006 for
settings: grade memory."""


def venue_code(reject: Reject) -> str:
    """The venue's code for a refusal, '' where it has none."""
    return CODES.get(reject.reason, "")


def leg_name(key: LegKey, position_mode: PositionMode) -> str:
    """`BTCUSDT`, or `BTCUSDT:long` in hedge mode; the mode is a property of the symbol and needs no name."""
    return key.symbol if key.side is LegSide.NET else f"{key.symbol}:{key.side}"


def leverage_key(symbol: str, mode: MarginMode, side: LegSide) -> str:
    """One setting per symbol; in isolated hedge mode one per side, in cross both sides share one. A17."""
    if mode is MarginMode.CROSS or side is LegSide.NET:
        return symbol
    return f"{symbol}:{side}"


DEFAULT_LEVERAGE = Decimal(10)
"""Before the user sets one. Grade memory."""


def fill_mode(account: Account, symbol: str, asked: MarginMode | None) -> MarginMode:
    """The margin mode a trade in `symbol` falls under: the symbol's setting, cross by default. A20; the default memory."""
    return account.margin_modes.get(symbol, MarginMode.CROSS)


def pools_of(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """Per settle coin the shared cash; one pool for each isolated leg; one for the cross legs of each symbol, which stand on
    the cash that the cross legs of the other symbols leave (W = wallet - order margin - margin of other symbols) and are
    liquidated apart from them. H27, H11; recorded. The cross legs of a USDC account pool their profits (available =
    equity - IM recorded; that they fail together: grade derived)."""
    assets = dict.fromkeys(account.cash)
    for symbol in [p.symbol for p in account.positions] + [o.symbol for o in account.orders]:
        assets.setdefault(instruments[symbol].settle)
    crossed: dict[str, list[LegKey]] = {asset: [] for asset in assets}
    for position in account.positions:
        if position.mode is MarginMode.CROSS:
            crossed[instruments[position.symbol].settle].append(leg_key(position))
    shared, symbols = [], []
    for asset, legs in crossed.items():
        keys = tuple(legs)
        if asset == "USDC":
            shared.append(PoolSpec(f"asset:{asset}", asset, False, keys, less_orders=True))
            continue
        shared.append(PoolSpec(f"asset:{asset}", asset, False, (), beside=keys, less_orders=True))
        for symbol in dict.fromkeys([key.symbol for key in keys]):
            own = tuple([key for key in keys if key.symbol == symbol])
            others = tuple([key for key in keys if key.symbol != symbol])
            symbols.append(PoolSpec(symbol, asset, False, own, beside=others, apart=True, less_orders=True))
    walls = [
        PoolSpec(leg_name(leg_key(p), account.position_mode), instruments[p.symbol].settle, True, (leg_key(p),))
        for p in account.positions
        if p.mode is MarginMode.ISOLATED
    ]
    return (*shared, *symbols, *walls)


def tier_of(position: Position, account: Account, instruments: Mapping[str, Instrument]) -> Decimal:
    """What chooses the tier: value at entry plus the value of resting orders that would enlarge the position. H18, H11 (1.5 M
    held and 1 M ordered stand in the third tier). Until 2024-03-12 users chose their tier; the lowest that holds both is
    taken: grade derived."""
    instrument = instruments[position.symbol]
    inverse = instrument.kind is Kind.INVERSE
    value = formulas.notional(position.size * instrument.multiplier, position.entry_price, inverse)
    side = "buy" if position.size > 0 else "sell"
    for order in account.orders:
        same = (order.symbol, order.mode, order.position_side) == leg_key(position)
        if same and order.side == side and not order.reduce_only and order.price is not None:
            value += formulas.notional(order.size * instrument.multiplier, order.price, inverse)
    return value


def entry_in_rules(entry: Decimal) -> Decimal:
    """Entry price as the formulas use it: as it stands. Recorded (55106.32466392 reproduces to the last digit)."""
    return entry


def initial_rate(leverage: Decimal) -> Decimal:
    """1 / leverage rounded up to 8 decimals. Recorded (ETHPERP)."""
    return ceil_to(ONE / leverage, UNIT)


def order_reserve(order: Order, instrument: Instrument, taker_rate: Decimal) -> Decimal:
    """Nothing for one order by itself: what resting orders take off the cash is their margin, see `pools_of`. H27."""
    return ZERO


def cancels(order: Order, spec: PoolSpec) -> bool:
    """The symbol's orders, but those that only reduce. H4, H11 (whose older text cancels all of the contract)."""
    closing = (order.position_side, order.side) in ((LegSide.LONG, "sell"), (LegSide.SHORT, "buy"))
    return order.symbol in {key.symbol for key in spec.legs} and not order.reduce_only and not closing


def order_funds(mode: MarginMode, available: Decimal, withdrawable: Decimal) -> Decimal:
    """What a new order or a lower leverage may draw on: the available balance; running profit is not in it. Recorded."""
    return available


def displayed_liquidation_price(ask: PriceAsk) -> Decimal | None:
    """`liq_price`: up to the tick for a long, down for a short; none where no positive price does it. H27, recorded."""
    if not ask.found.found:
        return None
    return to_tick(ask.found.price, ask.size, ask.tick)


def to_tick(price: Decimal, amount: Decimal, tick: Decimal | None) -> Decimal:
    """A price as printed: of a long up to the tick, of a short down. H27, recorded."""
    if tick is None:
        return price
    return ceil_to(price, tick) if amount > 0 else floor_to(price, tick)


def printed(quantity: str, ask: LegAsk) -> Decimal | None:
    """entry_value: V to the nearest 8 decimals. displayed_bankruptcy_price: `bust_price`, B to the tick as a liquidation price.
    displayed_closing_fee: `occ_closing_fee`, the taker fee at that printed price, up to 8 decimals. Recorded (BTCUSDM21)."""
    leg, market = ask.leg, ask.market
    if quantity == "entry_value":
        return half_up_to(formulas.entry_value(leg, market), UNIT)
    if ask.money is None or quantity not in ("displayed_bankruptcy_price", "displayed_closing_fee"):
        return None
    found = formulas.bankruptcy_price(leg, ask.money, market)
    if not found.found:
        return None
    price = to_tick(found.price, leg.amount, ask.tick)
    if quantity == "displayed_bankruptcy_price":
        return price
    return ceil_to(formulas.notional(leg.amount, price, market.inverse) * market.taker_rate, UNIT)


def venue_ratio(margin: PoolMargin[Decimal], spec: PoolSpec, account: Account) -> Decimal | None:
    """None: these accounts print prices, no ratio (accountMMRate belongs to the unified account). Grade derived."""
    return None


def venue_initial_ratio(margin: PoolMargin[Decimal]) -> Decimal | None:
    """None: these accounts print no ratio of initial margin."""
    return None


def break_even_price(position: Position, taker_rate: Decimal) -> Decimal:
    """Price at which closing pays both taker fees: E*(1 + s*f)/(1 - s*f). Grade derived (these accounts print none)."""
    side, entry = (1 if position.size > 0 else -1), position.entry_price
    return entry * (1 + side * taker_rate) / (1 - side * taker_rate)


def may_switch_mode(account: Account, symbol: str, mode: MarginMode) -> Reject | None:
    """Per symbol, in classic accounts only: refused when unchanged (110026). A20, A7. Open positions and orders come along if
    the margin is there afterwards: no source tells of classic accounts, grade memory."""
    if account.margin_modes.get(symbol, MarginMode.CROSS) is mode:
        return Reject(Reason.MARGIN_MODE_SAME, f"the margin mode of {symbol} is {mode} already")
    return None


def may_switch_position_mode(account: Account, mode: PositionMode) -> Reject | None:
    """Needs no position and no order (110024, 110028). A17. The venue offers hedge mode for USDT perpetuals only
    and keeps it per symbol; here it is one setting for the account."""
    if account.position_mode is mode:
        return Reject(Reason.POSITION_MODE_SAME, f"the position mode is {mode} already")
    if account.positions:
        return Reject(Reason.POSITION_MODE_POSITION, "position mode cannot change while positions are open")
    if account.orders:
        return Reject(Reason.POSITION_MODE_OPEN_ORDERS, "position mode cannot change while orders are open")
    return None


def row_cap(instrument: Instrument, leverage: Decimal) -> Decimal | None:
    """The largest value that a leverage allows: the cap of the last row that still allows it. H18. None: no bound known."""
    allowed = [row for row in instrument.brackets if row.max_leverage is None or row.max_leverage >= leverage]
    if not allowed:
        return ZERO if instrument.brackets else None
    return allowed[-1].cap


def may_set_leverage(ask: LeverageAsk) -> Reject | None:
    """From 1x in steps of 0.01 (SYM) up to what the tier of the position allows (110013); the margin must be there. A7, H18."""
    if ask.new < 1 or ask.new % Decimal("0.01") != 0:
        return Reject(Reason.LEVERAGE_INVALID, f"leverage {ask.new} is not offered", ask.new, ONE)
    known = [row.max_leverage for row in ask.instrument.brackets if row.max_leverage is not None]
    if known and ask.new > max(known):
        return Reject(Reason.LEVERAGE_INVALID, f"leverage {ask.new} is not offered", ask.new, max(known))
    cap = row_cap(ask.instrument, ask.new)
    if cap is not None and ask.value > cap:
        return Reject(Reason.LEVERAGE_ABOVE_BRACKET, f"the position exceeds what {ask.new}x allows", ask.value, cap)
    if ask.wanted > max(ask.free, ZERO):
        return Reject(Reason.LEVERAGE_NEEDS_MARGIN, "not enough free margin for the leverage", ask.wanted, ask.free)
    return None


def may_grow(ask: SizeAsk) -> Reject | None:
    """110090: value beyond the cap of the last tier that allows the leverage. H18, A7."""
    cap = row_cap(ask.instrument, ask.leverage)
    if cap is not None and ask.value > cap:
        return Reject(
            Reason.POSITION_LIMIT, f"{ask.leverage}x allows no more of {ask.instrument.symbol}", ask.value, cap
        )
    return None


def limit_counts(order: Order, own: Instrument, other: Instrument) -> bool:
    """Never: the cap of a tier is compared with the leg and its own orders. H18; for hedge legs grade memory."""
    return False
