"""Request id, security headers, access log and request metrics."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Iterable, MutableMapping
from itertools import count
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.telemetry.logs import Event, current_request_id, log_events
from service.telemetry.metrics import Metrics

CLIENT_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")  # X-Request-ID values that are adopted
SECURITY_HEADERS = [(b"cross-origin-resource-policy", b"same-origin"), (b"x-content-type-options", b"nosniff")]
DEFAULT_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")  # pages have their own
NO_ROUTE = "none"
# Their successes say every few seconds that all is well, and are logged for debugging only.
PROBES = {"/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready", "/v2/models/{name}/ready"}
DELAY_SECONDS, MAX_PENDING = 0.02, 64  # many at once are recorded faster than one by one
_process_id, _numbers = secrets.token_hex(6).encode(), count(1)
log = logging.getLogger(__name__)
Header = tuple[bytes, bytes]
Request = tuple[str, str, int, float, bytes, str | None, tuple[str, int] | None]  # its fields, as in `write`


class RequestLog:
    """The access log and the request metrics. Requests are recorded together, at most `DELAY_SECONDS` later."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._pending: list[tuple[float, Request]] = []

    def add(self, request: Request) -> None:
        """Record a finished request, alone or with those that follow."""
        self._pending.append((time.time(), request))
        if len(self._pending) == 1:
            asyncio.get_running_loop().call_later(DELAY_SECONDS, self.write)
        elif len(self._pending) >= MAX_PENDING:
            self.write()

    def write(self) -> None:
        """Record the requests that wait: each by its route, because the path and the query may contain secrets."""
        pending, self._pending = self._pending, []
        events: list[Event] = []
        for finished_at, (method, route, status, seconds, request_id, key, client) in pending:
            self._metrics.record_request(method, route, status, seconds)
            level = logging.DEBUG if status == 200 and route in PROBES else logging.INFO
            if log.isEnabledFor(level):
                values = {
                    "method": method,
                    "route": route,
                    "status": status,
                    "milliseconds": round(seconds * 1000, 3),
                    "request_id": request_id.decode(),
                    "key": key,
                    "client": client[0] if client else None,
                }
                events.append((finished_at, level, values))
        if events:
            log_events(log, "request", events)


class RequestLogMiddleware:
    """The outermost middleware: it records every request and completes every response.

    Access control sets `scope["key"]` to the name of the API key. If the connection refuses a request that the
    application has, it sets `scope["refused"]` to the status that it sent to the client.
    """

    def __init__(self, app: ASGIApp, request_log: RequestLog) -> None:
        self._app, self._log = app, request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, request_id = time.perf_counter(), 0, request_id_in(scope)
        current_request_id.set(request_id)  # never reset: uvicorn logs a failure later, in the same task

        def send_with_headers(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = add_headers(message["headers"], request_id)
            return send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "") or scope.get("root_path") or NO_ROUTE
            outcome = scope.get("refused", status), seconds, request_id, scope.get("key"), scope.get("client")
            self._log.add((scope["method"], route, *outcome))


def request_id_in(scope: MutableMapping[str, Any]) -> bytes:
    """Return the request's id: the client's X-Request-ID if it is short and plain, else a new one."""
    request_id: bytes | None = scope.get("request_id")
    if request_id is None:
        sent = dict(scope["headers"]).get(b"x-request-id", b"")
        scope["request_id"] = request_id = sent if CLIENT_ID.fullmatch(sent) else new_request_id()
    return request_id


def new_request_id() -> bytes:
    """Return a unique id."""
    return b"%b-%x" % (_process_id, next(_numbers))


def add_headers(headers: Iterable[Header], request_id: bytes) -> list[Header]:
    """Add the request id and the security headers to a response's headers."""
    complete = [*headers, (b"x-request-id", request_id), *SECURITY_HEADERS]
    if DEFAULT_POLICY[0] not in dict(headers):
        complete.append(DEFAULT_POLICY)
    return complete
