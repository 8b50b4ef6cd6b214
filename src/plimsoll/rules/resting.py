"""Which resting orders can open exposure, and what they are worth. Plain Python, for the layout of an account and for rules
that let orders choose a position's bracket. Exact numbers only."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from plimsoll.model import Instrument, LegSide, Order, OrderType
from plimsoll.number import ZERO
from plimsoll.rules.common import notional


def opens(order: Order) -> bool:
    """Whether a resting order can open exposure and so needs margin: priced, not reduce-only, not a hedge leg's closer.

    Stops and take-profits need none until they trigger (grade memory)."""
    if order.reduce_only or order.price is None or order.type is not OrderType.LIMIT:
        return False
    return not closes(order)


def closes(order: Order) -> bool:
    """Whether a hedge-mode order can only reduce its leg."""
    return (order.position_side, order.side) in ((LegSide.LONG, "sell"), (LegSide.SHORT, "buy"))


def falling_watch(order: Order) -> bool:
    """Whether a conditional order waits for its price to fall: a stop that sells, a take-profit that buys."""
    return (order.type is OrderType.STOP_MARKET) == (order.side == "sell")


def order_value(order: Order, instrument: Instrument) -> Decimal:
    """Value of a limit order at its own price, in the settle asset."""
    assert order.price is not None
    return notional(order.size * instrument.multiplier, order.price, instrument.kind == "inverse")


def new_value(orders: Iterable[Order], side: str, closable: Decimal, value_of: Callable[[Order], Decimal]) -> Decimal:
    """Value of the orders of one side beyond the `closable` contracts that they would only close, spread evenly over them."""
    opening = [o for o in orders if o.side == side and opens(o)]
    size = sum((o.size for o in opening), ZERO)
    value = sum((value_of(o) for o in opening), ZERO)
    if closable <= 0 or size == 0:
        return value
    return value * max(ZERO, size - closable) / size
