import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gan1010 import results
from gan1010.random_draws import real_ranges


def test_bits_are_values_rounded_at_one_half() -> None:
    samples = np.array([[0.9, 0.05, 0.9, 0.05], [0.5, 0.49999997, 1, 0]], np.float32)
    assert results.bits(samples) == ["1010", "1010"]
    assert results.bits(np.empty((0, 4), np.float32)) == []


BELOW = np.nextafter(np.float32(0.8), np.float32(0))
ABOVE = np.nextafter(np.float32(0.2), np.float32(1))


def test_sample_is_in_range_if_every_value_is() -> None:
    inside = [[0.9, 0.05, 0.9, 0.05], [0.8, 0, 1, 0.2]]
    outside = [[BELOW, 0, 1, 0.2], [0.8, ABOVE, 1, 0.2], [0.8, 0, 0, 0.2], [np.nan, 0, 1, 0.2]]
    samples = np.array(inside + outside, np.float32)
    low, high = real_ranges("1010", 0.2)
    for bounds in ((low, high), (low[0], high[0])):
        assert results.in_range(samples, *bounds).tolist() == [True] * 2 + [False] * 4


def test_sample_is_in_range_of_any_of_several_patterns() -> None:
    samples = np.array([[0.9, 0.1, 0.8, 0], [0.1, 0.9, 0.1, 1], [0.1, 0.9, 0.9, 0.1], [0.5] * 4], np.float32)
    bounds = real_ranges("1010+0101", 0.2)
    assert results.belongs(samples, *bounds).tolist() == [[True, False], [False, True], [False] * 2, [False] * 2]
    assert results.in_range(samples, *bounds).tolist() == [True, True, False, False]


@given(value=st.floats(0, 1, width=32))
def test_shortest_decimals_give_the_same_float32_again(value: float) -> None:
    (number,) = results.shortest_decimals(np.array([value], np.float32))
    assert np.float32(number) == np.float32(value)
    assert len(repr(number)) <= len(repr(float(np.float32(value))))
