"""Backup: a copy of a running service is whole, and becomes a service with the same jobs and models."""

import os
import threading
from pathlib import Path
from random import Random

import httpx
import pytest

from service.storage.backup import BackupError, back_up, restore
from service.storage.data_folder import DataFolderError
from service.storage.integrity import Report, check_folder
from service.storage.store import Store
from tests.faults.simulated_client import SimulatedClient
from tests.support.clients import app_client, running_server
from tests.support.contract import FINAL_STATUSES, SHORT_JOB, train, wait_until
from tests.support.data_folder import TRAINED, execute, folder_of_version_before

FILES = {"gan1010.sqlite", "models"}


def test_backup_under_load_is_whole_and_restored(tmp_path: Path) -> None:
    data, backup, restored = tmp_path / "data", tmp_path / "backup", tmp_path / "restored"
    with running_server(data, "--workers", "1") as (server, client):
        first = train(client, **SHORT_JOB, name="before")
        weights = client.get(f"/models/{first['id']}/model.safetensors").content
        stop = threading.Event()

        def work(number: int) -> None:
            simulated = SimulatedClient(f"client {number}", Random(number))  # noqa: S311
            with httpx.Client(base_url=server.url, timeout=60) as connection:
                while not stop.is_set():
                    simulated.act(connection)

        threads = [threading.Thread(target=work, args=[number]) for number in range(3)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: client.get("/jobs").json()["data"], lambda jobs: len(jobs) > 5)
            for number in range(2):
                assert back_up(data, backup / str(number)).damage == ()
                assert check_folder(data).damage == ()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert {path.name for path in (backup / "1").iterdir()} == FILES
    report = restore(backup / "1", restored)
    assert (report.damage, report.jobs > 1, report.models >= 1) == ((), True, True)
    statuses = dict(execute(backup / "1", "SELECT id, status FROM jobs"))
    with app_client(restored) as client:
        assert client.get(f"/jobs/{first['id']}").json() == first
        assert client.get(f"/models/{first['id']}/model.safetensors").content == weights
        listed = {job["id"]: job["status"] for job in client.get("/jobs?limit=1000").json()["data"]}
        assert listed.keys() == statuses.keys()
        for id, status in statuses.items():
            assert listed[id] == status or status not in FINAL_STATUSES


def test_backup_of_a_stopped_service_has_its_last_changes(tmp_path: Path) -> None:
    data = folder_of_version_before(tmp_path / "data")
    assert back_up(data, tmp_path / "backup") == Report(jobs=4, models=2)
    rows = "SELECT * FROM jobs ORDER BY id"
    assert execute(tmp_path / "backup", rows) == execute(data, rows)
    assert execute(tmp_path / "backup", "PRAGMA journal_mode") == [("delete",)]  # readable on a read-only disk


def test_folder_with_a_database_is_never_overwritten(tmp_path: Path) -> None:
    data, backup = folder_of_version_before(tmp_path / "data"), tmp_path / "backup"
    back_up(data, backup)
    before = (backup / "gan1010.sqlite").stat().st_mtime_ns
    for copy in (lambda: back_up(data, backup), lambda: restore(backup, data)):
        with pytest.raises(BackupError, match=r"has a gan1010\.sqlite"):
            copy()
    with pytest.raises(BackupError, match=r"has no gan1010\.sqlite"):
        back_up(tmp_path / "nosuch", tmp_path / "other")
    assert not (tmp_path / "other").exists()
    assert (backup / "gan1010.sqlite").stat().st_mtime_ns == before
    store = Store(tmp_path / "running")
    with pytest.raises(DataFolderError):
        restore(backup, tmp_path / "running")
    store.close()


def test_damaged_backup_is_restored_by_force_only(tmp_path: Path) -> None:
    data, backup, restored = folder_of_version_before(tmp_path / "data"), tmp_path / "backup", tmp_path / "restored"
    (data / "models" / f"{TRAINED}.safetensors").write_bytes(b"")
    damage = back_up(data, backup).damage
    assert [TRAINED in sentence for sentence in damage] == [True]
    assert restore(backup, restored).damage == damage
    assert not restored.exists()
    assert len(restore(backup, restored, force=True).damage) == 1
    assert execute(restored, "SELECT count(*) FROM jobs") == [(4,)]


def test_interrupted_backup_has_no_database_and_can_be_repeated(tmp_path: Path) -> None:
    data, backup = folder_of_version_before(tmp_path / "data"), tmp_path / "backup"
    obstacle = backup / "models" / f"{TRAINED}.safetensors"
    obstacle.mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        back_up(data, backup)
    assert check_folder(backup).damage == ("There is no gan1010.sqlite.",)
    obstacle.rmdir()
    assert back_up(data, backup) == Report(jobs=4, models=2)


def test_job_that_a_client_deletes_meanwhile_is_left_out(tmp_path: Path) -> None:
    data, backup = folder_of_version_before(tmp_path / "data"), tmp_path / "backup"
    model = data / "models" / f"{TRAINED}.safetensors"
    model.unlink()
    os.mkfifo(model)

    def delete() -> None:
        with model.open("wb"):  # once the backup reads it, after its copy of the database
            execute(data, "DELETE FROM models WHERE job_id = ?", TRAINED)

    deletion = threading.Thread(target=delete)
    deletion.start()
    assert back_up(data, backup) == Report(jobs=3, models=1)
    deletion.join()
    assert execute(backup, "SELECT count(*) FROM jobs WHERE id = ?", TRAINED) == [(0,)]
