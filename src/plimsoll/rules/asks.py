"""What a venue is asked before a setting changes, or to print: plain records, read by `people.py`."""

from decimal import Decimal
from typing import NamedTuple

from plimsoll.model import Instrument, MarginMode, Order, Position
from plimsoll.rules.columns import Leg, Market


class LeverageAsk(NamedTuple):
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


class LegAsk(NamedTuple):
    """A position among its prices. `money`: what stands behind it alone (None where it shares a pool); `tick` of its price
    (None: not known)."""

    leg: Leg[Decimal]
    mark: Decimal
    market: Market[Decimal]
    money: Decimal | None
    tick: Decimal | None


class SizeAsk(NamedTuple):
    """An order's reach: the position it could build, as contracts and as value at the prices it would pay."""

    instrument: Instrument
    leverage: Decimal
    size: Decimal
    value: Decimal
