"""Data plane: an ASGI application that serves the frequent requests beside FastAPI, which describes them."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, get_type_hints

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.compression import MIN_COMPRESSED_BYTES
from service.api.head_requests import respond_to_head
from service.api.route_classes import DescribedRoute, StrictRequest, complete_response

MAX_KNOWN_PATHS = 128  # whose routes need no search


class DataRoute(DescribedRoute):
    """A route that FastAPI describes and the data plane serves.

    The endpoint takes a `StrictRequest` with the path's parameters, which are not checked, or a model named `query`. It
    validates a body by itself, and its `ValidationError` becomes a 422.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self.app = _raise_error  # FastAPI gets only the requests that fail, and responds to their errors
        model: type[BaseModel] | None = get_type_hints(endpoint).get("query")
        self._validate_query = model.__pydantic_validator__.validate_python if model else None  # half of model_validate

    async def respond(self, request: StrictRequest, parameters: dict[str, Any]) -> Response:
        """Validate the query and call the endpoint with the path's parameters; compress a long text."""
        query, place = self.read_query(request), "query"
        try:
            if self._validate_query:
                parameters = {"query": self._validate_query(query)}
            place = "body"
            response: Response = await self.endpoint(request, **parameters)
        except ValidationError as error:
            mistakes = error.errors(include_url=False, include_context=False, include_input=False)
            raise RequestValidationError(
                [{**mistake, "loc": (place, *mistake["loc"])} for mistake in mistakes]
            ) from None
        if len(response.body) >= MIN_COMPRESSED_BYTES:
            response = await complete_response(request, response, is_conditional=False)
        return response


async def _raise_error(scope: Scope, receive: Receive, send: Send) -> None:
    raise scope["error"]


class DataPlane:
    """The data routes of an application, in front of it."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app, self._routes = app, [route for route in routes if isinstance(route, DataRoute)]
        self._find = lru_cache(MAX_KNOWN_PATHS)(self._match)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request for a data route, HEAD as GET; pass on others, and those that fail."""
        if scope["type"] == "http":
            if scope["method"] == "HEAD":
                await respond_to_head(self, scope, receive, send)
                return
            if found := self._find(scope["method"], scope["path"]):
                scope["route"], parameters = found
                try:
                    response = await scope["route"].respond(StrictRequest(scope, receive), parameters)
                except Exception as error:
                    scope["error"] = error
                else:
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    def _match(self, method: str, path: str) -> tuple[DataRoute, dict[str, str]] | None:
        """Return the route of a request and the parameters of its path."""
        for route in self._routes:
            if method in (route.methods or ()) and (match := route.path_regex.match(path)):
                return route, match.groupdict()
        return None
