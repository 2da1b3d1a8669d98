"""Trainings with PyTorch: in a process of its own, with the same results, and as durable as all others."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from gan1010 import TrainConfig
from gan1010.compiled import kernel
from gan1010.kernel_inputs import draws, initial_state, single_run
from gan1010.training import new_records
from service.jobs import worker
from service.jobs.crash_recovery import MAX_ATTEMPTS, TRAINING_DIED
from service.jobs.training_process import TrainingProcess
from tests.service.jobs.test_crash_recovery import ONE, check_same_as_uninterrupted
from tests.service.jobs.test_worker import submit, wait_for_job, worker_pool
from tests.support.clients import Server, running_server
from tests.support.contract import Json, submit_job, train, wait_until

TOLERANCE = 1e-4
VALUES: dict[str, list[Any]] = {
    "pattern": ["1010", "1", "0110", "1010101010101010"],
    "hidden_size": [3, 1, 5, 9, 16],
    "loss": ["mse", "bce"],
    "optimizer": ["sgd", "sgd", "adam"],
    "latent": ["constant", "uniform", "normal"],
    "experiment": ["gan", "gan", "gan", "discriminator"],
}
CONFIGS: list[Json] = [  # the lists have lengths that differ, so that their values combine in many ways
    {**dict(zip(VALUES, row, strict=True)), "seed": seed, "iterations": 60, "snapshot_every": 20}
    for seed, row in zip(range(20), zip(*map(cycle, VALUES.values()), strict=True), strict=False)
]
LONG: Json = {"iterations": 10_000_000, "seed": 1, "backend": "pytorch"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("pytorch"), *ONE) as (server, _):
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


def children(pid: int) -> list[int]:
    """The processes that the threads of a process have started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def only_child(server: Server) -> int:
    (child,) = children(server.process.pid)
    return child


def has_ended(pid: int) -> bool:
    return not Path(f"/proc/{pid}/exe").exists()  # nor has a zombie


def advance_past(client: httpx.Client, job: Json, iteration: int) -> int:
    """Wait until a job has trained past an iteration, and return where it is."""
    return int(wait_until(lambda: client.get(f"/jobs/{job['id']}").json()["iteration"], lambda now: now > iteration))


def series(client: httpx.Client, job: Json) -> Any:
    return np.array(list(client.get(f"/jobs/{job['id']}/progress").json()["series"].values()))


def weights(client: httpx.Client, job: Json) -> Any:
    content = client.get(f"/jobs/{job['id']}/snapshots", params={"weights": True}).json()["weights"]
    return np.hstack([content[network] for network in ("generator", "discriminator") if content.get(network)])


@pytest.mark.parametrize("settings", CONFIGS, ids=lambda settings: "-".join(map(str, settings.values())))
def test_both_backends_agree(client: httpx.Client, settings: Json) -> None:
    compiled, pytorch = (train(client, **settings, backend=backend) for backend in ("compiled", "pytorch"))
    assert pytorch["status"] == "succeeded", pytorch["error"]
    assert np.abs(series(client, compiled) - series(client, pytorch)).max() < TOLERANCE
    assert np.abs(weights(client, compiled) - weights(client, pytorch)).max() < TOLERANCE
    for name, value in compiled["result"].items():
        assert value == pytest.approx(pytorch["result"][name], abs=TOLERANCE), name


def test_service_itself_never_loads_torch(server: Server, client: httpx.Client) -> None:
    train(client, backend="pytorch", iterations=1)
    maps = {pid: Path(f"/proc/{pid}/maps").read_text() for pid in (server.process.pid, only_child(server))}
    assert ["libtorch" in text for text in maps.values()] == [False, True]
    assert os.sched_getscheduler(only_child(server)) == os.SCHED_IDLE


def test_pytorch_training_is_watched_paused_resumed_and_cancelled(server: Server, client: httpx.Client) -> None:
    path = f"/jobs/{submit_job(client, **LONG)['id']}"
    with client.stream("GET", f"{path}/events") as events:
        progress = (json.loads(line[6:]) for line in events.iter_lines() if line.startswith('data: {"job_id"'))
        assert next(progress)["next_after"] < next(progress)["next_after"]
    job = wait_until(lambda: client.get(path).json(), lambda job: job["eta_seconds"])
    assert job["status"] == "running"
    paused = client.post(f"{path}/pause").json()
    assert (paused["status"], paused["iteration"]) == ("paused", client.get(f"{path}/progress").json()["iteration"])
    process = only_child(server)
    client.post(f"{path}/resume")
    advance_past(client, paused, paused["iteration"])
    assert client.post(f"{path}/cancel").json()["status"] == "cancelled"
    assert only_child(server) == process


def test_pytorch_training_killed_three_times_ends_with_the_same_bits(tmp_path: Path) -> None:
    body = {"iterations": 900, "optimizer": "adam", "latent": "normal", "seed": 5, "backend": "pytorch"}
    with running_server(tmp_path, *ONE) as (server, client):
        job = submit_job(client, **body)
        reached, child = advance_past(client, job, 0), only_child(server)
        server.kill()
        wait_until(lambda: has_ended(child))
    with running_server(tmp_path, *ONE) as (server, client):
        reached, child = advance_past(client, job, reached), only_child(server)
        os.kill(child, signal.SIGKILL)
        reached = advance_past(client, job, reached)
        assert only_child(server) != child
        server.kill()
    with running_server(tmp_path, *ONE) as (_, client):
        done = check_same_as_uninterrupted(client, job, body)
    statuses = [transition["status"] for transition in done["transitions"]]
    assert statuses == [*["queued", "running"] * 4, "succeeded"]
    assert [transition["detail"] for transition in done["transitions"]].count(TRAINING_DIED) == 1


def test_training_whose_process_always_dies_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        active, other = (submit(registry, TrainConfig(seed=1, backend=name)) for name in ("pytorch", "compiled"))
        pool.start()
        job = wait_for_job(active)
        assert job.error is not None
        assert (job.status, job.error.type) == ("failed", "crashed")
        assert [transition.status for transition in job.transitions].count("running") == MAX_ATTEMPTS + 1
        assert wait_for_job(other).status == "succeeded"


def test_training_is_cancelled_while_its_process_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "IDLE_SECONDS", 0.0)
    before = set(children(os.getpid()))
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        active = submit(registry, TrainConfig(**LONG))
        pool.start()
        wait_until(lambda: set(children(os.getpid())) - before)
        registry.request_stop(active.job.id, "cancelled")
        job = wait_for_job(active)
        assert (job.status, job.iteration) == ("cancelled", 0)
        wait_until(lambda: set(children(os.getpid())) <= before)  # an idle process is ended


def test_errors_of_the_process_are_those_of_the_training() -> None:
    config = TrainConfig(seed=1, backend="pytorch")
    lanes = single_run(config)
    state = initial_state(config, lanes)
    arguments = (draws(config, lanes, 0, 5), new_records(config, state), 0)
    before = kernel.State(*(values.copy() for values in state))
    object.__setattr__(config, "hidden_size", 10**13)  # no request can have it, and no machine has the memory
    process = TrainingProcess()
    process.start()
    wait_until(lambda: process.is_ready(1))
    with pytest.raises(MemoryError):
        process.advance(config, state, *arguments)
    assert not process.is_alive
    assert all(map(np.array_equal, before, state))
