"""Sampling and scoring: the networks' own answers, for whichever job and moment is named."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from safetensors.torch import load
from torch import nn

from tests.support.clients import Client, app_client
from tests.support.contract import SHORT_JOB, Json, check_problem, start_running_job, submit_job, train, wait_until

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
WIDE: Json = {"pattern": "1100110", "hidden_size": 5, "iterations": 950, "latent_value": -0.25, "seed": 1}


@pytest.fixture(scope="module")
def wide(shared_client: Client) -> Json:
    return train(shared_client, **WIDE)


def network(client: Client, job: Json, name: str) -> nn.Sequential:
    """The downloaded network, in nothing but torch."""
    weights = load(client.get(f"/models/{job['id']}/{name}.safetensors").content)
    (hidden, inputs), (outputs, _) = weights["0.weight"].shape, weights["2.weight"].shape
    module = nn.Sequential(nn.Linear(inputs, hidden), nn.Sigmoid(), nn.Linear(hidden, outputs), nn.Sigmoid())
    module.load_state_dict(weights)
    return module


@torch.no_grad()
def answer_of(module: nn.Sequential, inputs: list[list[float]]) -> np.ndarray:
    return module(torch.tensor(inputs, dtype=torch.float32)).numpy()


def test_sample_is_drawn_at_one_half_of_the_job_that_succeeded_last(client: Client) -> None:
    train(client, seed=1)
    job = train(client, seed=2)
    answer = client.get("/sample")
    assert answer.status_code == 200
    assert answer.json() == {
        "job_id": job["id"],
        "iteration": 10_000,
        "pattern": "1010",
        "seeds": [0.5],
        "samples": [job["result"]["sample"]],
        "bits": ["1010"],
        "in_range": [job["result"]["in_range"]],
    }
    assert client.post("/sample").content == client.post("/sample", json={}).content == answer.content


def test_last_is_who_succeeded_last_not_who_came_last(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=2) as client:
        slow = start_running_job(client, iterations=2_000_000, seed=1)
        quick = train(client, **SHORT_JOB)
        assert client.get("/sample").json()["job_id"] == quick["id"]
        assert client.get(f"/jobs/{slow['id']}", params={"wait": 30}).json()["status"] == "succeeded"
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
    shared_client: Client, article_job: Json, seeds: list[float]
) -> None:
    answer = shared_client.post("/sample", json={"seeds": seeds, "job_id": article_job["id"]}).json()
    expected = answer_of(network(shared_client, article_job, "generator"), [[seed] for seed in seeds])
    samples = np.array(answer["samples"], np.float32)
    assert answer["seeds"] == seeds
    assert np.abs(samples - expected).max() <= 1e-6
    assert answer["bits"] == ["".join("01"[int(value >= 0.5)] for value in sample) for sample in samples]
    low, high = np.float32([0.8, 0, 0.8, 0]), np.float32([1, 0.2, 1, 0.2])
    assert answer["in_range"] == [bool(((low <= sample) & (sample <= high)).all()) for sample in samples]


@given(vectors=st.lists(st.lists(FLOATS.filter(lambda x: abs(x) < 1e30), min_size=4, max_size=4), min_size=1))
@hypothesis_settings(max_examples=40)
def test_scores_are_those_of_the_downloaded_discriminator(
    shared_client: Client, article_job: Json, vectors: list[list[float]]
) -> None:
    answer = shared_client.post("/score", json={"vectors": vectors, "job_id": article_job["id"]})
    expected = answer_of(network(shared_client, article_job, "discriminator"), vectors)[:, 0]
    assert answer.json().keys() == {"job_id", "iteration", "scores"}
    assert np.abs(np.array(answer.json()["scores"]) - expected).max() <= 1e-6


def test_networks_of_another_shape_answer_as_torch_does(shared_client: Client, wide: Json) -> None:
    seeds, vectors = np.linspace(-3, 3, 2001), np.random.default_rng(1).random((2001, 7))
    sampled = shared_client.post("/sample", json={"seeds": seeds.tolist(), "job_id": wide["id"]}).json()
    scored = shared_client.post("/score", json={"vectors": vectors.tolist(), "job_id": wide["id"]}).json()
    samples = answer_of(network(shared_client, wide, "generator"), seeds[:, None].tolist())
    scores = answer_of(network(shared_client, wide, "discriminator"), vectors.tolist())[:, 0]
    assert (sampled["pattern"], sampled["iteration"], scored["iteration"]) == ("1100110", 950, 950)
    assert np.abs(np.array(sampled["samples"]) - samples).max() <= 1e-6
    assert np.abs(np.array(scored["scores"]) - scores).max() <= 1e-6


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("seed=0.5&seed=-2&seed=1e3", {"seeds": [0.5, -2, 1e3]}),
        ("seed=0", {"seeds": [0]}),
        ("iteration=0", {"iteration": 0}),
        ("seed=0.1&iteration=700", {"seeds": [0.1], "iteration": 700}),
    ],
)
def test_get_and_post_agree(shared_client: Client, article_job: Json, query: str, body: Json) -> None:
    got = shared_client.get(f"/sample?{query}&job_id={article_job['id']}")
    assert got.status_code == 200
    assert got.content == shared_client.post("/sample", json=body | {"job_id": article_job["id"]}).content


def test_query_says_whose_model_is_meant_where_the_body_does_not(
    shared_client: Client, article_job: Json, wide: Json
) -> None:
    named = {"job_id": article_job["id"], "iteration": 100}
    asked = [shared_client.post("/sample", params=named, json=body) for body in ({}, named, {"iteration": 100.0})]
    assert [answer.json() for answer in asked] == [shared_client.get("/sample", params=named).json()] * 3
    other = shared_client.post("/sample", params=named, json={"job_id": wide["id"], "iteration": 0}).json()
    assert (other["job_id"], other["iteration"]) == (wide["id"], 0)
    vectors = {"vectors": [[1, 0, 1, 0]]}
    assert (
        shared_client.post("/score", params=named, json=vectors).content
        == shared_client.post("/score", json=vectors | named).content
    )
    for path, body in (("/sample", {}), ("/score", vectors)):
        check_problem(shared_client.post(path, params={"iteration": "x"}, json=body), 422, "invalid-input")


def test_every_kept_moment_can_be_sampled(shared_client: Client, wide: Json) -> None:
    snapshots = shared_client.get(f"/jobs/{wide['id']}/snapshots").json()
    for iteration, sample in zip(snapshots["iterations"], snapshots["samples"], strict=True):
        answer = shared_client.get(f"/sample?seed=-0.25&job_id={wide['id']}&iteration={iteration}").json()
        assert (answer["iteration"], answer["samples"]) == (iteration, [sample])
    assert sample == wide["result"]["sample"]


def test_untrained_generator_knows_no_pattern(shared_client: Client, article_job: Json) -> None:
    answer = shared_client.get("/sample", params={"job_id": article_job["id"], "iteration": 0}).json()
    assert all(0.2 < value < 0.8 for value in answer["samples"][0])
    assert answer["in_range"] == [False]


@pytest.mark.parametrize(
    ("iteration", "nearest"),
    [
        (1, [0, 100]),
        (99, [0, 100]),
        (150, [100, 200]),
        (901, [900, 950]),
        (949, [900, 950]),
        (951, [900, 950]),
        (10_000_000, [900, 950]),
    ],
)
@pytest.mark.parametrize("call", ["get", "sample", "score"])
def test_moment_that_was_not_kept_is_told_its_neighbours(
    shared_client: Client, wide: Json, iteration: int, nearest: list[int], call: str
) -> None:
    body: Json = {"job_id": wide["id"], "iteration": iteration}
    if call == "get":
        answer = shared_client.get("/sample", params=body)
    else:
        answer = shared_client.post(f"/{call}", json=body | ({"vectors": [[0] * 7]} if call == "score" else {}))
    content = check_problem(answer, 422, "no-such-snapshot")
    assert all(str(kept) in content["detail"] for kept in nearest)
    assert content["errors"][0]["loc"][-1] == "iteration"


def test_running_job_can_be_used(client: Client) -> None:
    job = start_running_job(client, iterations=10_000_000, snapshot_every=1000, seed=6)
    kept = client.get(f"/jobs/{job['id']}/snapshots").json()["iterations"]
    first = client.get("/sample", params={"job_id": job["id"]}).json()
    assert kept[-1] <= first["iteration"]
    wait_until(
        lambda: client.get("/sample", params={"job_id": job["id"]}).json(),
        lambda now: now["iteration"] > first["iteration"],
    )
    scored = client.post("/score", json={"vectors": [[1, 0, 1, 0]], "job_id": job["id"], "iteration": kept[1]})
    assert scored.json()["iteration"] == kept[1]
    check_problem(client.get("/sample"), 409, "no-model")
    client.post(f"/jobs/{job['id']}/cancel")
    after = client.get("/sample", params={"job_id": job["id"], "iteration": first["iteration"]}).json()
    assert after == first


def test_cancelled_job_can_be_used_as_far_as_it_came(client: Client) -> None:
    job = start_running_job(client, iterations=10_000_000, snapshot_every=1000, seed=6)
    client.post(f"/jobs/{job['id']}/cancel")
    snapshots = client.get(f"/jobs/{job['id']}/snapshots").json()
    answer = client.get("/sample", params={"job_id": job["id"]}).json()
    assert (answer["iteration"], answer["samples"][0]) == (snapshots["iterations"][-1], snapshots["samples"][-1])


def test_there_is_nothing_to_use_before_the_first_training(client: Client) -> None:
    for answer in (client.get("/sample"), client.post("/sample"), client.post("/score", json={"vectors": [[0] * 4]})):
        assert "/train" in check_problem(answer, 409, "no-model")["detail"]


def test_job_that_never_began_has_nothing_to_use(client: Client) -> None:
    start_running_job(client)
    queued = submit_job(client, **SHORT_JOB)
    for status in ("queued", "cancelled"):
        detail = check_problem(client.get("/sample", params={"job_id": queued["id"]}), 409, "no-model")["detail"]
        assert status in detail
        assert ("wait" in detail) == (status == "queued")  # there is nothing to wait for once it is cancelled
        client.post(f"/jobs/{queued['id']}/cancel")


def test_discriminator_experiment_scores_but_does_not_sample(shared_client: Client, discriminator_job: Json) -> None:
    for answer in (
        shared_client.get("/sample", params={"job_id": discriminator_job["id"]}),
        shared_client.get("/sample", params={"job_id": discriminator_job["id"], "iteration": 100}),
        shared_client.post("/sample", json={"job_id": discriminator_job["id"]}),
    ):
        check_problem(answer, 409, "no-generator")
    scored = shared_client.post(
        "/score", json={"vectors": [[1, 0, 1, 0], [0, 1, 0, 1]], "job_id": discriminator_job["id"]}
    ).json()
    real, fake = scored["scores"]
    assert real > fake


def test_sampling_passes_over_jobs_without_a_generator(client: Client) -> None:
    gan = train(client, **SHORT_JOB)
    discriminator_job = train(client, **SHORT_JOB, experiment="discriminator")
    assert client.get("/sample").json()["job_id"] == gan["id"]
    assert client.post("/score", json={"vectors": [[1, 0, 1, 0]]}).json()["job_id"] == discriminator_job["id"]


@pytest.mark.parametrize("bad", [[], [1], [1, 0, 1], [1, 0, 1, 0, 1]])
@pytest.mark.parametrize("index", [0, 1, 2500])
def test_vector_of_another_width_is_named(
    shared_client: Client, article_job: Json, bad: list[float], index: int
) -> None:
    vectors = [[1, 0, 1, 0]] * index + [bad] + [[1, 0, 1, 0]] * 3
    content = check_problem(shared_client.post("/score", json={"vectors": vectors, "job_id": article_job["id"]}), 422)
    assert content["errors"][0]["loc"][-2:] == ["vectors", index]
    assert str(index) in content["detail"]
    assert "4" in content["detail"]


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 100_000])
def test_many_are_answered_in_order(shared_client: Client, article_job: Json, count: int) -> None:
    seeds = np.linspace(-5, 5, count).round(4).tolist()
    sampled = shared_client.post("/sample", json={"seeds": seeds, "job_id": article_job["id"]}).json()
    assert sampled["seeds"] == seeds
    assert len(sampled["samples"]) == len(sampled["bits"]) == len(sampled["in_range"]) == count
    for place in {0, count // 2, count - 1}:
        one = shared_client.post(
            "/sample", json={"seeds": seeds[place : place + 1], "job_id": article_job["id"]}
        ).json()
        assert sampled["samples"][place : place + 1] == one["samples"]
    vectors = [[round(value, 3) for value in sample] for sample in sampled["samples"]]
    scores = shared_client.post("/score", json={"vectors": vectors, "job_id": article_job["id"]}).json()["scores"]
    assert len(scores) == count
    assert (
        shared_client.post("/score", json={"vectors": vectors[-1:], "job_id": article_job["id"]}).json()["scores"]
        == scores[-1:]
    )


@pytest.mark.parametrize(("path", "field", "row"), [("/sample", "seeds", 0.5), ("/score", "vectors", [0, 0, 0, 0])])
@pytest.mark.parametrize("count", [0, 100_001])
def test_too_few_and_too_many_are_refused(
    shared_client: Client, article_job: Json, path: str, field: str, row: object, count: int
) -> None:
    answer = shared_client.post(path, json={field: [row] * count, "job_id": article_job["id"]})
    assert check_problem(answer, 422)["errors"][0]["loc"][-1] == field


def test_many_seeds_may_be_in_the_query(shared_client: Client, article_job: Json) -> None:
    query = "&".join(f"seed={number}" for number in range(2000))
    answer = shared_client.get(f"/sample?{query}&job_id={article_job['id']}")
    assert answer.json()["seeds"] == list(range(2000))


def test_numbers_too_large_for_the_networks_never_fail_the_service(shared_client: Client, article_job: Json) -> None:
    largest = 3.4028234663852886e38
    vectors = [[sign * largest for sign in signs] for signs in np.ndindex(2, 2, 2, 2)]
    vectors = [[-value or largest for value in vector] for vector in vectors] + [[largest, -largest] * 2]
    answer = shared_client.post("/score", json={"vectors": vectors, "job_id": article_job["id"]})
    assert answer.status_code in (200, 422)
    assert (
        shared_client.post("/sample", json={"seeds": [largest, -largest], "job_id": article_job["id"]}).status_code
        == 200
    )
