"""What is written to files: pictures, networks, tables and programs of jobs."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, cast

import typer

from gan1010.client import Client
from gan1010.client.responses import Job
from service.cli.connection import end

Content = Callable[[Client, str], bytes]


def picture_format(file: Path) -> Literal["png", "svg"]:
    """The format that a picture's name asks for."""
    format = file.suffix.removeprefix(".").lower()
    if format not in ("png", "svg"):
        raise typer.BadParameter(f"a picture's name ends in .png or .svg, not as in {file.name}")
    return cast(Literal["png", "svg"], format)


def write(file: Path, content: bytes) -> None:
    """Write a file, whole or not at all, and say so."""
    temporary = file.with_name(f".{file.name}.tmp")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(file)
    except OSError as error:
        end(f"{file} cannot be written: {error.strerror}")
    print(file, file=sys.stderr)  # noqa: T201


def chosen_files(job: Job, names: list[str]) -> dict[str, Content]:
    """The files of a job that were asked for, all that there are if none were: how to get each."""
    there_are = _files_of(job)
    if unknown := [name for name in names if name not in there_are]:
        raise typer.BadParameter(f"the job has no {unknown[0]}; its files are {', '.join(there_are)}")
    return {name: there_are[name] for name in names or there_are}


def _download(name: str, client: Client, job_id: str) -> bytes:
    return client.download(job_id, name)


def _files_of(job: Job) -> dict[str, Content]:
    if job.kind == "sweep":
        return {"results.csv": lambda client, id: client.results_csv(id).encode()}
    files: dict[str, Content] = {
        "losses.csv": lambda client, id: client.progress_csv(id).encode(),
        "snapshots.npz": lambda client, id: client.snapshots_npz(id),
        "train_gan.py": lambda client, id: client.script(id).encode(),
    }
    if job.status != "succeeded":
        return files
    networks = ("discriminator",) if job.config["experiment"] == "discriminator" else ("generator", "discriminator")
    models = [f"{network}.{format}" for format in ("safetensors", "onnx") for network in networks]
    return {name: partial(_download, name) for name in (*models, "triton.zip")} | files
