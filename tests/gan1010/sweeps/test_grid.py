import dataclasses
import json
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gan1010 import SweepConfig, TrainConfig
from gan1010.config import SettingError
from gan1010.sweeps.grid import seed_fields

GRID: dict[str, Any] = {
    "learning_rate": [0.01, 0.1],
    "loss": ["mse", "bce"],
    "pattern": ["10", "101", "1010"],
    "latent_value": [0, 0.5],
}


def test_members_are_every_combination_with_every_seed_in_order() -> None:
    sweep = SweepConfig(base={"hidden_size": 5}, grid=GRID, first_seed=7, seeds=3)
    cells = [dict(zip(GRID, values, strict=True)) for values in product(*GRID.values())]
    assert (sweep.cells, sweep.members) == (24, 72)
    assert [sweep.cell(number) for number in range(24)] == cells
    expected = [TrainConfig(hidden_size=5, **cell, seed=seed) for cell in cells for seed in (7, 8, 9)]
    assert [sweep.config(index) for index in range(72)] == expected
    assert sweep.config(np.int64(71)) == expected[71]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (3, [0, 1, 2]),
        (np.int64(2), [0, 1]),
        (range(5, 8), [5, 6, 7]),
        (range(10, 0, -4), [10, 6, 2]),
        ([1, 5, 9], [1, 5, 9]),
        ((7, 8), [7, 8]),
        ([2**53 - 1, 0], [2**53 - 1, 0]),
        (np.array([4, 2], np.uint8), [4, 2]),
        (pd.Series([3, 4, 6]), [3, 4, 6]),
        (iter([9, 0]), [9, 0]),
    ],
)
def test_seeds_are_a_number_a_range_a_sequence_or_an_array(seeds: Any, expected: list[int]) -> None:
    sweep = SweepConfig(grid={"loss": ["mse", "bce"]}, **seed_fields(seeds))
    assert sweep.seed_values.tolist() == expected
    assert [sweep.config(index).seed for index in range(sweep.members)] == 2 * expected
    assert [int(s) for shard in sweep.shards for s in sweep.shard_settings(shard).lanes.seed] == 2 * expected
    assert sweep == SweepConfig(grid={"loss": ("mse", "bce")}, **seed_fields(expected))
    assert bool(sweep.seed_list) == (expected != list(range(expected[0], expected[0] + len(expected))))


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ("9", r"seeds must be an integer from 1 to 1,000,000, or a range, list or array of integers, not '9'"),
        (True, "seeds must be an integer"),
        (2.0, "seeds must be an integer"),
        (None, "seeds must be an integer"),
        ({1: 2}, "seeds must be an integer"),
        ({1, 2}, "seeds must be an integer"),
        (0, "seeds must be an integer from 1"),
        ([], r"seeds\.count must be an integer from 1 to 1,000,000, not 0"),
        ([1, 2.5], "seeds must be an integer from 0 to 9,007,199,254,740,991, not 2.5"),
        ([[1, 2], [3, 4]], r"seeds must be an integer .* not \[1, 2\]"),
        (range(5, -5, -1), "seeds must be an integer from 0 to .*, not -1"),
        (np.array([1, 3, 1]), "seeds must differ from each other, not 1"),
    ],
    ids=str,
)
def test_invalid_seeds_are_rejected(seeds: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        SweepConfig(**seed_fields(seeds))


def test_seed_list_must_agree_with_the_other_fields() -> None:
    sweep = SweepConfig(**seed_fields([1, 5, 9]))
    for change in ({"seeds": 2}, {"first_seed": 0}):
        with pytest.raises(SettingError, match="seed_list must begin with first_seed and have as many values as seeds"):
            dataclasses.replace(sweep, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"learning_rate": 0.1}, {"learning_rate": [0.1]}),
        ({"loss": "bce", "pattern": "1010"}, {"loss": ["bce"], "pattern": ["1010"]}),
        ({"generator_learning_rate": None}, {"generator_learning_rate": [None]}),
        ({"learning_rate": np.float64(0.1)}, {"learning_rate": [0.1]}),
        ({"learning_rate": np.array([0.25, 0.5], np.float32)}, {"learning_rate": [0.25, 0.5]}),
        ({"hidden_size": np.arange(2, 4), "loss": np.array(["mse"])}, {"hidden_size": [2, 3], "loss": ["mse"]}),
        ({"hidden_size": range(2, 9, 3)}, {"hidden_size": [2, 5, 8]}),
        ({"spread": pd.Series([0.1])}, {"spread": [0.1]}),
        ({"spread": (value / 10 for value in (1, 2))}, {"spread": [0.1, 0.2]}),
        ({"spread": [np.float32(0.5), Fraction(1, 4)]}, {"spread": [0.5, 0.25]}),
    ],
)
def test_grid_accepts_single_values_and_those_of_numpy(given: Any, expected: Any) -> None:
    sweep, same = SweepConfig(grid=given, seeds=1), SweepConfig(grid=expected, seeds=1)
    assert sweep == same
    assert sweep.config(0) == same.config(0)
    assert json.dumps(sweep.grid) == json.dumps(same.grid)  # all values have Python's own types


def test_sweeps_are_compiled() -> None:
    assert SweepConfig(base={"backend": "compiled"}) == SweepConfig()
    for part in ({"base": {"backend": "pytorch"}}, {"grid": {"backend": ["compiled", "pytorch"]}}):
        with pytest.raises(SettingError, match=r"backend must be left out: sweeps train with the compiled backend"):
            SweepConfig(**part)  # type: ignore[arg-type]


def test_configurations_of_numpy_values_are_those_of_python_values() -> None:
    sweep = SweepConfig(base={"iterations": np.int32(50)}, first_seed=np.int64(3), seeds=np.uint8(2))  # type: ignore[arg-type]
    assert repr(sweep) == repr(SweepConfig(base={"iterations": 50}, first_seed=3, seeds=2))


def test_empty_grid_has_one_cell() -> None:
    sweep = SweepConfig(seeds=2)
    assert (sweep.cells, sweep.members, sweep.cell(0)) == (1, 2, {})
    assert [sweep.config(index) for index in range(2)] == [TrainConfig(seed=0), TrainConfig(seed=1)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"grid": {"learning_rate": []}}, r"grid\.learning_rate must have at least one value"),
        ({"grid": {"momentum": [0.9]}}, "grid must name only settings: experiment, pattern, .*, not 'momentum'"),
        ({"grid": {"seed": [1]}}, "grid must name only settings"),
        ({"base": {"seed": 1}}, "base must name only settings"),
        ({"grid": {"learning_rate": [0.1, 11]}}, r"grid\.learning_rate must be at most 10, not 11"),
        ({"grid": {"learning_rate": [0.1, 0]}}, r"grid\.learning_rate must be greater than 0, not 0"),
        ({"grid": {"spread": [0.1, float("nan")]}}, r"grid\.spread must be a finite float, not nan"),
        ({"grid": {"hidden_size": [1, True]}}, r"grid\.hidden_size must be a finite int, not True"),
        ({"grid": {"loss": ["mse", "mae"]}}, r"grid\.loss must be one of mse, bce, minimax, not 'mae'"),
        ({"base": {"pattern": "12"}, "grid": {"loss": ["mse"]}}, r"base\.pattern must be 1 to 16 characters"),
        ({"base": {"record_every": 1}, "grid": {"iterations": [9, 10**6]}}, r"base\.record_every must be at least 5"),
        ({"grid": {"learning_rate": {0.1, 0.2}}}, r"grid\.learning_rate must be a value or a sequence of values"),
        ({"grid": {"learning_rate": [[0.1]]}}, r"grid\.learning_rate must be a finite float, not \[0.1\]"),
        ({"grid": ["learning_rate"]}, r"grid must be a mapping, such as \{'learning_rate': 0.1\}, not \['learn"),
        ({"base": "mse"}, r"base must be a mapping, .*, not 'mse'"),
        ({"seeds": 0}, r"seeds\.count must be an integer from 1 to 1,000,000, not 0"),
        ({"seeds": 1_000_001}, r"seeds\.count must be"),
        ({"first_seed": -1}, r"seeds\.start must be"),
        ({"first_seed": 2**53 - 1, "seeds": 2}, r"seeds\.start must be an integer from 0 to 9,007,199,254,740,990"),
        (
            {"grid": {"spread": [0.1] * 1001}, "seeds": 1000},
            "grid must make at most 1,000,000 members .*, not 1001000",
        ),
    ],
)
def test_invalid_settings_are_rejected_by_place(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SweepConfig(**settings)


@pytest.mark.parametrize("number", [-1, 4])
def test_other_cells_and_members_raise_an_index_error(number: int) -> None:
    sweep = SweepConfig(grid={"loss": ["mse", "bce"], "spread": [0.1, 0.2]}, seeds=1)
    with pytest.raises(IndexError, match=f"cell must be 0 to 3, not {number}"):
        sweep.cell(number)
    with pytest.raises(IndexError, match=f"index must be 0 to 3, not {number}"):
        sweep.config(number)
