"""`python -m tests.benchmarks`: measure all, print the table. Each ratio is measured side by side in this one run."""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from tests.benchmarks import servers
from tests.benchmarks.inference import inference
from tests.benchmarks.page import page
from tests.benchmarks.protocol import protocol
from tests.benchmarks.rows import Row, table
from tests.benchmarks.sweeps import lanes, memory, threads
from tests.benchmarks.training import kernel, start, training


def main() -> None:
    """Read the one option, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: under a minute, and less sure")
    quick, console, rows = parser.parse_args().quick, Console(), []
    if not console.is_terminal:
        console = Console(width=140)
    with console.status("Measuring") as status:
        for row in _measured(quick):
            rows.append(row)
            status.update(f"Measuring; so far: {row.what}")
    console.print(table(rows))


def _measured(quick: bool) -> Iterator[Row]:
    yield from start(quick)
    yield from kernel(quick)
    yield from lanes(quick)
    yield from threads(quick)
    yield from memory(quick)
    with tempfile.TemporaryDirectory() as folder, servers.gan1010(Path(folder)) as service:
        yield from training(quick, service)
        yield from inference(quick, service)
        yield from protocol(quick, service)
        yield from page(quick, service)


if __name__ == "__main__":
    main()
