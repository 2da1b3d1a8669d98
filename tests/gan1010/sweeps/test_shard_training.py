"""Shards against single runs."""

import itertools
import pickle
from typing import Any

import numpy as np
import pytest

from gan1010 import Members, SweepConfig, train
from gan1010.compiled.lanes import LANES
from gan1010.sweeps.shard_training import ShardProgress, advance_shard, train_shard, train_whole_shard
from gan1010.sweeps.shards import Shard

# Every shape, loss, optimiser, latent and experiment meets every other; rates, spreads and latent values vary by lane.
GRID: dict[str, Any] = {
    "experiment": ["gan", "discriminator"],
    "pattern": ["1010", "1", "110010111010001"],
    "hidden_size": [3, 9],
    "loss": ["mse", "bce"],
    "optimizer": ["sgd", "adam"],
    "latent": ["constant", "uniform", "normal"],
    "learning_rate": [0.01, 0.2],
    "generator_learning_rate": [None, 0.05],
    "spread": [0.2, 0.45],
    "latent_value": [0.5, -1],
}


def all_members(config: SweepConfig) -> list[Members]:
    """Train all shards, and return their members with weights."""
    return [train_whole_shard(config.shard_settings(shard)) for shard in config.shards]


def check_member(config: SweepConfig, members: Members, row: int) -> None:
    """Train a member alone, and compare its weights and its result."""
    run = train(config.config(int(members.index[row])))
    generator = run.model().generator
    assert members.discriminators[row].tobytes() == run.model().discriminator.tobytes()
    assert members.generators[row].tobytes() == (b"" if generator is None else generator.tobytes())
    assert members.result(row) == run.result


def test_200_random_members_trained_alone_have_the_same_bits() -> None:
    config = SweepConfig(base={"iterations": 137, "record_every": 7}, grid=GRID, first_seed=11, seeds=2)
    chosen = set(np.random.default_rng(1).choice(config.members, 200, replace=False).tolist())
    for members in all_members(config):
        for row, index in enumerate(members.index.tolist()):
            if index in chosen:
                chosen.remove(index)
                check_member(config, members, row)
    assert not chosen


# Batches, steps, patterns and penalties; a lane without a penalty trains beside others that have one.
BEYOND: dict[str, Any] = {
    "experiment": ["gan", "discriminator"],
    "pattern": ["110+001+111", "1010"],
    "loss": ["bce", "minimax"],
    "latent": ["constant", "normal"],
    "batch_size": [1, 3],
    "discriminator_steps": [1, 2],
    "r1": [0, 0.5],
}


def test_members_with_batches_steps_and_penalties_trained_alone_have_the_same_bits() -> None:
    config = SweepConfig(base={"iterations": 60, "record_every": 7, "learning_rate": 0.1}, grid=BEYOND, seeds=1)
    for members in all_members(config):
        for row in range(len(members)):
            check_member(config, members, row)


@pytest.mark.parametrize("base", [{}, {"loss": "bce", "optimizer": "adam", "latent": "normal", "learning_rate": 0.001}])
def test_full_length_members_have_the_same_bits(base: dict[str, Any]) -> None:
    config = SweepConfig(base=base, seeds=LANES + 3)
    for members in all_members(config):
        check_member(config, members, 0)
        check_member(config, members, len(members) - 1)


@pytest.mark.parametrize("base", [
    {"latent": "normal", "optimizer": "adam", "loss": "bce"},
    {"experiment": "discriminator", "pattern": "110010"},
])  # fmt: skip
@pytest.mark.parametrize("seeds", [20, LANES + 1])
def test_shard_resumed_from_any_checkpoint_has_the_same_bits(base: dict[str, Any], seeds: int) -> None:
    config = SweepConfig(base={"iterations": 7001} | base, grid={"learning_rate": [0.01, 0.02]}, seeds=seeds)
    shard = config.shard_settings(Shard(group=0, start=0, stop=2 * seeds))
    *on_the_way, whole = train_shard(shard)
    assert isinstance(whole, Members)
    assert len(on_the_way) > 5
    for step in range(1, len(on_the_way) + 1):
        *_, left = itertools.islice(train_shard(shard), step)
        assert isinstance(left, ShardProgress)
        arrays = {name: array.copy() for name, array in left.arrays.items()}  # as if they came from elsewhere
        *_, resumed = train_shard(shard, ShardProgress.from_arrays(left.iteration, arrays))
        assert isinstance(resumed, Members)
        for name, column in whole.columns.items():
            assert getattr(resumed, name).tobytes() == column.tobytes(), (step, name)
        assert resumed.discriminators.tobytes() == whole.discriminators.tobytes()
        assert resumed.generators.tobytes() == whole.generators.tobytes()


def test_shard_advanced_step_by_step_through_other_processes_has_the_same_bits() -> None:
    config = SweepConfig(base={"iterations": 3001, "latent": "normal"}, seeds=LANES + 1)
    shard = config.shard_settings(Shard(group=0, start=0, stop=LANES + 1))
    step, iterations = advance_shard(shard, None, 0), []
    while isinstance(step, ShardProgress):
        iterations.append(step.iteration)
        step = advance_shard(shard, pickle.loads(pickle.dumps(step)), 0)  # noqa: S301
    assert len(set(iterations)) > 2
    whole = advance_shard(shard, None, 60)
    assert isinstance(whole, Members)
    for name, column in train_whole_shard(shard).columns.items():
        assert whole.columns[name].tobytes() == step.columns[name].tobytes() == column.tobytes(), name
    assert whole.generators.tobytes() == step.generators.tobytes()
