"""Kernel inputs: the plan, the initial state and the draws of a run, for one GAN or for lanes of GANs."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from gan1010 import random_draws
from gan1010.compiled import kernel
from gan1010.compiled.lanes import aligned_copy
from gan1010.config import TrainConfig
from gan1010.layout import discriminator_layout, generator_layout
from gan1010.types import Float32s, Float64s, Int64s


@dataclass(frozen=True, kw_only=True, eq=False)
class LaneSettings:
    """The settings that may differ between GANs trained side by side: all arrays (members,), or () for one GAN."""

    seed: Int64s
    spread: Float64s
    learning_rate: Float64s
    generator_learning_rate: Float64s
    latent_value: Float64s
    r1: Float64s


def single_run(config: TrainConfig) -> LaneSettings:
    """Return the settings of a single run, all of shape ()."""
    resolved, names = config.resolved, [field.name for field in fields(LaneSettings)]
    settings: dict[str, Any] = {name: np.asarray(getattr(resolved, name), np.float64) for name in names}
    return LaneSettings(**settings | {"seed": np.asarray(config.seed, np.int64)})


def plan(config: TrainConfig, lanes: LaneSettings) -> kernel.Plan:
    """Return the constants of a run."""
    r1 = lanes.r1[None].astype(np.float32)
    resolved, (low, high) = config.resolved, random_draws.real_ranges(config.pattern, lanes.spread)
    return kernel.Plan(
        width=config.width,
        hidden=config.hidden_size,
        adversarial=config.experiment == "gan",
        cross_entropy=config.loss != "mse",
        adam=config.optimizer == "adam",
        minimax=config.loss == "minimax",
        constant_latent=config.latent == "constant",
        penalised=bool((r1 > 0).any()),
        batch_size=config.batch_size,
        discriminator_steps=config.discriminator_steps,
        r1=r1,
        learning_rate=lanes.learning_rate[None],
        generator_learning_rate=lanes.generator_learning_rate[None],
        latent_value=lanes.latent_value[None].astype(np.float32),
        low=aligned_copy(low),
        high=aligned_copy(high),
        iterations=config.iterations,
        record_every=resolved.record_every,
        snapshot_every=resolved.snapshot_every,
    )


def initial_state(config: TrainConfig, lanes: LaneSettings) -> kernel.State:
    """Return the state before training."""
    d, g = initial_weights(config, lanes)
    return kernel.State(
        discriminator=aligned_copy(d),
        generator=aligned_copy(g),
        discriminator_moments=aligned_copy(np.zeros((2, *d.shape), np.float32)),
        generator_moments=aligned_copy(np.zeros((2, *g.shape), np.float32)),
        totals=aligned_copy(np.zeros((5, *lanes.seed.shape))),
        settled=aligned_copy(np.full((1, *lanes.seed.shape), -1)),
    )


def initial_weights(config: TrainConfig, lanes: LaneSettings) -> tuple[Float32s, Float32s]:
    """Draw D's and G's weights before training, flat; G's are (0,) in the discriminator experiment."""
    d, g = discriminator_layout(config.width, config.hidden_size), generator_layout(config.width, config.hidden_size)
    discriminator = random_draws.initial_weights(d, lanes.seed, random_draws.DISCRIMINATOR_WEIGHTS)
    generator = random_draws.initial_weights(g, lanes.seed, random_draws.GENERATOR_WEIGHTS)
    return discriminator, generator if config.experiment == "gan" else generator[:0]


def draws(config: TrainConfig, lanes: LaneSettings, start: int, count: int) -> kernel.Draws:
    """Draw the random numbers of iterations `start` to `start + count`; any split of a range gives the same numbers."""
    noise_count = count if config.experiment == "discriminator" else 0
    batch = config.batch_size
    samples = config.discriminator_steps * batch
    return kernel.Draws(
        real=random_draws.real_samples(config.pattern, lanes.spread, lanes.seed, start, count, samples),
        noise=random_draws.noise(config.width * samples, lanes.seed, start, noise_count),
        latent=random_draws.latents(config.latent, lanes.seed, random_draws.LATENT, start, count, samples),
        generator_latent=random_draws.latents(
            config.latent, lanes.seed, random_draws.GENERATOR_LATENT, start, count, batch
        ),
    )
