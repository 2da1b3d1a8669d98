"""The registry: every job of this process, those that live in memory and those that have ended on disk.

The routes ask it, the runner works for it, and it knows nothing of either. What it returns has been kept on disk.
"""

import contextlib
import dataclasses
import logging
import queue
import threading
import time
from concurrent.futures import Future, InvalidStateError

from gan1010 import Model, Progress, Snapshots, TrainConfig, modelfile
from gan1010.training import model_at
from service.errors import FileNotInModel, JobNotFound, KeyReused, NoModel, NoSuchSnapshot, QueueFull, StateForbids
from service.jobs import Job, JobError, Status, job_ids, new_job
from service.store import KeptModel, Store

MODELS_IN_MEMORY = 1024
log = logging.getLogger("gan1010.jobs")


class LiveJob:
    """A job that has not ended: its state, how far it is, and whether somebody wants it to stop."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.progress: Progress | None = None
        self.cancel_requested = False
        self._over: Future[None] = Future()
        self._over.set_running_or_notify_cancel()  # who waits may give up, but not call it off for the others
        self.began = 0.0

    @property
    def over(self) -> Future[None]:
        """Done when the job has ended, or when this process won't bring it to its end."""
        return self._over

    def release(self) -> None:
        """Wake who waits for the end."""
        with contextlib.suppress(InvalidStateError):
            self._over.set_result(None)

    @property
    def current(self) -> Job:
        """The job with the figures of this moment."""
        progress = self.progress
        if progress is None or self.job.ended:
            return self.job
        speed = progress.iteration / (time.perf_counter() - self.began)
        return dataclasses.replace(self.job, iteration=progress.iteration, iterations_per_second=round(speed, 1))


class Registry:
    """All jobs. Its methods may be called from any thread."""

    def __init__(self, store: Store, queue_size: int) -> None:
        self._store = store
        self._queue_size = queue_size
        self._lock = threading.RLock()
        self._live: dict[str, LiveJob] = {}
        self._queued: dict[str, LiveJob] = {}
        self.queue: queue.SimpleQueue[LiveJob | None] = queue.SimpleQueue()
        self._models: dict[tuple[str, int | None], tuple[Model, int]] = {}
        self._latest = {generator: store.last_succeeded(generator) for generator in (False, True)}
        self._ids = job_ids(store.last_id())
        for job in store.unfinished():
            if job.status == "running":
                job = job.moved("queued", "the service was started again")
                store.update(job)
            self._enqueue(job)

    def submit(
        self, config: TrainConfig, *, preset: str, name: str | None, key: str | None = None, request: str = ""
    ) -> Job:
        """Queue a training, or return the job that the same idempotency key brought before.

        Raises:
            QueueFull: and nothing is kept.
            KeyReused: the key came with another request.
        """
        with self._lock:
            known = self._store.job_of_key(key) if key is not None else None
            if known is not None:
                if known[0] != request:
                    detail = "this Idempotency-Key came with another request before; use a new one"
                    raise KeyReused(detail, "header", "idempotency-key")
                return self.job(known[1])
            if len(self._queued) >= self._queue_size:
                raise QueueFull(f"{self._queue_size} jobs are waiting already; try again in a moment")
            job = new_job(next(self._ids), preset, config, name)
            self._store.add(job, key, request)
            self._enqueue(job)
        log.info("job %s queued", job.id)
        return job

    def live(self, job_id: str) -> LiveJob | None:
        """The job, if it has not ended."""
        return self._live.get(job_id)

    def job(self, job_id: str) -> Job:
        """The job as it is now.

        Raises:
            JobNotFound: there is none.
        """
        live = self._live.get(job_id)
        job = live.current if live else self._store.job(job_id)
        if job is None:
            raise JobNotFound("no job has this id; GET /jobs lists those that there are")
        return job

    def jobs(self, *, status: Status | None, kind: str | None, after: str | None, limit: int) -> list[Job]:
        """The newest jobs, before the job `after` if one is named."""
        kept = self._store.jobs(status=status, kind=kind, after=after, limit=limit)
        return [live.current if (live := self._live.get(job.id)) else job for job in kept]

    def progress(self, job: Job) -> Progress | None:
        """How far a job is, or what it left behind; None before it has begun."""
        live = self._live.get(job.id)
        return live.progress if live else self._store.progress(job)

    def begin(self, live: LiveJob) -> bool:
        """A thread takes the job; False if it was cancelled while it waited."""
        with self._lock:
            if self._queued.pop(live.job.id, None) is None:
                return False
            self._move(live, "running")
        live.began = time.perf_counter()
        return True

    def end(self, live: LiveJob, status: Status, error: JobError | None = None) -> None:
        """The job has ended: keep all that it left, then say so."""
        progress = live.progress
        job = live.current.moved(
            status, error.detail if error else None, error=error, result=progress.result if progress else None
        )
        finished = progress is not None and progress.result is not None
        model = model_at(job.config, progress.snapshots) if progress and finished else None
        with self._lock:
            self._store.finish(job, progress, model)
            self._live.pop(job.id)
            if status == "succeeded":
                for generator in {False, job.config.experiment == "gan"}:
                    self._latest[generator] = job.id
        live.job = job
        log.info("job %s %s", job.id, status)
        live.release()

    def request_cancel(self, job_id: str) -> LiveJob | Job:
        """Cancel: at once if the job waits, else it is the running job, which ends soon.

        Raises:
            JobNotFound: there is none.
            StateForbids: it has succeeded or failed.
        """
        with self._lock:
            live = self._live.get(job_id)
            if live is None:
                job = self.job(job_id)
                if job.status != "cancelled":
                    raise StateForbids(f"the job has {job.status}, so there is nothing left to cancel")
                return job
            live.cancel_requested = True
            if self._queued.pop(job_id, None) is not None:
                self.end(live, "cancelled")
            return live

    def delete(self, job_id: str) -> None:
        """Forget a job that has ended.

        Raises:
            JobNotFound: there is none.
            StateForbids: it has not ended.
        """
        with self._lock:
            job = self.job(job_id)
            if not job.ended:
                raise StateForbids(f"the job is {job.status}; cancel it first, or wait until it has ended")
            self._store.delete(job_id)
            for kept in [kept for kept in self._models if kept[0] == job_id]:
                del self._models[kept]
            self._latest = {generator: self._store.last_succeeded(generator) for generator in (False, True)}
        log.info("job %s deleted", job_id)

    def latest(self, *, with_generator: bool) -> str:
        """The id of the job that succeeded last, of all or of those with a generator.

        Raises:
            NoModel: none has.
        """
        job_id = self._latest[with_generator]
        if job_id is None:
            raise NoModel("nothing has been trained yet; POST /train with an empty body trains the article's GAN")
        return job_id

    def cached_model(self, job_id: str, iteration: int | None = None) -> tuple[Model, int] | None:
        """What `model` answers, if it is in memory."""
        return self._models.get((job_id, iteration))

    def model(self, job_id: str, iteration: int | None = None) -> tuple[Model, int]:
        """A job's networks, at a kept iteration or at the last, and that iteration.

        Raises:
            JobNotFound: there is no such job.
            NoModel: it has not begun.
            NoSuchSnapshot: no weights were kept at that iteration.
        """
        job = self.job(job_id)
        if job.status == "succeeded" and iteration is None:
            loaded = modelfile.load(self.model_file(job_id)), job.iteration
        else:
            progress = self.progress(job)
            if progress is None:
                what_next = "wait until it runs" if job.status == "queued" else "train another"
                raise NoModel(f"the job is {job.status} and has no weights; {what_next}")
            loaded = _model_of(job, progress.snapshots, iteration)
        if job.ended or iteration is not None:  # else the next one who asks gets newer weights
            with self._lock:
                if len(self._models) >= MODELS_IN_MEMORY:
                    self._models.pop(next(iter(self._models)))
                self._models[job_id, iteration] = loaded
        return loaded

    def models(self, *, after: str | None, limit: int) -> list[KeptModel]:
        """The newest finished models, before that of the job `after` if one is named."""
        return self._store.models(after=after, limit=limit)

    def model_file(self, job_id: str) -> bytes:
        """The content of a finished model's file.

        Raises:
            JobNotFound: there is no such job.
            FileNotInModel: it has no finished model.
        """
        job = self.job(job_id)
        content = self._store.model_file(job_id)
        if content is None:
            raise FileNotInModel(f"the job is {job.status}; only a job that has succeeded has model files")
        return content

    def release(self) -> None:
        """Wake all who wait: the process stops, and unfinished jobs go on after the next start."""
        with self._lock:
            for live in self._live.values():
                live.release()

    def _enqueue(self, job: Job) -> None:
        live = LiveJob(job)
        self._live[job.id] = self._queued[job.id] = live
        self.queue.put(live)

    def _move(self, live: LiveJob, status: Status) -> None:
        job = live.job.moved(status)
        self._store.update(job)
        live.job = job
        log.info("job %s %s", job.id, status)


def _model_of(job: Job, snapshots: Snapshots, iteration: int | None) -> tuple[Model, int]:
    try:
        model = model_at(job.config, snapshots, iteration)
    except ValueError as error:
        raise NoSuchSnapshot(str(error), "iteration") from None
    return model, int(snapshots.iterations[-1]) if iteration is None else iteration
