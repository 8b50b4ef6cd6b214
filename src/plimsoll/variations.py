"""A plan as a setting of a simulation varies it: another leverage, other stops, another share of the wallet behind walls.

What a setting leaves None stays as the account file has it. Sizes never change: leverage is what the venue is told, and the
isolated money that follows from it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from plimsoll.errors import BadInput
from plimsoll.model import LegSide, MarginMode, OrderType, PositionMode, Trigger
from plimsoll.number import ONE, ZERO, exact
from plimsoll.plan import Plan, PlannedOrder, PlannedPosition, Side, leg_of, leg_side, mode_of
from plimsoll.studies import Setting

DOLLARS = ("USD", "USDT", "USDC", "BUSD", "FDUSD", "DAI")
"""Coins in which size times price is money."""
PLACES = 8
"""Decimals of a wall; the first one takes what rounding leaves."""


def varied(plan: Plan, setting: Setting, marks: Mapping[str, Decimal] | None = None) -> Plan:
    """The plan with every position at `setting.leverage` (isolated money follows), with one stop for each position at the
    distance `setting.stop` from its entry instead of its own stops, and with the share `setting.split` of the wallet behind
    the walls of the positions that `setting.mode` isolates. `marks`: plan symbol -> price at the start, the entry of
    positions that are yet to be opened. BadInput: what cannot be varied so, and why."""
    with exact():
        if setting.leverage is not None:
            plan = _levered(plan, setting.leverage)
        if setting.stop is not None:
            plan = _stopped(plan, setting.stop, marks or {})
        if setting.split is not None:
            plan = _split(plan, setting)
        return plan


def _levered(plan: Plan, leverage: Decimal) -> Plan:
    if leverage < ONE:
        raise BadInput(plan.source, "leverage", leverage, "leverage is at least 1")
    return replace(
        plan,
        positions=tuple(replace(p, leverage=leverage, margin=None) for p in plan.positions),
        orders=tuple(o if o.leverage is None else replace(o, leverage=leverage) for o in plan.orders),
    )


def _stopped(plan: Plan, distance: Decimal, marks: Mapping[str, Decimal]) -> Plan:
    """Own stops are reduce-only stop orders; take-profits, limits and orders that open something stay."""
    if not ZERO < distance < ONE:
        raise BadInput(plan.source, "stop", distance, "give a distance above 0 and below 1, such as 0.05")
    kept = tuple(o for o in plan.orders if not (o.type is OrderType.STOP_MARKET and o.reduce_only))
    stops = [_stop(plan, position, distance, marks) for position in plan.positions]
    return replace(plan, orders=(*kept, *stops))


def _stop(plan: Plan, position: PlannedPosition, distance: Decimal, marks: Mapping[str, Decimal]) -> PlannedOrder:
    entry = position.entry_price if position.entry_price is not None else marks.get(position.symbol)
    if entry is None:
        cure = "is not stated, and a stop is measured from it; write entry_price, or give --marks"
        raise BadInput(plan.source, f"entry_price of {position.symbol}", None, cure)
    side = leg_side(plan, position.side)
    down = position.side is Side.LONG
    name = position.symbol if side is LegSide.NET else f"{position.symbol}:{side}"
    alone = sum(p.symbol == position.symbol and p.side is position.side for p in plan.positions) == 1
    return PlannedOrder(
        id=f"varied-stop-{name}" if alone else f"varied-stop-{name}-{position.mode}",
        symbol=position.symbol,
        side="sell" if down else "buy",
        type=OrderType.STOP_MARKET,
        size=position.size,
        stop_price=entry * (ONE - distance if down else ONE + distance),
        trigger=Trigger.MARK,
        reduce_only=True,
        position_side=side if plan.position_mode is PositionMode.HEDGE else LegSide.NET,
        mode=position.mode,
    )


def _split(plan: Plan, setting: Setting) -> Plan:
    """The walls' money, divided as it was: in proportion to the margins that the file states, or to value over leverage."""
    share = setting.split
    assert share is not None
    if not ZERO < share <= ONE:
        raise BadInput(plan.source, "split", share, "give a share of the wallet above 0, at most 1, such as 0.4")
    if len(plan.wallet) != 1:
        raise BadInput(plan.source, "split", ", ".join(plan.wallet), "only a wallet of one coin can be split; vary leverage")
    ((asset, money),) = plan.wallet.items()
    walled = [p for p in plan.positions if mode_of(p.mode, setting.mode) is MarginMode.ISOLATED]
    if not walled:
        raise BadInput(plan.source, "split", share, f"no position is isolated in the mode {setting.mode}; vary another mode")
    weights = _weights(plan, walled, asset)
    total = sum(weights, ZERO)
    margins = [round(money * share * weight / total, PLACES) for weight in weights[1:]]
    margins.insert(0, money * share - sum(margins, ZERO))
    walls = dict(zip(map(leg_of, walled), margins, strict=True))
    return replace(plan, positions=tuple(replace(p, margin=walls.get(leg_of(p), p.margin)) for p in plan.positions))


def _weights(plan: Plan, walled: Sequence[PlannedPosition], asset: str) -> list[Decimal]:
    stated = [p.margin for p in walled if p.margin is not None]
    if len(stated) == len(walled):
        return stated
    for position in walled:
        if position.entry_price is None:
            cure = "is not stated; a position that is yet to be opened gets value / leverage: write entry_price"
            raise BadInput(plan.source, f"entry_price of {position.symbol}", None, cure)
    if len(walled) > 1 and asset not in DOLLARS:
        cure = f"a wallet of {asset} is split in proportion to the margins of the positions; state each"
        raise BadInput(plan.source, "margin", None, cure)
    return [p.size * p.entry_price / p.leverage for p in walled if p.entry_price is not None]
