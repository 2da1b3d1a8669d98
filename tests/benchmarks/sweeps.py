"""Sweeps: speed of lanes and threads, and memory."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from typing import Any

from gan1010 import TrainConfig, sweep, train
from gan1010.compiled.lanes import LANES
from gan1010.cores import usable_cores
from tests.benchmarks.rows import Row, measure_alternately, ratio, seconds

ITERATIONS, REFERENCE_ITERATIONS = 10_000, 1_000  # the reference loop is slow, so its run is shorter
MEMORY_PROGRAM = """
import sys
from pathlib import Path
from gan1010 import sweep
sweep({"iterations": 100}, seeds=int(sys.argv[1]))
(peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""
SHAPES: tuple[tuple[str, dict[str, Any], int, int | None], ...] = (  # name, settings, members, target
    ("10,000 members", {}, 10_000, 25_000),
    ("2,000 members, cross-entropy", {"loss": "bce"}, 2_000, None),
    ("2,000 members, Adam", {"optimizer": "adam"}, 2_000, None),
    ("500 members, 8 bits, hidden_size 16", {"pattern": "10101010", "hidden_size": 16}, 500, 100),
    ("100 members, 16 bits, hidden_size 64", {"pattern": "10" * 8, "hidden_size": 64}, 100, None),
)


def lanes(quick: bool) -> Iterator[Row]:
    """Compare sweeps on one thread with the reference loop, by the time of one iteration of one GAN."""
    sweep(seeds=LANES)  # warm up
    for name, settings, members, target in SHAPES:
        config = TrainConfig(seed=1, iterations=REFERENCE_ITERATIONS, **settings)
        iterations = ITERATIONS // 10 if quick else ITERATIONS

        def measured(settings: Any = settings, members: int = members, iterations: int = iterations) -> float:
            base = {**settings, "iterations": iterations}
            return seconds(lambda: sweep(base, seeds=members, threads=1)) / (members * iterations)

        def reference(config: TrainConfig = config) -> float:
            return seconds(lambda: train(replace(config, backend="pytorch"))) / REFERENCE_ITERATIONS

        swept, alone = measure_alternately(2 if quick else 5, measured, reference)
        times = ratio(alone, swept)
        yield Row(
            name=f"sweep: {name}, 1 thread",
            measured=f"{median(swept) * 1e9:,.1f} ns/iteration",
            baseline=f"{median(alone) * 1e6:,.0f} µs, the reference loop",
            ratio=f"1/{times:,.0f}",
            target=f"1/{target:,}" if target else "",
            is_met=times >= target if target else None,
        )


def threads(quick: bool) -> Iterator[Row]:
    """Compare a sweep on one thread with the same GANs one by one, and two threads with one."""
    members, few = 1_000 if quick else 10_000, 100
    one, two, singles = measure_alternately(
        2 if quick else 5,
        lambda: seconds(lambda: sweep(seeds=members, threads=1)) / members,
        lambda: seconds(lambda: sweep(seeds=members, threads=2)) / members,
        lambda: seconds(lambda: [train(TrainConfig(seed=seed)) for seed in range(few)]) / few,
    )
    yield Row(
        name=f"sweep: {LANES} lanes, 1 thread",
        measured=f"{1 / median(one):,.0f} runs/s",
        baseline=f"{1 / median(singles):,.0f} runs/s, one by one in the kernel",
        ratio=f"{ratio(singles, one):.1f}",
    )
    scaling = ratio(one, two)
    enough = usable_cores() >= 2
    yield Row(
        name=f"sweep: {members:,} members, 2 threads",
        measured=f"{1 / median(two):,.0f} runs/s",
        baseline=f"{1 / median(one):,.0f} runs/s on one",
        ratio=f"{scaling:.2f}",
        target=">= 1.8" if enough else "",
        is_met=scaling >= 1.8 if enough else None,
    )


def memory(quick: bool) -> Iterator[Row]:
    """Measure the peak memory of a process that sweeps."""
    for members in (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000):
        mebibytes = int(subprocess.check_output([sys.executable, "-c", MEMORY_PROGRAM, str(members)]))
        yield Row(
            name=f"sweep: {members:,} members x 100 iterations",
            measured=f"{mebibytes:,} MiB",
            target="< 1536 MiB",
            is_met=mebibytes < 1536,
        )
