"""The commands that start jobs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.options import AsJson, Name, Preset, Url, with_settings


@with_settings()
def train(
    preset: Preset = None,
    name: Name = None,
    wait: Annotated[bool, typer.Option(help="Wait for its end, with a progress bar.")] = True,
    follow: Annotated[bool, typer.Option("--follow", help="Print its losses as they come, too.")] = False,
    local: Annotated[bool, typer.Option("--local", help="Train in this process: no service is needed.")] = False,
    save: Annotated[
        Path | None, typer.Option(help="With --local: file for both networks, .safetensors.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    **settings: Any,
) -> None:
    """Train a GAN: the article's, but for what is set."""
    chosen = settings if preset is None else {"preset": preset, **settings}
    if local:
        if name is not None or follow or not wait:
            raise typer.BadParameter("--name, --follow and --no-wait are for jobs of a service, --local makes none")
        from service.cli.local_training import train_here

        train_here(chosen, save, as_json=as_json)
        return
    if save is not None:
        raise typer.BadParameter("--save goes with --local; gan1010 export takes models from a service")
    from service.cli.progress import train_there

    train_there(chosen if name is None else {"name": name, **chosen}, url, wait=wait, follow=follow, as_json=as_json)


@with_settings(but="seed")
def sweep(
    grid: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=A,B,...", help="Values to combine; repeat it for more fields.")
    ] = None,
    preset: Preset = None,
    seeds: Annotated[int, typer.Option(help="GANs in each cell, one a seed.")] = 100,
    first_seed: Annotated[int, typer.Option(help="The first of these seeds.")] = 0,
    name: Name = None,
    heatmap: Annotated[Path | None, typer.Option(help="Picture to write: .png or .svg.", metavar="FILE")] = None,
    as_json: AsJson = False,
    url: Annotated[
        str | None,
        typer.Option(envvar="GAN1010_URL", help="The service. (Default: the one on port 8000, else one of its own.)"),
    ] = None,
    **settings: Any,
) -> None:
    """Train a GAN for every combination of settings and every seed: does it always converge?"""
    from service.cli.sweep import grid_of, run_sweep

    base = settings if preset is None else {"preset": preset, **settings}
    request = {"base": base, "seeds": {"start": first_seed, "count": seeds}, "name": name}
    if grid:
        request["grid"] = grid_of(grid)
    run_sweep(request, url, heatmap, as_json=as_json)
