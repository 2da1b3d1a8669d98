"""The registry: which changes a job's status allows, and what is persisted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from gan1010 import TrainConfig, run
from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members
from gan1010.sweeps.shard_training import ShardProgress, train_shard
from service.errors import (
    InvalidJobStateError,
    NoModelError,
    QueueFullError,
)
from service.job import Job, JobError, StopStatus
from service.jobs.active_job import ActiveJob, ActiveSweep
from service.jobs.crash_recovery import MAX_ATTEMPTS
from service.jobs.registry import Registry
from service.storage.store import Store

CONFIG = TrainConfig(seed=1, iterations=20)
SWEEP = SweepConfig(base={"iterations": 200}, seeds=100)
LONG = TrainConfig(seed=1, iterations=200_000)


@contextmanager
def open_registry(folder: Path, queue_size: int = 100) -> Iterator[Registry]:
    store = Store(folder)
    yield Registry(store, queue_size)
    store.close()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with open_registry(tmp_path) as registry:
        yield registry


def submit(registry: Registry, **more: str) -> Job:
    return registry.submit(CONFIG, preset="article", name=None, **more)  # type: ignore[arg-type]


def take(registry: Registry) -> ActiveJob:
    """Take the next job, as a worker does."""
    active = registry.queue.get(timeout=60)
    assert isinstance(active, ActiveJob)
    return active


def start(registry: Registry) -> ActiveJob:
    """Submit a job and mark it running."""
    submit(registry)
    active = take(registry)
    assert registry.start(active)
    return active


def train(registry: Registry) -> str:
    """Train the next job, as a worker does, and return its id."""
    active = take(registry)
    assert registry.start(active)
    for progress in run(active.job.config):
        active.progress = progress
    registry.end(active, "succeeded")
    return active.job.id


def test_end_resolves_over_and_leaves_the_job_on_disk(registry: Registry) -> None:
    job = submit(registry)
    active = registry.active_job(job.id)
    assert active is not None
    assert not active.over.done()
    train(registry)
    assert active.over.done()
    assert active.current == registry.job(job.id)
    assert active.current.status == "succeeded"
    assert registry.active_job(job.id) is None


def test_failed_job_has_its_error(registry: Registry) -> None:
    active = start(registry)
    registry.end(active, "failed", JobError(type="diverged", detail="not finite"))
    job = registry.job(active.job.id)
    assert (job.status, job.error) == ("failed", JobError(type="diverged", detail="not finite"))
    assert job.transitions[-1].detail == "not finite"
    with pytest.raises(InvalidJobStateError, match="failed"):
        registry.request_stop(job.id, "cancelled")
    with pytest.raises(NoModelError):
        registry.models.latest(with_generator=True)
    registry.deletion.delete(job.id)


def test_job_stays_paused_if_the_queue_is_full(tmp_path: Path) -> None:
    with open_registry(tmp_path, queue_size=2) as registry:
        jobs = [submit(registry) for _ in range(2)]
        registry.request_stop(jobs[0].id, "paused")
        another = submit(registry)
        with pytest.raises(QueueFullError):
            registry.resume(jobs[0].id)
        assert registry.job(jobs[0].id).status == "paused"
        registry.request_stop(another.id, "cancelled")
        assert registry.resume(jobs[0].id).status == "queued"


@pytest.mark.parametrize("status", ["cancelled", "paused"])
def test_stopped_job_leaves_the_queue_and_is_not_started(registry: Registry, status: StopStatus) -> None:
    job = submit(registry)
    active = take(registry)
    for id in (job.id, submit(registry).id):
        registry.request_stop(id, status)
    assert not registry.start(active)
    assert registry.job(job.id).status == status
    assert registry.queue.get(timeout=0) is None


def test_concurrent_requests_with_one_key_make_one_job(registry: Registry) -> None:
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: submit(registry, key="key", request="same"), range(32)))
    assert len({job.id for job in jobs}) == 1


def test_unfinished_jobs_are_queued_in_their_order_after_a_restart(tmp_path: Path) -> None:
    with open_registry(tmp_path) as registry:
        done, running, waiting = (submit(registry).id for _ in range(3))
        train(registry)
        registry.start(take(registry))
    with open_registry(tmp_path) as registry:
        assert [take(registry).job.id for _ in range(2)] == [running, waiting]
        assert registry.queue.get(timeout=0) is None
        again = registry.job(running)
        assert [transition.status for transition in again.transitions] == ["queued", "running", "queued"]
        assert again.transitions[-1].detail
        assert len(registry.job(waiting).transitions) == 1
        assert registry.job(done).status == "succeeded"
        assert registry.models.latest(with_generator=True) == done
        assert submit(registry).id > waiting


def test_restart_with_a_shorter_queue_keeps_all_jobs(tmp_path: Path) -> None:
    with open_registry(tmp_path, queue_size=5) as registry:
        ids = sorted(submit(registry).id for _ in range(5))
    with open_registry(tmp_path, queue_size=1) as registry:
        assert [take(registry).job.id for _ in range(5)] == ids
        with pytest.raises(QueueFullError):
            submit(registry)


def test_release_resolves_over_and_leaves_the_jobs_as_they_are(registry: Registry) -> None:
    jobs = [submit(registry) for _ in range(2)]
    registry.start(take(registry))
    for _ in range(2):
        registry.release()
    jobs.append(submit(registry))
    assert all(active.over.done() for job in jobs if (active := registry.active_job(job.id)))
    assert [registry.job(job.id).status for job in jobs] == ["running", "queued", "queued"]


def persist_progress(registry: Registry, active: ActiveJob, of: str) -> None:
    if not isinstance(active, ActiveSweep):
        active.progress = next(run(LONG))
        registry.trainings.checkpoint(active)
        return
    registry.sweeps.prepare(active)
    first, *_, last = train_shard(SWEEP.shard_settings(SWEEP.shards[0]))
    if of == "shard checkpoint":
        assert isinstance(first, ShardProgress)
        registry.sweeps.checkpoint(active, 0, first)
    else:
        assert isinstance(last, Members)
        assert registry.sweeps.persist_shard(active, 0, last, active.generation)


@pytest.mark.parametrize("of", ["training", "shard checkpoint", "shard"])
def test_persisted_progress_sets_the_attempts_to_zero(tmp_path: Path, of: str) -> None:
    with open_registry(tmp_path) as registry:
        registry.submit(LONG if of == "training" else SWEEP, preset="article", name=None)
    for attempts in (*range(MAX_ATTEMPTS + 1), 1):
        with open_registry(tmp_path) as registry:
            active = take(registry)
            assert active.job.attempts == attempts
            assert registry.start(active)
            if attempts == MAX_ATTEMPTS:
                persist_progress(registry, active, of)


def test_new_job_is_logged_before_a_worker_can_take_it(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    monkeypatch.setattr(registry, "_record_status", lambda job: events.append(job.status))
    monkeypatch.setattr(registry.queue, "put", lambda active: events.append("put"))
    submit(registry)
    assert events == ["queued", "put"]


def test_cancel_replaces_a_pause_that_the_worker_has_seen(registry: Registry) -> None:
    active = start(registry)
    for status in ("paused", "cancelled"):
        registry.request_stop(active.job.id, status)
    registry.stop_training(active, "paused")
    assert registry.job(active.job.id).status == "cancelled"
