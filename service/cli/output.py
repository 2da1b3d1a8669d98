"""What is printed: tables for people, JSON for programs."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table

from gan1010.client.responses import Cell, Job, Page, Preset, Result, Samples, Scores
from gan1010.config import TrainConfig

A = TypeVar("A", bound=BaseModel)
BLOCKS = " ▁▂▃▄▅▆▇█"
PIPED_WIDTH = 200  # where no terminal has one
MOST_ROWS = 100  # of cells; JSON has all
FIGURES = ("\nGANs", "bits\nright", "in\nrange", "settled\nat", "9 in 10\nbetween", "loss\nof G")


def show(answer: A, drawn: Callable[[A], RenderableType], *, as_json: bool) -> None:
    """Print an answer, for people or for programs."""
    if as_json:
        print(answer.model_dump_json(indent=2))  # noqa: T201
    else:
        stdout().print(drawn(answer))


def show_each(answers: Sequence[A], drawn: Callable[[Sequence[A]], RenderableType], *, as_json: bool) -> None:
    """Print several."""
    if as_json:
        print(json.dumps([answer.model_dump(mode="json") for answer in answers], indent=2))  # noqa: T201
    else:
        stdout().print(drawn(answers))


def stdout() -> Console:
    """Where to print: as wide as the terminal, and wide enough for any row where there is none."""
    has_width = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(highlight=False, width=None if has_width else PIPED_WIDTH)


def columns(*headings: str, title: str | None = None) -> Table:
    """A table without lines."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2), header_style="dim")
    for heading in headings:
        table.add_column(heading)
    return table


def job_line(job: Job) -> str:
    """A job in a line."""
    return f"{job.id}  {job.status}, at {job.iteration:,} of {job.iterations:,}"


def job_card(job: Job) -> Table:
    """All about a job."""
    table = Table.grid(padding=(0, 3))
    table.add_row("Job", f"{job.id}{f'  {escape(job.name)}' if job.name else ''}")
    speed = job.iterations_per_second
    took = f" in {duration(job.iteration / speed)}" if job.kind == "train" and speed else ""
    what = "iterations" if job.kind == "train" else "GANs"
    table.add_row("Status", f"{job.status}, {job.iteration:,} of {job.iterations:,} {what}{took}")
    if job.error:
        table.add_row("Error", f"{job.error.type}: {escape(job.error.detail)}")
    if job.kind == "train":
        _add_run(table, job.config, job.result)
    else:
        table.add_row("Settings", _grid(job.config))
    table.add_row("History", ", ".join(f"{past.status} {past.at:%H:%M:%S}" for past in job.transitions))
    return table


def run_card(config: dict[str, Any], result: Result) -> Table:
    """All about a run that was no job."""
    table = Table.grid(padding=(0, 3))
    _add_run(table, config, result)
    return table


def job_table(page: Page[Job]) -> RenderableType:
    """Jobs, a line each."""
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
            yes(result.in_range) if result else "",
            f"{job.created_at:%Y-%m-%d %H:%M:%S}",
        )
    return Group(table, f"  more with --after {page.next}") if page.has_more else table


def sample_table(samples: Samples) -> Table:
    """What G makes, a line for each seed."""
    table = columns("seed", "", "bits", "values", "in range")
    for row, seed in enumerate(samples.seeds):
        table.add_row(f"{seed:g}", *sample_cells(samples.samples[row], samples.bits[row], samples.in_range[row]))
    return table


def sample_cells(sample: Sequence[float], bits: str, in_range: bool) -> tuple[str, str, str, str]:
    """A sample as a picture, as bits and as numbers, and whether it could be real."""
    picture = "".join(BLOCKS[round(value * 8)] * 2 for value in sample)
    return f"[blue]{picture}[/]", bits, "  ".join(f"{value:.2f}" for value in sample), yes(in_range)


def score_table(vectors: Sequence[Sequence[float]], scores: Scores) -> Table:
    """D's answers, a line for each vector."""
    table = columns("vector", "score")
    for vector, score in zip(vectors, scores.scores, strict=True):
        table.add_row(", ".join(f"{value:g}" for value in vector), f"{score:.3f}")
    return table


def preset_table(presets: Sequence[Preset]) -> Table:
    """Presets, each with what it is and what it is known to do."""
    table = columns("preset", "")
    for preset in presets:
        table.add_row(preset.name, f"{preset.summary}\n[dim]{preset.known}[/]")
    return table


def cell_table(job: Job, cells: Sequence[Cell]) -> RenderableType:
    """What has come of a sweep, a line for each cell."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for column in (*(f"\n{field}" for field in job.config["grid"]), *FIGURES):
        table.add_column(column, justify="right", no_wrap=True)
    for cell in cells[:MOST_ROWS]:
        settled = cell.settled_at
        table.add_row(
            *map(str, cell.config.values()),
            f"{cell.count:,}",
            _or_nothing(cell.bits_rate, ".1%"),
            _or_nothing(cell.in_range_rate, ".1%"),
            _or_nothing(settled.p50, ",.0f"),
            "" if settled.p5 is None else f"{settled.p5:,.0f} - {settled.p95:,.0f}",
            _or_nothing(cell.generator_loss, ".3f"),
        )
    left_out = f"; {len(cells) - MOST_ROWS:,} more cells with --json" if len(cells) > MOST_ROWS else ""
    return Group(table, f" {job_line(job)}{left_out}")


def duration(seconds: float) -> str:
    """A length of time, short."""
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    minutes, rest = divmod(round(seconds), 60)
    return f"{seconds:.1f} s" if not minutes else f"{minutes} min {rest} s"


def yes(whether: bool | None) -> str:
    """Yes or no, or nothing where nobody knows."""
    return "" if whether is None else "yes" if whether else "no"


def _or_nothing(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _settings(config: dict[str, Any]) -> str:
    """The seed, and all that is not as in the article."""
    article = TrainConfig(**{name: config[name] for name in ("iterations", "learning_rate", "seed")})
    asked = [name for name in ("iterations", "learning_rate") if config[name] != getattr(TrainConfig, name)]
    changed = [name for name, value in vars(article).items() if config[name] != value]
    return ", ".join(f"{name} {config[name]}" for name in ("seed", *asked, *changed))


def _grid(config: dict[str, Any]) -> str:
    """What a sweep varies, and what it does not."""
    varied = [f"{name} {', '.join(map(str, values))}" for name, values in config["grid"].items()]
    fixed = [f"{name} {value}" for name, value in config["base"].items()]
    seeds = config["seeds"]
    return "; ".join([*varied, *fixed, f"{seeds['count']:,} seeds from {seeds['start']} on"])


def _add_run(table: Table, config: dict[str, Any], result: Result | None) -> None:
    table.add_row("Settings", _settings(config))
    if result is None:
        return
    if result.sample is not None and result.bits is not None and result.in_range is not None:
        picture, bits, numbers, inside = sample_cells(result.sample, result.bits, result.in_range)
        since = f" since iteration {result.settled_at:,}" if result.settled_at else ""
        table.add_row("Sample", f"{picture}  {bits}  {numbers}  in range: {inside}{since}")
    losses = f"D on real {result.discriminator_real_loss:.3f}, on fake {result.discriminator_fake_loss:.3f}"
    table.add_row("Losses", losses + ("" if result.generator_loss is None else f"; G {result.generator_loss:.3f}"))
    table.add_row("Scores", f"real {result.real_score:.3f}, fake {result.fake_score:.3f}")
