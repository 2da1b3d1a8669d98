"""Finished models on the wire."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from service.api.schemas.common import Page


class ModelOut(BaseModel):
    """A finished model, with the size and the SHA-256 of its `model.safetensors`."""

    model_config = ConfigDict(from_attributes=True)

    job_id: str
    name: str | None
    pattern: str
    created_at: datetime
    bytes: int
    sha256: str


class ModelPage(Page[ModelOut, str]):
    """A page of finished models, newest first."""
