"""Sampling and scoring, compared with typical endpoints and with a minimal app."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np

from tests.benchmarks import servers
from tests.benchmarks.load import Connection, Load, request, send_load_in_subprocess
from tests.benchmarks.rows import Row, measure_alternately, ratio
from tests.benchmarks.servers import Server

VECTORS = 1000
NO_ACCESS_LOG = "--no-access-log"
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
            target=1.5,
        ),
        Workload(
            name=f"/score, {VECTORS:,} vectors",
            message=request("POST", "/score", {"vectors": vectors}),
            requests=100,
            values=VECTORS,
            unit="rows/s",
            target=2,
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


def _rows(workload: Workload, service: Server, typical: dict[str, Server], rounds: int) -> Iterator[Row]:
    """Compare with the fastest typical endpoint and with a minimal app that sends the same bytes; count the errors."""
    name = _fastest(workload, typical)
    with closing(Connection(service.port)) as connection:
        _, response = connection.fetch(workload.message)
    with servers.uvicorn("minimal", NO_ACCESS_LOG, BENCHMARK_RESPONSE=response.decode()) as minimal:
        compared = (service, typical[name], minimal)
        for server in compared:
            _load(workload, server, part=10)  # warm up
        loads = measure_alternately(rounds, *(partial(_load, workload, server) for server in compared))
    measured, fastest, lower_bound = ([load.rate * workload.values for load in server_loads] for server_loads in loads)
    times, errors = ratio(measured, fastest), sum(load.errors for load in loads[0])
    if any(load.errors for load in (*loads[1], *loads[2])):
        raise RuntimeError(f"{workload.name}: a baseline responds with errors")
    speed, busy_share = f"{median(measured):,.0f} {workload.unit}", median(load.busy_share for load in loads[2])
    yield Row(
        name=workload.name,
        measured=speed,
        baseline=f"{median(fastest):,.0f}, {name} (the fastest typical endpoint)",
        ratio=f"{times:.2f}",
        target=f">= {workload.target}",
        is_met=times >= workload.target,
    )
    minimal_speed = f"{median(lower_bound):,.0f}, minimal app (the load generator is {busy_share:.0%} busy)"
    yield Row(name=workload.name, measured=speed, baseline=minimal_speed, ratio=f"{ratio(measured, lower_bound):.2f}")
    requests = f"{sum(load.responses for load in loads[0]):,} requests"
    yield Row(name=workload.name, measured=f"{errors:,} errors", baseline=requests, target="0", is_met=errors == 0)


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
