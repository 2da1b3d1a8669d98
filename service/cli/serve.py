"""The commands that are a service."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


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
    api_key: Annotated[
        str | None,
        typer.Option(
            metavar="NAME:KEY,...",
            help="Who may. All users of this machine can see a flag: better set the variable. (GAN1010_API_KEY; none)",
        ),
    ] = None,
    allowed_hosts: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Names it answers to, besides localhost. (GAN1010_ALLOWED_HOSTS; none)"),
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json. (GAN1010_LOG_FORMAT; text)")] = None,
) -> None:
    """Start the service, until SIGTERM or Ctrl-C."""
    flags = {name: value for name, value in locals().items() if value is not None}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it once more in the end
    from pydantic import ValidationError

    from service.server.main import serve
    from service.settings import Settings

    try:
        settings = Settings(**flags)
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
        raise typer.BadParameter("; ".join(f"{m['loc'][0]}: {m['msg']}" for m in mistakes)) from None
    serve(settings)


def demo(
    output: Annotated[Path, typer.Option(help="Folder for the pictures and the models.")] = Path("gan1010-demo"),
    stay: Annotated[
        bool | None, typer.Option(help="Go on serving until Ctrl-C. (Default: when a person is watching.)")
    ] = None,
) -> None:
    """Run the article: train over HTTP, sample, score, and write its pictures."""
    from service.cli.demo import tell

    tell(output, stay=sys.stdout.isatty() and sys.stdin.isatty() if stay is None else stay)
