"""Edit jobs, and find and sort them."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from service.job_search import SORT_KEYS
from tests.support.clients import Client, app_client
from tests.support.contract import LONG_JOB, SHORT_JOB, Json, check_problem, read_pages, start_running_job, train

NAMES = ("Über", "alpha", "beta", None)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a service with eight succeeded jobs of several names, losses and lengths, and a running one."""
    with app_client(tmp_path_factory.mktemp("listed"), workers=1) as client:
        for number in range(8):
            loss, rate = ("mse", "bce")[number % 2], (0.01, 0.02, 0.01, 0.5)[number % 4]
            settings = SHORT_JOB | {"iterations": 10 * (number % 3 + 1), "loss": loss, "learning_rate": rate}
            train(client, **settings, name=NAMES[number % 4])
        client.patch(
            f"/jobs/{client.get('/jobs').json()['data'][0]['id']}", json={"note": "The LAST", "tags": ["keep"]}
        )
        start_running_job(client)
        yield client


def value_of(job: Json, key: str) -> Any:
    """Return a job's value of a sort key."""
    if key == "created_at":
        return job["id"]
    values = (
        job["config"] | (job["result"] or {}) | {name: job[name] for name in ("finished_at", "status", "iterations")}
    )
    return job["name"] and job["name"].casefold() if key == "name" else values.get(key)


@given(
    key=st.sampled_from(SORT_KEYS),
    is_descending=st.booleans(),
    limit=st.integers(1, 10),
    q=st.sampled_from(["", "train"]),
)
@hypothesis_settings(max_examples=60)
def test_pages_are_sorted_and_equal_jobs_are_newest_first(
    listed: Client, key: str, is_descending: bool, limit: int, q: str
) -> None:
    found = read_pages(listed, "/jobs", sort=f"-{key}" if is_descending else key, limit=limit, q=q)
    jobs = listed.get("/jobs").json()["data"]
    values = sorted({value_of(job, key) for job in jobs} - {None}, reverse=is_descending)
    expected = [job for value in [*values, None] for job in jobs if value_of(job, key) == value]
    assert [job["id"] for job in found] == [job["id"] for job in expected]


@pytest.mark.parametrize(
    ("q", "count"),
    [
        ("über", 2), ("ALPHA", 2), ("alp bce", 2), ("alpha mse", 0), ("loss=bce", 4), ("learning_rate=0.5", 2),
        ("#keep", 1), ("last the", 1), ("nothing", 0), ("%", 0), ("_", 0), ("*", 0), ("[a", 0), (" ", 9),
        ("kind=", 0), ("train", 9), ("lph", 2), ("10", 9), ("010", 0), ("pattern=10", 9), ("rate=0.5", 2),
        ("1 " * 100, 9),
    ],
)  # fmt: skip
def test_search_finds_jobs_with_all_words(listed: Client, q: str, count: int) -> None:
    found = read_pages(listed, "/jobs", q=q, limit=3)
    assert len(found) == count
    assert [job["id"] for job in found] == sorted((job["id"] for job in found), reverse=True)
    assert read_pages(listed, "/jobs", q=q, name="alpha", limit=50) == [job for job in found if job["name"] == "alpha"]
    for job in found[:2]:
        assert [one["id"] for one in read_pages(listed, "/jobs", q=q, prefix=job["id"][:20], limit=50)] == [job["id"]]
    assert read_pages(listed, "/jobs", q=q, status="succeeded", limit=50) == [
        job for job in found if job["status"] == "succeeded"
    ]


def test_job_is_found_by_its_id_and_after_its_end_by_its_figures(client: Client) -> None:
    job = train(client, **SHORT_JOB)
    for part in (job["id"], job["id"][:20], job["id"][-4:]):
        assert client.get("/jobs", params={"q": part}).json()["data"] == [job]
    (first, *_) = client.get("/jobs", params={"sort": "generator_loss"}).json()["data"]
    assert first == job
    client.delete(f"/jobs/{job['id']}")
    assert client.get("/jobs", params={"sort": "name"}).json()["data"] == []


def encoded(json: bytes) -> str:
    return f"{24 * '0'}.{base64.urlsafe_b64encode(json).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    "after",
    [24 * "0", "x", encoded(b"["), encoded(b"{}"), encoded(b"[1]"), encoded(b"1e999"), encoded(b"9" * 19),
     encoded(b'"\\ud800"'), encoded(b"[" * 1400), 24 * "0" + ".A"],
)  # fmt: skip
def test_damaged_cursor_is_refused(shared_client: Client, after: str) -> None:
    check_problem(shared_client.get("/jobs", params={"sort": "name", "after": after}), 422, "invalid-input")


def test_cursor_of_another_order_is_refused(shared_client: Client) -> None:
    check_problem(shared_client.get("/jobs", params={"after": encoded(b"1")}), 422, "invalid-input")


def test_unchanged_list_is_not_sent_again(client: Client) -> None:
    train(client, **SHORT_JOB)
    etag = client.get("/jobs").headers["etag"]
    assert client.get("/jobs", headers={"If-None-Match": etag}).status_code == 304
    train(client, **SHORT_JOB)
    assert client.get("/jobs", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "new"}, {"name": "new"}),
        ({"name": None, "note": ""}, {"name": None, "note": None}),
        ({"note": "two\nlines", "tags": ["b", "a", "b"]}, {"note": "two\nlines", "tags": ["b", "a"]}),
        ({"tags": None}, {"tags": []}),
        ({}, {}),
    ],
)
def test_edit_changes_only_what_is_sent_and_twice_is_once(shared_client: Client, body: Json, expected: Json) -> None:
    job = train(shared_client, **SHORT_JOB, name="old")
    before = shared_client.patch(f"/jobs/{job['id']}", json={"note": "a note", "tags": ["t"]}).json()
    assert before == job | {"note": "a note", "tags": ["t"]}
    changed = before | expected
    changed["config"] = changed["config"] | {"name": changed["name"]}
    for _ in range(2):
        response = shared_client.patch(f"/jobs/{job['id']}", json=body)
        assert (response.status_code, response.json()) == (200, changed)
    assert shared_client.get(f"/jobs/{job['id']}").json() == changed


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""}, {"name": 101 * "n"}, {"name": 1}, {"note": 2001 * "n"}, {"tags": "keep"}, {"tags": [""]},
        {"tags": ["a b"]}, {"tags": ["a,b"]}, {"tags": ["#a"]}, {"tags": [51 * "t"]},
        {"tags": [str(n) for n in range(21)]}, {"status": "failed"}, [],
    ],
)  # fmt: skip
def test_invalid_edit_is_refused(shared_client: Client, body: Any) -> None:
    job = train(shared_client, **SHORT_JOB)
    check_problem(shared_client.patch(f"/jobs/{job['id']}", json=body), 422, "invalid-input")
    assert shared_client.get(f"/jobs/{job['id']}").json() == job


def test_edit_of_an_unknown_job_is_refused(shared_client: Client) -> None:
    check_problem(shared_client.patch("/jobs/unknown", json={"note": "n"}), 404, "job-not-found")


def test_edit_with_an_etag_needs_the_same_job(shared_client: Client) -> None:
    job = train(shared_client, **SHORT_JOB)
    path, identity = f"/jobs/{job['id']}", {"Accept-Encoding": "identity"}
    etag = shared_client.get(path, headers=identity).headers["etag"]
    assert shared_client.patch(path, json={"note": "1"}, headers={"If-Match": f'"other", {etag}'}).status_code == 200
    check_problem(shared_client.patch(path, json={"note": "2"}, headers={"If-Match": etag}), 412, "job-changed")
    check_problem(shared_client.patch(path, json={"note": "2"}, headers={"If-Match": f"W/{etag}"}), 412, "job-changed")
    assert shared_client.get(path).json()["note"] == "1"
    assert shared_client.patch(path, json={"note": "3"}, headers={"If-Match": "*"}).json()["note"] == "3"


def test_running_job_keeps_its_edit_through_checkpoint_pause_and_end(client: Client) -> None:
    job = start_running_job(client, **LONG_JOB)
    path = f"/jobs/{job['id']}"
    edited = client.patch(path, json={"name": "renamed", "tags": ["live"]}).json()
    assert (edited["status"], edited["name"], edited["tags"]) == ("running", "renamed", ["live"])
    assert edited["iteration"] >= job["iteration"]
    assert client.post(f"{path}/pause").json()["name"] == "renamed"
    assert client.patch(path, json={"note": "paused"}).json()["iteration"] > 0
    client.post(f"{path}/resume")
    ended = client.post(f"{path}/cancel").json()
    assert (ended["name"], ended["note"], ended["tags"]) == ("renamed", "paused", ["live"])
    assert client.get("/jobs", params={"q": "#live"}).json()["data"] == [ended]
