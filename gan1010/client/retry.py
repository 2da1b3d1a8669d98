"""Retries and polling: which requests are sent again, and after what delay."""

import random
import time

import httpx

from gan1010.client.errors import BusyError, ClientError, ProblemError, TlsError
from gan1010.client.responses import Job

INITIAL_DELAY_SECONDS = 0.1  # doubled for each further attempt
MAX_DELAY_SECONDS = 60  # a longer Retry-After is raised as an error instead
MAX_WAIT_SECONDS = 30  # the service's limit of `wait`
NOT_SENT_ERRORS = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
GATEWAY_STATUSES = (502, 504)  # sent by a proxy: the service may have acted on the request


class Retries:
    """The retries of one request; `failures` in a row are limited."""

    def __init__(self, limit: int, *, is_idempotent: bool = True) -> None:
        self.failures = 0
        self._limit, self._is_idempotent = limit, is_idempotent

    def delay_after(self, error: ClientError) -> float:
        """Return the seconds until the next attempt; raise the error if no retry is left or safe."""
        retry_after = error.retry_after if isinstance(error, ProblemError) else None
        if self.failures >= self._limit or not self._can_retry(error) or (retry_after or 0) > MAX_DELAY_SECONDS:
            raise error
        # Varied at random, so that many clients do not retry at once.
        backoff = INITIAL_DELAY_SECONDS * 2.0**self.failures * random.uniform(0.75, 1.25)  # noqa: S311  # nosec B311
        self.failures += 1
        return min(backoff, MAX_DELAY_SECONDS) if retry_after is None else retry_after

    def _can_retry(self, error: ClientError) -> bool:
        if isinstance(error, TlsError):
            return False  # it would fail again
        if isinstance(error, BusyError) or isinstance(error.__cause__, NOT_SENT_ERRORS):
            return True  # the service has not acted on the request
        is_lost = not isinstance(error, ProblemError) or error.status in GATEWAY_STATUSES
        return self._is_idempotent and is_lost


def poll_wait_seconds(job: Job, every: float, deadline: float) -> float:
    """Return the `wait` of the next request for a job that has not ended; raise a TimeoutError after the deadline."""
    remaining = deadline - time.monotonic()
    if remaining <= 0:
        raise TimeoutError(f"job {job.id} is {job.status} at iteration {job.iteration:,} of {job.iterations:,}")
    return min(every, remaining, MAX_WAIT_SECONDS)
