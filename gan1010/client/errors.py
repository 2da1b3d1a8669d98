"""What can go wrong for a client.

ClientError
|-- NoAnswerError            nobody answers there, or not in time, however often it was tried
`-- ProblemError             the service answers with a problem (RFC 9457), which the error carries
    |-- NotAllowedError      401, 403: a key is needed, or another address
    |-- NotFoundError        404
    |-- ConflictError        409: the job's status, or its kind, forbids it
    |-- InvalidRequestError  422 and the like: the request is wrong; `errors` says where
    `-- BusyError            429, 503: not now; `retry_after` says when
"""

from dataclasses import dataclass
from typing import Any

import httpx


class ClientError(Exception):
    """Why a call has no result."""


class NoResponseError(ClientError):
    """Nobody answers at `url`."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no answer from {url}: {reason}")
        self.url, self.reason = url, reason


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """One mistake in a request, and where it is."""

    loc: tuple[str | int, ...]
    msg: str
    type: str


class ProblemError(ClientError):
    """The service's answer is a problem: `type` is stable, `detail` says what was wrong and what would be right."""

    def __init__(self, answer: httpx.Response, retry_after: float | None = None) -> None:
        problem = _problem(answer)
        self.status = answer.status_code
        self.title = str(problem.get("title") or answer.reason_phrase)
        self.detail = str(problem.get("detail") or f"{answer.request.method} {answer.request.url} gave {self.status}")
        self.type = str(problem.get("type") or "about:blank")
        self.instance = str(problem.get("instance") or answer.request.url.path)
        self.errors = tuple(
            FieldError(loc=tuple(mistake["loc"]), msg=mistake["msg"], type=mistake["type"])
            for mistake in problem.get("errors") or ()
        )
        self.retry_after = retry_after
        super().__init__(f"{self.title}: {self.detail}")


class NotAllowedError(ProblemError):
    """A key is needed, or the service does not answer to this address."""


class NotFoundError(ProblemError):
    """There is no such thing, or it was deleted."""


class ConflictError(ProblemError):
    """The job's status, or its kind, does not allow what was asked."""


class InvalidRequestError(ProblemError):
    """The request is wrong, and will be as often as it is sent."""


class BusyError(ProblemError):
    """The service cannot take it now; `retry_after` is the seconds after which it may."""


BY_STATUS: dict[int, type[ProblemError]] = {
    400: InvalidRequestError,
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: BusyError,
    503: BusyError,
}


def problem_of(answer: httpx.Response, retry_after: float | None = None) -> ProblemError:
    """The error that an answer is, whoever gave it: a proxy on the way may not know of problems."""
    return BY_STATUS.get(answer.status_code, ProblemError)(answer, retry_after)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
