"""From arrays to figures: what a sample says, and whether it could be real."""

from dataclasses import dataclass

import numpy as np

from gan1010.random_draws import real_range
from gan1010.types import Bools, Float32s


def bits(samples: Float32s) -> list[str]:
    """Each sample of (n, W) as 0s and 1s: every value rounded at 0.5."""
    return ["".join("1" if value >= 0.5 else "0" for value in sample) for sample in samples.tolist()]


def in_range(samples: Float32s, pattern: str, spread: float) -> Bools:
    """Whether every value of each sample of (n, W) lies in its real range: (n,).

    A fully collapsed generator gets a perfect mark here, for the pattern has one mode: look at the spread of its
    samples as well.
    """
    return inside(samples, *real_range(pattern, spread))


def inside(samples: Float32s, low: Float32s, high: Float32s) -> Bools:
    """Whether low <= sample <= high in every place, for each sample of (n, W); low and high are (W,)."""
    every: Bools = np.logical_and.reduce((samples >= low) & (samples <= high), axis=1)
    return every


def shortest(values: Float32s) -> list[float]:
    """Float32 numbers (n,) as Python's, each with the fewest digits that give the same float32 again."""
    return [float(str(value)) for value in values]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a run. Losses and scores are means over the last tenth of its iterations.

    `settled_at` is the first recorded iteration from which the sample is in range to the end. In the discriminator
    experiment the fakes are noise, and what only a generator has is None.
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
