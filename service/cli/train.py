"""Commands that start jobs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gan1010.config import SettingError, TrainConfig
from service.cli.connection import connected
from service.cli.options import AsJson, JobOrNewest, Name, Url, usage_error, with_settings
from service.cli.output import job_line, print_response
from service.cli.progress import follow_job


@with_settings()
def train(
    name: Name = None,
    wait: Annotated[bool, typer.Option(help="Wait until the training ends, with a progress bar.")] = True,
    follow: Annotated[bool, typer.Option("--follow", help="Print the losses during the training.")] = False,
    local: Annotated[bool, typer.Option("--local", help="Train in this process, without a service.")] = False,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="With --local: .safetensors file to write.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    **settings: Any,
) -> None:
    """Train one GAN. Settings that are not given are those of the article."""
    _check(settings)
    if local:
        if name is not None or follow or not wait:
            raise typer.BadParameter("--name, --follow and --no-wait need a service. Leave them out, or --local.")
        from service.cli.local_training import train_locally

        train_locally(settings, save, as_json=as_json)
        return
    if save is not None:
        raise typer.BadParameter("--save needs --local. Use gan1010 export to save a model of a service.")
    with connected(url) as client:
        job = client.train(name=name, **settings)
        if wait or follow:
            follow_job(client, job, losses=follow, as_json=as_json)
        else:
            print_response(job, job_line, as_json=as_json)


@with_settings(exclude=("backend",))
def verify(
    job: JobOrNewest = None,
    local: Annotated[
        bool, typer.Option("--local", help="Train the settings with both here, without a service.")
    ] = False,
    as_json: AsJson = False,
    url: Url = None,
    **settings: Any,
) -> None:
    """Train a job again with the other backend, PyTorch for a compiled one, and compare every loss and weight."""
    if local:
        if job is not None:
            raise typer.BadParameter("--local verifies settings, not a job. Leave out one or the other.")
        _check(settings)
        from service.cli.verification import verify_locally

        verify_locally(settings, as_json=as_json)
        return
    if settings:
        option = next(iter(settings)).replace("_", "-")
        raise typer.BadParameter(f"--{option} needs --local. A job is trained again with its own settings.")
    from service.cli.verification import verify_job

    verify_job(job, url, as_json=as_json)


@with_settings(exclude=("seed", "backend"))
def sweep(
    grid: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=A,B,...",
            help="Values to try; repeatable. Ranges: 1..8, '0.1..0.5 step 0.1', '0.001..1 log 10'.",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Number of random seeds for each combination.")] = 100,
    first_seed: Annotated[int, typer.Option(help="The first random seed.")] = 0,
    name: Name = None,
    heatmap: Annotated[Path | None, typer.Option(help="Heat map to write, .png or .svg.", metavar="FILE")] = None,
    as_json: AsJson = False,
    url: Annotated[
        str | None,
        typer.Option(help="The service. (GAN1010_URL; http://127.0.0.1:8000, or a temporary one)"),
    ] = None,
    **settings: Any,
) -> None:
    """Train a GAN for every combination of settings and every random seed: does it always converge?"""
    from service.cli.sweep import parse_grid, run_sweep

    seed_range = {"start": first_seed, "count": seeds}
    request = {"base": settings, "grid": parse_grid(grid or []), "seeds": seed_range, "name": name}
    run_sweep(request, url, heatmap, as_json=as_json)


def _check(settings: dict[str, Any]) -> None:
    """Check the values of options; exit with an error that names the first invalid one."""
    try:
        TrainConfig(**{name: value for name, value in settings.items() if name != "preset"})
    except SettingError as error:
        raise usage_error(error) from None
