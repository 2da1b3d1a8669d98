"""What a process may do first, so that happens in milliseconds what else takes long or comes by chance."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from gan1010 import kernel_inputs
from service.jobs import worker
from service.server import connection
from tests.support.contract import Json

DEADLY_ITERATIONS, DEADLY_SEED = 6661, 20_000
DEADLY_JOB: Json = {"iterations": DEADLY_ITERATIONS}


def checkpoint_always() -> None:
    """Keep a checkpoint as often as there is something to keep."""
    worker.FIRST_CHECKPOINT_SECONDS = worker.CHECKPOINT_SECONDS = 0


def shorten_write_timeout() -> None:
    """Wait a second and no longer for clients to take in what is sent to them."""
    connection.WRITE_SECONDS = 1.0


def kill_on_deadly_job() -> None:
    """Have `DEADLY` with the deadly seed kill the process, as a lack of memory does."""
    draws = kernel_inputs.draws

    def deadly(config: Any, varying: Any, start: int, count: int) -> Any:
        if config.iterations == DEADLY_ITERATIONS and (varying.seed == DEADLY_SEED).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return draws(config, varying, start, count)

    kernel_inputs.draws = deadly


def stop_at_start() -> None:
    """Wait for SIGCONT, so that who wants to look on from the beginning can get ready."""
    os.kill(os.getpid(), signal.SIGSTOP)


def wait_until_stopped(pid: int) -> None:
    """Wait until a process that does this first has done it: before, SIGCONT would be nothing to it."""
    while "State:\tT" not in Path(f"/proc/{pid}/status").read_text():
        time.sleep(0.005)
