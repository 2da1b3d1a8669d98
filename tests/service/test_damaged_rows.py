"""Histories, checkpoints and shards that are not what was written: refused by all that read them, and nothing else."""

import sqlite3
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.service.clients import in_process
from tests.service.contract import QUICK, Json, problem, start_running, train

COLUMNS = {"histories": "arrays", "checkpoints": "state", "shards": "columns"}
SWEEP: Json = {"base": {"iterations": 20}, "grid": {"loss": ["mse", "bce"]}, "seeds": 5}
VECTORS: Json = {"vectors": [[1, 0, 1, 0]]}
IN_BULK = {"Content-Type": "application/octet-stream"}
INFER: Json = {"inputs": [{"name": "seed", "shape": [1, 1], "datatype": "FP32", "data": [1]}]}
OF_A_HISTORY = (
    ("GET", "/jobs/{}/progress", {}),
    ("GET", "/jobs/{}/progress", {"headers": {"Accept": "text/csv"}}),
    ("GET", "/jobs/{}/progress", {"params": {"view": "article"}}),
    ("GET", "/jobs/{}/snapshots", {"params": {"weights": True}}),
    ("GET", "/jobs/{}/snapshots", {"headers": {"Accept": "application/x-npz"}}),
    ("GET", "/jobs/{}/events", {"headers": {"Last-Event-ID": "0"}}),
    ("GET", "/jobs/{}/plots/losses.png", {}),
    ("GET", "/jobs/{}/plots/evolution.svg", {}),
    ("GET", "/jobs/{}/plots/surface.png", {"params": {"iteration": 10}}),
    ("GET", "/sample", {"params": {"job_id": "{}", "iteration": 10}}),
    ("POST", "/sample", {"json": {"seeds": [1], "job_id": "{}", "iteration": 10}}),
    ("POST", "/sample", {"params": {"job_id": "{}", "iteration": 10}, "content": bytes(4), "headers": IN_BULK}),
    ("POST", "/score", {"json": VECTORS | {"job_id": "{}", "iteration": 10}}),
    ("POST", "/score", {"params": {"job_id": "{}", "iteration": 10}, "content": bytes(16), "headers": IN_BULK}),
)
OF_THE_LAST_MOMENT = (  # of a job that has not succeeded, and so has no file
    ("GET", "/sample", {"params": {"job_id": "{}"}}),
    ("POST", "/score", {"json": VECTORS | {"job_id": "{}"}}),
    ("GET", "/jobs/{}/plots/surface.png", {}),
    ("GET", "/v2/models/generator/versions/{}", {}),
    ("POST", "/v2/models/generator/versions/{}/infer", {"json": INFER}),
)
OF_SHARDS = (
    ("GET", "/sweeps/{}/results", {}),
    ("GET", "/sweeps/{}/results", {"headers": {"Accept": "text/csv"}}),
    ("GET", "/sweeps/{}/members", {}),
    ("GET", "/sweeps/{}/plots/heatmap.png", {}),
)


def ask(client: httpx.Client, request: tuple[str, str, Json], id: str) -> httpx.Response:
    """Send a request of the lists above, about this job."""
    method, path, more = request
    named = {
        name: {key: id if value == "{}" else value for key, value in part.items()} if isinstance(part, dict) else part
        for name, part in more.items()
    }
    return client.request(method, path.format(id), **named)


def as_damaged(answer: httpx.Response) -> None:
    """The problem that tells of it, on the protocol's paths in its own form."""
    if answer.request.url.path.startswith("/v2"):
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/model-damaged")
    else:
        problem(answer, 409, "model-damaged")
    assert "is not what was written" in answer.json()["detail"]


def flip_a_bit(folder: Path, table: str, id: str, seed: int) -> None:
    """Of one of a job's blobs."""
    column, random = COLUMNS[table], Random(seed)  # noqa: S311
    db = sqlite3.connect(folder / "gan1010.sqlite")
    rows = db.execute(f"SELECT rowid, {column} FROM {table} WHERE job_id = ?", (id,)).fetchall()  # noqa: S608
    rowid, blob = random.choice(rows)
    bit = random.randrange(len(blob) * 8)
    blob = blob[: bit // 8] + bytes([blob[bit // 8] ^ 1 << bit % 8]) + blob[bit // 8 + 1 :]
    db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (blob, rowid))  # noqa: S608
    db.commit()
    db.close()


@pytest.mark.parametrize("seed", range(5))
def test_damaged_history_is_refused_by_all_that_read_it_and_others_work(tmp_path: Path, seed: int) -> None:
    with in_process(tmp_path, workers=1) as client:
        good, bad = (train(client, **QUICK | {"iterations": 1000, "record_every": 5})["id"] for _ in range(2))
    flip_a_bit(tmp_path, "histories", bad, seed)
    with in_process(tmp_path, workers=1) as client:
        for request in OF_A_HISTORY:
            as_damaged(ask(client, request, bad))
            assert ask(client, request, good).status_code == 200, request
        for request in OF_THE_LAST_MOMENT:
            assert ask(client, request, bad).status_code == 200, request  # by its file
        assert client.get(f"/jobs/{bad}").json()["status"] == "succeeded"
        assert client.delete(f"/jobs/{bad}").status_code == 204


@pytest.mark.parametrize("seed", range(3))
def test_damaged_history_of_a_job_without_a_file_gives_no_samples(tmp_path: Path, seed: int) -> None:
    with in_process(tmp_path, workers=1) as client:
        bad = start_running(client)["id"]
        client.post(f"/jobs/{bad}/cancel")
    flip_a_bit(tmp_path, "histories", bad, seed)
    with in_process(tmp_path, workers=1) as client:
        for request in OF_THE_LAST_MOMENT:
            as_damaged(ask(client, request, bad))


@pytest.mark.parametrize("seed", range(3))
def test_damaged_checkpoint_of_a_paused_job_is_refused(tmp_path: Path, seed: int) -> None:
    with in_process(tmp_path, workers=1) as client:
        bad = start_running(client)["id"]
        assert client.post(f"/jobs/{bad}/pause").json()["status"] == "paused"
    flip_a_bit(tmp_path, "checkpoints", bad, seed)
    with in_process(tmp_path, workers=1) as client:
        as_damaged(client.get(f"/jobs/{bad}/progress"))
        assert client.post(f"/jobs/{bad}/cancel").status_code == 200


@pytest.mark.parametrize("seed", range(5))
def test_damaged_shard_is_refused_by_all_that_read_it_and_others_work(tmp_path: Path, seed: int) -> None:
    with in_process(tmp_path, workers=1) as client:
        good, bad = (client.post("/sweeps", params={"wait": 30}, json=SWEEP).json()["id"] for _ in range(2))
    flip_a_bit(tmp_path, "shards", bad, seed)
    with in_process(tmp_path, workers=1) as client:
        for request in OF_SHARDS:
            as_damaged(ask(client, request, bad))
            assert ask(client, request, good).status_code == 200, request
        assert client.get(f"/jobs/{bad}").json()["status"] == "succeeded"
        assert client.delete(f"/jobs/{bad}").status_code == 204


def test_shard_damaged_while_its_cells_are_in_memory_gives_no_members(tmp_path: Path) -> None:
    with in_process(tmp_path, workers=1) as client:
        bad = client.post("/sweeps", params={"wait": 30}, json=SWEEP).json()["id"]
        flip_a_bit(tmp_path, "shards", bad, 1)
        assert client.get(f"/sweeps/{bad}/results").status_code == 200
        as_damaged(client.get(f"/sweeps/{bad}/members"))
