"""`python -m tests.faults`: do all that may go wrong, print what was found; exit code 1 if anything did not hold."""

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import SystemRandom

import pytest
from rich.console import Console

from tests.faults.rows import Row, table
from tests.faults.scenarios import SCENARIOS


def main() -> None:
    """Read the options, run the scenarios, print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--long", action="store_true", help="as much as a night before a release is worth")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6), help="repeats a run; else any")
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="this scenario; may be given again")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 160)
    rows, broken = [], []
    for name in options.only or SCENARIOS:
        with console.status(f"{name}, seed {options.seed}"):
            found, holds = _run(name, options.seed, options.long)
        rows += [(name, row) for row in found]
        if not holds:
            broken.append(name)
    console.print(table(rows))
    for name in broken:
        again = f"python -m tests.faults{' --long' * options.long} --seed {options.seed} --only {name}"
        console.print(f"[red]{name} does not hold[/]; to repeat it: {again}", soft_wrap=True)
    sys.exit(1 if broken else 0)


def _run(name: str, seed: int, long: bool) -> tuple[list[Row], bool]:
    """A scenario's rows and how long it took, and whether all held."""
    began = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix=f"gan1010-{name}-") as folder:
            rows = SCENARIOS[name](seed, long, Path(folder))
    except pytest.skip.Exception as skipped:
        return [Row(what=f"nothing: {skipped.msg}", times=0, found="")], True
    except Exception as error:
        traceback.print_exc()
        return [Row(what="see above", times=0, found=f"[red]violated[/]: {error!r:.200}")], False
    seconds = time.perf_counter() - began
    return [*rows, Row(what=f"seed {seed}", times=1, found=f"all of the above, in {seconds:,.0f} s")], True


if __name__ == "__main__":
    main()
