"""Loss charts, as in the article: every recorded loss as a faint dot, and a running mean as a line."""

from collections.abc import Mapping, Sequence
from math import log
from typing import Any, overload

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gan1010.history import FAKE, GENERATOR, REAL
from gan1010.plots.style import BLUE, GREEN, GRID, INK, ORANGE, TICKS, Format, as_bytes, drawing, new_figure
from gan1010.types import Float64s

COLOURS = {REAL: BLUE, FAKE: ORANGE, GENERATOR: GREEN}
TITLES = {REAL: "Discriminator on real data", FAKE: "Discriminator on fakes", GENERATOR: "Generator"}
EQUILIBRIA = {"mse": 0.25, "bce": log(2), "minimax": log(2)}
"""The loss of a D that cannot tell real from fake, by the loss function."""

MIN_TITLE_WIDTH = 2  # of a panel, in inches
TOP = 0.9  # of the panels; the rest is for their titles
SMOOTHED_PARTS = 40  # a point of the line is the mean over this fraction of the run


@overload
def losses(series: Mapping[str, npt.ArrayLike], *, equilibrium: float = 0.25, format: Format = "png") -> bytes: ...


@overload
def losses(series: Mapping[str, npt.ArrayLike], *, equilibrium: float = 0.25, ax: Axes) -> Axes: ...


def losses(
    series: Mapping[str, npt.ArrayLike],
    *,
    equilibrium: float = 0.25,
    format: Format = "png",
    ax: Axes | None = None,
) -> bytes | Axes:
    """Draw the losses of a run, one panel for each; ValueError if the series have different lengths.

    Args:
        series: `iteration` (points,), and losses (points,) by their names in `History.series`; without
            `generator_loss` it is the discriminator experiment.
        equilibrium: the loss of a D that cannot tell real from fake: `EQUILIBRIA` has that of each loss function.
        format: png, svg or pdf.
        ax: the axis in whose place to draw the panels; it is returned in place of bytes.
    """
    curves = {name: np.asarray(series[name], np.float64) for name in COLOURS if name in series}
    iteration = np.asarray(series.get("iteration", []), np.float64)
    if not curves or any(values.shape != iteration.shape for values in curves.values()):
        raise ValueError("series must hold iteration and at least one loss, all of the same length")
    titles, heading = TITLES, "Losses of the two networks while they train against each other"
    meaning = "the loss of a discriminator that cannot tell real from fake."
    if GENERATOR not in curves:
        titles = {**TITLES, FAKE: "Discriminator on noise"}
        heading = "Losses of the discriminator: real data against noise"
        meaning = "the loss of guessing."
    explanation = f"Dots: recorded losses. Line: their running mean. Dashed: {equilibrium:.3g}, {meaning}"
    with drawing():
        figure = new_figure(2.7 * len(curves), 2.7, heading, explanation)
        figure.subplots_adjust(top=TOP)
        panels = _inner_panels(ax, len(curves)) if ax else _panels(figure, len(curves))
        for axes, (name, values) in zip(panels, curves.items(), strict=True):
            _draw_curve(axes, iteration, values, equilibrium, COLOURS[name], titles[name])
        highest = max(values.max(initial=1) for values in curves.values())
        lowest = min(values.min(initial=0) for values in curves.values())
        panels[0].set(
            xlim=(0, iteration.max(initial=1)), ylim=(lowest, highest), ylabel="loss"
        )  # sharing sets all panels
        panels[0].xaxis.set_major_locator(MaxNLocator(2, integer=True))
        panels[0].xaxis.set_major_formatter("{x:,.0f}")
        if highest <= 1 and lowest == 0:  # as in the article
            panels[0].set_yticks([0, 0.25, 0.5, 1], ["0", "0.25", "0.5", "1"])
        return ax or as_bytes(figure, format)


def _draw_curve(axes: Axes, iteration: Float64s, values: Float64s, equilibrium: float, colour: str, title: str) -> None:
    """Draw the dots and the line of one loss in its panel, and the equilibrium."""
    is_negative = len(values) > 0 and values.max() <= 0  # G's minimax loss is ln(1 - D)
    axes.axhline(-equilibrium if is_negative else equilibrium, color=INK, linewidth=0.9, linestyle=(0, (5, 3)))
    # Dots are rasterised, because a hundred thousand would make an SVG of several megabytes.
    axes.plot(iteration, values, ".", color=colour, alpha=0.1, markersize=5, markeredgewidth=0, rasterized=True)
    axes.plot(iteration, smoothed(values), color=colour, linewidth=1.6, solid_capstyle="round")
    axes.set_title(_shortened(title, axes), loc="left", color=colour, fontsize=10, fontweight="bold")
    axes.set_xlabel("iterations")
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(**TICKS)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _panels(figure: Figure, number: int) -> Sequence[Axes]:
    panels: Sequence[Axes] = figure.subplots(1, number, sharex=True, sharey=True, squeeze=False)[0]
    return panels


def _inner_panels(ax: Axes, number: int) -> Sequence[Axes]:
    """Put panels in the place of an axis, side by side as in a figure of their own."""
    ax.set_axis_off()
    gap = matplotlib.rcParamsDefault["figure.subplot.wspace"]  # in widths of a panel
    width = 1 / (number + (number - 1) * gap)
    panels: list[Axes] = []
    for column in range(number):
        shared: dict[str, Any] = {"sharex": panels[0], "sharey": panels[0]} if panels else {}
        panels.append(ax.inset_axes((column * (1 + gap) * width, 0, width, TOP), **shared))
        panels[-1].tick_params(labelleft=column == 0)
    return panels


def _shortened(title: str, panel: Axes) -> str:
    """Return the title, or one with the letters of the networks for a narrow panel of another figure."""
    is_wide = panel.bbox.width / panel.figure.dpi > MIN_TITLE_WIDTH
    return title if is_wide else title.replace("Discriminator", "D").replace("Generator", "G")


def smoothed(values: Float64s) -> Float64s:
    """Compute a running mean (points,) over a fortieth of the run; windows are cut at both ends."""
    reach = len(values) // (2 * SMOOTHED_PARTS)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    points = np.arange(len(values))
    first, last = np.maximum(points - reach, 0), np.minimum(points + reach + 1, len(values))
    means: Float64s = (sums[last] - sums[first]) / (last - first)
    return means
