"""Heat map of a sweep: one figure for each pair of values of two settings."""

from collections.abc import Sequence
from typing import overload

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from gan1010.plots.style import (
    MAX_LABELS,
    MAX_WRITTEN_VALUES,
    Format,
    add_colour_bar,
    adopt,
    as_bytes,
    draw_table,
    drawing,
    new_figure,
)
from gan1010.types import Float64s

LETTER_WIDTH = 0.075  # of a label, in inches
FIGURE_NAMES = {
    "bits_rate": "share with the right bits",
    "in_range_rate": "share in range",
    "covers_all_rate": "share that makes all patterns",
    "covered": "patterns made",
    "quality": "share of samples in a pattern",
    "diversity": "variety of samples",
}


@overload
def heatmap(
    values: npt.ArrayLike,
    x_labels: Sequence[object],
    y_labels: Sequence[object],
    x_name: str,
    y_name: str,
    value_name: str,
    format: Format = "png",
) -> bytes: ...


@overload
def heatmap(
    values: npt.ArrayLike,
    x_labels: Sequence[object],
    y_labels: Sequence[object],
    x_name: str,
    y_name: str,
    value_name: str,
    *,
    ax: Axes,
) -> Axes: ...


def heatmap(
    values: npt.ArrayLike,
    x_labels: Sequence[object],
    y_labels: Sequence[object],
    x_name: str,
    y_name: str,
    value_name: str,
    format: Format = "png",
    *,
    ax: Axes | None = None,
) -> bytes | Axes:
    """Draw a table of values as colours, white to blue; cells without a value are hatched.

    Args:
        values: the figure, (y labels, x labels); NaN if there is none yet. ValueError if the shape is another.
        x_labels: the values of the setting that varies from left to right.
        y_labels: the values of the setting that varies from top to bottom.
        x_name: the name of the first setting.
        y_name: the name of the second setting.
        value_name: the name of the figure. If it ends in "rate", the colours span 0 to 1.
        format: png, svg or pdf.
        ax: the axis to draw on, which is returned in place of bytes.
    """
    cells = np.asarray(values, np.float64)
    if cells.shape != (len(y_labels), len(x_labels)) or cells.size == 0:
        raise ValueError(f"values must be (y labels, x labels), ({len(y_labels)}, {len(x_labels)}), not {cells.shape}")
    x_name, y_name, figure_name = (
        name.replace("_", " ") for name in (x_name, y_name, FIGURE_NAMES.get(value_name, value_name))
    )
    explanation = "A cell for each combination of the two settings."
    if not np.isfinite(cells).all():
        reason = "no result yet, or too few have settled" if value_name.startswith("settled") else "no result yet"
        explanation += f" Hatched: {reason}."
    x_texts, y_texts = _texts(x_labels), _texts(y_labels)
    width, height = np.clip(0.62 * len(x_texts), 3.6, 9), np.clip(0.42 * len(y_texts), 1.6, 6.4)  # in inches
    with drawing():
        figure = new_figure(width, height, f"{figure_name.capitalize()}, by {x_name} and {y_name}", explanation)
        axes = adopt(ax) if ax else figure.subplots()
        axes.patch.set(facecolor="#F4F4F4", edgecolor="#BDBDBD", hatch="////", linewidth=0)  # cells without a value
        mesh = draw_table(axes, cells, Normalize(*_range(cells, value_name)), x_texts, y_texts, _number)
        if cells.size <= MAX_WRITTEN_VALUES:
            mesh.set_edgecolor("white")
        if (max(map(len, x_texts)) + 1) * LETTER_WIDTH > width / min(len(x_texts), MAX_LABELS):
            axes.tick_params("x", rotation=45, labelrotation_mode="xtick")
        axes.set(xlabel=x_name, ylabel=y_name)
        add_colour_bar(axes, mesh, figure_name)
        return ax or as_bytes(figure, format)


def _range(cells: Float64s, name: str) -> tuple[float, float]:
    """Return the values of the first and the last colour."""
    known = cells[np.isfinite(cells)]
    if name.endswith("rate") or not known.size:
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    return (low, high) if low < high else (min(low, 0.0), max(high, 0.0) or 1.0)


def _texts(labels: Sequence[object]) -> list[str]:
    return [_number(label) if isinstance(label, float) else str(label) for label in labels]


def _number(value: float) -> str:
    """Format a value in few characters: 0.97, 6,650, 1.2e-05."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"
