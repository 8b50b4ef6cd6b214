"""Where the line is: the prices at which a pool fails.

One price moves, or several together in fixed proportion; everything else is frozen. Seen over x (the price of linear, its
inverse of inverse contracts) headroom is piecewise linear and concave, with bends only where a leg's value meets a
bracket floor (a law that every rulebook is tested for). So each piece is solved exactly, walking outward from the marks.
Results are rounded at 34 digits to the side on which the pool fails.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from plimsoll.number import DIGITS, EXACT, ONE, ZERO, exact
from plimsoll.rules.columns import Leg, Market, Pool, PoolMargin
from plimsoll.rules.interface import Rules

WORKING = 60
"""Digits used between the marks and the rounded result, so that only the last rounding counts."""


class Triggers(NamedTuple):
    """Prices at which the pool fails on the way down and up from the marks; None: no positive price does it."""

    below: Decimal | None
    above: Decimal | None


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
    legs = tuple(leg for leg in pool.legs if leg.market in moving)
    if not legs:
        return Triggers(None, None)
    lead, inverse = marks[moving[0]], markets[moving[0]].inverse
    with exact(WORKING):
        own = rules.assess_pool(Pool(ZERO, legs, ZERO, 0, ZERO, ZERO, ZERO, ZERO), marks, markets)
        rest = Pool(margin.balance - own.balance, legs, ZERO, 0, ZERO, ZERO, margin.requirement - own.requirement, ZERO)
        column = list(marks)

        def headroom(price: Decimal) -> Decimal:
            for i in moving:
                column[i] = price if i == moving[0] else marks[i] * price / lead
            at = rules.assess_pool(rest, column, markets)
            return at.balance - at.requirement

        if inverse:
            low, high = solve(lambda x: headroom(1 / x), _bends(rules, legs, marks, markets, lead), 1 / lead)
            below, above = (None if high is None else 1 / high), (None if low is None else 1 / low)
        else:
            below, above = solve(headroom, _bends(rules, legs, marks, markets, lead), lead)
        return Triggers(_failing(below, ROUND_FLOOR, headroom), _failing(above, ROUND_CEILING, headroom))


def _bends(
    rules: Rules,
    legs: Sequence[Leg[Decimal]],
    marks: Sequence[Decimal],
    markets: Sequence[Market[Decimal]],
    lead: Decimal,
) -> list[Decimal]:
    """Values of x at which a moving leg's value meets a bend of its requirement, ascending."""
    points = set()
    for leg in legs:
        market, mark = markets[leg.market], marks[leg.market]
        for value in rules.bends(leg, market):
            points.add(
                value * mark / (abs(leg.amount) * lead) if market.inverse else value * lead / (abs(leg.amount) * mark)
            )
    return sorted(points)


def solve(
    g: Callable[[Decimal], Decimal], bends: Sequence[Decimal], start: Decimal
) -> tuple[Decimal | None, Decimal | None]:
    """(lower, upper) root of a concave g over x > 0, linear between `bends`: the ends of the stretch on which g > 0.

    From a start with g <= 0 only the end that is met on the way uphill is returned."""
    edges: list[Decimal | None] = [ZERO, *bends, None]
    lines: dict[int, tuple[Decimal, Decimal]] = {}

    def line(i: int) -> tuple[Decimal, Decimal]:
        if i not in lines:
            low = edges[i] or ZERO
            high = edges[i + 1] or 4 * max(low, start)
            x1, x2 = (3 * low + high) / 4, (low + 3 * high) / 4
            g1 = g(x1)
            slope = (g(x2) - g1) / (x2 - x1)
            lines[i] = (g1 - slope * x1, slope)
        return lines[i]

    def walk(i: int, rising: bool, step: int) -> Decimal | None:
        while 0 <= i < len(edges) - 1:
            base, slope = line(i)
            if slope != 0 and (slope > 0) is rising:
                root, low, high = -base / slope, edges[i] or ZERO, edges[i + 1]
                if root > 0 and (root >= low if step < 0 else (high is None or root <= high)):
                    return root
            elif step > 0 and rising:
                return None
            i += step
        return None

    at = bisect_left(bends, start)
    if g(start) > 0:
        lower = walk(at, True, -1) if line(0)[0] <= 0 else None
        upper = walk(at, False, 1) if line(len(edges) - 2)[1] < 0 else None
        return lower, upper
    slope = line(at)[1]
    return (walk(at, True, 1) if slope > 0 else None), (walk(at, False, -1) if slope < 0 else None)


def _failing(price: Decimal | None, rounding: str, headroom: Callable[[Decimal], Decimal]) -> Decimal | None:
    """The price at 34 digits on its failing side, moved on by units of the last place until 34-digit arithmetic agrees."""
    if price is None or price <= 0:
        return None
    context = EXACT.copy()
    context.rounding = rounding
    rounded = context.plus(price)
    step = ONE.scaleb(rounded.adjusted() + 1 - DIGITS)
    away = -step if rounding == ROUND_FLOOR else step
    with exact():
        for i in range(12):
            if headroom(rounded) <= 0:
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
