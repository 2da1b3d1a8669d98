"""Real processes in milliseconds: one that has all loaded forks a server at each word; a kill of it is a kill.

As a program, it is the process that forks. It reads `start FOLDER`, and answers with a server's process id; or `wait
ID`, and answers with the exit code when that has ended. A server's log goes to `server.log` beside its data.
"""

import gc
import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.service.clients import ROOT, START_SECONDS, clean_environment

DATA, LOG = "data", "server.log"
LATE = (  # what else would be loaded late
    "anyio._backends._asyncio",
    "service.cli.serving",
    "service.server",
    "uvicorn.lifespan.on",
    "uvloop",
)


class Forked:
    """A server of one training thread; `url` is its address."""

    def __init__(self, parent: "Parent", folder: Path) -> None:
        self._parent, self._log = parent, folder / LOG
        self._log.unlink(missing_ok=True)
        self._pid = parent.asked("start", folder)
        self.url = self._address()
        self.running = True

    def stop(self) -> int:
        """Ask it to stop: its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a lack of memory does."""
        assert self._end(signal.SIGKILL) == -signal.SIGKILL

    def _end(self, by: signal.Signals) -> int:
        os.kill(self._pid, by)
        code = self._parent.asked("wait", self._pid)
        self.running = False
        return code

    def _address(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while True:
            text = self._log.read_text() if self._log.exists() else ""
            _, found, rest = text.partition("running on ")
            if found and "\n" in rest:
                return rest.split()[0]
            assert time.monotonic() < deadline, text
            time.sleep(0.002)


class Parent:
    """The process that forks servers."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def asked(self, what: str, of: Path | int) -> int:
        """What it answers."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{what} {of}\n")
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


@contextmanager
def forking() -> Iterator[Parent]:
    """A process that forks servers, for as long as they are needed."""
    parent = Parent()
    try:
        yield parent
    finally:
        parent.close()


def _serve(folder: Path) -> int:
    """Fork a server: its process id."""
    from service.cli.serving import serve

    if pid := os.fork():
        return pid
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    code = 1
    try:
        serve(port=0, data_dir=folder / DATA, workers=1)
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _obey() -> None:
    from service.runner import compile_kernel
    from service.settings import Settings

    compile_kernel()
    for module in LATE:
        importlib.import_module(module)
    Settings()  # the first takes a tenth of a second
    gc.freeze()  # a collection in a child would copy all that it looks at
    servers = set()
    for line in sys.stdin:
        what, _, of = line.strip().partition(" ")
        if what == "start":
            answer = _serve(Path(of))
            servers.add(answer)
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(int(of), 0)[1])
            servers.remove(int(of))
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    for left in servers:  # by a test that has failed
        os.kill(left, signal.SIGKILL)


if __name__ == "__main__":
    _obey()
