import copy
import dataclasses
import json
import pickle
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import numpy as np
import pytest
import torch

import gan1010


def test_public_names_can_be_imported() -> None:
    names = (
        "DivergedError History Member Members Model Preset Progress Result Run Snapshots Sweep SweepConfig TrainConfig "
        "Verification PRESETS Discriminator Generator client export load_model plots run sweep sweeping train verify "
        "verifying"
    )
    assert set(gan1010.__all__) == {*names.split()}
    assert all(hasattr(gan1010, name) for name in gan1010.__all__)


def test_dir_shows_the_public_names() -> None:
    assert set(dir(gan1010)) == {*gan1010.__all__, "__version__"}
    assert gan1010.__version__ == version("gan1010")
    assert gan1010.plots.losses
    assert gan1010.client.Client


def test_unknown_name_raises_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="No gan1010 attribute Critic"):
        gan1010.Critic  # noqa: B018


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        ("from gan1010 import TrainConfig, train", ["torch", "matplotlib", "safetensors"]),
        ("import gan1010; gan1010.train(gan1010.TrainConfig(iterations=10)).model().sample([0.5])", ["torch"]),
        ("import gan1010.export.onnx, gan1010.plots", ["torch", "matplotlib.pyplot"]),
        ("from gan1010 import Discriminator, Generator", ["matplotlib"]),
        ("import gan1010.reference", ["matplotlib"]),
        ("from gan1010 import Sweep, sweep", ["torch", "matplotlib", "distributed"]),
    ],
)
def test_import_loads_only_what_is_used(program: str, absent: list[str]) -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=True,
    )
    never = ["pandas", "fastapi", "starlette", "pydantic", "uvicorn", "httpx", "distributed", "service"]
    assert {*json.loads(loaded.stdout)} & {*absent, *never} == set()


@pytest.fixture(scope="module")
def instances() -> dict[str, Any]:
    """Return one object of each public class, by the name of the class."""
    config = gan1010.TrainConfig(iterations=20, seed=1)
    run = gan1010.train(config)
    sweep = gan1010.sweep({"iterations": 20}, {"loss": ["mse", "bce"]}, 3)
    objects = [
        config, run, run.history, run.snapshots, run.result, run.model(), next(gan1010.run(config)), sweep,
        sweep.config, sweep.members, sweep.members[0], gan1010.PRESETS["article"],
        gan1010.Generator(), gan1010.Discriminator(),
        gan1010.DivergedError("It diverged."), next(gan1010.verifying(config)),
    ]  # fmt: skip
    return {type(one).__name__: one for one in objects}


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])  # noqa: S301
def test_objects_of_every_public_class_can_be_copied_and_pickled(copied: Any, instances: dict[str, Any]) -> None:
    assert set(instances) == {name for name in gan1010.__all__ if isinstance(getattr(gan1010, name), type)}
    for name, one in instances.items():
        same = copied(one)
        if isinstance(one, torch.nn.Module):
            np.testing.assert_array_equal(same.flat(), one.flat())
        else:
            assert type(same) is type(one)
            np.testing.assert_equal(content(same), content(one), err_msg=name)


def content(one: Any) -> Any:
    """Return what an object holds, down to arrays."""
    if dataclasses.is_dataclass(one):
        return {field.name: content(getattr(one, field.name)) for field in dataclasses.fields(one)}
    if isinstance(one, tuple | list):
        return list(map(content, one))
    return str(one) if isinstance(one, Exception) else one
