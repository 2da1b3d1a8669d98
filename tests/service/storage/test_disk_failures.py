"""Disks that are full or fail: nothing acknowledged is lost, and a request that cannot be persisted is refused."""

import signal
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from gan1010 import TrainConfig
from gan1010 import train as train_here
from service.errors import DiskFullError
from service.storage.store import Store
from tests.support.clients import Server, app_client, running_server, server_process
from tests.support.contract import LARGE_LOG_JOB, SHORT_JOB, Json, check_problem, start_running_job, train, wait_until
from tests.support.data_folder import check_store
from tests.support.disks import fill_disk, inject_failures, small_disk
from tests.support.server_setup import stop_at_start, wait_until_stopped

SLOW_JOB: Json = {"iterations": 150_000, "hidden_size": 16, "record_every": 5, "seed": 3}
EX_IOERR = 74


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "8m") as disk:
        yield disk


def get_job(client: httpx.Client, job: Json, **parameters: int) -> Json:
    return dict(client.get(f"/jobs/{job['id']}", params=parameters).json())


def submit_until_full(client: httpx.Client) -> list[Json]:
    """Submit jobs until the disk is full, and return the accepted ones."""
    accepted = []
    for _ in range(200):
        response = client.post("/train", json=SHORT_JOB)
        if response.status_code == 507:
            check_problem(response, 507, "disk-full")
            return accepted
        accepted.append(response.json())
    raise AssertionError("the disk is never full")


def test_full_disk_refuses_only_what_must_be_persisted(disk: Path) -> None:
    with app_client(disk / "data", workers=1) as client:
        done = train(client, **SHORT_JOB)
        ballast = fill_disk(disk)
        accepted = submit_until_full(client)
        for _ in range(5):
            check_problem(client.post("/train", json=SHORT_JOB), 507, "disk-full")
        check_problem(client.post("/sweeps", json={"seeds": 5}), 507, "disk-full")
        assert len(client.get("/jobs").json()["data"]) == 1 + len(accepted)
        assert client.get("/sample", params={"job_id": done["id"]}).status_code == 200
        assert client.post("/score", json={"vectors": [[1, 0, 1, 0]], "job_id": done["id"]}).status_code == 200
        assert client.get(f"/jobs/{done['id']}/progress").status_code == 200
        ballast.unlink()
        assert train(client, **SHORT_JOB)["status"] == "succeeded"
        for job in accepted:
            assert get_job(client, job, wait=30)["status"] == "succeeded"


def test_job_that_ends_on_a_full_disk_is_persisted_when_there_is_space(disk: Path) -> None:
    with app_client(disk / "data", workers=1) as client:
        job = start_running_job(client, **SLOW_JOB)
        ballast = fill_disk(disk)
        submit_until_full(client)
        trained = wait_until(lambda: get_job(client, job), lambda now: now["iteration"] == now["iterations"])
        assert trained["status"] == "running"
        check_problem(client.post(f"/jobs/{job['id']}/cancel"), 507, "disk-full")
        ballast.unlink()
        assert get_job(client, job, wait=30)["status"] == "succeeded"
        models = {model["job_id"]: model["sha256"] for model in client.get("/models").json()["data"]}
        assert models[job["id"]] == sha256(train_here(TrainConfig(**SLOW_JOB)).model().to_bytes()).hexdigest()
    check_store(disk / "data")


@pytest.mark.parametrize(("action", "status"), [("pause", "paused"), ("cancel", "cancelled")])
def test_stop_that_cannot_be_persisted_is_refused_and_the_job_runs_on(disk: Path, action: str, status: str) -> None:
    with app_client(disk / "data", workers=1) as client:
        job = start_running_job(client)
        ballast = fill_disk(disk)
        submit_until_full(client)
        check_problem(client.post(f"/jobs/{job['id']}/{action}"), 507, "disk-full")
        before = get_job(client, job)
        assert before["status"] == "running"
        wait_until(lambda: get_job(client, job), lambda now: now["iteration"] > before["iteration"])
        ballast.unlink()
        assert client.post(f"/jobs/{job['id']}/{action}").json()["status"] == status


@pytest.mark.parametrize("end", [Server.stop, Server.kill])
def test_job_of_a_process_that_ended_on_a_full_disk_resumes(disk: Path, end: Callable[[Server], object]) -> None:
    with running_server(disk / "data", "--workers", "1") as (server, client):
        job = start_running_job(client)
        ballast = fill_disk(disk)
        submit_until_full(client)
        end(server)
        assert server.wait(0) == (0 if end == Server.stop else -signal.SIGKILL)
    ballast.unlink()
    with running_server(disk / "data", "--workers", "1") as (_, client):
        wait_until(lambda: get_job(client, job), lambda now: now["status"] == "running" and now["iteration"] > 0)
        client.post(f"/jobs/{job['id']}/cancel")
        assert train(client, **SHORT_JOB)["status"] == "succeeded"


def test_start_on_a_full_disk_is_refused(disk: Path) -> None:
    Store(disk / "data").close()
    fill_disk(disk)
    with pytest.raises(DiskFullError):
        Store(disk / "data")


def check_nothing_lost(server: Server, job: Json) -> None:
    """Check the log of a process that has exited, and start another on its folder."""
    assert "an fsync failed" in "".join(server.log)
    with running_server(server.data_dir) as (_, client):
        assert get_job(client, job) == job
        assert client.get("/sample", params={"job_id": job["id"]}).status_code == 200
        for other in client.get("/jobs").json()["data"]:
            assert get_job(client, other, wait=30)["status"] == "succeeded"
        assert train(client, **SHORT_JOB)["status"] == "succeeded"
    check_store(server.data_dir)


@pytest.mark.parametrize(
    ("call", "error", "files", "settings"),
    [
        ("fsync", "EIO", ["models"], SHORT_JOB),
        ("fsync", "EINVAL", [], SHORT_JOB),  # of all files: the model's is the first
        ("fdatasync", "EIO", ["gan1010.sqlite-wal"], SHORT_JOB),
        ("fdatasync", "EIO", ["gan1010.sqlite"], LARGE_LOG_JOB),
    ],
)
def test_failed_fsync_ends_the_process(tmp_path: Path, call: str, error: str, files: list[str], settings: Json) -> None:
    with running_server(tmp_path) as (server, client):
        job = train(client, **SHORT_JOB)
        with inject_failures(server.process.pid, call, f"error={error}", *(tmp_path / file for file in files)):
            with pytest.raises(httpx.TransportError):
                client.post("/train", params={"wait": 30}, json=settings)
            assert server.wait(30) == EX_IOERR, "".join(server.log)
    check_nothing_lost(server, job)


def test_failed_fsync_of_the_folder_ends_the_start(tmp_path: Path) -> None:
    with running_server(tmp_path) as (_, client):
        job = train(client, **SHORT_JOB)
    with server_process(tmp_path, setup=stop_at_start) as server:
        wait_until_stopped(server.process.pid)
        with inject_failures(server.process.pid, "fsync", "error=EIO", tmp_path):
            server.process.send_signal(signal.SIGCONT)
            assert server.wait(60) == EX_IOERR, "".join(server.log)
    check_nothing_lost(server, job)


def test_failed_fsync_of_the_database_ends_a_clean_stop(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, client):
        job = train(client, **SHORT_JOB)
        with inject_failures(server.process.pid, "fdatasync", "error=EIO", tmp_path / "gan1010.sqlite"):
            assert server.stop() == EX_IOERR, "".join(server.log)
    check_nothing_lost(server, job)


@pytest.mark.parametrize(
    ("call", "settings"), [("pwrite64", SHORT_JOB), ("rename", SHORT_JOB), ("ftruncate", LARGE_LOG_JOB)]
)
@pytest.mark.parametrize(("error", "type"), [("EIO", "storage-failed"), ("ENOSPC", "disk-full")])
def test_failed_write_is_a_problem_or_retried(tmp_path: Path, call: str, settings: Json, error: str, type: str) -> None:
    with running_server(tmp_path, "--workers", "1") as (server, client):
        done = train(client, **SHORT_JOB)
        with inject_failures(server.process.pid, call, f"error={error}:when=1..3") as failed:
            for _ in range(50):
                response = client.post("/train", json=settings)
                if response.status_code == 202:
                    break
                check_problem(response, 507 if error == "ENOSPC" else 500, type)
            job = response.json()
            assert get_job(client, done) == done
            assert client.get("/sample", params={"job_id": done["id"]}).status_code == 200
            assert get_job(client, job, wait=30)["status"] == "succeeded"
            train(client, **SHORT_JOB)
        assert failed
        assert len(client.get("/jobs").json()["data"]) == 3
    check_store(tmp_path)


@pytest.mark.parametrize(("call", "error"), [("openat", "EMFILE"), ("openat", "ENFILE"), ("read", "ENOMEM")])
def test_model_is_not_damaged_when_descriptors_or_memory_run_out(tmp_path: Path, call: str, error: str) -> None:
    with running_server(tmp_path) as (server, client):
        job = train(client, **SHORT_JOB)
        file = tmp_path / "models" / f"{job['id']}.safetensors"
        with inject_failures(server.process.pid, call, f"error={error}", file):
            check_problem(client.get("/sample"), 500, "storage-failed")
            check_problem(client.get(f"/models/{job['id']}/model.safetensors"), 500, "storage-failed")
        assert client.get("/sample").status_code == 200
        assert client.get(f"/models/{job['id']}/model.safetensors").content == file.read_bytes()
    assert "could not be read" in "".join(server.log)
