"""Warm-up: compile every kernel, or load it from Numba's cache on disk."""

import numpy as np

from gan1010.config import TrainConfig
from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.sweeping import train_whole_shard
from gan1010.training import train


def compile_kernel() -> None:
    """Compile every function of the kernel: milliseconds from the cache, seconds on a machine's first start."""
    for latent in ("constant", "normal"):
        model = train(TrainConfig(iterations=1, latent=latent)).model()
    model.sample_one(0.0)
    model.score(model.sample(np.zeros(1, np.float32)))
    sweep = SweepConfig(base={"iterations": 1, "latent": "normal"}, seeds=1)
    train_whole_shard(sweep.shard_settings(sweep.shards[0]))
