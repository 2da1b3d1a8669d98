"""The report: what was done, how often, and what was found, as a table."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of fault: how often it was tried, and what came of it."""

    what: str
    times: int
    found: str


def table(rows: Iterable[tuple[str, Row]]) -> Table:
    """The table, each row under its scenario's name."""
    drawn = Table("scenario", "what was done", "times", "what was found", title="Faults")
    drawn.columns[2].justify = "right"
    for scenario, row in rows:
        drawn.add_row(scenario, row.what, f"{row.times:,}", row.found)
    return drawn


def milliseconds(seconds: float) -> str:
    """A short time, for people."""
    return f"{seconds * 1000:,.1f} ms"
