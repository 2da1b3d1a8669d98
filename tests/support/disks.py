"""Failing disks: a small file system that fills up, and injected failures of a process's system calls."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

STRACE = shutil.which("strace")
BLOCK = bytes(4096)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small file system in memory."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write to a folder, not even root."""
    for options in (["--bind"], ["-o", "remount,bind,ro"]):
        if subprocess.run(["mount", *options, str(folder), str(folder)], capture_output=True, check=False).returncode:
            pytest.skip("no file system may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_disk(folder: Path) -> Path:
    """Fill a disk with one file, and return the file."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as out, suppress(OSError):
        while out.write(BLOCK) == len(BLOCK):
            pass
    return ballast


@contextmanager
def inject_failures(pid: int, calls: str, how: str, *paths: Path) -> Iterator[list[str]]:
    """Inject failures into a process's system calls, on all files or on these (`how`: see `strace -e inject`).

    The list has a line for each failed call, once the block has ended.
    """
    failed: list[str] = []
    with tempfile.NamedTemporaryFile("r") as trace:
        options = ["-e", f"trace={calls}", "-e", f"inject={calls}:{how}", "-o", trace.name]
        try:
            with _attached(pid, *options, *(part for path in paths for part in ("-P", str(path)))):
                yield failed
        finally:
            failed += [line for line in trace if line.endswith("(INJECTED)\n")]


@contextmanager
def trace_calls(pid: int, calls: str, file: Path) -> Iterator[None]:
    """Trace these system calls of a process into a file: one line each, with file names."""
    with _attached(pid, "-y", "-s", "1024", "-e", f"trace={calls}", "-o", str(file)):
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
                pytest.skip(f"strace may not attach to processes here: {tracer.stderr.read().strip()}")
            time.sleep(0.01)
        yield
    finally:
        tracer.terminate()
        try:
            tracer.communicate(timeout=5)
        except subprocess.TimeoutExpired:  # strace sometimes misses the end of a process with many threads
            tracer.kill()
            tracer.communicate()


def _is_traced(pid: int) -> bool:
    """Check that each thread of a process is traced, or that the process has ended."""
    with suppress(OSError):  # a thread has just ended
        return all("TracerPid:\t0\n" not in file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/status"))
    return False
