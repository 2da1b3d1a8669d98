"""Jobs: list, read, wait, cancel and delete."""

import asyncio
import concurrent.futures
import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.clients import Client, app_client
from tests.support.contract import (
    JOB_FIELDS,
    LONG_JOB,
    SHORT_JOB,
    Json,
    check_problem,
    read_pages,
    start_running_job,
    submit_job,
    train,
)


@pytest.fixture(scope="module")
def mixed_jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service with four succeeded jobs, a cancelled, a running and a queued one."""
    with app_client(tmp_path_factory.mktemp("mixed"), workers=1) as client:
        for number in range(4):
            train(client, **SHORT_JOB, name=str(number))
        client.post(f"/jobs/{start_running_job(client)['id']}/cancel")
        start_running_job(client)
        submit_job(client, **SHORT_JOB)
        yield client


def ids(jobs: list[Json]) -> list[str]:
    return [job["id"] for job in jobs]


def test_jobs_are_listed_newest_first_and_ids_sort_by_creation(mixed_jobs: Client) -> None:
    listed = mixed_jobs.get("/jobs").json()["data"]
    assert len(listed) == 7
    assert ids(listed) == sorted(ids(listed), reverse=True)
    assert [job["created_at"] for job in listed] == sorted((job["created_at"] for job in listed), reverse=True)
    assert [job["name"] for job in listed[3:]] == ["3", "2", "1", "0"]
    assert all(job.keys() == JOB_FIELDS for job in listed)


@given(limit=st.integers(1, 9))
@hypothesis_settings(max_examples=9)
def test_pages_of_any_size_add_up_to_the_list(mixed_jobs: Client, limit: int) -> None:
    assert ids(read_pages(mixed_jobs, "/jobs", limit=limit)) == ids(mixed_jobs.get("/jobs").json()["data"])


@pytest.mark.parametrize(
    ("field", "value", "count"),
    [
        ("status", "succeeded", 4), ("status", "cancelled", 1), ("status", "running", 1), ("status", "queued", 1),
        ("status", "failed", 0), ("status", "paused", 0), ("kind", "train", 7), ("kind", "sweep", 0),
    ],
)  # fmt: skip
def test_jobs_are_filtered(mixed_jobs: Client, field: str, value: str, count: int) -> None:
    whole = mixed_jobs.get("/jobs").json()["data"]
    found = read_pages(mixed_jobs, "/jobs", **{field: value}, limit=2)
    assert ids(found) == ids([job for job in whole if job[field] == value])
    assert len(found) == count


def test_new_job_does_not_change_the_next_page(client: Client) -> None:
    jobs = [train(client, **SHORT_JOB) for _ in range(3)]
    page = client.get("/jobs", params={"limit": 2}).json()
    train(client, **SHORT_JOB)
    rest = client.get("/jobs", params={"limit": 2, "after": page["next"]}).json()
    assert ids(page["data"] + rest["data"]) == [job["id"] for job in reversed(jobs)]
    assert rest["has_more"] is False


def test_default_page_has_fifty_jobs_and_the_largest_a_thousand(client: Client) -> None:
    for _ in range(51):
        train(client, **SHORT_JOB)
    assert len(client.get("/jobs").json()["data"]) == 50
    assert len(client.get("/jobs", params={"limit": 1000}).json()["data"]) == 51


@pytest.mark.parametrize("status", ["queued", "running", "succeeded", "cancelled"])
def test_listed_job_equals_the_job(mixed_jobs: Client, status: str) -> None:
    (listed, *_) = mixed_jobs.get("/jobs", params={"status": status}).json()["data"]
    job = mixed_jobs.get(f"/jobs/{listed['id']}").json()
    if status == "running":  # what moves on between the two
        moving = dict.fromkeys(("iteration", "iterations_per_second", "eta_seconds"))
        listed, job = listed | moving, job | moving
    assert listed == job


def test_running_job_has_speed_and_eta(client: Client) -> None:
    job = start_running_job(client)
    assert job["status"] == "running"
    assert 0 < job["iteration"] < job["iterations"] == LONG_JOB["iterations"]
    assert job["iterations_per_second"] > 0
    remaining = job["iterations"] - job["iteration"]
    assert job["eta_seconds"] == pytest.approx(remaining / job["iterations_per_second"], rel=0.01)
    assert job["started_at"]
    assert job["finished_at"] is job["result"] is job["error"] is None


def test_running_job_has_stopped_when_cancel_responds(client: Client) -> None:
    job = start_running_job(client)
    cancelled = client.post(f"/jobs/{job['id']}/cancel").json()
    assert cancelled["status"] == "cancelled"
    assert [transition["status"] for transition in cancelled["transitions"]] == ["queued", "running", "cancelled"]
    assert job["iteration"] <= cancelled["iteration"] < cancelled["iterations"]
    assert cancelled["finished_at"]
    assert cancelled["result"] is cancelled["error"] is cancelled["eta_seconds"] is None
    assert train(client, **SHORT_JOB)["status"] == "succeeded"  # its thread is free
    assert client.get(f"/jobs/{job['id']}").json() == cancelled


@pytest.mark.parametrize("path", ["/jobs", "/models"])
@pytest.mark.parametrize("after", ["", "%00", "zzz", "18EA0C6F2B3D4E5F9A1B2C3D", "0" * 23, "0" * 25, "ü", "x" * 10_000])
def test_invalid_cursor_is_refused(shared_client: Client, path: str, after: str) -> None:
    content = check_problem(shared_client.get(f"{path}?after={after}"), 422, "invalid-input")
    assert content["errors"][0]["loc"] == ["query", "after"]
    assert shared_client.get(f"{path}?after={'0' * 24}").json()["data"] == []


def test_concurrent_cancels_have_the_same_response(client: Client) -> None:
    path = f"/jobs/{start_running_job(client)['id']}/cancel"
    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: client.post(path), range(8)))
    assert {response.status_code for response in responses} == {200}
    assert {response.content for response in responses} == {client.post(path).content}


def test_deleted_job_is_gone_with_its_history_and_model(client: Client) -> None:
    job = train(client, seed=1)
    path = f"/jobs/{job['id']}"
    client.get("/sample")
    client.get("/sample", params={"iteration": 100})
    response = client.delete(path)
    assert (response.status_code, response.content) == (204, b"")
    for gone in (path, f"{path}/progress", f"{path}/snapshots", f"/models/{job['id']}/generator.safetensors"):
        check_problem(client.get(gone), 404, "job-not-found")
    for parameters in ({}, {"iteration": 100}):
        check_problem(client.get("/sample", params={"job_id": job["id"], **parameters}), 404, "job-not-found")
    check_problem(client.get("/sample"), 409, "no-model")
    check_problem(client.delete(path), 404, "job-not-found")
    check_problem(client.post(f"{path}/cancel"), 404, "job-not-found")
    assert client.get("/jobs").json() == client.get("/models").json() == {"data": [], "has_more": False, "next": None}


def test_ended_jobs_are_deleted_by_id_status_time_name_and_number(client: Client) -> None:
    first, second, third = (train(client, **SHORT_JOB, name=name)["id"] for name in ("a", "b", "a"))
    running = start_running_job(client)["id"]
    left = [running, third, second, first]

    def delete(**conditions: object) -> Json:
        return dict(client.delete("/jobs", params=conditions).json())  # type: ignore[arg-type]

    def listed(**conditions: str) -> list[str]:
        return [job["id"] for job in client.get("/jobs", params=conditions).json()["data"]]

    counted = {"deleted": 0, "remaining": 2, "oldest": first, "newest": second}
    assert delete(keep=1, status=["succeeded", "failed"], dry_run=True) == counted
    assert delete(id=[running, second, 24 * "0"], dry_run=True) == {**counted, "remaining": 1, "oldest": second}
    assert delete(name="b", before="2000-01-01T00:00:00Z") == {**dict.fromkeys(counted), "deleted": 0, "remaining": 0}
    assert listed() == left
    assert (listed(name="a"), listed(name="c")) == ([third, first], [])
    assert (listed(prefix=first[:20]), listed(prefix="f"), listed(prefix="1", name="b")) == ([first], [], [second])
    assert delete(name="a", keep=1) == {"deleted": 1, "remaining": 0, "oldest": first, "newest": first}
    assert delete(id=[second, running, 24 * "0"]) == {"deleted": 1, "remaining": 0, "oldest": second, "newest": second}
    assert delete(before="2999-01-01T00:00:00+01:00") == {
        "deleted": 1,
        "remaining": 0,
        "oldest": third,
        "newest": third,
    }
    assert listed() == [running]
    check_problem(client.get("/sample", params={"job_id": third}), 404, "job-not-found")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "dry_run=true",
        "keep=0",
        "status=running",
        "before=2026-01-01",
        "before=0.5",
        "before=2026-01-01T00:00:00",
        "keep=-1",
    ],
)
def test_deletion_without_valid_conditions_is_refused(client: Client, query: str) -> None:
    job = train(client, **SHORT_JOB)
    check_problem(client.delete(f"/jobs?{query}"), 422, "invalid-input")
    assert client.get(f"/jobs/{job['id']}").is_success


def test_idempotency_key_of_a_deleted_job_is_free(client: Client) -> None:
    headers = {"Idempotency-Key": "once"}
    first = client.post("/train", json=SHORT_JOB, headers=headers, params={"wait": 9}).json()
    client.delete(f"/jobs/{first['id']}")
    second = client.post("/train", json=SHORT_JOB, headers=headers, params={"wait": 9})
    assert second.status_code == 200
    assert second.json()["id"] != first["id"]


def test_wait_ends_with_the_job(client: Client) -> None:
    job = start_running_job(client)
    with ThreadPoolExecutor(1) as pool:
        began = monotonic()
        waiting = pool.submit(client.get, f"/jobs/{job['id']}", params={"wait": 30})
        cancelled = client.post(f"/jobs/{job['id']}/cancel").json()
        assert waiting.result().json() == cancelled
    assert monotonic() - began < 10
    assert client.get(f"/jobs/{job['id']}", params={"wait": 30}).json() == cancelled


def test_wait_ends_after_its_time(client: Client) -> None:
    job = start_running_job(client)
    began = monotonic()
    waited = client.get(f"/jobs/{job['id']}", params={"wait": 0.2}).json()
    assert 0.2 <= monotonic() - began < 30
    assert waited["status"] == "running"


def test_waiting_leaves_no_futures_behind(client: Client) -> None:
    job = start_running_job(client)

    def count_futures_after(waits: int) -> int:
        for _ in range(waits):
            client.get(f"/jobs/{job['id']}", params={"wait": 0.001})
        gc.collect()
        return sum(type(thing) in (asyncio.Future, concurrent.futures.Future) for thing in gc.get_objects())

    before = count_futures_after(1)
    assert count_futures_after(50) < before + 25
