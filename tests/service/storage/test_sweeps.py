"""Shards of sweeps in the store: finished ones, and checkpoints of the others."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gan1010.compiled.kernel import State
from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members
from gan1010.sweeps.shard_training import ShardProgress, train_shard
from service.errors import CorruptDataError
from service.job import Status, new_job
from service.storage.store import Store
from tests.support.data_folder import execute

SWEEP = SweepConfig(base={"iterations": 20}, grid={"loss": ["mse", "bce"]}, seeds=3)
JOB = new_job(f"{1:024x}", "article", SWEEP, None)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    store.add(JOB, None, "")
    yield store
    store.close()


def test_stored_configuration_has_a_range_of_seeds(store: Store) -> None:
    (document,) = store._database.row("SELECT document FROM jobs") or ()
    fields = {"base": {"iterations": 20}, "grid": {"loss": ["mse", "bce"]}, "first_seed": 0, "seeds": 3}
    assert json.loads(document)["config"] == fields
    assert store.job(JOB.id) == JOB


def state_of(value: float) -> State:
    shapes = {"discriminator": (9, 16), "generator": (3, 16), "discriminator_moments": (2, 9, 16)}
    shapes |= {"generator_moments": (2, 3, 16), "totals": (5, 16), "settled": (1, 16)}
    dtypes = {"totals": np.float64, "settled": np.int64}
    return State(**{name: np.full(shape, value, dtypes.get(name, np.float32)) for name, shape in shapes.items()})


def train_members(number: int) -> Members:
    *_, members = train_shard(SWEEP.shard_settings(SWEEP.shards[number]))
    assert isinstance(members, Members)
    return members


def test_checkpoint_is_replaced_and_deleted_when_the_shard_finishes(store: Store) -> None:
    last = state_of(2)
    assert store.sweeps.shard_checkpoint(JOB.id, 0) is None
    for number, iteration, state in [(0, 7, state_of(1)), (1, 8, state_of(3)), (0, 9, last)]:
        store.update_shard(JOB, number, ShardProgress(iteration=iteration, state=state))
    loaded = store.sweeps.shard_checkpoint(JOB.id, 0)
    assert loaded is not None
    assert loaded.iteration == 9
    for before, after in zip(last, loaded.state, strict=True):
        assert (after.shape, after.dtype, after.tobytes()) == (before.shape, before.dtype, before.tobytes())
    store.update_shard(JOB, 0, train_members(0))
    assert store.sweeps.shard_checkpoint(JOB.id, 0) is None
    assert store.sweeps.shard_checkpoint(JOB.id, 1) is not None


def test_deleted_shard_leaves_nothing(store: Store) -> None:
    for number in range(2):
        store.update_shard(JOB, number, train_members(number))
        store.update_shard(JOB, number, ShardProgress(iteration=7, state=state_of(1)))
    assert store.sweeps.finished_shards(JOB.id) == {0: 3, 1: 3}
    store.sweeps.delete_shard(JOB.id, 0)
    assert store.sweeps.finished_shards(JOB.id) == {1: 3}
    assert store.sweeps.shard_checkpoint(JOB.id, 0) is None
    assert store.sweeps.shard_checkpoint(JOB.id, 1) is not None


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
def test_ended_sweep_has_no_checkpoints(store: Store, status: Status) -> None:
    store.update_shard(JOB, 1, ShardProgress(iteration=7, state=state_of(1)))
    store.update(running := JOB.with_status("running"))
    assert store.sweeps.shard_checkpoint(JOB.id, 1) is not None
    store.finish(running.with_status(status), None, None)
    assert store.sweeps.shard_checkpoint(JOB.id, 1) is None


@pytest.mark.parametrize("change", ["state = zeroblob(400)", "state = 'text'", "sha256 = ''"])
def test_damaged_checkpoint_is_refused_until_it_is_replaced(store: Store, tmp_path: Path, change: str) -> None:
    store.update_shard(JOB, 1, ShardProgress(iteration=7, state=state_of(1)))
    execute(tmp_path, f"UPDATE shard_checkpoints SET {change}")  # noqa: S608
    with pytest.raises(CorruptDataError, match="checkpoint of the sweep's shard 1 is damaged"):
        store.sweeps.shard_checkpoint(JOB.id, 1)
    store.update_shard(JOB, 1, ShardProgress(iteration=7, state=state_of(1)))
    assert store.sweeps.shard_checkpoint(JOB.id, 1) is not None
