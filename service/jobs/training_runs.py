"""Training progress and checkpoints: those of active trainings in memory, everything on disk."""

import logging
from dataclasses import replace

from gan1010 import Progress
from service.errors import CorruptDataError
from service.job import Job
from service.jobs.active_job import ActiveJob
from service.storage.store import Store

log = logging.getLogger(__name__)


class TrainingRuns:
    """The progress and the checkpoints of all trainings. Any thread may call it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def progress(self, job: Job, active: ActiveJob | None) -> Progress | None:
        """Return a training's progress, live or from disk; None before it has started."""
        return (active.progress if active else None) or self._store.runs.progress(job)

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
            with active.lock:
                active.job = replace(active.job, iteration=active.progress.iteration if active.progress else 0)
        return True

    def checkpoint(self, active: ActiveJob) -> None:
        """Persist a checkpoint of a training, which sets its attempts to zero."""
        with active.lock:
            self._store.update(replace(active.current, attempts=0), active.progress)
            active.job = replace(active.job, attempts=0)
