"""The data folder: what is put in comes out as it was, all of it or nothing, and for one process at a time."""

import hashlib
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan1010 import Progress, TrainConfig, run
from gan1010.export import safetensors
from gan1010.training import model_at
from service.job import Job, JobError, new_job
from service.storage.store import DataFolderInUseError, Store

CONFIGS = st.builds(
    TrainConfig,
    experiment=st.sampled_from(["gan", "discriminator"]),
    pattern=st.from_regex("[01]{1,16}", fullmatch=True),
    spread=st.floats(0, 0.5, exclude_min=True),
    learning_rate=st.floats(0, 10, exclude_min=True),
    latent_value=st.floats(-3e38, 3e38),
    seed=st.integers(0, 2**53 - 1),
    iterations=st.integers(1, 10_000),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def new(number: int, config: TrainConfig | None = None, name: str | None = None) -> Job:
    return new_job(f"{number:024x}", "article", config or TrainConfig(seed=1, iterations=20), name)


def finished(store: Store, job: Job) -> tuple[Job, Progress]:
    """A job that has been added, and has succeeded."""
    store.add(job, None, "")
    *_, progress = run(job.config)
    ended = job.with_status("running").with_status("succeeded", iteration=progress.iteration, result=progress.result)
    store.finish(ended, progress, model_at(job.config, progress.snapshots))
    return ended, progress


@given(config=CONFIGS, name=st.none() | st.text(max_size=100), detail=st.text(), speed=st.floats(0, 1e9))
@settings(max_examples=50)
def test_job_comes_back_as_it_was(config: TrainConfig, name: str | None, detail: str, speed: float) -> None:
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        job = new(1, config, name)
        store.add(job, None, "")
        assert store.job(job.id) == job
        error = JobError(type="diverged", detail=detail)
        failed = job.with_status("running").with_status("failed", detail, error=error, iterations_per_second=speed)
        store.finish(failed, None, None)
        assert store.job(job.id) == failed
        store.close()


@pytest.mark.parametrize("experiment", ["gan", "discriminator"])
def test_history_and_model_come_back_to_the_bit(store: Store, experiment: str) -> None:
    config = TrainConfig(seed=1, iterations=333, experiment=experiment, record_every=2, snapshot_every=10)
    job, progress = finished(store, new(1, config))
    kept = store.runs.progress(job)
    assert kept is not None
    assert (kept.iteration, kept.result) == (progress.iteration, progress.result)
    assert kept.history.series.keys() == progress.history.series.keys()
    assert np.array_equal(kept.history.iteration, progress.history.iteration)
    for name, values in progress.history.series.items():
        assert kept.history.series[name].tobytes() == values.tobytes()
    for name in ("iterations", "discriminators", "generators"):
        before, after = getattr(progress.snapshots, name), getattr(kept.snapshots, name)
        assert (after.shape, after.dtype, after.tobytes()) == (before.shape, before.dtype, before.tobytes())
    content = store.model_file(job.id)
    assert content == safetensors.dump(model_at(config, progress.snapshots))
    (row,) = store.models(after=None, limit=10)
    assert (row.job_id, row.bytes, row.sha256) == (job.id, len(content), hashlib.sha256(content).hexdigest())


def test_all_is_there_when_the_folder_is_opened_again(tmp_path: Path) -> None:
    first = Store(tmp_path)
    ended, _ = finished(first, new(1))
    waiting = new(2)
    first.add(waiting, "key", "request")
    first.close()
    second = Store(tmp_path)
    assert second.jobs(status=None, kind=None, after=None, limit=9) == [waiting, ended]
    assert second.unfinished_jobs() == [waiting]
    assert second.idempotency_key("key") == ("request", waiting.id)
    assert second.last_job_id() == waiting.id
    assert second.last_succeeded(with_generator=True) == ended.id
    assert second.model_file(ended.id) is not None
    second.close()


def test_another_process_sees_a_job_as_soon_as_it_is_added(store: Store, tmp_path: Path) -> None:
    store.add(new(1), "key", "request")
    (file,) = tmp_path.glob("*.sqlite")
    other = sqlite3.connect(file)
    assert other.execute("SELECT count(*) FROM jobs").fetchone() == (1,)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()


def test_folder_is_for_one_at_a_time(store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataFolderInUseError, match="another --data-dir"):
        Store(tmp_path)
    store.close()
    Store(tmp_path).close()


def test_job_whose_key_is_taken_is_not_kept(store: Store) -> None:
    store.add(new(1), "key", "request")
    with pytest.raises(sqlite3.IntegrityError):
        store.add(new(2), "key", "request")
    assert store.job(new(2).id) is None
    store.add(new(2), "other", "request")  # and the store goes on


def test_deleted_job_leaves_nothing(store: Store, tmp_path: Path) -> None:
    store.add(new(1), "key", "request")
    kept, _ = finished(store, new(2))
    deleted, _ = finished(store, new(3))
    for id in (new(1).id, deleted.id):
        store.delete(id)
    assert store.job(deleted.id) is store.runs.progress(deleted) is store.model_file(deleted.id) is None
    assert store.idempotency_key("key") is None
    assert [model.job_id for model in store.models(after=None, limit=9)] == [kept.id]
    assert [file.stem for file in tmp_path.rglob("*.safetensors")] == [kept.id]
    (file,) = tmp_path.glob("*.sqlite")
    with sqlite3.connect(file) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}  # noqa: S608
    db.close()
    assert {table: count for table, count in counts.items() if count} == {"jobs": 1, "histories": 1, "models": 1}


def test_files_that_a_crash_left_behind_are_swept_away(tmp_path: Path) -> None:
    first = Store(tmp_path)
    kept, _ = finished(first, new(1))
    first.close()
    (file,) = tmp_path.rglob("*.safetensors")
    (file.parent / f"{new(2).id}.safetensors").write_bytes(b"of no job")
    (file.parent / f"{new(3).id}.tmp").write_bytes(b"hal")
    second = Store(tmp_path)
    assert [left.name for left in file.parent.iterdir()] == [f"{kept.id}.safetensors"]
    second.close()


def test_who_succeeded_last_is_told_by_the_end_not_the_start(store: Store) -> None:
    first, second = new(1), new(2)
    finished(store, second)
    finished(store, first)
    alone, _ = finished(store, new(3, replace(first.config, experiment="discriminator")))
    assert store.last_succeeded(with_generator=True) == first.id
    assert store.last_succeeded(with_generator=False) == alone.id


def test_many_threads_write_and_read_at_once(store: Store) -> None:
    def work(number: int) -> bool:
        job, progress = finished(store, new(number))
        kept = store.runs.progress(job)
        return kept is not None and kept.iteration == progress.iteration and store.job(job.id) == job

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(40)))
    assert [job.id for job in store.jobs(status="succeeded", kind="train", after=None, limit=99)] == [
        new(number).id for number in reversed(range(40))
    ]
