"""The data folder: everything written is read back as it was, all of it or nothing, by one process at a time."""

import hashlib
import json
import os
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
from gan1010.training import model_at
from service.job import Job, JobError, new_job
from service.storage.checksums import pack_arrays, unpack_arrays
from service.storage.store import Store
from tests.support.clients import running_server, server_process
from tests.support.contract import SHORT_JOB, train
from tests.support.data_folder import execute

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


def finish(store: Store, job: Job) -> tuple[Job, Progress]:
    """Add a job, train it and store its success."""
    store.add(job, None, "")
    *_, progress = run(job.train_config)
    ended = job.with_status("running").with_status("succeeded", iteration=progress.iteration, result=progress.result)
    store.finish(ended, progress, model_at(job.train_config, progress.snapshots))
    return ended, progress


@given(config=CONFIGS, name=st.none() | st.text(max_size=100), detail=st.text(), speed=st.floats(0, 1e9))
@settings(max_examples=50)
def test_job_is_read_as_it_was_written(config: TrainConfig, name: str | None, detail: str, speed: float) -> None:
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


def test_older_job_whose_settings_were_all_filled_in_is_read(store: Store) -> None:
    job = new(1, replace(TrainConfig(seed=1, iterations=20), **TrainConfig(iterations=20).defaults))
    assert job.train_config.defaults == {}
    store.add(job, None, "")
    (document,) = store._database.row("SELECT document FROM jobs") or ()
    settings = {"generator_learning_rate": 0.01, "record_every": 5, "snapshot_every": 100}
    assert settings.items() <= json.loads(document)["config"].items()  # as it was written before they could be null
    loaded = store.job(job.id)
    assert loaded == job
    assert loaded.train_config.resolved == TrainConfig(seed=1, iterations=20).resolved


def test_arrays_of_every_layout_are_read_bit_for_bit() -> None:
    square = np.arange(12, dtype=np.float32).reshape(3, 4)
    arrays = {"transposed": square.T, "strided": square[:, ::2], "empty": square[:0], "bool": square > 5}
    unpacked = unpack_arrays(*pack_arrays(arrays))
    assert {name: array.tolist() for name, array in unpacked.items()} == {n: a.tolist() for n, a in arrays.items()}
    assert all(unpacked[name].dtype == array.dtype for name, array in arrays.items())


@pytest.mark.parametrize("experiment", ["gan", "discriminator"])
def test_history_and_model_are_read_bit_for_bit(store: Store, experiment: str) -> None:
    config = TrainConfig(seed=1, iterations=333, experiment=experiment, record_every=2, snapshot_every=10)
    job, progress = finish(store, new(1, config))
    loaded = store.runs.progress(job)
    assert loaded is not None
    assert (loaded.iteration, loaded.result) == (progress.iteration, progress.result)
    assert loaded.history.series.keys() == progress.history.series.keys()
    assert np.array_equal(loaded.history.iteration, progress.history.iteration)
    for name, values in progress.history.series.items():
        assert loaded.history.series[name].tobytes() == values.tobytes()
    for name in ("iterations", "discriminators", "generators"):
        before, after = getattr(progress.snapshots, name), getattr(loaded.snapshots, name)
        assert (after.shape, after.dtype, after.tobytes()) == (before.shape, before.dtype, before.tobytes())
    content = store.model_file(job.id)
    assert content == model_at(config, progress.snapshots).to_bytes()
    assert store.models(after=None, limit=10) == [(job, len(content), hashlib.sha256(content).hexdigest())]


def test_deleted_history_can_be_written_again(store: Store) -> None:
    job = new(1, TrainConfig(seed=1, iterations=1_000_000)).with_status("running")
    store.add(job, None, "")
    progress = next(run(job.train_config))
    for _ in range(2):
        store.update(job, progress)
        loaded = store.runs.progress(job)
        assert loaded is not None
        assert loaded.history.iteration.tolist() == progress.history.iteration.tolist()
        store.runs.delete(job.id)
        assert store.runs.progress(job) is None


def test_reopened_store_has_everything(tmp_path: Path) -> None:
    first = Store(tmp_path)
    ended, _ = finish(first, new(1))
    queued = new(2)
    first.add(queued, "key", "request")
    first.close()
    second = Store(tmp_path)
    assert second.jobs(status=None, kind=None, after=None, limit=9) == [queued, ended]
    assert second.unfinished_jobs() == [queued]
    assert second.idempotency_key("key") == ("request", queued.id)
    assert second.last_job_id() == queued.id
    assert second.last_succeeded(with_generator=True) == ended.id
    assert second.model_file(ended.id) is not None
    second.close()


def test_added_job_is_visible_to_other_processes(store: Store, tmp_path: Path) -> None:
    store.add(new(1), "key", "request")
    assert execute(tmp_path, "SELECT count(*) FROM jobs") == [(1,)]
    assert execute(tmp_path, "PRAGMA journal_mode") == [("wal",)]


def test_second_process_on_a_folder_exits(tmp_path: Path) -> None:
    with running_server(tmp_path) as (_, client):
        with server_process(tmp_path) as second:
            assert second.wait(60) == 4
        assert "Another gan1010 process uses" in second.log[-1]
        assert train(client, **SHORT_JOB)["status"] == "succeeded"
    Store(tmp_path).close()


def test_job_whose_key_is_taken_is_not_added(store: Store) -> None:
    store.add(new(1), "key", "request")
    with pytest.raises(sqlite3.IntegrityError):
        store.add(new(2), "key", "request")
    assert store.job(new(2).id) is None
    store.add(new(2), "other", "request")


@pytest.mark.parametrize("path", [os.environ["PATH"], "/nowhere"])  # without `rm`, too
def test_deleted_job_leaves_nothing(store: Store, tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path)
    store.add(new(1), "key", "request")
    other, _ = finish(store, new(2))
    deleted, _ = finish(store, new(3))
    store.delete([new(1).id, deleted.id])
    assert store.job(deleted.id) is store.runs.progress(deleted) is store.model_file(deleted.id) is None
    assert store.idempotency_key("key") is None
    assert [job.id for job, *_ in store.models(after=None, limit=9)] == [other.id]
    assert [file.stem for file in tmp_path.rglob("*.safetensors")] == [other.id]
    tables = [name for (name,) in execute(tmp_path, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    counts = {table: execute(tmp_path, f"SELECT count(*) FROM {table}")[0][0] for table in tables}  # noqa: S608
    assert {table: count for table, count in counts.items() if count} == {
        "jobs": 1,
        "listing": 1,
        "histories": 1,
        "models": 1,
    }


def test_last_succeeded_is_the_last_to_end_not_to_start(store: Store) -> None:
    first, second = new(1), new(2)
    finish(store, second)
    finish(store, first)
    alone, _ = finish(store, new(3, replace(first.train_config, experiment="discriminator")))
    assert store.last_succeeded(with_generator=True) == first.id
    assert store.last_succeeded(with_generator=False) == alone.id


def test_many_threads_write_and_read(store: Store) -> None:
    def work(number: int) -> bool:
        job, progress = finish(store, new(number))
        loaded = store.runs.progress(job)
        return loaded is not None and loaded.iteration == progress.iteration and store.job(job.id) == job

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(40)))
    assert [job.id for job in store.jobs(status="succeeded", kind="train", after=None, limit=99)] == [
        new(number).id for number in reversed(range(40))
    ]
