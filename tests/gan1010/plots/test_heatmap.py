import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

from gan1010 import plots
from tests.gan1010.plots.test_plots import pixels, share_of

RATES, LOSSES = [0.001, 0.01, 0.1], ["mse", "bce"]
VALUES = [[0.0, 0.5, 1.0], [0.25, 0.75, 1.0]]
WHITE, DARK_BLUE, HATCH = (255, 255, 255), (8, 48, 107), (244, 244, 244)


def draw(values: Any = VALUES, x: Any = RATES, y: Any = LOSSES, value: str = "in_range_rate", **more: Any) -> bytes:
    return plots.heatmap(values, x, y, "learning_rate", "loss", value, **more)


def test_cells_go_from_white_to_blue() -> None:
    nothing, all_of_them = draw(np.zeros((2, 3))), draw(np.ones((2, 3)))
    assert share_of(DARK_BLUE, nothing) < 0.01 < share_of(WHITE, nothing) - share_of(WHITE, all_of_them)
    assert share_of(DARK_BLUE, all_of_them) > 0.2


def test_share_has_the_colours_of_0_to_1_and_others_their_own() -> None:
    low = np.array(VALUES) / 2
    assert share_of(DARK_BLUE, draw(low)) < share_of(DARK_BLUE, draw(low, value="generator_loss"))


def test_cells_without_a_value_are_hatched() -> None:
    values = np.array(VALUES)
    assert share_of(HATCH, draw(values)) < 0.001
    values[1, 2] = np.nan
    assert share_of(HATCH, draw(values)) > 0.01
    assert share_of(HATCH, draw(np.full((2, 3), np.nan))) > 0.1


@pytest.mark.parametrize("format", ["png", "svg"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 40), (40, 1), (60, 80)])
def test_any_table_can_be_drawn_and_gives_the_same_bytes_again(shape: tuple[int, int], format: str) -> None:
    rows, columns = shape
    values = np.linspace(0, 1, rows * columns).reshape(shape)
    labels = [list(range(columns)), [f"{row / rows:.3f}" for row in range(rows)]]
    first, again = (draw(values, *labels, format=format) for _ in range(2))
    assert first == again
    if format == "svg":
        assert ET.fromstring(first).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314, our own bytes
        assert len(first) < 500_000
    else:
        height, width, _ = pixels(first).shape
        assert 300 < height < 1500
        assert 500 < width < 1900


def test_long_labels_are_turned_and_not_cut() -> None:
    patterns = [f"{bits:016b}" for bits in range(12)]
    picture = pixels(draw(np.ones((1, 12)), patterns, ["mse"]))
    assert (picture[-8:] == 255).all()
    assert (picture[:, :8] == 255).all()


@pytest.mark.parametrize(
    ("values", "x", "y", "more", "message"),
    [
        ([], [], [], {}, "values must be"),
        ([[1.0]], RATES, LOSSES, {}, "values must be"),
        ([[1.0, 2.0]], [1], [1, 2], {}, "values must be"),
        (VALUES, RATES, LOSSES, {"format": "pdf"}, "format must be png or svg, not 'pdf'"),
    ],
)
def test_what_does_not_fit_is_refused(values: Any, x: Any, y: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(values, x, y, **more)
