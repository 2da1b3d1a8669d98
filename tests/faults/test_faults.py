"""The short version of each scenario, and the command. `sequences` is in tests/service/jobs/test_job_life.py."""

import sys
from pathlib import Path

import pytest

from tests.faults.__main__ import main
from tests.faults.report import Finding
from tests.faults.scenarios import SCENARIOS


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "sequences"])
def test_service_survives_faults(name: str, tmp_path: Path) -> None:
    seed = 3 if name == "sabotage" else 1  # chooses a test that compiles nothing: the copy of the tree has no cache
    findings = SCENARIOS[name](seed, False, tmp_path)
    assert findings
    assert all(finding.outcome for finding in findings)


def test_command_prints_findings_and_failures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def passes(seed: int, long: bool, folder: Path) -> list[Finding]:
        assert (seed, long, folder.is_dir()) == (7, True, True)
        return [Finding(action="an action", times=3, outcome="all is well")]

    def fails(seed: int, long: bool, folder: Path) -> list[Finding]:
        raise AssertionError("a job is lost")

    def skips(seed: int, long: bool, folder: Path) -> list[Finding]:
        pytest.skip("no tracer")

    for name, scenario in (("kills", passes), ("load", fails), ("disk", skips)):
        monkeypatch.setitem(SCENARIOS, name, scenario)
    arguments = ["faults", "--long", "--seed", "7", "--only", "kills", "--only", "disk"]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit, match="0"):
        main()
    output = capsys.readouterr().out
    assert "all is well" in output
    assert "no tracer" in output
    monkeypatch.setattr(sys, "argv", [*arguments, "--only", "load"])
    with pytest.raises(SystemExit, match="1"):
        main()
    output = capsys.readouterr().out
    assert "a job is lost" in output
    assert "python -m tests.faults --long --seed 7 --only load" in output
