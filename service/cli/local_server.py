"""Local service: in a thread of this process, on a free port, for the time of one command."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from rich.console import Console

from gan1010.client import Client
from service.app import STARTUP_ERRORS, create_app
from service.cli.connection import EXIT_USAGE, connected, fail
from service.cli.progress import STARTING
from service.server.main import Server
from service.settings import Settings


def read_settings(**given: Any) -> Settings:
    """Read the settings that are not given from the environment; exit if a variable is invalid."""
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        variable = f"GAN1010_{first['loc'][0]}".upper()
        fail(f"{variable}: {first['msg']}.", EXIT_USAGE)


@contextlib.contextmanager
def running_service(data_dir: Path, console: Console) -> Iterator[tuple[Client, Server]]:
    """Run the service on a data folder and yield a client of it; exit if it cannot start."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    settings = read_settings(host="127.0.0.1", port=port, data_dir=data_dir, api_key=SecretStr(""))
    try:
        server = Server(create_app(settings), settings, log_level="warning")
    except STARTUP_ERRORS as error:
        listener.close()
        sys.exit(f"gan1010 cannot start: {error}")
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        with console.status(STARTING, spinner="line"):
            while not server.started and thread.is_alive():
                time.sleep(0.01)
        if not server.started:
            sys.exit("gan1010 cannot start. Run gan1010 serve to see why.")
        with connected(f"http://127.0.0.1:{port}", api_key="") as client:
            yield client, server
    finally:
        server.should_exit = True
        thread.join()
