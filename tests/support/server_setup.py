"""Setup functions of server processes: make rare or slow events happen at once (`running_server(setup=...)`)."""

import itertools
import os
import signal
import sys
import time
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from gan1010 import kernel_inputs
from service import app, job
from service.api import limits
from service.jobs import cluster, cluster_workers, scheduler, worker
from service.telemetry import logs
from tests.support.contract import Json, wait_until

DEADLY_ITERATIONS, DEADLY_SEED = 6661, 20_000
DEADLY_JOB: Json = {"iterations": DEADLY_ITERATIONS}


def checkpoint_always() -> None:
    """Persist a checkpoint at every opportunity."""
    worker.FIRST_CHECKPOINT_SECONDS = worker.CHECKPOINT_SECONDS = 0


def shorten_write_timeout() -> None:
    """Close connections that read nothing for 1 s."""
    limits.WRITE_SECONDS = 1.0


def shorten_head_timeout() -> None:
    """Close connections whose request head takes longer than 2 s."""
    limits.HEAD_SECONDS = 2.0


def kill_on_deadly_job() -> None:
    """Kill the process when it trains `DEADLY_JOB` with the deadly seed, as the out-of-memory killer does."""
    draws = kernel_inputs.draws

    def deadly(config: Any, varying: Any, start: int, count: int) -> Any:
        if config.iterations == DEADLY_ITERATIONS and (varying.seed == DEADLY_SEED).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return draws(config, varying, start, count)

    kernel_inputs.draws = deadly


def shorten_cluster_timeouts() -> None:
    """Count a scheduler as lost after 2 s, and let shards return from its workers after 0.1 s."""
    cluster_workers.RESPONSE_SECONDS = scheduler.CONNECT_SECONDS = 2.0
    cluster.STEP_SECONDS = 0.1


def set_clock_back_again_and_again() -> None:
    """Let the clock of jobs begin 100 days ahead, and go back one hour before each reading."""
    hours = itertools.count(-100 * 24)

    def read() -> float:
        return time.time() - next(hours) * 3600

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(read(), tz)

    class Time:
        time_ns = staticmethod(lambda: int(read() * 1e9))

    job.datetime, job.time = Clock, Time  # type: ignore[misc, assignment, attr-defined]


def become_nobody() -> None:
    """Give up the rights of root, to which no file is forbidden."""
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def stop_at_start() -> None:
    """Stop until SIGCONT, so that a tracer can attach before anything happens."""
    os.kill(os.getpid(), signal.SIGSTOP)


def wait_until_stopped(pid: int) -> None:
    """Wait until a process has stopped: an earlier SIGCONT would have no effect."""
    wait_until(Path(f"/proc/{pid}/status").read_text, lambda status: "State:\tT" in status)


def redirect_log(file: Path) -> None:
    """Send the log to a file or named pipe, and drop what more than 4 KiB of lines wait for."""
    logs.MAX_WAITING_BYTES = 4096
    os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), sys.stderr.fileno())


def break_kernel() -> None:
    """Let the compilation of the kernel fail."""

    def fail() -> None:
        raise RuntimeError("a broken kernel")

    app.compile_kernel = fail


def hide_dask() -> None:
    """Let every import of Dask fail, as without the extra."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "distributed"]:
        sys.modules[name] = None  # type: ignore[assignment]


def refresh_dask() -> None:
    """Let Dask read its variables from the environment of the process."""
    import dask

    dask.config.refresh()
