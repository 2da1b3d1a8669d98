"""Very many at once: jobs that wait, jobs that have ended, streams, silent connections, and samples beside training."""

import shutil
import socket
import sqlite3
import statistics
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from select import select
from threading import Semaphore
from typing import Any

import httpx

from service.storage.checksums import checksum
from service.storage.store import INSERT_JOB, SELECT_JOBS
from tests.faults.rows import Row, milliseconds
from tests.support.clients import running_server
from tests.support.contract import LONG_JOB, start_running_job, submit_job, train

TIMEOUT = httpx.Timeout(60)
BODY = b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def crowds(seed: int, long: bool, folder: Path) -> list[Row]:
    """Each crowd gets what one client would; how long that takes is held against its bound in the long version."""
    return [
        *_queue(10_000 if long else 100, long, folder / "queue"),
        *_ended(100_000 if long else 100, long, folder / "ended"),
        _samples(seed, 5_000 if long else 100, long, folder / "samples"),
        _streams(500 if long else 30, folder / "streams"),
        _silent(1000 if long else 50, folder / "silent"),
        *_too_large(100 if long else 3, long, folder / "large"),
    ]


def _queue(jobs: int, long: bool, data: Path) -> list[Row]:
    """So many jobs wait behind one that takes long."""
    with running_server(data, "--workers", "1", "--queue-size", str(jobs)) as (server, client):
        start_running_job(client)
        _timed(client.get, 20, "/jobs")
        before = server.memory()
        submitting = _timed(client.post, jobs, "/train", json={"seed": 1})
        listing = _timed(client.get, 500, "/jobs", params={"limit": 50})
        grown = (server.memory() - before) / 1e6
        assert client.post("/train").status_code == 429
        assert f'gan1010_jobs{{status="queued"}} {jobs}' in client.get("/metrics").text.replace(".0\n", "\n")
    p99 = [sorted(seconds)[int(len(seconds) * 0.99)] for seconds in (submitting, listing)]
    assert not long or (max(p99) < 0.05 and grown < 100), f"{p99} s at p99, {grown:.0f} MB"
    found = f"submitting {milliseconds(p99[0])}, listing {milliseconds(p99[1])} at p99; memory {grown:+.0f} MB"
    return [Row(what="jobs that wait", times=jobs, found=found)]


def _ended(jobs: int, long: bool, data: Path) -> list[Row]:
    """A start with so many jobs that have ended, beside one with few."""
    with running_server(data) as (_, client):
        ids = [train(client, seed=number)["id"] for number in range(10)]
    starts = 3 if long else 1
    few = statistics.median(_start_seconds(data) for _ in range(starts))
    _multiply(data, ids, jobs)
    many = statistics.median(_start_seconds(data) for _ in range(starts))
    with running_server(data) as (_, client):
        listing = statistics.median(_timed(client.get, 200, "/jobs"))
        models = statistics.median(_timed(client.get, 200, "/models"))
        oldest = client.get("/jobs", params={"after": ids[0]}).json()
        assert oldest["data"] == []
        assert train(client, seed=1)["status"] == "succeeded"
    assert not long or (many - few < 1 and max(listing, models) < 0.02), f"{few} s, {many} s, {listing} s, {models} s"
    found = f"ready {many - few:+.2f} s later; jobs listed in {milliseconds(listing)}, models in {milliseconds(models)}"
    return [Row(what="jobs that have ended, with their models", times=jobs, found=found)]


def _multiply(data: Path, ids: list[str], jobs: int) -> None:
    """Have jobs with their histories and models there many times, under ids of their own."""
    with closing(sqlite3.connect(data / "gan1010.sqlite")) as db, db:
        for number in range(len(ids), jobs):
            old, new = ids[number % len(ids)], f"{int(ids[-1][:16], 16) + number:016x}{number:08x}"
            (row,) = db.execute(f"{SELECT_JOBS} WHERE id = ?", (old,))
            document = row[-2].replace(old.encode(), new.encode())
            db.execute(INSERT_JOB, (new, *row[1:-2], document, checksum(document)))
            db.execute("INSERT INTO models SELECT ?, bytes, sha256 FROM models WHERE job_id = ?", (new, old))
            if number < 1000:  # histories are large, and none is read before it is asked for
                db.execute(
                    "INSERT INTO histories SELECT ?, iteration, arrays, sha256 FROM histories WHERE job_id = ?",
                    (new, old),
                )
            shutil.copy(data / "models" / f"{old}.safetensors", data / "models" / f"{new}.safetensors")


def _samples(seed: int, times: int, long: bool, data: Path) -> Row:
    """Samples while both training threads are busy, beside samples while they are not."""
    with running_server(data, "--workers", "2") as (_, client):
        job = train(client, seed=seed)["id"]
        idle = _p99(client, job, times)
        for _ in range(2):
            start_running_job(client)
        busy = _p99(client, job, times)
    assert not long or busy < 3 * idle, f"{busy} s and {idle} s at p99"
    found = f"{milliseconds(busy)} at p99, {busy / idle:.1f} times that of an idle service"
    return Row(what="samples beside two training threads", times=times, found=found)


def _p99(client: httpx.Client, job: str, times: int) -> float:
    _timed(client.get, 50, "/sample", params={"job_id": job})
    return sorted(_timed(client.get, times, "/sample", params={"job_id": job}))[int(times * 0.99)]


def _streams(readers: int, data: Path) -> Row:
    """So many who follow a job get all of it; and so many who follow one that goes on do not keep it from stopping."""
    limits = httpx.Limits(max_connections=readers + 1)
    with (
        running_server(data, "--workers", "1") as (server, _),
        ThreadPoolExecutor(readers) as pool,
        httpx.Client(base_url=server.url, timeout=TIMEOUT, limits=limits) as client,
    ):
        job = submit_job(client, iterations=20_000 * readers, record_every=10 * readers, seed=1)["id"]
        opened = Semaphore(0)
        reading = [pool.submit(_read, client, job, opened) for _ in range(readers)]
        slowest = max(_timed(client.get, 20, "/healthz"))
        texts = [reader.result() for reader in reading]
        points = client.get(f"/jobs/{job}/progress").json()["series"]["iteration"]
        assert all(_points(text) == points for text in texts)
        assert all(text.rsplit("event: ", 1)[1].startswith("end\n") for text in texts)
        endless = submit_job(client, **LONG_JOB)["id"]
        opened = Semaphore(0)
        reading = [pool.submit(_read, client, endless, opened) for _ in range(readers)]
        assert all(opened.acquire(timeout=60) for _ in range(readers))
        asked = time.monotonic()
        assert server.stop() == 0, "".join(server.log)
        stopped = time.monotonic() - asked
        assert all("event: end" not in reader.result() for reader in reading)
    assert stopped < 8
    found = f"every point and the end; /healthz within {milliseconds(slowest)}; stopped in {stopped:.1f} s"
    return Row(what="streams of events at once", times=readers, found=found)


def _read(client: httpx.Client, job: str, opened: Semaphore) -> str:
    with client.stream("GET", f"/jobs/{job}/events") as answer:
        opened.release()
        return "".join(answer.iter_text())


def _points(text: str) -> list[int]:
    """All iterations that the progress events of a stream have."""
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith('data: {"job_id"')]
    return [point for line in data for point in httpx.Response(200, text=line).json()["series"]["iteration"]]


def _silent(connections: int, data: Path) -> Row:
    """So many connections that say nothing, or too little, are closed, and others are served meanwhile."""
    with running_server(data) as (_, client), ExitStack() as stack:
        address = (client.base_url.host, client.base_url.port or 80)
        began, waiting, slowest = time.monotonic(), [], 0.0
        beginnings = (
            b"",
            b"GET /healthz HTTP/1.1\r\nX: ",
            b"GET /healthz HTTP/1.1\r\n",
            BODY + b"Content-Length: 9000\r\n\r\n",
        )
        for number in range(connections):
            connection = stack.enter_context(closing(socket.create_connection(address, timeout=5)))
            connection.sendall(beginnings[number % 4])
            connection.setblocking(False)
            waiting.append((connection, number % 2 == 1))
        while waiting and time.monotonic() - began < 15:
            slowest = max(slowest, *_timed(client.get, 1, "/sample", statuses={409}))
            waiting = [(connection, trickles) for connection, trickles in waiting if not _is_closed(connection)]
            for connection in (connection for connection, trickles in waiting if trickles):
                with suppress(OSError):  # it has just been closed
                    connection.send(b"x")
            time.sleep(0.5)
        seconds = time.monotonic() - began
        assert not waiting, f"{len(waiting)} are open after {seconds:.0f} s"
        assert seconds < 10 or connections < 1000, f"closed after {seconds:.1f} s"
        assert slowest < 1 or connections < 1000, f"others had to wait {slowest:.1f} s"
    found = f"closed within {seconds:.1f} s, others answered within {milliseconds(slowest)}"
    return Row(what="silent and trickling connections", times=connections, found=found)


def _too_large(times: int, long: bool, data: Path) -> list[Row]:
    """Bodies that are too large, declared and in chunks, are refused as soon as that is known."""
    piece, rows = bytes(2**16), []
    with running_server(data) as (_, client):
        address = (client.base_url.host, client.base_url.port or 80)
        for kind, framing, sent in (
            ("declared", b"Content-Length: 1000000000", piece),
            ("in chunks", b"Transfer-Encoding: chunked", b"10000\r\n%b\r\n" % piece),
        ):
            took = [_refused_after(address, BODY + framing + b"\r\n\r\n", sent) for _ in range(times)]
            median, p95 = statistics.median(took), sorted(took)[int(0.95 * times)]
            assert not long or p95 < 0.1, f"{p95} s until a body {kind} is refused"
            found = f"413 within {milliseconds(median)}, and {milliseconds(p95)} at p95"
            rows.append(Row(what=f"too large a body, {kind}", times=times, found=found))
    return rows


def _refused_after(address: tuple[str, int], head: bytes, piece: bytes) -> float:
    """How long it took until the answer came, in seconds, while the body is sent and sent."""
    with closing(socket.create_connection(address, timeout=5)) as connection:
        began = time.perf_counter()
        connection.sendall(head)
        connection.setblocking(False)
        unsent, answer = piece, b""
        while not answer and time.perf_counter() - began < 5:
            readable, writable, _ = select([connection], [connection], [], 5)
            if readable:
                answer = connection.recv(4096)
            elif writable:
                unsent = unsent[connection.send(unsent) :] or piece
        took = time.perf_counter() - began
    assert answer.startswith(b"HTTP/1.1 413"), answer
    return took


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
    ask: Callable[..., httpx.Response],
    times: int,
    *arguments: Any,
    statuses: Collection[int] = (200, 202),
    **options: Any,
) -> list[float]:
    """How long each of some calls took, in seconds."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        answer = ask(*arguments, **options)
        seconds.append(time.perf_counter() - began)
        assert answer.status_code in statuses, answer.text
    return seconds


def _start_seconds(data: Path) -> float:
    """From the start of a process to its being ready."""
    began = time.perf_counter()
    with running_server(data, fresh=True) as (_, client):
        assert client.get("/readyz").status_code == 200
        return time.perf_counter() - began
