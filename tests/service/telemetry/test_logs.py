"""The log: a line for each request and each change of a job, in either form, and nothing in it that a client wrote."""

import io
import json
import logging
import re
import socket
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from rich.console import Console

from service.cli.local_server import running_service
from service.telemetry.logs import LogFormat, LogFormatter, fields
from tests.support.clients import Server, running_server
from tests.support.contract import SHORT_JOB, train

MARK = "hunter2mark"
NASTY = f"{MARK}\n2026-01-01T00:00:00.000Z INFO    request  status=200\x1b[2J\u2028\r{MARK}"
PLACES = {"index": "0", "name": "generator"}  # in a path, beside a job's id and a file's name
FILES = {"job": "losses.svg", "sweep": "heatmap.svg", "model": "generator.safetensors"}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
LINE = re.compile(rf"{TIME} (INFO   |WARNING|ERROR  ) \S")


def lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log]


def test_each_request_and_each_change_of_a_job_is_one_line_of_json(tmp_path: Path) -> None:
    with running_server(tmp_path, "--log-format", "json", GAN1010_API_KEY="alice:s3cret") as (server, client):
        client.headers = httpx.Headers({"X-API-Key": "s3cret"})
        job = train(client, **SHORT_JOB)
        answers = [
            client.get(f"/jobs/{job['id']}?limit={MARK}", headers={"X-Request-ID": "mine-1"}),
            client.get("/none"),
            client.get("/jobs", headers={"X-API-Key": "wrong"}),
            client.head("/healthz"),
            client.delete(f"/jobs/{job['id']}"),
        ]
    told = lines(server)
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in told)
    assert all(re.fullmatch(TIME, line["time"]) for line in told)
    requests = {line["request_id"]: line for line in told if line["message"] == "request"}
    expected = [
        ("GET", "/jobs/{job_id}", 200, "alice"),
        ("GET", "none", 404, "alice"),
        ("GET", "none", 401, None),
        ("HEAD", "/healthz", 405, "alice"),
        ("DELETE", "/jobs/{job_id}", 204, "alice"),
    ]
    for answer, (method, route, status, key) in zip(answers, expected, strict=True):
        line = requests[answer.headers["x-request-id"]]
        assert (line["method"], line["route"], line["status"], line["key"]) == (method, route, status, key)
        assert line["client"] == "127.0.0.1"
        assert 0 < line["milliseconds"] < 5000
    assert len(requests) == len(answers) + 1
    changes = [line for line in told if line["message"] == "job"]
    assert [line["status"] for line in changes] == ["queued", "running", "succeeded", "deleted"]
    assert {line["job_id"] for line in changes} == {job["id"]}
    assert ["request_id" in line for line in changes] == [True, False, False, True]  # by whom they were asked for
    assert changes[-1]["request_id"] == answers[-1].headers["x-request-id"]
    assert MARK not in "".join(server.log)
    assert "s3cret" not in "".join(server.log)


def test_nothing_that_a_client_sends_is_in_the_log_or_comes_back(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, client):
        address = (client.base_url.host, client.base_url.port or 80)
        grid = {"loss": ["mse", "bce"], "learning_rate": [0.1, 0.2]}
        sweep = client.post("/sweeps?wait=9", json={"base": {"iterations": 20}, "grid": grid, "seeds": 2}).json()
        paths = client.get("/openapi.json").json()["paths"]
        described = [(method, path, paths[path][method]) for path in paths for method in paths[path]]
        for method, path, operation in sorted(described, key=lambda called: called[0] == "delete"):
            queried = [place["name"] for place in operation.get("parameters", []) if place["in"] == "query"]
            for job in ("0", train(client, **SHORT_JOB)["id"], sweep["id"]) if "{job_id}" in path else ("0",):
                for answer in _ask(client, method.upper(), path, PLACES | {"job_id": job}, queried):
                    assert answer.status_code < 500, answer.request.url
                    assert MARK not in re.sub(r'"instance":"[^"]*"', "", answer.text), answer.text
        for raw in (b"GET /%b HTTP/1.1\r\n%b\r\n\r\n", b"%b\r\n\r\n", b"GET / HTTP/1.1\r\n%b: x\r\nHost: %b\r\n\r\n"):
            with socket.create_connection(address, timeout=9) as connection:
                connection.sendall(raw.replace(b"%b", NASTY.encode()))
                assert MARK.encode() not in connection.recv(65536)
    assert MARK not in "".join(server.log)
    assert [line for line in server.log if not LINE.match(line)] == []


def _ask(
    client: httpx.Client, method: str, path: str, places: dict[str, str], queried: list[str]
) -> list[httpx.Response]:
    """Everything that can be said to an operation, with the mark in each place."""
    kind = "sweep" if path.startswith("/sweeps") else "model" if path.startswith("/models") else "job"
    here = path.format(**places, file=FILES[kind])
    headers = {"content-type": "application/json"}
    names = "seed", "job_id", "iteration", "limit", "after", "status", "wait", "view", "x", "y", "value", "cell"
    body = dict.fromkeys(("preset", "seeds", "vectors", "base", "grid", "inputs", "name", NASTY), NASTY)
    wrong = {"host": MARK, "origin": MARK, "accept": MARK, "last-event-id": MARK, "if-none-match": MARK}
    wrong |= {"idempotency-key": MARK * 50, "authorization": f"Bearer {MARK}", "x-request-id": f"{MARK} {MARK}"}
    some = [*combinations(queried, 1), *combinations(queried, 2)]
    in_paths = [places | {name: quote(NASTY)} for name in places] + [dict.fromkeys([*places, "file"], quote(NASTY))]
    asked = [
        client.request(method, here, params=dict.fromkeys(names, NASTY)),
        *(client.request(method, here, params=dict.fromkeys(names, MARK)) for names in some),
        *(client.request(method, path.format(**({"file": FILES[kind]} | place))) for place in in_paths),
        *(client.request(method, here, headers={name: value}) for name, value in wrong.items()),
    ]
    if method == "POST":
        contents = [json.dumps(body), f'{{"{MARK}', json.dumps([NASTY]), json.dumps({"base": body, "seeds": 1})]
        contents += [json.dumps({name: value}) for name, value in body.items() if name != "name"]
        asked += [client.post(here, content=content, headers=headers) for content in contents]
        asked.append(client.post(here, content=MARK, headers={"content-type": MARK}))
    return asked


def record(message: str, *arguments: object, **values: Any) -> logging.LogRecord:
    return logging.getLogger("a").makeRecord("a", 20, "here", 1, message, arguments, None, extra=fields(**values))


@pytest.mark.parametrize("text", [NASTY, "\ud800", "a\x00b", "\x85", "\x9b31m"], ids=repr)
@pytest.mark.parametrize("told", [lambda text: record("%s", text), lambda text: record("x", name=text)])
def test_no_text_makes_a_line_of_its_own(told: Callable[[str], logging.LogRecord], text: str) -> None:
    line = LogFormatter("text").format(told(text))
    assert line.isprintable()
    (content,) = [json.loads(part) for part in LogFormatter("json").format(told(text)).splitlines()]
    assert content["level"] == "info"


def test_a_failure_comes_with_its_trace() -> None:
    try:
        raise ValueError(NASTY)
    except ValueError:
        failed = logging.getLogger("a").makeRecord("a", 40, "here", 1, "failed", (), sys.exc_info())
    first, *below = LogFormatter("text").format(failed).split("\n")
    assert LINE.match(first)
    assert below
    assert all(line.startswith("    ") for line in below)
    assert "ValueError" in json.loads(LogFormatter("json").format(failed))["trace"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_id_of_a_failure_leads_to_its_trace(tmp_path: Path, form: LogFormat) -> None:
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
    (told,) = [text for text in re.split(r"\n(?! )", written.getvalue()) if failed.headers["x-request-id"] in text]
    assert "Exception in ASGI application" in told
    assert "AttributeError" in told


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_id_of_a_failure_leads_to_what_the_disk_said(tmp_path: Path, form: LogFormat) -> None:
    with running_server(tmp_path, "--log-format", form) as (server, client):
        with closing(sqlite3.connect(tmp_path / "gan1010.sqlite")) as db:
            db.execute("DROP TABLE models")
        answers = [client.get("/models", headers={"X-Request-ID": f"mine-{number}"}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [500] * 3
    for answer in answers:
        told = [line for line in server.log if answer.headers["x-request-id"] in line]
        assert ["the database failed" in line for line in told] == [True, False]


def test_an_open_service_without_a_key_is_warned_of(tmp_path: Path) -> None:
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
