"""A plan as advice varies it beyond a simulation's settings: one position isolated and the others cross, money added, smaller
positions. Plans in, plans out."""

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from plimsoll.model import MarginMode
from plimsoll.number import exact
from plimsoll.plan import Plan, PlannedLeg, leg_of
from plimsoll.want import with_mode

Walls = Mapping[PlannedLeg, Decimal]
"""What stands behind each position when it is isolated, where that is known before it is opened."""


def one_isolated(plan: Plan, symbol: str) -> Plan:
    """All positions cross but those of one symbol."""
    symbols = [p.symbol for p in plan.positions]
    return with_mode(with_mode(plan, symbols, MarginMode.CROSS), (symbol,), MarginMode.ISOLATED)


def topped(plan: Plan, asset: str, amount: Decimal, symbol: str = "", walls: Walls | None = None) -> Plan:
    """The plan with more money in the wallet; inside the wall of a symbol's positions where one is named (each takes all of it
    that stands in one position: a symbol held on both sides is not named)."""
    with exact():
        wallet = {**plan.wallet, asset: plan.wallet.get(asset, Decimal(0)) + amount}
        positions = tuple(
            replace(p, margin=(walls or {})[leg_of(p)] + amount) if p.symbol == symbol else p for p in plan.positions
        )
        return replace(plan, wallet=wallet, positions=positions)


def resized(plan: Plan, share: Decimal, walls: Walls) -> Plan:
    """All positions and orders at a share of their size, with the same money behind each wall that is known."""
    with exact():
        positions = tuple(replace(p, size=p.size * share, margin=walls.get(leg_of(p), p.margin)) for p in plan.positions)
        orders = tuple(o if o.size is None else replace(o, size=o.size * share) for o in plan.orders)
        return replace(plan, positions=positions, orders=orders)


def without_top_ups(plan: Plan) -> Plan:
    """The plan with nothing that somebody would have to be there for."""
    return replace(plan, top_ups=())
