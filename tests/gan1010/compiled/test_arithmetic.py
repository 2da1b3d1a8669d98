"""Arithmetic against double precision, over floats that cover all bit patterns of their range evenly."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

from gan1010.compiled import arithmetic
from gan1010.types import Float32s, Float64s

# The cache would take functions of one name for the same, although each calls another function.
uncached = numba.njit(error_model="numpy")


def elementwise(function: Callable[..., Any]) -> Callable[[Float32s], Float32s]:
    """Return a function of arrays that calls a compiled function of numbers."""

    @uncached
    def loop(values: Float32s, out: Float32s) -> None:
        for i in range(values.shape[0]):
            out[i] = function(values[i])

    def call(values: Float32s) -> Float32s:
        out = np.empty_like(values)
        loop(values, out)
        return out

    return call


exp, log, sigmoid = map(elementwise, (arithmetic.exp, arithmetic.log, arithmetic.sigmoid))


def floats_between(low: float, high: float) -> Float32s:
    """Return every 499th positive float32 from low to high."""
    first, last = np.array([low, high], np.float32).view(np.int32)
    return np.append(np.arange(first, last, 499, np.int32), last).view(np.float32)


def ulps_off(got: Float32s, exact: Float64s) -> Float64s:
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    return np.abs(got.astype(np.float64) - exact) / unit


@pytest.mark.parametrize("sign", [1, -1])
def test_exp_is_within_two_units_in_the_last_place(sign: int) -> None:
    values = np.float32(sign) * floats_between(1e-30, 87)
    out = exp(values)
    assert ulps_off(out, np.exp(values.astype(np.float64))).max() <= 2


def test_exp_clips_beyond_87_and_keeps_nan() -> None:
    values = np.array([0, -0.0, 87, 88, 1e30, np.inf, -87, -88, -np.inf, np.nan], np.float32)
    out = exp(values)
    assert out[:2].tolist() == [1, 1]
    assert set(out[2:6].tolist()) == {out[2]}
    assert set(out[6:9].tolist()) == {out[6]}
    assert np.isnan(out[9])


def test_log_is_within_two_units_in_the_last_place_or_1e_7() -> None:
    values = floats_between(np.finfo(np.float32).tiny, np.finfo(np.float32).max)
    out = log(values)
    exact = np.log(values.astype(np.float64))
    assert np.all((ulps_off(out, exact) <= 2) | (np.abs(out - exact) <= 1e-7))


def test_log_of_one_is_zero_and_of_nan_is_nan() -> None:
    values = np.array([1, np.nan], np.float32)
    out = log(values)
    assert out[0] == 0
    assert np.isnan(out[1])


@pytest.mark.parametrize("sign", [1, -1])
def test_sigmoid_is_accurate_and_in_range(sign: int) -> None:
    values = np.float32(sign) * floats_between(1e-30, 3e38)
    out = sigmoid(values)
    exact = 1 / (1 + np.exp(-values.clip(-87, 87).astype(np.float64)))
    assert (ulps_off(out, exact) <= 4).all()
    assert (out > 0).all()
    assert (out <= 1).all()


@pytest.mark.parametrize("base", [0.9, 0.999])
def test_power_agrees_with_python(base: float) -> None:
    for exponent in (0, 1, 2, 3, 10, 1000, 20_000_000):
        assert arithmetic.power(base, exponent) == pytest.approx(base**exponent, rel=1e-12, abs=1e-300)


def test_fma_rounds_once() -> None:
    a = np.float32(1 + 2**-12)
    assert a * a - np.float32(1 + 2**-11) == 0
    assert fused(a, a, np.float32(-(1 + 2**-11))) == 2**-24


@uncached
def fused(a: np.float32, b: np.float32, c: np.float32) -> np.float32:
    return arithmetic.fma(a, b, c)
