"""Pools apart: cross positions that fail one by one on a cash that all of them stand on.

What a leg locks of the cash is nobody else's, so that a pool feels the marks of all the others. Each leg is reckoned once
here, and a pool's share is the whole less its own. Exact numbers; call inside `exact()`."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from plimsoll.margin.pools import Cash, Layout
from plimsoll.number import ZERO
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import Pool, PoolMargin, Standing, Sums


class Alone(NamedTuple):
    """A pool apart at one instant. `gain`: its running profit; `lock`: what it locks of the cash; `taken`: what all others
    and the orders take off it, `asked` the orders alone."""

    standing: Standing[Decimal]
    gain: Decimal
    lock: Decimal
    taken: Decimal
    asked: Decimal


class Stand(NamedTuple):
    """What every pool of a layout has and needs, in its order, and how those apart stand, by their place in it."""

    margins: list[PoolMargin[Decimal]]
    alone: dict[int, Alone]


def margins_of(layout: Layout, rulebook: Rulebook, marks: Sequence[Decimal]) -> list[PoolMargin[Decimal]]:
    """What every pool has and needs, in the layout's order. `scale` of a pool apart counts all that stand on its cash, so
    that no decision seems less close than it is."""
    if not layout.cashes:
        rules, markets = rulebook.rules, layout.markets
        return [rules.assess_pool(pool, marks, markets) for pool in layout.pools]
    return stand_of(layout, rulebook, marks).margins


def stand_of(layout: Layout, rulebook: Rulebook, marks: Sequence[Decimal]) -> Stand:
    """The pools of a layout at these marks, those apart with what they stand on."""
    rules, markets = rulebook.rules, layout.markets
    found: dict[int, PoolMargin[Decimal]] = {}
    alone: dict[int, Alone] = {}
    for cash in layout.cashes:
        _assess(cash, layout, rulebook, marks, found, alone)
    margins = [
        found[i] if i in found else rules.assess_pool(pool, marks, markets) for i, pool in enumerate(layout.pools)
    ]
    return Stand(margins, alone)


def _assess(
    cash: Cash,
    layout: Layout,
    rulebook: Rulebook,
    marks: Sequence[Decimal],
    found: dict[int, PoolMargin[Decimal]],
    alone: dict[int, Alone],
) -> None:
    """The pools apart on one cash, and the cash itself where their legs are all that stand on it."""
    rules, markets, pools = rulebook.rules, layout.markets, layout.pools
    apart = rules.APART
    assert apart is not None, f"{rulebook.name} draws pools apart and does not say how they stand"
    profit, with_loss = rules.profit, apart.fee is not None
    total, rows = ZERO, []
    for i in cash.apart:
        pool = pools[i]
        at = pool.legs[0].market
        mark = marks[at]
        standing = layout.standings.get(i)
        if standing is None or mark <= standing.low or (mark >= standing.high and standing.high != 0):
            layout.standings[i] = standing = apart.standing(pool, marks, markets)
        lock, gain = standing.locked, ZERO
        for leg in pool.legs:
            own = profit(leg, mark, markets[at])
            gain += own
            if with_loss and own < 0:
                lock -= own
        total += lock
        rows.append((i, pool, standing, gain, lock))
    asked = _asked(pools[cash.apart[0]], layout, rulebook, marks)
    gains = locked = maintenance = scale = ZERO
    margins = []
    for i, pool, standing, gain, lock in rows:
        taken = total - lock + asked
        margin = apart.assess(pool, standing, gain, taken, marks, markets)
        margins.append(margin)
        alone[i] = Alone(standing, gain, lock, taken, asked)
        gains += gain
        locked += standing.locked
        maintenance += standing.maintenance
        scale += margin.scale
    for i, margin in zip(cash.apart, margins, strict=True):
        found[i] = PoolMargin(margin.balance, margin.initial, margin.maintenance, margin.requirement, scale)
    if cash.whole:
        shared = pools[cash.shared]
        scale -= len(rows) * abs(shared.cash)
        found[cash.shared] = apart.cash(shared, Sums(gains, total - locked, locked, maintenance, scale))


def _asked(pool: Pool[Decimal], layout: Layout, rulebook: Rulebook, marks: Sequence[Decimal]) -> Decimal:
    """What the resting orders take off the cash of a pool."""
    asks = [(ask, marks[ask.market], layout.markets[ask.market]) for ask in pool.asks]
    return sum([rulebook.rules.order_margin(*ask) for ask in asks], ZERO)

