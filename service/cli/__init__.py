"""The command line. Declaring a command loads nothing that takes long: what it needs is loaded when it is called.

`serving` has the commands that are a service, `training` those that start jobs, `jobs` those that look after them, and
`models` those that use what came of them. They talk to a service through the client, like any other program.
"""

import typer

from service.cli import jobs, models, serve, train

EPILOG = (
    "A command asks the service of --url or GAN1010_URL, else the one on port 8000, with the key of GAN1010_API_KEY. "
    "It ends with 0, with 1 if that could not be done, 2 if it is none, and 3 if no service answers."
)
COMMANDS = {
    "Serve": (serve.serve, serve.demo),
    "Train": (train.train, train.sweep, models.presets),
    "Look after jobs": (jobs.jobs, jobs.show, jobs.watch, jobs.pause, jobs.resume, jobs.cancel, jobs.delete),
    "Use what came of it": (models.sample, models.score, models.plot, models.export),
}


def command_line() -> typer.Typer:
    """All commands, by what they are for."""
    app = typer.Typer(
        name="gan1010",
        help="Train, watch, sample and score the GAN of the pattern 1-0-1-0.",
        epilog=EPILOG,
        no_args_is_help=True,
    )
    for panel, commands in COMMANDS.items():
        for command in commands:
            app.command(rich_help_panel=panel)(command)
    return app


def main() -> None:
    """Run the command line."""
    command_line()()
