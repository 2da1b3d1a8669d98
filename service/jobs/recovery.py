"""Crash recovery: requeue the jobs that a dead process was running, and resume them from their checkpoints."""

import contextlib
import dataclasses
import logging

from service.errors import CorruptDataError, DiskFullError, StorageFailedError
from service.job import Job, JobError
from service.jobs.active_job import ActiveJob
from service.jobs.monitor import JobMonitor
from service.storage.store import Store

MAX_ATTEMPTS = 5  # crashes in a row, without a checkpoint in between, after which a job is still retried
CRASHED = JobError(
    type="crashed",
    detail=f"The process died more than {MAX_ATTEMPTS} times in a row while the job ran, before any checkpoint. "
    "Check the memory limit and the log, then start the job again.",
)
log = logging.getLogger(__name__)


class CrashRecovery:
    """Recovery of jobs from what is on disk. Any thread may call it."""

    def __init__(self, store: Store, monitor: JobMonitor) -> None:
        self._store, self._monitor = store, monitor

    def requeue(self, job: Job) -> Job:
        """Requeue a job that a dead process was running, with one more attempt."""
        done = sum(self._store.sweeps.finished_shards(job.id).values()) if job.kind == "sweep" else job.iteration
        detail = "The process died. The job resumes from its last checkpoint."
        job = job.with_status("queued", detail, iteration=done, attempts=job.attempts + 1)
        with contextlib.suppress(DiskFullError, StorageFailedError):  # the next start would requeue the same row again
            self._store.update(job)
        self._monitor.record_status(job)
        return job

    def load_checkpoint(self, active: ActiveJob) -> bool:
        """Load a training's checkpoint; a damaged one is deleted, and the training starts over with the same bits."""
        if active.progress is None:
            try:
                active.progress = self._store.runs.progress(active.job)
                if active.progress is not None and active.progress.state is None:
                    raise CorruptDataError("The job has a history, but no checkpoint.")
            except CorruptDataError as damage:
                log.error("job %s starts over: %s", active.job.id, damage.detail)
                self._store.runs.delete(active.job.id)
                active.progress = None
            # The row may be ahead of the checkpoint, for example when the disk was full at the end of the training.
            iteration = active.progress.iteration if active.progress else 0
            active.job = dataclasses.replace(active.job, iteration=iteration)
            self._monitor.reset_progress(active.job)
        return True
