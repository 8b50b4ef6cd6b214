"""The straight lines that a rulebook states over prices, as lines over the factor x on the marks (over one over it where a
contract is inverse). Call inside a context of enough digits."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from plimsoll.rules.columns import Line

BEYOND = Decimal("1e100")
"""Further than any value of a position, or any factor: the end of a line without an upper bound."""

Lines = Callable[[Decimal], Line[Decimal]]
"""The line on which something lies at x."""


def over_factors(
    stated: Callable[[int, Decimal], Line[Decimal]], rows: Sequence[tuple[Decimal, bool, Decimal]]
) -> Callable[[int, Decimal], Line[Decimal]]:
    """The line of the i-th of `rows` (mark, whether the contract is inverse, signed amount) at x, from the one that is `stated`
    of it near a price. A line that was met before serves again as far as it reaches."""
    found: list[list[tuple[Decimal, Decimal, Decimal, Line[Decimal]]]] = [[] for _ in rows]

    def line(i: int, x: Decimal) -> Line[Decimal]:
        for value, least, most, known in found[i]:
            if least < value * x <= most:
                return known
        mark, inverse, amount = rows[i]
        if inverse:
            value, (base, slope, least, most) = abs(amount) / mark, stated(i, mark / x)
            new = Line(base, slope / mark, least, most)
        else:
            value, (base, slope, least, most) = abs(amount) * mark, stated(i, mark * x)
            new = Line(base, slope * mark, least, most)
        found[i].append((value, least, most or BEYOND, new))
        return new

    return line
