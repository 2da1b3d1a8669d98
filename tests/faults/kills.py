"""`kill -9` at random moments while clients train, sweep, pause, resume, cancel, delete and sample."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import httpx

from tests.faults.report import Finding
from tests.faults.simulated_client import DELETED, SimulatedClient, check_no_duplicates, list_jobs
from tests.support.clients import Server, server_process
from tests.support.contract import FINAL_STATUSES, wait_until
from tests.support.data_folder import check_store

CLIENTS = 4
MAX_LIFE_SECONDS = 1.5  # from being ready to the kill
MAX_START_RATIO = 1.5  # median start time, compared with that on an empty folder
ACTIONS = {"/train", "/sweeps", "retry with a key", "cancel", "pause", "resume", "delete", "sample", "compare a model"}


def kills(seed: int, long: bool, folder: Path) -> list[Finding]:
    """Kill a process under load again and again: no job is lost or doubled, and each model has the right bits."""
    times, random = 300 if long else 3, Random(seed)  # noqa: S311
    clean = statistics.median(_start_seconds(folder / f"clean-{number}", long) for number in range(5 if long else 1))
    clients = [SimulatedClient(f"client {number}", Random(seed + number)) for number in range(CLIENTS)]  # noqa: S311
    starts, data = [], folder / "data"
    for _ in range(times):
        with _ready(data, long) as (server, client, seconds):
            starts.append(seconds)
            for simulated in clients:
                simulated.check_all(client)
            check_no_duplicates(client, clients)
            _kill_under_load(server, clients, random.uniform(0.02, MAX_LIFE_SECONDS))
        check_store(data)
    with _ready(data, long) as (_, client, _):
        crashed = _finish(client, clients)
    done = sum((simulated.done for simulated in clients), Counter[str]())
    assert not long or done.keys() >= ACTIONS, f"no client did {ACTIONS - done.keys()}"
    median, slowest = statistics.median(starts[1:]) / clean, max(starts[1:]) / clean
    assert not long or median <= MAX_START_RATIO, f"a start takes {median:.2f} times as long as a clean one"
    actions = ", ".join(f"{count} {name}" for name, count in sorted(done.items()))
    return [
        Finding(action="kill -9 under load", times=times, outcome="no job lost or doubled, store intact"),
        Finding(action=f"acknowledged: {actions}", times=done.total(), outcome="still true after each start"),
        Finding(action="jobs killed six times before a checkpoint", times=crashed, outcome="failed as crashed"),
        Finding(
            action=f"starts, compared with {clean:.2f} s on an empty folder",
            times=times,
            outcome=f"{median:.2f} times as long; the slowest {slowest:.2f} times",
        ),
    ]


@contextmanager
def _ready(data: Path, fresh: bool) -> Iterator[tuple[Server, httpx.Client, float]]:
    """Start a process, of a new interpreter or forked; yield it, a client, and the seconds until it was ready."""
    began = time.perf_counter()
    with server_process(data, "--workers", "2", fresh=fresh) as server:
        server.wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=60) as client:
            assert client.get("/readyz").status_code == 200
            yield server, client, time.perf_counter() - began


def _start_seconds(folder: Path, fresh: bool) -> float:
    with _ready(folder, fresh) as (_, _, seconds):
        return seconds


def _kill_under_load(server: Server, clients: list[SimulatedClient], seconds: float) -> None:
    """Let each client send requests on a thread and a connection of its own, and kill the server after some time."""
    failures: list[BaseException] = []

    def send_requests(simulated: SimulatedClient) -> None:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            try:
                while True:
                    simulated.act(client)
            except httpx.TransportError:
                pass  # the server was killed
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=send_requests, args=[simulated]) for simulated in clients]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    server.kill()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _finish(client: httpx.Client, clients: list[SimulatedClient]) -> int:
    """Resume the paused jobs and wait until all jobs have ended; return how many of them failed as crashed."""
    for simulated in clients:
        simulated.check_all(client)
        for id, job in simulated.jobs.items():
            if job.statuses == {"paused"}:
                assert client.post(f"/jobs/{id}/resume").status_code == 200
                job.statuses = frozenset({"queued", "running", "succeeded"})
    check_no_duplicates(client, clients)
    wait_until(
        lambda: {"jobs": list_jobs(client)},
        lambda page: all(job["status"] in FINAL_STATUSES for job in page["jobs"]),
        seconds=120,
    )
    for simulated in clients:
        simulated.check_all(client)
        assert all(job.statuses <= {*FINAL_STATUSES, DELETED} for job in simulated.jobs.values())
    check_no_duplicates(client, clients)
    return len([job for job in list_jobs(client) if job["status"] == "failed"])
