"""Train the GAN that learns to produce the pattern 1-0-1-0, thousands of times faster than its first program.

>>> from gan1010 import TrainConfig, train
>>> run = train(TrainConfig(seed=1))
>>> run.result.bits
'1010'
"""

from typing import TYPE_CHECKING, Any

from gan1010.config import PRESETS, Preset, TrainConfig
from gan1010.history import History, Snapshots
from gan1010.metrics import Result
from gan1010.model import Model
from gan1010.training import DivergedError, Progress, Run, run, train

if TYPE_CHECKING:
    from gan1010.networks import Discriminator, Generator

__all__ = [
    "PRESETS",
    "Discriminator",
    "DivergedError",
    "Generator",
    "History",
    "Model",
    "Preset",
    "Progress",
    "Result",
    "Run",
    "Snapshots",
    "TrainConfig",
    "run",
    "train",
]


def __getattr__(name: str) -> Any:
    """The torch modules, imported when first asked for: nothing else here needs torch, which takes seconds to load."""
    if name in ("Discriminator", "Generator"):
        from gan1010 import networks

        return getattr(networks, name)
    raise AttributeError(f"module 'gan1010' has no attribute {name!r}")
