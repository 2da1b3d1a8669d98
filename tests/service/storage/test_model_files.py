"""Model files and the data folder around them: nothing is lost without its job, and nothing of others is touched."""

import signal
import socket
from contextlib import chdir
from pathlib import Path

import httpx
import pytest

from service.storage.store import Store
from tests.support.clients import running_server, server_process
from tests.support.contract import SHORT_JOB, train
from tests.support.data_folder import check_store
from tests.support.disks import inject_failures
from tests.support.server_setup import stop_at_start, wait_until_stopped

ID, OTHER = f"{1:024x}", f"{2:024x}"


def contents(folder: Path) -> dict[str, object]:
    """Everything in a folder: the content of each file, and the type of anything else."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        if path.is_file() and not path.is_symlink()
        else path.lstat().st_mode
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_is_lost_by_a_start_without_the_database(tmp_path: Path, end: str) -> None:
    models, away = tmp_path / "models", tmp_path / "away"
    database, write_ahead_log = tmp_path / "gan1010.sqlite", tmp_path / "gan1010.sqlite-wal"
    with running_server(tmp_path) as (server, client):
        old = train(client, **SHORT_JOB)
        weights = (models / f"{old['id']}.safetensors").read_bytes()
        getattr(server, end)()
    database.rename(away)
    with running_server(tmp_path) as (server, client):
        new = train(client, **SHORT_JOB)
    log = "".join(server.log)
    assert f"{models}: 1 models of no job are set aside as *.orphaned" in log
    assert (f"{write_ahead_log} has no database" in log) == (end == "kill")
    assert {file.name for file in models.iterdir()} == {f"{old['id']}.safetensors.orphaned", f"{new['id']}.safetensors"}
    away.rename(database)
    if end == "kill":
        Path(f"{write_ahead_log}.orphaned").rename(write_ahead_log)
    with running_server(tmp_path) as (server, client):
        assert client.get(f"/jobs/{old['id']}").json() == old
        assert client.get("/sample").json()["job_id"] == old["id"]
        assert client.get(f"/models/{old['id']}/model.safetensors").content == weights
    assert {file.name for file in models.iterdir()} == {f"{old['id']}.safetensors", f"{new['id']}.safetensors.orphaned"}
    check_store(tmp_path)


def test_what_the_service_has_not_written_stays_and_disturbs_nothing(tmp_path: Path) -> None:
    models = tmp_path / "models"
    for folder in (tmp_path, models):
        for name in ("@eaDir", "lost+found", f"{ID}.safetensors", f"{ID}.safetensors.orphaned", f"{ID}.tmp", ID):
            (folder / name).mkdir(parents=True)
        for name in (
            ".DS_Store",
            "Thumbs.db",
            "notes.tmp",
            f"{OTHER}.safetensors~",
            f".{OTHER}.safetensors.swp",
            "#x#",
        ):
            (folder / name).write_bytes(b"mine")
        (folder / f"{OTHER}.safetensors").symlink_to(folder / "Thumbs.db")
        (folder / f"{OTHER}.tmp").symlink_to("nowhere")
        with socket.socket(socket.AF_UNIX) as listener, chdir(folder):  # the path of a socket must be short
            listener.bind(f"{ID[:-1]}3.safetensors")
    before = contents(tmp_path)
    unfinished = models / f"{ID[:-1]}4.tmp"
    unfinished.write_bytes(b"hal")
    with running_server(tmp_path) as (server, client):
        job = train(client, **SHORT_JOB)
        assert client.get("/sample").json()["job_id"] == job["id"]
        assert client.delete(f"/jobs/{job['id']}").status_code == 204
    own = {"gan1010.sqlite": (tmp_path / "gan1010.sqlite").read_bytes(), "lock": f"{server.url}\n".encode()}
    assert contents(tmp_path) == before | own
    assert "WARNING" not in "".join(server.log)


def test_files_that_are_set_aside_replace_no_others(tmp_path: Path) -> None:
    models = tmp_path / "models"
    for content in (b"first", b"second", b"third"):
        Store(tmp_path).close()
        (models / f"{ID}.safetensors").write_bytes(content)
    Store(tmp_path).close()
    names = [f"{ID}.safetensors.orphaned{number}" for number in ("", 1, 2)]
    assert contents(models) == dict(zip(names, (b"first", b"second", b"third"), strict=True))


@pytest.mark.parametrize(
    ("call", "error", "file"),
    [
        ("fsync", "EINVAL", "."),
        ("fsync", "EOPNOTSUPP", "models"),
        ("rename", "EPERM", f"models/{ID}.safetensors"),
        ("unlink", "EPERM", f"models/{ID}.tmp"),
    ],
)
def test_file_system_that_refuses_a_call_does_not_stop_the_service(
    tmp_path: Path, call: str, error: str, file: str
) -> None:
    (tmp_path / "models").mkdir()
    for name in ("safetensors", "tmp"):
        (tmp_path / "models" / f"{ID}.{name}").write_bytes(b"of no job")
    with server_process(tmp_path, setup=stop_at_start) as server:
        wait_until_stopped(server.process.pid)
        with inject_failures(server.process.pid, call, f"error={error}", tmp_path / file) as failed:
            server.process.send_signal(signal.SIGCONT)
            server.wait_until_ready()
            with httpx.Client(base_url=server.url, timeout=60) as client:
                assert train(client, **SHORT_JOB)["status"] == "succeeded"
            assert server.stop() == 0, "".join(server.log)
    assert failed
    assert ("could not be renamed or deleted" in "".join(server.log)) == (call != "fsync")
