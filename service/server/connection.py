"""HTTP connection with header, body and write timeouts, and with limits on the head.

uvicorn waits for a request without limit. Here each connection has a deadline for the head or for more of the body,
which the server checks once a second. A connection is also closed if its client stops reading the response; a stream
that has nothing to send may stay open.
"""

import asyncio
from itertools import chain
from typing import Any

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.api import limits, problems
from service.api.middleware.request_log import NO_ROUTE, add_headers, new_request_id, request_id_in
from service.api.problems import ProblemType
from service.server.write_buffer import BufferedTransport


class RequestRefusedError(Exception):
    """The connection refuses a request before it is complete."""

    def __init__(self, problem: ProblemType) -> None:
        super().__init__(problem.title)
        self.problem = problem


class HttpConnection(HttpToolsProtocol):
    """uvicorn's connection with deadlines and limits."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        now, self.url = self.loop.time(), b""
        self._deadline: float | None = now + limits.HEAD_SECONDS  # for the rest of the request; None if complete
        self._bytes_without_progress = 0  # received since the last complete head or part of a body
        self._in_body, self._is_idle, self._has_refused = False, False, False
        self._current: RequestResponseCycle | None = None  # in progress; `cycle` is the last one received
        self._unsent_bytes, self._last_read = 0, now

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wrap the transport of a new connection."""
        super().connection_made(BufferedTransport(transport, self.loop))  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        """End the current request, also if the client has pipelined another behind it."""
        if self._current is not None and self._is_busy:
            self._current.disconnected = True
            self._current.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what the client sent, within the limits."""
        if self._has_refused:
            return
        if self._deadline is None or self._is_idle:
            self._deadline, self._is_idle = self.loop.time() + limits.HEAD_SECONDS, False
        self._bytes_without_progress += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # no upgrade is supported: send the response, then close
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause.problem if isinstance(cause, RequestRefusedError) else problems.MALFORMED_REQUEST)
        else:
            if self._bytes_without_progress > limits.MAX_HEAD_BYTES:
                self._refuse(problems.HEAD_TOO_LARGE)

    def on_url(self, url: bytes) -> None:
        """Check the URL's length."""
        super().on_url(url)
        if len(self.url) > limits.MAX_URL_BYTES:
            raise RequestRefusedError(problems.URL_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header; ignore trailers and headers without a value, except for Host, which must come once."""
        if not self._in_body and (value or name.lower() == b"host"):
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Check the head, and start the application."""
        size = sum(map(len, chain.from_iterable(self.headers)))
        if len(self.headers) > limits.MAX_HEADERS or size > limits.MAX_HEAD_BYTES:
            raise RequestRefusedError(problems.HEAD_TOO_LARGE)
        hosts = [name for name, _ in self.headers].count(b"host")
        if hosts > 1 or (not hosts and self.parser.get_http_version() != "1.0"):
            raise RequestRefusedError(problems.MALFORMED_REQUEST)
        super().on_headers_complete()
        self._in_body, self._bytes_without_progress, self._deadline = True, 0, self.loop.time() + limits.BODY_SECONDS

    def on_body(self, body: bytes) -> None:
        """Extend the deadline by the time that this part may take."""
        super().on_body(body)
        self._bytes_without_progress = 0
        if self._deadline is not None and not self.cycle.response_complete:
            extended = self._deadline + len(body) / limits.BODY_BYTES_PER_SECOND
            self._deadline = min(extended, self.loop.time() + limits.BODY_SECONDS)

    def on_message_complete(self) -> None:
        """Drop the deadline of a complete request."""
        super().on_message_complete()
        self._in_body, self._bytes_without_progress, self._deadline = False, 0, None

    def on_response_complete(self) -> None:
        """Start the next request of a pipeline, or set a deadline for it, or for the rest of an unread body.

        uvicorn's own method would set a timer for each request.
        """
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._in_body:
            self._deadline = self.loop.time() + limits.BODY_SECONDS
        elif self._deadline is None:
            self._deadline, self._is_idle = self.loop.time() + self.timeout_keep_alive, True

    def resume_writing(self) -> None:
        """Note that the client is reading."""
        super().resume_writing()
        self._last_read = self.loop.time()

    def shutdown(self) -> None:
        """Finish the current response, and refuse requests that are not complete."""
        if self._in_body or (self._deadline is not None and not self._is_busy):
            self._refuse(problems.STOPPING)
        else:
            super().shutdown()

    def close_if_late(self, now: float) -> None:
        """Close the connection if its client is late in sending or in reading."""
        unsent = self.transport.get_write_buffer_size()
        if unsent < self._unsent_bytes or not unsent:
            self._last_read = now
        self._unsent_bytes = unsent
        if now - self._last_read > limits.WRITE_SECONDS:
            self.transport.abort()
        elif self._deadline is not None and now > self._deadline:
            if self._has_refused:
                self.transport.abort()
            elif self.flow.read_paused or (self._is_busy and not self._in_body):
                self._deadline = now + limits.BODY_SECONDS  # the server is the one that is late
            else:
                self._refuse(problems.TOO_SLOW)

    @property
    def _is_busy(self) -> bool:
        return self._current is not None and not self._current.response_complete

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._current = cycle
        super()._start_asgi_task(cycle, app)

    def _refuse(self, problem: ProblemType) -> None:
        """Send a problem if a request waits for its response, and close the connection."""
        cycle = self._current if self._is_busy else None
        is_waiting = not cycle.response_started if cycle else self._bytes_without_progress > 0 and not self._in_body
        if is_waiting:
            path = cycle.scope["path"] if cycle else self._safe_path()
            self.transport.write(_response_bytes(path, problem, self._log_refusal(problem.status, cycle)))
        if cycle:
            cycle.disconnected = True
            cycle.message_event.set()
        self.pipeline.clear()
        self._current, self._in_body, self._bytes_without_progress = None, False, 0
        if is_waiting and problem in (problems.MALFORMED_REQUEST, problems.URL_TOO_LONG, problems.HEAD_TOO_LARGE):
            self.transport.write_eof()  # the client may still be sending: let it read the response first
            self._has_refused, self._deadline = True, self.loop.time() + limits.LINGER_SECONDS
        else:
            self.transport.close()

    def _safe_path(self) -> str:
        """Return a path of the same API as a refused head's URL, with nothing of the URL itself."""
        path = self.url.partition(b"?")[0].decode(errors="replace")
        return problems.V2 if problems.is_v2(path) else "/"

    def _log_refusal(self, status: int, cycle: RequestResponseCycle | None) -> bytes:
        """Log a refused request and return its id; the middleware logs a request that the application has."""
        if cycle is not None:
            scope: Any = cycle.scope
            scope["refused"] = status
            return request_id_in(scope)
        now, request_id = self.loop.time(), new_request_id()
        seconds = now - self._deadline + limits.HEAD_SECONDS if self._deadline is not None else 0
        self.app_state["request_log"].add(("-", NO_ROUTE, status, seconds, request_id, None, self.client))
        return request_id


def _response_bytes(path: str, problem: ProblemType, request_id: bytes) -> bytes:
    body = orjson.dumps(problems.problem_content(path, problem))
    headers = [
        (b"content-type", problems.media_type_of(path).encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    lines = [b"%b: %b\r\n" % header for header in add_headers(headers, request_id)]
    return b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body])
