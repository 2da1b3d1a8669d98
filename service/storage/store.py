"""The store: jobs, histories and idempotency keys in SQLite, finished models as safetensors files.

A call that writes returns when the data is on disk. A model's file is complete before the row that names it.
"""

import contextlib
import errno
import json
import logging
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan1010 import Model, Progress
from gan1010.sweeps.results import Members
from gan1010.sweeps.shard_training import ShardProgress
from service.errors import CorruptDataError, StorageFailedError
from service.job import ENDED, Job, Selection, created_at
from service.job_search import Cursor, JobQuery
from service.storage.checksums import checksum, decoding
from service.storage.data_folder import DATABASE, MODELS, lock_folder, model_path
from service.storage.database import Database
from service.storage.durable_files import delete_files, write_file
from service.storage.job_rows import INSERT_JOB, JOB_COLUMNS, SELECT_JOBS, SELECTED, UPDATE_JOB, job_row, parse_job
from service.storage.listing import persist_listing, search_query
from service.storage.model_files import read_model, sort_model_files
from service.storage.runs import RunStore
from service.storage.sweeps import SweepStore

SELECT_MODELS = f"SELECT {SELECTED}, bytes, models.sha256 FROM models JOIN jobs ON id = job_id"  # noqa: S608  # nosec B608
SELECT_OLDEST, SELECT_NEWEST = (  # damaged ids do not count
    f"SELECT {end}(id) FROM jobs WHERE id NOT GLOB '*[^0-9a-f]*'"  # noqa: S608  # nosec B608
    for end in ("min", "max")
)
END_OF_IDS = "~"  # after the digits of any id
HAS_NAME = "id IN (SELECT job_id FROM listing WHERE name = ?)"
SCAN_LISTING = "SELECT job_id, key_status, name, key_finished_at FROM listing"
SCAN_LISTING += " WHERE job_id > ? AND job_id <= ? ORDER BY job_id LIMIT ?"
SCANNED_ROWS = 200  # of one query
RESOURCE_ERRNOS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}  # these do not mean that the file is damaged
LISTED_AT_ONCE = 1000  # jobs of an earlier release
MAX_JOINED = 500  # ids in one query
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The size of the jobs and models on disk, what is left there, and when the oldest job was created (Unix time)."""

    bytes: int
    free_bytes: int
    oldest_job: float | None


class Store:
    """The data folder of one process.

    Raises:
        DataFolderError: it cannot be created or written, or another process uses it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._models = folder, folder / MODELS
        self._folder_lock = lock_folder(folder)
        try:
            self._database = Database(folder / DATABASE)
        except BaseException:
            self._folder_lock.close()
            raise
        self.runs, self.sweeps = RunStore(self._database), SweepStore(self._database)
        self.shrink = self._database.shrink
        self._reported: set[str] = set()  # ids of the damaged jobs that the log names already
        self._complete_listing()
        sort_model_files(self._models, {job_id for (job_id,) in self._database.rows("SELECT id FROM jobs")})

    def close(self) -> None:
        """Close the database and unlock the folder."""
        self._database.close()
        self._folder_lock.close()

    def add(self, job: Job, key: str | None, request: str) -> None:
        """Persist a new job and its idempotency key."""
        with self._database.transaction() as db:
            db.execute(INSERT_JOB, job_row(job))
            persist_listing(db, job)
            if key is not None:
                db.execute("INSERT INTO idempotency_keys VALUES (?, ?, ?)", (key, request, job.id))

    def update(self, job: Job, progress: Progress | None = None) -> None:
        """Persist a job's new state, with a checkpoint of a training if its progress is given."""
        with self._updating(job) as db:
            self.runs.persist(db, job, progress)

    def update_shard(self, job: Job, number: int, shard: ShardProgress | Members) -> None:
        """Persist a sweep's new state, with a checkpoint or the end of one of its shards."""
        with self._updating(job) as db:
            self.sweeps.persist(db, job.id, number, shard)

    def finish(self, job: Job, progress: Progress | None, model: Model | None) -> None:
        """Persist a job that has ended, its last progress and its model."""
        content = model.to_bytes() if model is not None else b""
        if content:
            write_file(self._file(job.id), content)
        with self._updating(job) as db:
            self.runs.persist(db, job, progress)
            db.execute("DELETE FROM shard_checkpoints WHERE job_id = ?", (job.id,))
            if content:
                row = (job.id, len(content), checksum(content))
                db.execute("INSERT INTO models (job_id, bytes, sha256) VALUES (?, ?, ?)", row)

    def delete(self, job_ids: Sequence[str]) -> None:
        """Delete jobs with their histories, models and shards, in one transaction."""
        with self._database.transaction() as db:  # in one statement, each of which waits for the interpreter lock
            db.execute("DELETE FROM jobs WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(job_ids),))
        delete_files([self._file(job_id) for job_id in job_ids])

    def ended_jobs(self, selection: Selection) -> list[str]:
        """Return the ids of the selected jobs, oldest first."""
        marks = ", ".join("?" for _ in selection.statuses)
        newest = self._database.row(
            f"SELECT id FROM jobs WHERE status IN ({marks}) ORDER BY id DESC LIMIT 1 OFFSET ?",  # noqa: S608  # nosec B608
            *selection.statuses, selection.keep,
        )  # fmt: skip
        selected, cursor = list[str](), ""
        while newest and (rows := self._database.rows(SCAN_LISTING, cursor, newest[0], SCANNED_ROWS)):
            selected += [row[0] for row in rows if selection.has(*row)]
            if rows[-1][0] <= cursor:  # the id is damaged
                break
            cursor = rows[-1][0]
        return selected

    def usage(self) -> Usage:
        """Measure the folder."""
        (model_bytes,) = self._database.row("SELECT total(bytes) FROM models") or (0,)
        (oldest,) = self._database.row(SELECT_OLDEST) or (None,)
        return Usage(
            bytes=int(model_bytes) + self._database.size,
            free_bytes=shutil.disk_usage(self._models).free,
            oldest_job=created_at(oldest) if oldest else None,
        )

    def job(self, job_id: str) -> Job | None:
        """Load a job; raise `CorruptDataError` if it is damaged."""
        row = self._database.row(f"{SELECT_JOBS} WHERE id = ?", job_id)
        return parse_job(*row) if row else None

    def jobs(
        self,
        *,
        limit: int,
        after: str | None = None,
        prefix: str | None = None,
        status: str | None = None,
        kind: str | None = None,
        name: str | None = None,
    ) -> list[Job]:
        """Load the newest jobs, or the newest before the job `after`, of those whose id begins with `prefix`.

        Only those with the status, the kind and the name that are given. Damaged jobs are left out of all lists.
        """
        columns = {"id >= ?": prefix, "status = ?": status, "kind = ?": kind, HAS_NAME: name}
        filters = {condition: value for condition, value in columns.items() if value is not None}
        query = f"{SELECT_JOBS} WHERE {' AND '.join([*filters, 'id < ?'])} ORDER BY id DESC LIMIT ?"
        last = END_OF_IDS if prefix is None else prefix + END_OF_IDS
        cursor = last if after is None else min(after, last)
        return [job for job, *_ in self._newest(query, list(filters.values()), cursor, limit)]

    def search(self, query: JobQuery) -> list[tuple[Job, Cursor]]:
        """Load a page of the jobs that match, each with the cursor of the page after it."""
        found, after = list[tuple[Job, Cursor]](), query.after
        while missing := min(query.limit - len(found), MAX_JOINED):
            page, values = search_query(query, after, missing)
            rows = self._database.rows(page, *values)
            marks = ", ".join("?" for _ in rows)
            documents = self._database.rows(f"{SELECT_JOBS} WHERE id IN ({marks})", *(job_id for job_id, _ in rows))
            jobs = {job.id: job for job, *_ in self._intact(documents)}
            found += [(jobs[id], Cursor(job_id=id, value=value)) for id, value in rows if id in jobs]
            if len(rows) < missing:
                break
            after = Cursor(job_id=rows[-1][0], value=rows[-1][1])
        return found

    def check(self) -> None:
        """Read from the database; raise `StorageFailedError` if that fails."""
        self._database.row("SELECT 1 FROM jobs LIMIT 1")

    def count(self) -> dict[str, int]:
        """Count the jobs in each status."""
        return dict(self._database.rows("SELECT status, count(*) FROM jobs GROUP BY status"))

    def unfinished_jobs(self) -> list[Job]:
        """Load the jobs that have not ended, oldest first."""
        statuses = [status for status in self.count() if status not in ENDED]  # damaged ones, too, to report those jobs
        marks = ", ".join("?" for _ in statuses)
        query = f"{SELECT_JOBS} WHERE status IN ({marks}) ORDER BY id"
        return [job for job, *_ in self._intact(self._database.rows(query, *statuses))]

    def last_job_id(self) -> str | None:
        """Return the newest job's id. Damaged ids do not count."""
        row = self._database.row(SELECT_NEWEST)
        return row[0] if row else None

    def last_succeeded(self, with_generator: bool) -> str | None:
        """Return the id of the training that succeeded last, of all or of those with a generator."""
        query = f"{SELECT_MODELS} WHERE has_generator >= ? ORDER BY sequence DESC LIMIT 1 OFFSET ?"
        offset = 0
        while rows := self._database.rows(query, with_generator, offset):
            for job, *_ in self._intact(rows):
                return str(job.id)
            offset += 1
        return None

    def idempotency_key(self, key: str) -> tuple[str, str] | None:
        """Return the request that used an idempotency key, and the id of its job."""
        row = self._database.row("SELECT request, job_id FROM idempotency_keys WHERE key = ?", key)
        return (row[0], row[1]) if row else None

    def models(self, *, after: str | None, limit: int) -> list[tuple[Job, int, str]]:
        """Return the newest jobs that have a model, or the newest before `after`, with its file's size and SHA-256."""
        query = f"{SELECT_MODELS} WHERE job_id < ? ORDER BY job_id DESC LIMIT ?"
        return self._newest(query, [], END_OF_IDS if after is None else after, limit)

    def model_file(self, job_id: str) -> bytes | None:
        """Read and verify the file of a finished model; return None if the job has none.

        Raises:
            CorruptDataError: the file is damaged.
            StorageFailedError: the process has no file descriptors or memory left to read it.
        """
        row = self._database.row("SELECT bytes, sha256 FROM models WHERE job_id = ?", job_id)
        if row is None:
            return None
        size, digest = row
        with decoding("The model's file"):
            try:
                content = read_model(self._file(job_id), size, digest)
                Model.from_bytes(content)
                return content
            except OSError as error:
                if error.errno in RESOURCE_ERRNOS:
                    log.exception("%s could not be read", self._file(job_id))
                    raise StorageFailedError from error
                raise ValueError(f"it cannot be read: {error.strerror}") from error

    @contextlib.contextmanager
    def _updating(self, job: Job) -> Iterator[sqlite3.Connection]:
        """Persist a job's new state together with what the block writes."""
        with self._database.transaction() as db:
            db.execute(UPDATE_JOB, (*job_row(job)[1:], job.id))
            persist_listing(db, job)
            yield db

    def _newest(self, query: str, values: list[str], cursor: str, limit: int) -> list[tuple[Any, ...]]:
        """Run a query until it has found as many intact jobs as `limit` allows."""
        found = list[tuple[Any, ...]]()
        while missing := limit - len(found):
            rows = self._database.rows(query, *values, cursor, missing)
            found += self._intact(rows)
            if len(rows) < missing or rows[-1][0] >= cursor:  # that was the last page, or the id is damaged
                break
            cursor = rows[-1][0]
        return found

    def _intact(self, rows: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """Yield the job of each row and the rest of the row; log each damaged job once."""
        for row in rows:
            try:
                yield parse_job(*row[: len(JOB_COLUMNS)]), *row[len(JOB_COLUMNS) :]
            except CorruptDataError as error:
                if row[0] not in self._reported:
                    log.error("%s", error.detail)
                    self._reported.add(row[0])

    def _complete_listing(self) -> None:
        """Add the jobs to the listing that an earlier release has stored."""
        jobs = f"{SELECT_JOBS} WHERE id > ? AND id NOT IN (SELECT job_id FROM listing) ORDER BY id LIMIT ?"  # noqa: S608  # nosec B608
        cursor = ""
        while rows := self._database.rows(jobs, cursor, LISTED_AT_ONCE):
            with self._database.transaction() as db:
                for job, *_ in self._intact(rows):
                    persist_listing(db, job)
            cursor = rows[-1][0]

    def _file(self, job_id: str) -> Path:
        return model_path(self._folder, job_id)
