"""What has come of sweeps: from memory of those that run and of the last few that have ended, from disk of the rest."""

import logging
import threading
from dataclasses import replace

import numpy as np

from gan1010 import Result
from gan1010.sweeps.results import Members
from gan1010.sweeps.summary import SweepSummary
from gan1010.sweeps.sweeping import ShardProgress
from gan1010.types import Int64s
from service.errors import CorruptDataError, JobNotFoundError
from service.job import Job
from service.jobs.active_job import ActiveJob, ActiveSweep
from service.storage.sweeps import SweepStore

SWEEPS_IN_MEMORY = 4
log = logging.getLogger(__name__)


class SweepRuns:
    """The figures of all sweeps. Any thread may call it."""

    def __init__(self, store: SweepStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._ended: dict[str, tuple[Job, SweepSummary]] = {}

    def prepare(self, live: ActiveSweep) -> bool:
        """Have a sweep go on where it was left: find what is kept of it and which shards are missing.

        False if meanwhile it is not wanted to any more.
        """
        generation, config = live.generation, live.job.sweep_config
        try:
            outcomes = self._store.summary(live.job.id, config)
        except CorruptDataError:
            self._forget_damaged(live.job.id)
            outcomes = self._store.summary(live.job.id, config)
        done = self._store.finished_shards(live.job.id)
        with live.lock:
            if live.generation != generation or live.prepared == generation or live.job.status != "running":
                return False
            live.prepared, live.summary = generation, outcomes
            live.job = replace(live.job, iteration=outcomes.done)  # its row may tell of shards that are damaged
            live.missing.extend(number for number in range(len(config.shards)) if number not in done)
        return True

    def keep(self, live: ActiveSweep, number: int, members: Members, generation: int) -> bool:
        """Keep a shard that is done; False if the turn in which it was is over."""
        with live.lock:
            if generation != live.generation or live.summary is None:
                return False
            self._store.add_shard(live.job.id, number, members)
            live.summary.add(number, members)
        return True

    def checkpoint(self, live: ActiveSweep, number: int, progress: ShardProgress) -> bool:
        """Keep how far a shard is, in whichever turn: to go on from there; False if the sweep has ended."""
        with live.lock:
            if not live.job.has_ended:
                self._store.checkpoint_shard(live.job.id, number, progress.iteration, progress.state)
        return not live.job.has_ended

    def left(self, live: ActiveSweep, number: int) -> ShardProgress | None:
        """How far a shard was when it was left; None where that was at its beginning, or is damaged."""
        try:
            kept = self._store.shard_checkpoint(live.job.id, number)
        except CorruptDataError as damage:
            log.error("job %s: %s; shard %d begins anew", live.job.id, damage.detail, number)
            return None
        return ShardProgress(iteration=kept[0], state=kept[1]) if kept else None

    def outcomes(self, job: Job, live: ActiveJob | None) -> SweepSummary:
        """What has come of a sweep so far."""
        if isinstance(live, ActiveSweep) and live.summary is not None:
            return live.summary
        kept = self._ended.get(job.id)
        if kept is not None:
            return kept[1]
        outcomes = self._store.summary(job.id, job.sweep_config)
        if job.has_ended:
            self.remember(job, outcomes)
        return outcomes

    def results(self, job: Job, outcomes: SweepSummary, index: Int64s) -> list[Result | None]:
        """What came of some members that are done, one by one; None of one that has diverged.

        Raises:
            JobNotFoundError: the sweep has just been deleted.
        """
        results: dict[int, Result | None] = {}
        for number, wanted in outcomes.by_shard(index).items():
            members = self._store.shard(job.id, number)
            if members is None:
                raise JobNotFoundError("the sweep has been deleted")
            rows = np.searchsorted(members.index, wanted)
            results |= {int(i): members.result(int(row)) for i, row in zip(wanted, rows, strict=True)}
        return [results[int(i)] for i in index]

    def job(self, job_id: str) -> Job | None:
        """A sweep that has ended, if it is in memory."""
        kept = self._ended.get(job_id)
        return kept[0] if kept else None

    def remember(self, job: Job, outcomes: SweepSummary) -> None:
        """A sweep has ended, and somebody will look at it."""
        with self._lock:
            if len(self._ended) >= SWEEPS_IN_MEMORY:
                self._ended.pop(next(iter(self._ended)))
            self._ended[job.id] = job, outcomes

    def _forget_damaged(self, job_id: str) -> None:
        """Have those shards trained anew of which the disk has not what was written; they come to the same."""
        for number in self._store.finished_shards(job_id):
            try:
                self._store.shard(job_id, number)
            except CorruptDataError as damage:
                log.error("job %s: %s; shard %d begins anew", job_id, damage.detail, number)
                self._store.delete_shard(job_id, number)

    def forget(self, job_id: str) -> None:
        """A sweep has been deleted."""
        with self._lock:
            self._ended.pop(job_id, None)
