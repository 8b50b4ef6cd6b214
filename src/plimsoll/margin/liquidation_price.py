"""Where the line is: the prices at which a pool fails.

One market moves, or several together by a common factor; everything else is frozen. Write x for the factor on the marks
of linear contracts, or on the inverse marks of inverse ones. Over x the headroom of a pool is concave and made of straight
lines (a law that every rulebook is tested for), so Newton's method ends at the exact root after as many steps as there are
lines on the way. Results are rounded at 34 digits to the side on which the pool fails.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import NamedTuple

from plimsoll.number import DIGITS, EXACT, ONE, ZERO
from plimsoll.rules.columns import Market, Pool, PoolMargin
from plimsoll.rules.interface import Rules

LAST_DIGIT = ONE.scaleb(1 - DIGITS)
"""Largest relative error of one 34-digit operation: what a sum over the whole pool may round the other way."""
WORKING = 57
"""Digits used between the marks and the rounded result, so that only the last rounding counts (three machine words)."""
BESIDE = 1 - Decimal("1e-20")
"""The second point through which a line is laid, relative to the first."""
LEAST, MOST = Decimal("1e-15"), Decimal("1e15")
"""The range of x that is searched; a price outside it is none."""
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

    `margin` is the pool's at these marks. All moving markets are of one kind (one settle asset, one coin)."""
    return prices_at(solve(rules, pool, margin, marks, markets, moving), marks[moving[0]])


def prices_at(solved: Solved, lead: Decimal) -> Triggers:
    """The triggers of one of the moving marks, `lead`; with a `lead` of 1 they are the factors themselves."""
    with localcontext(EXACT, prec=WORKING):
        below, above = [None if factor is None else lead * factor for factor in (solved.below, solved.above)]

    def fails(price: Decimal) -> bool:
        return solved.fails(price, lead)

    return Triggers(_failing(below, ROUND_FLOOR, fails), _failing(above, ROUND_CEILING, fails))


def solve(
    rules: Rules,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
    moving: Sequence[int],
) -> Solved:
    """Both ends of the stretch on which the pool holds while `moving` move by a common factor, all else frozen."""
    legs = tuple([leg for leg in pool.legs if leg.market in moving])
    inverse, column, room = markets[moving[0]].inverse, list(marks), rounding_room(pool, margin)
    tested = pool

    def fails(price: Decimal, lead: Decimal) -> bool:
        for at in moving:
            column[at] = price if marks[at] == lead else marks[at] * price / lead
        there = rules.assess_pool(tested, column, markets)
        return there.balance - there.requirement <= -room

    def headroom(x: Decimal) -> Decimal:
        for at in moving:
            column[at] = marks[at] / x if inverse else marks[at] * x
        there = rules.assess_pool(tested, column, markets)
        return there.balance - there.requirement + 2 * room

    if not legs:
        return Solved(None, None, fails)
    with localcontext(EXACT, prec=WORKING):
        if len(legs) < len(pool.legs):
            own = rules.assess_pool(Pool(ZERO, legs, ZERO, 0, ZERO, ZERO, ZERO, ZERO), marks, markets)
            rest = margin.balance - margin.requirement - own.balance + own.requirement
            tested = Pool(rest, legs, ZERO, 0, ZERO, ZERO, ZERO, ZERO)
        low, high = ends(headroom, margin.scale * LAST_DIGIT)
        if inverse:
            low, high = (None if high is None else 1 / high), (None if low is None else 1 / low)
    return Solved(low, high, fails)


def rounding_room(pool: Pool[Decimal], margin: PoolMargin[Decimal]) -> Decimal:
    """What 34-digit sums over several legs may round the other way, so that headroom is to fall short by as much."""
    return margin.scale * (len(pool.legs) + 2) * LAST_DIGIT if len(pool.legs) > 1 else ZERO


def ends(g: Callable[[Decimal], Decimal], tiny: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """(lower, upper) end of the stretch of x on which a concave g, made of straight lines, is above zero; None where it
    stays so. From a start (x = 1) that is not, only the end that is met on the way uphill is returned. `tiny`: rounding."""
    start = g(ONE)
    slope = (start - g(BESIDE)) / (1 - BESIDE)
    if start <= 0:
        root = 1 - start / slope if slope else ONE
        return (_end(g, root, slope, 1, tiny) if slope > 0 else None), (_end(g, root, slope, -1, tiny) if slope < 0 else None)
    lower = max(1 - start / slope, LEAST) if slope > 0 else LEAST
    upper = min(1 - start / slope, MOST) if slope < 0 else MOST
    return _end(g, lower, slope, 1, tiny), _end(g, upper, slope, -1, tiny)


def _end(g: Callable[[Decimal], Decimal], x: Decimal, slope: Decimal, side: int, tiny: Decimal) -> Decimal | None:
    """Newton's method from x towards the end where g rises (`side` 1) or falls (-1) with x. No line lies below the curve, so
    the root of a line is never short of the end but for rounding; at the bounds of the search g above zero means none."""
    for _ in range(LINES):
        if x < LEAST:
            return None
        here = g(x)
        if here >= -tiny:
            return None if x in (LEAST, MOST) else x - here / slope
        slope = (here - g(x * BESIDE)) / (x - x * BESIDE)
        if slope * side <= 0:
            return None
        x -= here / slope
    return x


def _failing(price: Decimal | None, rounding: str, fails: Callable[[Decimal], bool]) -> Decimal | None:
    """The price at 34 digits on its failing side, moved on by units of the last place should 34-digit sums still hold."""
    if price is None:
        return None
    with localcontext(EXACT, rounding=rounding):
        rounded = +price
    step = ONE.scaleb(rounded.adjusted() + 1 - DIGITS)
    away = -step if rounding == ROUND_FLOOR else step
    with localcontext(EXACT):
        for i in range(3 * DIGITS):
            if fails(rounded):
                break
            rounded += away * (1 << i)
    return rounded


def first_failure(headroom: Callable[[Decimal], Decimal], good: Decimal, bad: Decimal) -> Decimal:
    """The point between `good` (headroom > 0) and `bad` (<= 0) where headroom is lost, on the failing side, by the Illinois
    secant method: exact for a straight line, otherwise within 1e-30 of the interval. For a concave headroom it is unique."""
    a, fa, b, fb = good, headroom(good), bad, headroom(bad)
    width = abs(b - a)
    for _ in range(400):
        if fb == 0 or abs(b - a) <= width.scaleb(-30):
            break
        c = b - fb * (b - a) / (fb - fa)
        if not min(a, b) < c < max(a, b):
            break
        fc = headroom(c)
        if fc > 0:
            a, fa, fb = c, fc, fb / 2
        else:
            b, fb, fa = c, fc, fa / 2
    return b
