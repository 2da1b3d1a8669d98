"""Lanes against single numbers: all bits must agree."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest

from gan1010.compiled import arithmetic, lanes
from gan1010.compiled.elementwise import fma, narrow, sqrt, to_float, widen
from gan1010.compiled.lanes import LANES, WORDS, load, load_words, select, store, store_words
from gan1010.types import Float32s, Int64s

# The cache would take functions of one name for the same, although each calls another function.
uncached = numba.njit(error_model="numpy")


def compile_rows(compute: Callable[..., Any]) -> Callable[[Float32s, Float32s, Float32s], None]:
    """Compile out = compute(a, b), row by row."""
    compute = uncached(compute)

    @uncached
    def rows(a: Float32s, b: Float32s, out: Float32s) -> None:
        for i in range(a.shape[0]):
            store(out, i, compute(load(a, i), load(b, i)))

    return rows


ONE = np.float32(1)
COMPUTATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "negative": lambda a, b: -a,
    "with one number": lambda a, b: ONE - a * ONE,
    "fma": lambda a, b: fma(a, b, ONE),
    "sqrt": lambda a, b: sqrt(a),
    "in double precision": lambda a, b: narrow(widen(a) / widen(b)),
    "<": lambda a, b: select(a < b, a, b),
    "<=": lambda a, b: select(a <= b, ONE, b),
    ">": lambda a, b: select(a > b, a, ONE),
    "!=": lambda a, b: select(a != a, b, a),
    "and": lambda a, b: select((a < b) & (a > ONE), a, b),
    "or": lambda a, b: select((a < b) | (a > ONE), a, b),
    "exp": lambda a, b: arithmetic.exp(a),
    "log": lambda a, b: arithmetic.log(a),
    "sigmoid": lambda a, b: arithmetic.sigmoid(a),
}


def random_floats(rows: int) -> Float32s:
    """Return floats of all magnitudes and signs, with special values."""
    rng = np.random.default_rng(rows)
    values = rng.standard_normal((rows, LANES)) * 10.0 ** rng.integers(-38, 38, (rows, LANES))
    values[rng.random(values.shape) < 0.3] = rng.choice([0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 87, -87, 1e-45])
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


@pytest.mark.parametrize("name", COMPUTATIONS)
def test_lanes_give_the_same_bits_as_single_numbers(name: str) -> None:
    rows = compile_rows(COMPUTATIONS[name])
    a, b = random_floats(40), random_floats(41)[:40]
    together, one_by_one = np.empty_like(a), np.empty(a.size, np.float32)
    rows(a, b, together)
    rows(a.ravel(), b.ravel(), one_by_one)
    nans = np.isnan(one_by_one)  # IEEE 754 leaves open which NaN
    np.testing.assert_array_equal(np.isnan(together.ravel()), nans)
    np.testing.assert_array_equal(together.ravel().view(np.int32)[~nans], one_by_one.view(np.int32)[~nans])


@uncached
def transposed(values: Float32s, out: Float32s) -> None:
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            store(out, (i, j), load(values, (j, i)))


def test_load_and_store_use_the_index_of_any_array() -> None:
    numbers = np.arange(12, dtype=np.float32).reshape(3, 4)
    out = np.empty((4, 3), np.float32)
    transposed(numbers, out)
    np.testing.assert_array_equal(out, numbers.T)
    several = np.arange(12 * LANES, dtype=np.float32).reshape(3, 4, LANES)
    out_lanes = np.empty((4, 3, LANES), np.float32)
    transposed(several, out_lanes)
    np.testing.assert_array_equal(out_lanes, several.transpose(1, 0, 2))


@uncached
def choose(settled: Int64s, k: int) -> None:
    now = load(settled, 0)
    store(settled, 0, select(now < 0, k, now))


def test_integers_have_lanes() -> None:
    settled = np.tile([-1, 5], LANES // 2)[None]
    choose(settled, 7)
    assert settled[0].tolist() == [7, 5] * (LANES // 2)
    numbers = np.array([-1])
    choose(numbers, 7)
    assert numbers.tolist() == [7]


@pytest.mark.parametrize("shape", [(1,), (3, LANES), (5, 2, LANES)])
def test_arrays_begin_at_a_cache_line(shape: tuple[int, ...]) -> None:
    for dtype in (np.float32, np.float64):
        array = lanes.empty(shape, dtype)
        assert (array.shape, array.dtype, array.ctypes.data % 64) == (shape, dtype, 0)
    values = np.random.default_rng(1).random(shape)
    np.testing.assert_array_equal(lanes.aligned_copy(values), values)


@uncached
def words(seeds: npt.NDArray[np.uint64], out: npt.NDArray[np.uint64], floats: Float32s) -> None:
    for part in range(seeds.shape[0]):
        word = load_words(seeds, part)
        store_words(out, part, (((word & LOW) * LOW) >> EIGHT) ^ (word + EIGHT))
        store_words(floats, part, to_float(word >> HIGH))


LOW, EIGHT, HIGH = np.uint64(2**32 - 1), np.uint64(8), np.uint64(40)


def test_random_words_have_lanes() -> None:
    seeds = np.random.default_rng(1).integers(0, 2**64, (3, WORDS), np.uint64)
    out, floats = np.empty_like(seeds), np.empty(seeds.shape, np.float32)
    words(seeds, out, floats)
    np.testing.assert_array_equal(out, (((seeds & LOW) * LOW) >> EIGHT) ^ (seeds + EIGHT))
    np.testing.assert_array_equal(floats, (seeds >> HIGH).astype(np.float32))


@pytest.mark.parametrize("function", [fma, sqrt, widen, narrow, to_float])
def test_only_compiled_code_can_call_elementwise_functions(function: Callable[..., Any]) -> None:
    with pytest.raises(NotImplementedError, match="only compiled code can call this"):
        function(*[ONE] * (3 if function is fma else 1))
