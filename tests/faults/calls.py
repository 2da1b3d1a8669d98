"""Writes, fsyncs and renames that fail, one after the other, under a process that is asked for things meanwhile."""

from collections import Counter
from hashlib import sha256
from pathlib import Path
from random import Random

import httpx

from gan1010 import TrainConfig, train
from gan1010.export import safetensors
from tests.faults.customers import Customer, nothing_is_there_twice
from tests.faults.intact import is_intact
from tests.faults.rows import Row
from tests.support.clients import running_server
from tests.support.contract import LARGE_LOG_JOB, SHORT_JOB, start_running_job, submit_job
from tests.support.disks import inject_failures

EX_IOERR = 74
WRITES = ("pwrite64", "ftruncate", "rename", "unlink")
FSYNCS = ("fdatasync", "fsync")
OF_A_MODEL = ("openat", "write", "fsync", "rename")  # in the order in which its file is written
OF_THE_FOLDER = ("openat", "fsync")  # that follow
ACTS = 12  # that a customer does while calls fail, before it waits for all to end
NOT_CALLED = "no, it was not called so often"


def calls(seed: int, long: bool, folder: Path) -> list[Row]:
    """Have the first, the second, ... call of each kind fail, and see that what was told of it is true."""
    counts: Counter[tuple[str, str]] = Counter()
    customer, data = Customer("customer", Random(seed)), folder / "data"  # noqa: S311
    cases = [
        (call, error, when)
        for when in range(1, 21 if long else 2)
        for call in (*WRITES, *FSYNCS)
        for error in ("EIO", "ENOSPC")
    ]
    while cases:
        with running_server(data, "--workers", "1") as (server, client):
            customer.look_at_all(client)
            nothing_is_there_twice(client, [customer])
            while cases and server.process.poll() is None:
                call, error, when = cases.pop(0)
                refused = customer.refused.total()
                exited, failed = _fails_during(server.process.pid, client, customer, (call, error, when), data)
                if not exited:
                    exited = _ends_while_looked_at(client, customer)
                if exited:
                    code = server.wait(10)
                    assert code == EX_IOERR, f"{call} {error} {when}: exit code {code}\n{''.join(server.log)}"
                    assert call in FSYNCS, f"{call} {error} {when} ended the process"
                counts[call, _outcome(exited, customer.refused.total() - refused) if failed else NOT_CALLED] += 1
        is_intact(data, folder / "copy")
    with running_server(data) as (_, client):
        customer.look_at_all(client)
        nothing_is_there_twice(client, [customer])
    assert {call for call, outcome in counts if outcome != NOT_CALLED} == {*WRITES, *FSYNCS}
    return [
        Row(what=f"{call} made to fail", times=times, found=f"{outcome}; all that was told still is so")
        for (call, outcome), times in sorted(counts.items())
    ] + _models(long, folder / "models")


def _models(long: bool, data: Path) -> list[Row]:
    """Have each call that writes a model's file fail: it is there at a later try, or after the next start."""
    cases = [
        (call, f"error={error}:when={when}")
        for when in (("1", "2", "1..3") if long else ("1",))
        for call in (OF_THE_FOLDER if when == "2" else OF_A_MODEL)
        for error in ("EIO", "ENOSPC")
    ]
    expected, counts = dict[str, str](), Counter[tuple[str, bool]]()
    while cases:
        with running_server(data, "--workers", "1") as (server, client):
            _are_kept(client, expected)
            while cases and server.process.poll() is None:
                config = SHORT_JOB | {"seed": len(expected)}
                busy, id = start_running_job(client)["id"], submit_job(client, **config)["id"]
                expected[id] = sha256(safetensors.dump(train(TrainConfig(**config)).model())).hexdigest()
                files = [data / "models", *(data / "models" / f"{id}.{kind}" for kind in ("tmp", "safetensors"))]
                (call, how), exited = cases.pop(0), False
                try:
                    with inject_failures(server.process.pid, call, how, *files):
                        client.post(f"/jobs/{busy}/cancel")  # and the other begins, whose name the tracer knows
                        client.get(f"/jobs/{id}", params={"wait": 30})
                    assert f"job {id} waits for the disk" in "".join(server.log), f"{call} {how} was not there to fail"
                    _are_kept(client, expected)
                except httpx.TransportError:
                    exited, code = True, server.wait(10)
                    assert code == EX_IOERR, f"{call} {how}: exit code {code}\n{''.join(server.log)}"
                    assert call in FSYNCS, f"{call} {how} ended the process"
                counts[call, exited] += 1
    with running_server(data) as (_, client):
        _are_kept(client, expected)
    return [
        Row(
            what=f"{call} of a model's file made to fail",
            times=times,
            found=f"the process ended with {EX_IOERR}; kept by the next" if exited else "kept at a later try",
        )
        for (call, exited), times in sorted(counts.items())
    ]


def _are_kept(client: httpx.Client, expected: dict[str, str]) -> None:
    """The trainings succeed, each with the model that has this SHA-256."""
    for id, digest in expected.items():
        job = client.get(f"/jobs/{id}", params={"wait": 30}).json()
        assert job["status"] == "succeeded", job
        assert sha256(client.get(f"/models/{id}/model.safetensors").content).hexdigest() == digest


def _fails_during(
    pid: int, client: httpx.Client, customer: Customer, fault: tuple[str, str, int], data: Path
) -> tuple[bool, bool]:
    """Have a call fail the `when`-th time while the customer does what leads to so many, and other things.

    Whether that has ended the process, and whether it was called so often.
    """
    call, error, when = fault
    files = [data / f"gan1010.sqlite{suffix}" for suffix in ("", "-wal", "-shm")]
    paths = files if call in {"pwrite64", "ftruncate"} else []
    exited = False
    with inject_failures(pid, call, f"error={error}:when={when}", *paths) as failed:
        try:
            for _ in range(when):
                customer.ask_for(client, "/train", LARGE_LOG_JOB if call == "ftruncate" else SHORT_JOB)
            customer.wait_for_all(client)
            for _ in range(ACTS):
                customer.act(client)
            customer.wait_for_all(client)
            for _ in range(when):
                customer.delete_one(client)
        except httpx.TransportError:
            exited = True
    return exited, bool(failed)


def _ends_while_looked_at(client: httpx.Client, customer: Customer) -> bool:
    """Whether the process has ended after all; if not, all that it told still has to be so."""
    try:
        customer.look_at_all(client)
        nothing_is_there_twice(client, [customer])
    except httpx.TransportError:
        return True
    return False


def _outcome(exited: bool, refused: int) -> str:
    if exited:
        return f"the process ended with {EX_IOERR}"
    return "500 or 507, nothing kept" if refused else "no answer the worse for it"
