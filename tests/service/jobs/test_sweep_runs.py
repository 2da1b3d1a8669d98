"""The threads at sweeps: all at one, the oldest first, and trainings before any shard."""

import logging
import threading
from pathlib import Path
from time import monotonic, sleep

import pytest

from gan1010 import TrainConfig
from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members
from gan1010.sweeps.sweeping import sweep as sweep_here
from gan1010.sweeps.sweeping import train_shard
from service.api.schemas.sweep_results import cell_rows
from service.job import Job, new_job
from service.jobs.active_job import ActiveJob, ActiveSweep
from service.jobs.queue import JobQueue, ShardTask
from service.jobs.registry import Registry
from tests.service.jobs.test_worker import ENDLESS, QUICK, ended, opened, submit

SMALL = SweepConfig(base={"iterations": 200}, grid={"loss": ["mse", "bce"], "spread": [0.1, 0.2, 0.3]}, seeds=50)
MANY_SHARDS = SweepConfig(base={"iterations": 2000}, grid={"hidden_size": [2, 3, 4, 5]}, seeds=3000)
ENDLESS_SWEEP = SweepConfig(base={"iterations": 10_000_000, "hidden_size": 64}, seeds=1000)


def submit_sweep(registry: Registry, config: SweepConfig) -> ActiveSweep:
    live = registry.active_job(registry.submit(config, preset="article", name=None).id)
    assert isinstance(live, ActiveSweep)
    return live


def results(registry: Registry, job: Job) -> str:
    """A sweep's whole result, its cells and its members, as text."""
    config, outcomes = job.sweep_config, registry.sweep_summary(job)
    cells = range(config.cells)
    members = outcomes.members(0, config.members, in_range=None, limit=config.members)
    table = outcomes.table(slice(None))
    return repr((cell_rows(config, cells, table), registry.sweeps.results(job, outcomes, members)))


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("config", [SMALL, MANY_SHARDS], ids=["small", "many shards"])
def test_any_number_of_threads_gives_the_same_results(tmp_path: Path, workers: int, config: SweepConfig) -> None:
    with opened(tmp_path, workers) as (registry, runner):
        live = submit_sweep(registry, config)
        runner.start()
        job = ended(live)
        found = registry.sweep_summary(job).table(slice(None))
        runner.stop()
    assert (job.status, job.iteration) == ("succeeded", config.members)
    for name, values in sweep_here(config.base, config.grid, config.seeds).cells.items():
        assert found[name].tobytes() == values.tobytes(), name


def test_older_sweep_ends_first_and_each_has_its_own(tmp_path: Path) -> None:
    with opened(tmp_path, workers=2) as (registry, runner):
        lives = [submit_sweep(registry, config) for config in (MANY_SHARDS, SMALL, MANY_SHARDS)]
        runner.start()
        ends = [ended(live).finished_at for live in lives]
        runner.stop()
        assert ends[0] is not None
        assert ends[2] is not None
        assert ends[0] < ends[2]
        assert results(registry, lives[0].job) == results(registry, lives[2].job)


def test_training_goes_before_shards_on_the_only_thread(tmp_path: Path) -> None:
    with opened(tmp_path, workers=1) as (registry, runner):
        live = submit_sweep(registry, ENDLESS_SWEEP)
        runner.start()
        while live.summary is None:
            sleep(0.01)
        for _ in range(3):
            job = ended(submit(registry))
            assert (job.status, live.job.status) == ("succeeded", "running")
        registry.request_stop(live.job.id, "cancelled")
        assert ended(live).status == "cancelled"
        runner.stop()


def test_cancel_is_at_once_even_while_its_threads_are_at_other_jobs(tmp_path: Path) -> None:
    with opened(tmp_path, workers=1) as (registry, runner):
        live = submit_sweep(registry, ENDLESS_SWEEP)
        runner.start()
        while live.summary is None:
            sleep(0.01)
        long = submit(registry, ENDLESS)
        while long.progress is None:
            sleep(0.01)
        began = monotonic()
        registry.request_stop(live.job.id, "cancelled")
        assert ended(live).status == "cancelled"
        assert monotonic() - began < 1
        registry.delete(live.job.id)  # while a thread still has a shard of it in hand
        registry.request_stop(long.job.id, "cancelled")
        assert ended(long).status == "cancelled"
        assert ended(submit(registry)).status == "succeeded"
        runner.stop()


def test_stop_is_soon_and_the_next_start_goes_on_with_what_is_missing(tmp_path: Path) -> None:
    with opened(tmp_path, workers=2) as (registry, runner):
        live = submit_sweep(registry, MANY_SHARDS)
        others = set(threading.enumerate())
        runner.start()
        while live.current.iteration == 0:
            sleep(0.005)
        began = monotonic()
        runner.stop()
        assert monotonic() - began < 2
        done = live.current.iteration
        assert not any(thread.name.startswith("training") for thread in set(threading.enumerate()) - others)
        assert registry.job(live.job.id).status == "queued"
    with opened(tmp_path, workers=2) as (registry, runner):
        again = registry.active_job(live.job.id)
        assert isinstance(again, ActiveSweep)
        assert (again.job.status, again.job.iteration) == ("queued", done)
        assert registry.sweep_summary(again.job).done == done
        runner.start()
        job = ended(again)
        assert (job.status, job.iteration) == ("succeeded", MANY_SHARDS.members)
        other = submit_sweep(registry, MANY_SHARDS)
        ended(other)
        assert results(registry, job) == results(registry, other.job)
        runner.stop()


def test_sweep_whose_last_shard_was_kept_before_the_end_ends_at_the_next_start(tmp_path: Path) -> None:
    with opened(tmp_path, workers=1) as (registry, _):
        live = submit_sweep(registry, SMALL)
        registry.start(live)
        registry.sweeps.prepare(live)
        for number, shard in enumerate(SMALL.shards):
            (members,) = [step for step in train_shard(SMALL, shard) if isinstance(step, Members)]
            registry._store.add_shard(live.job, number, members)
    with opened(tmp_path, workers=1) as (registry, runner):
        again = registry.active_job(live.job.id)
        assert again is not None
        runner.start()
        assert (ended(again).status, again.job.iteration) == ("succeeded", SMALL.members)
        runner.stop()


def test_sweep_that_breaks_fails_and_the_thread_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = SweepConfig(base={"iterations": 100}, seeds=5)
    object.__setattr__(broken, "base", {"iterations": -1})
    with opened(tmp_path, workers=1) as (registry, runner), caplog.at_level(logging.ERROR):
        live, next_one = submit_sweep(registry, broken), submit_sweep(registry, SMALL)
        runner.start()
        job = ended(live)
        assert job.status == "failed"
        assert job.error is not None
        assert job.error.type == "internal-error"
        assert "Traceback" in caplog.text
        assert ended(next_one).status == "succeeded"
        assert ended(submit(registry, QUICK)).status == "succeeded"
        runner.stop()


def new(config: TrainConfig | SweepConfig, number: int) -> ActiveJob:
    job = new_job(f"{number:024x}", "article", config, None)
    return ActiveSweep(job) if isinstance(config, SweepConfig) else ActiveJob(job)


def test_order_of_work() -> None:
    work = JobQueue()
    trainings = [new(QUICK, number) for number in range(2)]
    first, second = (new(SMALL, number) for number in (2, 3))
    assert isinstance(first, ActiveSweep)
    assert isinstance(second, ActiveSweep)
    for live in (first, trainings[0], second, trainings[1]):
        work.put(live)
    assert [work.get(), work.get(), work.get()] == [*trainings, first]
    first.missing.extend([0, 1])
    first.set_job(first.job.with_status("running"))
    work.put_shards(first)
    assert work.get() == ShardTask(first, 0, 0)
    work.put(trainings[0])
    assert work.get_training() is trainings[0]
    assert work.get_training() is None
    assert [work.get(), work.get()] == [ShardTask(first, 1, 0), second]
    assert work.get(timeout=0.01) is None
    assert work.is_empty()


def test_threads_sleep_in_it_until_there_is_work_or_none_ever() -> None:
    work, found = JobQueue(), []
    threads = [threading.Thread(target=lambda: found.append(work.get())) for _ in range(4)]
    for thread in threads:
        thread.start()
    live = new(QUICK, 1)
    work.put(live)
    while not found:
        sleep(0.01)
    assert found == [live]
    work.close()
    for thread in threads:
        thread.join(1)
    assert found == [live, None, None, None]
    work.put(live)
    assert work.get() is work.get_training() is None
