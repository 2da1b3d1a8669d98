"""Sweeps on worker threads: all workers train the oldest sweep, and trainings come before any shard."""

from pathlib import Path

import pytest

from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members
from gan1010.sweeps.shard_training import train_whole_shard
from gan1010.sweeps.sweeping import sweep as sweep_here
from service.jobs.active_job import ActiveSweep
from service.jobs.registry import Registry
from tests.service.jobs.test_registry import open_registry
from tests.service.jobs.test_worker import LONG, submit, wait_for_job, worker_pool
from tests.support.contract import wait_until

SMALL = SweepConfig(base={"iterations": 200}, grid={"loss": ["mse", "bce"], "spread": [0.1, 0.2, 0.3]}, seeds=50)
MANY_SHARDS = SweepConfig(base={"iterations": 2000}, grid={"hidden_size": [2, 3, 4, 5]}, seeds=3000)
LONG_SWEEP = SweepConfig(base={"iterations": 10_000_000, "hidden_size": 64}, seeds=1000)


def submit_sweep(registry: Registry, config: SweepConfig) -> ActiveSweep:
    sweep = submit(registry, config)
    assert isinstance(sweep, ActiveSweep)
    return sweep


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("config", [SMALL, MANY_SHARDS], ids=["small", "many shards"])
def test_any_number_of_workers_gives_the_same_results(tmp_path: Path, workers: int, config: SweepConfig) -> None:
    with worker_pool(tmp_path, workers) as (registry, pool):
        sweep = submit_sweep(registry, config)
        pool.start()
        job = wait_for_job(sweep)
        table = registry.sweep_summary(job).table()
    assert (job.status, job.iteration) == ("succeeded", config.members)
    for name, values in sweep_here(config.base, config.grid, config.seeds).cells.items():
        assert table[name].tobytes() == values.tobytes(), name


def test_older_sweep_ends_first_and_each_has_its_own_results(tmp_path: Path) -> None:
    with worker_pool(tmp_path, workers=2) as (registry, pool):
        sweeps = [submit_sweep(registry, config) for config in (MANY_SHARDS, SMALL, MANY_SHARDS)]
        pool.start()
        first, *_, last = [wait_for_job(sweep) for sweep in sweeps]
        assert str(first.finished_at) < str(last.finished_at)
        tables = [registry.sweep_summary(job).table() for job in (first, last)]
        assert all(values.tobytes() == tables[1][name].tobytes() for name, values in tables[0].items())


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
        registry.deletion.delete(sweep.job.id)  # the worker still holds a shard of it
        registry.request_stop(long.job.id, "cancelled")
        assert wait_for_job(long).status == "cancelled"
        assert wait_for_job(submit(registry)).status == "succeeded"


def test_shard_that_arrives_twice_counts_once(tmp_path: Path) -> None:
    with open_registry(tmp_path) as registry:
        sweep = submit_sweep(registry, SMALL)
        registry.start(sweep)
        registry.sweeps.prepare(sweep)
        members = train_whole_shard(SMALL.shard_settings(SMALL.shards[0]))
        arrivals = [registry.sweeps.persist_shard(sweep, 0, members, sweep.generation) for _ in range(2)]
        assert arrivals == [True, False]
        assert sweep.current.iteration == len(members) < SMALL.members


def test_sweep_whose_shards_are_all_persisted_ends_at_the_next_start(tmp_path: Path) -> None:
    with open_registry(tmp_path) as registry:
        sweep = submit_sweep(registry, SMALL)
        registry.start(sweep)
        registry.sweeps.prepare(sweep)
        for number, shard in enumerate(SMALL.shards):
            members = train_whole_shard(SMALL.shard_settings(shard))
            assert isinstance(members, Members)
            assert registry.sweeps.persist_shard(sweep, number, members, sweep.generation)
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        again = registry.active_job(sweep.job.id)
        assert again is not None
        pool.start()
        assert (wait_for_job(again).status, again.job.iteration) == ("succeeded", SMALL.members)
        registry.deletion.delete(sweep.job.id)
        assert registry._store.sweeps.finished_shards(sweep.job.id) == {}
