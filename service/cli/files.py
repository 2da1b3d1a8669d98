"""File output: plots, networks, tables and scripts of jobs."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import typer

from service.cli.connection import fail

if TYPE_CHECKING:
    from gan1010.client import Client
    from gan1010.client.responses import Job

Download = Callable[[], bytes | str]


def plot_format(file: Path) -> Literal["png", "svg"]:
    """Return the format that a plot's file name selects."""
    format = file.suffix.removeprefix(".").lower()
    if format not in ("png", "svg"):
        raise typer.BadParameter(f"{file.name} has no known format. Use a name that ends in .png or .svg.")
    return cast(Literal["png", "svg"], format)


def write(file: Path, content: bytes | str) -> None:
    """Write a file atomically and print its path to stderr."""
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        temporary.replace(file)
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}.")
    print(file, file=sys.stderr)  # noqa: T201


def _results_csv(client: "Client", job_id: str) -> str:
    """Join all pages of a sweep's results."""
    text = page = client.results_csv(job_id)
    while page.count("\n") > 1:
        last_cell = int(page.splitlines()[-1].partition(",")[0])
        page = client.results_csv(job_id, after=last_cell)
        text += page.partition("\n")[2]
    return text


def select_downloads(client: "Client", job: "Job", names: list[str]) -> dict[str, Download]:
    """Return the downloads of the named files of a job, by default of all its files."""
    downloads: dict[str, Download] = {}
    if job.kind == "sweep":
        downloads["results.csv"] = partial(_results_csv, client, job.id)
        downloads["members.csv"] = partial(client.members_csv, job.id)
        downloads["members.npz"] = partial(client.members_npz, job.id)
    elif job.status == "succeeded":
        has_generator = job.config["experiment"] == "gan"
        networks = ("generator", "discriminator") if has_generator else ("discriminator",)
        models = [f"{network}.{format}" for format in ("safetensors", "onnx") for network in networks]
        downloads |= {
            name: partial(client.download, job.id, name) for name in ("model.safetensors", *models, "triton.zip")
        }
    if job.kind == "train":
        downloads["losses.csv"] = partial(client.progress_csv, job.id)
        downloads["snapshots.npz"] = partial(client.snapshots_npz, job.id)
        downloads["train_gan.py"] = partial(client.script, job.id)
        downloads["train_gan_same_draws.py"] = partial(client.script, job.id, draws="same")
    if unknown := [name for name in names if name not in downloads]:
        raise typer.BadParameter(f"The job has no file {unknown[0]}. Its files are {', '.join(downloads)}.")
    return {name: downloads[name] for name in names or downloads}
