"""Server process: uvicorn, connection timeouts and graceful shutdown."""

import asyncio
import contextlib
import logging
import resource
import socket
import sys
import time

import uvicorn
from fastapi import FastAPI

from service.api.middleware.access_control import LOOPBACK_NAMES
from service.app import STARTUP_ERRORS, create_app
from service.server.connection import HttpConnection
from service.settings import Settings
from service.telemetry.logs import configure_logs

SHUTDOWN_SECONDS = 5  # for requests in progress; uvicorn cancels the rest
READ_SECONDS = 4  # of these, for clients to read their responses
CHECK_SECONDS = 1.0  # between two checks of all connections
MACOS_MAX_OPEN_FILES = 10_240  # macOS refuses more, although its hard limit is infinite
log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn with connection timeouts; on shutdown it first ends the requests that wait for a job."""

    def __init__(self, app: FastAPI, settings: Settings, log_level: str = "info") -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                http=HttpConnection,
                ws="none",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                log_level=log_level,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self._stop_waiting = app.state.services.stop_waiting
        self._last_check, self._skipped_check = time.monotonic(), False

    async def on_tick(self, counter: int) -> bool:
        """Check the connections once a second, and look for a signal to shut down ten times a second.

        The signal's handler must not call `_stop_waiting`: it could interrupt a thread that holds a lock it needs.
        """
        if (now := time.monotonic()) - self._last_check >= CHECK_SECONDS:
            self._check_connections(now)
        if self.should_exit:
            self._stop_waiting()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests in progress; abort responses that clients don't read before uvicorn's timeout."""
        aborting = asyncio.get_running_loop().call_later(READ_SECONDS, self._abort_unread)
        await super().shutdown(sockets)
        aborting.cancel()

    def _check_connections(self, now: float) -> None:
        """Close late connections; after a pause of the process, wait a second to read what has arrived."""
        self._skipped_check = now - self._last_check > 2 * CHECK_SECONDS and not self._skipped_check
        self._last_check = now
        if not self._skipped_check:
            for connection in self._connections():
                connection.close_if_late(connection.loop.time())

    def _abort_unread(self) -> None:
        for connection in self._connections():
            if connection.transport.get_write_buffer_size():
                connection.transport.abort()

    def _connections(self) -> list[HttpConnection]:
        return [connection for connection in self.server_state.connections if isinstance(connection, HttpConnection)]


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; exit with status 1 if the service cannot start."""
    configure_logs(settings.log_format)
    _raise_open_files_limit()
    try:
        app = create_app(settings)
    except STARTUP_ERRORS as error:
        sys.exit(f"gan1010 cannot start: {error}")
    if not settings.api_key and settings.host not in LOOPBACK_NAMES:
        clients = "any client" if settings.allowed_hosts else "any client of a private network"
        log.warning("No API key is set, so %s has access. Set GAN1010_API_KEY.", clients)
    server = Server(app, settings)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(1)


def _raise_open_files_limit() -> None:
    """Allow as many connections as the system does, because each is an open file."""
    with contextlib.suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = max(soft, MACOS_MAX_OPEN_FILES) if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
