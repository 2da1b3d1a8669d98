"""Two ways to the service: the application in this process, and real processes that can be stopped and killed."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI

from service.app import create_app
from service.settings import Settings
from tests.support.contract import Json, check_against_openapi
from tests.support.forking import ForkedServer

ROOT = Path(__file__).parents[2]
START_TIMEOUT_SECONDS, STOP_TIMEOUT_SECONDS = 60, 8
OPENAPI_DOCUMENTS: dict[bool, Json] = {}  # with keys, and without; to make one takes a third of a second


class ChunkedBody(httpx.AsyncByteStream):
    """A request's body, in the pieces that it was given in."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class InProcessTransport(httpx.BaseTransport):
    """Requests straight to the application, whose event loop runs in a thread of its own."""

    def __init__(self, app: FastAPI, portal: BlockingPortal, raise_app_exceptions: bool) -> None:
        self._asgi, self._portal = httpx.ASGITransport(app, raise_app_exceptions=raise_app_exceptions), portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        body = ChunkedBody(list(request.stream))
        return self._portal.call(
            self._ask, httpx.Request(request.method, request.url, headers=request.headers, stream=body)
        )

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        answer = await self._asgi.handle_async_request(request)
        content = b"".join([piece async for piece in answer.aiter_raw()])  # as it is on the wire
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(content))


class Client(httpx.Client):
    """A client of the application in this process, which `app` is."""

    app: FastAPI


@contextmanager
def app_client(data_dir: Path, raise_app_exceptions: bool = True, **settings: Any) -> Iterator[Client]:
    """The application on a data folder; each of its answers is held against its own `/openapi.json`.

    Where it fails, its exception is the test's, unless it is told not to raise (`raise_app_exceptions`).
    """
    app = create_app(Settings(data_dir=data_dir, **settings))
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.router.lifespan_context(app)):
        has_keys = bool(app.state.services.settings.api_key)
        if has_keys not in OPENAPI_DOCUMENTS:
            OPENAPI_DOCUMENTS[has_keys] = app.openapi()
        hooks: dict[str, list[Callable[..., Any]]] = {"response": [check_against_openapi(OPENAPI_DOCUMENTS[has_keys])]}
        with Client(
            transport=InProcessTransport(app, portal, raise_app_exceptions),
            base_url="http://localhost",
            timeout=60,
            event_hooks=hooks,
        ) as client:
            client.app = app
            yield client


class Server:
    """`python -m service` on a free port; `url` once it serves.

    It is forked from where all is loaded, `setup` being what it does before all else; or `fresh`, as by a shell.
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
        variables = clean_environment(**environment)
        self.process = _started(arguments, variables) if fresh else ForkedServer(arguments, variables, setup)
        self.data_dir, self.url = data_dir, ""
        self.log: list[str] = []
        self._found: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read_log)
        self._reader.start()

    def wait_until_ready(self) -> None:
        """Wait until it does."""
        self.url = self.wait_for(r"(http://[\d.]+:\d+)")

    def wait_for(self, pattern: str) -> str:
        """The first group of the pattern in the next line of the log that has it."""
        while (line := self._found.get(timeout=START_TIMEOUT_SECONDS)) is not None:
            if found := re.search(pattern, line):
                return found.group(1)
        raise AssertionError(f"no {pattern} in its log:\n{''.join(self.log)}")

    def stop(self) -> int:
        """Ask it to stop, as a container engine does: its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(STOP_TIMEOUT_SECONDS)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.wait(STOP_TIMEOUT_SECONDS)

    def wait(self, seconds: float) -> int:
        """Wait for its end: its exit code."""
        code = self.process.wait(seconds)
        self._reader.join()
        return code

    def memory(self, which: Literal["VmRSS", "VmHWM"] = "VmRSS") -> int:
        """What the process holds, in bytes, or the most that it has held since `forget_peak`."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split(f"{which}:")[1].split()[0]) * 2**10

    def reset_peak_memory(self) -> None:
        """Have `VmHWM` begin anew."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _read_log(self) -> None:
        assert self.process.stderr
        with self.process.stderr:
            for line in self.process.stderr:
                self.log.append(line)
                self._found.put(line)
        self._found.put(None)


@contextmanager
def server_process(data_dir: Path, *flags: str, **how: Any) -> Iterator[Server]:
    """A process that may not be ready yet, and will be gone at the end."""
    server = Server(data_dir, *flags, **how)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


@contextmanager
def running_server(data_dir: Path, *flags: str, **how: Any) -> Iterator[tuple[Server, httpx.Client]]:
    """A process that serves, and a client of it. What has not ended at the end is stopped, and must end with 0."""
    with server_process(data_dir, *flags, **how) as server:
        server.wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=60) as client:
            yield server, client
        if server.process.poll() is None:
            assert server.stop() == 0, "".join(server.log)


def _started(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "service", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without settings of this service, and with these."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GAN1010_")} | more
