from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan1010 import SweepConfig
from gan1010.compiled.lanes import LANES
from gan1010.sweeps.shards import MAX_SHARD_MEMBERS, PER_LANE_SETTINGS, Shard

GRIDS = st.fixed_dictionaries(
    {},
    optional={
        "learning_rate": st.lists(st.floats(0.001, 10), min_size=1, max_size=4),
        "generator_learning_rate": st.lists(st.none() | st.floats(0.001, 10), min_size=1, max_size=3),
        "pattern": st.lists(st.text("01", min_size=1, max_size=16), min_size=1, max_size=3),
        "hidden_size": st.lists(st.integers(1, 64), min_size=1, max_size=3),
        "optimizer": st.lists(st.sampled_from(["sgd", "adam"]), min_size=1, max_size=2),
        "spread": st.lists(st.floats(0.01, 0.5), min_size=1, max_size=2),
        "iterations": st.lists(st.integers(1, 10_000_000), min_size=1, max_size=2),
    },
)


@given(grid=GRIDS, seeds=st.integers(1, 300), first_seed=st.integers(0, 2**53 - 301))
def test_shards_have_every_member_once_with_its_settings(grid: Any, seeds: int, first_seed: int) -> None:
    sweep = SweepConfig(grid=grid, seeds=seeds, first_seed=first_seed)
    seen = np.zeros(sweep.members, np.int64)
    for shard in sweep.shards:
        group = sweep.groups[shard.group]
        settings = sweep.shard_settings(shard)
        index, lane_settings = settings.index, settings.lanes
        seen[index] += 1
        for row in {0, len(index) // 2, len(index) - 1}:
            config = sweep.config(int(index[row])).resolved
            assert lane_settings.seed[row] == config.seed
            for name in PER_LANE_SETTINGS:
                assert getattr(lane_settings, name)[row] == getattr(config, name)
            for name in set(grid) - set(PER_LANE_SETTINGS):
                assert getattr(group.config, name) == getattr(config, name)
    assert (seen == 1).all()


def test_generator_rate_defaults_to_the_discriminators() -> None:
    for base, grid, expected in (
        ({}, {"learning_rate": [0.1, 0.2]}, [0.1, 0.2]),
        ({"generator_learning_rate": 0.3}, {"learning_rate": [0.1, 0.2]}, [0.3, 0.3]),
        ({"learning_rate": 0.4}, {"generator_learning_rate": [None, 0.2]}, [0.4, 0.2]),
        ({"learning_rate": 0.4}, {"spread": [0.1, 0.2]}, [0.4, 0.4]),
    ):
        (group,) = SweepConfig(base=base, grid=grid, seeds=1).groups
        assert group.settings(np.arange(2)).lanes.generator_learning_rate.tolist() == expected


@pytest.mark.parametrize("base", [{}, {"iterations": 1}, {"iterations": 10_000_000}, {"hidden_size": 64}])
def test_shards_fill_their_lanes_and_are_many(base: Any) -> None:
    shards = SweepConfig(base=base, seeds=100_000).shards
    assert all(shard.start % LANES == 0 for shard in shards)
    assert all(0 < shard.stop - shard.start <= MAX_SHARD_MEMBERS for shard in shards)
    assert len(shards) >= 32


def test_few_members_make_one_shard() -> None:
    assert SweepConfig(seeds=3).shards == (Shard(group=0, start=0, stop=3),)
