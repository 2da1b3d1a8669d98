"""What a training can be asked to be, typed: the client's own, as `answers` are."""

from typing import Literal, TypedDict


class TrainSettings(TypedDict, total=False):
    """The settings of a training. What is not given is the preset's, and the article's where no preset is named."""

    preset: str
    experiment: Literal["gan", "discriminator"]
    pattern: str
    spread: float
    iterations: int
    learning_rate: float
    generator_learning_rate: float | None
    hidden_size: int
    loss: Literal["mse", "bce"]
    optimizer: Literal["sgd", "adam"]
    latent: Literal["constant", "uniform", "normal"]
    latent_value: float
    seed: int | None
    record_every: int | None
    snapshot_every: int | None


class NamedSettings(TrainSettings, total=False):
    """The same with a name for people, which each job may have."""

    name: str | None


class SeedRange(TypedDict):
    """Seeds in a row."""

    start: int
    count: int
