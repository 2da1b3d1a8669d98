"""Writes, fsyncs and renames that fail, one after the other, in a process that serves requests."""

from collections import Counter
from pathlib import Path
from random import Random

import httpx

from tests.faults.report import Finding
from tests.faults.simulated_client import SimulatedClient, check_model, check_no_duplicates
from tests.support.clients import Server, running_server
from tests.support.contract import LARGE_LOG_JOB, SHORT_JOB, Json, start_running_job, submit_job
from tests.support.data_folder import check_store
from tests.support.disks import inject_failures

EX_IOERR = 74
WRITES = ("pwrite64", "ftruncate", "rename", "unlink")
FSYNCS = ("fdatasync", "fsync")
MODEL_FILE_CALLS = ("openat", "write", "fsync", "rename")  # in this order
FOLDER_CALLS = ("openat", "fsync")  # which follow
ACTIONS = 12  # of the client while calls fail, before it waits for all jobs
NOT_CALLED = "the process made fewer calls"
Fault = tuple[str, str, int]  # system call, errno, which of its calls


def disk_failures(seed: int, long: bool, folder: Path) -> list[Finding]:
    """Let the first, the second, ... call of each kind fail, and check all that the service acknowledged."""
    counts: Counter[tuple[str, str]] = Counter()
    simulated, data = SimulatedClient("client", Random(seed)), folder / "data"  # noqa: S311
    faults = [
        (call, error, number)
        for number in range(1, 21 if long else 2)
        for call in (*WRITES, *FSYNCS)
        for error in ("EIO", "ENOSPC")
    ]
    while faults:
        with running_server(data, "--workers", "1") as (server, client):
            _check(client, simulated)
            while faults and server.process.poll() is None:
                call, error, number = fault = faults.pop(0)
                refused = simulated.refused.total()
                exited, was_called = _inject(server.process.pid, client, simulated, fault, data)
                try:
                    if not exited:
                        _check(client, simulated)
                except httpx.TransportError:
                    exited = True
                if exited:
                    _check_exit(server, call, f"{call} {error} {number}")
                outcome = _outcome(exited, simulated.refused.total() - refused)
                counts[call, outcome if was_called else NOT_CALLED] += 1
        check_store(data)
    with running_server(data) as (_, client):
        _check(client, simulated)
    assert {call for call, outcome in counts if outcome != NOT_CALLED} == {*WRITES, *FSYNCS}
    return [
        Finding(action=f"failed {call}", times=times, outcome=f"{outcome}; all that was acknowledged is still true")
        for (call, outcome), times in sorted(counts.items())
    ] + _model_files(long, folder / "models")


def _model_files(long: bool, data: Path) -> list[Finding]:
    """Let each call that writes a model's file fail: the file exists after a retry or after the next start."""
    faults = [
        (call, f"error={error}:when={when}")
        for when in (("1", "2", "1..3") if long else ("1",))
        for call in (FOLDER_CALLS if when == "2" else MODEL_FILE_CALLS)
        for error in ("EIO", "ENOSPC")
    ]
    configs, counts = dict[str, Json](), Counter[tuple[str, bool]]()
    while faults:
        with running_server(data, "--workers", "1") as (server, client):
            _check_models(client, configs)
            while faults and server.process.poll() is None:
                config = SHORT_JOB | {"seed": len(configs)}
                running, id = start_running_job(client)["id"], submit_job(client, **config)["id"]
                configs[id] = config
                files = [data / "models", *(data / "models" / f"{id}.{kind}" for kind in ("tmp", "safetensors"))]
                (call, how), exited = faults.pop(0), False
                try:
                    with inject_failures(server.process.pid, call, how, *files):
                        client.post(f"/jobs/{running}/cancel")  # so that the other starts, whose id the tracer knows
                        client.get(f"/jobs/{id}", params={"wait": 30})
                    assert f"job {id} waits" in "".join(server.log), f"{call} {how} did not fail"
                    _check_models(client, configs)
                except httpx.TransportError:
                    exited = True
                    _check_exit(server, call, f"{call} {how}")
                counts[call, exited] += 1
    with running_server(data) as (_, client):
        _check_models(client, configs)
    return [
        Finding(
            action=f"failed {call} of a model's file",
            times=times,
            outcome=f"exit code {EX_IOERR}; the next process trains again" if exited else "persisted by a retry",
        )
        for (call, exited), times in sorted(counts.items())
    ]


def _check(client: httpx.Client, simulated: SimulatedClient) -> None:
    simulated.check_all(client)
    check_no_duplicates(client, [simulated])


def _check_models(client: httpx.Client, configs: dict[str, Json]) -> None:
    """Check that the trainings succeed, each with the model of its settings."""
    for id, config in configs.items():
        job = client.get(f"/jobs/{id}", params={"wait": 30}).json()
        assert job["status"] == "succeeded", job
        check_model(client, id, config)


def _check_exit(server: Server, call: str, fault: str) -> None:
    """Check that only a failed fsync ends the process, and with the right code."""
    code = server.wait(10)
    assert code == EX_IOERR, f"{fault}: exit code {code}\n{''.join(server.log)}"
    assert call in FSYNCS, f"{fault} ended the process"


def _inject(pid: int, client: httpx.Client, simulated: SimulatedClient, fault: Fault, data: Path) -> tuple[bool, bool]:
    """Let a call fail while the client sends requests; return whether the process ended and made the call."""
    call, error, number = fault
    files = [data / f"gan1010.sqlite{suffix}" for suffix in ("", "-wal", "-shm")]
    exited = False
    with inject_failures(
        pid, call, f"error={error}:when={number}", *(files if call in {"pwrite64", "ftruncate"} else [])
    ) as failed:
        try:
            for _ in range(number):
                simulated.submit(client, "/train", LARGE_LOG_JOB if call == "ftruncate" else SHORT_JOB)
            simulated.wait_for_all(client)
            for _ in range(ACTIONS):
                simulated.act(client)
            simulated.wait_for_all(client)
            for _ in range(number):
                simulated.delete_one(client)
        except httpx.TransportError:
            exited = True
    return exited, bool(failed)


def _outcome(exited: bool, refused: int) -> str:
    if exited:
        return f"exit code {EX_IOERR}"
    return "500 or 507, nothing persisted" if refused else "no response failed"
