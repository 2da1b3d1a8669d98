"""Evolution strip: the generator's sample at each tenth of a run, one column each, as in the article."""

from typing import overload

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from gan1010 import patterns
from gan1010.plots.style import Format, adopt, as_bytes, draw_table, drawing, new_figure
from gan1010.types import Int64s


@overload
def evolution(
    samples: npt.ArrayLike, iterations: npt.ArrayLike, *, pattern: str | None = None, format: Format = "png"
) -> bytes: ...


@overload
def evolution(samples: npt.ArrayLike, iterations: npt.ArrayLike, *, pattern: str | None = None, ax: Axes) -> Axes: ...


def evolution(
    samples: npt.ArrayLike,
    iterations: npt.ArrayLike,
    *,
    pattern: str | None = None,
    format: Format = "png",
    ax: Axes | None = None,
) -> bytes | Axes:
    """Draw the generator's samples for one latent at 0, 1/10, ..., 9/10 of a run; ValueError if shapes do not match.

    Args:
        samples: the sample of each snapshot, (snapshots, W), all values in [0, 1].
        iterations: the snapshots' iterations, rising, (snapshots,). The last one is the end of the run.
        pattern: the pattern of the run, to label the rows with its bits.
        format: png, svg or pdf.
        ax: the axis to draw on, which is returned in place of bytes.
    """
    rows, snapshots = np.asarray(samples, np.float64), np.asarray(iterations, np.int64)
    if rows.ndim != 2 or snapshots.shape != (len(rows),) or rows.size == 0:
        shapes = f"{rows.shape}, {snapshots.shape}"
        raise ValueError(f"samples must be (snapshots, W) and iterations (snapshots,), not {shapes}")
    width = rows.shape[1]
    if pattern is not None and patterns.width(pattern) != width:
        raise ValueError(f"pattern must have {width} bits, one for each value of a sample")
    chosen = tenths(snapshots)
    heading = "Output of the generator while it learns " + (f"the pattern {pattern}" if pattern else "its pattern")
    explanation = "Each column: its sample for the same latent after so many iterations. White is 0, dark blue is 1."
    with drawing():
        figure = new_figure(8.2, max(0.48 * width, 0.9), heading, explanation)
        axes = adopt(ax) if ax else figure.subplots()
        columns, places = [f"{iteration:,}" for iteration in snapshots[chosen]], _places(pattern, width)
        draw_table(axes, rows[chosen].T, Normalize(0, 1), columns, places, "{:.2f}".format)
        axes.set(xlabel="iterations", ylabel="pattern" if pattern else "place")
        return ax or as_bytes(figure, format)


def _places(pattern: str | None, width: int) -> list[str]:
    """Return a label for each value of a sample: its bit in each pattern, or its number."""
    if pattern is None:
        return [str(place) for place in range(1, width + 1)]
    return [" ".join(bits) for bits in zip(*patterns.words(pattern), strict=True)]


def tenths(iterations: Int64s) -> Int64s:
    """Return the rows nearest to 0, 1/10, ..., 9/10 of the run, each once: at most 10."""
    targets = iterations[-1] * np.arange(10) / 10
    return np.unique(np.abs(iterations[:, None] - targets).argmin(axis=0))
