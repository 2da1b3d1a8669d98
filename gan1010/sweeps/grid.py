"""What a sweep is: a GAN for every combination of a grid's values and every seed, each a `TrainConfig` of its own."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np

from gan1010.compiled.lanes import LANES
from gan1010.config import MAX_SEED, SettingError, TrainConfig
from gan1010.kernel_inputs import LaneSettings
from gan1010.layout import discriminator_layout, generator_layout
from gan1010.types import Float64s, Int64s

MAX_MEMBERS = 1_000_000
SETTINGS = tuple(f.name for f in fields(TrainConfig) if f.name != "seed")
# What may differ between GANs that are trained side by side, besides the seed; what else differs makes another group.
PER_LANE_SETTINGS = ("spread", "learning_rate", "generator_learning_rate", "latent_value")
INTERDEPENDENT_SETTINGS = ("iterations", "record_every", "snapshot_every")

# A shard's work is its members x iterations x (weights + DRAWS_IN_WEIGHTS): some tenths of a second. Also, of a large
# sweep there are at least so many shards, for all threads to end at the same time, and none has more than so many
# members. A change here cuts unfinished sweeps otherwise: the service's store then needs a new version.
WORK_PER_SHARD, DRAW_COST_IN_WEIGHTS, MIN_SHARDS, MAX_SHARD_MEMBERS = 500_000_000, 16, 32, 8192


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Some members of a group: those at the places `start` to `stop`."""

    group: int
    start: int
    stop: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """The cells that can be trained side by side; its members have places in it, cell by cell."""

    config: TrainConfig  # of the first of them
    cells: Int64s  # (cells,)
    values: dict[str, Float64s]  # each (cells,): the PER_LANE_SETTINGS
    first_seed: int
    seeds: int
    min_shards: int

    @property
    def members(self) -> int:
        """GANs in the group."""
        return len(self.cells) * self.seeds

    @property
    def weights(self) -> int:
        """Of D and G together."""
        shape = self.config.width, self.config.hidden_size
        return discriminator_layout(*shape).size + generator_layout(*shape).size

    @property
    def members_per_shard(self) -> int:
        """Members in full lanes that take well below a second, or the fewest there can be."""
        affordable = WORK_PER_SHARD // (self.config.iterations * (self.weights + DRAW_COST_IN_WEIGHTS))
        wanted = min(affordable, self.members // self.min_shards, MAX_SHARD_MEMBERS)
        return max(wanted // LANES, 1) * LANES

    def index(self, places: Int64s) -> Int64s:
        """The members' numbers in the sweep."""
        cell, offset = np.divmod(places, self.seeds)
        index: Int64s = self.cells[cell] * self.seeds + offset
        return index

    def lane_settings(self, places: Int64s) -> LaneSettings:
        """What the members at these places have for themselves."""
        cell, offset = np.divmod(places, self.seeds)
        return LaneSettings(
            seed=self.first_seed + offset, **{name: values[cell] for name, values in self.values.items()}
        )


@dataclass(frozen=True, kw_only=True)
class SweepConfig:
    """A grid of settings, and the seeds that each of its cells is trained with.

    Cells are numbered with the last field of the grid running fastest, and members cell by cell: member i is seed
    `first_seed + i % seeds` of cell `i // seeds`. Without a grid there is one cell.

    Raises:
        SettingError: `field` is the place of the invalid value, such as grid.spread, base.pattern or seeds.count.
    """

    base: dict[str, Any] = field(default_factory=dict)  # settings that all members share; the rest is the article's
    grid: dict[str, Sequence[Any]] = field(default_factory=dict)
    first_seed: int = 0
    seeds: int = 100

    def __post_init__(self) -> None:
        for where, names in (("base", self.base), ("grid", self.grid)):
            if unknown := sorted(set(names) - set(SETTINGS)):
                raise SettingError(where, f"must name only settings: {', '.join(SETTINGS)}", unknown[0])
        object.__setattr__(self, "grid", {name: tuple(values) for name, values in self.grid.items()})
        for name, values in self.grid.items():
            if not values:
                raise SettingError(f"grid.{name}", "must have at least one value", values)
        _check_integer("seeds.count", self.seeds, 1, MAX_MEMBERS)
        _check_integer("seeds.start", self.first_seed, 0, MAX_SEED + 1 - self.seeds)
        if self.members > MAX_MEMBERS:
            raise SettingError("grid", f"must make at most {MAX_MEMBERS:,} members with all seeds", self.members)
        self._check_values()

    @property
    def cells(self) -> int:
        """Combinations of the grid's values."""
        return prod(len(values) for values in self.grid.values())

    @property
    def members(self) -> int:
        """GANs in all."""
        return self.cells * self.seeds

    def cell(self, number: int) -> dict[str, Any]:
        """The grid's settings in one cell.

        Raises:
            IndexError: there is no such cell.
        """
        if not 0 <= number < self.cells:
            raise IndexError(f"cell must be 0 to {self.cells - 1}, not {number}")
        values = {}
        for name in reversed(self.grid):
            number, place = divmod(number, len(self.grid[name]))
            values[name] = self.grid[name][place]
        return {name: values[name] for name in self.grid}

    def config(self, index: int) -> TrainConfig:
        """A member's whole configuration: trained by itself it ends with the very same weights.

        Raises:
            IndexError: there is no such member.
        """
        if not 0 <= index < self.members:
            raise IndexError(f"index must be 0 to {self.members - 1}, not {index}")
        cell, offset = divmod(operator.index(index), self.seeds)  # NumPy's integers as well
        return TrainConfig(**self.base | self.cell(cell), seed=self.first_seed + offset)

    @cached_property
    def groups(self) -> tuple["Group", ...]:
        """The cells that can be trained side by side, by their first cells."""
        numbers = np.arange(self.cells)
        places, stride = {}, 1
        for name in reversed(self.grid):
            places[name] = numbers // stride % len(self.grid[name])
            stride *= len(self.grid[name])
        group_of = np.zeros(self.cells, np.int64)
        for name in self.grid:
            if name not in PER_LANE_SETTINGS:
                group_of = group_of * len(self.grid[name]) + places[name]
        _, group_of = np.unique(group_of, return_inverse=True)
        members = np.split(np.argsort(group_of, kind="stable"), np.cumsum(np.bincount(group_of))[:-1])
        groups = (
            Group(
                config=self.config(int(cells[0]) * self.seeds),
                cells=cells,
                values={
                    name: self._values(name, {n: place[cells] for n, place in places.items()})
                    for name in PER_LANE_SETTINGS
                },
                first_seed=self.first_seed,
                seeds=self.seeds,
                min_shards=max(MIN_SHARDS // len(members), 1),
            )
            for cells in members
        )
        return tuple(sorted(groups, key=lambda group: int(group.cells[0])))

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """The sweep in pieces, each of some tenths of a second, in which it is trained and kept."""
        return tuple(
            Shard(group=number, start=start, stop=min(start + group.members_per_shard, group.members))
            for number, group in enumerate(self.groups)
            for start in range(0, group.members, group.members_per_shard)
        )

    def _values(self, name: str, places: dict[str, Int64s]) -> Float64s:
        """A setting in each of some cells, whose places on each side of the grid are given."""
        default = {f.name: f.default for f in fields(TrainConfig)}[name]
        count = len(next(iter(places.values()))) if places else 1
        if name in self.grid:
            values = np.array([np.nan if value is None else value for value in self.grid[name]], np.float64)
            values = values[places[name]]
        else:
            value = self.base.get(name, default)
            values = np.full(count, np.nan if value is None else value, np.float64)
        if name == "generator_learning_rate":  # where it is left out it is the other's
            values = np.where(np.isnan(values), self._values("learning_rate", places), values)
        return values

    def _check_values(self) -> None:
        """Check each value against its bounds, and those that bound each other in combination."""
        first = {name: values[0] for name, values in self.grid.items()}
        boundary = {name: _boundary_values(values) for name, values in self.grid.items()}
        together = [name for name in INTERDEPENDENT_SETTINGS if name in self.grid]
        cells = [{name: value} for name, values in boundary.items() for value in values]
        cells += [dict(zip(together, values, strict=True)) for values in product(*(boundary[n] for n in together))]
        for cell in cells:
            try:
                TrainConfig(**self.base | first | cell, seed=self.first_seed)
            except SettingError as error:
                where = "grid" if error.field in self.grid else "base"
                raise SettingError(f"{where}.{error.field}", error.reason, error.value) from None


def _boundary_values(values: Sequence[Any]) -> list[Any]:
    """The values that keep to the bounds only if all do: of numbers the least and the greatest, of texts each once."""
    found: list[Any] = []
    for kind in dict.fromkeys(map(type, values)):
        alike: list[Any] = [value for value in values if type(value) is kind]
        if issubclass(kind, int | float):
            found += [value for value in alike if value != value][:1] or [min(alike), max(alike)]
        else:
            found += dict.fromkeys(alike) if kind in (str, type(None)) else alike
    return found


def _check_integer(field: str, value: Any, minimum: int, maximum: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        raise SettingError(field, f"must be an integer from {minimum} to {maximum:,}", value)
