"""The connection: what a client owes the server and until when, how long a head may be, and what is no HTTP.

uvicorn waits for a request for as long as a client takes. Here each connection has a moment by which the head, or more
of the body, has to be there; the server looks once a second who is late. Answers must be taken in as well: a connection
whose client takes nothing for a while is closed, while a stream with nothing to send may be quiet for as long as it is.
"""

import asyncio
import time
from collections.abc import Iterable
from itertools import chain
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.api.limits import (
    BODY_BYTES_PER_SECOND,
    BODY_SECONDS,
    HEAD_SECONDS,
    LINGER_SECONDS,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_URL_BYTES,
    WRITE_SECONDS,
)
from service.api.middleware.request_log import NO_ROUTE, RequestRecord, add_headers, new_request_id, request_id_in
from service.api.problems import REFUSALS, V2, is_v2, problem_body
from service.server.write_buffer import BufferedTransport

LOOK_SECONDS = 1.0


class RequestRefusedError(Exception):
    """A request that is refused before it is whole, with the status that says why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class HttpConnection(HttpToolsProtocol):
    """uvicorn's connection, which does not wait for ever and does not take everything."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        now, self.url = self.loop.time(), b""
        self._due: float | None = now + HEAD_SECONDS  # when the rest of the request has to be there; None: it is
        self._unfruitful = 0  # bytes in a row that brought neither a head's end nor a part of a body
        self._in_body, self._refused = False, False
        self._answering: RequestResponseCycle | None = None  # whose turn it is; `cycle` is the last that came
        self._unsent, self._last_taken = 0, now

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(BufferedTransport(transport, self.loop))  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone: what is being answered ends, also where another request has come behind it."""
        if self._answering is not None and self._is_busy:
            self._answering.disconnected = True
            self._answering.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what the client sent."""
        self._unset_keepalive_if_required()
        if self._refused:
            return
        if self._due is None:
            self._due = self.loop.time() + HEAD_SECONDS
        self._unfruitful += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.cycle.keep_alive = False  # to nothing that we know: an answer, and no more
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause.status if isinstance(cause, RequestRefusedError) else 400)
        else:
            if self._unfruitful > MAX_HEAD_BYTES:
                self._refuse(431)

    def on_url(self, url: bytes) -> None:
        """A part of the URL."""
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES:
            raise RequestRefusedError(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those that come after a body are nothing to us."""
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole: the request is handed to the application."""
        if len(self.headers) > MAX_HEADERS or sum(map(len, chain.from_iterable(self.headers))) > MAX_HEAD_BYTES:
            raise RequestRefusedError(431)
        if sum(name == b"host" for name, _ in self.headers) != 1:
            raise RequestRefusedError(400)
        super().on_headers_complete()
        self._in_body, self._unfruitful, self._due = True, 0, self.loop.time() + BODY_SECONDS

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        super().on_body(body)
        self._unfruitful = 0
        if self._due is not None and not self.cycle.response_complete:
            self._due = min(self._due + len(body) / BODY_BYTES_PER_SECOND, self.loop.time() + BODY_SECONDS)

    def on_message_complete(self) -> None:
        """The request is whole."""
        super().on_message_complete()
        self._in_body, self._unfruitful, self._due = False, 0, None

    def on_response_complete(self) -> None:
        """The answer is given; where it came before the body's end, the rest has a moment to come."""
        super().on_response_complete()
        if self._in_body:
            self._due = self.loop.time() + BODY_SECONDS

    def resume_writing(self) -> None:
        """The client has taken in most of what waited for it."""
        super().resume_writing()
        self._last_taken = self.loop.time()

    def shutdown(self) -> None:
        """The server stops: answer what has come, and turn away what has not come yet."""
        if self._in_body or (self._due is not None and not self._is_busy):
            self._refuse(503)
        else:
            super().shutdown()

    def close_if_late(self, now: float) -> None:
        """End the connection if its client is late in sending, or in taking in what is sent to it."""
        unsent = self.transport.get_write_buffer_size()
        if unsent < self._unsent or not unsent:
            self._last_taken = now
        self._unsent = unsent
        if now - self._last_taken > WRITE_SECONDS:
            self.transport.abort()
        elif self._due is not None and now > self._due:
            if self._refused:
                self.transport.abort()
            elif self.flow.read_paused or (self._is_busy and not self._in_body):
                self._due = now + BODY_SECONDS  # it is we who do not read, or have yet to answer
            else:
                self._refuse(408)

    def abort_if_unread(self) -> None:
        """End the connection if its client has yet to take in what was sent to it."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    @property
    def _is_busy(self) -> bool:
        return self._answering is not None and not self._answering.response_complete

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _refuse(self, status: int) -> None:
        """Say why, if a request waits for an answer of which nothing is on its way, and end the connection."""
        cycle = self._answering if self._is_busy else None
        waits = not cycle.response_started if cycle else self._unfruitful > 0 and not self._in_body
        if waits:
            asked = self.url.partition(b"?")[0].decode(errors="replace")
            path = cycle.scope["path"] if cycle else V2 if is_v2(asked) else "/"  # no more of a head that is refused
            self.transport.write(_refusal(path, status, self._refused_id(status, cycle)))
        if cycle:
            cycle.disconnected = True
            cycle.message_event.set()
        self.pipeline.clear()
        self._answering, self._in_body, self._unfruitful = None, False, 0  # nothing waits any more
        if waits and status in (400, 414, 431):
            self.transport.write_eof()
            self._refused, self._due = True, self.loop.time() + LINGER_SECONDS
        else:
            self.transport.close()

    def _refused_id(self, status: int, cycle: RequestResponseCycle | None) -> bytes:
        """The id of a refused request; the application tells of those that it has, and of the rest is told here."""
        if cycle is not None:
            scope: Any = cycle.scope
            scope["refused"] = status
            return request_id_in(scope)
        now, request_id, requests = self.loop.time(), new_request_id(), self.app_state["requests"]
        seconds = now - self._due + HEAD_SECONDS if self._due is not None else 0
        requests.add(RequestRecord(time.time(), "-", NO_ROUTE, status, seconds, request_id, None, self.client))
        return request_id


class ConnectionReaper:
    """Who looks after all connections."""

    def __init__(self) -> None:
        self._last_tick = self._last_look = 0.0
        self._has_waited = False

    def tick(self, connections: Iterable[Any], now: float) -> None:
        """Close those that are late, once a second; a second later where the server paused, and has yet to read."""
        pause, self._last_tick = now - self._last_tick, now
        if pause > LOOK_SECONDS and not self._has_waited:
            self._has_waited, self._last_look = True, now
        elif now - self._last_look >= LOOK_SECONDS:
            self._has_waited, self._last_look = False, now
            for connection in list(connections):
                connection.close_if_late(now)

    def abort_unread(self, connections: Iterable[Any]) -> None:
        """End those whose clients have yet to take in what was sent to them."""
        for connection in list(connections):
            connection.abort_if_unread()


def _refusal(path: str, status: int, request_id: bytes) -> bytes:
    """The whole answer to a request that the application has not answered, and will not."""
    body, media_type = problem_body(path, status, *REFUSALS[status])
    headers = [
        (b"content-type", media_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    lines = [b"%b: %b\r\n" % header for header in add_headers(headers, request_id)]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])
