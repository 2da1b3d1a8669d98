"""A sweep in one command: over HTTP, against a service that runs or one started for the occasion."""

import contextlib
import json
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from gan1010 import TrainConfig
from gan1010.grid import SETTINGS
from service.occasion import service_at
from service.settings import Settings

DEFAULT_URL = "http://127.0.0.1:8000"
POLL_SECONDS = 0.2
MOST_ROWS = 100  # of the table; JSON has all
CELLS_AT_ONCE = 10_000
FIGURES = ("\nGANs", "bits\nright", "in\nrange", "settled\nat", "9 in 10\nbetween", "loss\nof G")
HINTS = typing.get_type_hints(TrainConfig)


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What to make of the results: a table for people or JSON for programs, and a picture if one is wanted."""

    as_json: bool
    heatmap: Path | None


def sweep_request(
    grid: list[str], base: list[str], *, preset: str | None, seeds: int, first_seed: int, name: str | None
) -> dict[str, Any]:
    """The body for `POST /sweeps`, of `--grid learning_rate=0.01,0.1` and `--set pattern=110`.

    Raises:
        ValueError: a setting is unknown or a value not of its type; the message says which and what would be right.
    """
    varied, fixed = dict(_setting("--grid", text) for text in grid), dict(_setting("--set", text) for text in base)
    for field, values in fixed.items():
        if len(values) != 1:
            raise ValueError(
                f"--set {field} takes one value; --grid {field}={','.join(map(str, values))} combines them"
            )
    shared = {field: value for field, (value,) in fixed.items()} | ({"preset": preset} if preset else {})
    request: dict[str, Any] = {"base": shared, "seeds": {"start": first_seed, "count": seeds}, "name": name}
    return request | ({"grid": varied} if varied else {})


def run_sweep(request: dict[str, Any], url: str | None, outputs: Outputs) -> None:
    """Train it, with a progress bar, and show what came of it. Ctrl-C cancels it and shows what is done.

    Raises:
        ValueError: the service refuses; the message is its own.
    """
    if outputs.heatmap and outputs.heatmap.suffix not in (".png", ".svg"):
        raise ValueError(f"--heatmap must end in .png or .svg, not {outputs.heatmap.name}")
    progress = Console(stderr=True)
    try:
        with _service(url, progress) as client:
            job = _follow(client, _ask(client.post("/sweeps", json=request)), progress)
            _show(client, job, outputs, progress)
    except httpx.HTTPError as error:
        raise ValueError(f"the service does not answer any more: {error}") from None


def _show(client: httpx.Client, job: dict[str, Any], outputs: Outputs, progress: Console) -> None:
    cells = list(_cells(client, job["id"]))
    if outputs.as_json:
        print(json.dumps({"job": job, "data": cells}, indent=2))  # noqa: T201
    else:
        Console().print(_table(job, cells))
    if outputs.heatmap:
        picture = client.get(f"/sweeps/{job['id']}/plots/heatmap{outputs.heatmap.suffix}")
        if picture.is_error:
            _ask(picture)
        outputs.heatmap.write_bytes(picture.content)
        progress.print(f"Heat map    {outputs.heatmap}")
    progress.print(f"Kept as     {job['id']}: gan1010 serve has it at /sweeps/{job['id']}/results", soft_wrap=True)


@contextlib.contextmanager
def _service(url: str | None, console: Console) -> Iterator[httpx.Client]:
    """The service at a URL; without one the service on this machine, or one for the occasion."""
    with httpx.Client(base_url=url or DEFAULT_URL, headers=_credentials(), timeout=60) as client:
        if _answers(client):
            yield client
            return
    if url is not None:
        raise ValueError(f"no gan1010 service answers at {url}; start one with gan1010 serve, or leave --url out")
    with service_at(Settings().data_dir, console) as (client, _):
        yield client


def _credentials() -> dict[str, str]:
    """The first key of GAN1010_API_KEY, if it is set: whoever serves with it may ask with it."""
    name, colon, key = Settings().api_key.get_secret_value().split(",")[0].strip().partition(":")
    return {"Authorization": f"Bearer {key if colon else name}"} if name else {}


def _answers(client: httpx.Client) -> bool:
    try:
        answer = client.get("/healthz", timeout=5)
        return answer.is_success and answer.json() == {"status": "ok"}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False


def _follow(client: httpx.Client, job: dict[str, Any], console: Console) -> dict[str, Any]:
    """Wait for the job's end with a progress bar; cancel it on Ctrl-C."""
    columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("Train"), BarColumn(30), MofNCompleteColumn())
    rest = (TimeRemainingColumn(), TextColumn("{task.fields[speed]}"))
    with Progress(*columns, *rest, console=console) as bar:
        task = bar.add_task("", total=job["iterations"], speed="")
        while job["status"] in ("queued", "running", "paused"):
            try:
                job = _ask(client.get(f"/jobs/{job['id']}", params={"wait": POLL_SECONDS}))
            except KeyboardInterrupt:
                job = _ask(client.post(f"/jobs/{job['id']}/cancel"))
            speed = job["iterations_per_second"]
            bar.update(task, completed=job["iteration"], speed=f"{speed:,.0f} GANs/s" if speed else "")
    if job["status"] == "failed":
        raise ValueError(job["error"]["detail"])
    return job


def _cells(client: httpx.Client, job_id: str) -> Iterator[dict[str, Any]]:
    after: dict[str, int] = {}
    while True:
        page = _ask(client.get(f"/sweeps/{job_id}/results", params={"limit": CELLS_AT_ONCE, **after}))
        yield from page["data"]
        if not page["has_more"]:
            return
        after = {"after": page["next"]}


def _ask(answer: httpx.Response) -> dict[str, Any]:
    """The answer's content.

    Raises:
        ValueError: it is a problem.
    """
    content: dict[str, Any] = answer.json()
    if answer.is_error:
        raise ValueError(content["detail"])
    return content


def _table(job: dict[str, Any], cells: list[dict[str, Any]]) -> Table:
    left_out = len(cells) - MOST_ROWS
    caption = f"{job['iteration']:,} of {job['iterations']:,} GANs ({job['status']})"
    if left_out > 0:
        caption += f"; {left_out:,} more cells with --json"
    table = Table(caption=caption, caption_justify="left", box=None, padding=(0, 1), header_style="dim")
    for column in (*(f"\n{field}" for field in job["config"]["grid"]), *FIGURES):
        table.add_column(column, justify="right", no_wrap=True)
    for cell in cells[:MOST_ROWS]:
        settled = cell["settled_at"]
        table.add_row(
            *map(str, cell["config"].values()),
            f"{cell['count']:,}",
            _share(cell["bits_rate"]),
            _share(cell["in_range_rate"]),
            _number(settled["p50"]),
            "" if settled["p5"] is None else f"{settled['p5']:,.0f} - {settled['p95']:,.0f}",
            "" if cell["generator_loss"] is None else f"{cell['generator_loss']:.3f}",
        )
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _setting(option: str, text: str) -> tuple[str, list[Any]]:
    field, equals, values = text.partition("=")
    if not equals or field not in SETTINGS:
        raise ValueError(f"{option} {text}: write it as FIELD=VALUE, FIELD being one of {', '.join(SETTINGS)}")
    return field, [_value(option, field, value) for value in values.split(",")]


def _value(option: str, field: str, text: str) -> Any:
    hint = HINTS[field]
    if hint is str or typing.get_origin(hint) is Literal:
        return text
    try:
        return None if text == "null" else int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        raise ValueError(f"{option} {field}: {text!r} is not a number") from None
