"""The load generator against an app that is known: it counts every answer, and tells which were not 200."""

import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import closing
from typing import Any

import pytest
import uvicorn

from tests.benchmarks.load import Connection, hammer, hammer_elsewhere, request

Message = MutableMapping[str, Any]
LONG = b"x" * 500_000


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answers as the path says: its status, or at length, or what came in."""
    message = await receive()
    body = {"/long": LONG, "/echo": message["body"]}.get(scope["path"], b"")
    status = int(scope["path"].removeprefix("/status/")) if scope["path"].startswith("/status/") else 200
    headers = [(b"Content-Length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def test_counts_every_answer(port: int) -> None:
    load = hammer_elsewhere(port, request("GET", "/"), 200)
    assert (load.answers, load.errors, load.statuses) == (200, 0, {"200": 200})
    assert load.seconds > 0
    assert load.rate == pytest.approx(200 / load.seconds)


def test_tells_other_statuses(port: int) -> None:
    load = hammer(port, request("GET", "/status/503"), 20)
    assert (load.answers, load.errors, load.statuses) == (20, 20, {"503": 20})


def test_counts_an_answer_in_many_pieces_once(port: int) -> None:
    assert hammer(port, request("GET", "/long"), 20).statuses == {"200": 20}


def test_fewer_requests_than_connections(port: int) -> None:
    assert hammer(port, request("GET", "/"), 3).answers == 3


def test_a_connection_is_kept_and_hands_out_the_body(port: int) -> None:
    with closing(Connection(port)) as connection:
        assert connection.ask(request("POST", "/echo", {"vectors": [[0.5]]})) == (200, b'{"vectors":[[0.5]]}')
        assert connection.ask(request("GET", "/long")) == (200, LONG)
