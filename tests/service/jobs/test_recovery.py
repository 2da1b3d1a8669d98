"""A process comes to a sudden end: its jobs go on from what was kept, and one that ends every process is stopped."""

import contextlib
import json
import sqlite3
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from gan1010 import TrainConfig
from gan1010 import train as train_here
from gan1010.export import safetensors
from tests.support.clients import START_TIMEOUT_SECONDS, running_server, server_process
from tests.support.contract import LONG_JOB, Json, start_running_job, submit_job, train, wait_until
from tests.support.server_setup import DEADLY_JOB, DEADLY_SEED, checkpoint_always, kill_on_deadly_job

# a second or more, so that it can be interrupted more than once
LONG: Json = {"iterations": 1_000_000, "hidden_size": 16, "pattern": "110100", "record_every": 500, "seed": 5}
ONE, TWO = ("--workers", "1"), ("--workers", "2")


def look(client: httpx.Client, job: Json, **parameters: int) -> Json:
    return dict(client.get(f"/jobs/{job['id']}", params=parameters).json())


def begins(client: httpx.Client, job: Json) -> Json:
    """The job, which runs."""
    return wait_until(lambda: look(client, job), lambda now: now["status"] == "running")


def comes_on(client: httpx.Client, job: Json) -> Json:
    """The job, which is further than it was."""
    return wait_until(lambda: look(client, job), lambda now: now["iteration"] > job["iteration"])


def kept(folder: Path, query: str) -> Any:
    """What a query finds on the disk of a process that may live."""
    db = sqlite3.connect(folder / "gan1010.sqlite")
    found = db.execute(query).fetchone()
    db.close()
    return found[0] if found else None


def crashes(folder: Path) -> int:
    return int(json.loads(kept(folder, "SELECT document FROM jobs"))["attempts"])


def checkpointed(folder: Path) -> None:
    """Wait until a checkpoint is kept that no sudden end has come after."""
    wait_until(
        lambda: {"kept": kept(folder, "SELECT iteration FROM checkpoints"), "crashes": crashes(folder)},
        lambda it: it["kept"] is not None and it["crashes"] == 0,
    )


def test_running_job_leaves_a_checkpoint_every_second(tmp_path: Path) -> None:
    with running_server(tmp_path, *ONE) as (server, client):
        job, seen = start_running_job(client), []
        while not seen or monotonic() - seen[0][0] < 4:
            iteration = look(client, job)["iteration"]
            seen.append((monotonic(), iteration))
            sleep(0.05)
        killed = monotonic()
        server.kill()
    before = max(iteration for at, iteration in seen if at < killed - 2)  # one, on a machine that does nothing else
    assert kept(tmp_path, "SELECT iteration FROM checkpoints") >= before > 0


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_run_interrupted_three_times_ends_with_the_bits_of_an_undisturbed_one(tmp_path: Path, how: str) -> None:
    settings = LONG | {"optimizer": "adam", "latent": "uniform"}
    reached = 0
    for _ in range(3):
        with running_server(tmp_path, *ONE, setup=checkpoint_always) as (server, client):
            job = client.get("/jobs").json()["data"][0] if reached else submit_job(client, **settings)
            assert job["status"] in {"queued", "running"}
            assert job["iteration"] >= reached
            checkpointed(tmp_path)
            if how == "kill":
                server.kill()
            else:
                assert server.stop() == 0
        reached = kept(tmp_path, "SELECT iteration FROM checkpoints")
        assert reached < settings["iterations"], "it was not interrupted: make it longer"
    with running_server(tmp_path, *ONE) as (_, client):
        done = look(client, job, wait=30)
        assert done["status"] == "succeeded"
        assert [change["status"] for change in done["transitions"]] == [*["queued", "running"] * 4, "succeeded"]
        points = client.get(f"/jobs/{job['id']}/progress").json()["series"]["iteration"]
        assert points == list(range(500, settings["iterations"] + 1, 500))
        expected = safetensors.dump(train_here(TrainConfig(**settings)).model())
        assert client.get("/models").json()["data"][0]["sha256"] == sha256(expected).hexdigest()
        other = train(client, **settings)
        for path in ("progress", "snapshots?weights=true"):
            ours, theirs = (client.get(f"/jobs/{it['id']}/{path}").text for it in (job, other))
            assert ours.replace(job["id"], other["id"]) == theirs


@pytest.mark.parametrize("deadly", ["train", "sweep", "shard"])
def test_job_that_takes_the_process_down_is_poison_and_the_rest_goes_on(tmp_path: Path, deadly: str) -> None:
    path, body = {
        "train": ("/train", DEADLY_JOB | {"seed": DEADLY_SEED}),
        "sweep": ("/sweeps", {"base": DEADLY_JOB, "seeds": {"start": DEADLY_SEED, "count": 20}}),
        "shard": ("/sweeps", {"base": DEADLY_JOB, "seeds": DEADLY_SEED + 9000}),  # the others of it do no harm
    }[deadly]
    with running_server(tmp_path, *TWO, setup=kill_on_deadly_job) as (server, client):
        innocent = start_running_job(client, **LONG)
        sweep = {"base": {"iterations": 200}, "seeds": 50}
        waiting = [client.post("/sweeps", json=sweep).json()] if deadly == "train" else []
        with contextlib.suppress(httpx.TransportError):  # the end may come before the answer
            client.post(path, json=body)
        assert server.wait(START_TIMEOUT_SECONDS) == -9
    for _ in range(2):
        with server_process(tmp_path, *TWO, setup=kill_on_deadly_job) as server:
            assert server.wait(START_TIMEOUT_SECONDS) == -9
    with running_server(tmp_path, *TWO, setup=kill_on_deadly_job) as (_, client):
        (poison,) = client.get("/jobs", params={"limit": 1}).json()["data"]
        done = look(client, poison, wait=20)
        assert (done["status"], done["error"]["type"]) == ("failed", "poison")
        assert "3 times" in done["error"]["detail"]
        assert done["transitions"][-1]["detail"] == done["error"]["detail"]
        assert (done["iteration"] > 0) == (deadly == "shard")
        for job in (innocent, *waiting):
            assert look(client, job, wait=30)["status"] == "succeeded"
        again = train(client, **LONG)
        assert again["result"] == look(client, innocent)["result"]


def test_sweep_that_comes_on_between_sudden_ends_is_no_poison(tmp_path: Path) -> None:
    sweep = {"base": {"iterations": 10_000}, "grid": {"hidden_size": [2, 3, 4, 5, 6, 7, 8, 9]}, "seeds": 1000}
    reached = 0
    for _ in range(4):
        with running_server(tmp_path, *TWO) as (server, client):
            job = client.get("/jobs").json()["data"][0] if reached else client.post("/sweeps", json=sweep).json()
            assert job["status"] in {"queued", "running"}, job
            reached = comes_on(client, job)["iteration"]
            server.kill()
        assert reached < 8000
    with running_server(tmp_path, *TWO) as (_, client):
        assert look(client, job, wait=30)["status"] == "succeeded"


def test_stop_is_no_sudden_end(tmp_path: Path) -> None:
    for number in range(4):
        with running_server(tmp_path, *ONE) as (server, client):
            job = client.get("/jobs").json()["data"][0] if number else submit_job(client, **LONG_JOB)
            begins(client, job)
            assert server.stop() == 0
        assert crashes(tmp_path) == 0
    with running_server(tmp_path, *ONE) as (_, client):
        begins(client, job)
        client.post(f"/jobs/{job['id']}/cancel")


def test_going_on_after_a_sudden_end_is_in_the_log(tmp_path: Path) -> None:
    with running_server(tmp_path, *ONE) as (server, client):
        job = start_running_job(client)
        server.kill()
    with running_server(tmp_path, *ONE, "--log-format", "json") as (server, client):
        begins(client, job)
        client.post(f"/jobs/{job['id']}/cancel")
    lines = [json.loads(line) for line in server.log]
    told = [line["status"] for line in lines if line["message"] == "job" and line["job_id"] == job["id"]]
    assert told == ["queued", "running", "cancelled"]


@pytest.mark.parametrize("table", ["checkpoints", "histories"])
def test_training_of_which_something_kept_is_damaged_begins_anew_and_ends_with_the_same_bits(
    tmp_path: Path, table: str
) -> None:
    with running_server(tmp_path, *ONE, setup=checkpoint_always) as (server, client):
        job = submit_job(client, **LONG)
        checkpointed(tmp_path)
        server.kill()
    damage(tmp_path, table)
    with running_server(tmp_path, *ONE) as (_, client):
        done = look(client, job, wait=30)
        assert done["status"] == "succeeded"
        other = train(client, **LONG)
        assert done["result"] == other["result"]
        ours, theirs = (client.get(f"/jobs/{it['id']}/snapshots?weights=true").text for it in (job, other))
        assert ours.replace(job["id"], other["id"]) == theirs


@pytest.mark.parametrize(("table", "which"), [("shard_checkpoints", "WHERE iteration > 1000"), ("shards", "")])
def test_sweep_of_which_something_kept_is_damaged_trains_it_anew_to_the_same_results(
    tmp_path: Path, table: str, which: str
) -> None:
    sweep = {"grid": {"iterations": [1000, 300_000]}, "seeds": 70}
    with running_server(tmp_path, *ONE, setup=checkpoint_always) as (server, client):
        job = client.post("/sweeps", json=sweep).json()
        wait_until(lambda: {"kept": kept(tmp_path, f"SELECT count(*) FROM {table} {which}")}, lambda it: it["kept"] > 0)  # noqa: S608
        server.kill()
    damage(tmp_path, table)
    with running_server(tmp_path, *ONE) as (_, client):
        assert look(client, job, wait=30)["status"] == "succeeded"
        other = client.post("/sweeps", params={"wait": 30}, json=sweep).json()
        ours, theirs = (client.get(f"/sweeps/{it['id']}/members").text for it in (job, other))
        assert ours.replace(job["id"], other["id"]) == theirs


def damage(folder: Path, table: str) -> None:
    """Turn a bit in the middle of something that is kept."""
    column = {"checkpoints": "state", "histories": "arrays", "shard_checkpoints": "state", "shards": "columns"}[table]
    db = sqlite3.connect(folder / "gan1010.sqlite")
    rowid, blob = db.execute(f"SELECT rowid, {column} FROM {table}").fetchone()  # noqa: S608
    turned = bytearray(blob)
    turned[-9] ^= 64
    db.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (bytes(turned), rowid))  # noqa: S608
    db.commit()
    db.close()
