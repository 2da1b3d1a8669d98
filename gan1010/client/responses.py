"""Response models. Fields that a newer service adds are kept as extra attributes.

They repeat the service's schemas, because importing those loads the compiled kernel and torch.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
EndedStatus = Literal["succeeded", "failed", "cancelled"]
Kind = Literal["train", "sweep"]
T = TypeVar("T")


class ResponseModel(BaseModel):
    """Base of all response models."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())


class Page(ResponseModel, Generic[T]):
    """One page of a list; `next` is the `after` of the next page."""

    data: list[T]
    has_more: bool
    next: str | int | None


class Result(ResponseModel):
    """Result of a training: losses and scores are means over its last tenth, None where there is no generator."""

    sample: list[float] | None
    bits: str | None
    in_range: bool | None
    settled_at: int | None
    discriminator_real_loss: float
    discriminator_fake_loss: float
    generator_loss: float | None
    real_score: float
    fake_score: float
    covered: int | None = None
    quality: float | None = None
    diversity: float | None = None
    shares: list[float] | None = None


class JobError(ResponseModel):
    """Error of a failed job."""

    type: str
    detail: str


class Transition(ResponseModel):
    """Change of a job's status."""

    status: Status
    at: datetime
    detail: str | None


class Job(ResponseModel):
    """Training or sweep; the `iteration` of a sweep is the number of its finished members."""

    id: str
    kind: Kind
    name: str | None
    note: str | None
    tags: list[str]
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
    def has_ended(self) -> bool:
        """True once the status can no longer change."""
        return self.status in ("succeeded", "failed", "cancelled")


class DeletedJobs(ResponseModel):
    """Deleted jobs, and those that meet the conditions and remain; `oldest` and `newest` are ids, of both together."""

    deleted: int
    remaining: int
    oldest: str | None
    newest: str | None


class Series(ResponseModel):
    """Losses by iteration; the generator's are empty where there is no generator."""

    iteration: list[int]
    discriminator_real_loss: list[float]
    discriminator_fake_loss: list[float]
    generator_loss: list[float] = []


class JobProgress(ResponseModel):
    """Recorded losses of a job; `next_after` is the `after` that returns only newer ones."""

    job_id: str
    status: Status
    iteration: int
    iterations: int
    record_every: int
    series: Series
    next_after: int


class ArticleProgress(ResponseModel):
    """Losses as the article's program records them: every tenth call of each network."""

    job_id: str
    discriminator: list[float]
    generator: list[float]


class Weights(ResponseModel):
    """Flat weights, one row for each snapshot; `shapes` says how a row divides into tensors."""

    generator: list[list[float]] = []
    discriminator: list[list[float]]
    shapes: dict[str, dict[str, list[int]]]


class Snapshots(ResponseModel):
    """Snapshots of a training: G's output for `latent_value` at each iteration."""

    job_id: str
    iterations: list[int]
    samples: list[list[float]] = []
    weights: Weights | None = None


class Samples(ResponseModel):
    """G's output for each latent, which the service calls seed."""

    job_id: str
    iteration: int
    pattern: str
    seeds: list[float]
    samples: list[list[float]]
    bits: list[str]
    in_range: list[bool]


class Scores(ResponseModel):
    """D's score of each vector: 0 is fake, 1 is real."""

    job_id: str
    iteration: int
    scores: list[float]


class ModelInfo(ResponseModel):
    """Finished model; `bytes` and `sha256` are those of `model.safetensors`."""

    job_id: str
    name: str | None
    pattern: str
    created_at: datetime
    bytes: int
    sha256: str


class Preset(ResponseModel):
    """Named settings; `known` describes their known behaviour."""

    name: str
    summary: str
    known: str
    settings: dict[str, Any]


class PresetList(ResponseModel):
    """All presets."""

    data: list[Preset]


class Settled(ResponseModel):
    """Percentiles of the iteration at which a cell's members settle; each is None until that share of them has."""

    p5: float | None
    p50: float | None
    p95: float | None


class Cell(ResponseModel):
    """Results of a sweep's cell: rates over its finished members, means of finite losses."""

    cell: int
    config: dict[str, Any]
    count: int
    bits_rate: float | None
    in_range_rate: float | None
    settled_at: Settled
    discriminator_real_loss: float | None
    discriminator_fake_loss: float | None
    generator_loss: float | None
    covers_all_rate: float | None = None
    covered: float | None = None
    quality: float | None = None
    diversity: float | None = None


class Results(Page[Cell]):
    """One page of a sweep's cells."""

    job_id: str
    status: Status


class Member(ResponseModel):
    """Finished member of a sweep; the fields of its result are None if the training diverged."""

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
    covered: int | None = None
    quality: float | None = None
    diversity: float | None = None
    shares: list[float] | None = None


class ClusterWorker(ResponseModel):
    """Worker of the Dask cluster; `reason` says why it is refused."""

    address: str
    name: str
    threads: int
    status: Literal["checking", "trusted", "refused"]
    reason: str | None
    in_flight: int


class Cluster(ResponseModel):
    """Dask cluster that trains sweeps; `scheduler` is None where the service has none.

    `detail` says why the scheduler is not connected; `fallback`, whether the service's threads then train the sweeps.
    `threads` counts those of trusted workers, `in_flight` the shards that are with them.
    """

    scheduler: str | None
    fallback: bool
    connected: bool
    detail: str | None
    dashboard: str | None
    threads: int
    in_flight: int
    workers: list[ClusterWorker]


class Health(ResponseModel):
    """Health of the process: `stopping` while it shuts down, `no-workers` if no training thread runs."""

    status: Literal["ok", "stopping", "storage-failed", "no-workers"]
