"""Server process: uvicorn, connection timeouts, new API keys on SIGHUP, and graceful shutdown."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import uvicorn
from fastapi import FastAPI

from service.api.middleware.access_control import LOOPBACK_HOST
from service.api_keys import ApiKeys
from service.app import STARTUP_ERRORS, create_app
from service.server.address import host_in_url, is_loopback, listen
from service.server.connection import HttpConnection
from service.settings import Settings, SettingsError, is_service_link, read_settings, requested_log_format
from service.storage.data_folder import LOCK
from service.telemetry.logs import configure_logs, set_log_level

EXIT_FAILED, EXIT_SETTINGS, EXIT_ENVIRONMENT = 1, 2, 4
SHUTDOWN_SECONDS = 5  # for requests in progress; uvicorn cancels the rest
READ_SECONDS = 4  # of these, for clients to read their responses
CHECK_SECONDS = 1.0  # between two checks of all connections
MACOS_MAX_OPEN_FILES = 10_240  # macOS refuses more, although its hard limit is infinite
STDERR = 2
log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn with connection timeouts; on shutdown it first ends the requests that wait for a job.

    Args:
        on_hangup: called in a thread after SIGHUP.
    """

    def __init__(
        self, app: FastAPI, url: str, log_level: str | None = None, on_hangup: Callable[[], object] | None = None
    ) -> None:
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
        self._on_hangup, self._hung_up, self._has_terminal = on_hangup, False, os.isatty(STDERR)
        self._last_check, self._skipped_check = time.monotonic(), False

    def note_hangup(self, *_: object) -> None:
        """Handle SIGHUP at the next tick."""
        self._hung_up = True

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
        if self._hung_up:
            self._hung_up = False
            await self._hang_up()
        if self.should_exit:
            self._stop_waiting()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests in progress; abort responses that clients don't read before uvicorn's timeout."""
        aborting = asyncio.get_running_loop().call_later(READ_SECONDS, self._abort_unread)
        await super().shutdown(sockets)
        aborting.cancel()

    async def _hang_up(self) -> None:
        """Shut down if the terminal was closed; else it is an operator's signal."""
        if self._has_terminal and not os.isatty(STDERR):
            self.should_exit = True
        elif self._on_hangup is not None:
            await asyncio.to_thread(self._on_hangup)

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


def serve(flags: dict[str, Any]) -> None:
    """Serve until SIGTERM or Ctrl-C, with the settings of flags, variables and files.

    Exit with status 2 if a setting is invalid, 4 if the environment does not let the service start, and 1 if it fails.
    """
    configure_logs(requested_log_format(flags))
    _raise_open_files_limit()
    try:
        settings = read_settings(**flags)
    except SettingsError as error:
        _exit(error, EXIT_SETTINGS)
    set_log_level(settings.log_level)
    if is_service_link(os.environ.get("GAN1010_PORT")):
        log.info("GAN1010_PORT is a link to a Kubernetes service and no port, so it is ignored.")
    try:
        listeners = listen(settings.host, settings.port)  # first: if the address is in use, so may be the data folder
        app = create_app(settings)
    except STARTUP_ERRORS as error:
        _exit(error, EXIT_ENVIRONMENT)
    host = host_in_url(settings.host, listeners)
    if not is_loopback(listeners):
        _warn_of_access(settings, host)
    url = f"http://{host}:{listeners[0].getsockname()[1]}"
    _leave_url(settings.data_dir / LOCK, url)
    server = Server(app, url, on_hangup=partial(_reread_keys, app, flags))
    signal.signal(signal.SIGHUP, server.note_hangup)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(listeners)


def _leave_url(file: Path, url: str) -> None:
    """Write the URL where the container's health check, which needs no Python, reads it."""
    with contextlib.suppress(OSError):  # a full disk must not stop the service
        file.write_text(f"{url}\n")


def _exit(error: Exception, code: int) -> NoReturn:
    log.error("gan1010 cannot start: %s", error)
    sys.exit(code)


def _reread_keys(app: FastAPI, flags: dict[str, Any]) -> None:
    """Read the API keys again, and keep the old ones if there are no valid ones."""
    keys: ApiKeys = app.state.services.keys
    try:
        new = ApiKeys(read_settings(**flags).api_key.get_secret_value())
    except SettingsError as error:
        log.error("The API keys have not been changed: %s", error)
        return
    if keys and not new:
        log.error("The API keys have not been changed: there is none any more. Restart the service to run without one.")
        return
    keys.replace(new)
    app.openapi_schema = None  # it says whether a key is needed
    log.info("The API keys have been read again: %s", ", ".join(new.names) or "there is none")


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
