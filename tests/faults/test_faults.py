"""The short version of each scenario, on real processes; that of `sequences` is in tests/service/test_job_life.py."""

from pathlib import Path

import pytest

from tests.faults.scenarios import SCENARIOS


@pytest.mark.parametrize("name", ["kills", "bits", "calls", "damage", "crowds", "fuzz", "sabotage"])
def test_holds_whatever_goes_wrong(name: str, tmp_path: Path) -> None:
    rows = SCENARIOS[name](1, False, tmp_path)
    assert rows
    assert all(row.found for row in rows)
