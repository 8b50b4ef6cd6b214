"""What one venue's table file says, parsed: dated rows of numbers with their sources and grades. Nothing is computed here."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

from plimsoll.model import Bracket, CollateralTier, Instrument, Kind, LoanTier
from plimsoll.number import ZERO


class Grade(StrEnum):
    """How firm a number is: the venue's word, a recorded response, computed from those, a third party's text, memory,
    the user's own. STALE: nothing is known for the day asked, the nearest table stands in."""

    DOC = "doc"
    RECORDED = "recorded"
    DERIVED = "derived"
    REWRITE = "rewrite"
    MEMORY = "memory"
    OWN = "own"
    STALE = "stale"


class BracketTable(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """Brackets of a symbol, or of all expiries of a family. `complete` False: the venue has further, unknown rows. `whole`:
    in a file of marginal tables one without deductions, where the whole value pays the rate of its row."""

    symbol: str = ""
    family: str = ""
    since: date
    until: date | None = None
    rows: tuple[Bracket, ...]
    source: str
    retrieved: date | None = None
    grade: Grade
    complete: bool = True
    whole: bool = False


class InstrumentRow(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """A contract as it stood at a date; fields as in `Instrument`. `grades` names the fields weaker than `grade`."""

    symbol: str
    kind: Kind
    base: str
    quote: str
    settle: str
    multiplier: Decimal
    tick: Decimal | None = None
    lot: Decimal | None = None
    min_size: Decimal | None = None
    min_notional: Decimal | None = None
    funding_hours: int | None = None
    family: str = ""
    expires: bool = False
    alone: bool = False
    since: date
    until: date | None = None
    source: str
    retrieved: date | None = None
    grade: Grade
    grades: dict[str, Grade] = {}


SHARED_FIELDS = tuple(name for name in InstrumentRow.__struct_fields__ if name in Instrument.__struct_fields__)


class LiquidationFeeRow(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """The clearance fee of forced orders, as a fraction of their notional. No `symbol`: all not named elsewhere."""

    symbol: str = ""
    rate: Decimal
    since: date
    until: date | None = None
    source: str
    retrieved: date | None = None
    grade: Grade


class FeeRow(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """The fee rates of a user who states none; of trades in coins themselves where they are others."""

    maker_rate: Decimal
    taker_rate: Decimal
    coin_maker_rate: Decimal | None = None
    coin_taker_rate: Decimal | None = None
    since: date
    until: date | None = None
    source: str
    retrieved: date | None = None
    grade: Grade
    grades: dict[str, Grade] = {}


class CollateralRow(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """What a coin counts as collateral, slice by slice of its quantity, or of its worth in US dollars (`unit`); the buffers as
    in `model.Coin`. `grades` names the fields that are weaker than the entry itself."""

    asset: str
    rows: tuple[CollateralTier, ...]
    unit: Literal["coin", "usd"] = "coin"
    ask_buffer: Decimal = ZERO
    sell_buffer: Decimal = ZERO
    buy_buffer: Decimal = ZERO
    exchange_below: Decimal | None = None
    grades: dict[str, Grade] = {}
    since: date
    until: date | None = None
    source: str
    retrieved: date | None = None
    grade: Grade


class LoanRow(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """What a debt in a coin needs, slice by slice of its quantity. `repayment_rate`: see `Coin`."""

    asset: str
    rows: tuple[LoanTier, ...]
    repayment_rate: Decimal = Decimal(0)
    since: date
    until: date | None = None
    source: str
    retrieved: date | None = None
    grade: Grade


class RegimeRow(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """From a day on a rule reads otherwise: `option` is one of the rules' REGIMES of that `name`."""

    name: str
    option: str
    since: date
    until: date | None = None
    source: str
    retrieved: date | None = None
    grade: Grade


class ReadingRow(msgspec.Struct, frozen=True):
    """An unpublished step and the ways to read it, in the order in which the rules count them, the default first."""

    name: str
    options: tuple[str, ...]
    grade: Grade
    why: str


class UnitRow(msgspec.Struct, frozen=True, kw_only=True):
    """The amount of an asset that a venue counts money in: everything is a whole number of it."""
    asset: str
    unit: Decimal
    source: str
    retrieved: date | None = None
    grade: Grade


class TermRow(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from"}):
    """One of the numbers that the rules name in TERMS. No `symbol`: of all contracts that have none of their own."""

    name: str
    symbol: str = ""
    value: Decimal
    since: date
    until: date | None = None
    source: str
    retrieved: date | None = None
    grade: Grade


class VenueTable(msgspec.Struct, frozen=True, kw_only=True):
    """One parsed table file. `marginal`: brackets carry deductions that keep maintenance continuous. `closed`: the last day
    of a venue that is no more. `like`: the rulebook of the same contracts, whose brackets, contracts and fees stand for those
    that this file does not list."""

    file: str
    name: str
    bracket_unit: str
    marginal: bool
    brackets: tuple[BracketTable, ...] = ()
    instruments: tuple[InstrumentRow, ...] = ()
    liquidation_fees: tuple[LiquidationFeeRow, ...] = ()
    fees: tuple[FeeRow, ...] = ()
    collateral: tuple[CollateralRow, ...] = ()
    loans: tuple[LoanRow, ...] = ()
    regimes: tuple[RegimeRow, ...] = ()
    readings: tuple[ReadingRow, ...] = ()
    units: tuple[UnitRow, ...] = ()
    terms: tuple[TermRow, ...] = ()
    closed: date | None = None
    like: str = ""
