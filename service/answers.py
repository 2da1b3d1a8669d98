"""Answers that FastAPI does not give by itself: problems, fast JSON, CSV, and 304 for what has not changed."""

import hashlib
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt
import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from service.errors import BodyTooLarge, InvalidInput, QueueFull, ServiceError, WrongContentType

MOST_MISTAKES, LONGEST_NAME = 20, 32
Responses = dict[int | str, dict[str, Any]]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
UNCHANGED: Responses = {304: {"description": "Not changed since the ETag of If-None-Match"}}


def ok(**description: Any) -> Responses:
    """The OpenAPI description of a 200, for `responses`."""
    return {200: description}


def json_answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON, NumPy arrays included: float32 numbers have the fewest digits that give the same float32 again."""
    body = orjson.dumps(content, default=np.ascontiguousarray, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, "application/json")


def csv_answer(columns: Mapping[str, npt.NDArray[Any]]) -> Response:
    """CSV, a column for each array; numbers as JSON has them."""
    values = [orjson.dumps(np.ascontiguousarray(c), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1] for c in columns.values()]
    rows = zip(*(column.split(b",") if column else [] for column in values), strict=True)
    lines = [",".join(columns).encode(), *(b",".join(row) for row in rows), b""]
    return Response(b"\r\n".join(lines), media_type="text/csv")


def prefers_csv(request: Request) -> bool:
    """Whether the client would rather have CSV than JSON (RFC 9110, 12.5.1)."""
    wanted: dict[str, float] = {}
    for part in request.headers.get("accept", "").split(","):
        kind, _, parameters = part.partition(";")
        quality = parameters.replace(" ", "").partition("q=")[2]
        wanted[kind.strip().lower()] = float(quality) if quality.replace(".", "", 1).isdecimal() else 1.0
    json = wanted.get("application/json", 0.0)
    return wanted.get("text/csv", 0.0) > 0 and wanted["text/csv"] >= json


def unless_known(request: Request, answer: Response) -> Response:
    """The answer with its ETag, or 304 when the client has that already (RFC 9110, 13.1.2)."""
    etag = f'"{hashlib.blake2b(bytes(answer.body), digest_size=16).hexdigest()}"'
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    headers = {"ETag": etag, "Vary": "Accept", "Cache-Control": "no-cache"}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    answer.headers.update(headers)
    return answer


class StrictRequest(Request):
    """A request whose body is not too large, and JSON by the letter: no NaN, no lone surrogates, no endless nesting."""

    async def body(self) -> bytes:
        """The body, declared or in chunks.

        Raises:
            BodyTooLarge: before more than the limit has been taken in.
        """
        if not hasattr(self, "_body"):
            limit, body = self.app.state.max_body_bytes, bytearray()
            if int(self.headers.get("content-length", 0)) > limit:
                raise BodyTooLarge
            async for chunk in self.stream():
                body += chunk
                if len(body) > limit:
                    raise BodyTooLarge
            self._body = bytes(body)
        return self._body

    async def json_body(self) -> bytes:
        """The body, which is JSON by its declaration, or empty.

        Raises:
            WrongContentType: it is declared as something else.
        """
        body = await self.body()
        if body and self.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise WrongContentType("send the body with Content-Type: application/json")
        return body

    async def json(self) -> Any:
        """The body's value.

        Raises:
            json.JSONDecodeError: it is not JSON.
        """
        return orjson.loads(await self.body())


class DescribedRoute(APIRoute):
    """A route whose summary is its endpoint's docstring, and whose operation id is the endpoint's name."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["summary"] = (endpoint.__doc__ or "").removesuffix(".")
        options["operation_id"] = endpoint.__name__
        super().__init__(path, endpoint, **options)
        self.description = ""


class StrictRoute(DescribedRoute):
    """A route that reads only JSON, and says so to who sends something else."""

    def get_route_handler(self) -> Handler:
        """The handler, around FastAPI's own."""
        handler = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            if request.method == "POST":
                await strict.json_body()
            return await handler(strict)

        return strictly


class DirectRoute(DescribedRoute):
    """A route for what is asked thousands of times a second: FastAPI describes it, and stays out of its way.

    Its endpoint takes the request and one pydantic model, which is made of the query (GET) or of the body (POST).
    """

    def get_route_handler(self) -> Handler:
        """The handler, in place of FastAPI's own."""
        (model,) = (hint for name, hint in get_type_hints(self.endpoint).items() if name in ("query", "body"))
        lists = [name for name, field in model.model_fields.items() if get_origin(field.annotation) is list]

        async def directly(request: Request) -> Response:
            try:
                if request.method == "POST":
                    place, body = "body", await StrictRequest(request.scope, request.receive).json_body()
                    given = model.model_validate_json(body) if body else model.model_validate({})
                else:
                    place, params = "query", request.query_params
                    given = model.model_validate(
                        {**params, **{name: params.getlist(name) for name in lists if name in params}}
                    )
            except ValidationError as error:
                mistakes = error.errors(include_url=False, include_context=False, include_input=False)
                raise RequestValidationError([{**e, "loc": (place, *e["loc"])} for e in mistakes]) from None
            answer: Response = await self.endpoint(request, given)
            return answer

        return directly


def problem(request: Request, status: int, type: str, title: str, detail: str, **more: Any) -> Response:
    """An `application/problem+json` answer (RFC 9457)."""
    content = {"type": f"/problems/{type}", "title": title, "status": status, "detail": detail}
    content |= {"instance": request.scope["path"][:200], **more}
    return Response(orjson.dumps(content), status, media_type="application/problem+json")


def install_error_handlers(app: FastAPI) -> None:
    """Have every error answered as a problem."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected_error)


def problems(*statuses: int) -> Responses:
    """The OpenAPI description of the problems that an operation can answer with."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


async def _service_error(request: Request, error: Any) -> Response:
    more = {}
    if isinstance(error, InvalidInput):
        more["errors"] = [{"loc": error.loc, "msg": error.detail, "type": error.type}]
    answer = problem(request, error.status, error.type, error.title, error.detail, **more)
    if isinstance(error, QueueFull):
        answer.headers["Retry-After"] = "1"
    return answer


async def _validation_error(request: Request, error: Any) -> Response:
    """Each mistake with its place and what would be right; what was sent is not repeated."""
    mistakes = [_mistake(e) for e in error.errors()[:MOST_MISTAKES]]
    if mistakes[0]["type"] == "json_invalid":
        return problem(
            request, 400, "malformed-json", "The body is not JSON", "the body must be one JSON value (RFC 8259)"
        )
    detail = "; ".join(f"{'.'.join(map(str, m['loc'][1:])) or 'body'}: {m['msg']}" for m in mistakes[:3])
    return problem(request, 422, InvalidInput.type, InvalidInput.title, detail[:1000], errors=mistakes)


def _mistake(error: dict[str, Any]) -> dict[str, Any]:
    loc = [place[:LONGEST_NAME] if isinstance(place, str) else place for place in error["loc"]]
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
    answer = problem(request, status, status.phrase.lower().replace(" ", "-"), status.phrase, detail)
    answer.headers.update(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        answer.headers["Allow"] = ", ".join(_allowed_methods(request))
    return answer


def _allowed_methods(request: Request) -> list[str]:
    """What the path can be asked for, by all routes that have it: Starlette names those of one."""
    matching = (route for route in request.app.routes if route.matches(request.scope)[0] is not Match.NONE)
    methods = {method for route in matching for method in getattr(route, "methods", None) or ()}
    return sorted(methods or {"GET", "HEAD"})  # a file's


async def _unexpected_error(request: Request, error: Exception) -> Response:
    return problem(request, 500, ServiceError.type, ServiceError.title, "the service's log says what happened")
