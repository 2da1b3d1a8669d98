"""A process ends, cleanly or not, and another takes over its folder: nothing that was promised is lost."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import httpx

from gan1010 import TrainConfig
from gan1010 import train as train_here
from tests.support.clients import STOP_TIMEOUT_SECONDS, app_client, running_server
from tests.support.contract import (
    FINAL_STATUSES,
    LONG_JOB,
    SHORT_JOB,
    Json,
    start_running_job,
    submit_job,
    train,
    wait_until,
)

WIDE: Json = {"pattern": "1100110", "hidden_size": 5, "iterations": 950, "loss": "bce", "latent": "normal", "seed": 1}
LONG: Json = {"iterations": 10_000_000, "seed": 2}  # the longest article's run: some seconds


def answers(client: httpx.Client) -> dict[str, tuple[int, bytes, str | None]]:
    """What all reading calls answer, to the byte, for all jobs and as often as they differ."""
    jobs = client.get("/jobs").json()["data"]
    paths = ["/jobs", "/jobs?limit=2", "/jobs?status=cancelled", "/models", "/presets", "/sample", "/sample?seed=3"]
    for job in jobs:
        path, model = f"/jobs/{job['id']}", f"/models/{job['id']}"
        paths += [path, f"{path}?wait=1", f"{path}/progress", f"{path}/progress?after=100&max_points=20"]
        paths += [f"{path}/progress?view=article", f"{path}/snapshots", f"{path}/snapshots?weights=true"]
        paths += [f"{model}/{file}.safetensors" for file in ("generator", "discriminator", "model")]
        paths += [f"/sample?job_id={job['id']}&seed=1&seed=-2", f"/sample?job_id={job['id']}&iteration=100"]
    found = {path: client.get(path) for path in paths}
    for job in jobs:
        body = {"vectors": [[0.1] * len(job["config"]["pattern"])], "job_id": job["id"]}
        found[f"/score {job['id']}"] = client.post("/score", json=body)
        found[f"csv {job['id']}"] = client.get(f"/jobs/{job['id']}/progress", headers={"Accept": "text/csv"})
    return {path: (it.status_code, it.content, it.headers.get("etag")) for path, it in found.items()}


def some_jobs(client: httpx.Client) -> None:
    """Jobs of every kind of end, the last being one that succeeded."""
    train(client, seed=1, name="ä")
    train(client, **WIDE)
    train(client, seed=3, experiment="discriminator")
    client.post(f"/jobs/{start_running_job(client)['id']}/cancel")
    train(client, iterations=7, record_every=2, snapshot_every=3, seed=4, learning_rate=1)


def test_finished_jobs_answer_as_before_to_the_byte(tmp_path: Path) -> None:
    with running_server(tmp_path) as (_, client):
        some_jobs(client)
        before = answers(client)
    with running_server(tmp_path) as (_, client):
        after = answers(client)
        assert {path for path in before if before[path] != after[path]} == set()
        assert before.keys() == after.keys()
        for path, (status, _, etag) in before.items():
            if etag:
                assert status == 200
                kind = {"Accept": "text/csv"} if path.startswith("csv") else {}
                path = f"/jobs/{path[4:]}/progress" if kind else path
                assert client.get(path, headers={"If-None-Match": etag} | kind).status_code == 304
        assert len([path for path, (status, *_) in before.items() if status == 200]) > 60


def test_finished_jobs_outlive_a_power_cut(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, client):
        some_jobs(client)
        before = answers(client)
        server.kill()
    with app_client(tmp_path) as client:
        assert answers(client) == before


def test_accepted_is_kept_whatever_happens_next(tmp_path: Path) -> None:
    headers = {"Idempotency-Key": "once"}
    with running_server(tmp_path, "--workers", "1") as (server, client):
        running = start_running_job(client)
        with ThreadPoolExecutor(8) as pool:
            crowd = list(pool.map(lambda seed: submit_job(client, **SHORT_JOB | {"seed": seed})["id"], range(40)))
        waiting = client.post("/train", json=SHORT_JOB | {"name": "waiting"}, headers=headers)
        server.kill()  # at once: whoever has the 202 relies on it
    assert waiting.status_code == 202
    with running_server(tmp_path, "--workers", "1") as (_, client):
        again = client.get(f"/jobs/{running['id']}").json()
        assert [transition["status"] for transition in again["transitions"]][:3] == ["queued", "running", "queued"]
        assert again["transitions"][2]["detail"]
        assert set(crowd) <= {job["id"] for job in client.get("/jobs").json()["data"]}
        assert client.get(waiting.headers["location"]).json() == waiting.json()
        assert client.post("/train", json=SHORT_JOB | {"name": "waiting"}, headers=headers).json() == waiting.json()
        assert client.post(f"/jobs/{running['id']}/cancel").status_code == 200
        done = client.get(waiting.headers["location"], params={"wait": 20}).json()
        assert done["status"] == "succeeded"
        assert [transition["status"] for transition in done["transitions"]] == ["queued", "running", "succeeded"]


def test_stop_is_clean_and_quick_while_all_wait_and_the_job_runs_on_later(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1") as (server, client), ThreadPoolExecutor(3) as pool:
        job = start_running_job(client, **LONG, snapshot_every=10_000_000, record_every=10_000_000, hidden_size=16)
        waiting = pool.submit(client.get, f"/jobs/{job['id']}", params={"wait": 30})
        posting = pool.submit(client.post, "/train", params={"wait": 30}, json=SHORT_JOB)
        cut = wait_until(lambda: client.get("/jobs").json(), lambda page: len(page["data"]) == 2)["data"][0]
        began = monotonic()
        assert server.stop() == 0, "".join(server.log)
        assert monotonic() - began < STOP_TIMEOUT_SECONDS
        assert waiting.result().status_code == 200
        assert waiting.result().json()["status"] == "running"
        assert (posting.result().status_code, posting.result().json()["id"]) == (202, cut["id"])
        assert "Traceback" not in "".join(server.log)
    with running_server(tmp_path, "--workers", "1") as (_, client):
        again = client.get(f"/jobs/{job['id']}").json()
        assert again["status"] in {"queued", "running"}
        assert [transition["status"] for transition in again["transitions"]][:3] == ["queued", "running", "queued"]
        assert again["transitions"][2]["detail"]
        wait_until(lambda: client.get(f"/jobs/{job['id']}").json(), lambda job: job["iteration"] > 0)
        client.post(f"/jobs/{job['id']}/cancel")
        assert client.get(f"/jobs/{cut['id']}", params={"wait": 20}).json()["status"] == "succeeded"


def test_stop_does_not_wait_for_the_jobs(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "2") as (server, client):
        for settings in (LONG_JOB, LONG):
            start_running_job(client, **settings)
        began = monotonic()
        assert server.stop() == 0
        assert monotonic() - began < 4


def test_interrupted_job_ends_with_the_bits_of_an_undisturbed_one(tmp_path: Path) -> None:
    settings = {"iterations": 1_000_000, "seed": 7}
    with running_server(tmp_path, "--workers", "1") as (server, client):
        job = start_running_job(client, **settings)
        server.kill()
    with running_server(tmp_path, "--workers", "1") as (_, client):
        done = client.get(f"/jobs/{job['id']}", params={"wait": 30}).json()
        other = train(client, **settings)
    assert done["status"] in FINAL_STATUSES
    assert done["config"] == job["config"]
    expected = train_here(TrainConfig(**settings)).result
    assert done["result"] == other["result"]
    assert expected is not None
    assert done["result"]["sample"] == expected.sample
    assert done["result"]["settled_at"] == expected.settled_at
    assert len(done["transitions"]) in (3, 5)  # 3: it was done before the end of the world
