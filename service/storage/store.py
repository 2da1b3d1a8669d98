"""What is kept on disk: jobs, histories and idempotency keys in SQLite, finished models as safetensors files.

A call that writes returns when the disk has it. A model's file is there, whole, before the row that names it.
"""

import contextlib
import errno
import fcntl
import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from gan1010 import Model, Progress
from gan1010.export import safetensors
from service.errors import CorruptDataError, StorageFailedError
from service.job import ENDED, Job, Status
from service.storage.checksums import checksum, decoding, verify
from service.storage.database import Database, make_folder, write_durably
from service.storage.runs import RunStore
from service.storage.sweeps import SweepStore

JOB_ADAPTER = TypeAdapter(Job)
OF_A_JOB = "id, kind, status, generator, finished_at, document, jobs.sha256"  # what `_read` reads
RESOURCE_ERRNOS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}  # of which the file knows nothing
JOB_COLUMNS = 7
log = logging.getLogger(__name__)


class DataFolderInUseError(RuntimeError):
    """Another process has the data folder."""


@dataclass(frozen=True, kw_only=True)
class StoredModel:
    """A finished model; bytes and SHA-256 are those of its file."""

    job_id: str
    name: str | None
    pattern: str
    created_at: datetime
    bytes: int
    sha256: str


class Store:
    """One process's data folder.

    Raises:
        DataFolderInUseError: another process has it.
    """

    def __init__(self, folder: Path) -> None:
        self._models = folder / "models"
        make_folder(self._models)
        self._folder_lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._folder_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._folder_lock.close()
            raise DataFolderInUseError(
                f"another gan1010 process uses {folder}; give this one a folder of its own"
            ) from None
        try:
            self._database = Database(folder / "gan1010.sqlite")
        except BaseException:
            self._folder_lock.close()
            raise
        self.runs, self.sweeps = RunStore(self._database), SweepStore(self._database)
        self._damaged: set[str] = set()
        self._remove_strays()

    def close(self) -> None:
        """Let go of the folder."""
        self._database.close()
        self._folder_lock.close()

    def add(self, job: Job, key: str | None, request: str) -> None:
        """Keep a new job, and the idempotency key that it came with."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO jobs (id, kind, status, generator, finished_at, document, sha256)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                _row(job),
            )
            if key is not None:
                db.execute("INSERT INTO idempotency_keys VALUES (?, ?, ?)", (key, request, job.id))

    def update(self, job: Job) -> None:
        """Keep a job's new state."""
        with self._database.transaction() as db:
            _update(db, job)

    def checkpoint(self, job: Job, progress: Progress) -> None:
        """Keep a training's state and how far it is, so that it goes on from there whatever happens next."""
        with self._database.transaction() as db:
            _update(db, job)
            self.runs.persist(db, job, progress)

    def finish(self, job: Job, progress: Progress | None, model: Model | None) -> None:
        """Keep how a job ended, what it left behind, and its model."""
        content = safetensors.dump(model) if model is not None else b""
        if content:
            write_durably(self._file(job.id), content)
        with self._database.transaction() as db:
            _update(db, job)
            self.runs.persist(db, job, progress)
            self.sweeps.delete_checkpoints(db, job.id)
            if content:
                row = (job.id, len(content), checksum(content))
                db.execute("INSERT OR REPLACE INTO models VALUES (?, ?, ?)", row)

    def delete(self, job_id: str) -> None:
        """Forget a job, its history and its model, or its shards."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        with contextlib.suppress(OSError):  # what stays behind is removed at the next start
            self._file(job_id).unlink(missing_ok=True)

    def job(self, job_id: str) -> Job | None:
        """The job as it was last kept.

        Raises:
            CorruptDataError: it is not what was written.
        """
        row = self._database.row(f"SELECT {OF_A_JOB} FROM jobs WHERE id = ?", job_id)  # noqa: S608  # nosec B608
        return _read(*row) if row else None

    def jobs(self, *, status: Status | None, kind: str | None, after: str | None, limit: int) -> list[Job]:
        """The newest jobs, before the job `after` if one is named, without those that are damaged."""
        where = {"status = ?": status, "kind = ?": kind}
        conditions = " AND ".join([condition for condition, value in where.items() if value is not None] + ["id < ?"])
        query = f"SELECT {OF_A_JOB} FROM jobs WHERE {conditions} ORDER BY id DESC LIMIT ?"  # noqa: S608  # nosec B608
        values = [value for value in where.values() if value is not None]
        return [job for job, *_ in self._newest(query, values, after, limit)]

    def count(self) -> dict[str, int]:
        """How many jobs are in each status."""
        return dict(self._database.rows("SELECT status, count(*) FROM jobs GROUP BY status"))

    def unfinished_jobs(self) -> list[Job]:
        """The jobs that have not ended, oldest first, without those that are damaged."""
        statuses = [status for status in self.count() if status not in ENDED]  # so that their index finds them
        marks = ", ".join("?" * len(statuses))
        query = f"SELECT {OF_A_JOB} FROM jobs WHERE status IN ({marks}) ORDER BY id"  # noqa: S608  # nosec B608
        return [job for job, *_ in self._undamaged(self._database.rows(query, *statuses))]

    def last_job_id(self) -> str | None:
        """The newest job's id, of those that are ids."""
        row = self._database.row("SELECT max(id) FROM jobs WHERE id NOT GLOB '*[^0-9a-f]*'")
        return row[0] if row else None

    def last_succeeded(self, with_generator: bool) -> str | None:
        """The undamaged training that succeeded last, of all or of those with a generator."""
        query = (
            f"SELECT {OF_A_JOB} FROM jobs WHERE status = 'succeeded' AND kind = 'train' AND generator >= ?"  # noqa: S608  # nosec B608
            " ORDER BY finished_at DESC LIMIT 1 OFFSET ?"
        )
        for number in count():
            rows = self._database.rows(query, int(with_generator), number)
            for job, *_ in self._undamaged(rows):
                return str(job.id)
            if not rows:
                return None
        raise AssertionError("there are only so many jobs")

    def idempotency_key(self, key: str) -> tuple[str, str] | None:
        """The request that an idempotency key came with, and its job's id."""
        return self._database.row("SELECT request, job_id FROM idempotency_keys WHERE key = ?", key)

    def models(self, *, after: str | None, limit: int) -> list[StoredModel]:
        """The newest finished models, before that of the job `after` if one is named, without those of damaged jobs."""
        query = (
            f"SELECT {OF_A_JOB}, bytes, models.sha256 FROM models JOIN jobs ON id = job_id"  # noqa: S608  # nosec B608
            " WHERE job_id < ? ORDER BY job_id DESC LIMIT ?"
        )
        return [
            StoredModel(
                job_id=job.id,
                name=job.name,
                pattern=job.train_config.pattern,
                created_at=job.finished_at or job.created_at,
                bytes=size,
                sha256=digest,
            )
            for job, size, digest in self._newest(query, [], after, limit)
        ]

    def model_file(self, job_id: str) -> bytes | None:
        """The content of a finished model's file; None if the job has no such model.

        Raises:
            CorruptDataError: the file is not what was written.
            StorageFailedError: for want of descriptors or memory nobody can tell.
        """
        row = self._database.row("SELECT bytes, sha256 FROM models WHERE job_id = ?", job_id)
        if row is None:
            return None
        size, digest = row
        try:
            with self._file(job_id).open("rb") as file:
                content = file.read(size + 1)
        except OSError as error:
            if error.errno in RESOURCE_ERRNOS:
                log.exception("%s could not be read", self._file(job_id))
                raise StorageFailedError from error
            raise CorruptDataError(
                f"the model's file cannot be read ({error.strerror}); train the job again"
            ) from error
        if checksum(content) != digest:
            raise CorruptDataError(
                "the model's file is not what was written (its SHA-256 is another); train the job again"
            )
        return content

    def _newest(self, query: str, values: list[str], after: str | None, limit: int) -> list[tuple[Any, ...]]:
        """As many as there may be of the undamaged jobs that a query finds, each with what else it finds of it."""
        found, place = list[tuple[Any, ...]](), "~" if after is None else after
        while missing := limit - len(found):
            rows = self._database.rows(query, *values, place, missing)
            found += self._undamaged(rows)
            if len(rows) < missing or rows[-1][0] >= place:  # the last of them; or its id is damaged
                break
            place = rows[-1][0]
        return found

    def _undamaged(self, rows: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
        """The jobs of some rows, each with the rest of its row. Of a damaged one the log tells, once."""
        for row in rows:
            of_a_job, rest = row[:JOB_COLUMNS], row[JOB_COLUMNS:]
            try:
                yield _read(*of_a_job), *rest
            except CorruptDataError as damage:
                if row[0] not in self._damaged:
                    log.error("%s", damage.detail)
                    self._damaged.add(row[0])

    def _file(self, job_id: str) -> Path:
        return self._models / f"{job_id}.safetensors"

    def _remove_strays(self) -> None:
        """Remove the files that no row names: what a crash between the two left behind."""
        kept = {job_id for (job_id,) in self._database.rows("SELECT job_id FROM models")}
        for file in self._models.iterdir():
            if file.name.removesuffix(".safetensors") not in kept:
                file.unlink()


def _columns(job: Job) -> tuple[str, str, str, bool, str | None]:
    """What is looked for in a job's row."""
    generator = job.kind == "train" and job.train_config.experiment == "gan"
    finished_at = job.finished_at.astimezone(UTC).isoformat(timespec="microseconds") if job.finished_at else None
    return job.id, job.kind, job.status, generator, finished_at


def _row(job: Job) -> tuple[object, ...]:
    """A job's row, with its SHA-256."""
    document = JOB_ADAPTER.dump_json(job)
    return *_columns(job), document, checksum(document)


def _read(*row: Any) -> Job:
    """The job of a row.

    Raises:
        CorruptDataError: it is not what was written.
    """
    *columns, document, digest = row
    with decoding(f"the job {columns[0]}", "delete it and start another"):
        job = JOB_ADAPTER.validate_json(verify(document, digest))
        if _columns(job) != tuple(columns):
            raise ValueError("its row has something else")
        return job


def _update(db: sqlite3.Connection, job: Job) -> None:
    job_id, *rest = _row(job)
    db.execute(
        "UPDATE jobs SET kind = ?, status = ?, generator = ?, finished_at = ?, document = ?, sha256 = ? WHERE id = ?",
        (*rest, job_id),
    )
