"""Shards: the groups of a sweep's members that can train side by side, and the parts in which they train."""

from dataclasses import dataclass, fields

import numpy as np

from gan1010.compiled.lanes import LANES
from gan1010.config import TrainConfig
from gan1010.kernel_inputs import LaneSettings
from gan1010.layout import discriminator_layout, generator_layout
from gan1010.types import Bools, Float64s, Int64s

# Besides the seed, only these may differ between GANs trained side by side. All others split the cells into groups.
PER_LANE_SETTINGS = ("spread", "learning_rate", "generator_learning_rate", "latent_value", "r1")

# The work of a shard is members x iterations x (weights + DRAW_COST_IN_WEIGHTS), some tenths of a second. A large sweep
# has at least MIN_SHARDS shards, so that all threads end at the same time. Changing these splits stored sweeps
# differently, so it needs a new version of the service's store.
WORK_PER_SHARD, DRAW_COST_IN_WEIGHTS, MIN_SHARDS, MAX_SHARD_MEMBERS = 500_000_000, 16, 32, 8192


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The members of a group at the places `start` to `stop`."""

    group: int
    start: int
    stop: int


@dataclass(frozen=True, kw_only=True, eq=False)
class ShardSettings:
    """The settings of a shard's members, n of them: all that their training needs, as plain data."""

    config: TrainConfig  # of the group
    lanes: LaneSettings  # each (n,)
    index: Int64s  # (n,) the sweep's indices of the members

    def take(self, rows: Bools | Int64s) -> "ShardSettings":
        """Return the settings of some members."""
        return ShardSettings(config=self.config, lanes=self.lanes_at(rows), index=self.index[rows])

    def lanes_at(self, rows: Bools | Int64s) -> LaneSettings:
        """Return the settings of some members that may differ between them."""
        return LaneSettings(**{f.name: getattr(self.lanes, f.name)[rows] for f in fields(LaneSettings)})


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Cells that can train side by side. A member's place counts through the group, cell by cell."""

    config: TrainConfig  # of the first member
    cells: Int64s  # (cells,)
    values: dict[str, Float64s]  # the PER_LANE_SETTINGS, each (cells,)
    seed_values: Int64s  # (seeds,)
    min_shards: int

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return len(self.seed_values)

    @property
    def members(self) -> int:
        """Number of members."""
        return len(self.cells) * self.seeds

    @property
    def members_per_shard(self) -> int:
        """Size of a shard, in full lanes."""
        work_per_iteration = number_of_weights(self.config) + DRAW_COST_IN_WEIGHTS
        affordable = WORK_PER_SHARD // (self.config.iterations * work_per_iteration * samples_of(self.config))
        return max(min(affordable, self.members // self.min_shards, MAX_SHARD_MEMBERS) // LANES, 1) * LANES

    def settings(self, places: Int64s) -> ShardSettings:
        """Return the settings of the members at these places."""
        cell, offset = np.divmod(places, self.seeds)
        lanes = LaneSettings(
            seed=self.seed_values[offset], **{name: values[cell] for name, values in self.values.items()}
        )
        return ShardSettings(config=self.config, lanes=lanes, index=self.cells[cell] * self.seeds + offset)


def samples_of(config: TrainConfig) -> int:
    """Return the number of real samples in an iteration."""
    return config.discriminator_steps * config.batch_size


def number_of_weights(config: TrainConfig) -> int:
    """Return the number of weights of D and G together."""
    shape = config.width, config.hidden_size
    return discriminator_layout(*shape).size + generator_layout(*shape).size
