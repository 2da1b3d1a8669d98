"""The process: the application behind uvicorn, from its start to a clean end."""

import asyncio
import contextlib
import logging
import resource
import socket
import sys

import uvicorn
from fastapi import FastAPI

from service.api.middleware.access_control import LOOPBACK_NAMES
from service.app import CANNOT_START, create_app
from service.server.connection import ConnectionReaper, HttpConnection
from service.settings import Settings
from service.telemetry.logs import configure_logs

GRACE_SECONDS = 5  # for requests that are under way when the process is told to stop,
TAKING_SECONDS = 4  # and for their clients to take in the answers
log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn, which tells the application that it stops before it does: who waits for a job need not wait on."""

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
                timeout_graceful_shutdown=GRACE_SECONDS,
            )
        )
        self._stop_waiting = app.state.services.stop_waiting
        self._lookout = ConnectionReaper()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: look after the connections, and whether to stop; then first tell who waits for a job.

        A signal's handler must not: it may come while this thread has what another waits for, which has what it needs.
        """
        self._lookout.tick(self.server_state.connections, asyncio.get_running_loop().time())
        if self.should_exit:
            self._stop_waiting()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is under way; who does not take in the answer is left behind before uvicorn cancels the rest."""
        loop, connections = asyncio.get_running_loop(), self.server_state.connections
        leaving = loop.call_later(TAKING_SECONDS, self._lookout.abort_unread, connections)
        await super().shutdown(sockets)
        leaving.cancel()


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; ends the program with 1 if it cannot start."""
    configure_logs(settings.log_format)
    _allow_many_connections()
    try:
        app = create_app(settings)
    except CANNOT_START as error:
        sys.exit(f"gan1010 cannot start: {error}")
    if not settings.api_key and settings.host not in LOOPBACK_NAMES:
        where = "anywhere" if settings.allowed_hosts else "a private network"
        log.warning("there is no API key: whoever reaches this address from %s gets in; set GAN1010_API_KEY", where)
    server = Server(app, settings)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(1)


def _allow_many_connections() -> None:
    """Have as many files open as the system lets a process have: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
