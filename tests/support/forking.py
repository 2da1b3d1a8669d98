"""Processes that start in milliseconds, forked from a process that has everything loaded."""

import logging
import multiprocessing
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.support.preloaded"])
STDERR = 2


class ForkedProcess:
    """A process that runs a command line, with the interface of `subprocess.Popen`."""

    def __init__(
        self,
        main: Callable[[list[str]], None],
        arguments: list[str],
        environment: dict[str, str],
        setup: Callable[[], None] | None = None,
    ) -> None:
        reader, writer = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(target=_run, args=(main, arguments, environment, setup, writer), daemon=True)
        self._process.start()
        writer.close()
        self.pid, self.stderr = self._process.pid, os.fdopen(os.dup(reader.fileno()))
        reader.close()

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        return self._process.exitcode

    def wait(self, seconds: float | None = None) -> int:
        """Wait for the end and return the exit code."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("a forked process", seconds)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal unless the process has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process."""
        self.send_signal(signal.SIGKILL)


def run_service(arguments: list[str]) -> None:
    """Run `python -m service`."""
    from service.__main__ import single

    single(arguments, prog_name="python -m service")


def _run(
    main: Callable[[list[str]], None],
    arguments: list[str],
    environment: dict[str, str],
    setup: Callable[[], None] | None,
    log: Connection,
) -> None:
    os.dup2(log.fileno(), STDERR)
    log.close()
    os.environ.clear()
    os.environ.update(environment)
    if setup is not None:
        setup()
    try:
        main(arguments)
    finally:
        logging.shutdown()  # which multiprocessing leaves out at the end of its processes
