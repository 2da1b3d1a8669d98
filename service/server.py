"""The process: the application behind uvicorn, from its start to a clean end."""

import contextlib
import logging
import signal
import sqlite3
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.settings import Settings
from service.store import FolderInUseError

GRACE_SECONDS = 5  # for requests that are under way when the process is told to stop


class Server(uvicorn.Server):
    """uvicorn, which tells the application of the signal at once: who waits for a job need not wait on."""

    def __init__(self, app: FastAPI, settings: Settings, log_level: str = "info") -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                log_level=log_level,
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._stop_waiting = app.state.stop_waiting

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop: at once for who waits, and when the requests under way are answered for the rest."""
        self._stop_waiting()
        super().handle_exit(sig, frame)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C, then end with exit code 0; 1 if it could not start."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s:     %(message)s")
    try:
        app = create_app(settings)
    except (FolderInUseError, OSError, sqlite3.Error) as error:
        sys.exit(f"gan1010 cannot start: {error}")
    server = Server(app, settings)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn raises it again once all is closed
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(1)
