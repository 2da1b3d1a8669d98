"""A pair of networks at one moment of a training, ready to use: sample with G, score with D."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from gan1010 import random_draws
from gan1010.compiled import forward
from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.types import Float32s

Numbers = Sequence[float] | Sequence[Sequence[float]] | npt.NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """The weights of both networks, flat as in `layout`; `generator` is None where the experiment has none."""

    pattern: str
    spread: float
    hidden_size: int
    discriminator: Float32s
    generator: Float32s | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "discriminator", _as_compiled_for(self.discriminator))
        if self.generator is not None:
            object.__setattr__(self, "generator", _as_compiled_for(self.generator))

    @property
    def discriminator_layout(self) -> Layout:
        """How D's weights lie."""
        return discriminator_layout(len(self.pattern), self.hidden_size)

    @property
    def generator_layout(self) -> Layout:
        """How G's weights lie."""
        return generator_layout(len(self.pattern), self.hidden_size)

    @cached_property
    def real_range(self) -> tuple[Float32s, Float32s]:
        """The lowest and the highest real value of each place, both (W,)."""
        return random_draws.real_range(self.pattern, self.spread)

    def sample(self, seeds: Numbers) -> Float32s:
        """G's output for each of the seeds (n,), the values fed to it: (n, W), all in [0, 1].

        Raises:
            ValueError: there is no generator, or the seeds are not one row of finite float32 numbers.
        """
        if self.generator is None:
            raise ValueError("the discriminator experiment trains no generator, so there is nothing to sample")
        inputs = _as_compiled_for(seeds)
        if inputs.ndim != 1:
            raise ValueError(f"seeds must be one row of numbers, not of shape {inputs.shape}")
        out = np.empty((len(inputs), len(self.pattern)), np.float32)
        forward.sample(self.generator, _finite(inputs, "seeds"), np.empty(self.hidden_size, np.float32), out)
        return out

    def score(self, vectors: Numbers) -> Float32s:
        """D's answer to each of the vectors (n, W): (n,), 0 fake to 1 real.

        Raises:
            ValueError: the vectors are not rows of W finite float32 numbers.
        """
        inputs = _as_compiled_for(vectors)
        if inputs.ndim != 2 or inputs.shape[1] != len(self.pattern):
            raise ValueError(f"vectors must be rows of {len(self.pattern)} numbers, not of shape {inputs.shape}")
        out = np.empty(len(inputs), np.float32)
        forward.score(self.discriminator, _finite(inputs, "vectors"), np.empty(self.hidden_size, np.float32), out)
        return out


def _as_compiled_for(numbers: Numbers) -> Float32s:
    """The numbers as an array of the one kind that the kernel is compiled for: another kind would be compiled anew."""
    with np.errstate(over="ignore"):  # what is too large becomes infinite
        return np.array(numbers, np.float32, order="C")


def _finite(numbers: Float32s, what: str) -> Float32s:
    """The numbers, where all are finite: then all answers are, for no sum of rounded-once products can be NaN."""
    finite = np.isfinite(numbers)
    if not np.logical_and.reduce(finite, axis=None):  # as finite.all(), at half its cost for a single row
        row = int(np.argwhere(~finite)[0, 0])
        raise ValueError(f"{what}[{row}] is not a finite number, or too large for a float32")
    return numbers
