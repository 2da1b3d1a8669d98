"""Events of a job: a stream of server-sent events until the job ends."""

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse
from starlette.concurrency import run_in_threadpool

from service.api.dependencies import JobId, JobRegistry, services_of
from service.api.event_stream import MAX_BATCH_POINTS, TICK_SECONDS, JobView, new_events
from service.api.limits import MAX_QUERY_INTEGER
from service.api.problems import problems
from service.api.responses import ok
from service.api.route_classes import DescribedRoute
from service.jobs.registry import Registry

router = APIRouter(route_class=DescribedRoute, tags=["watching"])

KEEPALIVE_TICKS = int(15 / TICK_SECONDS)
CHUNK_BYTES = 65_536  # the most that the server buffers for a slow client
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # the second stops nginx from buffering
EVENT = {  # the schema of one event: OpenAPI 3.1 has no `itemSchema` for a stream
    "type": "object",
    "properties": {
        "event": {"enum": ["status", "progress", "end"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {
                "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("JobOut", "ProgressOut")]
            },
        },
        "id": {"type": "string", "pattern": "^[0-9]+$"},
    },
    "required": ["event", "data", "id"],
}
EVENTS = ok(
    description="`status` has the job: first, when its status changes, and every second while it advances without"
    " points, as a sweep does. `progress` has the new points in the form of `/jobs/{job_id}/progress`, at most ten"
    f" times a second and {MAX_BATCH_POINTS:,} points at once. `end` has the job and comes last."
    " The data of an event are JSON. Its id is the iteration up to which points have been sent",
    content={EventSourceResponse.media_type: {"schema": EVENT}},
) | {204: {"description": "The job has ended, and has no points past Last-Event-ID: do not reconnect"}}


# An endpoint that yields, as FastAPI offers, always responds with 200, encodes each event for each client and passes it
# through three tasks. A response that iterates by itself serves 500 subscribers of a job.
@router.get("/jobs/{job_id}/events", response_class=Response, responses=EVENTS | problems(404, 409, 422))
async def follow_job(
    request: Request,
    registry: JobRegistry,
    job_id: JobId,
    last_event_id: Annotated[
        int | None,
        Header(
            ge=0, le=MAX_QUERY_INTEGER, description="continue past this iteration; all points of an active job without"
        ),
    ] = None,
) -> Response:
    """Stream the events of a job; one that has ended only completes a stream that a client began before."""
    active = registry.active_job(job_id)
    if active is not None:
        read = partial(services_of(request).job_views.of, active)
        return EventSourceResponse(_chunks(request, read, last_event_id or 0), headers=HEADERS)
    view = await run_in_threadpool(_final_view, registry, job_id)
    if last_event_id is None or last_event_id >= view.job.iteration:
        return Response(status_code=204)
    return EventSourceResponse(_chunks(request, lambda: view, last_event_id), headers=HEADERS)


def _final_view(registry: Registry, job_id: str) -> JobView:
    job = registry.job(job_id)
    progress = registry.progress(job)
    return JobView(job, progress.history if progress else None, over=True)


async def _chunks(request: Request, read: Callable[[], JobView], after: int) -> AsyncIterator[bytes | memoryview]:
    """Cut the events into chunks, until the service shuts down, and send a comment where there are none for long."""
    silent_ticks, stopping = 0, services_of(request).stopping
    async for events in new_events(read, after):
        if stopping.is_set():
            return
        silent_ticks = 0 if events else silent_ticks + 1
        if silent_ticks == KEEPALIVE_TICKS:
            silent_ticks = 0
            yield KEEPALIVE_COMMENT
        for event in events:
            for start in range(0, len(event), CHUNK_BYTES):
                yield memoryview(event)[start : start + CHUNK_BYTES]
