"""A process to which the system refuses priorities, limits, threads or memory."""

import os
import resource
import signal
import threading
from pathlib import Path

import httpx
import pytest

from tests.service.jobs.test_worker import submit, wait_for_job, worker_pool
from tests.support.clients import running_server, server_process
from tests.support.contract import SHORT_JOB, Json, submit_job, train, wait_until
from tests.support.disks import inject_failures
from tests.support.server_setup import stop_at_start, wait_until_stopped

HEADROOM_BYTES = 16 * 2**20
# The snapshots of each network take three times as much memory.
LARGE_JOB: Json = {"iterations": 10_000, "hidden_size": 64, "pattern": "10" * 8, "snapshot_every": 1, "seed": 1}


def test_workers_train_while_cores_are_idle(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "2") as (server, client):
        train(client, **SHORT_JOB)
        threads = [int(thread.name) for thread in Path(f"/proc/{server.process.pid}/task").iterdir()]
        policies = [os.sched_getscheduler(thread) for thread in threads]
        assert policies.count(os.SCHED_IDLE) == 2
        assert os.sched_getscheduler(server.process.pid) == os.SCHED_OTHER


def test_service_trains_where_a_sandbox_refuses_priorities_and_limits(tmp_path: Path) -> None:
    with server_process(tmp_path, setup=stop_at_start) as server:
        wait_until_stopped(server.process.pid)
        with inject_failures(server.process.pid, "sched_setscheduler,prlimit64", "error=EPERM") as failed:
            server.process.send_signal(signal.SIGCONT)
            server.wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=60) as client:
            assert train(client, **SHORT_JOB)["status"] == "succeeded"
            assert client.get("/readyz").status_code == 200
        assert server.stop() == 0
    assert all(any(call in line for line in failed) for call in ("sched_setscheduler", "prlimit64")), failed


def test_job_waits_for_memory(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1") as (server, client):
        train(client, **SHORT_JOB)
        pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + HEADROOM_BYTES
        before = resource.prlimit(server.process.pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        job, cancelled = submit_job(client, **LARGE_JOB), submit_job(client, **LARGE_JOB)
        server.wait_for(f"(job {job['id']} waits and is retried: MemoryError)")
        assert client.get(f"/jobs/{job['id']}").json()["status"] == "running"
        assert client.post(f"/jobs/{job['id']}/pause").json()["status"] == "paused"
        server.wait_for(f"(job {cancelled['id']} waits and is retried: MemoryError)")
        assert client.post(f"/jobs/{cancelled['id']}/cancel").json()["status"] == "cancelled"
        client.post(f"/jobs/{job['id']}/resume")
        server.wait_for(f"(job {job['id']} waits and is retried: MemoryError)")
        resource.prlimit(server.process.pid, resource.RLIMIT_AS, before)
        wait_until(lambda: client.get(f"/jobs/{job['id']}").json()["iteration"])
        assert client.post(f"/jobs/{job['id']}/cancel").json()["status"] == "cancelled"


def test_workers_whose_threads_cannot_start_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with worker_pool(tmp_path, workers=2) as (registry, pool):
        active = submit(registry)
        threading.stack_size(2**46)  # more than a process can address
        try:
            pool.start()
        finally:
            threading.stack_size(0)
        assert "Only 0 of 2 training threads run" in caplog.text
        assert not pool.is_alive
    with worker_pool(tmp_path, workers=1) as (registry, pool):
        again = registry.active_job(active.job.id)
        assert again is not None
        pool.start()
        assert pool.is_alive
        assert wait_for_job(again).status == "succeeded"
