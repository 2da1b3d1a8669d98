"""The registry: who may do what to a job, and what survives."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from gan1010 import TrainConfig, run
from service.errors import (
    IdempotencyKeyReusedError,
    InvalidJobStateError,
    JobNotFoundError,
    NoModelError,
    QueueFullError,
)
from service.job import Job, JobError
from service.jobs.registry import ActiveJob, Registry
from service.storage.store import Store

CONFIG = TrainConfig(seed=1, iterations=20)
LONG = TrainConfig(seed=1, iterations=200_000)


@contextmanager
def opened(folder: Path, queue_size: int = 100) -> Iterator[Registry]:
    store = Store(folder)
    yield Registry(store, queue_size)
    store.close()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with opened(tmp_path) as registry:
        yield registry


def submit(registry: Registry, **more: str) -> Job:
    return registry.submit(CONFIG, preset="article", name=None, **more)  # type: ignore[arg-type]


def take(registry: Registry) -> ActiveJob:
    """What a worker takes from the queue."""
    live = registry.queue.get(timeout=1)
    assert live is not None
    return live


def train(registry: Registry) -> str:
    """Be the worker of the next job: its id."""
    live = take(registry)
    assert registry.start(live)
    for progress in run(live.job.config):
        live.progress = progress
    registry.end(live, "succeeded")
    return live.job.id


def test_oldest_job_is_taken_first(registry: Registry) -> None:
    ids = [submit(registry).id for _ in range(5)]
    assert [take(registry).job.id for _ in range(5)] == ids == sorted(ids)


def test_job_runs_before_what_it_left_is_looked_up(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    job = submit(registry)
    live, store, statuses = take(registry), registry._store, []

    def progress(of: Job) -> None:  # a process that ends here has ended at this job
        statuses.append(store.job(of.id).status)  # type: ignore[union-attr]

    monkeypatch.setattr(store.runs, "progress", progress)
    assert registry.start(live)
    assert registry.recovery.load_checkpoint(live)
    assert statuses == ["running"]
    assert registry.job(job.id).status == "running"


def test_job_ends_as_the_worker_says_and_who_waits_is_told_then(registry: Registry) -> None:
    job = submit(registry)
    live = registry.active_job(job.id)
    assert live is not None
    assert not live.over.done()
    train(registry)
    assert live.over.done()
    assert live.current == registry.job(job.id)
    assert live.current.status == "succeeded"
    assert registry.active_job(job.id) is None


def test_failure_is_kept_with_its_reason(registry: Registry, tmp_path: Path) -> None:
    submit(registry)
    live = take(registry)
    registry.start(live)
    registry.end(live, "failed", JobError(type="diverged", detail="not finite"))
    job = registry.job(live.job.id)
    assert (job.status, job.error) == ("failed", JobError(type="diverged", detail="not finite"))
    assert job.transitions[-1].detail == "not finite"
    with pytest.raises(InvalidJobStateError, match="failed"):
        registry.request_stop(job.id, "cancelled")
    with pytest.raises(NoModelError):
        registry.models.latest(with_generator=True)
    registry.delete(job.id)


def test_queue_is_as_long_as_it_may_be_and_the_running_do_not_count(tmp_path: Path) -> None:
    with opened(tmp_path, queue_size=2) as registry:
        submit(registry)
        submit(registry)
        with pytest.raises(QueueFullError):
            submit(registry)
        registry.start(take(registry))
        submit(registry)
        with pytest.raises(QueueFullError):
            submit(registry)
        assert len(registry.jobs(status=None, kind=None, after=None, limit=9)) == 3


def test_resumed_jobs_find_room_in_the_queue_or_stay_paused(tmp_path: Path) -> None:
    with opened(tmp_path, queue_size=2) as registry:
        jobs = [submit(registry) for _ in range(2)]
        registry.request_stop(jobs[0].id, "paused")
        another = submit(registry)
        with pytest.raises(QueueFullError):
            registry.resume(jobs[0].id)
        assert registry.job(jobs[0].id).status == "paused"
        registry.request_stop(another.id, "cancelled")
        assert registry.resume(jobs[0].id).status == "queued"


def test_cancelled_job_is_not_begun(registry: Registry) -> None:
    job = submit(registry)
    live = take(registry)
    registry.request_stop(job.id, "cancelled")
    assert registry.job(job.id).status == "cancelled"
    assert not registry.start(live)
    assert registry.job(job.id).status == "cancelled"


def test_job_that_is_cancelled_or_paused_leaves_the_queue(registry: Registry) -> None:
    for wanted in ("cancelled", "paused"):
        registry.request_stop(submit(registry).id, wanted)
    assert registry.queue.is_empty()


def test_running_job_is_asked_to_stop_and_may_still_succeed(registry: Registry) -> None:
    submit(registry)
    live = take(registry)
    registry.start(live)
    assert registry.request_stop(live.job.id, "cancelled") is live
    assert live.requested_status == "cancelled"
    assert registry.job(live.job.id).status == "running"
    with pytest.raises(InvalidJobStateError):
        registry.delete(live.job.id)


def test_one_of_many_with_one_key_makes_a_job(registry: Registry) -> None:
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: submit(registry, key="key", request="same"), range(32)))
    assert len({job.id for job in jobs}) == 1
    with pytest.raises(IdempotencyKeyReusedError):
        submit(registry, key="key", request="other")


def test_unfinished_jobs_wait_again_after_a_restart_in_their_order(tmp_path: Path) -> None:
    with opened(tmp_path) as registry:
        done, running, waiting = (submit(registry).id for _ in range(3))
        train(registry)
        registry.start(take(registry))
    with opened(tmp_path) as registry:
        first = take(registry)
        assert first.job.id == running
        assert take(registry).job.id == waiting
        assert registry.queue.is_empty()
        again = registry.job(running)
        assert [transition.status for transition in again.transitions] == ["queued", "running", "queued"]
        assert again.transitions[-1].detail
        assert len(registry.job(waiting).transitions) == 1
        assert registry.job(done).status == "succeeded"
        assert registry.models.latest(with_generator=True) == done
        assert submit(registry).id > waiting


def test_full_queue_of_old_jobs_is_kept_over_a_restart_with_a_shorter_queue(tmp_path: Path) -> None:
    with opened(tmp_path, queue_size=5) as registry:
        ids = [submit(registry).id for _ in range(5)]
    with opened(tmp_path, queue_size=1) as registry:
        assert [take(registry).job.id for _ in range(5)] == ids
        with pytest.raises(QueueFullError):
            submit(registry)


def test_who_waits_is_released_when_the_service_stops_though_the_job_goes_on(registry: Registry) -> None:
    jobs = [submit(registry) for _ in range(2)]
    registry.start(take(registry))
    futures = [live.over for job in jobs if (live := registry.active_job(job.id))]
    registry.release()
    registry.release()
    assert all(future.done() for future in futures)
    assert [registry.job(job.id).status for job in jobs] == ["running", "queued"]


def test_model_that_was_used_is_not_there_once_its_job_is_deleted(registry: Registry) -> None:
    submit(registry)
    id = train(registry)
    for iteration in (None, 0, 20):
        registry.model(id, iteration)
        assert registry.models.cached(id, iteration) is not None
    registry.delete(id)
    for iteration in (None, 0, 20):
        assert registry.models.cached(id, iteration) is None
        with pytest.raises(JobNotFoundError):
            registry.model(id, iteration)
    with pytest.raises(NoModelError):
        registry.models.latest(with_generator=True)


def test_latest_falls_back_to_the_one_before(registry: Registry) -> None:
    for _ in range(2):
        submit(registry)
    first, second = train(registry), train(registry)
    assert registry.models.latest(with_generator=True) == second
    registry.delete(second)
    assert registry.models.latest(with_generator=True) == registry.models.latest(with_generator=False) == first


def left_while_done(folder: Path) -> int:
    """A training that was done when there was no room to keep that, and whose row tells so: where its checkpoint is."""
    with opened(folder) as registry:
        registry.submit(LONG, preset="article", name=None)
        live = take(registry)
        registry.start(live)
        progress = iter(run(LONG))
        live.progress = next(progress)
        kept = live.progress.iteration
        registry.checkpoint(live, live.progress)
        *_, live.progress = progress
        registry.requeue_running()
        assert registry.job(live.job.id).iteration == LONG.iterations
    return kept


def left_without_history(folder: Path) -> int:
    """A training whose damaged history was forgotten just before the process came to a sudden end."""
    left_while_done(folder)
    store = Store(folder)
    (job,) = store.unfinished_jobs()
    store.runs.delete(job.id)
    store.close()
    return 0


@pytest.mark.parametrize("left", [left_while_done, left_without_history])
def test_training_goes_on_from_what_is_kept_of_it_whatever_its_row_tells(
    tmp_path: Path, left: Callable[[Path], int]
) -> None:
    kept = left(tmp_path)
    with opened(tmp_path) as registry:
        live = take(registry)
        assert registry.start(live)
        assert registry.recovery.load_checkpoint(live)
        assert live.current.iteration == kept
        for progress in run(LONG, live.progress):
            live.progress = progress
            if progress.state is not None:
                registry.checkpoint(live, progress)
        registry.end(live, "succeeded")
        assert registry.job(live.job.id).status == "succeeded"
        trained = registry.monitor.metrics.render({}).decode()
    assert f"gan1010_iterations_total {float(LONG.iterations - kept)}" in trained


def test_job_is_told_of_before_a_thread_may_take_it(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(registry.monitor, "record_status", lambda job: told.append(job.status))
    monkeypatch.setattr(registry.queue, "put", lambda live: told.append("in the queue"))
    submit(registry)
    assert told == ["queued", "in the queue"]


def test_who_waits_for_a_job_that_comes_after_the_release_is_released_too(registry: Registry) -> None:
    registry.release()
    live = registry.active_job(submit(registry).id)
    assert live is not None
    assert live.over.done()


def test_cancel_that_comes_while_a_thread_pauses_the_job_counts(registry: Registry) -> None:
    job = submit(registry)
    live = take(registry)
    registry.start(live)
    for wanted in ("paused", "cancelled"):
        registry.request_stop(job.id, wanted)
    registry.stop_training(live, "paused")  # which the thread had seen before
    assert registry.job(job.id).status == "cancelled"


def test_newest_model_is_not_lost_while_another_is_forgotten(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        submit(registry)
    train(registry)
    newest, look_up, threads = registry.job(train(registry)), registry._store.last_succeeded, list[Thread]()

    def looked_up(with_generator: bool) -> str | None:
        found = look_up(with_generator)
        threads.append(Thread(target=registry.models.record_success, args=[newest]))
        threads[-1].start()
        threads[-1].join(0.1)
        return found and "an older one"

    monkeypatch.setattr(registry._store, "last_succeeded", looked_up)
    registry.models.forget("another")
    for thread in threads:
        thread.join()
    assert {registry.models.latest(with_generator=generator) for generator in (True, False)} == {newest.id}
