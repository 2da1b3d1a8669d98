"""Ranges of values in a grid. `tests/page/test_sweep.py` compares the page's form of them with this one."""

import numpy as np
import pytest

from service.cli.ranges import MAX_RANGE_VALUES, expand

RANGES = {
    "1..8": ["1", "2", "3", "4", "5", "6", "7", "8"],
    "0.1..0.5 step 0.1": ["0.1", "0.2", "0.3", "0.4", "0.5"],
    "0..1 step 0.3": ["0", "0.3", "0.6", "0.9"],
    "-1 .. 1": ["-1", "0", "1"],
    "0.01..1 log 5": ["0.01", "0.03162", "0.1", "0.3162", "1"],
    "1e-3..1 log 2": ["0.001", "1"],
    " 1, 2 ,5..7,0.5": ["1", "2", "5", "6", "7", "0.5"],
    "null,0.1": ["null", "0.1"],
}
MALFORMED = {
    "8..1": "less than the last",
    "1..1": "less than the last",
    "0.1..0.5": "add a step or a count, such as 0.1..0.5 step 0.1",
    "1..x": "x is not a number",
    "1..1e999": "1e999 is not a number",
    "0..1 step 0": "more than 0",
    "0..1 step x": "x is not a number",
    "1..2000": f"at most {MAX_RANGE_VALUES:,}",
    "0..1 log 5": "above 0",
    "1..2 log 1": "2 to 1,000",
    "1..2 log many": "2 to 1,000",
}


@pytest.mark.parametrize("text", RANGES)
def test_ranges_expand_to_their_values(text: str) -> None:
    assert expand(text) == RANGES[text]


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_ranges_say_what_is_right(text: str) -> None:
    with pytest.raises(ValueError, match=MALFORMED[text]):
        expand(text)


def test_logarithmic_ranges_are_those_of_numpy() -> None:
    values = [float(value) for value in expand("0.001..1 log 10")]
    np.testing.assert_allclose(values, np.geomspace(0.001, 1, 10), rtol=5e-4)


def test_logarithmic_ranges_of_whole_settings_have_whole_numbers_once() -> None:
    assert expand("1..10 log 12", whole=True) == ["1", "2", "3", "4", "5", "7", "8", "10"]
    assert expand("100..10000000 log 6", whole=True) == ["100", "1000", "10000", "100000", "1000000", "10000000"]
