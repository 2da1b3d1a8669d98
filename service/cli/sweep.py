"""Sweep in one command, on a running service or on one that runs for the sweep only."""

import contextlib
import os
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console

from gan1010 import TrainConfig
from gan1010.client import Client, ClientError, ConfigurationError
from gan1010.config import SettingError
from gan1010.sweeps.grid import SETTINGS, SweepConfig
from service.cli.connection import EXIT_USAGE, connected, fail
from service.cli.files import plot_format, write
from service.cli.local_server import running_service
from service.cli.options import usage_error
from service.cli.output import cell_table, print_json, stdout
from service.cli.progress import wait_with_bar
from service.cli.ranges import expand

SETTING_TYPES = typing.get_type_hints(TrainConfig)


def run_sweep(request: dict[str, Any], url: str | None, heatmap: Path | None, *, as_json: bool) -> None:
    """Sweep with a progress bar and print the results; Ctrl-C cancels the sweep and prints those so far."""
    _check(request)
    format = plot_format(heatmap) if heatmap else None
    stderr = Console(stderr=True)
    with _service(url, stderr) as client:
        job = client.sweep(**request)
        try:
            job = wait_with_bar(client, job, stderr)
        except KeyboardInterrupt:
            job = client.cancel(job.id)
        cells = list(client.each(client.results, job.id))
        if as_json:
            print_json({"job": job, "data": cells})
        else:
            stdout().print(cell_table(job, cells))
        if heatmap and format:
            write(heatmap, client.heatmap(job.id, format))
        if job.status == "failed":
            fail("The sweep has failed.")
        stderr.print(f"Kept as {job.id}: see /sweeps/{job.id}/results of gan1010 serve", soft_wrap=True)


def parse_grid(texts: list[str]) -> dict[str, list[Any]]:
    """Parse the values of --grid, such as `learning_rate=0.01,0.1` or `hidden_size=1..8`."""
    grid: dict[str, list[Any]] = {}
    for text in texts:
        field, equals, values = text.partition("=")
        if not equals or field not in SETTINGS:
            remedy = f"Write it as FIELD=A,B,... with one of the fields {', '.join(SETTINGS)}."
            raise typer.BadParameter(f"--grid {text} is no setting with values. {remedy}")
        try:
            grid[field] = _parse_values(values, SETTING_TYPES[field])
        except ValidationError as error:
            first = error.errors()[0]
            raise typer.BadParameter(f"--grid {field}: {first['input']!r}: {first['msg']}.") from None
        except ValueError as error:
            raise typer.BadParameter(f"--grid {field}: {error}.") from None
    return grid


def _parse_values(text: str, type_: Any) -> list[Any]:
    """Parse a list of values of a setting's type; numbers may be ranges.

    Raises:
        ValueError: a range is malformed.
        ValidationError: a value has another type.
    """
    types = typing.get_args(type_) or (type_,)  # of X | None
    is_number = bool({int, float} & set(types))
    values = expand(text, whole=int in types) if is_number else [value.strip() for value in text.split(",")]
    setting = TypeAdapter(type_)
    return [setting.validate_python(None if value == "null" else value) for value in values]


def _check(request: dict[str, Any]) -> None:
    base = {name: value for name, value in request["base"].items() if name != "preset"}
    seeds = request["seeds"]
    try:
        SweepConfig(base=base, grid=request["grid"], first_seed=seeds["start"], seeds=seeds["count"])
    except SettingError as error:
        raise usage_error(error) from None


@contextlib.contextmanager
def _service(url: str | None, console: Console) -> Iterator[Client]:
    """Connect to the service at a URL, else to the default one, else start one."""
    if url or os.environ.get("GAN1010_URL", "").strip() or _default_service_is_healthy():
        with connected(url) as client:
            yield client
    else:
        with running_service(None, console) as (client, _):
            yield client


def _default_service_is_healthy() -> bool:
    try:
        with Client(timeout=5, retries=0) as client:
            return client.health().status == "ok"
    except ConfigurationError as error:
        fail(str(error), EXIT_USAGE)
    except ClientError:
        return False
