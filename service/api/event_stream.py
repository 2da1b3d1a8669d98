"""Server-sent event streams of jobs: batches of points, status changes, and the end.

All subscribers of a job share a view of it, in which each event is encoded once; a new view follows eight times a
second. Points are not queued: a subscriber holds an iteration, and reads the points past it when the client has
received the last batch.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import lru_cache, partial
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import orjson
from fastapi.sse import format_sse_event

from gan1010 import History
from service.api.schemas.jobs import JobOut
from service.job import Job
from service.jobs.active_job import ActiveJob

TICK_SECONDS = 1 / 8  # the API promises at most ten batches a second
STATUS_SECONDS = 1  # between status events of a job that advances without points
MAX_BATCH_POINTS = 5000  # some 200 kB
MAX_BATCHES = 16  # batches that a view keeps


def progress_content(job: Job, iteration: int, points: History, next_after: int) -> dict[str, Any]:
    """Build a `ProgressOut` whose series are NumPy arrays."""
    return {
        "job_id": job.id,
        "status": job.status,
        "iteration": iteration,
        "iterations": job.iterations,
        "record_every": job.train_config.resolved.record_every,
        "series": {"iteration": points.iteration, **points.series},
        "next_after": next_after,
    }


class JobView:
    """A job at one moment, with its events, each encoded once; `over` if this process will not change it again."""

    def __init__(self, job: Job, history: History | None, *, over: bool) -> None:
        self.job, self.over, self.read_at = job, over, time.monotonic()
        self.batch = lru_cache(MAX_BATCHES)(partial(_batch, job, history))
        self.event = lru_cache(MAX_BATCHES)(partial(_job_event, job))


class JobViews:
    """The views of the active jobs that have subscribers."""

    def __init__(self) -> None:
        self._latest: WeakValueDictionary[str, JobView] = WeakValueDictionary()

    def of(self, active: ActiveJob) -> JobView:
        """Return a view of the job that is less than a tick old, or final."""
        over, view = active.over.done(), self._latest.get(active.job.id)  # `over` first: then the rest is final
        if view is None or view.over != over or time.monotonic() - view.read_at >= TICK_SECONDS:
            job, progress = active.current, active.progress
            view = self._latest[job.id] = JobView(job, progress.history if progress else None, over=over)
        return view


async def new_events(read: Callable[[], JobView], after: int) -> AsyncIterator[list[bytes]]:
    """Yield the new events of each tick, with at most one batch of points, until the job is over."""
    sent, sent_at = None, 0.0  # the job as the client knows it
    while True:
        view, now = read(), time.monotonic()
        job, batch = view.job, view.batch(after)
        if job.has_ended and batch is None:
            yield [view.event("status", after), view.event("end", job.iteration)]
            return
        if sent is None or sent.status != job.status:
            is_due = not job.has_ended  # the final status follows the last points
        else:
            is_due = batch is None and sent.iteration != job.iteration and now - sent_at >= STATUS_SECONDS
        events = [view.event("status", after)] if is_due else []
        if batch is not None:
            event, after = batch
            events.append(event)
        if events:
            sent, sent_at = job, now
        yield events
        if view.over and batch is None:
            return
        await asyncio.sleep(TICK_SECONDS)


def _batch(job: Job, history: History | None, after: int) -> tuple[bytes, int] | None:
    """Return the event with the points past an iteration, and its last iteration; None without points.

    Batches end at fixed points, so that subscribers that began at different iterations share the following ones.
    """
    if history is None:
        return None
    rest = history.after(after)
    points = rest.take(slice(MAX_BATCH_POINTS - (len(history) - len(rest)) % MAX_BATCH_POINTS))
    if not len(points):
        return None
    last = int(points.iteration[-1])
    return _event("progress", last, progress_content(job, max(job.iteration, last), points, last)), last


def _job_event(job: Job, name: str, id: int) -> bytes:
    return _event(name, id, JobOut.of(job).model_dump(mode="json"))


def _event(name: str, id: int, content: dict[str, Any]) -> bytes:
    data = orjson.dumps(content, default=np.ascontiguousarray, option=orjson.OPT_SERIALIZE_NUMPY)
    return format_sse_event(event=name, data_str=data.decode(), id=str(id))
