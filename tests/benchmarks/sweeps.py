"""How fast many GANs train side by side, and how much memory they take."""

import os
import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from typing import Any

from gan1010 import TrainConfig, sweep, train
from gan1010.compiled.lanes import LANES
from gan1010.reference import train_reference
from tests.benchmarks.rows import Row, ratio, seconds, side_by_side

ITERATIONS, PIECE = 10_000, 1_000  # of a run; of the reference loop's run, which takes long
MEMORY = """
import sys
from pathlib import Path
from gan1010 import sweep
sweep({"iterations": 100}, seeds=int(sys.argv[1]))
(peak,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) // 1024)
"""
SHAPES: tuple[tuple[str, dict[str, Any], int, int | None], ...] = (  # what, settings, members, target
    ("10,000 members", {}, 10_000, 25_000),
    ("2,000 members, cross-entropy", {"loss": "bce"}, 2_000, None),
    ("2,000 members, Adam", {"optimizer": "adam"}, 2_000, None),
    ("500 members, 8 bits, hidden_size 16", {"pattern": "10101010", "hidden_size": 16}, 500, 100),
    ("100 members, 16 bits, hidden_size 64", {"pattern": "10" * 8, "hidden_size": 64}, 100, None),
)


def lanes(quick: bool) -> Iterator[Row]:
    """Sweeps of several shapes on one thread, each beside the reference loop, by the time for an iteration of a GAN."""
    sweep(seeds=LANES)  # warm
    for what, settings, members, target in SHAPES:
        piece = TrainConfig(seed=1, iterations=PIECE, **settings)
        iterations = ITERATIONS // 10 if quick else ITERATIONS

        def ours(settings: Any = settings, members: int = members, iterations: int = iterations) -> float:
            work = {**settings, "iterations": iterations}
            return seconds(lambda: sweep(work, seeds=members, threads=1)) / (members * iterations)

        def reference(piece: TrainConfig = piece) -> float:
            return seconds(lambda: train_reference(piece)) / PIECE

        swept, alone = side_by_side(2 if quick else 5, ours, reference)
        times = ratio(alone, swept)
        yield Row(
            what=f"sweep: {what}, 1 thread",
            ours=f"{median(swept) * 1e9:,.1f} ns/iteration",
            other=f"{median(alone) * 1e6:,.0f} µs, the reference loop",
            ratio=f"1/{times:,.0f}",
            target=f"1/{target:,}" if target else "",
            met=times >= target if target else None,
        )


def threads(quick: bool) -> Iterator[Row]:
    """A sweep on one thread beside the same GANs one by one, and on two threads beside one."""
    members, few = 1_000 if quick else 10_000, 100
    one, two, singles = side_by_side(
        2 if quick else 5,
        lambda: seconds(lambda: sweep(seeds=members, threads=1)) / members,
        lambda: seconds(lambda: sweep(seeds=members, threads=2)) / members,
        lambda: seconds(lambda: [train(TrainConfig(seed=seed)) for seed in range(few)]) / few,
    )
    yield Row(
        what=f"sweep: {LANES} lanes, 1 thread",
        ours=f"{1 / median(one):,.0f} runs/s",
        other=f"{1 / median(singles):,.0f} runs/s, one by one in the kernel",
        ratio=f"{ratio(singles, one):.1f}",
    )
    scaling = ratio(one, two)
    enough = (os.cpu_count() or 1) >= 2
    yield Row(
        what=f"sweep: {members:,} members, 2 threads",
        ours=f"{1 / median(two):,.0f} runs/s",
        other=f"{1 / median(one):,.0f} runs/s on one",
        ratio=f"{scaling:.2f}",
        target=">= 1.8" if enough else "",
        met=scaling >= 1.8 if enough else None,
    )


def memory(quick: bool) -> Iterator[Row]:
    """The largest resident memory of a process that sweeps so many members."""
    for members in (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000):
        done = subprocess.run([sys.executable, "-c", MEMORY, str(members)], check=True, capture_output=True, text=True)
        mebibytes = int(done.stdout)
        yield Row(
            what=f"sweep: {members:,} members x 100 iterations",
            ours=f"{mebibytes:,} MiB",
            target="< 1536 MiB",
            met=mebibytes < 1536,
        )
