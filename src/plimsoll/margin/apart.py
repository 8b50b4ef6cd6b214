"""Pools apart: cross positions that fail one by one on a cash that all of them stand on.

What a leg locks of the cash is nobody else's, so that a pool feels the marks of all the others. Each leg is reckoned once
here, and a pool's share is the whole less its own. Exact numbers; call inside `exact()`."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from plimsoll.margin.pools import Cash, Layout
from plimsoll.number import ZERO
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import Pool, PoolMargin, Standing, Sums


class Alone(msgspec.Struct, frozen=True, gc=False):
    """A pool apart at one instant. `gain`: its running profit; `lock`: what it locks of the cash; `taken`: what all others
    and the orders take off it, `asked` the orders alone."""

    standing: Standing[Decimal]
    gain: Decimal
    lock: Decimal
    taken: Decimal
    asked: Decimal


class Stand(msgspec.Struct, frozen=True, gc=False):
    """What every pool of a layout has and needs, in its order, and how those apart stand, by their place in it."""

    margins: list[PoolMargin[Decimal]]
    alone: dict[int, Alone]


def margins_of(layout: Layout, rulebook: Rulebook, marks: Sequence[Decimal]) -> list[PoolMargin[Decimal]]:
    """What every pool has and needs, in the layout's order. `scale` of a pool apart counts all that stand on its cash, so
    that no decision seems less close than it is."""
    assess, markets = rulebook.rules.assess_pool, layout.markets
    if not layout.cashes:
        return [assess(pool, marks, markets) for pool in layout.pools]
    found: dict[int, PoolMargin[Decimal]] = {}
    for cash in layout.cashes:
        _assess(cash, layout, rulebook, marks, found)
    return [found.get(i) or assess(pool, marks, markets) for i, pool in enumerate(layout.pools)]


def stand_of(layout: Layout, rulebook: Rulebook, marks: Sequence[Decimal]) -> Stand:
    """As `margins_of`, with how the pools apart stand."""
    found: dict[int, PoolMargin[Decimal]] = {}
    alone: dict[int, Alone] = {}
    for cash in layout.cashes:
        rows, total, asked = _assess(cash, layout, rulebook, marks, found)
        for i, _, standing, gain, lock in rows:
            alone[i] = Alone(standing, gain, lock, total - lock + asked, asked)
    assess, markets = rulebook.rules.assess_pool, layout.markets
    return Stand([found.get(i) or assess(pool, marks, markets) for i, pool in enumerate(layout.pools)], alone)


def margin_of(layout: Layout, rulebook: Rulebook, marks: Sequence[Decimal], i: int) -> PoolMargin[Decimal]:
    """What the layout's pool `i` has and needs, `scale` its own."""
    cash = next((cash for cash in layout.cashes if i in cash.apart), None)
    apart = rulebook.rules.APART
    if cash is None or apart is None:
        return rulebook.rules.assess_pool(layout.pools[i], marks, layout.markets)
    rows, total, asked = _rows(cash, layout, rulebook, marks)
    _, pool, standing, gain, lock = rows[cash.apart.index(i)]
    return apart.assess(pool, standing, gain, total - lock + asked, marks, layout.markets)


Row = tuple[int, Pool[Decimal], Standing[Decimal], Decimal, Decimal]
"""A pool apart: its place, the pool, how it stands, its running profit, what it locks."""


Rows = tuple[list[Row], Decimal, Decimal]
"""The pools apart on one cash, what all of them lock of it, what resting orders take off it."""


def _rows(cash: Cash, layout: Layout, rulebook: Rulebook, marks: Sequence[Decimal]) -> Rows:
    rules, markets, pools, known = rulebook.rules, layout.markets, layout.pools, layout.standings
    apart = rules.APART
    assert apart is not None, f"{rulebook.name} draws pools apart and does not say how they stand"
    profit, locks_losses = rules.profit, apart.locks_losses
    total, rows = ZERO, []
    for i in cash.apart:
        pool = pools[i]
        legs = pool.legs
        at = legs[0].market
        mark, market, standing = marks[at], markets[at], known.get(i)
        if standing is None or mark <= standing.low or ZERO < standing.high <= mark:
            known[i] = standing = apart.standing(pool, marks, markets)
        lock, gain = standing.locked, ZERO
        for leg in legs:
            own = profit(leg, mark, market)
            gain += own
            if locks_losses and own < ZERO:
                lock -= own
        total += lock
        rows.append((i, pool, standing, gain, lock))
    asked = ZERO
    for ask in pools[cash.apart[0]].asks:
        asked += rules.order_margin(ask, marks[ask.market], markets[ask.market])
    return rows, total, asked


def _assess(
    cash: Cash,
    layout: Layout,
    rulebook: Rulebook,
    marks: Sequence[Decimal],
    found: dict[int, PoolMargin[Decimal]],
) -> Rows:
    """The pools apart on one cash, and the cash itself where their legs are all that stand on it."""
    apart, markets = rulebook.rules.APART, layout.markets
    assert apart is not None
    assess = apart.assess
    known = rows, total, asked = _rows(cash, layout, rulebook, marks)
    gains = locked = maintenance = scale = ZERO
    for i, pool, standing, gain, lock in rows:
        found[i] = margin = assess(pool, standing, gain, total - lock + asked, marks, markets)
        gains += gain
        locked += standing.locked
        maintenance += standing.maintenance
        scale += margin.scale
    if len(rows) > 1:
        for i in cash.apart:
            own = found[i]
            found[i] = PoolMargin(own.balance, own.initial, own.maintenance, own.requirement, scale)
    if cash.whole:
        pool = layout.pools[cash.shared]
        scale -= len(rows) * abs(pool.cash)
        found[cash.shared] = apart.cash(pool, Sums(gains, total - locked, locked, maintenance, scale))
    return known
