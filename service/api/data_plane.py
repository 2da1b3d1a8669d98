"""Data plane: an ASGI application that answers the frequent requests beside FastAPI, which describes them."""

import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, get_type_hints

from fastapi import FastAPI, Response
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.compression import MIN_COMPRESSED_BYTES
from service.api.error_handlers import respond_to_error
from service.api.head_requests import respond_to_head
from service.api.route_classes import DescribedRoute, StrictRequest, complete_response, is_list, validation_error

# Values of a query that need no further check: numbers with few digits, ids of jobs.
PLAIN_VALUES = {
    b"seed": re.compile(rb"-?[0-9]{1,9}(\.[0-9]{1,17})?"),
    b"job_id": re.compile(rb"[0-9a-f]{24}"),
    b"iteration": re.compile(rb"[0-9]{1,7}"),
}


class PlainQuery(NamedTuple):
    """The parameters of a query without escapes and mistakes."""

    seed: list[float]
    job_id: str | None
    iteration: int | None


class DataRoute(DescribedRoute):
    """A route that FastAPI describes and the data plane answers.

    The endpoint takes a `StrictRequest` with the path's parameters, which are not checked, or a model named `query`. It
    validates a body by itself, and its `ValidationError` becomes a 422.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._model: type[BaseModel] | None = get_type_hints(endpoint).get("query")
        self._default_query = self._model() if self._model else None
        self._names = {name.encode() for name in self._model.model_fields} if self._model else set()

    async def respond(self, request: StrictRequest) -> Response:
        """Validate the query and call the endpoint; compress a long text."""
        query = self._query(request)
        parameters = {"query": query} if self._model else request.scope.get("path_params", {})
        try:
            response: Response = await self.endpoint(request, **parameters)
        except ValidationError as error:
            raise validation_error("body", error) from None
        if len(response.body) >= MIN_COMPRESSED_BYTES:
            response = await complete_response(request, response, is_conditional=False)
        return response

    def _query(self, request: StrictRequest) -> Any:
        """Return the parameters of the query, or raise RequestValidationError."""
        text = request.scope["query_string"]
        if not text:
            return self._default_query
        if (plain := _plain_query(text, self._names)) is not None:
            return plain if plain.seed else plain._replace(seed=getattr(self._default_query, "seed", []))
        self.check_query(request)
        query, model = request.query_params, self._model
        if model is None:
            return None
        lists = {name: query.getlist(name) if is_list(model.model_fields[name]) else query[name] for name in query}
        try:
            return model.model_validate(lists)
        except ValidationError as error:
            raise validation_error("query", error) from None


class DataPlane:
    """The data routes of an application, in front of it."""

    def __init__(self, app: ASGIApp, described: FastAPI) -> None:
        self._app, self._described = app, described
        routes = [route for route in described.routes if isinstance(route, DataRoute)]
        self._with_parameters = [route for route in routes if route.param_convertors]
        plain = [route for route in routes if not route.param_convertors]
        self._by_path = {(method, route.path): route for route in plain for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for a data route; pass others on, and HEAD as GET."""
        route = self._route_of(scope) if scope["type"] == "http" else None
        if route is None:
            if scope["type"] == "http" and scope["method"] == "HEAD":
                await respond_to_head(self, scope, receive, send)
            else:
                await self._app(scope, receive, send)
            return
        scope["app"], scope["route"] = self._described, route
        request, failure = StrictRequest(scope, receive), None
        try:
            response = await route.respond(request)
        except Exception as error:
            response, failure = await respond_to_error(request, error)
        await response(scope, receive, send)
        if failure:
            raise failure

    def _route_of(self, scope: Scope) -> DataRoute | None:
        method, path = scope["method"], scope["path"]
        route = self._by_path.get((method, path))
        if route is None:
            for candidate in self._with_parameters:
                if method in (candidate.methods or ()) and (match := candidate.path_regex.match(path)):
                    scope["path_params"] = match.groupdict()
                    return candidate
        return route


def _plain_query(text: bytes, names: Collection[bytes]) -> PlainQuery | None:
    """Parse a query that needs no decoding; return None for any other."""
    latents: list[float] = []
    model: dict[bytes, bytes] = {}
    for part in text.split(b"&"):
        name, _, value = part.partition(b"=")
        pattern = PLAIN_VALUES.get(name)
        if pattern is None or name in model or name not in names or not pattern.fullmatch(value):
            return None
        if name == b"seed":
            latents.append(float(value))
        else:
            model[name] = value
    job_id, iteration = model.get(b"job_id"), model.get(b"iteration")
    return PlainQuery(latents, job_id.decode() if job_id else None, int(iteration) if iteration is not None else None)
