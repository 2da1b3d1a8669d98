"""Whether a data folder is whole: by SQLite's own check, and each row and each model's file by its SHA-256."""

import shutil
import sqlite3
from hashlib import sha256
from pathlib import Path

# A blob's digest covers the numbers that its row has it under.
DIGESTED = (
    "SELECT sha256, document FROM jobs",
    "SELECT sha256, arrays, iteration FROM histories",
    "SELECT sha256, state, iteration FROM checkpoints",
    "SELECT sha256, columns, number FROM shards",
    "SELECT sha256, state, number, iteration FROM shard_checkpoints",
)


def is_intact(data: Path, copy: Path) -> None:
    """Look at a copy, so that the store itself stays as a fault has left it."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(data, copy)
    db = sqlite3.connect(copy / "gan1010.sqlite")
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    for query in DIGESTED:
        for digest, blob, *place in db.execute(query):
            assert sha256(blob + b"".join(b" %d" % number for number in place)).hexdigest() == digest, query
    for job_id, size, digest in db.execute("SELECT job_id, bytes, sha256 FROM models"):
        content = (copy / "models" / f"{job_id}.safetensors").read_bytes()
        assert (len(content), sha256(content).hexdigest()) == (size, digest), f"the model of {job_id}"
    db.close()
