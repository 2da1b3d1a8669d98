"""Training without a service, in this process."""

import time
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from gan1010 import PRESETS, DivergedError, Progress, TrainConfig, run
from gan1010.client.responses import Result
from gan1010.compiled.arithmetic import CompilerDisabledError
from gan1010.training import model_at
from service.cli.connection import EXIT_INTERRUPTED, fail
from service.cli.files import write
from service.cli.output import card, duration, print_json, run_rows, stdout
from service.cli.progress import STARTING, progress_bar


def train_locally(settings: dict[str, Any], save: Path | None, *, as_json: bool) -> None:
    """Train with a progress bar, print the result, and save both networks to a file on request."""
    config = local_config(settings)
    if save is not None and save.suffix != ".safetensors":
        raise typer.BadParameter(f"{save.name} has no known format. Use a name that ends in .safetensors.")
    try:
        last = _train(config, Console(stderr=True))
    except (CompilerDisabledError, DivergedError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("Training was interrupted. Nothing is saved.", EXIT_INTERRUPTED)
    if save is not None:
        write(save, model_at(config, last.snapshots).to_bytes())
    settings, result = vars(config.resolved) | {"defaults": config.defaults}, vars(last.result)
    if as_json:
        print_json({"config": settings, "result": result})
    else:
        stdout().print(card(run_rows(settings, Result.model_validate(result))))


def local_config(settings: dict[str, Any]) -> TrainConfig:
    """Build a configuration from the settings of a command, which may name a preset."""
    name = settings.pop("preset", "article")
    return PRESETS[name].config(**settings)


def _train(config: TrainConfig, console: Console) -> Progress:
    """Train and return the last progress."""
    with console.status(STARTING, spinner="line"):
        list(run(TrainConfig(iterations=1, latent=config.latent)))
    with progress_bar(console) as bar:
        task = bar.add_task("Train", total=config.iterations, note="")
        start = time.perf_counter()
        for progress in run(config):
            bar.update(task, completed=progress.iteration)
        bar.update(task, note=f"in {duration(time.perf_counter() - start)}")
    return progress
