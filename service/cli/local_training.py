"""Training without a service, in this process."""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from gan1010 import PRESETS, DivergedError, Progress, TrainConfig, run
from gan1010.client.responses import Result
from gan1010.export import safetensors
from gan1010.training import model_at
from service.cli.connection import EXIT_INTERRUPTED, end
from service.cli.files import write
from service.cli.output import duration, run_card, stdout
from service.cli.progress import bar_on


def train_here(settings: dict[str, Any], save: Path | None, *, as_json: bool) -> None:
    """Train to the end with a progress bar, show what has come of it, and keep both networks if told where."""
    config = _config(settings)
    if save is not None and save.suffix != ".safetensors":
        raise typer.BadParameter(f"--save is for a file that ends in .safetensors, not {save.name}")
    try:
        last = _trained(config, Console(stderr=True))
    except DivergedError as error:
        end(str(error))
    except KeyboardInterrupt:
        end("called off, and nothing is kept", EXIT_INTERRUPTED)
    if save is not None:
        write(save, safetensors.dump(model_at(config, last.snapshots)))
    answer = {"config": dataclasses.asdict(config), "result": vars(last.result)}
    if as_json:
        print(json.dumps(answer, indent=2))  # noqa: T201
    else:
        stdout().print(run_card(answer["config"], Result.model_validate(answer["result"])))


def _config(settings: dict[str, Any]) -> TrainConfig:
    name = settings.pop("preset", "article")
    if name not in PRESETS:
        raise typer.BadParameter(f"preset must be one of {', '.join(PRESETS)}, not {name}")
    try:
        return PRESETS[name].config(**settings)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _trained(config: TrainConfig, console: Console) -> Progress:
    """The last progress of a run."""
    with console.status("Starting (the first time on a machine, compiling takes some seconds)"):
        list(run(TrainConfig(iterations=1, latent=config.latent)))
    with bar_on(console) as bar:
        task = bar.add_task("Train", total=config.iterations, note="")
        began = time.perf_counter()
        for progress in run(config):
            bar.update(task, completed=progress.iteration)
        bar.update(task, note=f"in {duration(time.perf_counter() - began)}")
    return progress
