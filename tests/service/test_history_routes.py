"""Watching a job, and looking back: every recorded point exactly once, and every kept moment as it was."""

import csv
import io
import itertools

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.service.clients import Client
from tests.service.contract import ENDED, QUICK, Json, content_type, problem, start, start_running, train

LOSSES = ["discriminator_real_loss", "discriminator_fake_loss", "generator_loss"]
ALONE: Json = {"experiment": "discriminator"}
WIDE: Json = {"pattern": "1100110", "hidden_size": 5, "iterations": 950, "latent_value": -0.25}


def progress_of(client: Client, job: Json, **parameters: object) -> Json:
    answer = client.get(f"/jobs/{job['id']}/progress", params=parameters)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture(scope="module")
def article(shared: Client) -> Json:
    return train(shared, seed=4)


@pytest.fixture(scope="module")
def alone(shared: Client) -> Json:
    return train(shared, **ALONE, seed=4)


def test_progress_has_every_recorded_point(shared: Client, article: Json) -> None:
    progress = progress_of(shared, article)
    assert list(progress) == ["job_id", "status", "iteration", "iterations", "record_every", "series", "next_after"]
    assert progress["job_id"] == article["id"]
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
    shared: Client, iterations: int, record_every: int, recorded: list[int]
) -> None:
    progress = progress_of(shared, train(shared, iterations=iterations, record_every=record_every))
    assert progress["series"]["iteration"] == recorded
    assert progress["next_after"] == max(recorded, default=0)


def test_losses_do_not_depend_on_how_often_they_are_recorded(shared: Client) -> None:
    often = progress_of(shared, train(shared, seed=9, iterations=300, record_every=1))["series"]
    seldom = progress_of(shared, train(shared, seed=9, iterations=300, record_every=7))["series"]
    assert {name: values[6::7] for name, values in often.items()} == seldom


@given(after=st.integers(0, 12_000), points=st.integers(1, 3000))
@hypothesis_settings(max_examples=40)
def test_points_past_any_iteration_are_the_rest_of_the_whole(
    shared: Client, article: Json, after: int, points: int
) -> None:
    whole = progress_of(shared, article)["series"]
    rest = progress_of(shared, article, after=after)
    first = after // 5
    assert rest["series"] == {name: values[first:] for name, values in whole.items()}
    assert rest["next_after"] == max(after, 10_000)
    thinned = progress_of(shared, article, after=after, max_points=points)
    places = [iteration // 5 - 1 for iteration in thinned["series"]["iteration"]]
    assert len(places) <= points
    assert places == sorted(set(places))
    assert thinned["series"] == {name: [values[place] for place in places] for name, values in whole.items()}
    assert thinned["next_after"] == rest["next_after"]
    if first < 2000:
        assert places[-1] == 1999


@pytest.mark.parametrize("points", [7, 13, 100, 500, 1999])
@pytest.mark.parametrize("job", ["article", "alone"])
def test_thinned_losses_keep_every_extreme(
    shared: Client, points: int, job: str, request: pytest.FixtureRequest
) -> None:
    job = request.getfixturevalue(job)
    whole = progress_of(shared, job)["series"]
    thinned = progress_of(shared, job, max_points=points)["series"]
    names = [name for name in whole if name != "iteration"]
    for name in names:
        assert (min(thinned[name]), max(thinned[name])) == (min(whole[name]), max(whole[name]))
    # No bucket is without its points, and there are as many buckets as there is room for.
    buckets = (points - 1) // (2 * len(names))
    gaps = np.diff([0, *thinned["iteration"]])
    assert gaps.max() <= 2 * 5 * (2000 // buckets + 1)
    assert progress_of(shared, job, max_points=2000)["series"] == whole


def test_who_polls_a_running_job_gets_each_point_once(client: Client) -> None:
    job = start(client, iterations=2_000_000, record_every=10, seed=5)
    after, statuses, batches = 0, [], []
    while not statuses or statuses[-1] not in ENDED:
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
    job = start_running(client)
    path = f"/jobs/{job['id']}/progress"
    first = client.get(path)
    client.get(f"/jobs/{job['id']}", params={"wait": 0.2})
    second = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert second.headers["etag"] != first.headers["etag"]
    assert second.json()["iteration"] > first.json()["iteration"]


def test_job_that_waits_has_no_points_yet(client: Client) -> None:
    start_running(client)
    queued = start(client, **QUICK)
    progress = progress_of(client, queued, after=3)
    assert (progress["status"], progress["iteration"], progress["next_after"]) == ("queued", 0, 3)
    assert progress["series"] == {"iteration": [], **{name: [] for name in LOSSES}}
    snapshots = client.get(f"/jobs/{queued['id']}/snapshots", params={"weights": True}).json()
    assert snapshots["iterations"] == snapshots["samples"] == snapshots["weights"]["generator"] == []


def test_cancelled_job_keeps_what_it_had(client: Client) -> None:
    job = start_running(client)
    job = client.post(f"/jobs/{job['id']}/cancel").json()
    progress = progress_of(client, job)
    assert (progress["status"], progress["iteration"]) == ("cancelled", job["iteration"])
    every = job["config"]["record_every"]
    assert progress["series"]["iteration"] == list(range(every, job["iteration"] + 1, every))
    snapshots = client.get(f"/jobs/{job['id']}/snapshots").json()
    assert snapshots["iterations"] == list(range(0, job["iteration"] + 1, job["config"]["snapshot_every"]))


def test_discriminator_experiment_has_no_generator_loss(shared: Client, alone: Json) -> None:
    series = progress_of(shared, alone)["series"]
    assert list(series) == ["iteration", *LOSSES[:2]]
    assert np.mean(series["discriminator_fake_loss"][-100:]) < np.mean(series["discriminator_fake_loss"][:100])
    snapshots = shared.get(f"/jobs/{alone['id']}/snapshots", params={"weights": True}).json()
    assert snapshots.keys() == {"job_id", "iterations", "weights"}
    assert snapshots["weights"].keys() == {"discriminator", "shapes"}
    assert snapshots["weights"]["shapes"].keys() == {"discriminator"}


@pytest.mark.parametrize(
    "parameters",
    [{}, {"after": 9000}, {"after": 10_000}, {"max_points": 50}, {"after": 5000, "max_points": 9}],
)
@pytest.mark.parametrize("job", ["article", "alone"])
def test_csv_says_the_same_as_json(shared: Client, parameters: Json, job: str, request: pytest.FixtureRequest) -> None:
    job = request.getfixturevalue(job)
    series = progress_of(shared, job, **parameters)["series"]
    answer = shared.get(f"/jobs/{job['id']}/progress", params=parameters, headers={"Accept": "text/csv"})
    assert content_type(answer) == "text/csv"
    head, *rows = csv.reader(io.StringIO(answer.text, newline=""))
    assert head == list(series)
    columns = zip(*rows, strict=True) if rows else [[] for _ in head]
    assert [[float(value) for value in column] for column in columns] == list(series.values())


def test_csv_and_json_are_told_apart_by_their_etags(shared: Client, article: Json) -> None:
    path = f"/jobs/{article['id']}/progress"
    as_csv, as_json = (shared.get(path, headers={"Accept": kind}) for kind in ("text/csv", "application/json"))
    assert as_csv.headers["etag"] != as_json.headers["etag"]
    assert "accept" in as_csv.headers["vary"].lower()
    assert "accept" in as_json.headers["vary"].lower()
    known = {"If-None-Match": as_csv.headers["etag"]}
    assert shared.get(path, headers=known | {"Accept": "text/csv"}).status_code == 304
    assert shared.get(path, headers=known).status_code == 200


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/json, text/csv;q=0.5", "text/html, */*"])
def test_json_is_what_is_sent_unless_csv_is_preferred(shared: Client, article: Json, accept: str) -> None:
    answer = shared.get(f"/jobs/{article['id']}/progress", headers={"Accept": accept})
    assert content_type(answer) == "application/json"


@pytest.mark.parametrize(
    "path", ["progress", "progress?after=77&max_points=30", "progress?view=article", "snapshots", "snapshots?weights=1"]
)
def test_what_is_known_is_not_sent_again(shared: Client, article: Json, path: str) -> None:
    first = shared.get(f"/jobs/{article['id']}/{path}")
    again = shared.get(f"/jobs/{article['id']}/{path}", headers={"If-None-Match": first.headers["etag"]})
    assert first.status_code == 200
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert shared.get(f"/jobs/{article['id']}/progress?after=5").headers["etag"] != first.headers["etag"]


def test_articles_lists_are_what_its_program_would_have_kept(shared: Client, article: Json) -> None:
    series = progress_of(shared, article)["series"]
    lists = progress_of(shared, article, view="article")
    assert list(lists) == ["job_id", "discriminator", "generator"]
    assert (len(lists["discriminator"]), len(lists["generator"])) == (2000, 1000)
    # Every 10th call of D is the fake one of every 5th iteration; every 10th of G is that of every 10th.
    assert lists["discriminator"] == series["discriminator_fake_loss"]
    assert lists["generator"] == series["generator_loss"][1::2]


def test_articles_lists_of_d_alone(shared: Client, alone: Json) -> None:
    lists = progress_of(shared, alone, view="article")
    assert lists["discriminator"] == progress_of(shared, alone)["series"]["discriminator_fake_loss"]
    assert lists["generator"] == []


@pytest.mark.parametrize("record_every", [1, 4, 10])
def test_articles_lists_need_a_record_of_every_fifth(shared: Client, record_every: int) -> None:
    job = train(shared, record_every=record_every, iterations=40)
    answer = shared.get(f"/jobs/{job['id']}/progress", params={"view": "article"})
    problem(answer, 409, "not-as-in-the-article")


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"iterations": 300}, [0, 100, 200, 300]),
        ({"iterations": 250}, [0, 100, 200, 250]),
        ({"iterations": 99}, [0, 99]),
        ({"iterations": 1}, [0, 1]),
        ({"iterations": 5, "snapshot_every": 2}, [0, 2, 4, 5]),
        ({"iterations": 5, "snapshot_every": 10_000_000}, [0, 5]),
    ],
)
def test_moments_are_kept_from_the_start_to_the_end(shared: Client, settings: Json, kept: list[int]) -> None:
    snapshots = shared.get(f"/jobs/{train(shared, **settings)['id']}/snapshots").json()
    assert list(snapshots) == ["job_id", "iterations", "samples"]
    assert snapshots["iterations"] == kept
    assert [len(sample) for sample in snapshots["samples"]] == [4] * len(kept)


def forward(flat: list[float], shapes: dict[str, list[int]], inputs: np.ndarray) -> np.ndarray:
    """Linear, Sigmoid, Linear, Sigmoid, as a page would do it with nothing but the answer."""
    ends = np.cumsum([np.prod(shape) for shape in shapes.values()])
    w0, b0, w2, b2 = (
        part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes.values(), strict=True)
    )
    hidden = 1 / (1 + np.exp(-(inputs @ w0.T + b0)))
    return 1 / (1 + np.exp(-(hidden @ w2.T + b2)))


@pytest.mark.parametrize("settings", [{}, WIDE, {"latent": "normal", "loss": "bce", "iterations": 1000}])
def test_weights_redraw_every_moment(shared: Client, settings: Json) -> None:
    job = train(shared, **settings)
    path = f"/jobs/{job['id']}/snapshots"
    plain, full = shared.get(path).json(), shared.get(path, params={"weights": True}).json()
    weights = full.pop("weights")
    assert full == plain
    width, hidden = len(job["config"]["pattern"]), job["config"]["hidden_size"]
    assert weights["shapes"] == {
        "discriminator": {"0.weight": [hidden, width], "0.bias": [hidden], "2.weight": [1, hidden], "2.bias": [1]},
        "generator": {"0.weight": [hidden, 1], "0.bias": [hidden], "2.weight": [width, hidden], "2.bias": [width]},
    }
    assert len(weights["generator"]) == len(weights["discriminator"]) == len(full["iterations"])
    seed = np.array([[job["config"]["latent_value"]]])
    vectors = np.random.default_rng(1).random((5, width))
    for row, (iteration, sample) in enumerate(zip(full["iterations"], full["samples"], strict=True)):
        redrawn = forward(weights["generator"][row], weights["shapes"]["generator"], seed)[0]
        assert redrawn == pytest.approx(sample, abs=1e-6)
        if row % 10 == 0:
            body = {"vectors": vectors.tolist(), "job_id": job["id"], "iteration": iteration}
            scores = forward(weights["discriminator"][row], weights["shapes"]["discriminator"], vectors)[:, 0]
            assert scores == pytest.approx(shared.post("/score", json=body).json()["scores"], abs=1e-6)


def test_moments_of_a_running_job_are_there_to_see(client: Client) -> None:
    job = start_running(client, iterations=10_000_000, snapshot_every=1000, seed=6)
    first = client.get(f"/jobs/{job['id']}/snapshots").json()
    client.get(f"/jobs/{job['id']}", params={"wait": 0.1})
    second = client.get(f"/jobs/{job['id']}/snapshots").json()
    count = len(first["iterations"])
    assert second["iterations"] == list(range(0, 1000 * len(second["iterations"]), 1000))
    assert len(second["iterations"]) > count > 0
    assert second["samples"][:count] == first["samples"]


def test_history_is_read_by_any_http_client(server_url: str) -> None:
    job = httpx.post(f"{server_url}/train", params={"wait": 10}, json={"seed": 1}).json()
    with httpx.stream("GET", f"{server_url}/jobs/{job['id']}/progress", headers={"Accept": "text/csv"}) as answer:
        lines = list(answer.iter_lines())
    assert len(lines) == 2001
    assert lines[0] == "iteration,discriminator_real_loss,discriminator_fake_loss,generator_loss"
