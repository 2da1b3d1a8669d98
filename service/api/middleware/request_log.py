"""What surrounds each request: an id, security headers on its answer, its line in the log, and its figures."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Iterable, MutableMapping
from itertools import count
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.telemetry.logs import LogFormat, current_request_id, write_lines
from service.telemetry.metrics import Metrics

SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
SECURITY_HEADERS = [
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
]
NOTHING_ALLOWED = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")  # pages have their own
NO_ROUTE = "none"
_process, _numbers = secrets.token_hex(6).encode(), count(1)
log = logging.getLogger(__name__)
Header = tuple[bytes, bytes]


class RequestRecord(NamedTuple):
    """A request that has been answered, or given up."""

    at: float
    method: str
    route: str
    status: int
    seconds: float
    request_id: bytes
    key: str | None
    client: tuple[str, int] | None

    @property
    def fields(self) -> dict[str, object]:
        """What the log says of it: the route and not the path, and no query, for these may hold secrets."""
        return {
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "milliseconds": round(self.seconds * 1000, 3),
            "request_id": self.request_id.decode(),
            "key": self.key,
            "client": self.client[0] if self.client else None,
        }


class RequestMetrics:
    """What is told of requests: a line in the log, and the figures.

    It is told of all at once that were answered in the same turn of the event loop, after them.
    """

    def __init__(self, metrics: Metrics, log_format: LogFormat) -> None:
        self._metrics, self._form = metrics, log_format
        self._answered: list[RequestRecord] = []

    def add(self, request: RequestRecord) -> None:
        """A request has been answered, or given up."""
        if not self._answered:
            asyncio.get_running_loop().call_soon(self._tell)
        self._answered.append(request)

    def _tell(self) -> None:
        answered, self._answered = self._answered, []
        for request in answered:
            self._metrics.requests.record(request.method, request.route, request.status, request.seconds)
        write_lines(self._form, log, "request", ((request.at, request.fields) for request in answered))


class RequestLogMiddleware:
    """The outermost layer of the application: whatever is answered, failures included, passes through it.

    The layers below say in `scope["key"]` whose key a request came with. The connection says in `scope["refused"]`
    with which status it has answered, by itself, in the middle of a request: that is what the client has been told,
    whatever the application answers to nobody. Such an answer has the id that is in `scope["request_id"]`.
    """

    def __init__(self, app: ASGIApp, requests: RequestMetrics) -> None:
        self._app, self._requests = app, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and its answer back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, request_id = time.perf_counter(), 0, request_id_in(scope)
        current_request_id.set(request_id)  # never reset: uvicorn logs a failure later, in the same task

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = add_headers(message["headers"], request_id)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "") or scope.get("root_path") or NO_ROUTE
            told = scope.get("refused", status), seconds, request_id, scope.get("key"), scope.get("client")
            self._requests.add(RequestRecord(time.time(), scope["method"], route, *told))


def request_id_in(scope: MutableMapping[str, Any]) -> bytes:
    """A request's id, which stays the same: the one that the client gave it, if short and plain, or a new one."""
    request_id: bytes | None = scope.get("request_id")
    if request_id is None:
        given = (value for name, value in scope["headers"] if name == b"x-request-id" and SANE_ID.fullmatch(value))
        scope["request_id"] = request_id = next(given, None) or new_request_id()
    return request_id


def new_request_id() -> bytes:
    """An id that no other request has."""
    return b"%b-%x" % (_process, next(_numbers))


def add_headers(headers: Iterable[Header], request_id: bytes) -> list[Header]:
    """An answer's headers, completed."""
    own = [*headers, (b"x-request-id", request_id), *SECURITY_HEADERS]
    if not any(name == b"content-security-policy" for name, _ in headers):
        own.append(NOTHING_ALLOWED)
    return own
