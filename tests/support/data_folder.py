"""Data folders, seen from outside the service: look into the database, damage it, and check all checksums."""

import shutil
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

BLOBS = {  # by table: the column, and the numbers that the checksum covers, too
    "jobs": ("document",),
    "histories": ("arrays", "iteration"),
    "checkpoints": ("state", "iteration"),
    "shards": ("columns", "number"),
    "shard_checkpoints": ("state", "number", "iteration"),
}


def execute(folder: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Execute a statement on the database, and return the rows that it finds."""
    with closing(sqlite3.connect(folder / "gan1010.sqlite", isolation_level=None)) as db:
        return db.execute(statement, values).fetchall()


def check_store(data: Path) -> None:
    """Check a copy of the folder, so that the store itself stays as a fault has left it."""
    with TemporaryDirectory() as folder:
        copy = shutil.copytree(data, Path(folder) / "copy")
        assert execute(copy, "PRAGMA integrity_check") == [("ok",)]
        assert execute(copy, "PRAGMA foreign_key_check") == []
        for table, columns in BLOBS.items():
            for digest, blob, *numbers in execute(copy, f"SELECT sha256, {', '.join(columns)} FROM {table}"):  # noqa: S608
                keys = b"".join(b" %d" % number for number in numbers)
                assert sha256(blob + keys).hexdigest() == digest, table
        for job_id, size, digest in execute(copy, "SELECT job_id, bytes, sha256 FROM models"):
            content = (copy / "models" / f"{job_id}.safetensors").read_bytes()
            assert (len(content), sha256(content).hexdigest()) == (size, digest), f"the model of {job_id}"


def flip_bit(folder: Path, table: str, id: str, seed: int) -> None:
    """Flip a bit of one of a job's blobs or of its checksum."""
    column, random = BLOBS[table][0], Random(seed)  # noqa: S311
    is_of_job = f"{'id' if table == 'jobs' else 'job_id'} = ?"
    rows = execute(folder, f"SELECT {column}, CAST(sha256 AS BLOB) FROM {table} WHERE {is_of_job}", id)  # noqa: S608
    blob, digest = random.choice(rows)
    changed, value = random.choice([(column, blob), ("sha256", digest)])
    bit = random.randrange(len(value) * 8)
    place = 7 if changed == "sha256" else bit % 8  # the highest bit leaves no valid text, which is the worst
    flipped = value[: bit // 8] + bytes([value[bit // 8] ^ 1 << place]) + value[bit // 8 + 1 :]
    new = "CAST(? AS TEXT)" if changed == "sha256" else "?"
    execute(folder, f"UPDATE {table} SET {changed} = {new} WHERE {is_of_job} AND {column} = ?", flipped, id, blob)  # noqa: S608
