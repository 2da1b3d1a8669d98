"""A data folder seen from outside the service: its database, and whether everything in it matches its checksum."""

import shutil
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

CHECKSUMS = (  # with the numbers that a checksum covers after the blob
    "SELECT sha256, document FROM jobs",
    "SELECT sha256, arrays, iteration FROM histories",
    "SELECT sha256, state, iteration FROM checkpoints",
    "SELECT sha256, columns, number FROM shards",
    "SELECT sha256, state, number, iteration FROM shard_checkpoints",
)


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
        for query in CHECKSUMS:
            for digest, blob, *numbers in execute(copy, query):
                keys = b"".join(b" %d" % number for number in numbers)
                assert sha256(blob + keys).hexdigest() == digest, query
        for job_id, size, digest in execute(copy, "SELECT job_id, bytes, sha256 FROM models"):
            content = (copy / "models" / f"{job_id}.safetensors").read_bytes()
            assert (len(content), sha256(content).hexdigest()) == (size, digest), f"the model of {job_id}"
