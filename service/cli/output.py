"""Printed output: tables, or JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Column, Table

from gan1010 import patterns
from gan1010.config import TrainConfig

if TYPE_CHECKING:
    from gan1010.client.responses import (
        Cell,
        Cluster,
        ClusterWorker,
        DeletedJobs,
        Job,
        Page,
        Preset,
        Result,
        Samples,
        Scores,
        Transition,
    )

T = TypeVar("T")
BLOCKS = " ▁▂▃▄▅▆▇█"
PIPED_WIDTH = 200  # characters, without a terminal
MIN_WIDTH = 40  # so that no terminal cuts an id
MAX_CELL_ROWS = 100  # JSON has no limit
NO_SCHEDULER = """\
The service has no scheduler: its threads train the sweeps.
To train them on a Dask cluster, start the service with gan1010 serve --scheduler tcp://HOST:8786."""
NO_WORKER = "It has no worker: sweeps wait for one. Start one with: dask worker {}"
CELL_HEADINGS = ("\nGANs", "bits\nright", "in\nrange", "settled\nat", "9 in 10\nbetween", "loss\nof G")
COVERAGE_HEADINGS = ("covers\nall", "\nquality")


def print_response(value: T, render: Callable[[T], RenderableType], *, as_json: bool) -> None:
    """Print a response as JSON, or as `render` draws it."""
    if as_json:
        print_json(value)
    else:
        stdout().print(render(value))


def print_json(value: object) -> None:
    """Print models and plain values as JSON."""
    from pydantic_core import to_json

    print(to_json(value, indent=2, ensure_ascii=True).decode())  # noqa: T201


def stdout() -> Console:
    """Open a console as wide as the terminal, or wide enough for every table."""
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = Console(highlight=False, width=None if has_width else PIPED_WIDTH)
    console.width = max(console.width, MIN_WIDTH)
    return console


def table(
    headings: Sequence[str | Column], rows: Iterable[Iterable[str]], *, title: str | None = None, gap: int = 2
) -> Table:
    """Build a table without lines."""
    table_ = Table(*headings, title=title, title_justify="left", box=None, padding=(0, gap), header_style="dim")
    for row in rows:
        table_.add_row(*row)
    return table_


def card(rows: Iterable[tuple[str, str]]) -> Table:
    """Build a table of names and values."""
    grid = Table.grid(padding=(0, 3))
    for row in rows:
        grid.add_row(*row)
    return grid


def job_line(job: Job) -> str:
    """Describe a job in one line."""
    return f"{job.id}  {job.status}, at {job.iteration:,} of {job.iterations:,}"


def job_card(job: Job) -> Table:
    """Describe a job in full."""
    is_run, speed = job.kind == "train", job.iterations_per_second
    time = f" in {duration(job.iteration / speed)}" if is_run and speed else ""
    unit = "iterations" if is_run else "GANs"
    rows = [
        ("Job", f"{job.id}  {_name(job)}".rstrip()),
        ("Status", f"{job.status}, {job.iteration:,} of {job.iterations:,} {unit}{time}"),
    ]
    if job.note:
        rows.append(("Note", _escape(job.note)))
    if job.tags:
        rows.append(("Tags", _escape(" ".join(job.tags))))
    if job.error:
        rows.append(("Error", f"{job.error.type}: {escape(job.error.detail)}"))
    rows += run_rows(job.config, job.result) if is_run else [("Settings", _sweep_settings(job.config))]
    rows.append(("History", ", ".join(map(_change_text, job.transitions))))
    return card(rows)


def _change_text(change: Transition) -> str:
    return f"{change.status} {change.at.astimezone():%H:%M:%S}"


def run_rows(config: dict[str, Any], result: Result | None) -> Iterator[tuple[str, str]]:
    """Yield the rows of a card that describe a training."""
    yield "Settings", _train_settings(config)
    if result is None:
        return
    if result.sample is not None and result.bits is not None and result.in_range is not None:
        bars, bits, numbers, in_range = sample_cells(result.sample, result.bits, result.in_range)
        since = f" since iteration {result.settled_at:,}" if result.settled_at else ""
        yield "Sample", f"{bars}  {bits}  {numbers}  in range: {in_range}{since}"
    losses = f"D on real {result.discriminator_real_loss:.3f}, on fake {result.discriminator_fake_loss:.3f}"
    yield "Losses", losses + ("" if result.generator_loss is None else f"; G {result.generator_loss:.3f}")
    if result.shares is not None and result.diversity is not None and result.diversity > 0:
        words = patterns.words(config["pattern"])
        shares = ", ".join(f"{word} {share:.0%}" for word, share in zip(words, result.shares, strict=True))
        yield "Samples", f"{shares}, none {1 - sum(result.shares):.0%}; diversity {result.diversity:.2f}"
    yield "Scores", f"real {result.real_score:.3f}, fake {result.fake_score:.3f}"


def job_table(page: Page[Job]) -> RenderableType:
    """List jobs."""
    headings = (
        Column("id", min_width=24, no_wrap=True, overflow="ignore"),
        "kind",
        "name",
        "status",
        "at",
        "bits",
        "in range",
        "created",
    )
    jobs = table(headings, map(_job_cells, page.data), gap=1)
    return Group(jobs, f"  more with --after {page.next}") if page.has_more else jobs


def deletion_text(result: DeletedJobs) -> str:
    """Say which jobs were deleted, or would be."""
    if not result.oldest:
        return "No job meets the conditions."
    number, is_done = result.deleted or result.remaining, not result.remaining
    ends = f"\n  from {result.oldest}" + (f"\n  to   {result.newest}" if result.newest != result.oldest else "")
    return f"{'Deleted' if is_done else 'Would delete'} {_count(number, 'job')}:{ends}"


def _job_cells(job: Job) -> list[str]:
    at, result = f"{job.iteration / job.iterations:.0%}", job.result
    figures = [result.bits or "", _yes_or_no(result.in_range)] if result else ["", ""]
    created = f"{job.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
    return [job.id, job.kind, _name(job), job.status, at, *figures, created]


def _name(job: Job) -> str:
    return _escape(job.name or "")


def _escape(text: str) -> str:
    """Return a text as markup, in one line and without the control characters that it may have."""
    return escape("".join(character if character.isprintable() else " " for character in text))


def sample_table(samples: Samples) -> Table:
    """List the generator's outputs."""
    outputs = map(sample_cells, samples.samples, samples.bits, samples.in_range)
    rows = ((f"{latent:g}", *cells) for latent, cells in zip(samples.seeds, outputs, strict=True))
    return table(("latent", "", "bits", "values", "in range"), rows)


def sample_cells(sample: Sequence[float], bits: str, in_range: bool) -> tuple[str, str, str, str]:
    """Format a sample as bars, bits, numbers, and whether it is in the range of real data."""
    bars = "".join(BLOCKS[round(value * 8)] * 2 for value in sample)
    return f"[blue]{bars}[/]", bits, "  ".join(f"{value:.2f}" for value in sample), _yes_or_no(in_range)


def score_table(vectors: Sequence[Sequence[float]], scores: Scores) -> Table:
    """List the discriminator's scores."""
    texts = (", ".join(f"{value:g}" for value in vector) for vector in vectors)
    return table(("vector", "score"), zip(texts, map("{:.3f}".format, scores.scores), strict=True))


def preset_table(presets: Sequence[Preset]) -> Table:
    """List presets with their descriptions."""
    return table(("preset", ""), ((preset.name, f"{preset.summary}\n[dim]{preset.known}[/]") for preset in presets))


def cell_table(job: Job, cells: Sequence[Cell]) -> RenderableType:
    """List the results of a sweep's cells."""
    found = job.config["grid"].get("pattern", [job.config["base"].get("pattern", TrainConfig.pattern)])
    has_patterns = any(len(patterns.words(pattern)) > 1 for pattern in found)
    headings = (*(f"\n{field}" for field in job.config["grid"]), *CELL_HEADINGS, *COVERAGE_HEADINGS * has_patterns)
    columns = [Column(heading, justify="right", no_wrap=True) for heading in headings]
    rows = (_cell_cells(cell, has_patterns=has_patterns) for cell in cells[:MAX_CELL_ROWS])
    hidden = len(cells) - MAX_CELL_ROWS
    note = f" {job_line(job)}" + (f"; {hidden:,} more cells with --json" if hidden > 0 else "")
    return Group(table(columns, rows, gap=1), note)


def _cell_cells(cell: Cell, *, has_patterns: bool) -> Iterator[str]:
    yield from map(str, cell.config.values())
    yield f"{cell.count:,}"
    yield _format(cell.bits_rate, ".1%")
    yield _format(cell.in_range_rate, ".1%")
    yield _format(cell.settled_at.p50, ",.0f")
    early, late = cell.settled_at.p5, cell.settled_at.p95  # late is None if more than a twentieth never settled
    yield "" if early is None else f"{early:,.0f} - {'never' if late is None else format(late, ',.0f')}"
    yield _format(cell.generator_loss, ".3f")
    if has_patterns:
        yield _format(cell.covers_all_rate, ".1%")
        yield _format(cell.quality, ".2f")


def cluster_card(cluster: Cluster) -> RenderableType:
    """Describe the cluster, and list its workers."""
    if cluster.scheduler is None:
        return NO_SCHEDULER
    status = f"connected, {_count(cluster.threads, 'thread')}, {_count(cluster.in_flight, 'shard')} in flight"
    if cluster.workers and all(worker.status == "refused" for worker in cluster.workers):
        status += "\nSweeps wait for a worker that is not refused."
    if not cluster.connected:
        train = "The threads of the service train sweeps." if cluster.fallback else "Sweeps wait for it."
        status = f"not connected: {_escape(cluster.detail or 'no contact yet')}\n{train}"
    scheduler = _escape(cluster.scheduler)
    rows = [("Scheduler", scheduler), ("Status", status)]
    if cluster.dashboard:
        rows.append(("Dashboard", _escape(cluster.dashboard)))
    threads, in_flight = (Column(heading, justify="right") for heading in ("threads", "in flight"))
    headings = ("worker", "name", threads, in_flight, "status")
    workers = table(headings, map(_worker_cells, cluster.workers)) if cluster.workers else NO_WORKER.format(scheduler)
    return Group(card(rows), "", workers) if cluster.connected else card(rows)


def _worker_cells(worker: ClusterWorker) -> list[str]:
    status = worker.status if worker.reason is None else f"{worker.status}: {_escape(worker.reason)}"
    name = "" if worker.name == worker.address else _escape(worker.name)
    return [_escape(worker.address), name, f"{worker.threads:,}", f"{worker.in_flight:,}", status]


def duration(seconds: float) -> str:
    """Format a duration."""
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    minutes, rest = divmod(round(seconds), 60)
    return f"{seconds:.1f} s" if not minutes else f"{minutes} min {rest} s"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _yes_or_no(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"


def _format(value: float | None, spec: str) -> str:
    return "" if value is None else format(value, spec)


def _train_settings(config: dict[str, Any]) -> str:
    """Describe the seed and the settings that differ from the article's."""
    article = TrainConfig(**{name: config[name] for name in ("iterations", "learning_rate", "seed")})
    given = [name for name in ("iterations", "learning_rate") if config[name] != getattr(TrainConfig, name)]
    changed = [name for name, value in vars(article.resolved).items() if config[name] != value]
    return ", ".join(f"{name} {config[name]}" for name in ("seed", *given, *changed))


def _sweep_settings(config: dict[str, Any]) -> str:
    varied = [f"{name} {', '.join(map(str, values))}" for name, values in config["grid"].items()]
    fixed = [f"{name} {value}" for name, value in config["base"].items()]
    seeds = config["seeds"]
    return "; ".join([*varied, *fixed, f"{seeds['count']:,} seeds from {seeds['start']} on"])
