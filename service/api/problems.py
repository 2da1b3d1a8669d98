"""Problem responses (RFC 9457): the catalogue of errors on the wire and the exception handlers."""

import re
from http import HTTPStatus
from typing import Any

import anyio
import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from service.api.limits import HEAD_SECONDS, LINGER_SECONDS, MAX_HEAD_BYTES, MAX_HEADERS, MAX_URL_BYTES
from service.api.responses import Responses
from service.errors import ApiKeyRequiredError, InvalidInputError, QueueFullError, ServiceError

MAX_REPORTED_MISTAKES = 20
NAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")
V2 = "/v2"  # the Open Inference Protocol's paths
# Browsers show a prompt for the second.
WWW_AUTHENTICATE = ('Bearer realm="gan1010"', 'Basic realm="gan1010", charset="UTF-8"')
REFUSALS = {
    400: ("malformed-request", "The request is not HTTP", "send a request as RFC 9112 has it, with one Host"),
    408: ("too-slow", "The request did not come in time", f"send its head within {HEAD_SECONDS:.0f} s, and its body"),
    414: ("url-too-long", "The URL is too long", f"a URL has at most {MAX_URL_BYTES} bytes"),
    431: (
        "head-too-large",
        "The head is too large",
        f"at most {MAX_HEADERS} headers, and {MAX_HEAD_BYTES} bytes in all",
    ),
    503: ("stopping", "The service stops", "try again in a moment"),
}


class EarlyResponse(Response):
    """The answer to a request of which no more is read, given at once; then the connection is closed.

    What the client goes on sending for a moment is thrown away: closing at once would take the answer from it.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and take in the rest."""
        headers = [*self.raw_headers, (b"connection", b"close")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with anyio.move_on_after(LINGER_SECONDS):
            while (await receive()).get("more_body"):
                pass
        await send({"type": "http.response.body", "body": b""})


def is_v2(path: str) -> bool:
    """Whether a path is the Open Inference Protocol's."""
    return path == V2 or path.startswith(f"{V2}/")


def problem_body(path: str, status: int, type: str, title: str, detail: str, **more: Any) -> tuple[bytes, str]:
    """A problem (RFC 9457) and its media type; clients of the Open Inference Protocol read its `error`."""
    content = {"type": f"/problems/{type}", "title": title, "status": status, "detail": detail}
    content |= {"instance": path[:200], **more}
    if is_v2(path):
        return orjson.dumps({"error": f"{title}: {detail}", **content}), "application/json"
    return orjson.dumps(content), "application/problem+json"


def problem_response(request: Request, status: int, type: str, title: str, detail: str, **more: Any) -> Response:
    """The answer that a problem is."""
    body, media_type = problem_body(request.scope["path"], status, type, title, detail, **more)
    kind = EarlyResponse if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else Response
    return kind(body, status, media_type=media_type)


def install_error_handlers(app: FastAPI) -> None:
    """Have every error answered as a problem."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _client_left)
    app.add_exception_handler(Exception, _unexpected_error)


def problems(*statuses: int) -> Responses:
    """The OpenAPI description of the problems that an operation can answer with."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def v2_problems(*statuses: int) -> Responses:
    """The OpenAPI description of the errors that an operation of the Open Inference Protocol can answer with."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/V2Error"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def error_response(request: Request, error: ServiceError) -> Response:
    """The problem that an error of ours is."""
    more = {}
    if isinstance(error, InvalidInputError):
        more["errors"] = [{"loc": error.loc, "msg": error.detail, "type": error.type}]
    answer = problem_response(request, error.status, error.type, error.title, error.detail, **more)
    if isinstance(error, QueueFullError):
        answer.headers["Retry-After"] = "1"
    if isinstance(error, ApiKeyRequiredError):
        for challenge in WWW_AUTHENTICATE:
            answer.headers.append("WWW-Authenticate", challenge)
    return answer


async def _service_error(request: Request, error: Any) -> Response:
    return error_response(request, error)


async def _validation_error(request: Request, error: Any) -> Response:
    """Each mistake with its place and what would be right; what was sent is not repeated."""
    mistakes = [_mistake(e) for e in error.errors()[:MAX_REPORTED_MISTAKES]]
    if mistakes[0]["type"] == "json_invalid":
        return problem_response(
            request, 400, "malformed-json", "The body is not JSON", "the body must be one JSON value (RFC 8259)"
        )
    detail = "; ".join(f"{'.'.join(map(str, m['loc'][1:])) or 'body'}: {m['msg']}" for m in mistakes[:3])
    return problem_response(
        request, 422, InvalidInputError.type, InvalidInputError.title, detail[:1000], errors=mistakes
    )


def _mistake(error: dict[str, Any]) -> dict[str, Any]:
    loc = [place if isinstance(place, int) or NAME.fullmatch(place) else "?" for place in error["loc"]]
    unknown = error["type"] == "extra_forbidden"
    return {"loc": loc, "msg": "there is no such field" if unknown else error["msg"], "type": error["type"]}


async def _http_error(request: Request, error: Any) -> Response:
    status = HTTPStatus(error.status_code)
    details = {
        400: "the body could not be read; send one JSON value (RFC 8259)",
        404: "nothing is here; /docs lists all that there is",
        405: f"{request.method} is not for this; Allow names what is",
    }
    detail = details.get(status, str(error.detail))
    answer = problem_response(request, status, status.phrase.lower().replace(" ", "-"), status.phrase, detail)
    answer.headers.update(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(_allowed_methods(request))
    return answer


def _allowed_methods(request: Request) -> list[str]:
    """What the path can be asked for, by all routes that have it: Starlette names those of one."""
    matching = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    methods = {method for route in matching for method in getattr(route, "methods", None) or ()}
    return sorted(methods or {"GET", "HEAD"})  # a file's


async def _client_left(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # for nobody: it hung up before its body was whole


async def _unexpected_error(request: Request, error: Exception) -> Response:
    return problem_response(request, 500, ServiceError.type, ServiceError.title, "the service's log says what happened")
