"""Sweeps on worker threads: all workers train the oldest sweep, and trainings come before any shard."""

import logging
import threading
from pathlib import Path

import pytest

from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members
from gan1010.sweeps.sweeping import sweep as sweep_here
from gan1010.sweeps.sweeping import train_shard
from service.api.schemas.sweep_results import cell_rows
from service.job import Job
from service.jobs.active_job import ActiveSweep
from service.jobs.registry import Registry
from tests.service.jobs.test_registry import open_registry
from tests.service.jobs.test_worker import LONG, SHORT, submit, wait_for_job, worker_pool
from tests.support.contract import wait_until

SMALL = SweepConfig(base={"iterations": 200}, grid={"loss": ["mse", "bce"], "spread": [0.1, 0.2, 0.3]}, seeds=50)
MANY_SHARDS = SweepConfig(base={"iterations": 2000}, grid={"hidden_size": [2, 3, 4, 5]}, seeds=3000)
LONG_SWEEP = SweepConfig(base={"iterations": 10_000_000, "hidden_size": 64}, seeds=1000)


def submit_sweep(registry: Registry, config: SweepConfig) -> ActiveSweep:
    sweep = registry.active_job(registry.submit(config, preset="article", name=None).id)
    assert isinstance(sweep, ActiveSweep)
    return sweep


def results(registry: Registry, job: Job) -> str:
    """All results of a sweep, cells and members, as text."""
    config, summary = job.sweep_config, registry.sweep_summary(job)
    members = summary.members(0, config.members, in_range=None, limit=config.members)
    cells = cell_rows(config, range(config.cells), summary.table(slice(None)))
    return repr((cells, registry.sweeps.results(job, summary, members)))


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("config", [SMALL, MANY_SHARDS], ids=["small", "many shards"])
def test_any_number_of_workers_gives_the_same_results(tmp_path: Path, workers: int, config: SweepConfig) -> None:
    with worker_pool(tmp_path, workers) as (registry, pool):
        sweep = submit_sweep(registry, config)
        pool.start()
        job = wait_for_job(sweep)
        table = registry.sweep_summary(job).table(slice(None))
    assert (job.status, job.iteration) == ("succeeded", config.members)
    for name, values in sweep_here(config.base, config.grid, config.seeds).cells.items():
        assert table[name].tobytes() == values.tobytes(), name


def test_older_sweep_ends_first_and_each_has_its_own_results(tmp_path: Path) -> None:
    with worker_pool(tmp_path, workers=2) as (registry, pool):
        sweeps = [submit_sweep(registry, config) for config in (MANY_SHARDS, SMALL, MANY_SHARDS)]
        pool.start()
        ends = [wait_for_job(sweep).finished_at for sweep in sweeps]
        assert ends[0] is not None
        assert ends[2] is not None
        assert ends[0] < ends[2]
        assert results(registry, sweeps[0].job) == results(registry, sweeps[2].job)


def test_trainings_run_before_shards_on_the_only_worker(tmp_path: Path) -> None:
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        sweep = submit_sweep(registry, LONG_SWEEP)
        pool.start()
        wait_until(lambda: sweep.summary)
        for _ in range(3):
            job = wait_for_job(submit(registry))
            assert (job.status, sweep.job.status) == ("succeeded", "running")


def test_sweep_is_cancelled_and_deleted_at_once_while_its_workers_are_busy(tmp_path: Path) -> None:
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        sweep = submit_sweep(registry, LONG_SWEEP)
        pool.start()
        wait_until(lambda: sweep.summary)
        long = submit(registry, LONG)
        wait_until(lambda: long.progress)
        registry.request_stop(sweep.job.id, "cancelled")
        assert sweep.job.status == "cancelled"
        registry.delete(sweep.job.id)  # the worker still holds a shard of it
        registry.request_stop(long.job.id, "cancelled")
        assert wait_for_job(long).status == "cancelled"
        assert wait_for_job(submit(registry)).status == "succeeded"


def test_stopped_sweep_resumes_with_its_missing_shards(tmp_path: Path) -> None:
    with worker_pool(tmp_path, workers=2) as (registry, pool):
        sweep = submit_sweep(registry, MANY_SHARDS)
        others = set(threading.enumerate())
        pool.start()
        wait_until(lambda: sweep.current.iteration)
        pool.stop()
        done = sweep.current.iteration
        assert not any(thread.name.startswith("training") for thread in set(threading.enumerate()) - others)
        assert registry.job(sweep.job.id).status == "queued"
    with worker_pool(tmp_path, workers=2) as (registry, pool):
        again = registry.active_job(sweep.job.id)
        assert isinstance(again, ActiveSweep)
        assert (again.job.status, again.job.iteration) == ("queued", done)
        assert registry.sweep_summary(again.job).done == done
        pool.start()
        job = wait_for_job(again)
        assert (job.status, job.iteration) == ("succeeded", MANY_SHARDS.members)
        other = wait_for_job(submit_sweep(registry, MANY_SHARDS))
        assert results(registry, job) == results(registry, other)


def test_sweep_whose_shards_are_all_persisted_ends_at_the_next_start(tmp_path: Path) -> None:
    with open_registry(tmp_path) as registry:
        sweep = submit_sweep(registry, SMALL)
        registry.start(sweep)
        registry.sweeps.prepare(sweep)
        for number, shard in enumerate(SMALL.shards):
            *_, members = train_shard(SMALL, shard)
            assert isinstance(members, Members)
            assert registry.sweeps.persist_shard(sweep, number, members, sweep.generation)
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        again = registry.active_job(sweep.job.id)
        assert again is not None
        pool.start()
        assert (wait_for_job(again).status, again.job.iteration) == ("succeeded", SMALL.members)
        registry.delete(sweep.job.id)
        assert registry._store.sweeps.finished_shards(sweep.job.id) == {}


def test_sweep_that_raises_fails_and_the_worker_continues(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = SweepConfig(base={"iterations": 100}, seeds=5)
    object.__setattr__(broken, "base", {"iterations": -1})
    with worker_pool(tmp_path, workers=1) as (registry, pool), caplog.at_level(logging.ERROR):
        sweep, next_one = submit_sweep(registry, broken), submit_sweep(registry, SMALL)
        pool.start()
        job = wait_for_job(sweep)
        assert job.status == "failed"
        assert job.error is not None
        assert job.error.type == "internal-error"
        assert "Traceback" in caplog.text
        assert wait_for_job(next_one).status == "succeeded"
        assert wait_for_job(submit(registry, SHORT)).status == "succeeded"
