"""`python -m tests.faults`: run the scenarios and print a report; exit with 1 if one of them fails."""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import SystemRandom

import pytest
from rich.console import Console

from tests.faults.report import Finding, table
from tests.faults.scenarios import SCENARIOS


def main() -> None:
    """Read the options, run the scenarios, print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--long", action="store_true", help="run the long versions, which take about an hour")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6), help="repeat the run of this seed")
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="run only this scenario; may be repeated")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    findings, failed = [], []
    for name in options.only or SCENARIOS:
        with console.status(f"{name}, seed {options.seed}"):
            found, passed = _run(name, options.seed, options.long)
        findings += [(name, finding) for finding in found]
        if not passed:
            failed.append(name)
    console.print(table(findings))
    for name in failed:
        command = f"python -m tests.faults{' --long' * options.long} --seed {options.seed} --only {name}"
        console.print(f"[red]{name} failed.[/] To repeat it: {command}", soft_wrap=True)
    sys.exit(1 if failed else 0)


def _run(name: str, seed: int, long: bool) -> tuple[list[Finding], bool]:
    """Run a scenario; return its findings, and whether it passed."""
    began = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix=f"gan1010-{name}-") as folder:
            findings = SCENARIOS[name](seed, long, Path(folder))
    except pytest.skip.Exception as skipped:
        return [Finding(action=f"skipped: {skipped.msg}", times=0, outcome="")], True
    except Exception as error:
        traceback.print_exc()
        return [Finding(action="see above", times=0, outcome=f"[red]failed[/]: {error!r:.200}")], False
    seconds = time.perf_counter() - began
    return [*findings, Finding(action=f"seed {seed}", times=1, outcome=f"all of the above in {seconds:,.0f} s")], True


if __name__ == "__main__":
    main()
