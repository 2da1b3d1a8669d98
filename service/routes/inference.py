"""Use a model: sample with the generator, score with the discriminator."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from gan1010 import Model, metrics
from service.answers import StrictRoute, json_answer, ok, problems
from service.deps import Jobs
from service.errors import InvalidInput, NoGenerator
from service.registry import Registry
from service.schemas import MOST_ROWS, Number, SampleOut, SampleRequest, ScoreOut, ScoreRequest

router = APIRouter(route_class=StrictRoute, tags=["inference"])

SAMPLES = ok(model=SampleOut) | problems(404, 409, 422)
FEW = 1000  # rows that are answered on the event loop; more would keep other requests waiting


@router.get("/sample", responses=SAMPLES)
async def get_sample(
    registry: Jobs,
    seed: Annotated[list[Number], Query(max_length=MOST_ROWS, description="values fed to G")] = [0.5],  # noqa: B006
    job_id: Annotated[str | None, Query(max_length=64, description="default: the job that succeeded last")] = None,
    iteration: Annotated[int | None, Query(ge=0, le=2**53, description="default: the last kept")] = None,
) -> Response:
    """Sample the generator: its output for each seed, the value fed to it."""
    return await _sample(registry, seed, job_id, iteration)


@router.post("/sample", responses=SAMPLES | problems(400, 413, 415))
async def sample(registry: Jobs, body: SampleRequest = SampleRequest()) -> Response:  # noqa: B008
    """Sample the generator for many seeds."""
    return await _sample(registry, body.seeds, body.job_id, body.iteration)


@router.post("/score", responses=ok(model=ScoreOut) | problems(400, 404, 409, 413, 415, 422))
async def score(registry: Jobs, body: ScoreRequest) -> Response:
    """Score vectors with the discriminator: 0 fake to 1 real."""
    job_id = body.job_id if body.job_id is not None else registry.latest(with_generator=False)
    model, iteration = await _model(registry, job_id, body.iteration)

    def answer() -> Response:
        width = len(model.pattern)
        for index, vector in enumerate(body.vectors):
            if len(vector) != width:
                detail = f"vectors[{index}] has {len(vector)} numbers; the pattern {model.pattern} needs {width}"
                raise InvalidInput(detail, "body", "vectors", index)
        try:
            scores = model.score(body.vectors)
        except ValueError as error:
            raise InvalidInput(str(error), "body", "vectors") from None
        return json_answer({"job_id": job_id, "iteration": iteration, "scores": scores})

    return answer() if len(body.vectors) <= FEW else await run_in_threadpool(answer)


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
                "in_range": metrics.in_range(samples, model.pattern, model.spread),
            }
        )

    return answer() if len(seeds) <= FEW else await run_in_threadpool(answer)


async def _model(registry: Registry, job_id: str, iteration: int | None) -> tuple[Model, int]:
    """The model, from memory at once or from the disk on a thread."""
    cached = registry.cached_model(job_id, iteration)
    return cached if cached is not None else await run_in_threadpool(registry.model, job_id, iteration)
