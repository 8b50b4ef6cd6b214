"""Where the line is: the prices at which a pool fails.

One market moves, or several together by a common factor; everything else is frozen. Write x for the factor on the marks
of linear contracts, or on the inverse marks of inverse ones. Over x the headroom of a pool is concave and made of straight
lines, which meet only where a leg's value meets a bend of its requirement (a law that every rulebook is tested for). So
Newton's method, line by line, ends at the exact root. Results are rounded at 34 digits to the side on which the pool fails.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import NamedTuple

from plimsoll.number import DIGITS, EXACT, ONE, ZERO
from plimsoll.rules.columns import Leg, Market, Pool, PoolMargin
from plimsoll.rules.interface import Rules

LAST_DIGIT = ONE.scaleb(1 - DIGITS)
"""Largest relative error of one 34-digit operation: what a sum over the whole pool may round the other way."""
WORKING = 57
"""Digits used between the marks and the rounded result, so that only the last rounding counts (three machine words)."""
LINES = 1_000
"""More lines than Newton's method ever meets; only printed deductions that leave a gap at a floor could bring it there."""


class Triggers(NamedTuple):
    """Prices at which the pool fails on the way down and up from the marks; None: no positive price does it."""

    below: Decimal | None
    above: Decimal | None


class Line(NamedTuple):
    """base + slope * x."""

    base: Decimal
    slope: Decimal


class Curve:
    """What the legs of one market add to their pool's headroom, over x. Lines are kept: several prices need the same."""

    def __init__(
        self, rules: Rules, legs: Sequence[Leg[Decimal]], marks: Sequence[Decimal], markets: Sequence[Market[Decimal]]
    ) -> None:
        self.at = legs[0].market
        self.mark, self.inverse = marks[self.at], markets[self.at].inverse
        self.rules, self.markets, self.column = rules, markets, list(marks)
        self.alone = Pool(ZERO, tuple(legs), ZERO, 0, ZERO, ZERO, ZERO, ZERO)
        self.bends = sorted(
            bend / rules.notional(leg.amount, self.mark, self.inverse)
            for leg in legs
            for bend in rules.bends(leg, markets[self.at])
        )
        self.lines: dict[int, Line] = {}
        self.start = self.headroom(self.mark)

    def headroom(self, price: Decimal) -> Decimal:
        """The legs alone, without any cash."""
        self.column[self.at] = price
        own = self.rules.assess_pool(self.alone, self.column, self.markets)
        return own.balance - own.requirement

    def line(self, i: int) -> Line:
        """The line between bend i - 1 and bend i, through two points inside."""
        if i not in self.lines:
            low = self.bends[i - 1] if i > 0 else ZERO
            high = self.bends[i] if i < len(self.bends) else 4 * max(low, ONE)
            x1, x2 = (3 * low + high) / 4, (low + 3 * high) / 4
            g1 = self.headroom(self.mark / x1 if self.inverse else self.mark * x1)
            g2 = self.headroom(self.mark / x2 if self.inverse else self.mark * x2)
            slope = (g2 - g1) / (x2 - x1)
            self.lines[i] = Line(g1 - slope * x1, slope)
        return self.lines[i]


def curves_of(
    rules: Rules, pool: Pool[Decimal], marks: Sequence[Decimal], markets: Sequence[Market[Decimal]]
) -> dict[int, Curve]:
    """Market -> its curve in this pool at these marks: the work that all prices of the pool share."""
    legs: dict[int, list[Leg[Decimal]]] = {}
    for leg in pool.legs:
        legs.setdefault(leg.market, []).append(leg)
    with localcontext(EXACT, prec=WORKING):
        return {at: Curve(rules, held, marks, markets) for at, held in legs.items()}


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
    curves: Mapping[int, Curve] | None = None,
) -> Triggers:
    """Triggers of the markets in `moving`, moved together in proportion to their marks, as prices of `moving[0]`.

    `margin` is the pool's at these marks; `curves` saves work where several prices of one pool are asked for. All moving
    markets are of one kind (one settle asset, one coin)."""
    if curves is None:
        curves = curves_of(rules, pool, marks, markets)
    moved = [curves[at] for at in moving if at in curves]
    return _triggers(pool, margin, moved, marks[moving[0]]) if moved else Triggers(None, None)


def common_factors(pool: Pool[Decimal], margin: PoolMargin[Decimal], curves: Mapping[int, Curve]) -> Triggers:
    """The factors on all marks at once at which the pool fails, below and above 1."""
    return _triggers(pool, margin, list(curves.values()), ONE) if curves else Triggers(None, None)


def _triggers(pool: Pool[Decimal], margin: PoolMargin[Decimal], moving: Sequence[Curve], lead: Decimal) -> Triggers:
    """As multiples of `lead`: a mark to get prices, 1 to get factors. What is looked for is a headroom of -`room`, so that
    the whole pool summed in 34 digits fails as well."""
    room = margin.scale * (len(pool.legs) + 2) * LAST_DIGIT
    with localcontext(EXACT, prec=WORKING):
        rest = margin.balance - margin.requirement - sum([curve.start for curve in moving], ZERO)
        low, high = _ends(moving, rest + room)
        if moving[0].inverse:
            low, high = (None if high is None else 1 / high), (None if low is None else 1 / low)
        below, above = (None if low is None else lead * low), (None if high is None else lead * high)

    def fails(price: Decimal) -> bool:
        parts = [curve.headroom(price if curve.mark == lead else curve.mark * price / lead) for curve in moving]
        return rest + sum(parts, ZERO) <= -room

    return Triggers(_failing(below, ROUND_FLOOR, fails), _failing(above, ROUND_CEILING, fails))


def _ends(moving: Sequence[Curve], rest: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """(lower, upper) end of the stretch of x > 0 on which `rest` and the curves sum to more than zero. From a start without
    headroom only the end that is met on the way uphill is returned."""
    start = _line_at(moving, rest, ONE)
    good = start.base + start.slope > 0
    lower = start if start.slope > 0 else _line_at(moving, rest, ZERO) if good else None
    upper = start if start.slope < 0 else _line_at(moving, rest, None) if good else None
    return _root(moving, rest, lower, 1), _root(moving, rest, upper, -1)


def _line_at(moving: Sequence[Curve], rest: Decimal, x: Decimal | None) -> Line:
    """The line of the whole pool in force at x (None: beyond every bend)."""
    base, slope = rest, ZERO
    for curve in moving:
        line = curve.line(len(curve.bends) if x is None else bisect_left(curve.bends, x))
        base += line.base
        slope += line.slope
    return Line(base, slope)


def _root(moving: Sequence[Curve], rest: Decimal, line: Line | None, side: int) -> Decimal | None:
    """Newton's method towards the root where headroom rises (`side` 1) or falls (-1) with x: the line in force at the root
    of a line lies nowhere below the curve, so the next root is nearer, until line and root belong together."""
    for _ in range(LINES):
        if line is None or line.slope * side <= 0:
            return None
        root = max(-line.base / line.slope, ZERO)
        there = _line_at(moving, rest, root)
        if there == line:
            break
        line = there
    return root if root > 0 else None


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
