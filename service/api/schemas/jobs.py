"""The shapes on the wire, and the crossing to them from what lives inside."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Le
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gan1010 import PRESETS
from gan1010.config import FLOAT32_MAX
from service.api.limits import MAX_ROWS
from service.api.schemas.sweeps import SweepOut
from service.api.schemas.training import IN_JSON, Config, Wire
from service.job import Job, JobError, Kind, Status, Transition

# Strict, but an integer will do for a float; past float32's range a number would be infinite to the networks.
Number = Annotated[float, Ge(-FLOAT32_MAX), Le(FLOAT32_MAX), Field(allow_inf_nan=False)]


Seeds = Annotated[list[Number], Field(min_length=1, max_length=MAX_ROWS, description="values fed to G")]
KeptIteration = Annotated[
    int | None,
    Field(ge=0, le=10_000_000, description="a kept snapshot; the last one, when left out", examples=[5000]),
    IN_JSON,
]


class ResultOut(BaseModel):
    """What came of the run; losses and scores are means over its last tenth. Null: only a generator has it."""

    sample: list[float] | None = Field(description="G's output for latent_value")
    bits: str | None = Field(description="each value of the sample rounded at 0.5")
    in_range: bool | None = Field(description="every value of the sample lies in its real range")
    settled_at: int | None = Field(description="first recorded iteration from which in_range holds to the end")
    discriminator_real_loss: float
    discriminator_fake_loss: float
    generator_loss: float | None
    real_score: float
    fake_score: float


class JobOut(BaseModel):
    """A job."""

    id: str = Field(description="opaque; sorts by creation")
    kind: Kind
    name: str | None
    status: Status
    config: Config | SweepOut
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    iteration: int = Field(description="of a sweep: the members that are done")
    iterations: int = Field(description="what `iteration` comes to at the end")
    iterations_per_second: float | None = Field(description="of a sweep: members a second")
    eta_seconds: float | None
    result: ResultOut | None
    error: JobError | None
    transitions: list[Transition]

    @classmethod
    def of(cls, job: Job) -> Self:
        """The job as clients see it."""
        left, speed = job.iterations - job.iteration, job.iterations_per_second
        return cls(
            id=job.id,
            kind=job.kind,
            name=job.name,
            status=job.status,
            config=SweepOut.of(job) if job.kind == "sweep" else Config(**_config(job)),
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            iteration=job.iteration,
            iterations=job.iterations,
            iterations_per_second=speed,
            eta_seconds=round(left / speed, 3) if speed and not job.has_ended else None,
            result=ResultOut(**vars(job.result)) if job.result else None,
            error=job.error,
            transitions=list(job.transitions),
        )


def _config(job: Job) -> dict[str, Any]:
    return {"preset": job.preset, "name": job.name, **vars(job.train_config)}


class JobPage(BaseModel):
    """Some jobs, newest first; `next` is what to pass as `after` for those that follow."""

    data: list[JobOut]
    has_more: bool
    next: str | None


class Series(BaseModel):
    """Losses by iteration; what the experiment does not have is left out."""

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
    next_after: int = Field(description="pass it as `after` to get only what is new")


class ArticleProgressOut(BaseModel):
    """The two lists that the article's program would have kept: every 10th call of each network."""

    job_id: str
    discriminator: list[float]
    generator: list[float]


class WeightsOut(BaseModel):
    """Flat weights, a row for each snapshot, and how each row divides into tensors."""

    generator: list[list[float]] = Field(default=[])
    discriminator: list[list[float]]
    shapes: dict[str, dict[str, list[int]]]


class SnapshotsOut(BaseModel):
    """The kept moments of a run, and what G made at each of `latent_value`; no samples where there is no generator."""

    job_id: str
    iterations: list[int]
    samples: list[list[float]] = Field(default=[])
    weights: WeightsOut | None = None


class SampleQuery(BaseModel):
    """What to feed to the generator, in a query."""

    seed: Seeds = [0.5]
    job_id: Annotated[str | None, Field(max_length=64, description="the job that succeeded last, when left out")] = None
    iteration: KeptIteration = None


class BulkQuery(BaseModel):
    """Which model is meant, where the body does not say."""

    job_id: Annotated[str | None, Field(max_length=64)] = None
    iteration: KeptIteration = None


class SampleRequest(Wire):
    """What to feed to the generator."""

    seeds: Seeds = [0.5]  # noqa: RUF012
    job_id: Annotated[str | None, Field(description="the job that succeeded last, when left out")] = None
    iteration: KeptIteration = None


class SampleOut(BaseModel):
    """G's output for each seed."""

    job_id: str
    iteration: int
    pattern: str
    seeds: list[float]
    samples: list[list[float]]
    bits: list[str]
    in_range: list[bool]


class ScoreRequest(Wire):
    """What to show to the discriminator."""

    vectors: Annotated[
        list[list[Number]], Field(min_length=1, max_length=MAX_ROWS, description="as wide as the pattern")
    ]
    job_id: Annotated[str | None, Field(description="the job that succeeded last, when left out")] = None
    iteration: KeptIteration = None


class ScoreOut(BaseModel):
    """D's answer to each vector: 0 fake to 1 real."""

    job_id: str
    iteration: int
    scores: list[float]


class ModelOut(BaseModel):
    """A finished model; bytes and SHA-256 are those of its `model.safetensors`, which holds both networks."""

    model_config = ConfigDict(from_attributes=True)

    job_id: str
    name: str | None
    pattern: str
    created_at: datetime
    bytes: int
    sha256: str


class ModelPage(BaseModel):
    """Some finished models, newest first."""

    data: list[ModelOut]
    has_more: bool
    next: str | None


class PresetOut(BaseModel):
    """A named configuration: the settings that differ from the defaults, and what they are known to do."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    summary: str
    known: str
    settings: dict[str, Any]


class PresetList(BaseModel):
    """All presets."""

    data: list[PresetOut]


class Health(BaseModel):
    """How the process is."""

    status: Literal["ok", "stopping"]


class Mistake(BaseModel):
    """One mistake in a request, and where it is."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="a stable relative URI", examples=["/problems/job-not-found"])
    title: str
    status: int
    detail: str = Field(description="what was wrong, and what would be right")
    instance: str
    errors: list[Mistake] = Field(default=[], description="for 422: each mistake, at most 20")


PRESETS_OUT = PresetList(data=TypeAdapter(list[PresetOut]).validate_python(list(PRESETS.values())))
