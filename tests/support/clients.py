"""Clients of the application in this process, and server processes that can be stopped and killed."""

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

from service.app import create_app
from service.settings import Settings
from tests.support.contract import Json, check_against_openapi, wait_until
from tests.support.forking import ForkedProcess, run_service

ROOT = Path(__file__).parents[2]
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 20  # less than the 30 s that a request may wait for a job: stopping does not wait for requests
OPENAPI_DOCUMENTS: dict[bool, Json] = {}  # with and without API keys; building one takes 0.3 s


class ChunkedBody(httpx.AsyncByteStream):
    """A request's body in chunks."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


class InProcessTransport(httpx.BaseTransport):
    """A transport to the application, whose event loop runs in a thread."""

    def __init__(self, app: FastAPI, portal: BlockingPortal, raise_app_exceptions: bool) -> None:
        self.asgi, self._portal = httpx.ASGITransport(app, raise_app_exceptions=raise_app_exceptions), portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        body = ChunkedBody(list(request.stream))
        return self._portal.call(
            self._send, httpx.Request(request.method, request.url, headers=request.headers, stream=body)
        )

    async def _send(self, request: httpx.Request) -> httpx.Response:
        response = await self.asgi.handle_async_request(request)
        content = b"".join([chunk async for chunk in response.aiter_raw()])  # still compressed
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(content))


class Client(httpx.Client):
    """A client of the application `app` in this process, whose event loop is behind `portal`."""

    app: FastAPI
    portal: BlockingPortal
    transport: InProcessTransport


@contextmanager
def app_client(data_dir: Path, raise_app_exceptions: bool = True, **settings: Any) -> Iterator[Client]:
    """Run the application on a data folder, and check each response against `/openapi.json`."""
    app = create_app(Settings(data_dir=data_dir, **settings))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.router.lifespan_context(app)):
        has_keys = bool(app.state.services.settings.api_key)
        if has_keys not in OPENAPI_DOCUMENTS:
            OPENAPI_DOCUMENTS[has_keys] = app.openapi()
        hooks: dict[str, list[Callable[..., Any]]] = {"response": [check_against_openapi(OPENAPI_DOCUMENTS[has_keys])]}
        transport = InProcessTransport(app, portal, raise_app_exceptions)
        with Client(transport=transport, base_url="http://localhost", timeout=60, event_hooks=hooks) as client:
            client.app, client.portal, client.transport = app, portal, transport
            yield client


def request_from(
    client: Client, address: str | None, headers: dict[str, str], path: str = "/jobs", method: str = "GET"
) -> httpx.Response:
    """Send a request from a peer with this address."""

    async def send() -> httpx.Response:
        peer: Any = address and (address, 5000)
        transport = httpx.ASGITransport(client.app, client=peer)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as peer_client:
            return await peer_client.request(method, path, headers=headers)

    return client.portal.call(send)


class Server:
    """`python -m service` on a free port.

    Args:
        fresh: start a new interpreter instead of forking a process that has everything loaded.
        setup: called first in a forked process.
    """

    def __init__(
        self,
        data_dir: Path,
        *flags: str,
        fresh: bool = False,
        setup: Callable[[], None] | None = None,
        **environment: str,
    ) -> None:
        arguments = ["--port", "0", "--data-dir", str(data_dir), *flags]
        env, command = clean_environment(**environment), [sys.executable, "-m", "service", *arguments]
        self.process = (
            subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True)
            if fresh
            else ForkedProcess(run_service, arguments, env, setup)
        )
        self.data_dir, self.url = data_dir, ""
        self.log: list[str] = []
        self._unread: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()

    def wait_until_ready(self) -> None:
        """Wait until the server accepts connections, and set `url`."""
        self.url = self.wait_for(r"Serving at (http://\S+:\d+)")

    def wait_for(self, pattern: str) -> str:
        """Wait for a line of the log that matches, and return the pattern's first group."""
        while (line := self._unread.get(timeout=START_TIMEOUT_SECONDS)) is not None:
            if found := re.search(pattern, line):
                return found.group(1)
        raise AssertionError(f"no {pattern} in its log:\n{''.join(self.log)}")

    def stop(self) -> int:
        """Send SIGTERM, as a container engine does, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(STOP_TIMEOUT_SECONDS)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.process.kill()
        self.wait(STOP_TIMEOUT_SECONDS)

    def wait(self, seconds: float) -> int:
        """Wait for the end and return the exit code."""
        code = self.process.wait(seconds)
        self._reader.join()
        return code

    def memory(self, field: Literal["VmRSS", "VmHWM"] = "VmRSS") -> int:
        """Return the resident memory in bytes, or its peak since `reset_peak_memory` (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split(f"{field}:")[1].split()[0]) * 2**10

    def reset_peak_memory(self) -> None:
        """Reset the peak to the current memory."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _read_log(self) -> None:
        assert self.process.stderr
        with self.process.stderr:
            for line in self.process.stderr:
                self.log.append(line)
                self._unread.put(line)
        self._unread.put(None)


@contextmanager
def server_process(data_dir: Path, *flags: str, **options: Any) -> Iterator[Server]:
    """Start a server and kill it at the end of the block."""
    server = Server(data_dir, *flags, **options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


@contextmanager
def running_server(data_dir: Path, *flags: str, **options: Any) -> Iterator[tuple[Server, httpx.Client]]:
    """Run a server and a client of it. At the end of the block it must stop with exit code 0."""
    with server_process(data_dir, *flags, **options) as server:
        server.wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=60) as client:
            yield server, client
        if server.process.poll() is None:
            assert server.stop() == 0, "".join(server.log)


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until_up(client: httpx.Client) -> None:
    """Wait until a server responds, without reading its log."""

    def is_up() -> bool:
        with suppress(httpx.TransportError):
            return client.get("/healthz").is_success
        return False

    wait_until(is_up, seconds=START_TIMEOUT_SECONDS)


def clean_environment(**more: str) -> dict[str, str]:
    """Return the environment without the service's settings, and with these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GAN1010_")} | more
