"""Jobs and their models on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, Field

from service.api.schemas.common import Page, RequestModel
from service.api.schemas.sweep_results import ResultOut
from service.api.schemas.sweeps import SweepOut
from service.api.schemas.training import Name, TrainConfigOut, train_config_out
from service.job import Job, JobError, Kind, Status, Transition


class JobOut(BaseModel):
    """A job."""

    id: str = Field(description="opaque; sorts by creation")
    kind: Kind
    name: str | None
    note: str | None
    tags: list[str]
    status: Status
    config: TrainConfigOut | SweepOut
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    iteration: int = Field(description="of a sweep: finished members")
    iterations: int = Field(description="`iteration` at the end")
    iterations_per_second: float | None = Field(description="of a sweep: members a second")
    eta_seconds: float | None
    result: ResultOut | None
    error: JobError | None
    transitions: list[Transition]

    @classmethod
    def of(cls, job: Job) -> Self:
        """Convert a job."""
        remaining, speed = job.iterations - job.iteration, job.iterations_per_second
        content = vars(job) | {
            "config": SweepOut.of(job) if job.kind == "sweep" else train_config_out(job),
            "iterations": job.iterations,
            "eta_seconds": round(remaining / speed, 3) if speed and not job.has_ended else None,
        }
        return cls.model_validate(content, from_attributes=True)


def _without_repeats(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tags))


Tag = Annotated[str, Field(min_length=1, max_length=50, pattern=r"^[^\s,#]+$")]


class JobEdit(RequestModel):
    """The name, note and tags of a job. Fields that are left out stay as they are; null clears them (RFC 7396)."""

    name: Name | None = None
    note: Annotated[str, Field(max_length=2000)] | None = Field(None, description="a text for people")
    tags: Annotated[list[Tag], Field(max_length=20), AfterValidator(_without_repeats)] | None = Field(
        None, description="all tags: words without spaces, commas and #"
    )

    @property
    def changes(self) -> dict[str, Any]:
        """The fields of the request, by name."""
        changes = self.model_dump(exclude_unset=True)
        if "tags" in changes:
            changes["tags"] = tuple(changes["tags"] or ())
        return changes | {name: None for name in ("note",) if changes.get(name) == ""}


class JobPage(Page[JobOut, str]):
    """A page of jobs, newest first."""


class DeletedJobs(BaseModel):
    """Deleted jobs. Repeat the request while jobs remain."""

    deleted: int = Field(description="jobs that this request has deleted: 0 in a dry run")
    remaining: int = Field(description="jobs that meet the conditions and are still there")
    oldest: str | None = Field(description="id of the oldest job that met the conditions")
    newest: str | None = Field(description="id of the newest one")


class ModelOut(BaseModel):
    """A finished model, with the size and the SHA-256 of its `model.safetensors`."""

    job_id: str
    name: str | None
    pattern: str
    created_at: datetime
    bytes: int
    sha256: str

    @classmethod
    def of(cls, job: Job, size: int, sha256: str) -> "ModelOut":
        """Build the model of a training that has succeeded."""
        created_at, pattern = job.finished_at or job.created_at, job.train_config.pattern
        return cls(job_id=job.id, name=job.name, pattern=pattern, created_at=created_at, bytes=size, sha256=sha256)


class ModelPage(Page[ModelOut, str]):
    """A page of finished models, newest first."""
