"""Common parts of all plots: colours, fonts, tables of cells, axes, and reproducible bytes."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import QuadMesh
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from gan1010.types import Float64s

Format = Literal["png", "svg", "pdf"]
"""The formats of a plot."""
Number = Callable[[float], str]

# Okabe and Ito's palette (2008), which colour-blind people can tell apart.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
INK, QUIET, GRID = "#1F1F1F", "#666666", "#D9D9D9"
FONT = {"family": "DejaVu Sans", "size": 9}  # the family is part of matplotlib, so the same everywhere
TICKS: dict[str, Any] = {  # in full, because matplotlib makes ticks later, under the settings of the caller
    "length": 0,
    "labelcolor": QUIET,
    "labelfontfamily": FONT["family"],
    "labelsize": FONT["size"],
}
HATCH_LINE_WIDTH = 0.6
WHITE_TO_BLUE = LinearSegmentedColormap.from_list("white to blue", ["#FFFFFF", "#9CC3E6", "#2F78B7", "#08306B"])
MAX_WRITTEN_VALUES = 200  # a larger table has no values in its cells
MAX_LABELS = 20  # on an axis

STYLE: dict[Any, Any] = {
    **{name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"},
    "axes.edgecolor": GRID,
    "axes.labelcolor": QUIET,
    "figure.dpi": 150,
    "font.family": FONT["family"],
    "font.size": FONT["size"],
    "hatch.linewidth": HATCH_LINE_WIDTH,
    "pdf.fonttype": 42,  # journals refuse matplotlib's default, Type 3
    "svg.hashsalt": "gan1010",  # names inside an SVG are random otherwise
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
}
METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
# Matplotlib's settings are global, so one thread draws at a time.
_lock = threading.Lock()


@contextmanager
def drawing() -> Iterator[None]:
    """Apply the common style; other threads wait."""
    with _lock, matplotlib.rc_context(STYLE):
        yield


def new_figure(width: float, height: float, heading: str, explanation: str) -> Figure:
    """Create a figure of `width` by `height` inches for panels; all else is around it, because `as_bytes` adds room."""
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(0, 0, 1, 1)
    figure.text(0, 1 + 0.42 / height, heading, fontsize=13, fontweight="bold")
    figure.text(0, 1 + 0.18 / height, explanation, color=QUIET)
    return figure


def adopt(axes: Axes) -> Axes:
    """Give an axis of the caller's figure the common style."""
    axes.spines[:].set(edgecolor=GRID, linewidth=matplotlib.rcParams["axes.linewidth"])
    axes.patch.set(facecolor="white", hatch_linewidth=HATCH_LINE_WIDTH)
    axes.grid(visible=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=QUIET, **FONT)
    return axes


def draw_table(
    axes: Axes, cells: Float64s, colours: Normalize, x_labels: Sequence[str], y_labels: Sequence[str], number: Number
) -> QuadMesh:
    """Draw cells (rows, columns) as colours from the top, with their values as `number` formats them."""
    few = cells.size <= MAX_WRITTEN_VALUES
    mesh = axes.pcolormesh(np.ma.masked_invalid(cells), cmap=WHITE_TO_BLUE, norm=colours, rasterized=not few)
    for (row, column), value in np.ndenumerate(cells):
        if few and np.isfinite(value):
            ink = "white" if colours(value) > 0.6 else INK
            axes.text(column + 0.5, row + 0.5, number(value), color=ink, ha="center", va="center", fontsize=8)
    for axis, labels in ((axes.xaxis, x_labels), (axes.yaxis, y_labels)):
        step = -(-len(labels) // MAX_LABELS)
        axis.set_ticks(np.arange(0.5, len(labels), step), labels[::step])
    axes.invert_yaxis()
    axes.tick_params(**TICKS)
    return mesh


def add_colour_bar(axes: Axes, colours: ScalarMappable, label: str) -> Colorbar:
    """Add a colour bar on the right of a panel, of the same height."""
    figure = axes.figure
    width = axes.bbox.width / figure.dpi  # in inches
    place = axes.inset_axes((1 + 0.25 / width, 0, 0.16 / width, 1))
    bar = figure.colorbar(colours, cax=place, label=label, format="{x:,g}")
    bar.outline.set_visible(False)
    place.tick_params(**TICKS)
    return bar


def as_bytes(figure: Figure, format: Format) -> bytes:
    """Render a figure with all that is around its panels; ValueError for an unknown format."""
    if format not in METADATA:
        raise ValueError(f"format must be png, svg or pdf, not {format!r}")
    out = BytesIO()
    figure.savefig(out, format=format, metadata=METADATA[format], bbox_inches=figure.get_tightbbox().padded(0.2))
    return out.getvalue()
