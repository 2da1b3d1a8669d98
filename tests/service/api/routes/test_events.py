"""Event streams: every recorded point once, each change of status, and the end."""

import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from tests.support.clients import Client, running_server
from tests.support.contract import (
    LONG_JOB,
    SHORT_JOB,
    Json,
    check_problem,
    content_type,
    start_running_job,
    submit_job,
    train,
)

STREAMS, SLOW_CLIENTS = 60, 20  # an httpx client has up to 100 connections
MAX_BATCH_POINTS = 5000
STREAMED_JOB: Json = {"iterations": 4_000_000, "record_every": 100, "seed": 3}
PROGRESS = ["job_id", "status", "iteration", "iterations", "record_every", "series", "next_after"]


def events_of(response: httpx.Response) -> Iterator[tuple[str, int, Json]]:
    """Parse the name, id and data of each event."""
    assert response.status_code == 200
    assert content_type(response) == "text/event-stream"
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            assert name not in fields
            fields[name] = value
        elif fields:
            assert fields.keys() == {"event", "data", "id"}
            yield fields["event"], int(fields["id"]), json.loads(fields["data"])
            fields = {}
    assert fields == {}


def follow(client: httpx.Client, job: Json, after: int | None = None) -> list[tuple[str, int, Json]]:
    """Read all events of a job."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with client.stream("GET", f"/jobs/{job['id']}/events", headers=headers) as response:
        return list(events_of(response))


def series_of(events: list[tuple[str, int, Json]]) -> dict[str, list[float]]:
    """Join the points of the progress events."""
    batches = [data["series"] for name, _, data in events if name == "progress"]
    return {name: list(itertools.chain.from_iterable(batch[name] for batch in batches)) for name in batches[0]}


def series_after(client: httpx.Client, job: Json, after: int = 0) -> dict[str, list[float]]:
    response = client.get(f"/jobs/{job['id']}/progress", params={"after": after})
    return dict(response.json()["series"])


def test_stream_has_every_point_once_and_ends(client: Client) -> None:
    job = submit_job(client, **STREAMED_JOB)
    began = time.monotonic()
    events = follow(client, job)
    seconds = time.monotonic() - began
    names = [name for name, _, _ in events]
    batches = [(id, data) for name, id, data in events if name == "progress"]
    statuses = [data["status"] for name, _, data in events if name == "status"]
    assert names[-2:] == ["status", "end"]
    assert names.count("end") == 1
    assert [status for status, _ in itertools.groupby(["queued", *statuses])] == ["queued", "running", "succeeded"]
    for (_, reached, _), (name, id, _) in itertools.pairwise([("", 0, {}), *events]):
        assert name != "status" or id == reached  # the iteration that was sent last
    assert len(batches) <= 10 * seconds + 1
    for (before, _), (id, data) in itertools.pairwise([(0, {}), *batches]):
        points = data["series"]["iteration"]
        assert list(data) == PROGRESS
        assert id == data["next_after"] == points[-1]
        assert before < points[0] <= points[-1] <= data["iteration"] <= data["iterations"]
        assert len(points) <= MAX_BATCH_POINTS
    assert series_of(events) == series_after(client, job)
    assert events[-1] == ("end", job["iterations"], client.get(f"/jobs/{job['id']}").json())
    assert events[-2][2] == events[-1][2]


def test_late_subscriber_gets_all_points(client: Client) -> None:
    job = start_running_job(client, **STREAMED_JOB, experiment="discriminator")
    client.get(f"/jobs/{job['id']}", params={"wait": 0.2})
    events = follow(client, job)
    assert list(series_of(events)) == ["iteration", "discriminator_real_loss", "discriminator_fake_loss"]
    assert series_of(events) == series_after(client, job)


@pytest.mark.parametrize("after", [99, 2_000_050, 3_999_999])
def test_stream_continues_past_last_event_id(client: Client, after: int) -> None:
    job = submit_job(client, **STREAMED_JOB)
    events = follow(client, job, after)
    assert series_of(events) == series_after(client, job, after)
    again = follow(client, job, after)  # a client that reconnects after the end
    assert series_of(again) == series_of(events)
    assert again[-2:] == events[-2:]


def test_stream_of_an_ended_job_is_204(shared_client: Client, article_job: Json) -> None:
    for headers in ({}, {"Last-Event-ID": "10000"}, {"Last-Event-ID": "20000"}):
        response = shared_client.get(f"/jobs/{article_job['id']}/events", headers=headers)
        assert (response.status_code, response.content) == (204, b"")


def test_stream_without_points_ends(shared_client: Client) -> None:
    job = train(shared_client, iterations=4, record_every=5)
    assert [(name, id) for name, id, _ in follow(shared_client, job, 0)] == [("status", 0), ("end", 4)]
    assert shared_client.get(f"/jobs/{job['id']}/events", headers={"Last-Event-ID": "4"}).status_code == 204


def test_status_events_of_a_job_without_points(server_client: httpx.Client) -> None:
    job = submit_job(server_client, **LONG_JOB | {"record_every": 10_000_000})
    with server_client.stream("GET", f"/jobs/{job['id']}/events") as response:
        events, iterations, began = events_of(response), [], time.monotonic()
        while len(iterations) < 3:
            name, _, data = next(events)
            assert name == "status"
            iterations += [data["iteration"]] * (data["status"] == "running")
        assert time.monotonic() - began > 1.9  # one a second
        assert iterations == sorted(set(iterations))
        cancelled = server_client.post(f"/jobs/{job['id']}/cancel").json()
        assert list(events)[-1] == ("end", cancelled["iteration"], cancelled)


def test_stream_of_a_sweep(client: Client) -> None:
    body = {"base": {"iterations": 2000}, "grid": {"loss": ["mse", "bce"]}, "seeds": 10_000}
    sweep = client.post("/sweeps", json=body).json()
    events = follow(client, sweep)
    assert {name for name, _, _ in events} == {"status", "end"}
    assert events[-1] == ("end", 20_000, client.get(f"/jobs/{sweep['id']}").json())
    response = client.get(f"/jobs/{sweep['id']}/events", headers={"Last-Event-ID": "20000"})
    assert response.status_code == 204


@pytest.mark.parametrize("id", ["one", "-1", "1.5", "nan", "9" * 5000, "99999999999999999999"])
def test_invalid_last_event_id_is_refused(shared_client: Client, article_job: Json, id: str) -> None:
    content = check_problem(
        shared_client.get(f"/jobs/{article_job['id']}/events", headers={"Last-Event-ID": id}), 422, "invalid-input"
    )
    assert content["errors"][0]["loc"] == ["header", "last-event-id"]


def test_stream_of_a_queued_job_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1") as (_, client):
        start_running_job(client)
        queued = submit_job(client, **SHORT_JOB)
        with client.stream("GET", f"/jobs/{queued['id']}/events") as response:
            events = events_of(response)
            assert next(events) == ("status", 0, queued)
            cancelled = client.post(f"/jobs/{queued['id']}/cancel").json()
            assert list(events) == [("status", 0, cancelled), ("end", 0, cancelled)]


def test_concurrent_streams_have_all_points(server_client: httpx.Client) -> None:
    with ThreadPoolExecutor(STREAMS) as pool:
        job = submit_job(server_client, iterations=4_000_000, record_every=2000, seed=1)
        streams = [pool.submit(follow, server_client, job) for _ in range(STREAMS)]
        assert server_client.get("/healthz").status_code == 200
        followed = [stream.result() for stream in streams]
    whole, ended = series_after(server_client, job), server_client.get(f"/jobs/{job['id']}").json()
    for events in followed:
        assert series_of(events) == whole
        assert events[-1] == ("end", 4_000_000, ended)


def test_slow_clients_use_no_memory(tmp_path: Path) -> None:
    recorded: Json = {"iterations": 4_000_000, "record_every": 20}  # 200,000 points, which are 14 MB as events
    with running_server(tmp_path, "--workers", "1") as (server, client), ExitStack() as stack:
        follow(client, train(client, **STREAMED_JOB), 0)
        before, job = server.memory(), submit_job(client, **recorded)
        address = (client.base_url.host, client.base_url.port or 80)
        for _ in range(SLOW_CLIENTS):
            slow_client = stack.enter_context(closing(socket.create_connection(address)))
            head = f"GET /jobs/{job['id']}/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n\r\n"
            slow_client.sendall(head.encode())
            assert slow_client.recv(12) == b"HTTP/1.1 200"
        assert client.get(f"/jobs/{job['id']}?wait=30").json()["status"] == "succeeded"
        follow(client, job, 0)  # a client that reads receives everything
        grown = server.memory() - before
    assert grown < 40e6, f"{grown / 1e6:.0f} MB for {SLOW_CLIENTS} clients"


def test_disconnected_clients_do_not_matter(server_client: httpx.Client) -> None:
    job = start_running_job(server_client)
    for _ in range(20):
        with server_client.stream("GET", f"/jobs/{job['id']}/events") as response:
            next(events_of(response))
    assert server_client.post(f"/jobs/{job['id']}/cancel").status_code == 200


def test_shutdown_ends_all_streams_without_an_end_event(tmp_path: Path) -> None:
    subscribed = threading.Barrier(STREAMS + 1)

    def follow_to_the_shutdown(client: httpx.Client, job: Json) -> set[str]:
        with client.stream("GET", f"/jobs/{job['id']}/events") as response:
            events = events_of(response)
            first, _, _ = next(events)
            subscribed.wait()
            return {first, *(name for name, _, _ in events)}

    with running_server(tmp_path, "--workers", "1") as (server, client), ThreadPoolExecutor(STREAMS) as pool:
        jobs = [start_running_job(client), submit_job(client, **SHORT_JOB)] * (STREAMS // 2)
        streams = [pool.submit(follow_to_the_shutdown, client, job) for job in jobs]
        subscribed.wait()
        assert server.stop() == 0, "".join(server.log)
        assert all("end" not in stream.result() for stream in streams)
    assert "Traceback" not in "".join(server.log)
