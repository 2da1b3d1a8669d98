"""Commands that run the service."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. (GAN1010_HOST; 127.0.0.1)")] = None,
    port: Annotated[
        str | None, typer.Option(metavar="INTEGER", help="Port, 0 for any free one. (GAN1010_PORT; 8000)")
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(metavar="PATH", help="Folder for jobs and models. (GAN1010_DATA_DIR; data)")
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(metavar="INTEGER", help="Training threads. (GAN1010_WORKERS; one per usable core)"),
    ] = None,
    queue_size: Annotated[
        str | None, typer.Option(metavar="INTEGER", help="Maximum queued jobs. (GAN1010_QUEUE_SIZE; 10000)")
    ] = None,
    max_body_bytes: Annotated[
        str | None,
        typer.Option(metavar="INTEGER", help="Maximum size of a request body. (GAN1010_MAX_BODY_BYTES; 8 MiB)"),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            metavar="NAME:KEY,...",
            help="API keys. Other users of this machine can see options: prefer the variable. (GAN1010_API_KEY; none)",
        ),
    ] = None,
    api_key_file: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="File of the API keys, one per line. (GAN1010_API_KEY_FILE; none)"),
    ] = None,
    secrets_dir: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Folder with files like gan1010_api_key. (GAN1010_SECRETS_DIR; none)"),
    ] = None,
    allowed_hosts: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Accepted host names besides localhost. (GAN1010_ALLOWED_HOSTS; none)"),
    ] = None,
    root_path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Path under which a proxy serves the service. (GAN1010_ROOT_PATH; none)"),
    ] = None,
    trusted_proxies: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS,...", help="Proxies whose X-Forwarded headers are used. (GAN1010_TRUSTED_PROXIES; none)"
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Dask scheduler for sweeps, such as tcp://HOST:8786. (GAN1010_SCHEDULER; none)"
        ),
    ] = None,
    scheduler_fallback: Annotated[
        bool | None,
        typer.Option(
            help="Train sweeps here while the scheduler cannot be used. (GAN1010_SCHEDULER_FALLBACK; yes)",
        ),
    ] = None,
    retention: Annotated[
        str | None,
        typer.Option(help="Ended jobs to keep, such as '30 days, 10000 jobs'. (GAN1010_RETENTION; all)"),
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json. (GAN1010_LOG_FORMAT; text)")] = None,
    log_level: Annotated[
        str | None, typer.Option(help="debug, info, warning or error. (GAN1010_LOG_LEVEL; info)")
    ] = None,
) -> None:
    """Run the service until SIGTERM or Ctrl-C."""
    flags = dict(locals())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the keys, which it reads again, have been read
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises the signal again when it has shut down
    from service.server.main import serve

    serve(flags)


def demo(
    output: Annotated[Path, typer.Option(help="Folder for plots and data.")] = Path("gan1010-demo"),
    pytorch: Annotated[bool, typer.Option(help="Train the GAN again in PyTorch, and compare.")] = True,
    stay: Annotated[bool | None, typer.Option(help="Serve until Ctrl-C. (Default: only in a terminal)")] = None,
) -> None:
    """Run the article's experiments on a service of their own: train, sample, score and plot."""
    from service.cli.demo import run_demo

    run_demo(output, pytorch=pytorch, stay=sys.stdout.isatty() and sys.stdin.isatty() if stay is None else stay)
