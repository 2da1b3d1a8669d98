"""Following a job: every recorded point once, each change of its status, and its end."""

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
    wait_until,
)

STREAMS, SLOW = 60, 20
MAX_BATCH_POINTS = 5000  # in one batch
SOME_SECONDS: Json = {"iterations": 4_000_000, "record_every": 100, "seed": 3}
PROGRESS = ["job_id", "status", "iteration", "iterations", "record_every", "series", "next_after"]


def events_of(answer: httpx.Response) -> Iterator[tuple[str, int, Json]]:
    """Each event as it comes: its name, its id and its data."""
    assert answer.status_code == 200
    assert content_type(answer) == "text/event-stream"
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
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
    """All events of a job, to the end."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with client.stream("GET", f"/jobs/{job['id']}/events", headers=headers) as answer:
        return list(events_of(answer))


def series_of(events: list[tuple[str, int, Json]]) -> dict[str, list[float]]:
    """All points of the progress events, put together."""
    batches = [data["series"] for name, _, data in events if name == "progress"]
    return {name: list(itertools.chain.from_iterable(batch[name] for batch in batches)) for name in batches[0]}


def series_after(client: httpx.Client, job: Json, after: int = 0) -> dict[str, list[float]]:
    answer = client.get(f"/jobs/{job['id']}/progress", params={"after": after})
    return dict(answer.json()["series"])


def test_follower_gets_every_point_once_and_then_the_end(client: Client) -> None:
    job = submit_job(client, **SOME_SECONDS)
    began = time.monotonic()
    events = follow(client, job)
    took = time.monotonic() - began
    names = [name for name, _, _ in events]
    batches = [(id, data) for name, id, data in events if name == "progress"]
    assert names[0] == "status"
    assert names[-2:] == ["status", "end"]
    assert names.count("end") == 1
    assert len(batches) <= 10 * took + 1
    for (before, _), (id, data) in itertools.pairwise([(0, {}), *batches]):
        points = data["series"]["iteration"]
        assert list(data) == PROGRESS
        assert id == data["next_after"] == points[-1]
        assert before < points[0] <= points[-1] <= data["iteration"] <= data["iterations"]
        assert len(points) <= MAX_BATCH_POINTS
    assert series_of(events) == series_after(client, job)
    assert events[-1] == ("end", job["iterations"], client.get(f"/jobs/{job['id']}").json())
    assert events[-2][2] == events[-1][2]


def test_each_status_is_told_with_the_iteration_that_has_been_sent(client: Client) -> None:
    events = follow(client, submit_job(client, **SOME_SECONDS))
    told = [data["status"] for name, _, data in events if name == "status"]
    assert [status for status, _ in itertools.groupby(told)] in (
        ["queued", "running", "succeeded"],
        ["running", "succeeded"],
    )
    reached = 0
    for name, id, _ in events:
        if name == "status":
            assert id == reached
        reached = id


def test_late_follower_of_a_running_job_gets_all_points(client: Client) -> None:
    job = start_running_job(client, **SOME_SECONDS, experiment="discriminator")
    client.get(f"/jobs/{job['id']}", params={"wait": 0.2})
    events = follow(client, job)
    assert list(series_of(events)) == ["iteration", "discriminator_real_loss", "discriminator_fake_loss"]
    assert series_of(events) == series_after(client, job)


@pytest.mark.parametrize("after", [99, 2_000_050, 3_999_999])
def test_dropped_stream_goes_on_where_it_was(client: Client, after: int) -> None:
    job = submit_job(client, **SOME_SECONDS)
    events = follow(client, job, after)
    assert series_of(events) == series_after(client, job, after)
    again = follow(client, job, after)  # the job has ended, but this reader does not know
    assert series_of(again) == series_of(events)
    assert again[-2:] == events[-2:]


def test_ended_job_is_not_to_be_asked_again(shared_client: Client, article_job: Json) -> None:
    for headers in ({}, {"Last-Event-ID": "10000"}, {"Last-Event-ID": "20000"}):
        answer = shared_client.get(f"/jobs/{article_job['id']}/events", headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")


def test_job_that_recorded_nothing_past_an_iteration_still_ends(shared_client: Client) -> None:
    job = train(shared_client, iterations=4, record_every=5)
    assert [(name, id) for name, id, _ in follow(shared_client, job, 0)] == [("status", 0), ("end", 4)]
    assert shared_client.get(f"/jobs/{job['id']}/events", headers={"Last-Event-ID": "4"}).status_code == 204


def test_job_without_points_to_send_tells_how_far_it_is(client: Client) -> None:
    job = submit_job(client, **LONG_JOB | {"record_every": 10_000_000})
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(follow, client, job)
        time.sleep(2.5)
        client.post(f"/jobs/{job['id']}/cancel")
    events = stream.result()
    iterations = [data["iteration"] for name, _, data in events if name == "status" and data["status"] == "running"]
    assert 2 <= len(iterations) <= 4
    assert iterations == sorted(set(iterations))
    assert {name for name, _, _ in events} == {"status", "end"}


def test_sweep_is_followed_as_any_job(client: Client) -> None:
    body = {"base": {"iterations": 2000}, "grid": {"loss": ["mse", "bce"]}, "seeds": 10_000}
    sweep = client.post("/sweeps", json=body).json()
    events = follow(client, sweep)
    assert {name for name, _, _ in events} == {"status", "end"}
    assert events[-1] == ("end", 20_000, client.get(f"/jobs/{sweep['id']}").json())
    answer = client.get(f"/jobs/{sweep['id']}/events", headers={"Last-Event-ID": "20000"})
    assert answer.status_code == 204


@pytest.mark.parametrize("id", ["one", "-1", "1.5", "nan", "9" * 5000, "99999999999999999999"])
def test_last_event_id_that_is_no_iteration_is_refused(shared_client: Client, article_job: Json, id: str) -> None:
    content = check_problem(
        shared_client.get(f"/jobs/{article_job['id']}/events", headers={"Last-Event-ID": id}), 422, "invalid-input"
    )
    assert content["errors"][0]["loc"] == ["header", "last-event-id"]


def test_unknown_job_has_no_events(shared_client: Client) -> None:
    check_problem(shared_client.get("/jobs/none/events"), 404, "job-not-found")


def test_job_cancelled_while_it_waits_tells_and_ends(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1") as (_, client):
        start_running_job(client)
        queued = submit_job(client, **SHORT_JOB)
        with client.stream("GET", f"/jobs/{queued['id']}/events") as answer:
            events = events_of(answer)
            assert next(events) == ("status", 0, queued)
            cancelled = client.post(f"/jobs/{queued['id']}/cancel").json()
            assert list(events) == [("status", 0, cancelled), ("end", 0, cancelled)]


def test_many_streams_at_once_each_have_all(server_url: str) -> None:
    limits = httpx.Limits(max_connections=STREAMS + 1)
    with httpx.Client(base_url=server_url, timeout=60, limits=limits) as client, ThreadPoolExecutor(STREAMS) as pool:
        job = submit_job(client, iterations=4_000_000, record_every=2000, seed=1)
        streams = [pool.submit(follow, client, job) for _ in range(STREAMS)]
        assert client.get("/healthz", timeout=5).status_code == 200
        followed = [stream.result() for stream in streams]
        whole, ended = series_after(client, job), client.get(f"/jobs/{job['id']}").json()
    for events in followed:
        assert series_of(events) == whole
        assert events[-1] == ("end", 4_000_000, ended)


def test_readers_that_do_not_read_cost_no_memory(tmp_path: Path) -> None:
    recorded: Json = {"iterations": 4_000_000, "record_every": 20}  # 200,000 points, which are 14 MB as events
    with running_server(tmp_path, "--workers", "1") as (server, client), ExitStack() as stack:
        follow(client, train(client, **SOME_SECONDS), 0)
        before, job = server.memory(), submit_job(client, **recorded)
        address = (client.base_url.host, client.base_url.port or 80)
        for _ in range(SLOW):
            reader = stack.enter_context(closing(socket.create_connection(address)))
            head = f"GET /jobs/{job['id']}/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n\r\n"
            reader.sendall(head.encode())
            assert reader.recv(12) == b"HTTP/1.1 200"
        assert client.get(f"/jobs/{job['id']}?wait=30").json()["status"] == "succeeded"
        time.sleep(2)  # in which who reads gets all
        grown = server.memory() - before
    assert grown < 40e6, f"{grown / 1e6:.0f} MB for {SLOW} readers"


def test_reader_that_has_left_is_not_missed(server_url: str) -> None:
    with httpx.Client(base_url=server_url, timeout=60) as client:
        job = start_running_job(client)
        for _ in range(20):
            with client.stream("GET", f"/jobs/{job['id']}/events") as answer:
                next(events_of(answer))
        assert client.post(f"/jobs/{job['id']}/cancel").status_code == 200


def test_stop_ends_all_streams_and_says_nothing_of_an_end(tmp_path: Path) -> None:
    limits = httpx.Limits(max_connections=STREAMS + 1)
    following = threading.Barrier(STREAMS + 1)

    def follow_to_the_stop(client: httpx.Client, job: Json) -> set[str]:
        with client.stream("GET", f"/jobs/{job['id']}/events") as answer:
            events = events_of(answer)
            first, _, _ = next(events)
            following.wait()
            return {first, *(name for name, _, _ in events)}

    with running_server(tmp_path, "--workers", "1") as (server, _), ThreadPoolExecutor(STREAMS) as pool:
        with httpx.Client(base_url=server.url, timeout=60, limits=limits) as client:
            jobs = [start_running_job(client), submit_job(client, **SHORT_JOB)] * (STREAMS // 2)
            streams = [pool.submit(follow_to_the_stop, client, job) for job in jobs]
            following.wait()
            began = time.monotonic()
            assert server.stop() == 0, "".join(server.log)
            assert time.monotonic() - began < 4
            assert all("end" not in stream.result() for stream in streams)
        assert "Traceback" not in "".join(server.log)


def test_endless_job_is_followed_from_its_first_moments(client: Client) -> None:
    job = submit_job(client, **LONG_JOB)
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(follow, client, job)
        wait_until(lambda: client.get(f"/jobs/{job['id']}").json(), lambda job: job["iteration"] > 0)
        cancelled = client.post(f"/jobs/{job['id']}/cancel").json()
    assert stream.result()[-1] == ("end", cancelled["iteration"], cancelled)
