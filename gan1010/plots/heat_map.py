"""Heat map of a sweep: one figure for each pair of values of two settings."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from gan1010.plots.style import (
    BOTTOM,
    GRID,
    INK,
    WHITE_TO_BLUE,
    Format,
    add_colour_bar,
    as_bytes,
    drawing,
    new_figure,
    panel_with_bar,
)
from gan1010.types import Float64s, Int64s

MAX_WRITTEN_VALUES = 200  # a larger table has no values in its cells
MAX_LABELS = 20  # on an axis
CELL = 0.62, 0.42  # preferred width and height in inches
WIDTHS, HEIGHTS = (3.6, 9.0), (1.6, 6.4)  # minimum and maximum of the panel in inches
BAR_ROOM = 0.9


def heatmap(
    values: npt.ArrayLike,
    x_labels: Sequence[object],
    y_labels: Sequence[object],
    x_name: str,
    y_name: str,
    value_name: str,
    format: Format = "png",
) -> bytes:
    """Draw a table of values as colours, white to blue; cells without a value are hatched.

    Args:
        values: the figure, (y labels, x labels); NaN if there is none yet.
        x_labels: the values of the setting that varies from left to right.
        y_labels: the values of the setting that varies from top to bottom.
        x_name: the name of the first setting.
        y_name: the name of the second setting.
        value_name: the name of the figure. If it ends in "rate", the colours span 0 to 1.
        format: png or svg.

    Raises:
        ValueError: another format, no cells, or labels that do not match the values.
    """
    cells = np.asarray(values, np.float64)
    if cells.shape != (len(y_labels), len(x_labels)) or cells.size == 0:
        raise ValueError(f"values must be (y labels, x labels), ({len(y_labels)}, {len(x_labels)}), not {cells.shape}")
    (width, height), texts = _size(*cells.shape), [_label(label) for label in x_labels]
    crowded = _width(texts) + 0.1 > width / min(len(texts), MAX_LABELS)
    heading = f"{_words(value_name)}, by {_words(x_name).lower()} and {_words(y_name).lower()}"
    explanation = "A cell for each combination of the two settings."
    if not np.isfinite(cells).all():
        explanation += " Hatched: no result yet."
    with drawing():
        left, bottom = 0.5 + _width([_label(label) for label in y_labels]), BOTTOM + 0.7 * crowded * _width(texts)
        figure = new_figure(width + BAR_ROOM, height, heading, explanation, left=left, bottom=bottom)
        axes = panel_with_bar(figure, width)
        colours = Normalize(*_range(cells, value_name))
        _draw_cells(axes, cells, colours)
        axes.set(xlabel=_words(x_name).lower(), ylabel=_words(y_name).lower())
        _label_axes(axes, x_labels, y_labels, 45 if crowded else 0)
        add_colour_bar(axes, axes.collections[0], _words(value_name).lower())
        return as_bytes(figure, format)


def _size(rows: int, columns: int) -> tuple[float, float]:
    """Return the panel's width and height in inches."""
    return float(np.clip(columns * CELL[0], *WIDTHS)), float(np.clip(rows * CELL[1], *HEIGHTS))


def _range(cells: Float64s, name: str) -> tuple[float, float]:
    """Return the values of the first and the last colour."""
    known = cells[np.isfinite(cells)]
    if name.endswith("rate") or not known.size:
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    return (low, high) if low < high else (min(low, 0.0), max(high, 0.0) or 1.0)


def _draw_cells(axes: Axes, cells: Float64s, colours: Normalize) -> None:
    axes.patch.set(facecolor="#F4F4F4", edgecolor="#BDBDBD", hatch="////", linewidth=0)  # cells without a value
    few = cells.size <= MAX_WRITTEN_VALUES
    axes.pcolormesh(
        np.ma.masked_invalid(cells),
        cmap=WHITE_TO_BLUE,
        norm=colours,
        edgecolors="white",
        linewidth=1.0 if few else 0,
        rasterized=not few,
    )
    if few:
        for (row, column), value in np.ndenumerate(cells):
            if np.isfinite(value):
                ink = "white" if colours(value) > 0.6 else INK
                axes.text(column + 0.5, row + 0.5, _number(value), color=ink, ha="center", va="center", fontsize=8)


def _label_axes(axes: Axes, x_labels: Sequence[object], y_labels: Sequence[object], angle: int) -> None:
    x, y = _label_places(len(x_labels)), _label_places(len(y_labels))
    axes.set_xticks(x + 0.5, [_label(x_labels[place]) for place in x])
    axes.set_yticks(y + 0.5, [_label(y_labels[place]) for place in y])
    axes.tick_params(length=0)
    axes.tick_params("x", rotation=angle)
    for text in axes.get_xticklabels():
        text.set(ha="right" if angle else "center", rotation_mode="anchor" if angle else "default")
    axes.invert_yaxis()
    axes.spines[:].set_color(GRID)


def _label_places(labels: int) -> Int64s:
    """Return the places of at most MAX_LABELS labels, evenly spaced from the first."""
    return np.arange(0, labels, -(-labels // MAX_LABELS))


def _label(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _width(texts: Sequence[str]) -> float:
    """Estimate the width of the longest text in inches."""
    return 0.075 * max(map(len, texts))


def _number(value: float) -> str:
    """Format a value in few characters: 0.97, 6,650, 1.2e-05."""
    if 1000 <= abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.2f}" if 0.01 <= abs(value) < 100 else f"{value:.3g}"


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
