"""Sweep summary: the figures of the cells, and how each member ended."""

import threading

import numpy as np

from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Cells, Members
from gan1010.types import Array, Int64s

# How a member ended, one byte each. A member that diverged, or that has no generator, has no sample.
NOT_DONE, OUT_OF_RANGE, IN_RANGE, NO_SAMPLE = range(4)


class SweepSummary:
    """The figures of a sweep's finished shards, some 40 bytes a member. Any thread may call it."""

    def __init__(self, config: SweepConfig) -> None:
        self._cells = Cells(config)
        self._endings = np.full(config.members, NOT_DONE, np.uint8)
        self._shards = np.zeros(config.members, np.int32)
        self._lock = threading.Lock()

    @property
    def done(self) -> int:
        """Number of finished members."""
        return self._cells.done

    def add(self, shard: int, members: Members) -> None:
        """Add a finished shard."""
        sampled = np.isfinite(members.sample).any(axis=1) & np.isfinite(members.discriminator_real_loss)
        with self._lock:
            self._cells.add(members)
            self._shards[members.index] = shard
            self._endings[members.index] = np.where(sampled, OUT_OF_RANGE + members.in_range, NO_SAMPLE)

    def table(self, cells: slice) -> dict[str, Array]:
        """Return the figures of some cells, as `Cells.table` does."""
        with self._lock:
            return self._cells.table(cells)

    def members(self, first: int, stop: int, *, in_range: bool | None, limit: int) -> Int64s:
        """Return at most `limit` finished members from index `first` to `stop`; `in_range` selects among them."""
        endings = self._endings[first:stop]
        selected = endings != NOT_DONE if in_range is None else endings == (IN_RANGE if in_range else OUT_OF_RANGE)
        return first + np.flatnonzero(selected)[:limit]

    def by_shard(self, index: Int64s) -> dict[int, Int64s]:
        """Group finished members by their shards."""
        shards = self._shards[index]
        return {int(shard): index[shards == shard] for shard in np.unique(shards)}
