"""The straight lines that a rulebook states over prices, as lines over the factor x on the marks (over one over it where a
contract is inverse). Call inside a context of enough digits."""

from collections.abc import Callable, Sequence
from decimal import Decimal

from plimsoll.rules.columns import Line

BEYOND = Decimal("1e100")
"""Further than any value of a position, or any factor: the end of a line without an upper bound."""

Straight = tuple[Decimal, Decimal]
"""base + slope * x, as (base, slope)."""

Lines = Callable[[Decimal], Straight]
"""The line on which something lies at x."""

Reach = tuple[Decimal, Decimal, Decimal, Decimal, Decimal]
"""A line and how far it reaches: the value at x = 1, the values between which it holds (floor exclusive, cap inclusive), and
its base and slope."""


def over_factors(
    stated: Callable[[int, Decimal], Line[Decimal]], rows: Sequence[tuple[Decimal, bool, Decimal]]
) -> Callable[[int, Decimal], Reach]:
    """The line of the i-th of `rows` (mark, whether the contract is inverse, signed amount) at x, from the one that is `stated`
    of it near a price. A line that was met before serves again as far as it reaches."""
    found: list[list[Reach]] = [[] for _ in rows]

    def reach(i: int, x: Decimal) -> Reach:
        for known in found[i]:
            if known[1] < known[0] * x <= known[2]:
                return known
        mark, inverse, amount = rows[i]
        if inverse:
            value, line = abs(amount) / mark, stated(i, mark / x)
            slope = line.slope / mark
        else:
            value, line = abs(amount) * mark, stated(i, mark * x)
            slope = line.slope * mark
        new = (value, line.least, line.most or BEYOND, line.base, slope)
        found[i].append(new)
        return new

    return reach
