"""Finished models on the wire."""

from datetime import datetime

from pydantic import BaseModel

from service.api.schemas.common import Page
from service.job import Job


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
