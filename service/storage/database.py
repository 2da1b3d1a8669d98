"""The SQLite database: one writing and one reading connection; committed transactions are on disk."""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from service.errors import DiskFullError, StorageFailedError
from service.storage.durable_files import exit_after_failed_fsync, set_aside, sync_folder
from service.storage.migrations import migrate

FSYNC_ERRORS = {"SQLITE_IOERR_FSYNC", "SQLITE_IOERR_DIR_FSYNC"}
DISK_FULL_ERRORS = {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}
MAX_LOG_BYTES = 4 * 2**20  # a longer write-ahead log is copied into the database file
INCREMENTAL = 2  # the value of `PRAGMA auto_vacuum` with which a file can be shortened step by step
STEP_PAGES = 256  # given back to the disk at a time: 1 MiB
log = logging.getLogger(__name__)


class Database:
    """A SQLite file. Any thread may use it.

    Raises:
        DiskFullError: by every method, if there is no space left.
        StorageFailedError: by every method, if the disk fails.
    """

    def __init__(self, file: Path) -> None:
        self._file, self._log = file, file.with_name(f"{file.name}-wal")
        if _size(self._log) and not _size(file):  # SQLite would delete the log, and all that only the log has
            log.error("%s has no database, so it is now %s. Put them back together.", self._log, set_aside(self._log))
            sync_folder(file.absolute().parent)
        self._write_lock, self._read_lock = threading.Lock(), threading.Lock()
        try:
            self._writer, self._reader = _connect(file), _connect(file)
            migrate(self._writer)
            self._prepare_to_shrink(file)
        except (StorageFailedError, sqlite3.Error) as error:
            remedy = "Check that it is a database of gan1010, and that this user may write it."
            raise StorageFailedError(f"{file} cannot be opened ({error.__cause__ or error}). {remedy}") from error
        # The log's name must survive a power cut. SQLite syncs the folder at the first commit, but ignores a failure.
        sync_folder(file.absolute().parent)

    def close(self) -> None:
        """Copy the log into the file and close it."""
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._copy_log("TRUNCATE")
            self._writer.close()

    @property
    def size(self) -> int:
        """The bytes of the file and its log."""
        return _size(self._file) + _size(self._log)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._read_lock, _service_errors():
            return self._reader.execute(query, values).fetchall()

    def row(self, query: str, *values: object) -> tuple[Any, ...] | None:
        """Return the first row of a query."""
        rows = self.rows(query, *values)
        return rows[0] if rows else None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit all statements of the block, or none."""
        with self._write_lock:
            try:
                with _service_errors():
                    self._writer.execute("BEGIN IMMEDIATE")
                    yield self._writer
                    self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            self._shorten_log()

    def shrink(self) -> Iterator[None]:
        """Give the space of deleted rows back to the disk, a small step for each iteration."""
        ((free_pages,),) = self.rows("PRAGMA freelist_count")
        for _ in range(0, free_pages, STEP_PAGES):
            with self._write_lock, _service_errors():
                self._writer.executescript(f"PRAGMA incremental_vacuum({STEP_PAGES})")  # `execute` stops after a page
                self._shorten_log()
            yield
        with self._write_lock:
            self._copy_log("TRUNCATE")  # only now the file and its log become shorter

    def _prepare_to_shrink(self, file: Path) -> None:
        """Rebuild a file of an earlier version, once, so that `shrink` has an effect."""
        if self._writer.execute("PRAGMA auto_vacuum").fetchone() == (INCREMENTAL,):
            return
        log.info("%s is rebuilt, once, so that the space of deleted jobs returns to the disk.", file)
        try:
            with _service_errors():
                self._writer.executescript(f"PRAGMA auto_vacuum = {INCREMENTAL}; VACUUM")
        except DiskFullError:
            log.warning("%s keeps its form: there is no space to rebuild it. The next start tries again.", file)

    def _shorten_log(self) -> None:
        """Copy a long log into the file. SQLite would do so by itself, but ignore a failed fsync."""
        if _size(self._log) > MAX_LOG_BYTES:
            self._copy_log("PASSIVE")

    def _copy_log(self, mode: Literal["PASSIVE", "TRUNCATE"]) -> None:
        # After a failure the log still has everything, and the next transaction or process tries again.
        with contextlib.suppress(DiskFullError, StorageFailedError), _service_errors():
            self._writer.execute(f"PRAGMA wal_checkpoint({mode})")


@contextlib.contextmanager
def _service_errors() -> Iterator[None]:
    """Raise SQLite's errors of the block as the service's; exit after a failed fsync."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        if name in FSYNC_ERRORS:
            exit_after_failed_fsync(error)
        if name in DISK_FULL_ERRORS:
            raise DiskFullError from error
        if type(error) in {sqlite3.OperationalError, sqlite3.DatabaseError}:
            log.error("the database failed: %s (%s)", error, name)
            raise StorageFailedError from error
        raise


def _size(file: Path) -> int:
    """Return the size of a file in bytes, 0 if there is none."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _connect(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    db.text_factory = lambda text: text.decode(errors="replace")  # so that damaged text fails its checksum instead
    with _service_errors():
        db.executescript(
            f"PRAGMA auto_vacuum = {INCREMENTAL};"  # has an effect on a new file only
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
            # `Database` copies the log itself, and reads its length from the size of its file.
            "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 0;"
            "PRAGMA secure_delete = OFF;"  # Debian's SQLite would write zeros over each deleted page
        )
    return db
