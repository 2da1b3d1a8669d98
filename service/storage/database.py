"""The database: one writer and one reader on the same file, whose transactions are on disk when they are over.

It also decides what to do when the disk fails. Without room nothing is written and `DiskFullError` says so; there
may be room again later. But a failed fsync leaves nobody knowing what the disk has, and asking it again would only hide
that: the process ends at once, and the next one finds what was kept.
"""

import contextlib
import errno
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NoReturn

from service.errors import DiskFullError, StorageFailedError
from service.storage.migrations import migrate

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
FAILED_FSYNCS = {"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC"}
NO_ROOM_FOR_SQLITE = {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}
RESERVE = 2**16  # bytes kept from a stop to the next start, which needs some where the disk has become full meanwhile
LONGEST_LOG = 4 * 2**20  # bytes of the write-ahead log, which is then copied into the file
log = logging.getLogger(__name__)


class Database:
    """A SQLite file. Any thread may use it."""

    def __init__(self, file: Path) -> None:
        self._log = file.with_name(f"{file.name}-wal")
        self._reserve = file.with_name("reserve")
        self._reserve.unlink(missing_ok=True)
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._writer, self._reader = (_connect(file) for _ in range(2))
        migrate(self._writer)
        # The log is there by now, and has to be after a power cut. SQLite syncs the folder at the first commit, but
        # passes over a failure of that.
        sync_folder(file.absolute().parent)

    def close(self) -> None:
        """Close the file, all that is in the log being copied into it before."""
        with self._writing, self._reading:
            self._reader.close()
            self._copy_log("TRUNCATE")
            self._writer.close()
        with contextlib.suppress(OSError):  # as much of it as there is room for
            self._reserve.write_bytes(os.urandom(RESERVE))  # zeros take no room on some disks

    def rows(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        """What a query finds.

        Raises:
            StorageFailedError: the disk does not work as it should.
        """
        with self._reading:
            try:
                return self._reader.execute(query, values).fetchall()
            except sqlite3.DatabaseError as error:
                raise _explained(error) from None

    def row(self, query: str, *values: object) -> tuple | None:  # type: ignore[type-arg]
        """The first row that a query finds."""
        rows = self.rows(query, *values)
        return rows[0] if rows else None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is done inside, or nothing; it is on disk afterwards.

        Raises:
            DiskFullError: there is no room.
            StorageFailedError: the disk does not work as it should.
        """
        with self._writing:
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException as error:
                explained = _explained(error)
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                if explained is error:
                    raise
                raise explained from error
            self._shorten_log()

    def _shorten_log(self) -> None:
        """Copy the log into the file when it is long: SQLite would do it by itself, but not tell of a failed fsync."""
        with contextlib.suppress(OSError):
            if self._log.stat().st_size > LONGEST_LOG:
                self._copy_log("PASSIVE")

    def _copy_log(self, how: Literal["PASSIVE", "TRUNCATE"]) -> None:
        try:
            self._writer.execute(f"PRAGMA wal_checkpoint({how})")
        except sqlite3.Error as error:
            _explained(error)  # all is in the log still, and the next transaction or process tries again


def write_durably(file: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, whatever happens: its name comes last.

    Raises:
        DiskFullError: there is no room.
        StorageFailedError: the disk does not work as it should.
    """
    temporary = file.with_suffix(".tmp")
    try:
        with temporary.open("wb") as out:
            out.write(content)
            out.flush()
            _fsync(out.fileno())
        temporary.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if error.errno in NO_ROOM:
            raise DiskFullError from error
        log.exception("%s could not be written", file)
        raise StorageFailedError from error
    sync_folder(file.parent)


def make_folder(folder: Path) -> None:
    """Have a folder, whose name and those of all that are made above it are on disk."""
    folder = folder.absolute()
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk.

    Raises:
        StorageFailedError: it cannot be opened.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        log.exception("%s could not be opened", folder)
        raise StorageFailedError from error
    try:
        _fsync(descriptor)
    finally:
        os.close(descriptor)


def _explained(error: BaseException) -> BaseException:
    """What an error of SQLite's means to who asked; and the end of the process, where it has to end."""
    name = getattr(error, "sqlite_errorname", "")
    if name in FAILED_FSYNCS:
        end_at_once(error)
    if name in NO_ROOM_FOR_SQLITE:
        return DiskFullError()
    if type(error) in {sqlite3.OperationalError, sqlite3.DatabaseError}:
        log.error("the database failed: %s (%s)", error, name)
        return StorageFailedError()
    return error


def _fsync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        end_at_once(error)


def end_at_once(error: BaseException) -> NoReturn:
    """End the process: nobody knows any more what is on disk, so nothing more may be promised."""
    log.critical("a write to the disk failed to be made durable (%s); the process ends, start it again", error)
    logging.shutdown()
    os._exit(os.EX_IOERR)


def _connect(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    db.text_factory = lambda text: text.decode(errors="replace")  # damaged text is another text, and no error
    db.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
        # The log is shortened by `Database`, which learns its length from that of its file.
        "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 0;"
    )
    return db
