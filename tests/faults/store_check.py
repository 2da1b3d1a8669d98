"""Integrity check of a data folder: SQLite's own, and the SHA-256 of each row and each model's file."""

import shutil
import sqlite3
from hashlib import sha256
from pathlib import Path

# The checksum of a blob covers the numbers that follow it.
CHECKSUM_QUERIES = (
    "SELECT sha256, document FROM jobs",
    "SELECT sha256, arrays, iteration FROM histories",
    "SELECT sha256, state, iteration FROM checkpoints",
    "SELECT sha256, columns, number FROM shards",
    "SELECT sha256, state, number, iteration FROM shard_checkpoints",
)


def check_store(data: Path, copy: Path) -> None:
    """Check a copy, so that the store itself stays as the fault left it."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(data, copy)
    db = sqlite3.connect(copy / "gan1010.sqlite")
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    for query in CHECKSUM_QUERIES:
        for digest, blob, *keys in db.execute(query):
            assert sha256(blob + b"".join(b" %d" % key for key in keys)).hexdigest() == digest, query
    for job_id, size, digest in db.execute("SELECT job_id, bytes, sha256 FROM models"):
        content = (copy / "models" / f"{job_id}.safetensors").read_bytes()
        assert (len(content), sha256(content).hexdigest()) == (size, digest), f"the model of {job_id}"
    db.close()
