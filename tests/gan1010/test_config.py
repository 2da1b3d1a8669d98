import copy
import dataclasses
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan1010 import TrainConfig
from gan1010.config import SettingError

FIELDS = [field.name for field in dataclasses.fields(TrainConfig)]


def test_defaults_are_those_of_the_article() -> None:
    assert dataclasses.asdict(TrainConfig(seed=7).resolved) == {
        "experiment": "gan",
        "pattern": "1010",
        "spread": 0.2,
        "iterations": 10_000,
        "learning_rate": 0.01,
        "generator_learning_rate": 0.01,
        "hidden_size": 3,
        "loss": "mse",
        "optimizer": "sgd",
        "latent": "constant",
        "latent_value": 0.5,
        "batch_size": 1,
        "discriminator_steps": 1,
        "r1": 0.0,
        "seed": 7,
        "backend": "compiled",
        "record_every": 5,
        "snapshot_every": 100,
    }


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("experiment", ["gan", "discriminator"]),
        ("pattern", ["0", "1", "1010", "0" * 16, "1010+0101", "+".join(f"{n:016b}" for n in range(8))]),
        ("spread", [5e-324, 0.2, 0.5]),
        ("iterations", [1, 10_000_000]),
        ("learning_rate", [5e-324, 1, 10, 10.0]),
        ("generator_learning_rate", [None, 5e-324, 10.0]),
        ("hidden_size", [1, 64]),
        ("loss", ["mse", "bce", "minimax"]),
        ("optimizer", ["sgd", "adam"]),
        ("latent", ["constant", "uniform", "normal"]),
        ("latent_value", [-3.4028234663852886e38, -1, 0, 0.0, 3.4028234663852886e38]),
        ("batch_size", [1, 64]),
        ("discriminator_steps", [1, 10]),
        ("r1", [0, 0.0, 5e-324, 100]),
        ("seed", [0, 2**53 - 1]),
        ("record_every", [None, 1, 5, 10_000_000]),
        ("snapshot_every", [None, 1, 100, 10_000_000]),
    ],
)
def test_values_within_bounds_are_accepted(name: str, values: list[Any]) -> None:
    for value in values:
        assert getattr(TrainConfig(**{name: value}), name) == value


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("experiment", ["", "GAN", None, ["gan"], 1]),
        ("pattern", ["", "0" * 17, "2", "10 ", "10\n", "\N{ARABIC-INDIC DIGIT ONE}", b"1010", 1010, None]),
        ("pattern", ["10+", "+10", "10 01", "10+1", "10+01+10", "10++01", "+".join(f"{n:04b}" for n in range(9))]),
        ("spread", [0, 0.0, -0.1, 0.500001, "0.2", None, float("nan")]),
        ("iterations", [0, -1, 10_000_001, 10.0, "10", True, None, 10**400]),
        ("learning_rate", [0, -0.01, 10.000001, True, None, float("nan"), float("inf"), 10**400]),
        ("generator_learning_rate", [0.0, 10.1, "1", float("nan"), False]),
        ("hidden_size", [0, 65, 3.0, True, None]),
        ("loss", ["hinge", None]),
        ("optimizer", ["SGD", None]),
        ("latent", ["gaussian", None]),
        ("latent_value", [3.5e38, -3.5e38, float("inf"), float("nan"), 10**400, "0.5", None, True]),
        ("batch_size", [0, 65, 1.0, True, None]),
        ("discriminator_steps", [0, 11, 1.0, None]),
        ("r1", [-0.1, 100.1, float("nan"), True, None]),
        ("seed", [-1, 2**53, 1.0, "1", True, None]),
        ("record_every", [0, -5, 10_000_001, 5.0, True]),
        ("snapshot_every", [0, 10_000_001, 100.0, "100"]),
    ],
)
def test_values_out_of_bounds_are_rejected_by_name(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ValueError, match=f"^{name} must "):
            TrainConfig(**{name: value})


NUMBERS = st.integers() | st.floats() | st.just(10**400)
ANYTHING = NUMBERS | st.none() | st.booleans() | st.text() | st.binary() | st.lists(st.integers())


@given(name=st.sampled_from(FIELDS), value=ANYTHING)
def test_any_value_is_accepted_or_rejected_by_name(name: str, value: object) -> None:
    problem = ""
    try:
        TrainConfig(**{name: value})
    except ValueError as error:
        problem = str(error)
    assert problem == "" or problem.startswith(f"{name} must ")


@given(iterations=st.integers(1, 10_000_000))
def test_default_intervals_are_the_smallest_within_the_limits(iterations: int) -> None:
    config = TrainConfig(iterations=iterations).resolved
    for every, unit, most in ((config.record_every, 5, 20_000), (config.snapshot_every, 100, 1_000)):
        assert every % unit == 0
        assert iterations // every <= most
        assert every == unit or iterations // (every - unit) > most


@pytest.mark.parametrize(
    ("name", "iterations", "every", "least"),
    [
        ("record_every", 10_000_000, 49, 50),
        ("record_every", 200_001, 1, 2),
        ("record_every", 400_001, 1, 2),
        ("snapshot_every", 10_000_000, 999, 1_000),
        ("snapshot_every", 10_001, 1, 2),
    ],
)
def test_too_short_interval_is_rejected_with_the_smallest_valid_one(
    name: str, iterations: int, every: int, least: int
) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be at least {least}, to keep at most"):
        TrainConfig(iterations=iterations, **{name: every})
    TrainConfig(iterations=iterations, **{name: least})


def test_generator_has_the_common_learning_rate_by_default() -> None:
    assert TrainConfig(learning_rate=0.3).resolved.generator_learning_rate == 0.3
    assert TrainConfig(learning_rate=0.3, generator_learning_rate=0.1).resolved.generator_learning_rate == 0.1


SET = {"generator_learning_rate": 0.01, "record_every": 5, "snapshot_every": 100}  # to the defaults of the article


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config))])  # noqa: S301
@pytest.mark.parametrize("change", [{"learning_rate": 0.02}, {"iterations": 100}, {"iterations": 1_000_000}])
def test_setting_that_is_not_set_follows_a_change_of_the_others(copied: Any, change: dict[str, Any]) -> None:
    changed = dataclasses.replace(copied(TrainConfig(seed=3)), **change)
    assert changed == TrainConfig(seed=3, **change)
    assert changed.resolved == TrainConfig(seed=3, **change).resolved
    assert changed.resolved.resolved == changed.resolved
    assert vars(changed.resolved) == vars(changed) | changed.defaults
    assert changed.defaults.keys() == SET.keys()


@pytest.mark.parametrize("name", SET)
def test_setting_that_is_set_keeps_its_value(name: str) -> None:
    config = TrainConfig(seed=3, **{name: SET[name]})
    assert name not in config.defaults
    changed = dataclasses.replace(config, learning_rate=0.02, iterations=300_000)
    assert getattr(changed.resolved, name) == SET[name]
    assert changed.defaults.keys() == SET.keys() - {name}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("iterations", np.int64(500), 500),
        ("seed", np.uint64(7), 7),
        ("learning_rate", np.float32(0.5), 0.5),
        ("learning_rate", np.float64(0.1), 0.1),
        ("spread", np.longdouble(0.25), 0.25),
        ("latent_value", np.int8(-1), -1),
        ("latent_value", Fraction(1, 3), 1 / 3),
        ("pattern", np.str_("110"), "110"),
        ("loss", np.str_("bce"), "bce"),
    ],
    ids=repr,
)
def test_numbers_of_numpy_become_those_of_python(name: str, value: Any, expected: Any) -> None:
    assert repr(TrainConfig(**{"seed": 1} | {name: value})) == repr(TrainConfig(**{"seed": 1} | {name: expected}))


@pytest.mark.parametrize(
    ("name", "value"),
    [("learning_rate", np.bool_(True)), ("iterations", np.float64(10)), ("hidden_size", np.array([3]))],
    ids=repr,
)
def test_numpy_values_of_another_kind_are_rejected(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=f"{name} must be a finite"):
        TrainConfig(**{name: value})


def test_default_seed_is_random_and_fixed_afterwards() -> None:
    config = TrainConfig()
    assert config.seed != TrainConfig().seed
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1


def test_setting_error_carries_field_reason_and_value() -> None:
    with pytest.raises(SettingError, match=r"^iterations must be at least 1, not 0$") as caught:
        TrainConfig(iterations=0)
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):  # noqa: S301
        assert (error.field, error.reason, error.value) == ("iterations", "must be at least 1", 0)
        assert error.rule == "iterations must be at least 1"
