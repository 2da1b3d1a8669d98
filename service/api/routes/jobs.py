"""Jobs: list, read, wait for, cancel, pause, resume and delete them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from service.api.dependencies import After, JobId, JobRegistry, Limit, Wait
from service.api.problems import problems
from service.api.responses import conditional_response, ok
from service.api.route_classes import StrictRoute
from service.api.routes.job_responses import READ, job_response, wait_for_end
from service.api.schemas.common import page_content
from service.api.schemas.jobs import JobOut, JobPage
from service.errors import InvalidJobStateError
from service.job import Kind, Status, StopStatus
from service.jobs.active_job import ActiveJob
from service.jobs.registry import Registry

router = APIRouter(route_class=StrictRoute, tags=["training"])

CHANGED = ok(model=JobOut) | problems(404, 409, 413, 415, 422, 507, conflict=InvalidJobStateError)


@router.get("/jobs", responses=problems(422))
def list_jobs(
    registry: JobRegistry,
    status: Annotated[Status | None, Query(description="only jobs in this status")] = None,
    kind: Annotated[Kind | None, Query(description="only jobs of this kind")] = None,
    limit: Limit = 50,
    after: After = None,
) -> JobPage:
    """List the jobs, newest first."""
    jobs = registry.jobs(status=status, kind=kind, after=after, limit=limit + 1)
    return JobPage(**page_content([JobOut.of(job) for job in jobs[:limit]], [job.id for job in jobs], limit))


@router.get("/jobs/{job_id}", responses=ok(model=JobOut) | READ)
async def get_job(request: Request, registry: JobRegistry, job_id: JobId, wait: Wait = 0) -> Response:
    """Return a job; with `wait`, when it has ended."""
    return conditional_response(request, job_response(await wait_for_end(registry, job_id, wait)))


@router.post("/jobs/{job_id}/cancel", responses=CHANGED)
async def cancel_job(registry: JobRegistry, job_id: JobId) -> Response:
    """Cancel a job, and wait until it has stopped."""
    return await _stop_and_wait(registry, job_id, "cancelled")


@router.post("/jobs/{job_id}/pause", responses=CHANGED)
async def pause_job(registry: JobRegistry, job_id: JobId) -> Response:
    """Pause a job, and wait until it has stopped and its checkpoint is on disk."""
    return await _stop_and_wait(registry, job_id, "paused")


@router.post("/jobs/{job_id}/resume", responses=CHANGED | problems(429))
def resume_job(registry: JobRegistry, job_id: JobId) -> Response:
    """Resume a paused job: queue it, to continue from its checkpoint."""
    return job_response(registry.resume(job_id))


@router.delete("/jobs/{job_id}", status_code=204, responses=problems(404, 409, 422, 507, conflict=InvalidJobStateError))
def delete_job(registry: JobRegistry, job_id: JobId) -> None:
    """Delete a job that has ended, with its history and its model."""
    registry.delete(job_id)


async def _stop_and_wait(registry: Registry, job_id: str, status: StopStatus) -> Response:
    """Request a status, and wait until the job has it.

    Raises:
        InvalidJobStateError: the job has ended, or stopped with another status.
        ServiceError: the new status could not be persisted; the job keeps running.
    """
    before = registry.active_job(job_id)
    earlier = len(before.job.transitions) if before else 0
    job = await run_in_threadpool(registry.request_stop, job_id, status)
    if isinstance(job, ActiveJob):
        active, changed = job, job.changed  # read `changed` before the status, so that no change is missed
        while active.job.status == "running" and active.requested_status and not active.over.done():
            await asyncio.wait([asyncio.wrap_future(changed)])
            changed = active.changed
        if active.stop_error and active.job.status == "running":
            raise active.stop_error
        job = active.job
    if status not in {job.status, *(transition.status for transition in job.transitions[earlier:])}:
        raise InvalidJobStateError(f"The job is {job.status} and was not {status} in time. Get the job, then retry.")
    return job_response(job)
