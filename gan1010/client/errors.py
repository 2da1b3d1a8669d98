"""Client errors: one class for each kind of failure, all of them a `ClientError`."""

from dataclasses import dataclass
from typing import Any

import httpx


class ClientError(Exception):
    """A call failed."""


class NoResponseError(ClientError):
    """The service at `url` sent no response."""

    def __init__(self, url: str, reason: Exception | str) -> None:
        self.url, self.reason = url, str(reason) or type(reason).__name__
        super().__init__(f"no response from {url}: {self.reason}")


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """An invalid field of a request."""

    loc: tuple[str | int, ...]
    msg: str
    type: str


class ProblemError(ClientError):
    """The response is a problem: `type` is stable, `detail` explains the error."""

    def __init__(self, response: httpx.Response, retry_after: float | None = None) -> None:
        problem, request = _problem(response), response.request
        self.status = response.status_code
        self.title = str(problem.get("title") or response.reason_phrase)
        self.detail = str(problem.get("detail") or f"{request.method} {request.url}: status {self.status}")
        self.type = str(problem.get("type") or "about:blank")
        self.instance = str(problem.get("instance") or request.url.path)
        self.errors = tuple(
            FieldError(loc=tuple(error["loc"]), msg=error["msg"], type=error["type"])
            for error in problem.get("errors") or ()
        )
        self.retry_after = retry_after
        super().__init__(f"{self.title}: {self.detail}")


class NotAllowedError(ProblemError):
    """The API key is missing or invalid, or the service refuses this Host or origin."""


class NotFoundError(ProblemError):
    """The resource does not exist, or was deleted."""


class ConflictError(ProblemError):
    """The job's status or kind does not allow the request."""


class InvalidRequestError(ProblemError):
    """The request is invalid."""


class BusyError(ProblemError):
    """The service cannot take the request now."""


ERRORS_BY_STATUS: dict[int, type[ProblemError]] = {
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    **dict.fromkeys((400, 413, 415, 422), InvalidRequestError),
    429: BusyError,
    503: BusyError,
}


def problem_error(response: httpx.Response, retry_after: float | None = None) -> ProblemError:
    """Build the error of a response, which may come from a proxy and have any body."""
    return ERRORS_BY_STATUS.get(response.status_code, ProblemError)(response, retry_after)


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
