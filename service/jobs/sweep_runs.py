"""Sweep results: figures of active sweeps and of the last few that ended in memory, everything on disk."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gan1010 import Result
from gan1010.sweeps.results import Members, SweepSummary, concatenate
from gan1010.sweeps.shard_training import ShardProgress
from gan1010.types import Int32s, Int64s
from service.errors import CorruptDataError
from service.job import Job
from service.jobs.active_job import ActiveJob, ActiveSweep
from service.storage.store import Store

MAX_SWEEPS_IN_MEMORY = 4
MEMBERS_PER_CHUNK = 16_384  # some 2 MB
NOT_SELECTED = -1
STARTS_OVER = "job %s: %s Shard %d starts over."
log = logging.getLogger(__name__)


class SweepRuns:
    """The results and checkpoints of all sweeps. Any thread may call it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._ended: dict[str, SweepSummary] = {}

    def prepare(self, sweep: ActiveSweep) -> bool:
        """Load a running sweep's results and find its missing shards; return False if it has stopped meanwhile."""
        generation, config, job_id = sweep.generation, sweep.job.sweep_config, sweep.job.id
        summary, missing = SweepSummary(config), set(range(len(config.shards)))
        for number in self._store.sweeps.finished_shards(job_id):
            try:
                summary.add_shard(number, self._store.sweeps.shard(job_id, number))
                missing.remove(number)
            except CorruptDataError as damage:  # it is trained again, with the same results
                log.error(STARTS_OVER, job_id, damage.detail, number)
                self._store.sweeps.delete_shard(job_id, number)
        with sweep.lock:
            if sweep.generation != generation or sweep.job.status != "running":
                return False
            sweep.begin_generation()  # so that no other worker prepares it, too
            sweep.summary, sweep.has_checkpoint = summary, False
            sweep.job = replace(sweep.job, iteration=summary.done)  # its row may count shards that were damaged
            sweep.missing.extend((number, sweep.generation) for number in sorted(missing))
        return True

    def persist_shard(self, sweep: ActiveSweep, number: int, members: Members, generation: int) -> bool:
        """Persist a finished shard; return False if its generation has ended, or if it has been persisted before."""
        with sweep.lock:
            if generation != sweep.generation or sweep.summary is None or sweep.summary.has_shard(number):
                return False
            self._store.update_shard(replace(sweep.current, attempts=0), number, members)
            sweep.summary.add_shard(number, members)
            self._record_checkpoint(sweep)
        return True

    def checkpoint(self, sweep: ActiveSweep, number: int, progress: ShardProgress) -> None:
        """Persist a shard's checkpoint, also for an older generation, unless the sweep has ended."""
        with sweep.lock:
            if not sweep.job.has_ended:
                self._store.update_shard(replace(sweep.current, attempts=0), number, progress)
                self._record_checkpoint(sweep)

    def load_checkpoint(self, sweep: ActiveSweep, number: int) -> ShardProgress | None:
        """Load a shard's checkpoint; None if it has none, or a damaged one."""
        try:
            return self._store.sweeps.shard_checkpoint(sweep.job.id, number)
        except CorruptDataError as damage:
            log.error(STARTS_OVER, sweep.job.id, damage.detail, number)
            return None

    def summary(self, job: Job, active: ActiveJob | None) -> SweepSummary:
        """Return the figures of a sweep's finished members."""
        if isinstance(active, ActiveSweep) and active.summary is not None:
            return active.summary
        if (summary := self._ended.get(job.id)) is None:
            summary = self._store.sweeps.summary(job.id, job.sweep_config)
            if job.has_ended:
                self.remember(job.id, summary)
        return summary

    def results(self, job: Job, summary: SweepSummary, index: Int64s) -> list[Result | None]:
        """Return the results of some finished members; None for one that diverged."""
        results: dict[int, Result | None] = {}
        for number, in_shard in summary.by_shard(index).items():
            members = self._store.sweeps.shard(job.id, number)
            rows = np.searchsorted(members.index, in_shard)
            results |= {int(i): members.result(int(row)) for i, row in zip(in_shard, rows, strict=True)}
        return [results[int(i)] for i in index]

    def finished_members(
        self, job: Job, first: int, stop: int, *, in_range: bool | None, limit: int | None
    ) -> "FinishedMembers":
        """Select the finished members from index `first` to `stop`, at most `limit`; `in_range` selects among them."""
        shards = np.full(max(stop - first, 0), NOT_SELECTED, np.int32)
        for number in self._store.sweeps.finished_shards(job.id):
            members = self._store.sweeps.shard(job.id, number)
            selected = (members.index >= first) & (members.index < stop)
            if in_range is not None:  # a member that diverged or has no generator is neither in range nor out of it
                selected &= np.isfinite(members.generator_loss) & (members.in_range == in_range)
            shards[members.index[selected] - first] = number
        places = np.flatnonzero(shards != NOT_SELECTED)[:limit]
        return FinishedMembers(self._store, job.id, places + first, shards[places])

    def remember(self, job_id: str, summary: SweepSummary) -> None:
        """Keep the figures of an ended sweep in memory, in place of the oldest ones."""
        with self._lock:
            if len(self._ended) >= MAX_SWEEPS_IN_MEMORY:
                self._ended.pop(next(iter(self._ended)))
            self._ended[job_id] = summary

    def _record_checkpoint(self, sweep: ActiveSweep) -> None:
        sweep.job, sweep.has_checkpoint = replace(sweep.job, attempts=0), True


class FinishedMembers:
    """The members of a sweep that had finished at one moment, in the order of their index, n of them.

    Only their numbers are in memory. Their figures are read from disk, shard by shard.
    """

    def __init__(self, store: Store, job_id: str, index: Int64s, shards: Int32s) -> None:
        self._store, self._job_id, self._shards = store, job_id, shards  # (n,) the shard of each member
        self.index = index  # (n,)

    def __len__(self) -> int:
        return len(self.index)

    def parts(self, start: int, stop: int) -> Iterator[tuple[Int64s, Members]]:
        """Yield the members from `start` to `stop` shard by shard, and their places in this range."""
        index = self.index[start:stop]
        for number in np.unique(self._shards[start:stop]).tolist():
            members = self._store.sweeps.shard(self._job_id, number)
            places = np.searchsorted(index, members.index)
            rows = np.flatnonzero(index[np.minimum(places, len(index) - 1)] == members.index)
            yield places[rows], members.take(rows)

    def chunks(self) -> Iterator[Members]:
        """Yield the members some megabytes at a time."""
        for start in range(0, len(self), MEMBERS_PER_CHUNK):
            yield concatenate([members for _, members in self.parts(start, start + MEMBERS_PER_CHUNK)])
