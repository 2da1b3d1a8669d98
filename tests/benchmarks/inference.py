"""Sampling and scoring, compared with typical endpoints and with a minimal app."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np

from gan1010.client import Client
from gan1010.config import MAX_ITERATIONS, Backend
from tests.benchmarks import servers
from tests.benchmarks.load import Connection, Load, pin, request, send_load_in_subprocess
from tests.benchmarks.rows import Row, measure_alternately, ratio
from tests.benchmarks.servers import Server

VECTORS = 1000
NO_ACCESS_LOG = "--no-access-log"
MINIMAL_OPTIONS = {  # the last HTTP implementation that is named counts
    "uvicorn": [NO_ACCESS_LOG],
    "the service's connection": [NO_ACCESS_LOG, "--http", "service.server.connection:HttpConnection"],
}
UVICORN_OPTIONS: dict[str, tuple[list[str], dict[str, str]]] = {  # of the typical endpoints: the fastest counts
    ", access log": ([], {}),
    "": ([NO_ACCESS_LOG], {}),
    ", torch on one thread": ([NO_ACCESS_LOG], {"OMP_NUM_THREADS": "1"}),
}


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A request that is sent many times."""

    name: str
    message: bytes
    requests: int  # in one round
    values: int  # samples or scores in a response
    unit: str
    target: float  # times as fast as the typical endpoint
    minimal_target: float | None = None  # of the speed of a minimal app


def inference(quick: bool, service: Server) -> Iterator[Row]:
    """Measure `/sample` with one latent and `/score` with many vectors."""
    vectors = np.random.default_rng(1).random((VECTORS, 4))
    workloads = (
        Workload(
            name="/sample?seed=0.5",
            message=request("GET", "/sample?seed=0.5"),
            requests=2_000 if quick else 3_500,
            values=1,
            unit="requests/s",
            target=3,
            minimal_target=0.45,
        ),
        Workload(
            name=f"/score, {VECTORS:,} vectors",
            message=request("POST", "/score", {"vectors": vectors}),
            requests=100,
            values=VECTORS,
            unit="rows/s",
            target=3,
        ),
    )
    with ExitStack() as stack:
        typical = {
            f"{factory}{way}": stack.enter_context(servers.uvicorn(factory, *options, **environment))
            for factory in ("typical_def", "typical_async")
            for way, (options, environment) in UVICORN_OPTIONS.items()
        }
        for workload in workloads:
            yield from _rows(workload, service, typical, 3 if quick else 15)
        backends: tuple[list[Backend], ...] = ["compiled", "compiled"], ["pytorch"]
        for trainings in backends:
            yield _beside_training(workloads[0], service, 3 if quick else 15, trainings)


def _rows(workload: Workload, service: Server, typical: dict[str, Server], rounds: int) -> Iterator[Row]:
    """Compare with the fastest typical endpoint and with a minimal app that sends the same bytes; count the errors."""
    name = _fastest(workload, typical)
    with closing(Connection(service.port)) as connection:
        _, response = connection.fetch(workload.message)
    with ExitStack() as stack:
        minimal = {
            way: stack.enter_context(servers.uvicorn("minimal", *options, BENCHMARK_RESPONSE=response.decode()))
            for way, options in MINIMAL_OPTIONS.items()
        }
        compared = (service, typical[name], *minimal.values())
        for server in compared:
            pin(server.pid, 0)
            _load(workload, server, part=10)  # warm up
        loads = measure_alternately(rounds, *(partial(_load, workload, server) for server in compared))
    measured, fastest, *lower_bounds = ([load.rate * workload.values for load in of_server] for of_server in loads)
    times, errors = ratio(measured, fastest), sum(load.errors for load in loads[0])
    if any(load.errors for of_server in loads[1:] for load in of_server):
        raise RuntimeError(f"{workload.name}: a baseline responds with errors")
    speed = f"{median(measured):,.0f} {workload.unit}, {_latencies(loads[0])}"
    yield Row(
        name=workload.name,
        measured=speed,
        baseline=f"{median(fastest):,.0f}, {_latencies(loads[1])}, {name} (the fastest typical endpoint)",
        ratio=f"{times:.2f}",
        target=f">= {workload.target}",
        is_met=times >= workload.target,
    )
    for way, target, rates, of_server in zip(
        minimal, (workload.minimal_target, None), lower_bounds, loads[2:], strict=True
    ):
        busy, share = median(load.busy_share for load in of_server), ratio(measured, rates)
        yield Row(
            name=workload.name,
            measured=speed,
            baseline=f"{median(rates):,.0f}, {_latencies(of_server)}, minimal app, {way} (generator {busy:.0%} busy)",
            ratio=f"{share:.2f}",
            target=f">= {target}" if target else "",
            is_met=share >= target if target else None,
        )
    requests = f"{sum(load.responses for load in loads[0]):,} requests"
    yield Row(name=workload.name, measured=f"{errors:,} errors", baseline=requests, target="0", is_met=errors == 0)


def _beside_training(workload: Workload, service: Server, rounds: int, backends: Sequence[Backend]) -> Row:
    """Compare the latency while jobs of these backends train with that of an idle service."""
    url = f"http://127.0.0.1:{service.port}"
    with Client(url) as client:
        idle = [_load(workload, service) for _ in range(rounds)]
        jobs = [client.train(iterations=MAX_ITERATIONS, record_every=1000, backend=backend) for backend in backends]
        while not all(client.job(job.id).iteration for job in jobs):  # PyTorch takes seconds to load
            time.sleep(0.1)
        busy = [_load(workload, service) for _ in range(rounds)]
        for job in jobs:
            client.cancel(job.id)
    times = median(load.p99 for load in busy) / median(load.p99 for load in idle)
    return Row(
        name=f"{workload.name}, beside {len(backends)} {backends[0]}",
        measured=f"{median(load.rate for load in busy):,.0f} {workload.unit}, {_latencies(busy)}",
        baseline=f"{median(load.rate for load in idle):,.0f}, {_latencies(idle)}, idle",
        ratio=f"{times:.2f} at p99",
        target="<= 2",
        is_met=times <= 2,
    )


def _latencies(loads: Sequence[Load]) -> str:
    p50, p99 = (1000 * median(getattr(load, name) for load in loads) for name in ("p50", "p99"))
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms"


def _fastest(workload: Workload, typical: dict[str, Server]) -> str:
    """Return the name of the fastest typical endpoint."""
    for server in typical.values():
        _load(workload, server, part=10)  # warm up
    trials = measure_alternately(7, *(partial(_load, workload, server, part=5) for server in typical.values()))
    best = [max(load.rate for load in loads) for loads in trials]  # other load on the machine only slows a trial down
    return max(zip(best, typical, strict=True))[1]


def _load(workload: Workload, server: Server, part: int = 1) -> Load:
    """Send the requests of one round, or a fraction of them."""
    return send_load_in_subprocess(server.port, workload.message, workload.requests // part)
