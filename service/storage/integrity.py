"""Integrity: find what is damaged or missing in a data folder, by the checksums of everything in it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from service.errors import CorruptDataError
from service.storage.checksums import checksum
from service.storage.data_folder import DATABASE, connect_read_only, model_path
from service.storage.job_rows import SELECT_JOBS, parse_job
from service.storage.migrations import StoreVersionError, check_version
from service.storage.model_files import read_model

BLOBS = {  # by table: the column with the bytes, and the numbers that their checksum covers, too
    "histories": ("arrays", "iteration"),
    "checkpoints": ("state", "iteration"),
    "shards": ("columns", "number"),
    "shard_checkpoints": ("state", "number", "iteration"),
}
MODELLESS = (
    "SELECT id FROM jobs WHERE kind = 'train' AND status = 'succeeded' AND id NOT IN (SELECT job_id FROM models)"
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """The number of jobs and models in a data folder, and a sentence for each thing that is damaged or missing."""

    jobs: int = 0
    models: int = 0
    damage: tuple[str, ...] = ()


def check_folder(folder: Path) -> Report:
    """Read everything in a data folder, which a running service may use meanwhile, and verify it."""
    if not (folder / DATABASE).is_file():
        return Report(damage=(f"There is no {DATABASE}.",))
    try:
        with closing(connect_read_only(folder)) as db:
            check_version(db)
            damage = (*_damaged_pages(db), *_damaged_rows(db), *_damaged_models(db, folder))
            jobs, models = (db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("jobs", "models"))  # noqa: S608  # nosec B608
            return Report(jobs=jobs, models=models, damage=damage)
    except StoreVersionError as error:
        return Report(damage=(str(error),))
    except sqlite3.Error as error:
        return Report(damage=(f"{DATABASE} cannot be read: {error}.",))


def _damaged_pages(db: sqlite3.Connection) -> Iterator[str]:
    for (problem,) in db.execute("PRAGMA integrity_check(20)"):
        if problem != "ok":
            yield f"{DATABASE}: {problem}."
    for table, *_ in db.execute("PRAGMA foreign_key_check"):
        yield f"A row of the table {table} belongs to no job."


def _damaged_rows(db: sqlite3.Connection) -> Iterator[str]:
    for row in db.execute(SELECT_JOBS):
        try:
            parse_job(*row)
        except CorruptDataError as error:
            yield error.detail
    for table, (column, *numbers) in BLOBS.items():
        for job_id, digest, blob, *keys in db.execute(
            f"SELECT job_id, sha256, {', '.join([column, *numbers])} FROM {table}"  # noqa: S608  # nosec B608
        ):
            if checksum(blob, *keys) != digest:
                yield f"The job {job_id}: a row of {table} is damaged (its checksum does not match)."
    for (job_id,) in db.execute(MODELLESS):
        yield f"The job {job_id} has succeeded, but has no model."


def _damaged_models(db: sqlite3.Connection, folder: Path) -> Iterator[str]:
    for job_id, size, digest in db.execute("SELECT job_id, bytes, sha256 FROM models").fetchall():
        try:
            read_model(model_path(folder, job_id), size, digest)
        except (OSError, ValueError) as error:
            if has_model(db, job_id):
                yield f"The job {job_id}: its model is damaged ({error})."


def has_model(db: sqlite3.Connection, job_id: str) -> bool:
    """Return whether a job has a model now; a running service may have deleted it."""
    return db.execute("SELECT 1 FROM models WHERE job_id = ?", (job_id,)).fetchone() is not None
