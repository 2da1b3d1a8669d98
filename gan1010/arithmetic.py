"""Arithmetic that gives the same bits on every machine: only IEEE operations, in a fixed order.

The compiler may neither reorder these nor fuse a multiplication with an addition by itself; where one rounding is
wanted instead of two, `fma` says so. That is why a run's weights do not depend on the processor that it ran on.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])
f32 = np.float32


def compiled(function: F, inline: str = "never") -> F:
    """Compile with Numba: machine code without the interpreter's lock, kept on disk for the next process.

    Compiled code here allocates nothing, so it needs no reference counts (`_nrt=False`): they would cost a third of
    its speed.
    """
    options = {"nogil": True, "error_model": "numpy", "_nrt": False, "inline": inline}
    try:
        return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # no folder to keep it in can be written: every process compiles for itself
        return numba.njit(**options)(function)  # type: ignore[no-any-return]


def inlined(function: F) -> F:
    """Compile as a part of whoever calls it, so that a loop around the call is one that can be vectorised."""
    return compiled(function, inline="always")


@intrinsic  # type: ignore[untyped-decorator]
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), codegen


@intrinsic  # type: ignore[untyped-decorator]
def _shift_exponent(typing_context: Any, x: Any, shifted: Any) -> Any:
    """x * 2^n, where n stands in the low bits of the float `shifted`."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x_bits, n = (builder.bitcast(argument, ir.IntType(32)) for argument in arguments)
        return builder.bitcast(builder.add(x_bits, builder.shl(n, ir.IntType(32)(23))), ir.FloatType())

    return types.float32(types.float32, types.float32), codegen


@intrinsic  # type: ignore[untyped-decorator]
def _exponent(typing_context: Any, x: Any) -> Any:
    """The exponent of a positive normal float: 0 for [1, 2)."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        exponent = builder.lshr(builder.bitcast(arguments[0], ir.IntType(32)), ir.IntType(32)(23))
        return builder.sitofp(builder.sub(exponent, ir.IntType(32)(127)), ir.FloatType())

    return types.float32(types.float32), codegen


@intrinsic  # type: ignore[untyped-decorator]
def _mantissa(typing_context: Any, x: Any) -> Any:
    """The mantissa of a positive normal float, in [1, 2)."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        fraction = builder.and_(builder.bitcast(arguments[0], ir.IntType(32)), ir.IntType(32)(0x007FFFFF))
        return builder.bitcast(builder.or_(fraction, ir.IntType(32)(0x3F800000)), ir.FloatType())

    return types.float32(types.float32), codegen


ZERO, HALF, ONE, TWO = f32(0), f32(0.5), f32(1), f32(2)
LARGEST_EXPONENT = f32(87)  # e^87 and e^-87 are normal floats
LOG2_E = f32(1.4426950408889634)
ROUNDING = f32(1.5 * 2**23)  # adding it leaves the nearest integer in the low bits of the sum
LN2_HIGH, LN2_LOW = f32(0.693359375), f32(-2.12194440e-4)  # their sum is ln 2; the first has few bits
E2, E3, E4, E5, E6, E7 = map(
    f32, (5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4)
)
SQRT2 = f32(1.4142135623730951)
L3, L5, L7, L9 = f32(2 / 3), f32(2 / 5), f32(2 / 7), f32(2 / 9)


@inlined
def exp(x: Any) -> Any:
    """e^x within 2 units in the last place; x beyond +-87 counts as +-87, NaN stays NaN.

    x = n ln 2 + r with |r| <= ln 2 / 2, and e^r is a polynomial of degree 7 (coefficients: Cephes, expf), evaluated
    in two halves at once (Estrin), which the processor overlaps.
    """
    x = LARGEST_EXPONENT if x > LARGEST_EXPONENT else x
    x = -LARGEST_EXPONENT if x < -LARGEST_EXPONENT else x
    shifted = fma(x, LOG2_E, ROUNDING)
    n = shifted - ROUNDING
    r = fma(n, -LN2_LOW, fma(n, -LN2_HIGH, x))
    r2 = r * r
    low = fma(fma(E3, r, E2), r2, r + ONE)
    high = fma(fma(E7, r, E6), r2, fma(E5, r, E4))
    return _shift_exponent(fma(high, r2 * r2, low), shifted)


@inlined
def log(x: Any) -> Any:
    """ln x within 2 units in the last place or 1e-7, for positive normal x; NaN stays NaN.

    x = m 2^n with m in [1/sqrt 2, sqrt 2], and ln m = 2 artanh(s) with s = (m - 1) / (m + 1): |s| < 0.172, so that
    five terms of the series do.
    """
    n = _exponent(x)
    m = _mantissa(x)
    if m > SQRT2:
        m = m * HALF
        n = n + ONE
    s = (m - ONE) / (m + ONE)
    s2 = s * s
    tail = fma(fma(fma(fma(L9, s2, L7), s2, L5), s2, L3), s2 * s, TWO * s)
    return x if x != x else fma(n, LN2_HIGH, fma(n, LN2_LOW, tail))


@inlined
def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x)."""
    return ONE / (ONE + exp(-x))


@inlined
def power(base: Any, exponent: Any) -> Any:
    """base^exponent for an exponent of 0, 1, 2, ..., in double precision, by squaring."""
    result = 1.0
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result
