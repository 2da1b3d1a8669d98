"""Training of the GAN that learns the pattern 1-0-1-0, in compiled code.

>>> from gan1010 import TrainConfig, train
>>> run = train(TrainConfig(seed=1))
>>> run.result.bits
'1010'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan1010.config import PRESETS, Preset, TrainConfig
    from gan1010.history import History, Snapshots
    from gan1010.model import Model
    from gan1010.networks import Discriminator, Generator
    from gan1010.results import Result
    from gan1010.sweeps.grid import SweepConfig
    from gan1010.sweeps.results import Members
    from gan1010.sweeps.sweeping import Sweep, sweep
    from gan1010.training import DivergedError, Progress, Run, run, train

__all__ = [
    "PRESETS",
    "Discriminator",
    "DivergedError",
    "Generator",
    "History",
    "Members",
    "Model",
    "Preset",
    "Progress",
    "Result",
    "Run",
    "Snapshots",
    "Sweep",
    "SweepConfig",
    "TrainConfig",
    "run",
    "sweep",
    "train",
]

MODULES = {
    "config": ("PRESETS", "Preset", "TrainConfig"),
    "history": ("History", "Snapshots"),
    "model": ("Model",),
    "networks": ("Discriminator", "Generator"),
    "results": ("Result",),
    "sweeps.grid": ("SweepConfig",),
    "sweeps.results": ("Members",),
    "sweeps.sweeping": ("Sweep", "sweep"),
    "training": ("DivergedError", "Progress", "Run", "run", "train"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, because Numba and torch take long to load."""
    for module, names in MODULES.items():
        if name in names:
            globals()[name] = value = getattr(import_module(f"gan1010.{module}"), name)
            return value
    raise AttributeError(f"module 'gan1010' has no attribute {name!r}")
