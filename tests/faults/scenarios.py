"""All scenarios by name: each does what may go wrong, from a seed, in a folder of its own, and tells what it found."""

from collections.abc import Callable
from pathlib import Path

from tests.faults.bits import bits
from tests.faults.calls import calls
from tests.faults.crowds import crowds
from tests.faults.damage import damage
from tests.faults.fuzz import fuzz
from tests.faults.kills import kills
from tests.faults.rows import Row
from tests.faults.sabotage import sabotage
from tests.faults.sequences import sequences

Scenario = Callable[[int, bool, Path], list[Row]]  # seed, whether it may take long, folder
SCENARIOS: dict[str, Scenario] = {
    "kills": kills,
    "bits": bits,
    "calls": calls,
    "damage": damage,
    "crowds": crowds,
    "fuzz": fuzz,
    "sequences": sequences,
    "sabotage": sabotage,
}
