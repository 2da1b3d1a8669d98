from typing import Any

import numpy as np
import pytest

from gan1010 import patterns, plots
from tests.gan1010.plots.pictures import BLUE, GREEN, pixels, share_of
from tests.gan1010.plots.test_plots import SAMPLE, SCORES


def draw(scores: Any = SCORES, pattern: str = "1010", spread: float = 0.2, **options: Any) -> bytes:
    return plots.surface(scores, pattern=pattern, spread=spread, **options)


def test_plane_has_x_in_the_places_of_a_1_and_y_in_those_of_a_0() -> None:
    plane = plots.plane("110", points=3)
    assert plane.dtype == np.float32
    assert plane.tolist() == [[x, x, y] for y in (0, 0.5, 1) for x in (0, 0.5, 1)]
    assert plots.plane("1010", points=2).tolist() == [[0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1]]


def test_real_data_and_the_generator_are_marked() -> None:
    assert share_of(BLUE, draw()) > 0.002
    assert share_of(GREEN, draw()) < 0.0001
    assert share_of(GREEN, draw(sample=SAMPLE)) > 0.0005
    assert draw(sample=SAMPLE) != draw(sample=1 - SAMPLE)
    assert draw(spread=0.4) != draw(spread=0.2)
    one, two, not_in_the_plane = (share_of(BLUE, draw(pattern=p)) for p in ("1010", "1010+0101", "1010+1100"))
    assert two > 1.8 * one > 1.7 * not_in_the_plane


def test_orange_is_fake_and_blue_is_real_with_y_upwards() -> None:
    scores = np.repeat([0.0, 1.0], [5000, 5201])  # the lower half is fake
    picture = pixels(draw(scores))
    above, below = picture[280, 300], picture[600, 300]
    assert above[2] > above[0]
    assert below[0] > below[2]


@pytest.mark.parametrize("pattern", ["1", "0", "10", "111", "000", "1101011011110100", "10+01", "11+10+00"])
def test_every_pattern_can_be_drawn(pattern: str) -> None:
    assert draw(np.full(101 * 101, 0.5), pattern, sample=[0.5] * patterns.width(pattern)).startswith(b"\x89PNG")


@pytest.mark.parametrize("scores", [np.zeros(10), 0.5, np.zeros((101, 101))])
def test_scores_of_another_shape_are_rejected(scores: Any) -> None:
    with pytest.raises(ValueError, match="scores must be those of plane"):
        draw(scores)


def test_samples_of_another_width_are_rejected() -> None:
    with pytest.raises(ValueError, match="sample must have 4 numbers"):
        draw(sample=[0.5, 0.5])
