"""Entry point of `python -m service`, which is `gan1010 serve`."""

import typer

from service.cli.serve import serve
from service.cli.streams import standard_streams

single = typer.Typer(add_completion=False)
single.command()(serve)

if __name__ == "__main__":
    with standard_streams():
        single(prog_name="python -m service")
