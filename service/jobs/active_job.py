"""Active jobs: those that have not ended, with the state that only this process has."""

import asyncio
import contextlib
import dataclasses
import threading
import time
from collections import deque
from concurrent.futures import Future, InvalidStateError
from datetime import UTC, datetime

from gan1010 import Progress
from gan1010.sweeps.results import SweepSummary
from service.errors import ServiceError
from service.job import Job, StopStatus


class ActiveJob:
    """A job that has not ended: its state, its progress, and the status that a client has requested.

    `over` resolves when the job ends or the process shuts down. `changed` resolves at the next change of status, when
    the job is over, or when a requested stop could not be persisted.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.progress: Progress | None = None
        self.requested_status: StopStatus | None = None  # cancelled or paused, until the worker has stopped
        self.stop_error: ServiceError | None = None  # why the last requested stop could not be persisted
        self.lock = threading.RLock()  # held while the job's row is written
        self.over, self.changed = Future[None](), Future[None]()
        self._over_on_loop: asyncio.Future[None] | None = None
        self._running_since = 0.0
        # The clock may be set back or forward, so it counts for what was before this process only.
        age = (datetime.now(UTC) - job.started_at).total_seconds() if job.started_at else 0.0
        self._started = time.perf_counter() - max(age, 0.0)

    def set_job(self, job: Job) -> None:
        """Set the job's new state, which settles a requested stop, and wake those that wait for it."""
        if job.status == "running":
            self._running_since = time.perf_counter()
            if self.job.started_at is None:
                self._started = self._running_since
        self.job, self.requested_status = job, None
        self._wake()
        if job.has_ended:
            self.release()

    def restart_clock(self) -> None:
        """Count the iterations per second from now on, because the training only begins."""
        self._running_since = time.perf_counter()

    def request_stop(self, status: StopStatus) -> None:
        """Request cancel or pause of the running job; a pause never replaces a cancel."""
        self.stop_error = None
        if self.requested_status != "cancelled":
            self.requested_status = status

    def reject_stop(self, error: ServiceError) -> None:
        """Reject a requested stop that could not be persisted: the job runs on."""
        if self.requested_status is not None:
            self.stop_error, self.requested_status = error, None
            self._wake()

    def release(self) -> None:
        """Resolve both futures: the job is over."""
        _resolve(self.over)
        _resolve(self.changed)

    @property
    def current(self) -> Job:
        """The job with its live progress."""
        progress = self.progress
        return self.job if progress is None else self._at(progress.iteration)

    @property
    def seconds_since_start(self) -> float:
        """Seconds since the job's first start."""
        return time.perf_counter() - self._started

    def over_on_loop(self) -> "asyncio.Future[None]":
        """Return `over` for the running event loop; one future for all, as callbacks on `over` are never removed."""
        loop = asyncio.get_running_loop()
        if self._over_on_loop is None or self._over_on_loop.get_loop() is not loop:
            self._over_on_loop = asyncio.wrap_future(self.over)
        return self._over_on_loop

    def _wake(self) -> None:
        changed, self.changed = self.changed, Future()
        _resolve(changed)

    def _at(self, iteration: int) -> Job:
        if self.job.status != "running":
            return self.job
        speed = (iteration - self.job.iteration) / (time.perf_counter() - self._running_since)
        return dataclasses.replace(self.job, iteration=iteration, iterations_per_second=round(speed, 1))


def _resolve(future: Future[None]) -> None:
    with contextlib.suppress(InvalidStateError):  # resolved before
        future.set_result(None)


class ActiveSweep(ActiveJob):
    """A sweep that has not ended. All workers train its shards, in any order.

    Each start and each stop begins a new generation; shards that finish for an older one are discarded.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.missing: deque[tuple[int, int]] = deque()  # numbers and generations of shards that no worker has taken
        self.summary: SweepSummary | None = None  # None until it has run
        self.generation = 0
        self.has_checkpoint = False  # whether anything has been persisted in this generation

    @property
    def is_complete(self) -> bool:
        """True once all members are done."""
        return self.summary is not None and self.summary.done == self.job.iterations

    def begin_generation(self) -> None:
        """Discard the shards that are in training; finished ones stay."""
        self.missing.clear()
        self.generation += 1

    @property
    def current(self) -> Job:
        """The job with its live progress."""
        summary = self.summary
        return self.job if summary is None else self._at(summary.done)
