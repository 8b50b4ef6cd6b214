"""Where the line is: the prices at which a pool fails.

One market moves, or several together by a common factor; everything else is frozen. Write x for the factor on the marks
of linear contracts, or on the inverse marks of inverse ones. Over x the headroom of a pool is concave and made of straight
lines (a law that every rulebook is tested for); a rulebook states the line of each leg (`headroom_line`). So Newton's
method ends at the exact root after as many steps as there are lines on the way. Results are rounded at 34 digits to the
side on which the pool fails, and checked there against `assess_pool` itself.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from functools import cache
from typing import NamedTuple

from plimsoll.number import DIGITS, EXACT, ONE, ZERO, exact
from plimsoll.rules.columns import Leg, Line, Market, Pool, PoolMargin
from plimsoll.rules.interface import Rules

LAST_DIGIT = ONE.scaleb(1 - DIGITS)
"""Largest relative error of one 34-digit operation: what a sum over the whole pool may round the other way."""
WORKING = 57
"""Digits used between the marks and the rounded result, so that only the last rounding counts (three machine words)."""
WIDE = Context(prec=WORKING, rounding=EXACT.rounding, traps=[signal for signal, on in EXACT.traps.items() if on])
DOWN, UP = (Context(prec=DIGITS, rounding=rounding) for rounding in (ROUND_FLOOR, ROUND_CEILING))
LEAST, MOST = Decimal("1e-25"), Decimal("1e25")
"""The range of x that is searched; a price outside it is none."""
BEYOND = MOST * MOST
HAIR = Decimal("1e-20")
"""How far apart, as a share, the two points are that give the line of a valued pool: between kinks far closer than any two
that a price could tell apart, and wide enough for 37 of the working digits."""
NEAR = Decimal("1e-34")
"""A step of Newton's method shorter than this share of x is the last one: it ends far beyond the digits of the result."""
LINES = 1_000
"""More lines than any pool has; only printed deductions that leave a gap at a floor could keep Newton's method so long."""


class Triggers(NamedTuple):
    """Prices at which the pool fails on the way down and up from the marks; None: no positive price does it."""

    below: Decimal | None
    above: Decimal | None


def nearest(triggers: Triggers, mark: Decimal) -> Decimal | None:
    """The trigger with the smaller ratio to the mark (a nearly balanced hedge can have both)."""
    if triggers.below is None or triggers.above is None:
        return triggers.above if triggers.below is None else triggers.below
    return triggers.below if mark * mark <= triggers.below * triggers.above else triggers.above


class Solved(NamedTuple):
    """Where a pool fails while some marks move by a common factor: the factors on prices below and above 1, unrounded, and
    `fails(price, lead)`: whether it does in 34 digits when a mark of `lead` moves to `price` and the others with it."""

    below: Decimal | None
    above: Decimal | None
    fails: Callable[[Decimal, Decimal], bool]


def triggers_of(
    rules: Rules,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
    moving: Sequence[int],
) -> Triggers:
    """Triggers of the markets in `moving`, moved together in proportion to their marks, as prices of `moving[0]`.

    `margin` is the pool's at these marks. All moving markets are of one kind (one settle asset, one coin), and none is that
    of a leg beside the pool."""
    assert all(leg.market not in moving for leg in pool.beside), "legs beside a pool move as well: see apart_prices"
    with exact():
        return prices_at(solver_of(rules, pool, margin, marks, markets)(tuple(moving)), marks[moving[0]])


def prices_at(solved: Solved, lead: Decimal) -> Triggers:
    """The triggers of one of the moving marks, `lead`; with a `lead` of 1 they are the factors themselves. Call inside
    `exact()`."""

    def fails(price: Decimal) -> bool:
        return solved.fails(price, lead)

    below = None if solved.below is None else WIDE.multiply(lead, solved.below)
    above = None if solved.above is None else WIDE.multiply(lead, solved.above)
    return Triggers(_failing(below, DOWN, -1, fails), _failing(above, UP, 1, fails))


def at_factor(factors: Triggers, mark: Decimal) -> Triggers:
    """The prices of one mark at factors that fail, rounded further to the failing side."""
    return Triggers(
        None if factors.below is None else DOWN.multiply(mark, factors.below),
        None if factors.above is None else UP.multiply(mark, factors.above),
    )


Solver = Callable[[tuple[int, ...]], Solved]
"""Where a pool fails while the markets at these indexes move together; each set is solved once."""


def solver_of(
    rules: Rules,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
) -> Solver:
    """The solver of one pool at these marks: along the lines of its legs; off two assessments where it is valued in one
    currency. Legs beside it stand still: where they move as well, see `apart_prices`."""
    if pool.wallets:
        return _valued_solver(rules, pool, margin, marks, markets)
    return _along_lines(rules, pool, margin, marks, markets)


def _along_lines(
    rules: Rules,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
) -> Solver:
    """The solver of a pool of one asset. The lines of a leg that one set of markets has met serve the others."""
    room = rounding_room(pool, margin)
    found: list[list[tuple[Decimal, Decimal, Line[Decimal]]]] = [[] for _ in pool.legs]
    at_market = [leg.market for leg in pool.legs]

    def line_at(i: int, x: Decimal, inverse: bool) -> Line[Decimal]:
        """The line of the pool's leg i at x: one that was found before, where it reaches so far."""
        for low, high, line in found[i]:
            if low < x <= high:
                return line
        leg = pool.legs[i]
        mark, size = marks[leg.market], abs(leg.amount)
        line = rules.headroom_line(leg, mark / x if inverse else mark * x, markets[leg.market])
        value = size / mark if inverse else size * mark
        line = Line(line.base, line.slope / mark if inverse else line.slope * mark, line.least, line.most)
        with localcontext(EXACT):
            found[i].append((line.least / value, line.most / value if line.most else BEYOND, line))
        return line

    @cache
    def solve(moving: tuple[int, ...]) -> Solved:
        """Both ends of the stretch on which the pool holds while `moving` move by a common factor, all else frozen."""
        legs, inverse = [i for i, at in enumerate(at_market) if at in moving], markets[moving[0]].inverse

        def moved(x: Decimal) -> Line[Decimal]:
            """The line on which the moving legs' headroom lies at x."""
            if len(legs) == 1:
                return line_at(legs[0], x, inverse)
            base = slope = ZERO
            for i in legs:
                line = line_at(i, x, inverse)
                base += line.base
                slope += line.slope
            return Line(base, slope, ZERO, ZERO)

        with localcontext(WIDE):
            first = moved(ONE)
            rest = margin.balance - margin.requirement - first.base - first.slope
            slopes = [line_at(i, ONE, inverse).slope for i in legs]
            low, high = ends(moved, first, rest + 2 * room, slopes) if legs else (None, None)
            if inverse:
                low, high = (None if high is None else 1 / high), (None if low is None else 1 / low)

        def fails(price: Decimal, lead: Decimal) -> bool:
            column = list(marks)
            for at in moving:
                column[at] = price if marks[at] == lead else marks[at] * price / lead
            there = rules.assess_pool(_part(pool, legs, rest), column, markets)
            return there.balance - there.requirement <= -room

        return Solved(low, high, fails)

    return solve


def _valued_solver(
    rules: Rules,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
) -> Solver:
    """The solver of a valued pool: what counts of a coin depends on all the legs that settle in it, so that no leg has a
    line of its own. Its headroom is concave and made of straight lines over one over the mark where an inverse contract
    moves alone, over the factor otherwise (also where an inverse contract moves and its coin's index with it)."""
    room = rounding_room(pool, margin)
    with localcontext(WIDE):
        whole = rules.assess_pool(pool, marks, markets)

    @cache
    def solve(moving: tuple[int, ...]) -> Solved:
        inverse = moving[-1] < len(markets) and markets[moving[0]].inverse
        with localcontext(WIDE):
            part = _part_of_coins(rules, pool, whole, marks, markets, moving)
        slopes: tuple[Decimal, ...] = (ONE, -ONE)
        if moving[-1] < len(markets) and not pool.rests:
            slopes = tuple(slope for leg in part.legs for slope in _senses(leg, part, markets[leg.market]))
        return _two_point(rules, part, marks, markets, moving, Way(inverse, slopes, room))

    return solve


def _senses(leg: Leg[Decimal], pool: Pool[Decimal], market: Market[Decimal]) -> tuple[Decimal, ...]:
    """Which way the headroom of a valued pool may go with the mark of a leg (its inverse, of an inverse contract): one way
    where every unit of its profit counts more than it can need, both ways otherwise."""
    wallet = pool.wallets[leg.wallet]
    if wallet.collateral and wallet.rows and min(wallet.ratios) > max(market.rates):
        return (ONE,) if (leg.amount > 0) != market.inverse else (-ONE,)
    return ONE, -ONE


class Way(NamedTuple):
    """How a pool is followed while marks move: over their inverse or not, the signs that the slope may have, and what sums
    may round."""

    inverse: bool
    slopes: tuple[Decimal, ...]
    room: Decimal


def _two_point(
    rules: Rules,
    pool: Pool[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
    moving: tuple[int, ...],
    way: Way,
) -> Solved:
    """Where a pool fails whose line nobody states: it is read off two assessments a hair apart."""

    def headroom(x: Decimal) -> Decimal:
        column = list(marks)
        for at in moving:
            column[at] = marks[at] / x if way.inverse else marks[at] * x
        there = rules.assess_pool(pool, column, markets)
        return there.balance - there.requirement

    @cache
    def line(x: Decimal) -> Line[Decimal]:
        """Through x and a point beside it, on the side of the marks."""
        step = x * HAIR if x <= 1 else -x * HAIR
        here = headroom(x)
        slope = (headroom(x + step) - here) / step
        return Line(here - slope * x, slope, ZERO, ZERO)

    with localcontext(WIDE):
        low, high = ends(line, line(ONE), 2 * way.room, way.slopes)
        if way.inverse:
            low, high = (None if high is None else 1 / high), (None if low is None else 1 / low)

    def fails(price: Decimal, lead: Decimal) -> bool:
        column = list(marks)
        for at in moving:
            column[at] = price if marks[at] == lead else marks[at] * price / lead
        there = rules.assess_pool(pool, column, markets)
        return there.balance - there.requirement <= -way.room

    return Solved(low, high, fails)


def _part_of_coins(
    rules: Rules,
    pool: Pool[Decimal],
    whole: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
    moving: tuple[int, ...],
) -> Pool[Decimal]:
    """What of a valued pool feels the moving prices, the rest as cash: coins that move or that a moving leg settles in. Of a
    coin that itself stands still, the legs that do are folded into its balance. A pool with resting orders is left whole."""
    if pool.rests:
        return pool
    settled_in = {leg.wallet for leg in pool.legs if leg.market in moving}
    coins = [w for w, wallet in enumerate(pool.wallets) if wallet.place in moving or w in settled_in]
    wallets, legs = [], []
    for place, w in enumerate(coins):
        wallet, settled = pool.wallets[w], ZERO
        for leg in pool.legs:
            if leg.wallet == w and (leg.market in moving or wallet.place in moving):
                legs.append(leg._replace(wallet=place))
            elif leg.wallet == w:
                settled += rules.unrealised_pnl(leg.amount, leg.entry, marks[leg.market], markets[leg.market].inverse)
        wallets.append(wallet._replace(balance=wallet.balance + settled))
    part = Pool(ZERO, tuple(legs), ZERO, 0, ZERO, ZERO, ZERO, ZERO, ZERO, wallets=tuple(wallets))
    here = rules.assess_pool(part, marks, markets)
    return part._replace(cash=whole.balance - whole.requirement - here.balance + here.requirement)


def _part(pool: Pool[Decimal], legs: Sequence[int], rest: Decimal) -> Pool[Decimal]:
    """The legs that move, with `rest` for all that stands still; the pool itself where all of it moves."""
    if len(legs) == len(pool.legs):
        return pool
    return Pool(rest, tuple([pool.legs[i] for i in legs]), ZERO, 0, ZERO, ZERO, ZERO, ZERO, ZERO)


def held_brackets(
    rules: Rules, pool: Pool[Decimal], marks: Sequence[Decimal], markets: Sequence[Market[Decimal]]
) -> tuple[Market[Decimal], ...]:
    """The markets in which a pool's prices are sought: as they are, or, where the venue holds its brackets meanwhile
    (PRICES_STATED, one leg a market), with nothing but the row that each leg stands in at these marks."""
    if not rules.PRICES_STATED:
        return tuple(markets)
    held = list(markets)
    for leg in (*pool.legs, *pool.beside):
        market = markets[leg.market]
        row = rules.bracket(rules.value(leg.amount, marks[leg.market], market), leg.tier, market)
        held[leg.market] = market._replace(
            rows=1,
            floors=(ZERO,),
            rates=(market.rates[row],),
            deductions=(market.deductions[row],),
            leverages=(market.leverages[row],),
            initials=(market.initials[row],),
        )
    return tuple(held)


def rounding_room(pool: Pool[Decimal], margin: PoolMargin[Decimal]) -> Decimal:
    """What 34-digit sums over several legs may round the other way, so that headroom is to fall short by as much."""
    if pool.wallets:
        return margin.scale * 4 * (len(pool.legs) + len(pool.rests) + len(pool.wallets)) * LAST_DIGIT
    legs = len(pool.legs) + len(pool.beside)
    return margin.scale * (legs + 2) * LAST_DIGIT if legs > 1 else ZERO


def ends(
    lines: Callable[[Decimal], Line[Decimal]], first: Line[Decimal], rest: Decimal, slopes: Sequence[Decimal]
) -> tuple[Decimal | None, Decimal | None]:
    """(lower, upper) end of the stretch of x on which rest + base + slope * x is above zero, the line being that of
    `lines` at x, `first` the one at x = 1, and the whole concave; None where it stays so. From a start that is not above
    zero only the end that is met on the way uphill is returned.

    `slopes`: those of the legs at the start. A leg that gains with x gains everywhere, because a requirement never grows
    faster than the value it is for (law: maintenance is at most initial margin); so legs that all gain have no upper end."""
    slope, start = first.slope, rest + first.base + first.slope
    if start <= 0:
        lower = _end(lines, rest, _root(first, rest), 1) if slope > 0 else None
        return lower, (_end(lines, rest, _root(first, rest), -1) if slope < 0 else None)
    lower = upper = None
    if max(slopes) > 0:
        lower = _end(lines, rest, max(_root(first, rest), LEAST) if slope > 0 else LEAST, 1)
    if min(slopes) < 0:
        upper = _end(lines, rest, min(_root(first, rest), MOST) if slope < 0 else MOST, -1)
    return lower, upper


def _root(line: Line[Decimal], rest: Decimal) -> Decimal:
    return -(rest + line.base) / line.slope


def _end(lines: Callable[[Decimal], Line[Decimal]], rest: Decimal, x: Decimal, side: int) -> Decimal | None:
    """Newton's method from x, at or beyond the end where headroom rises (`side` 1) or falls (-1) with x. No line lies below
    the curve, so the root of a line never passes the end: the way is over when a line's root lies on that line, and a root
    outside the search, the first one included, means that there is no end inside. At the bounds of the search, headroom
    above zero means the same."""
    if not LEAST <= x <= MOST:
        return None
    for _ in range(LINES):
        line = lines(x)
        if x in (LEAST, MOST) and rest + line.base + line.slope * x > 0:
            return None
        if line.slope * side <= 0:
            return None
        root = _root(line, rest)
        if not LEAST <= root <= MOST:
            return None
        if (root < x) == (side > 0) or abs(root - x) <= x * NEAR:
            return root
        x = root
    return x


def _failing(price: Decimal | None, rounding: Context, side: int, fails: Callable[[Decimal], bool]) -> Decimal | None:
    """The price at 34 digits on its failing side, moved on by units of the last place should 34-digit sums still hold."""
    if price is None:
        return None
    rounded = rounding.plus(price)
    if fails(rounded):
        return rounded
    step = ONE.scaleb(rounded.adjusted() + 1 - DIGITS) * side
    for i in range(3 * DIGITS):
        rounded += step * (1 << i)
        if fails(rounded):
            break
    return rounded


def first_failure(headroom: Callable[[Decimal], Decimal], good: Decimal, bad: Decimal) -> Decimal:
    """The point between `good` (headroom > 0) and `bad` (<= 0) where headroom is lost, on the failing side, by the Illinois
    secant method: exact for a straight line, otherwise within 1e-30 of the interval. For a concave headroom it is unique."""
    a, fa, b, fb = good, headroom(good), bad, headroom(bad)
    least = abs(b - a).scaleb(-30)
    for _ in range(400):
        if fb == 0 or abs(b - a) <= least:
            break
        c = b - fb * (b - a) / (fb - fa)
        c = min(max(c, min(a, b) + least), max(a, b) - least)  # strictly inside, so that every step narrows
        fc = headroom(c)
        if fc > 0:
            a, fa, fb = c, fc, fb / 2
        else:
            b, fb, fa = c, fc, fa / 2
    return b
