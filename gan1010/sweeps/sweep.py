"""A sweep, whole or in part: the figures of its members and cells, and its file."""

import dataclasses
import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from gan1010.frames import data_frame
from gan1010.sweeps import files
from gan1010.sweeps.grid import SweepConfig, seed_fields
from gan1010.sweeps.pivot import axis_values, choose_axes, pivot
from gan1010.sweeps.results import COVERAGE, NEVER_SETTLED, Cells, Members, concatenate
from gan1010.training import Run, train
from gan1010.types import Array

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """A sweep, or what is finished of it: the figures of its members and cells."""

    config: SweepConfig
    parts: tuple[Members, ...]  # the finished shards in any order, without weights

    @property
    def done(self) -> int:
        """Number of finished members."""
        return sum(map(len, self.parts))

    @property
    def complete(self) -> bool:
        """False if members are missing; `sweep(resume=...)` trains them."""
        return self.done == self.config.members

    @cached_property
    def members(self) -> Members:
        """The finished members, in the order of their index."""
        return concatenate(self.parts)

    @cached_property
    def cells(self) -> dict[str, Array]:
        """The statistics of the cells, as in `Cells.table`, each (cells,)."""
        cells = Cells(self.config)
        for part in self.parts:
            cells.add(part)
        return cells.table()

    def on_grid(self, figure: str) -> Array:
        """Return a figure of the cells, such as in_range_rate, with one axis for each field of the grid."""
        return self._cell_figure(figure).reshape(self.config.shape)

    def best(self, figure: str, *, highest: bool | None = None) -> dict[str, Any]:
        """Return the grid's settings in the best cell, the first one of several.

        Args:
            figure: a name in `cells`, such as settled_at_p50.
            highest: if the highest figure is the best; by default True for rates and coverage, False for all others.

        Raises:
            ValueError: no cell has the figure, or there is none of that name.
        """
        values = self._cell_figure(figure)
        if np.isnan(values).all():
            remedy = "Train longer or with other settings" if figure.startswith("settled_at") else "Train members first"
            raise ValueError(f"no cell has a figure for {figure}. {remedy}.")
        highest = figure.endswith("rate") or figure in COVERAGE if highest is None else highest
        return self.config.cell(int(np.nanargmax(values) if highest else np.nanargmin(values)))

    def run(self, index: int) -> Run:
        """Train a member again alone, with its history and snapshots: the weights are the same to the last bit.

        IndexError if there is no member with this index; DivergedError if it diverges.
        """
        return train(self.config.config(index))

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas data frame with a row for each finished member, by index in the sweep.

        The columns are `cell`, the grid's settings, `seed`, the sample as `sample_0` and so on, the figures of
        `Members`, and the patterns' shares as `share_0` and so on; `settled_at` is NaN where the member has not
        settled. ImportError without pandas.
        """
        members = self.members
        cell, offset = np.divmod(members.index, self.config.seeds)
        settings = {"cell": cell, **self.config.cell_columns(cell), "seed": self.config.seed_values[offset]}
        figures = {name: column for name, column in members.columns.items() if name != "index"}
        settled = figures["settled_at"]
        figures["settled_at"] = np.where(settled == NEVER_SETTLED, np.nan, settled)
        sample = {f"sample_{place}": values for place, values in enumerate(figures.pop("sample").T)}
        shares = {f"share_{pattern}": values for pattern, values in enumerate(figures.pop("shares").T)}
        return data_frame(settings | sample | figures | shares, members.index, "index")

    def cells_frame(self) -> "pd.DataFrame":
        """Return a pandas data frame with a row for each cell: the grid's settings and the statistics of `cells`.

        ImportError without pandas.
        """
        cells = np.arange(self.config.cells)
        return data_frame(self.config.cell_columns(cells) | self.cells, cells, "cell")

    def merge(self, *others: "Sweep") -> "Sweep":
        """Return a sweep with the members of all these sweeps, which have the same base and grid.

        Its seeds are those of all, in ascending order where they differ. A member of several sweeps is taken from the
        first of them.

        Raises:
            ValueError: a base or a grid differs, or there are more than a million members.
        """
        config = self.config
        for other in others:
            if not isinstance(other, Sweep):
                raise TypeError(f"merge takes sweeps, not {type(other).__name__}")
            if difference := other.config.difference(config, seeds=False):
                raise ValueError(f"sweeps to merge must have the same base and grid, but {difference}")
        seeds = np.unique(np.concatenate([one.config.seed_values for one in (self, *others)]))
        if len(seeds) > config.seeds:
            config = dataclasses.replace(config, **{"seed_list": ()} | seed_fields(seeds))
        missing, parts = np.ones(config.members, np.bool_), []
        for one in (self, *others):
            for part in one.parts:
                index = _renumbered(part.index, one.config, config)
                new = missing[index]
                parts.append(dataclasses.replace(part, index=index)[new])
                missing[index] = False
        return Sweep(config=config, parts=tuple(parts))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sweep to an .npz file, also an incomplete one, with its configuration and a SHA-256.

        The file replaces an older one only once it is whole. OSError if it cannot be written.
        """
        files.write(path, self.config, self.members)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Sweep":
        """Read a file of `save`; ValueError if it is none, damaged or of a newer gan1010. No pickle is involved."""
        config, members = files.read(path)
        return cls(config=config, parts=(members,))

    def __repr__(self) -> str:
        config = self.config
        grid = ", ".join(f"{name} ({len(values)})" for name, values in config.grid.items())
        total = f"{config.members:,}" if self.complete else f"{self.done:,} of {config.members:,}"
        return f"<Sweep of {total} members: {grid + ', ' if grid else ''}seeds ({config.seeds:,})>"

    def _repr_html_(self) -> str:
        from gan1010 import plots

        config = self.config
        if not config.grid:
            return plots.html(repr(self))
        x, y = choose_axes(config)
        figure = "in_range_rate" if config.config(0).experiment == "gan" else "discriminator_real_loss"
        values = pivot(config, self.cells, figure, x, y)
        return plots.html(
            repr(self), plots.heatmap(values, axis_values(config, x), axis_values(config, y), x, y, figure)
        )

    def _cell_figure(self, figure: str) -> Array:
        if figure not in self.cells:
            raise ValueError(f"figure must be one of {', '.join(self.cells)}, not {figure!r}")
        return self.cells[figure]


def _renumbered(index: Array, old: SweepConfig, new: SweepConfig) -> Array:
    """Return the indices in a sweep with more seeds."""
    cell, offset = np.divmod(index, old.seeds)
    order = np.argsort(new.seed_values)
    place = order[np.searchsorted(new.seed_values, old.seed_values[offset], sorter=order)]
    return cell * new.seeds + place
