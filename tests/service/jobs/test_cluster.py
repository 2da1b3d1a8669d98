"""Sweeps on a Dask cluster: the same results as on local threads, also when any of the processes is killed."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.jobs.cluster import AGAIN, LOCAL, NO_WORKER, UNREACHABLE
from service.jobs.verification import OTHER_BITS
from tests.support.clients import Server, running_server
from tests.support.contract import LONG_JOB, Json, train, wait_for_end, wait_until
from tests.support.dask_cluster import DaskCluster, dask_cluster, kill
from tests.support.data_folder import execute
from tests.support.server_setup import shorten_cluster_timeouts

SWEEP: Json = {"base": {"iterations": 2000}, "grid": {"spread": [0.1, 0.2]}, "seeds": 10_000}
SMALL_SWEEP: Json = {"base": {"iterations": 200}, "seeds": 70}
ONE_SHARD: Json = {"base": {"iterations": 300_000, "optimizer": "adam"}, "seeds": 50}  # seconds of training
ENDLESS_SWEEP: Json = {"base": {name: value for name, value in LONG_JOB.items() if name != "seed"}, "seeds": 1000}
SLOWNESS = 5  # of a machine that runs other tests
CHECKPOINT = "SELECT iteration FROM shard_checkpoints"
# Modules that `dask worker --preload` imports, twice.
OTHER_KERNEL = """
import os
import numpy as np
from gan1010.sweeps import shard_training

def change_one_bit(settings, columns, members=shard_training._members):
    columns["discriminators"][0, 0] = np.nextafter(columns["discriminators"][0, 0], np.float32(9))
    return members(settings, columns)

if os.environ.get("TEST_OTHER_BITS") and shard_training._members.__name__ != "change_one_bit":
    shard_training._members = change_one_bit
"""
NOT_INSTALLED = """
from importlib.metadata import Distribution, PackageNotFoundError

def from_name(name, find=Distribution.from_name):
    if name == "gan1010":
        raise PackageNotFoundError(name)
    return find(name)

if Distribution.from_name.__module__ == "importlib.metadata":
    Distribution.from_name = from_name
"""


@contextmanager
def service(
    folder: Path, cluster: DaskCluster, *flags: str, threads: int | None = None
) -> Iterator[tuple[Server, httpx.Client]]:
    """Run a service with this cluster, once it trusts so many threads."""
    flags = ("--scheduler", cluster.address, "--workers", "1", *flags)
    with running_server(folder, *flags, setup=shorten_cluster_timeouts) as (server, client):
        if threads is not None:
            wait_for_cluster(client, threads=threads)
        yield server, client


@contextmanager
def everything(folder: Path, *flags: str, workers: int = 2) -> Iterator[tuple[DaskCluster, Server, httpx.Client]]:
    """Run a cluster and a service with it."""
    dask = dask_cluster(folder / "dask", workers=workers)
    with dask as cluster, service(folder / "data", cluster, *flags, threads=workers) as (server, client):
        yield cluster, server, client


def wait_for_cluster(client: httpx.Client, **values: object) -> Json:
    return wait_until(lambda: client.get("/cluster").json(), lambda status: values.items() <= status.items())


def submit(client: httpx.Client, sweep: Json = SWEEP, *, progress: bool = True) -> Json:
    """Submit a sweep and return it, after its first members if `progress` is true."""
    job: Json = client.post("/sweeps", json=sweep).json()
    return wait_for_job(client, job, lambda job: job["iteration"] > 0) if progress else job


def wait_for_job(client: httpx.Client, job: Json, condition: Any) -> Json:
    return wait_until(lambda: client.get(f"/jobs/{job['id']}").json(), condition)


def wait_for_detail(client: httpx.Client, job: Json, detail: str) -> None:
    wait_for_job(client, job, lambda job: job["transitions"][-1]["detail"] == detail)


def check_end(client: httpx.Client, job: Json, *details: str) -> Json:
    """Check that a sweep succeeds, after these details in its transitions."""
    done = wait_for_end(client, job["id"])
    assert (done["status"], done["iteration"]) == ("succeeded", done["iterations"])
    found = [transition["detail"] for transition in done["transitions"] if transition["detail"]]
    assert [detail for detail in found if detail != AGAIN] == list(details)  # it may end before it says so
    return done


def content(client: httpx.Client, data: Path, job: Json) -> object:
    """The bytes of a sweep's cells and members, with their weights."""
    paths = [f"/sweeps/{job['id']}/{path}" for path in ("results", "members?limit=1000&after=5000")]
    shards = execute(data, f"SELECT number, sha256, columns FROM shards WHERE job_id = '{job['id']}'")  # noqa: S608
    return [client.get(path).text.replace(job["id"], "ID") for path in paths], sorted(shards)


def next_checkpoint(data: Path, last: int) -> int:
    """Wait for a checkpoint of another iteration than the last one."""
    ((iteration,),) = wait_until(lambda: execute(data, CHECKPOINT), lambda rows: rows not in ([], [(last,)]))
    return int(iteration)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> object:
    """The content of the sweep as local threads train it."""
    data = tmp_path_factory.mktemp("local")
    with running_server(data) as (_, client):
        return content(client, data, check_end(client, submit(client)))


def test_cluster_gives_the_bytes_of_local_threads(tmp_path: Path, expected: object) -> None:
    data = tmp_path / "data"
    with everything(tmp_path) as (cluster, _, client):
        job = submit(client)
        status = client.get("/cluster").json()
        assert (status["scheduler"], status["connected"], status["detail"]) == (cluster.address, True, None)
        assert status["dashboard"].endswith("/status")
        assert [(worker["status"], worker["threads"], worker["reason"]) for worker in status["workers"]] == [
            ("trusted", 1, None)
        ] * 2
        assert 2 <= sum(worker["in_flight"] for worker in status["workers"]) <= 4
        assert "gan1010_cluster_workers 2.0\n" in client.get("/metrics").text
        check_end(client, job)
        assert content(client, data, job) == expected
        wait_for_cluster(client, in_flight=0)
        assert "gan1010_cluster_shards_in_flight 0.0\n" in client.get("/metrics").text


def test_worker_killed_in_the_middle_changes_nothing(tmp_path: Path, expected: object) -> None:
    data = tmp_path / "data"
    with everything(tmp_path) as (cluster, server, client):
        job = submit(client)
        kill(cluster.workers[0])
        check_end(client, job)
        assert content(client, data, job) == expected
        wait_for_cluster(client, threads=1)
        assert "has left the cluster" in "".join(server.log)


@pytest.mark.parametrize("fallback", [True, False])
def test_scheduler_killed_in_the_middle_changes_nothing(tmp_path: Path, expected: object, fallback: bool) -> None:
    data, flags = tmp_path / "data", () if fallback else ("--no-scheduler-fallback",)
    obstacle = LOCAL if fallback else UNREACHABLE
    with everything(tmp_path, *flags) as (cluster, server, client):
        job = submit(client)
        kill(cluster.scheduler)
        wait_for_detail(client, job, obstacle)
        status = client.get("/cluster").json()
        assert (status["connected"], status["workers"], status["dashboard"]) == (False, [], None)
        assert status["detail"]
        if not fallback:
            assert train(client)["status"] == "succeeded"
            done = [client.get(f"/jobs/{job['id']}").json()["iteration"] for _ in range(2)]
            assert done[0] == done[1] < 20_000
            cluster.start_scheduler()
            wait_for_detail(client, job, NO_WORKER)
            cluster.start_workers(2)
        check_end(client, job, obstacle, *(() if fallback else (NO_WORKER,)))
        assert content(client, data, job) == expected
    assert 1 <= sum("WARNING The scheduler" in line for line in server.log) <= 5  # not one each second
    assert [line for line in server.log if "Traceback" in line or "ERROR" in line] == []


def test_cluster_is_used_again_after_local_threads(tmp_path: Path) -> None:
    with dask_cluster(tmp_path / "dask") as cluster:
        kill(cluster.scheduler)
        with service(tmp_path / "data", cluster) as (_, client):
            job = submit(client, ENDLESS_SWEEP, progress=False)
            wait_for_detail(client, job, LOCAL)
            cluster.start_scheduler()
            cluster.start_workers()
            wait_for_detail(client, job, AGAIN)
            wait_until(lambda: client.get("/cluster").json()["in_flight"])


def test_service_killed_in_the_middle_changes_nothing(tmp_path: Path, expected: object) -> None:
    data = tmp_path / "data"
    with dask_cluster(tmp_path / "dask", workers=2) as cluster:
        with service(data, cluster, threads=2) as (server, client):
            job = submit(client)
            server.kill()
        ((before,),) = execute(data, "SELECT count(*) FROM shards")
        with service(data, cluster) as (_, client):
            done = wait_for_end(client, job["id"])
            assert (done["status"], done["iteration"]) == ("succeeded", 20_000)
            assert content(client, data, job) == expected
            assert client.get("/metrics").text.count("gan1010_iterations_total 0.0") == 0
    assert before > 0


def test_shard_continues_from_its_checkpoint_elsewhere(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with everything(tmp_path, workers=1) as (cluster, _, client):
        job = submit(client, ONE_SHARD, progress=False)
        before = 0
        for _ in range(3):  # so that a start from the beginning is noticed
            before = next_checkpoint(data, before)
        kill(cluster.workers[0])
        wait_for_detail(client, job, NO_WORKER)
        ((left,),) = execute(data, CHECKPOINT)
        cluster.start_workers()
        assert before <= left < next_checkpoint(data, left)
        check_end(client, job, NO_WORKER)
        on_cluster = content(client, data, job)
    with running_server(tmp_path / "local") as (_, client):
        assert content(client, tmp_path / "local", check_end(client, submit(client, ONE_SHARD))) == on_cluster


def test_unfit_workers_are_refused_and_the_others_train_the_sweep(tmp_path: Path) -> None:
    falsified = tmp_path / "falsified" / "gan1010-0.0.7.dist-info" / "METADATA"
    falsified.parent.mkdir(parents=True)
    falsified.write_text("Metadata-Version: 2.1\nName: gan1010\nVersion: 0.0.7\n")
    other, none = tmp_path / "other_kernel.py", tmp_path / "not_installed.py"
    other.write_text(OTHER_KERNEL)
    none.write_text(NOT_INSTALLED)
    with everything(tmp_path, workers=0) as (cluster, server, client):
        cluster.start_other_worker("falsified", PYTHONPATH=str(tmp_path / "falsified"))
        cluster.start_other_worker("other bits", "--preload", str(other), TEST_OTHER_BITS="1")
        cluster.start_other_worker("none", "--preload", str(none))
        job = submit(client, SMALL_SWEEP, progress=False)
        status = wait_until(
            lambda: client.get("/cluster").json(),
            lambda status: [worker["status"] for worker in status["workers"]] == ["refused"] * 3,
        )
        reasons = {worker["name"]: worker["reason"] for worker in status["workers"]}
        assert reasons["other bits"] == OTHER_BITS
        assert "It has gan1010 0.0.7 and the service" in reasons["falsified"]
        assert "It has no gan1010. Install gan1010" in reasons["none"]
        assert (status["threads"], status["in_flight"]) == (0, 0)
        cluster.start_workers()
        check_end(client, job, NO_WORKER)
        assert "gan1010_cluster_workers 1.0\n" in client.get("/metrics").text
    for reason in reasons.values():
        assert any("ERROR" in line and reason in line for line in server.log)


def test_sweeps_wait_for_a_worker_and_say_so(tmp_path: Path) -> None:
    with everything(tmp_path, workers=0) as (cluster, server, client):
        first, second = (submit(client, SMALL_SWEEP, progress=False) for _ in range(2))
        wait_for_detail(client, first, NO_WORKER)
        assert client.get(f"/jobs/{second['id']}").json()["status"] == "queued"
        cluster.start_workers()
        check_end(client, first, NO_WORKER)
        check_end(client, second)
    assert any("job" in line and NO_WORKER in line for line in server.log)


def test_requests_and_trainings_do_not_wait_for_the_cluster(tmp_path: Path) -> None:
    with everything(tmp_path) as (cluster, _, client):
        job = submit(client, ENDLESS_SWEEP, progress=False)
        wait_for_cluster(client, in_flight=4)
        seconds = []
        for _ in range(5):
            began = time.monotonic()
            assert train(client)["status"] == "succeeded"
            seconds.append(time.monotonic() - began)
        assert statistics.median(seconds) < 0.5 * SLOWNESS
        for action in ("pause", "resume", "pause", "resume", "cancel"):
            began = time.monotonic()
            assert client.post(f"/jobs/{job['id']}/{action}").status_code == 200
            wait_for_cluster(client, in_flight=4 if action == "resume" else 0)
            assert time.monotonic() - began < 2 * SLOWNESS
        job = submit(client, ENDLESS_SWEEP, progress=False)
        wait_for_cluster(client, in_flight=4)
        cluster.freeze_scheduler()
        began = time.monotonic()
        while client.get("/cluster").json()["connected"]:
            assert time.monotonic() - began < 1.5  # the scheduler counts as lost after 2 s
            time.sleep(0.05)
            began = time.monotonic()
        wait_for_detail(client, job, LOCAL)


@pytest.mark.parametrize("state", ["in flight", "frozen", "lost", "connecting"])
def test_shutdown_is_quick(tmp_path: Path, state: str) -> None:
    with everything(tmp_path, workers=1) as (cluster, server, client):
        submit(client, ENDLESS_SWEEP, progress=False)
        wait_for_cluster(client, in_flight=2)
        if state == "frozen":
            cluster.freeze_scheduler()
        elif state != "in flight":
            kill(cluster.scheduler)
            wait_for_cluster(client, connected=False)
        if state == "connecting":
            server.wait_for("(cannot be used)")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 3
    assert [line for line in server.log if "Traceback" in line or "ERROR" in line] == []
