"""Recorded losses and snapshots of a job on the wire."""

from pydantic import BaseModel, Field

from service.job import Status


class Series(BaseModel):
    """Losses by iteration; a discriminator experiment has no `generator_loss`."""

    iteration: list[int]
    discriminator_real_loss: list[float]
    discriminator_fake_loss: list[float]
    generator_loss: list[float] = Field(default=[])


class ProgressOut(BaseModel):
    """The recorded losses past `after`."""

    job_id: str
    status: Status
    iteration: int
    iterations: int
    record_every: int
    series: Series
    next_after: int = Field(description="the next `after`")


class ArticleProgressOut(BaseModel):
    """The two lists of the article's program: every 10th call of each network."""

    job_id: str
    discriminator: list[float]
    generator: list[float]


class WeightsOut(BaseModel):
    """Flat weights, a row for each snapshot, and the tensors in a row."""

    generator: list[list[float]] = Field(default=[])
    discriminator: list[list[float]]
    shapes: dict[str, dict[str, list[int]]]


class SnapshotsOut(BaseModel):
    """The snapshots of a training, with G's output for `latent_value`; no samples without a generator."""

    job_id: str
    iterations: list[int]
    samples: list[list[float]] = Field(default=[])
    weights: WeightsOut | None = None
