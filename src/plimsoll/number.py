"""Numbers: the Decimal context every exact result is computed in, parsing, and the rounding steps of the rule language.

The rounding steps are written for every number type (`floor_of` and its sisters, which numba compiles); those that rules call
take a faster way where they meet Decimals. This module refuses to guess: a float, a NaN or an infinity is never turned into
a Decimal.
"""

import math
from contextlib import AbstractContextManager
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    FloatOperation,
    InvalidOperation,
    Overflow,
    localcontext,
)
from typing import TypeVar

from plimsoll.errors import BadInput

N = TypeVar("N", Decimal, float)
"""The number type of a rule: Decimal in the exact engine (tests also run Fraction), float64 in the array engine."""

DIGITS = 34
EXACT = Context(
    prec=DIGITS, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow, FloatOperation]
)
"""34 digits (IEEE decimal128), half-even; mixing in a float raises instead of passing silently."""

MAGNITUDE = 30
"""Powers of ten that an input may span; more is a slip of the pen, and 34 digits would not hold its sums."""

PLAIN = frozenset("0123456789+-.eE")
"""What a written number is made of; Decimal itself would also take 1_000 and the digits of every script."""

ZERO = Decimal(0)
ONE = Decimal(1)


def exact(digits: int = DIGITS) -> AbstractContextManager[Context]:
    """Run a block in the exact context without touching the host program's own. `digits`: significant digits."""
    return localcontext(EXACT, prec=digits)


def parse(text: object, field: str, source: str = "input") -> Decimal:
    """A finite Decimal from a string, int or Decimal; anything else raises BadInput naming `field` and `source`."""
    if isinstance(text, bool) or not isinstance(text, (str, int, Decimal)):
        raise BadInput(source, field, text, "write a plain decimal number, quoted or not")
    written = text.strip() if isinstance(text, str) else text
    try:
        value = Decimal(written)
    except InvalidOperation:
        raise BadInput(source, field, text, "write a plain decimal number such as 0.05") from None
    if not value.is_finite():
        raise BadInput(source, field, text, "NaN and infinity are not amounts; give a finite number")
    if isinstance(written, str) and not PLAIN.issuperset(written):
        raise BadInput(source, field, text, "write a plain decimal number such as 0.05")
    if value and abs(value.adjusted()) > MAGNITUDE:
        raise BadInput(source, field, text, f"no price or amount is beyond 1e{MAGNITUDE} or below 1e-{MAGNITUDE}")
    return value


def parse_positive(text: object, field: str, source: str = "input") -> Decimal:
    """As `parse`, and greater than zero."""
    value = parse(text, field, source)
    if value <= 0:
        raise BadInput(source, field, text, "give a number greater than zero")
    return value


def show(value: Decimal, places: int | None = None) -> str:
    """Fixed-point text, never an exponent; trailing zeros cut. `places`: round half-even to so many decimals first.

    >>> show(Decimal("1.0E-7")), show(Decimal("2.50")), show(Decimal("1234.5678"), 2)
    ('0.0000001', '2.5', '1234.57')
    """
    if places is not None:
        with exact():
            value = round(value, places)
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def zero(x: N) -> N:
    """A zero of x's number type: the start of a sum."""
    return x * 0


def floor_of(x: N, step: N) -> N:
    """`floor_to` for every number type: what is compiled."""
    return math.floor(x / step) * step


def ceil_of(x: N, step: N) -> N:
    """`ceil_to` for every number type: what is compiled."""
    return math.ceil(x / step) * step


def half_up_of(x: N, step: N) -> N:
    """`half_up_to` for every number type: what is compiled."""
    return math.floor((x / step * 2 + 1) / 2) * step


def floor_to(x: N, step: N) -> N:
    """The largest multiple of `step` (> 0) that is not above x. Of Decimals >= 0 by whole division, which takes a third of
    the time; it raises where the quotient has more digits than the context."""
    if isinstance(x, Decimal) and x >= ZERO:
        try:
            return x // step * step
        except InvalidOperation:
            return floor_of(x, step)
    return floor_of(x, step)


def ceil_to(x: N, step: N) -> N:
    """The smallest multiple of `step` (> 0) that is not below x; as `floor_to`."""
    if isinstance(x, Decimal) and x >= ZERO:
        try:
            down = x // step * step
        except InvalidOperation:
            return ceil_of(x, step)
        return down if down == x else down + step
    return ceil_of(x, step)


def half_up_to(x: N, step: N) -> N:
    """The nearest multiple of `step` (> 0); halves go up; as `floor_to`."""
    if isinstance(x, Decimal) and x >= ZERO:
        try:
            return (x + x + step) // (step + step) * step
        except InvalidOperation:
            return half_up_of(x, step)
    return half_up_of(x, step)
