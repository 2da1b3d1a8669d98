"""What another process has left: jobs go on, and one that ends each process that runs it is found out and stopped."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable

from service.errors import CorruptDataError, DiskFullError, StorageFailedError
from service.job import Job, JobError
from service.jobs.active_job import ActiveJob, ActiveSweep
from service.jobs.monitor import JobMonitor
from service.jobs.queue import JobQueue
from service.storage.store import Store

MOST_CRASHES = 3  # then a job that takes the process down has had its chances
POISON = JobError(type="poison", detail=f"the process came to a sudden end {MOST_CRASHES} times at this job")
STOPPED = "the service was stopped; it goes on from here"
log = logging.getLogger(__name__)


def is_poison(job: Job) -> bool:
    """Whether the process has come to a sudden end so often while the job ran and got nowhere."""
    return job.crashes >= MOST_CRASHES


def without_suspicion(job: Job) -> Job:
    """The job, which has got somewhere."""
    return dataclasses.replace(job, crashes=0, suspect=None) if job.crashes else job


class CrashRecovery:
    """Takes up what was left. Any thread may call it."""

    def __init__(self, store: Store, queue: JobQueue, changes: JobMonitor) -> None:
        self._store, self._queue, self._monitor = store, queue, changes

    def after_sudden_end(self, job: Job) -> Job:
        """A job that ran when the process came to a sudden end: it waits, to go on from what was kept."""
        done = sum(self._store.sweeps.finished_shards(job.id).values()) if job.kind == "sweep" else job.iteration
        detail = "the process came to a sudden end; it goes on from what was kept"
        job = job.with_status("queued", detail, iteration=done, crashes=job.crashes + 1)
        with contextlib.suppress(DiskFullError, StorageFailedError):  # then it is told again from the same row
            self._store.update(job)
        self._monitor.status(job)
        return job

    def load(self, live: ActiveJob) -> bool:
        """Find what is kept of a training that goes on; what is damaged of it is trained anew, to the same bits."""
        if live.progress is None:
            try:
                live.progress = self._store.runs.progress(live.job)
                if live.progress is not None and live.progress.state is None:
                    raise CorruptDataError("the job has a history, and no checkpoint to go on from")
            except CorruptDataError as damage:
                log.error("job %s begins anew: %s", live.job.id, damage.detail)
                self._store.runs.delete(live.job.id)
                live.progress = None
            # Its row may tell of more: of a training that was done when there was no room to keep that, for one.
            live.job = dataclasses.replace(live.job, iteration=live.progress.iteration if live.progress else 0)
            self._monitor.reset_progress(live.job)
        return True

    def try_shard(self, live: ActiveSweep, number: int) -> None:
        """A thread takes a shard: if the sweep is a suspect and the process ends, it is known which shard that was."""

        def tried(job: Job) -> Job:
            if job.suspect == number:
                return job
            return dataclasses.replace(job, crashes=1, suspect=number)  # what happened at others is not to its blame

        self._keep(live, tried)

    def shard_got_on(self, live: ActiveSweep, number: int, suspects: int) -> None:
        """A shard is done, or how far it is has been kept; with so many of a suspect, the sweep is one no longer."""
        if self._queue.tries(live, number):
            self._keep(live, lambda job: dataclasses.replace(job, crashes=1, suspect=None))
            if self._queue.acquit(live, suspects):
                self._keep(live, without_suspicion)

    def _keep(self, live: ActiveSweep, changed: Callable[[Job], Job]) -> None:
        """Keep what has become of a suspect."""
        with live.lock:
            if live.job.crashes and not live.job.has_ended:
                job = changed(live.job)
                if job is not live.job:
                    self._store.update(job)
                    live.job = job
