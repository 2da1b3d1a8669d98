"""Worker threads: they train side by side, oldest job first, and stop when asked to."""

import copy
import dataclasses
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from gan1010 import TrainConfig, run, train
from gan1010.sweeps.grid import SweepConfig
from service.job import Job, StopStatus
from service.jobs.registry import ActiveJob, Registry
from service.jobs.worker import WorkerPool
from service.storage.store import Store
from tests.service.jobs.test_registry import open_registry
from tests.support.contract import wait_until

SHORT = TrainConfig(seed=1, iterations=2000)
LONG = TrainConfig(seed=1, iterations=10_000_000, pattern="1" * 16, hidden_size=64, optimizer="adam")
RESUMED = TrainConfig(seed=1, iterations=200_000)


@contextmanager
def worker_pool(folder: Path, workers: int) -> Iterator[tuple[Registry, WorkerPool]]:
    """A registry and workers that are not started yet, and stopped at the end."""
    with open_registry(folder) as registry:
        pool = WorkerPool(registry, workers)
        yield registry, pool
        pool.stop()


def submit(registry: Registry, config: TrainConfig | SweepConfig = SHORT) -> ActiveJob:
    """Submit a job before the workers are started."""
    active = registry.active_job(registry.submit(config, preset="article", name=None).id)
    assert active is not None
    return active


def wait_for_job(active: ActiveJob) -> Job:
    """Wait until a job is over, and return it."""
    active.over.result(timeout=60)
    return active.job


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_any_number_of_workers_gives_the_same_results(tmp_path: Path, workers: int) -> None:
    configs = [dataclasses.replace(SHORT, seed=seed) for seed in range(20)]
    with worker_pool(tmp_path, workers) as (registry, pool):
        jobs = [submit(registry, config) for config in configs]
        pool.start()
        results = [wait_for_job(job).result for job in jobs]
    assert results == [train(config).result for config in configs]


def test_worker_takes_the_oldest_job_first(tmp_path: Path) -> None:
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        active = [submit(registry) for _ in range(5)]
        pool.start()
        jobs = [wait_for_job(job) for job in active]
    for before, after in itertools.pairwise(jobs):
        assert before.finished_at is not None
        assert after.started_at is not None
        assert before.finished_at <= after.started_at


def test_each_worker_has_its_own_job(tmp_path: Path) -> None:
    with worker_pool(tmp_path, workers=2) as (registry, pool):
        long = [submit(registry, LONG) for _ in range(2)]
        queued = submit(registry)
        pool.start()
        registry.request_stop(long[1].job.id, "cancelled")
        assert wait_for_job(long[1]).status == "cancelled"
        assert wait_for_job(queued).status == "succeeded"
        wait_until(lambda: long[0].job.status == "running")


def test_stop_requeues_unfinished_jobs_for_the_next_start(tmp_path: Path) -> None:
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        running, queued = submit(registry, LONG), submit(registry)
        others = set(threading.enumerate())
        pool.start()
        wait_until(lambda: running.progress)
        began = monotonic()
        pool.stop()
        assert monotonic() - began < 10  # the training would take minutes
        assert not any(thread.name.startswith("training") for thread in set(threading.enumerate()) - others)
        assert [registry.job(active.job.id).status for active in (running, queued)] == ["queued", "queued"]
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        assert registry.job(running.job.id).attempts == 0
        pool.start()
        registry.request_stop(running.job.id, "cancelled")
        active = registry.active_job(queued.job.id)
        assert active is None or wait_for_job(active).status == "succeeded"
        assert registry.job(queued.job.id).result == train(SHORT).result


def stop_at_the_end(folder: Path) -> int:
    """Stop a training after its end but before the disk takes that, and return its checkpoint's iteration."""
    with open_registry(folder) as registry:
        active = submit(registry, RESUMED)
        registry.start(active)
        steps = iter(run(RESUMED))
        active.progress = next(steps)
        iteration = active.progress.iteration
        registry.trainings.checkpoint(active)
        *_, active.progress = steps
        registry.requeue_running()
        assert registry.job(active.job.id).iteration == RESUMED.iterations
    return iteration


def stop_without_history(folder: Path) -> int:
    """Stop a training whose damaged history has just been deleted."""
    stop_at_the_end(folder)
    with closing(Store(folder)) as store:
        (job,) = store.unfinished_jobs()
        store.runs.delete(job.id)
    return 0


@pytest.mark.parametrize("stop", [stop_at_the_end, stop_without_history])
def test_training_resumes_from_its_checkpoint_even_if_its_row_is_ahead(
    tmp_path: Path, stop: Callable[[Path], int]
) -> None:
    iteration = stop(tmp_path)
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        (job,) = registry.jobs(status=None, kind=None, after=None, limit=1)
        active = registry.active_job(job.id)
        assert active is not None
        pool.start()
        assert wait_for_job(active).result == train(RESUMED).result
        metrics = registry.metrics.render({}).decode()
    assert f"gan1010_iterations_total {float(RESUMED.iterations - iteration)}" in metrics


def test_worker_outlives_a_failure_that_belongs_to_no_job(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        registry.queue.put(object())  # type: ignore[arg-type]
        pool.start()
        assert wait_for_job(submit(registry)).status == "succeeded"
    assert "A training thread failed" in caplog.text


@pytest.mark.parametrize(
    ("config", "end"), [(SHORT, "paused"), (SweepConfig(seeds=5), "cancelled")], ids=["training", "sweep"]
)
def test_job_that_lacks_memory_waits_until_it_is_stopped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, config: TrainConfig | SweepConfig, end: StopStatus
) -> None:
    config = copy.deepcopy(config)
    training = config.groups[0].config if isinstance(config, SweepConfig) else config
    object.__setattr__(training, "hidden_size", 10**13)  # no request can have it, and no machine has the memory
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        active, next_one = submit(registry, config), submit(registry, SweepConfig(seeds=2))
        pool.start()
        wait_until(lambda: "waits and is retried: MemoryError" in caplog.text)
        assert active.job.status == "running"
        registry.request_stop(active.job.id, end)
        assert wait_for_job(next_one).status == "succeeded"
        assert active.job.status == end


@pytest.mark.parametrize(
    ("config", "invalid", "error"),
    [
        (TrainConfig(seed=1, iterations=1000), {"learning_rate": 1e39}, "diverged"),
        (TrainConfig(seed=1, iterations=1000), {"record_every": 0}, "internal-error"),
        (SweepConfig(seeds=5), {"base": {"iterations": -1}}, "internal-error"),
    ],
    ids=["training that diverges", "training that raises", "sweep that raises"],
)
def test_job_fails_and_the_worker_continues(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    config: TrainConfig | SweepConfig,
    invalid: dict[str, Any],
    error: str,
) -> None:
    for name, value in invalid.items():  # no request can have it
        object.__setattr__(config, name, value)
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        active, next_one = submit(registry, config), submit(registry)
        pool.start()
        job = wait_for_job(active)
        assert (job.status, job.result) == ("failed", None)
        assert job.error is not None
        assert job.error.type == error
        assert "Traceback" not in job.error.detail
        assert ("Traceback" in caplog.text) == (error == "internal-error")
        assert job.iteration < 1000
        assert wait_for_job(next_one).status == "succeeded"
