"""Route classes: strict JSON bodies, and fast paths around FastAPI's dependency machinery."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, get_origin, get_type_hints
from urllib.parse import parse_qsl

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from service.errors import UnsupportedMediaTypeError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Query = TypeVar("Query", bound=BaseModel)


class StrictRequest(Request):
    """A request whose body is strict JSON: no NaN, no lone surrogates, no deep nesting."""

    async def json_body(self) -> bytes:
        """Read the body, which is empty or declared as JSON.

        Raises:
            UnsupportedMediaTypeError: the Content-Type is another.
        """
        body = await self.body()
        if body and self.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaTypeError
        return body

    async def json(self) -> Any:
        """Parse the body.

        Raises:
            json.JSONDecodeError: it is not JSON.
        """
        return orjson.loads(await self.body())


def parse_query(request: Request, model: type[Query]) -> Query:
    """Validate the query parameters.

    Raises:
        RequestValidationError: they are not valid.
    """
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise validation_error("query", error) from None


def validation_error(place: str, error: ValidationError) -> RequestValidationError:
    """Convert an error of pydantic, without the values that the client sent; `place` is "query" or "body"."""
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    return RequestValidationError([{**mistake, "loc": (place, *mistake["loc"])} for mistake in mistakes])


class DescribedRoute(APIRoute):
    """A route with the endpoint's docstring as its summary and the endpoint's name as its operation id."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["summary"] = (endpoint.__doc__ or "").removesuffix(".")
        options["operation_id"] = endpoint.__name__
        super().__init__(path, endpoint, **options)
        self.description = ""


class StrictRoute(DescribedRoute):
    """A route that accepts JSON bodies only."""

    def get_route_handler(self) -> Handler:
        """Check the body before FastAPI's handler."""
        handler = super().get_route_handler()

        async def strict_handler(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            if request.method == "POST":
                await strict.json_body()
            return await handler(strict)

        return strict_handler


class BareRoute(DescribedRoute):
    """A route for thousands of requests a second: FastAPI describes it, and `respond` handles its requests."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await (await self.respond(StrictRequest(scope, receive)))(scope, receive, send)

        self.app = app  # FastAPI's own opens two exit stacks for dependencies, which these endpoints don't have

    async def respond(self, request: StrictRequest) -> Response:
        """Call the endpoint with the request and the path's parameters."""
        response: Response = await self.endpoint(request, **request.path_params)
        return response


class DirectRoute(BareRoute):
    """A bare route whose endpoint takes the request and one model, from the query (GET) or the body (POST)."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        hints = get_type_hints(endpoint)
        self._model: type[BaseModel] = hints.get("query") or hints["body"]
        fields = self._model.model_fields.items()
        self._list_fields = [name for name, field in fields if get_origin(field.annotation) is list]

    async def respond(self, request: StrictRequest) -> Response:
        """Call the endpoint with the request and the model."""
        try:
            if request.method == "POST":
                place, body = "body", await request.json_body()
                values = self._model.model_validate_json(body) if body else self._model.model_validate({})
            else:
                place, pairs = "query", parse_qsl(request.scope["query_string"].decode("latin-1"), True)
                lists = {name: [value for key, value in pairs if key == name] for name in self._list_fields}
                present = {name: items for name, items in lists.items() if items}
                values = self._model.model_validate(dict(pairs) | present)
        except ValidationError as error:
            raise validation_error(place, error) from None
        response: Response = await self.endpoint(request, values)
        return response
