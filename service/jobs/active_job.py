"""Jobs that live: those that have not ended, with what this process knows of them beyond what is on disk."""

import asyncio
import contextlib
import dataclasses
import threading
import time
from collections import deque
from concurrent.futures import Future, InvalidStateError

from gan1010 import Progress
from gan1010.sweeps.summary import SweepSummary
from service.errors import ServiceError
from service.job import Job, Status


class ActiveJob:
    """A job that has not ended: its state, how far it is, and what somebody wants it to become.

    `over` is done when the job has ended, or when this process won't bring it to its end; `changed` when it has got
    another status than it has now, is over, or what was wanted of it is refused.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.progress: Progress | None = None
        self.requested_status: Status | None = None  # cancelled or paused, as soon as the thread that runs it looks
        self.stop_error: ServiceError | None = None  # why what was wanted last could not be kept
        self.over, self.changed = _future(), _future()
        self._ending: asyncio.Future[None] | None = None
        self._began = 0.0

    def begin(self) -> None:
        """It runs, from here on."""
        self._began = time.perf_counter()

    def set_job(self, job: Job) -> None:
        """It has another status; what was wanted of it has come, or can't come any more."""
        self.job, self.requested_status = job, None
        self._wake()
        if job.has_ended:
            self.release()

    def request_stop(self, status: Status) -> None:
        """Request cancel or pause of the running job; a pause never replaces a cancel."""
        self.stop_error = None
        if self.requested_status != "cancelled":
            self.requested_status = status

    def reject_stop(self, error: ServiceError) -> None:
        """What was wanted of it can't be kept: it goes on, and who waits is told."""
        if self.requested_status is not None:
            self.stop_error, self.requested_status = error, None
            self._wake()

    def release(self) -> None:
        """Wake all who wait: it is over."""
        _resolve(self.over)
        _resolve(self.changed)

    @property
    def current(self) -> Job:
        """The job with the figures of this moment."""
        progress = self.progress
        return self.job if progress is None else self._at(progress.iteration)

    def over_on_loop(self) -> "asyncio.Future[None]":
        """`over`, for who waits on this event loop: one for all, since it never forgets who has waited."""
        loop = asyncio.get_running_loop()
        if self._ending is None or self._ending.get_loop() is not loop:
            self._ending = asyncio.wrap_future(self.over)
        return self._ending

    def _wake(self) -> None:
        changed, self.changed = self.changed, _future()
        _resolve(changed)

    def _at(self, iteration: int) -> Job:
        """The job at an iteration, and how fast it came there."""
        if self.job.status != "running":
            return self.job
        speed = (iteration - self.job.iteration) / (time.perf_counter() - self._began)
        return dataclasses.replace(self.job, iteration=iteration, iterations_per_second=round(speed, 1))


def _resolve(future: Future[None]) -> None:
    with contextlib.suppress(InvalidStateError):  # it has been before
        future.set_result(None)


def _future() -> Future[None]:
    future: Future[None] = Future()
    future.set_running_or_notify_cancel()  # who waits may give up, but not call it off for the others
    return future


class ActiveSweep(ActiveJob):
    """A sweep that has not ended. Its shards are trained by as many threads as have time for it, in any order.

    Once it has ended or is paused its threads see that, at their next look, and what they are at comes to nothing:
    each time that it runs again is another `generation`.
    """

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.lock = threading.Lock()  # what is kept is kept before its end
        self.missing: deque[int] = deque()  # the shards that no thread has taken
        self.summary: SweepSummary | None = None  # once it has run
        self.generation = 0
        self.prepared: int | None = None  # the turn for which the missing shards have been found

    def take(self) -> tuple[int, int] | None:
        """A missing shard, and the turn in which it is: if that ends meanwhile, the shard comes to nothing."""
        generation = self.generation  # looked up before the shard: `stop` leaves none before it ends the turn
        try:
            return self.missing.popleft(), generation
        except IndexError:
            return None

    @property
    def complete(self) -> bool:
        """Whether all its members are done."""
        return self.summary is not None and self.summary.done == self.job.iterations

    def stop(self) -> None:
        """End this turn: what its threads are at comes to nothing, what they have finished is kept."""
        self.missing.clear()
        self.generation += 1

    @property
    def current(self) -> Job:
        """The job with the figures of this moment."""
        outcomes = self.summary
        return self.job if outcomes is None else self._at(outcomes.done)
