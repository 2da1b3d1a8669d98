"""Pivot tables of a sweep: one figure for each pair of values of two settings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gan1010.sweeps.grid import SweepConfig
from gan1010.types import Array, Float64s

DEFAULT_AXES = ("learning_rate", "loss")  # for a grid of fewer than two settings


def choose_axes(config: SweepConfig, x: str | None = None, y: str | None = None) -> tuple[str, str]:
    """Return the settings of the two axes: where they are not given, the first ones of the grid."""
    names = (*config.grid, *DEFAULT_AXES)
    x = x or next(name for name in names if name != y)
    return x, y or next(name for name in names if name != x)


def axis_values(config: SweepConfig, name: str) -> Sequence[Any]:
    """Return the values of a setting in the grid, or the one value that all cells share."""
    return config.grid.get(name) or [getattr(config.config(0).resolved, name)]


def pivot(config: SweepConfig, table: Mapping[str, Array], figure: str, x: str, y: str) -> Float64s:
    """Tabulate a figure by two settings: (values of y, values of x), NaN without members.

    An entry is the mean over all cells with its two values, weighted by their finished members. Cells in which all
    members diverged have no loss and are left out. A cell without a percentile of settled_at settles too late for one,
    so an entry with such a cell is NaN, too. A setting that is not in the grid has one value.
    """
    shape = {name: len(values) for name, values in config.grid.items()}
    figures, count = table[figure], table["count"]
    if figure.startswith("settled_at"):
        figures = np.where((count > 0) & np.isnan(figures), np.inf, figures)
    weights = np.where(np.isnan(figures), 0, count).reshape(tuple(shape.values()))
    sums = np.nan_to_num(figures, posinf=np.inf).reshape(weights.shape) * weights
    others = tuple(axis for axis, name in enumerate(shape) if name not in (x, y))
    total = weights.sum(axis=others)
    means = sums.sum(axis=others) / np.where(total > 0, total, np.nan)
    means = np.where(np.isinf(means), np.nan, means)
    if [name for name in shape if name in (x, y)] == [x, y]:
        means = means.T
    pairs: Float64s = means.reshape(shape.get(y, 1), shape.get(x, 1))
    return pairs
