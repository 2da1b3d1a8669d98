"""A call and its answer, tried as often as it makes sense: steps for whoever can send a request and wait a while."""

import random
from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx

from gan1010.client.endpoints import Call
from gan1010.client.errors import ClientError, NoResponseError, problem_of

T = TypeVar("T")
Steps = Generator[httpx.Request | float, httpx.Response, T]  # a request to send, or seconds to wait

NOT_SENT_ERRORS = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
OVERLOAD_STATUSES = frozenset({429, 503})  # nothing was done: the same request may come again, whatever it asks for
GATEWAY_STATUSES = frozenset({502, 504})  # a proxy's: nobody knows whether the service has it


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often to try again, and how long to wait in between where the service does not say."""

    retries: int = 3
    first_seconds: float = 0.1  # doubled each time
    longest_seconds: float = 60  # a service that says to come back later than that is not waited for

    def pause(self, attempt: int) -> float:
        """The seconds before another try, a bit off for each, so that many clients don't come all at once."""
        return min(self.first_seconds * 2.0**attempt * random.uniform(0.75, 1.25), self.longest_seconds)  # noqa: S311  # nosec B311


def exchange(http: httpx.Client | httpx.AsyncClient, call: Call[T], patience: Patience) -> Steps[T]:
    """The steps of a call: send what is yielded, or wait so many seconds; the end of it is the answer's meaning.

    Raises:
        ClientError: there is no answer, or it is a problem.
    """
    for attempt in range(patience.retries + 1):
        tired = attempt == patience.retries
        pause = patience.pause(attempt)
        try:
            answer = yield request_of(http, call)
        except httpx.TransportError as error:
            if tired or not (call.repeatable or isinstance(error, NOT_SENT_ERRORS)):
                raise no_answer(http, error) from error
        else:
            if answer.is_success or answer.status_code in call.accepted:
                return _meaning(answer, call)
            later = retry_after(answer)
            again = answer.status_code in OVERLOAD_STATUSES or (
                call.repeatable and answer.status_code in GATEWAY_STATUSES
            )
            if tired or not again or (later or 0) > patience.longest_seconds:
                raise problem_of(answer, later)
            pause = pause if later is None else later
        yield pause
    raise AssertionError("the last try returns or raises")


def request_of(http: httpx.Client | httpx.AsyncClient, call: Call[T]) -> httpx.Request:
    """The request of a call, which may take as long as it asks the service to wait."""
    timeout = http.timeout.as_dict()
    if call.patience and timeout["read"] is not None:
        timeout["read"] += call.patience
    return http.build_request(
        call.method,
        call.path.lstrip("/"),
        params=call.params,
        headers=call.headers,
        json=call.json,
        extensions={"timeout": timeout},
    )


def no_answer(http: httpx.Client | httpx.AsyncClient, error: httpx.TransportError) -> NoResponseError:
    """The error of a request that has none."""
    return NoResponseError(str(http.base_url).rstrip("/"), str(error) or type(error).__name__)


def retry_after(answer: httpx.Response) -> float | None:
    """The seconds that an answer says to wait, as a number or until a date (RFC 9110, 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def _meaning(answer: httpx.Response, call: Call[T]) -> T:
    try:
        return call.parse(answer)
    except ValueError as error:
        raise ClientError(f"{answer.request.url} does not answer as gan1010 does: {error}") from error
