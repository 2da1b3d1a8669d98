"""Model cache: the networks of any job at any snapshot, with the latest requested ones in memory."""

import threading
from collections.abc import Collection

from gan1010 import Model, Progress
from gan1010.training import model_at
from service.errors import ModelFileNotFoundError, NoModelError, SnapshotNotFoundError
from service.job import Job
from service.storage.store import Store

MAX_MODELS_IN_MEMORY = 1024


class ModelCache:
    """The models of all jobs. Any thread may call it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._loaded: dict[tuple[str, int | None], tuple[Model, int]] = {}
        self._latest: dict[bool, str] = {}
        self.page = store.models

    def latest(self, *, with_generator: bool) -> str:
        """Return the id of the training that succeeded last, of all or of those with a generator.

        Raises:
            NoModelError: no training has succeeded.
        """
        if (job_id := self._latest.get(with_generator)) is None:
            with self._lock:
                job_id = self._store.last_succeeded(with_generator)
                if job_id is None:
                    raise NoModelError
                self._latest[with_generator] = job_id
        return job_id

    def newest(self) -> set[str]:
        """Return the ids that `latest` has for either kind of training."""
        return {job_id for kind in (True, False) if (job_id := self._store.last_succeeded(with_generator=kind))}

    def cached(self, job_id: str, iteration: int | None = None) -> tuple[Model, int] | None:
        """Return what `load` does, if it is in memory."""
        return self._loaded.get((job_id, iteration))

    def load(self, job: Job, progress: Progress | None, iteration: int | None = None) -> tuple[Model, int]:
        """Return a job's networks at a snapshot, or the latest ones, and their iteration.

        Raises:
            WrongJobKindError: the job is a sweep.
            NoModelError: the job has not started.
            SnapshotNotFoundError: there is no snapshot of that iteration.
            CorruptDataError: the model's file is damaged.
        """
        config = job.train_config
        if job.status == "succeeded" and iteration is None:
            loaded = Model.from_bytes(self.file(job)), job.iteration
        elif progress is None:
            remedy = "Wait until it runs." if job.status == "queued" else "Train another one."
            raise NoModelError(f"The job is {job.status} and has no weights. {remedy}")
        else:
            try:
                model = model_at(config, progress.snapshots, iteration)
            except ValueError as error:
                raise SnapshotNotFoundError(str(error), "iteration") from None
            loaded = model, int(progress.snapshots.iterations[-1]) if iteration is None else iteration
        if job.has_ended or iteration is not None:  # the latest weights of an active job change
            with self._lock:
                if len(self._loaded) >= MAX_MODELS_IN_MEMORY:
                    self._loaded.pop(next(iter(self._loaded)))
                self._loaded[job.id, iteration] = loaded
        return loaded

    def file(self, job: Job) -> bytes:
        """Return the content of a finished model's file.

        Raises:
            ModelFileNotFoundError: the job has no finished model.
            CorruptDataError: the file is damaged.
        """
        content = self._store.model_file(job.id)
        if content is None:
            state = "a sweep" if job.kind == "sweep" else job.status
            raise ModelFileNotFoundError(f"The job is {state}. Only a training that has succeeded has model files.")
        return content

    def forget(self, job_ids: Collection[str]) -> None:
        """Forget jobs that have succeeded or have been deleted, and the latest model."""
        with self._lock:
            self._latest.clear()
            for key in [key for key in self._loaded if key[0] in job_ids]:
                del self._loaded[key]
