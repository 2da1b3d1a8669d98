"""Schema migrations: one step for each release that changes the database, applied when a store is opened."""

import sqlite3
from collections.abc import Sequence

FIRST_VERSION = 6  # no release has written a lower one
MIGRATIONS = (
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, status TEXT NOT NULL, has_generator INTEGER NOT NULL, finished_at TEXT,
        document TEXT NOT NULL, sha256 TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX jobs_by_status ON jobs (status, id);
    CREATE INDEX jobs_by_kind ON jobs (kind, id);
    CREATE INDEX jobs_by_end ON jobs (status, finished_at);
    CREATE TABLE idempotency_keys (
        key TEXT PRIMARY KEY, request TEXT NOT NULL, job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE
    ) WITHOUT ROWID;
    CREATE INDEX idempotency_keys_by_job ON idempotency_keys (job_id);
    CREATE TABLE models (
        job_id TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE histories (
        job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, iteration INTEGER NOT NULL, arrays BLOB NOT NULL,
        sha256 TEXT NOT NULL, UNIQUE (job_id, iteration)
    );
    CREATE TABLE checkpoints (
        job_id TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, iteration INTEGER NOT NULL, state BLOB NOT NULL,
        sha256 TEXT NOT NULL
    );
    CREATE TABLE shards (
        job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, number INTEGER NOT NULL, members INTEGER NOT NULL,
        columns BLOB NOT NULL, sha256 TEXT NOT NULL, UNIQUE (job_id, number)
    );
    CREATE TABLE shard_checkpoints (
        job_id TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE, number INTEGER NOT NULL, iteration INTEGER NOT NULL,
        state BLOB NOT NULL, sha256 TEXT NOT NULL, UNIQUE (job_id, number)
    );
    """,
    # `sequence` is the order in which trainings have succeeded, whatever the clock. The column jobs.finished_at, which
    # gave that order before, is no longer used: SQLite drops columns from version 3.35 on only.
    """
    ALTER TABLE models RENAME TO models_6;
    CREATE TABLE models (
        sequence INTEGER PRIMARY KEY, job_id TEXT NOT NULL UNIQUE REFERENCES jobs ON DELETE CASCADE,
        bytes INTEGER NOT NULL, sha256 TEXT NOT NULL
    );
    INSERT INTO models (job_id, bytes, sha256)
        SELECT job_id, bytes, models_6.sha256 FROM models_6 JOIN jobs ON id = job_id ORDER BY finished_at, id;
    DROP TABLE models_6;
    DROP INDEX jobs_by_end;
    """,
    # The store fills it from the documents.
    """
    CREATE TABLE listing (
        job_id TEXT PRIMARY KEY REFERENCES jobs ON DELETE CASCADE, kind TEXT NOT NULL, name TEXT, key_created_at,
        key_finished_at, key_name, key_status, key_pattern, key_loss, key_optimizer, key_learning_rate,
        key_generator_learning_rate, key_hidden_size, key_iterations, key_seed, key_bits, key_settled_at,
        key_discriminator_real_loss, key_discriminator_fake_loss, key_generator_loss, words TEXT NOT NULL
    ) WITHOUT ROWID;
    """,
)


class StoreVersionError(RuntimeError):
    """The data folder was written by a version of this program that this one cannot follow."""


def migrate(db: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Apply the missing migrations, each in a transaction.

    Raises:
        StoreVersionError: a later or an unreleased version wrote the database, which is left as it is.
    """
    version = check_version(db, migrations)
    for number, script in enumerate(migrations, start=FIRST_VERSION):
        if number > version:
            db.executescript(f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;")


def check_version(db: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> int:
    """Return the version of the database, 0 for a new one; raise `StoreVersionError` as `migrate` does."""
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    newest = FIRST_VERSION + len(migrations) - 1
    if version > newest:
        raise StoreVersionError(
            f"The data folder has version {version}, and this gan1010 reads versions {FIRST_VERSION} to {newest}. "
            "Upgrade gan1010, or start it with another --data-dir."
        )
    if 0 < version < FIRST_VERSION:
        raise StoreVersionError(
            f"The data folder has version {version}, which only development versions before 0.1.0 wrote. "
            "Start gan1010 with another --data-dir, or delete this folder."
        )
    return version
