"""Sweep results: figures of each member, and statistics of each cell."""

import dataclasses
import operator
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, overload

import numpy as np

from gan1010 import patterns, results
from gan1010.config import TrainConfig
from gan1010.history import GENERATOR, LOSSES
from gan1010.results import Result
from gan1010.sweeps.grid import SweepConfig
from gan1010.types import Array, Bools, Float32s, Float64s, Int32s, Int64s

PERCENTILES = (5, 50, 95)
COVERAGE = ("covered", "quality", "diversity")
NEVER_SETTLED, NOT_DONE = -1, -2


@dataclass(frozen=True, kw_only=True)
class Member:
    """One GAN of a sweep: its index in the sweep, and its result as that of a single run, None if it diverged."""

    index: int
    result: Result | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Members:
    """Finished members of a sweep, n of them: the figures of a run's `Result` as columns, and the final weights.

    Iteration yields each `Member`. `members[row]` is one, and `members[rows]` are the members of a slice, a mask or an
    array of rows; a row is the place among these members, not the index in the sweep.

    The figures of a generator are NaN or False in the discriminator experiment. A diverged member has NaN losses and
    coverage, and members from before coverage was measured have NaN coverage. A `Sweep` keeps no weights, to save
    memory: any member can be trained again alone.
    """

    index: Int64s  # (n,) index in the sweep
    sample: Float32s  # (n, W) G's sample for latent_value; shorter patterns are padded with NaN
    bits_right: Bools  # (n,) if the sample's bits are the pattern
    in_range: Bools  # (n,)
    settled_at: Int64s  # (n,) -1 if never
    covered: Float64s  # (n,) number of patterns
    quality: Float64s  # (n,)
    diversity: Float64s  # (n,)
    shares: Float64s  # (n, P) of the samples, for each pattern; rows of fewer patterns are padded with NaN
    discriminator_real_loss: Float64s  # (n,)
    discriminator_fake_loss: Float64s  # (n,)
    generator_loss: Float64s  # (n,)
    real_score: Float64s  # (n,)
    fake_score: Float64s  # (n,)
    discriminators: Float32s  # (n, N_d), as in `layout`; in a `Sweep` (n, 0)
    generators: Float32s  # (n, N_g); in a `Sweep` (n, 0)

    @classmethod
    def of(cls, columns: Mapping[str, Array]) -> "Members":
        """Build members from stored `columns`, without weights; NaN where no coverage was stored."""
        count = len(columns["index"])
        missing = {name: np.full(count, np.nan) for name in COVERAGE} | {"shares": np.empty((count, 0))}
        weights = np.empty((count, 0), np.float32)
        return cls(**missing | dict(columns), discriminators=weights, generators=weights)

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[Member]:
        return map(self.__getitem__, range(len(self)))

    @overload
    def __getitem__(self, rows: int) -> Member: ...
    @overload
    def __getitem__(self, rows: slice | Sequence[int] | Int64s | Bools) -> "Members": ...
    def __getitem__(self, rows: Any) -> "Member | Members":
        if hasattr(rows, "__index__") and np.ndim(rows) == 0:
            return Member(index=int(self.index[rows]), result=self.result(rows))
        return self.take(rows)

    @property
    def columns(self) -> dict[str, Array]:
        """All columns but the weights, by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("discriminators", "generators")}

    def take(self, rows: Any) -> "Members":
        """Select members by slice, mask or rows."""
        rows = rows if isinstance(rows, slice) else np.asarray(rows, None if len(rows) else np.int64)
        return Members(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def without_weights(self) -> "Members":
        """Return the members with the weights left out, which are most of their size."""
        empty = np.empty((len(self), 0), np.float32)
        return dataclasses.replace(self, discriminators=empty, generators=empty)

    def result(self, row: int) -> Result | None:
        """Return a member's figures as those of a single run; None if it diverged."""
        row = int(np.arange(len(self))[operator.index(row)])  # a negative row counts from the end
        if not np.isfinite(self.discriminator_real_loss[row]):
            return None
        sample = self.sample[row : row + 1, np.isfinite(self.sample[row])]
        means: dict[str, Any] = {name: float(getattr(self, name)[row]) for name in results.MEANS}
        has_sample, settled = sample.size > 0, int(self.settled_at[row])
        has_coverage = bool(np.isfinite(self.covered[row]))
        return Result(
            sample=results.shortest_decimals(sample[0]) if has_sample else None,
            bits=results.bits(sample)[0] if has_sample else None,
            in_range=bool(self.in_range[row]) if has_sample else None,
            settled_at=settled if settled != NEVER_SETTLED else None,
            **means if has_sample else means | {"generator_loss": None},
            covered=int(self.covered[row]) if has_coverage else None,
            quality=float(self.quality[row]) if has_coverage else None,
            diversity=float(self.diversity[row]) if has_coverage else None,
            shares=self.shares[row, np.isfinite(self.shares[row])].tolist() if has_coverage else None,
        )


NO_MEMBERS = Members.of(
    {
        "index": np.empty(0, np.int64),
        "sample": np.empty((0, 0), np.float32),
        **dict.fromkeys(("bits_right", "in_range"), np.empty(0, np.bool_)),
        "settled_at": np.empty(0, np.int64),
        **dict.fromkeys(results.MEANS, np.empty(0)),
    }
)


def concatenate(parts: Sequence[Members]) -> Members:
    """Join members in the order of their index, without their weights."""
    columns = {name: [part.columns[name] for part in (NO_MEMBERS, *parts)] for name in NO_MEMBERS.columns}
    for name in ("sample", "shares"):
        width = max(column.shape[1] for column in columns[name])
        columns[name] = [padded(column, width) for column in columns[name]]
    whole = {name: np.concatenate(column) for name, column in columns.items()}
    order = np.argsort(whole["index"])
    empty = np.empty((len(order), 0), np.float32)
    return Members(**{name: column[order] for name, column in whole.items()}, discriminators=empty, generators=empty)


def padded(column: Array, width: int) -> Array:
    """Return a column (n, N) with NaN added to its rows: (n, width)."""
    return np.pad(column, ((0, 0), (0, width - column.shape[1])), constant_values=np.nan)


class Cells:
    """Statistics of each cell over the members added so far, in any order."""

    def __init__(self, config: SweepConfig) -> None:
        self._shape = config.cells, config.seeds
        self._settled_at = np.full(config.members, NOT_DONE, np.int32)
        self._bits_right, self._in_range = np.zeros((2, config.members), np.bool_)
        self._losses = np.full((len(LOSSES), config.members), np.nan)
        self._coverage = np.full((len(COVERAGE), config.members), np.nan, np.float32)
        words = config.grid.get("pattern", [config.base.get("pattern", TrainConfig.pattern)])
        numbers = np.array([len(patterns.words(word)) for word in words])
        has_axis = "pattern" in config.grid
        self._patterns = numbers[config.place("pattern", np.arange(config.cells))] if has_axis else numbers
        self.done = 0

    def add(self, members: Members) -> None:
        """Add finished members."""
        self._settled_at[members.index] = members.settled_at
        self._bits_right[members.index], self._in_range[members.index] = members.bits_right, members.in_range
        for row, name in enumerate(LOSSES):
            self._losses[row, members.index] = getattr(members, name)
        for row, name in enumerate(COVERAGE):
            self._coverage[row, members.index] = getattr(members, name)
        self.done += len(members)

    def table(self, cells: slice = slice(None)) -> dict[str, Array]:
        """Return the statistics of cells by name, each (cells,), NaN without members.

        They are the `count` of finished members, their `bits_rate` and `in_range_rate`, the percentiles
        `settled_at_p5`, `_p50` and `_p95`, the mean losses of members that did not diverge, the means of their
        `covered`, `quality` and `diversity`, and `covers_all_rate`, the share of members that cover all patterns. A
        percentile is NaN until that percentage of the finished members has settled: `_p50` until half of them have.
        """
        settled = self._settled_at.reshape(self._shape)[cells]
        count = (settled != NOT_DONE).sum(axis=1)
        divisor = np.where(count > 0, count, np.nan)
        table = {
            "count": count,
            "bits_rate": self._bits_right.reshape(self._shape)[cells].sum(axis=1) / divisor,
            "in_range_rate": self._in_range.reshape(self._shape)[cells].sum(axis=1) / divisor,
        }
        for percent, values in zip(PERCENTILES, _percentiles(settled), strict=True):
            table[f"settled_at_p{percent}"] = values
        for name, values in zip((*LOSSES, *COVERAGE), (*self._losses, *self._coverage), strict=True):
            values = values.reshape(self._shape)[cells]
            finite = np.isfinite(values)
            number = finite.sum(axis=1)
            table[name] = values.sum(axis=1, where=finite, dtype=np.float64) / np.where(number > 0, number, np.nan)
        covered = self._coverage[0].reshape(self._shape)[cells]
        covers_all = covered >= np.broadcast_to(self._patterns, self._shape[0])[cells, None]
        table["covers_all_rate"] = np.where(np.isnan(table["covered"]), np.nan, covers_all.sum(axis=1) / divisor)
        return table


class SweepSummary(Cells):
    """The figures of a sweep's finished shards, some 50 bytes a member. Any thread may call it."""

    def __init__(self, config: SweepConfig) -> None:
        super().__init__(config)
        self._shards = np.zeros(config.members, np.int32)
        self._finished: set[int] = set()
        self._lock = threading.Lock()

    def add_shard(self, number: int, members: Members) -> None:
        """Add a finished shard."""
        with self._lock:
            self.add(members)
            self._shards[members.index] = number
            self._finished.add(number)

    def has_shard(self, number: int) -> bool:
        """Return whether a shard has been added."""
        return number in self._finished

    def table(self, cells: slice = slice(None)) -> dict[str, Array]:
        """Return the statistics of cells, of whole shards."""
        with self._lock:
            return super().table(cells)

    def members(self, first: int, stop: int, *, in_range: bool | None, limit: int) -> Int64s:
        """Return at most `limit` finished members from index `first` to `stop`; `in_range` selects among them."""
        with self._lock:
            selected = self._settled_at[first:stop] != NOT_DONE
            if in_range is not None:  # a member that diverged or has no generator is neither in range nor out of it
                has_sample = np.isfinite(self._losses[LOSSES.index(GENERATOR), first:stop])
                selected = has_sample & (self._in_range[first:stop] == in_range)
        return first + np.flatnonzero(selected)[:limit]

    def by_shard(self, index: Int64s) -> dict[int, Int64s]:
        """Group finished members by their shards."""
        shards = self._shards[index]
        return {int(shard): index[shards == shard] for shard in np.unique(shards)}


def _percentiles(settled: Int32s) -> list[Float64s]:
    """Compute the percentiles of each row of settled_at, (cells,) each.

    A member that has not settled counts as one that settles later than all others, so p percent is NaN until that share
    of the finished members has settled.
    """
    ordered = np.sort(settled, axis=1)
    count, number = (settled != NOT_DONE).sum(axis=1), (settled > 0).sum(axis=1)
    first = ordered.shape[1] - number
    percentiles = []
    for percent in PERCENTILES:
        place = np.maximum(count - 1, 0) * (percent / 100)
        low, high = (first + np.minimum(f(place).astype(np.int64), number - 1) for f in (np.floor, np.ceil))
        low, high = (np.clip(at, 0, ordered.shape[1] - 1)[:, None] for at in (low, high))
        below, above = (np.take_along_axis(ordered, at, axis=1)[:, 0] for at in (low, high))
        is_known = (number > 0) & (100 * number >= percent * count)
        percentiles.append(np.where(is_known, below + (above - below) * (place - np.floor(place)), np.nan))
    return percentiles
