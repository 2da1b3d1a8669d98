"""Common properties of all plots; loss charts and evolution strips."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from io import BytesIO
from math import log
from typing import Any

import matplotlib.style
import numpy as np
import pytest
from matplotlib.figure import Figure

from gan1010 import TrainConfig, plots, train
from tests.gan1010.plots.pictures import DARK_BLUE, WHITE, is_svg, pixels, share_of

RUN = train(TrainConfig(seed=1))
SERIES: dict[str, Any] = {"iteration": RUN.history.iteration, **RUN.history.series}
ITERATIONS = RUN.snapshots.iterations
SAMPLES = np.concatenate([RUN.model(int(k)).sample([0.5]) for k in ITERATIONS])
SAMPLE, SCORES = SAMPLES[-1], RUN.model().score(plots.plane("1010"))
TABLE = np.linspace(0, 1, 6).reshape(2, 3)
FORMATS = ["png", "svg", "pdf"]
ON_AXES: list[tuple[Any, tuple[float, float]]] = [  # and the size of the panels, in inches
    (partial(plots.losses, SERIES), (8.1, 2.7)),
    (partial(plots.evolution, SAMPLES, ITERATIONS, pattern="1010"), (8.2, 1.92)),
    (partial(plots.surface, SCORES, pattern="1010", spread=0.2, sample=SAMPLE), (4.6, 4.6)),
    (partial(plots.heatmap, TABLE, [1, 2, 3], [1, 2], "spread", "loss", "in_range_rate"), (3.6, 1.6)),
]
DRAWINGS = [lambda format, draw=draw: draw(format=format) for draw, _ in ON_AXES]


def drawn_on_an_axis(draw: Any, size: tuple[float, float]) -> np.ndarray:
    """Return the pixels of a figure of the caller's, with the margins of the plots' own figures."""
    figure = Figure(size, dpi=150)
    axes = figure.add_axes((0, 0, 1, 1))
    assert draw(ax=axes) is axes
    out = BytesIO()
    figure.savefig(out, format="png", bbox_inches=figure.get_tightbbox().padded(0.2))
    return pixels(out.getvalue())


def without(name: str) -> dict[str, Any]:
    return {key: values for key, values in SERIES.items() if key != name}


@pytest.mark.parametrize("draw", DRAWINGS)
def test_plots_are_png_svg_or_pdf(draw: Any) -> None:
    height, width, _ = pixels(draw("png")).shape
    assert 300 < height < width < 2000
    assert is_svg(draw("svg"))
    pdf = draw("pdf")
    assert (pdf[:5], pdf[-6:]) == (b"%PDF-", b"%%EOF\n")
    assert b"Date" not in pdf
    assert b"/FontType 3" not in pdf
    with pytest.raises(ValueError, match="format must be png, svg or pdf, not 'jpg'"):
        draw("jpg")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("draw", DRAWINGS)
def test_same_numbers_give_the_same_bytes_on_every_thread(draw: Any, format: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(draw, [format] * 4))) == 1


def test_another_process_gives_the_same_bytes() -> None:
    program = f"""
from hashlib import sha256
from {__name__} import DRAWINGS, FORMATS
print(*(sha256(draw(format)).hexdigest() for draw in DRAWINGS for format in FORMATS))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [sha256(draw(format)).hexdigest() for draw in DRAWINGS for format in FORMATS]


@pytest.mark.parametrize(("draw", "size"), ON_AXES)
def test_plot_on_an_axis_is_the_same_below_the_heading(draw: Any, size: tuple[float, float]) -> None:
    mine, whole = drawn_on_an_axis(draw, size), pixels(draw())
    height, width = (pixels - 35 for pixels in mine.shape[:2])  # without margins, where the heading is
    np.testing.assert_array_equal(mine[-height:, :width], whole[-height:, :width])


@pytest.mark.parametrize(("draw", "size"), ON_AXES)
def test_plot_has_its_own_style_whatever_the_settings_are(draw: Any, size: tuple[float, float]) -> None:
    plain, plain_on_axis = draw(format="svg"), drawn_on_an_axis(draw, size)
    with matplotlib.style.context(["ggplot", {"font.size": 20, "font.family": "serif", "text.color": "red"}]):
        assert draw(format="svg") == plain
        np.testing.assert_array_equal(drawn_on_an_axis(draw, size), plain_on_axis)


def test_plots_are_panels_of_a_figure_with_a_layout() -> None:
    figure = Figure((8, 8), layout="constrained")
    panels = figure.subplots(4).tolist()
    for (draw, _), axes in zip(ON_AXES, panels, strict=True):
        draw(ax=axes)
    figure.savefig(BytesIO(), format="pdf")
    assert [len(axes.child_axes) for axes in panels] == [3, 0, 1, 1]  # loss charts and colour bars


@pytest.mark.parametrize(("width", "title"), [(4, "D on real data"), (9, "Discriminator on real data")])
def test_titles_of_narrow_panels_are_short(width: float, title: str) -> None:
    axes = plots.losses(SERIES, ax=Figure((width, 2)).add_axes((0, 0, 1, 1)))
    assert axes.child_axes[0].get_title(loc="left") == title


def test_lists_give_the_same_plots_as_arrays() -> None:
    assert plots.losses({name: values.tolist() for name, values in SERIES.items()}) == plots.losses(SERIES)
    assert plots.evolution(SAMPLES.tolist(), ITERATIONS.tolist()) == plots.evolution(SAMPLES, ITERATIONS)


def test_each_loss_has_a_panel() -> None:
    three, two = pixels(plots.losses(SERIES)), pixels(plots.losses(without("generator_loss")))
    assert three.shape[0] == two.shape[0]
    assert three.shape[1] > 1.3 * two.shape[1]


def test_equilibrium_and_outliers_are_drawn() -> None:
    assert plots.losses(SERIES) != plots.losses(SERIES, equilibrium=log(2))
    spiky = {**SERIES, "generator_loss": np.where(SERIES["iteration"] == 5_000, 40, SERIES["generator_loss"])}
    assert plots.losses(spiky) != plots.losses(SERIES)


@pytest.mark.parametrize("points", [0, 1, 2])
def test_losses_of_a_run_that_has_just_begun_can_be_drawn(points: int) -> None:
    assert plots.losses({name: values[:points] for name, values in SERIES.items()}).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "series",
    [
        {},
        {"iteration": [5, 10]},
        without("iteration"),
        {**SERIES, "generator_loss": [0.1]},
        {**SERIES, "iteration": [[5]]},
    ],
)
def test_series_that_do_not_match_are_rejected(series: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="series must hold iteration and at least one loss, all of the same length"):
        plots.losses(series)


def test_line_is_a_running_mean_over_a_fortieth_of_the_run() -> None:
    np.testing.assert_allclose(plots.smoothed(np.full(2000, 0.3)), 0.3)
    np.testing.assert_allclose(plots.smoothed(np.arange(2000.0))[25:-25], np.arange(25, 1975))
    spike = plots.smoothed(np.eye(1, 2000, 1000)[0])
    assert np.flatnonzero(spike).tolist() == list(range(975, 1026))
    np.testing.assert_allclose(spike.max(), 1 / 51)
    np.testing.assert_array_equal(plots.smoothed(np.array([1.0, 5.0])), [1, 5])


@pytest.mark.parametrize(
    ("kept", "columns"),
    [
        (range(0, 10_001, 100), range(0, 10_000, 1000)),
        (range(0, 10_001, 1000), range(0, 10_000, 1000)),
        ([*range(0, 10_001, 100), 10_003], range(0, 10_000, 1000)),
        ([0, 3], [0, 3]),
        ([0], [0]),
        ([0, 100, 200, 250], [0, 100, 200]),  # 225, the last tenth, is as near to 200
    ],
)
def test_columns_are_the_tenths_of_the_run(kept: Any, columns: Any) -> None:
    iterations = np.array(kept)
    assert iterations[plots.tenths(iterations)].tolist() == list(columns)


def test_evolution_goes_from_white_to_blue() -> None:
    zeros, ones = (plots.evolution(np.full((101, 4), value), ITERATIONS) for value in (0, 1))
    assert share_of(WHITE, zeros) > 0.8
    assert share_of(DARK_BLUE, zeros) == 0
    assert share_of(DARK_BLUE, ones) > 0.4


def test_time_runs_to_the_right_and_places_downwards() -> None:
    samples = np.zeros((101, 4))
    samples[90, 0] = 1  # the last column's first place
    picture = pixels(plots.evolution(samples, ITERATIONS))
    rows, columns = np.nonzero((picture == DARK_BLUE).all(axis=2))
    assert columns.min() > 0.8 * picture.shape[1]
    assert rows.max() < 0.55 * picture.shape[0]


@pytest.mark.parametrize("width", range(1, 17))
def test_every_width_can_be_drawn(width: int) -> None:
    samples = np.linspace(0, 1, 11 * width).reshape(11, width)
    assert plots.evolution(samples, range(0, 11), pattern="1" * width).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("samples", "iterations", "pattern", "message"),
    [
        ([], [], None, "samples must be"),
        ([[]], [0], None, "samples must be"),
        ([[0.5, 0.5]], [0, 100], None, "samples must be"),
        ([0.5, 0.5], [0, 100], None, "samples must be"),
        ([[0.5, 0.5]], [0], "101", "pattern must have 2 bits"),
    ],
)
def test_samples_that_do_not_match_are_rejected(samples: Any, iterations: Any, pattern: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plots.evolution(samples, iterations, pattern=pattern)
