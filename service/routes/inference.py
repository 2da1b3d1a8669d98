"""Use a model: sample with the generator, score with the discriminator."""

from itertools import chain
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Body, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from gan1010 import Model, metrics
from service.answers import DirectRoute, json_answer, ok, problems
from service.errors import InvalidInput, NoGenerator
from service.registry import Registry
from service.schemas import SampleOut, SampleQuery, SampleRequest, ScoreOut, ScoreRequest

router = APIRouter(route_class=DirectRoute, tags=["inference"])

SAMPLES = ok(model=SampleOut) | problems(404, 409, 422)
FEW = 1000  # rows that are answered on the event loop; more would keep other requests waiting


@router.get("/sample", responses=SAMPLES)
async def get_sample(request: Request, query: Annotated[SampleQuery, Query()]) -> Response:
    """Sample the generator: its output for each seed, the value fed to it."""
    return await _sample(request.app.state.registry, query.seed, query.job_id, query.iteration)


@router.post("/sample", responses=SAMPLES | problems(400, 413, 415))
async def sample(request: Request, body: Annotated[SampleRequest, Body()] = SampleRequest()) -> Response:  # noqa: B008
    """Sample the generator for many seeds."""
    return await _sample(request.app.state.registry, body.seeds, body.job_id, body.iteration)


@router.post("/score", responses=ok(model=ScoreOut) | problems(400, 404, 409, 413, 415, 422))
async def score(request: Request, body: Annotated[ScoreRequest, Body()]) -> Response:
    """Score vectors with the discriminator: 0 fake to 1 real."""
    registry, vectors = request.app.state.registry, body.vectors
    job_id = body.job_id if body.job_id is not None else registry.latest(with_generator=False)
    model, iteration = await _model(registry, job_id, body.iteration)

    def answer() -> Response:
        width = len(model.pattern)
        for index, vector in enumerate(vectors):
            if len(vector) != width:
                detail = f"vectors[{index}] has {len(vector)} numbers; the pattern {model.pattern} needs {width}"
                raise InvalidInput(detail, "body", "vectors", index)
        numbers = np.fromiter(chain.from_iterable(vectors), np.float32, len(vectors) * width)
        try:
            scores = model.score(numbers.reshape(-1, width))
        except ValueError as error:
            raise InvalidInput(str(error), "body", "vectors") from None
        return json_answer({"job_id": job_id, "iteration": iteration, "scores": scores})

    return answer() if len(vectors) <= FEW else await run_in_threadpool(answer)


async def _sample(registry: Registry, seeds: list[float], job_id: str | None, iteration: int | None) -> Response:
    if job_id is None:
        job_id = registry.latest(with_generator=True)
    model, iteration = await _model(registry, job_id, iteration)
    if model.generator is None:
        raise NoGenerator("the job is a discriminator experiment, which trains no generator; name another job")

    def answer() -> Response:
        try:
            samples = model.sample(seeds)
        except ValueError as error:
            raise InvalidInput(str(error), "seeds") from None
        return json_answer(
            {
                "job_id": job_id,
                "iteration": iteration,
                "pattern": model.pattern,
                "seeds": seeds,
                "samples": samples,
                "bits": metrics.bits(samples),
                "in_range": metrics.inside(samples, *model.real_range),
            }
        )

    return answer() if len(seeds) <= FEW else await run_in_threadpool(answer)


async def _model(registry: Registry, job_id: str, iteration: int | None) -> tuple[Model, int]:
    """The model, from memory at once or from the disk on a thread."""
    cached = registry.cached_model(job_id, iteration)
    return cached if cached is not None else await run_in_threadpool(registry.model, job_id, iteration)
