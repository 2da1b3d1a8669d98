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
    host: Annotated[str | None, typer.Option(help="Address to listen on. (GAN1010_HOST; 127.0.0.1)")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes a free one. (GAN1010_PORT; 8000)")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder for jobs and models. (GAN1010_DATA_DIR; data)")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Training threads. (GAN1010_WORKERS; the number of cores)")
    ] = None,
    queue_size: Annotated[int | None, typer.Option(help="Jobs that may wait. (GAN1010_QUEUE_SIZE; 10000)")] = None,
    max_body_bytes: Annotated[
        int | None, typer.Option(help="Largest request body. (GAN1010_MAX_BODY_BYTES; 8 MiB)")
    ] = None,
) -> None:
    """Start the service, until SIGTERM or Ctrl-C."""
    flags = {name: value for name, value in locals().items() if value is not None}
    from pydantic import ValidationError

    from service.server import serve
    from service.settings import Settings

    try:
        settings = Settings(**flags)
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
        raise typer.BadParameter("; ".join(f"{m['loc'][0]}: {m['msg']}" for m in mistakes)) from None
    serve(settings)


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder for the pictures and the models.")] = Path("gan1010-demo"),
    stay: Annotated[
        bool | None, typer.Option(help="Go on serving until Ctrl-C. (Default: when a person is watching.)")
    ] = None,
) -> None:
    """Run the article: train over HTTP, sample, score, and write its pictures."""
    from service.demo import demo

    demo(output, stay=sys.stdout.isatty() and sys.stdin.isatty() if stay is None else stay)


def main() -> None:
    """Run the command line."""
    app()
