"""Training in the kernel and over HTTP, and startup of the service."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import orjson

from gan1010 import TrainConfig, train
from tests.benchmarks import servers
from tests.benchmarks.load import Connection, request
from tests.benchmarks.rows import Row, measure_alternately, ratio, seconds
from tests.benchmarks.servers import Server

IMPORTS = "import torch, fastapi, numba"
LARGE_SWEEP = {"grid": {"learning_rate": [0.001, 0.01]}, "seeds": 500_000}
ITERATIONS, PIECES = 10_000, 5  # the reference loop is slow, so a fifth of its run is measured five times


def kernel_run(seed: int = 1) -> float:
    """Measure the seconds of one article run with history, snapshots and result."""
    return seconds(lambda: train(TrainConfig(seed=seed)))


def kernel(quick: bool) -> Iterator[Row]:
    """Compare the kernel with the reference loop."""
    part = TrainConfig(seed=1, iterations=ITERATIONS // PIECES)
    measured, reference = measure_alternately(
        2 if quick else PIECES,
        lambda: median(kernel_run(seed) for seed in range(50)),
        lambda: PIECES * seconds(lambda: train(replace(part, backend="pytorch"))),
    )
    times = ratio(reference, measured)
    yield Row(
        name="one article run in the kernel",
        measured=f"{median(measured) * 1000:.2f} ms",
        baseline=f"{median(reference):.2f} s, the reference loop (five times a fifth of the run)",
        ratio=f"1/{times:,.0f}",
        target="1/2,500",
        is_met=times >= 2500,
    )


def training(quick: bool, service: Server) -> Iterator[Row]:
    """Compare `POST /train?wait=10` with the bare run, and measure it during a large sweep."""
    with closing(Connection(service.port)) as connection:

        def call(method: str, path: str, content: object = None) -> Any:
            status, response = connection.fetch(request(method, path, content))
            if status not in {200, 202}:
                raise RuntimeError(f"{method} {path} failed: {status} {response.decode()}")
            return orjson.loads(response)

        def over_http() -> float:
            return seconds(lambda: call("POST", "/train?wait=10", {}))

        def during_a_sweep() -> float:
            sweep = f"/jobs/{call('POST', '/sweeps', LARGE_SWEEP)['id']}"
            while call("GET", sweep)["iteration"] == 0:
                time.sleep(0.01)
            duration = median(over_http() for _ in range(10))
            if call("POST", f"{sweep}/cancel")["status"] != "cancelled":
                raise RuntimeError("the sweep ended before the trainings")
            return duration

        measure_alternately(5, over_http, kernel_run)  # warm up
        measured, minimal = measure_alternately(40 if quick else 200, over_http, kernel_run)
        swept, alone = measure_alternately(2 if quick else 10, during_a_sweep, over_http)
    yield Row(
        name="POST /train?wait=10",
        measured=f"{median(measured) * 1000:.1f} ms (p95 {quantiles(measured, n=20)[-1] * 1000:.1f})",
        baseline=f"{median(minimal) * 1000:.2f} ms, the bare run in the kernel",
        ratio=f"{ratio(measured, minimal):.1f}",
        target="< 30 ms",
        is_met=median(measured) < 0.030,
    )
    yield Row(
        name="the same while a sweep of a million GANs runs",
        measured=f"{median(swept) * 1000:.1f} ms",
        baseline=f"{median(alone) * 1000:.1f} ms while none does",
        ratio=f"{ratio(swept, alone):.1f}",
        target="< 200 ms",
        is_met=median(swept) < 0.200,
    )


def start(quick: bool) -> Iterator[Row]:
    """Compare the time to /readyz with the import time of the three largest packages."""

    def to_ready() -> float:
        with tempfile.TemporaryDirectory() as folder, servers.gan1010(Path(folder)) as service:
            return service.seconds_to_ready

    def imports() -> float:
        return seconds(lambda: subprocess.run([sys.executable, "-c", IMPORTS], check=True))

    measure_alternately(1, to_ready, imports)  # warm up
    measured, baseline = measure_alternately(2 if quick else 7, to_ready, imports)
    times = ratio(measured, baseline)
    yield Row(
        name="`gan1010 serve` to /readyz",
        measured=f"{median(measured):.2f} s",
        baseline=f"{median(baseline):.2f} s, python -c '{IMPORTS}'",
        ratio=f"{times:.2f}",
        target="<= 1.5",
        is_met=times <= 1.5,
    )
