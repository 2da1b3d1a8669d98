"""Local service: in a thread of this process, on a free port, for the time of one command."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

from gan1010.client import Client
from service.app import STARTUP_ERRORS, create_app
from service.cli.connection import EXIT_ENVIRONMENT, EXIT_USAGE, connected, fail
from service.cli.progress import STARTING
from service.server.main import Server
from service.settings import SettingsError, read_settings


@contextlib.contextmanager
def running_service(data_dir: Path | None, console: Console) -> Iterator[tuple[Client, Server]]:
    """Run the service on a data folder, or on that of the settings, and yield a client; exit if it cannot start."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    try:
        settings = read_settings(host="127.0.0.1", port=port, data_dir=data_dir, api_key=SecretStr(""))
        server = Server(create_app(settings), f"http://127.0.0.1:{port}", log_level="warning")
    except SettingsError as error:
        listener.close()
        fail(str(error), EXIT_USAGE)
    except STARTUP_ERRORS as error:
        listener.close()
        fail(f"The service cannot start: {error}", EXIT_ENVIRONMENT)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        with console.status(STARTING, spinner="line"):
            while not server.started and thread.is_alive():
                time.sleep(0.01)
        if not server.started:
            fail("The service cannot start. Run gan1010 serve to see why.")
        with connected(server.url, api_key="") as client:
            yield client, server
    finally:
        server.should_exit = True
        thread.join()
