"""Asynchronous client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self, TypeVar

import httpx

from gan1010.client.config import default_headers, service_url
from gan1010.client.endpoints import MAX_WAIT_SECONDS, Call
from gan1010.client.event_stream import EventStreamReader
from gan1010.client.methods import EndpointMethods
from gan1010.client.responses import Job, JobProgress, Page
from gan1010.client.retry import Attempts, deadline_after, poll_wait_seconds

T = TypeVar("T")


class AsyncClient(EndpointMethods):
    """Asynchronous client of a gan1010 service, with the parameters and methods of `Client`."""

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
        self._retries = retries
        headers = default_headers(api_key)
        self._http = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=timeout, transport=transport)

    async def send(self, call: Call[T]) -> T:
        """Send a call, as `Client.send` does."""
        attempts = Attempts(self._http, call, self._retries)
        while True:
            try:
                response = await self._http.send(attempts.build_request())
            except httpx.TransportError as error:
                delay = attempts.delay_after_error(error)
            else:
                if call.is_success(response):
                    return call.parse(response)
                delay = attempts.delay_after_response(response)
            await asyncio.sleep(delay)

    async def watch(self, job_id: str, *, every: float = 0.5, timeout: float | None = None) -> AsyncIterator[Job]:
        """Yield the job every so many seconds, as `Client.watch` does."""
        deadline = deadline_after(timeout)
        job = await self.job(job_id)
        yield job
        while not job.has_ended:
            job = await self.job(job_id, wait=poll_wait_seconds(job, every, deadline))
            yield job

    async def wait(self, job_id: str, *, timeout: float | None = None) -> Job:
        """Wait until the job has ended, as `Client.wait` does."""
        async for job in self.watch(job_id, every=MAX_WAIT_SECONDS, timeout=timeout):
            last = job
        return last

    async def events(self, job_id: str, *, after: int = 0) -> AsyncIterator[Job | JobProgress]:
        """Yield losses and changes of status, as `Client.events` does."""
        reader = EventStreamReader(self.url, job_id, after, self._retries)
        while not reader.is_done:
            reason: Exception | str = "the event stream ended early"
            try:
                async with self._http.stream(**reader.request()) as response:
                    if response.status_code != 200:
                        await response.aread()
                    reader.check(response)
                    async for chunk in response.aiter_bytes():
                        for event in reader.parse(chunk):
                            yield event
            except httpx.TransportError as error:
                reason = error
            if not reader.is_done:
                await asyncio.sleep(reader.reconnect_delay(reason))
        if reader.end_is_missing:
            yield await self.job(job_id)

    async def each(self, list_page: Callable[..., Awaitable[Page[T]]], *args: Any, **kwargs: Any) -> AsyncIterator[T]:
        """Yield the items of all pages of a list: `async for job in client.each(client.jobs, kind="sweep")`."""
        while True:
            page = await list_page(*args, **kwargs)
            for item in page.data:
                yield item
            if not page.has_more:
                return
            kwargs["after"] = page.next

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
