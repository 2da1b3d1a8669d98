"""The two clients, blocking and asynchronous."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Self, TypeVar

import httpx

from gan1010.client.calls import Call
from gan1010.client.config import default_headers, service_url
from gan1010.client.endpoints import Endpoints
from gan1010.client.environment import Route, route_to
from gan1010.client.errors import ClientError, NoResponseError, problem_error, transport_error
from gan1010.client.event_stream import EventStream
from gan1010.client.responses import Job, JobProgress, Page
from gan1010.client.retry import MAX_WAIT_SECONDS, Retries, poll_wait_seconds

T = TypeVar("T")
STREAM_ENDED = "the event stream ended early"


class Client(Endpoints):
    """Blocking client of a gan1010 service.

    >>> with Client() as client:
    ...     job = client.wait(client.train(seed=1010).id)
    ...     print(job.result.bits, client.sample([0.5], job_id=job.id).samples)

    Args:
        url: The service's URL. Default: GAN1010_URL, else port 8000 of this machine.
        api_key: The API key, or an empty string for none. Default: the first key of GAN1010_API_KEY.
        timeout: Seconds to wait for a connection and for each part of a response.
        retries: The number of retries after a connection error or a response that asks for one.
        transport: An httpx transport to use instead of a connection.

    Raises:
        ConfigurationError: an argument, or a variable that stands in for one, cannot be used.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = 30,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.url, self._retries = service_url(url), retries
        self._route = Route(options={"transport": transport}) if transport else route_to(httpx.URL(self.url))
        headers = default_headers(api_key)
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, **self._route.options)

    def send(self, call: Call[T]) -> T:
        """Send a call, with retries where they are safe; raise a ClientError without a successful response."""
        retries = Retries(self._retries, is_idempotent=call.is_idempotent)
        while True:
            try:
                response = self._http.send(call.build_request(self._http))
            except httpx.TransportError as failure:
                error: ClientError = transport_error(self.url, failure, self._route.proxy_variable)
            else:
                if call.is_success(response):
                    return call.parse(response)
                error = problem_error(response)
            time.sleep(retries.delay_after(error))

    def watch(self, job_id: str, *, every: float = 0.5, timeout: float | None = None) -> Iterator[Job]:
        """Yield the job every so many seconds until it has ended; raise a TimeoutError after `timeout` seconds."""
        deadline = time.monotonic() + (math.inf if timeout is None else timeout)
        job = self.job(job_id)
        yield job
        while not job.has_ended:
            job = self.job(job_id, wait=poll_wait_seconds(job, every, deadline))
            yield job

    def wait(self, job_id: str, *, timeout: float | None = None) -> Job:
        """Wait until the job has ended, and return it; raise a TimeoutError after `timeout` seconds."""
        *_, job = self.watch(job_id, every=MAX_WAIT_SECONDS, timeout=timeout)
        return job

    def events(self, job_id: str, *, after: int = 0) -> Iterator[Job | JobProgress]:
        """Yield new losses as they are recorded, and the job at each change of its status and at its end."""
        retries = Retries(self._retries)
        stream = EventStream(job_id, after, retries)
        while not stream.has_ended:
            error: ClientError = NoResponseError(self.url, STREAM_ENDED, self._route.proxy_variable)
            try:
                with self._http.stream(**stream.request()) as response:
                    if response.status_code == 204:  # the job has ended, and there are no new losses
                        yield self.job(job_id)
                        return
                    if response.is_error:
                        response.read()
                        error = problem_error(response)
                    else:
                        for chunk in response.iter_bytes():
                            yield from stream.parse(chunk)
            except httpx.TransportError as failure:
                error = transport_error(self.url, failure, self._route.proxy_variable)
            if not stream.has_ended:
                time.sleep(retries.delay_after(error))

    def each(self, list_page: Callable[..., Page[T]], *args: Any, **kwargs: Any) -> Iterator[T]:
        """Yield the items of all pages of a list: `client.each(client.jobs, kind="sweep")`."""
        while True:
            page = list_page(*args, **kwargs)
            yield from page.data
            if not page.has_more:
                return
            kwargs["after"] = page.next

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(Endpoints):
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
        self.url, self._retries = service_url(url), retries
        self._route = Route(options={"transport": transport}) if transport else route_to(httpx.URL(self.url))
        headers = default_headers(api_key)
        self._http = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=timeout, **self._route.options)

    async def send(self, call: Call[T]) -> T:
        """Send a call, as `Client.send` does."""
        retries = Retries(self._retries, is_idempotent=call.is_idempotent)
        while True:
            try:
                response = await self._http.send(call.build_request(self._http))
            except httpx.TransportError as failure:
                error: ClientError = transport_error(self.url, failure, self._route.proxy_variable)
            else:
                if call.is_success(response):
                    return call.parse(response)
                error = problem_error(response)
            await asyncio.sleep(retries.delay_after(error))

    async def watch(self, job_id: str, *, every: float = 0.5, timeout: float | None = None) -> AsyncIterator[Job]:
        """Yield the job every so many seconds, as `Client.watch` does."""
        deadline = time.monotonic() + (math.inf if timeout is None else timeout)
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
        retries = Retries(self._retries)
        stream = EventStream(job_id, after, retries)
        while not stream.has_ended:
            error: ClientError = NoResponseError(self.url, STREAM_ENDED, self._route.proxy_variable)
            try:
                async with self._http.stream(**stream.request()) as response:
                    if response.status_code == 204:
                        yield await self.job(job_id)
                        return
                    if response.is_error:
                        await response.aread()
                        error = problem_error(response)
                    else:
                        async for chunk in response.aiter_bytes():
                            for event in stream.parse(chunk):
                                yield event
            except httpx.TransportError as failure:
                error = transport_error(self.url, failure, self._route.proxy_variable)
            if not stream.has_ended:
                await asyncio.sleep(retries.delay_after(error))

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
