"""Inference: sample the generator, score with the discriminator."""

from collections.abc import Callable
from itertools import chain
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from gan1010 import results
from gan1010.config import MAX_ITERATIONS
from gan1010.types import Float32s
from service.api.dependencies import find_model, services_of
from service.api.limits import MAX_INLINE_ROWS
from service.api.problems import problems
from service.api.responses import BINARY, BYTES, accepts, binary_response, json_response, ok
from service.api.route_classes import DirectRoute, parse_query
from service.api.schemas.inference import BulkQuery, SampleOut, SampleQuery, SampleRequest, ScoreOut, ScoreRequest
from service.errors import InvalidInputError, NoGeneratorError, NoModelError

router = APIRouter(route_class=DirectRoute, tags=["inference"])

AS_BINARY = "; as float32 numbers, row by row, on Accept: application/octet-stream"
SAMPLES = ok(model=SampleOut, description=f"G's output{AS_BINARY}", content=BYTES)
SCORES = ok(model=ScoreOut, description=f"D's scores{AS_BINARY}", content=BYTES)
POST_PROBLEMS = problems(400, 404, 409, 413, 415, 422, conflict=NoModelError)
BINARY_REQUEST: dict[str, Any] = {  # describes the routes of `binary`, which have the same paths
    "requestBody": {"content": BYTES},
    "parameters": [
        {"name": name, "in": "query", "description": f"{meaning}, unless the body names one", "schema": schema}
        for name, meaning, schema in (
            ("job_id", "the model's job", {"type": "string", "maxLength": 64}),
            ("iteration", "a snapshot", {"type": "integer", "minimum": 0, "maximum": MAX_ITERATIONS}),
        )
    ],
}


@router.get("/sample", responses=SAMPLES | problems(404, 409, 422, conflict=NoModelError))
async def get_sample(request: Request, query: Annotated[SampleQuery, Query()]) -> Response:
    """Sample the generator for each seed, the value of its input."""
    return await sample_response(request, query.seed, query.job_id, query.iteration)


@router.post("/sample", responses=SAMPLES | POST_PROBLEMS, openapi_extra=BINARY_REQUEST)
async def sample(request: Request, body: Annotated[SampleRequest, Body()] = SampleRequest()) -> Response:  # noqa: B008
    """Sample the generator for many seeds."""
    return await sample_response(request, body.seeds, *_job_and_iteration(request, body))


@router.post("/score", responses=SCORES | POST_PROBLEMS, openapi_extra=BINARY_REQUEST)
async def score(request: Request, body: Annotated[ScoreRequest, Body()]) -> Response:
    """Score vectors with the discriminator: 0 fake to 1 real."""
    vectors = body.vectors

    def make_rows(pattern: str) -> Float32s:
        width = len(pattern)
        for index, vector in enumerate(vectors):
            if len(vector) != width:
                detail = f"vectors[{index}] has {len(vector)} numbers. The pattern {pattern} needs {width}."
                raise InvalidInputError(detail, "body", "vectors", index)
        return np.fromiter(chain.from_iterable(vectors), np.float32, len(vectors) * width).reshape(-1, width)

    inline = len(vectors) <= MAX_INLINE_ROWS
    return await score_response(request, make_rows, *_job_and_iteration(request, body), inline=inline)


async def score_response(
    request: Request, make_rows: Callable[[str], Float32s], job_id: str | None, iteration: int | None, *, inline: bool
) -> Response:
    """Respond with D's scores of the rows that `make_rows` makes for the model's pattern."""
    registry = services_of(request).registry
    if job_id is None:
        job_id = registry.models.latest(with_generator=False)
    model, iteration = await find_model(registry, job_id, iteration)

    def respond() -> Response:
        try:
            scores = model.score(make_rows(model.pattern))
        except ValueError as error:
            raise InvalidInputError(str(error), "body", "vectors") from None
        registry.monitor.metrics.scores.inc(len(scores))
        if accepts(request, BINARY):
            return binary_response(scores, job_id, iteration)
        return json_response({"job_id": job_id, "iteration": iteration, "scores": scores})

    return respond() if inline else await run_in_threadpool(respond)


async def sample_response(
    request: Request, latents: list[float] | Float32s, job_id: str | None, iteration: int | None
) -> Response:
    """Respond with G's output for each latent."""
    registry = services_of(request).registry
    if job_id is None:
        job_id = registry.models.latest(with_generator=True)
    model, iteration = await find_model(registry, job_id, iteration)
    if model.generator is None:
        raise NoGeneratorError

    def respond() -> Response:
        try:
            samples = model.sample(latents)
        except ValueError as error:
            raise InvalidInputError(str(error), "seeds") from None
        registry.monitor.metrics.samples.inc(len(samples))
        if accepts(request, BINARY):
            return binary_response(samples, job_id, iteration)
        return json_response(
            {
                "job_id": job_id,
                "iteration": iteration,
                "pattern": model.pattern,
                "seeds": latents,
                "samples": samples,
                "bits": results.bits(samples),
                "in_range": results.in_range(samples, *model.real_range),
            }
        )

    return respond() if len(latents) <= MAX_INLINE_ROWS else await run_in_threadpool(respond)


def _job_and_iteration(request: Request, body: SampleRequest | ScoreRequest) -> tuple[str | None, int | None]:
    """Return the job's id and the iteration of the body, or else of the query."""
    if not request.scope["query_string"]:
        return body.job_id, body.iteration
    query = parse_query(request, BulkQuery)
    return body.job_id or query.job_id, query.iteration if body.iteration is None else body.iteration
