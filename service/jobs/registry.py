"""The registry: every job of this process, active ones in memory and ended ones on disk.

Routes call it and workers work for it; it imports neither. What it returns has been persisted.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gan1010 import Model, Progress, TrainConfig
from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import SweepSummary
from gan1010.training import model_at
from service.errors import (
    ENVIRONMENT_ERRORS,
    IdempotencyKeyReusedError,
    InvalidJobStateError,
    JobNotFoundError,
    QueueFullError,
)
from service.job import Job, JobError, Status, StopStatus, job_ids, new_job
from service.job_search import Cursor, JobQuery
from service.jobs.active_job import ActiveJob, ActiveSweep
from service.jobs.crash_recovery import CRASHED, MAX_ATTEMPTS, after_crash, after_shutdown, after_training_crash
from service.jobs.deletion import Deletion
from service.jobs.model_cache import ModelCache
from service.jobs.queue import JobQueue
from service.jobs.sweep_runs import SweepRuns
from service.jobs.training_runs import TrainingRuns
from service.storage.store import Store
from service.telemetry.logs import fields
from service.telemetry.metrics import Metrics

log = logging.getLogger(__name__)


class Registry:
    """All jobs. Any thread may call it; methods raise `JobNotFoundError` for an unknown id."""

    def __init__(self, store: Store, queue_size: int, metrics: Metrics | None = None) -> None:
        self._store, self.metrics = store, metrics or Metrics()
        self._queue_size, self._lock, self._released = queue_size, threading.RLock(), False
        self.check_store = store.check
        self.count = store.count  # jobs by status
        self.usage = store.usage
        self._active: dict[str, ActiveJob] = {}
        self._queued: dict[str, ActiveJob] = {}
        self.queue = JobQueue()
        self.models, self.trainings, self.sweeps = ModelCache(store), TrainingRuns(store), SweepRuns(store)
        self.deletion = Deletion(store, self.models, self.job, self._lock)
        self._ids = job_ids(store.last_job_id())
        for job in store.unfinished_jobs():
            self._admit(self._requeue_crashed(job) if job.status == "running" else job)

    def submit(
        self,
        config: TrainConfig | SweepConfig,
        *,
        preset: str,
        name: str | None,
        key: str | None = None,
        request: str = "",
    ) -> Job:
        """Queue a training or a sweep; return the existing job if the idempotency key was used before.

        Raises:
            QueueFullError: the queue is full; nothing is persisted.
            IdempotencyKeyReusedError: the key was used with another request.
        """
        with self._lock:
            if key is not None and (known := self._store.idempotency_key(key)) is not None:
                if known[0] != request:
                    detail = "This Idempotency-Key was used with another request. Use a new one."
                    raise IdempotencyKeyReusedError(detail, "header", "idempotency-key")
                return self.job(known[1])
            self._check_room()
            job = new_job(next(self._ids), preset, config, name)
            self._store.add(job, key, request)
            self._record_status(job)
            self._admit(job)
        return job

    def active_job(self, job_id: str) -> ActiveJob | None:
        """Return the job if it has not ended; None also if there is none."""
        return self._active.get(job_id)

    def job(self, job_id: str) -> Job:
        """Return the job with its live progress."""
        active = self._active.get(job_id)
        job = active.current if active else self._store.job(job_id)
        if job is None:
            raise JobNotFoundError
        return job

    def jobs(
        self, *, limit: int, after: str | None = None, prefix: str | None = None, **values: str | None
    ) -> list[Job]:
        """Return the newest jobs, or the newest ones before the job `after`; see `Store.jobs`."""
        stored = self._store.jobs(limit=limit, after=after, prefix=prefix, **values)
        return [self._with_live_progress(job) for job in stored]

    def search(self, query: JobQuery) -> list[tuple[Job, Cursor]]:
        """Return a page of the jobs that match, each with the cursor of the page after it."""
        return [(self._with_live_progress(job), cursor) for job, cursor in self._store.search(query)]

    def progress(self, job: Job) -> Progress | None:
        """Return a training's progress, live or from disk; None before it has started."""
        return self.trainings.progress(job, self._active.get(job.id))

    def sweep_summary(self, job: Job) -> SweepSummary:
        """Return the figures of a sweep's finished members."""
        summary = self.sweeps.summary(job, self._active.get(job.id))
        self.job(job.id)  # it may have been deleted meanwhile, and its shards with it
        return summary

    def start(self, active: ActiveJob) -> bool:
        """Mark the job running; return False if it is no longer queued or has crashed too often."""
        with self._lock:
            if active.job.id not in self._queued:
                return False
            if active.job.attempts > MAX_ATTEMPTS:
                self.end(active, "failed", CRASHED)
                return False
            self._persist(active, active.job.with_status("running"))
            del self._queued[active.job.id]
        return True

    def stop_training(self, active: ActiveJob, status: StopStatus) -> None:
        """Move a training to cancelled or paused; no worker runs it any more."""
        with self._lock:
            if active.requested_status == "cancelled":  # requested after the worker looked
                status = "cancelled"
            self._stop(active, status)

    def requeue_running(self) -> None:
        """Requeue running jobs on shutdown, once all workers have stopped."""
        for active in list(self._active.values()):
            if active.job.status == "running":
                with contextlib.suppress(*ENVIRONMENT_ERRORS):  # it resumes from its last checkpoint
                    self._persist(active, after_shutdown(active.current))

    def requeue_died(self, active: ActiveJob) -> None:
        """Requeue a running training whose process died, as the next one, unless a stop is requested."""
        with self._lock:
            if active.requested_status is not None:
                self._stop(active, active.requested_status)
                return
            self._persist(active, after_training_crash(active.current, active.job.iteration))
            self._queued[active.job.id] = active
            self.queue.put(active, first=True)

    def end(self, active: ActiveJob, status: Status, error: JobError | None = None) -> None:
        """End a job and persist all that it leaves, unless it has ended already or a sweep to succeed was paused."""
        progress = active.progress
        result = progress.result if progress else None
        model = model_at(active.job.train_config, progress.snapshots) if progress and result else None
        with self._lock, active.lock:
            if active.job.has_ended or (status == "succeeded" and active.job.status == "paused"):
                return
            detail = error.detail if error else None
            job = active.current.with_status(status, detail, error=error, result=result)
            self._store.finish(job, progress, model)
            del self._active[job.id]
            self._dequeue(active)
            if model is not None:
                self.models.forget([job.id])
            self._record_status(job)
            self.metrics.record_job_end(job, active.seconds_since_start)
            active.set_job(job)
            if isinstance(active, ActiveSweep):
                active.begin_generation()
                if active.summary is not None:
                    self.sweeps.remember(job.id, active.summary)

    def running_sweeps(self) -> list[ActiveSweep]:
        """Return the sweeps that are running."""
        active = [active for active in list(self._active.values()) if active.job.status == "running"]
        return [active for active in active if isinstance(active, ActiveSweep)]

    def note(self, active: ActiveJob, detail: str) -> None:
        """Record a detail in the transitions of a running job, whose status stays."""
        with self._lock:
            if active.job.status == "running":
                self._persist(active, active.current.with_status("running", detail))

    def request_stop(self, job_id: str, status: StopStatus) -> ActiveJob | Job:
        """Stop a job at once and return it, or request it of a running training's worker and return the `ActiveJob`.

        Raises:
            InvalidJobStateError: the job has ended with another status.
        """
        with self._lock:
            active = self._active.get(job_id)
            if active is None:
                job = self.job(job_id)
                if job.status != status:
                    raise InvalidJobStateError(f"The job has ended ({job.status}) and cannot be {status}.")
                return job
            if active.job.status == "running" and not isinstance(active, ActiveSweep):
                active.request_stop(status)
                return active
            if active.job.status != status:
                self._stop(active, status)
            return active.job

    def resume(self, job_id: str) -> Job:
        """Queue a paused job again.

        Raises:
            InvalidJobStateError: the job is not paused.
            QueueFullError: the queue is full; the job stays paused.
        """
        with self._lock:
            active = self._active.get(job_id)
            if active is None or active.job.status != "paused":
                raise InvalidJobStateError(f"The job is {self.job(job_id).status}. Only a paused job can be resumed.")
            self._check_room()
            self._persist(active, active.job.with_status("queued"))
            self._enqueue(active)
            return active.job

    def edit(self, job_id: str, changes: Mapping[str, Any], check: Callable[[Job], None] = lambda _: None) -> Job:
        """Replace the name, the note or the tags of a job, unless `check` raises an error for it as it is now."""
        with self._lock:
            active = self._active.get(job_id)
            if active is None:
                check(job := self.job(job_id))
                edited = replace(job, **changes)
                if edited != job:
                    self._store.update(edited)
                return edited
            with active.lock:
                check(active.current)
                if (edited := replace(active.job, **changes)) != active.job:
                    self._store.update(replace(active.current, **changes))
                    active.job = edited
                return active.current

    def model(self, job_id: str, iteration: int | None = None) -> tuple[Model, int]:
        """Return a job's networks at a snapshot, or the latest ones, and their iteration.

        Raises:
            ServiceError: the job has no such model; see `ModelCache.load`.
        """
        job = self.job(job_id)
        reads_file = job.status == "succeeded" and iteration is None
        model = self.models.load(job, None if reads_file else self.progress(job), iteration)
        if job_id not in self._active and self._store.job(job_id) is None:  # deleted meanwhile
            self.models.forget([job_id])
            raise JobNotFoundError
        return model

    def release(self) -> None:
        """Release all clients that wait for a job, because the process shuts down."""
        with self._lock:
            self._released = True
            for active in self._active.values():
                active.release()

    def _admit(self, job: Job) -> None:
        """Make a new or stored job active, and queue it unless it is paused."""
        active = self._active[job.id] = ActiveSweep(job) if isinstance(job.config, SweepConfig) else ActiveJob(job)
        if self._released:
            active.release()
        if job.status == "queued":
            self._enqueue(active)

    def _requeue_crashed(self, job: Job) -> Job:
        """Requeue a job that a dead process was running, with one more attempt."""
        done = sum(self._store.sweeps.finished_shards(job.id).values()) if job.kind == "sweep" else job.iteration
        job = after_crash(job, done)
        with contextlib.suppress(*ENVIRONMENT_ERRORS):  # the next start would requeue the same row again
            self._store.update(job)
        self._record_status(job)
        return job

    def _check_room(self) -> None:
        if len(self._queued) >= self._queue_size:
            raise QueueFullError(f"The queue is full ({self._queue_size:,} jobs). Retry in a moment.")

    def _enqueue(self, active: ActiveJob) -> None:
        self._queued[active.job.id] = active
        self.queue.put(active)

    def _dequeue(self, active: ActiveJob) -> None:
        if self._queued.pop(active.job.id, None) is not None:
            self.queue.remove(active)

    def _stop(self, active: ActiveJob, status: StopStatus) -> None:
        """Move a job to cancelled or paused; the shards of a sweep that are in training are discarded."""
        if status == "cancelled":
            self.end(active, "cancelled")
            return
        with active.lock:
            self._persist(active, active.current.with_status("paused", attempts=0))
            if isinstance(active, ActiveSweep):
                active.begin_generation()
        self._dequeue(active)

    def _with_live_progress(self, job: Job) -> Job:
        """Overlay live progress on a stored job, unless its status has changed since."""
        current = active.current if (active := self._active.get(job.id)) else job
        return current if current.status == job.status else job

    def _persist(self, active: ActiveJob, job: Job) -> None:
        """Persist a job's new status, with a checkpoint if it stops, then announce it."""
        with active.lock:
            self._store.update(job, None if job.status == "running" else active.progress)
            self._record_status(job)
            active.set_job(job)

    def _record_status(self, job: Job) -> None:
        """Log a new job or a job's new status."""
        progress = {"iteration": job.iteration, "detail": job.transitions[-1].detail}
        log.info("job", extra=fields(job_id=job.id, kind=job.kind, status=job.status, **progress))
