"""Backup: copy a data folder, also that of a running service."""

import sqlite3
from contextlib import closing
from pathlib import Path

from service.storage.data_folder import DATABASE, MODELS, connect_read_only, lock_folder, model_path
from service.storage.durable_files import fsync, make_folder, sync_folder
from service.storage.integrity import Report, check_folder, has_model
from service.storage.model_files import read_model


class BackupError(RuntimeError):
    """The folder cannot be backed up or restored."""


def back_up(data: Path, backup: Path) -> Report:
    """Copy the data folder to a new folder, as it is at one moment, and check the copy.

    Raises:
        BackupError: the data folder has no database, or the new folder has one.
        OSError: a folder cannot be read or written.
        sqlite3.Error: the same of a database.
    """
    if not (data / DATABASE).is_file():
        raise BackupError(f"{data} has no {DATABASE}. Name the folder of the service with --data-dir.")
    _refuse_database(backup)
    _copy(data, backup)
    return check_folder(backup)


def restore(backup: Path, data: Path, *, force: bool = False) -> Report:
    """Copy a backup to a data folder without a database, and check the copy.

    Of a backup that is not whole nothing is copied, or with `force` what is there.

    Raises:
        BackupError: the data folder has a database.
        DataFolderError: it cannot be used, or a service uses it.
        OSError: a folder cannot be read or written.
        sqlite3.Error: the same of a database.
    """
    if (report := check_folder(backup)).damage and not force:
        return report
    with lock_folder(data):
        _refuse_database(data)
        _copy(backup, data)
        return check_folder(data)


def _refuse_database(folder: Path) -> None:
    for name in (DATABASE, f"{DATABASE}-wal"):
        if (folder / name).exists():
            raise BackupError(f"{folder} has a {name}. Name a new folder, or move that file away first.")


def _copy(source: Path, target: Path) -> None:
    """Copy everything; the database gets its name last, so that an interrupted copy has none."""
    make_folder(target / MODELS)
    temporary = target / f"{DATABASE}.tmp"
    temporary.unlink(missing_ok=True)
    with closing(connect_read_only(source)) as db, closing(sqlite3.connect(temporary, isolation_level=None)) as copy:
        db.backup(copy)  # in one step, which a writer does not interrupt
        copy.executescript("PRAGMA journal_mode = DELETE; PRAGMA foreign_keys = ON;")
        for job_id, size, digest in copy.execute("SELECT job_id, bytes, sha256 FROM models").fetchall():
            try:
                content = read_model(model_path(source, job_id), size, digest)
            except (OSError, ValueError):
                if not has_model(db, job_id):  # a client has deleted the job meanwhile
                    copy.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
                continue
            _write(model_path(target, job_id), content)
    with temporary.open("rb") as written:
        fsync(written.fileno())
    sync_folder(target / MODELS)
    temporary.rename(target / DATABASE)
    sync_folder(target)


def _write(file: Path, content: bytes) -> None:
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        fsync(out.fileno())
