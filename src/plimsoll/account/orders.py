"""Orders: what is refused, what rests, what trades at once, and what the prices of one instant set off."""

from decimal import Decimal

import msgspec

from plimsoll.account.events import OrderCancelled, OrderPlaced, OrderTriggered
from plimsoll.account.liquidate import liquidate
from plimsoll.account.settings import asset_view, funds_for
from plimsoll.account.spot import deal, unaffordable
from plimsoll.account.trade import split_size
from plimsoll.account.turn import Turn
from plimsoll.errors import Reason, Reject
from plimsoll.margin.assess import Prices, assess
from plimsoll.margin.pools import lay_out, leverage_of, order_value
from plimsoll.model import Kind, LegKey, LegSide, MarginMode, Order, OrderType, Position, Trigger, leg_key
from plimsoll.number import ZERO
from plimsoll.rulebook import why_not_lent
from plimsoll.rules.asks import SizeAsk
from plimsoll.rules.resting import closes, falling_watch, opens

_CONDITIONAL = (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)


def key_of(order: Order) -> LegKey:
    """The leg an order trades in."""
    return LegKey(order.symbol, order.mode, order.position_side)


def place(turn: Turn, order: Order) -> Reject | None:
    """Take an order: a market order, and a limit at or through the last price, trade at the last price at once (a market
    order at the mark where no last price is known); the others rest."""
    reject = _malformed(turn, order) or _reduces(turn, order) or _beside_others(turn, order)
    reject = reject or _grows_too_far(turn, order) or _unaffordable(turn, order)
    if reject is not None:
        return reject
    if order.type is OrderType.MARKET:
        _execute(turn, order, _market_price(turn, order), turn.rate(order.symbol))
    elif _is_filled(turn, order):
        _execute(turn, order, turn.price(order.symbol), turn.rate(order.symbol))
    else:
        turn.emit(OrderPlaced(order))
        turn.layout()  # refuses here, before anything is kept, where a rulebook does not tell what such an order needs
    return None


def _malformed(turn: Turn, order: Order) -> Reject | None:
    instrument = turn.instrument(order.symbol)
    turn.mark(order.symbol)
    needed = order.price if order.type is OrderType.LIMIT else order.stop_price if order.type in _CONDITIONAL else order.size
    if needed is None or any(x is not None and not (x.is_finite() and x > 0) for x in (order.size, order.price, needed)):
        return Reject(Reason.BAD_AMOUNT, "size and prices must be greater than zero", order.size, ZERO)
    if order.side not in ("buy", "sell"):
        return Reject(Reason.BAD_AMOUNT, f"side is buy or sell, not {order.side!r}")
    unlent = why_not_lent(turn.rulebook, order.mode) if instrument.kind is Kind.SPOT else None
    if unlent is not None:
        return Reject(Reason.NOT_OFFERED, unlent)
    if any(other.id == order.id for other in turn.account.orders):
        return Reject(Reason.DUPLICATE_ORDER, f"an open order has the id {order.id} already")
    if instrument.lot is not None and order.size % instrument.lot != 0:
        return Reject(Reason.BAD_LOT, f"size is counted in steps of {instrument.lot}", order.size, instrument.lot)
    if instrument.min_size is not None and order.size < instrument.min_size:
        return Reject(Reason.BELOW_MINIMUM, "below the smallest order", order.size, instrument.min_size)
    value = _value(turn, order)
    if instrument.min_notional is not None and value < instrument.min_notional and not order.reduce_only:
        return Reject(Reason.BELOW_MINIMUM, "below the smallest order value", value, instrument.min_notional)
    if order.type in _CONDITIONAL and _is_reached(turn, order):
        return Reject(Reason.WOULD_TRIGGER, "the trigger price is already passed", order.stop_price, _watched(turn, order))
    return None


def _market_price(turn: Turn, order: Order) -> Decimal:
    return order.price if order.price is not None else turn.price(order.symbol)


def _value(turn: Turn, order: Order) -> Decimal:
    market = turn.market(order.symbol)
    price = order.price or order.stop_price or turn.price(order.symbol)
    return turn.rulebook.rules.value(order.size * market.multiplier, price, market)


def _reduces(turn: Turn, order: Order) -> Reject | None:
    """A reduce-only order needs an opposite position to reduce."""
    if not order.reduce_only or order.type in _CONDITIONAL:
        return None
    held = turn.held(key_of(order))
    if held is None or (held.size > 0) == (order.side == "buy"):
        return Reject(Reason.REDUCE_ONLY, "there is no position that this order could reduce", order.size, ZERO)
    return None


def _beside_others(turn: Turn, order: Order) -> Reject | None:
    """An order that can open a position must be one that the venue lets stand beside those held."""
    if order.reduce_only or order.type in _CONDITIONAL or closes(order):
        return None
    return turn.rulebook.rules.may_open(turn.account, order, turn.rulebook.instruments)


def _grows_too_far(turn: Turn, order: Order) -> Reject | None:
    """The position the order and its resting fellows could build must fit the bracket that the leverage allows."""
    if order.reduce_only or order.type in _CONDITIONAL or closes(order):
        return None
    held = turn.held(key_of(order))
    same = [o for o in turn.account.orders if key_of(o) == key_of(order) and o.side == order.side and opens(o)]
    signed = ZERO if held is None else held.size
    sign = 1 if order.side == "buy" else -1
    size = abs(signed + sum((o.size for o in same), order.size) * sign)
    if size <= abs(signed):
        return None
    instrument = turn.instrument(order.symbol)
    leverage = held.leverage if held is not None else leverage_of(turn.account, turn.rulebook, *key_of(order))
    at_mark = turn.rulebook.rules.value(
        signed * instrument.multiplier, turn.mark(order.symbol), turn.market(order.symbol)
    )
    added = sum((order_value(o, turn.rulebook) for o in same), _value(turn, order))
    value = abs(at_mark * (1 if signed > 0 else -1) + added * sign)
    beside = sum((o.size for o in _counted_beside(turn, order)), ZERO) + sum(
        (abs(p.size) for p in _held_beside(turn, order)), ZERO
    )
    return turn.rulebook.rules.may_grow(SizeAsk(instrument, leverage, size + beside, value, sign > 0))


def _held_beside(turn: Turn, order: Order) -> list[Position]:
    """Other positions whose contracts the venue counts towards this order's limit."""
    book = turn.rulebook
    own = turn.instrument(order.symbol)
    return [
        p
        for p in turn.account.positions
        if leg_key(p) != key_of(order)
        and p.mode is order.mode
        and book.rules.limit_counts(order, own, book.instruments[p.symbol])
    ]


def _counted_beside(turn: Turn, order: Order) -> list[Order]:
    """Resting opening orders on other legs that count towards this order's limit."""
    book = turn.rulebook
    own = turn.instrument(order.symbol)
    return [
        o
        for o in turn.account.orders
        if key_of(o) != key_of(order)
        and o.mode is order.mode
        and opens(o)
        and book.rules.limit_counts(order, own, book.instruments[o.symbol])
    ]


def _unaffordable(turn: Turn, order: Order) -> Reject | None:
    """Extra order margin plus the loss it would open with must fit what is free, equality included. An order that adds
    nothing to the reach of the position is free."""
    if order.reduce_only or order.type in _CONDITIONAL:
        return None
    if turn.instrument(order.symbol).kind is Kind.SPOT:
        rate, price = turn.rate(order.symbol), _market_price(turn, order)
        reject = _beyond_own(turn, order, price)
        reject = reject or unaffordable(turn, key_of(order), order.side, order.size, price, rate)
        rests = order.type is OrderType.LIMIT and not _is_filled(turn, order)
        return _unbearable(turn, order) if reject is None and rests else reject
    limit = msgspec.structs.replace(order, type=OrderType.LIMIT, price=_market_price(turn, order))
    extra = _order_margin(turn, (*turn.account.orders, limit)) - _order_margin(turn, turn.account.orders)
    if extra <= 0:
        return None
    instrument, rules = turn.instrument(order.symbol), turn.rulebook.rules
    opening = split_size(turn.held(key_of(order)), order.side, order.size).opening
    amount = opening * instrument.multiplier * (1 if order.side == "buy" else -1)
    assert limit.price is not None
    loss = rules.open_loss(amount, limit.price, turn.mark(order.symbol), instrument.kind == "inverse")
    taker = turn.market(order.symbol).taker_rate
    wanted = extra + loss + rules.order_reserve(limit, instrument, taker)
    free = funds_for(turn, instrument.settle, order.mode)
    if wanted > free:
        return Reject(Reason.NOT_ENOUGH_MARGIN, "not enough free margin for this order", wanted, free)
    return None


def _beyond_own(turn: Turn, order: Order, price: Decimal) -> Reject | None:
    """Where the user has turned borrowing off, an order for coins sells no more of a coin than is there and not frozen; fees of
    buyers, of those at rest as well, come out of it too."""
    if turn.account.options.get("auto_borrow") != "off" or order.mode is MarginMode.ISOLATED:
        return None
    instrument = turn.instrument(order.symbol)
    asset, amount = instrument.base, order.size * instrument.multiplier
    if order.side == "buy":
        asset, amount = instrument.quote, amount * price * (1 + turn.rate(order.symbol))
    for other in turn.account.orders:
        pair = turn.instrument(other.symbol)
        if pair.kind is Kind.SPOT and pair.quote == asset and other.side == "buy" and other.price is not None:
            amount += order_value(other, turn.rulebook) * turn.rate(other.symbol)
    view = asset_view(turn, asset)
    there = ZERO if view is None else view.available_balance
    if amount > there:
        message = f"borrowing is off and there is not enough {asset} for this order"
        return Reject(Reason.NOT_ENOUGH_MARGIN, message, amount, there)
    return None


def _unbearable(turn: Turn, order: Order) -> Reject | None:
    """An order for coins that would leave an account valued as one short of its initial margin while it rests."""
    now, marks = turn.account, turn.state.marks
    before = assess(now, marks, turn.rulebook, Prices.NONE).account
    after = assess(msgspec.structs.replace(now, orders=(*now.orders, order)), marks, turn.rulebook, Prices.NONE).account
    if before is None or after is None or after.available_balance >= min(ZERO, before.available_balance):
        return None
    wanted = before.available_balance - after.available_balance
    return Reject(Reason.NOT_ENOUGH_MARGIN, "not enough free margin for this order", wanted, before.available_balance)


def _order_margin(turn: Turn, orders: tuple[Order, ...]) -> Decimal:
    layout = lay_out(msgspec.structs.replace(turn.account, orders=orders), turn.rulebook)
    column = turn.column(layout)
    rules = turn.rulebook.rules
    return sum((rules.order_margin(r.row, column[r.row.market], layout.markets[r.row.market]) for r in layout.resting), ZERO)


def _watched(turn: Turn, order: Order) -> Decimal | None:
    """The price a conditional order watches; None: no last price is known, so it cannot trigger."""
    if order.trigger is Trigger.MARK:
        return turn.mark(order.symbol)
    return turn.state.marks.lasts.get(order.symbol)


def _is_reached(turn: Turn, order: Order) -> bool:
    watched = _watched(turn, order)
    if watched is None or order.stop_price is None:
        return False
    return watched <= order.stop_price if falling_watch(order) else watched >= order.stop_price


def _is_filled(turn: Turn, order: Order) -> bool:
    last = turn.state.marks.lasts.get(order.symbol)
    if last is None or order.price is None:
        return False
    return last <= order.price if order.side == "buy" else last >= order.price


def run_triggers(turn: Turn) -> None:
    """Everything the new prices set off, in the order in which the orders were placed; after each trade the pools are
    looked at again. Limit orders trade only against a last price, never against the mark."""
    done: set[str] = set()
    while True:
        order = next((o for o in turn.account.orders if o.id not in done and _due(turn, o)), None)
        if order is None:
            return
        done.add(order.id)
        if order.type is OrderType.LIMIT:
            _execute(turn, order, _limit_fill(turn, order), turn.rate(order.symbol, "maker"))
        else:
            turn.emit(OrderTriggered(order, turn.price(order.symbol)))
            _execute(turn, order, turn.price(order.symbol), turn.rate(order.symbol))
        liquidate(turn)


def _limit_fill(turn: Turn, order: Order) -> Decimal:
    """The limit, or the last price where a jump has made it better."""
    assert order.price is not None
    last = turn.price(order.symbol)
    return min(order.price, last) if order.side == "buy" else max(order.price, last)


def _due(turn: Turn, order: Order) -> bool:
    return _is_filled(turn, order) if order.type is OrderType.LIMIT else _is_reached(turn, order)


def _execute(turn: Turn, order: Order, price: Decimal, rate: Decimal) -> None:
    """Trade an order; what only reduces is cut to the position and falls away without one."""
    held = turn.held(key_of(order))
    size = order.size
    closer = (order.position_side, order.side) in ((LegSide.LONG, "sell"), (LegSide.SHORT, "buy"))
    if order.reduce_only or closer:
        opposite = held is not None and (held.size > 0) != (order.side == "buy")
        size = min(size, abs(held.size)) if held is not None and opposite else ZERO
    if size == 0:
        if order in turn.account.orders:
            turn.emit(OrderCancelled(order, "nothing_to_reduce"))
        return
    rested = order in turn.account.orders and not turn.rulebook.rules.ORDERS_RESERVE
    if (order.type in _CONDITIONAL or rested) and split_size(held, order.side, size).opening > 0:
        as_market = msgspec.structs.replace(order, type=OrderType.MARKET, price=price, size=size)
        if _unaffordable(_without_orders(turn) if rested else turn, as_market) is not None:
            turn.emit(OrderCancelled(order, "not_enough_margin"))
            return
    deal(turn, key_of(order), order.side, size, price, rate, order.id)


def _without_orders(turn: Turn) -> Turn:
    """The same account as if nothing rested, to ask whether one fill alone can be paid for."""
    account = msgspec.structs.replace(turn.account, orders=())
    return Turn(msgspec.structs.replace(turn.state, account=account), turn.venue)
