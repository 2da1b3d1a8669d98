"""Connections to a real server: slow and endless requests, malformed ones, and shutdown."""

import json
import os
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.clients import Server, running_server
from tests.support.contract import Json, start_running_job, train, wait_until
from tests.support.server_setup import shorten_head_timeout, shorten_write_timeout, wait_until_stopped

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
POST = b"POST /score HTTP/1.1\r\nHost: localhost\r\n" + JSON
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SECURITY_HEADERS = {
    b"x-content-type-options: nosniff",
    b"cross-origin-resource-policy: same-origin",
    b"content-security-policy: default-src 'none'; frame-ancestors 'none'",
}
KIB, MIB = 2**10, 2**20


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[Server, httpx.Client, str]]:
    """A server, its client, and a job that runs for minutes."""
    with running_server(tmp_path, "--workers", "1") as (server, client):
        yield server, client, start_running_job(client)["id"]


def connect(url: httpx.URL | str) -> socket.socket:
    url = httpx.URL(url)
    return socket.create_connection((url.host, url.port or 80), timeout=20)


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    received = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(MIB):
            received += piece
    return received


def get_refusal(url: str, request: bytes) -> tuple[set[bytes], Json]:
    """Send a request and read the only response, the connection's last: its headers and content."""
    with connect(url) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        response = read_all(connection)
    head, _, body = response.partition(b"\r\n\r\n")
    assert response.count(b"HTTP/1.1 ") == 1, response
    assert b"connection: close" in head.lower()
    assert b"x-request-id: " in head
    assert set(head.split(b"\r\n")) >= SECURITY_HEADERS
    content: Json = json.loads(body)
    assert content["status"] == int(head[9:12])
    return set(head.split(b"\r\n")), content


MALFORMED_REQUESTS = [
    b"nonsense\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"GET / HTTP/1.1\r\n\r\n",
    *(
        HEAD + header + b"\r\n\r\n"
        for header in (b"Host: localhost", b"X: a\x00b", b"X\x00: a", b"X : a", b"X: a\r\n folded", b"X: a\rY: b")
    ),
    *(
        line + b"\r\nHost: localhost\r\n\r\n"
        for line in (
            b"GET /\x00 HTTP/1.1", b"GET /\xff HTTP/1.1", b"GET /healthz HTTP/9.9", b"GET nowhere HTTP/1.1",
            b"GET http://localhost HTTP/1.1", b"CONNECT localhost:80 HTTP/1.1", b"BREW /jobs HTTP/1.1",
            b"get /jobs HTTP/1.1",
        )
    ),
    *(POST + b"Content-Length: " + it + b"\r\n\r\n{}" for it in (b"-1", b"+2", b"2, 2", b"9" * 23)),
    POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
    *(POST + b"Transfer-Encoding: " + it + b"\r\n\r\n0\r\n\r\n" for it in (b"xchunked", b"chunked, identity")),
    *(CHUNKED + size + b"\r\n{}\r\n0\r\n\r\n" for size in (b"x", b"-2", b"0x2", b"f" * 17)),
    CHUNKED + b"2\r\n{}}\r\n0\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        *((request, 400) for request in MALFORMED_REQUESTS),
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
    ids=lambda value: repr(value[-40:]) if isinstance(value, bytes) else "",
)
def test_malformed_ambiguous_or_too_large_request_is_refused(server_url: str, request_: bytes, status: int) -> None:
    assert get_refusal(server_url, request_)[1]["status"] == status


def test_head_of_the_maximum_size_in_pieces_is_accepted(server_url: str) -> None:
    requests = [
        HEAD + b"X: " + b"x" * 31 * KIB + b"\r\n\r\n",
        HEAD + b"X: x\r\n" * 98 + b"\r\n",
        b"GET /healthz?" + b"&" * 15 * KIB + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\r\n\r\n" + HEAD + b"\r\n",
    ]
    with connect(server_url) as connection:
        for request in requests:
            for start in range(0, len(request), 9 * KIB):
                connection.sendall(request[start : start + 9 * KIB])
                time.sleep(0.01)
            assert connection.recv(MIB).startswith(b"HTTP/1.1 200")
        connection.sendall(b"".join(requests))  # one after the other, without waiting
        connection.sendall(HEAD + b"Connection: close\r\n\r\n")
        assert read_all(connection).count(b"HTTP/1.1 200") == len(requests) + 1


def send_alone(url: httpx.URL | str, request: bytes) -> int:
    """Send a request, after which the server must close the connection, and return the status of the response."""
    with connect(url) as connection:
        connection.sendall(request)
        response = read_all(connection)
    assert response.count(b"HTTP/1.1 ") == 1, response
    return int(response[9:12])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("version", ["1.0\r\n", "1.0\r\nHost:\r\n", "1.1\r\nHost:\r\nConnection: close\r\n"], ids=repr)
def test_probes_need_no_host(server_url: str, method: str, version: str) -> None:
    for path, status in {"/healthz": 200, "/readyz": 200, "/jobs": 403, "/": 403, "/healthz/": 403}.items():
        assert send_alone(server_url, f"{method} {path} HTTP/{version}\r\n".encode()) == status, path
    assert send_alone(server_url, f"{method} /healthz HTTP/1.0\r\nHost: evil.example\r\n\r\n".encode()) == 200
    assert send_alone(server_url, f"{method} /healthz HTTP/1.0\r\nHost:\r\nHost: localhost\r\n\r\n".encode()) == 400


def test_headers_without_a_value_count_as_absent(tmp_path: Path) -> None:
    names = (
        "Accept", "Accept-Encoding", "Authorization", "Content-Encoding", "Content-Type", "Cookie", "Expect",
        "Idempotency-Key", "If-None-Match", "Inference-Header-Content-Length", "Last-Event-ID", "Origin", "Range",
        "Sec-Fetch-Site", "X-Request-ID",
    )  # fmt: skip
    tensor = {"name": "seed", "shape": [1, 1], "datatype": "FP32", "data": [0.5]}
    calls: list[tuple[str, str, Json | None]] = [
        ("POST", "/train?wait=9", None), ("POST", "/train?wait=9", {"iterations": 20}), ("GET", "/jobs", None),
        ("GET", "/sample", None), ("POST", "/sample", None),
        ("POST", "/v2/models/generator/infer", {"inputs": [tensor]}),
    ]  # fmt: skip
    with running_server(tmp_path, GAN1010_API_KEY="s3cret") as (_, client):
        for method, path, body in calls:
            content = {} if body is None else {"json": body}
            empty = {name: "" for name in names if body is None or name != "Content-Type"}
            response = client.request(method, path, headers=empty | {"X-API-Key": "s3cret"}, **content)
            assert response.status_code == 200, response.text
        job = client.get("/jobs", headers={"X-API-Key": "", "Authorization": "Bearer s3cret"}).json()["data"][0]
        events = client.get(f"/jobs/{job['id']}/events", headers={"X-API-Key": "s3cret", "Last-Event-ID": ""})
        assert events.status_code == 204
        assert client.get("/jobs", headers={"X-API-Key": "", "Authorization": ""}).status_code == 401
        without_host = b"GET /jobs HTTP/1.0\r\nLast-Event-ID:  \r\nX-API-Key: s3cret\r\n\r\n"
        assert send_alone(client.base_url, without_host) == 200


@pytest.mark.parametrize("method", [b"POST", b"PATCH", b"PUT", b"GET"])
def test_chunked_body_is_read_whatever_the_method(server_url: str, method: bytes) -> None:
    head = CHUNKED.replace(b"POST /score", method + b" /jobs/unknown").replace(JSON, JSON + b"Connection: close\r\n")
    assert send_alone(server_url, head + b'c\r\n{"note":"n"}\r\n0\r\n\r\n') in (404, 405)


def test_trailers_are_ignored(server_url: str) -> None:
    with connect(server_url) as connection:
        body = b'15\r\n{"vectors": [[1, 2]]}\r\n0\r\nContent-Type: text/plain\r\nX-Request-ID: evil\r\n\r\n'
        connection.sendall(CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
        assert b"evil" not in read_all(connection)


def test_expect_continue_is_answered_at_once(server_url: str) -> None:
    with connect(server_url) as connection:
        connection.sendall(POST + b"Content-Length: 9999999999\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(MIB).startswith(b"HTTP/1.1 413")
    with connect(server_url) as connection:
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
def test_refusal_has_the_format_of_its_path(
    server_url: str, path: bytes, rest: bytes, kind: bytes, instance: str
) -> None:
    head = b"POST " + path + b"?a=b HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: mine\r\n" + JSON
    headers, content = get_refusal(server_url, head + rest + b"\r\n")
    assert (b"x-request-id: mine" in headers) == (rest == BROKEN_BODY)  # otherwise the head was not read to its end
    assert b"content-type: " + kind in headers
    assert content["instance"] == instance
    assert ("error" in content) == (kind == V2_ERROR)


REFUSED = {  # request: method, route and status in the log
    b"nonsense\r\n\r\n": ("-", "none", 400),
    b"GET /" + b"x" * 17 * KIB + b" HTTP/1.1\r\nHost: localhost\r\n\r\n": ("-", "none", 414),
    HEAD + b"X: x\r\n" * 100 + b"\r\n": ("-", "none", 431),
    HEAD: ("-", "none", 408),
    CHUNKED + b"x\r\n{}\r\n0\r\n\r\n": ("POST", "/score", 400),
    CHUNKED + b"2;" + b"x" * MIB: ("POST", "/score", 431),
    POST + b"Content-Length: 9\r\n\r\n{": ("POST", "/score", 408),
    HEAD + b"\r\nnonsense\r\n\r\n": ("GET", "/healthz", 400),
    HEAD + b"\r\n" + HEAD + b"\r\nnonsense\r\n\r\n": ("GET", "/healthz", 400),  # before the first has a response
}
REFUSED_ON_SHUTDOWN = {HEAD: ("-", "none", 503), POST + b"Content-Length: 9\r\n\r\n{": ("POST", "/score", 503)}


def test_each_refusal_is_logged_and_counted_once(tmp_path: Path) -> None:
    with running_server(tmp_path, "--log-format", "json") as (server, client), ExitStack() as stack:

        def send(request: bytes) -> socket.socket:
            connection = stack.enter_context(connect(client.base_url))
            connection.sendall(request)
            return connection

        responses = [read_all(connection) for connection in [send(request) for request in REFUSED]]
        counts = {
            (sample.labels["method"], sample.labels["route"], int(sample.labels["status"])): sample.value
            for family in text_string_to_metric_families(client.get("/metrics").text)
            for sample in family.samples
            if sample.name == "gan1010_requests_total"
        }
        connections = [send(request) for request in REFUSED_ON_SHUTDOWN]
        client.get("/healthz")  # after the server has received them
        assert server.stop() == 0
        responses += [read_all(connection) for connection in connections]
    assert counts == Counter(REFUSED.values())
    lines = [line for line in map(json.loads, server.log) if line["message"] == "request"]
    by_id = {line["request_id"]: (line["method"], line["route"], line["status"]) for line in lines}
    ids = [re.findall(rb"x-request-id: (\S+)\r\n", response) for response in responses]
    assert [by_id[id.decode()] for (id,) in ids] == [*REFUSED.values(), *REFUSED_ON_SHUTDOWN.values()]
    assert len(lines) == len(by_id) == len(responses)
    assert all(4000 < line["milliseconds"] < 20_000 for line in lines if line["status"] == 408)


def test_empty_line_does_not_end_a_waiting_request(busy: tuple[Server, httpx.Client, str]) -> None:
    _, client, job = busy
    with connect(client.base_url) as connection:
        connection.sendall(f"GET /jobs/{job}?wait=8 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        time.sleep(0.2)
        connection.sendall(b"\r\n")
        assert connection.recv(KIB).startswith(b"HTTP/1.1 200")


def test_stream_ends_with_its_client_despite_a_pipelined_request(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1", "--log-format", "json") as (server, client):
        job = start_running_job(client)["id"]
        with connect(client.base_url) as connection:
            connection.sendall(f"GET /jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() + HEAD + b"\r\n")
            assert connection.recv(KIB).startswith(b"HTTP/1.1 200")
        assert server.wait_for(r'"route":"(/jobs/{job_id}/events)"')  # logged when the stream has ended


def test_malformed_request_does_not_break_a_started_response(busy: tuple[Server, httpx.Client, str]) -> None:
    _, client, job = busy
    with connect(client.base_url) as connection:
        connection.sendall(f"GET /jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        response = connection.recv(KIB)
        connection.sendall(HEAD + b"\r\nnonsense\r\n\r\n")
        response += read_all(connection)
    assert response.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("call", ["POST /train", "GET /jobs"])
@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_too_large_body_is_refused_while_it_arrives(server: Server, server_url: str, call: str, chunked: bool) -> None:
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 1000000000"
    piece = (b"10000\r\n%b\r\n" if chunked else b"%b") % (b" " * 64 * KIB)
    server.reset_peak_memory()
    memory, response, response_at, unsent = server.memory("VmHWM"), b"", 0.0, b""
    with connect(server_url) as connection:
        started = time.monotonic()
        connection.sendall(call.encode() + b" HTTP/1.1\r\nHost: localhost\r\n" + JSON + length + b"\r\n\r\n")
        connection.settimeout(0.001)
        with suppress(BrokenPipeError, ConnectionResetError):  # when the server closes the connection
            while time.monotonic() - started < 15:
                with suppress(TimeoutError):
                    unsent = unsent or piece
                    unsent = unsent[connection.send(unsent) :]
                with suppress(TimeoutError):
                    response += connection.recv(MIB)
                    response_at = response_at or time.monotonic() - started
    assert time.monotonic() - started < 15
    assert response.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in response
    assert response_at < 5  # 0.1 s on an idle machine
    assert server.memory("VmHWM") - memory < 24 * MIB


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(MIB) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_slow_connections_are_closed_while_others_are_served(server_url: str) -> None:
    to_none = b"POST /none HTTP/1.1\r\nHost: localhost\r\n"
    requests = {  # what each kind of connection sends at first, and then again and again
        "silent": (b"", b""),
        "head": (b"GET /healthz HTTP/1.1\r\n", b"x"),
        "empty lines": (b"\r\n", b"\r\n"),
        "body": (POST + b"Content-Length: 9000\r\n\r\n", b" "),
        "chunks": (CHUNKED, b"1\r\n \r\n"),
        "idle": (HEAD + b"\r\n", b""),
        "empty lines after a request": (HEAD + b"\r\n", b"\r\n"),
        "body that no route reads": (to_none + b"Content-Length: 9000\r\n\r\n", b" "),
        "body after its response": (to_none + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    }
    with ExitStack() as stack, httpx.Client(base_url=server_url) as other:
        connections = [(kind, stack.enter_context(connect(server_url))) for kind in requests for _ in range(6)]
        for kind, connection in connections:
            connection.sendall(requests[kind][0])
        deadline = time.monotonic() + 30
        while connections:
            assert time.monotonic() < deadline, f"{len(connections)} are open, such as {connections[0][0]}"
            for kind, connection in connections:
                with suppress(OSError):
                    connection.send(requests[kind][1])
            assert other.get("/healthz", timeout=10).status_code == 200
            time.sleep(0.2)
            connections = [(kind, connection) for kind, connection in connections if not is_closed(connection)]


def test_request_that_arrives_while_the_process_is_stopped_is_served(tmp_path: Path) -> None:
    running = running_server(tmp_path, setup=shorten_head_timeout)
    with running as (server, client), connect(client.base_url) as connection:
        connection.sendall(HEAD)
        os.kill(server.process.pid, signal.SIGSTOP)
        wait_until_stopped(server.process.pid)
        connection.sendall(b"Connection: close\r\n\r\n")
        time.sleep(4)  # past the deadline
        os.kill(server.process.pid, signal.SIGCONT)
        assert read_all(connection).startswith(b"HTTP/1.1 200 ")


def test_streams_and_slow_senders_do_not_delay_shutdown(busy: tuple[Server, httpx.Client, str]) -> None:
    server, client, job = busy
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(client.base_url)) for _ in range(40)]
        stream = f"GET /jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        for number, connection in enumerate(connections):
            connection.sendall([b"", b"GET /", POST + b"Content-Length: 9\r\n\r\n{", stream][number % 4])
        assert connections[3].recv(KIB).startswith(b"HTTP/1.1 200")
        assert server.stop() == 0
    assert "Traceback" not in "".join(server.log)


def start_reading(client: httpx.Client) -> tuple[socket.socket, int]:
    """Request a large response and read only its beginning; return the connection and the response's length."""
    job = train(client, iterations=1_000_000, record_every=5)["id"]
    connection = connect(client.base_url)
    connection.sendall(f"GET /jobs/{job}/progress HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    beginning = connection.recv(KIB)
    assert beginning.startswith(b"HTTP/1.1 200")
    return connection, int(beginning.split(b"content-length: ")[1].split()[0])


def test_connection_with_an_unread_response_is_closed(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1", setup=shorten_write_timeout) as (_, client):
        connection, length = start_reading(client)
        with connection:
            servers_end = f":{connection.getsockname()[1]:04X} 01 "  # the address of its peer, and "established"
            wait_until(Path("/proc/net/tcp").read_text, lambda connections: servers_end not in connections)
            assert client.get("/healthz").status_code == 200
            assert len(read_all(connection)) < length - KIB  # only what the kernel had buffered


def test_unread_responses_do_not_delay_shutdown(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1") as (server, client), ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(start_reading(client)[0])
        assert server.stop() == 0
    assert not re.search("Traceback|ERROR", "".join(server.log))
