"""Where pools apart fail: their prices along straight lines that all pools on one cash share.

A pool apart feels marks that are not its own where the legs beside it lock their running losses. What they lock is a sum of
straight lines with a kink at each entry, found once for a set of marks that move together; a pool's cash is the whole less
what the others lock, and its own headroom follows its own lines (`headroom_line`) and what closing takes of that cash
(`Standing.cut_slope`). So Newton's method needs a few sums a step and no assessment. The result is checked against the
venue's own `assess` in 34 digits. Exact numbers; call inside `exact()`."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext

import msgspec

from plimsoll.margin.apart import Alone
from plimsoll.margin.lines import BEYOND, Lines, Straight
from plimsoll.margin.liquidation_price import LEAST, MOST, Solved, Solver, factors, in_wide_digits, rounding_room
from plimsoll.margin.pools import Cash, Layout
from plimsoll.number import EXACT, ONE, ZERO
from plimsoll.rulebook import Rulebook
from plimsoll.rules.columns import Leg, Market, PoolMargin


class Gain(msgspec.Struct, frozen=True, gc=False):
    """The profit of a leg over x, base + slope * x, and where it is nothing. At the kink itself a leg counts as below it."""

    base: Decimal
    slope: Decimal
    kink: Decimal


class Locks(msgspec.Struct, frozen=True, gc=False):
    """What all legs on a cash lock while some marks move by x: `parts[n]` up to and at `kinks[n]`, the last beyond them all."""

    kinks: list[Decimal]
    parts: list[Straight]


class Piece(msgspec.Struct, frozen=True, gc=False):
    """One line of a leg's headroom over x, and the stretch of x (floor exclusive, cap inclusive) on which it holds."""

    low: Decimal
    high: Decimal
    base: Decimal
    slope: Decimal


class Behind(msgspec.Struct, frozen=True, gc=False):
    """The cash behind a pool while marks move. `locks`: what all legs lock; of that, `own` at a standstill and the lines of
    the pool's own profit, whose losses are not locked from it; `money`: the cash before any lock; `asked`: what orders take
    off it; `cut`: the line of what closing takes of it."""

    locks: Locks
    own: Decimal
    gains: list[Gain]
    money: Decimal
    asked: Decimal
    cut: Straight


class Ground(msgspec.Struct, frozen=True, gc=False):
    """What the prices of the pools on one cash are sought among: how they stand at these marks. `markets`: with tiers held
    where the venue holds them. `crowd`: how many of the pools each market has, where these lock their losses (else empty).
    `gains`, `locks`: lines of profit by leg, and summed locks, found once for all of them."""

    layout: Layout
    rulebook: Rulebook
    cash: Cash
    alone: Mapping[int, Alone]
    marks: Sequence[Decimal]
    markets: Sequence[Market[Decimal]]
    crowd: Mapping[int, int]
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
    crowd: dict[int, int] = {}
    if rulebook.rules.APART is not None and rulebook.rules.APART.locks_losses:
        for i in cash.apart:
            at = layout.pools[i].legs[0].market
            crowd[at] = crowd.get(at, 0) + 1
    return Ground(layout, rulebook, cash, alone, marks, markets, crowd, {}, {})


def solver_apart(ground: Ground, i: int, margin: PoolMargin[Decimal]) -> Solver:
    """The solver of the layout's pool `i`, which stands on the ground's cash. `margin` is the pool's at these marks."""
    solved: dict[tuple[int, ...], Solved] = {}
    pool = ground.layout.pools[i]
    pieces: list[list[Piece]] = [[] for _ in pool.legs]
    room = rounding_room(pool, margin)

    def solve(moving: tuple[int, ...]) -> Solved:
        if moving not in solved:
            solved[moving] = in_wide_digits(_solve, ground, i, margin, room, moving, pieces)
        return solved[moving]

    return solve


def _solve(
    ground: Ground,
    i: int,
    margin: PoolMargin[Decimal],
    room: Decimal,
    moving: tuple[int, ...],
    pieces: list[list[Piece]],
) -> Solved:
    """Both ends of the stretch on which a pool holds while `moving`, all of one kind, move by a common factor; of several that
    move the nearer one, as `factors` has it. In wide digits."""
    pool, inverse = ground.layout.pools[i], ground.markets[moving[0]].inverse
    along = pool.legs[0].market in moving
    cash = _cash_line(ground, i, moving, along)

    def fails(price: Decimal, lead: Decimal) -> bool:
        return _headroom(ground, i, cash, price, lead, along) <= -room

    rest = margin.balance - margin.requirement + 2 * room
    if along and not _follows_profit(ground, i):

        def own_lines(x: Decimal) -> Straight:
            found = [_piece(ground, leg, known, x, inverse) for leg, known in zip(pool.legs, pieces, strict=True)]
            return sum([piece.base for piece in found], ZERO), sum([piece.slope for piece in found], ZERO)

        own = own_lines(ONE)
        lines = own_lines if cash is None else _bent(cash, own_lines)
        slopes = [known[0].slope for known in pieces] if cash is None else (ONE, -ONE)
    else:
        own = (ZERO, ZERO)
        for gain in _gains(ground, i) if along else ():
            own = own[0] + gain.base, own[1] + gain.slope
        if cash is None:
            return Solved(*_root(own, rest - own[0] - own[1], inverse), fails)
        lines, slopes = _bent(cash, own), (ONE, -ONE)
    first = own if cash is None else lines(ONE)
    return Solved(*factors(lines, first, rest - first[0] - first[1], slopes, inverse, len(moving) > 1), fails)


def _follows_profit(ground: Ground, i: int) -> bool:
    """Whether no mark moves what a pool has and needs but by its profit and its cash: its own line is that of its gains."""
    standing = ground.alone[i].standing
    return bool(ground.crowd) and not standing.low and not standing.high


def _root(line: Straight, rest: Decimal, inverse: bool) -> tuple[Decimal | None, Decimal | None]:
    """The factors on the marks (below, above) where one line that holds everywhere loses all headroom."""
    base, slope = line
    if not slope:
        return None, None
    root = -(rest + base) / slope
    if not LEAST <= root <= MOST:
        return None, None
    factor = 1 / root if inverse else root
    return (factor, None) if (slope > 0) != inverse else (None, factor)


def _bent(cash: Behind, own: Straight | Lines) -> Lines:
    """The lines of a pool on a cash that bends, `own` those of its own legs: one, wherever their marks are, or several."""
    kinks, parts = cash.locks.kinks, cash.locks.parts
    held = cash.money + cash.own
    cut_base, cut_slope = cash.cut
    gains = [(gain.kink, gain.slope > 0, gain.base, gain.slope) for gain in cash.gains]

    def lines(x: Decimal) -> Straight:
        base, slope = parts[bisect_left(kinks, x)]
        for kink, rises, gain_base, gain_slope in gains:
            if (x <= kink) == rises:
                base += gain_base
                slope += gain_slope
        base = held - base
        cut, turn = cut_base + cut_slope * base, cut_slope * slope
        if cut - turn * x > ZERO:
            base -= cut
            slope -= turn
        own_base, own_slope = own(x) if callable(own) else own
        return base + own_base, own_slope - slope

    return lines


def _headroom(ground: Ground, i: int, cash: Behind | None, price: Decimal, lead: Decimal, along: bool) -> Decimal:
    """Headroom of pool `i` in 34 digits where a mark of `lead` is at `price` and the others that move go with it."""
    pool, alone, rules = ground.layout.pools[i], ground.alone[i], ground.rulebook.rules
    apart = rules.APART
    assert apart is not None
    at, marks, standing, gain = pool.legs[0].market, list(ground.marks), alone.standing, alone.gain
    market = ground.markets[at]
    if along:
        mark = marks[at] = price if marks[at] == lead else marks[at] * price / lead
        gain = ZERO
        for leg in pool.legs:
            gain += rules.profit(leg, mark, market)
        if not rules.PRICES_STATED and (mark <= standing.low or (mark >= standing.high and standing.high != 0)):
            standing = apart.standing(pool, marks, ground.markets)
    taken = alone.taken
    if cash is not None:
        x = lead / price if market.inverse else price / lead
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


def _cash_line(ground: Ground, i: int, moving: tuple[int, ...], along: bool) -> Behind | None:
    """How the cash behind a pool moves; None where it does not: no loss is locked, or no leg beside it moves."""
    pool, alone, crowd = ground.layout.pools[i], ground.alone[i], ground.crowd
    beside = crowd.get(moving[0], 0) if len(moving) == 1 else sum([crowd.get(at, 0) for at in moving])
    if beside <= along:
        return None
    if moving not in ground.locks:
        ground.locks[moving] = _locks(ground, moving)
    return Behind(
        ground.locks[moving],
        alone.standing.locked if along else alone.lock,
        _gains(ground, i) if along else [],
        pool.cash - pool.reserved - alone.asked,
        alone.asked,
        (alone.standing.cut_base, alone.standing.cut_slope),
    )


def _others(cash: Behind, x: Decimal) -> tuple[Decimal, Decimal]:
    """(base, slope) of what the others lock at x."""
    base, slope = cash.locks.parts[bisect_left(cash.locks.kinks, x)]
    for gain in cash.gains:
        if x <= gain.kink if gain.slope > 0 else x > gain.kink:
            base, slope = base + gain.base, slope + gain.slope
    return base - cash.own, slope


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
    parts = [(base, slope)]
    turns.sort(key=lambda gain: gain.kink)
    for gain in turns:
        sign = 1 if gain.slope > 0 else -1
        base, slope = base + sign * gain.base, slope + sign * gain.slope
        parts.append((base, slope))
    return Locks([gain.kink for gain in turns], parts)
