"""Calls: requests with the parsers of their responses, which either client sends."""

import functools
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, Literal, ParamSpec, Protocol, TypeVar, overload
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from gan1010.client.errors import ClientError
from gan1010.client.json_content import non_finite_place, plain
from gan1010.client.responses import Job

P = ParamSpec("P")
T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)
Format = Literal["png", "svg"]


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """A request and the parser of its response. Parameters that are None are not sent.

    An idempotent call can be sent again when the service may have acted on it already. `success_statuses` are expected
    besides 2xx.
    """

    method: str = "GET"
    path: str
    parser: Callable[[httpx.Response], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    is_idempotent: bool = True
    success_statuses: frozenset[int] = frozenset()

    def build_request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """Build the request, with a read timeout that allows for the time the service is asked to wait.

        Raises:
            ValueError: the body has a number that is not finite, or text that UTF-8 cannot encode.
        """
        timeout = http.timeout.as_dict()
        if timeout["read"] is not None:
            timeout["read"] += self.params.get("wait", 0)
        try:
            return http.build_request(
                self.method,
                self.path,
                params={name: value for name, value in self.params.items() if value is not None},
                headers=self.headers,
                json=plain(self.json),
                extensions={"timeout": timeout},
            )
        except ValueError:
            if place := non_finite_place(plain(self.json)):
                raise ValueError(f"{place} is not a finite number") from None
            raise

    def is_success(self, response: httpx.Response) -> bool:
        """Return whether the response is one to parse."""
        return response.is_success or response.status_code in self.success_statuses

    def parse(self, response: httpx.Response) -> T:
        """Parse a successful response; raise a ClientError if it is not one of gan1010's."""
        try:
            return self.parser(response)
        except ValueError as error:
            raise ClientError(f"{response.request.url} did not send a gan1010 response: {error}") from error


class _Sender(Protocol):
    def send(self, call: Call[T]) -> T: ...


class _AsyncSender(Protocol):
    def send(self, call: Call[T]) -> Awaitable[T]: ...


class Endpoint(Generic[P, T]):
    """Decorator of a method that builds a call: the client sends the call."""

    def __init__(self, build: Callable[Concatenate[Any, P], Call[T]]) -> None:
        self.build = build

    @overload
    def __get__(self, client: _Sender, owner: type) -> Callable[P, T]: ...

    @overload
    def __get__(self, client: _AsyncSender, owner: type) -> Callable[P, Awaitable[T]]: ...

    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self.build

        @functools.wraps(self.build)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.send(self.build(client, *args, **kwargs))

        return method


def url_path(*parts: str | int) -> str:
    """Join percent-encoded parts to a path."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def get(path: str, parser: Callable[[httpx.Response], T], accept: str = "*/*", **params: Any) -> Call[T]:
    """Return a GET request that accepts a media type."""
    return Call(path=path, parser=parser, headers={"Accept": accept}, params=params)


def post(path: str, model: type[ModelT], body: Any = None, *, is_idempotent: bool = True) -> Call[ModelT]:
    """Return a POST request whose response is a model."""
    return Call(method="POST", path=path, json=body, parser=parse_as(model), is_idempotent=is_idempotent)


def start(path: str, wait: float, idempotency_key: str | None, body: Any = None) -> Call[Job]:
    """Return a POST request that starts a job; the key makes it idempotent."""
    headers, params = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}, {"wait": wait}
    return Call(method="POST", path=path, params=params, headers=headers, json=body, parser=parse_as(Job))


def parse_as(model: type[ModelT]) -> Callable[[httpx.Response], ModelT]:
    """Return the parser of a JSON response."""
    return lambda response: model.model_validate_json(response.content)


def content(response: httpx.Response) -> bytes:
    """Return the body of a response."""
    return response.content


def text(response: httpx.Response) -> str:
    """Return the body of a response as text."""
    return response.text
