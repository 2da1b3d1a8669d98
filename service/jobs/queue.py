"""The job queue: trainings first, oldest first, then the shards of the oldest sweep."""

import contextlib
import threading
from collections import deque
from typing import NamedTuple

from service.jobs.active_job import ActiveJob, ActiveSweep


class ShardTask(NamedTuple):
    """A shard of a running sweep, in one of its generations."""

    sweep: ActiveSweep
    number: int
    generation: int


class JobQueue:
    """Queue between the registry and the workers, which block in `get` until there is a task.

    A sweep passes through it twice: as one job that a worker starts, and then as its shards for all workers. While
    `trains_sweeps_locally` is false, `get` returns trainings only, and sweeps are for the cluster.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._trainings: deque[ActiveJob] = deque()
        self._waiting: deque[ActiveSweep] = deque()
        self._running: deque[ActiveSweep] = deque()  # those with shards that no worker has taken, oldest first
        self._closed = False
        self._trains_sweeps_locally = True

    @property
    def trains_sweeps_locally(self) -> bool:
        """True while `get` returns sweeps and their shards, too."""
        return self._trains_sweeps_locally

    @trains_sweeps_locally.setter
    def trains_sweeps_locally(self, value: bool) -> None:
        with self._changed:
            self._trains_sweeps_locally = value
            self._changed.notify_all()

    def put(self, active: ActiveJob, *, first: bool = False) -> None:
        """Queue a job, as the last one or as the first training."""
        with self._changed:
            if isinstance(active, ActiveSweep):
                self._waiting.append(active)
            elif first:
                self._trainings.appendleft(active)
            else:
                self._trainings.append(active)
            self._changed.notify()

    def put_shards(self, sweep: ActiveSweep) -> None:
        """Queue the missing shards of a running sweep."""
        with self._changed:
            self._running.append(sweep)
            self._changed.notify_all()

    def put_back(self, shard: ShardTask) -> None:
        """Queue a shard again whose worker is lost."""
        with self._changed:
            if shard.generation == shard.sweep.generation:
                shard.sweep.missing.appendleft((shard.number, shard.generation))
                if shard.sweep not in self._running:
                    self._running.appendleft(shard.sweep)
                self._changed.notify()

    def remove(self, active: ActiveJob) -> None:
        """Remove a job that no worker has taken."""
        with self._changed:
            for waiting in (self._trainings, self._waiting):
                if active in waiting:
                    waiting.remove(active)  # type: ignore[arg-type]

    def get(self, timeout: float | None = None) -> ActiveJob | ShardTask | None:
        """Wait for the next task; return None once the queue is closed, or after `timeout` seconds."""
        with self._changed:
            while not self._closed:
                if (task := self._next()) is not None:
                    return task
                if not self._changed.wait(timeout):
                    break
        return None

    def get_training(self) -> ActiveJob | None:
        """Return a waiting training, if there is one: a worker trains it before it continues its shard."""
        with self._changed:
            return self._trainings.popleft() if self._trainings and not self._closed else None

    def get_sweep(self) -> ActiveSweep | None:
        """Return the next sweep for the cluster to start, once all shards of the running ones are taken."""
        with self._changed:
            waits = self._trains_sweeps_locally or self._has_shards() or not self._waiting
            return None if self._closed or waits else self._waiting.popleft()

    def get_shard(self) -> ShardTask | None:
        """Return the next shard, if there is one."""
        with self._changed:
            return None if self._closed else self._next_shard()

    def close(self) -> None:
        """Close the queue and wake all workers."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next(self) -> ActiveJob | ShardTask | None:
        if self._trainings:
            return self._trainings.popleft()
        if not self._trains_sweeps_locally:
            return None
        return self._next_shard() or (self._waiting.popleft() if self._waiting else None)

    def _has_shards(self) -> bool:
        return any(sweep.missing and sweep.job.status == "running" for sweep in self._running)

    def _next_shard(self) -> ShardTask | None:
        while self._running:
            sweep = self._running[0]
            if sweep.job.status == "running":
                with contextlib.suppress(IndexError):  # all of its shards are taken
                    return ShardTask(sweep, *sweep.missing.popleft())
            self._running.popleft()
        return None
