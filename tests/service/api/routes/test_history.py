"""History of a job: recorded losses and snapshots."""

import csv
import io
import itertools

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

WIDE: Json = {"pattern": "1100110", "hidden_size": 5, "iterations": 950, "latent_value": -0.25}
LOSSES = ["discriminator_real_loss", "discriminator_fake_loss", "generator_loss"]


def get_progress(client: Client, job: Json, **parameters: object) -> Json:
    response = client.get(f"/jobs/{job['id']}/progress", params=parameters)  # type: ignore[arg-type]
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_progress_has_every_recorded_point(shared_client: Client, article_job: Json) -> None:
    progress = get_progress(shared_client, article_job)
    iterations, *losses = progress["series"].values()
    assert list(progress["series"]) == ["iteration", *LOSSES]
    assert iterations == list(range(5, 10_001, 5))
    assert all(len(values) == 2000 and 0 <= min(values) <= max(values) <= 1 for values in losses)
    del progress["series"]
    assert progress == {
        "job_id": article_job["id"], "status": "succeeded", "iteration": 10_000, "iterations": 10_000,
        "record_every": 5, "next_after": 10_000,
    }  # fmt: skip


@given(after=st.integers(0, 12_000), points=st.integers(1, 3000))
@hypothesis_settings(max_examples=40)
def test_points_past_any_iteration_are_the_rest_of_the_whole(
    shared_client: Client, article_job: Json, after: int, points: int
) -> None:
    whole = get_progress(shared_client, article_job)["series"]
    rest = get_progress(shared_client, article_job, after=after)
    first = after // 5
    assert rest["series"] == {name: values[first:] for name, values in whole.items()}
    assert rest["next_after"] == max(after, 10_000)
    thinned = get_progress(shared_client, article_job, after=after, max_points=points)
    places = [iteration // 5 - 1 for iteration in thinned["series"]["iteration"]]
    assert len(places) <= points
    assert places == sorted(set(places))
    assert thinned["series"] == {name: [values[place] for place in places] for name, values in whole.items()}
    assert thinned["next_after"] == rest["next_after"]
    if first < 2000:
        assert places[-1] == 1999


def test_polling_a_running_job_returns_each_point_once(client: Client) -> None:
    job = submit_job(client, iterations=2_000_000, record_every=10, seed=5)
    after, statuses, batches = 0, [], []
    while not statuses or statuses[-1] not in FINAL_STATUSES:
        progress = get_progress(client, job, after=after)
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
    whole = get_progress(client, job)["series"]
    assert whole["iteration"] == list(range(10, 2_000_001, 10))
    for name, values in whole.items():
        assert list(itertools.chain.from_iterable(batch[name] for batch in batches)) == values


def test_etag_changes_while_the_job_runs(client: Client) -> None:
    job = start_running_job(client)
    path = f"/jobs/{job['id']}/progress"
    first = client.get(path)
    wait_until(lambda: client.get(path).json(), lambda now: now["iteration"] > first.json()["iteration"])
    second = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert second.headers["etag"] != first.headers["etag"]


def test_queued_job_has_no_points(client: Client) -> None:
    start_running_job(client)
    queued = submit_job(client, **SHORT_JOB)
    progress = get_progress(client, queued, after=3)
    assert (progress["status"], progress["iteration"], progress["next_after"]) == ("queued", 0, 3)
    assert progress["series"] == {"iteration": [], **{name: [] for name in LOSSES}}
    snapshots = client.get(f"/jobs/{queued['id']}/snapshots", params={"weights": True}).json()
    assert snapshots["iterations"] == snapshots["samples"] == snapshots["weights"]["generator"] == []


def test_cancelled_job_keeps_its_history(client: Client) -> None:
    job = start_running_job(client)
    job = client.post(f"/jobs/{job['id']}/cancel").json()
    progress = get_progress(client, job)
    assert (progress["status"], progress["iteration"]) == ("cancelled", job["iteration"])
    every = job["config"]["record_every"]
    assert progress["series"]["iteration"] == list(range(every, job["iteration"] + 1, every))
    snapshots = client.get(f"/jobs/{job['id']}/snapshots").json()
    assert snapshots["iterations"] == list(range(0, job["iteration"] + 1, job["config"]["snapshot_every"]))


def test_discriminator_experiment_has_no_generator_loss_and_no_samples(
    shared_client: Client, discriminator_job: Json
) -> None:
    series = get_progress(shared_client, discriminator_job)["series"]
    snapshots = shared_client.get(f"/jobs/{discriminator_job['id']}/snapshots?weights=1").json()
    assert list(series) == ["iteration", *LOSSES[:2]]
    assert snapshots.keys() == {"job_id", "iterations", "weights"}
    assert snapshots["weights"].keys() == {"discriminator", "shapes"}
    assert snapshots["weights"]["shapes"].keys() == {"discriminator"}
    assert np.mean(series["discriminator_fake_loss"][-100:]) < np.mean(series["discriminator_fake_loss"][:100])


@pytest.mark.parametrize("parameters", [{}, {"after": 10_000}, {"after": 5000, "max_points": 9}])
@pytest.mark.parametrize("job", ["article_job", "discriminator_job"])
def test_csv_equals_json(shared_client: Client, parameters: Json, job: str, request: pytest.FixtureRequest) -> None:
    job = request.getfixturevalue(job)
    series = get_progress(shared_client, job, **parameters)["series"]
    response = shared_client.get(f"/jobs/{job['id']}/progress", params=parameters, headers={"Accept": "text/csv"})
    assert content_type(response) == "text/csv"
    head, *rows = csv.reader(io.StringIO(response.text, newline=""))
    assert head == list(series)
    columns = zip(*rows, strict=True) if rows else [[] for _ in head]
    assert [[float(value) for value in column] for column in columns] == list(series.values())


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        *((it, "application/json") for it in ("*/*", "application/json", "text/html, */*", "text/csv;q=0")),
        *((it, "application/json") for it in ("application/json, text/csv;q=0.5", "text/csv;q=0.5, */*")),
        *((it, "text/csv") for it in ("text/csv", "text/csv, */*;q=0.1", "text/csv, application/json;q=0.9")),
        ("Text/CSV; header=present; q=0.9", "text/csv"),
    ],
)
def test_accept_selects_csv_or_json(shared_client: Client, article_job: Json, accept: str, kind: str) -> None:
    response = shared_client.get(f"/jobs/{article_job['id']}/progress", headers={"Accept": accept})
    assert content_type(response) == kind


def test_article_view_has_the_lists_of_the_articles_program(
    shared_client: Client, article_job: Json, discriminator_job: Json
) -> None:
    series = get_progress(shared_client, article_job)["series"]
    lists = get_progress(shared_client, article_job, view="article")
    assert list(lists) == ["job_id", "discriminator", "generator"]
    assert (len(lists["discriminator"]), len(lists["generator"])) == (2000, 1000)
    # Every 10th call of D is the fake one of every 5th iteration; every 10th of G is that of every 10th.
    assert lists["discriminator"] == series["discriminator_fake_loss"]
    assert lists["generator"] == series["generator_loss"][1::2]
    lists = get_progress(shared_client, discriminator_job, view="article")
    assert lists["discriminator"] == get_progress(shared_client, discriminator_job)["series"]["discriminator_fake_loss"]
    assert lists["generator"] == []


@pytest.mark.parametrize("record_every", [1, 4, 10])
def test_article_view_needs_record_every_5(shared_client: Client, record_every: int) -> None:
    job = train(shared_client, record_every=record_every, iterations=40)
    response = shared_client.get(f"/jobs/{job['id']}/progress", params={"view": "article"})
    check_problem(response, 409, "not-as-in-the-article")


def forward(flat: list[float], shapes: dict[str, list[int]], inputs: np.ndarray) -> np.ndarray:
    """Compute Linear, Sigmoid, Linear, Sigmoid from flat weights."""
    ends = np.cumsum([np.prod(shape) for shape in shapes.values()])
    w0, b0, w2, b2 = (
        part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes.values(), strict=True)
    )
    hidden = 1 / (1 + np.exp(-(inputs @ w0.T + b0)))
    return 1 / (1 + np.exp(-(hidden @ w2.T + b2)))


@pytest.mark.parametrize("settings", [{}, WIDE, {"latent": "normal", "loss": "bce", "iterations": 1000}])
def test_weights_reproduce_every_sample(shared_client: Client, settings: Json) -> None:
    job = train(shared_client, **settings)
    path = f"/jobs/{job['id']}/snapshots"
    plain, full = shared_client.get(path).json(), shared_client.get(path, params={"weights": True}).json()
    weights = full.pop("weights")
    assert full == plain
    assert list(plain) == ["job_id", "iterations", "samples"]
    width, hidden = len(job["config"]["pattern"]), job["config"]["hidden_size"]
    assert weights["shapes"] == {
        "discriminator": {"0.weight": [hidden, width], "0.bias": [hidden], "2.weight": [1, hidden], "2.bias": [1]},
        "generator": {"0.weight": [hidden, 1], "0.bias": [hidden], "2.weight": [width, hidden], "2.bias": [width]},
    }
    assert len(weights["generator"]) == len(weights["discriminator"]) == len(full["iterations"])
    latent = np.array([[job["config"]["latent_value"]]])
    vectors = np.random.default_rng(1).random((5, width))
    for row, (iteration, sample) in enumerate(zip(full["iterations"], full["samples"], strict=True)):
        redrawn = forward(weights["generator"][row], weights["shapes"]["generator"], latent)[0]
        assert redrawn == pytest.approx(sample, abs=1e-6)
        if row % 10 == 0:
            body = {"vectors": vectors.tolist(), "job_id": job["id"], "iteration": iteration}
            scores = forward(weights["discriminator"][row], weights["shapes"]["discriminator"], vectors)[:, 0]
            assert scores == pytest.approx(shared_client.post("/score", json=body).json()["scores"], abs=1e-6)


def test_snapshots_of_a_running_job(client: Client) -> None:
    job = start_running_job(client, iterations=10_000_000, snapshot_every=1000, seed=6)
    path = f"/jobs/{job['id']}/snapshots"
    first = client.get(path).json()
    count = len(first["iterations"])
    second = wait_until(lambda: client.get(path).json(), lambda now: len(now["iterations"]) > count > 0)
    assert second["iterations"] == list(range(0, 1000 * len(second["iterations"]), 1000))
    assert second["samples"][:count] == first["samples"]


@pytest.mark.parametrize("settings", [WIDE, {"experiment": "discriminator", "iterations": 200}])
def test_npz_equals_json(shared_client: Client, settings: Json) -> None:
    path = f"/jobs/{train(shared_client, seed=1, **settings)['id']}/snapshots"
    request: Json = {"params": {"weights": True}, "headers": {"accept": "application/x-npz"}}
    response = shared_client.get(path, **request)
    assert content_type(response) == "application/x-npz"
    content = shared_client.get(path, params={"weights": True}).json()
    with np.load(io.BytesIO(response.content), allow_pickle=False) as arrays:
        found = dict(arrays)
    assert found.pop("iterations").tolist() == content["iterations"]
    if "samples" in content:
        assert found.pop("samples").tolist() == np.array(content["samples"], np.float32).tolist()
    for name, shapes in content["weights"]["shapes"].items():
        tensors = [found.pop(f"{name}.{key}") for key in shapes]
        assert [tensor.shape[1:] for tensor in tensors] == [tuple(shape) for shape in shapes.values()]
        rows = np.concatenate([tensor.reshape(len(tensor), -1) for tensor in tensors], axis=1)
        assert rows.tolist() == np.array(content["weights"][name], np.float32).tolist()
    assert found == {}
    with np.load(io.BytesIO(shared_client.get(path, headers=request["headers"]).content)) as arrays:
        assert set(arrays) == set(content) - {"job_id", "weights"}
