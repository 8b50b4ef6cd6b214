"""Short float32 functions that compile to whole vectors, for which numba has no library of its own. No rule stands here.

The polynomials were fitted for this file: least greatest relative error (absolute for sine and cosine) on their intervals,
by repeated least squares with growing weights where the error is greatest. The greatest error stands beside each; float32
itself rounds at 6e-8.

`contract` alone of the fast-math freedoms is granted: a product and a sum may become one fused step. Sums keep their order and
roots are exact, so that one machine gives one result however the work is cut.
"""

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

from plimsoll.array import parts

parts.begin()

Column = np.ndarray[Any, Any]
F = TypeVar("F", bound=Callable[..., Any])

f4 = np.float32
i4 = np.int32
u4 = np.uint32

LN2: Final = math.log(2)
LINE: Final = 64
"""Bytes of a cache line, and of the longest vector."""


_COMPILED: Any = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
_njit: Any = numba.njit


def kernel(function: F) -> F:
    """Compile a function of arrays that holds no rule; it releases the interpreter lock, so that threads may share the work."""
    return cast("F", _njit(**_COMPILED)(function))


def inner(function: F) -> F:
    """The same for what only kernels call, which needs no way in from Python."""
    return cast("F", _njit(no_cpython_wrapper=True, **_COMPILED)(function))


def inlined(function: F) -> F:
    """Compile a function of a few numbers that is written out wherever a kernel uses it."""
    return cast("F", _njit(no_cpython_wrapper=True, forceinline=True, **_COMPILED)(function))


def aligned(shape: tuple[int, ...], kind: Any) -> Column:
    """Zeros that begin on a cache line, so that no vector lies across two: up to a third faster."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    room = np.zeros(size + LINE, dtype=np.uint8)
    begin = -room.ctypes.data % LINE
    found: Column = room[begin : begin + size].view(kind).reshape(shape)
    return found


def _same_bits(context: Any, builder: Any, args: Any, kind: Any) -> Any:
    return builder.bitcast(args[0], context.get_value_type(kind))


def _float_bits(_typing: Any, _x: Any) -> Any:
    return types.int32(types.float32), lambda context, builder, _s, args: _same_bits(context, builder, args, types.int32)


def _bits_float(_typing: Any, _x: Any) -> Any:
    return types.float32(types.int32), lambda context, builder, _s, args: _same_bits(context, builder, args, types.float32)


float_bits = cast("Callable[[Any], Any]", intrinsic(_float_bits))
"""The 32 bits of a float32 as int32."""
bits_float = cast("Callable[[Any], Any]", intrinsic(_bits_float))
"""The float32 of 32 bits given as int32."""

HALF = f4(0.5)
ONE = f4(1)
MANTISSA = i4(0x7FFFFF)
EXPONENT = i4(23)

LOG_0, LOG_1, LOG_2, LOG_3, LOG_4, LOG_5, LOG_6 = (
    f4(c) for c in (1.00000647, -0.666694298, 0.49942457, -0.398137663, 0.344864492, -0.323610027, 0.201647579)
)
"""-2 ln(1 + r) = r (-2 + r L(r)) on [sqrt(1/2) - 1, sqrt(2) - 1], relative error 1.8e-7."""
ROOT_HALF = i4(0x3F3504F3)
WORD_BIAS = i4(0x3F3504F3 + (32 << 23))
"""Bits of sqrt(1/2) and of sqrt(1/2) 2^32: what is left of an exponent counts from a whole word down."""
MINUS_2_LN2 = f4(-2 * LN2)
MINUS_2 = f4(-2)

SIN_0, SIN_1, SIN_2, SIN_3 = (f4(c) for c in (1.570791011, -0.64589285, 0.0794343447, -0.00433309534))
"""sin(pi/2 t) = t S(t^2) on [-1, 1], absolute error 5.9e-7."""
COS_0, COS_1, COS_2, COS_3, COS_4 = (f4(c) for c in (0.999999953, -1.23369822, 0.253650746, -0.0208106292, 0.000858191365))
"""cos(pi/2 t) = C(t^2) on [-1, 1], absolute error 4.7e-8."""
TURN = f4(2.0**-31)
SIGN_SHIFT = u4(25)
SIGN = u4(0x80000000)

EXP_0, EXP_1, EXP_2, EXP_3, EXP_4 = (f4(c) for c in (0.499999981, 0.166665432, 0.0416672018, 0.00836658034, 0.00138825101))
"""exp(r) - 1 = r (1 + r E(r)) on [-ln(2)/2, ln(2)/2], relative error 1.4e-8."""
LOG2_E = f4(1 / LN2)
LN2_HIGH = f4(0.693359375)
LN2_LOW = f4(LN2 - 0.693359375)
"""ln 2 in two parts, the first with so few bits that whole multiples of it are exact."""
ROUNDER = f4(12582912)
ROUNDER_BITS = i4(0x4B400000)
"""1.5 2^23: adding it rounds to the nearest whole number, which then stands in the low bits."""
BIAS = i4(127)
FARTHEST = f4(80)
"""`rise` holds its argument within this of zero; e^80 still is a float32."""


@inlined
def minus_2_log(word: Any) -> Any:
    """-2 ln((word + 1/2) / 2^32) of a uint32, at least 0 and at most 45.8: the squared length of two standard normals."""
    bits = i4(float_bits(f4(word) + HALF) - WORD_BIAS)
    exponent = i4(bits >> EXPONENT)
    r = bits_float(i4((bits & MANTISSA) + ROOT_HALF)) - ONE
    q = LOG_6
    q = q * r + LOG_5
    q = q * r + LOG_4
    q = q * r + LOG_3
    q = q * r + LOG_2
    q = q * r + LOG_1
    q = q * r + LOG_0
    return f4(exponent) * MINUS_2_LN2 + r * (r * q + MINUS_2)


@inlined
def direction(word: Any) -> Any:
    """A point of the unit circle, (cosine, sine), uniform over a uint32. All 32 bits turn half of the circle, of which float32
    keeps 24; bit 6, which rounding has passed over, says which half."""
    t = f4(i4(word)) * TURN
    z = t * t
    sine = t * (SIN_0 + z * (SIN_1 + z * (SIN_2 + z * SIN_3)))
    cosine = COS_0 + z * (COS_1 + z * (COS_2 + z * (COS_3 + z * COS_4)))
    return bits_float(i4(float_bits(cosine) ^ i4(u4(word << SIGN_SHIFT) & SIGN))), sine


@inlined
def rise(x: Any) -> Any:
    """exp(x) - 1 in float32, `x` held within 80 of zero: relative error below 4e-7, also where it is small."""
    x = min(max(x, -FARTHEST), FARTHEST)
    turned = x * LOG2_E + ROUNDER
    whole = turned - ROUNDER
    r = (x - whole * LN2_HIGH) - whole * LN2_LOW
    part = r + r * r * (EXP_0 + r * (EXP_1 + r * (EXP_2 + r * (EXP_3 + r * EXP_4))))
    power = bits_float(i4(i4(i4(float_bits(turned) - ROUNDER_BITS) + BIAS) << EXPONENT))
    return part * power + (power - ONE)
