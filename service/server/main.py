"""Server process: uvicorn, connection timeouts and graceful shutdown."""

import asyncio
import contextlib
import logging
import os
import resource
import socket
import sys
import time

import uvicorn
from fastapi import FastAPI

from service.api.middleware.access_control import LOOPBACK_HOST
from service.app import STARTUP_ERRORS, create_app
from service.server.address import host_in_url, is_loopback, listen
from service.server.connection import HttpConnection
from service.settings import Settings, is_service_link
from service.telemetry.logs import configure_logs

EXIT_FAILED = 1
SHUTDOWN_SECONDS = 5  # for requests in progress; uvicorn cancels the rest
READ_SECONDS = 4  # of these, for clients to read their responses
CHECK_SECONDS = 1.0  # between two checks of all connections
MACOS_MAX_OPEN_FILES = 10_240  # macOS refuses more, although its hard limit is infinite
log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn with connection timeouts; on shutdown it first ends the requests that wait for a job."""

    def __init__(self, app: FastAPI, url: str, log_level: str = "info") -> None:
        super().__init__(
            uvicorn.Config(
                app,
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
        self.url = url
        self._stop_waiting = app.state.services.stop_waiting
        self._last_check, self._skipped_check = time.monotonic(), False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept connections and log the URL; exit with status 1 if that fails."""
        try:
            await super().startup(sockets)
        except SystemExit:
            sys.exit(EXIT_FAILED)
        log.info("Serving at %s (press Ctrl-C to stop)", self.url)

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
    if is_service_link(os.environ.get("GAN1010_PORT")):
        log.info("GAN1010_PORT is a link to a Kubernetes service and no port, so it is ignored.")
    try:
        listeners = listen(settings.host, settings.port)  # first: if the address is in use, so may be the data folder
        app = create_app(settings)
    except STARTUP_ERRORS as error:
        log.error("gan1010 cannot start: %s", error)
        sys.exit(EXIT_FAILED)
    host = host_in_url(settings.host, listeners)
    if not is_loopback(listeners):
        _warn_of_access(settings, host)
    with contextlib.suppress(KeyboardInterrupt):
        Server(app, f"http://{host}:{listeners[0].getsockname()[1]}").run(listeners)


def _warn_of_access(settings: Settings, host: str) -> None:
    """Log a warning if strangers have access, or if requests to the service's own address have none."""
    if not settings.api_key:
        clients = "any client" if settings.allowed_hosts else "any client of a private network"
        log.warning("No API key is set, so %s has access. Set GAN1010_API_KEY.", clients)
    serves_any_host = settings.api_key and not settings.allowed_hosts
    if not (serves_any_host or host in settings.allowed_hosts or LOOPBACK_HOST.fullmatch(host)):
        log.warning("Requests to %s are refused. Add it to GAN1010_ALLOWED_HOSTS.", host)


def _raise_open_files_limit() -> None:
    """Allow as many connections as the system does, because each is an open file."""
    with contextlib.suppress(OSError, ValueError):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = max(soft, MACOS_MAX_OPEN_FILES) if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
