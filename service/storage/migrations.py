"""The database's schema, version by version: what an older store lacks is added when it is opened."""

import sqlite3

from service.storage.checksums import checksum

MIGRATIONS = (
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, status TEXT NOT NULL, finished_at TEXT, generator INTEGER NOT NULL,
        document TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX jobs_by_status ON jobs (status, id);
    CREATE INDEX jobs_by_kind ON jobs (kind, id);
    CREATE INDEX jobs_by_end ON jobs (status, finished_at);
    CREATE TABLE histories (
        job_id TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, arrays BLOB NOT NULL
    );
    CREATE TABLE models (
        job_id TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, created_at TEXT NOT NULL, name TEXT,
        pattern TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE idempotency_keys (
        key TEXT PRIMARY KEY, request TEXT NOT NULL, job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE INDEX idempotency_keys_by_job ON idempotency_keys (job_id);
    """,
    # A history in pieces, so that a checkpoint adds only what is new; what a run needs to go on; and sweeps.
    """
    ALTER TABLE histories RENAME TO whole_histories;
    CREATE TABLE histories (
        job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, iteration INTEGER NOT NULL, arrays BLOB NOT NULL,
        UNIQUE (job_id, iteration)
    );
    INSERT INTO histories SELECT job_id, 0, arrays FROM whole_histories;
    DROP TABLE whole_histories;
    CREATE TABLE checkpoints (
        job_id TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, iteration INTEGER NOT NULL, state BLOB NOT NULL
    );
    CREATE TABLE IF NOT EXISTS shards (
        job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, number INTEGER NOT NULL, members INTEGER NOT NULL,
        columns BLOB NOT NULL, UNIQUE (job_id, number)
    );
    """,
    # Each blob's SHA-256 (none is empty); and how far the shards are that take long.
    """
    ALTER TABLE histories ADD COLUMN sha256 TEXT NOT NULL DEFAULT '';
    UPDATE histories SET sha256 = sha256(arrays);
    ALTER TABLE checkpoints ADD COLUMN sha256 TEXT NOT NULL DEFAULT '';
    UPDATE checkpoints SET sha256 = sha256(state);
    ALTER TABLE shards ADD COLUMN sha256 TEXT NOT NULL DEFAULT '';
    UPDATE shards SET sha256 = sha256(columns);
    CREATE TABLE shard_checkpoints (
        job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, number INTEGER NOT NULL, iteration INTEGER NOT NULL,
        state BLOB NOT NULL, sha256 TEXT NOT NULL, UNIQUE (job_id, number)
    );
    """,
    # Each job's SHA-256; those of blobs with the numbers that they lie under, where they were right; and no longer in a
    # model's row what stands in that of its job.
    """
    UPDATE histories SET sha256 = sha256(arrays, iteration) WHERE sha256 = sha256(arrays);
    UPDATE checkpoints SET sha256 = sha256(state, iteration) WHERE sha256 = sha256(state);
    UPDATE shards SET sha256 = sha256(columns, number) WHERE sha256 = sha256(columns);
    UPDATE shard_checkpoints SET sha256 = sha256(state, number, iteration) WHERE sha256 = sha256(state);
    ALTER TABLE jobs ADD COLUMN sha256 TEXT NOT NULL DEFAULT '';
    UPDATE jobs SET sha256 = sha256(CAST(document AS BLOB));
    ALTER TABLE models DROP COLUMN created_at;
    ALTER TABLE models DROP COLUMN name;
    ALTER TABLE models DROP COLUMN pattern;
    """,
    # Sweeps are cut into other shards than they were, so those that have not ended are trained anew.
    """
    DELETE FROM shards WHERE job_id IN (SELECT id FROM jobs WHERE status NOT IN ('succeeded', 'failed', 'cancelled'));
    DELETE FROM shard_checkpoints;
    """,
)


class StoreVersionError(RuntimeError):
    """The store was written by a later version of this program."""


def migrate(db: sqlite3.Connection) -> None:
    """Take the database to the newest version, each step whole or not at all.

    Raises:
        StoreVersionError: it is of a later version; nothing is changed.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StoreVersionError(
            f"the data folder is of version {version}, and this program knows versions up to {len(MIGRATIONS)}; "
            "use a later gan1010, or another folder"
        )
    db.create_function("sha256", -1, checksum, deterministic=True)
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")
