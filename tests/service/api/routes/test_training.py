"""`POST /train`: what is asked for is what is run, once, and it is kept before it is acknowledged."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gan1010 import PRESETS
from tests.support.clients import Client, app_client
from tests.support.contract import (
    JOB_FIELDS,
    RESULT_FIELDS,
    SETTING_FIELDS,
    SHORT_JOB,
    TIME_PATTERN,
    Json,
    check_problem,
    start_running_job,
    submit_job,
    train,
)

JSON = {"content-type": "application/json"}
ARTICLE = {
    "preset": "article",
    "experiment": "gan",
    "pattern": "1010",
    "spread": 0.2,
    "iterations": 10_000,
    "learning_rate": 0.01,
    "generator_learning_rate": 0.01,
    "hidden_size": 3,
    "loss": "mse",
    "optimizer": "sgd",
    "latent": "constant",
    "latent_value": 0.5,
    "record_every": 5,
    "snapshot_every": 100,
    "name": None,
}


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service whose only thread is busy."""
    with app_client(tmp_path_factory.mktemp("waiting"), workers=1) as client:
        start_running_job(client)
        yield client


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": b"", "headers": {"content-type": "text/plain"}},
        {"json": {}},
        {"content": b"{}", "headers": {"content-type": "Application/JSON ; charset=utf-8"}},
        {"json": {"seed": None, "name": None, "generator_learning_rate": None, "record_every": None}},
    ],
)
def test_empty_request_is_the_articles_run(shared_client: Client, body: Json) -> None:
    answer = shared_client.post("/train", params={"wait": 10}, **body)
    assert answer.status_code == 200
    config = answer.json()["config"]
    seed = config.pop("seed")
    assert isinstance(seed, int)
    assert 0 <= seed < 2**53
    assert config == ARTICLE
    assert answer.json()["result"]["bits"] == "1010"


def test_seeds_that_nobody_names_differ(shared_client: Client) -> None:
    assert len({train(shared_client, iterations=1)["config"]["seed"] for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("given", "resolved"),
    [
        ({"learning_rate": 0.5}, {"learning_rate": 0.5, "generator_learning_rate": 0.5}),
        ({"learning_rate": 1}, {"learning_rate": 1.0, "generator_learning_rate": 1.0}),
        ({"generator_learning_rate": 0.5}, {"learning_rate": 0.01, "generator_learning_rate": 0.5}),
        ({"iterations": 1}, {"record_every": 5, "snapshot_every": 100}),
        ({"iterations": 1e1, "seed": 7.0, "record_every": 10.0}, {"iterations": 10, "seed": 7, "record_every": 10}),
        ({"iterations": 100_004}, {"record_every": 5, "snapshot_every": 100}),
        ({"iterations": 100_005}, {"record_every": 10, "snapshot_every": 100}),
        ({"iterations": 100_100}, {"record_every": 10, "snapshot_every": 200}),
        ({"iterations": 1_000_000}, {"record_every": 50, "snapshot_every": 1000}),
        ({"iterations": 200_000, "record_every": 1, "snapshot_every": 20}, {"record_every": 1, "snapshot_every": 20}),
        ({"record_every": 10_000_000}, {"record_every": 10_000_000, "snapshot_every": 100}),
        ({"pattern": "0"}, {"pattern": "0"}),
        ({"pattern": "1" * 16, "hidden_size": 64}, {"pattern": "1" * 16, "hidden_size": 64}),
        ({"hidden_size": 1, "spread": 0.5}, {"hidden_size": 1, "spread": 0.5}),
        ({"seed": 2**53 - 1}, {"seed": 2**53 - 1}),
        ({"name": "ä" * 100}, {"name": "ä" * 100}),
        ({"latent_value": -1e30, "latent": "normal"}, {"latent_value": -1e30, "latent": "normal"}),
        ({"preset": "article"}, {"loss": "mse"}),
        ({"preset": "article-bce"}, {"loss": "bce", "preset": "article-bce"}),
        ({"preset": "article-bce", "loss": "mse"}, {"loss": "mse", "preset": "article-bce"}),
        ({"loss": "mse", "preset": "article-bce", "seed": 5}, {"loss": "mse", "seed": 5}),
    ],
)
def test_settings_are_resolved(shared_client: Client, given: Json, resolved: Json) -> None:
    job = submit_job(shared_client, **given)
    assert resolved.items() <= job["config"].items()
    assert {name: value for name, value in given.items() if job["config"][name] != value} == {}
    again = submit_job(shared_client, **job["config"])
    assert again["config"] == job["config"]
    for each in (job, again):
        shared_client.post(f"/jobs/{each['id']}/cancel")


@given(iterations=st.integers(1, 10_000_000))
@hypothesis_settings(max_examples=25)
def test_points_and_snapshots_are_as_many_as_promised(waiting: Client, iterations: int) -> None:
    job = submit_job(waiting, iterations=iterations)
    for name, step, most in (("record_every", 5, 20_000), ("snapshot_every", 100, 1_000)):
        least = next(every for every in count(step, step) if iterations // every <= most)
        assert job["config"][name] == least
    assert waiting.post(f"/jobs/{job['id']}/cancel").status_code == 200


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_listed_and_do_what_they_say(shared_client: Client, preset: str) -> None:
    (listed,) = [entry for entry in shared_client.get("/presets").json()["data"] if entry["name"] == preset]
    assert listed.keys() == {"name", "summary", "known", "settings"}
    assert listed["summary"]
    assert listed["known"]
    config = train(shared_client, preset=preset, iterations=10)["config"]
    expected = ARTICLE | {"preset": preset, "iterations": 10} | listed["settings"]
    expected["generator_learning_rate"] = listed["settings"].get("generator_learning_rate", expected["learning_rate"])
    assert config == expected | {"seed": config["seed"]}


def test_presets_are_at_least_those_of_the_contract(shared_client: Client) -> None:
    assert {"article", "article-bce"} <= {preset["name"] for preset in shared_client.get("/presets").json()["data"]}


def test_job_has_the_fields_of_the_contract(shared_client: Client) -> None:
    job = train(shared_client, name="mine", seed=3)
    assert job.keys() == JOB_FIELDS
    assert job["config"].keys() == SETTING_FIELDS
    assert job["result"].keys() == RESULT_FIELDS
    assert (job["kind"], job["name"], job["status"], job["error"]) == ("train", "mine", "succeeded", None)
    assert (job["iteration"], job["iterations"], job["eta_seconds"]) == (10_000, 10_000, None)
    assert job["iterations_per_second"] > 0
    assert re.fullmatch(r"[A-Za-z0-9_.~-]{1,36}", job["id"])
    assert [transition["status"] for transition in job["transitions"]] == ["queued", "running", "succeeded"]
    assert all(transition.keys() == {"status", "at", "detail"} for transition in job["transitions"])
    times = [job[name] for name in ("created_at", "started_at", "finished_at")]
    assert times == [transition["at"] for transition in job["transitions"]] == sorted(times)
    assert all(TIME_PATTERN.fullmatch(time) for time in times)


def test_result_is_what_the_recorded_losses_and_the_last_sample_say(shared_client: Client) -> None:
    job = train(shared_client, record_every=1, snapshot_every=1, iterations=8000, seed=2)
    series = shared_client.get(f"/jobs/{job['id']}/progress").json()["series"]
    samples = np.array(shared_client.get(f"/jobs/{job['id']}/snapshots").json()["samples"])
    result = job["result"]
    for name in ("discriminator_real_loss", "discriminator_fake_loss", "generator_loss"):
        assert result[name] == pytest.approx(mean(series[name][-800:]), abs=1e-6)
    for name, target in {"real": 1, "fake": 0}.items():
        scores = np.abs(target - np.sqrt(series[f"discriminator_{name}_loss"][-800:]))  # loss = (score - target)^2
        assert result[f"{name}_score"] == pytest.approx(float(scores.mean()), abs=1e-5)
    inside = np.all((samples >= np.float32([0.8, 0, 0.8, 0])) & (samples <= np.float32([1, 0.2, 1, 0.2])), axis=1)
    assert result["sample"] == samples[-1].tolist()
    assert result["bits"] == "".join("1" if value >= 0.5 else "0" for value in result["sample"])
    assert result["in_range"] == bool(inside[-1])
    assert result["settled_at"] == (int(np.flatnonzero(~inside)[-1]) + 1 if inside[-1] else None)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"loss": "bce", "optimizer": "adam", "learning_rate": 0.001},
        {"latent": "normal", "pattern": "10110", "hidden_size": 7, "spread": 0.1},
        {"latent": "uniform", "generator_learning_rate": 0.02, "latent_value": 0.1, "record_every": 7},
        {"experiment": "discriminator"},
    ],
)
def test_config_posted_back_gives_the_same_bits(shared_client: Client, settings: Json) -> None:
    first = train(shared_client, iterations=3000, **settings)
    second = train(shared_client, **first["config"])
    assert second["id"] != first["id"]
    assert second["config"] == first["config"]
    assert second["result"] == first["result"]
    for path in ("progress", "snapshots?weights=true"):
        answers = [shared_client.get(f"/jobs/{job['id']}/{path}").json() for job in (first, second)]
        assert answers[0] == answers[1] | {"job_id": first["id"]}


def test_another_seed_gives_other_bits(shared_client: Client) -> None:
    assert train(shared_client, seed=1)["result"]["sample"] != train(shared_client, seed=2)["result"]["sample"]


def test_accepted_job_names_its_place_and_when_to_ask(waiting: Client) -> None:
    for wait in ("0", "0.05"):
        answer = waiting.post("/train", params={"wait": wait}, json=SHORT_JOB)
        assert answer.status_code == 202
        assert answer.headers["location"] == f"/jobs/{answer.json()['id']}"
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["status"] == "queued"
        assert answer.json()["result"] is None
        assert waiting.get(answer.headers["location"]).json() == answer.json()


def test_job_that_ends_within_the_wait_is_answered_with_200(shared_client: Client) -> None:
    answer = shared_client.post("/train", params={"wait": 30}, json=SHORT_JOB)
    assert answer.status_code == 200
    assert answer.headers["location"] == f"/jobs/{answer.json()['id']}"
    assert "retry-after" not in answer.headers
    assert answer.json()["status"] == "succeeded"
    assert shared_client.get(answer.headers["location"]).json() == answer.json()


def test_same_key_and_body_give_the_same_job(client: Client) -> None:
    headers = {"Idempotency-Key": "once"}
    first = client.post("/train", json={"seed": 1, "iterations": 10}, headers=headers)
    again = client.post("/train", content=b'{"iterations" :10, "seed":1}', headers=headers | JSON, params={"wait": 9})
    assert again.json()["id"] == first.json()["id"]
    assert (again.status_code, again.json()["status"]) == (200, "succeeded")
    other = client.post("/train", json={"seed": 1, "iterations": 10}, headers={"Idempotency-Key": "twice"})
    assert other.json()["id"] != first.json()["id"]
    assert len(client.get("/jobs").json()["data"]) == 2


@pytest.mark.parametrize("other", [{"seed": 2}, {"seed": 1, "name": "n"}, {"seed": 1, "iterations": 11}, {}])
def test_same_key_with_another_body_is_refused(client: Client, other: Json) -> None:
    headers = {"Idempotency-Key": "once"}
    first = client.post("/train", json={"seed": 1}, headers=headers)
    check_problem(client.post("/train", json=other, headers=headers), 422, "idempotency-key-reused")
    assert [job["id"] for job in client.get("/jobs").json()["data"]] == [first.json()["id"]]


def test_key_of_an_empty_request_draws_one_seed(client: Client) -> None:
    answers = [client.post("/train", headers={"Idempotency-Key": "once"}, params={"wait": 9}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()


def test_many_requests_with_one_key_at_once_give_one_job(client: Client) -> None:
    def ask(_: int) -> str:
        return str(client.post("/train", json=SHORT_JOB, headers={"Idempotency-Key": "storm"}).json()["id"])

    with ThreadPoolExecutor(16) as pool:
        ids = set(pool.map(ask, range(32)))
    assert {job["id"] for job in client.get("/jobs").json()["data"]} == ids
    assert len(ids) == 1


def test_full_queue_refuses_and_keeps_nothing(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1, queue_size=2) as client:
        start_running_job(client)
        submit_job(client, **SHORT_JOB)
        last = client.post("/train", json=SHORT_JOB, headers={"Idempotency-Key": "last"})
        listed = client.get("/jobs").json()
        for key in ({}, {"Idempotency-Key": "new"}):
            full = client.post("/train", json=SHORT_JOB, headers=key)
            check_problem(full, 429, "queue-full")
            assert int(full.headers["retry-after"]) >= 1
        assert client.get("/jobs", params={"status": "queued"}).json()["data"] == listed["data"][:2]
        assert client.post("/train", json=SHORT_JOB, headers={"Idempotency-Key": "last"}).json() == last.json()
        assert client.post(f"/jobs/{last.json()['id']}/cancel").status_code == 200
        assert submit_job(client, **SHORT_JOB)["status"] == "queued"
