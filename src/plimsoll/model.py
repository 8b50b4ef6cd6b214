"""Frozen data without behaviour: what an account, an instrument and a set of marks are. Sizes are signed (+ long,
- short) and count contracts; money is in the asset that the name or the instrument's `settle` says. Tables know
themselves by columns as well, since rules read columns; made once, and never encoded, compared or copied."""

from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import NamedTuple

import msgspec


class MarginMode(StrEnum):
    """How a position is walled off: CROSS shares the pool's collateral, ISOLATED has its own money."""

    CROSS = "cross"
    ISOLATED = "isolated"


class PositionMode(StrEnum):
    """ONE_WAY nets a symbol into one position; HEDGE holds a long and a short leg side by side."""

    ONE_WAY = "one_way"
    HEDGE = "hedge"


class LegSide(StrEnum):
    """Which leg of a symbol a position or an order belongs to: NET in one-way mode, LONG or SHORT in hedge mode."""

    NET = "net"
    LONG = "long"
    SHORT = "short"


class Kind(StrEnum):
    """LINEAR: profit in the quote asset. INVERSE: face value in the quote, profit in the base coin. QUANTO: profit in a third
    coin, a fixed amount of it for each unit of the quoted price; its value follows the price as a linear one does. SPOT: the
    coin itself, bought or sold short with borrowed money; profit is what the coins held are worth less what is owed."""

    LINEAR = "linear"
    INVERSE = "inverse"
    QUANTO = "quanto"
    SPOT = "spot"


class Stage(IntEnum):
    """How far a pool's liquidation has gone. Warnings are not stages."""

    HEALTHY = 0
    CANCELLING = 1
    REDUCING = 2
    TAKEN_OVER = 3
    BANKRUPT = 4


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP_MARKET = "stop_market"
    TAKE_PROFIT_MARKET = "take_profit_market"


class Trigger(StrEnum):
    """Which price a stop or take-profit watches."""

    MARK = "mark"
    LAST = "last"


class Bracket(msgspec.Struct, frozen=True):
    """One row of a maintenance table. `floor` and `cap` count the instrument's `bracket_unit`; `cap` None: no bound known;
    `initial_rate`: the row's own, where the venue has one besides the leverage. `quote_floor`, `quote_cap`: where what is
    borrowed chooses the row, the same for the quote asset (and `floor`, `cap` for the base)."""

    floor: Decimal
    cap: Decimal | None
    maintenance_rate: Decimal
    deduction: Decimal
    max_leverage: Decimal | None = None
    initial_rate: Decimal | None = None
    quote_floor: Decimal | None = None
    quote_cap: Decimal | None = None


class CollateralTier(msgspec.Struct, frozen=True):
    """A slice of a coin's quantity, of which the share `ratio` counts as margin. `cap` None: no bound."""

    floor: Decimal
    cap: Decimal | None
    ratio: Decimal


class LoanTier(msgspec.Struct, frozen=True):
    """A slice of a debt in coins, and the rates of margin that it needs. `cap` None: no bound."""

    floor: Decimal
    cap: Decimal | None
    initial_rate: Decimal
    maintenance_rate: Decimal


class CoinColumns(NamedTuple):
    """The tiers of a coin by columns."""

    floors: tuple[Decimal, ...]
    ratios: tuple[Decimal, ...]
    loan_floors: tuple[Decimal, ...]
    loan_initial: tuple[Decimal, ...]
    loan_maintenance: tuple[Decimal, ...]


class Coin(msgspec.Struct, frozen=True, dict=True):
    """What a coin counts as collateral, and what a debt in it needs. No loan tiers: a debt needs nothing (or is not known).
    `loans_by_value`: the loan tiers count the debt's value in the pool's currency, not coins; `by_worth`: the collateral tiers
    count what the coin is worth in it. `repayment_rate`: the fee rate at which coins are bought to repay a debt, where the
    venue adds it to what the debt needs. `ask_buffer`: what a unit owed, or asked as margin, counts above the index.
    `sell_buffer`, `buy_buffer`: what the venue takes off the index, or puts on it, when it exchanges coins by itself, which it
    does while the account holds where more than `exchange_below` is owed (None: it does not). `is_base`: it is traded for
    another coin on the venue, where the rules ask for that."""

    collateral_tiers: tuple[CollateralTier, ...]
    loan_tiers: tuple[LoanTier, ...] = ()
    loans_by_value: bool = False
    by_worth: bool = False
    repayment_rate: Decimal = Decimal(0)
    ask_buffer: Decimal = Decimal(0)
    sell_buffer: Decimal = Decimal(0)
    buy_buffer: Decimal = Decimal(0)
    exchange_below: Decimal | None = None
    is_base: bool = False

    @cached_property
    def columns(self) -> CoinColumns:
        """The tiers by columns."""
        counts, loans = self.collateral_tiers, self.loan_tiers
        return CoinColumns(
            floors=tuple([tier.floor for tier in counts]),
            ratios=tuple([tier.ratio for tier in counts]),
            loan_floors=tuple([tier.floor for tier in loans]),
            loan_initial=tuple([tier.initial_rate for tier in loans]),
            loan_maintenance=tuple([tier.maintenance_rate for tier in loans]),
        )


class BracketColumns(NamedTuple):
    """The rows of a maintenance table by columns; 0 where a row does not say."""

    floors: tuple[Decimal, ...]
    rates: tuple[Decimal, ...]
    deductions: tuple[Decimal, ...]
    leverages: tuple[Decimal, ...]
    initials: tuple[Decimal, ...]
    quote_floors: tuple[Decimal, ...]


class Instrument(msgspec.Struct, frozen=True, dict=True):
    """One contract. `multiplier`: base units (linear), quote face (inverse) or settle units per unit of price (quanto) per
    contract. `unit`: the amount of its settle asset that the venue counts in (None: it does not round money).
    `funding_rate`: that of the next funding, where it is known. `alone`: it shares collateral with no other contract. `terms`:
    further numbers that the venue's rules ask for, in the order of their TERMS (0: not stated)."""

    symbol: str
    kind: Kind
    base: str
    quote: str
    settle: str
    multiplier: Decimal
    brackets: tuple[Bracket, ...] = ()
    bracket_unit: str = "notional"
    tick: Decimal | None = None
    lot: Decimal | None = None
    family: str = ""
    expires: bool = False
    taker_rate: Decimal | None = None
    liquidation_fee_rate: Decimal | None = None
    min_size: Decimal | None = None
    min_notional: Decimal | None = None
    funding_hours: int | None = None
    unit: Decimal | None = None
    funding_rate: Decimal | None = None
    alone: bool = False
    terms: tuple[Decimal, ...] = ()

    @cached_property
    def columns(self) -> BracketColumns:
        """The brackets by columns."""
        rows, none = self.brackets, Decimal(0)
        return BracketColumns(
            floors=tuple([row.floor for row in rows]),
            rates=tuple([row.maintenance_rate for row in rows]),
            deductions=tuple([row.deduction for row in rows]),
            leverages=tuple([row.max_leverage or none for row in rows]),
            initials=tuple([row.initial_rate or none for row in rows]),
            quote_floors=tuple([row.quote_floor or none for row in rows]),
        )


class LegKey(NamedTuple):
    """What names a position: the same symbol may be held in both modes, and as two legs in hedge mode."""

    symbol: str
    mode: MarginMode
    side: LegSide


class Position(msgspec.Struct, frozen=True):
    """One open leg. `size` signed contracts; `isolated_margin` the money inside its wall, without running profit. Of that,
    `added_margin` was put in by hand (or frozen there by a rule) and `lost_margin` has been eaten by funding. `cost`: the
    signed value paid, in the settle asset, where the venue keeps it apart from the entry price (None: it follows from it).
    `remarked`: the signed value that running profit counts from, after the venue has paid earlier profit out (None: `cost`).
    `realised_pnl`: what the position has realised so far. `auto_add_margin`: the venue may top it up from free cash.
    `part_sold`: when a part of it was last sold by force, while the venue heeds that.

    A position in SPOT counts coins bought (+) or sold short (-) with borrowed money. In cross they are among the account's
    own cash and debts. An isolated one has `coins` of its own inside its wall, `borrowed` and `interest` owed there, all by
    asset; `isolated_margin` then is a record of the own money that went in, and no money itself. `margin_asset`: the one that
    this margin is in and the position's pool is told in ('': the quote asset)."""

    symbol: str
    mode: MarginMode
    side: LegSide
    size: Decimal
    entry_price: Decimal
    leverage: Decimal
    isolated_margin: Decimal = Decimal(0)
    added_margin: Decimal = Decimal(0)
    lost_margin: Decimal = Decimal(0)
    cost: Decimal | None = None
    remarked: Decimal | None = None
    realised_pnl: Decimal = Decimal(0)
    auto_add_margin: bool = False
    coins: dict[str, Decimal] | None = None
    borrowed: dict[str, Decimal] = {}
    interest: dict[str, Decimal] = {}
    part_sold: datetime | None = None
    margin_asset: str = ""


class Order(msgspec.Struct, frozen=True):
    """A resting order. `size` > 0 contracts; `price` for limits, `stop_price` and `trigger` for stops and take-profits."""

    id: str
    symbol: str
    side: str
    size: Decimal
    type: OrderType
    price: Decimal | None = None
    stop_price: Decimal | None = None
    trigger: Trigger = Trigger.MARK
    reduce_only: bool = False
    mode: MarginMode = MarginMode.CROSS
    position_side: LegSide = LegSide.NET


class Fees(msgspec.Struct, frozen=True):
    """The user's own fee rates, as positive fractions of the traded notional (a rebate is negative). `coin_maker_rate`,
    `coin_taker_rate`: those of trades in coins themselves, where they are others."""

    maker_rate: Decimal
    taker_rate: Decimal
    coin_maker_rate: Decimal | None = None
    coin_taker_rate: Decimal | None = None


def closing_of(fees: Fees, instrument: Instrument) -> Decimal:
    """The taker rate that a venue's formulas put aside for closing: the instrument's own where it has one."""
    return taker_of(fees, instrument) if instrument.taker_rate is None else instrument.taker_rate


def taker_of(fees: Fees, instrument: Instrument) -> Decimal:
    """The taker rate of trades in an instrument."""
    coins = instrument.kind is Kind.SPOT and fees.coin_taker_rate is not None
    return fees.coin_taker_rate if coins and fees.coin_taker_rate is not None else fees.taker_rate


def maker_of(fees: Fees, instrument: Instrument) -> Decimal:
    """The maker rate of trades in an instrument."""
    coins = instrument.kind is Kind.SPOT and fees.coin_maker_rate is not None
    return fees.coin_maker_rate if coins and fees.coin_maker_rate is not None else fees.maker_rate


class Account(msgspec.Struct, frozen=True):
    """One trading account. `cash`: asset -> settled money outside every isolated wall (negative: owed); `borrowed`: asset ->
    what is owed apart from it, and `interest` what that has grown by; `interest_rates`: asset -> what borrowing it costs a
    year, as a fraction; `not_collateral`: coins that the user has switched off, `restricted`: those that the venue gives no
    room for at present. `leverages` is keyed by the rulebook's `leverage_key`; `margin_modes` holds the symbols set away from
    the default (cross). `options`: the venue's own settings; `auto_borrow` = "off": orders lean on no coin but their own."""

    position_mode: PositionMode
    cash: dict[str, Decimal]
    positions: tuple[Position, ...] = ()
    orders: tuple[Order, ...] = ()
    leverages: dict[str, Decimal] = {}
    margin_modes: dict[str, MarginMode] = {}
    fees: Fees = Fees(Decimal(0), Decimal(0))
    options: dict[str, str] = {}
    borrowed: dict[str, Decimal] = {}
    not_collateral: tuple[str, ...] = ()
    interest: dict[str, Decimal] = {}
    interest_rates: dict[str, Decimal] = {}
    restricted: tuple[str, ...] = ()


class Outside(msgspec.Struct, frozen=True):
    """Totals of cross legs that a source states without listing the legs: added to the pool of their settle asset (in a valued
    pool to the coin; or to its currency, where `wallet_balance` too may be stated without its coins). `reserved`: what
    resting orders that are not listed take off its balance."""

    unrealised_pnl: Decimal = Decimal(0)
    initial_margin: Decimal = Decimal(0)
    maintenance_margin: Decimal = Decimal(0)
    closing_fee: Decimal = Decimal(0)
    isolated_equity: Decimal = Decimal(0)
    wallet_balance: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)


class Marks(msgspec.Struct, frozen=True):
    """All prices of one instant: symbol -> mark, symbol -> last (where a feed has one), asset -> index in USD."""

    marks: dict[str, Decimal]
    lasts: dict[str, Decimal] = {}
    indexes: dict[str, Decimal] = {}
    time: datetime | None = None


def leg_key(position: Position) -> LegKey:
    """The key under which a position is found."""
    return LegKey(position.symbol, position.mode, position.side)
