import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.storage.backup import back_up, restore
from service.storage.migrations import FIRST_VERSION, MIGRATIONS, StoreVersionError, migrate
from service.storage.store import Store
from tests.support.clients import app_client, server_process
from tests.support.contract import train
from tests.support.data_folder import (
    ALONE,
    PAUSED,
    SWEPT,
    TRAINED,
    check_store,
    execute,
    folder_of_version_before,
)

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
        assert server.wait(60) == 4
    assert message in server.log[-1]
    assert (tmp_path / "gan1010.sqlite").read_bytes() == before


def schema(folder: Path) -> list[tuple[object, ...]]:
    return execute(folder, "SELECT sql FROM sqlite_master ORDER BY name") + execute(folder, "PRAGMA user_version")


def test_folder_of_the_version_before_is_upgraded(tmp_path: Path) -> None:
    folder_of_version_before(tmp_path)
    rows = "SELECT id, document FROM jobs ORDER BY id"
    documents = execute(tmp_path, rows)
    with app_client(tmp_path, workers=1) as client:
        assert [job["id"] for job in client.get("/jobs").json()["data"]] == [PAUSED, ALONE, SWEPT, TRAINED]
        for job_id, path in ((TRAINED, "progress"), (TRAINED, "snapshots"), (ALONE, "progress")):
            assert client.get(f"/jobs/{job_id}/{path}").is_success
        assert client.get("/sample").json()["job_id"] == TRAINED
        assert client.get(f"/sweeps/{SWEPT}/results").json()["data"][1]["count"] == 3
        assert execute(tmp_path, rows) == documents
        assert client.post(f"/jobs/{PAUSED}/resume").is_success
        resumed = client.get(f"/jobs/{PAUSED}?wait=30").json()
        again = train(client, **{name: value for name, value in resumed["config"].items() if name != "defaults"})
        models = [client.get(f"/models/{job['id']}/generator.safetensors").content for job in (resumed, again)]
        assert models[0] == models[1]
    assert execute(tmp_path, "PRAGMA auto_vacuum") == [(2,)]
    check_store(tmp_path)


def test_version_before_refuses_the_folder_and_accepts_the_backup_from_before(tmp_path: Path) -> None:
    data, backup, older = folder_of_version_before(tmp_path / "data"), tmp_path / "backup", MIGRATIONS[:2]
    before = schema(data)
    back_up(data, backup)
    Store(data).close()
    with (
        closing(sqlite3.connect(data / "gan1010.sqlite")) as upgraded,
        pytest.raises(StoreVersionError, match="Upgrade"),
    ):
        migrate(upgraded, older)
    restore(backup, tmp_path / "restored")
    assert schema(tmp_path / "restored") == before
    with closing(sqlite3.connect(tmp_path / "restored" / "gan1010.sqlite")) as db:
        migrate(db, older)
