"""What came of a sweep: a row of figures for each member, and for each cell of the grid what its members share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from gan1010 import results
from gan1010.results import Result
from gan1010.sweeps.grid import SweepConfig
from gan1010.types import Array, Bools, Float32s, Float64s, Int32s, Int64s

LOSSES = ("discriminator_real_loss", "discriminator_fake_loss", "generator_loss")
PERCENTILES = (5, 50, 95)
NEVER, NOT_DONE = -1, -2


@dataclass(frozen=True, kw_only=True, eq=False)
class Members:
    """Finished members of a sweep, n of them: the figures of a run's `Result` as columns, and the last weights.

    What only a generator has is NaN or False without one; of a member that has diverged all losses are NaN. A `Sweep`
    has no weights, which take the most room: any member can be trained again by itself.
    """

    index: Int64s  # (n,) its number in the sweep
    sample: Float32s  # (n, W) G's output for latent_value; W is the widest pattern's, and what is past a pattern NaN
    bits_right: Bools  # (n,) the sample's bits are the pattern
    in_range: Bools  # (n,)
    settled_at: Int64s  # (n,) -1: never
    discriminator_real_loss: Float64s  # (n,)
    discriminator_fake_loss: Float64s  # (n,)
    generator_loss: Float64s  # (n,)
    real_score: Float64s  # (n,)
    fake_score: Float64s  # (n,)
    discriminators: Float32s  # (n, N_d), as in `layout`; in a `Sweep` (n, 0)
    generators: Float32s  # (n, N_g); in a `Sweep` (n, 0)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def columns(self) -> dict[str, Array]:
        """All figures by name, without the weights."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("discriminators", "generators")}

    def take(self, rows: Any) -> "Members":
        """Some of them: a slice, a mask, or row numbers."""
        return Members(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def result(self, row: int) -> Result | None:
        """A member's figures as those of a run by itself; None if it has diverged."""
        if not np.isfinite(self.discriminator_real_loss[row]):
            return None
        sample = self.sample[row : row + 1, np.isfinite(self.sample[row])]
        trained, settled = sample.size > 0, int(self.settled_at[row])
        return Result(
            sample=results.shortest_decimals(sample[0]) if trained else None,
            bits=results.bits(sample)[0] if trained else None,
            in_range=bool(self.in_range[row]) if trained else None,
            settled_at=settled if settled != NEVER else None,
            discriminator_real_loss=float(self.discriminator_real_loss[row]),
            discriminator_fake_loss=float(self.discriminator_fake_loss[row]),
            generator_loss=float(self.generator_loss[row]) if trained else None,
            real_score=float(self.real_score[row]),
            fake_score=float(self.fake_score[row]),
        )


def concatenate(parts: Sequence[Members]) -> Members:
    """All members of the parts, by their index, without their weights."""
    width = max(part.sample.shape[1] for part in parts)
    columns = {name: [part.columns[name] for part in parts] for name in parts[0].columns}
    columns["sample"] = [
        np.pad(sample, ((0, 0), (0, width - sample.shape[1])), constant_values=np.nan) for sample in columns["sample"]
    ]
    whole = {name: np.concatenate(column) for name, column in columns.items()}
    order = np.argsort(whole["index"])
    none = np.empty((len(order), 0), np.float32)
    return Members(**{name: column[order] for name, column in whole.items()}, discriminators=none, generators=none)


class Cells:
    """The figures of each cell, from the members that have been added so far; the order of adding does not matter."""

    def __init__(self, config: SweepConfig) -> None:
        self._shape = config.cells, config.seeds
        self._settled_at = np.full(config.members, NOT_DONE, np.int32)
        self._bits_right, self._in_range = np.zeros((2, config.members), np.bool_)
        self._losses = np.full((len(LOSSES), config.members), np.nan)
        self.done = 0

    def add(self, members: Members) -> None:
        """Count these in."""
        self._settled_at[members.index] = members.settled_at
        self._bits_right[members.index], self._in_range[members.index] = members.bits_right, members.in_range
        for row, name in enumerate(LOSSES):
            self._losses[row, members.index] = getattr(members, name)
        self.done += len(members)

    def table(self, cells: slice = slice(None)) -> dict[str, Array]:
        """The figures of all or some cells by name, each (cells,), NaN where there is nothing to tell.

        `count` members done; `bits_rate` and `in_range_rate` of these; of those that have settled the percentiles
        `settled_at_p5`, `_p50` and `_p95`; and the mean losses of those that have not diverged.
        """
        settled = self._settled_at.reshape(self._shape)[cells]
        count = (settled != NOT_DONE).sum(axis=1)
        some = np.where(count > 0, count, np.nan)
        table = {
            "count": count,
            "bits_rate": self._bits_right.reshape(self._shape)[cells].sum(axis=1) / some,
            "in_range_rate": self._in_range.reshape(self._shape)[cells].sum(axis=1) / some,
        }
        for percent, values in zip(PERCENTILES, _percentiles(settled), strict=True):
            table[f"settled_at_p{percent}"] = values
        for name, losses in zip(LOSSES, self._losses, strict=True):
            losses = losses.reshape(self._shape)[cells]
            finite = np.isfinite(losses)
            whole = finite.sum(axis=1)
            table[name] = losses.sum(axis=1, where=finite) / np.where(whole > 0, whole, np.nan)
        return table


def pivot(config: SweepConfig, table: Mapping[str, Array], figure: str, x: str, y: str) -> Float64s:
    """A figure for each pair of values of two settings: (values of y, values of x), NaN where nothing is done.

    It is the mean over the cells that have them, by their members that are done; a setting that is not in the grid has
    one value.
    """
    shape = {name: len(values) for name, values in config.grid.items()}
    weights = np.where(np.isfinite(table[figure]), table["count"], 0).reshape(tuple(shape.values()))
    sums = np.nan_to_num(table[figure]).reshape(weights.shape) * weights
    others = tuple(axis for axis, name in enumerate(shape) if name not in (x, y))
    total = weights.sum(axis=others)
    means = sums.sum(axis=others) / np.where(total > 0, total, np.nan)
    if [name for name in shape if name in (x, y)] == [x, y]:
        means = means.T
    pairs: Float64s = means.reshape(shape.get(y, 1), shape.get(x, 1))
    return pairs


def _percentiles(settled: Int32s) -> list[Float64s]:
    """Of each row's numbers that are not negative, (cells,) each: NaN where there is none."""
    ordered = np.sort(settled, axis=1)
    last = ordered.shape[1] - 1
    first = (ordered < 0).sum(axis=1)
    found = []
    for percent in PERCENTILES:
        place = first + (last - first) * (percent / 100)
        low, high = (np.clip(f(place), 0, last).astype(np.int64)[:, None] for f in (np.floor, np.ceil))
        below, above = (np.take_along_axis(ordered, at, axis=1)[:, 0] for at in (low, high))
        found.append(np.where(first <= last, below + (above - below) * (place - np.floor(place)), np.nan))
    return found
