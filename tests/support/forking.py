"""Real processes in milliseconds: each is forked by one that has all loaded. A kill of it is a kill."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.support.preloaded"])
STDERR = 2


class ForkedServer:
    """`python -m service`, as `subprocess.Popen` would have it."""

    def __init__(self, arguments: list[str], environment: dict[str, str], setup: Callable[[], None] | None) -> None:
        reader, writer = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=_serve, args=(arguments, environment, setup, writer), daemon=True)
        self._process.start()
        writer.close()
        self.pid, self.stderr = self._process.pid, os.fdopen(os.dup(reader.fileno()))
        reader.close()

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.exitcode

    def wait(self, seconds: float) -> int:
        """Wait for its end: its exit code."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a forked service", seconds)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it ends just now
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def _serve(
    arguments: list[str], environment: dict[str, str], setup: Callable[[], None] | None, log: Connection
) -> None:
    os.dup2(log.fileno(), STDERR)
    log.close()
    os.environ.clear()
    os.environ.update(environment)
    if setup is not None:
        setup()
    from service.__main__ import single

    sys.exit(single(arguments, prog_name="python -m service"))
