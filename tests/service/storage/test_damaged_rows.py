"""Rows that are not what was written: refused by all that read them, and nothing else."""

import sqlite3
from pathlib import Path
from random import Random

import httpx
import pytest

from tests.support.clients import app_client
from tests.support.contract import SHORT_JOB, Json, check_problem, start_running_job, submit_job, train

COLUMNS = {"histories": "arrays", "checkpoints": "state", "shards": "columns", "jobs": "document"}
SWEEP: Json = {"base": {"iterations": 20}, "grid": {"loss": ["mse", "bce"]}, "seeds": 5}
LONG: Json = {"iterations": 1_000_000, "hidden_size": 16, "seed": 1}
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
        check_problem(answer, 409, "model-damaged")
    assert "is damaged" in answer.json()["detail"]


def flip_a_bit(folder: Path, table: str, id: str, seed: int) -> None:
    """Of one of a job's blobs, or of its digest."""
    column, random = COLUMNS[table], Random(seed)  # noqa: S311
    which = f"{'id' if table == 'jobs' else 'job_id'} = ?"
    db = sqlite3.connect(folder / "gan1010.sqlite")
    rows = db.execute(f"SELECT {column}, CAST(sha256 AS BLOB) FROM {table} WHERE {which}", (id,)).fetchall()  # noqa: S608
    blob, digest = random.choice(rows)
    changed, value = random.choice([(column, blob), ("sha256", digest)])
    bit = random.randrange(len(value) * 8)
    place = 7 if changed == "sha256" else bit % 8  # what is no text any more is the worst
    flipped = value[: bit // 8] + bytes([value[bit // 8] ^ 1 << place]) + value[bit // 8 + 1 :]
    kept = "CAST(? AS TEXT)" if changed == "sha256" else "?"
    db.execute(f"UPDATE {table} SET {changed} = {kept} WHERE {which} AND {column} = ?", (flipped, id, blob))  # noqa: S608
    db.commit()
    db.close()


@pytest.mark.parametrize("seed", range(5))
def test_damaged_history_is_refused_by_all_that_read_it_and_others_work(tmp_path: Path, seed: int) -> None:
    with app_client(tmp_path, workers=1) as client:
        good, bad = (train(client, **SHORT_JOB | {"iterations": 1000, "record_every": 5})["id"] for _ in range(2))
    flip_a_bit(tmp_path, "histories", bad, seed)
    with app_client(tmp_path, workers=1) as client:
        for request in OF_A_HISTORY:
            as_damaged(ask(client, request, bad))
            assert ask(client, request, good).status_code == 200, request
        for request in OF_THE_LAST_MOMENT:
            assert ask(client, request, bad).status_code == 200, request  # by its file
        assert client.get(f"/jobs/{bad}").json()["status"] == "succeeded"
        assert client.delete(f"/jobs/{bad}").status_code == 204


@pytest.mark.parametrize("seed", range(3))
def test_damaged_history_of_a_job_without_a_file_gives_no_samples(tmp_path: Path, seed: int) -> None:
    with app_client(tmp_path, workers=1) as client:
        bad = start_running_job(client)["id"]
        client.post(f"/jobs/{bad}/cancel")
    flip_a_bit(tmp_path, "histories", bad, seed)
    with app_client(tmp_path, workers=1) as client:
        for request in OF_THE_LAST_MOMENT:
            as_damaged(ask(client, request, bad))


@pytest.mark.parametrize("seed", range(3))
def test_damaged_checkpoint_of_a_paused_job_is_refused(tmp_path: Path, seed: int) -> None:
    with app_client(tmp_path, workers=1) as client:
        bad = start_running_job(client)["id"]
        assert client.post(f"/jobs/{bad}/pause").json()["status"] == "paused"
    flip_a_bit(tmp_path, "checkpoints", bad, seed)
    with app_client(tmp_path, workers=1) as client:
        as_damaged(client.get(f"/jobs/{bad}/progress"))
        assert client.post(f"/jobs/{bad}/cancel").status_code == 200


@pytest.mark.parametrize("seed", range(5))
def test_damaged_shard_is_refused_by_all_that_read_it_and_others_work(tmp_path: Path, seed: int) -> None:
    with app_client(tmp_path, workers=1) as client:
        good, bad = (client.post("/sweeps", params={"wait": 30}, json=SWEEP).json()["id"] for _ in range(2))
    flip_a_bit(tmp_path, "shards", bad, seed)
    with app_client(tmp_path, workers=1) as client:
        for request in OF_SHARDS:
            as_damaged(ask(client, request, bad))
            assert ask(client, request, good).status_code == 200, request
        assert client.get(f"/jobs/{bad}").json()["status"] == "succeeded"
        assert client.delete(f"/jobs/{bad}").status_code == 204


def test_shard_damaged_while_its_cells_are_in_memory_gives_no_members(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        bad = client.post("/sweeps", params={"wait": 30}, json=SWEEP).json()["id"]
        flip_a_bit(tmp_path, "shards", bad, 1)
        assert client.get(f"/sweeps/{bad}/results").status_code == 200
        as_damaged(client.get(f"/sweeps/{bad}/members"))


@pytest.mark.parametrize("seed", range(8))
def test_damaged_job_is_refused_and_not_listed_and_others_work(tmp_path: Path, seed: int) -> None:
    key = {"Idempotency-Key": "mine"}
    with app_client(tmp_path, workers=1) as client:
        first, bad, last = (
            client.post("/train", params={"wait": 30}, json=SHORT_JOB, headers=headers).json()["id"]
            for headers in ({}, key, {})
        )
    flip_a_bit(tmp_path, "jobs", bad, seed)
    with app_client(tmp_path, workers=1) as client:
        for request in (("GET", "/jobs/{}", {}), *OF_A_HISTORY, *OF_THE_LAST_MOMENT):
            as_damaged(ask(client, request, bad))
        as_damaged(client.post("/train", json=SHORT_JOB, headers=key))
        for path, name in (("/jobs", "id"), ("/models", "job_id")):
            page = client.get(path, params={"limit": 1}).json()
            assert ([row[name] for row in page["data"]], page["has_more"]) == ([last], True)
            page = client.get(path, params={"limit": 1, "after": page["next"]}).json()
            assert ([row[name] for row in page["data"]], page["has_more"]) == ([first], False)
        assert client.get("/sample").json()["job_id"] == last
        assert client.delete(f"/jobs/{bad}").status_code == 204
        check_problem(client.get(f"/jobs/{bad}"), 404, "job-not-found")
        assert train(client, **SHORT_JOB)["status"] == "succeeded"


@pytest.mark.parametrize("seed", range(3))
def test_damaged_job_that_has_not_ended_is_told_of_and_the_rest_goes_on(
    tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    with app_client(tmp_path, workers=1) as client:
        bad, good = start_running_job(client)["id"], submit_job(client, **SHORT_JOB)["id"]
    flip_a_bit(tmp_path, "jobs", bad, seed)
    with app_client(tmp_path, workers=1) as client:
        assert client.get(f"/jobs/{good}", params={"wait": 20}).json()["status"] == "succeeded"
        for _ in range(2):
            assert [job["id"] for job in client.get("/jobs").json()["data"]] == [good]
        for change in ("pause", "resume", "cancel"):
            as_damaged(client.post(f"/jobs/{bad}/{change}"))
        assert client.delete(f"/jobs/{bad}").status_code == 204
    assert len([line for line in caplog.messages if f"job {bad} is damaged" in line]) == 1


def test_damaged_sweep_is_refused(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        bad = client.post("/sweeps", params={"wait": 30}, json=SWEEP).json()["id"]
    flip_a_bit(tmp_path, "jobs", bad, 1)
    with app_client(tmp_path, workers=1) as client:
        for request in (*OF_SHARDS, ("POST", "/sweeps/{}/members/0/train", {})):
            as_damaged(ask(client, request, bad))


def write(folder: Path, *statements: str) -> None:
    db = sqlite3.connect(folder / "gan1010.sqlite")
    for statement in statements:
        assert db.execute(statement).rowcount == 1, statement
    db.commit()
    db.close()


@pytest.mark.parametrize("change", ["status = 'qqeued'", "kind = 'tsain'", "has_generator = 0", "finished_at = '2026'"])
def test_job_whose_row_says_something_else_than_the_job_can_be_forgotten(tmp_path: Path, change: str) -> None:
    with app_client(tmp_path, workers=1) as client:
        bad = start_running_job(client)["id"]
    write(tmp_path, f"UPDATE jobs SET {change}")  # noqa: S608
    with app_client(tmp_path, workers=1) as client:
        as_damaged(client.get(f"/jobs/{bad}"))
        assert client.get("/jobs").json()["data"] == []
        assert client.delete(f"/jobs/{bad}").status_code == 204


def test_id_that_is_none_keeps_nothing_from_starting(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        good, _ = (train(client, **SHORT_JOB)["id"] for _ in range(2))
    write(tmp_path, "UPDATE jobs SET id = 'q' || substr(id, 2) WHERE id = (SELECT max(id) FROM jobs)")
    with app_client(tmp_path, workers=1) as client:
        assert [job["id"] for job in client.get("/jobs").json()["data"]] == [good]
        assert train(client, **SHORT_JOB)["id"] > good


def test_without_the_last_model_the_one_before_answers(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        good, bad = (train(client, **SHORT_JOB)["id"] for _ in range(2))
    flip_a_bit(tmp_path, "jobs", bad, 1)
    with app_client(tmp_path, workers=1) as client:
        assert client.get("/sample").json()["job_id"] == good
        assert client.post("/score", json=VECTORS).json()["job_id"] == good
        assert client.post("/v2/models/generator/infer", json=INFER).json()["model_version"] == good


def left_paused(folder: Path) -> str:
    """A training that another process has paused."""
    with app_client(folder, workers=1) as client:
        job = start_running_job(client, **LONG)["id"]
        assert client.post(f"/jobs/{job}/pause").json()["status"] == "paused"
    return str(job)


def goes_on_to_the_same_end(client: httpx.Client, job: str) -> None:
    assert client.post(f"/jobs/{job}/resume").status_code == 200
    done = client.get(f"/jobs/{job}", params={"wait": 30}).json()
    assert done["result"] == train(client, **LONG)["result"]


def test_state_that_lies_under_another_iteration_is_not_gone_on_from(tmp_path: Path) -> None:
    bad = left_paused(tmp_path)
    write(tmp_path, "UPDATE checkpoints SET iteration = iteration + 64")
    with app_client(tmp_path, workers=1) as client:
        as_damaged(client.get(f"/jobs/{bad}/progress"))
        goes_on_to_the_same_end(client, bad)


@pytest.mark.parametrize("change", ["shards SET number = 7 WHERE number = 0", "histories SET iteration = 19"])
def test_what_lies_under_another_number_is_not_used(tmp_path: Path, change: str) -> None:
    with app_client(tmp_path, workers=1) as client:
        sweep = client.post("/sweeps", params={"wait": 30}, json=SWEEP).json()["id"]
        job = train(client, **SHORT_JOB)["id"]
    write(tmp_path, f"UPDATE {change}")
    with app_client(tmp_path, workers=1) as client:
        as_damaged(client.get(f"/sweeps/{sweep}/results" if "shards" in change else f"/jobs/{job}/progress"))


def test_training_whose_checkpoint_is_gone_begins_anew(tmp_path: Path) -> None:
    job = left_paused(tmp_path)
    write(tmp_path, "DELETE FROM checkpoints")
    with app_client(tmp_path, workers=1) as client:
        goes_on_to_the_same_end(client, job)


def test_listing_ends_whatever_the_ids_are(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        jobs = [train(client, **SHORT_JOB)["id"] for _ in range(4)]
    for job, byte in zip(jobs[1:3], ("80", "81"), strict=True):
        write(tmp_path, f"UPDATE jobs SET id = CAST(x'{byte}' AS TEXT) || substr(id, 2) WHERE id = '{job}'")  # noqa: S608
    with app_client(tmp_path, workers=1) as client:
        for limit in (1, 2, 3, 100):
            assert {job["id"] for job in client.get("/jobs", params={"limit": limit}).json()["data"]} <= {*jobs}
