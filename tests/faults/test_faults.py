"""The short version of each scenario, on real processes. That of `sequences` is tests/service/jobs/test_job_life.py."""

import sys
from pathlib import Path

import pytest

from tests.faults.__main__ import main
from tests.faults.rows import Row
from tests.faults.scenarios import SCENARIOS


@pytest.mark.parametrize("name", ["kills", "bits", "calls", "damage", "crowds", "fuzz", "sabotage"])
def test_holds_whatever_goes_wrong(name: str, tmp_path: Path) -> None:
    rows = SCENARIOS[name](1, False, tmp_path)
    assert rows
    assert all(row.found for row in rows)


def test_the_command_tells_what_was_found_and_what_did_not_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def holds(seed: int, long: bool, folder: Path) -> list[Row]:
        assert (seed, long, folder.is_dir()) == (7, True, True)
        return [Row(what="a thing", times=3, found="all is well")]

    def breaks(seed: int, long: bool, folder: Path) -> list[Row]:
        raise AssertionError("a job is lost")

    def lacks(seed: int, long: bool, folder: Path) -> list[Row]:
        pytest.skip("no tracer")

    for name, scenario in (("kills", holds), ("bits", breaks), ("calls", lacks)):
        monkeypatch.setitem(SCENARIOS, name, scenario)
    asked = ["faults", "--long", "--seed", "7", "--only", "kills", "--only", "calls"]
    monkeypatch.setattr(sys, "argv", asked)
    with pytest.raises(SystemExit, match="0"):
        main()
    said = capsys.readouterr().out
    assert "all is well" in said
    assert "no tracer" in said
    monkeypatch.setattr(sys, "argv", [*asked, "--only", "bits"])
    with pytest.raises(SystemExit, match="1"):
        main()
    said = capsys.readouterr().out
    assert "a job is lost" in said
    assert "python -m tests.faults --long --seed 7 --only bits" in said
