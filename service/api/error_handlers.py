"""Exception handlers: every error becomes a problem response."""

import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from service.api import problems
from service.api.problems import ProblemType, error_response, problem_response
from service.errors import InvalidInputError, ServiceError

MAX_REPORTED_MISTAKES = 20
MAX_DETAIL_CHARACTERS = 1000
FIELD_NAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")


def install_error_handlers(app: FastAPI) -> None:
    """Send a problem response for every error."""
    for error in (ServiceError, RequestValidationError, HTTPException, ClientDisconnect, Exception):
        app.add_exception_handler(error, _respond)


async def _respond(request: Request, error: Exception) -> Response:
    match error:
        case ServiceError():
            return error_response(request, error)
        case RequestValidationError():
            return _validation_response(request, error)
        case HTTPException():
            return _http_response(request, error)
        case ClientDisconnect():
            return Response(status_code=400)  # never sent: the client disconnected before the end of its body
    return problem_response(request, problems.INTERNAL_ERROR)


def _validation_response(request: Request, error: RequestValidationError) -> Response:
    mistakes = [_mistake(e) for e in error.errors()[:MAX_REPORTED_MISTAKES]]
    if mistakes[0]["type"] == "json_invalid":
        return problem_response(request, problems.MALFORMED_JSON)
    detail = "; ".join(f"{'.'.join(map(str, m['loc'][1:])) or 'body'}: {m['msg']}" for m in mistakes[:3])
    return problem_response(
        request, problems.PROBLEM_TYPES[InvalidInputError], detail[:MAX_DETAIL_CHARACTERS], errors=mistakes
    )


def _mistake(error: dict[str, Any]) -> dict[str, Any]:
    """Describe one mistake without any of the client's text."""
    loc = [place if isinstance(place, int) or FIELD_NAME.fullmatch(place) else "?" for place in error["loc"]]
    is_unknown = error["type"] == "extra_forbidden"
    return {"loc": loc, "msg": "there is no such field" if is_unknown else error["msg"], "type": error["type"]}


def _http_response(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    if status == HTTPStatus.NOT_FOUND:
        return problem_response(request, problems.EXTRA_SLASH if _has_extra_slash(request) else problems.NOT_FOUND)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        response = problem_response(request, problems.METHOD_NOT_ALLOWED)
        response.headers["Allow"] = ", ".join(_allowed_methods(request))
        return response
    slug = status.phrase.lower().replace(" ", "-")
    return problem_response(request, ProblemType(status, slug, status.phrase, str(error.detail)))


def _has_extra_slash(request: Request) -> bool:
    """Return True if a route has this path without slashes at the end and without double slashes."""
    path = f"/{'/'.join(filter(None, request.scope['path'].split('/')))}"
    scope = {**request.scope, "path": path, "root_path": ""}
    return path != request.scope["path"] and any(isinstance(route, Route) for route in _matching_routes(request, scope))


def _matching_routes(request: Request, scope: Scope) -> list[BaseRoute]:
    return [route for route in request.app.routes if route.matches(scope)[0] is not Match.NONE]


def _allowed_methods(request: Request) -> list[str]:
    """Return the methods of all routes with this path; Starlette names those of the first route only."""
    matching = _matching_routes(request, request.scope)
    methods = {method for route in matching for method in getattr(route, "methods", None) or ()}
    methods = methods or {"GET"}  # static files have no `methods`
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)
