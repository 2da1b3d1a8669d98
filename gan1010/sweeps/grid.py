"""Sweep configuration: a grid of settings with its cells, and the seeds of their members."""

import operator
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np

from gan1010.config import MAX_SEED, SettingError, TrainConfig, plain
from gan1010.sweeps.shards import MIN_SHARDS, PER_LANE_SETTINGS, Group, Shard, ShardSettings
from gan1010.types import Array, Float64s, Int64s

MAX_MEMBERS = 1_000_000
SETTINGS = tuple(f.name for f in fields(TrainConfig) if f.name not in ("seed", "backend"))
COMPILED_ONLY = "must be left out: sweeps train with the compiled backend"
INTERDEPENDENT_SETTINGS = ("iterations", "record_every", "snapshot_every")


@dataclass(frozen=True, kw_only=True)
class SweepConfig:
    """A grid of settings, and the seeds with which each of its cells is trained.

    The last field of the grid varies fastest from cell to cell, and members count cell by cell: member i has the seed
    `seed_values[i % seeds]` and belongs to cell `i // seeds`. An empty grid has one cell, and a single value of a
    setting counts as a list of one. The `field` of a SettingError is the place of the invalid value, such as
    grid.spread, base.pattern or seeds.count.
    """

    base: dict[str, Any] = field(default_factory=dict)  # settings of all members; others have the article's values
    grid: dict[str, Sequence[Any]] = field(default_factory=dict)
    first_seed: int = 0
    seeds: int = 100  # how many
    seed_list: tuple[int, ...] = ()  # all seeds, if they are not first_seed, first_seed + 1, ...

    def __post_init__(self) -> None:
        for part, convert in (("base", lambda _, value: plain(value)), ("grid", _values)):
            object.__setattr__(self, part, _settings(part, getattr(self, part), convert))
        for name in ("first_seed", "seeds"):
            object.__setattr__(self, name, plain(getattr(self, name)))
        object.__setattr__(self, "seed_list", tuple(map(plain, self.seed_list)))
        for name, values in self.grid.items():
            if not values:
                raise SettingError(f"grid.{name}", "must have at least one value", values)
        _check_integer("seeds.count", self.seeds, 1, MAX_MEMBERS)
        if self.seed_list:
            self._check_seed_list()
        else:
            _check_integer("seeds.start", self.first_seed, 0, MAX_SEED + 1 - self.seeds)
        if self.members > MAX_MEMBERS:
            raise SettingError("grid", f"must make at most {MAX_MEMBERS:,} members with all seeds", self.members)
        self._check_values()

    @property
    def cells(self) -> int:
        """Number of cells."""
        return prod(self.shape)

    @property
    def members(self) -> int:
        """Number of members."""
        return self.cells * self.seeds

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each of the grid's fields."""
        return tuple(len(values) for values in self.grid.values())

    @cached_property
    def seed_values(self) -> Int64s:
        """The seeds of each cell, (seeds,)."""
        return np.array(self.seed_list or range(self.first_seed, self.first_seed + self.seeds), np.int64)

    def cell(self, number: int) -> dict[str, Any]:
        """Return the grid's settings in a cell; IndexError if there is no such cell."""
        if not 0 <= number < self.cells:
            raise IndexError(f"cell must be 0 to {self.cells - 1}, not {number}")
        places = np.unravel_index(number, self.shape)
        return {name: values[int(place)] for (name, values), place in zip(self.grid.items(), places, strict=True)}

    def cell_columns(self, cells: Int64s) -> dict[str, Array]:
        """Return the grid's settings in these cells by name, each (cells,); NaN for None."""
        return {name: self.cell_column(name, cells) for name in self.grid}

    def cell_column(self, name: str, cells: Int64s) -> Array:
        """Return one of the grid's settings in these cells, (cells,); NaN for None."""
        values = np.array([np.nan if value is None else value for value in self.grid[name]])
        return values[self.place(name, cells)]

    def place(self, name: str, cells: Int64s) -> Int64s:
        """Return the places of these cells on an axis of the grid, (cells,)."""
        repeats = prod(self.shape[list(self.grid).index(name) + 1 :])  # cells in a row with the same value
        places: Int64s = cells // repeats % len(self.grid[name])
        return places

    def config(self, index: int) -> TrainConfig:
        """Return a member's configuration, with which `train` gives the same weights; IndexError if there is none."""
        if not 0 <= index < self.members:
            raise IndexError(f"index must be 0 to {self.members - 1}, not {index}")
        cell, offset = divmod(operator.index(index), self.seeds)  # accepts NumPy's integers
        return TrainConfig(**self.base | self.cell(cell), seed=int(self.seed_values[offset]))

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The groups, ordered by their first cells."""
        places = dict(zip(self.grid, np.indices(self.shape).reshape(len(self.shape), self.cells), strict=True))
        key = np.zeros(self.cells, np.int64)
        for name, values in self.grid.items():
            if name not in PER_LANE_SETTINGS:
                key = key * len(values) + places[name]
        _, group_of = np.unique(key, return_inverse=True)
        cells_of_groups = np.split(np.argsort(group_of, kind="stable"), np.cumsum(np.bincount(group_of))[:-1])
        groups = (
            Group(
                config=self.config(int(cells[0]) * self.seeds),
                cells=cells,
                values={name: self._lane_values(name, places, cells) for name in PER_LANE_SETTINGS},
                seed_values=self.seed_values,
                min_shards=max(MIN_SHARDS // len(cells_of_groups), 1),
            )
            for cells in cells_of_groups
        )
        return tuple(sorted(groups, key=lambda group: int(group.cells[0])))

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """The units in which a sweep is trained and stored."""
        return tuple(
            Shard(group=number, start=start, stop=min(start + group.members_per_shard, group.members))
            for number, group in enumerate(self.groups)
            for start in range(0, group.members, group.members_per_shard)
        )

    def difference(self, other: "SweepConfig", *, seeds: bool) -> str | None:
        """Name the first difference in what is trained, such as "base.loss is 'mse', not 'bce'"; None if there is none.

        Settings of `base` that are left out equal the article's. `seeds` includes the seeds in the comparison.
        """
        defaults = {name: getattr(TrainConfig, name) for name in SETTINGS}
        for name, value in (defaults | self.base).items():
            if name not in self.grid and value != (defaults | other.base)[name]:
                return f"base.{name} is {value!r}, not {(defaults | other.base)[name]!r}"
        if list(self.grid.items()) != list(other.grid.items()):  # in this order, which numbers the cells
            return f"the grid is {self.grid}, not {other.grid}"
        if seeds and not np.array_equal(self.seed_values, other.seed_values):
            return f"the seeds are {self._seeds_text}, not {other._seeds_text}"
        return None

    def shard_settings(self, shard: Shard) -> ShardSettings:
        """Return the settings of a shard's members."""
        return self.groups[shard.group].settings(np.arange(shard.start, shard.stop))

    @property
    def _seeds_text(self) -> str:
        return np.array2string(self.seed_values, separator=", ", threshold=6)

    def _lane_values(self, name: str, places: dict[str, Int64s], cells: Int64s) -> Float64s:
        """Return a setting's value in each of the cells; `places` has each cell's place on the grid's axes."""
        options = self.grid.get(name, [self.base.get(name, getattr(TrainConfig, name))])
        values = np.array([np.nan if value is None else value for value in options], np.float64)
        values = values[places[name][cells]] if name in self.grid else np.repeat(values, len(cells))
        if name == "generator_learning_rate":  # the default is D's rate
            values = np.where(np.isnan(values), self._lane_values("learning_rate", places, cells), values)
        return values

    def _check_seed_list(self) -> None:
        _check_seeds(self.seed_list)
        if (self.seed_list[0], len(self.seed_list)) != (self.first_seed, self.seeds):
            reason = "must begin with first_seed and have as many values as seeds says"
            raise SettingError("seed_list", reason, (self.first_seed, self.seeds))

    def _check_values(self) -> None:
        """Check each value against its bounds, and those that bound each other in combination."""
        first = {name: values[0] for name, values in self.grid.items()}
        boundary = {name: _boundary_values(values) for name, values in self.grid.items()}
        combined = [name for name in INTERDEPENDENT_SETTINGS if name in self.grid]
        cells = [{name: value} for name, values in boundary.items() for value in values]
        cells += [dict(zip(combined, values, strict=True)) for values in product(*(boundary[n] for n in combined))]
        for cell in cells:
            try:
                TrainConfig(**self.base | first | cell, seed=self.first_seed)
            except SettingError as error:
                part = "grid" if error.field in self.grid else "base"
                raise SettingError(f"{part}.{error.field}", error.reason, error.value) from None


def seed_fields(seeds: Any) -> dict[str, Any]:
    """Return the fields of a `SweepConfig` for a number of seeds from 0 on, or for a range, a sequence or an array.

    Raises:
        SettingError: it is none of these, or not of integers that differ.
    """
    seeds = plain(seeds)
    if isinstance(seeds, range) and seeds.step == 1:
        return {"first_seed": seeds.start, "seeds": len(seeds)}
    if not np.iterable(seeds) or isinstance(seeds, str | Mapping | Set):
        _check_integer("seeds", seeds, 1, MAX_MEMBERS, "or a range, list or array of integers")
        return {"first_seed": 0, "seeds": seeds}
    values = _values("seeds", seeds)
    _check_seeds(values)
    has_gaps = values != tuple(range(values[0], values[0] + len(values)))
    return {"first_seed": values[0], "seeds": len(values), "seed_list": values if has_gaps else ()}


def _settings(part: str, given: Any, convert: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Return the settings of `base` or `grid` with converted values."""
    if not isinstance(given, Mapping):
        raise SettingError(part, "must be a mapping, such as {'learning_rate': 0.1}", given)
    if part == "base" and given.get("backend") == "compiled":  # as in the configuration of a run
        given = {name: value for name, value in given.items() if name != "backend"}
    if "backend" in given:
        raise SettingError(f"{part}.backend", COMPILED_ONLY, given["backend"])
    if unknown := [name for name in given if name not in SETTINGS]:
        raise SettingError(part, f"must name only settings: {', '.join(SETTINGS)}", unknown[0])
    return {name: convert(f"{part}.{name}", value) for name, value in given.items()}


def _values(field: str, values: Any) -> tuple[Any, ...]:
    """Return one value or several as a tuple of Python's own types."""
    if hasattr(values, "tolist"):  # an array, or a column of a table
        values = values.tolist()
    if isinstance(values, str) or not np.iterable(values):
        values = (values,)
    if isinstance(values, Mapping | Set):
        raise SettingError(field, "must be a value or a sequence of values", values)
    return tuple(map(plain, values))


def _boundary_values(values: Sequence[Any]) -> list[Any]:
    """Return values that are all valid only if all `values` are: of numbers the extremes, of texts each text."""
    found: list[Any] = []
    for kind in dict.fromkeys(map(type, values)):
        alike: list[Any] = [value for value in values if type(value) is kind]
        if issubclass(kind, int | float):
            found += [value for value in alike if value != value][:1] or [min(alike), max(alike)]
        else:
            found += dict.fromkeys(alike) if kind in (str, type(None)) else alike
    return found


def _check_integer(field: str, value: Any, minimum: int, maximum: int, alternative: str = "") -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        reason = f"must be an integer from {minimum} to {maximum:,}"
        raise SettingError(field, f"{reason}, {alternative}" if alternative else reason, value)


def _check_seeds(values: Sequence[Any]) -> None:
    """Check the seeds of a list: at least one, all valid, none twice."""
    _check_integer("seeds.count", len(values), 1, MAX_MEMBERS)
    seen = set()
    for value in values:
        _check_integer("seeds", value, 0, MAX_SEED)
        if value in seen:
            raise SettingError("seeds", "must differ from each other", value)
        seen.add(value)
