"""Data folders, seen from outside the service: look into the database, damage it, and check all checksums."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from service.storage.integrity import BLOBS, check_folder

BLOB_COLUMNS = {"jobs": "document"} | {table: columns[0] for table, columns in BLOBS.items()}


# The jobs of `version_7.zip`, a data folder of the version before this one.
TRAINED, SWEPT, ALONE, PAUSED = (
    "18ec5ae8c01f17f0da65ca60", "18ec5ae8c0c956108e8a9050", "18ec5ae8c14ee62ac21f5ddf", "18ec5ae8c283b55ae198a926"
)  # fmt: skip


def folder_of_version_before(folder: Path) -> Path:
    """Extract a data folder of the version before, with a training, a sweep, D alone, and a paused training."""
    shutil.unpack_archive(Path(__file__).with_name("version_7.zip"), folder)
    return folder


def execute(folder: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Execute a statement on the database, and return the rows that it finds."""
    with closing(sqlite3.connect(folder / "gan1010.sqlite", isolation_level=None)) as db:
        return db.execute(statement, values).fetchall()


def check_store(data: Path) -> None:
    """Check a copy of the folder, so that the store itself stays as a fault has left it."""
    with TemporaryDirectory() as folder:
        copy = shutil.copytree(data, Path(folder) / "copy")
        assert check_folder(copy).damage == ()


def flip_bit(folder: Path, table: str, id: str, seed: int) -> None:
    """Flip a bit of one of a job's blobs or of its checksum."""
    column, random = BLOB_COLUMNS[table], Random(seed)  # noqa: S311
    is_of_job = f"{'id' if table == 'jobs' else 'job_id'} = ?"
    rows = execute(folder, f"SELECT {column}, CAST(sha256 AS BLOB) FROM {table} WHERE {is_of_job}", id)  # noqa: S608
    blob, digest = random.choice(rows)
    changed, value = random.choice([(column, blob), ("sha256", digest)])
    bit = random.randrange(len(value) * 8)
    place = 7 if changed == "sha256" else bit % 8  # the highest bit leaves no valid text, which is the worst
    flipped = value[: bit // 8] + bytes([value[bit // 8] ^ 1 << place]) + value[bit // 8 + 1 :]
    new = "CAST(? AS TEXT)" if changed == "sha256" else "?"
    execute(folder, f"UPDATE {table} SET {changed} = {new} WHERE {is_of_job} AND {column} = ?", flipped, id, blob)  # noqa: S608
