"""The runner: threads that do what there is to do, trainings first and then sweeps, behind the event loop."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from gan1010 import DivergedError, Progress, run
from gan1010.sweeps.results import Members
from gan1010.sweeps.sweeping import ShardProgress, train_shard
from service.errors import DiskFullError, StorageFailedError
from service.job import JobError
from service.jobs.active_job import ActiveJob, ActiveSweep
from service.jobs.queue import ShardTask
from service.jobs.registry import Registry

CHECKPOINT_SECONDS = 0.5  # of training, between two checkpoints
RETRY_SECONDS = 1.0  # between two looks whether there is room on the disk again
NICENESS = 10  # answers come first; what they leave of the machine, a training has
T = TypeVar("T")
log = logging.getLogger(__name__)


class WorkerPool:
    """So many threads; `stop` leaves unfinished jobs as they are on disk, for the next start."""

    def __init__(self, registry: Registry, workers: int) -> None:
        self._registry = registry
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"training-{number}", daemon=True) for number in range(workers)
        ]

    def start(self) -> None:
        """Begin with the oldest queued job."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads, at the next look that each takes at its run."""
        self._stopping.set()
        self._registry.queue.close()
        for thread in self._threads:
            thread.join()
        self._registry.requeue_running()

    def _work(self) -> None:
        if sys.platform == "linux":  # where each thread has a niceness of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        while (task := self._registry.queue.get()) is not None:
            self._do(task)

    def _do(self, task: ActiveJob | ShardTask) -> None:
        """Do it, and leave no job in between: one that breaks has failed."""
        live = task.sweep if isinstance(task, ShardTask) else task
        try:
            if isinstance(task, ShardTask):
                self._train_shard(*task)
            else:
                self._run(task)
        except Exception as failure:
            error = _internal_error(live, failure)
            try:
                self._keep(live, lambda: self._registry.fail(live, error))
            except Exception:
                log.exception("job %s: that it has failed could not be kept", live.job.id)
                self._registry.queue.clear(live)

    def _run(self, live: ActiveJob) -> None:
        if not self._keep(live, lambda: self._registry.begin(live)):
            self._registry.queue.clear(live)
        elif isinstance(live, ActiveSweep):
            self._share(live)
        else:
            self._train(live)

    def _train(self, live: ActiveJob) -> None:
        """Train from where it was left to the end, or until somebody wants something else."""
        if not self._keep(live, lambda: self._registry.recovery.load(live)):
            return
        kept = time.monotonic()
        try:
            for progress in run(live.job.train_config, live.progress):
                live.progress = progress
                if progress.state is None:
                    continue  # it ends here, well or not
                if self._leave(live):
                    return
                if time.monotonic() - kept > CHECKPOINT_SECONDS:
                    self._checkpoint(live, progress)
                    kept = time.monotonic()
        except DivergedError as diverged:
            error = JobError(type="diverged", detail=str(diverged))
            self._keep(live, lambda: self._registry.end(live, "failed", error))
        else:
            self._keep(live, lambda: self._registry.end(live, "succeeded"))

    def _leave(self, live: ActiveJob) -> bool:
        """Whether to stop: because somebody wants it, which is kept, or because the process stops."""
        wanted = live.requested_status
        if wanted is not None:
            try:
                self._registry.stop_training(live, wanted)
            except (DiskFullError, StorageFailedError) as error:
                live.reject_stop(error)
            else:
                self._registry.queue.clear(live)
                return True
        return self._stopping.is_set()

    def _checkpoint(self, live: ActiveJob, progress: Progress) -> None:
        try:
            self._registry.checkpoint(live, progress)
        except (DiskFullError, StorageFailedError) as error:
            log.warning("job %s: no checkpoint, it trains on: %s", live.job.id, error.title)

    def _keep(self, live: ActiveJob, keep: Callable[[], T]) -> T | None:
        """Keep something of a job, as soon as the disk takes it; None if the process stops before."""
        while True:
            try:
                return keep()
            except (DiskFullError, StorageFailedError) as error:
                log.warning("job %s waits for the disk: %s", live.job.id, error.title)
                live.reject_stop(error)
                if self._stopping.wait(RETRY_SECONDS):
                    return None

    def _share(self, sweep: ActiveSweep) -> None:
        """Hand the sweep's missing shards to all threads."""
        if not self._keep(sweep, lambda: self._registry.sweeps.prepare(sweep)):
            return
        if sweep.complete:
            self._keep(sweep, lambda: self._registry.end_sweep(sweep, "succeeded"))
        else:
            self._registry.queue.share(sweep)

    def _train_shard(self, sweep: ActiveSweep, number: int, generation: int) -> None:
        """Train a shard from where it was left, and in between all trainings that come."""
        config, kept = sweep.job.sweep_config, time.monotonic()
        self._keep(sweep, lambda: self._registry.recovery.try_shard(sweep, number))
        left = self._keep(sweep, lambda: self._registry.sweeps.left(sweep, number))
        if self._stopping.is_set():
            return
        for step in train_shard(config, config.shards[number], left):
            if isinstance(step, Members):
                self._keep_shard(sweep, number, step, generation)
                return
            leaves = self._stopping.is_set() or sweep.generation != generation
            if step is not None and (leaves or time.monotonic() - kept > CHECKPOINT_SECONDS):
                self._checkpoint_shard(sweep, number, step)
                kept = time.monotonic()
            if leaves:
                return
            while training := self._registry.queue.training():
                self._do(training)

    def _keep_shard(self, sweep: ActiveSweep, number: int, members: Members, generation: int) -> None:
        if self._keep(sweep, lambda: self._registry.sweeps.keep(sweep, number, members, generation)):
            self._keep(sweep, lambda: self._registry.recovery.shard_got_on(sweep, number, len(self._threads)))
            self._registry.monitor.record_members(len(members), _iterations(sweep, number))
            if sweep.complete:
                self._keep(sweep, lambda: self._registry.end_sweep(sweep, "succeeded"))

    def _checkpoint_shard(self, sweep: ActiveSweep, number: int, progress: ShardProgress) -> None:
        try:
            if self._registry.sweeps.checkpoint(sweep, number, progress):
                self._registry.recovery.shard_got_on(sweep, number, len(self._threads))
        except (DiskFullError, StorageFailedError) as error:
            log.warning("job %s: no checkpoint, it trains on: %s", sweep.job.id, error.title)


def _iterations(sweep: ActiveSweep, shard: int) -> int:
    config = sweep.job.sweep_config
    return config.groups[config.shards[shard].group].config.iterations


def _internal_error(live: ActiveJob, error: Exception) -> JobError:
    log.exception("job %s failed", live.job.id)
    return JobError(
        type="internal-error", detail=f"{type(error).__name__} while training; the service's log has the rest"
    )
