"""The log: one line per request and per change of a job, and never a text that a client sent."""

import fcntl
import io
import json
import logging
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from rich.console import Console

from service.api.middleware.request_log import PROBES
from service.cli.local_server import running_service
from service.settings import LogFormat
from service.telemetry.logs import LogFormatter, fields
from tests.support.clients import STOP_TIMEOUT_SECONDS, Server, free_port, running_server, server_process, wait_until_up
from tests.support.contract import SHORT_JOB, Json, fill_path, train, wait_until
from tests.support.data_folder import execute
from tests.support.disks import fill_disk, small_disk
from tests.support.server_setup import redirect_log

MARK = "hunter2mark"
NASTY = f"{MARK}\n2026-01-01T00:00:00.000Z INFO    request  status=200\x1b[2J\u2028\r{MARK}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
LINE = re.compile(rf"{TIME} (INFO   |WARNING|ERROR  ) \S")


def test_requests_and_job_changes_are_lines_of_json(tmp_path: Path) -> None:
    with running_server(tmp_path, "--log-format", "json", GAN1010_API_KEY="alice:s3cret") as (server, client):
        client.headers = httpx.Headers({"X-API-Key": "s3cret"})
        job = train(client, **SHORT_JOB)
        for path in PROBES:
            assert client.get(path.format(name="generator")).status_code == 200  # and leaves no line
        responses = [
            client.get(f"/jobs/{job['id']}?limit={MARK}", headers={"X-Request-ID": "mine-1"}),
            client.get("/none"),
            client.get("/jobs", headers={"X-API-Key": "wrong"}),
            client.head("/jobs"),
            client.delete(f"/jobs/{job['id']}"),
        ]
    lines = [json.loads(line) for line in server.log]
    assert all({"level", "logger", "message"} <= line.keys() and re.fullmatch(TIME, line["time"]) for line in lines)
    requests = {line["request_id"]: line for line in lines if line["message"] == "request"}
    expected = [
        ("GET", "/jobs/{job_id}", 422, "alice"),
        ("GET", "none", 404, "alice"),
        ("GET", "none", 401, None),
        ("HEAD", "/jobs", 200, "alice"),
        ("DELETE", "/jobs/{job_id}", 204, "alice"),
    ]
    for response, fields_of_line in zip(responses, expected, strict=True):
        line = requests[response.headers["x-request-id"]]
        assert (line["method"], line["route"], line["status"], line["key"]) == fields_of_line
        assert line["client"] == "127.0.0.1"
        assert 0 < line["milliseconds"] < 60_000
    assert len(requests) == len(responses) + 1
    changes = [line for line in lines if line["message"] == "job"]
    assert [line["status"] for line in changes] == ["queued", "running", "succeeded", "deleted"]
    assert {line["job_id"] for line in changes} == {job["id"]}
    assert ["request_id" in line for line in changes] == [True, False, False, True]  # requested changes only
    assert changes[-1]["request_id"] == responses[-1].headers["x-request-id"]
    assert MARK not in "".join(server.log)
    assert "s3cret" not in "".join(server.log)
    assert lines[-1]["message"].startswith("Finished server process")


@pytest.mark.parametrize(
    ("level", "requests", "warnings"), [("debug", ["/readyz", "/jobs"], 1), ("warning", [], 1), ("error", [], 0)]
)
def test_log_level_selects_the_lines(tmp_path: Path, level: str, requests: list[str], warnings: int) -> None:
    flags = "--host", "0.0.0.0", "--port", str(free_port()), "--log-format", "json", "--log-level", level  # noqa: S104
    with server_process(tmp_path, *flags) as server:
        with httpx.Client(base_url=f"http://127.0.0.1:{flags[3]}") as client:
            wait_until_up(client)
            assert client.get("/readyz").status_code == client.get("/jobs").status_code == 200
        assert server.stop() == 0
    lines = [json.loads(line) for line in server.log]
    assert [line["route"] for line in lines if line["message"] == "request"][-2:] == requests
    assert sum(line["level"] == "warning" for line in lines) == warnings
    assert {line["level"] for line in lines} <= {"debug", "info", "warning", "error"}
    assert all(line["logger"].startswith("service") for line in lines if line["level"] == "debug")


def test_nothing_that_a_client_sends_is_logged_or_returned(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, client):
        grid = {"loss": ["mse", "bce"], "learning_rate": [0.1, 0.2]}
        sweep = client.post("/sweeps?wait=30", json={"base": {"iterations": 20}, "grid": grid, "seeds": 2}).json()
        paths = client.get("/openapi.json").json()["paths"]
        operations = [(method, path, paths[path][method]) for path in paths for method in paths[path]]
        for method, path, operation in sorted(operations, key=lambda item: item[0] == "delete"):
            query = [item["name"] for item in operation.get("parameters", []) if item["in"] == "query"]
            for job in ("0", train(client, **SHORT_JOB)["id"], sweep["id"]) if "{job_id}" in path else ("0",):
                for response in send_mark(client, method.upper(), path, job, query):
                    assert response.status_code < 500, response.request.url
                    assert MARK not in re.sub(r'"instance":"[^"]*"', "", response.text), response.text
        for raw in (b"GET /%b HTTP/1.1\r\n%b\r\n\r\n", b"%b\r\n\r\n", b"GET / HTTP/1.1\r\n%b: x\r\nHost: %b\r\n\r\n"):
            with socket.create_connection((client.base_url.host, client.base_url.port), timeout=60) as connection:
                connection.sendall(raw.replace(b"%b", NASTY.encode()))
                assert MARK.encode() not in connection.recv(65536)
    assert MARK not in "".join(server.log)
    assert [line for line in server.log if not LINE.match(line)] == []


def send_mark(client: httpx.Client, method: str, path: str, job: str, query: list[str]) -> list[httpx.Response]:
    """Send requests to an operation with the mark in each parameter, header and field."""
    url = fill_path(path, job_id=job)
    every = "seed", "job_id", "iteration", "limit", "after", "status", "wait", "view", "x", "y", "value", "cell"
    body = dict.fromkeys(("preset", "seeds", "vectors", "base", "grid", "inputs", "name", NASTY), NASTY)
    headers = dict.fromkeys(("host", "origin", "accept", "last-event-id", "if-none-match", "content-type"), MARK)
    headers |= {"idempotency-key": MARK * 50, "authorization": f"Bearer {MARK}", "x-request-id": f"{MARK} {MARK}"}
    some = [*combinations(query, 1), *combinations(query, 2)]
    in_path = [{"job_id": job, name: quote(NASTY)} for name in ("index", "name", "job_id")]
    in_path.append(dict.fromkeys(("index", "name", "job_id", "file"), quote(NASTY)))
    responses = [
        client.request(method, url, params=dict.fromkeys(every, NASTY)),
        *(client.request(method, url, params=dict.fromkeys(names, MARK)) for names in some),
        *(client.request(method, fill_path(path, **marked)) for marked in in_path),
        *(client.request(method, url, headers={name: value}) for name, value in headers.items()),
    ]
    if method == "POST":
        contents: list[object] = [body, [NASTY], {"base": body, "seeds": 1}]
        contents += [{name: value} for name, value in body.items() if name != "name"]
        bodies = [f'{{"{MARK}', *map(json.dumps, contents)]
        responses += [client.post(url, content=text, headers={"content-type": "application/json"}) for text in bodies]
        responses.append(client.post(url, content=MARK, headers={"content-type": MARK}))
    return responses


def record(message: str, *arguments: object, **values: Any) -> logging.LogRecord:
    return logging.getLogger("a").makeRecord("a", 20, "here", 1, message, arguments, None, extra=fields(**values))


@pytest.mark.parametrize("text", [NASTY, "\ud800", "a\x00b", "\x85", "\x9b31m"], ids=repr)
@pytest.mark.parametrize("make", [lambda text: record("%s", text), lambda text: record("x", name=text)])
def test_unprintable_text_is_escaped(make: Callable[[str], logging.LogRecord], text: str) -> None:
    line = LogFormatter("text").format(make(text))
    assert line.isprintable()
    (content,) = [json.loads(part) for part in LogFormatter("json").format(make(text)).splitlines()]
    assert content["level"] == "info"


def test_traceback_follows_in_indented_lines_or_in_a_field() -> None:
    try:
        raise ValueError(NASTY)
    except ValueError:
        failed = logging.getLogger("a").makeRecord("a", 40, "here", 1, "failed", (), sys.exc_info())
    first, *trace = LogFormatter("text").format(failed).split("\n")
    assert LINE.match(first)
    assert trace
    assert all(line.startswith("    ") for line in trace)
    assert "ValueError" in json.loads(LogFormatter("json").format(failed))["trace"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_request_id_of_a_failure_is_logged_with_the_traceback(tmp_path: Path, form: LogFormat) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(LogFormatter(form))
    logging.getLogger().addHandler(handler)
    try:
        with running_service(tmp_path, Console(quiet=True)) as (client, server):
            server.config.app.state.services = None  # type: ignore[union-attr]
            failed = httpx.get(f"{client.url}/jobs")
    finally:
        logging.getLogger().removeHandler(handler)
    assert failed.status_code == 500
    (logged,) = [text for text in re.split(r"\n(?! )", written.getvalue()) if failed.headers["x-request-id"] in text]
    assert "Exception in ASGI application" in logged
    assert "AttributeError" in logged


@pytest.mark.parametrize("form", ["text", "json"])
def test_request_id_of_a_storage_failure_is_logged_with_the_cause(tmp_path: Path, form: LogFormat) -> None:
    with running_server(tmp_path, "--log-format", form) as (server, client):
        execute(tmp_path, "DROP TABLE models")
        responses = [client.get("/models", headers={"X-Request-ID": f"mine-{number}"}) for number in range(3)]
    assert [response.status_code for response in responses] == [500] * 3
    for response in responses:
        lines = [line for line in server.log if response.headers["x-request-id"] in line]
        assert ["the database failed" in line for line in lines] == [True, False]


def test_open_service_without_a_key_logs_a_warning(tmp_path: Path) -> None:
    named = {"GAN1010_ALLOWED_HOSTS": "lab.example.org"}
    for environment, whence in (
        ({}, "any client of a private network"),
        (named, "any client"),
        ({"GAN1010_API_KEY": "a:b"}, None),
    ):
        with running_server(tmp_path, "--host", "0.0.0.0", **environment) as (server, _):  # noqa: S104
            pass
        warnings = [line for line in server.log if "WARNING" in line]
        assert len(warnings) == (whence is not None)
        assert all(f"so {whence} has access. Set GAN1010_API_KEY" in warning for warning in warnings)


@contextmanager
def server_that_logs_to(file: Path, data: Path) -> Iterator[tuple[Server, httpx.Client]]:
    """Run a server whose log is a file that the test reads; it must stop with exit code 0."""
    port = free_port()
    flags = "--port", str(port), "--log-format", "json", "--log-level", "debug"
    with server_process(data, *flags, setup=partial(redirect_log, file)) as server:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_until_up(client)
            yield server, client
        assert server.stop() == 0


def dropped_lines(client: httpx.Client) -> int:
    """Return the metric of dropped log lines."""
    return int(
        float(re.findall(r"^gan1010_dropped_log_lines_total (.*)", client.get("/metrics").text, re.MULTILINE)[0])
    )


def request_until_lines_are_dropped(client: httpx.Client, more_than: int = 0) -> None:
    """Send requests until the log drops lines."""

    def dropped_lines_after_more() -> int:
        for _ in range(20):
            client.get("/healthz")
        return dropped_lines(client)

    wait_until(dropped_lines_after_more, lambda dropped: dropped > more_than)


def test_log_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    text = b""

    def read_more() -> list[Json]:
        nonlocal text
        client.get("/healthz")
        with suppress(BlockingIOError):
            text += os.read(reader, 2**20)
        return [json.loads(line) for line in text.split(b"\n")[:-1]]

    def has_request_after_gap(lines: list[Json]) -> bool:
        gaps = [number for number, line in enumerate(lines) if "dropped" in line["message"]]
        return bool(gaps) and any(line["message"] == "request" for line in lines[gaps[-1] :])

    with server_that_logs_to(pipe, tmp_path / "data") as (_, client):
        request_until_lines_are_dropped(client)
        assert train(client, **SHORT_JOB)["status"] == "succeeded"
        lines = wait_until(read_more, has_request_after_gap)
        requests = [int(line["request_id"].split("-")[1], 16) for line in lines if line["message"] == "request"]
        assert requests == sorted(requests)
        changes = [line["status"] for line in lines if line["message"] == "job"]
        missing = requests[-1] - len(requests) + len({"queued", "running", "succeeded"} - {*changes})
        assert sum(dropped_counts(text.decode())) == missing
        request_until_lines_are_dropped(client, more_than=missing)  # the server stops with a full pipe
    os.close(reader)


def test_start_that_fails_does_not_wait_for_a_log_that_nobody_reads(tmp_path: Path) -> None:
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with pipe.open("wb", buffering=0) as filled, socket.create_server(("127.0.0.1", 0)) as taken:
        filled.write(bytes(fcntl.fcntl(filled, fcntl.F_GETPIPE_SZ)))
        port = str(taken.getsockname()[1])
        with server_process(tmp_path / "data", "--port", port, setup=partial(redirect_log, pipe)) as server:
            assert server.wait(STOP_TIMEOUT_SECONDS) == 4
    os.close(reader)


@pytest.mark.parametrize("target", ["/dev/full", "broken pipe"])
def test_log_that_cannot_be_written_stops_nothing(tmp_path: Path, target: str) -> None:
    file = Path(target)
    reader = None
    if target == "broken pipe":
        file = tmp_path / "log"
        os.mkfifo(file)
        reader = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    with server_that_logs_to(file, tmp_path / "data") as (_, client):
        if reader is not None:
            os.close(reader)
        request_until_lines_are_dropped(client)
        assert train(client, **SHORT_JOB)["status"] == "succeeded"


def test_log_on_a_full_disk_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        file = disk / "log"
        file.touch()
        with server_that_logs_to(file, tmp_path / "data") as (_, client):
            ballast = fill_disk(disk)
            request_until_lines_are_dropped(client)
            ballast.unlink()
            dropped = dropped_lines(client)
            counts = wait_until(lambda: dropped_counts(file.read_text()), lambda counts: sum(counts) >= dropped)
        assert sum(counts) == dropped
        lines = file.read_text().split("\n")
    for line, following in pairwise(lines):
        if "were dropped" not in following:  # the last line before a gap may be cut off
            json.loads(line)


def dropped_counts(text: str) -> list[int]:
    """Return the numbers of lines that a log reports as dropped."""
    return [int(count) for count in re.findall(r"(\d+) log lines were dropped", text)]
