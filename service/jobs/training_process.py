"""Training process: PyTorch trains beside the service, which never loads torch itself."""

import contextlib
import multiprocessing
import os
import signal
import subprocess  # nosec B404
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from gan1010 import TrainConfig
from gan1010.compiled import kernel
from gan1010.training import new_records, recorded_between
from gan1010.types import Array


class TrainingProcessDiedError(Exception):
    """The training process died, for example for lack of memory."""


class TrainingProcess:
    """A process that trains with PyTorch, for one thread. It ends with `close`, or when this process dies.

    Between two calls of `advance` it has no state, so it may be killed at any time.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._is_ready = False

    @property
    def is_alive(self) -> bool:
        """True while the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process, unless it runs already; OSError if the system refuses it."""
        if self.is_alive:
            return
        self.close()
        self._connection, theirs = multiprocessing.Pipe()
        # A process of multiprocessing would import the main module again, and start a third process beside it.
        path = os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # nosec B603
                [sys.executable, "-P", "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the service, which then ends the process
            )

    def is_ready(self, seconds: float) -> bool:
        """Wait up to `seconds` for the process to have loaded PyTorch, and return whether it has."""
        if not self._is_ready and self._open_connection.poll(seconds):
            self._receive()
            self._is_ready = True
        return self._is_ready

    def advance(
        self, config: TrainConfig, state: kernel.State, draws: kernel.Draws, records: kernel.Records, start: int
    ) -> None:
        """Train as `reference.advance` does; an error leaves state and records as they were."""
        try:
            self._open_connection.send((config, state, draws, start))
        except OSError as error:
            raise self._died() from error
        ours: tuple[Array, ...] = *state, *recorded_between(config, records, start, start + draws.real.shape[-1])
        for before, now in zip(ours, self._receive(), strict=True):
            np.copyto(before, now)

    def close(self) -> None:
        """Kill the process if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._connection is not None:
            self._connection.close()
        self._process, self._connection, self._is_ready = None, None, False

    @property
    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("The training process is not started.")
        return self._connection

    def _receive(self) -> Any:
        """Return the next message, or raise the exception that it is."""
        try:
            message = self._open_connection.recv()
        except (EOFError, OSError) as error:
            raise self._died() from error
        if isinstance(message, Exception):
            self.close()
            raise message
        return message

    def _died(self) -> TrainingProcessDiedError:
        self.close()
        return TrainingProcessDiedError("The training process died.")


def _serve(connection: Connection) -> None:
    """Train what the service sends, until it closes the connection or dies."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it may be sent to the whole service, which then ends this process
    connection.send(_answer(_load))
    while True:
        connection.send(_answer(_train, *connection.recv()))


def _load() -> None:
    """Load PyTorch, and all that its first step loads."""
    import torch

    from gan1010 import reference

    torch.set_num_threads(1)
    reference.Reference(TrainConfig(optimizer="adam")).train_on_real(torch.zeros(4))


def _train(config: TrainConfig, state: kernel.State, draws: kernel.Draws, start: int) -> tuple[Array, ...]:
    """Return the new state and what is recorded."""
    from gan1010 import reference

    records = new_records(config, state)
    reference.advance(config, state, draws, records, start)
    return *state, *recorded_between(config, records, start, start + draws.real.shape[-1])


def _answer(function: Callable[..., object], *arguments: Any) -> object:
    """Return a function's result, or its exception."""
    try:
        return function(*arguments)
    except Exception as error:
        if isinstance(error, RuntimeError) and "allocate memory" in str(error):
            return MemoryError(str(error))  # which PyTorch has no exception for
        error.add_note(traceback.format_exc())
        return error


if __name__ == "__main__":
    with contextlib.suppress(EOFError, OSError), Connection(int(sys.argv[1])) as connection:
        _serve(connection)
