"""What a venue is asked: plain records, filled by the account machine and the assessment, read by `people.py`."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from plimsoll.model import Account, Instrument, MarginMode, Order, Position
from plimsoll.rules.columns import CoinMargin, Found, Leg, Market, Pool, PoolMargin
from plimsoll.rules.drawing import PoolSpec


class LeverageAsk(msgspec.Struct, frozen=True, gc=False):
    """A leverage change. `positions`, `orders`: those of the symbol (all modes); `value`: largest mark value and `size`
    largest contracts of the legs concerned; `wanted`: extra margin the change needs (negative: it frees some); `free`:
    what is there for it."""

    instrument: Instrument
    mode: MarginMode
    old: Decimal
    new: Decimal
    positions: tuple[Position, ...]
    orders: tuple[Order, ...]
    value: Decimal
    size: Decimal
    wanted: Decimal
    free: Decimal


class LegAsk(msgspec.Struct, frozen=True, gc=False):
    """A position among its prices. `money`: what stands behind it alone (None where it shares a pool); `tick` of its price
    (None: not known); `margin`: what its pool has and needs; `closing`: what resting reduce-only orders would close of it."""

    leg: Leg[Decimal]
    mark: Decimal
    market: Market[Decimal]
    money: Decimal | None
    tick: Decimal | None
    margin: PoolMargin[Decimal]
    closing: Decimal


class SizeAsk(msgspec.Struct, frozen=True, gc=False):
    """An order's reach: the position it could build, as contracts and as value at the prices it would pay."""

    instrument: Instrument
    leverage: Decimal
    size: Decimal
    value: Decimal


class PriceAsk(msgspec.Struct, frozen=True, gc=False):
    """A liquidation price as it is to be printed: the true one, and all that the venue's own formula may look at. `coin`: the
    one that the position settles in, in a valued pool (None: in no such pool); `marks`, `markets`: the columns of the account;
    `size`: the position's contracts; `tick` None: not known."""

    found: Found[Decimal]
    leg: Leg[Decimal]
    pool: Pool[Decimal]
    margin: PoolMargin[Decimal]
    coin: CoinMargin[Decimal] | None
    marks: Sequence[Decimal]
    markets: Sequence[Market[Decimal]]
    size: Decimal
    mode: MarginMode
    tick: Decimal | None


class PoolAsk(msgspec.Struct, frozen=True, gc=False):
    """A valued pool among its prices. `at`: the coin that is asked about (-1: the whole of it)."""

    spec: PoolSpec
    pool: Pool[Decimal]
    margin: PoolMargin[Decimal]
    marks: Sequence[Decimal]
    markets: Sequence[Market[Decimal]]
    account: Account
    at: int
