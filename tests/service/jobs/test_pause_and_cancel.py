"""Pause, resume and cancel: acknowledged once persisted, and a resumed job ends with the same bits."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from gan1010 import TrainConfig
from gan1010 import train as train_here
from tests.support.clients import Client, app_client
from tests.support.contract import (
    SHORT_JOB,
    Json,
    check_problem,
    start_running_job,
    submit_job,
    train,
    wait_for_end,
    wait_until,
)
from tests.support.data_folder import execute

# Each part of a run's state matters in one of these: moments, random streams, totals, the iteration that it settled at.
RUNS: list[Json] = [
    {"iterations": 3_000_000, "record_every": 100, "snapshot_every": 100_000, "seed": 1},
    {"iterations": 2_000_000, "record_every": 100, "optimizer": "adam", "loss": "bce", "spread": 0.1, "seed": 2},
    {"iterations": 2_000_000, "latent": "normal", "pattern": "110", "record_every": 100, "seed": 3},
    {"iterations": 3_000_000, "experiment": "discriminator", "record_every": 100, "seed": 4},
]  # fmt: skip
LONG_SWEEP: Json = {"base": {"iterations": 6000}, "grid": {"hidden_size": [2, 3, 4]}, "seeds": 2000}
SHORT_SWEEP: Json = {"base": {"iterations": 10}, "seeds": 5}


def change(client: Client, job: Json, action: str, status: int = 200) -> Json:
    """Pause, resume or cancel a job, and return it or the problem."""
    response = client.post(f"/jobs/{job['id']}/{action}")
    return dict(response.json()) if status == 200 else check_problem(response, status, "state-forbids")


def get(client: Client, job: Json) -> Json:
    return dict(client.get(f"/jobs/{job['id']}").json())


def statuses(job: Json) -> list[str]:
    return [transition["status"] for transition in job["transitions"]]


def start_running_sweep(client: Client) -> Json:
    job = client.post("/sweeps", json=LONG_SWEEP).json()
    return wait_until(lambda: get(client, job), lambda job: job["iteration"] > 0)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"run {run['seed']}")
def test_resumed_run_has_the_same_weights(tmp_path: Path, run: Json) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = start_running_job(client, **run)
        assert change(client, job, "pause")["status"] == "paused"
    with app_client(tmp_path, workers=1) as client:  # after a restart
        paused = get(client, job)
        assert (paused["status"], statuses(paused)) == ("paused", ["queued", "running", "paused"])
        assert 0 < paused["iteration"] < run["iterations"]
        for _ in range(3):  # and within a process
            assert change(client, job, "resume")["status"] == "queued"
            wait_until(lambda: get(client, job), lambda job: job["status"] != "queued")
            if client.post(f"/jobs/{job['id']}/pause").status_code == 409:
                break  # it has ended
        client.post(f"/jobs/{job['id']}/resume")
        done, other = wait_for_end(client, job["id"]), train(client, **run)
        assert done["status"] == "succeeded"
        assert done["result"] == other["result"]
        digests = [model["sha256"] for model in client.get("/models").json()["data"]]
        assert digests == [sha256(train_here(TrainConfig(**run)).model().to_bytes()).hexdigest()] * 2
        for path in ("progress", "snapshots?weights=true"):
            resumed, uninterrupted = (client.get(f"/jobs/{it['id']}/{path}").text for it in (job, other))
            assert resumed.replace(job["id"], other["id"]) == uninterrupted


def test_paused_run_does_not_change_and_can_be_sampled(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = start_running_job(client)
        paused = change(client, job, "pause")
        assert paused["iteration"] > 0
        assert (paused["finished_at"], paused["eta_seconds"], paused["iterations_per_second"]) == (None, None, None)
        samples = [client.get("/sample", params={"job_id": job["id"]}).json()]
        assert train(client, **SHORT_JOB)["status"] == "succeeded"  # the worker is free
        assert get(client, job) == paused
        samples.append(client.get("/sample", params={"job_id": job["id"]}).json())
    with app_client(tmp_path, workers=1) as client:
        assert get(client, job) == paused
        samples.append(client.get("/sample", params={"job_id": job["id"]}).json())
        assert samples == [samples[0]] * 3
        assert client.get(f"/jobs/{job['id']}/progress").json()["status"] == "paused"
        assert client.get("/jobs", params={"status": "paused"}).json()["data"] == [paused]


@pytest.mark.parametrize(("action", "status"), [("pause", "paused"), ("cancel", "cancelled")])
def test_change_is_on_disk_when_it_is_acknowledged(tmp_path: Path, action: str, status: str) -> None:
    with app_client(tmp_path, workers=1) as client:
        change(client, start_running_job(client), action)
        assert execute(tmp_path, "SELECT status FROM jobs") == [(status,)]
        assert client.app.state.services.registry.queue.get(timeout=0) is None


@pytest.mark.parametrize(("path", "body"), [("/train", SHORT_JOB), ("/sweeps", SHORT_SWEEP)], ids=["train", "sweep"])
def test_queued_job_is_paused_resumed_and_cancelled(tmp_path: Path, path: str, body: Json) -> None:
    with app_client(tmp_path, workers=1) as client:
        first = start_running_job(client)
        jobs = [client.post(path, json=body).json() for _ in range(3)]
        for job in jobs:
            assert change(client, job, "pause")["status"] == "paused"
        change(client, jobs[1], "resume")
        assert change(client, jobs[2], "cancel")["status"] == "cancelled"
        change(client, first, "cancel")
        done = wait_for_end(client, jobs[1]["id"])
        assert statuses(done) == ["queued", "paused", "queued", "running", "succeeded"]
        assert get(client, jobs[0])["status"] == "paused"
    with app_client(tmp_path, workers=1) as client:
        assert [get(client, job)["status"] for job in jobs] == ["paused", "succeeded", "cancelled"]
        change(client, jobs[0], "resume")
        assert wait_for_end(client, jobs[0]["id"])["status"] == "succeeded"


def test_resumed_job_queues_behind_the_others(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        running = start_running_job(client)
        first, second = (submit_job(client, **SHORT_JOB) for _ in range(2))
        change(client, first, "pause")
        change(client, first, "resume")
        change(client, running, "cancel")
        ends = [wait_for_end(client, job["id"])["finished_at"] for job in (first, second)]
        assert ends[0] > ends[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_paused_sweep_does_not_change_and_resumes_with_the_same_results(tmp_path: Path, workers: int) -> None:
    with app_client(tmp_path, workers=workers) as client:
        job = start_running_sweep(client)
        paused = change(client, job, "pause")
        assert 0 < paused["iteration"] < 6000
        assert train(client, **SHORT_JOB)["status"] == "succeeded"
        assert get(client, job) == paused
    with app_client(tmp_path, workers=workers) as client:
        assert get(client, job) == paused
        for _ in range(5):
            change(client, job, "resume")
            change(client, job, "pause")
        change(client, job, "resume")
        done = wait_for_end(client, job["id"])
        assert (done["status"], done["iteration"]) == ("succeeded", 6000)
        other = wait_for_end(client, client.post("/sweeps", json=LONG_SWEEP).json()["id"])
        for path in ("results", "members?limit=1000&after=2500"):
            resumed, uninterrupted = (client.get(f"/sweeps/{it['id']}/{path}").text for it in (job, other))
            assert resumed.replace(job["id"], other["id"]) == uninterrupted


def test_cancelled_sweep_keeps_its_finished_members(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = start_running_sweep(client)
        paused = change(client, job, "pause")
        members = client.get(f"/sweeps/{job['id']}/members").json()
    with app_client(tmp_path, workers=1) as client:
        cancelled = change(client, job, "cancel")
        assert (cancelled["status"], cancelled["iteration"]) == ("cancelled", paused["iteration"])
        assert client.get(f"/sweeps/{job['id']}/members").json() == members


def test_actions_that_a_status_does_not_allow_are_refused(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        done = train(client, **SHORT_JOB)
        cancelled = start_running_job(client)
        assert change(client, cancelled, "cancel") == change(client, cancelled, "cancel")
        for job in (done, cancelled):
            change(client, job, "pause", 409)
            change(client, job, "resume", 409)
        change(client, done, "cancel", 409)
        running = start_running_job(client)
        change(client, running, "resume", 409)
        check_problem(client.delete(f"/jobs/{running['id']}"), 409, "state-forbids")
        paused = change(client, running, "pause")
        assert change(client, running, "pause") == paused
        check_problem(client.delete(f"/jobs/{running['id']}"), 409, "state-forbids")
        check_problem(client.post("/jobs/none/pause"), 404, "job-not-found")
        check_problem(client.post("/jobs/none/resume"), 404, "job-not-found")


def test_responses_to_concurrent_pause_and_cancel_agree_with_the_status(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client, ThreadPoolExecutor(2) as pool:
        for _ in range(5):
            job = start_running_job(client)
            urls = [f"/jobs/{job['id']}/{action}" for action in ("pause", "cancel")]
            pause, cancel = pool.map(client.post, urls)
            assert cancel.status_code == 200
            assert pause.status_code in {200, 409}
            assert get(client, job)["status"] == "cancelled"


def test_pause_is_acknowledged_even_if_the_job_is_resumed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app_client(tmp_path, workers=1) as client:
        job, registry = start_running_job(client), client.app.state.services.registry
        request_stop = registry.request_stop

        def pause_and_resume(job_id: str, status: str) -> object:
            active = request_stop(job_id, status)
            wait_until(lambda: registry.job(job_id).status, lambda status: status == "paused")
            registry.resume(job_id)
            return active

        monkeypatch.setattr(registry, "request_stop", pause_and_resume)
        assert statuses(change(client, job, "pause"))[:4] == ["queued", "running", "paused", "queued"]
