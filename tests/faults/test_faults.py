"""The short version of each scenario that has no tests of its own, on real processes; what each has to find holds."""

from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS


@pytest.mark.parametrize("name", ["kills", "calls", "damage", "crowds"])
def test_holds_whatever_goes_wrong(name: str, tmp_path: Path) -> None:
    rows = SCENARIOS[name](1, False, tmp_path)
    assert rows
    assert all(row.found for row in rows)
