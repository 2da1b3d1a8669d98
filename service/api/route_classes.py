"""Routes: what of a request is read, and how strictly."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, get_origin, get_type_hints
from urllib.parse import parse_qsl

import orjson
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.types import Receive, Scope, Send

from service.errors import BodyTooLargeError, UnsupportedMediaTypeError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
Query = TypeVar("Query", bound=BaseModel)


class StrictRequest(Request):
    """A request whose body is not too large, and JSON by the letter: no NaN, no lone surrogates, no endless nesting."""

    async def body(self) -> bytes:
        """The body, declared or in chunks.

        Raises:
            BodyTooLargeError: before more than the limit has been taken in.
        """
        if not hasattr(self, "_body"):
            limit, body = self.app.state.services.settings.max_body_bytes, bytearray()
            if int(self.headers.get("content-length", 0)) > limit:
                raise BodyTooLargeError
            async for chunk in self.stream():
                body += chunk
                if len(body) > limit:
                    raise BodyTooLargeError
            self._body = bytes(body)
        return self._body

    async def json_body(self) -> bytes:
        """The body, which is JSON by its declaration, or empty.

        Raises:
            UnsupportedMediaTypeError: it is declared as something else.
        """
        body = await self.body()
        if body and self.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaTypeError("send the body with Content-Type: application/json")
        return body

    async def json(self) -> Any:
        """The body's value.

        Raises:
            json.JSONDecodeError: it is not JSON.
        """
        return orjson.loads(await self.body())


def parse_query(request: Request, model: type[Query]) -> Query:
    """The query, as a model has it.

    Raises:
        RequestValidationError: it is not such a query.
    """
    try:
        return model.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise validation_error("query", error) from None


def validation_error(place: str, error: ValidationError) -> RequestValidationError:
    """What is wrong with the query or the body, without what was sent."""
    mistakes = error.errors(include_url=False, include_context=False, include_input=False)
    return RequestValidationError([{**mistake, "loc": (place, *mistake["loc"])} for mistake in mistakes])


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


class BareRoute(DescribedRoute):
    """A route for what is asked thousands of times a second: FastAPI describes it, and stays out of its way."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        answer = self.get_route_handler()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await (await answer(Request(scope, receive)))(scope, receive, send)

        self.app = app  # FastAPI's own opens two stacks for what dependencies leave open: here there are none


class DirectRoute(BareRoute):
    """A bare route whose endpoint takes the request and one model, made of the query (GET) or of the body (POST)."""

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
                    place, pairs = "query", parse_qsl(request.scope["query_string"].decode("latin-1"), True)
                    several = {name: [value for key, value in pairs if key == name] for name in lists}
                    given = model.model_validate(
                        dict(pairs) | {name: found for name, found in several.items() if found}
                    )
            except ValidationError as error:
                raise validation_error(place, error) from None
            answer: Response = await self.endpoint(request, given)
            return answer

        return directly
