"""Clocks that are set back: no order depends on them, also after a restart, and no duration is negative."""

import re
from pathlib import Path

import httpx

from tests.support.clients import running_server
from tests.support.contract import SHORT_JOB, read_pages, run_sweep, start_running_job, submit_job, train, wait_for_end
from tests.support.server_setup import set_clock_back_again_and_again


def check_order(client: httpx.Client, created: list[str], succeeded: list[str]) -> None:
    """Check all that has an order, given the jobs' ids as they were created and the trainings' as they succeeded."""
    jobs = client.get("/jobs").json()["data"]
    models = sorted(succeeded, key=created.index, reverse=True)
    sweeps = [job["id"] for job in jobs if job["kind"] == "sweep"]
    for limit in (1, 50):
        assert [job["id"] for job in read_pages(client, "/jobs", limit=limit)] == created[::-1]
        assert [job["id"] for job in read_pages(client, "/jobs", limit=limit, kind="sweep")] == sweeps
        assert [model["job_id"] for model in read_pages(client, "/models", limit=limit)] == models
    assert client.get("/sample").json()["job_id"] == succeeded[-1]
    for job in jobs:
        changes = [transition["at"] for transition in job["transitions"]]
        assert [job["created_at"], *changes] == sorted([job["created_at"], *changes])
        assert job["created_at"] <= job["started_at"] <= job["finished_at"] == changes[-1]
    for seconds in re.findall(r"gan1010_job_seconds_sum.* (\S+)", client.get("/metrics").text):
        assert 0 < float(seconds) < 60


def test_order_does_not_depend_on_the_clock(tmp_path: Path) -> None:
    with running_server(tmp_path, "--workers", "1", setup=set_clock_back_again_and_again) as (_, client):
        running = start_running_job(client)["id"]
        first, second = (submit_job(client, **SHORT_JOB)["id"] for _ in range(2))
        client.post(f"/jobs/{first}/pause")
        with client.stream("GET", f"/jobs/{running}/events") as response:
            assert "event: progress" in response.iter_lines()
        client.post(f"/jobs/{running}/cancel")
        wait_for_end(client, second)
        client.post(f"/jobs/{first}/resume")
        wait_for_end(client, first)
        created, succeeded = [running, first, second], [second, first]
        check_order(client, created, succeeded)
        created += [run_sweep(client, base={"iterations": 20}, seeds=3)["id"] for _ in range(2)]
        check_order(client, created, succeeded)
    with running_server(tmp_path, "--workers", "1") as (_, client):  # 100 days before the first process
        check_order(client, created, succeeded)
        created.append(train(client, **SHORT_JOB)["id"])
        check_order(client, created, [*succeeded, created[-1]])
