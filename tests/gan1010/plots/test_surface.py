import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from gan1010 import TrainConfig, plots, train
from tests.gan1010.plots.test_plots import pixels, share_of

MODEL = train(TrainConfig(seed=1)).model()
SCORES = MODEL.score(plots.plane("1010"))
SAMPLE = MODEL.sample([0.5])[0]
BLUE, GREEN = (0, 114, 178), (0, 158, 115)


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


def test_orange_is_fake_and_blue_is_real_with_y_upwards() -> None:
    scores = np.repeat([0.0, 1.0], [5000, 5201])  # x within y: the lower half is fake
    picture = pixels(draw(scores))
    above, below = picture[280, 300], picture[600, 300]
    assert above[2] > above[0]
    assert below[0] > below[2]


@pytest.mark.parametrize("pattern", ["1", "0", "10", "111", "000", "1101011011110100"])
@pytest.mark.parametrize("format", ["png", "svg"])
def test_any_pattern_can_be_drawn_and_gives_the_same_bytes_again(pattern: str, format: str) -> None:
    scores = np.full(101 * 101, 0.5)
    first, again = (draw(scores, pattern, sample=[0.5] * len(pattern), format=format) for _ in range(2))
    assert first == again
    if format == "svg":
        assert ET.fromstring(first).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314, our own bytes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scores": np.zeros(10)}, "scores must be those of plane"),
        ({"scores": 0.5}, "scores must be those of plane"),
        ({"scores": np.zeros((101, 101))}, "scores must be those of plane"),
        ({"sample": [0.5, 0.5]}, "sample must have 4 numbers"),
        ({"format": "pdf"}, "format must be png or svg, not 'pdf'"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(**options)
