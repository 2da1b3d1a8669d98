"""Common style of all plots: colours, fonts, margins, and reproducible bytes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Literal, cast

import matplotlib
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

Format = Literal["png", "svg"]

# Okabe and Ito's palette (2008), which colour-blind people can tell apart.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
INK, QUIET, GRID = "#1F1F1F", "#666666", "#D9D9D9"
WHITE_TO_BLUE = LinearSegmentedColormap.from_list("white to blue", ["#FFFFFF", "#9CC3E6", "#2F78B7", "#08306B"])
LEFT, RIGHT, TOP, BOTTOM = 0.6, 0.4, 0.8, 0.6  # margins in inches
BAR_GAP, BAR_WIDTH = 0.25, 0.16  # of a colour bar, in inches

STYLE: dict[Any, Any] = {
    "axes.edgecolor": GRID,
    "axes.labelcolor": QUIET,
    "figure.dpi": 150,
    "font.family": "DejaVu Sans",  # part of matplotlib, so the same everywhere
    "font.size": 9,
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "gan1010",  # names inside an SVG are random otherwise
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
}
METADATA: dict[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
# Matplotlib's settings are global, so one thread draws at a time.
_lock = threading.Lock()


@contextmanager
def drawing() -> Iterator[None]:
    """Apply the common style; other threads wait."""
    with _lock, matplotlib.rc_context(STYLE):
        yield


def new_figure(
    width: float, height: float, heading: str, explanation: str, *, left: float = LEFT, bottom: float = BOTTOM
) -> Figure:
    """Create a figure with room for panels of `width` by `height` inches below a heading."""
    full_width, full_height = left + width + RIGHT, TOP + height + bottom
    figure = Figure(figsize=(full_width, full_height))
    figure.subplots_adjust(left / full_width, bottom / full_height, 1 - RIGHT / full_width, 1 - TOP / full_height)
    figure.text(LEFT / full_width, 1 - 0.38 / full_height, heading, fontsize=13, fontweight="bold")
    figure.text(LEFT / full_width, 1 - 0.62 / full_height, explanation, color=QUIET)
    return figure


def panel_with_bar(figure: Figure, width: float) -> Axes:
    """Create a panel of `width` inches, which leaves the rest of the figure's width for a colour bar."""
    axes = figure.subplots()
    box = axes.get_position()
    axes.set_position((box.x0, box.y0, width / figure.get_figwidth(), box.height))
    return axes


def add_colour_bar(axes: Axes, colours: ScalarMappable, label: str) -> Colorbar:
    """Add a colour bar on the right of a panel, of the same height."""
    figure = cast(Figure, axes.figure)
    box, width = axes.get_position(), figure.get_figwidth()
    place = figure.add_axes((box.x1 + BAR_GAP / width, box.y0, BAR_WIDTH / width, box.height))
    bar = figure.colorbar(colours, cax=place, label=label, format="{x:,g}")
    bar.outline.set_visible(False)
    place.tick_params(length=0)
    return bar


def as_bytes(figure: Figure, format: Format) -> bytes:
    """Render a figure; ValueError for another format."""
    if format not in METADATA:
        raise ValueError(f"format must be png or svg, not {format!r}")
    out = BytesIO()
    figure.savefig(out, format=format, metadata=METADATA[format])
    return out.getvalue()
