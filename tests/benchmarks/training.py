"""How fast it trains, in the kernel and over HTTP, and how fast it starts."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import orjson

from gan1010 import TrainConfig, train
from gan1010.reference import train_reference
from tests.benchmarks import servers
from tests.benchmarks.load import Connection, request
from tests.benchmarks.rows import Row, ratio, seconds, side_by_side
from tests.benchmarks.servers import Server

IMPORTS = "import torch, fastapi, numba"
LARGE_SWEEP = {"grid": {"learning_rate": [0.001, 0.01]}, "seeds": 500_000}
ITERATIONS, PIECES = 10_000, 5  # of the article's run; the reference's is measured in so many pieces


def kernel_run(seed: int = 1) -> float:
    """The seconds of one article run: history, snapshots and result kept."""
    return seconds(lambda: train(TrainConfig(seed=seed)))


def kernel(quick: bool) -> Iterator[Row]:
    """The kernel beside the reference: an article run each."""
    piece = TrainConfig(seed=1, iterations=ITERATIONS // PIECES)
    ours, reference = side_by_side(
        2 if quick else PIECES,
        lambda: median(kernel_run(seed) for seed in range(50)),
        lambda: PIECES * seconds(lambda: train_reference(piece)),
    )
    times = ratio(reference, ours)
    yield Row(
        what="one article run in the kernel",
        ours=f"{median(ours) * 1000:.2f} ms",
        other=f"{median(reference):.2f} s, the reference loop (five times a fifth of the run)",
        ratio=f"1/{times:,.0f}",
        target="1/2,500",
        met=times >= 2500,
    )


def training(quick: bool, service: Server) -> Iterator[Row]:
    """From `POST /train?wait=10` to the finished job, beside the bare run, and while a large sweep runs."""
    with closing(Connection(service.port)) as connection:

        def asked(method: str, path: str, content: object = None) -> Any:
            status, answer = connection.ask(request(method, path, content))
            if status not in {200, 202}:
                raise RuntimeError(f"{method} {path} did not go well: {status} {answer.decode()}")
            return orjson.loads(answer)

        def over_http() -> float:
            return seconds(lambda: asked("POST", "/train?wait=10", {}))

        def beside_a_sweep() -> float:
            sweep = f"/jobs/{asked('POST', '/sweeps', LARGE_SWEEP)['id']}"
            while asked("GET", sweep)["iteration"] == 0:
                time.sleep(0.01)
            took = median(over_http() for _ in range(10))
            if asked("POST", f"{sweep}/cancel")["status"] != "cancelled":
                raise RuntimeError("the sweep was over before the trainings were")
            return took

        side_by_side(5, over_http, kernel_run)  # warm
        ours, bare = side_by_side(40 if quick else 200, over_http, kernel_run)
        swept, alone = side_by_side(2 if quick else 10, beside_a_sweep, over_http)
    yield Row(
        what="POST /train?wait=10",
        ours=f"{median(ours) * 1000:.1f} ms (p95 {quantiles(ours, n=20)[-1] * 1000:.1f})",
        other=f"{median(bare) * 1000:.2f} ms, the bare run in the kernel",
        ratio=f"{ratio(ours, bare):.1f}",
        target="< 30 ms",
        met=median(ours) < 0.030,
    )
    yield Row(
        what="the same while a sweep of a million GANs runs",
        ours=f"{median(swept) * 1000:.1f} ms",
        other=f"{median(alone) * 1000:.1f} ms while none does",
        ratio=f"{ratio(swept, alone):.1f}",
        target="< 200 ms",
        met=median(swept) < 0.200,
    )


def start(quick: bool) -> Iterator[Row]:
    """From the command to /readyz, beside what Python takes to import the three largest packages."""

    def to_ready() -> float:
        with tempfile.TemporaryDirectory() as folder, servers.gan1010(Path(folder)) as service:
            return service.seconds_to_ready

    def imports() -> float:
        return seconds(lambda: subprocess.run([sys.executable, "-c", IMPORTS], check=True))

    side_by_side(1, to_ready, imports)  # warm
    ours, other = side_by_side(2 if quick else 7, to_ready, imports)
    times = ratio(ours, other)
    yield Row(
        what="`gan1010 serve` to /readyz",
        ours=f"{median(ours):.2f} s",
        other=f"{median(other):.2f} s, python -c '{IMPORTS}'",
        ratio=f"{times:.2f}",
        target="<= 1.5",
        met=times <= 1.5,
    )
