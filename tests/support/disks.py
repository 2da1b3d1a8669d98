"""Disks that fail: a small one that fills up, and system calls that are made to fail under a process that runs."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

STRACE = shutil.which("strace")
BLOCK = bytes(4096)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, in memory, that is soon full."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system of its own may not be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_disk(folder: Path) -> Path:
    """Take all room that is left on a disk; delete the file to give it back."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as out:
        try:
            while out.write(BLOCK) == len(BLOCK):
                pass
        except OSError:
            pass  # it is full
    return ballast


@contextmanager
def inject_failures(pid: int, calls: str, how: str, *paths: Path) -> Iterator[list[str]]:
    """Have system calls of a process fail as `strace -e inject` says, of all files or of some only.

    Those that did fail are in the list afterwards, a line each.
    """
    failed: list[str] = []
    with tempfile.NamedTemporaryFile("r") as told:
        options = ["-e", f"trace={calls}", "-e", f"inject={calls}:{how}", "-o", told.name]
        try:
            with _attached(pid, *options, *(part for path in paths for part in ("-P", str(path)))):
                yield failed
        finally:
            failed += [line for line in told if line.endswith("(INJECTED)\n")]


@contextmanager
def trace_calls(pid: int, calls: str, into: Path) -> Iterator[None]:
    """Have each of these system calls of a process written down, a line each, with the names of its files."""
    with _attached(pid, "-y", "-s", "64", "-e", f"trace={calls}", "-o", str(into)):
        yield


@contextmanager
def _attached(pid: int, *options: str) -> Iterator[None]:
    if STRACE is None:
        pytest.skip("strace is not installed")
    command = [STRACE, "-f", "-qq", *options, "-p", str(pid)]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        while not _is_traced(pid):
            if tracer.poll() is not None:
                assert tracer.stderr is not None
                pytest.skip(f"strace may not look at processes here: {tracer.stderr.read().strip()}")
            time.sleep(0.01)
        time.sleep(0.1)  # until it has all threads
        yield
    finally:
        tracer.terminate()
        try:
            tracer.communicate(timeout=5)
        except subprocess.TimeoutExpired:  # it does not always notice that a process of many threads has ended
            tracer.kill()
            tracer.communicate()


def _is_traced(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True  # it is gone
    return "TracerPid:\t0\n" not in status
