"""Sweeps: GANs by the hundred thousand, trained side by side in the lanes of the processor."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan1010 import kernel_inputs
from gan1010.compiled import kernel
from gan1010.compiled.lanes import LANES, aligned_copy
from gan1010.sweeps.grid import Group, Shard, SweepConfig
from gan1010.sweeps.results import NEVER, Cells, Members, concatenated
from gan1010.types import Array, Int64s

# Between two looks at whether to go on: so many random numbers of each lane, which is what the processor's second cache
# can hold, and so many iterations times weights, which is some hundredth of a second.
DRAWS_AT_ONCE, WEIGHTS_AT_ONCE = 4096, 100_000
NO_WEIGHTS = np.empty((0, 0, LANES), np.float32)
NO_RECORDS = kernel.Records(
    losses=np.empty((3, 0, LANES), np.float32), discriminators=NO_WEIGHTS, generators=NO_WEIGHTS
)
Columns = dict[str, Array]


@dataclass(frozen=True, kw_only=True, eq=False)
class ShardProgress:
    """How far a shard is: all that it takes to go on. The state changes as that goes on, lanes being its last axis."""

    iteration: int
    state: kernel.State


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """A finished sweep: every member's figures by its index, and every cell's, as NumPy arrays."""

    config: SweepConfig
    members: Members
    cells: dict[str, Array]  # each (cells,), as `Cells.table` has them

    def on_grid(self, figure: str) -> Array:
        """A figure of the cells, such as in_range_rate, in the shape of the grid: an axis for each field, in order."""
        return self.cells[figure].reshape([len(values) for values in self.config.grid.values()])


def sweep(
    base: Mapping[str, Any] | None = None,
    grid: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | range = 100,
    threads: int | None = None,
) -> Sweep:
    """Train a GAN for every combination of the grid's values and every seed, on all cores or so many threads.

    Seeds are so many from 0 on, or a range. Any member trained again, `train(sweep.config.config(index))`, ends with
    the same weights to the last bit.

    Raises:
        ValueError: the grid or a value in it cannot be; the message names it and says what would be right.
    """
    seeds = range(seeds) if isinstance(seeds, int) else seeds
    if seeds.step != 1:
        raise ValueError(f"seeds must be a number of them or a range without gaps, not {seeds}")
    config = SweepConfig(base=dict(base or {}), grid=dict(grid or {}), first_seed=seeds.start, seeds=len(seeds))
    cells, parts = Cells(config), list[Members]()

    def train(shard: Shard) -> Members:
        return [step for step in train_shard(config, shard) if isinstance(step, Members)][-1]

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        for members in pool.map(train, config.shards):
            cells.add(members)
            parts.append(members)
    return Sweep(config=config, members=concatenated(parts), cells=cells.table())


def train_shard(
    config: SweepConfig, shard: Shard, left: ShardProgress | None = None
) -> Iterator[Members | ShardProgress | None]:
    """Train a shard, from where it was left: how far it is, some hundred times a second, and at the end its members.

    How far it is can be told where its members all are side by side, so of each that takes long; else there is None.
    """
    group, trained = config.groups[shard.group], []
    at_once = shard.stop - shard.start <= LANES
    for start in range(shard.start, shard.stop, LANES):
        places = np.minimum(np.arange(start, start + LANES), shard.stop - 1)  # lanes too many do the last one again
        for step in _train_side_by_side(group, places, left if at_once else None):
            if isinstance(step, ShardProgress):
                yield step if at_once else None
            else:
                trained.append(step)
    columns = {name: np.concatenate([part[name] for part in trained], axis=-1) for name in trained[0]}
    columns = {name: column[..., : shard.stop - shard.start] for name, column in columns.items()}
    yield _members(group, group.index(np.arange(shard.start, shard.stop)), columns)


def _train_side_by_side(group: Group, places: Int64s, left: ShardProgress | None) -> Iterator[ShardProgress | Columns]:
    """Train LANES members: how far they are after each stride, and what has come of them, lanes being the last axis."""
    config, varying = group.config, group.varying(places)
    plan = kernel_inputs.plan(config, varying)._replace(snapshot_every=config.iterations + 1)
    state = (
        kernel.State(*(aligned_copy(array) for array in left.state))
        if left
        else kernel_inputs.initial_state(config, varying)
    )
    scratch = kernel.scratch_for(plan, state)
    stride = max(min(DRAWS_AT_ONCE // config.width, WEIGHTS_AT_ONCE // group.weights), 1)
    for start in range(left.iteration if left else 0, config.iterations, stride):
        count = min(stride, config.iterations - start)
        kernel.advance(plan, state, kernel_inputs.draws(config, varying, start, count), NO_RECORDS, scratch, start)
        yield ShardProgress(iteration=start + count, state=state)
    if plan.adversarial:
        kernel.sample_at_latent_value(plan, state, scratch)
    inside = (plan.low <= scratch.sample) & (scratch.sample <= plan.high)
    yield {
        "discriminators": state.discriminator,
        "generators": state.generator,
        "means": state.totals / max(config.iterations // 10, 1),
        "settled_at": state.settled[0],
        "sample": scratch.sample,
        "in_range": np.all(inside, axis=0),
    }


def _members(group: Group, index: Int64s, columns: Columns) -> Members:
    """The members with these numbers, of what they have come to."""
    adversarial = group.config.experiment == "gan"
    sample = np.ascontiguousarray(columns["sample"].T if adversarial else columns["sample"].T[:, :0])
    in_range = columns["in_range"] & adversarial
    ones = np.array([bit == "1" for bit in group.config.pattern])[: sample.shape[1]]
    d, g = np.ascontiguousarray(columns["discriminators"].T), np.ascontiguousarray(columns["generators"].T)
    finite = np.isfinite(d).all(axis=1) & np.isfinite(g).all(axis=1) & np.isfinite(columns["means"]).all(axis=0)
    means = np.where(finite, columns["means"], np.nan)
    return Members(
        index=index,
        sample=sample,
        bits_right=((sample >= 0.5) == ones).all(axis=1) & adversarial & finite,
        in_range=in_range & finite,
        settled_at=np.where(in_range & finite & (columns["settled_at"] > 0), columns["settled_at"], NEVER),
        discriminator_real_loss=means[kernel.REAL_LOSS],
        discriminator_fake_loss=means[kernel.FAKE_LOSS],
        generator_loss=means[kernel.GENERATOR_LOSS] if adversarial else np.full(len(index), np.nan),
        real_score=means[kernel.REAL_SCORE],
        fake_score=means[kernel.FAKE_SCORE],
        discriminators=d,
        generators=g,
    )
