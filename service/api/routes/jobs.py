"""Train: start jobs, list them, wait for them, pause, resume, cancel and delete them."""

import asyncio
import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from service.api.dependencies import After, JobId, JobRegistry, Limit, Wait
from service.api.problems import problems
from service.api.responses import NOT_MODIFIED, conditional_response, json_response, ok
from service.api.route_classes import StrictRoute
from service.api.routes.job_responses import OF_A_TRAINING, IdempotencyKey, accepted, wait_for_end
from service.api.schemas.common import page_content
from service.api.schemas.jobs import JobOut, JobPage
from service.api.schemas.presets import PRESET_LIST, PresetList
from service.api.schemas.training import TrainRequest, to_config
from service.errors import InvalidJobStateError
from service.job import Job, Kind, Status
from service.jobs.active_job import ActiveJob
from service.jobs.registry import Registry

router = APIRouter(route_class=StrictRoute, tags=["training"])

CHANGED = ok(model=JobOut) | problems(404, 409, 413, 415, 422, 507, conflict=InvalidJobStateError)


@router.post("/train", status_code=202, responses=OF_A_TRAINING | problems(400, 409, 413, 415, 422, 429, 507))
async def start_training(
    registry: JobRegistry,
    body: TrainRequest = TrainRequest(),  # type: ignore[valid-type]  # noqa: B008
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Start a training; with an empty body, the article's."""
    config = to_config(body)
    request = hashlib.sha256(body.model_dump_json(exclude_unset=True).encode()).hexdigest()  # type: ignore[attr-defined]
    job = await run_in_threadpool(
        registry.submit,
        config,
        preset=body.preset,  # type: ignore[attr-defined]
        name=body.name,  # type: ignore[attr-defined]
        key=idempotency_key,
        request=request,
    )
    return await accepted(registry, job, wait)


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


@router.get("/jobs/{job_id}", responses=ok(model=JobOut) | NOT_MODIFIED | problems(404, 409, 422))
async def get_job(request: Request, registry: JobRegistry, job_id: JobId, wait: Wait = 0) -> Response:
    """Look at a job; with `wait`, as soon as it has ended."""
    job = await wait_for_end(registry, job_id, wait)
    return conditional_response(request, _job_answer(job))


@router.post("/jobs/{job_id}/cancel", responses=CHANGED)
async def cancel_job(registry: JobRegistry, job_id: JobId) -> Response:
    """Cancel a job; answers once it has stopped."""
    return await _have(registry, job_id, "cancelled")


@router.post("/jobs/{job_id}/pause", responses=CHANGED)
async def pause_job(registry: JobRegistry, job_id: JobId) -> Response:
    """Pause a job; answers once it has stopped, with all that it needs to go on kept."""
    return await _have(registry, job_id, "paused")


@router.post("/jobs/{job_id}/resume", responses=CHANGED | problems(429))
def resume_job(registry: JobRegistry, job_id: JobId) -> Response:
    """Have a paused job go on where it was, as soon as a thread has time."""
    return _job_answer(registry.resume(job_id))


@router.delete("/jobs/{job_id}", status_code=204, responses=problems(404, 409, 422, 507, conflict=InvalidJobStateError))
def delete_job(registry: JobRegistry, job_id: JobId) -> None:
    """Delete a job that has ended, with its history and its model."""
    registry.delete(job_id)


@router.get("/presets")
async def list_presets() -> PresetList:
    """List the presets, each with what it is known to do."""
    return PRESET_LIST


async def _have(registry: Registry, job_id: str, wanted: Literal["cancelled", "paused"]) -> Response:
    """Have a job cancelled or paused, and wait until it is.

    Raises:
        InvalidJobStateError: it has come to another end before.
        ServiceError: that it is could not be kept, so it goes on.
    """
    before = registry.active_job(job_id)
    changes = len(before.job.transitions) if before else 0
    found = await run_in_threadpool(registry.request_stop, job_id, wanted)
    if isinstance(found, ActiveJob):
        changed = found.changed  # looked up before the status: a change in between is not missed
        while found.job.status == "running" and found.requested_status and not found.over.done():
            await asyncio.wait([asyncio.wrap_future(changed)])
            changed = found.changed
        if found.stop_error and found.job.status == "running":
            raise found.stop_error
        found = found.job
    if found.status != wanted and all(change.status != wanted for change in found.transitions[changes:]):
        raise InvalidJobStateError(f"the job is {found.status}: it could not be {wanted} in time")
    return _job_answer(found)


def _job_answer(job: Job) -> Response:
    return json_response(JobOut.of(job).model_dump(mode="json"))
