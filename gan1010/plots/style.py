"""What all pictures have in common: colours, letters, margins, and bytes that are the same for the same numbers."""

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
LEFT, RIGHT, TOP, BOTTOM = 0.6, 0.4, 0.8, 0.6  # margins of a picture, in inches
BAR_GAP, BAR_WIDTH = 0.25, 0.16  # a colour bar beside a panel, in inches

STYLE: dict[Any, Any] = {
    "axes.edgecolor": GRID,
    "axes.labelcolor": QUIET,
    "figure.dpi": 150,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters everywhere
    "font.size": 9,
    "hatch.linewidth": 0.6,
    "svg.hashsalt": "gan1010",  # otherwise the names inside an SVG are random
    "text.color": INK,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
}
UNDATED: dict[str, dict[str, Any]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
# Matplotlib's settings belong to the whole process, so one thread draws at a time.
_drawing = threading.Lock()


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in the common style, one thread after the other."""
    with _drawing, matplotlib.rc_context(STYLE):
        yield


def new_figure(
    width: float, height: float, heading: str, explanation: str, *, left: float = LEFT, bottom: float = BOTTOM
) -> Figure:
    """A figure with room for panels of so many inches, under a heading."""
    full_width, full_height = left + width + RIGHT, TOP + height + bottom
    figure = Figure(figsize=(full_width, full_height))
    figure.subplots_adjust(left / full_width, bottom / full_height, 1 - RIGHT / full_width, 1 - TOP / full_height)
    figure.text(LEFT / full_width, 1 - 0.38 / full_height, heading, fontsize=13, fontweight="bold")
    figure.text(LEFT / full_width, 1 - 0.62 / full_height, explanation, color=QUIET)
    return figure


def add_colour_bar(axes: Axes, colours: ScalarMappable, label: str) -> Colorbar:
    """A bar on the right of a panel, as high as it, that says what the colours mean."""
    figure = cast(Figure, axes.figure)
    box, width = axes.get_position(), figure.get_figwidth()
    place = figure.add_axes((box.x1 + BAR_GAP / width, box.y0, BAR_WIDTH / width, box.height))
    bar = figure.colorbar(colours, cax=place, label=label, format="{x:,g}")
    bar.outline.set_visible(False)
    place.tick_params(length=0)
    return bar


def as_bytes(figure: Figure, format: Format) -> bytes:
    """The finished picture.

    Raises:
        ValueError: another format.
    """
    if format not in UNDATED:
        raise ValueError(f"format must be png or svg, not {format!r}")
    out = BytesIO()
    figure.savefig(out, format=format, metadata=UNDATED[format])
    return out.getvalue()
