"""What there is to do, in the order of its doing: trainings, oldest first, then the shards of the oldest sweep.

Before all come the suspects: jobs during which the process came to a sudden end. They are done one by one and nothing
else beside them, until each has got somewhere; so a job that takes the process down takes no other's blame. Of a sweep
as many shards may have been at work as there are threads: these are tried one by one as well, until each has.
"""

import threading
from collections import deque
from typing import NamedTuple

from service.jobs.active_job import ActiveJob, ActiveSweep


class ShardTask(NamedTuple):
    """A shard of a running sweep, in one of its turns."""

    sweep: ActiveSweep
    number: int
    generation: int


class JobQueue:
    """The queue between the registry and the threads, which sleep in it while there is nothing for them to do.

    A sweep passes through it as one job, to be begun by one thread, and then as its shards, for all threads.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._suspects: deque[ActiveJob] = deque()
        self._alone: ActiveJob | None = None  # the suspect that is at work
        self._trying: int | None = None  # the shard of it that has yet to get somewhere
        self._acquitted = 0  # how many of it have
        self._trainings: deque[ActiveJob] = deque()
        self._waiting: deque[ActiveSweep] = deque()
        self._running: deque[ActiveSweep] = deque()  # those with shards that no thread has taken, oldest first
        self._closed = False

    def put(self, live: ActiveJob) -> None:
        """A job is to be begun."""
        with self._changed:
            if live.job.crashes:
                self._suspects.append(live)
            elif isinstance(live, ActiveSweep):
                self._waiting.append(live)
            else:
                self._trainings.append(live)
            self._changed.notify()

    def share(self, sweep: ActiveSweep) -> None:
        """A sweep runs, and its missing shards are to be trained."""
        with self._changed:
            if self._alone is sweep:
                self._running.appendleft(sweep)
            else:
                self._running.append(sweep)
            self._changed.notify_all()

    def drop(self, live: ActiveJob) -> None:
        """A job is not to be begun any more, or only when it is put in again."""
        with self._changed:
            for waiting in (self._suspects, self._trainings, self._waiting):
                if live in waiting:
                    waiting.remove(live)  # type: ignore[arg-type]

    def clear(self, live: ActiveJob) -> None:
        """A job has got somewhere, or is not at work any more: if it was a suspect, the others may go on."""
        with self._changed:
            if self._alone is live:
                self._alone, self._trying, self._acquitted = None, None, 0
                self._changed.notify_all()

    def tries(self, sweep: ActiveSweep, number: int) -> bool:
        """Whether a shard is the one of a suspect that has yet to get somewhere."""
        return self._alone is sweep and self._trying == number

    def acquit(self, sweep: ActiveSweep, suspects: int) -> bool:
        """The shard that was tried has got somewhere; whether it was the last of so many, and the others may go on."""
        with self._changed:
            if self._alone is not sweep:
                return False
            self._trying = None
            self._acquitted += 1
            if self._acquitted >= suspects:
                self._alone, self._acquitted = None, 0
            self._changed.notify_all()
            return self._alone is None

    def get(self, timeout: float | None = None) -> ActiveJob | ShardTask | None:
        """What to do next, as soon as there is something; None when it is closed, or after so many seconds."""
        with self._changed:
            while not self._closed:
                if (task := self._next()) is not None:
                    return task
                if not self._changed.wait(timeout):
                    break
        return None

    def training(self) -> ActiveJob | None:
        """A training that waits, if one does: a thread that is at a shard trains it first."""
        with self._changed:
            if self._closed or self._alone or not self._trainings:
                return None
            return self._trainings.popleft()

    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self._suspects or self._trainings or self._waiting or self._running)

    def close(self) -> None:
        """Nothing more is to be done: wake all threads for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next(self) -> ActiveJob | ShardTask | None:
        if self._alone is None and self._suspects:
            self._alone = self._suspects.popleft()
            return self._alone
        if self._alone is None and self._trainings:
            return self._trainings.popleft()
        while self._running:
            sweep = self._running[0]
            if self._trying is not None:
                return None
            if sweep.job.status == "running" and (shard := sweep.take()) is not None:
                if self._alone is sweep:
                    self._trying = shard[0]
                return ShardTask(sweep, *shard)
            self._running.popleft()
        return self._waiting.popleft() if self._waiting and self._alone is None else None
