"""Sampling and scoring as JSON: any job, any snapshot, and the networks' exact output."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from safetensors.torch import load
from torch import nn

from tests.support.clients import Client, app_client
from tests.support.contract import (
    LONG_JOB,
    SHORT_JOB,
    Json,
    check_problem,
    start_running_job,
    submit_job,
    train,
    wait_for_end,
    wait_until,
)

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
WIDE: Json = {"pattern": "1100110", "hidden_size": 5, "iterations": 950, "latent_value": -0.25, "seed": 1}
VECTOR = [1, 0, 1, 0]


@pytest.fixture(scope="module")
def wide(shared_client: Client) -> Json:
    return train(shared_client, **WIDE)


@torch.no_grad()
def torch_output(client: Client, job: Json, name: str, inputs: list[list[float]]) -> np.ndarray:
    """Run the downloaded network in plain PyTorch."""
    weights = load(client.get(f"/models/{job['id']}/{name}.safetensors").content)
    (hidden, width), (outputs, _) = weights["0.weight"].shape, weights["2.weight"].shape
    module = nn.Sequential(nn.Linear(width, hidden), nn.Sigmoid(), nn.Linear(hidden, outputs), nn.Sigmoid())
    module.load_state_dict(weights)
    return module(torch.tensor(inputs, dtype=torch.float32)).numpy()


def test_defaults_are_one_half_and_the_job_that_succeeded_last(client: Client) -> None:
    train(client, seed=1)
    job = train(client, seed=2)
    response = client.get("/sample")
    assert response.json() == {
        "job_id": job["id"], "iteration": 10_000, "pattern": "1010", "seeds": [0.5], "bits": ["1010"],
        "samples": [job["result"]["sample"]], "in_range": [job["result"]["in_range"]],
    }  # fmt: skip
    assert client.post("/sample").content == client.post("/sample", json={}).content == response.content


def test_default_is_the_job_that_ended_last_not_the_newest(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=2) as client:
        slow = start_running_job(client, iterations=2_000_000, seed=1)
        quick = train(client, **SHORT_JOB)
        assert client.get("/sample").json()["job_id"] == quick["id"]
        assert wait_for_end(client, slow["id"])["status"] == "succeeded"
        assert client.get("/sample").json()["job_id"] == slow["id"]
        cancelled = start_running_job(client)
        client.post(f"/jobs/{cancelled['id']}/cancel")
        assert client.get("/sample").json()["job_id"] == slow["id"]
    with app_client(tmp_path) as client:
        assert client.get("/sample").json()["job_id"] == slow["id"]
        client.delete(f"/jobs/{slow['id']}")
        assert client.get("/sample").json()["job_id"] == quick["id"]


@given(seeds=st.lists(FLOATS, min_size=1, max_size=8))
@hypothesis_settings(max_examples=40)
def test_samples_are_those_of_the_downloaded_generator(
    shared_client: Client, article_job: Json, wide: Json, seeds: list[float]
) -> None:
    for job in (wide, article_job):
        content = shared_client.post("/sample", json={"seeds": seeds, "job_id": job["id"]}).json()
        expected = torch_output(shared_client, job, "generator", [[seed] for seed in seeds])
        assert content["pattern"] == job["config"]["pattern"]
        assert content["seeds"] == seeds
        assert np.abs(np.array(content["samples"]) - expected).max() <= 1e-6
    samples = np.array(content["samples"], np.float32)
    assert content["bits"] == ["".join("01"[int(value >= 0.5)] for value in sample) for sample in samples]
    low, high = np.float32([0.8, 0, 0.8, 0]), np.float32([1, 0.2, 1, 0.2])
    assert content["in_range"] == [bool(((low <= sample) & (sample <= high)).all()) for sample in samples]


@given(vectors=st.lists(st.lists(FLOATS.filter(lambda x: abs(x) < 1e30), min_size=7, max_size=7), min_size=1))
@hypothesis_settings(max_examples=40)
def test_scores_are_those_of_the_downloaded_discriminator(
    shared_client: Client, article_job: Json, wide: Json, vectors: list[list[float]]
) -> None:
    for job, rows in ((wide, vectors), (article_job, [vector[:4] for vector in vectors])):
        content = shared_client.post("/score", json={"vectors": rows, "job_id": job["id"]}).json()
        expected = torch_output(shared_client, job, "discriminator", rows)[:, 0]
        assert content.keys() == {"job_id", "iteration", "scores"}
        assert np.abs(np.array(content["scores"]) - expected).max() <= 1e-6


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("seed=0.5&seed=-2&seed=1e3", {"seeds": [0.5, -2, 1e3]}),
        ("seed=0", {"seeds": [0]}),
        ("iteration=0", {"iteration": 0}),
        ("seed=0.1&iteration=700", {"seeds": [0.1], "iteration": 700}),
        ("&".join(f"seed={number}" for number in range(2000)), {"seeds": list(range(2000))}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_get_and_post_agree(shared_client: Client, article_job: Json, query: str, body: Json) -> None:
    response = shared_client.get(f"/sample?{query}&job_id={article_job['id']}")
    assert response.status_code == 200
    assert response.content == shared_client.post("/sample", json=body | {"job_id": article_job["id"]}).content


def test_query_names_the_model_unless_the_body_does(shared_client: Client, article_job: Json, wide: Json) -> None:
    query = {"job_id": article_job["id"], "iteration": 100}
    for body in ({}, query, {"iteration": 100.0}):
        sampled = shared_client.post("/sample", params=query, json=body).json()
        assert sampled == shared_client.get("/sample", params=query).json()
    other = shared_client.post("/sample", params=query, json={"job_id": wide["id"], "iteration": 0}).json()
    assert (other["job_id"], other["iteration"]) == (wide["id"], 0)
    vectors = {"vectors": [VECTOR]}
    scored = shared_client.post("/score", params=query, json=vectors).content
    assert scored == shared_client.post("/score", json=vectors | query).content
    for path, body in (("/sample", {}), ("/score", vectors)):
        check_problem(shared_client.post(path, params={"iteration": "x"}, json=body), 422, "invalid-input")


def test_every_snapshot_can_be_sampled(shared_client: Client, wide: Json) -> None:
    snapshots = shared_client.get(f"/jobs/{wide['id']}/snapshots").json()
    for iteration, sample in zip(snapshots["iterations"], snapshots["samples"], strict=True):
        content = shared_client.get(f"/sample?seed=-0.25&job_id={wide['id']}&iteration={iteration}").json()
        assert (content["iteration"], content["samples"]) == (iteration, [sample])
        if iteration == 0:
            assert all(0.2 < value < 0.8 for value in sample)
            assert content["in_range"] == [False]
    assert sample == wide["result"]["sample"]


@pytest.mark.parametrize(
    ("iteration", "nearest"),
    [(1, [0, 100]), (99, [0, 100]), (150, [100, 200]), *((i, [900, 950]) for i in (901, 949, 951, 10_000_000))],
)
@pytest.mark.parametrize("call", ["get", "sample", "score"])
def test_missing_snapshot_names_its_neighbours(
    shared_client: Client, wide: Json, iteration: int, nearest: list[int], call: str
) -> None:
    body: Json = {"job_id": wide["id"], "iteration": iteration}
    if call == "get":
        response = shared_client.get("/sample", params=body)
    else:
        response = shared_client.post(f"/{call}", json=body | ({"vectors": [[0] * 7]} if call == "score" else {}))
    content = check_problem(response, 422, "no-such-snapshot")
    assert all(str(kept) in content["detail"] for kept in nearest)
    assert content["errors"][0]["loc"][-1] == "iteration"


def test_running_and_cancelled_jobs_serve_their_latest_weights(client: Client) -> None:
    job = start_running_job(client, **LONG_JOB | {"snapshot_every": 1000})
    path = f"/jobs/{job['id']}/snapshots"
    kept = wait_until(lambda: client.get(path).json()["iterations"], lambda iterations: len(iterations) > 1)

    def sample(**query: Any) -> Json:
        return client.get("/sample", params={"job_id": job["id"], **query}).json()

    first = sample()
    assert kept[-1] <= first["iteration"]
    wait_until(lambda: sample()["iteration"] > first["iteration"])
    scored = client.post("/score", json={"vectors": [[0] * 16], "job_id": job["id"], "iteration": kept[1]})
    assert scored.json()["iteration"] == kept[1]
    check_problem(client.get("/sample"), 409, "no-model")
    client.post(f"/jobs/{job['id']}/cancel")
    assert sample(iteration=first["iteration"]) == first
    snapshots, last = client.get(path).json(), sample()
    assert (last["iteration"], last["samples"][0]) == (snapshots["iterations"][-1], snapshots["samples"][-1])


def test_job_that_never_ran_has_no_model(client: Client) -> None:
    for response in (client.get("/sample"), client.post("/sample"), client.post("/score", json={"vectors": [VECTOR]})):
        assert "/train" in check_problem(response, 409, "no-model")["detail"]
    start_running_job(client)
    queued = submit_job(client, **SHORT_JOB)
    for status in ("queued", "cancelled"):
        detail = check_problem(client.get("/sample", params={"job_id": queued["id"]}), 409, "no-model")["detail"]
        assert status in detail
        assert ("wait" in detail.lower()) == (status == "queued")  # a cancelled job is not worth waiting for
        client.post(f"/jobs/{queued['id']}/cancel")


def test_discriminator_experiment_scores_but_does_not_sample(shared_client: Client, discriminator_job: Json) -> None:
    named = {"job_id": discriminator_job["id"]}
    for response in (
        shared_client.get("/sample", params=named),
        shared_client.get("/sample", params=named | {"iteration": 100}),
        shared_client.post("/sample", json=named),
    ):
        check_problem(response, 409, "no-generator")
    real, fake = shared_client.post("/score", json={"vectors": [VECTOR, [0, 1, 0, 1]], **named}).json()["scores"]
    assert real > fake


def test_sampling_skips_jobs_without_a_generator(client: Client) -> None:
    gan = train(client, **SHORT_JOB)
    discriminator = train(client, **SHORT_JOB, experiment="discriminator")
    assert client.get("/sample").json()["job_id"] == gan["id"]
    assert client.post("/score", json={"vectors": [VECTOR]}).json()["job_id"] == discriminator["id"]


@pytest.mark.parametrize("bad", [[], [1], [1, 0, 1], [1, 0, 1, 0, 1]])
@pytest.mark.parametrize("index", [0, 1, 2500])
def test_vector_of_another_width_is_named(
    shared_client: Client, article_job: Json, bad: list[float], index: int
) -> None:
    vectors = [VECTOR] * index + [bad] + [VECTOR] * 3
    content = check_problem(shared_client.post("/score", json={"vectors": vectors, "job_id": article_job["id"]}), 422)
    assert content["errors"][0]["loc"][-2:] == ["vectors", index]
    assert str(index) in content["detail"]
    assert "4" in content["detail"]


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 100_000])
def test_any_number_of_rows_keeps_their_order(shared_client: Client, article_job: Json, count: int) -> None:
    def post(path: str, **content: object) -> Json:
        return shared_client.post(path, json={**content, "job_id": article_job["id"]}).json()

    seeds = np.linspace(-5, 5, count).round(4).tolist()
    sampled = post("/sample", seeds=seeds)
    assert sampled["seeds"] == seeds
    assert len(sampled["samples"]) == len(sampled["bits"]) == len(sampled["in_range"]) == count
    for place in {0, count // 2, count - 1}:
        assert [sampled["samples"][place]] == post("/sample", seeds=[seeds[place]])["samples"]
    vectors = [[round(value, 3) for value in sample] for sample in sampled["samples"]]
    scores = post("/score", vectors=vectors)["scores"]
    assert len(scores) == count
    assert post("/score", vectors=vectors[-1:])["scores"] == scores[-1:]


@pytest.mark.parametrize(("path", "field", "row"), [("/sample", "seeds", 0.5), ("/score", "vectors", [0, 0, 0, 0])])
@pytest.mark.parametrize("count", [0, 100_001])
def test_no_rows_and_too_many_are_rejected(
    shared_client: Client, article_job: Json, path: str, field: str, row: object, count: int
) -> None:
    response = shared_client.post(path, json={field: [row] * count, "job_id": article_job["id"]})
    assert check_problem(response, 422)["errors"][0]["loc"][-1] == field


def test_largest_numbers_never_fail_the_service(shared_client: Client, article_job: Json) -> None:
    largest, named = 3.4028234663852886e38, {"job_id": article_job["id"]}
    vectors = [[largest if sign else -largest for sign in signs] for signs in np.ndindex(2, 2, 2, 2)]
    assert shared_client.post("/score", json={"vectors": vectors, **named}).status_code in (200, 422)
    assert shared_client.post("/sample", json={"seeds": [largest, -largest], **named}).status_code == 200
