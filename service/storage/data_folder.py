"""The data folder: the names in it, and the lock that keeps other processes out."""

import fcntl
import sqlite3
from pathlib import Path
from typing import IO

from service.storage.durable_files import DISK_FULL_ERRNOS, make_folder

DATABASE, MODELS, LOCK = "gan1010.sqlite", "models", "lock"


class DataFolderError(RuntimeError):
    """The data folder cannot be used, or another process uses it."""


def lock_folder(folder: Path) -> IO[str]:
    """Create a folder if there is none, and lock it until the file is closed.

    Raises:
        DataFolderError: it cannot be used, or another process uses it.
    """
    try:
        make_folder(folder / MODELS)
        lock = (folder / LOCK).open("a")
    except OSError as error:
        is_full = error.errno in DISK_FULL_ERRNOS
        remedy = "Free some space there" if is_full else "Let this user create it and write there"
        reason = f"{error.filename or folder}: {error.strerror}"
        raise DataFolderError(
            f"The data folder {folder} cannot be used ({reason}). {remedy}, or choose another --data-dir."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise DataFolderError(f"Another gan1010 process uses {folder}. Stop it, or use another --data-dir.") from None
    return lock


def model_path(folder: Path, job_id: str) -> Path:
    """Return the path of a job's model."""
    return folder / MODELS / f"{job_id}.safetensors"


def connect_read_only(folder: Path) -> sqlite3.Connection:
    """Connect to the database without changing it; a running service may write to it meanwhile.

    Raises:
        sqlite3.Error: there is none, or it cannot be read.
    """
    file = (folder / DATABASE).absolute()
    db = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=30)
    db.text_factory = lambda text: text.decode(errors="replace")  # damaged text fails its checksum instead
    return db
