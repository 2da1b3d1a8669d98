"""Report of the scenarios: each action, how often it was tried, and its outcome."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One row of the report."""

    action: str
    times: int
    outcome: str


def table(findings: Iterable[tuple[str, Finding]]) -> Table:
    """Draw a table of findings, each with the name of its scenario."""
    drawn = Table("scenario", "action", "times", "outcome", title="Faults")
    drawn.columns[2].justify = "right"
    for scenario, finding in findings:
        drawn.add_row(scenario, finding.action, f"{finding.times:,}", finding.outcome)
    return drawn


def milliseconds(seconds: float) -> str:
    """Format a short time."""
    return f"{seconds * 1000:,.1f} ms"
