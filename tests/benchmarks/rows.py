"""Rows of the table: a measured value, its baseline, their ratio and the target."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from rich.table import Table

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Row:
    """Row of the table; `is_met` is None if there is no target."""

    name: str
    measured: str
    baseline: str = ""
    ratio: str = ""
    target: str = ""
    is_met: bool | None = None


def seconds(work: Callable[[], object]) -> float:
    """Measure how many seconds the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def measure_alternately(rounds: int, *measures: Callable[[], T]) -> list[tuple[T, ...]]:
    """Run each measure once per round, so that other load on the machine affects all of them; group the results."""
    return list(zip(*([measure() for measure in measures] for _ in range(rounds)), strict=True))


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Return the median of the rounds' ratios."""
    return median(a / b for a, b in zip(numerators, denominators, strict=True))


def draw_table(rows: Sequence[Row]) -> Table:
    """Draw the table."""
    table = Table(title="Measured in alternating rounds: medians, and medians of the ratios", title_justify="left")
    for column in ("what", "gan1010", "compared with", "ratio", "target", ""):
        table.add_column(column, justify="left" if column in ("what", "compared with") else "right")
    marks = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}
    for row in rows:
        table.add_row(row.name, row.measured, row.baseline, row.ratio, row.target, marks[row.is_met])
    return table
