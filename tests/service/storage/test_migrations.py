import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.storage.migrations import FIRST_VERSION, MIGRATIONS, migrate
from tests.support.clients import server_process

NEWEST = FIRST_VERSION + len(MIGRATIONS) - 1
NEXT = (*MIGRATIONS, "ALTER TABLE jobs ADD COLUMN note TEXT NOT NULL DEFAULT 'none'")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "gan1010.sqlite", isolation_level=None)) as db:
        yield db


def version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_next_release_applies_its_migration_once_and_keeps_the_rows(db: sqlite3.Connection) -> None:
    migrate(db)
    assert version(db) == NEWEST
    db.execute("INSERT INTO jobs VALUES ('id', 'train', 'queued', 1, NULL, '{}', '')")
    for _ in range(2):
        migrate(db, NEXT)
        assert version(db) == NEWEST + 1
        assert db.execute("SELECT id, note FROM jobs").fetchall() == [("id", "none")]


def test_version_6_keeps_its_models_in_the_order_in_which_they_succeeded(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA foreign_keys = ON")
    migrate(db, MIGRATIONS[:1])
    for id, finished_at in {"a": "2026-01-03", "b": "2026-01-01", "c": "2026-01-02"}.items():
        db.execute("INSERT INTO jobs VALUES (?, 'train', 'succeeded', 1, ?, '{}', '')", (id, finished_at))
        db.execute("INSERT INTO models VALUES (?, 9, ?)", (id, f"digest of {id}"))
    migrate(db)
    models = [(id, 9, f"digest of {id}") for id in "bca"]
    assert db.execute("SELECT job_id, bytes, sha256 FROM models ORDER BY sequence").fetchall() == models
    db.execute("DELETE FROM jobs WHERE id = 'a'")
    assert db.execute("SELECT job_id FROM models ORDER BY sequence").fetchall() == [("b",), ("c",)]


def test_failed_migration_changes_nothing(db: sqlite3.Connection) -> None:
    migrate(db)
    schema = db.execute("SELECT sql FROM sqlite_master").fetchall()
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        migrate(db, (*MIGRATIONS, f"{NEXT[-1]}; DROP TABLE other"))
    db.rollback()
    assert version(db) == NEWEST
    assert db.execute("SELECT sql FROM sqlite_master").fetchall() == schema


@pytest.mark.parametrize(
    ("other", "message"),
    [(NEWEST + 1, "Upgrade gan1010"), (1, "only development versions"), (FIRST_VERSION - 1, "delete this folder")],
)
def test_store_of_another_version_is_refused_and_not_changed(
    db: sqlite3.Connection, tmp_path: Path, other: int, message: str
) -> None:
    db.executescript(f"PRAGMA journal_mode = WAL; CREATE TABLE jobs (id); PRAGMA user_version = {other}")
    db.close()
    before = (tmp_path / "gan1010.sqlite").read_bytes()
    with server_process(tmp_path) as server:
        assert server.wait(60) == 1
    assert message in server.log[-1]
    assert (tmp_path / "gan1010.sqlite").read_bytes() == before
