"""What has come of a sweep so far: its cells' figures, and which members are done and how each ended."""

import threading

import numpy as np

from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Cells, Members
from gan1010.types import Array, Int64s

# How a member ended, a byte each: the last where it has no sample, having diverged or no generator.
NOT_DONE, OUT_OF_RANGE, IN_RANGE, NO_SAMPLE = range(4)


class SweepSummary:
    """A sweep's figures from the shards added so far, some 40 bytes a member. Any thread may call it."""

    def __init__(self, config: SweepConfig) -> None:
        self._cells = Cells(config)
        self._endings = np.full(config.members, NOT_DONE, np.uint8)
        self._shards = np.zeros(config.members, np.int32)
        self._lock = threading.Lock()

    @property
    def done(self) -> int:
        """How many members are done."""
        return self._cells.done

    def add(self, shard: int, members: Members) -> None:
        """Count a shard's members in."""
        sampled = np.isfinite(members.sample).any(axis=1) & np.isfinite(members.discriminator_real_loss)
        with self._lock:
            self._cells.add(members)
            self._shards[members.index] = shard
            self._endings[members.index] = np.where(sampled, OUT_OF_RANGE + members.in_range, NO_SAMPLE)

    def table(self, cells: slice) -> dict[str, Array]:
        """Some cells' figures by name, as `Cells.table` has them."""
        with self._lock:
            return self._cells.table(cells)

    def members(self, first: int, stop: int, *, in_range: bool | None, limit: int) -> Int64s:
        """The first members from index `first` to `stop` that are done, and in range or not if that is asked for."""
        endings = self._endings[first:stop]
        wanted = endings != NOT_DONE if in_range is None else endings == (IN_RANGE if in_range else OUT_OF_RANGE)
        return first + np.flatnonzero(wanted)[:limit]

    def by_shard(self, index: Int64s) -> dict[int, Int64s]:
        """Members that are done, by the shards that have them."""
        shards = self._shards[index]
        return {int(shard): index[shards == shard] for shard in np.unique(shards)}
