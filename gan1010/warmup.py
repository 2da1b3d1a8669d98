"""Warm-up: compile every kernel, or load it from Numba's cache on disk."""

import contextlib
import ctypes
from typing import Any

import numpy as np

from gan1010.config import TrainConfig
from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.shard_training import train_whole_shard
from gan1010.training import train

SETTINGS: tuple[dict[str, Any], ...] = ({}, {"latent": "normal", "pattern": "1010+0101", "batch_size": 2})


def compile_kernel() -> None:
    """Compile every function of the kernel: milliseconds from the cache, seconds on a machine's first start."""
    for settings in SETTINGS:
        model = train(TrainConfig(iterations=1, **settings)).model()
        sweep = SweepConfig(base={"iterations": 1} | settings, seeds=1)
        train_whole_shard(sweep.shard_settings(sweep.shards[0]))
    model.sample_one(0.0)
    model.score(model.sample(np.zeros(1, np.float32)))
    with contextlib.suppress(AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)  # returns what the compiler has freed to the system
