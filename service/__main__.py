"""Entry point of `python -m service`, which is `gan1010 serve`."""

import typer

from service.cli.serve import serve

single = typer.Typer(add_completion=False)
single.command()(serve)

if __name__ == "__main__":
    single(prog_name="python -m service")
