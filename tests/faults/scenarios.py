"""Scenarios by name: each injects its faults, from a random seed and in a folder of its own, and returns findings."""

from collections.abc import Callable
from pathlib import Path

from tests.faults.disk_failures import disk_failures
from tests.faults.fuzz import fuzz
from tests.faults.kills import kills
from tests.faults.load import load
from tests.faults.report import Finding
from tests.faults.sabotage import sabotage
from tests.faults.sequences import sequences

Scenario = Callable[[int, bool, Path], list[Finding]]  # random seed, whether it may take long, folder
SCENARIOS: dict[str, Scenario] = {
    "kills": kills,
    "disk": disk_failures,
    "load": load,
    "fuzz": fuzz,
    "sequences": sequences,
    "sabotage": sabotage,
}
