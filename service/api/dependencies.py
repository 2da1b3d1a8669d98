"""What routes are handed: the registry, and the job of a path."""

from typing import Annotated

from fastapi import Depends, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from gan1010 import Model
from service.api.schemas.jobs import MAX_PAGE_SIZE
from service.job import Job
from service.jobs.registry import Registry


async def _registry(request: Request) -> Registry:
    registry: Registry = request.app.state.registry
    return registry


Jobs = Annotated[Registry, Depends(_registry)]
JobId = Annotated[str, Path(description="a job's id", max_length=64)]


def _existing_job(job_id: JobId, registry: Jobs) -> Job:
    """The job of the path: a 404 happens once, here."""
    return registry.job(job_id)


ExistingJob = Annotated[Job, Depends(_existing_job)]
Wait = Annotated[float, Query(ge=0, le=30, allow_inf_nan=False, description="seconds to wait for the job's end")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE_SIZE, description="how many")]
After = Annotated[str | None, Query(max_length=64, description="`next` of the page before")]


async def model_of(registry: Registry, job_id: str, iteration: int | None) -> tuple[Model, int]:
    """A job's networks at an iteration, from memory at once or from the disk on a thread."""
    cached = registry.models.cached(job_id, iteration)
    return cached if cached is not None else await run_in_threadpool(registry.model, job_id, iteration)
