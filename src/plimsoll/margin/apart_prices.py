"""Where pools apart fail: their prices along straight lines that all pools on one cash share.

A pool apart feels marks that are not its own where the legs beside it lock their running losses. What they lock is a sum of
straight lines with a kink at each entry, found once for a set of marks that move together; a pool's cash is the whole less
what the others lock, and its own headroom follows its own lines (`headroom_line`) and what closing takes of that cash
(`Standing.cut_slope`). So Newton's method needs a few sums a step and no assessment. The result is checked against the
venue's own `assess` in 34 digits. Exact numbers; call inside `exact()`."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple

from plimsoll.margin.apart import Alone
from plimsoll.margin.liquidation_price import BEYOND, LEAST, MOST, WIDE, Solved, Solver, ends, rounding_room
from plimsoll.margin.pools import Cash, Layout
from plimsoll.number import EXACT, ONE, ZERO
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import Leg, Line, Market, PoolMargin


class Straight(NamedTuple):
    """base + slope * x."""

    base: Decimal
    slope: Decimal


class Gain(NamedTuple):
    """The profit of a leg over x, base + slope * x, and where it is nothing. At the kink itself a leg counts as below it."""

    base: Decimal
    slope: Decimal
    kink: Decimal


class Locks(NamedTuple):
    """What all legs on a cash lock while some marks move by x: `parts[n]` up to and at `kinks[n]`, the last beyond them all."""

    kinks: list[Decimal]
    parts: list[Straight]


class Piece(NamedTuple):
    """One line of a leg's headroom over x, and the stretch of x (floor exclusive, cap inclusive) on which it holds."""

    low: Decimal
    high: Decimal
    base: Decimal
    slope: Decimal


class Behind(NamedTuple):
    """The cash behind a pool while marks move. `locks`: what all legs lock; of that, `own` at a standstill and the lines of
    the pool's own profit, whose losses are not locked from it; `money`: the cash before any lock; `asked`: what orders take
    off it; `cut`: the line of what closing takes of it."""

    locks: Locks
    own: Decimal
    gains: list[Gain]
    money: Decimal
    asked: Decimal
    cut: Straight


class Ground(NamedTuple):
    """What the prices of the pools on one cash are sought among: how they stand at these marks. `markets`: with tiers held
    where the venue holds them. `gains`, `locks`: lines of profit by leg, and summed locks, found once for all of them."""

    layout: Layout
    rulebook: Rulebook
    cash: Cash
    alone: Mapping[int, Alone]
    marks: Sequence[Decimal]
    markets: Sequence[Market[Decimal]]
    gains: dict[int, list[Gain]]
    locks: dict[tuple[int, ...], Locks]


def ground_of(
    layout: Layout,
    rulebook: Rulebook,
    cash: Cash,
    alone: Mapping[int, Alone],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
) -> Ground:
    """The ground of one cash, nothing found yet."""
    return Ground(layout, rulebook, cash, alone, marks, markets, {}, {})


def solver_apart(ground: Ground, i: int, margin: PoolMargin[Decimal]) -> Solver:
    """The solver of the layout's pool `i`, which stands on the ground's cash. `margin` is the pool's at these marks."""
    solved: dict[tuple[int, ...], Solved] = {}
    pieces: list[list[Piece]] = [[] for _ in ground.layout.pools[i].legs]

    def solve(moving: tuple[int, ...]) -> Solved:
        if moving not in solved:
            solved[moving] = _solve(ground, i, margin, moving, pieces)
        return solved[moving]

    return solve


def _solve(
    ground: Ground, i: int, margin: PoolMargin[Decimal], moving: tuple[int, ...], pieces: list[list[Piece]]
) -> Solved:
    """Both ends of the stretch on which a pool holds while `moving`, all of one kind, move by a common factor."""
    pool, inverse = ground.layout.pools[i], ground.markets[moving[0]].inverse
    along = pool.legs[0].market in moving
    room = rounding_room(pool, margin)
    with localcontext(WIDE):
        cash = _cash_line(ground, i, moving)

        def lines(x: Decimal) -> Line[Decimal]:
            base, slope = (ZERO, ZERO) if cash is None else _worth(cash, x)
            if along:
                for leg, known in zip(pool.legs, pieces, strict=True):
                    piece = _piece(ground, leg, known, x, inverse)
                    base, slope = base + piece.base, slope + piece.slope
            return Line(base, slope, ZERO, ZERO)

        first = lines(ONE)
        rest = margin.balance - margin.requirement - first.base - first.slope + 2 * room
        straight = along and all(known[0].low == 0 and known[0].high == BEYOND for known in pieces)
        if cash is not None:
            follow = _bent(cash, first) if straight else lines
            low, high = ends(follow, first, rest, (ONE, -ONE))
        elif straight and first.slope:
            root = -(rest + first.base) / first.slope
            found = root if LEAST <= root <= MOST else None
            low, high = (found, None) if first.slope > 0 else (None, found)
        else:
            slopes = [known[0].slope for known in pieces if known]
            low, high = ends(lines, first, rest, slopes) if slopes else (None, None)
        if inverse:
            low, high = (None if high is None else 1 / high), (None if low is None else 1 / low)

    def fails(price: Decimal, lead: Decimal) -> bool:
        x = lead / price if inverse else price / lead
        return _headroom(ground, i, cash, x, price, lead, along) <= -room

    return Solved(low, high, fails)


def _bent(cash: Behind, first: Line[Decimal]) -> Callable[[Decimal], Line[Decimal]]:
    """The lines of a pool whose own legs follow one line wherever their marks are: all that bends is the cash. `first`: that
    of both at 1."""
    base, slope = _worth(cash, ONE)
    own, own_slope = first.base - base, first.slope - slope

    def lines(x: Decimal) -> Line[Decimal]:
        base, slope = _worth(cash, x)
        return Line(base + own, slope + own_slope, ZERO, ZERO)

    return lines


def _headroom(
    ground: Ground, i: int, cash: Behind | None, x: Decimal, price: Decimal, lead: Decimal, along: bool
) -> Decimal:
    """Headroom of pool `i` in 34 digits where a mark of `lead` is at `price` and the others that move with it, at x."""
    pool, alone, rules = ground.layout.pools[i], ground.alone[i], ground.rulebook.rules
    apart = rules.APART
    assert apart is not None
    at, marks, standing, gain = pool.legs[0].market, list(ground.marks), alone.standing, alone.gain
    if along:
        mark = marks[at] = price if marks[at] == lead else marks[at] * price / lead
        gain = sum([rules.profit(leg, mark, ground.markets[at]) for leg in pool.legs], ZERO)
        if not rules.PRICES_STATED and (mark <= standing.low or (mark >= standing.high and standing.high != 0)):
            standing = apart.standing(pool, marks, ground.markets)
    taken = alone.taken
    if cash is not None:
        base, slope = _others(cash, x)
        taken = base + slope * x + cash.asked
    there = apart.assess(pool, standing, gain, taken, marks, ground.markets)
    return there.balance - there.requirement


def _piece(ground: Ground, leg: Leg[Decimal], known: list[Piece], x: Decimal, inverse: bool) -> Piece:
    """The piece of a leg's headroom at x: one that was found before, where it reaches so far. In wide digits."""
    for piece in known:
        if piece.low < x <= piece.high:
            return piece
    mark, size = ground.marks[leg.market], abs(leg.amount)
    line = ground.rulebook.rules.headroom_line(leg, mark / x if inverse else mark * x, ground.markets[leg.market])
    slope, low, high = line.slope / mark if inverse else line.slope * mark, ZERO, BEYOND
    if line.least or line.most:
        value = size / mark if inverse else size * mark
        with localcontext(EXACT):
            low, high = line.least / value, line.most / value if line.most else BEYOND
    known.append(Piece(low, high, line.base, slope))
    return known[-1]


def _cash_line(ground: Ground, i: int, moving: tuple[int, ...]) -> Behind | None:
    """How the cash behind a pool moves; None where it does not: no loss is locked, or no leg beside it moves."""
    apart = ground.rulebook.rules.APART
    assert apart is not None
    pools, alone = ground.layout.pools, ground.alone[i]
    if not apart.locks_losses or not any(n != i and pools[n].legs[0].market in moving for n in ground.cash.apart):
        return None
    if moving not in ground.locks:
        ground.locks[moving] = _locks(ground, moving)
    pool = pools[i]
    along = pool.legs[0].market in moving
    return Behind(
        ground.locks[moving],
        alone.standing.locked if along else alone.lock,
        _gains(ground, i) if along else [],
        pool.cash - pool.reserved - alone.asked,
        alone.asked,
        Straight(alone.standing.cut_base, alone.standing.cut_slope),
    )


def _others(cash: Behind, x: Decimal) -> tuple[Decimal, Decimal]:
    """(base, slope) of what the others lock at x."""
    base, slope = cash.locks.parts[bisect_left(cash.locks.kinks, x)]
    for gain in cash.gains:
        if x <= gain.kink if gain.slope > 0 else x > gain.kink:
            base, slope = base + gain.base, slope + gain.slope
    return base - cash.own, slope


def _worth(cash: Behind, x: Decimal) -> tuple[Decimal, Decimal]:
    """(base, slope) of what the cash behind a pool counts at x: less what closing takes of it."""
    locked, slope = _others(cash, x)
    base, (cut_base, cut_slope) = cash.money - locked, cash.cut
    cut, turn = cut_base + cut_slope * base, -cut_slope * slope
    if cut + turn * x > 0:
        return base - cut, -slope - turn
    return base, -slope


def _gains(ground: Ground, i: int) -> list[Gain]:
    """The profit of each leg of a pool over x, the factor on its mark or, of an inverse contract, on the inverse mark. In
    wide digits: two points of a straight line."""
    if i not in ground.gains:
        pool, profit = ground.layout.pools[i], ground.rulebook.rules.profit
        at = pool.legs[0].market
        mark, market = ground.marks[at], ground.markets[at]
        there = mark / 2 if market.inverse else mark * 2
        found = []
        for leg in pool.legs:
            here = profit(leg, mark, market)
            slope = profit(leg, there, market) - here
            found.append(Gain(here - slope, slope, (slope - here) / slope))
        ground.gains[i] = found
    return ground.gains[i]


def _locks(ground: Ground, moving: tuple[int, ...]) -> Locks:
    """What all legs on the cash lock while `moving` move: each its own part and the loss that it runs. In wide digits."""
    base, slope, turns = ZERO, ZERO, []
    for i in ground.cash.apart:
        if ground.layout.pools[i].legs[0].market not in moving:
            base += ground.alone[i].lock
            continue
        base += ground.alone[i].standing.locked
        for gain in _gains(ground, i):
            if (gain.kink > 0) == (gain.slope > 0):
                base, slope = base - gain.base, slope - gain.slope
            if gain.kink > 0:
                turns.append(gain)
    parts = [Straight(base, slope)]
    turns.sort(key=lambda gain: gain.kink)
    for gain in turns:
        sign = 1 if gain.slope > 0 else -1
        base, slope = base + sign * gain.base, slope + sign * gain.slope
        parts.append(Straight(base, slope))
    return Locks([gain.kink for gain in turns], parts)
