"""Blocking client."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar

import httpx

from gan1010.client.config import default_headers, service_url
from gan1010.client.endpoints import MAX_WAIT_SECONDS, Call
from gan1010.client.event_stream import EventStreamReader
from gan1010.client.methods import EndpointMethods
from gan1010.client.responses import Job, JobProgress, Page
from gan1010.client.retry import Attempts, deadline_after, poll_wait_seconds

T = TypeVar("T")


class Client(EndpointMethods):
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
        self.url = service_url(url)
        self._retries = retries
        headers = default_headers(api_key)
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout, transport=transport)

    def send(self, call: Call[T]) -> T:
        """Send a call, with retries where they are safe, and return its parsed response.

        Raises:
            ClientError: No response arrived, or it is a problem.
        """
        attempts = Attempts(self._http, call, self._retries)
        while True:
            try:
                response = self._http.send(attempts.build_request())
            except httpx.TransportError as error:
                delay = attempts.delay_after_error(error)
            else:
                if call.is_success(response):
                    return call.parse(response)
                delay = attempts.delay_after_response(response)
            time.sleep(delay)

    def watch(self, job_id: str, *, every: float = 0.5, timeout: float | None = None) -> Iterator[Job]:
        """Yield the job every so many seconds, the last time when it has ended.

        Raises:
            TimeoutError: The job has not ended after `timeout` seconds.
        """
        deadline = deadline_after(timeout)
        job = self.job(job_id)
        yield job
        while not job.has_ended:
            job = self.job(job_id, wait=poll_wait_seconds(job, every, deadline))
            yield job

    def wait(self, job_id: str, *, timeout: float | None = None) -> Job:
        """Wait until the job has ended, and return it.

        Raises:
            TimeoutError: The job has not ended after `timeout` seconds.
        """
        *_, job = self.watch(job_id, every=MAX_WAIT_SECONDS, timeout=timeout)
        return job

    def events(self, job_id: str, *, after: int = 0) -> Iterator[Job | JobProgress]:
        """Yield new losses as they are recorded, and the job at each change of its status and at its end."""
        reader = EventStreamReader(self.url, job_id, after, self._retries)
        while not reader.is_done:
            reason: Exception | str = "the event stream ended early"
            try:
                with self._http.stream(**reader.request()) as response:
                    if response.status_code != 200:
                        response.read()
                    reader.check(response)
                    for chunk in response.iter_bytes():
                        yield from reader.parse(chunk)
            except httpx.TransportError as error:
                reason = error
            if not reader.is_done:
                time.sleep(reader.reconnect_delay(reason))
        if reader.end_is_missing:
            yield self.job(job_id)

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
