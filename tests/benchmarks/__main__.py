"""Benchmarks of gan1010. Each ratio is measured in alternating rounds of this one run."""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from tests.benchmarks import servers
from tests.benchmarks.cluster import cluster
from tests.benchmarks.inference import inference
from tests.benchmarks.page import page
from tests.benchmarks.protocol import protocol
from tests.benchmarks.rows import Row, draw_table
from tests.benchmarks.sweeps import lanes, memory, threads
from tests.benchmarks.training import kernel, start, training


def main() -> None:
    """Run all benchmarks and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds: under a minute, less precise")
    quick, console, rows = parser.parse_args().quick, Console(), []
    if not console.is_terminal:
        console = Console(width=140)
    with console.status("Measuring") as status:
        for row in _rows(quick):
            rows.append(row)
            status.update(f"Measuring. Last: {row.name}")
    console.print(draw_table(rows))


def _rows(quick: bool) -> Iterator[Row]:
    yield from start(quick)
    yield from kernel(quick)
    yield from lanes(quick)
    yield from threads(quick)
    yield from memory(quick)
    yield from cluster(quick)
    with tempfile.TemporaryDirectory() as folder, servers.gan1010(Path(folder)) as service:
        yield from training(quick, service)
        yield from inference(quick, service)
        yield from protocol(quick, service)
        yield from page(quick, service)


if __name__ == "__main__":
    main()
