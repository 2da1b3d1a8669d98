"""A sweep in one command: at a service that runs, or at one started for the occasion."""

import contextlib
import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import typer
from rich.console import Console

from gan1010 import TrainConfig
from gan1010.client import Client, ClientError
from gan1010.client.responses import Job
from gan1010.sweeps.grid import SETTINGS
from service.cli.connection import connected, end, explained
from service.cli.files import picture_format, write
from service.cli.local_server import running_service
from service.cli.output import cell_table, stdout
from service.cli.progress import with_bar
from service.settings import Settings

HINTS = typing.get_type_hints(TrainConfig)


def run_sweep(request: dict[str, Any], url: str | None, heatmap: Path | None, *, as_json: bool) -> None:
    """Train it with a progress bar, and show what has come of it. Ctrl-C cancels it, and shows what is done."""
    format = picture_format(heatmap) if heatmap else None
    progress = Console(stderr=True)
    with _service(url, progress) as client:
        job = _ended(client, client.sweep(**request), progress)
        cells = list(client.each(client.results, job.id))
        if as_json:
            content = {"job": job.model_dump(mode="json"), "data": [cell.model_dump(mode="json") for cell in cells]}
            print(json.dumps(content, indent=2))  # noqa: T201
        else:
            stdout().print(cell_table(job, cells))
        if heatmap and format:
            write(heatmap, client.heatmap(job.id, format))
        if job.status == "failed":
            end("the sweep has failed")
        progress.print(f"Kept as {job.id}: gan1010 serve has it at /sweeps/{job.id}/results", soft_wrap=True)


def grid_of(texts: list[str]) -> dict[str, list[Any]]:
    """The grid that `learning_rate=0.01,0.1` and the like make."""
    return dict(_setting(text) for text in texts)


def _ended(client: Client, job: Job, console: Console) -> Job:
    try:
        return with_bar(client, job, console)
    except KeyboardInterrupt:
        return client.cancel(job.id)


@contextlib.contextmanager
def _service(url: str | None, console: Console) -> Iterator[Client]:
    """The service at a URL; without one the service on this machine, or one for the occasion."""
    if url is not None or _answers():
        with connected(url) as client:
            yield client
    else:
        with running_service(Settings().data_dir, console) as (client, _), explained():
            yield client


def _answers() -> bool:
    try:
        with Client(timeout=5, retries=0) as client:
            return client.health().status == "ok"
    except ClientError:
        return False


def _setting(text: str) -> tuple[str, list[Any]]:
    field, equals, values = text.partition("=")
    if not equals or field not in SETTINGS:
        raise typer.BadParameter(f"--grid {text}: write it as FIELD=A,B,..., FIELD being one of {', '.join(SETTINGS)}")
    return field, [_value(field, value) for value in values.split(",")]


def _value(field: str, text: str) -> Any:
    hint = HINTS[field]
    if hint is str or typing.get_origin(hint) is Literal:
        return text
    try:
        return None if text == "null" else int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        raise typer.BadParameter(f"--grid {field}: {text!r} is not a number") from None
