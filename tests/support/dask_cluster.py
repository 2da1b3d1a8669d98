"""Dask clusters: a scheduler and workers, each a process that runs Dask's own command."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.support.clients import ROOT, STOP_TIMEOUT_SECONDS, clean_environment, free_port
from tests.support.forking import ForkedProcess

NICENESS = 10  # below that of the service under test
Process = ForkedProcess | subprocess.Popen[bytes]


class DaskCluster:
    """A scheduler at `address`, and `workers` with one thread each.

    Args:
        folder: for the logs and the files of the workers.
        security: options of Dask's commands for TLS.
    """

    def __init__(self, folder: Path, *security: str, setup: Callable[[], None] | None = None) -> None:
        folder.mkdir()
        self._folder, self._security, self._port = folder, security, free_port()
        self.address = f"{'tls' if security else 'tcp'}://127.0.0.1:{self._port}"
        self.workers: list[Process] = []
        self.start_scheduler(setup)

    def start_scheduler(self, setup: Callable[[], None] | None = None) -> None:
        """Start the scheduler, also again at the same address."""
        host = self.address.rpartition(":")[0]
        flags = ["--host", host, "--port", str(self._port), "--dashboard-address", "127.0.0.1:0", *self._security]
        self.scheduler = self._fork(run_scheduler, flags, setup)

    def start_workers(self, count: int = 1) -> list[Process]:
        """Start workers."""
        started = [self._fork(run_worker, self._worker_flags) for _ in range(count)]
        self.workers += started
        return started

    def start_other_worker(self, name: str, *flags: str, **environment: str) -> Process:
        """Start a worker in a new interpreter, which these variables and flags of `dask worker` can change."""
        command = [sys.executable, "-m", "distributed.cli.dask_worker", *self._worker_flags, "--name", name, *flags]
        with (self._folder / "log").open("a") as log:
            self.workers.append(subprocess.Popen(command, cwd=ROOT, env=clean_environment(**environment), stderr=log))
        return self.workers[-1]

    def freeze_scheduler(self) -> None:
        """Stop the scheduler, as a machine without memory does."""
        self.scheduler.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        """Kill all processes."""
        for process in (*self.workers, self.scheduler):
            kill(process)

    @property
    def _worker_flags(self) -> list[str]:
        flags = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self._folder)]
        return [self.address, *flags, *self._security]

    def _fork(
        self, main: Callable[[list[str]], None], flags: list[str], setup: Callable[[], None] | None = None
    ) -> Process:
        process = ForkedProcess(main, flags, clean_environment(), partial(log_to, self._folder / "log", setup))
        process.stderr.close()
        return process


@contextmanager
def dask_cluster(folder: Path, *security: str, workers: int = 0) -> Iterator[DaskCluster]:
    """Run a scheduler and workers."""
    cluster = DaskCluster(folder, *security)
    try:
        cluster.start_workers(workers)
        yield cluster
    finally:
        cluster.close()


def kill(process: Process) -> None:
    """Send SIGKILL, and wait for the end."""
    process.kill()
    process.wait(STOP_TIMEOUT_SECONDS)


def run_scheduler(arguments: list[str]) -> None:
    """Run `dask scheduler`."""
    from distributed.cli.dask_scheduler import main

    main(arguments)


def run_worker(arguments: list[str]) -> None:
    """Run `dask worker`."""
    from distributed.cli.dask_worker import main

    main(arguments)


def log_to(file: Path, setup: Callable[[], None] | None) -> None:
    """Append the log to a file."""
    os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT), sys.stderr.fileno())
    logging.basicConfig(level=logging.INFO)
    os.nice(NICENESS)
    if setup is not None:
        setup()
