"""What who watches a job is sent: its new points in batches, each change of its status, and its end.

A feed looks at its job eight times a second. All its followers see what it saw, each from its own place on, and what
several of them are sent is encoded once. Points are never queued: a follower is an iteration, and what comes after it
is read from the job's history when there is room to send it.
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

TICK_SECONDS = 1 / 8  # the contract allows ten batches a second
STATUS_SECONDS = 1  # between two looks at a job whose status is the same, and which has no points to send
MAX_POINTS_PER_BATCH = 5000  # in one batch: some 200 kB
MAX_BATCHES = 16  # kept for followers who are at the same place; more are encoded again


def progress_content(job: Job, iteration: int, points: History, next_after: int) -> dict[str, Any]:
    """A `ProgressOut`, its series still NumPy arrays."""
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
    """A job at one look; `over` when nothing more will come of it in this process."""

    job: Job
    history: History | None
    over: bool
    _events: dict[tuple[str, int], bytes] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, live: ActiveJob) -> "JobView":
        """Look at a job: at whether it is over first, so that all that it left is seen."""
        over, job, progress = live.over.done(), live.current, live.progress
        return cls(job=job, history=progress.history if progress else None, over=over)

    @cached_property
    def _job_json(self) -> str:
        return _json(JobOut.of(self.job).model_dump(mode="json"))

    def job_event(self, name: str, id: int) -> bytes:
        """An event with the job, made once for all who are at the same place."""
        if (name, id) not in self._events:
            self._events[name, id] = _event(name, self._job_json, id)
        return self._events[name, id]


class JobStream:
    """One job and all who follow it, on one event loop; without `live` it has ended."""

    def __init__(self, moment: JobView, live: ActiveJob | None = None) -> None:
        self.moment, self._live = moment, live
        self._batches: dict[int, tuple[bytes, int]] = {}
        self._looked = asyncio.Event()
        self._next: asyncio.TimerHandle | None = None
        if live is not None:
            live.over_on_loop().add_done_callback(lambda _: self._look())

    def wake(self) -> None:
        """Look now, unless somebody follows already and has it look soon."""
        if self._next is None:
            self._look()
            self._look_soon()

    async def next_look(self) -> None:
        """Wait for the next look: a tick, or less when the job ends."""
        if self._next is None:
            self._look_soon()
        await self._looked.wait()

    def batch(self, after: int) -> tuple[bytes, int] | None:
        """The event with the points past an iteration, and the last of these; None if there are none.

        Batches end at the same points for everybody, so that followers who began at different places meet.
        """
        history = self.moment.history
        if after not in self._batches and history is not None:
            rest = history.after(after)
            points = rest.take(slice(MAX_POINTS_PER_BATCH - (len(history) - len(rest)) % MAX_POINTS_PER_BATCH))
            if len(points):
                if len(self._batches) >= MAX_BATCHES:
                    self._batches.clear()
                last, job = int(points.iteration[-1]), self.moment.job
                content = progress_content(job, max(job.iteration, last), points, last)
                self._batches[after] = _event("progress", _json(content), last), last
        return self._batches.get(after)

    def _look_soon(self) -> None:
        def look() -> None:
            self._next = None
            self._look()

        self._next = asyncio.get_running_loop().call_later(TICK_SECONDS, look)

    def _look(self) -> None:
        if self._live is not None:
            self.moment = JobView.of(self._live)
            self._batches.clear()
        if self.moment.over:
            self._live = None  # a slow follower needs the history, not the weights
        self._looked.set()
        self._looked = asyncio.Event()


class JobStreams:
    """The feeds of the jobs that are followed; those that nobody follows any more go by themselves."""

    def __init__(self) -> None:
        self._feeds: WeakValueDictionary[str, JobStream] = WeakValueDictionary()

    def of(self, live: ActiveJob) -> JobStream:
        """The feed of a job."""
        feed = self._feeds.get(live.job.id)
        if feed is None:
            feed = self._feeds[live.job.id] = JobStream(JobView.of(live), live)
        feed.wake()
        return feed


class Subscriber:
    """One reader of a feed: how far it has read, and what it has been told of the job."""

    def __init__(self, feed: JobStream, after: int) -> None:
        self.feed, self.done = feed, False
        self._after = after
        self._told: Job | None = None
        self._told_at = 0.0

    def events(self) -> list[bytes]:
        """What is new since the last time, at most a batch of points; `done` says whether it was the last."""
        moment, batch = self.feed.moment, self.feed.batch(self._after)
        events = [moment.job_event("status", self._after)] if self._is_news(moment.job, batch is not None) else []
        if batch is not None:
            event, self._after = batch
            return [*events, event]
        self.done = moment.job.has_ended or moment.over
        return [*events, moment.job_event("end", moment.job.iteration)] if moment.job.has_ended else events

    def _is_news(self, job: Job, with_points: bool) -> bool:
        """Whether to tell of the job: its status is another, or it has gone on for a while without points to send."""
        if job.has_ended and with_points:
            return False  # that comes when all its points are sent
        told, now = self._told, time.monotonic()
        if told is None or told.status != job.status:
            news = True
        else:
            news = not with_points and told.iteration != job.iteration and now - self._told_at >= STATUS_SECONDS
        if news or with_points:  # for points, too, say how far it is
            self._told, self._told_at = job, now
        return news


def _event(name: str, data: str, id: int) -> bytes:
    return format_sse_event(event=name, data_str=data, id=str(id))


def _json(content: Mapping[str, Any]) -> str:
    return orjson.dumps(content, default=np.ascontiguousarray, option=orjson.OPT_SERIALIZE_NUMPY).decode()
