"""`kill -9` at random moments while customers train, sweep, pause, resume, cancel, delete and sample."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import httpx

from tests.faults.customers import GONE, Customer, everything, nothing_is_there_twice
from tests.faults.intact import is_intact
from tests.faults.rows import Row
from tests.support.clients import Server, server_process
from tests.support.contract import FINAL_STATUSES, wait_until

CUSTOMERS = 4
FLAGS = ("--workers", "2")
LONGEST_LIFE = 1.5  # seconds, from being ready to the kill
SLOWEST_START = 1.5  # times a clean one, at the median
ACTS = {"/train", "/sweeps", "asked again with its key", "cancel", "pause", "resume", "delete", "sample"}


def kills(seed: int, long: bool, folder: Path) -> list[Row]:
    """Kill a process under load over and over: nothing acknowledged is lost, nothing is there twice."""
    times, random = 300 if long else 3, Random(seed)  # noqa: S311
    clean = statistics.median(_start_seconds(folder / f"clean-{number}") for number in range(5 if long else 1))
    customers = [Customer(f"customer {number}", Random(seed + number)) for number in range(CUSTOMERS)]  # noqa: S311
    starts, data = [], folder / "data"
    for _ in range(times):
        with _ready(data) as (server, client, seconds):
            starts.append(seconds)
            for customer in customers:
                customer.look_at_all(client)
            nothing_is_there_twice(client, customers)
            _let_live(server, customers, random.uniform(0.02, LONGEST_LIFE))
        is_intact(data, folder / "copy")
    with _ready(data) as (_, client, _):
        crashed = _all_end(client, customers)
    done = sum((customer.done for customer in customers), Counter[str]())
    assert not long or done.keys() >= ACTS, f"nobody did {ACTS - done.keys()}"
    usual, slowest = statistics.median(starts[1:]) / clean, max(starts[1:]) / clean
    assert not long or usual <= SLOWEST_START, f"a start takes {usual:.2f} times a clean one"
    what = ", ".join(f"{count} {name}" for name, count in sorted(done.items()))
    return [
        Row(what="kill -9 under load", times=times, found="no job lost or doubled, store intact each time"),
        Row(what=f"acknowledged before: {what}", times=done.total(), found="all still so after each start"),
        Row(
            what="jobs whose process was killed six times in a row before a checkpoint",
            times=crashed,
            found="failed as crashed",
        ),
        Row(
            what=f"starts: {clean:.2f} s on an empty folder",
            times=times,
            found=f"{usual:.2f} times that; the slowest {slowest:.2f}",
        ),
    ]


@contextmanager
def _ready(data: Path) -> Iterator[tuple[Server, httpx.Client, float]]:
    """A process that is ready, a client of it, and how long that took."""
    began = time.perf_counter()
    with server_process(data, *FLAGS, fresh=True) as server:
        server.wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=60) as client:
            assert client.get("/readyz").status_code == 200
            yield server, client, time.perf_counter() - began


def _start_seconds(folder: Path) -> float:
    with _ready(folder) as (_, _, seconds):
        return seconds


def _let_live(server: Server, customers: list[Customer], seconds: float) -> None:
    """Have the customers at it for so long, each on a thread and a connection of its own, then kill."""
    broken: list[BaseException] = []

    def live(customer: Customer) -> None:
        with httpx.Client(base_url=server.url, timeout=60) as client:
            try:
                while True:
                    customer.act(client)
            except httpx.TransportError:
                pass  # it has been killed
            except BaseException as error:
                broken.append(error)

    threads = [threading.Thread(target=live, args=[customer]) for customer in customers]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    server.kill()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]


def _all_end(client: httpx.Client, customers: list[Customer]) -> int:
    """Left alone, all jobs come to an end, the paused ones once they are resumed: how many of them had crashed."""
    for customer in customers:
        customer.look_at_all(client)
        for id, known in customer.jobs.items():
            if known.may_be == {"paused"}:
                assert client.post(f"/jobs/{id}/resume").status_code == 200
                known.may_be = frozenset({"queued", "running", "succeeded"})
    nothing_is_there_twice(client, customers)
    wait_until(
        lambda: {"jobs": everything(client)},
        lambda page: all(job["status"] in FINAL_STATUSES for job in page["jobs"]),
        seconds=120,
    )
    for customer in customers:
        customer.look_at_all(client)
        assert all(known.may_be <= {*FINAL_STATUSES, GONE} for known in customer.jobs.values())
    nothing_is_there_twice(client, customers)
    return len([job for job in everything(client) if job["status"] == "failed"])
