"""Models: the networks of any job at any kept moment, ready to sample and score, the last ones asked for in memory."""

import threading

from gan1010 import Model, Progress
from gan1010.export import safetensors
from gan1010.training import model_at
from service.errors import CorruptDataError, ModelFileNotFoundError, NoModelError, SnapshotNotFoundError
from service.job import Job
from service.storage.store import Store, StoredModel

MODELS_IN_MEMORY = 1024


class ModelCache:
    """The models of all jobs. Any thread may call it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._loaded: dict[tuple[str, int | None], tuple[Model, int]] = {}
        self._find_latest()

    def latest(self, *, with_generator: bool) -> str:
        """The id of the job that succeeded last, of all or of those with a generator.

        Raises:
            NoModelError: none has.
        """
        job_id = self._latest[with_generator]
        if job_id is None:
            raise NoModelError
        return job_id

    def cached(self, job_id: str, iteration: int | None = None) -> tuple[Model, int] | None:
        """What `of` answers, if it is in memory."""
        return self._loaded.get((job_id, iteration))

    def load(self, job: Job, progress: Progress | None, iteration: int | None = None) -> tuple[Model, int]:
        """A job's networks, at a kept iteration or at the last, and that iteration.

        Raises:
            WrongJobKindError: it is a sweep.
            NoModelError: it has not begun.
            SnapshotNotFoundError: no weights were kept at that iteration.
            CorruptDataError: the model's file is not what was written.
        """
        config = job.train_config
        if job.status == "succeeded" and iteration is None:
            loaded = safetensors.load(self.file(job)), job.iteration
        elif progress is None:
            what_next = "wait until it runs" if job.status == "queued" else "train another"
            raise NoModelError(f"the job is {job.status} and has no weights; {what_next}")
        else:
            try:
                model = model_at(config, progress.snapshots, iteration)
            except ValueError as error:
                raise SnapshotNotFoundError(str(error), "iteration") from None
            loaded = model, int(progress.snapshots.iterations[-1]) if iteration is None else iteration
        if job.has_ended or iteration is not None:  # else the next one who asks gets newer weights
            with self._lock:
                if len(self._loaded) >= MODELS_IN_MEMORY:
                    self._loaded.pop(next(iter(self._loaded)))
                self._loaded[job.id, iteration] = loaded
        return loaded

    def page(self, *, after: str | None, limit: int) -> list[StoredModel]:
        """The newest finished models, before that of the job `after` if one is named."""
        return self._store.models(after=after, limit=limit)

    def file(self, job: Job) -> bytes:
        """The content of a finished model's file.

        Raises:
            ModelFileNotFoundError: it has no finished model.
            CorruptDataError: the file is not what was written.
        """
        content = self._store.model_file(job.id)
        if content is None:
            state = "a sweep" if job.kind == "sweep" else job.status
            raise ModelFileNotFoundError(f"the job is {state}; only a training that has succeeded has model files")
        try:
            safetensors.load(content)
        except ValueError as error:
            raise CorruptDataError(f"{error}; train the job again") from error
        return content

    def record_success(self, job: Job) -> None:
        """A training has succeeded just now."""
        with self._lock:
            self._latest |= dict.fromkeys({False, job.train_config.experiment == "gan"}, job.id)

    def forget(self, job_id: str) -> None:
        """A job has been deleted."""
        with self._lock:
            for kept in [kept for kept in self._loaded if kept[0] == job_id]:
                del self._loaded[kept]
            self._find_latest()

    def _find_latest(self) -> None:
        self._latest = {generator: self._store.last_succeeded(generator) for generator in (False, True)}
