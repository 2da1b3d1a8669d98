"""What the kernel is given: a run's plan, its first state and its random numbers, for one GAN or for lanes of GANs."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from gan1010 import random_draws
from gan1010.compiled import kernel
from gan1010.compiled.lanes import aligned_copy
from gan1010.config import TrainConfig
from gan1010.layout import discriminator_layout, generator_layout
from gan1010.types import Float32s, Float64s, Int64s

Pair = tuple[Float32s, Float32s]


@dataclass(frozen=True, kw_only=True, eq=False)
class LaneSettings:
    """What differs between GANs that are trained side by side: a number each, all arrays (members,), () for one GAN."""

    seed: Int64s
    spread: Float64s
    learning_rate: Float64s
    generator_learning_rate: Float64s
    latent_value: Float64s


def single_run(config: TrainConfig) -> LaneSettings:
    """The settings that may vary, as those of a single run: all of shape ()."""
    return LaneSettings(
        seed=np.asarray(config.seed, np.int64),
        spread=np.asarray(config.spread, np.float64),
        learning_rate=np.asarray(config.learning_rate, np.float64),
        generator_learning_rate=np.asarray(config.generator_learning_rate, np.float64),
        latent_value=np.asarray(config.latent_value, np.float64),
    )


def plan(config: TrainConfig, lanes: LaneSettings) -> kernel.Plan:
    """What stays the same for the whole run."""
    low, high = random_draws.real_range(config.pattern, lanes.spread)
    return kernel.Plan(
        width=config.width,
        hidden=config.hidden_size,
        adversarial=config.experiment == "gan",
        cross_entropy=config.loss == "bce",
        adam=config.optimizer == "adam",
        constant_latent=config.latent == "constant",
        learning_rate=lanes.learning_rate[None],
        generator_learning_rate=lanes.generator_learning_rate[None],
        latent_value=lanes.latent_value[None].astype(np.float32),
        low=aligned_copy(low),
        high=aligned_copy(high),
        iterations=config.iterations,
        record_every=cast(int, config.record_every),
        snapshot_every=cast(int, config.snapshot_every),
    )


def initial_state(config: TrainConfig, lanes: LaneSettings) -> kernel.State:
    """The untrained networks."""
    d, g = initial_weights(config, lanes)
    return kernel.State(
        discriminator=aligned_copy(d),
        generator=aligned_copy(g),
        discriminator_moments=aligned_copy(np.zeros((2, *d.shape), np.float32)),
        generator_moments=aligned_copy(np.zeros((2, *g.shape), np.float32)),
        totals=aligned_copy(np.zeros((5, *lanes.seed.shape))),
        settled=aligned_copy(np.full((1, *lanes.seed.shape), -1)),
    )


def initial_weights(config: TrainConfig, lanes: LaneSettings) -> Pair:
    """D's and G's weights before training, flat; G's are none where the experiment has no generator."""
    d, g = discriminator_layout(config.width, config.hidden_size), generator_layout(config.width, config.hidden_size)
    return (
        random_draws.initial_weights(d.inputs, d.hidden, d.outputs, lanes.seed, random_draws.DISCRIMINATOR_WEIGHTS),
        random_draws.initial_weights(g.inputs, g.hidden, g.outputs, lanes.seed, random_draws.GENERATOR_WEIGHTS)[
            : None if config.experiment == "gan" else 0
        ],
    )


def draws(config: TrainConfig, lanes: LaneSettings, start: int, count: int) -> kernel.Draws:
    """The random numbers of iterations `start` to `start + count`: the same whoever asks, and in whatever pieces."""
    noisy = config.experiment == "discriminator"
    return kernel.Draws(
        real=random_draws.real_samples(config.pattern, lanes.spread, lanes.seed, start, count),
        noise=random_draws.noise(config.width, lanes.seed, start, count if noisy else 0),
        latent=random_draws.latents(config.latent, lanes.seed, random_draws.LATENT, start, count),
        generator_latent=random_draws.latents(config.latent, lanes.seed, random_draws.GENERATOR_LATENT, start, count),
    )
