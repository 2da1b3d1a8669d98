"""Jobs: start trainings; list, read, wait for, cancel, pause, resume and delete jobs."""

import asyncio
import hashlib
import re
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Header, Query, Response
from pydantic import AwareDatetime, BeforeValidator
from starlette.concurrency import run_in_threadpool

from gan1010 import TrainConfig
from gan1010.sweeps.grid import SweepConfig
from service.api.dependencies import JobId, JobRegistry, Limit, Wait
from service.api.limits import MAX_QUERY_INTEGER
from service.api.problems import problems
from service.api.responses import NOT_MODIFIED, Responses, json_response, matches, ok
from service.api.route_classes import DescribedRoute
from service.api.schemas.common import page_content
from service.api.schemas.jobs import DeletedJobs, JobEdit, JobOut, JobPage
from service.api.schemas.training import PRESET_LIST, PresetList, TrainRequest, to_config
from service.errors import InvalidInputError, InvalidJobStateError, JobChangedError
from service.job import ENDED, EndedStatus, Job, Kind, Selection, Status, StopStatus
from service.job_search import CURSOR_PATTERN, DEFAULT_SORT, SORTS, Cursor, JobQuery, SortKey, words_of
from service.jobs.active_job import ActiveJob
from service.jobs.registry import Registry

router = APIRouter(route_class=DescribedRoute, tags=["training"])

MAX_DELETE_SECONDS = 10.0  # of one request: less than proxies wait for a response
NO_CONDITION = "The request names no jobs. Send at least one of id, status, before, name and keep."

READ = NOT_MODIFIED | problems(404, 409, 422)  # the other responses of a route that reads a job
IdempotencyKey = Annotated[str | None, Header(max_length=255, description="the same key and body return the same job")]
JobName = Annotated[str | None, Query(max_length=100, description="only jobs of this name")]
JobCursor = Annotated[str | None, Query(pattern=CURSOR_PATTERN, description="`next` of the previous page")]
Sort: Any = Literal[SORTS]


def _check_timestamp(text: str) -> str:
    """Raise ValueError for a number, which pydantic would read as seconds since 1970."""
    if not re.match(r"\d{4}-\d\d-\d\d[Tt ]", text):
        raise ValueError("must be a date and a time with their zone, such as 2026-01-31T12:00:00Z")
    return text


Timestamp = Annotated[AwareDatetime, BeforeValidator(_check_timestamp)]
CHANGED = ok(model=JobOut) | problems(404, 409, 413, 415, 422, 507, conflict=InvalidJobStateError)


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


@router.post("/train", status_code=202, responses=TRAINING_ACCEPTED | problems(400, 409, 413, 415, 422, 429, 507))
async def start_training(
    registry: JobRegistry,
    body: TrainRequest = TrainRequest(),  # type: ignore[valid-type]  # noqa: B008
    wait: Wait = 0,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Start a training; an empty body trains the article's GAN."""
    return await start_job(
        registry,
        wait,
        to_config(body),
        preset=body.preset,  # type: ignore[attr-defined]
        name=body.name,  # type: ignore[attr-defined]
        key=idempotency_key,
        request=hashlib.sha256(body.model_dump_json(exclude_unset=True).encode()).hexdigest(),  # type: ignore[attr-defined]
    )


@router.get("/presets")
async def list_presets() -> PresetList:
    """List the presets with their measured behaviour."""
    return PRESET_LIST


@router.get("/jobs", responses=NOT_MODIFIED | problems(422))
def list_jobs(
    registry: JobRegistry,
    status: Annotated[Status | None, Query(description="only jobs in this status")] = None,
    kind: Annotated[Kind | None, Query(description="only jobs of this kind")] = None,
    name: JobName = None,
    prefix: Annotated[str | None, Query(pattern="^[0-9a-f]{1,24}$", description="only jobs whose id begins so")] = None,
    q: Annotated[
        str, Query(max_length=200, description="words in the name, note or tags, or that begin a setting or the id")
    ] = "",
    sort: Annotated[
        Sort, Query(description="the order; - for descending. Jobs without the value come last")
    ] = DEFAULT_SORT,
    limit: Limit = 50,
    after: JobCursor = None,
) -> JobPage:
    """List the jobs, newest first or in another order."""
    words, key = words_of(q), cast(SortKey, sort.removeprefix("-"))
    cursor = Cursor.decode(after, key) if after else None
    filters: dict[str, Any] = {"status": status, "kind": kind, "name": name, "prefix": prefix, "limit": limit + 1}
    if words or sort != DEFAULT_SORT:
        order = {"key": key, "is_descending": sort.startswith("-")}
        found = registry.search(JobQuery(words=words, after=cursor, **order, **filters))
        jobs, cursors = [job for job, _ in found], [place.encode() for _, place in found]
    else:
        jobs = registry.jobs(after=cursor.job_id if cursor else None, **filters)
        cursors = [job.id for job in jobs]
    return JobPage(**page_content([JobOut.of(job) for job in jobs[:limit]], cursors, limit))


@router.delete("/jobs", responses=problems(422, 507))
def delete_jobs(
    registry: JobRegistry,
    id: Annotated[list[str], Query(default_factory=list, description="only jobs with one of these ids")],
    status: Annotated[list[EndedStatus], Query(default_factory=list, description="only jobs in one of these statuses")],
    before: Annotated[Timestamp | None, Query(description="only jobs that ended before this time")] = None,
    name: JobName = None,
    keep: Annotated[
        int, Query(ge=0, le=MAX_QUERY_INTEGER, description="keep so many of the newest jobs in these statuses")
    ] = 0,
    dry_run: Annotated[bool, Query(description="delete nothing, and count the jobs")] = False,
) -> DeletedJobs:
    """Delete the ended jobs that meet all of these conditions, oldest first, for at most 10 seconds."""
    if not (id or status or before or name is not None or keep):
        raise InvalidInputError(NO_CONDITION, "query")
    statuses = frozenset(status or ENDED)
    ids = registry.deletion.ended_jobs(
        Selection(statuses=statuses, before=before, name=name, keep=keep, ids=frozenset(id) or None)
    )
    deleted, deadline = 0, time.monotonic() + MAX_DELETE_SECONDS
    for deleted in () if dry_run else registry.deletion.delete_ended(ids):
        if time.monotonic() > deadline and deleted < len(ids):
            break
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    return DeletedJobs(deleted=deleted, remaining=len(ids) - deleted, oldest=first, newest=last)


@router.get("/jobs/{job_id}", responses=ok(model=JobOut) | READ)
async def get_job(registry: JobRegistry, job_id: JobId, wait: Wait = 0) -> Response:
    """Return a job; with `wait`, when it has ended."""
    return job_response(await wait_for_end(registry, job_id, wait))


@router.patch("/jobs/{job_id}", responses=ok(model=JobOut) | problems(400, 404, 409, 412, 413, 415, 422, 507))
def edit_job(
    registry: JobRegistry,
    job_id: JobId,
    body: JobEdit,
    if_match: Annotated[str | None, Header(description="the job's ETag: change it only if it is still that")] = None,
) -> Response:
    """Change the name, the note or the tags of a job, whatever its status."""

    def check(job: Job) -> None:
        if if_match is not None and not matches(if_match, job_response(job)):
            raise JobChangedError

    return job_response(registry.edit(job_id, body.changes, check))


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
    registry.deletion.delete(job_id)


async def _stop_and_wait(registry: Registry, job_id: str, status: StopStatus) -> Response:
    """Request a status, and wait until the job has it, has ended, or runs on because the status cannot be persisted."""
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


def job_response(job: Job, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Build the response with a job."""
    return json_response(JobOut.of(job).model_dump(mode="json"), status, headers)


async def start_job(
    registry: Registry, wait: float, config: TrainConfig | SweepConfig, *, key: str | None, **options: Any
) -> Response:
    """Submit a job with the options of `Registry.submit`, and respond with it after up to `wait` seconds.

    An empty idempotency key counts as none.
    """
    job = await run_in_threadpool(registry.submit, config, key=key or None, **options)
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
