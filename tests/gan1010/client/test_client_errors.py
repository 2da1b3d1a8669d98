"""What clients do when things go wrong: problems as errors, tries that are safe, keys, and no answer at all."""

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
from gan1010.client.config import DEFAULT_URL, resolve_api_key, service_url
from gan1010.client.retry import retry_after
from tests.support import clients
from tests.support.both_clients import CLIENT_KINDS, FaultyTransport, make_client, transport_of
from tests.support.clients import app_client, running_server

REFUSED = httpx.ConnectError("refused")
BROKEN = httpx.ReadError("broken off")
NOW = {"Retry-After": "0"}


def busy(status: int = 429, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers=headers or NOW, request=httpx.Request("POST", "http://localhost/train"))


@pytest.fixture(params=CLIENT_KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(
    ("call", "given", "error", "status", "type"),
    [
        ("job", ("nosuch",), NotFoundError, 404, "job-not-found"),
        ("job", ("a/../b?c#d",), NotFoundError, 404, None),
        ("resume", ("ARTICLE",), ConflictError, 409, "state-forbids"),
        ("plot", ("ARTICLE", "portrait"), NotFoundError, 404, "plot-not-found"),
        ("results", ("ARTICLE",), ConflictError, 409, "wrong-kind"),
        ("download", ("ARTICLE", "generator.exe"), NotFoundError, 404, "file-not-found"),
        ("score", ([[1.0]],), InvalidRequestError, 422, "invalid-input"),
    ],
)
def test_problem_is_an_error_that_carries_it(
    kind: str, shared_client: clients.Client, article_job: Any, call: str, given: tuple[Any], error: type[ProblemError],
    status: int, type: str | None,
) -> None:  # fmt: skip
    client = make_client(kind, shared_client)
    with pytest.raises(error) as raised:
        getattr(client, call)(*(article_job["id"] if value == "ARTICLE" else value for value in given))
    problem = raised.value
    assert problem.status == status
    assert type is None or problem.type == f"/problems/{type}"
    assert problem.detail in str(problem)
    assert isinstance(problem, ClientError)


def test_mistakes_say_where_they_are(kind: str, shared_client: clients.Client) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        make_client(kind, shared_client).train(iterations=0, loss="hinge")
    assert {mistake.loc for mistake in raised.value.errors} == {("body", "iterations"), ("body", "loss")}


@pytest.mark.parametrize("trouble", [REFUSED, BROKEN, 429, 503, 502], ids=str)
@pytest.mark.parametrize("arriving", [False, True])
def test_train_is_tried_again_and_trains_once(
    kind: str, shared_client: clients.Client, trouble: Any, arriving: bool
) -> None:
    twice = [busy(trouble) if isinstance(trouble, int) else trouble for _ in range(2)]
    way = FaultyTransport(transport_of(shared_client), *twice, after_delivery=arriving)
    name = f"{kind} {trouble} {arriving}"
    job = make_client(kind, shared_client, way).train(iterations=20, name=name)
    assert len(way.requests) == 3
    assert len({request.headers["Idempotency-Key"] for request in way.requests}) == 1
    alike = [other.id for other in make_client("blocking", shared_client).jobs(limit=100).data if other.name == name]
    assert alike == [job.id]


def test_tries_have_an_end(kind: str, shared_client: clients.Client) -> None:
    way = FaultyTransport(transport_of(shared_client), *[busy()] * 9)
    with pytest.raises(BusyError):
        make_client(kind, shared_client, way, retries=2).train()
    assert len(way.requests) == 3
    way = FaultyTransport(transport_of(shared_client), *[REFUSED] * 9)
    with pytest.raises(NoResponseError, match="no response from http://localhost: refused"):
        make_client(kind, shared_client, way, retries=1).health()
    assert len(way.requests) == 2


def test_what_may_have_been_done_is_not_done_again(kind: str, shared_client: clients.Client) -> None:
    way = FaultyTransport(transport_of(shared_client), BROKEN)
    with pytest.raises(NoResponseError):
        make_client(kind, shared_client, way).resume("some job")
    assert len(way.requests) == 1
    way = FaultyTransport(transport_of(shared_client), REFUSED, busy(503))  # but these were not
    with pytest.raises(NotFoundError):
        make_client(kind, shared_client, way).resume("nosuch")


def test_retry_after_is_waited_for(kind: str, shared_client: clients.Client) -> None:
    way = FaultyTransport(transport_of(shared_client), busy(**{"Retry-After": "1"}))
    begun = time.monotonic()
    make_client(kind, shared_client, way).train(iterations=10)
    assert time.monotonic() - begun >= 1
    way = FaultyTransport(transport_of(shared_client), busy(**{"Retry-After": "3600"}))
    with pytest.raises(BusyError) as raised:
        make_client(kind, shared_client, way).train()
    assert raised.value.retry_after == 3600
    assert len(way.requests) == 1


def test_retry_after_may_be_a_date() -> None:
    def of(text: str) -> float | None:
        return retry_after(httpx.Response(503, headers={"Retry-After": text}))

    soon = of(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True))
    assert soon is not None
    assert 28 <= soon <= 30
    assert of("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert of("2") == 2
    assert of("soon") is None


def test_service_that_is_stopping_is_not_ready(kind: str, shared_client: clients.Client) -> None:
    way = FaultyTransport(transport_of(shared_client), httpx.Response(503, json={"status": "stopping"}))
    assert make_client(kind, shared_client, way).ready() is False


class Torn(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A stream that breaks off within an event."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content, self._at = content, at

    def __iter__(self) -> Iterator[bytes]:
        yield self._content[: self._at]
        raise BROKEN

    async def __aiter__(self) -> Any:
        yield self._content[: self._at]
        raise BROKEN


def test_events_are_taken_up_where_they_broke_off(kind: str, shared_client: clients.Client) -> None:
    job = make_client("blocking", shared_client).train(iterations=60_000, wait=20)
    whole = shared_client.get(f"/jobs/{job.id}/events", headers={"Last-Event-ID": "0"}).content
    torn = [httpx.Response(200, stream=Torn(whole, at)) for at in (10, len(whole) // 2, len(whole) - 10)]
    way = FaultyTransport(transport_of(shared_client), REFUSED, torn[0], busy(503), torn[1], REFUSED)
    events = list(make_client(kind, shared_client, way).events(job.id))
    points = [point for event in events if hasattr(event, "series") for point in event.series.iteration]
    assert points == list(range(job.config["record_every"], 60_001, job.config["record_every"]))
    assert events[-1] == job


def test_events_of_no_job_are_an_error(kind: str, shared_client: clients.Client) -> None:
    with pytest.raises(NotFoundError):
        list(make_client(kind, shared_client).events("nosuch"))
    with pytest.raises(NoResponseError):
        list(
            make_client(
                kind, shared_client, FaultyTransport(transport_of(shared_client), *[REFUSED] * 9), retries=1
            ).events("x")
        )


def test_answer_of_another_program_is_an_error(kind: str, shared_client: clients.Client) -> None:
    way = FaultyTransport(transport_of(shared_client), httpx.Response(200, text="<h1>It works</h1>"))
    with pytest.raises(ClientError, match="did not send a gan1010 response"):
        make_client(kind, shared_client, way).health()
    way = FaultyTransport(
        transport_of(shared_client), httpx.Response(500, text="oops", request=httpx.Request("GET", "http://x"))
    )
    with pytest.raises(ProblemError) as raised:
        make_client(kind, shared_client, way).health()
    assert raised.value.status == 500


def test_nobody_there_is_said() -> None:
    with Client("http://127.0.0.1:9", retries=1) as client, pytest.raises(NoResponseError) as raised:
        client.health()
    assert raised.value.url == "http://127.0.0.1:9"


def test_key_is_sent(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with app_client(tmp_path, api_key="alice:s3cret,bob:t0ken") as app:
        assert make_client(kind, app, api_key="t0ken").jobs().data == []
        with pytest.raises(NotAllowedError) as raised:
            make_client(kind, app, api_key="").jobs()
        assert raised.value.type == "/problems/key-needed"
        monkeypatch.setenv("GAN1010_API_KEY", "alice:s3cret,bob:t0ken")
        assert make_client(kind, app).jobs().data == []


@pytest.mark.parametrize(
    ("variable", "key"),
    [("", ""), ("s3cret", "s3cret"), ("alice:s3cret", "s3cret"), (" alice:s3:cret, bob:t0ken", "s3:cret")],
)
def test_key_of_the_environment(monkeypatch: pytest.MonkeyPatch, variable: str, key: str) -> None:
    monkeypatch.setenv("GAN1010_API_KEY", variable)
    assert resolve_api_key(None) == key
    assert resolve_api_key("given:key") == "given:key"


def test_address_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GAN1010_URL", raising=False)
    assert service_url(None) == DEFAULT_URL
    monkeypatch.setenv("GAN1010_URL", "http://lab.example:9000/gan/")
    assert service_url(None) == "http://lab.example:9000/gan"
    assert service_url("http://localhost:1") == "http://localhost:1"


def test_restart_of_the_service_is_waited_out(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, _):
        client = Client(server.url, retries=8)
        job = client.train(iterations=10_000_000)
        events = client.events(job.id)
        next(events)
        server.kill()
        with running_server(tmp_path, "--port", server.url.rpartition(":")[2]):
            for event in events:
                last = event
                if getattr(event, "iteration", 0) > 1_000_000:
                    break
            client.cancel(job.id)
    assert last.iteration > 0
