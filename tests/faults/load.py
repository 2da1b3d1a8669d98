"""Load: many queued jobs, ended jobs, event streams, silent connections, and samples during training."""

import shutil
import socket
import sqlite3
import statistics
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from threading import Semaphore
from typing import Any

import httpx

from service.storage.checksums import checksum
from service.storage.job_rows import INSERT_JOB, SELECT_JOBS
from tests.faults.report import Finding, milliseconds
from tests.support.clients import running_server
from tests.support.contract import LONG_JOB, start_running_job, submit_job, train

HEAD = b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
INCOMPLETE_REQUESTS = (
    b"",
    b"GET /healthz HTTP/1.1\r\nX: ",
    b"GET /healthz HTTP/1.1\r\n",
    HEAD + b"Content-Length: 9000\r\n\r\n",
)


def load(seed: int, long: bool, folder: Path) -> list[Finding]:
    """Put the service under each kind of load; the long version also checks the times."""
    return [
        *_queued_jobs(10_000 if long else 100, long, folder / "queued"),
        *_ended_jobs(100_000 if long else 100, long, folder / "ended"),
        _samples_during_training(seed, 5_000 if long else 100, long, folder / "samples"),
        _event_streams(500 if long else 30, folder / "streams"),
        _silent_connections(1000 if long else 50, folder / "silent"),
    ]


def _queued_jobs(jobs: int, long: bool, data: Path) -> list[Finding]:
    with running_server(data, "--workers", "1", "--queue-size", str(jobs)) as (server, client):
        start_running_job(client)
        _timed(client.get, 20, "/jobs")
        before = server.memory()
        submitting = _p99(_timed(client.post, jobs, "/train", json={"seed": 1}))
        listing = _p99(_timed(client.get, 500, "/jobs", params={"limit": 50}))
        megabytes = (server.memory() - before) / 1e6
        assert client.post("/train").status_code == 429
        assert f'gan1010_jobs{{status="queued"}} {jobs}' in client.get("/metrics").text.replace(".0\n", "\n")
    outcome = f"p99: submit {milliseconds(submitting)}, list {milliseconds(listing)}; memory {megabytes:+.0f} MB"
    assert not long or (max(submitting, listing) < 0.05 and megabytes < 100), outcome
    return [Finding(action="queued jobs", times=jobs, outcome=outcome)]


def _ended_jobs(jobs: int, long: bool, data: Path) -> list[Finding]:
    """Compare a start with many ended jobs with a start with few."""
    with running_server(data) as (_, client):
        ids = [train(client, seed=number)["id"] for number in range(10)]
    starts = 3 if long else 1
    few = statistics.median(_start_seconds(data, long) for _ in range(starts))
    _copy_jobs(data, ids, jobs)
    many = statistics.median(_start_seconds(data, long) for _ in range(starts))
    with running_server(data) as (_, client):
        listing, models = (statistics.median(_timed(client.get, 200, path)) for path in ("/jobs", "/models"))
        assert client.get("/jobs", params={"after": ids[0]}).json()["data"] == []
        assert train(client, seed=1)["status"] == "succeeded"
    outcome = f"ready {many - few:+.2f} s later; list jobs {milliseconds(listing)}, models {milliseconds(models)}"
    assert not long or (many - few < 1 and max(listing, models) < 0.02), outcome
    return [Finding(action="ended jobs with their models", times=jobs, outcome=outcome)]


def _copy_jobs(data: Path, ids: list[str], jobs: int) -> None:
    """Copy jobs with their histories and models under new ids."""
    with closing(sqlite3.connect(data / "gan1010.sqlite")) as db, db:
        for number in range(len(ids), jobs):
            old, new = ids[number % len(ids)], f"{int(ids[-1][:16], 16) + number:016x}{number:08x}"
            (row,) = db.execute(f"{SELECT_JOBS} WHERE id = ?", (old,))
            document = row[-2].replace(old.encode(), new.encode())
            db.execute(INSERT_JOB, (new, *row[1:-2], document, checksum(document)))
            query = "INSERT INTO models (job_id, bytes, sha256) SELECT ?, bytes, sha256 FROM models WHERE job_id = ?"
            db.execute(query, (new, old))
            if number < 1000:  # histories are large, and the service reads none before a request needs it
                columns = "iteration, arrays, sha256 FROM histories WHERE job_id = ?"
                db.execute(f"INSERT INTO histories SELECT ?, {columns}", (new, old))
            shutil.copy(data / "models" / f"{old}.safetensors", data / "models" / f"{new}.safetensors")


def _samples_during_training(seed: int, times: int, long: bool, data: Path) -> Finding:
    with running_server(data, "--workers", "2") as (_, client):
        parameters = {"job_id": train(client, seed=seed)["id"]}
        _timed(client.get, 50, "/sample", params=parameters)
        idle = _p99(_timed(client.get, times, "/sample", params=parameters))
        for _ in range(2):
            start_running_job(client)
        _timed(client.get, 50, "/sample", params=parameters)
        busy = _p99(_timed(client.get, times, "/sample", params=parameters))
    outcome = f"{milliseconds(busy)} at p99, {busy / idle:.1f} times as long as in an idle service"
    assert not long or busy < 3 * idle, outcome
    return Finding(action="samples beside two training threads", times=times, outcome=outcome)


def _event_streams(readers: int, data: Path) -> Finding:
    """Check that all readers receive the whole stream of a job, and that streams do not delay a shutdown."""
    limits = httpx.Limits(max_connections=readers + 1)
    with (
        running_server(data, "--workers", "1") as (server, _),
        ThreadPoolExecutor(readers) as pool,
        httpx.Client(base_url=server.url, timeout=60, limits=limits) as client,
    ):
        job = submit_job(client, iterations=20_000 * readers, record_every=10 * readers, seed=1)["id"]
        opened = Semaphore(0)
        streams = [pool.submit(_read_stream, client, job, opened) for _ in range(readers)]
        slowest = max(_timed(client.get, 20, "/healthz"))
        texts = [stream.result() for stream in streams]
        points = client.get(f"/jobs/{job}/progress").json()["series"]["iteration"]
        assert all(_points(text) == points for text in texts)
        assert all(text.rsplit("event: ", 1)[1].startswith("end\n") for text in texts)
        endless, opened = submit_job(client, **LONG_JOB)["id"], Semaphore(0)
        streams = [pool.submit(_read_stream, client, endless, opened) for _ in range(readers)]
        assert all(opened.acquire(timeout=60) for _ in range(readers))
        began = time.monotonic()
        assert server.stop() == 0, "".join(server.log)
        stopped = time.monotonic() - began
        assert all("event: end" not in stream.result() for stream in streams)
    assert stopped < 8
    outcome = f"every point and the end; /healthz within {milliseconds(slowest)}; shut down in {stopped:.1f} s"
    return Finding(action="event streams at once", times=readers, outcome=outcome)


def _read_stream(client: httpx.Client, job: str, opened: Semaphore) -> str:
    with client.stream("GET", f"/jobs/{job}/events") as response:
        opened.release()
        return "".join(response.iter_text())


def _points(text: str) -> list[int]:
    """Return all iterations of the progress events of a stream."""
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith('data: {"job_id"')]
    return [point for line in data for point in httpx.Response(200, text=line).json()["series"]["iteration"]]


def _silent_connections(count: int, data: Path) -> Finding:
    """Check that incomplete requests are closed after a while, and that others are served meanwhile."""
    with running_server(data) as (_, client), ExitStack() as stack:
        address = (client.base_url.host, client.base_url.port or 80)
        began, slowest = time.monotonic(), 0.0
        connections = [stack.enter_context(closing(socket.create_connection(address, 5))) for _ in range(count)]
        for number, connection in enumerate(connections):
            connection.sendall(INCOMPLETE_REQUESTS[number % 4])
            connection.setblocking(False)
        trickling = set(connections[1::2])
        while connections and time.monotonic() - began < 15:
            slowest = max(slowest, *_timed(client.get, 1, "/sample", statuses={409}))
            connections = [connection for connection in connections if not _is_closed(connection)]
            for connection in trickling.intersection(connections):
                with suppress(OSError):  # the server has just closed it
                    connection.send(b"x")
            time.sleep(0.5)
        seconds = time.monotonic() - began
        assert not connections, f"{len(connections)} are open after {seconds:.0f} s"
    outcome = f"closed within {seconds:.1f} s, other responses within {milliseconds(slowest)}"
    assert count < 1000 or (seconds < 10 and slowest < 1), outcome
    return Finding(action="silent and trickling connections", times=count, outcome=outcome)


def _is_closed(connection: socket.socket) -> bool:
    try:
        while connection.recv(4096):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def _timed(
    send: Callable[..., httpx.Response], times: int, path: str, statuses: Collection[int] = (200, 202), **options: Any
) -> list[float]:
    """Send a request so many times; return the seconds that each took."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        response = send(path, **options)
        seconds.append(time.perf_counter() - began)
        assert response.status_code in statuses, response.text
    return seconds


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.99)]


def _start_seconds(data: Path, fresh: bool) -> float:
    """Start a process, of a new interpreter or forked, and return the seconds until it is ready."""
    began = time.perf_counter()
    with running_server(data, fresh=fresh) as (_, client):
        assert client.get("/readyz").status_code == 200
        return time.perf_counter() - began
