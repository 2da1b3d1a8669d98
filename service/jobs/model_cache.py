"""Model cache: the networks of any job at any snapshot, with the latest requested ones in memory."""

import threading

from gan1010 import Model, Progress
from gan1010.export import safetensors
from gan1010.training import model_at
from service.errors import CorruptDataError, ModelFileNotFoundError, NoModelError, SnapshotNotFoundError
from service.job import Job
from service.storage.store import Store, StoredModel

MAX_MODELS_IN_MEMORY = 1024


class ModelCache:
    """The models of all jobs. Any thread may call it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._loaded: dict[tuple[str, int | None], tuple[Model, int]] = {}
        self._find_latest()

    def latest(self, *, with_generator: bool) -> str:
        """Return the id of the training that succeeded last, of all or of those with a generator.

        Raises:
            NoModelError: no training has succeeded.
        """
        job_id = self._latest[with_generator]
        if job_id is None:
            raise NoModelError
        return job_id

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
            loaded = safetensors.load(self.file(job)), job.iteration
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

    def page(self, *, after: str | None, limit: int) -> list[StoredModel]:
        """Return the newest finished models, or the newest ones before that of the job `after`."""
        return self._store.models(after=after, limit=limit)

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
        try:
            safetensors.load(content)
        except ValueError as error:
            raise CorruptDataError(f"{error}. Train the job again.") from error
        return content

    def record_success(self, job: Job) -> None:
        """Record the training that succeeded last."""
        with self._lock:
            self._latest |= dict.fromkeys({False, job.train_config.experiment == "gan"}, job.id)

    def forget(self, job_id: str) -> None:
        """Forget a deleted job."""
        with self._lock:
            for key in [key for key in self._loaded if key[0] == job_id]:
                del self._loaded[key]
            self._find_latest()

    def _find_latest(self) -> None:
        self._latest = {generator: self._store.last_succeeded(generator) for generator in (False, True)}
