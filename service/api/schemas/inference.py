"""Samples and scores on the wire."""

from typing import Annotated

from annotated_types import Ge, Le
from pydantic import BaseModel, Field

from gan1010.config import FLOAT32_MAX, MAX_ITERATIONS
from service.api.limits import MAX_ROWS
from service.api.schemas.common import AS_INTEGER, RequestModel

# In JSON an integer is a valid float. Outside float32's range a number is infinite to the networks.
Number = Annotated[float, Ge(-FLOAT32_MAX), Le(FLOAT32_MAX), Field(allow_inf_nan=False)]
Latents = Annotated[list[Number], Field(min_length=1, max_length=MAX_ROWS, description="latent values, the input of G")]
SnapshotIteration = Annotated[
    int | None,
    Field(ge=0, le=MAX_ITERATIONS, description="a snapshot; the last one when left out", examples=[5000]),
    AS_INTEGER,
]


class SampleQuery(BaseModel):
    """Latent values for the generator, in a query."""

    seed: Latents = [0.5]
    job_id: Annotated[str | None, Field(max_length=64, description="the last job that succeeded when left out")] = None
    iteration: SnapshotIteration = None


class ModelQuery(BaseModel):
    """The model, where the body does not name it."""

    job_id: Annotated[str | None, Field(max_length=64, description="the model's job, unless the body names one")] = None
    iteration: SnapshotIteration = None


class SampleRequest(RequestModel):
    """Latent values for the generator."""

    seeds: Latents = [0.5]  # noqa: RUF012
    job_id: Annotated[str | None, Field(description="the last job that succeeded when left out")] = None
    iteration: SnapshotIteration = None


class SampleOut(BaseModel):
    """G's output for each latent value."""

    job_id: str
    iteration: int
    pattern: str
    seeds: list[float]
    samples: list[list[float]]
    bits: list[str]
    in_range: list[bool]


class ScoreRequest(RequestModel):
    """Vectors for the discriminator."""

    vectors: Annotated[
        list[list[Number]], Field(min_length=1, max_length=MAX_ROWS, description="as wide as the pattern")
    ]
    job_id: Annotated[str | None, Field(description="the last job that succeeded when left out")] = None
    iteration: SnapshotIteration = None


class ScoreOut(BaseModel):
    """D's score of each vector: 0 fake to 1 real."""

    job_id: str
    iteration: int
    scores: list[float]
