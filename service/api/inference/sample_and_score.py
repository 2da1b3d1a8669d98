"""Inference: sample the generator, score with the discriminator, as JSON or as binary float32."""

from functools import partial
from itertools import chain
from operator import le
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from gan1010 import Model, results
from gan1010.types import Float32s
from service.api.data_plane import DataRoute
from service.api.dependencies import services_of
from service.api.limits import MAX_INLINE_BYTES, MAX_INLINE_ROWS, MAX_ROWS
from service.api.problems import problems
from service.api.responses import BINARY, BYTES, accepts, binary_response, json_response, ok
from service.api.route_classes import StrictRequest, body_schema
from service.api.schemas.inference import ModelQuery, SampleOut, SampleQuery, SampleRequest, ScoreOut, ScoreRequest
from service.errors import InvalidInputError, NoGeneratorError, NoModelError

router = APIRouter(route_class=DataRoute, tags=["inference"])

AS_BINARY = "; as float32 numbers, row by row, on Accept: application/octet-stream"
SAMPLES = ok(model=SampleOut, description=f"G's output{AS_BINARY}", content=BYTES)
SCORES = ok(model=ScoreOut, description=f"D's scores{AS_BINARY}", content=BYTES)
POST_PROBLEMS = problems(400, 404, 409, 413, 415, 422, conflict=NoModelError)
SAMPLE_BODY = body_schema(SampleRequest, BYTES, default={"seeds": [0.5]})
SCORE_BODY = body_schema(ScoreRequest, BYTES, required=True)
FLOAT32 = np.dtype("<f4")


@router.get("/sample", responses=SAMPLES | problems(404, 409, 422, conflict=NoModelError))
async def get_sample(request: Request, query: Annotated[SampleQuery, Query()]) -> Response:
    """Sample the generator for each seed, the value of its input."""
    return await _sample(request, query.seed, query.job_id, query.iteration)


@router.post("/sample", responses=SAMPLES | POST_PROBLEMS, openapi_extra=SAMPLE_BODY)
async def sample(request: StrictRequest, query: Annotated[ModelQuery, Query()]) -> Response:
    """Sample the generator for many seeds."""
    if request.media_type == BINARY:
        latents = _binary_rows(await request.body(), 1)[:, 0]
        return await _sample(request, latents, query.job_id, query.iteration)
    body = SampleRequest.model_validate_json(await request.json_body() or b"{}")
    return await _sample(request, body.seeds, *_job_and_iteration(body, query))


@router.post("/score", responses=SCORES | POST_PROBLEMS, openapi_extra=SCORE_BODY)
async def score(request: StrictRequest, query: Annotated[ModelQuery, Query()]) -> Response:
    """Score vectors with the discriminator: 0 fake to 1 real."""
    if request.media_type == BINARY:
        numbers = await request.body()
        make_rows, inline = partial(_binary_rows, numbers), len(numbers) <= MAX_INLINE_BYTES
        job_id, requested = query.job_id, query.iteration
    else:
        body = ScoreRequest.model_validate_json(await request.json_body() or b"{}")
        make_rows, inline = partial(_json_rows, body.vectors), len(body.vectors) <= MAX_INLINE_ROWS
        job_id, requested = _job_and_iteration(body, query)
    job_id, iteration, model = await find_model(request, job_id, requested, with_generator=False)

    def respond() -> Response:
        try:
            scores = model.score(make_rows(model.width))
        except ValueError as error:
            raise InvalidInputError(str(error), "body", "vectors") from None
        services_of(request).metrics.scores.inc(len(scores))
        if accepts(request, BINARY):
            return binary_response(scores, job_id, iteration)
        return json_response({"job_id": job_id, "iteration": iteration, "scores": scores})

    return respond() if inline else await run_in_threadpool(respond)


async def find_model(
    request: Request, job_id: str | None, iteration: int | None, *, with_generator: bool
) -> tuple[str, int, Model]:
    """Return a job's id, iteration and networks: of the last job that succeeded, and at the last snapshot, by default.

    Raise ServiceError if there is no such model, or if it has no generator and needs one.
    """
    registry = services_of(request).registry
    if job_id is None:
        job_id = registry.models.latest(with_generator=with_generator)
    found = registry.models.cached(job_id, iteration)
    if found is None:
        found = await run_in_threadpool(registry.model, job_id, iteration)
    model, iteration = found
    if with_generator and model.generator is None:
        raise NoGeneratorError
    return job_id, iteration, model


async def _sample(
    request: Request, latents: list[float] | Float32s, job_id: str | None, iteration: int | None
) -> Response:
    """Respond with G's output for each latent."""
    job_id, iteration, model = await find_model(request, job_id, iteration, with_generator=True)
    bounds = model.real_range
    is_one = isinstance(latents, list) and len(latents) == 1  # the usual request, where arrays cost more than networks

    def respond() -> Response:
        try:
            samples = model.sample_one(latents[0])[np.newaxis] if is_one else model.sample(latents)
        except ValueError as error:
            raise InvalidInputError(str(error), "seeds") from None
        services_of(request).metrics.samples.inc(len(samples))
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
                "in_range": [_is_in_range(samples[0], model)] if is_one else results.in_range(samples, *bounds),
            }
        )

    return respond() if len(latents) <= MAX_INLINE_ROWS else await run_in_threadpool(respond)


def _is_in_range(sample: Float32s, model: Model) -> bool:
    """Test one sample (W,), as `results.in_range` tests many."""
    values = sample.tolist()
    return any(all(map(le, low, values)) and all(map(le, values, high)) for low, high in model.real_bounds)


def _job_and_iteration(body: SampleRequest | ScoreRequest, query: ModelQuery) -> tuple[str | None, int | None]:
    """Return the job's id and the iteration of the body, or else of the query."""
    job_id = query.job_id if body.job_id is None else body.job_id
    return job_id, query.iteration if body.iteration is None else body.iteration


def _json_rows(vectors: list[list[float]], width: int) -> Float32s:
    if set(map(len, vectors)) != {width}:
        index = next(index for index, vector in enumerate(vectors) if len(vector) != width)
        detail = f"vectors[{index}] has {len(vectors[index])} numbers. The model needs {width}."
        raise InvalidInputError(detail, "body", "vectors", index)
    return np.fromiter(chain.from_iterable(vectors), np.float32, len(vectors) * width).reshape(-1, width)


def _binary_rows(numbers: bytes, width: int) -> Float32s:
    count, rest = divmod(len(numbers), width * FLOAT32.itemsize)
    if rest or not 1 <= count <= MAX_ROWS:
        detail = f"The body has {len(numbers):,} bytes. Send 1 to {MAX_ROWS:,} rows of {width} float32."
        raise InvalidInputError(detail, "body")
    return np.frombuffer(numbers, FLOAT32).reshape(count, width)
