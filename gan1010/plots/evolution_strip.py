"""Evolution strip: the generator's sample at each tenth of a run, one column each, as in the article."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from gan1010.plots.style import INK, WHITE_TO_BLUE, Format, as_bytes, drawing, new_figure
from gan1010.types import Float64s, Int64s


def evolution(
    samples: npt.ArrayLike, iterations: npt.ArrayLike, *, pattern: str | None = None, format: Format = "png"
) -> bytes:
    """Draw the generator's samples for one latent at 0, 1/10, ..., 9/10 of a run.

    Args:
        samples: the sample of each snapshot, (snapshots, W), all values in [0, 1].
        iterations: the snapshots' iterations, rising, (snapshots,). The last one is the end of the run.
        pattern: the W bits of the pattern, to label the rows.
        format: png or svg.

    Raises:
        ValueError: another format, no samples, or shapes that do not match.
    """
    rows, snapshots = np.asarray(samples, np.float64), np.asarray(iterations, np.int64)
    if rows.ndim != 2 or snapshots.shape != (len(rows),) or rows.size == 0:
        shapes = f"{rows.shape}, {snapshots.shape}"
        raise ValueError(f"samples must be (snapshots, W) and iterations (snapshots,), not {shapes}")
    width = rows.shape[1]
    if pattern is not None and len(pattern) != width:
        raise ValueError(f"pattern must have {width} bits, one for each value of a sample")
    chosen = tenths(snapshots)
    heading = "Output of the generator while it learns " + (f"the pattern {pattern}" if pattern else "its pattern")
    explanation = "Each column: its sample for the same latent after so many iterations. White is 0, dark blue is 1."
    with drawing():
        figure = new_figure(8.2, max(0.48 * width, 0.9), heading, explanation)
        axes = figure.subplots()
        _draw_evolution(axes, rows[chosen].T, [f"{iteration:,}" for iteration in snapshots[chosen]])
        axes.set_yticks(np.arange(width) + 0.5, list(pattern or map(str, range(1, width + 1))))
        axes.set_ylabel("pattern" if pattern else "place")
        return as_bytes(figure, format)


def tenths(iterations: Int64s) -> Int64s:
    """Return the rows nearest to 0, 1/10, ..., 9/10 of the run, each once: at most 10."""
    targets = iterations[-1] * np.arange(10) / 10
    return np.unique(np.abs(iterations[:, None] - targets).argmin(axis=0))


def _draw_evolution(axes: Axes, columns: Float64s, labels: list[str]) -> None:
    axes.pcolormesh(columns, cmap=WHITE_TO_BLUE, vmin=0, vmax=1)  # cells, so that no viewer interpolates
    for (row, column), value in np.ndenumerate(columns):
        colour = "white" if value > 0.6 else INK
        axes.text(column + 0.5, row + 0.5, f"{value:.2f}", color=colour, ha="center", va="center")
    axes.invert_yaxis()
    axes.set_xticks(np.arange(len(labels)) + 0.5, labels)
    axes.tick_params(length=0)
    axes.set_xlabel("iterations")
