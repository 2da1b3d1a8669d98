"""Accept a job: what every route does that starts one."""

import asyncio
from typing import Annotated, Any

from fastapi import Header, Response
from starlette.concurrency import run_in_threadpool

from service.api.responses import Responses, json_response
from service.api.schemas.jobs import JobOut
from service.job import Job
from service.jobs.registry import Registry

IdempotencyKey = Annotated[
    str | None, Header(min_length=1, max_length=255, description="the same key and body: the same job")
]


def accepting(**operations: str) -> Responses:
    """The OpenAPI description of a job's acceptance, with links to the operations that it can be asked for."""
    links: dict[str, Any] = {
        name: {"operationId": operation, "parameters": {"job_id": "$response.body#/id"}}
        for name, operation in operations.items()
    }
    return {
        200: {"model": JobOut, "description": "The job, which has ended", "links": links},
        202: {"model": JobOut, "description": "The job, which is on disk and will run", "links": links},
    }


async def accepted(registry: Registry, job: Job, wait: float) -> Response:
    """The job: at once, or when it has ended or `wait` seconds have passed."""
    if wait:
        job = await wait_for_end(registry, job.id, wait)
    headers = {"Location": f"/jobs/{job.id}"} | ({} if job.has_ended else {"Retry-After": "1"})
    return json_response(JobOut.of(job).model_dump(mode="json"), 200 if job.has_ended else 202, headers)


async def wait_for_end(registry: Registry, job_id: str, seconds: float) -> Job:
    """The job as soon as it has ended, or after so many seconds."""
    live = registry.active_job(job_id) if seconds else None
    if live is not None:
        await asyncio.wait([live.over_on_loop()], timeout=seconds)
        return live.current
    return await run_in_threadpool(registry.job, job_id)


OF_A_TRAINING = accepting(
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
