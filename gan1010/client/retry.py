"""Retries and polling: which requests are sent again, and after what delay."""

import math
import random
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from gan1010.client.endpoints import MAX_WAIT_SECONDS, Call
from gan1010.client.errors import NoResponseError, problem_error
from gan1010.client.responses import Job

INITIAL_DELAY_SECONDS = 0.1  # doubled for each further attempt
MAX_DELAY_SECONDS = 60  # a longer Retry-After is raised as an error instead
NOT_SENT_ERRORS = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
OVERLOAD_STATUSES = frozenset({429, 503})  # the service has not acted on the request, so any request can be repeated
GATEWAY_STATUSES = frozenset({502, 504})  # sent by a proxy: the service may have acted on the request


class Attempts:
    """The attempts to send one call."""

    def __init__(self, http: httpx.Client | httpx.AsyncClient, call: Call[Any], retries: int) -> None:
        self._http, self._call, self._retries = http, call, retries
        self._failures = 0

    def build_request(self) -> httpx.Request:
        """Build the request, with a read timeout that allows for the time the service is asked to wait."""
        call, timeout = self._call, self._http.timeout.as_dict()
        if timeout["read"] is not None:
            timeout["read"] += call.wait_seconds
        wait = {"wait": call.wait_seconds} if call.wait_seconds else {}
        return self._http.build_request(
            call.method,
            call.path.lstrip("/"),
            params={**call.params, **wait},
            headers=call.headers,
            json=call.json,
            extensions={"timeout": timeout},
        )

    def delay_after_error(self, error: httpx.TransportError) -> float:
        """Return the seconds until the next attempt.

        Raises:
            NoResponseError: No retry is left, or the service may have acted on a call that is not idempotent.
        """
        if self._is_last() or not (self._call.is_idempotent or isinstance(error, NOT_SENT_ERRORS)):
            raise NoResponseError(str(self._http.base_url).rstrip("/"), error) from error
        return self._next_delay()

    def delay_after_response(self, response: httpx.Response) -> float:
        """Return the seconds until the next attempt, after a response that reports an error.

        Raises:
            ProblemError: No retry is left, or a retry is useless or unsafe.
        """
        delay, status = retry_after(response), response.status_code
        can_retry = status in OVERLOAD_STATUSES or (self._call.is_idempotent and status in GATEWAY_STATUSES)
        if self._is_last() or not can_retry or (delay or 0) > MAX_DELAY_SECONDS:
            raise problem_error(response, delay)
        backoff = self._next_delay()
        return backoff if delay is None else delay

    def _is_last(self) -> bool:
        return self._failures >= self._retries

    def _next_delay(self) -> float:
        self._failures += 1
        return backoff_seconds(self._failures)


def backoff_seconds(failures: int) -> float:
    """Return the delay after so many failures, varied at random so that many clients do not retry at once."""
    delay = INITIAL_DELAY_SECONDS * 2.0 ** (failures - 1) * random.uniform(0.75, 1.25)  # noqa: S311  # nosec B311
    return min(delay, MAX_DELAY_SECONDS)


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date (RFC 9110, 10.2.3)."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def deadline_after(timeout: float | None) -> float:
    """Return the monotonic time at which a timeout ends."""
    return math.inf if timeout is None else time.monotonic() + timeout


def poll_wait_seconds(job: Job, every: float, deadline: float) -> float:
    """Return the `wait` of the next request for a job that has not ended.

    Raises:
        TimeoutError: The deadline has passed.
    """
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError(f"job {job.id} is {job.status} at iteration {job.iteration:,} of {job.iterations:,}")
    return min(every, remaining, MAX_WAIT_SECONDS)
