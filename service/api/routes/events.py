"""Follow a job as it learns: server-sent events, until it has ended."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse
from starlette.concurrency import run_in_threadpool

from service.api.dependencies import JobId, JobRegistry, services_of
from service.api.event_stream import TICK_SECONDS, JobStream, JobView, Subscriber
from service.api.problems import problems
from service.api.responses import ok
from service.api.route_classes import StrictRoute
from service.jobs.registry import Registry

router = APIRouter(route_class=StrictRoute, tags=["watching"])

QUIET_TICKS = int(15 / TICK_SECONDS)  # then a comment says that somebody is still there
PIECE = 65_536  # bytes handed over at once: all that is buffered for a reader that is slow
HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # the second for nginx, which would hold events back
EVENT = {  # of those that the stream is made of: OpenAPI 3.1 has no other word, 3.2 has itemSchema
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
    description="`status`, the job: first, whenever its status changes, and every second while it goes on without"
    " points to send, as a sweep does. `progress`, the new points in the form of"
    " `/jobs/{job_id}/progress`: at most ten times a second, and 5,000 points at once. `end`, the job, comes last."
    " Each event's data is JSON, and its id the iteration up to which points have been sent",
    content={EventSourceResponse.media_type: {"schema": EVENT}},
) | {204: {"description": "The job has ended, and there is nothing past Last-Event-ID: don't ask again"}}


# FastAPI would make the stream of an endpoint that yields; but then it always answers 200, encodes each event for each
# reader anew, and passes it through three tasks. Returned by the endpoint, its response serves 500 readers of a job.
@router.get("/jobs/{job_id}/events", response_class=Response, responses=EVENTS | problems(404, 409, 422))
async def follow_job(
    request: Request,
    registry: JobRegistry,
    job_id: JobId,
    last_event_id: Annotated[
        int | None,
        Header(ge=0, le=2**53, description="go on after this iteration; left out, while the job goes on: all points"),
    ] = None,
) -> Response:
    """Follow a job as it learns, event by event; one that has ended only to finish what was begun."""
    live = registry.active_job(job_id)
    if live is not None:
        feed = services_of(request).job_streams.of(live)
    else:
        moment = await run_in_threadpool(_end, registry, job_id)
        if last_event_id is None or last_event_id >= moment.job.iteration:
            return Response(status_code=204)
        feed = JobStream(moment)
    return EventSourceResponse(_stream(request, Subscriber(feed, last_event_id or 0)), headers=HEADERS)


async def _stream(request: Request, follower: Subscriber) -> AsyncIterator[bytes | memoryview]:
    quiet, stopping = 0, services_of(request).stopping
    while not (follower.done or stopping.is_set()):
        events = follower.events()
        quiet = 0 if events else quiet + 1
        if quiet == QUIET_TICKS:
            events, quiet = [KEEPALIVE_COMMENT], 0
        for event in events:
            for start in range(0, len(event), PIECE):
                yield memoryview(event)[start : start + PIECE]
        if not follower.done:
            await follower.feed.next_look()


def _end(registry: Registry, job_id: str) -> JobView:
    """How a job has ended, and what it left behind.

    Raises:
        JobNotFound: there is no such job.
    """
    job = registry.job(job_id)
    progress = registry.progress(job)
    return JobView(job=job, history=progress.history if progress else None, over=True)
