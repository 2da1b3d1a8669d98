"""Command line. Modules that load slowly are imported when a command runs, so that help appears at once."""

from typing import Annotated

import typer

from service.cli import cluster, data_folder, jobs, models, serve, train
from service.cli.streams import standard_streams

EPILOG = (
    "Commands use the service at --url or GAN1010_URL, by default port 8000 of this machine, and send the first key of "
    "GAN1010_API_KEY. Exit codes: 0 success, 1 failure, 2 wrong usage, 3 no service answers, "
    "4 the service cannot start here."
)
COMMANDS = {
    "Serve": (serve.serve, serve.demo, cluster.cluster),
    "Train": (train.train, train.verify, train.sweep, models.presets),
    "Manage jobs": (
        jobs.jobs,
        jobs.show,
        jobs.watch,
        jobs.pause,
        jobs.resume,
        jobs.cancel,
        jobs.edit,
        jobs.delete,
        jobs.prune,
    ),
    "Manage the data folder": (data_folder.backup, data_folder.restore, data_folder.check),
    "Use trained models": (models.sample, models.score, models.plot, models.export),
}


def command_line() -> typer.Typer:
    """Build the application with all commands."""
    app = typer.Typer(
        name="gan1010",
        help="Train a tiny GAN on the pattern 1-0-1-0, watch it learn, sample it and score with it.",
        epilog=EPILOG,
        no_args_is_help=True,
    )
    app.callback()(_options)
    for panel, commands in COMMANDS.items():
        for command in commands:
            app.command(rich_help_panel=panel)(command)
    return app


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        import gan1010

        print(f"gan1010 {gan1010.__version__}")  # noqa: T201
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    with standard_streams():
        command_line()()
