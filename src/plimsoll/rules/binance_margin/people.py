"""Binance spot margin for people, in plain Python: classes of accounts, walls, names, printed numbers, and what may be asked.

Which class an account is in follows from the leverage chosen for it: up to 3 and up to 5 are classic, above is Pro; an account
may also state it (`margin_account`, `max_leverage`, `liquidation_level`, `liquidation_ratio`). Callers are inside `exact()`.
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from plimsoll.errors import BadInput, Reason, Reject
from plimsoll.model import (
    Account,
    Bracket,
    Coin,
    CollateralTier,
    Instrument,
    LegKey,
    LegSide,
    LoanTier,
    MarginMode,
    Order,
    Position,
    PositionMode,
    leg_key,
)
from plimsoll.number import ONE, ZERO, half_up_to
from plimsoll.rules.asks import LegAsk, LeverageAsk, PoolAsk, PriceAsk, SizeAsk
from plimsoll.rules.binance_margin import formulas
from plimsoll.rules.columns import PoolMargin
from plimsoll.rules.drawing import PoolSpec, spot_walls, valued_pool

TITLE = "Binance spot margin, cross (classic and Pro) and isolated pairs"
REGIMES: Mapping[str, tuple[str, ...]] = {"liquidation": ("tiered_fee", "clearance_fee", "order_loss")}
"""A clearance fee by tiers that no source lists; then of fixed shares, since 2024-08-12; then also, in Pro, what open orders
would lose taken off the collateral, since 2025-01-21. M-FUND, M-PRO."""

MODE_SCOPE = "order"
"""Cross and isolated are accounts of their own, held side by side; an order names its account. M-LEVEL, M-ISO."""

SETTLES_EXPIRIES_DAILY = False
"""Coins do not expire."""

WALLET_HOLDS_ISOLATED = False
"""A pair's coins are its own account's. M-ISO."""

DEBTS = "apart"
"""Debts stand beside the balances, in units of the coin. M-LEVEL."""

LENDS_IN = (MarginMode.CROSS, MarginMode.ISOLATED)
"""In the cross account and in isolated pairs. M-LEVEL, M-ISO."""

FIRST_HOUR_AT_ONCE = True
"""Interest is charged by the hour, the first at borrowing. M-ISO."""

STATES_LINES = False
"""Requirements follow the value of debts in tiers: prices are sought along whole assessments."""

CURRENCY = "USD"
"""What the whole account is measured in; the level itself has no unit."""

UNIT = Decimal("0.00000001")
"""Printed prices have 8 decimals."""

NO_DEBT = Decimal(999)
"""The level printed of an account without debts. M-ISO; recorded."""

PRO_ABOVE = Decimal(5)
"""Classic accounts reach 5x; 10x and 20x are Pro. M-LEVEL, M-PRO."""

CROSS_LEVEL = Decimal("1.1")
"""Liquidation level of classic cross accounts. M-LEVEL; API tradeCoeff."""

BORROW_STOPS = {Decimal(3): Decimal("1.5"), Decimal(5): Decimal("1.25")}
"""Highest leverage of a classic class -> collateral margin level at which nothing more is lent. M-LEVEL."""

TRANSFER_BAR = Decimal(2)
"""Collateral margin level above which coins may leave an account with debts. M-LEVEL."""

MARGIN_CALLS = {Decimal(3): Decimal("1.3"), Decimal(5): Decimal("1.16")}
"""Highest leverage of a classic class -> margin level at or below which the user is called. M-LEVEL."""

CLASSES = (Decimal(3), Decimal(5), Decimal(10))
"""The highest leverages that can be chosen for a pair. M-TIER."""

TIERS = ("10", "5", "4.2", "3", "1.5")
"""Tiers whose levels are known, by the highest leverage of the tier (`marginRatio`): the first of each class, the second of the
5x class and the fifth of the 3x class; the tenth of the 10x class is as the first of 5x. M-TIER; recorded."""

TERMS = tuple(f"pair_{top}x_{level}" for top in TIERS for level in ("initial", "call", "liquidation"))
"""Of each tier the ratios of coins to debts at which nothing more is lent, the user is called, and the pair liquidated."""

SOURCES = {
    "M-LEVEL": "binance.com/en/support/faq/360030493931 (margin level and liquidation, cross classic)",
    "M-TIER": "binance.com/en/support/faq/7fbadf3c75914efc90e8b831709b644f (isolated pairs: tiers of borrowing)",
    "M-PRO": "binance.com/en/support/faq/12a78d8aa813470f96be283b45f75410, binance.com/en/margin-fee (Cross Margin Pro)",
    "M-BORROW": "binance.com/en/support/faq/84aac4a694f54c55a95f721b33cfd174 (maximum borrow of Cross Margin Pro)",
    "M-ISO": "binance.com/en/support/faq/0135c8c00a4240f695ee71a0d18efb08 (isolated margin)",
    "M-FUND": "binance.com/en/support/faq/152489b2032445c4a77a175d65b80533 (clearance fee, margin insurance fund)",
}

CODES = {
    Reason.NOT_ENOUGH_MARGIN: "-2010",
    Reason.BORROW_TOO_MUCH: "-3045",
    Reason.REPAY_TOO_MUCH: "-3041",
    Reason.WITHDRAW_TOO_MUCH: "-3020",
    Reason.UNKNOWN_SYMBOL: "-1121",
    Reason.UNKNOWN_ORDER: "-2011",
    Reason.BAD_LOT: "-1013",
    Reason.BELOW_MINIMUM: "-1013",
}
"""Reason -> the venue's code. Grade memory."""


def venue_code(reject: Reject) -> str:
    """The venue's code for a refusal, '' where it has none."""
    return CODES.get(reject.reason, "")


def leg_name(key: LegKey, position_mode: PositionMode) -> str:
    """`ETHUSDT` in the cross account, `ETHUSDT@isolated` in a pair's own."""
    return key.symbol if key.mode is MarginMode.CROSS else f"{key.symbol}@{key.mode}"


def leverage_key(symbol: str, mode: MarginMode, side: LegSide) -> str:
    """One class for the cross account, by the highest leverage asked for in it; one per isolated pair. M-LEVEL, M-TIER."""
    return f"{symbol}@{mode}"


DEFAULT_LEVERAGE = Decimal(3)
"""Before the user sets one: the lowest class. Grade memory."""


def fill_mode(account: Account, symbol: str, asked: MarginMode | None) -> MarginMode:
    """The account that an order names, else the cross account. M-ISO."""
    return asked or MarginMode.CROSS


def chosen_leverage(account: Account) -> Decimal:
    """The class of the cross account as a leverage: as stated, else the highest chosen in it."""
    if "max_leverage" in account.options:
        return Decimal(account.options["max_leverage"])
    chosen = [v for key, v in account.leverages.items() if key.endswith(f"@{MarginMode.CROSS}")]
    chosen += [p.leverage for p in account.positions if p.mode is MarginMode.CROSS]
    return max(chosen, default=DEFAULT_LEVERAGE)


def is_pro(account: Account) -> bool:
    """Whether the cross account is one of Cross Margin Pro."""
    stated = account.options.get("margin_account")
    return stated == "cross_pro" or (stated is None and chosen_leverage(account) > PRO_ABOVE)


def class_of(leverage: Decimal, classes: Collection[Decimal]) -> Decimal:
    """The lowest class that allows a leverage; the highest there is above all."""
    return min((top for top in classes if top >= leverage), default=max(classes))


def coin_in_rules(
    coin: Coin, asset: str, spec: PoolSpec, account: Account, instruments: Mapping[str, Instrument], reading: Any
) -> Coin:
    """A coin as the account's class counts it. Classic and pairs: every unit owed needs (level - 1) of itself, for more to be
    borrowed (borrow stop - 1); the collateral ratio says what counts then. Pro: the tiers of the coin by value.
    M-LEVEL, M-PRO; of pairs M-ISO, M-TIER."""
    if spec.isolated:
        levels = pair_levels(account, spec.legs[0], instruments, reading)
        initial, level = levels.initial, levels.liquidation
        whole = (CollateralTier(ZERO, None, ONE),)
        base = instruments[spec.legs[0].symbol].base
        return Coin(whole, (LoanTier(ZERO, None, initial - 1, level - 1),), is_base=asset == base)
    traded = any(i.base == asset for i in instruments.values())
    if is_pro(account):
        if not coin.loan_tiers and (account.borrowed.get(asset) or account.interest.get(asset)):
            cure = "what a debt in it needs in Cross Margin Pro is not known; add [[loans]] in a table of your own, or take 5x"
            raise BadInput("loans", asset, None, cure)
        return msgspec.structs.replace(coin, loans_by_value=True, is_base=traded)
    stop = BORROW_STOPS[class_of(chosen_leverage(account), BORROW_STOPS)]
    level = Decimal(account.options.get("liquidation_level", CROSS_LEVEL))
    return Coin(coin.collateral_tiers, (LoanTier(ZERO, None, stop - 1, level - 1),), is_base=traded)


class PairLevels(NamedTuple):
    """Ratios of coins to debts of a pair: nothing more is lent at `initial`; `call`: a margin call (None: not known)."""

    initial: Decimal
    call: Decimal | None
    liquidation: Decimal


def levels_of_tiers(terms: Sequence[Decimal]) -> dict[Decimal, PairLevels]:
    """Highest leverage of a tier -> its levels, from the numbers of a contract in the order of TERMS."""
    return {Decimal(top): PairLevels(*terms[3 * i : 3 * i + 3]) for i, top in enumerate(TIERS)}


def pair_levels(
    account: Account, key: LegKey, instruments: Mapping[str, Instrument], reading: formulas.Reading
) -> PairLevels:
    """The levels of a pair: of the tier that the account states (`max_leverage`, `liquidation_ratio`), else of the first tier
    of its class, and no lower than those of the pair's own row for what is borrowed. M-TIER; grade derived for the latter."""
    own, position = instruments[key.symbol], next(p for p in account.positions if leg_key(p) == key)
    tiers = levels_of_tiers(own.terms)
    found = _stated_levels(account, tiers)
    if found is None:
        found = tiers[_pair_class(position, own.brackets, reading)]
        row = row_of(own.brackets, position.borrowed.get(own.base, ZERO), position.borrowed.get(own.quote, ZERO))
        if row is not None:
            found = _no_lower(found, row, tiers)
    level = account.options.get("liquidation_ratio")
    return found if level is None else found._replace(liquidation=Decimal(level))


def _stated_levels(account: Account, tiers: Mapping[Decimal, PairLevels]) -> PairLevels | None:
    """Those of the tier that the account says it is in; a statement about the cross account is none."""
    options = account.options
    if "max_leverage" not in options or options.get("margin_account", "isolated_pair") != "isolated_pair":
        return None
    top = Decimal(options["max_leverage"])
    if top in tiers:
        return tiers[top]
    if "liquidation_ratio" not in options or top <= 1:
        known = ", ".join(TIERS)
        raise BadInput("account", "max_leverage", top, f"levels are known of tiers of {known}; state liquidation_ratio as well")
    return PairLevels(initial_of(top), None, Decimal(options["liquidation_ratio"]))


def initial_of(top: Decimal) -> Decimal:
    """What a tier's leverage of L says: one's own 1 carries L, of which L - 1 is lent: L / (L - 1). M-TIER; all published tiers
    are so, 10x as 1.111."""
    return top / (top - 1)


def _pair_class(position: Position, rows: Sequence[Bracket], reading: formulas.Reading) -> Decimal:
    """The class as its highest leverage: the lowest that lends what the position asks for, or (reading `pair_class`) that of
    the pair. A class of L lends L - 1 for each unit of one's own: what a long of leverage L borrows, and a short of L - 1,
    whose coins are all borrowed."""
    known = [row.max_leverage for row in rows if row.max_leverage is not None]
    if reading.pair_class == 1 and known:
        return class_of(max(known), CLASSES)
    asked = position.leverage if position.size > 0 else min(position.leverage + 1, max(known, default=position.leverage + 1))
    return class_of(asked, CLASSES)


def row_of(rows: Sequence[Bracket], base: Decimal, quote: Decimal) -> Bracket | None:
    """The row for what was borrowed of both coins, without interest: the higher one. M-TIER; that a debt on a bound is in the
    lower row is grade memory. None: no table."""
    reached = [row for row in rows if row.floor < base or (row.quote_floor is not None and row.quote_floor < quote)]
    return reached[-1] if reached else next(iter(rows), None)


def _no_lower(levels: PairLevels, row: Bracket, tiers: Mapping[Decimal, PairLevels]) -> PairLevels:
    """The levels, where those of a pair's row are higher the row's: a row says what debts need beyond themselves."""
    initial = levels.initial
    if row.initial_rate is not None:
        initial = max(initial, 1 + row.initial_rate)
    elif row.max_leverage is not None and row.max_leverage > 1:
        initial = max(initial, initial_of(row.max_leverage))
    if 1 + row.maintenance_rate <= levels.liquidation:
        return levels._replace(initial=initial)
    calls = {tier.liquidation: tier.call for tier in tiers.values()}
    level = 1 + row.maintenance_rate
    return PairLevels(initial, calls.get(level), level)


def pools_of(account: Account, instruments: Mapping[str, Instrument]) -> tuple[PoolSpec, ...]:
    """One pool for all of the cross account, and one for each isolated pair. M-LEVEL, M-ISO."""
    walls = spot_walls(account, instruments, leg_name, lambda _, instrument: instrument.quote)
    return (*valued_pool(account, instruments, CURRENCY), *walls)


def tier_of(position: Position, account: Account, instruments: Mapping[str, Instrument]) -> Decimal:
    """What chooses a pair's row, as an amount of the base: what was borrowed of it, or where the quote debt stands in a higher
    row the cap of that row (an unbounded one: beyond its floor). M-TIER. In cross unused: debts are tiered, not positions."""
    own, base = instruments[position.symbol], ZERO
    if position.mode is MarginMode.CROSS:
        return base
    base = position.borrowed.get(own.base, ZERO)
    row = row_of(own.brackets, base, position.borrowed.get(own.quote, ZERO))
    if row is None or row is row_of(own.brackets, base, ZERO):
        return base
    return row.floor + ONE if row.cap is None else row.cap


def entry_in_rules(entry: Decimal) -> Decimal:
    """Entry price as it stands: a record, no rule reads it."""
    return entry


def initial_rate(leverage: Decimal) -> Decimal:
    """1 / leverage."""
    return formulas.initial_rate(leverage)


def order_reserve(order: Order, instrument: Instrument, taker_rate: Decimal) -> Decimal:
    """What a resting order takes off its pool's balance: nothing."""
    return ZERO


def cancels(order: Order, spec: PoolSpec) -> bool:
    """All orders of the account that is liquidated: the cross account's, or the pair's. M-LEVEL."""
    if spec.isolated:
        return order.mode is MarginMode.ISOLATED and order.symbol == spec.legs[0].symbol
    return order.mode is MarginMode.CROSS


def order_funds(mode: MarginMode, available: Decimal, withdrawable: Decimal) -> Decimal:
    """What a lower leverage may draw on: what is free. A pair is an account of its own: what may leave the cross one. M-ISO."""
    return withdrawable if mode is MarginMode.ISOLATED else available


def displayed_liquidation_price(ask: PriceAsk) -> Decimal | None:
    """`liquidatePrice`: of a pair (see `pair_price`), 0 without a debt, rounded half-up to 8 decimals; recorded. In cross the
    price at which the account fails when this one moves."""
    if ask.mode is MarginMode.ISOLATED:
        return half_up_to(max(ZERO, _pair_price(ask)), UNIT)
    return half_up_to(ask.found.price, UNIT) if ask.found.found else None


def _pair_price(ask: PriceAsk) -> Decimal:
    base, quote = ask.pool.wallets[0], ask.pool.wallets[1]
    level = 1 + base.loan_maintenance[0]
    return pair_price(level, base.balance, base.borrowed, quote.balance, quote.borrowed)


def pair_price(level: Decimal, base: Decimal, base_owed: Decimal, quote: Decimal, quote_owed: Decimal) -> Decimal:
    """Price at which a pair's level is `level`: (level*owed_quote - quote) / (base - level*owed_base); 0 without a debt, or
    where there is none. A long has no debt in the base, a short none in the quote: the venue's two forms. M-ISO; recorded."""
    depth = base - level * base_owed
    lacking = level * quote_owed - quote
    if depth == 0 or (base_owed == 0 and quote_owed == 0):
        return ZERO
    return lacking / depth


def printed(quantity: str, ask: LegAsk) -> Decimal | None:
    """No further number of a position is printed but those of its pool."""
    return None


def printed_of_pool(quantity: str, ask: PoolAsk) -> Decimal | None:
    """`collateral_margin_level`; `liquidation_level` and `margin_call_level`, those of the class (Pro: 1, and none); of a coin
    `max_borrow`, and in Pro the margins of its debt; of a pair `liquidate_rate`, per cent from the mark to its liquidation
    price. M-LEVEL, M-PRO, M-BORROW, M-ISO."""
    wallets, marks = ask.pool.wallets, ask.marks
    if ask.at >= 0:
        wallet = wallets[ask.at]
        rates = {"initial_margin": wallet.loan_initial, "maintenance_margin": wallet.loan_maintenance}
        if quantity in rates:
            return formulas.debt_margin(wallet, wallet.borrowed, marks[wallet.place], rates[quantity])
        if quantity == "max_borrow":
            return formulas.borrowable(ask.pool, ask.margin, ask.at, marks, ask.markets)
        return None
    if quantity == "liquidate_rate" and ask.spec.isolated:
        base, quote = wallets
        level = 1 + base.loan_maintenance[0]
        price = pair_price(level, base.balance, base.borrowed, quote.balance, quote.borrowed)
        return (price / marks[ask.pool.legs[0].market] - 1) * 100
    owed = sum((w.borrowed * marks[w.place] for w in wallets), ZERO)
    if quantity == "liquidation_level" and wallets:
        return ONE if wallets[0].loans_by_value else 1 + wallets[0].loan_maintenance[0]
    if quantity == "margin_call_level" and wallets and owed > 0:
        return _call_level(ask)
    if quantity == "collateral_margin_level" and owed > 0:
        return sum(((w.balance - formulas.uncounted(w)) * marks[w.place] for w in wallets), ZERO) / owed
    return None


def _call_level(ask: PoolAsk) -> Decimal | None:
    """The level at or below which the user is called: of a classic class, of a pair's tier, whose liquidation level tells
    which; None in Pro, where no source names one, and of a tier that nobody knows. M-LEVEL, M-TIER."""
    wallet = ask.pool.wallets[0]
    if wallet.loans_by_value:
        return None
    if not ask.spec.isolated:
        return MARGIN_CALLS[class_of(chosen_leverage(ask.account), MARGIN_CALLS)]
    tiers = levels_of_tiers(ask.markets[ask.pool.legs[0].market].terms)
    return next((tier.call for tier in tiers.values() if tier.liquidation == 1 + wallet.loan_maintenance[0]), None)


def venue_ratio(margin: PoolMargin[Decimal], spec: PoolSpec, account: Account) -> Decimal | None:
    """marginLevel: assets / (debts + interest), liquidation at the level of the class; 999 without a debt. Pro: net equity /
    maintenance margin, liquidation at 1. M-LEVEL, M-PRO, M-ISO."""
    if margin.requirement == 0:
        return NO_DEBT
    if not spec.isolated and is_pro(account):
        return margin.balance / margin.requirement
    return (margin.scale + margin.balance) / (margin.scale - margin.balance)


def venue_initial_ratio(margin: PoolMargin[Decimal]) -> Decimal | None:
    """None is printed."""
    return None


def break_even_price(position: Position, taker_rate: Decimal) -> Decimal:
    """Entry with the fees of both ways. Grade derived; interest comes on top."""
    side = 1 if position.size > 0 else -1
    return position.entry_price * (1 + side * taker_rate) / (1 - side * taker_rate)


def may_switch_mode(account: Account, symbol: str, mode: MarginMode) -> Reject | None:
    """Cross and isolated are accounts, not modes: each order names its own. M-ISO."""
    return Reject(Reason.MARGIN_MODE_PER_ORDER, "cross and isolated are separate accounts; each order names its own")


def may_switch_position_mode(account: Account, mode: PositionMode) -> Reject | None:
    """Coins are held or owed; there are no two sides of one."""
    if mode is PositionMode.HEDGE:
        return Reject(Reason.NOT_OFFERED, "spot margin has no hedge mode")
    return Reject(Reason.POSITION_MODE_SAME, "the position mode is that already")


def may_set_leverage(ask: LeverageAsk) -> Reject | None:
    """Up to the class of the pair. M-TIER."""
    known = [row.max_leverage for row in ask.instrument.brackets if row.max_leverage is not None]
    top = max(known, default=None)
    if ask.new < 1 or (top is not None and ask.new > top and ask.mode is MarginMode.ISOLATED):
        return Reject(Reason.LEVERAGE_INVALID, f"leverage {ask.new} is not offered for {ask.instrument.symbol}", ask.new, top)
    return None


def may_grow(ask: SizeAsk) -> Reject | None:
    """No cap of borrowing is known."""
    return None


def limit_counts(order: Order, own: Instrument, other: Instrument) -> bool:
    """Nothing counts towards a limit that is not known."""
    return False
