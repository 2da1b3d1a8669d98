"""Restarts: what the service acknowledged survives, and unfinished jobs run again."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.support.clients import STOP_TIMEOUT_SECONDS, app_client, running_server
from tests.support.contract import (
    LONG_JOB,
    SHORT_JOB,
    Json,
    start_running_job,
    train,
    wait_for_end,
    wait_until,
)

WIDE: Json = {"pattern": "1100110", "hidden_size": 5, "iterations": 950, "loss": "bce", "latent": "normal", "seed": 1}


def responses(client: httpx.Client) -> dict[str, tuple[int, bytes, str | None]]:
    """The status, content and ETag of every kind of read, for all trainings."""
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


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_responses_about_ended_jobs_have_the_same_bytes_after_a_restart(tmp_path: Path, end: str) -> None:
    with running_server(tmp_path) as (server, client):
        train(client, seed=1, name="ä")
        train(client, **WIDE)
        train(client, seed=3, experiment="discriminator")
        client.post(f"/jobs/{start_running_job(client)['id']}/cancel")
        train(client, iterations=7, record_every=2, snapshot_every=3, seed=4, learning_rate=1)
        before = responses(client)
        if end == "kill":
            server.kill()
    with app_client(tmp_path) as client:
        after = responses(client)
        assert {path for path in before if before[path] != after[path]} == set()
        assert before.keys() == after.keys()
        for path, (status, _, etag) in before.items():
            if etag:
                assert status == 200
                accept = {"Accept": "text/csv"} if path.startswith("csv") else {}
                path = f"/jobs/{path[4:]}/progress" if accept else path
                assert client.get(path, headers={"If-None-Match": etag} | accept).status_code == 304
        assert len([path for path, (status, *_) in before.items() if status == 200]) > 60


def test_responses_about_ended_sweeps_have_the_same_bytes_after_a_restart(tmp_path: Path) -> None:
    sweep = {"base": {"hidden_size": 16}, "grid": {"iterations": [100, 10_000_000]}, "seeds": 500}

    def read(client: httpx.Client) -> list[bytes]:
        paths = [f"/sweeps/{job['id']}/{path}" for job in (ended, running) for path in ("results", "members")]
        return [client.get(path).content for path in ("/jobs", *paths)]

    with app_client(tmp_path, workers=1) as client:
        ended = client.post("/sweeps", params={"wait": 30}, json={"grid": {"hidden_size": [2, 3]}, "seeds": 70}).json()
        running = client.post("/sweeps", json=sweep).json()
        wait_until(lambda: client.get(f"/jobs/{running['id']}").json(), lambda job: job["iteration"] == 500)
        assert client.post(f"/jobs/{running['id']}/cancel").json()["status"] == "cancelled"
        before = read(client)
    with app_client(tmp_path, workers=1) as client:
        assert read(client) == before


def test_stop_is_clean_while_clients_wait_and_the_jobs_run_after_the_next_start(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1") as (server, client), ThreadPoolExecutor(3) as pool:
        job = start_running_job(client, **LONG_JOB, snapshot_every=10_000_000, record_every=10_000_000)
        waiting = pool.submit(client.get, f"/jobs/{job['id']}", params={"wait": 30})
        posting = pool.submit(client.post, "/train", params={"wait": 30}, json=SHORT_JOB)
        queued = wait_until(lambda: client.get("/jobs").json(), lambda page: len(page["data"]) == 2)["data"][0]
        began = monotonic()
        assert server.stop() == 0, "".join(server.log)
        assert monotonic() - began < STOP_TIMEOUT_SECONDS
        assert waiting.result().status_code == 200
        assert waiting.result().json()["status"] == "running"
        assert (posting.result().status_code, posting.result().json()["id"]) == (202, queued["id"])
        assert "Traceback" not in "".join(server.log)
    with running_server(tmp_path, "--workers", "1") as (_, client):
        transitions = client.get(f"/jobs/{job['id']}").json()["transitions"]
        assert [transition["status"] for transition in transitions][:3] == ["queued", "running", "queued"]
        assert transitions[2]["detail"]
        client.post(f"/jobs/{job['id']}/cancel")
        assert wait_for_end(client, queued["id"])["status"] == "succeeded"
