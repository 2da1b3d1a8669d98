"""Deletion: the selection of ended jobs, and what is left of them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from service.errors import JobNotFoundError, NoModelError
from service.job import Job, Selection
from service.jobs.registry import Registry
from service.storage.store import Store
from tests.service.jobs.test_registry import submit, train
from tests.service.storage.test_store import new
from tests.support.data_folder import execute

NOW = datetime.now(UTC)
BLOB = bytes(200_000)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def add_ended(
    store: Store, number: int, *, days_ago: int = 0, status: str = "cancelled", name: str | None = None
) -> str:
    """Add a job that ended some days ago."""
    job = new(number, name=name)
    store.add(job, None, "")
    ended: Job = replace(job.with_status(status), finished_at=NOW - timedelta(days=days_ago))  # type: ignore[arg-type]
    store.finish(ended, None, None)
    return job.id


def ids(store: Store) -> list[str]:
    return [job.id for job in reversed(store.jobs(limit=1000))]


@pytest.mark.parametrize(
    ("selection", "selected"),
    [
        (Selection(), range(12)),
        (Selection(statuses=frozenset({"failed"})), [1, 4, 7, 10]),
        (Selection(name="even"), range(0, 12, 2)),
        (Selection(name="nobody's"), []),
        (Selection(before=NOW - timedelta(days=7, hours=1)), range(8, 12)),
        (Selection(keep=3), range(9)),
        (Selection(ids=frozenset({new(2).id, new(5).id, "unknown"})), [2, 5]),
        (Selection(keep=12), []),
        (Selection(keep=2**53), []),
        (Selection(statuses=frozenset({"failed"}), keep=1), [1, 4, 7]),
        (Selection(statuses=frozenset({"failed", "cancelled"}), name="even", keep=2), [0, 4, 6]),
    ],
)
def test_selection_meets_all_conditions(
    store: Store, monkeypatch: pytest.MonkeyPatch, selection: Selection, selected: list[int]
) -> None:
    monkeypatch.setattr("service.storage.store.SCANNED_ROWS", 5)
    statuses = ["cancelled", "failed", "succeeded"]
    for number in range(12):  # the newest jobs ended first, as paused ones may
        name = "odd" if number % 2 else "even"
        add_ended(store, number, days_ago=number, status=statuses[number % 3], name=name)
    store.add(new(20, name="even"), None, "")
    execute(store._models.parent, "UPDATE jobs SET document = x'7b' || document WHERE id = ?", new(3).id)  # damaged
    expected = [new(number).id for number in selected]
    found = store.ended_jobs(selection)
    assert [id for id in found if id != new(3).id] == [id for id in expected if id != new(3).id]


def test_space_of_deleted_jobs_returns_to_the_disk_in_small_steps(store: Store, tmp_path: Path) -> None:
    deleted = [add_ended(store, number) for number in range(0, 300, 2)]
    kept = [add_ended(store, number) for number in range(1, 300, 2)]
    with store._database.transaction() as db:
        db.executemany("INSERT INTO histories VALUES (?, 1, ?, '')", [(id, BLOB) for id in deleted])
    registry = Registry(store, 100)
    before = registry.usage()
    steps = list(registry.deletion.delete_ended(deleted))
    after = registry.usage()
    assert steps == sorted(steps)
    assert len(steps) > len(deleted) * len(BLOB) / 2**20
    assert ids(store) == kept
    assert before.bytes - after.bytes >= len(deleted) * len(BLOB)
    assert (tmp_path / "gan1010.sqlite").stat().st_size < 2_000_000
    assert (before.oldest_job, after.oldest_job) == (0, 0)


def test_stopped_deletion_leaves_whole_jobs_and_can_go_on(store: Store) -> None:
    added = [add_ended(store, number) for number in range(250)]
    registry = Registry(store, 100)
    done = next(registry.deletion.delete_ended(added))
    assert 0 < done < 100
    assert ids(store) == added[done:]
    assert registry.deletion.ended_jobs(Selection()) == added[done:]


def test_deleted_job_has_no_model_in_memory(store: Store) -> None:
    registry = Registry(store, 100)
    submit(registry)
    id = train(registry)
    for iteration in (None, 0, 20):
        registry.model(id, iteration)
        assert registry.models.cached(id, iteration) is not None
    registry.deletion.delete(id)
    for iteration in (None, 0, 20):
        assert registry.models.cached(id, iteration) is None
        with pytest.raises(JobNotFoundError):
            registry.model(id, iteration)
    with pytest.raises(NoModelError):
        registry.models.latest(with_generator=True)


def test_latest_model_is_the_one_before_a_deleted_one(store: Store) -> None:
    registry = Registry(store, 100)
    for _ in range(2):
        submit(registry)
    first, second = train(registry), train(registry)
    assert registry.models.latest(with_generator=True) == second
    registry.deletion.delete(second)
    assert registry.models.latest(with_generator=True) == registry.models.latest(with_generator=False) == first
