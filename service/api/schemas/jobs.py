"""Jobs on the wire."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from service.api.schemas.common import Page
from service.api.schemas.sweeps import SweepOut
from service.api.schemas.training import TrainConfigOut, train_config_out
from service.job import Job, JobError, Kind, Status, Transition


class ResultOut(BaseModel):
    """The result of a training: losses and scores are means over its last tenth. Null without a generator."""

    sample: list[float] | None = Field(description="G's output for latent_value")
    bits: str | None = Field(description="each value of the sample rounded at 0.5")
    in_range: bool | None = Field(description="every value of the sample is in its real range")
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
        return cls(
            id=job.id,
            kind=job.kind,
            name=job.name,
            status=job.status,
            config=SweepOut.of(job) if job.kind == "sweep" else train_config_out(job),
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            iteration=job.iteration,
            iterations=job.iterations,
            iterations_per_second=speed,
            eta_seconds=round(remaining / speed, 3) if speed and not job.has_ended else None,
            result=ResultOut(**vars(job.result)) if job.result else None,
            error=job.error,
            transitions=list(job.transitions),
        )


class JobPage(Page[JobOut, str]):
    """A page of jobs, newest first."""
