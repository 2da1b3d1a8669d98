"""Connections as they come over the wire: slow ones, endless ones, and what is no HTTP, at a real server."""

import json
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.clients import Server, running_server
from tests.support.contract import Json, start_running_job, train
from tests.support.server_setup import shorten_write_timeout

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
POST = b"POST /score HTTP/1.1\r\nHost: localhost\r\n" + JSON
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SEAL = {
    b"x-content-type-options: nosniff",
    b"cross-origin-resource-policy: same-origin",
    b"content-security-policy: default-src 'none'; frame-ancestors 'none'",
}
KIB, MIB = 2**10, 2**20


@pytest.fixture(scope="module")
def address(server: Server) -> tuple[str, int]:
    url = httpx.URL(server.url)
    return url.host, url.port or 80


@pytest.fixture
def streaming(tmp_path: Path) -> Iterator[tuple[Server, httpx.Client, str]]:
    """A server, and a job that runs for long."""
    with running_server(tmp_path, "--workers", "1") as (server, client):
        yield server, client, start_running_job(client)["id"]


def connected(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=20)


def answers(connection: socket.socket) -> bytes:
    """All that comes until the server closes the connection."""
    received = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(MIB):
            received += piece
    return received


def refused(address: tuple[str, int], request: bytes) -> int:
    """The status of the only answer to a request, after which the server has closed the connection."""
    return int(refusal(address, request)[1]["status"])


def refusal(address: tuple[str, int], request: bytes) -> tuple[set[bytes], Json]:
    """The headers and the content of that answer."""
    with closing(connected(address)) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        answer = answers(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert b"connection: close" in head.lower()
    assert b"x-request-id: " in head
    assert set(head.split(b"\r\n")) >= SEAL
    content: Json = json.loads(body)
    assert content["status"] == int(head[9:12])
    return set(head.split(b"\r\n")), content


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET / HTTP/1.1\r\n\r\n",
        HEAD + b"Host: localhost\r\n\r\n",
        HEAD + b"X: a\x00b\r\n\r\n",
        HEAD + b"X\x00: a\r\n\r\n",
        HEAD + b"X : a\r\n\r\n",
        HEAD + b"X: a\r\n folded\r\n\r\n",
        HEAD + b"X: a\rY: b\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://localhost HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"BREW /jobs HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"get /jobs HTTP/1.1\r\nHost: localhost\r\n\r\n",
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: +2\r\n\r\n{}",
        POST + b"Content-Length: 2, 2\r\n\r\n{}",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
        CHUNKED + b"x\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"2\r\n{}}\r\n0\r\n\r\n",
    ],
    ids=lambda request: repr(request[-40:]),
)
def test_what_is_no_http_or_two_requests_in_one_is_refused(address: tuple[str, int], request_: bytes) -> None:
    assert refused(address, request_) == 400


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"x" * 17 * KIB + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET /" + b"x" * 20 * MIB, 414),
        (HEAD + b"X: " + b"x" * 33 * KIB + b"\r\n\r\n", 431),
        (HEAD + b"X: " + b"x" * 20 * MIB, 431),
        (HEAD + b"x" * 20 * MIB, 431),
        (HEAD + b"X: x\r\n" * 100 + b"\r\n", 431),
        (HEAD + b"X: x\r\n" * MIB, 431),
        (HEAD + b"X: " + b"x" * 300 * KIB + b"\r\n" * 2 + HEAD + b"\r\n", 431),
        (CHUNKED + b"2\r\n{}\r\n0\r\nX: " + b"x" * 20 * MIB, 431),
        (CHUNKED + b"2;" + b"x" * 20 * MIB, 431),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else "",
)
def test_heads_that_are_too_large_are_refused(address: tuple[str, int], request_: bytes, status: int) -> None:
    assert refused(address, request_) == status


def test_heads_of_the_largest_size_and_pieces_are_taken(address: tuple[str, int]) -> None:
    requests = [
        HEAD + b"X: " + b"x" * 31 * KIB + b"\r\n\r\n",
        HEAD + b"X: x\r\n" * 98 + b"\r\n",
        b"GET /healthz?" + b"x" * 15 * KIB + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\r\n\r\n" + HEAD + b"\r\n",
    ]
    with closing(connected(address)) as connection:
        for request in requests:
            for start in range(0, len(request), 9 * KIB):
                connection.sendall(request[start : start + 9 * KIB])
                time.sleep(0.01)
            assert connection.recv(MIB).startswith(b"HTTP/1.1 200")
        connection.sendall(b"".join(requests))  # one after the other, without waiting
        connection.sendall(HEAD + b"Connection: close\r\n\r\n")
        assert answers(connection).count(b"HTTP/1.1 200") == len(requests) + 1


def test_trailers_are_nothing_to_us(address: tuple[str, int]) -> None:
    with closing(connected(address)) as connection:
        body = b'15\r\n{"vectors": [[1, 2]]}\r\n0\r\nContent-Type: text/plain\r\nX-Request-ID: evil\r\n\r\n'
        connection.sendall(CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
        assert b"evil" not in answers(connection)


def test_who_waits_to_send_a_body_is_told_at_once(address: tuple[str, int]) -> None:
    with closing(connected(address)) as connection:
        connection.sendall(POST + b"Content-Length: 9999999999\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(MIB).startswith(b"HTTP/1.1 413")
    with closing(connected(address)) as connection:
        connection.sendall(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(MIB).startswith(b"HTTP/1.1 100")
        connection.sendall(b"{}")
        assert connection.recv(MIB).startswith(b"HTTP/1.1 422")


BROKEN_BODY, LARGE_HEAD = b"Transfer-Encoding: chunked\r\n\r\nx\r\n", b"X: y\r\n" * 101
PROBLEM, V2_ERROR = b"application/problem+json", b"application/json"


@pytest.mark.parametrize(
    ("path", "rest", "kind", "instance"),
    [
        (b"/score", BROKEN_BODY, PROBLEM, "/score"),
        (b"/v2/models/generator/infer", BROKEN_BODY, V2_ERROR, "/v2/models/generator/infer"),
        (b"/score", LARGE_HEAD, PROBLEM, "/"),
        (b"/v2/models/generator/infer", LARGE_HEAD, V2_ERROR, "/v2"),
        (b"/v2x", LARGE_HEAD, PROBLEM, "/"),
    ],
)
def test_a_refusal_is_of_the_form_that_its_path_has(
    address: tuple[str, int], path: bytes, rest: bytes, kind: bytes, instance: str
) -> None:
    head = b"POST " + path + b"?a=b HTTP/1.1\r\nHost: localhost\r\n" + JSON
    headers, content = refusal(address, head + rest + b"\r\n")
    assert b"content-type: " + kind in headers
    assert content["instance"] == instance
    assert ("error" in content) == (kind == V2_ERROR)


REFUSED = {  # what is sent: what is told of it
    b"nonsense\r\n\r\n": ("-", "none", 400),
    b"GET /" + b"x" * 17 * KIB + b" HTTP/1.1\r\nHost: localhost\r\n\r\n": ("-", "none", 414),
    HEAD + b"X: x\r\n" * 100 + b"\r\n": ("-", "none", 431),
    HEAD: ("-", "none", 408),
    CHUNKED + b"x\r\n{}\r\n0\r\n\r\n": ("POST", "/score", 400),
    CHUNKED + b"2;" + b"x" * MIB: ("POST", "/score", 431),
    POST + b"Content-Length: 9\r\n\r\n{": ("POST", "/score", 408),
    HEAD + b"\r\nnonsense\r\n\r\n": ("GET", "/healthz", 400),
    HEAD + b"\r\n" + HEAD + b"\r\nnonsense\r\n\r\n": ("GET", "/healthz", 400),  # the first is not answered yet
}
STOPPED = {HEAD: ("-", "none", 503), POST + b"Content-Length: 9\r\n\r\n{": ("POST", "/score", 503)}


def test_each_refusal_is_one_line_and_one_count_and_has_the_id_of_its_answer(tmp_path: Path) -> None:
    with running_server(tmp_path, "--log-format", "json") as (server, client), ExitStack() as stack:
        address = (client.base_url.host, client.base_url.port or 80)

        def sent(request: bytes) -> socket.socket:
            connection = stack.enter_context(closing(connected(address)))
            connection.sendall(request)
            return connection

        given = [answers(connection) for connection in [sent(request) for request in REFUSED]]
        requests = text_string_to_metric_families(client.get("/metrics").text)
        counted = {
            (sample.labels["method"], sample.labels["route"], int(sample.labels["status"])): sample.value
            for family in requests
            for sample in family.samples
            if sample.name == "gan1010_requests_total"
        }
        stopped = [sent(request) for request in STOPPED]
        client.get("/healthz")  # they have come
        assert server.stop() == 0
        given += [answers(connection) for connection in stopped]
    assert counted == Counter(REFUSED.values())
    told = [line for line in map(json.loads, server.log) if line["message"] == "request"]
    by_id = {line["request_id"]: (line["method"], line["route"], line["status"]) for line in told}
    ids = [re.findall(rb"x-request-id: (\S+)\r\n", answer) for answer in given]
    assert [by_id[id.decode()] for (id,) in ids] == [*REFUSED.values(), *STOPPED.values()]
    assert len(told) == len(by_id) == len(given) + 2
    late = [line["milliseconds"] for line in told if line["status"] == 408]
    assert all(4000 < milliseconds < 9000 for milliseconds in late)


def test_a_refusal_has_the_id_that_the_client_gave(address: tuple[str, int]) -> None:
    with closing(connected(address)) as connection:
        connection.sendall(CHUNKED.replace(JSON, JSON + b"X-Request-ID: mine\r\n") + b"x\r\n")
        assert b"\r\nx-request-id: mine\r\n" in answers(connection)


def test_a_stray_line_does_not_end_a_request_that_waits(streaming: tuple[Server, httpx.Client, str]) -> None:
    _, client, job = streaming
    with closing(connected((client.base_url.host, client.base_url.port or 80))) as connection:
        connection.sendall(f"GET /jobs/{job}?wait=8 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        time.sleep(0.2)
        connection.sendall(b"\r\n")
        assert connection.recv(KIB).startswith(b"HTTP/1.1 200")


def test_stream_ends_with_its_client_also_where_another_request_has_come_behind(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1", "--log-format", "json") as (server, client):
        job = start_running_job(client)["id"]
        with closing(connected((client.base_url.host, client.base_url.port or 80))) as connection:
            connection.sendall(f"GET /jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() + HEAD + b"\r\n")
            assert connection.recv(KIB).startswith(b"HTTP/1.1 200")
        assert server.wait_for(r'"route":"(/jobs/{job_id}/events)"')  # a line that is written when it has ended


def test_what_is_no_http_breaks_no_answer_that_is_on_its_way(streaming: tuple[Server, httpx.Client, str]) -> None:
    _, client, job = streaming
    with closing(connected((client.base_url.host, client.base_url.port or 80))) as connection:
        connection.sendall(f"GET /jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = connection.recv(KIB)
        connection.sendall(HEAD + b"\r\nnonsense\r\n\r\n")
        answer += answers(connection)
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("call", ["POST /train", "GET /jobs"])
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_too_large_a_body_is_refused_at_once_while_it_comes(
    server: Server, address: tuple[str, int], call: str, chunked: bool
) -> None:
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1000000000"
    piece = (b"10000\r\n%b\r\n" if chunked else b"%b") % (b" " * 64 * KIB)
    server.reset_peak_memory()
    before, answer, answered, unsent = server.memory("VmHWM"), b"", 0.0, b""
    with closing(connected(address)) as connection:
        began = time.monotonic()
        connection.sendall(call.encode() + b" HTTP/1.1\r\nHost: localhost\r\n" + JSON + length + b"\r\n\r\n")
        connection.settimeout(0.001)
        with suppress(BrokenPipeError, ConnectionResetError):  # it is closed in the end
            while time.monotonic() - began < 15:
                with suppress(TimeoutError):
                    unsent = unsent or piece
                    unsent = unsent[connection.send(unsent) :]
                with suppress(TimeoutError):
                    answer += connection.recv(MIB)
                    answered = answered or time.monotonic() - began
    assert time.monotonic() - began < 10
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer
    assert answered < 5  # a tenth of a second, on a machine that does nothing else
    assert server.memory("VmHWM") - before < 24 * MIB


def closed_within(
    connections: dict[str, list[socket.socket]], drip: Callable[[], None], seconds: float
) -> dict[str, float]:
    """How long each kind of connections took to be closed, while `drip` is called again and again."""
    began, closed = time.monotonic(), dict.fromkeys(connections, 0.0)
    left = [(kind, connection) for kind, of in connections.items() for connection in of]
    while left and time.monotonic() - began < seconds:
        drip()
        for kind, connection in list(left):
            connection.setblocking(False)
            try:
                if connection.recv(MIB) == b"":
                    left.remove((kind, connection))
                    closed[kind] = time.monotonic() - began
            except BlockingIOError:
                pass
            except ConnectionError:
                left.remove((kind, connection))
                closed[kind] = time.monotonic() - began
        time.sleep(0.2)
    assert not left, f"{len(left)} are open after {seconds} s, such as {left[0][0]}"
    return closed


def test_silent_and_trickling_connections_are_closed_while_others_are_served(
    server_url: str, address: tuple[str, int]
) -> None:
    beginnings = {
        "silent": b"",
        "a head": b"GET /healthz HTTP/1.1\r\n",
        "empty lines": b"\r\n",
        "a body": POST + b"Content-Length: 9000\r\n\r\n",
        "chunks": CHUNKED,
        "idle": HEAD + b"\r\n",
        "empty lines after a request": HEAD + b"\r\n",
        "a body that nobody reads": b"POST /none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n",
        "an answered body": b"POST /none HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    }
    drops = {
        "a head": b"x", "empty lines": b"\r\n", "a body": b" ", "chunks": b"1\r\n \r\n",
        "a body that nobody reads": b" ", "empty lines after a request": b"\r\n", "an answered body": b"1\r\n \r\n",
    }  # fmt: skip
    with ExitStack() as stack, httpx.Client(base_url=server_url) as other:
        connections = {
            kind: [stack.enter_context(closing(connected(address))) for _ in range(6)] for kind in beginnings
        }
        for kind, begun in beginnings.items():
            for connection in connections[kind]:
                connection.sendall(begun)

        def drip() -> None:
            for kind, drop in drops.items():
                for connection in connections[kind]:
                    with suppress(OSError):
                        connection.send(drop)
            assert other.get("/healthz", timeout=2).status_code == 200

        closed_within(connections, drip, 10)


def test_open_streams_and_slow_senders_do_not_keep_it_from_stopping(
    streaming: tuple[Server, httpx.Client, str],
) -> None:
    server, client, job = streaming
    address = (client.base_url.host, client.base_url.port or 80)
    with ExitStack() as stack:
        opened = [stack.enter_context(closing(connected(address))) for _ in range(40)]
        stream = f"GET /jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        for number, connection in enumerate(opened):
            connection.sendall([b"", b"GET /", POST + b"Content-Length: 9\r\n\r\n{", stream][number % 4])
        assert opened[3].recv(KIB).startswith(b"HTTP/1.1 200")
        asked = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - asked < 8
    assert "Traceback" not in "".join(server.log)


def unread(client: httpx.Client) -> tuple[socket.socket, int]:
    """A connection with a large answer of which only the beginning has been taken in, and the answer's length."""
    job = train(client, iterations=1_000_000, record_every=5)["id"]
    connection = connected((client.base_url.host, client.base_url.port or 80))
    connection.sendall(f"GET /jobs/{job}/progress HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    beginning = connection.recv(KIB)
    assert beginning.startswith(b"HTTP/1.1 200")
    return connection, int(beginning.split(b"content-length: ")[1].split()[0])


def test_connections_whose_answers_nobody_takes_in_are_closed(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1", setup=shorten_write_timeout) as (_, client):
        connection, length = unread(client)
        with closing(connection):
            time.sleep(5)
            assert client.get("/healthz").status_code == 200
            assert len(answers(connection)) < length - KIB  # only what was on its way


def test_answers_that_nobody_takes_in_are_left_behind_when_it_stops(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1") as (server, client), ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(closing(unread(client)[0]))
        asked = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - asked < 8
    assert "Traceback" not in "".join(server.log)
    assert "ERROR" not in "".join(server.log)
