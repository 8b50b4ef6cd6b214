"""What happened to an account: facts only. Each event carries its postings, which balance per asset, and the position
after it where one changed (its money is moved by the postings alone). Events are journalled and replayed as they are."""

from datetime import datetime
from decimal import Decimal

import msgspec

from plimsoll.margin.ledger import Posting
from plimsoll.model import LegKey, MarginMode, Order, Position, PositionMode, Stage


class MarksSet(msgspec.Struct, frozen=True, tag=True):
    marks: dict[str, Decimal]
    lasts: dict[str, Decimal]
    indexes: dict[str, Decimal]
    time: datetime | None
    postings: tuple[Posting, ...] = ()


class OrderPlaced(msgspec.Struct, frozen=True, tag=True):
    order: Order
    postings: tuple[Posting, ...] = ()


class OrderCancelled(msgspec.Struct, frozen=True, tag=True):
    """`why`: user, liquidation, triggered_without_position."""

    order: Order
    why: str
    postings: tuple[Posting, ...] = ()


class OrderTriggered(msgspec.Struct, frozen=True, tag=True):
    """A stop or take-profit whose level was reached; its trade follows."""

    order: Order
    price: Decimal
    postings: tuple[Posting, ...] = ()


class Traded(msgspec.Struct, frozen=True, tag=True):
    """`size` > 0 contracts at `price`; `realised_pnl` price profit alone; `position` after it (size 0: closed)."""

    leg: LegKey
    side: str
    size: Decimal
    price: Decimal
    fee: Decimal
    realised_pnl: Decimal
    position: Position
    order_id: str
    postings: tuple[Posting, ...]


class FundingPaid(msgspec.Struct, frozen=True, tag=True):
    """`amount` > 0 paid by the trader."""

    leg: LegKey
    rate: Decimal
    mark: Decimal
    amount: Decimal
    postings: tuple[Posting, ...]


class ExpirySettled(msgspec.Struct, frozen=True, tag=True):
    """Running profit became cash at `price`: the daily settlement of an expiry, or a venue's pay-out of profit."""

    leg: LegKey
    price: Decimal
    realised_pnl: Decimal
    position: Position
    postings: tuple[Posting, ...]


class InterestCharged(msgspec.Struct, frozen=True, tag=True):
    """`leg`: inside whose wall it is owed (None: the account's own). It is paid from the cash, or owed beside the debt, as the
    venue has it."""

    asset: str
    amount: Decimal
    postings: tuple[Posting, ...]
    leg: LegKey | None = None


class Borrowed(msgspec.Struct, frozen=True, tag=True):
    """`amount` of an asset was lent to the account, or (`leg`) into an isolated wall."""

    asset: str
    amount: Decimal
    leg: LegKey | None
    postings: tuple[Posting, ...]


class Repaid(msgspec.Struct, frozen=True, tag=True):
    """`amount` was paid back, `interest` of it for what the debt had grown by, which goes first."""

    asset: str
    amount: Decimal
    interest: Decimal
    leg: LegKey | None
    postings: tuple[Posting, ...]


class Deposited(msgspec.Struct, frozen=True, tag=True):
    asset: str
    amount: Decimal
    postings: tuple[Posting, ...]


class Withdrawn(msgspec.Struct, frozen=True, tag=True):
    asset: str
    amount: Decimal
    postings: tuple[Posting, ...]


class MarginMoved(msgspec.Struct, frozen=True, tag=True):
    """`amount` > 0 went from the cash into the leg. `why`: user, auto (the venue's own top-up), closed, mode."""

    leg: LegKey
    amount: Decimal
    postings: tuple[Posting, ...]
    why: str = "user"


class MarginLocked(msgspec.Struct, frozen=True, tag=True):
    """A position holds `added` besides its initial margin, and has lost `lost` to funding: sized anew by the venue. In cross
    nothing is paid for it, the money is locked where it is."""

    leg: LegKey
    added: Decimal
    lost: Decimal
    postings: tuple[Posting, ...] = ()


class LeverageSet(msgspec.Struct, frozen=True, tag=True):
    """`key`: the venue's setting; `legs`: the positions that follow it."""

    key: str
    symbol: str
    leverage: Decimal
    legs: tuple[LegKey, ...]
    postings: tuple[Posting, ...]


class MarginModeSet(msgspec.Struct, frozen=True, tag=True):
    """`symbol` "": the whole account. `legs`: the open positions that change their mode with it; what enters or leaves their
    walls is told by a MarginMoved of its own."""

    symbol: str
    mode: MarginMode
    legs: tuple[LegKey, ...] = ()
    postings: tuple[Posting, ...] = ()


class PositionModeSet(msgspec.Struct, frozen=True, tag=True):
    mode: PositionMode
    postings: tuple[Posting, ...] = ()


class OptionSet(msgspec.Struct, frozen=True, tag=True):
    name: str
    value: str
    postings: tuple[Posting, ...] = ()


class StageReached(msgspec.Struct, frozen=True, tag=True):
    """A pool's liquidation went on (or ended: HEALTHY). The two numbers are those compared at that moment."""

    pool: str
    asset: str
    stage: Stage
    margin_balance: Decimal
    requirement: Decimal
    postings: tuple[Posting, ...] = ()


class Resumed(msgspec.Struct, frozen=True, tag=True):
    """A pool was found whole after a part-sale and the pause behind it: what its `legs` remembered of that is over."""

    pool: str
    legs: tuple[LegKey, ...]
    postings: tuple[Posting, ...] = ()


class Reduced(msgspec.Struct, frozen=True, tag=True):
    """A forced close in the market of a `side` long or short: `fee` to the venue, `penalty` to the insurance fund."""

    pool: str
    leg: LegKey
    side: str
    size: Decimal
    price: Decimal
    fee: Decimal
    penalty: Decimal
    realised_pnl: Decimal
    position: Position
    postings: tuple[Posting, ...]


class TakenOver(msgspec.Struct, frozen=True, tag=True):
    """The insurance fund took the leg at `price`, the bankruptcy price, and made `fund_result` closing it at `fill`
    (None: nobody filled, the fund holds it). `fee`: what the trader paid the venue at that price."""

    pool: str
    leg: LegKey
    side: str
    size: Decimal
    price: Decimal
    fill: Decimal | None
    fund_result: Decimal
    realised_pnl: Decimal
    position: Position
    postings: tuple[Posting, ...]
    fee: Decimal = Decimal(0)


class Converted(msgspec.Struct, frozen=True, tag=True):
    """A sale of `amount` of a coin for `proceeds` of another that is owed, at the index prices; `fee` to the venue and
    `penalty` to the insurance fund, in the coin owed, of which `repaid` went to the lender (the rest fills up the balance).
    `forced`: by the venue's liquidation, not to even out a position that the trader closed."""

    pool: str
    source: str
    target: str
    amount: Decimal
    proceeds: Decimal
    fee: Decimal
    repaid: Decimal
    postings: tuple[Posting, ...]
    penalty: Decimal = Decimal(0)
    forced: bool = True


class Deleveraged(msgspec.Struct, frozen=True, tag=True):
    """A counterparty was closed against the leg at `price`. Follows the event in which the leg itself left."""

    counterparty: str
    leg: LegKey
    size: Decimal
    price: Decimal
    postings: tuple[Posting, ...] = ()


class ShortfallCovered(msgspec.Struct, frozen=True, tag=True):
    """A pool ended below zero and was brought to zero. `leg` None: the cash of `asset`."""

    pool: str
    asset: str
    leg: LegKey | None
    from_fund: Decimal
    from_counterparties: Decimal
    postings: tuple[Posting, ...]


Event = (
    MarksSet
    | OrderPlaced
    | OrderCancelled
    | OrderTriggered
    | Traded
    | FundingPaid
    | ExpirySettled
    | InterestCharged
    | Borrowed
    | Repaid
    | Deposited
    | Withdrawn
    | MarginMoved
    | MarginLocked
    | LeverageSet
    | MarginModeSet
    | PositionModeSet
    | StageReached
    | Reduced
    | TakenOver
    | Converted
    | Deleveraged
    | ShortfallCovered
    | Resumed
    | OptionSet
)
