"""Printed output: tables, or JSON."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic_core import to_json
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from gan1010.client.responses import Cell, Job, Page, Preset, Result, Samples, Scores
from gan1010.config import TrainConfig

T = TypeVar("T")
BLOCKS = " ▁▂▃▄▅▆▇█"
PIPED_WIDTH = 200  # characters, without a terminal
MAX_CELL_ROWS = 100  # JSON has no limit
CELL_HEADINGS = ("\nGANs", "bits\nright", "in\nrange", "settled\nat", "9 in 10\nbetween", "loss\nof G")


def show(value: T, render: Callable[[T], RenderableType], *, as_json: bool) -> None:
    """Print a response as JSON, or as `render` draws it."""
    if as_json:
        print_json(value)
    else:
        stdout().print(render(value))


def print_json(value: object) -> None:
    """Print models and plain values as JSON."""
    print(to_json(value, indent=2).decode())  # noqa: T201


def stdout() -> Console:
    """Open a console as wide as the terminal, or wide enough for every table."""
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if has_width else PIPED_WIDTH)


def columns(*headings: str, title: str | None = None) -> Table:
    """Build a table without lines."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2), header_style="dim")
    for heading in headings:
        table.add_column(heading)
    return table


def job_line(job: Job) -> str:
    """Describe a job in one line."""
    return f"{job.id}  {job.status}, at {job.iteration:,} of {job.iterations:,}"


def job_card(job: Job) -> Table:
    """Describe a job in full."""
    table = Table.grid(padding=(0, 3))
    table.add_row("Job", f"{job.id}{f'  {escape(job.name)}' if job.name else ''}")
    speed = job.iterations_per_second
    time = f" in {duration(job.iteration / speed)}" if job.kind == "train" and speed else ""
    unit = "iterations" if job.kind == "train" else "GANs"
    table.add_row("Status", f"{job.status}, {job.iteration:,} of {job.iterations:,} {unit}{time}")
    if job.error:
        table.add_row("Error", f"{job.error.type}: {escape(job.error.detail)}")
    if job.kind == "train":
        _add_run(table, job.config, job.result)
    else:
        table.add_row("Settings", _sweep_settings(job.config))
    table.add_row("History", ", ".join(f"{change.status} {change.at:%H:%M:%S}" for change in job.transitions))
    return table


def run_card(config: dict[str, Any], result: Result) -> Table:
    """Describe a training that is no job."""
    table = Table.grid(padding=(0, 3))
    _add_run(table, config, result)
    return table


def job_table(page: Page[Job]) -> RenderableType:
    """List jobs."""
    table = columns("id", "kind", "name", "status", "at", "bits", "in range", "created")
    for job in page.data:
        result = job.result
        table.add_row(
            job.id,
            job.kind,
            escape(job.name or ""),
            job.status,
            f"{job.iteration / job.iterations:.0%}",
            (result and result.bits) or "",
            _yes_or_no(result.in_range) if result else "",
            f"{job.created_at:%Y-%m-%d %H:%M:%S}",
        )
    return Group(table, f"  more with --after {page.next}") if page.has_more else table


def sample_table(samples: Samples) -> Table:
    """List the generator's outputs."""
    table = columns("latent", "", "bits", "values", "in range")
    for row, latent in enumerate(samples.seeds):
        table.add_row(f"{latent:g}", *sample_cells(samples.samples[row], samples.bits[row], samples.in_range[row]))
    return table


def sample_cells(sample: Sequence[float], bits: str, in_range: bool) -> tuple[str, str, str, str]:
    """Format a sample as bars, bits, numbers, and whether it is in the range of real data."""
    bars = "".join(BLOCKS[round(value * 8)] * 2 for value in sample)
    return f"[blue]{bars}[/]", bits, "  ".join(f"{value:.2f}" for value in sample), _yes_or_no(in_range)


def score_table(vectors: Sequence[Sequence[float]], scores: Scores) -> Table:
    """List the discriminator's scores."""
    table = columns("vector", "score")
    for vector, score in zip(vectors, scores.scores, strict=True):
        table.add_row(", ".join(f"{value:g}" for value in vector), f"{score:.3f}")
    return table


def preset_table(presets: Sequence[Preset]) -> Table:
    """List presets with their descriptions."""
    table = columns("preset", "")
    for preset in presets:
        table.add_row(preset.name, f"{preset.summary}\n[dim]{preset.known}[/]")
    return table


def cell_table(job: Job, cells: Sequence[Cell]) -> RenderableType:
    """List the results of a sweep's cells."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for heading in (*(f"\n{field}" for field in job.config["grid"]), *CELL_HEADINGS):
        table.add_column(heading, justify="right", no_wrap=True)
    for cell in cells[:MAX_CELL_ROWS]:
        settled = cell.settled_at
        table.add_row(
            *map(str, cell.config.values()),
            f"{cell.count:,}",
            _format(cell.bits_rate, ".1%"),
            _format(cell.in_range_rate, ".1%"),
            _format(settled.p50, ",.0f"),
            "" if settled.p5 is None else f"{settled.p5:,.0f} - {settled.p95:,.0f}",
            _format(cell.generator_loss, ".3f"),
        )
    hidden = len(cells) - MAX_CELL_ROWS
    return Group(table, f" {job_line(job)}" + (f"; {hidden:,} more cells with --json" if hidden > 0 else ""))


def duration(seconds: float) -> str:
    """Format a duration."""
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    minutes, rest = divmod(round(seconds), 60)
    return f"{seconds:.1f} s" if not minutes else f"{minutes} min {rest} s"


def _yes_or_no(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _format(value: float | None, spec: str) -> str:
    return "" if value is None else format(value, spec)


def _train_settings(config: dict[str, Any]) -> str:
    """Describe the seed and the settings that differ from the article's."""
    article = TrainConfig(**{name: config[name] for name in ("iterations", "learning_rate", "seed")})
    given = [name for name in ("iterations", "learning_rate") if config[name] != getattr(TrainConfig, name)]
    changed = [name for name, value in vars(article).items() if config[name] != value]
    return ", ".join(f"{name} {config[name]}" for name in ("seed", *given, *changed))


def _sweep_settings(config: dict[str, Any]) -> str:
    varied = [f"{name} {', '.join(map(str, values))}" for name, values in config["grid"].items()]
    fixed = [f"{name} {value}" for name, value in config["base"].items()]
    seeds = config["seeds"]
    return "; ".join([*varied, *fixed, f"{seeds['count']:,} seeds from {seeds['start']} on"])


def _add_run(table: Table, config: dict[str, Any], result: Result | None) -> None:
    table.add_row("Settings", _train_settings(config))
    if result is None:
        return
    if result.sample is not None and result.bits is not None and result.in_range is not None:
        bars, bits, numbers, in_range = sample_cells(result.sample, result.bits, result.in_range)
        since = f" since iteration {result.settled_at:,}" if result.settled_at else ""
        table.add_row("Sample", f"{bars}  {bits}  {numbers}  in range: {in_range}{since}")
    losses = f"D on real {result.discriminator_real_loss:.3f}, on fake {result.discriminator_fake_loss:.3f}"
    table.add_row("Losses", losses + ("" if result.generator_loss is None else f"; G {result.generator_loss:.3f}"))
    table.add_row("Scores", f"real {result.real_score:.3f}, fake {result.fake_score:.3f}")
