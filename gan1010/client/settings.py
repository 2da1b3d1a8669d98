"""Types of the parameters of `train`, `sweep` and `edit`."""

from collections.abc import Sequence
from typing import Literal, TypedDict


class TrainSettings(TypedDict, total=False):
    """Settings of a training. Missing ones come from the preset, or from the article if there is no preset.

    `defaults` is that of a job's `config`, which can be changed and passed again.
    """

    preset: str
    experiment: Literal["gan", "discriminator"]
    pattern: str
    spread: float
    iterations: int
    learning_rate: float
    generator_learning_rate: float | None
    hidden_size: int
    loss: Literal["mse", "bce", "minimax"]
    optimizer: Literal["sgd", "adam"]
    latent: Literal["constant", "uniform", "normal"]
    latent_value: float
    batch_size: int
    discriminator_steps: int
    r1: float
    seed: int | None
    backend: Literal["compiled", "pytorch"]
    record_every: int | None
    snapshot_every: int | None
    defaults: dict[str, float]


class JobEdit(TypedDict, total=False):
    """The name, note and tags of a job. Missing fields stay as they are, and None clears a field."""

    name: str | None
    note: str | None
    tags: Sequence[str] | None


class SeedRange(TypedDict):
    """Consecutive random seeds."""

    start: int
    count: int
