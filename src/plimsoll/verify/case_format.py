"""The format in which venues' own numbers are restated, as records: a case, its instruments, account, expectations."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

import msgspec

from plimsoll.margin.waterfall import Counterparty
from plimsoll.model import (
    Bracket,
    CollateralTier,
    Fees,
    Kind,
    LegSide,
    LoanTier,
    MarginMode,
    OrderType,
    Outside,
    PositionMode,
    Trigger,
)
from plimsoll.number import ONE, ZERO, exact

NO_TABLE = (Bracket(ZERO, None, ZERO, ZERO, None),)
"""Stands in for brackets that a source leaves out."""

Value = Decimal | bool | str | None


WORDS = ("stage", "reject", "accepted", "events")
"""Quantities whose value is a word."""


class Expectation(msgspec.Struct, frozen=True):
    """`value`: a number (written as text), a truth, a word (stage), or null."""

    quantity: str
    of: str
    value: Any
    tolerance: Decimal = ZERO

    @property
    def wanted(self) -> Value:
        """The value as it is compared: text that reads as a number is one."""
        if isinstance(self.value, str) and self.quantity not in WORDS:
            return Decimal(self.value)
        return None if self.value is None else self.value


class CaseInstrument(msgspec.Struct, frozen=True):
    kind: Kind
    base: str
    quote: str
    settle: str
    multiplier: Decimal
    brackets: tuple[Bracket, ...] = NO_TABLE
    bracket_unit: str = "notional"
    tick: Decimal | None = None
    lot: Decimal | None = None
    family: str = ""
    taker_rate: Decimal | None = None
    liquidation_fee_rate: Decimal | None = None
    funding_rate: Decimal | None = None
    initial_rate: Decimal | None = None
    maintenance_fraction: Decimal = ONE
    market_type: Literal["cross", "isolated"] = "cross"
    open_interest: Decimal | None = None
    open_interest_lower_cap: Decimal | None = None
    open_interest_upper_cap: Decimal | None = None

    @property
    def table(self) -> tuple[Bracket, ...]:
        """The brackets; where there are none, the one row that an initial rate and the share of it that maintains make."""
        if self.brackets or self.initial_rate is None:
            return self.brackets or NO_TABLE
        with exact():
            maintained, leverage = self.initial_rate * self.maintenance_fraction, ONE / self.initial_rate
        return (Bracket(ZERO, None, maintained, ZERO, leverage, self.initial_rate),)


class CaseWallet(msgspec.Struct, frozen=True):
    balance: Decimal
    borrowed: Decimal = ZERO
    interest: Decimal = ZERO
    collateral_ratio: Decimal | None = None
    borrow_tiers: tuple[LoanTier, ...] = ()
    collateral: bool = True
    collateral_tiers: tuple[CollateralTier, ...] = ()
    loan_tiers: tuple[LoanTier, ...] = ()
    collateral_unit: Literal["coin", "usd"] = "coin"
    restricted: bool = False
    borrow_initial_rate: Decimal = ZERO
    borrow_maintenance_rate: Decimal = ZERO
    spot_taker_rate: Decimal | None = None
    strategy_equity: Decimal = ZERO

    @property
    def loans(self) -> tuple[LoanTier, ...]:
        """What a debt needs: as tiers, or as the one rate of all debts."""
        if self.loan_tiers or not self.borrow_maintenance_rate:
            return self.loan_tiers
        return (LoanTier(ZERO, None, self.borrow_initial_rate, self.borrow_maintenance_rate),)
    bid_buffer: Decimal | None = None
    ask_buffer: Decimal | None = None


class CasePosition(msgspec.Struct, frozen=True):
    symbol: str
    side: Literal["long", "short"]
    size: Decimal
    mode: MarginMode
    entry_price: Decimal | None = None
    leverage: Decimal | None = None
    isolated_margin: Decimal | None = None
    added_margin: Decimal = ZERO
    realised_pnl: Decimal = ZERO
    auto_add_margin: bool = False
    session_average_price: Decimal | None = None
    pos_cross: Decimal | None = None
    pos_loss: Decimal | None = None
    signed_cost: Decimal | None = None
    variant: str = ""
    margin_asset: str = ""
    liability: Decimal = ZERO
    interest: Decimal = ZERO
    base_assets: Decimal = ZERO
    base_debt: Decimal = ZERO
    quote_assets: Decimal = ZERO
    quote_debt: Decimal = ZERO

    @property
    def entry(self) -> Decimal | None:
        """The price that margins and profit stand on: the session average where the venue settles several times a day."""
        return self.session_average_price or self.entry_price


class CaseOrder(msgspec.Struct, frozen=True):
    symbol: str
    side: Literal["buy", "sell"]
    size: Decimal
    id: str = ""
    type: OrderType = OrderType.LIMIT
    price: Decimal | None = None
    cost: Decimal | None = None
    stop_price: Decimal | None = None
    trigger: Trigger = Trigger.MARK
    reduce_only: bool = False
    leverage: Decimal | None = None
    mode: MarginMode | None = None
    position_side: LegSide | None = None


class CaseAccount(msgspec.Struct, frozen=True):
    position_mode: PositionMode
    wallets: dict[str, CaseWallet] = {}
    positions: tuple[CasePosition, ...] = ()
    orders: tuple[CaseOrder, ...] = ()
    fees: Fees | None = None
    options: dict[str, Any] = {}
    interest_rates: dict[str, Decimal] = {}


class CaseMarket(msgspec.Struct, frozen=True):
    liquidation_fill: dict[str, str] = {}
    insurance_fund: dict[str, Decimal] = {}
    counterparties: tuple[Counterparty, ...] = ()


class CaseKnown(msgspec.Struct, frozen=True):
    """Totals that a source states: per asset those of legs that it does not list; those of a valued account without its coins;
    and totals of the account that replace what we would compute (see `stated`, `fill_in`)."""

    unlisted: dict[str, Outside] = {}
    isolated_equity: dict[str, Decimal] = {}
    wallet_balance: Decimal = ZERO
    unrealised_pnl: Decimal = ZERO
    account_initial_margin: Decimal | None = None
    account_maintenance_margin: Decimal = ZERO
    position_margin: Decimal | None = None
    order_initial_margin: Decimal | None = None
    equity: Decimal | None = None
    available_balance: Decimal | None = None
    margin_balance: Decimal | None = None
    adjusted_equity: Decimal | None = None


class Case(msgspec.Struct, frozen=True):
    id: str
    rulebook: str
    instruments: dict[str, CaseInstrument]
    account: CaseAccount
    marks: dict[str, Decimal]
    as_of: date = date.max
    expect: tuple[Expectation, ...] = ()
    steps: tuple[dict[str, Any], ...] = ()
    indexes: dict[str, Decimal] = {}
    known: CaseKnown = CaseKnown()
    market: CaseMarket = CaseMarket()
    reading: dict[str, str] = {}
    grade: str = ""
