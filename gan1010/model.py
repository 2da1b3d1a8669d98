"""Trained model: both networks at one iteration, to sample with G and to score with D."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gan1010 import model_file, patterns, random_draws
from gan1010.compiled import forward
from gan1010.config import FLOAT32_MAX
from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.model_file import Network
from gan1010.types import Float32s

NO_GENERATOR = "the discriminator experiment trains no generator; use a model of the gan experiment"
Numbers = Sequence[float] | Sequence[Sequence[float]] | npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """The weights of both networks, flat as in `layout`; `generator` is None in the discriminator experiment."""

    pattern: str
    spread: float
    hidden_size: int
    discriminator: Float32s = field(repr=False)
    generator: Float32s | None = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "discriminator", _as_float32s(self.discriminator))
        if self.generator is not None:
            object.__setattr__(self, "generator", _as_float32s(self.generator))

    @property
    def width(self) -> int:
        """Values in a sample."""
        return patterns.width(self.pattern)

    @property
    def networks(self) -> dict[Network, tuple[Layout, Float32s]]:
        """Layout and weights of each network that the model has."""
        shape = self.width, self.hidden_size
        networks: dict[Network, tuple[Layout, Float32s]]
        networks = {"discriminator": (discriminator_layout(*shape), self.discriminator)}
        if self.generator is not None:
            networks["generator"] = (generator_layout(*shape), self.generator)
        return networks

    def network(self, name: Network) -> tuple[Layout, Float32s]:
        """Return the layout and the weights of a network; ValueError if the model has no generator."""
        if name not in self.networks:
            raise ValueError(NO_GENERATOR)
        return self.networks[name]

    @cached_property
    def real_range(self) -> tuple[Float32s, Float32s]:
        """Bounds of real data, low and high: both (W,), or (patterns, W) if there are several patterns."""
        low, high = random_draws.real_ranges(self.pattern, self.spread)
        return (low, high) if len(low) > 1 else (low[0], high[0])

    @cached_property
    def real_bounds(self) -> list[tuple[list[float], list[float]]]:
        """Bounds of real data as numbers: low and high, each of W, for each pattern."""
        low, high = random_draws.real_ranges(self.pattern, self.spread)
        return list(zip(low.tolist(), high.tolist(), strict=True))

    def sample(self, latents: Numbers) -> Float32s:
        """Return G's samples (n, W) for latents (n,), all values in [0, 1].

        ValueError if there is no generator, or if the latents are not one row of finite float32 numbers.
        """
        if self.generator is None:
            raise ValueError(NO_GENERATOR)
        numbers = np.asarray(latents)
        if numbers.shape == (1,) and numbers.dtype.kind == "f" and abs(latent := numbers.item()) <= FLOAT32_MAX:
            return self.sample_one(latent)[np.newaxis]
        inputs = _as_float32s(numbers)
        if inputs.ndim != 1:
            raise ValueError(f"latents must be one row of numbers, not of shape {inputs.shape}")
        samples = np.empty((len(inputs), self.width), np.float32)
        _check_finite(forward.sample(self.generator, inputs, np.empty(self.hidden_size, np.float32), samples))
        return samples

    def sample_one(self, latent: float) -> Float32s:
        """Return G's sample (W,) for one latent, like `sample`, in a few microseconds."""
        if self.generator is None:
            raise ValueError(NO_GENERATOR)
        if not abs(latent) <= FLOAT32_MAX:
            raise ValueError("the latent is not a finite number, or too large for a float32")
        sample = np.empty(self.width, np.float32)
        forward.sample_one(self.generator, float(latent), np.empty(self.hidden_size, np.float32), sample)
        return sample

    def score(self, vectors: Numbers) -> Float32s:
        """Return D's scores (n,), 0 fake to 1 real, of vectors (n, W); ValueError if one is not W finite float32s."""
        inputs = _as_float32s(vectors)
        if inputs.ndim != 2 or inputs.shape[1] != self.width:
            raise ValueError(f"vectors must be rows of {self.width} numbers, not of shape {inputs.shape}")
        scores = np.empty(len(inputs), np.float32)
        _check_finite(forward.score(self.discriminator, inputs, np.empty(self.hidden_size, np.float32), scores))
        return scores

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file with both networks and their settings, which `load_model` reads."""
        Path(path).write_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the content of the file; the same model always gives the same bytes."""
        return model_file.dump(self.networks, pattern=self.pattern, spread=self.spread, hidden_size=self.hidden_size)

    def network_bytes(self, name: Network) -> bytes:
        """Return a safetensors file of one network, with the keys of a `torch.nn.Sequential`; ValueError if none."""
        return model_file.dump_network(*self.network(name))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Model":
        """Build a model from the content of its file; ValueError if it is damaged, or not from `to_bytes`."""
        config, weights = model_file.load(data)
        return cls(
            pattern=config.pattern,
            spread=config.spread,
            hidden_size=config.hidden_size,
            discriminator=weights["discriminator"],
            generator=weights.get("generator"),
        )


def load_model(path: str | os.PathLike[str]) -> Model:
    """Read a model from a file: of `Model.save`, of `gan1010 train --save`, or a service's `model.safetensors`.

    ValueError if the file is damaged or another; OSError if it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return Model.from_bytes(file.read(model_file.MAX_FILE_BYTES + 1))
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from error


def _as_float32s(numbers: Numbers) -> Float32s:
    """Copy numbers into a writable C-contiguous float32 array: Numba would compile anew for any other kind."""
    with np.errstate(over="ignore"):  # too large numbers become infinite
        return np.array(numbers, np.float32, order="C")


def _check_finite(row: int) -> None:
    """Raise ValueError for the row, if any, that is not finite: of finite ones all outputs are, as no sum is NaN."""
    if row >= 0:
        raise ValueError(f"row {row} is not a finite number, or too large for a float32")
