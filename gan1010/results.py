"""Results of a run: its final sample as bits, the range test, and mean losses."""

from dataclasses import dataclass

import numpy as np

from gan1010.types import Bools, Float32s

# The means that a result has, in the order of the kernel's totals.
MEANS = ("discriminator_real_loss", "discriminator_fake_loss", "generator_loss", "real_score", "fake_score")


def bits(samples: Float32s) -> list[str]:
    """Round every value of the samples (n, W) at 0.5, and return a string of 0 and 1 for each sample."""
    return ["".join(["1" if value >= 0.5 else "0" for value in sample]) for sample in samples.tolist()]


def in_range(samples: Float32s, low: Float32s, high: Float32s) -> Bools:
    """Test for each of the samples (n, W) if low <= value <= high everywhere, for any of the patterns: (n,).

    The bounds, (W,) or (patterns, W), are those of real data: `Model.real_range`. A generator with mode collapse passes
    too: `covered` counts the patterns that it makes.
    """
    inside: Bools = np.logical_or.reduce(belongs(samples, low, high), axis=1)
    return inside


def belongs(samples: Float32s, low: Float32s, high: Float32s) -> Bools:
    """Test for each of the samples (n, W) and each of the patterns, with bounds (patterns, W): (n, patterns)."""
    rows = samples[:, None]
    inside: Bools = np.logical_and.reduce((rows >= np.atleast_2d(low)) & (rows <= np.atleast_2d(high)), axis=2)
    return inside


def shortest_decimals(values: Float32s) -> list[float]:
    """Convert float32 values (n,) to Python floats with the fewest digits that give the same float32 again."""
    return [float(str(value)) for value in values]


@dataclass(frozen=True, kw_only=True)
class Result:
    """The figures of a finished run. Losses and scores are means over the last tenth of its iterations.

    `settled_at` is the first recorded iteration since which the sample is in range. The figures of `Coverage` are those
    of 512 samples for latents as in training; a constant latent gives one sample. In the discriminator experiment noise
    takes the place of fakes, and the figures of a generator are None.
    """

    sample: list[float] | None
    bits: str | None
    in_range: bool | None
    settled_at: int | None
    discriminator_real_loss: float
    discriminator_fake_loss: float
    generator_loss: float | None
    real_score: float
    fake_score: float
    covered: int | None = None  # patterns that have at least a tenth of the samples; None in a result from before
    quality: float | None = None  # share of the samples that belong to any pattern
    diversity: float | None = None  # mean over places of the samples' standard deviation
    shares: list[float] | None = None  # of the samples, for each pattern
