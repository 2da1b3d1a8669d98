"""The disk is full, fails, or gives back something else than was written: no half state and no wrong answer."""

import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from time import sleep

import httpx
import numpy as np
import pytest
from safetensors.numpy import load, save

from gan1010 import TrainConfig
from gan1010 import train as train_here
from gan1010.export.safetensors import dump
from tests.support.clients import Client, app_client, running_server, server_process
from tests.support.contract import LARGE_LOG_JOB, SHORT_JOB, Json, check_problem, start_running_job, train, wait_until
from tests.support.disks import fill_disk, inject_failures, small_disk

WELL_RECORDED: Json = {"iterations": 200_000, "record_every": 5, "snapshot_every": 500, "seed": 3}  # takes much room
SLOW: Json = {"iterations": 150_000, "hidden_size": 16, "record_every": 5, "seed": 3}
SYSTEM = (0, 74)  # exit codes: all is well; the disk failed to make something durable


def look(client: httpx.Client, job: Json, **parameters: int) -> Json:
    return dict(client.get(f"/jobs/{job['id']}", params=parameters).json())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "8m") as disk:
        yield disk


def refused(client: Client, most: int = 200) -> list[Json]:
    """Start trainings until there is no room for one more: those that were accepted."""
    accepted = []
    for _ in range(most):
        answer = client.post("/train", json=SHORT_JOB)
        if answer.status_code == 507:
            check_problem(answer, 507, "disk-full")
            return accepted
        accepted.append(answer.json())
    raise AssertionError("there is room without end")


def test_full_disk_refuses_what_is_to_be_kept_and_nothing_else(disk: Path) -> None:
    with app_client(disk / "data", workers=1) as client:
        done = train(client, **SHORT_JOB)
        ballast = fill_disk(disk)
        accepted = refused(client)
        before = client.get("/jobs").json()["data"]
        assert len(before) == 1 + len(accepted)
        for _ in range(5):
            check_problem(client.post("/train", json=SHORT_JOB), 507, "disk-full")
        check_problem(client.post("/sweeps", json={"seeds": 5}), 507, "disk-full")
        assert len(client.get("/jobs").json()["data"]) == len(before)
        assert client.get("/sample", params={"job_id": done["id"]}).status_code == 200
        assert client.post("/score", json={"vectors": [[1, 0, 1, 0]], "job_id": done["id"]}).status_code == 200
        assert client.get(f"/jobs/{done['id']}/progress").status_code == 200
        ballast.unlink()
        assert train(client, **SHORT_JOB)["status"] == "succeeded"  # by itself
        for job in accepted:
            assert look(client, job, wait=10)["status"] == "succeeded"


def test_run_goes_on_while_the_disk_is_full_and_is_kept_when_there_is_room(disk: Path) -> None:
    with app_client(disk / "data", workers=1) as client:
        job = start_running_job(client, **SLOW)
        ballast = fill_disk(disk)
        refused(client)
        sleep(3)  # it is done, but for its being kept
        assert look(client, job)["status"] == "running"
        check_problem(client.post(f"/jobs/{job['id']}/cancel"), 507, "disk-full")
        ballast.unlink()
        assert look(client, job, wait=20)["status"] == "succeeded"
        assert digest(client, job) == sha256(dump(train_here(TrainConfig(**SLOW)).model())).hexdigest()
    assert integrity(disk / "data") == "ok"


@pytest.mark.parametrize(("what", "status"), [("pause", "paused"), ("cancel", "cancelled")])
def test_change_that_cannot_be_kept_is_refused_and_the_run_goes_on(disk: Path, what: str, status: str) -> None:
    with app_client(disk / "data", workers=1) as client:
        job = start_running_job(client)
        ballast = fill_disk(disk)
        refused(client)
        check_problem(client.post(f"/jobs/{job['id']}/{what}"), 507, "disk-full")
        now = look(client, job)
        assert now["status"] == "running"
        wait_until(lambda: look(client, job), lambda later: later["iteration"] > now["iteration"])
        ballast.unlink()
        assert client.post(f"/jobs/{job['id']}/{what}").json()["status"] == status


def test_process_starts_and_stops_cleanly_on_a_full_disk(disk: Path) -> None:
    with running_server(disk / "data", "--workers", "1") as (server, client):
        done, job = train(client, **SHORT_JOB), start_running_job(client)
        server.kill()
    ballast = fill_disk(disk)
    with running_server(disk / "data", "--workers", "1") as (server, client):
        assert client.get("/sample").json()["job_id"] == done["id"]
        assert look(client, job)["status"] in {"queued", "running"}
        assert server.stop() == 0, "".join(server.log)
    ballast.unlink()
    with running_server(disk / "data", "--workers", "1") as (_, client):
        assert wait_until(lambda: look(client, job), lambda job: job["iteration"] > 0)["status"] == "running"
        client.post(f"/jobs/{job['id']}/cancel")


@pytest.mark.parametrize("call", ["fdatasync", "fsync"])
def test_failed_fsync_ends_the_process_and_the_next_start_is_clean(tmp_path: Path, call: str) -> None:
    with running_server(tmp_path) as (server, client):
        done = train(client, **SHORT_JOB)
        with inject_failures(server.process.pid, call, "error=EIO"):
            with pytest.raises(httpx.TransportError):
                client.post("/train", params={"wait": 10}, json=SHORT_JOB | {"name": "not acknowledged"})
            assert server.wait(10) == SYSTEM[1]
        assert "start it again" in "".join(server.log)
    with running_server(tmp_path) as (_, client):
        assert look(client, done) == done
        for job in client.get("/jobs").json()["data"]:
            assert look(client, job, wait=10)["status"] == "succeeded"
        assert train(client, **SHORT_JOB)["status"] == "succeeded"
    assert integrity(tmp_path) == "ok"


@pytest.mark.parametrize(
    ("call", "settings"), [("pwrite64", SHORT_JOB), ("rename", SHORT_JOB), ("ftruncate", LARGE_LOG_JOB)]
)
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_failed_write_is_an_answer_and_the_process_goes_on(
    tmp_path: Path, call: str, settings: Json, error: str
) -> None:
    with running_server(tmp_path, "--workers", "1") as (server, client):
        done = train(client, **SHORT_JOB)
        with inject_failures(server.process.pid, call, f"error={error}:when=1..3") as failed:
            job, tries = None, 0
            while job is None and tries < 50:
                answer = client.post("/train", json=settings)
                assert answer.status_code in {202, 500, 507}
                if answer.status_code >= 500:
                    check_problem(answer, answer.status_code, "disk-full" if error == "ENOSPC" else "storage-failed")
                else:
                    job = answer.json()
                tries += 1
            assert job is not None
            assert look(client, done) == done
            assert client.get("/sample", params={"job_id": done["id"]}).status_code == 200
            assert look(client, job, wait=20)["status"] == "succeeded"
            train(client, **SHORT_JOB)
        assert failed
        assert len(client.get("/jobs").json()["data"]) == 3
    assert integrity(tmp_path) == "ok"


def damaged(content: bytes) -> dict[str, bytes]:
    """A model's file after some things that may happen to it."""
    tensors = load(content)
    other = {name: np.full_like(tensor, np.nan) for name, tensor in tensors.items()}
    wide = {name: np.concatenate([tensor, tensor]) for name, tensor in tensors.items()}
    return {
        "a bit": content[:-1] + bytes([content[-1] ^ 1]),
        "cut off": content[: len(content) // 2],
        "empty": b"",
        "longer": content + b"\0",
        "NaN weights": save(other),
        "wrong shapes": save(wide),
        "a huge header": (2**62).to_bytes(8, "little") + content[8:],
        "zeros": bytes(len(content)),
    }


@pytest.mark.parametrize("knows", ["not", "its SHA-256"], ids=["as kept", "row says the same"])
def test_damaged_model_is_refused_and_all_others_work(tmp_path: Path, knows: str) -> None:
    with app_client(tmp_path, workers=1) as client:
        good, bad = train(client, **SHORT_JOB), train(client, **SHORT_JOB)
    file = tmp_path / "models" / f"{bad['id']}.safetensors"
    whole = file.read_bytes()
    for what, content in damaged(whole).items():
        file.write_bytes(content)
        if knows != "not":
            row = (sha256(content).hexdigest(), len(content), bad["id"])
            write(tmp_path, "UPDATE models SET sha256 = ?, bytes = ? WHERE job_id = ?", *row)
        with app_client(tmp_path, workers=1) as client:
            check_problem(client.get("/sample", params={"job_id": bad["id"]}), 409, "model-damaged")
            check_problem(client.get("/sample"), 409, "model-damaged")
            check_problem(
                client.post("/score", json={"vectors": [[1, 0, 1, 0]], "job_id": bad["id"]}), 409, "model-damaged"
            )
            check_problem(client.get(f"/models/{bad['id']}/generator.safetensors"), 409, "model-damaged")
            assert client.get("/sample", params={"job_id": good["id"]}).status_code == 200, what
            assert client.get(f"/models/{good['id']}/generator.safetensors").status_code == 200
            assert client.get("/sample", params={"job_id": bad["id"], "iteration": 10}).status_code == 200
            assert client.delete(f"/jobs/{train(client, **SHORT_JOB)['id']}").status_code == 204


def test_model_whose_file_is_gone_is_damaged(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = train(client, **SHORT_JOB)
        (tmp_path / "models" / f"{job['id']}.safetensors").unlink()
        check_problem(client.get("/sample"), 409, "model-damaged")
        assert client.delete(f"/jobs/{job['id']}").status_code == 204
        check_problem(client.get("/sample"), 409, "no-model")


def test_sound_file_of_another_model_is_damage(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        one, other = (train(client, **SHORT_JOB | {"seed": seed})["id"] for seed in (1, 2))
    models = tmp_path / "models"
    (models / f"{one}.safetensors").write_bytes((models / f"{other}.safetensors").read_bytes())
    with app_client(tmp_path, workers=1) as client:
        check_problem(client.get("/sample", params={"job_id": one}), 409, "model-damaged")
        assert client.get("/sample", params={"job_id": other}).status_code == 200


def test_second_process_on_a_folder_says_why_it_does_not_start(tmp_path: Path) -> None:
    with running_server(tmp_path) as (_, client):
        with server_process(tmp_path) as second:
            assert second.wait(60) == 1
        assert "Another gan1010 process uses" in second.log[-1]
        assert train(client, **SHORT_JOB)["status"] == "succeeded"


def digest(client: httpx.Client, job: Json) -> str:
    (model,) = [model for model in client.get("/models").json()["data"] if model["job_id"] == job["id"]]
    return str(model["sha256"])


def write(folder: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(folder / "gan1010.sqlite") as db:
        db.execute(statement, values)
    db.close()


def integrity(folder: Path) -> str:
    db = sqlite3.connect(folder / "gan1010.sqlite")
    (found,) = db.execute("PRAGMA integrity_check").fetchone()
    db.close()
    return str(found)
