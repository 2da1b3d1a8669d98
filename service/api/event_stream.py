"""Server-sent event streams of jobs: batches of points, status changes, and the end.

A `JobStream` reads its job eight times a second and encodes each event once for all of its subscribers. Points are not
queued: a subscriber holds an iteration, and reads the points past it when the client has received the last batch.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
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
MAX_BATCHES = 16  # encoded batches that a stream keeps


def progress_content(job: Job, iteration: int, points: History, next_after: int) -> dict[str, Any]:
    """Build a `ProgressOut` whose series are NumPy arrays."""
    return {
        "job_id": job.id,
        "status": job.status,
        "iteration": iteration,
        "iterations": job.iterations,
        "record_every": job.train_config.record_every,
        "series": {"iteration": points.iteration, **points.series},
        "next_after": next_after,
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class JobView:
    """A job at one moment; `over` if this process will not change it again."""

    job: Job
    history: History | None
    over: bool
    _events: dict[tuple[str, int], bytes] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, active: ActiveJob) -> "JobView":
        """Read an active job."""
        over, job, progress = active.over.done(), active.current, active.progress  # `over` first: what follows is final
        return cls(job=job, history=progress.history if progress else None, over=over)

    @cached_property
    def _job_json(self) -> str:
        return _json(JobOut.of(self.job).model_dump(mode="json"))

    def job_event(self, name: str, id: int) -> bytes:
        """Return an event with the job, encoded once for all subscribers at the same iteration."""
        if (name, id) not in self._events:
            self._events[name, id] = _event(name, self._job_json, id)
        return self._events[name, id]


class JobStream:
    """One job and its subscribers, on one event loop; a job that has ended has no `active` job."""

    def __init__(self, view: JobView, active: ActiveJob | None = None) -> None:
        self.view, self._active = view, active
        self._batches: dict[int, tuple[bytes, int]] = {}
        self._refreshed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        if active is not None:
            active.over_on_loop().add_done_callback(lambda _: self._refresh())

    def wake(self) -> None:
        """Read the job now, unless a timer will do so soon."""
        if self._timer is None:
            self._refresh()
            self._start_timer()

    async def next_view(self) -> None:
        """Wait until the job is read again: for a tick, or until it ends."""
        if self._timer is None:
            self._start_timer()
        await self._refreshed.wait()

    def batch(self, after: int) -> tuple[bytes, int] | None:
        """Return the event with the points past an iteration, and its last iteration; None without points.

        Batches end at fixed points, so that subscribers that began at different iterations share the following ones.
        """
        history = self.view.history
        if after not in self._batches and history is not None:
            rest = history.after(after)
            points = rest.take(slice(MAX_BATCH_POINTS - (len(history) - len(rest)) % MAX_BATCH_POINTS))
            if len(points):
                if len(self._batches) >= MAX_BATCHES:
                    self._batches.clear()
                last, job = int(points.iteration[-1]), self.view.job
                content = progress_content(job, max(job.iteration, last), points, last)
                self._batches[after] = _event("progress", _json(content), last), last
        return self._batches.get(after)

    def _start_timer(self) -> None:
        def refresh() -> None:
            self._timer = None
            self._refresh()

        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, refresh)

    def _refresh(self) -> None:
        if self._active is not None:
            self.view = JobView.of(self._active)
            self._batches.clear()
        if self.view.over:
            self._active = None  # frees the weights: a slow subscriber needs only the history
        self._refreshed.set()
        self._refreshed = asyncio.Event()


class JobStreams:
    """The streams with subscribers, by job; weak references drop the others."""

    def __init__(self) -> None:
        self._streams: WeakValueDictionary[str, JobStream] = WeakValueDictionary()

    def of(self, active: ActiveJob) -> JobStream:
        """Return the stream of a job, with a fresh view."""
        stream = self._streams.get(active.job.id)
        if stream is None:
            stream = self._streams[active.job.id] = JobStream(JobView.of(active), active)
        stream.wake()
        return stream


class Subscriber:
    """One client of a stream: the iteration that it has reached, and the last status event."""

    def __init__(self, stream: JobStream, after: int) -> None:
        self.stream, self.done = stream, False
        self._after = after
        self._sent_job: Job | None = None
        self._sent_at = 0.0

    def events(self) -> list[bytes]:
        """Return the new events, with at most one batch of points; set `done` after the last."""
        view, batch = self.stream.view, self.stream.batch(self._after)
        events = [view.job_event("status", self._after)] if self._is_status_due(view.job, batch is not None) else []
        if batch is not None:
            event, self._after = batch
            return [*events, event]
        self.done = view.job.has_ended or view.over
        return [*events, view.job_event("end", view.job.iteration)] if view.job.has_ended else events

    def _is_status_due(self, job: Job, has_points: bool) -> bool:
        """Return True for a new status, and once a second while the job advances without points."""
        if job.has_ended and has_points:
            return False  # the final status follows the last points
        sent, now = self._sent_job, time.monotonic()
        if sent is None or sent.status != job.status:
            due = True
        else:
            due = not has_points and sent.iteration != job.iteration and now - self._sent_at >= STATUS_SECONDS
        if due or has_points:  # a progress event has the iteration, too
            self._sent_job, self._sent_at = job, now
        return due


def _event(name: str, data: str, id: int) -> bytes:
    return format_sse_event(event=name, data_str=data, id=str(id))


def _json(content: Mapping[str, Any]) -> str:
    return orjson.dumps(content, default=np.ascontiguousarray, option=orjson.OPT_SERIALIZE_NUMPY).decode()
