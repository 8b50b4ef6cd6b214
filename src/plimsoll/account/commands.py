"""What may be asked of an account. A command is a wish; `decide` answers with events or a Reject."""

from datetime import datetime
from decimal import Decimal

import msgspec

from plimsoll.model import LegKey, LegSide, MarginMode, Order, PositionMode


class SetMarks(msgspec.Struct, frozen=True, tag=True):
    """All new prices of one instant, together: marks, and where known last prices and indexes. Others stay."""

    marks: dict[str, Decimal]
    lasts: dict[str, Decimal] = {}
    indexes: dict[str, Decimal] = {}
    time: datetime | None = None


class Fill(msgspec.Struct, frozen=True, tag=True):
    """A trade that happened, as stated: no margin check. `fee_rate` overrides the account's maker or taker rate."""

    symbol: str
    side: str
    size: Decimal
    price: Decimal
    liquidity: str = "taker"
    mode: MarginMode | None = None
    position_side: LegSide = LegSide.NET
    reduce_only: bool = False
    fee_rate: Decimal | None = None


class PlaceOrder(msgspec.Struct, frozen=True, tag=True):
    """An order that rests, or trades at once if it is a market order. `mode` None: the venue's setting decides."""

    order: Order
    mode: MarginMode | None = None


class CancelOrder(msgspec.Struct, frozen=True, tag=True):
    id: str


class SettleFunding(msgspec.Struct, frozen=True, tag=True):
    """A funding charge on the positions held in `symbol`; `mark` None: the present mark."""

    symbol: str
    rate: Decimal
    mark: Decimal | None = None


class SettleExpiry(msgspec.Struct, frozen=True, tag=True):
    """Daily settlement of cross expiry positions: profit becomes cash, the entry becomes the settlement price, no fee."""

    symbol: str
    price: Decimal


class ChargeInterest(msgspec.Struct, frozen=True, tag=True):
    """Interest as stated; `leg`: on the debt inside an isolated wall."""

    asset: str
    amount: Decimal
    leg: LegKey | None = None


class AccrueInterest(msgspec.Struct, frozen=True, tag=True):
    """What every debt of the account costs for so many hours, at the account's `interest_rates`."""

    hours: Decimal


class Borrow(msgspec.Struct, frozen=True, tag=True):
    """`leg`: into an isolated wall."""

    asset: str
    amount: Decimal
    leg: LegKey | None = None


class Repay(msgspec.Struct, frozen=True, tag=True):
    """From what there is of the asset; interest first. `leg`: inside an isolated wall."""

    asset: str
    amount: Decimal
    leg: LegKey | None = None


class Deposit(msgspec.Struct, frozen=True, tag=True):
    asset: str
    amount: Decimal


class Withdraw(msgspec.Struct, frozen=True, tag=True):
    asset: str
    amount: Decimal


class AddMargin(msgspec.Struct, frozen=True, tag=True):
    """Cash into an isolated leg."""

    symbol: str
    amount: Decimal
    position_side: LegSide = LegSide.NET


class RemoveMargin(msgspec.Struct, frozen=True, tag=True):
    """Money of an isolated leg back to cash."""

    symbol: str
    amount: Decimal
    position_side: LegSide = LegSide.NET


class SetLeverage(msgspec.Struct, frozen=True, tag=True):
    symbol: str
    leverage: Decimal
    mode: MarginMode | None = None
    position_side: LegSide = LegSide.NET


class SetMarginMode(msgspec.Struct, frozen=True, tag=True):
    """`symbol` "": the whole account, where the venue has one mode for all of it."""

    symbol: str
    mode: MarginMode


class SetPositionMode(msgspec.Struct, frozen=True, tag=True):
    mode: PositionMode


class SetOption(msgspec.Struct, frozen=True, tag=True):
    """A setting of the whole account that the venue has besides its modes (`Rules.OPTIONS`)."""

    name: str
    value: str


Command = (
    SetMarks
    | Fill
    | PlaceOrder
    | CancelOrder
    | SettleFunding
    | SettleExpiry
    | ChargeInterest
    | AccrueInterest
    | Borrow
    | Repay
    | Deposit
    | Withdraw
    | AddMargin
    | RemoveMargin
    | SetLeverage
    | SetMarginMode
    | SetPositionMode
    | SetOption
)
