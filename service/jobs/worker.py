"""Worker threads: train queued jobs beside the event loop, trainings first and then sweeps."""

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from gan1010 import DivergedError, run
from gan1010.sweeps.results import Members
from gan1010.sweeps.shard_training import ShardProgress, train_shard
from service.errors import ENVIRONMENT_ERRORS, ServiceError, StorageFailedError
from service.job import JobError
from service.jobs.active_job import ActiveJob, ActiveSweep
from service.jobs.queue import ShardTask
from service.jobs.registry import Registry
from service.jobs.training_process import TrainingProcess, TrainingProcessDiedError

FIRST_CHECKPOINT_SECONDS = 0.02  # of training, so that a process that is killed soon after each start still advances
CHECKPOINT_SECONDS = 0.5  # of training, between two checkpoints
IDLE_SECONDS = 60.0  # after its last job, until a training process is ended
LOOK_SECONDS = 0.05  # between two looks for a requested stop, while a training process starts
RETRY_SECONDS = 1.0  # between two attempts at what the disk or the system refuses
WAITS = "job %s waits and is retried: %s: %s"
T = TypeVar("T")
log = logging.getLogger(__name__)


class _WorkerThread(threading.local):
    """State of one training thread."""

    process: TrainingProcess  # which trains with PyTorch


class WorkerPool:
    """The worker threads. Start them once the kernel is compiled; `stop` leaves unfinished jobs for the next start."""

    def __init__(self, registry: Registry, workers: int) -> None:
        self._registry = registry
        self._stopping = threading.Event()
        self._thread = _WorkerThread()
        self._threads = [
            threading.Thread(target=self._work, name=f"training-{number}", daemon=True) for number in range(workers)
        ]

    @property
    def is_alive(self) -> bool:
        """True while at least one thread runs."""
        return any(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Start the threads, or as many as the system allows."""
        for started, thread in enumerate(self._threads):
            try:
                thread.start()
            except RuntimeError as error:
                log.error(
                    "Only %d of %d training threads run: %s. Set a lower GAN1010_WORKERS, or allow more processes.",
                    started,
                    len(self._threads),
                    error,
                )
                break

    def request_stop(self) -> None:
        """Give out no more tasks, and let the threads stop at their next look."""
        self._stopping.set()
        self._registry.queue.close()

    def stop(self) -> None:
        """Stop the threads, and requeue the jobs that they were running."""
        self.request_stop()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self._registry.requeue_running()

    def _work(self) -> None:
        _lower_priority()
        with contextlib.closing(TrainingProcess()) as process:
            self._thread.process = process
            while not self._stopping.is_set():
                task = self._registry.queue.get(IDLE_SECONDS if process.is_alive else None)
                try:
                    if task is None:
                        process.close()
                    else:
                        self.run_task(task)
                except Exception:
                    log.exception("A training thread failed. It continues with the next job.")

    def run_task(self, task: ActiveJob | ShardTask) -> None:
        """Run a task; an exception that is not the environment's marks the job failed."""
        active = task.sweep if isinstance(task, ShardTask) else task
        try:
            if isinstance(task, ShardTask):
                self._retry(active, lambda: self._train_shard(task))
            else:
                self._run(task)
        except Exception as failure:
            self.fail(active, failure)

    def fail(self, active: ActiveJob, failure: Exception) -> None:
        """Mark a job failed by an exception of its training."""
        log.error("job %s failed", active.job.id, exc_info=failure)
        detail = f"Training failed with {type(failure).__name__}. The service's log has the traceback."
        error = JobError(type="internal-error", detail=detail)
        try:
            self._persist(active, lambda: self._registry.end(active, "failed", error))
        except Exception:
            log.exception("job %s: its failure could not be persisted", active.job.id)

    def note(self, sweep: ActiveSweep, detail: str) -> None:
        """Record in a running sweep's transitions why it waits, or that it continues."""
        self._persist(sweep, lambda: self._registry.note(sweep, detail))

    def _run(self, active: ActiveJob) -> None:
        """Train a training, or hand a sweep's missing shards to all workers."""
        if not self._persist(active, lambda: self._registry.start(active)):
            return
        if not isinstance(active, ActiveSweep):
            self._retry(active, lambda: self._train(active))
        elif self._persist(active, lambda: self._registry.sweeps.prepare(active)):
            if active.is_complete:
                self._persist(active, lambda: self._registry.end(active, "succeeded"))
            else:
                self._registry.queue.put_shards(active)

    def _retry(self, active: ActiveJob, train: Callable[[], None]) -> None:
        """Train; if the environment fails, for example for lack of memory, train again from the last checkpoint."""
        while True:
            try:
                return train()
            except ENVIRONMENT_ERRORS as error:
                log.warning(WAITS, active.job.id, type(error).__name__, error)
            active.progress = None  # its state may be ahead of its iteration
            if self._stopping.wait(RETRY_SECONDS) or self._stop_if_requested(active):
                return None

    def _train(self, active: ActiveJob) -> None:
        """Train from the checkpoint until the end, or until a stop is requested."""
        if not self._persist(active, lambda: self._registry.trainings.load_checkpoint(active)):
            return
        try:
            if self._train_to_end(active):
                self._persist(active, lambda: self._registry.end(active, "succeeded"))
        except DivergedError as diverged:
            error = JobError(type="diverged", detail=str(diverged))
            self._persist(active, lambda: self._registry.end(active, "failed", error))
        except TrainingProcessDiedError as death:
            log.error("job %s: %s", active.job.id, death)
            if not self._stop_if_requested(active):
                self._persist(active, lambda: self._registry.requeue_died(active))

    def _train_to_end(self, active: ActiveJob) -> bool:
        """Train from the loaded checkpoint, and return whether to the end: False if a stop is requested."""
        config, process = active.job.train_config, self._thread.process
        if config.backend == "pytorch" and not self._start_process(process, active):
            return False
        due, counted = time.monotonic() + FIRST_CHECKPOINT_SECONDS, active.job.iteration
        for progress in run(config, active.progress, advance_pytorch=process.advance):
            self._registry.metrics.iterations.inc(max(progress.iteration - counted, 0))
            active.progress, counted = progress, progress.iteration
            if progress.state is None:
                continue  # the last progress, of a result or a divergence
            if self._stop_if_requested(active):
                return False
            if time.monotonic() >= due:
                self._checkpoint(active, lambda: self._registry.trainings.checkpoint(active))
                due = time.monotonic() + CHECKPOINT_SECONDS
        return True

    def _start_process(self, process: TrainingProcess, active: ActiveJob) -> bool:
        """Start the thread's training process unless it runs, and return whether to train in it."""
        process.start()
        while not process.is_ready(LOOK_SECONDS):
            if self._stop_if_requested(active):
                return False
        active.restart_clock()
        return True

    def _stop_if_requested(self, active: ActiveJob) -> bool:
        """Stop a training if a client has requested it; return whether to leave it, also because the process stops."""
        if (status := active.requested_status) is not None:
            try:
                self._registry.stop_training(active, status)
                return True
            except ENVIRONMENT_ERRORS as error:
                active.reject_stop(error if isinstance(error, ServiceError) else StorageFailedError())
        return self._stopping.is_set()

    def _train_shard(self, shard: ShardTask) -> None:
        """Train a shard from its checkpoint, and between its steps all trainings that are queued."""
        sweep, number, generation = shard
        config, sweeps = sweep.job.sweep_config, self._registry.sweeps
        checkpoint = self._persist(sweep, lambda: sweeps.load_checkpoint(sweep, number))
        if self._stopping.is_set() or sweep.generation != generation:
            return
        due = time.monotonic() + (CHECKPOINT_SECONDS if sweep.has_checkpoint else FIRST_CHECKPOINT_SECONDS)
        for step in train_shard(config.shard_settings(config.shards[number]), checkpoint):
            if isinstance(step, Members):
                self.end_shard(shard, step)
                return
            stops = self._stopping.is_set() or sweep.generation != generation
            if stops or time.monotonic() >= due:
                self.checkpoint_shard(shard, step)
                due = time.monotonic() + CHECKPOINT_SECONDS
            if stops:
                return
            while training := self._registry.queue.get_training():
                self.run_task(training)

    def checkpoint_shard(self, shard: ShardTask, progress: ShardProgress) -> None:
        """Persist a shard's checkpoint if the environment allows it."""
        self._checkpoint(shard.sweep, lambda: self._registry.sweeps.checkpoint(shard.sweep, shard.number, progress))

    def end_shard(self, shard: ShardTask, members: Members) -> None:
        """Persist a finished shard, and end the sweep with its last one."""
        sweep, number, generation = shard
        if self._persist(sweep, lambda: self._registry.sweeps.persist_shard(sweep, number, members, generation)):
            config = sweep.job.sweep_config
            iterations = config.groups[config.shards[number].group].config.iterations
            self._registry.metrics.iterations.inc(len(members) * iterations)
            if sweep.is_complete:
                self._persist(sweep, lambda: self._registry.end(sweep, "succeeded"))

    def _checkpoint(self, active: ActiveJob, persist: Callable[[], None]) -> None:
        """Persist a checkpoint; train on without one if the environment does not allow it."""
        try:
            persist()
        except ENVIRONMENT_ERRORS as error:
            log.warning("job %s: no checkpoint: %s: %s", active.job.id, type(error).__name__, error)

    def _persist(self, active: ActiveJob, persist: Callable[[], T]) -> T | None:
        """Retry until the environment allows it; return None if the process shuts down first."""
        while True:
            try:
                return persist()
            except ENVIRONMENT_ERRORS as error:
                log.warning(WAITS, active.job.id, type(error).__name__, error)
                active.reject_stop(error if isinstance(error, ServiceError) else StorageFailedError())
                if self._stopping.wait(RETRY_SECONDS):
                    return None


def _lower_priority() -> None:
    """Let this thread train only while its core has nothing else to do, unless a sandbox forbids the call."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_IDLE, os.sched_param(0))
