"""Crash recovery: killed and stopped trainings and sweeps resume from their checkpoints and end with the same bits."""

import contextlib
import json
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from service.jobs.crash_recovery import MAX_ATTEMPTS
from tests.support.clients import START_TIMEOUT_SECONDS, running_server, server_process
from tests.support.contract import LONG_JOB, Json, start_running_job, wait_for_end, wait_until
from tests.support.data_folder import execute, flip_bit
from tests.support.server_setup import DEADLY_JOB, DEADLY_SEED, checkpoint_always, kill_on_deadly_job

ONE, TWO = ("--workers", "1"), ("--workers", "2")
# Each takes some seconds, so that it is still running when it is interrupted for the last time.
TRAINING: Json = {"iterations": 1_200_000, "hidden_size": 16, "optimizer": "adam", "latent": "uniform", "seed": 5}
SWEEP: Json = {"base": {"iterations": 15_000}, "grid": {"hidden_size": [4, 8], "spread": [0.1, 0.2]}, "seeds": 1300}
INTERRUPTIONS = [
    ("kill", 0.05),
    ("kill", 0.3),
    ("stop", 0.05),
    ("kill", 0.05),
    ("stop", 0.2),
    ("kill", 0.3),
]  # after each start


def submit(client: httpx.Client, body: Json) -> Json:
    path = "/sweeps" if "seeds" in body or "grid" in body else "/train"
    return dict(client.post(path, json=body).json())


def content(client: httpx.Client, job: Json) -> list[str]:
    """All that a job leaves, without its id."""
    paths = [f"/jobs/{job['id']}/progress", f"/jobs/{job['id']}/snapshots?weights=true"]
    if job["kind"] == "sweep":
        paths = [f"/sweeps/{job['id']}/{path}" for path in ("results", "members", "members?limit=1000&after=4321")]
    responses = [client.get(path) for path in paths]
    assert {response.status_code for response in responses} == {200}
    return [response.text.replace(job["id"], "ID") for response in responses]


def check_same_as_uninterrupted(client: httpx.Client, job: Json, body: Json) -> Json:
    """Check that a job ends as one that was never interrupted, and return it."""
    done = wait_for_end(client, job["id"], seconds=120)
    assert (done["status"], done["iteration"]) == ("succeeded", done["iterations"]), done
    other = wait_for_end(client, submit(client, body)["id"], seconds=120)
    assert done["result"] == other["result"]
    assert content(client, done) == content(client, other)
    return done


def stored(folder: Path, query: str) -> Any:
    """The first value that a query finds in a store, which a process may be using."""
    rows = execute(folder, query)
    return rows[0][0] if rows else None


def stored_state(folder: Path, job: Json) -> tuple[str, int]:
    """A job's stored status and attempts."""
    document = json.loads(stored(folder, f"SELECT document FROM jobs WHERE id = '{job['id']}'"))  # noqa: S608
    return document["status"], document["attempts"]


def next_checkpoint(folder: Path, table: str, last: int = 0) -> int:
    """Wait for a checkpoint of another iteration than the last one."""
    query = f"SELECT iteration FROM {table}"  # noqa: S608
    return int(wait_until(lambda: stored(folder, query), lambda iteration: iteration not in {None, last}))


@pytest.mark.parametrize("body", [TRAINING, SWEEP], ids=["training", "sweep"])
def test_job_interrupted_again_and_again_ends_with_the_same_bits(tmp_path: Path, body: Json) -> None:
    job: Json = {}
    for end, delay in INTERRUPTIONS:
        with running_server(tmp_path, *TWO) as (server, client):
            job = job or submit(client, body)
            sleep(delay)
            if end == "kill":
                server.kill()
            else:
                assert server.stop() == 0
        status, attempts = stored_state(tmp_path, job)
        assert status in ({"queued", "running"} if end == "kill" else {"queued"}), "make the job longer"
        assert attempts == 0 or end == "kill"
    with running_server(tmp_path, *TWO) as (_, client):
        done = check_same_as_uninterrupted(client, job, body)
    statuses = [transition["status"] for transition in done["transitions"]]
    assert statuses[-2:] == ["running", "succeeded"]
    assert statuses[:-1] == ["queued", "running"] * (len(statuses) // 2)


@pytest.mark.parametrize("table", ["checkpoints", "shard_checkpoints"], ids=["training", "shard"])
def test_running_job_persists_two_checkpoints_a_second(tmp_path: Path, table: str) -> None:
    sweep = {"base": {name: value for name, value in LONG_JOB.items() if name != "seed"}, "seeds": 64}
    with running_server(tmp_path, *ONE) as (_, client):
        submit(client, LONG_JOB if table == "checkpoints" else sweep)
        first, began = next_checkpoint(tmp_path, table), monotonic()
        next_checkpoint(tmp_path, table, next_checkpoint(tmp_path, table, first))
        assert monotonic() - began < 20  # one second on an idle machine


@pytest.mark.parametrize("deadly", ["training", "sweep", "shard"])
def test_job_that_crashes_before_every_checkpoint_fails(tmp_path: Path, deadly: str) -> None:
    body, other = {
        "training": (DEADLY_JOB | {"seed": DEADLY_SEED}, {"iterations": 200}),
        "sweep": ({"base": DEADLY_JOB, "seeds": {"start": DEADLY_SEED, "count": 20}}, {"seeds": 50}),
        "shard": ({"base": DEADLY_JOB, "seeds": DEADLY_SEED + 9000}, {"seeds": 50}),  # its other shards are harmless
    }[deadly]
    with running_server(tmp_path, *ONE, setup=kill_on_deadly_job) as (server, client):
        first = start_running_job(client)
        job, waiting = submit(client, body), submit(client, other)
        with contextlib.suppress(httpx.TransportError):  # the process may die before it responds
            client.post(f"/jobs/{first['id']}/cancel")
        assert server.wait(START_TIMEOUT_SECONDS) == -9
    retries = 0
    while stored_state(tmp_path, job) != ("running", MAX_ATTEMPTS):
        with server_process(tmp_path, *ONE, setup=kill_on_deadly_job) as server:
            assert server.wait(START_TIMEOUT_SECONDS) == -9
        retries += 1
        assert retries <= (50 if deadly == "shard" else MAX_ATTEMPTS)  # a shard's harmless members have checkpoints
    flags = (*ONE, "--log-format", "json")
    with running_server(tmp_path, *flags, setup=kill_on_deadly_job) as (server, client):
        done = wait_for_end(client, job["id"], seconds=120)
        assert (done["status"], done["error"]["type"]) == ("failed", "crashed")
        assert f"{MAX_ATTEMPTS} times" in done["error"]["detail"]
        assert done["transitions"][-1]["detail"] == done["error"]["detail"]
        assert (done["iteration"] > 0) == (deadly == "shard")
        assert wait_for_end(client, waiting["id"])["status"] == "succeeded"
    lines = [json.loads(line) for line in server.log]
    statuses = [line["status"] for line in lines if line["message"] == "job" and line["job_id"] == job["id"]]
    assert statuses == ["queued", "failed"]


@pytest.mark.parametrize("end", ["kill", "stop", "pause"])
def test_interrupted_shard_resumes_from_its_checkpoint(tmp_path: Path, end: str) -> None:
    sweep = {"base": {"iterations": 400_000, "optimizer": "adam", "latent": "uniform"}, "seeds": 3}
    with running_server(tmp_path, setup=checkpoint_always) as (server, client):
        job, reached = submit(client, sweep), 0
        for _ in range(3):  # so that a restart from the beginning is noticed
            reached = next_checkpoint(tmp_path, "shard_checkpoints", reached)
        if end == "pause":
            assert client.post(f"/jobs/{job['id']}/pause").json()["status"] == "paused"
        if end == "kill":
            server.kill()
        else:
            assert server.stop() == 0
    last = stored(tmp_path, "SELECT iteration FROM shard_checkpoints")
    assert last is not None, "make the sweep longer"
    assert reached <= last
    with running_server(tmp_path, setup=checkpoint_always) as (server, client):
        if end == "pause":
            client.post(f"/jobs/{job['id']}/resume")
        assert next_checkpoint(tmp_path, "shard_checkpoints", last) > last
        server.kill()
    with running_server(tmp_path) as (_, client):
        check_same_as_uninterrupted(client, job, sweep)
        assert stored(tmp_path, "SELECT count(*) FROM shard_checkpoints") == 0
        member = client.get(f"/sweeps/{job['id']}/members").json()["data"][1]
        url = f"/sweeps/{job['id']}/members/{member['index']}/train"
        result = client.post(url, params={"wait": 30}).json()["result"]
        assert result == {name: member[name] for name in result}


@pytest.mark.parametrize("part", ["histories", "checkpoints", "shards", "shard_checkpoints", "missing checkpoints"])
def test_damaged_part_of_a_killed_job_is_trained_again_with_the_same_bits(tmp_path: Path, part: str) -> None:
    table = part.removeprefix("missing ")
    sweep = {"grid": {"iterations": [1000, 300_000]}, "seeds": 70}
    body = sweep if table.startswith("shard") else TRAINING | {"iterations": 400_000}
    with running_server(tmp_path, *ONE, setup=checkpoint_always) as (server, client):
        job = submit(client, body)
        where = "WHERE iteration > 1000" if table == "shard_checkpoints" else ""
        query = f"SELECT count(*) FROM {table} {where}"  # noqa: S608
        wait_until(lambda: stored(tmp_path, query))
        server.kill()
    if part == table:
        flip_bit(tmp_path, table, job["id"], seed=1)
    else:
        execute(tmp_path, f"DELETE FROM {table}")  # noqa: S608
    with running_server(tmp_path, *ONE) as (_, client):
        check_same_as_uninterrupted(client, job, body)
