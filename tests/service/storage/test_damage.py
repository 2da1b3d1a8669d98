"""Damaged rows and files: refused by every reader, while all other jobs work."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import httpx
import numpy as np
import pytest
from safetensors.numpy import load, save

from service.errors import CorruptDataError
from service.storage.checksums import checksum, decoding, unpack_arrays
from tests.support.clients import app_client, running_server
from tests.support.contract import SHORT_JOB, Json, check_problem, start_running_job, submit_job, train
from tests.support.data_folder import execute, flip_bit

Request = tuple[str, str, Json]

RECORDED_JOB: Json = SHORT_JOB | {"iterations": 1000, "record_every": 5}
SWEEP: Json = {"base": {"iterations": 20}, "grid": {"loss": ["mse", "bce"]}, "seeds": 5}
VECTORS: Json = {"vectors": [[1, 0, 1, 0]]}
BINARY = {"Content-Type": "application/octet-stream"}
INFER: Json = {"inputs": [{"name": "seed", "shape": [1, 1], "datatype": "FP32", "data": [1]}]}


def history_requests(id: str) -> tuple[Request, ...]:
    snapshot = f"job_id={id}&iteration=10"
    return (
        ("GET", f"/jobs/{id}/progress", {}),
        ("GET", f"/jobs/{id}/progress", {"headers": {"Accept": "text/csv"}}),
        ("GET", f"/jobs/{id}/progress?view=article", {}),
        ("GET", f"/jobs/{id}/snapshots?weights=true", {}),
        ("GET", f"/jobs/{id}/snapshots", {"headers": {"Accept": "application/x-npz"}}),
        ("GET", f"/jobs/{id}/events", {"headers": {"Last-Event-ID": "0"}}),
        ("GET", f"/jobs/{id}/plots/losses.png", {}),
        ("GET", f"/jobs/{id}/plots/evolution.svg", {}),
        ("GET", f"/jobs/{id}/plots/surface.png?iteration=10", {}),
        ("GET", f"/sample?{snapshot}", {}),
        ("POST", "/sample", {"json": {"seeds": [1], "job_id": id, "iteration": 10}}),
        ("POST", f"/sample?{snapshot}", {"content": bytes(4), "headers": BINARY}),
        ("POST", "/score", {"json": VECTORS | {"job_id": id, "iteration": 10}}),
        ("POST", f"/score?{snapshot}", {"content": bytes(16), "headers": BINARY}),
    )


def model_requests(id: str) -> tuple[Request, ...]:
    """Return requests for the last weights, which a finished job has in a file and any other in its history."""
    return (
        ("GET", f"/sample?job_id={id}", {}),
        ("POST", "/score", {"json": VECTORS | {"job_id": id}}),
        ("GET", f"/jobs/{id}/plots/surface.png", {}),
        ("GET", f"/v2/models/generator/versions/{id}", {}),
        ("POST", f"/v2/models/generator/versions/{id}/infer", {"json": INFER}),
    )


def shard_requests(id: str) -> tuple[Request, ...]:
    return (
        ("GET", f"/sweeps/{id}/results", {}),
        ("GET", f"/sweeps/{id}/results", {"headers": {"Accept": "text/csv"}}),
        ("GET", f"/sweeps/{id}/members", {}),
        ("GET", f"/sweeps/{id}/members", {"headers": {"Accept": "text/csv"}}),
        ("GET", f"/sweeps/{id}/plots/heatmap.png", {}),
    )


def send(client: httpx.Client, request: Request) -> httpx.Response:
    method, url, options = request
    return client.request(method, url, **options)


def check_damaged(response: httpx.Response) -> None:
    if response.request.url.path.startswith("/v2"):
        assert (response.status_code, response.json()["type"]) == (409, "/problems/model-damaged")
    else:
        check_problem(response, 409, "model-damaged")
    assert "damaged" in response.json()["detail"]


def run_sweep(client: httpx.Client) -> str:
    return str(client.post("/sweeps", params={"wait": 30}, json=SWEEP).json()["id"])


def run_training(client: httpx.Client) -> str:
    return str(train(client, **RECORDED_JOB)["id"])


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("table", "run", "requests", "other_requests"),
    [
        ("histories", run_training, history_requests, model_requests),
        ("shards", run_sweep, shard_requests, lambda id: ()),
    ],
    ids=["history", "shard"],
)
def test_damaged_arrays_are_refused_by_every_reader(
    tmp_path: Path,
    seed: int,
    table: str,
    run: Callable[[httpx.Client], str],
    requests: Callable[[str], tuple[Request, ...]],
    other_requests: Callable[[str], tuple[Request, ...]],
) -> None:
    with app_client(tmp_path, workers=1) as client:
        good, bad = run(client), run(client)
    flip_bit(tmp_path, table, bad, seed)
    with app_client(tmp_path, workers=1) as client:
        for request in requests(bad):
            check_damaged(send(client, request))
        for request in (*requests(good), *other_requests(bad)):
            assert send(client, request).status_code == 200, request
        assert client.get(f"/jobs/{bad}").json()["status"] == "succeeded"
        assert client.delete(f"/jobs/{bad}").status_code == 204


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("action", "table"), [("cancel", "histories"), ("pause", "checkpoints")])
def test_damaged_arrays_of_a_stopped_job_are_refused(tmp_path: Path, seed: int, action: str, table: str) -> None:
    with app_client(tmp_path, workers=1) as client:
        bad = start_running_job(client)["id"]
        assert client.post(f"/jobs/{bad}/{action}").status_code == 200
    flip_bit(tmp_path, table, bad, seed)
    with app_client(tmp_path, workers=1) as client:
        for request in (("GET", f"/jobs/{bad}/progress", {}), *model_requests(bad)):
            check_damaged(send(client, request))
        assert client.post(f"/jobs/{bad}/cancel").status_code == 200


def test_shard_damaged_while_its_cells_are_in_memory_gives_no_members(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        bad = run_sweep(client)
        flip_bit(tmp_path, "shards", bad, 1)
        assert client.get(f"/sweeps/{bad}/results").status_code == 200
        check_damaged(client.get(f"/sweeps/{bad}/members"))


@pytest.mark.parametrize("seed", range(8))
def test_damaged_job_is_refused_and_not_listed(tmp_path: Path, seed: int) -> None:
    key = {"Idempotency-Key": "mine"}
    with app_client(tmp_path, workers=1) as client:
        first, bad, last, newest = (
            client.post("/train", params={"wait": 30}, json=SHORT_JOB, headers=headers).json()["id"]
            for headers in ({}, key, {}, {})
        )
        sweep = run_sweep(client)
    for id in (bad, newest, sweep):
        flip_bit(tmp_path, "jobs", id, seed)
    with app_client(tmp_path, workers=1) as client:
        for request in (("GET", f"/jobs/{bad}", {}), *history_requests(bad), *model_requests(bad)):
            check_damaged(send(client, request))
        for request in (*shard_requests(sweep), ("POST", f"/sweeps/{sweep}/members/0/train", {})):
            check_damaged(send(client, request))
        check_damaged(client.post("/train", json=SHORT_JOB, headers=key))
        for path, name in (("/jobs", "id"), ("/models", "job_id")):
            page = client.get(path, params={"limit": 1}).json()
            assert ([row[name] for row in page["data"]], page["has_more"]) == ([last], True)
            page = client.get(path, params={"limit": 1, "after": page["next"]}).json()
            assert ([row[name] for row in page["data"]], page["has_more"]) == ([first], False)
        assert client.get("/sample").json()["job_id"] == last
        assert client.post("/score", json=VECTORS).json()["job_id"] == last
        assert client.post("/v2/models/generator/infer", json=INFER).json()["model_version"] == last
        assert client.delete(f"/jobs/{bad}").status_code == 204
        check_problem(client.get(f"/jobs/{bad}"), 404, "job-not-found")
        assert train(client, **SHORT_JOB)["status"] == "succeeded"


@pytest.mark.parametrize("seed", range(3))
def test_damaged_job_that_has_not_ended_is_logged_once(
    tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    with app_client(tmp_path, workers=1) as client:
        bad, good = start_running_job(client)["id"], submit_job(client, **SHORT_JOB)["id"]
    flip_bit(tmp_path, "jobs", bad, seed)
    with app_client(tmp_path, workers=1) as client:
        assert client.get(f"/jobs/{good}", params={"wait": 30}).json()["status"] == "succeeded"
        for _ in range(2):
            assert [job["id"] for job in client.get("/jobs").json()["data"]] == [good]
        for action in ("pause", "resume", "cancel"):
            check_damaged(client.post(f"/jobs/{bad}/{action}"))
        assert client.delete(f"/jobs/{bad}").status_code == 204
    assert len([line for line in caplog.messages if f"job {bad} is damaged" in line]) == 1


@pytest.mark.parametrize("change", ["status = 'qqeued'", "kind = 'tsain'", "has_generator = 0"])
def test_job_whose_columns_do_not_match_its_document_is_damaged(tmp_path: Path, change: str) -> None:
    with app_client(tmp_path, workers=1) as client:
        bad = start_running_job(client)["id"]
    execute(tmp_path, f"UPDATE jobs SET {change}")  # noqa: S608
    with app_client(tmp_path, workers=1) as client:
        check_damaged(client.get(f"/jobs/{bad}"))
        assert client.get("/jobs").json()["data"] == []
        assert client.delete(f"/jobs/{bad}").status_code == 204


def test_new_ids_follow_the_newest_intact_id(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        good, bad = (train(client, **SHORT_JOB)["id"] for _ in range(2))
    execute(tmp_path, "UPDATE jobs SET id = 'q' || substr(id, 2) WHERE id = ?", bad)
    with app_client(tmp_path, workers=1) as client:
        assert [job["id"] for job in client.get("/jobs").json()["data"]] == [good]
        assert train(client, **SHORT_JOB)["id"] > good


@pytest.mark.parametrize("valid_characters", [0, 1])
def test_list_ends_whatever_the_ids_are(tmp_path: Path, valid_characters: int) -> None:
    with app_client(tmp_path, workers=1) as client:
        jobs = [train(client, **SHORT_JOB)["id"] for _ in range(4)]
    for job, byte in zip(jobs[1:3], (b"\x80", b"\x81"), strict=True):
        id = job[:valid_characters].encode() + byte + job[valid_characters + 1 :].encode()
        execute(tmp_path, "UPDATE jobs SET id = CAST(? AS TEXT) WHERE id = ?", id, job)
    with app_client(tmp_path, workers=1) as client:
        for limit in (1, 2, 3, 100):
            assert {job["id"] for job in client.get("/jobs", params={"limit": limit}).json()["data"]} <= {*jobs}


@pytest.mark.parametrize("change", ["shards SET number = 7 WHERE number = 0", "histories SET iteration = 19"])
def test_arrays_under_another_key_are_damaged(tmp_path: Path, change: str) -> None:
    with app_client(tmp_path, workers=1) as client:
        sweep, job = run_sweep(client), train(client, **SHORT_JOB)["id"]
    execute(tmp_path, f"UPDATE {change}")
    with app_client(tmp_path, workers=1) as client:
        check_damaged(client.get(f"/sweeps/{sweep}/results" if "shards" in change else f"/jobs/{job}/progress"))


@pytest.mark.parametrize("blob", [b"", b"no safetensors", bytes(64), (2**62).to_bytes(8, "little") + bytes(9), None])
def test_blob_that_holds_no_arrays_is_damaged_whatever_its_checksum(blob: bytes | None) -> None:
    with pytest.raises(CorruptDataError, match=r"^It is damaged \(.+\)\. Train the job again\.$"), decoding("It"):
        unpack_arrays(blob, checksum(blob or b""))  # type: ignore[arg-type]


def damaged_copies(content: bytes) -> dict[str, bytes]:
    tensors = load(content)
    return {
        "flipped bit": content[:-1] + bytes([content[-1] ^ 1]),
        "truncated": content[: len(content) // 2],
        "empty": b"",
        "longer": content + b"\0",
        "NaN weights": save({name: np.full_like(tensor, np.nan) for name, tensor in tensors.items()}),
        "wrong shapes": save({name: np.concatenate([tensor, tensor]) for name, tensor in tensors.items()}),
        "huge header": (2**62).to_bytes(8, "little") + content[8:],
        "zeros": bytes(len(content)),
    }


@pytest.mark.parametrize("matches_row", [False, True])
def test_damaged_model_file_is_refused(tmp_path: Path, matches_row: bool) -> None:
    with app_client(tmp_path, workers=1) as client:
        good, bad = (train(client, **SHORT_JOB)["id"] for _ in range(2))
    file = tmp_path / "models" / f"{bad}.safetensors"
    for name, content in damaged_copies(file.read_bytes()).items():
        file.write_bytes(content)
        if matches_row:
            row = (sha256(content).hexdigest(), len(content), bad)
            execute(tmp_path, "UPDATE models SET sha256 = ?, bytes = ? WHERE job_id = ?", *row)
        with app_client(tmp_path, workers=1) as client:
            for request in (
                ("GET", f"/sample?job_id={bad}", {}),
                ("GET", "/sample", {}),
                ("POST", "/score", {"json": VECTORS | {"job_id": bad}}),
                ("GET", f"/models/{bad}/generator.safetensors", {}),
            ):
                check_problem(send(client, request), 409, "model-damaged")
            assert client.get(f"/sample?job_id={good}").status_code == 200, name
            assert client.get(f"/models/{good}/generator.safetensors").status_code == 200
            assert client.get(f"/sample?job_id={bad}&iteration=10").status_code == 200
            assert client.delete(f"/jobs/{train(client, **SHORT_JOB)['id']}").status_code == 204


def test_missing_model_file_is_damaged(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = train(client, **SHORT_JOB)["id"]
        (tmp_path / "models" / f"{job}.safetensors").unlink()
        check_damaged(client.get("/sample"))
        assert client.delete(f"/jobs/{job}").status_code == 204
        check_problem(client.get("/sample"), 409, "no-model")


def test_intact_file_of_another_model_is_damaged(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        bad, good = (train(client, **SHORT_JOB | {"seed": seed})["id"] for seed in (1, 2))
    models = tmp_path / "models"
    (models / f"{bad}.safetensors").write_bytes((models / f"{good}.safetensors").read_bytes())
    with app_client(tmp_path, workers=1) as client:
        check_damaged(client.get(f"/sample?job_id={bad}"))
        assert client.get(f"/sample?job_id={good}").status_code == 200


def test_huge_model_file_is_refused_without_being_read(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, client):
        job = train(client, **SHORT_JOB)["id"]
        server.reset_peak_memory()
        before = server.memory("VmHWM")
        os.truncate(tmp_path / "models" / f"{job}.safetensors", 2**33)  # sparse: it takes no space on the disk
        check_damaged(client.get(f"/sample?job_id={job}"))
        check_damaged(client.get(f"/models/{job}/model.safetensors"))
        assert server.memory("VmHWM") - before < 2**26
