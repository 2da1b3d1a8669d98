"""Train: start jobs, list them, wait for them, cancel and delete them."""

import asyncio
import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from service.answers import UNCHANGED, Responses, StrictRoute, json_answer, ok, problems, unless_known
from service.deps import After, JobId, Jobs, Limit, Wait
from service.errors import StateForbids
from service.jobs import Job, Kind, Status
from service.registry import LiveJob, Registry
from service.schemas import PRESETS_OUT, JobOut, JobPage, PresetList
from service.train_request import TrainRequest, to_config

router = APIRouter(route_class=StrictRoute, tags=["training"])

JOB_LINKS = {
    name: {"operationId": operation, "parameters": {"job_id": "$response.body#/id"}}
    for name, operation in {
        "job": "get_job",
        "progress": "get_progress",
        "snapshots": "get_snapshots",
        "cancel": "cancel_job",
        "delete": "delete_job",
    }.items()
}
ACCEPTED: Responses = {
    200: {"model": JobOut, "description": "The job, which has ended", "links": JOB_LINKS},
    202: {"model": JobOut, "description": "The job, which is on disk and will run", "links": JOB_LINKS},
}


@router.post("/train", status_code=202, responses=ACCEPTED | problems(400, 413, 415, 422, 429))
async def start_training(
    registry: Jobs,
    body: TrainRequest = TrainRequest(),  # type: ignore[valid-type]  # noqa: B008
    wait: Wait = 0,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=255, description="the same key and body: the same job")
    ] = None,
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
    if wait:
        job = await _wait_for_end(registry, job.id, wait)
    headers = {"Location": f"/jobs/{job.id}"} | ({} if job.ended else {"Retry-After": "1"})
    return json_answer(JobOut.of(job).model_dump(mode="json"), 200 if job.ended else 202, headers)


@router.get("/jobs", responses=problems(422))
def list_jobs(
    registry: Jobs,
    status: Annotated[Status | None, Query(description="only jobs in this status")] = None,
    kind: Annotated[Kind | None, Query(description="only jobs of this kind")] = None,
    limit: Limit = 50,
    after: After = None,
) -> JobPage:
    """List the jobs, newest first."""
    jobs = registry.jobs(status=status, kind=kind, after=after, limit=limit + 1)
    page, has_more = jobs[:limit], len(jobs) > limit
    return JobPage(data=[JobOut.of(job) for job in page], has_more=has_more, next=page[-1].id if has_more else None)


@router.get("/jobs/{job_id}", responses=ok(model=JobOut) | UNCHANGED | problems(404, 422))
async def get_job(request: Request, registry: Jobs, job_id: JobId, wait: Wait = 0) -> Response:
    """Look at a job; with `wait`, as soon as it has ended."""
    job = await _wait_for_end(registry, job_id, wait)
    return unless_known(request, _job_answer(job))


@router.post("/jobs/{job_id}/cancel", responses=ok(model=JobOut) | problems(404, 409, 413, 415, 422))
async def cancel_job(registry: Jobs, job_id: JobId) -> Response:
    """Cancel a job; answers once it has stopped."""
    found = await run_in_threadpool(registry.request_cancel, job_id)
    if isinstance(found, LiveJob):
        await asyncio.wait([asyncio.wrap_future(found.over)])
    job = found.job if isinstance(found, LiveJob) else found
    if job.status != "cancelled":
        raise StateForbids(f"the job is {job.status}: it could not be cancelled in time")
    return _job_answer(job)


@router.delete("/jobs/{job_id}", status_code=204, responses=problems(404, 409, 422))
def delete_job(registry: Jobs, job_id: JobId) -> None:
    """Delete a job that has ended, with its history and its model."""
    registry.delete(job_id)


@router.get("/presets")
async def list_presets() -> PresetList:
    """List the presets, each with what it is known to do."""
    return PRESETS_OUT


def _job_answer(job: Job) -> Response:
    return json_answer(JobOut.of(job).model_dump(mode="json"))


async def _wait_for_end(registry: Registry, job_id: str, seconds: float) -> Job:
    live = registry.live(job_id) if seconds else None
    if live is not None:
        await asyncio.wait([asyncio.wrap_future(live.over)], timeout=seconds)
        return live.current
    return await run_in_threadpool(registry.job, job_id)
