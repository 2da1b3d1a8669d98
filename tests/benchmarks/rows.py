"""The table: each row a ratio, measured side by side, with what it is made of and the target."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from rich.table import Table

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; the target is met where `met` says so, and where it is None there is none."""

    what: str
    ours: str
    other: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def side_by_side(rounds: int, *measures: Callable[[], T]) -> list[tuple[T, ...]]:
    """Each measure once a round, in turn, so that whatever else the machine does meets them all; a row a measure."""
    return list(zip(*([measure() for measure in measures] for _ in range(rounds)), strict=True))


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return median(a / b for a, b in zip(numerators, denominators, strict=True))


def table(rows: Sequence[Row]) -> Table:
    """The rows for people: medians of what was measured, and medians of the ratios."""
    drawn = Table(title="Measured side by side: medians, and medians of the ratios", title_justify="left")
    for column in ("what", "ours", "beside", "ratio", "target", ""):
        drawn.add_column(column, justify="left" if column in ("what", "beside") else "right")
    marks = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}
    for row in rows:
        drawn.add_row(row.what, row.ours, row.other, row.ratio, row.target, marks[row.met])
    return drawn
