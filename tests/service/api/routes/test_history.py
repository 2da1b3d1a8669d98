"""Watching a job: every recorded point, once, and as it was."""

import csv
import io
import itertools

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.support.clients import Client
from tests.support.contract import (
    FINAL_STATUSES,
    SHORT_JOB,
    Json,
    check_problem,
    content_type,
    start_running_job,
    submit_job,
    train,
    wait_until,
)

LOSSES = ["discriminator_real_loss", "discriminator_fake_loss", "generator_loss"]


def progress_of(client: Client, job: Json, **parameters: object) -> Json:
    answer = client.get(f"/jobs/{job['id']}/progress", params=parameters)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_progress_has_every_recorded_point(shared_client: Client, article_job: Json) -> None:
    progress = progress_of(shared_client, article_job)
    assert list(progress) == ["job_id", "status", "iteration", "iterations", "record_every", "series", "next_after"]
    assert progress["job_id"] == article_job["id"]
    assert (progress["status"], progress["iteration"], progress["iterations"]) == ("succeeded", 10_000, 10_000)
    assert (progress["record_every"], progress["next_after"]) == (5, 10_000)
    assert list(progress["series"]) == ["iteration", *LOSSES]
    assert progress["series"]["iteration"] == list(range(5, 10_001, 5))
    for name in LOSSES:
        assert len(progress["series"][name]) == 2000
        assert all(0 <= loss <= 1 for loss in progress["series"][name])


@pytest.mark.parametrize(
    ("iterations", "record_every", "recorded"),
    [(20, 5, [5, 10, 15, 20]), (23, 5, [5, 10, 15, 20]), (4, 5, []), (3, 1, [1, 2, 3]), (21, 7, [7, 14, 21])],
)
def test_iterations_are_recorded_at_each_multiple(
    shared_client: Client, iterations: int, record_every: int, recorded: list[int]
) -> None:
    progress = progress_of(shared_client, train(shared_client, iterations=iterations, record_every=record_every))
    assert progress["series"]["iteration"] == recorded
    assert progress["next_after"] == max(recorded, default=0)


def test_losses_do_not_depend_on_how_often_they_are_recorded(shared_client: Client) -> None:
    often = progress_of(shared_client, train(shared_client, seed=9, iterations=300, record_every=1))["series"]
    seldom = progress_of(shared_client, train(shared_client, seed=9, iterations=300, record_every=7))["series"]
    assert {name: values[6::7] for name, values in often.items()} == seldom


@given(after=st.integers(0, 12_000), points=st.integers(1, 3000))
@hypothesis_settings(max_examples=40)
def test_points_past_any_iteration_are_the_rest_of_the_whole(
    shared_client: Client, article_job: Json, after: int, points: int
) -> None:
    whole = progress_of(shared_client, article_job)["series"]
    rest = progress_of(shared_client, article_job, after=after)
    first = after // 5
    assert rest["series"] == {name: values[first:] for name, values in whole.items()}
    assert rest["next_after"] == max(after, 10_000)
    thinned = progress_of(shared_client, article_job, after=after, max_points=points)
    places = [iteration // 5 - 1 for iteration in thinned["series"]["iteration"]]
    assert len(places) <= points
    assert places == sorted(set(places))
    assert thinned["series"] == {name: [values[place] for place in places] for name, values in whole.items()}
    assert thinned["next_after"] == rest["next_after"]
    if first < 2000:
        assert places[-1] == 1999


@pytest.mark.parametrize("points", [7, 13, 100, 500, 1999])
@pytest.mark.parametrize("job", ["article_job", "discriminator_job"])
def test_thinned_losses_keep_every_extreme(
    shared_client: Client, points: int, job: str, request: pytest.FixtureRequest
) -> None:
    job = request.getfixturevalue(job)
    whole = progress_of(shared_client, job)["series"]
    thinned = progress_of(shared_client, job, max_points=points)["series"]
    names = [name for name in whole if name != "iteration"]
    for name in names:
        assert (min(thinned[name]), max(thinned[name])) == (min(whole[name]), max(whole[name]))
    # No bucket is without its points, and there are as many buckets as there is room for.
    buckets = (points - 1) // (2 * len(names))
    gaps = np.diff([0, *thinned["iteration"]])
    assert gaps.max() <= 2 * 5 * (2000 // buckets + 1)
    assert progress_of(shared_client, job, max_points=2000)["series"] == whole


def test_who_polls_a_running_job_gets_each_point_once(client: Client) -> None:
    job = submit_job(client, iterations=2_000_000, record_every=10, seed=5)
    after, statuses, batches = 0, [], []
    while not statuses or statuses[-1] not in FINAL_STATUSES:
        progress = progress_of(client, job, after=after)
        assert progress["iteration"] <= job["iterations"]
        iterations = progress["series"]["iteration"]
        assert all(len(values) == len(iterations) for values in progress["series"].values())
        assert progress["next_after"] == (iterations[-1] if iterations else after)
        assert all(after < iteration <= progress["iteration"] for iteration in iterations)
        after = progress["next_after"]
        statuses.append(progress["status"])
        batches.append(progress["series"])
        client.get(f"/jobs/{job['id']}", params={"wait": 0.05})
    assert statuses.count("running") > 1
    whole = progress_of(client, job)["series"]
    assert whole["iteration"] == list(range(10, 2_000_001, 10))
    for name, values in whole.items():
        assert list(itertools.chain.from_iterable(batch[name] for batch in batches)) == values


def test_running_job_says_more_with_time_and_its_etag_changes(client: Client) -> None:
    job = start_running_job(client)
    path = f"/jobs/{job['id']}/progress"
    first = client.get(path)
    wait_until(lambda: client.get(path).json(), lambda now: now["iteration"] > first.json()["iteration"])
    second = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert second.headers["etag"] != first.headers["etag"]


def test_job_that_waits_has_no_points_yet(client: Client) -> None:
    start_running_job(client)
    queued = submit_job(client, **SHORT_JOB)
    progress = progress_of(client, queued, after=3)
    assert (progress["status"], progress["iteration"], progress["next_after"]) == ("queued", 0, 3)
    assert progress["series"] == {"iteration": [], **{name: [] for name in LOSSES}}
    snapshots = client.get(f"/jobs/{queued['id']}/snapshots", params={"weights": True}).json()
    assert snapshots["iterations"] == snapshots["samples"] == snapshots["weights"]["generator"] == []


def test_cancelled_job_keeps_what_it_had(client: Client) -> None:
    job = start_running_job(client)
    job = client.post(f"/jobs/{job['id']}/cancel").json()
    progress = progress_of(client, job)
    assert (progress["status"], progress["iteration"]) == ("cancelled", job["iteration"])
    every = job["config"]["record_every"]
    assert progress["series"]["iteration"] == list(range(every, job["iteration"] + 1, every))
    snapshots = client.get(f"/jobs/{job['id']}/snapshots").json()
    assert snapshots["iterations"] == list(range(0, job["iteration"] + 1, job["config"]["snapshot_every"]))


def test_discriminator_experiment_has_no_generator_loss(shared_client: Client, discriminator_job: Json) -> None:
    series = progress_of(shared_client, discriminator_job)["series"]
    assert list(series) == ["iteration", *LOSSES[:2]]
    assert np.mean(series["discriminator_fake_loss"][-100:]) < np.mean(series["discriminator_fake_loss"][:100])


@pytest.mark.parametrize(
    "parameters",
    [{}, {"after": 9000}, {"after": 10_000}, {"max_points": 50}, {"after": 5000, "max_points": 9}],
)
@pytest.mark.parametrize("job", ["article_job", "discriminator_job"])
def test_csv_says_the_same_as_json(
    shared_client: Client, parameters: Json, job: str, request: pytest.FixtureRequest
) -> None:
    job = request.getfixturevalue(job)
    series = progress_of(shared_client, job, **parameters)["series"]
    answer = shared_client.get(f"/jobs/{job['id']}/progress", params=parameters, headers={"Accept": "text/csv"})
    assert content_type(answer) == "text/csv"
    head, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    assert head == list(series)
    columns = zip(*rows, strict=True) if rows else [[] for _ in head]
    assert [[float(value) for value in column] for column in columns] == list(series.values())


def test_csv_and_json_are_told_apart_by_their_etags(shared_client: Client, article_job: Json) -> None:
    path = f"/jobs/{article_job['id']}/progress"
    as_csv, as_json = (shared_client.get(path, headers={"Accept": kind}) for kind in ("text/csv", "application/json"))
    assert as_csv.headers["etag"] != as_json.headers["etag"]
    assert "accept" in as_csv.headers["vary"].lower()
    assert "accept" in as_json.headers["vary"].lower()
    known = {"If-None-Match": as_csv.headers["etag"]}
    assert shared_client.get(path, headers=known | {"Accept": "text/csv"}).status_code == 304
    assert shared_client.get(path, headers=known).status_code == 200


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("text/html, */*", "application/json"),
        ("text/csv;q=0.5, */*", "application/json"),
        ("text/csv;q=0", "application/json"),
        ("text/csv", "text/csv"),
        ("Text/CSV; header=present; q=0.9", "text/csv"),
        ("text/csv, application/json;q=0.9", "text/csv"),
        ("text/csv, */*;q=0.1", "text/csv"),
    ],
)
def test_csv_is_sent_to_who_prefers_it(shared_client: Client, article_job: Json, accept: str, kind: str) -> None:
    answer = shared_client.get(f"/jobs/{article_job['id']}/progress", headers={"Accept": accept})
    assert content_type(answer) == kind


@pytest.mark.parametrize(
    "path", ["progress", "progress?after=77&max_points=30", "progress?view=article", "snapshots", "snapshots?weights=1"]
)
def test_what_is_known_is_not_sent_again(shared_client: Client, article_job: Json, path: str) -> None:
    first = shared_client.get(f"/jobs/{article_job['id']}/{path}")
    again = shared_client.get(f"/jobs/{article_job['id']}/{path}", headers={"If-None-Match": first.headers["etag"]})
    assert first.status_code == 200
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert shared_client.get(f"/jobs/{article_job['id']}/progress?after=5").headers["etag"] != first.headers["etag"]


def test_articles_lists_are_what_its_program_would_have_kept(shared_client: Client, article_job: Json) -> None:
    series = progress_of(shared_client, article_job)["series"]
    lists = progress_of(shared_client, article_job, view="article")
    assert list(lists) == ["job_id", "discriminator", "generator"]
    assert (len(lists["discriminator"]), len(lists["generator"])) == (2000, 1000)
    # Every 10th call of D is the fake one of every 5th iteration; every 10th of G is that of every 10th.
    assert lists["discriminator"] == series["discriminator_fake_loss"]
    assert lists["generator"] == series["generator_loss"][1::2]


def test_articles_lists_of_d_alone(shared_client: Client, discriminator_job: Json) -> None:
    lists = progress_of(shared_client, discriminator_job, view="article")
    assert lists["discriminator"] == progress_of(shared_client, discriminator_job)["series"]["discriminator_fake_loss"]
    assert lists["generator"] == []


@pytest.mark.parametrize("record_every", [1, 4, 10])
def test_articles_lists_need_a_record_of_every_fifth(shared_client: Client, record_every: int) -> None:
    job = train(shared_client, record_every=record_every, iterations=40)
    answer = shared_client.get(f"/jobs/{job['id']}/progress", params={"view": "article"})
    check_problem(answer, 409, "not-as-in-the-article")


def test_history_is_read_by_any_http_client(server_url: str) -> None:
    job = httpx.post(f"{server_url}/train", params={"wait": 10}, json={"seed": 1}).json()
    with httpx.stream("GET", f"{server_url}/jobs/{job['id']}/progress", headers={"Accept": "text/csv"}) as answer:
        lines = list(answer.iter_lines())
    assert len(lines) == 2001
    assert lines[0] == "iteration,discriminator_real_loss,discriminator_fake_loss,generator_loss"
