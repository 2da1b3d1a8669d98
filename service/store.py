"""What is kept on disk: jobs, histories and idempotency keys in SQLite, finished models as safetensors files.

A call that writes returns when the disk has it. A model's file is there, whole, before the row that names it.
"""

import contextlib
import errno
import fcntl
import logging
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from gan1010 import Model, Progress, modelfile
from service.blobs import sha256
from service.database import Database, make_folder, write_durably
from service.errors import ModelDamaged, StorageFailed
from service.jobs import Job, Status
from service.run_store import RunStore
from service.sweep_store import SweepStore

JOB = TypeAdapter(Job)
WANT = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}  # of which the file knows nothing
log = logging.getLogger("gan1010.disk")


class FolderInUseError(RuntimeError):
    """Another process has the data folder."""


@dataclass(frozen=True, kw_only=True)
class KeptModel:
    """A finished model's row; bytes and SHA-256 are those of its file."""

    job_id: str
    name: str | None
    pattern: str
    created_at: datetime
    bytes: int
    sha256: str


KEPT_MODEL = TypeAdapter(KeptModel)


class Store:
    """One process's data folder.

    Raises:
        FolderInUseError: another process has it.
    """

    def __init__(self, folder: Path) -> None:
        self._models = folder / "models"
        make_folder(self._models)
        self._folder_lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._folder_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._folder_lock.close()
            raise FolderInUseError(
                f"another gan1010 process uses {folder}; give this one a folder of its own"
            ) from None
        try:
            self._database = Database(folder / "gan1010.sqlite")
        except BaseException:
            self._folder_lock.close()
            raise
        self.runs, self.sweeps = RunStore(self._database), SweepStore(self._database)
        self._remove_strays()

    def close(self) -> None:
        """Let go of the folder."""
        self._database.close()
        self._folder_lock.close()

    def add(self, job: Job, key: str | None, request: str) -> None:
        """Keep a new job, and the idempotency key that it came with."""
        with self._database.transaction() as db:
            db.execute(
                "INSERT INTO jobs (id, kind, status, generator, document) VALUES (?, ?, ?, ?, ?)",
                (job.id, job.kind, job.status, _has_generator(job), JOB.dump_json(job)),
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
            self.runs.keep(db, job, progress)

    def finish(self, job: Job, progress: Progress | None, model: Model | None) -> None:
        """Keep how a job ended, what it left behind, and its model."""
        content = modelfile.dump(model) if model is not None else b""
        if content:
            write_durably(self._file(job.id), content)
        with self._database.transaction() as db:
            _update(db, job)
            self.runs.keep(db, job, progress)
            self.sweeps.finish(db, job.id)
            if content:
                digest = sha256(content)
                row = (job.id, str(job.finished_at), job.name, job.train_config.pattern, len(content), digest)
                db.execute("INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?, ?)", row)

    def delete(self, job_id: str) -> None:
        """Forget a job, its history and its model, or its shards."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        with contextlib.suppress(OSError):  # what stays behind is removed at the next start
            self._file(job_id).unlink(missing_ok=True)

    def job(self, job_id: str) -> Job | None:
        """The job as it was last kept."""
        row = self._database.row("SELECT document FROM jobs WHERE id = ?", job_id)
        return JOB.validate_json(row[0]) if row else None

    def jobs(self, *, status: Status | None, kind: str | None, after: str | None, limit: int) -> list[Job]:
        """The newest jobs, before the job `after` if one is named."""
        where = {"status = ?": status, "kind = ?": kind, "id < ?": after}
        conditions = [condition for condition, value in where.items() if value is not None]
        clause = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        values = [value for value in where.values() if value is not None]
        rows = self._database.rows(f"SELECT document FROM jobs {clause} ORDER BY id DESC LIMIT ?", *values, limit)  # noqa: S608  # nosec B608
        return [JOB.validate_json(document) for (document,) in rows]

    def count(self) -> dict[str, int]:
        """How many jobs are in each status."""
        return dict(self._database.rows("SELECT status, count(*) FROM jobs GROUP BY status"))

    def unfinished(self) -> list[Job]:
        """The jobs that have not ended, oldest first."""
        rows = self._database.rows(
            "SELECT document FROM jobs WHERE status IN ('queued', 'running', 'paused') ORDER BY id"
        )
        return [JOB.validate_json(document) for (document,) in rows]

    def last_id(self) -> str | None:
        """The newest job's id."""
        row = self._database.row("SELECT max(id) FROM jobs")
        return row[0] if row else None

    def last_succeeded(self, with_generator: bool) -> str | None:
        """The training that succeeded last, of all or of those with a generator."""
        row = self._database.row(
            "SELECT id FROM jobs WHERE status = 'succeeded' AND kind = 'train' AND generator >= ?"
            " ORDER BY finished_at DESC LIMIT 1",
            int(with_generator),
        )
        return row[0] if row else None

    def job_of_key(self, key: str) -> tuple[str, str] | None:
        """The request that an idempotency key came with, and its job's id."""
        return self._database.row("SELECT request, job_id FROM idempotency_keys WHERE key = ?", key)

    def models(self, *, after: str | None, limit: int) -> list[KeptModel]:
        """The newest finished models, before that of the job `after` if one is named."""
        rows = self._database.rows(
            "SELECT job_id, name, pattern, created_at, bytes, sha256 FROM models WHERE job_id < ?"
            " ORDER BY job_id DESC LIMIT ?",
            after or "~",
            limit,
        )
        names = ("job_id", "name", "pattern", "created_at", "bytes", "sha256")
        return [KEPT_MODEL.validate_python(dict(zip(names, row, strict=True))) for row in rows]

    def model_file(self, job_id: str) -> bytes | None:
        """The content of a finished model's file; None if the job has no such model.

        Raises:
            ModelDamaged: the file is not what was written.
            StorageFailed: for want of descriptors or memory nobody can tell.
        """
        row = self._database.row("SELECT bytes, sha256 FROM models WHERE job_id = ?", job_id)
        if row is None:
            return None
        size, digest = row
        try:
            with self._file(job_id).open("rb") as file:
                content = file.read(size + 1)
        except OSError as error:
            if error.errno in WANT:
                log.exception("%s could not be read", self._file(job_id))
                raise StorageFailed from error
            raise ModelDamaged(f"the model's file cannot be read ({error.strerror}); train the job again") from error
        if sha256(content) != digest:
            raise ModelDamaged("the model's file is not what was written (its SHA-256 is another); train the job again")
        return content

    def _file(self, job_id: str) -> Path:
        return self._models / f"{job_id}.safetensors"

    def _remove_strays(self) -> None:
        """Remove the files that no row names: what a crash between the two left behind."""
        kept = {job_id for (job_id,) in self._database.rows("SELECT job_id FROM models")}
        for file in self._models.iterdir():
            if file.name.removesuffix(".safetensors") not in kept:
                file.unlink()


def _has_generator(job: Job) -> bool:
    return job.kind == "train" and job.train_config.experiment == "gan"


def _update(db: sqlite3.Connection, job: Job) -> None:
    finished_at = job.finished_at.astimezone(UTC).isoformat(timespec="microseconds") if job.finished_at else None
    db.execute(
        "UPDATE jobs SET status = ?, finished_at = ?, document = ? WHERE id = ?",
        (job.status, finished_at, JOB.dump_json(job), job.id),
    )
