"""Pause, resume and cancel: told when it is so, and what goes on goes on as if nothing had been."""

import sqlite3
import threading
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep

import pytest

from gan1010 import TrainConfig
from gan1010 import train as train_here
from gan1010.export import safetensors
from tests.support.clients import Client, app_client
from tests.support.contract import (
    LONG_JOB,
    SHORT_JOB,
    Json,
    check_problem,
    start_running_job,
    submit_job,
    train,
    wait_until,
)

# Each part of a run's state matters in one of these: moments, random streams, totals, where it settled.
RUNS: list[Json] = [
    {"iterations": 3_000_000, "record_every": 100, "snapshot_every": 100_000, "seed": 1},
    {"iterations": 2_000_000, "record_every": 100, "optimizer": "adam", "loss": "bce", "spread": 0.1, "seed": 2},
    {"iterations": 2_000_000, "latent": "normal", "pattern": "110", "record_every": 100, "seed": 3},
    {"iterations": 3_000_000, "experiment": "discriminator", "record_every": 100, "seed": 4},
]  # fmt: skip
LONG_SWEEP: Json = {"base": {"iterations": 6000}, "grid": {"hidden_size": [2, 3, 4]}, "seeds": 2000}


def change(client: Client, job: Json, what: str, status: int = 200) -> Json:
    answer = client.post(f"/jobs/{job['id']}/{what}")
    if status != 200:
        return check_problem(answer, status, "state-forbids")
    return dict(answer.json())


def statuses(job: Json) -> list[str]:
    return [transition["status"] for transition in job["transitions"]]


def look(client: Client, job: Json, **parameters: int) -> Json:
    return dict(client.get(f"/jobs/{job['id']}", params=parameters).json())


def digest(client: Client, job: Json) -> str:
    (model,) = [model for model in client.get("/models").json()["data"] if model["job_id"] == job["id"]]
    return str(model["sha256"])


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"run {run['seed']}")
def test_paused_and_resumed_run_ends_with_the_bits_of_an_undisturbed_one(tmp_path: Path, run: Json) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = start_running_job(client, **run)
        assert change(client, job, "pause")["status"] == "paused"
    with app_client(tmp_path, workers=1) as client:  # over a restart
        paused = look(client, job)
        assert (paused["status"], statuses(paused)) == ("paused", ["queued", "running", "paused"])
        assert 0 < paused["iteration"] < run["iterations"]
        for _ in range(3):  # and some more times within a process
            assert change(client, job, "resume")["status"] == "queued"
            wait_until(lambda: look(client, job), lambda job: job["status"] != "queued")
            if client.post(f"/jobs/{job['id']}/pause").status_code == 409:
                break  # it was faster
        client.post(f"/jobs/{job['id']}/resume")
        done = look(client, job, wait=30)
        assert done["status"] == "succeeded"
        expected = safetensors.dump(train_here(TrainConfig(**run)).model())
        assert digest(client, job) == sha256(expected).hexdigest()
        other = train(client, **run)
        assert digest(client, other) == digest(client, job)
        for path in ("progress", "snapshots?weights=true"):
            ours, theirs = (client.get(f"/jobs/{it['id']}/{path}").text for it in (job, other))
            assert ours.replace(job["id"], other["id"]) == theirs


def test_paused_run_stands_still_and_can_be_sampled(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = start_running_job(client)
        paused = change(client, job, "pause")
        assert paused["iteration"] > 0
        assert (paused["finished_at"], paused["eta_seconds"], paused["iterations_per_second"]) == (None, None, None)
        seen = [client.get("/sample", params={"job_id": job["id"]}).json() for _ in range(2)]
        other = train(client, **SHORT_JOB)  # its thread is free
        assert other["status"] == "succeeded"
        assert look(client, job) == paused
        seen.append(client.get("/sample", params={"job_id": job["id"]}).json())
    with app_client(tmp_path, workers=1) as client:
        assert look(client, job) == paused
        seen.append(client.get("/sample", params={"job_id": job["id"]}).json())
        assert all(answer == seen[0] for answer in seen)
        assert client.get(f"/jobs/{job['id']}/progress").json()["status"] == "paused"
        assert client.get("/jobs", params={"status": "paused"}).json()["data"] == [paused]


@pytest.mark.parametrize(("what", "status"), [("pause", "paused"), ("cancel", "cancelled")])
def test_change_is_on_disk_when_it_is_told(tmp_path: Path, what: str, status: str) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = start_running_job(client)
        change(client, job, what)
        with sqlite3.connect(tmp_path / "gan1010.sqlite") as db:
            assert db.execute("SELECT status FROM jobs").fetchone() == (status,)
        db.close()
        assert client.app.state.services.registry.queue.is_empty()


@pytest.mark.parametrize("kind", ["train", "sweep"])
def test_job_is_paused_resumed_and_cancelled_while_it_waits(tmp_path: Path, kind: str) -> None:
    path, body = ("/train", SHORT_JOB) if kind == "train" else ("/sweeps", {"base": {"iterations": 10}, "seeds": 5})
    with app_client(tmp_path, workers=1) as client:
        first = start_running_job(client)
        jobs = [client.post(path, json=body).json() for _ in range(3)]
        for job in jobs:
            assert change(client, job, "pause")["status"] == "paused"
        change(client, jobs[1], "resume")
        assert change(client, jobs[2], "cancel")["status"] == "cancelled"
        change(client, first, "cancel")
        done = look(client, jobs[1], wait=20)
        assert statuses(done) == ["queued", "paused", "queued", "running", "succeeded"]
        assert look(client, jobs[0])["status"] == "paused"
    with app_client(tmp_path, workers=1) as client:
        assert [look(client, job)["status"] for job in jobs] == ["paused", "succeeded", "cancelled"]
        change(client, jobs[0], "resume")
        assert look(client, jobs[0], wait=20)["status"] == "succeeded"


def test_resumed_job_waits_behind_those_that_waited_before(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        running = start_running_job(client)
        first, second = (submit_job(client, **SHORT_JOB) for _ in range(2))
        change(client, first, "pause")
        change(client, first, "resume")
        change(client, running, "cancel")
        ends = [look(client, job, wait=20)["finished_at"] for job in (first, second)]
        assert ends[0] > ends[1]


@pytest.mark.parametrize("workers", [1, 2])
def test_paused_sweep_stands_still_and_ends_with_the_results_of_an_undisturbed_one(
    tmp_path: Path, workers: int
) -> None:
    with app_client(tmp_path, workers=workers) as client:
        job = client.post("/sweeps", json=LONG_SWEEP).json()
        wait_until(lambda: look(client, job), lambda job: job["iteration"] > 0)
        paused = change(client, job, "pause")
        assert 0 < paused["iteration"] < 6000
        assert train(client, **SHORT_JOB)["status"] == "succeeded"
        assert look(client, job) == paused
    with app_client(tmp_path, workers=workers) as client:
        assert look(client, job) == paused
        for _ in range(5):
            change(client, job, "resume")
            paused = change(client, job, "pause")
        change(client, job, "resume")
        done = look(client, job, wait=30)
        assert (done["status"], done["iteration"]) == ("succeeded", 6000)
        other = client.post("/sweeps", params={"wait": 30}, json=LONG_SWEEP).json()
        for path in ("results", "members?limit=1000&after=2500"):
            ours, theirs = (client.get(f"/sweeps/{it['id']}/{path}").text for it in (job, other))
            assert ours.replace(job["id"], other["id"]) == theirs


def test_paused_sweep_is_cancelled_and_keeps_what_is_done(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = client.post("/sweeps", json=LONG_SWEEP).json()
        wait_until(lambda: look(client, job), lambda job: job["iteration"] > 0)
        paused = change(client, job, "pause")
        members = client.get(f"/sweeps/{job['id']}/members").json()
    with app_client(tmp_path, workers=1) as client:
        cancelled = change(client, job, "cancel")
        assert (cancelled["status"], cancelled["iteration"]) == ("cancelled", paused["iteration"])
        assert client.get(f"/sweeps/{job['id']}/members").json() == members


def test_what_has_ended_is_neither_paused_nor_resumed(tmp_path: Path) -> None:
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


def test_pause_and_cancel_at_once_agree_with_what_comes_of_it(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        for _ in range(5):
            job = start_running_job(client, **LONG_JOB)
            found: dict[str, int] = {}

            def ask(what: str, job: Json = job, found: dict[str, int] = found) -> None:
                found[what] = client.post(f"/jobs/{job['id']}/{what}").status_code

            threads = [threading.Thread(target=ask, args=[what]) for what in ("pause", "cancel")]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert found["cancel"] == 200
            assert found["pause"] in {200, 409}
            assert look(client, job)["status"] == "cancelled"


def test_pausing_is_soon(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=2) as client:
        job = start_running_job(client)
        began = monotonic()
        change(client, job, "pause")
        assert monotonic() - began < 5  # some hundredths, on a machine that does nothing else


def test_pause_that_took_effect_is_told_so_however_soon_the_job_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app_client(tmp_path, workers=1) as client:
        job, registry = start_running_job(client), client.app.state.services.registry
        ask = registry.request_stop

        def asked(job_id: str, wanted: str) -> object:
            found = ask(job_id, wanted)
            while registry.job(job_id).status != "paused":
                sleep(0.001)
            registry.resume(job_id)
            return found

        monkeypatch.setattr(registry, "request_stop", asked)
        statuses = [transition["status"] for transition in change(client, job, "pause")["transitions"]]
        assert statuses[:4] == ["queued", "running", "paused", "queued"]
