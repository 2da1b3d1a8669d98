from typing import Any

import numpy as np
import pytest

from gan1010 import plots
from tests.gan1010.plots.pictures import DARK_BLUE, HATCH, WHITE, is_svg, pixels, share_of

RATES, LOSSES = [0.001, 0.01, 0.1], ["mse", "bce"]
VALUES = [[0.0, 0.5, 1.0], [0.25, 0.75, 1.0]]


def draw(values: Any = VALUES, x: Any = RATES, y: Any = LOSSES, value: str = "in_range_rate", **more: Any) -> bytes:
    return plots.heatmap(values, x, y, "learning_rate", "loss", value, **more)


def test_colours_go_from_white_to_blue() -> None:
    zeros, ones = draw(np.zeros((2, 3))), draw(np.ones((2, 3)))
    assert share_of(DARK_BLUE, zeros) < 0.01 < share_of(WHITE, zeros) - share_of(WHITE, ones)
    assert share_of(DARK_BLUE, ones) > 0.2


def test_colours_of_a_rate_span_0_to_1_and_others_their_values() -> None:
    low = np.array(VALUES) / 2
    assert share_of(DARK_BLUE, draw(low)) < share_of(DARK_BLUE, draw(low, value="generator_loss"))


def test_cells_without_a_value_are_hatched() -> None:
    values = np.array(VALUES)
    assert share_of(HATCH, draw(values)) < 0.001
    values[1, 2] = np.nan
    assert share_of(HATCH, draw(values)) > 0.01
    assert share_of(HATCH, draw(np.full((2, 3), np.nan))) > 0.1


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 40), (40, 1), (60, 80)])
def test_tables_of_every_size_fit_into_a_picture(shape: tuple[int, int]) -> None:
    rows, columns = shape
    values = np.linspace(0, 1, rows * columns).reshape(shape)
    labels = [list(range(columns)), [f"{row / rows:.3f}" for row in range(rows)]]
    height, width, _ = pixels(draw(values, *labels)).shape
    assert 300 < height < 1500
    assert 500 < width < 1900
    svg = draw(values, *labels, format="svg")
    assert is_svg(svg)
    assert len(svg) < 500_000


def test_long_labels_are_rotated_and_not_cut() -> None:
    patterns = [f"{bits:016b}" for bits in range(12)]
    picture = pixels(draw(np.ones((1, 12)), patterns, ["mse"]))
    assert (picture[-8:] == 255).all()
    assert (picture[:, :8] == 255).all()


@pytest.mark.parametrize(("values", "x", "y"), [([], [], []), ([[1.0]], RATES, LOSSES), ([[1.0, 2.0]], [1], [1, 2])])
def test_labels_that_do_not_match_the_values_are_rejected(values: Any, x: Any, y: Any) -> None:
    with pytest.raises(ValueError, match="values must be"):
        draw(values, x, y)
