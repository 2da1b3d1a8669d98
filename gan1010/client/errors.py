"""Client errors: one class for each kind of failure, all of them a `ClientError`."""

import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from pydantic import BaseModel, ValidationError


class ClientError(Exception):
    """A call failed."""


class ConfigurationError(ClientError):
    """An argument or a variable of the environment, `name`, cannot be used. The message does not contain its value."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        super().__init__(f"{name} {reason}")


class NoResponseError(ClientError):
    """The service at `url` sent no response."""

    def __init__(self, url: str, reason: Exception | str, proxy_variable: str | None = None) -> None:
        way = f", through the proxy in {proxy_variable}" if proxy_variable else ""
        self.url, self.reason = url, (str(reason) or type(reason).__name__) + way
        self.__cause__ = reason if isinstance(reason, Exception) else None
        super().__init__(f"no response from {url}: {self.reason}")


class TlsError(NoResponseError):
    """The service at `url` and the client do not agree on TLS; `reason` says why, then what would be right."""

    def __init__(self, url: str, failure: Exception, error: ssl.SSLError, proxy_variable: str | None = None) -> None:
        if isinstance(error, ssl.SSLCertVerificationError):
            is_name = "mismatch" in error.verify_message
            remedy = "Use a name that it has" if is_name else "Name its authority in SSL_CERT_FILE, if you trust it"
            reason = f"the certificate is not valid here: {error.verify_message.rstrip('.')}. {remedy}."
        elif error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
            reason = "nothing speaks TLS there. Use http:// in the URL."
        else:
            reason = (
                f"{(error.reason or 'unknown error').lower().replace('_', ' ')}. Check the TLS settings of both sides."
            )
        super().__init__(url, reason, proxy_variable)
        self.__cause__ = failure


def transport_error(url: str, failure: httpx.TransportError, proxy_variable: str | None) -> NoResponseError:
    """Build the error of a request that got no response."""
    cause: BaseException | None = failure
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is None or isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):  # the connection was lost
        return NoResponseError(url, failure, proxy_variable)
    return TlsError(url, failure, cause, proxy_variable)


class FieldError(BaseModel, frozen=True):
    """An invalid field of a request."""

    loc: tuple[str | int, ...]
    msg: str
    type: str


class Problem(BaseModel):
    """Content of a response that reports an error."""

    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    instance: str = ""
    errors: tuple[FieldError, ...] = ()


class ProblemError(ClientError):
    """The response is a problem: `type` is stable, `detail` explains the error."""

    def __init__(self, response: httpx.Response) -> None:
        request, self.status, self.retry_after = response.request, response.status_code, retry_after(response)
        try:
            problem = Problem.model_validate_json(response.content)
        except ValidationError:  # the response of a proxy
            problem = Problem()
        self.type, self.errors = problem.type, problem.errors
        self.title = problem.title or response.reason_phrase
        self.detail = problem.detail or f"{request.method} {request.url}: status {self.status}"
        self.instance = problem.instance or request.url.path
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
    """The service cannot take the request now, and has not acted on it."""


ERRORS_BY_STATUS: dict[int, type[ProblemError]] = {
    **dict.fromkeys((401, 403), NotAllowedError),
    404: NotFoundError,
    409: ConflictError,
    **dict.fromkeys((400, 413, 415, 422), InvalidRequestError),
    **dict.fromkeys((429, 503), BusyError),
}


def problem_error(response: httpx.Response) -> ProblemError:
    """Build the error of a response, which may come from a proxy and have any body."""
    return ERRORS_BY_STATUS.get(response.status_code, ProblemError)(response)


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date (RFC 9110, 10.2.3).

    A date is compared with the response's own Date, since the clock here may differ.
    """
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        sent = response.headers.get("date")
        now = parsedate_to_datetime(sent) if sent else datetime.now(UTC)
        return max((parsedate_to_datetime(text) - now).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None
