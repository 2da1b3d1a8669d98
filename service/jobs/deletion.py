"""Deletion of jobs that have ended, one at once or many in short steps."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from service.errors import CorruptDataError, InvalidJobStateError
from service.job import Job
from service.jobs.model_cache import ModelCache
from service.storage.store import Store
from service.telemetry.logs import fields

MAX_JOBS_PER_STEP, STEP_SECONDS = 64, 0.04  # of jobs that are deleted at once
log = logging.getLogger(__name__)


class Deletion:
    """The deletion of jobs under the registry's lock. Any thread may call it."""

    def __init__(self, store: Store, models: ModelCache, job: Callable[[str], Job], lock: threading.RLock) -> None:
        self._store, self._models, self._job, self._lock = store, models, job, lock
        self.ended_jobs = store.ended_jobs

    def delete(self, job_id: str) -> None:
        """Delete a job that has ended.

        Raises:
            JobNotFoundError: no job has this id.
            InvalidJobStateError: the job has not ended.
        """
        with self._lock:
            with contextlib.suppress(CorruptDataError):  # a job that cannot be read can be deleted
                if not (job := self._job(job_id)).has_ended:
                    raise InvalidJobStateError(f"The job is {job.status}. Cancel it first, or wait until it has ended.")
            self._delete([job_id])
        log.info("job", extra=fields(job_id=job_id, status="deleted"))
        for _ in self._store.shrink():
            pass

    def delete_ended(self, job_ids: Sequence[str]) -> Iterator[int]:
        """Delete jobs of `ended_jobs` in the order given, and give their space back to the disk.

        Yields:
            How many are deleted by now, after each short step. Other requests are served between two steps, and it is
            safe to stop there.
        """
        deleted, step = 0, 1
        try:
            while deleted < len(job_ids):
                began, batch = time.monotonic(), job_ids[deleted : deleted + step]
                with self._lock:
                    self._delete(batch)
                deleted += len(batch)
                is_short = time.monotonic() - began < STEP_SECONDS  # jobs differ in size
                step = min(step * 2, MAX_JOBS_PER_STEP) if is_short else max(step // 2, 1)
                yield deleted
            for _ in self._store.shrink():
                yield deleted
        finally:
            if deleted:
                ends = {"oldest": job_ids[0], "newest": job_ids[deleted - 1]}
                log.info("jobs", extra=fields(status="deleted", count=deleted, **ends))

    def _delete(self, job_ids: Sequence[str]) -> None:
        self._store.delete(job_ids)
        self._models.forget(set(job_ids))
