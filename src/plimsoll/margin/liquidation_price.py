"""Where the line is: the prices at which a pool fails.

One market moves, or several together by a common factor; everything else is frozen. Write x for the factor on the marks
of linear contracts, or on the inverse marks of inverse ones. Over x the headroom of a pool is concave and made of straight
lines, which meet only where a leg's value meets a bend of its requirement (a law that every rulebook is tested for). So
Newton's method, line by line, ends at the exact root. Results are rounded at 34 digits to the side on which the pool fails.
"""

from bisect import bisect_left
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
LINES = 1_000
"""More lines than Newton's method ever meets; only printed deductions that leave a gap at a floor could bring it there."""


FAR = Decimal("1e40")
"""A factor at which every leg stands beyond its last bend."""


class Triggers(NamedTuple):
    """Prices at which the pool fails on the way down and up from the marks; None: no positive price does it."""

    below: Decimal | None
    above: Decimal | None


class Line(NamedTuple):
    """base + slope * x."""

    base: Decimal
    slope: Decimal


class Curve:
    """The headroom of a pool over x, while `moving` of its markets move. Each line is computed when it is first needed."""

    def __init__(
        self,
        rules: Rules,
        pool: Pool[Decimal],
        margin: PoolMargin[Decimal],
        marks: Sequence[Decimal],
        markets: Sequence[Market[Decimal]],
        moving: Sequence[int],
    ) -> None:
        legs = tuple([leg for leg in pool.legs if leg.market in moving])
        self.rules, self.markets, self.marks, self.moving = rules, markets, marks, moving
        self.inverse = markets[moving[0]].inverse
        self.pool = pool
        self.start = margin.balance - margin.requirement
        if len(legs) < len(pool.legs):
            own = rules.assess_pool(Pool(ZERO, legs, ZERO, 0, ZERO, ZERO, ZERO, ZERO), marks, markets)
            rest = self.start - own.balance + own.requirement
            self.pool = Pool(rest, legs, ZERO, 0, ZERO, ZERO, ZERO, ZERO)
        self.bends: list[Decimal] = []
        for leg in legs:
            value = rules.notional(leg.amount, marks[leg.market], self.inverse)
            self.bends += [bend / value for bend in rules.bends(leg, markets[leg.market])]
        self.bends.sort()
        self.lines: dict[int, Line] = {}

    def headroom(self, x: Decimal) -> Decimal:
        column = list(self.marks)
        for at in self.moving:
            column[at] = column[at] / x if self.inverse else column[at] * x
        margin = self.rules.assess_pool(self.pool, column, self.markets)
        return margin.balance - margin.requirement

    def line(self, x: Decimal) -> Line:
        """The line in force at x."""
        i = bisect_left(self.bends, x)
        if i not in self.lines:
            low = self.bends[i - 1] if i > 0 else ZERO
            self.lines[i] = self._between(low, self.bends[i] if i < len(self.bends) else 4 * max(low, ONE))
        return self.lines[i]

    def _between(self, low: Decimal, high: Decimal) -> Line:
        """The line through the start if it lies there, else through a point inside, and one halfway to the further end."""
        x1, g1 = (ONE, self.start) if low < 1 <= high else ((3 * low + high) / 4, None)
        x2 = (x1 + (low if x1 - low > high - x1 else high)) / 2
        g1 = self.headroom(x1) if g1 is None else g1
        slope = (self.headroom(x2) - g1) / (x2 - x1)
        return Line(g1 - slope * x1, slope)

    def ends(self, least: Decimal) -> tuple[Decimal | None, Decimal | None]:
        """(lower, upper) end of the stretch of x > 0 on which headroom exceeds `least`. From a start without so much only
        the end that is met on the way uphill is returned."""
        start = self.line(ONE)
        if self.start <= least:
            return self._root(start, least, 1), self._root(start, least, -1)
        return (
            self._root(start if start.slope > 0 else self.line(ZERO), least, 1),
            self._root(start if start.slope < 0 else self.line(FAR), least, -1),
        )

    def _root(self, line: Line, least: Decimal, side: int) -> Decimal | None:
        """Newton's method towards the end where headroom rises (`side` 1) or falls (-1) with x: no line lies below the
        curve, so the root of the line in force at a root is nearer, until line and root belong together."""
        for _ in range(LINES):
            if line.slope * side <= 0:
                return None
            root = (least - line.base) / line.slope
            there = self.line(max(root, ZERO))
            if there is line:
                break
            line = there
        return root if root > 0 else None


def nearest(triggers: Triggers, mark: Decimal) -> Decimal | None:
    """The trigger with the smaller ratio to the mark (a nearly balanced hedge can have both)."""
    if triggers.below is None or triggers.above is None:
        return triggers.above if triggers.below is None else triggers.below
    return triggers.below if mark * mark <= triggers.below * triggers.above else triggers.above


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
    held = {leg.market for leg in pool.legs}
    moved = [at for at in moving if at in held]
    return _triggers(rules, pool, margin, marks, markets, moved, marks[moving[0]])


def common_factors(
    rules: Rules,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
) -> Triggers:
    """The factors on all marks of a pool at once at which it fails, below and above 1."""
    return _triggers(rules, pool, margin, marks, markets, sorted({leg.market for leg in pool.legs}), ONE)


def _triggers(
    rules: Rules,
    pool: Pool[Decimal],
    margin: PoolMargin[Decimal],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
    moving: Sequence[int],
    lead: Decimal,
) -> Triggers:
    """As multiples of `lead`: a mark to get prices, 1 to get factors."""
    if not moving:
        return Triggers(None, None)
    room = rounding_room(pool, margin)
    with localcontext(EXACT, prec=WORKING):
        curve = Curve(rules, pool, margin, marks, markets, moving)
        low, high = curve.ends(-2 * room)
        if curve.inverse:
            low, high = (None if high is None else 1 / high), (None if low is None else 1 / low)
        below, above = (None if low is None else lead * low), (None if high is None else lead * high)

    def fails(price: Decimal) -> bool:
        column = list(marks)
        for at in moving:
            column[at] = price if marks[at] == lead else marks[at] * price / lead
        there = rules.assess_pool(curve.pool, column, markets)
        return there.balance - there.requirement <= -room

    return Triggers(_failing(below, ROUND_FLOOR, fails), _failing(above, ROUND_CEILING, fails))


def rounding_room(pool: Pool[Decimal], margin: PoolMargin[Decimal]) -> Decimal:
    """What 34-digit sums over several legs may round the other way, so that headroom is to fall short by as much."""
    return margin.scale * (len(pool.legs) + 2) * LAST_DIGIT if len(pool.legs) > 1 else ZERO


def _failing(price: Decimal | None, rounding: str, fails: Callable[[Decimal], bool]) -> Decimal | None:
    """The price at 34 digits on its failing side, moved on by units of the last place should 34-digit sums still hold."""
    if price is None:
        return None
    with localcontext(EXACT, rounding=rounding):
        rounded = +price
    step = ONE.scaleb(rounded.adjusted() + 1 - DIGITS)
    away = -step if rounding == ROUND_FLOOR else step
    with localcontext(EXACT):
        for i in range(40):
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
