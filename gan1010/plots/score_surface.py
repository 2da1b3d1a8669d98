"""Score surface: the discriminator's scores of a plane of samples.

The plane has two coordinates: a sample is x in each place where the pattern has a 1, and y where it has a 0. For 1010
it is the plane of all (x, y, x, y). So real data is near the lower right corner for every pattern. With several
patterns the first one gives the plane; others are in it only if they have equal bits where the first has.
"""

from typing import Any, overload

import numpy as np
import numpy.typing as npt
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from gan1010 import patterns
from gan1010.plots.style import BLUE, GREEN, INK, TICKS, Format, add_colour_bar, adopt, as_bytes, drawing, new_figure
from gan1010.types import Bools, Float32s, Float64s

POINTS = 101  # along each axis
FAKE_TO_REAL = LinearSegmentedColormap.from_list(
    "fake to real", ["#B34700", "#F0B58A", "#FAFAFA", "#8FC1E3", "#00568A"]
)
LEVELS = np.arange(0.05, 0.96, 0.05)
HALO: list[patheffects.AbstractPathEffect] = [patheffects.withStroke(linewidth=2.5, foreground="white")]


def plane(pattern: str, points: int = POINTS) -> Float32s:
    """Return the samples to score for `surface`, (points * points, W): x runs from 0 to 1 within each step of y."""
    steps = np.linspace(0, 1, points, dtype=np.float32)
    y, x = np.meshgrid(steps, steps, indexing="ij")
    ones = _ones(pattern)
    return np.where(ones, x[..., None], y[..., None]).reshape(points * points, len(ones))


@overload
def surface(
    scores: npt.ArrayLike,
    *,
    pattern: str,
    spread: float,
    sample: npt.ArrayLike | None = None,
    moment: str | None = None,
    format: Format = "png",
) -> bytes: ...


@overload
def surface(
    scores: npt.ArrayLike, *, pattern: str, spread: float, sample: npt.ArrayLike | None = None, ax: Axes
) -> Axes: ...


def surface(
    scores: npt.ArrayLike,
    *,
    pattern: str,
    spread: float,
    sample: npt.ArrayLike | None = None,
    moment: str | None = None,
    format: Format = "png",
    ax: Axes | None = None,
) -> bytes | Axes:
    """Draw the discriminator's scores as colours, with the region of real data and a mark for the generator.

    ValueError if the scores are not a square, or if the sample has another width.

    Args:
        scores: D's scores of `plane(pattern)`, (points * points,).
        pattern: the pattern of the run.
        spread: the spread of real data.
        sample: a sample of the generator (W,), if there is one.
        moment: the time for the heading, such as "after 5,000 iterations".
        format: png, svg or pdf.
        ax: the axis to draw on, which is returned in place of bytes.
    """
    flat = np.asarray(scores, np.float32).astype(np.float64)  # D's precision, even for numbers from JSON
    points = round(len(np.atleast_1d(flat)) ** 0.5)
    if flat.shape != (points * points,) or points < 2:
        raise ValueError(f"scores must be those of plane(pattern), not of shape {flat.shape}")
    mark = None if sample is None else np.asarray(sample, np.float32).astype(np.float64)
    first, *others = patterns.words(pattern)
    if mark is not None and mark.shape != (len(first),):
        raise ValueError(f"sample must have {len(first)} numbers, as the pattern has, not shape {mark.shape}")
    heading = "What the discriminator thinks" + (f" {moment}" if moment else "")
    letters = ", ".join("x" if bit == "1" else "y" for bit in first)
    explanation = f"Its score of ({letters}), from 0, fake, to 1, real. Bold: 0.5, it cannot tell."
    with drawing():
        figure = new_figure(4.6, 4.6, heading, explanation)
        axes = adopt(ax) if ax else figure.subplots()
        bar = add_colour_bar(axes, _draw_scores(axes, flat.reshape(points, points)), "score")
        bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0 fake", "0.25", "0.5", "0.75", "1 real"])
        axes.set_xlabel("x: the places of a 1" if "1" in first else "x: the pattern has no 1")
        axes.set_ylabel("y: the places of a 0" if "0" in first else "y: the pattern has no 0")
        for word in (first, *others):
            _draw_real(axes, first, word, spread)
        if mark is not None:
            _draw_mark(axes, pattern, mark)
        return ax or as_bytes(figure, format)


def _draw_scores(axes: Axes, scores: Float64s) -> AxesImage:
    # An image, because ten thousand cells would make an SVG of several megabytes.
    colours = axes.imshow(
        scores, FAKE_TO_REAL, vmin=0, vmax=1, origin="lower", extent=(0, 1, 0, 1), interpolation="bilinear"
    )
    steps = np.linspace(0, 1, len(scores))
    lines = axes.contour(steps, steps, scores, LEVELS, colors=INK, linewidths=0.5, alpha=0.45)
    axes.contour(steps, steps, scores, [0.5], colors=INK, linewidths=1.6)
    axes.clabel(lines, [level for level in lines.levels if abs(level - 0.5) > 0.01], fmt="%.2f", fontsize=7)
    axes.tick_params(**TICKS)
    axes.spines[:].set_visible(False)
    return colours


def _draw_real(axes: Axes, first: str, word: str, spread: float) -> None:
    """Draw a frame around the real data of one pattern, if that is in the plane of the first.

    Any y is real if the first pattern has no 0, any x if it has no 1.
    """
    at_ones, at_zeros = ({bit for place, bit in zip(first, word, strict=True) if place == one} for one in "10")
    if len(at_ones) > 1 or len(at_zeros) > 1:
        return
    (left, width), (bottom, height) = (_extent(bits, spread) for bits in (at_ones, at_zeros))
    axes.add_patch(Rectangle((left, bottom), width, height, fill=False, edgecolor=BLUE, linewidth=2, clip_on=False))
    y, align = (bottom + height + 0.015, "bottom") if bottom + height < 1 else (bottom + height - 0.03, "top")
    style: dict[str, Any] = {"color": BLUE, "fontweight": "bold", "path_effects": HALO}
    axes.text(left + width / 2, y, "real data", ha="center", va=align, **style)


def _extent(bits: set[str], spread: float) -> tuple[float, float]:
    """Return the lowest value and the length of the real range of a bit: all values if there is none."""
    if not bits:
        return 0, 1
    return (1 - spread, spread) if "1" in bits else (0, spread)


def _ones(pattern: str) -> Bools:
    """Test for each place if the first pattern has a 1 there: (W,)."""
    return np.array([bit == "1" for bit in patterns.words(pattern)[0]])


def _draw_mark(axes: Axes, pattern: str, sample: Float64s) -> None:
    """Mark the generator's sample at the means of its values in the places of a 1 and of a 0."""
    ones = _ones(pattern)
    x, y = (float(sample[places].mean()) if places.any() else 0.5 for places in (ones, ~ones))
    axes.plot(
        [x], [y], "o", color=GREEN, markersize=9, markeredgecolor="white", markeredgewidth=1.6, clip_on=False, zorder=5
    )
    offset, align = (-9, "right") if x > 0.3 else (9, "left")
    style: dict[str, Any] = {"color": GREEN, "fontweight": "bold", "path_effects": HALO, "zorder": 5}
    axes.annotate("generator", (x, y), (offset, 0), textcoords="offset points", ha=align, va="center", **style)
