"""What the service answers, typed. Fields that a newer service adds are kept, and passed over by who doesn't know them.

These are the client's own: the service's schemas rest on the compiled kernel, and a client should need nothing of it.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
Kind = Literal["train", "sweep"]
T = TypeVar("T")


class ResponseModel(BaseModel):
    """What every answer is: not to be changed, and open to new fields."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())


class Page(ResponseModel, Generic[T]):
    """Some of many; `next` is what to pass as `after` for those that follow, which `Client.each` does."""

    data: list[T]
    has_more: bool
    next: str | int | None


class Result(ResponseModel):
    """What came of a run; losses and scores are means over its last tenth. None: only a generator has it."""

    sample: list[float] | None
    bits: str | None
    in_range: bool | None
    settled_at: int | None
    discriminator_real_loss: float
    discriminator_fake_loss: float
    generator_loss: float | None
    real_score: float
    fake_score: float


class JobError(ResponseModel):
    """Why a job failed."""

    type: str
    detail: str


class Transition(ResponseModel):
    """One change of a job's status."""

    status: Status
    at: datetime
    detail: str | None


class Job(ResponseModel):
    """A training, or a sweep of trainings: its `iteration` counts the members that are done."""

    id: str
    kind: Kind
    name: str | None
    status: Status
    config: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    iteration: int
    iterations: int
    iterations_per_second: float | None
    eta_seconds: float | None
    result: Result | None
    error: JobError | None
    transitions: list[Transition]

    @property
    def ended(self) -> bool:
        """Nothing more will come of it."""
        return self.status in ("succeeded", "failed", "cancelled")


class Series(ResponseModel):
    """Losses by iteration; a discriminator experiment has none of a generator."""

    iteration: list[int]
    discriminator_real_loss: list[float]
    discriminator_fake_loss: list[float]
    generator_loss: list[float] = []


class JobProgress(ResponseModel):
    """The recorded losses past an iteration; `next_after` is what to pass as `after` to get only what is new."""

    job_id: str
    status: Status
    iteration: int
    iterations: int
    record_every: int
    series: Series
    next_after: int


class ArticleProgress(ResponseModel):
    """The two lists that the article's program would have kept: every 10th call of each network."""

    job_id: str
    discriminator: list[float]
    generator: list[float]


class Weights(ResponseModel):
    """Flat weights, a row for each snapshot, and how each row divides into tensors."""

    generator: list[list[float]] = []
    discriminator: list[list[float]]
    shapes: dict[str, dict[str, list[int]]]


class Snapshots(ResponseModel):
    """The kept moments of a run, and what G made at each of `latent_value`; no samples where there is no generator."""

    job_id: str
    iterations: list[int]
    samples: list[list[float]] = []
    weights: Weights | None = None


class Samples(ResponseModel):
    """G's output for each seed."""

    job_id: str
    iteration: int
    pattern: str
    seeds: list[float]
    samples: list[list[float]]
    bits: list[str]
    in_range: list[bool]


class Scores(ResponseModel):
    """D's answer to each vector: 0 fake to 1 real."""

    job_id: str
    iteration: int
    scores: list[float]


class ModelInfo(ResponseModel):
    """A finished model; bytes and SHA-256 are those of its `model.safetensors`, which holds both networks."""

    job_id: str
    name: str | None
    pattern: str
    created_at: datetime
    bytes: int
    sha256: str


class Preset(ResponseModel):
    """A named configuration: the settings that differ from the defaults, and what they are known to do."""

    name: str
    summary: str
    known: str
    settings: dict[str, Any]


class Settled(ResponseModel):
    """When a cell's members settled: percentiles over those that did; None while none has."""

    p5: float | None
    p50: float | None
    p95: float | None


class Cell(ResponseModel):
    """A cell of a sweep's grid: shares of all its members that are done, and means of what is finite."""

    cell: int
    config: dict[str, Any]
    count: int
    bits_rate: float | None
    in_range_rate: float | None
    settled_at: Settled
    discriminator_real_loss: float | None
    discriminator_fake_loss: float | None
    generator_loss: float | None


class Results(Page[Cell]):
    """Some cells of a sweep, also while it runs."""

    job_id: str
    status: Status


class Member(ResponseModel):
    """One GAN of a sweep: its number, and the fields of a job's result, all None if it has diverged."""

    index: int
    seed: int
    cell: int
    sample: list[float] | None
    bits: str | None
    in_range: bool | None
    settled_at: int | None
    discriminator_real_loss: float | None
    discriminator_fake_loss: float | None
    generator_loss: float | None
    real_score: float | None
    fake_score: float | None


class Health(ResponseModel):
    """How the process is; while it is `stopping` it is not ready."""

    status: Literal["ok", "stopping"]
