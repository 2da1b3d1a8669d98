"""The registry: every job of this process, those that live in memory and those that have ended on disk.

The routes ask it, the runner works for it, and it knows nothing of either. What it returns has been kept on disk.
"""

import contextlib
import threading
from typing import Literal

from gan1010 import Model, Progress, TrainConfig
from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.summary import SweepSummary
from gan1010.training import model_at
from service.errors import (
    CorruptDataError,
    DiskFullError,
    IdempotencyKeyReusedError,
    InvalidJobStateError,
    JobNotFoundError,
    QueueFullError,
    StorageFailedError,
)
from service.job import Job, JobError, Status, job_ids, new_job
from service.jobs.active_job import ActiveJob, ActiveSweep
from service.jobs.model_cache import ModelCache
from service.jobs.monitor import JobMonitor
from service.jobs.queue import JobQueue
from service.jobs.recovery import POISON, STOPPED, CrashRecovery, is_poison, without_suspicion
from service.jobs.sweep_runs import SweepRuns
from service.storage.store import Store
from service.telemetry.metrics import Metrics


class Registry:
    """All jobs. Its methods may be called from any thread."""

    def __init__(self, store: Store, queue_size: int, metrics: Metrics | None = None) -> None:
        self._store, self.monitor = store, JobMonitor(metrics or Metrics())
        self._queue_size, self._lock, self._released = queue_size, threading.RLock(), False
        self.count = store.count  # how many jobs are in each status
        self._live: dict[str, ActiveJob] = {}
        self._queued: dict[str, ActiveJob] = {}
        self.queue = JobQueue()
        self.models, self.sweeps = ModelCache(store), SweepRuns(store.sweeps)
        self.recovery = CrashRecovery(store, self.queue, self.monitor)
        self._ids = job_ids(store.last_job_id())
        for job in store.unfinished_jobs():
            self._admit(job)

    def submit(
        self,
        config: TrainConfig | SweepConfig,
        *,
        preset: str,
        name: str | None,
        key: str | None = None,
        request: str = "",
    ) -> Job:
        """Queue a training or a sweep, or return the job that the same idempotency key brought before.

        Raises:
            QueueFullError: and nothing is kept.
            IdempotencyKeyReusedError: the key came with another request.
        """
        with self._lock:
            if key is not None and (known := self._store.idempotency_key(key)) is not None:
                if known[0] != request:
                    detail = "this Idempotency-Key came with another request before; use a new one"
                    raise IdempotencyKeyReusedError(detail, "header", "idempotency-key")
                return self.job(known[1])
            self._check_room()
            job = new_job(next(self._ids), preset, config, name)
            self._store.add(job, key, request)
            self.monitor.status(job)
            self._admit(job)
        return job

    def active_job(self, job_id: str) -> ActiveJob | None:
        """The job, if it has not ended."""
        return self._live.get(job_id)

    def job(self, job_id: str) -> Job:
        """The job as it is now.

        Raises:
            JobNotFoundError: there is none.
        """
        live = self._live.get(job_id)
        job = live.current if live else self.sweeps.job(job_id) or self._store.job(job_id)
        if job is None:
            raise JobNotFoundError("no job has this id; GET /jobs lists those that there are")
        return job

    def jobs(self, *, status: Status | None, kind: str | None, after: str | None, limit: int) -> list[Job]:
        """The newest jobs, before the job `after` if one is named."""
        return [self._as_of_now(job) for job in self._store.jobs(status=status, kind=kind, after=after, limit=limit)]

    def progress(self, job: Job) -> Progress | None:
        """How far a job is, or what it left behind; None before it has begun."""
        live = self._live.get(job.id)
        return (live.progress if live else None) or self._store.runs.progress(job)

    def sweep_summary(self, job: Job) -> SweepSummary:
        """What has come of a sweep so far."""
        outcomes = self.sweeps.outcomes(job, self._live.get(job.id))
        self._forget_if_deleted(job.id)
        return outcomes

    def begin(self, live: ActiveJob) -> bool:
        """A thread takes the job; False if it is not to be run: it does not wait any more, or it is poison."""
        with self._lock:
            if live.job.id not in self._queued:
                return False
            if is_poison(live.job):
                self.fail(live, POISON)
                return False
            live.begin()
            self._move(live, live.job.with_status("running"))
            del self._queued[live.job.id]
        return True

    def checkpoint(self, live: ActiveJob, progress: Progress) -> None:
        """A training has got somewhere: keep that, so that it goes on from there whatever happens next."""
        live.job = without_suspicion(live.job)
        self._store.checkpoint(live.current, progress)
        self.monitor.record_progress(live.current)
        self.queue.clear(live)

    def stop_training(self, live: ActiveJob, status: Status) -> None:
        """The thread that ran a training has stopped, or it had not begun: it is cancelled or paused from now on."""
        with self._lock:
            if "cancelled" in {status, live.requested_status}:  # the last may have been asked for just now
                self.end(live, "cancelled")
            else:
                self._move(live, live.current.with_status("paused", crashes=0, suspect=None))
                self._dequeue(live)

    def requeue_running(self) -> None:
        """All threads have stopped for good: what they were at goes on after the next start."""
        for live in list(self._live.values()):
            if live.job.status == "running":
                job = live.current.with_status("queued", STOPPED, crashes=0, suspect=None)
                with contextlib.suppress(DiskFullError, StorageFailedError):  # then it goes on from its last checkpoint
                    self._move(live, job)

    def end_sweep(self, live: ActiveSweep, status: Status, error: JobError | None = None) -> None:
        """The sweep has ended, unless somebody was first to say so, or has it paused before it has succeeded."""
        with self._lock, live.lock:
            if not live.job.has_ended and not (status == "succeeded" and live.job.status == "paused"):
                self._end(live, live.current.with_status(status, error.detail if error else None, error=error))
                live.stop()
                if live.summary is not None:
                    self.sweeps.remember(live.job, live.summary)

    def fail(self, live: ActiveJob, error: JobError) -> None:
        """The job has failed, unless it has ended before."""
        if isinstance(live, ActiveSweep):
            self.end_sweep(live, "failed", error)
        elif not live.job.has_ended:
            self.end(live, "failed", error)

    def end(self, live: ActiveJob, status: Status, error: JobError | None = None) -> None:
        """The training has ended: keep all that it left, then say so."""
        progress = live.progress
        result = progress.result if progress else None
        job = live.current.with_status(status, error.detail if error else None, error=error, result=result)
        model = model_at(job.train_config, progress.snapshots) if progress and result else None
        with self._lock:
            self._end(live, job, progress, model)

    def request_stop(self, job_id: str, status: Literal["cancelled", "paused"]) -> ActiveJob | Job:
        """Have a job cancelled or paused: at once, or if a thread runs it as soon as that looks; then it is a live job.

        Raises:
            JobNotFoundError: there is none.
            InvalidJobStateError: it has ended, and not been cancelled.
        """
        with self._lock:
            live = self._live.get(job_id)
            if live is None:
                job = self.job(job_id)
                if job.status != status:
                    raise InvalidJobStateError(
                        f"the job has {job.status}, so there is nothing left of it to be {status}"
                    )
                return job
            if isinstance(live, ActiveSweep):
                self._stop_sweep(live, status)
            elif live.job.status == "running":
                live.request_stop(status)
                return live
            elif live.job.status != status:
                self.stop_training(live, status)
            return live.job

    def resume(self, job_id: str) -> Job:
        """Have a paused job wait for a thread, to go on where it was.

        Raises:
            JobNotFoundError: there is none.
            InvalidJobStateError: it is not paused.
            QueueFullError: there is no room to wait in; it stays paused.
        """
        with self._lock:
            live = self._live.get(job_id)
            if live is None or live.job.status != "paused":
                raise InvalidJobStateError(f"the job is {self.job(job_id).status}; only a paused one can be resumed")
            self._check_room()
            self._move(live, live.job.with_status("queued"))
            self._queue(live)
            return live.job

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended.

        Raises:
            JobNotFoundError: there is none.
            InvalidJobStateError: it has not ended.
        """
        with self._lock:
            with contextlib.suppress(CorruptDataError):  # what cannot be read can be forgotten
                if not (job := self.job(job_id)).has_ended:
                    raise InvalidJobStateError(f"the job is {job.status}; cancel it first, or wait until it has ended")
            self._store.delete(job_id)
            self.models.forget(job_id)
            self.sweeps.forget(job_id)
        self.monitor.record_deletion(job_id)

    def model(self, job_id: str, iteration: int | None = None) -> tuple[Model, int]:
        """A job's networks, at a kept iteration or at the last, and that iteration.

        Raises:
            JobNotFoundError: there is no such job.
            ServiceError: it has no such model; see `Models.of`.
        """
        job = self.job(job_id)
        wants_file = job.status == "succeeded" and iteration is None
        model = self.models.load(job, None if wants_file else self.progress(job), iteration)
        self._forget_if_deleted(job_id)
        return model

    def release(self) -> None:
        """Wake all who wait: the process stops, and unfinished jobs go on after the next start."""
        with self._lock:
            self._released = True
            for live in self._live.values():
                live.release()

    def _admit(self, job: Job) -> None:
        """A job that is new, or that another process has left."""
        job = self.recovery.after_sudden_end(job) if job.status == "running" else job
        live = self._live[job.id] = ActiveSweep(job) if isinstance(job.config, SweepConfig) else ActiveJob(job)
        if self._released:
            live.release()
        if job.status == "queued":
            self._queue(live)

    def _check_room(self) -> None:
        if len(self._queued) >= self._queue_size:
            raise QueueFullError(f"{self._queue_size} jobs are waiting already; try again in a moment")

    def _queue(self, live: ActiveJob) -> None:
        self._queued[live.job.id] = live
        self.queue.put(live)

    def _dequeue(self, live: ActiveJob) -> None:
        if self._queued.pop(live.job.id, None) is not None:
            self.queue.drop(live)

    def _stop_sweep(self, live: ActiveSweep, status: Literal["cancelled", "paused"]) -> None:
        """What its threads are at comes to nothing; what they have finished is kept."""
        if status == "cancelled":
            self.end_sweep(live, "cancelled")
        elif live.job.status != "paused":
            with live.lock:
                self._move(live, live.current.with_status("paused", crashes=0, suspect=None))
                live.stop()
            self._dequeue(live)
            self.queue.clear(live)

    def _as_of_now(self, job: Job) -> Job:
        """A job that was found on disk, with the figures of this moment if it still is in that status."""
        current = live.current if (live := self._live.get(job.id)) else job
        return current if current.status == job.status else job

    def _forget_if_deleted(self, job_id: str) -> None:
        """What is in memory of a job does not outlive it, even if it was deleted while it was looked up."""
        if job_id not in self._live and self._store.job(job_id) is None:
            self.models.forget(job_id)
            self.sweeps.forget(job_id)
            raise JobNotFoundError("the job has just been deleted")

    def _end(self, live: ActiveJob, job: Job, progress: Progress | None = None, model: Model | None = None) -> None:
        self._store.finish(job, progress, model)
        self._live.pop(job.id)
        self._dequeue(live)
        if model is not None:
            self.models.succeeded(job)
        self.monitor.status(job)
        live.set_job(job)
        self.queue.clear(live)

    def _move(self, live: ActiveJob, job: Job) -> None:
        if live.progress is not None and job.status != "running":
            self._store.checkpoint(job, live.progress)
        else:
            self._store.update(job)
        self.monitor.status(job)
        live.set_job(job)
