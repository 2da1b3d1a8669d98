"""Coverage: which patterns a generator makes, how often, and how much its samples differ."""

from dataclasses import dataclass

import numpy as np

from gan1010 import kernel_inputs, random_draws
from gan1010.compiled import survey
from gan1010.compiled.lanes import empty
from gan1010.config import TrainConfig
from gan1010.kernel_inputs import LaneSettings
from gan1010.types import Array, Float32s, Float64s

SAMPLES = 512
MIN_SHARE = 0.1  # of the samples, for a pattern that is covered


@dataclass(frozen=True, kw_only=True, eq=False)
class Coverage:
    """The figures of a generator; with lanes as the last axis, those of several."""

    covered: Float64s  # () number of patterns that have at least a tenth of the samples
    quality: Float64s  # () share of the samples that belong to any pattern
    diversity: Float64s  # () mean over places of the standard deviation
    shares: Float64s  # (P,) share of the samples that belong to each pattern


def coverage(config: TrainConfig, lanes: LaneSettings, generator: Float32s) -> Coverage:
    """Sample a generator, flat (N_g,), for latents as in training: 512 of them, or the constant one.

    The latents have a random stream of their own, so they do not depend on how long or how the generator has trained.
    """
    plan = kernel_inputs.plan(config, lanes)
    latents = plan.latent_value
    if config.latent != "constant":
        latents = random_draws.latents(config.latent, lanes.seed, random_draws.SURVEY, 0, 1, SAMPLES)[:, 0]
    hidden, sample, counts = (
        _zeros((size,), np.float32, generator) for size in (plan.hidden, plan.width, len(plan.low))
    )
    moments, diversity = (_zeros(shape, np.float64, generator) for shape in ((2, plan.width), (1,)))
    survey.survey(plan, generator, np.ascontiguousarray(latents), hidden, sample, counts, moments, diversity)
    shares: Float64s = counts.astype(np.float64) / len(latents)
    return Coverage(
        covered=(shares >= MIN_SHARE).sum(axis=0).astype(np.float64),
        quality=shares.sum(axis=0),
        diversity=diversity[0],
        shares=shares,
    )


def _zeros(shape: tuple[int, ...], dtype: type, generator: Float32s) -> Array:
    """Allocate zeros, with lanes if the generator has some."""
    array = empty((*shape, *generator.shape[1:]), dtype)
    array[...] = 0
    return array
