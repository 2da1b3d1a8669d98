"""Job responses: a job as JSON, at once or when it has ended."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Header, Response
from starlette.concurrency import run_in_threadpool

from service.api.problems import problems
from service.api.responses import NOT_MODIFIED, Responses, json_response
from service.api.schemas.jobs import JobOut
from service.job import Job
from service.jobs.registry import Registry

READ = NOT_MODIFIED | problems(404, 409, 422)  # the other responses of a route that reads a job
IdempotencyKey = Annotated[
    str | None, Header(min_length=1, max_length=255, description="the same key and body return the same job")
]


def accepted_responses(**operations: str) -> Responses:
    """Describe a started job for `/openapi.json`, with links to the operations on it."""
    links: dict[str, Any] = {
        name: {"operationId": operation, "parameters": {"job_id": "$response.body#/id"}}
        for name, operation in operations.items()
    }
    return {
        200: {"model": JobOut, "description": "The job, which has ended", "links": links},
        202: {"model": JobOut, "description": "The job, which is on disk and queued", "links": links},
    }


def job_response(job: Job, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Build the response with a job."""
    return json_response(JobOut.of(job).model_dump(mode="json"), status, headers)


async def accepted_response(registry: Registry, job: Job, wait: float) -> Response:
    """Build the response to the start of a job, after up to `wait` seconds."""
    if wait:
        job = await wait_for_end(registry, job.id, wait)
    headers = {"Location": f"/jobs/{job.id}"}
    return job_response(job, 200, headers) if job.has_ended else job_response(job, 202, headers | {"Retry-After": "1"})


async def wait_for_end(registry: Registry, job_id: str, seconds: float) -> Job:
    """Return a job when it has ended, or after this time."""
    active = registry.active_job(job_id) if seconds else None
    if active is None:
        return await run_in_threadpool(registry.job, job_id)
    await asyncio.wait([active.over_on_loop()], timeout=seconds)
    return active.current


TRAINING_ACCEPTED = accepted_responses(
    job="get_job",
    progress="get_progress",
    events="follow_job",
    snapshots="get_snapshots",
    script="get_script",
    pause="pause_job",
    resume="resume_job",
    cancel="cancel_job",
    delete="delete_job",
)
