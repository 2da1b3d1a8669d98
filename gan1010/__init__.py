"""Train the GAN that learns to produce the pattern 1-0-1-0, thousands of times faster than its first program.

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


HOMES = {
    "sweeps.results": ("Members",),
    "config": ("PRESETS", "Preset", "TrainConfig"),
    "sweeps.grid": ("SweepConfig",),
    "history": ("History", "Snapshots"),
    "results": ("Result",),
    "model": ("Model",),
    "networks": ("Discriminator", "Generator"),
    "sweeps.sweeping": ("Sweep", "sweep"),
    "training": ("DivergedError", "Progress", "Run", "run", "train"),
}


def __getattr__(name: str) -> Any:
    """Each name from its module, when first asked for: Numba and torch take long to load, and not all need them."""
    for home, names in HOMES.items():
        if name in names:
            globals()[name] = found = getattr(import_module(f"gan1010.{home}"), name)
            return found
    raise AttributeError(f"module 'gan1010' has no attribute {name!r}")
