"""Dask clusters: schedulers and workers as processes of their own, as operators start them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from tests.support.clients import ROOT, clean_environment, free_port

SCHEDULER, WORKER = "-m distributed.cli.dask_scheduler", "-m distributed.cli.dask_worker"


class Process:
    """A process that is killed at the end of the block, with its log in a file."""

    def __init__(self, log: Path, *arguments: str, **environment: str) -> None:
        self.log_file = log
        with log.open("a") as file:
            command = [sys.executable, *arguments]
            self.process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(**environment), stderr=file)

    @property
    def log(self) -> str:
        """What the process has logged."""
        return self.log_file.read_text()

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end."""
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: TracebackType | object) -> None:
        self.kill()


class DaskCluster:
    """A scheduler at `address` and its workers. Its processes start in the background.

    Args:
        folder: for the logs.
        security: options of Dask's commands for TLS.
        program: what Python runs as the scheduler.
    """

    def __init__(self, folder: Path, *security: str, program: str = SCHEDULER) -> None:
        self._folder, self._security, self._program = folder, security, program
        self._port = free_port()
        self.address = f"{'tls' if security else 'tcp'}://127.0.0.1:{self._port}"
        self.workers: list[Process] = []
        self.start_scheduler()

    def start_scheduler(self) -> None:
        """Start the scheduler, also again at the same address."""
        flags = ["--host", "127.0.0.1", "--port", str(self._port), "--dashboard-address", "127.0.0.1:0"]
        if self._security:
            flags[1] = "tls://127.0.0.1"
            flags += self._security
        self.scheduler = Process(self._folder / "scheduler.log", *self._program.split(" ", 1), *flags)

    def start_worker(self, *flags: str, threads: int = 1, **environment: str) -> Process:
        """Start a worker."""
        log = self._folder / f"worker-{len(self.workers)}.log"
        flags = ("--nthreads", str(threads), "--no-nanny", "--no-dashboard", *self._security, *flags)
        folder = ("--local-directory", str(self._folder))
        worker = Process(log, *WORKER.split(), self.address, *flags, *folder, **environment)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        """Kill all processes."""
        for process in (*self.workers, self.scheduler):
            process.kill()


@contextmanager
def dask_cluster(folder: Path, *security: str, workers: int = 0, program: str = SCHEDULER) -> Iterator[DaskCluster]:
    """Run a scheduler and workers with one thread each."""
    cluster = DaskCluster(folder, *security, program=program)
    try:
        for _ in range(workers):
            cluster.start_worker()
        yield cluster
    finally:
        cluster.close()
