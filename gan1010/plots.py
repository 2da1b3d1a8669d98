"""Pictures of a run, as PNG or SVG bytes: the article's loss charts, and how its pattern evolves.

They take plain numbers, as a client gets them over HTTP. The same numbers always give the same bytes.
"""

import threading
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Literal

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gan1010.history import FAKE, GENERATOR, REAL

Format = Literal["png", "svg"]
Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]

# Okabe and Ito's palette (2008), which colour-blind people can tell apart; each panel has a title besides.
COLOURS = {REAL: "#0072B2", FAKE: "#D55E00", GENERATOR: "#009E73"}
TITLES = {REAL: "Discriminator on real data", FAKE: "Discriminator on fakes", GENERATOR: "Generator"}
INK, QUIET, GRID = "#1F1F1F", "#666666", "#D9D9D9"
WHITE_TO_BLUE = LinearSegmentedColormap.from_list("white to blue", ["#FFFFFF", "#9CC3E6", "#2F78B7", "#08306B"])
SMOOTHED_PARTS = 40  # each point of the line is a mean over so small a part of the run
LEFT, RIGHT, TOP, BOTTOM = 0.6, 0.35, 0.8, 0.6  # margins of a picture, in inches

STYLE: dict[Any, Any] = {
    "axes.edgecolor": GRID,
    "axes.labelcolor": QUIET,
    "figure.dpi": 150,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters everywhere
    "font.size": 9,
    "svg.hashsalt": "gan1010",  # otherwise the names inside an SVG are random
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
}
UNDATED: dict[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
# Matplotlib's settings belong to the whole process, so one thread draws at a time.
_drawing = threading.Lock()


def losses(series: Mapping[str, npt.ArrayLike], *, equilibrium: float = 0.25, format: Format = "png") -> bytes:
    """The article's loss charts, a panel for each series: every recorded loss a faint dot, and their course a line.

    Args:
        series: `iteration` (points,) and each loss (points,) by its name in `History.series`. Without
            `generator_loss` it is the discriminator experiment, whose fakes are noise and whose losses fall to 0.
        equilibrium: the loss of a D that cannot tell real from fake: 0.25 for mse, ln 2 for bce.
        format: png or svg.

    Raises:
        ValueError: another format, no series, or series of different lengths.
    """
    curves = {name: np.asarray(series[name], np.float64) for name in COLOURS if name in series}
    iteration = np.asarray(series.get("iteration", []), np.float64)
    if not curves or any(values.shape != iteration.shape for values in curves.values()):
        raise ValueError("series must hold iteration and at least one loss, all of the same length")
    titles, heading = TITLES, "Losses of the two networks while they train against each other"
    meaning = f"Dashed: {equilibrium:.3g}, the loss of a discriminator that cannot tell real from fake."
    if GENERATOR not in curves:
        titles = {**TITLES, FAKE: "Discriminator on noise"}
        heading = "Losses of the discriminator while it learns to tell real data from noise"
        meaning = f"Dashed: {equilibrium:.3g}, the loss of mere guessing."
    with _drawing, matplotlib.rc_context(STYLE):
        figure = _figure(3.4 * len(curves), 2.9, heading, f"Dots: recorded losses. Line: their running mean. {meaning}")
        panels = figure.subplots(1, len(curves), sharex=True, sharey=True, squeeze=False)[0]
        figure.subplots_adjust(top=1 - (TOP + 0.25) / figure.get_figheight())  # titles
        for axes, (name, values) in zip(panels, curves.items(), strict=True):
            axes.axhline(equilibrium, color=INK, linewidth=0.9, linestyle=(0, (5, 3)))
            axes.set_title(titles[name], loc="left", color=COLOURS[name], fontsize=10, fontweight="bold")
            _draw_losses(axes, iteration, values, COLOURS[name])
        _frame_losses(panels[0], iteration, max(values.max(initial=1) for values in curves.values()))
        return _bytes(figure, format)


def evolution(
    samples: npt.ArrayLike, iterations: npt.ArrayLike, *, pattern: str | None = None, format: Format = "png"
) -> bytes:
    """The article's picture: what the generator made of one seed at each tenth of the run, from 0 to 9/10.

    Args:
        samples: the generator's output (snapshots, W) at every kept iteration, all in [0, 1].
        iterations: those iterations (snapshots,), rising; the last one is the end of the run.
        pattern: the bits that the rows should come to, W of them.
        format: png or svg.

    Raises:
        ValueError: another format, no samples, or shapes that do not fit.
    """
    rows, kept = np.asarray(samples, np.float64), np.asarray(iterations, np.int64)
    if rows.ndim != 2 or kept.shape != (len(rows),) or rows.size == 0:
        raise ValueError(f"samples must be (snapshots, W) and iterations (snapshots,), not {rows.shape}, {kept.shape}")
    width = rows.shape[1]
    if pattern is not None and len(pattern) != width:
        raise ValueError(f"pattern must have {width} bits, one for each number in a sample")
    chosen = tenths(kept)
    heading = "Output of the generator while it learns " + (f"the pattern {pattern}" if pattern else "its pattern")
    explanation = "Each column: what it makes of the same seed after so many iterations. White is 0, dark blue is 1."
    with _drawing, matplotlib.rc_context(STYLE):
        figure = _figure(8.2, max(0.48 * width, 0.9), heading, explanation)
        axes = figure.subplots()
        _draw_evolution(axes, rows[chosen].T, [f"{iteration:,}" for iteration in kept[chosen]])
        axes.set_yticks(np.arange(width) + 0.5, list(pattern or map(str, range(1, width + 1))))
        axes.set_ylabel("pattern" if pattern else "place")
        return _bytes(figure, format)


def smoothed(values: Floats) -> Floats:
    """The mean of the points around each point (points,): a fortieth of the run, fewer of them at its ends."""
    reach = len(values) // (2 * SMOOTHED_PARTS)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    points = np.arange(len(values))
    first, last = np.maximum(points - reach, 0), np.minimum(points + reach + 1, len(values))
    means: Floats = (sums[last] - sums[first]) / (last - first)
    return means


def tenths(kept: Int64s) -> Int64s:
    """The rows kept nearest to 0, 1/10, ..., 9/10 of the run, each once: at most 10."""
    wanted = kept[-1] * np.arange(10) / 10
    return np.unique(np.abs(kept[:, None] - wanted).argmin(axis=0))


def _figure(width: float, height: float, heading: str, explanation: str) -> Figure:
    """A figure with room for panels of so many inches, under a heading."""
    full_width, full_height = LEFT + width + RIGHT, TOP + height + BOTTOM
    figure = Figure(figsize=(full_width, full_height))
    figure.subplots_adjust(LEFT / full_width, BOTTOM / full_height, 1 - RIGHT / full_width, 1 - TOP / full_height)
    figure.text(LEFT / full_width, 1 - 0.38 / full_height, heading, fontsize=13, fontweight="bold")
    figure.text(LEFT / full_width, 1 - 0.62 / full_height, explanation, color=QUIET)
    return figure


def _draw_losses(axes: Axes, iteration: Floats, values: Floats, colour: str) -> None:
    # Dots go into an SVG as one picture: a hundred thousand of them would make it megabytes large.
    axes.plot(iteration, values, ".", color=colour, alpha=0.1, markersize=5, markeredgewidth=0, rasterized=True)
    axes.plot(iteration, smoothed(values), color=colour, linewidth=1.6, solid_capstyle="round")
    axes.xaxis.set_major_locator(MaxNLocator(2, integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.tick_params(length=0)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("iterations")


def _frame_losses(axes: Axes, iteration: Floats, highest: float) -> None:
    """The article's frame, for all panels at once: 0 to 1, or higher where a cross-entropy needs it."""
    axes.set_xlim(0, iteration.max(initial=1))
    axes.set_ylim(0, highest)
    if highest <= 1:
        axes.set_yticks([0, 0.25, 0.5, 1])
    axes.set_ylabel("loss")


def _draw_evolution(axes: Axes, columns: Floats, labels: list[str]) -> None:
    axes.pcolormesh(columns, cmap=WHITE_TO_BLUE, vmin=0, vmax=1)  # cells, so that no viewer interpolates
    for (row, column), value in np.ndenumerate(columns):
        colour = "white" if value > 0.6 else INK
        axes.text(column + 0.5, row + 0.5, f"{value:.2f}", color=colour, ha="center", va="center")
    axes.invert_yaxis()
    axes.set_xticks(np.arange(len(labels)) + 0.5, labels)
    axes.tick_params(length=0)
    axes.set_xlabel("iterations")


def _bytes(figure: Figure, format: Format) -> bytes:
    """Raises ValueError: another format."""
    if format not in UNDATED:
        raise ValueError(f"format must be png or svg, not {format!r}")
    out = BytesIO()
    figure.savefig(out, format=format, metadata=UNDATED[format])
    return out.getvalue()
