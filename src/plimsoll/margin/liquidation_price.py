"""Where the line is: the prices at which a pool fails.

One market moves, or several together by a common factor; everything else is frozen. Write x for the factor on the marks
of linear contracts, or on the inverse marks of inverse ones. Over x the headroom of a pool is concave and made of straight
lines (a law that every rulebook is tested for); a rulebook states the line of each leg (`headroom_line`), and of each coin
of a valued pool (`valued_lines`). So Newton's method ends at the exact root after as many steps as there are lines on the
way. Results are rounded at 34 digits to the side on which the pool fails, and checked there against `assess_pool` itself.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, getcontext, setcontext
from typing import TypeVar, TypeVarTuple

import msgspec
from msgspec.structs import replace

from plimsoll.margin.lines import Lines, Straight, over_factors
from plimsoll.margin.valued_lines import coins_of, moved
from plimsoll.number import DIGITS, EXACT, ONE, ZERO, exact
from plimsoll.rules.columns import Market, Pool, PoolMargin
from plimsoll.rules.interface import Rules

LAST_DIGIT = ONE.scaleb(1 - DIGITS)
"""Largest relative error of one 34-digit operation: what a sum over the whole pool may round the other way."""
WORKING = 57
"""Digits used between the marks and the rounded result, so that only the last rounding counts (three machine words)."""
WIDE = Context(prec=WORKING, rounding=EXACT.rounding, traps=[signal for signal, on in EXACT.traps.items() if on])
DOWN, UP = (Context(prec=DIGITS, rounding=rounding) for rounding in (ROUND_FLOOR, ROUND_CEILING))
LEAST, MOST = Decimal("1e-25"), Decimal("1e25")
"""The range of x that is searched; a price outside it is none."""
NEAR = Decimal("1e-34")
"""A step of Newton's method shorter than this share of x is the last one: it ends far beyond the digits of the result."""
BESIDE = Decimal("1e-22")
"""The share of x by which two assessments lie apart that give a line: half the working digits are left for its slope."""
LINES = 1_000
"""More lines than any pool has; only printed deductions that leave a gap at a floor could keep Newton's method so long."""

A = TypeVarTuple("A")
R = TypeVar("R")


def in_wide_digits(asked: Callable[[*A], R], *of: *A) -> R:
    """What is asked, reckoned with the working digits; not by `localcontext`, whose copy costs as much as a line."""
    before = getcontext()
    setcontext(WIDE)
    try:
        return asked(*of)
    finally:
        setcontext(before)


class Triggers(msgspec.Struct, frozen=True, gc=False):
    """Prices at which the pool fails on the way down and up from the marks; None: no positive price does it."""

    below: Decimal | None
    above: Decimal | None


def nearest(triggers: Triggers, mark: Decimal) -> Decimal | None:
    """The trigger with the smaller ratio to the mark (a nearly balanced hedge can have both)."""
    if triggers.below is None or triggers.above is None:
        return triggers.above if triggers.below is None else triggers.below
    return triggers.below if mark * mark <= triggers.below * triggers.above else triggers.above


class Solved(msgspec.Struct, frozen=True, gc=False):
    """Where a pool fails while some marks move by a common factor: the factors on prices below and above 1, unrounded, where
    several move at least the nearer one; and `fails(price, lead)`: whether it does in 34 digits when a mark of `lead` moves to
    `price` and the others with it."""

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
    """Triggers of the markets in `moving`, moved together in proportion to their marks, as prices of `moving[0]`; of several
    the nearer one, the other may be left out.

    `margin` is the pool's at these marks. All moving markets are of one kind (one settle asset, one coin), and none is that
    of a leg beside the pool."""
    assert all(leg.market not in moving for leg in pool.beside), "legs beside a pool move as well: see apart_prices"
    with exact():
        return prices_at(solver_of(rules, pool, margin, marks, markets)(tuple(moving)), marks[moving[0]])


def prices_at(solved: Solved, lead: Decimal) -> Triggers:
    """The triggers of one of the moving marks, `lead`; with a `lead` of 1 they are the factors themselves. Call inside
    `exact()`."""
    below, above, fails = solved.below, solved.above, solved.fails
    return Triggers(
        None if below is None else _failing(WIDE.multiply(lead, below), DOWN, -1, fails, lead),
        None if above is None else _failing(WIDE.multiply(lead, above), UP, 1, fails, lead),
    )


def at_factor(factors: Triggers, mark: Decimal) -> Triggers:
    """The prices of one mark at factors that fail, rounded further to the failing side."""
    return Triggers(
        None if factors.below is None else DOWN.multiply(mark, factors.below),
        None if factors.above is None else UP.multiply(mark, factors.above),
    )


Solver = Callable[[tuple[int, ...]], Solved]
"""Where a pool fails while the markets at these indexes move together."""


def solver_of(
    rules: Rules,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
) -> Solver:
    """The solver of one pool at these marks. Nothing is computed before it is asked, each set of markets is solved once. Legs
    beside the pool stand still: where they move as well, see `apart_prices`."""
    solver: Solver | None = None
    known: dict[tuple[int, ...], Solved] = {}

    def solve(moving: tuple[int, ...]) -> Solved:
        nonlocal solver
        if moving in known:
            return known[moving]
        if solver is None:
            plain = pool.legs and all(rest.base < 0 for rest in pool.rests)
            lined = _along_coins if rules.STATES_LINES and plain else _along_whole
            along = lined if pool.wallets else _along_legs
            solver = in_wide_digits(along, rules, pool, margin, marks, markets)
        found = known[moving] = in_wide_digits(solver, moving)
        return found

    return solve


def _along_legs(
    rules: Rules,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
) -> Solver:
    """The solver of a pool of one asset, along the lines of its legs."""
    room = rounding_room(pool, margin)
    reach = over_factors(
        lambda i, price: rules.headroom_line(pool.legs[i], price, markets[pool.legs[i].market]),
        [(marks[leg.market], markets[leg.market].inverse, leg.amount) for leg in pool.legs],
    )

    def solve(moving: tuple[int, ...]) -> Solved:
        """Both ends of the stretch on which the pool holds while `moving` move by a common factor, all else frozen."""
        legs = [i for i, leg in enumerate(pool.legs) if leg.market in moving]

        def one(x: Decimal) -> Straight:
            return reach(legs[0], x)[3:]

        def several(x: Decimal) -> Straight:
            base = slope = ZERO
            for i in legs:
                found = reach(i, x)
                base += found[3]
                slope += found[4]
            return base, slope

        lines = one if len(legs) == 1 else several
        first = lines(ONE)
        rest = margin.balance - margin.requirement - first[0] - first[1]
        move = Move(rules, lambda: _part(pool, legs, rest), marks, markets, moving, markets[moving[0]].inverse, room)
        return _solved(move, lines, first, rest, [reach(i, ONE)[4] for i in legs] or [ZERO])

    return solve


def _along_coins(
    rules: Rules,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
) -> Solver:
    """The solver of a valued pool, along the lines of its coins (`valued_lines`): over one over the mark where inverse
    contracts move alone, over the factor otherwise (also where an inverse contract moves and its coin's index with it)."""
    room, coins = rounding_room(pool, margin), coins_of(rules, pool, marks, markets)

    def solve(moving: tuple[int, ...]) -> Solved:
        inverse = moving[-1] < len(markets) and markets[moving[0]].inverse
        found = moved(coins, moving, inverse)
        first = found.line(ONE)
        rest = coins.headroom - first[0] - first[1]
        move = Move(rules, lambda: found.part(rest), marks, markets, moving, inverse, room)
        return _solved(move, found.line, first, rest, found.senses)

    return solve


def _along_whole(
    rules: Rules,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
) -> Solver:
    """The solver of a valued pool whose rulebook states no lines, or in which orders for coins rest: the line at x is read off
    two whole assessments so near each other that a bend between them is below the digits of the result. What is told in the
    base coin of the pairs that move is straight over one over their price, as inverse contracts are that move alone."""
    own = replace(pool, legs=tuple([leg for leg in pool.legs if not markets[leg.market].spot]))
    room = rounding_room(own, margin)

    def solve(moving: tuple[int, ...]) -> Solved:
        told = [leg.wallet == 2 * i for i, leg in enumerate(pool.legs) if leg.market in moving]
        inverse = pool.kept and bool(told) and all(told)
        inverse = inverse or (moving[-1] < len(markets) and markets[moving[0]].inverse)
        move = Move(rules, lambda: pool, marks, markets, moving, inverse, room)

        def lines(x: Decimal) -> Straight:
            here, there = (_headroom(move, 1 / at if inverse else at, ONE) for at in (x, x + x * BESIDE))
            slope = (there - here) / (x * BESIDE)
            return here - slope * x, slope

        return _solved(move, lines, lines(ONE), ZERO, (ONE, -ONE))

    return solve


class Move(msgspec.Struct, frozen=True, gc=False):
    """Marks that move by a common factor: `part()` is what of a pool feels them, with the rest of its headroom as cash, and
    `moving` are their places; its lines run over the factor, or over one over it (`inverse`); `room`: what sums may round."""

    rules: Rules
    part: Callable[[], Pool[Decimal]]
    marks: Sequence[Decimal]
    markets: Sequence[Market[Decimal]]
    moving: tuple[int, ...]
    inverse: bool
    room: Decimal


def _headroom(move: Move, price: Decimal, lead: Decimal) -> Decimal:
    """What is left when a mark of `lead` moves to `price` and the others with it."""
    column = list(move.marks)
    for at in move.moving:
        column[at] = price if column[at] == lead else column[at] * price / lead
    there = move.rules.assess_pool(move.part(), column, move.markets)
    return there.balance - there.requirement


def _solved(move: Move, lines: Lines, first: Straight, rest: Decimal, slopes: Sequence[Decimal]) -> Solved:
    """The factors at both ends of the stretch on which the pool holds, as `ends` finds them; where several marks move, the
    nearer one and the other only where it might be that. Call with the working digits."""

    fails_when_equal = move.rules.is_liquidatable(ONE, ONE)

    def fails(price: Decimal, lead: Decimal) -> bool:
        left = _headroom(move, price, lead) + move.room
        return left < 0 or (left == 0 and (fails_when_equal or move.room > 0))

    nearer = len(move.moving) > 1
    return Solved(*factors(lines, first, rest + 2 * move.room, slopes, move.inverse, nearer), fails)


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
        held[leg.market] = replace(
            market,
            rows=1,
            floors=(ZERO,),
            rates=(market.rates[row],),
            deductions=(market.deductions[row],),
            leverages=(market.leverages[row],),
            initials=(market.initials[row],),
            quote_floors=(ZERO,),
        )
    return tuple(held)


def rounding_room(pool: Pool[Decimal], margin: PoolMargin[Decimal]) -> Decimal:
    """What 34-digit sums over several legs may round the other way, so that headroom is to fall short by as much."""
    if pool.wallets:
        terms = len(pool.legs) + len(pool.rests) + len(pool.wallets)
        return margin.scale * 4 * terms * LAST_DIGIT if terms > 2 else ZERO
    legs = len(pool.legs) + len(pool.beside)
    return margin.scale * (legs + 2) * LAST_DIGIT if legs > 1 else ZERO


def factors(
    lines: Lines, first: Straight, rest: Decimal, slopes: Sequence[Decimal], inverse: bool, nearer: bool
) -> tuple[Decimal | None, Decimal | None]:
    """(lower, upper) factor on the marks at the ends of the stretch of x that `ends` finds, x being one over it where the
    contracts are `inverse`; `nearer`: the nearer one, by difference or by ratio, and the other only where it might be that."""

    def beyond(x: Decimal) -> bool:
        """Whether it holds at least as far on the other side of the marks."""
        factor = 1 / x if inverse else x
        other = 1 / factor if factor < 1 else 2 - factor
        if other <= 0:
            return False
        at = 1 / other if inverse else other
        base, slope = lines(at)
        return rest + base + slope * at > 0

    low, high = ends(lines, first, rest, slopes, beyond if nearer else None)
    if inverse:
        return (None if high is None else 1 / high), (None if low is None else 1 / low)
    return low, high


def ends(
    lines: Lines, first: Straight, rest: Decimal, slopes: Sequence[Decimal], beyond: Callable[[Decimal], bool] | None
) -> tuple[Decimal | None, Decimal | None]:
    """(lower, upper) end of the stretch of x on which rest + base + slope * x is above zero, the line being that of
    `lines` at x, `first` the one at x = 1, and the whole concave; None where it stays so. From a start that is not above
    zero only the end that is met on the way uphill is returned.

    `slopes`: those of the legs at the start. A leg that gains with x gains everywhere, because a requirement never grows
    faster than the value it is for (law: maintenance is at most initial margin); so legs that all gain have no upper end.
    The end downhill of the start comes first; the other one is not sought where it lies `beyond` what is asked for."""
    base, slope = first
    up, down = slope > ZERO, slope < ZERO
    falls, rises, root = up, down, ONE
    if slope:
        root = -(rest + base) / slope
    if rest + base + slope > ZERO:
        falls, rises, root = max(slopes) > ZERO, min(slopes) < ZERO, min(max(root, LEAST), MOST)
    lower = upper = None
    if rises and down:
        upper = _end(lines, rest, root, -1, first)
    if falls and (upper is None or beyond is None or not beyond(upper)):
        lower = _end(lines, rest, root, 1, first) if up else _end(lines, rest, LEAST, 1, None)
    if rises and not down and (lower is None or beyond is None or not beyond(lower)):
        upper = _end(lines, rest, MOST, -1, None)
    return lower, upper


def _end(lines: Lines, rest: Decimal, x: Decimal, side: int, along: Straight | None) -> Decimal | None:
    """Newton's method from x, at or beyond the end where headroom rises (`side` 1) or falls (-1) with x; `along`: the line
    that x is the root of. No line lies below the curve, so the root of a line never passes the end: the way is over when a
    line's root lies on that line, and a root outside the search, the first one included, means that there is no end inside.
    At the bounds of the search, headroom above zero means the same."""
    for _ in range(LINES):
        if not LEAST <= x <= MOST:
            return None
        line = base, slope = lines(x)
        if x in (LEAST, MOST) and rest + base + slope * x > ZERO:
            return None
        if line == along:
            return x
        if slope <= ZERO if side > 0 else slope >= ZERO:
            return None
        root = -(rest + base) / slope
        if (root < x) == (side > 0) or abs(root - x) <= x * NEAR:
            return root if LEAST <= root <= MOST else None
        x, along = root, line
    return x


def _failing(
    price: Decimal, rounding: Context, side: int, fails: Callable[[Decimal, Decimal], bool], lead: Decimal
) -> Decimal:
    """The price at 34 digits on its failing side, moved on by units of the last place should 34-digit sums still hold."""
    rounded = rounding.plus(price)
    if fails(rounded, lead):
        return rounded
    step = ONE.scaleb(rounded.adjusted() + 1 - DIGITS) * side
    for i in range(3 * DIGITS):
        rounded += step * (1 << i)
        if fails(rounded, lead):
            break
    return rounded


def first_failure(headroom: Callable[[Decimal], Decimal], good: Decimal, bad: Decimal) -> Decimal:
    """The point between `good` (headroom > 0) and `bad` (<= 0) where headroom is lost, on the failing side, by the Illinois
    secant method: exact for a straight line, otherwise within 1e-30 of the interval. For a concave headroom it is unique. Where
    two points of one side have the same headroom, it is a stair of whole units, and what is between is halved."""
    a, fa, b, fb = good, headroom(good), bad, headroom(bad)
    least = abs(b - a).scaleb(-30)
    above, below, stair = fa, fb, False
    for _ in range(400):
        if fb == 0 or abs(b - a) <= least:
            break
        c = (a + b) / 2 if stair else b - fb * (b - a) / (fb - fa)
        c = min(max(c, min(a, b) + least), max(a, b) - least)  # strictly inside, so that every step narrows
        if c in (a, b) and abs(b - a) <= 2 * least:  # too narrow to narrow further: `least` itself has been rounded
            break
        fc = headroom(c)
        stair = fc in (above, below)
        if fc > 0:
            a, fa, above, fb = c, fc, fc, fb / 2
        else:
            b, fb, below, fa = c, fc, fc, fa / 2
    return b
