"""Use a model: sample with the generator, score with the discriminator."""

from collections.abc import Callable
from itertools import chain
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from gan1010 import results
from gan1010.types import Float32s
from service.api.dependencies import find_model, services_of
from service.api.problems import problems
from service.api.responses import BINARY, BYTES, accepts, binary_response, json_response, ok
from service.api.route_classes import DirectRoute, parse_query
from service.api.schemas.jobs import BulkQuery, SampleOut, SampleQuery, SampleRequest, ScoreOut, ScoreRequest
from service.errors import InvalidInputError, NoGeneratorError

router = APIRouter(route_class=DirectRoute, tags=["inference"])

FEW = 1000  # rows that are answered on the event loop; more would keep other requests waiting
AS_BYTES = "; as float32 numbers, row by row, on Accept: application/octet-stream"
SAMPLES = ok(model=SampleOut, description=f"G's output{AS_BYTES}", content=BYTES) | problems(404, 409, 422)
SCORES = ok(model=ScoreOut, description=f"D's answers{AS_BYTES}", content=BYTES)
IN_BULK: dict[str, Any] = {  # what the routes of `bulk` add to the description of these
    "requestBody": {"content": BYTES},
    "parameters": [
        {"name": name, "in": "query", "description": f"{what}, where the body does not say", "schema": schema}
        for name, what, schema in (
            ("job_id", "whose model", {"type": "string", "maxLength": 64}),
            ("iteration", "a kept snapshot", {"type": "integer", "minimum": 0, "maximum": 10_000_000}),
        )
    ],
}


@router.get("/sample", responses=SAMPLES)
async def get_sample(request: Request, query: Annotated[SampleQuery, Query()]) -> Response:
    """Sample the generator: its output for each seed, the value fed to it."""
    return await answer_samples(request, query.seed, query.job_id, query.iteration)


@router.post("/sample", responses=SAMPLES | problems(400, 413, 415), openapi_extra=IN_BULK)
async def sample(request: Request, body: Annotated[SampleRequest, Body()] = SampleRequest()) -> Response:  # noqa: B008
    """Sample the generator for many seeds."""
    return await answer_samples(request, body.seeds, *_which(request, body))


@router.post("/score", responses=SCORES | problems(400, 404, 409, 413, 415, 422), openapi_extra=IN_BULK)
async def score(request: Request, body: Annotated[ScoreRequest, Body()]) -> Response:
    """Score vectors with the discriminator: 0 fake to 1 real."""
    vectors = body.vectors

    def rows(pattern: str) -> Float32s:
        width = len(pattern)
        for index, vector in enumerate(vectors):
            if len(vector) != width:
                detail = f"vectors[{index}] has {len(vector)} numbers; the pattern {pattern} needs {width}"
                raise InvalidInputError(detail, "body", "vectors", index)
        return np.fromiter(chain.from_iterable(vectors), np.float32, len(vectors) * width).reshape(-1, width)

    return await answer_scores(request, rows, *_which(request, body), few=len(vectors) <= FEW)


async def answer_scores(
    request: Request, rows: Callable[[str], Float32s], job_id: str | None, iteration: int | None, *, few: bool
) -> Response:
    """D's answers to the rows, which are made when the model's pattern is known."""
    registry = services_of(request).registry
    if job_id is None:
        job_id = registry.models.latest(with_generator=False)
    model, iteration = await find_model(registry, job_id, iteration)

    def answer() -> Response:
        try:
            scores = model.score(rows(model.pattern))
        except ValueError as error:
            raise InvalidInputError(str(error), "body", "vectors") from None
        registry.monitor.metrics.scores.inc(len(scores))
        if accepts(request, BINARY):
            return binary_response(scores, job_id, iteration)
        return json_response({"job_id": job_id, "iteration": iteration, "scores": scores})

    return answer() if few else await run_in_threadpool(answer)


async def answer_samples(
    request: Request, seeds: list[float] | Float32s, job_id: str | None, iteration: int | None
) -> Response:
    """G's output for each of the seeds."""
    registry = services_of(request).registry
    if job_id is None:
        job_id = registry.models.latest(with_generator=True)
    model, iteration = await find_model(registry, job_id, iteration)
    if model.generator is None:
        raise NoGeneratorError("the job is a discriminator experiment, which trains no generator; name another job")

    def answer() -> Response:
        try:
            samples = model.sample(seeds)
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
                "seeds": seeds,
                "samples": samples,
                "bits": results.bits(samples),
                "in_range": results.inside(samples, *model.real_range),
            }
        )

    return answer() if len(seeds) <= FEW else await run_in_threadpool(answer)


def _which(request: Request, body: SampleRequest | ScoreRequest) -> tuple[str | None, int | None]:
    """The job and the iteration that the body names, or else the query."""
    if not request.scope["query_string"]:
        return body.job_id, body.iteration
    query = parse_query(request, BulkQuery)
    return body.job_id or query.job_id, query.iteration if body.iteration is None else body.iteration
