"""Verification: train a job, or settings, again with the other backend, and print the largest differences."""

import dataclasses
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import typer
from rich.console import Console

from gan1010 import DivergedError, History, Result, Run, Snapshots, TrainConfig, Verification, verifying
from gan1010.client import Client
from gan1010.client.responses import Job
from gan1010.compiled.arithmetic import CompilerDisabledError
from gan1010.config import Backend
from gan1010.history import LOSSES
from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.types import Float32s
from gan1010.verification import LOSS_TOLERANCE, OTHER_BACKEND, ROUNDING, compare
from service.cli.connection import EXIT_FAILED, EXIT_INTERRUPTED, connected, fail, job_or_newest
from service.cli.local_training import local_config
from service.cli.output import card, duration, print_json, stdout
from service.cli.progress import progress_bar, wait_with_bar

TITLES: dict[Backend, str] = {"compiled": "Train in compiled code", "pytorch": "Train with PyTorch"}
MAX_NAME = 100  # characters


def verify_job(job_id: str | None, url: str | None, *, as_json: bool) -> None:
    """Train a job of the service again with the other backend, and exit with an error if the two do not agree."""
    stderr = Console(stderr=True)
    with connected(url) as client:
        first = _finished_job(client, job_or_newest(client, job_id, kind="train"), stderr)
        second = train_again(client, first, stderr)
        _print(
            compare_jobs(client, first, second), {backend_of(job): job.id for job in (first, second)}, as_json=as_json
        )


def verify_locally(settings: dict[str, Any], *, as_json: bool) -> None:
    """Train with both backends in this process, and exit with an error if they do not agree."""
    config = local_config(settings)
    try:
        with progress_bar(Console(stderr=True)) as bar:
            task = bar.add_task(TITLES["pytorch"], total=config.iterations, note="")
            for verification in verifying(config):
                bar.update(task, completed=verification.iteration)
            bar.update(task, note=f"in {duration(verification.pytorch_seconds or 0)}")
    except (CompilerDisabledError, DivergedError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("Training was interrupted.", EXIT_INTERRUPTED)
    _print(verification, {}, as_json=as_json)


def backend_of(job: Job) -> Backend:
    """Return the backend that has trained a job."""
    backend: Backend = job.config.get("backend", "compiled")
    return backend


def train_again(client: Client, job: Job, console: Console, title: str = "") -> Job:
    """Train a job's settings with the other backend, with a progress bar; Ctrl-C cancels the training."""
    backend = OTHER_BACKEND[backend_of(job)]
    suffix = ", in PyTorch" if backend == "pytorch" else ", compiled"
    name = (job.name or job.id)[: MAX_NAME - len(suffix)] + suffix
    again = client.train(**{**job.config, "backend": backend, "name": name})
    try:
        again = wait_with_bar(client, again, console, title or TITLES[backend])
    except KeyboardInterrupt:
        client.cancel(again.id)
        fail(f"Interrupted. The second training, {again.id}, is cancelled.", EXIT_INTERRUPTED)
    if again.status != "succeeded":
        reason = again.error.detail if again.error else f"It is {again.status}."
        fail(f"The second training, {again.id}, has not succeeded: {reason}")
    return again


def compare_jobs(client: Client, first: Job, second: Job) -> Verification:
    """Compare two finished jobs of the same settings, one of each backend."""
    seconds = {backend_of(job): _seconds(job) for job in (first, second)}
    return compare(_run(client, first), _run(client, second), seconds)


def _finished_job(client: Client, job: Job, console: Console) -> Job:
    """Wait for a job; exit unless it is a training that succeeds."""
    if job.kind != "train":
        fail(f"Job {job.id} is a sweep. Name a training; any GAN of a sweep can be trained again as one.")
    if job.status == "paused":
        fail(f"Job {job.id} is paused. Resume it with gan1010 resume {job.id}.")
    if not job.has_ended:
        job = wait_with_bar(client, job, console)
    if job.status != "succeeded":
        fail(f"Job {job.id} is {job.status}. Name one that has succeeded; gan1010 jobs lists them.")
    return job


def _seconds(job: Job) -> float | None:
    return job.iteration / job.iterations_per_second if job.iterations_per_second else None


def _run(client: Client, job: Job) -> Run:
    """Get a finished run from the service."""
    names = [field.name for field in dataclasses.fields(TrainConfig)]
    config = TrainConfig(**{name: job.config[name] for name in names if name in job.config})
    progress = client.progress(job.id)
    losses = [getattr(progress.series, name) for name in LOSSES[: 3 if config.experiment == "gan" else 2]]
    history = History.of(np.array(losses, np.float32), progress.record_every)
    arrays = np.load(io.BytesIO(client.snapshots_npz(job.id)))
    iterations = arrays["iterations"]
    discriminators = _weights(arrays, "discriminator", discriminator_layout(config.width, config.hidden_size))
    generators = np.empty((len(iterations), 0), np.float32)
    if config.experiment == "gan":
        generators = _weights(arrays, "generator", generator_layout(config.width, config.hidden_size))
    result = Result(**{field.name: getattr(job.result, field.name) for field in dataclasses.fields(Result)})
    snapshots = Snapshots(iterations=iterations, discriminators=discriminators, generators=generators)
    return Run(config=config, history=history, snapshots=snapshots, result=result)


def _weights(arrays: Any, network: str, layout: Layout) -> Float32s:
    tensors = [arrays[f"{network}.{key}"] for key in layout.tensors]
    return np.concatenate([tensor.reshape(len(tensor), -1) for tensor in tensors], axis=1)


def _print(verification: Verification, jobs: dict[Backend, str], *, as_json: bool) -> None:
    """Print the figures, and exit with an error if the backends do not agree."""
    if as_json:
        derived = {name: getattr(verification, name) for name in ("ratio", "agrees", "note")}
        print_json({"jobs": jobs, **vars(verification), **derived})
    else:
        stdout().print(card(_rows(verification, jobs)))
    if not verification.agrees:
        raise typer.Exit(EXIT_FAILED)


def _rows(verification: Verification, jobs: dict[Backend, str]) -> Iterator[tuple[str, str]]:
    ratio, note = verification.ratio, verification.note
    times = f": {ratio:,.0f} times as long" if ratio else ""
    yield "Compiled", _time(verification.compiled_seconds, jobs.get("compiled"))
    yield "PyTorch", _time(verification.pytorch_seconds, jobs.get("pytorch")) + times
    yield "Largest difference", f"of a loss {small(verification.loss_difference)}"
    yield "", f"of a weight {small(verification.weight_difference)}"
    if verification.sample_difference is not None:
        yield "", f"of a sample {small(verification.sample_difference)}"
    exceeded = verification.exceeded_at
    yield f"Over {small(ROUNDING)}", "never" if exceeded is None else f"first at iteration {exceeded:,}"
    verdict = "[green]They agree[/]" if verification.agrees else "[red]They do not agree[/]"
    difference = f"losses differ by up to {small(verification.checked_loss_difference)}"
    yield "Result", f"{verdict}: {difference}, and {small(LOSS_TOLERANCE)} is allowed."
    if note:
        yield "", note


def small(value: float) -> str:
    """Format a difference, such as 1.5e-7."""
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{float(digits):g}e{int(exponent)}" if value else "0"


def _time(seconds: float | None, job_id: str | None) -> str:
    return "  ".join(filter(None, (job_id, "" if seconds is None else duration(seconds))))
