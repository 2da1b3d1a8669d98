"""What survives of sweeps: every shard that was done, and with the rest trained the very same results."""

import sqlite3
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.support.clients import app_client, running_server
from tests.support.contract import LONG_JOB, Json, check_problem, wait_until
from tests.support.server_setup import checkpoint_always

SWEEP: Json = {
    "base": {"iterations": 2000},
    "grid": {"hidden_size": [2, 3, 4], "learning_rate": [0.01, 0.1]},
    "seeds": 3000,
}


def everything(client: httpx.Client, job: Json) -> list[bytes]:
    """A sweep's results and some pages of its members, but for its id."""
    url = f"/sweeps/{job['id']}"
    answers = [client.get(f"{url}/results"), client.get(f"{url}/results", headers={"accept": "text/csv"})]
    answers += [client.get(f"{url}/members", params={"limit": 1000, "after": after}) for after in (0, 4321, 16_999)]
    assert [answer.status_code for answer in answers] == [200] * 5
    return [answer.content.replace(job["id"].encode(), b"ID") for answer in answers]


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_sweep_ends_with_the_results_of_an_undisturbed_one(tmp_path: Path, workers: int) -> None:
    flags = ("--workers", str(workers))
    with running_server(tmp_path, *flags) as (server, client):
        job = client.post("/sweeps", json=SWEEP).json()
        cut = wait_until(lambda: client.get(f"/jobs/{job['id']}").json(), lambda job: job["iteration"] > 0)
        server.kill()
    assert cut["status"] == "running"
    with running_server(tmp_path, *flags) as (_, client):
        again = client.get(f"/jobs/{job['id']}").json()
        assert again["iteration"] >= cut["iteration"]
        assert [change["status"] for change in again["transitions"]][:3] == ["queued", "running", "queued"]
        done = client.get(f"/jobs/{job['id']}", params={"wait": 30}).json()
        assert (done["status"], done["iteration"], done["config"]) == ("succeeded", 18_000, cut["config"])
        other = client.post("/sweeps", params={"wait": 30}, json=SWEEP).json()
        assert everything(client, done) == everything(client, other)


def test_running_shard_that_takes_long_leaves_a_checkpoint_every_second(tmp_path: Path) -> None:
    endless = {"base": {name: value for name, value in LONG_JOB.items() if name != "seed"}, "seeds": 64}
    with running_server(tmp_path, "--workers", "1") as (_, client):
        client.post("/sweeps", json=endless)
        first = next_checkpoint(tmp_path, 0)
        began = monotonic()
        next_checkpoint(tmp_path, next_checkpoint(tmp_path, first))
        assert monotonic() - began < 10  # two seconds, on a machine that does nothing else


@pytest.mark.parametrize("how", ["kill", "stop", "pause"])
def test_shard_that_takes_long_goes_on_where_it_was_left(tmp_path: Path, how: str) -> None:
    long = {"base": {"iterations": 400_000, "optimizer": "adam", "latent": "uniform"}, "seeds": 3}
    with running_server(tmp_path, setup=checkpoint_always) as (server, client):
        job, reached = client.post("/sweeps", json=long).json(), 0
        for _ in range(3):  # some checkpoints, so that one of a beginning is seen to be one
            reached = next_checkpoint(tmp_path, reached)
        if how == "pause":
            assert client.post(f"/jobs/{job['id']}/pause").json()["status"] == "paused"
        if how == "kill":
            server.kill()
        else:
            assert server.stop() == 0
    left = shard_iteration(tmp_path)
    assert reached <= left, "it was not interrupted: make it longer"
    with running_server(tmp_path, setup=checkpoint_always) as (server, client):
        if how == "pause":
            client.post(f"/jobs/{job['id']}/resume")
        assert next_checkpoint(tmp_path, left) > left
        server.kill()
    with running_server(tmp_path) as (_, client):
        done = client.get(f"/jobs/{job['id']}", params={"wait": 30}).json()
        assert done["status"] == "succeeded"
        assert rows(tmp_path).keys() == {"jobs", "shards"}
        for member in client.get(f"/sweeps/{job['id']}/members").json()["data"]:
            url = f"/sweeps/{job['id']}/members/{member['index']}/train"
            undisturbed = client.post(url, params={"wait": 30}).json()["result"]
            assert undisturbed == {name: member[name] for name in undisturbed}


def test_ended_sweeps_answer_after_a_restart_as_before(tmp_path: Path) -> None:
    long = {"base": {"hidden_size": 16}, "grid": {"iterations": [100, 10_000_000]}, "seeds": 500}
    with app_client(tmp_path, workers=1) as client:
        ended = client.post("/sweeps", params={"wait": 30}, json=SWEEP | {"seeds": 100}).json()
        job = client.post("/sweeps", json=long).json()
        wait_until(lambda: client.get(f"/jobs/{job['id']}").json(), lambda job: job["iteration"] == 500)
        cancelled = client.post(f"/jobs/{job['id']}/cancel").json()
        pages = [client.get(f"/sweeps/{ended['id']}/results").content]
        pages += [client.get(f"/sweeps/{job['id']}/{path}").content for path in ("results", "members")]
    with app_client(tmp_path, workers=1) as client:
        assert client.get("/jobs").json()["data"] == [cancelled, ended]
        assert client.get(f"/sweeps/{ended['id']}/results").content == pages[0]
        assert [client.get(f"/sweeps/{job['id']}/{path}").content for path in ("results", "members")] == pages[1:]


def test_deleted_sweep_leaves_nothing_on_disk(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = client.post("/sweeps", params={"wait": 30}, json={"base": {"iterations": 10}, "seeds": 9}).json()
        assert rows(tmp_path) == {"jobs": 1, "shards": 1}
        assert client.delete(f"/jobs/{job['id']}").status_code == 204
        check_problem(client.get(f"/sweeps/{job['id']}/members"), 404, "job-not-found")
    assert rows(tmp_path) == {}


def shard_iteration(folder: Path) -> int:
    """How far the only shard is that is not done, on the disk of a process that may live."""
    db = sqlite3.connect(folder / "gan1010.sqlite")
    found = db.execute("SELECT iteration FROM shard_checkpoints").fetchone()
    db.close()
    return found[0] if found else 0


def next_checkpoint(folder: Path, last: int) -> int:
    """How far it is once that is another than it was."""
    seen = wait_until(lambda: {"iteration": shard_iteration(folder)}, lambda now: now["iteration"] != last)
    return int(seen["iteration"])


def rows(folder: Path) -> dict[str, int]:
    """How many rows each table has that has any."""
    db = sqlite3.connect(folder / "gan1010.sqlite")
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    counts = {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}  # noqa: S608
    db.close()
    return {table: count for table, count in counts.items() if count}
