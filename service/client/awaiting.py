"""The client for programs on an event loop."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from service.client import calls
from service.client.address import address_of, headers_of
from service.client.answers import Job, Page, Progress
from service.client.calls import Call
from service.client.exchange import Patience, exchange
from service.client.following import Follower, Waiting

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
        self.url = address_of(url)
        self._patience = Patience(retries=retries)
        self._http = httpx.AsyncClient(
            base_url=self.url, headers=headers_of(api_key), timeout=timeout, transport=transport
        )

    train = _method(calls.train)
    sweep = _method(calls.sweep)
    train_member = _method(calls.train_member)
    jobs = _method(calls.jobs)
    job = _method(calls.job)
    cancel = _method(calls.cancel)
    pause = _method(calls.pause)
    resume = _method(calls.resume)
    delete = _method(calls.delete)
    progress = _method(calls.progress)
    progress_csv = _method(calls.progress_csv)
    article_progress = _method(calls.article_progress)
    snapshots = _method(calls.snapshots)
    snapshots_npz = _method(calls.snapshots_npz)
    plot = _method(calls.plot)
    script = _method(calls.script)
    sample = _method(calls.sample)
    score = _method(calls.score)
    models = _method(calls.models)
    download = _method(calls.download)
    presets = _method(calls.presets)
    results = _method(calls.results)
    results_csv = _method(calls.results_csv)
    members = _method(calls.members)
    heatmap = _method(calls.heatmap)
    health = _method(calls.health)
    ready = _method(calls.ready)
    metrics = _method(calls.metrics)

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
        waiting, job = Waiting(every, timeout), None
        while job is None or not job.ended:
            job = await self.job(job_id, wait=waiting.seconds(job))
            yield job

    async def wait(self, job_id: str, *, timeout: float | None = None) -> Job:
        """The job when it has ended, however it has.

        Raises:
            TimeoutError: it has not ended after so many seconds.
        """
        async for job in self.watch(job_id, every=calls.MOST_WAIT, timeout=timeout):
            last = job
        return last

    async def events(self, job_id: str, *, after: int = 0) -> AsyncIterator[Job | Progress]:
        """A job as it learns: its new points as they come, and the job at each change of its status and at its end."""
        follower = Follower(job_id, after, self._patience, self.url)
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
