"""The client for programs on an event loop."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from gan1010.client import endpoints
from gan1010.client.config import default_headers, service_url
from gan1010.client.endpoints import Call
from gan1010.client.event_stream import EventStreamReader, LongPoll
from gan1010.client.responses import Job, JobProgress, Page
from gan1010.client.retry import Patience, exchange

P = ParamSpec("P")
T = TypeVar("T")


def _method(call: Callable[P, Call[T]]) -> "Callable[Concatenate[AsyncClient, P], Awaitable[T]]":
    @functools.wraps(call)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.send(call(*args, **kwargs))

    return method


class AsyncClient:
    """A gan1010 service, as `Client` has it: each of its methods is awaited here, or iterated over with `async for`."""

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = 30,
        retries: int = 3,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = service_url(url)
        self._patience = Patience(retries=retries)
        self._http = httpx.AsyncClient(
            base_url=self.url, headers=default_headers(api_key), timeout=timeout, transport=transport
        )

    train = _method(endpoints.train)
    sweep = _method(endpoints.sweep)
    train_member = _method(endpoints.train_member)
    jobs = _method(endpoints.jobs)
    job = _method(endpoints.job)
    cancel = _method(endpoints.cancel)
    pause = _method(endpoints.pause)
    resume = _method(endpoints.resume)
    delete = _method(endpoints.delete)
    progress = _method(endpoints.progress)
    progress_csv = _method(endpoints.progress_csv)
    article_progress = _method(endpoints.article_progress)
    snapshots = _method(endpoints.snapshots)
    snapshots_npz = _method(endpoints.snapshots_npz)
    plot = _method(endpoints.plot)
    script = _method(endpoints.script)
    sample = _method(endpoints.sample)
    score = _method(endpoints.score)
    models = _method(endpoints.models)
    download = _method(endpoints.download)
    presets = _method(endpoints.presets)
    results = _method(endpoints.results)
    results_csv = _method(endpoints.results_csv)
    members = _method(endpoints.members)
    heatmap = _method(endpoints.heatmap)
    health = _method(endpoints.health)
    ready = _method(endpoints.ready)
    metrics = _method(endpoints.metrics)

    async def send(self, call: Call[T]) -> T:
        """Make a call, of which every other method has one.

        Raises:
            ClientError: there is no answer, or it is a problem.
        """
        steps = exchange(self._http, call, self._patience)
        try:
            step = next(steps)
            while True:
                if isinstance(step, float):
                    await asyncio.sleep(step)
                    step = next(steps)
                    continue
                try:
                    answer = await self._http.send(step)
                except httpx.TransportError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            meaning: T = end.value
            return meaning

    async def watch(self, job_id: str, *, every: float = 0.5, timeout: float | None = None) -> AsyncIterator[Job]:
        """The job again and again, each time that so many seconds have passed, and last when it has ended.

        Raises:
            TimeoutError: it has not ended after so many seconds.
        """
        waiting, job = LongPoll(every, timeout), None
        while job is None or not job.ended:
            job = await self.job(job_id, wait=waiting.seconds(job))
            yield job

    async def wait(self, job_id: str, *, timeout: float | None = None) -> Job:
        """The job when it has ended, however it has.

        Raises:
            TimeoutError: it has not ended after so many seconds.
        """
        async for job in self.watch(job_id, every=endpoints.MAX_WAIT_SECONDS, timeout=timeout):
            last = job
        return last

    async def events(self, job_id: str, *, after: int = 0) -> AsyncIterator[Job | JobProgress]:
        """A job as it learns: its new points as they come, and the job at each change of its status and at its end."""
        follower = EventStreamReader(job_id, after, self._patience, self.url)
        while not follower.over:
            reason = "the events broke off"
            try:
                async with self._http.stream(**follower.request()) as answer:
                    if answer.status_code != 200:
                        await answer.aread()
                    follower.meet(answer)
                    async for piece in answer.aiter_bytes():
                        for event in follower.read(piece):
                            yield event
            except httpx.TransportError as error:
                reason = str(error)
            if not follower.over:
                await asyncio.sleep(follower.pause(reason))
        if follower.missed_end:
            yield await self.job(job_id)

    async def each(self, page: Callable[..., Awaitable[Page[T]]], *args: Any, **kwargs: Any) -> AsyncIterator[T]:
        """All that is on the pages of a call: `async for job in client.each(client.jobs, kind="sweep")`."""
        while True:
            found = await page(*args, **kwargs)
            for item in found.data:
                yield item
            if not found.has_more:
                return
            kwargs["after"] = found.next

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
