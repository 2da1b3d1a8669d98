"""Load generator: it counts every response and its status."""

import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import closing
from typing import Any

import pytest
import uvicorn

from tests.benchmarks.load import Connection, request, send_load, send_load_in_subprocess

Message = MutableMapping[str, Any]
LONG_BODY = b"x" * 500_000


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Respond with the status, the long body or the echo that the path names."""
    message = await receive()
    body = {"/long": LONG_BODY, "/echo": message["body"]}.get(scope["path"], b"")
    status = int(scope["path"].removeprefix("/status/")) if scope["path"].startswith("/status/") else 200
    headers = [(b"Content-Length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def test_every_response_is_counted(port: int) -> None:
    load = send_load_in_subprocess(port, request("GET", "/"), 200)
    assert (load.responses, load.errors, load.statuses) == (200, 0, {"200": 200})
    assert load.seconds > 0
    assert load.rate == pytest.approx(200 / load.seconds)


def test_errors_are_counted(port: int) -> None:
    load = send_load(port, request("GET", "/status/503"), 20)
    assert (load.responses, load.errors, load.statuses) == (20, 20, {"503": 20})


def test_response_in_several_chunks_is_counted_once(port: int) -> None:
    assert send_load(port, request("GET", "/long"), 20).statuses == {"200": 20}


def test_fewer_requests_than_connections(port: int) -> None:
    assert send_load(port, request("GET", "/"), 3).responses == 3


def test_connection_is_kept_alive_and_returns_the_body(port: int) -> None:
    with closing(Connection(port)) as connection:
        assert connection.fetch(request("POST", "/echo", {"vectors": [[0.5]]})) == (200, b'{"vectors":[[0.5]]}')
        assert connection.fetch(request("GET", "/long")) == (200, LONG_BODY)
