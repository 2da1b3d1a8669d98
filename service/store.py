"""What is kept on disk: jobs, histories and idempotency keys in SQLite, finished models as safetensors files.

A call that writes returns when the disk has it. A model's file is there, whole, before the row that names it.
"""

import contextlib
import fcntl
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter
from safetensors import numpy as safetensors

from gan1010 import History, Model, Progress, Snapshots, modelfile
from gan1010.history import FAKE, GENERATOR, REAL
from service.jobs import Job, Status

SCHEMA = """
PRAGMA user_version = 1;
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, status TEXT NOT NULL, finished_at TEXT, generator INTEGER NOT NULL,
    document TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_by_status ON jobs (status, id);
CREATE INDEX IF NOT EXISTS jobs_by_kind ON jobs (kind, id);
CREATE INDEX IF NOT EXISTS jobs_by_end ON jobs (status, finished_at);
CREATE TABLE IF NOT EXISTS histories (
    job_id TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, arrays BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS models (
    job_id TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, created_at TEXT NOT NULL, name TEXT,
    pattern TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS idempotency_keys (
    key TEXT PRIMARY KEY, request TEXT NOT NULL, job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_keys_by_job ON idempotency_keys (job_id);
"""
JOB = TypeAdapter(Job)


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


class Store:
    """One process's data folder.

    Raises:
        FolderInUseError: another process has it.
    """

    def __init__(self, folder: Path) -> None:
        self._models = folder / "models"
        self._models.mkdir(parents=True, exist_ok=True)
        self._folder_lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._folder_lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._folder_lock.close()
            raise FolderInUseError(
                f"another gan1010 process uses {folder}; give this one a folder of its own"
            ) from None
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._writer, self._reader = (_connect(folder / "gan1010.sqlite") for _ in range(2))
        self._writer.executescript(SCHEMA)
        self._sweep()

    def close(self) -> None:
        """Let go of the folder."""
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()
        self._folder_lock.close()

    def add(self, job: Job, key: str | None, request: str) -> None:
        """Keep a new job, and the idempotency key that it came with."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO jobs (id, kind, status, generator, document) VALUES (?, ?, ?, ?, ?)",
                (job.id, job.kind, job.status, job.config.experiment == "gan", JOB.dump_json(job)),
            )
            if key is not None:
                db.execute("INSERT INTO idempotency_keys VALUES (?, ?, ?)", (key, request, job.id))

    def update(self, job: Job) -> None:
        """Keep a job's new state."""
        with self._transaction() as db:
            _update(db, job)

    def finish(self, job: Job, progress: Progress | None, model: Model | None) -> None:
        """Keep how a job ended, what it left behind, and its model."""
        content = modelfile.dump(model) if model is not None else b""
        if content:
            _write_durably(self._file(job.id), content)
        with self._transaction() as db:
            _update(db, job)
            if progress is not None:
                db.execute("INSERT OR REPLACE INTO histories VALUES (?, ?)", (job.id, _pack(progress)))
            if content:
                digest = hashlib.sha256(content).hexdigest()
                row = (job.id, str(job.finished_at), job.name, job.config.pattern, len(content), digest)
                db.execute("INSERT OR REPLACE INTO models VALUES (?, ?, ?, ?, ?, ?)", row)

    def delete(self, job_id: str) -> None:
        """Forget a job, its history and its model."""
        with self._transaction() as db:
            db.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
        self._file(job_id).unlink(missing_ok=True)

    def job(self, job_id: str) -> Job | None:
        """The job as it was last kept."""
        row = self._row("SELECT document FROM jobs WHERE id = ?", job_id)
        return JOB.validate_json(row[0]) if row else None

    def jobs(self, *, status: Status | None, kind: str | None, after: str | None, limit: int) -> list[Job]:
        """The newest jobs, before the job `after` if one is named."""
        where = {"status = ?": status, "kind = ?": kind, "id < ?": after}
        conditions = [condition for condition, value in where.items() if value is not None]
        clause = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        values = [value for value in where.values() if value is not None]
        rows = self._rows(f"SELECT document FROM jobs {clause} ORDER BY id DESC LIMIT ?", *values, limit)  # noqa: S608
        return [JOB.validate_json(document) for (document,) in rows]

    def unfinished(self) -> list[Job]:
        """The jobs that have not ended, oldest first."""
        rows = self._rows("SELECT document FROM jobs WHERE status IN ('queued', 'running') ORDER BY id")
        return [JOB.validate_json(document) for (document,) in rows]

    def last_id(self) -> str | None:
        """The newest job's id."""
        row = self._row("SELECT max(id) FROM jobs")
        return row[0] if row else None

    def last_succeeded(self, with_generator: bool) -> str | None:
        """The job that succeeded last, of all or of those with a generator."""
        row = self._row(
            "SELECT id FROM jobs WHERE status = 'succeeded' AND generator >= ? ORDER BY finished_at DESC LIMIT 1",
            int(with_generator),
        )
        return row[0] if row else None

    def job_of_key(self, key: str) -> tuple[str, str] | None:
        """The request that an idempotency key came with, and its job's id."""
        return self._row("SELECT request, job_id FROM idempotency_keys WHERE key = ?", key)

    def progress(self, job: Job) -> Progress | None:
        """What an ended job left behind."""
        row = self._row("SELECT arrays FROM histories WHERE job_id = ?", job.id)
        return _unpack(row[0], job) if row else None

    def models(self, *, after: str | None, limit: int) -> list[KeptModel]:
        """The newest finished models, before that of the job `after` if one is named."""
        rows = self._rows(
            "SELECT job_id, name, pattern, created_at, bytes, sha256 FROM models WHERE job_id < ?"
            " ORDER BY job_id DESC LIMIT ?",
            after or "~",
            limit,
        )
        names = ("job_id", "name", "pattern", "created_at", "bytes", "sha256")
        return [TypeAdapter(KeptModel).validate_python(dict(zip(names, row, strict=True))) for row in rows]

    def model_file(self, job_id: str) -> bytes | None:
        """The content of a finished model's file."""
        known = self._row("SELECT 1 FROM models WHERE job_id = ?", job_id)
        return self._file(job_id).read_bytes() if known else None

    def _file(self, job_id: str) -> Path:
        return self._models / f"{job_id}.safetensors"

    def _sweep(self) -> None:
        """Remove the files that no row names: what a crash between the two left behind."""
        kept = {job_id for (job_id,) in self._rows("SELECT job_id FROM models")}
        for file in self._models.iterdir():
            if file.name.removesuffix(".safetensors") not in kept:
                file.unlink()

    def _rows(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        with self._reading:
            return self._reader.execute(query, values).fetchall()

    def _row(self, query: str, *values: object) -> tuple | None:  # type: ignore[type-arg]
        rows = self._rows(query, *values)
        return rows[0] if rows else None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")


def _connect(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
    return db


def _update(db: sqlite3.Connection, job: Job) -> None:
    finished_at = job.finished_at.astimezone(UTC).isoformat(timespec="microseconds") if job.finished_at else None
    db.execute(
        "UPDATE jobs SET status = ?, finished_at = ?, document = ? WHERE id = ?",
        (job.status, finished_at, JOB.dump_json(job), job.id),
    )


def _pack(progress: Progress) -> bytes:
    history, snapshots = progress.history, progress.snapshots
    return safetensors.save(
        {
            "iteration": history.iteration,
            **history.series,
            "snapshot_iterations": snapshots.iterations,
            "discriminators": snapshots.discriminators,
            "generators": snapshots.generators,
        }
    )


def _unpack(content: bytes, job: Job) -> Progress:
    arrays = safetensors.load(content)
    return Progress(
        iteration=job.iteration,
        history=History(
            iteration=arrays["iteration"],
            discriminator_real_loss=arrays[REAL],
            discriminator_fake_loss=arrays[FAKE],
            generator_loss=arrays.get(GENERATOR),
        ),
        snapshots=Snapshots(
            iterations=arrays["snapshot_iterations"],
            discriminators=arrays["discriminators"],
            generators=arrays["generators"],
        ),
        result=job.result,
    )


def _write_durably(file: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, whatever happens: its name comes last."""
    temporary = file.with_suffix(".tmp")
    with temporary.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
