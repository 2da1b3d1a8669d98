"""Durable files: files and folders that are on disk when the call returns.

After a failed fsync the kernel may have dropped the data, and another fsync would report success. The process therefore
exits at once, and the next one starts from what is on disk.
"""

import contextlib
import errno
import itertools
import logging
import os
import subprocess  # nosec B404
from collections.abc import Sequence, Set
from pathlib import Path
from typing import NoReturn

from service.errors import DiskFullError, StorageFailedError

DISK_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT}
UNSUPPORTED_ERRNOS = {
    errno.EINVAL,
    errno.ENOTSUP,
    errno.ENOSYS,
    errno.EBADF,
}  # of file systems without fsync of folders
ORPHANED = ".orphaned"  # at the end of the names of files that are set aside
log = logging.getLogger(__name__)


def write_file(file: Path, content: bytes) -> None:
    """Write a whole file or nothing, through a temporary name.

    Raises:
        DiskFullError: there is no space left.
        StorageFailedError: the disk failed.
    """
    temporary = file.with_suffix(".tmp")
    try:
        with temporary.open("wb") as out:
            out.write(content)
            out.flush()
            fsync(out.fileno())
        temporary.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if error.errno in DISK_FULL_ERRNOS:
            raise DiskFullError from error
        log.exception("%s could not be written", file)
        raise StorageFailedError from error
    sync_folder(file.parent)


def delete_files(files: Sequence[Path]) -> None:
    """Delete files; those that cannot be deleted stay, and the next start sets them aside."""
    if len(files) > 1:  # by another process: each `unlink` here would wait for the interpreter lock
        with contextlib.suppress(OSError):  # there is no `rm`
            subprocess.run(["rm", "-f", "--", *files], stderr=subprocess.DEVNULL, check=False)  # noqa: S603, S607  # nosec
            return
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, and fsync the name of each."""
    folder = folder.absolute()
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Fsync the names in a folder, unless its file system does not support that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        log.exception("%s could not be opened", folder)
        raise StorageFailedError from error
    try:
        fsync(descriptor, UNSUPPORTED_ERRNOS)
    finally:
        os.close(descriptor)


def fsync(descriptor: int, tolerated: Set[int] = frozenset()) -> None:
    """Fsync a file; exit if that fails, unless the error's number is tolerated."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in tolerated:
            exit_after_failed_fsync(error)


def set_aside(file: Path) -> Path:
    """Rename a file to `NAME.orphaned`, with a number where that name is taken, and return the new name."""
    names = (file.with_name(f"{file.name}{ORPHANED}{number or ''}") for number in itertools.count())
    return file.rename(next(name for name in names if not os.path.lexists(name)))


def exit_after_failed_fsync(error: Exception) -> NoReturn:
    """End the process at once, with exit code 74."""
    log.critical("an fsync failed (%s), so the process exits; start it again", error)
    logging.shutdown()
    os._exit(os.EX_IOERR)
