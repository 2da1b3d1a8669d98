"""Arrays in the database: what comes out is what went in, or it is said that it is not."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from gan1010 import TrainConfig, run
from gan1010.compiled.kernel import State
from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members
from gan1010.sweeps.sweeping import ShardProgress, train_shard
from service.errors import CorruptDataError
from service.job import Job, new_job
from service.storage.checksums import checksum, decoding, pack_arrays, unpack_arrays
from service.storage.store import Store

SWEEP = SweepConfig(base={"iterations": 20}, grid={"loss": ["mse", "bce"]}, seeds=3)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.close()


def added(store: Store, config: TrainConfig | SweepConfig) -> Job:
    job = new_job(f"{1:024x}", "article", config, None)
    store.add(job, None, "")
    return job


def state_of(value: float) -> State:
    """The state of so many lanes, all of a value."""
    shapes = {"discriminator": (9, 16), "generator": (3, 16), "discriminator_moments": (2, 9, 16)}
    shapes |= {"generator_moments": (2, 3, 16), "totals": (5, 16), "settled": (1, 16)}
    kinds = {"totals": np.float64, "settled": np.int64}
    return State(**{name: np.full(shape, value, kinds.get(name, np.float32)) for name, shape in shapes.items()})


def test_arrays_come_back_to_the_bit_however_they_lie() -> None:
    square = np.arange(12, dtype=np.float32).reshape(3, 4)
    arrays = {"turned": square.T, "every other": square[:, ::2], "none": square[:0], "flags": square > 5}
    back = unpack_arrays(*pack_arrays(arrays))
    assert {name: array.tolist() for name, array in back.items()} == {n: a.tolist() for n, a in arrays.items()}
    assert all(back[name].dtype == array.dtype for name, array in arrays.items())


@pytest.mark.parametrize("blob", [b"", b"no safetensors", bytes(64), (2**62).to_bytes(8, "little") + bytes(9), None])
def test_what_is_no_blob_is_damage_even_with_its_own_digest(blob: bytes | None) -> None:
    with (
        pytest.raises(CorruptDataError, match=r"^It is damaged \(.+\)\. Train the job again\.$"),
        decoding("It"),
    ):
        unpack_arrays(blob, checksum(blob or b""))  # type: ignore[arg-type]


def test_checkpoint_of_a_shard_is_replaced_and_goes_when_the_shard_is_finished(store: Store) -> None:
    job, other = added(store, SWEEP), state_of(2)
    assert store.sweeps.shard_checkpoint(job.id, 0) is None
    for number, iteration, state in [(0, 7, state_of(1)), (1, 8, state_of(3)), (0, 9, other)]:
        store.checkpoint_shard(job, number, ShardProgress(iteration=iteration, state=state))
    kept = store.sweeps.shard_checkpoint(job.id, 0)
    assert kept is not None
    assert kept.iteration == 9
    for before, after in zip(other, kept.state, strict=True):
        assert (after.shape, after.dtype, after.tobytes()) == (before.shape, before.dtype, before.tobytes())
    *_, members = train_shard(SWEEP, SWEEP.shards[0])
    assert isinstance(members, Members)
    store.add_shard(job, 0, members)
    assert store.sweeps.shard_checkpoint(job.id, 0) is None
    assert store.sweeps.shard_checkpoint(job.id, 1) is not None


def test_shard_that_is_forgotten_is_as_if_it_had_not_begun(store: Store) -> None:
    job = added(store, SWEEP)
    for number, shard in enumerate(SWEEP.shards):
        *_, members = train_shard(SWEEP, shard)
        assert isinstance(members, Members)
        store.add_shard(job, number, members)
        store.checkpoint_shard(job, number, ShardProgress(iteration=7, state=state_of(1)))
    assert len(store.sweeps.finished_shards(job.id)) == 2
    store.sweeps.delete_shard(job.id, 0)
    assert store.sweeps.finished_shards(job.id) == {1: 3}
    assert store.sweeps.shard_checkpoint(job.id, 0) is None
    assert store.sweeps.shard_checkpoint(job.id, 1) is not None


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_sweep_that_has_ended_leaves_no_checkpoints(store: Store, status: str) -> None:
    job = added(store, SWEEP)
    store.checkpoint_shard(job, 1, ShardProgress(iteration=7, state=state_of(1)))
    store.update(running := job.with_status("running"))
    assert store.sweeps.shard_checkpoint(job.id, 1) is not None
    store.finish(running.with_status(status), None, None)  # type: ignore[arg-type]
    assert store.sweeps.shard_checkpoint(job.id, 1) is None


def test_training_that_is_forgotten_is_as_if_it_had_not_begun(store: Store) -> None:
    job = added(store, TrainConfig(seed=1, iterations=1_000_000)).with_status("running")
    progress = next(run(job.train_config))
    store.checkpoint(job, progress)
    assert store.runs.progress(job) is not None
    store.runs.delete(job.id)
    assert store.runs.progress(job) is None
    store.checkpoint(job, progress)  # all of it again
    again = store.runs.progress(job)
    assert again is not None
    assert again.history.iteration.tolist() == progress.history.iteration.tolist()


@pytest.mark.parametrize("change", ["state = zeroblob(400)", "state = 'text'", "sha256 = ''"])
def test_damaged_checkpoint_of_a_shard_is_told(store: Store, tmp_path: Path, change: str) -> None:
    job = added(store, SWEEP)
    store.checkpoint_shard(job, 1, ShardProgress(iteration=7, state=state_of(1)))
    with closing(sqlite3.connect(tmp_path / "gan1010.sqlite")) as db:
        db.execute(f"UPDATE shard_checkpoints SET {change}")  # noqa: S608
        db.commit()
    with pytest.raises(CorruptDataError, match="checkpoint of the sweep's shard 1 is damaged"):
        store.sweeps.shard_checkpoint(job.id, 1)
    store.checkpoint_shard(job, 1, ShardProgress(iteration=7, state=state_of(1)))
    assert store.sweeps.shard_checkpoint(job.id, 1) is not None
