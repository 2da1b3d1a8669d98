"""The threads that train: side by side, oldest first, and gone when they are told to stop."""

import dataclasses
import itertools
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from gan1010 import TrainConfig, train
from service.job import Job
from service.jobs.registry import ActiveJob, Registry
from service.jobs.worker import WorkerPool
from service.storage.store import Store

QUICK = TrainConfig(seed=1, iterations=2000)
ENDLESS = TrainConfig(seed=1, iterations=10_000_000, pattern="1" * 16, hidden_size=64, optimizer="adam")


@contextmanager
def opened(folder: Path, workers: int) -> Iterator[tuple[Registry, WorkerPool]]:
    store = Store(folder)
    registry = Registry(store, 1000)
    yield registry, WorkerPool(registry, workers)
    store.close()


def submit(registry: Registry, config: TrainConfig = QUICK) -> ActiveJob:
    """Queue a job, before the runner is started."""
    live = registry.active_job(registry.submit(config, preset="article", name=None).id)
    assert live is not None
    return live


def ended(live: ActiveJob) -> Job:
    live.over.result(timeout=30)
    return live.job


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_any_number_of_threads_gives_the_same_bits(tmp_path: Path, workers: int) -> None:
    configs = [dataclasses.replace(QUICK, seed=seed) for seed in range(20)]
    with opened(tmp_path, workers) as (registry, runner):
        jobs = [submit(registry, config) for config in configs]
        runner.start()
        results = [ended(job).result for job in jobs]
        runner.stop()
    assert results == [train(config).result for config in configs]


def test_one_thread_takes_the_oldest_first(tmp_path: Path) -> None:
    with opened(tmp_path, workers=1) as (registry, runner):
        lives = [submit(registry) for _ in range(5)]
        runner.start()
        jobs = [ended(live) for live in lives]
        runner.stop()
    for before, after in itertools.pairwise(jobs):
        assert before.finished_at is not None
        assert after.started_at is not None
        assert before.finished_at <= after.started_at


def test_each_thread_has_a_job_of_its_own(tmp_path: Path) -> None:
    with opened(tmp_path, workers=2) as (registry, runner):
        long = [submit(registry, ENDLESS) for _ in range(2)]
        waiting = submit(registry)
        runner.start()
        registry.request_stop(long[1].job.id, "cancelled")
        assert ended(long[1]).status == "cancelled"
        assert ended(waiting).status == "succeeded"  # while the other goes on
        assert long[0].job.status == "running"
        runner.stop()


def test_stop_leaves_unfinished_jobs_for_the_next_start(tmp_path: Path) -> None:
    with opened(tmp_path, workers=1) as (registry, runner):
        running, waiting = submit(registry, ENDLESS), submit(registry)
        others = set(threading.enumerate())
        runner.start()
        while running.progress is None:
            wait([running.over], timeout=0.01)
        before = monotonic()
        runner.stop()
        assert monotonic() - before < 3
        assert not any(thread.name.startswith("training") for thread in set(threading.enumerate()) - others)
        assert [registry.job(live.job.id).status for live in (running, waiting)] == ["queued", "queued"]
    with opened(tmp_path, workers=1) as (registry, runner):
        runner.start()
        registry.request_stop(running.job.id, "cancelled")
        live = registry.active_job(waiting.job.id)
        assert live is None or ended(live).status == "succeeded"
        assert registry.job(waiting.job.id).result == train(QUICK).result
        runner.stop()


def out_of_bounds(**settings: float) -> TrainConfig:
    """A configuration that no request can ask for."""
    config = TrainConfig(seed=1, iterations=1000)
    for name, value in settings.items():
        object.__setattr__(config, name, value)
    return config


def test_run_that_leaves_the_finite_numbers_fails_as_diverged(tmp_path: Path) -> None:
    with opened(tmp_path, workers=1) as (registry, runner):
        live, next_one = submit(registry, out_of_bounds(learning_rate=1e39)), submit(registry)
        runner.start()
        job = ended(live)
        assert (job.status, job.result) == ("failed", None)
        assert job.error is not None
        assert job.error.type == "diverged"
        assert job.iteration < 1000
        assert ended(next_one).status == "succeeded"
        runner.stop()


def test_run_that_breaks_fails_and_the_thread_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path, workers=1) as (registry, runner):
        live, next_one = submit(registry, out_of_bounds(record_every=0)), submit(registry)
        with caplog.at_level(logging.ERROR):
            runner.start()
            job = ended(live)
        assert job.status == "failed"
        assert job.error is not None
        assert job.error.type == "internal-error"
        assert "Traceback" not in job.error.detail
        assert "Traceback" in caplog.text
        assert ended(next_one).status == "succeeded"
        runner.stop()
