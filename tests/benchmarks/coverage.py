"""Coverage beyond the article: how many of 500 seeds cover the patterns, and end in range, beside the known shares.

It can be run alone: python -m tests.benchmarks.coverage [seeds]. The known shares come from plain PyTorch programs with
other random numbers, over 64 seeds each; over 500 for Adam at 0.001, and over 1,500 for mse at 0.3. Ours are expected
within 8 points of them, or within two standard errors of a share that is known from 64 seeds only, where that is more.
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from gan1010 import sweep

SEEDS = 500
POINTS = 8  # of per cent, between a share and the known one
KNOWN_SEEDS = 64

TWO: dict[str, Any] = {"pattern": "1010+0101", "hidden_size": 8, "latent": "normal", "loss": "bce", "batch_size": 16}
ADAM = TWO | {"optimizer": "adam", "learning_rate": 0.005}
FOUR = ADAM | {"pattern": "1010+0101+1100+0011", "hidden_size": 16, "r1": 0.1}
# Settings, the known per cent of runs that cover no pattern, one, and so on, and the known mean quality.
COVERED: dict[str, tuple[dict[str, Any], list[int], float | None]] = {
    "SGD 0.01": (TWO, [100, 0, 0], 0.00),
    "SGD 0.01, batch 1": (TWO | {"batch_size": 1}, [100, 0, 0], 0.00),
    "Adam 0.001": (ADAM | {"learning_rate": 0.001}, [50, 50, 0], 0.48),
    "Adam 0.005": (ADAM, [9, 30, 61], 0.66),
    "Adam 0.005, mse": (ADAM | {"loss": "mse"}, [12, 38, 50], 0.62),
    "Adam 0.005, 3 steps of D": (ADAM | {"discriminator_steps": 3}, [17, 58, 25], 0.68),
    "Adam 0.005, R1 0.1": (ADAM | {"r1": 0.1}, [2, 16, 83], 0.76),
    "Adam 0.005, R1 0.1, batch 4": (ADAM | {"r1": 0.1, "batch_size": 4}, [0, 11, 89], 0.84),
    "Adam 0.005, R1 0.3": (ADAM | {"r1": 0.3}, [0, 8, 92], 0.85),
    "Adam 0.005, R1 1": (ADAM | {"r1": 1}, [0, 38, 62], 0.92),
    "Adam 0.005, R1 0.1, 3 steps of D": (ADAM | {"r1": 0.1, "discriminator_steps": 3}, [0, 30, 70], 0.88),
    "four patterns, R1 0.1": (FOUR, [2, 6, 28, 45, 19], None),
}
# Settings, and the known per cent of runs in range at the end.
IN_RANGE: dict[str, tuple[dict[str, Any], int]] = {
    "mse at 0.3": ({"learning_rate": 0.3}, 82),
    "mse at 0.3, R1 0.1": ({"learning_rate": 0.3, "r1": 0.1}, 100),
    "bce at 0.1": ({"loss": "bce", "learning_rate": 0.1}, 81),
    "bce at 0.1, R1 0.1": ({"loss": "bce", "learning_rate": 0.1, "r1": 0.1}, 98),
    "bce at 0.1, R1 1": ({"loss": "bce", "learning_rate": 0.1, "r1": 1}, 100),
}


def shares(seeds: int = SEEDS) -> Iterator[tuple[str, list[float], list[int], str]]:
    """Yield each case with its shares and the known ones in per cent, and a remark."""
    for name, (settings, known, quality) in COVERED.items():
        members = sweep(settings, seeds=seeds).members
        counts = np.bincount(members.covered.astype(int), minlength=len(known))
        remark = f"quality {members.quality.mean():.2f}" + ("" if quality is None else f", known {quality:.2f}")
        yield f"covers 0, 1, ...: {name}", (100 * counts / seeds).tolist(), known, remark
    for name, (settings, rate) in IN_RANGE.items():
        yield f"in range: {name}", [100 * float(sweep(settings, seeds=seeds).members.in_range.mean())], [rate], ""


def tolerance(share: float) -> float:
    """Return the expected difference from a known share, in points."""
    return float(max(POINTS, 2 * np.sqrt(share * (100 - share) / KNOWN_SEEDS)))


def main(seeds: int) -> int:
    """Print all cases; return 1 if a share is further from the known one than expected."""
    failed = 0
    for name, found, known, remark in shares(seeds):
        is_near = all(abs(a - b) <= tolerance(b) for a, b in zip(found, known, strict=True))
        failed |= not is_near
        texts = (" / ".join(f"{value:.0f}" for value in values) for values in (found, known))
        line = f"{name:52} {' %, known '.join(texts)} %  {remark}{'' if is_near else '  FAR'}"
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS))
