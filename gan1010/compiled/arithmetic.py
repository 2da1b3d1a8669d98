"""Portable arithmetic: exp, log, sigmoid and power with the same bits on every machine, for numbers and for lanes.

All are IEEE operations in a fixed order. The compiler may not reorder them, nor fuse a multiplication and an addition;
the code calls `fma` where one rounding is intended. So a run's weights do not depend on the processor.
"""

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir

from gan1010.compiled.cache import CompilationCache
from gan1010.compiled.elementwise import declare, fma, same_width
from gan1010.compiled.lanes import constant, select

F = TypeVar("F", bound=Callable[..., Any])
f32 = np.float32


class CompilerDisabledError(RuntimeError):
    """NUMBA_DISABLE_JIT is set."""


def check_compiler(*_: Any) -> None:
    """Raise CompilerDisabledError if Numba is disabled."""
    if numba.config.DISABLE_JIT:
        raise CompilerDisabledError("NUMBA_DISABLE_JIT is set, but gan1010 consists of compiled code. Unset it.")


def compiled(function: F) -> F:
    """Compile a function of a module with Numba: it releases the interpreter lock and is cached on disk."""
    dispatcher: Any = _dispatcher(function)
    with contextlib.suppress(OSError):  # there are no sources, so every process compiles
        dispatcher._cache = CompilationCache(function)
    return dispatcher  # type: ignore[no-any-return]


def inlined(function: F) -> F:
    """Let LLVM make it a part of the calling function, so that a loop around the call can be vectorised."""
    return _dispatcher(function, forceinline=True)


def _dispatcher(function: F, **options: bool) -> F:
    """Compile without reference counts (`_nrt`): they cost a third of the speed, and nothing is allocated."""
    if numba.config.DISABLE_JIT:
        return check_compiler  # type: ignore[return-value]
    return numba.njit(nogil=True, error_model="numpy", _nrt=False, **options)(function)  # type: ignore[no-any-return]


def _emit_shift_exponent(builder: Any, x: Any, shifted: Any) -> Any:
    x_bits, n = (builder.bitcast(operand, same_width(x.type, WORD)) for operand in (x, shifted))
    return builder.bitcast(builder.add(x_bits, builder.shl(n, constant(n.type, FRACTION_BITS))), x.type)


def _emit_exponent(builder: Any, x: Any) -> Any:
    bits = builder.bitcast(x, same_width(x.type, WORD))
    exponent = builder.lshr(bits, constant(bits.type, FRACTION_BITS))
    return builder.sitofp(builder.sub(exponent, constant(bits.type, BIAS)), x.type)


def _emit_mantissa(builder: Any, x: Any) -> Any:
    bits = builder.bitcast(x, same_width(x.type, WORD))
    fraction = builder.and_(bits, constant(bits.type, 2**FRACTION_BITS - 1))
    return builder.bitcast(builder.or_(fraction, constant(bits.type, BIAS << FRACTION_BITS)), x.type)


WORD, FRACTION_BITS, BIAS = ir.IntType(32), 23, 127  # of a float32
_shift_exponent = declare(2, _emit_shift_exponent)  # (x, shifted): x * 2^n, where n is in the low bits of `shifted`
_exponent = declare(1, _emit_exponent)  # of a positive normal float: 0 for [1, 2)
_mantissa = declare(1, _emit_mantissa)  # of a positive normal float, in [1, 2)

ZERO, HALF, ONE, TWO = f32(0), f32(0.5), f32(1), f32(2)
MAX_EXPONENT = f32(87)  # e^87 and e^-87 are normal floats
LOG2_E = f32(1.4426950408889634)
ROUNDING = f32(1.5 * 2**23)  # the low bits of x + ROUNDING hold the integer nearest to x
LN2_HIGH, LN2_LOW = f32(0.693359375), f32(-2.12194440e-4)  # sum: ln 2; n LN2_HIGH is exact
E2, E3, E4, E5, E6, E7 = map(
    f32, (5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4)
)
SQRT2 = f32(1.4142135623730951)
L3, L5, L7, L9 = f32(2 / 3), f32(2 / 5), f32(2 / 7), f32(2 / 9)


@inlined
def exp(x: Any) -> Any:
    """Compute e^x within 2 units in the last place; x is clipped to +-87, NaN stays NaN.

    x = n ln 2 + r with |r| <= ln 2 / 2, and e^r is a polynomial of degree 7 (coefficients: Cephes, expf). Its two
    halves are evaluated independently (Estrin's scheme), so that the processor overlaps them.
    """
    x = select(x > MAX_EXPONENT, MAX_EXPONENT, x)
    x = select(x < -MAX_EXPONENT, -MAX_EXPONENT, x)
    shifted = fma(x, LOG2_E, ROUNDING)
    n = shifted - ROUNDING
    r = fma(n, -LN2_LOW, fma(n, -LN2_HIGH, x))
    r2 = r * r
    low = fma(fma(E3, r, E2), r2, r + ONE)
    high = fma(fma(E7, r, E6), r2, fma(E5, r, E4))
    return _shift_exponent(fma(high, r2 * r2, low), shifted)


@inlined
def log(x: Any) -> Any:
    """Compute ln x within 2 units in the last place or 1e-7, for positive normal x; NaN stays NaN.

    x = m 2^n with m in [1/sqrt 2, sqrt 2], and ln m = 2 artanh(s) with s = (m - 1) / (m + 1). As |s| < 0.172, five
    terms of the series suffice.
    """
    n, m = _exponent(x), _mantissa(x)
    above = m > SQRT2
    n, m = select(above, n + ONE, n), select(above, m * HALF, m)
    s = (m - ONE) / (m + ONE)
    s2 = s * s
    tail = fma(fma(fma(fma(L9, s2, L7), s2, L5), s2, L3), s2 * s, TWO * s)
    return select(x != x, x, fma(n, LN2_HIGH, fma(n, LN2_LOW, tail)))


@inlined
def sigmoid(x: Any) -> Any:
    """Compute 1 / (1 + e^-x)."""
    return ONE / (ONE + exp(-x))


@inlined
def power(base: Any, exponent: Any) -> Any:
    """Compute base^exponent for exponents 0, 1, 2, ... in double precision, by squaring."""
    result = 1.0
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result
