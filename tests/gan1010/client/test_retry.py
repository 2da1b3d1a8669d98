"""Failures: problems become errors, retries happen only where they are safe, event streams resume."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from gan1010.client import (
    BusyError,
    Client,
    ClientError,
    ConflictError,
    InvalidRequestError,
    NoResponseError,
    NotAllowedError,
    NotFoundError,
    ProblemError,
)
from gan1010.client.config import DEFAULT_URL, default_headers, service_url
from gan1010.client.errors import retry_after
from tests.support import clients
from tests.support.both_clients import CLIENT_KINDS, FaultyTransport, make_client
from tests.support.clients import app_client, running_server
from tests.support.contract import LONG_JOB

REFUSED = httpx.ConnectError("refused")
BROKEN = httpx.ReadError("broken off")


def response(status: int, retry_after: str = "0", **content: Any) -> httpx.Response:
    request = httpx.Request("POST", "http://localhost/train")
    return httpx.Response(status, headers={"Retry-After": retry_after}, request=request, **content)


@pytest.fixture(params=CLIENT_KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connect(kind: str, shared_client: clients.Client) -> Any:
    """Function that makes a client whose first requests fail, and returns it with the list of its requests."""

    def make(*failures: httpx.Response | Exception | int, after_delivery: bool = False, retries: int = 3) -> Any:
        responses = [response(failure) if isinstance(failure, int) else failure for failure in failures]
        transport = FaultyTransport(shared_client, *responses, after_delivery=after_delivery)
        return make_client(kind, shared_client, transport, retries=retries), transport.requests

    return make


@pytest.mark.parametrize(
    ("call", "arguments", "error", "status", "type"),
    [
        ("job", ("nosuch",), NotFoundError, 404, "job-not-found"),
        ("job", ("a/../b?c#d",), NotFoundError, 404, "not-found"),
        ("resume", ("ARTICLE",), ConflictError, 409, "state-forbids"),
        ("plot", ("ARTICLE", "portrait"), NotFoundError, 404, "plot-not-found"),
        ("results", ("ARTICLE",), ConflictError, 409, "wrong-kind"),
        ("download", ("ARTICLE", "generator.exe"), NotFoundError, 404, "file-not-found"),
        ("score", ([[1.0]],), InvalidRequestError, 422, "invalid-input"),
    ],
)
def test_problem_is_raised_as_an_error(
    connect: Any, article_job: Any, call: str, arguments: tuple[Any], error: type[ProblemError], status: int, type: str
) -> None:
    client, _ = connect()
    with pytest.raises(error) as raised:
        getattr(client, call)(*(article_job["id"] if value == "ARTICLE" else value for value in arguments))
    assert (raised.value.status, raised.value.type) == (status, f"/problems/{type}")
    assert raised.value.detail in str(raised.value)
    assert isinstance(raised.value, ClientError)


def test_invalid_fields_are_listed(connect: Any) -> None:
    client, _ = connect()
    with pytest.raises(InvalidRequestError) as raised:
        client.train(iterations=0, loss="hinge")
    assert {error.loc for error in raised.value.errors} == {("body", "iterations"), ("body", "loss")}


@pytest.mark.parametrize("failure", [REFUSED, BROKEN, 429, 503, 502], ids=str)
@pytest.mark.parametrize("after_delivery", [False, True])
def test_retried_train_starts_one_job(
    connect: Any, shared_client: clients.Client, kind: str, failure: Any, after_delivery: bool
) -> None:
    client, requests = connect(failure, failure, after_delivery=after_delivery)
    name = f"{kind} {failure} {after_delivery}"
    job = client.train(iterations=20, name=name)
    assert len(requests) == 3
    assert len({request.headers["Idempotency-Key"] for request in requests}) == 1
    jobs = make_client("blocking", shared_client).jobs(limit=100).data
    assert [other.id for other in jobs if other.name == name] == [job.id]


@pytest.mark.parametrize(
    ("failure", "call", "error"), [(429, "train", BusyError), (REFUSED, "health", NoResponseError)]
)
def test_retries_are_limited(connect: Any, failure: Any, call: str, error: type[ClientError]) -> None:
    client, requests = connect(*[failure] * 9, retries=2)
    with pytest.raises(error):
        getattr(client, call)()
    assert len(requests) == 3


@pytest.mark.parametrize(
    ("failures", "error", "count"),
    [([BROKEN], NoResponseError, 1), ([502], ProblemError, 1), ([REFUSED, 503], NotFoundError, 3)],
)
def test_call_that_is_not_idempotent_is_retried_only_if_the_service_has_not_acted(
    connect: Any, failures: list[Any], error: type[ClientError], count: int
) -> None:
    client, requests = connect(*failures)
    with pytest.raises(error):
        client.resume("nosuch")
    assert len(requests) == count


def test_retry_after_is_respected(connect: Any) -> None:
    start = time.monotonic()
    connect(response(429, "1"))[0].train(iterations=10)
    assert time.monotonic() - start >= 1
    client, requests = connect(response(429, "3600"))
    with pytest.raises(BusyError) as raised:
        client.train()
    assert (raised.value.retry_after, len(requests)) == (3600, 1)


def test_retry_after_is_a_number_or_a_date() -> None:
    def parse(text: str) -> float | None:
        return retry_after(httpx.Response(503, headers={"Retry-After": text}))

    assert parse(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)) == pytest.approx(3600, abs=600)
    assert [parse("Wed, 21 Oct 2015 07:28:00 GMT"), parse("2"), parse("soon")] == [0, 2, None]


def test_retry_after_as_a_date_is_measured_by_the_clock_that_sent_it() -> None:
    headers = {"Date": "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2015 07:28:05 GMT"}
    assert retry_after(httpx.Response(503, headers=headers)) == 5


def test_stopping_service_is_not_ready(connect: Any) -> None:
    assert connect(response(503, json={"status": "stopping"}))[0].ready() is False


class BrokenStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A response body that breaks off."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        raise BROKEN

    async def __aiter__(self) -> Any:
        yield self._content
        raise BROKEN


def test_event_stream_resumes_where_it_broke_off(connect: Any, shared_client: clients.Client) -> None:
    job = connect()[0].train(iterations=60_000, wait=20)
    stream = shared_client.get(f"/jobs/{job.id}/events", headers={"Last-Event-ID": "0"}).content
    first, second = (httpx.Response(200, stream=BrokenStream(stream[:end])) for end in (10, len(stream) // 2))
    client, _ = connect(REFUSED, first, 503, second, REFUSED)
    events = list(client.events(job.id))
    losses = [iteration for event in events if hasattr(event, "series") for iteration in event.series.iteration]
    assert losses == list(range(job.config["record_every"], 60_001, job.config["record_every"]))
    assert events[-1] == job


def test_event_stream_that_cannot_start_is_an_error(connect: Any) -> None:
    with pytest.raises(NotFoundError):
        list(connect()[0].events("nosuch"))
    with pytest.raises(NoResponseError):
        list(connect(*[REFUSED] * 9, retries=1)[0].events("x"))


def test_response_of_another_program_is_an_error(connect: Any) -> None:
    with pytest.raises(ClientError, match="did not send a gan1010 response"):
        connect(response(200, text="<h1>It works</h1>"))[0].health()
    with pytest.raises(ProblemError) as raised:
        connect(response(500, text="oops"))[0].health()
    assert raised.value.status == 500


def test_error_names_the_url_that_does_not_respond() -> None:
    url = "http://127.0.0.1:9"
    with Client(url, retries=1) as client, pytest.raises(NoResponseError, match="no response") as raised:
        client.health()
    assert raised.value.url == url


def test_api_key_is_sent(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with app_client(tmp_path, api_key="alice:s3cret,bob:t0ken") as app:
        assert make_client(kind, app, api_key="t0ken").jobs().data == []
        with pytest.raises(NotAllowedError) as raised:
            make_client(kind, app, api_key="").jobs()
        assert raised.value.type == "/problems/key-needed"
        monkeypatch.setenv("GAN1010_API_KEY", "alice:s3cret,bob:t0ken")
        assert make_client(kind, app).jobs().data == []


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("", ""),
        ("s3cret", "s3cret"),
        ("alice:s3cret", "s3cret"),
        (" alice:s3:cret, bob:t0ken", "s3:cret"),
        ('"alice:s3cret,bob:t0ken"\r', "s3cret"),
    ],
)
def test_api_key_of_the_environment(monkeypatch: pytest.MonkeyPatch, variable: str, key: str) -> None:
    monkeypatch.setenv("GAN1010_API_KEY", variable)
    assert default_headers(None).get("Authorization", "Bearer ") == f"Bearer {key}"
    assert default_headers("given:key")["Authorization"] == "Bearer given:key"


def test_api_key_of_the_services_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("\nalice:s3cret\nbob:t0ken\n")
    monkeypatch.delenv("GAN1010_API_KEY", raising=False)
    monkeypatch.setenv("GAN1010_API_KEY_FILE", f" {file}\r")
    assert default_headers(None)["Authorization"] == "Bearer s3cret"
    monkeypatch.setenv("GAN1010_API_KEY", "t0ken")
    assert default_headers(None)["Authorization"] == "Bearer t0ken"


def test_url_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GAN1010_URL", raising=False)
    assert service_url(None) == DEFAULT_URL
    monkeypatch.setenv("GAN1010_URL", "http://lab.example:9000/gan/")
    assert service_url(None) == "http://lab.example:9000/gan"
    monkeypatch.setenv("GAN1010_URL", "'http://lab.example:9000'\r")
    assert service_url(None) == "http://lab.example:9000"
    assert service_url("http://localhost:1") == "http://localhost:1"


def test_event_stream_continues_after_a_restart_of_the_service(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, _), Client(server.url, retries=8) as client:
        job = client.train(**LONG_JOB)
        events = client.events(job.id)
        next(events)
        server.kill()
        with running_server(tmp_path, "--port", server.url.rpartition(":")[2]):
            client.cancel(job.id)
            *_, last = events
    assert last.status == "cancelled"
