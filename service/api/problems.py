"""Problem responses (RFC 9457): the catalogue of every error on the wire."""

from http import HTTPStatus
from typing import Any, NamedTuple

import anyio
import orjson
from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from service import errors
from service.api.error_page import error_page, wants_page
from service.api.limits import HEAD_SECONDS, LINGER_SECONDS, MAX_HEAD_BYTES, MAX_HEADERS, MAX_URL_BYTES
from service.api.responses import Responses

V2 = "/v2"  # the path prefix of the Open Inference Protocol


class ProblemType(NamedTuple):
    """A type of problem, with its texts in `/openapi.json`: an example's detail and a description."""

    status: int
    slug: str
    title: str
    detail: str = ""
    description: str = ""
    headers: tuple[tuple[str, str], ...] = ()


MALFORMED_JSON = ProblemType(400, "malformed-json", "The body is not JSON", "Send one JSON value (RFC 8259).")
NOT_FOUND = ProblemType(404, "not-found", "Not Found", "No resource has this path. /docs lists all paths.")
EXTRA_SLASH = NOT_FOUND._replace(
    detail="No resource has this path. Send it without a slash at the end and without double slashes."
)
METHOD_NOT_ALLOWED = ProblemType(
    405, "method-not-allowed", "Method Not Allowed", "This path has other methods. The Allow header lists them."
)
INTERNAL_ERROR = ProblemType(500, "internal-error", "Internal error", "The service failed. Its log has the cause.")

# Sent by the connection, for requests that do not reach the application.
MALFORMED_REQUEST = ProblemType(
    400, "malformed-request", "The request is not HTTP", "Send a request as in RFC 9112, with one Host header."
)
TOO_SLOW = ProblemType(
    408, "too-slow", "Request too slow", f"Send the head within {HEAD_SECONDS:.0f} s, and the body without long pauses."
)
URL_TOO_LONG = ProblemType(414, "url-too-long", "The URL is too long", f"Send at most {MAX_URL_BYTES:,} bytes.")
HEAD_TOO_LARGE = ProblemType(
    431, "head-too-large", "The head is too large", f"Send at most {MAX_HEADERS} headers and {MAX_HEAD_BYTES:,} bytes."
)
STOPPING = ProblemType(503, "stopping", "The service is shutting down", "Retry in a moment.")

_ERRORS: dict[type[errors.ServiceError], ProblemType] = {  # the first of each status is its example in /openapi.json
    errors.MalformedBodyError: ProblemType(400, "malformed-body", "Malformed body"),
    errors.ApiKeyRequiredError: ProblemType(
        401,
        "key-needed",
        "API key required",
        headers=(
            ("WWW-Authenticate", 'Bearer realm="gan1010"'),
            ("WWW-Authenticate", 'Basic realm="gan1010", charset="UTF-8"'),  # browsers show a prompt for it
        ),
    ),
    errors.HostNotAllowedError: ProblemType(
        403,
        "host-not-allowed",
        "Host not allowed",
        description="Host not allowed, cross-origin request, or a client with a public address and no API key",
    ),
    errors.CrossOriginError: ProblemType(403, "foreign-origin", "Cross-origin request"),
    errors.JobNotFoundError: ProblemType(404, "job-not-found", "Job not found"),
    errors.ModelNotFoundError: ProblemType(404, "model-not-found", "Model not found"),
    errors.ModelFileNotFoundError: ProblemType(404, "file-not-found", "File not found"),
    errors.MemberNotFoundError: ProblemType(404, "member-not-found", "Member not found"),
    errors.PlotNotFoundError: ProblemType(404, "plot-not-found", "Plot not found"),
    errors.CorruptDataError: ProblemType(
        409, "model-damaged", "Damaged data", "The job is damaged (wrong checksum). Delete it and start another."
    ),
    errors.InvalidJobStateError: ProblemType(
        409, "state-forbids", "Wrong job status", "The job has ended (succeeded) and cannot be cancelled."
    ),
    errors.WrongJobKindError: ProblemType(409, "wrong-kind", "Wrong kind of job"),
    errors.NoModelError: ProblemType(409, "no-model", "No model yet"),
    errors.NoGeneratorError: ProblemType(409, "no-generator", "The job has no generator"),
    errors.ModelNotLoadedError: ProblemType(409, "model-unloaded", "Model not loaded"),
    errors.ArticleViewError: ProblemType(409, "not-as-in-the-article", "Not recorded as in the article"),
    errors.JobChangedError: ProblemType(412, "job-changed", "Job changed"),
    errors.BodyTooLargeError: ProblemType(413, "body-too-large", "Body too large"),
    errors.UnsupportedMediaTypeError: ProblemType(415, "wrong-content-type", "Unsupported media type"),
    errors.InvalidInputError: ProblemType(
        422,
        "invalid-input",
        "Invalid input",
        "learning_rate: Input should be greater than 0",
        "Invalid input, or an unknown query parameter",
    ),
    errors.SnapshotNotFoundError: ProblemType(422, "no-such-snapshot", "No snapshot at this iteration"),
    errors.IdempotencyKeyReusedError: ProblemType(422, "idempotency-key-reused", "Idempotency key reused"),
    errors.QueueFullError: ProblemType(
        429, "queue-full", "Queue full", "10,000 jobs are waiting. Retry in a moment.", headers=(("Retry-After", "1"),)
    ),
    errors.TooManyWrongKeysError: ProblemType(429, "too-many-wrong-keys", "Too many wrong API keys"),
    errors.StorageFailedError: ProblemType(
        500, "storage-failed", "Storage failed", description="The disk failed, or the service has a bug"
    ),
    errors.DiskFullError: ProblemType(507, "disk-full", "Disk full"),
}
PROBLEM_TYPES = {error: type._replace(detail=type.detail or error.detail) for error, type in _ERRORS.items()}


class EarlyResponse(Response):
    """A response before the end of the request's body: send it, drain the body briefly, close the connection.

    Closing at once would make the client's system discard the response.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response and drain the body."""
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with anyio.move_on_after(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass
        await send({"type": "http.response.body", "body": b""})


def is_v2(path: str) -> bool:
    """Return True for a path of the Open Inference Protocol."""
    return path == V2 or path.startswith(f"{V2}/")


def problem_content(path: str, problem: ProblemType, detail: str = "", **more: Any) -> dict[str, Any]:
    """Return a problem's fields, and `error` for clients of the Open Inference Protocol."""
    detail = detail or problem.detail
    content = {"type": f"/problems/{problem.slug}", "title": problem.title, "status": problem.status, "detail": detail}
    content |= {"instance": path[:200], **more}
    return {"error": f"{problem.title}: {detail}", **content} if is_v2(path) else content


def media_type_of(path: str) -> str:
    """Return the media type of a problem at this path."""
    return "application/json" if is_v2(path) else "application/problem+json"


def problem_response(
    request: Request, problem: ProblemType, detail: str = "", *, retry_after_seconds: int | None = None, **more: Any
) -> Response:
    """Build the response to a request that failed."""
    path = request.scope["path"]
    response_class = EarlyResponse if problem.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else Response
    if wants_page(request):
        response: Response = error_page(
            request, problem.title, detail or problem.detail, problem.status, retry_after_seconds
        )
    else:
        body = orjson.dumps(problem_content(path, problem, detail, **more))
        response = response_class(body, problem.status, media_type=media_type_of(path))
    for name, value in problem.headers:
        response.headers.append(name, value)
    if retry_after_seconds is not None:
        response.headers["Retry-After"] = str(retry_after_seconds)
    return response


def error_response(request: Request, error: errors.ServiceError) -> Response:
    """Build the response to an error of the service."""
    problem, more = PROBLEM_TYPES[type(error)], {}
    if isinstance(error, errors.InvalidInputError):
        more["errors"] = [{"loc": error.loc, "msg": error.detail, "type": problem.slug}]
    return problem_response(request, problem, error.detail, retry_after_seconds=error.retry_after_seconds, **more)


def problems(
    *statuses: int, conflict: type[errors.ServiceError] = errors.CorruptDataError, path: str = "/jobs"
) -> Responses:
    """Describe an operation's problems for `/openapi.json`; `conflict` is the example of a 409."""
    examples = {type.status: type for type in reversed([MALFORMED_JSON, *PROBLEM_TYPES.values(), STOPPING])}
    examples[409] = PROBLEM_TYPES[conflict]
    return {status: describe_problem(examples[status], path, HTTPStatus(status).phrase) for status in statuses}


def v2_problems(*statuses: int) -> Responses:
    """Describe the problems of an operation of the Open Inference Protocol."""
    return problems(*statuses, conflict=errors.NoModelError, path=V2)


def describe_problem(problem: ProblemType, path: str, description: str) -> dict[str, Any]:
    """Describe a response for `/openapi.json`, with an example."""
    schema = "V2Error" if is_v2(path) else "Problem"
    mistake = {"loc": ["body", "learning_rate"], "msg": problem.detail.partition(": ")[2], "type": "greater_than"}
    more: dict[str, Any] = {"errors": [mistake]} if problem.status == HTTPStatus.UNPROCESSABLE_ENTITY else {}
    example = problem_content(path, problem, **more)
    media = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {"description": description, "content": {media_type_of(path): media}}
