"""The command line: `gan1010 serve` and `gan1010 demo`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(name="gan1010", no_args_is_help=True)


@app.callback()
def gan1010() -> None:
    """Train, watch, sample and score the GAN of the pattern 1-0-1-0."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [env: GAN1010_HOST; 127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes a free one.  [env: GAN1010_PORT; 8000]")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder for jobs and models.  [env: GAN1010_DATA_DIR; data]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Training threads.  [env: GAN1010_WORKERS; the number of cores]")
    ] = None,
    queue_size: Annotated[
        int | None, typer.Option(help="Jobs that may wait.  [env: GAN1010_QUEUE_SIZE; 10000]")
    ] = None,
    max_body_bytes: Annotated[
        int | None, typer.Option(help="Largest request body.  [env: GAN1010_MAX_BODY_BYTES; 8 MiB]")
    ] = None,
) -> None:
    """Start the service, until SIGTERM or Ctrl-C."""
    flags = {name: value for name, value in locals().items() if value is not None}
    from service.server import serve
    from service.settings import Settings

    serve(Settings(**flags))


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder for the pictures and the models.")] = Path("gan1010-demo"),
    stay: Annotated[
        bool | None, typer.Option(help="Go on serving until Ctrl-C.  [default: when a person is watching]")
    ] = None,
) -> None:
    """Run the article: train over HTTP, sample, score, and write its pictures."""
    from service.demo import demo

    demo(output, stay=sys.stdout.isatty() and sys.stdin.isatty() if stay is None else stay)


def main() -> None:
    """Run the command line."""
    app()
