"""Training: settings, presets, results, idempotency keys and the queue's limit."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from gan1010 import PRESETS, TrainConfig
from gan1010 import train as train_here
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
    "preset": "article", "experiment": "gan", "pattern": "1010", "spread": 0.2, "iterations": 10_000,
    "learning_rate": 0.01, "generator_learning_rate": 0.01, "hidden_size": 3, "loss": "mse", "optimizer": "sgd",
    "latent": "constant", "latent_value": 0.5, "batch_size": 1, "discriminator_steps": 1, "r1": 0,
    "backend": "compiled", "record_every": 5, "snapshot_every": 100, "name": None,
    "defaults": {"generator_learning_rate": 0.01, "record_every": 5, "snapshot_every": 100},
}  # fmt: skip


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
    response = shared_client.post("/train", params={"wait": 10}, **body)
    assert response.status_code == 200
    assert response.headers["location"] == f"/jobs/{response.json()['id']}"
    assert "retry-after" not in response.headers
    assert shared_client.get(response.headers["location"]).json() == response.json()
    config = response.json()["config"]
    seed = config.pop("seed")
    assert isinstance(seed, int)
    assert 0 <= seed < 2**53
    assert config == ARTICLE
    assert response.json()["result"]["bits"] == "1010"


def test_random_seeds_differ(shared_client: Client) -> None:
    assert len({train(shared_client, iterations=1)["config"]["seed"] for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("settings", "resolved"),
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
def test_settings_are_resolved(shared_client: Client, settings: Json, resolved: Json) -> None:
    job = submit_job(shared_client, **settings)
    assert resolved.items() <= job["config"].items()
    assert {name: value for name, value in settings.items() if job["config"][name] != value} == {}
    shared_client.post(f"/jobs/{job['id']}/cancel")


@pytest.mark.parametrize("preset", PRESETS)
def test_preset_has_its_listed_settings(shared_client: Client, preset: str) -> None:
    (listed,) = [entry for entry in shared_client.get("/presets").json()["data"] if entry["name"] == preset]
    assert listed.keys() == {"name", "summary", "known", "settings"}
    assert listed["summary"]
    assert listed["known"]
    config = train(shared_client, preset=preset, iterations=10)["config"]
    expected = ARTICLE | {"preset": preset, "iterations": 10} | listed["settings"]
    for settings in (expected, expected["defaults"]):
        settings["generator_learning_rate"] = expected["learning_rate"]
    assert config == expected | {"seed": config["seed"]}


def test_fields_of_a_job(shared_client: Client) -> None:
    job = train(shared_client, name="mine", seed=3)
    assert job.keys() == JOB_FIELDS
    assert job["config"].keys() == SETTING_FIELDS | {"defaults"}
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
def test_returned_config_trains_the_same_weights(shared_client: Client, settings: Json) -> None:
    first = train(shared_client, iterations=3000, **settings)
    second = train(shared_client, **first["config"])
    assert second["id"] != first["id"]
    assert second["config"] == first["config"]
    settings = {name: value for name, value in first["config"].items() if name in TrainConfig.__dataclass_fields__}
    assert second["result"] == first["result"] == asdict(train_here(TrainConfig(**settings)).result)
    for path in ("progress", "snapshots?weights=true"):
        responses = [shared_client.get(f"/jobs/{job['id']}/{path}").json() for job in (first, second)]
        assert responses[0] == responses[1] | {"job_id": first["id"]}


@pytest.mark.parametrize(
    ("settings", "change", "followed"),
    [
        ({}, {"learning_rate": 0.02}, {"generator_learning_rate": 0.02}),
        ({}, {"iterations": 3_000_000}, {"record_every": 150, "snapshot_every": 3000}),
        ({}, {"generator_learning_rate": 0.03}, {"learning_rate": 0.01, "generator_learning_rate": 0.03}),
        ({}, {"generator_learning_rate": None, "learning_rate": 0.02}, {"generator_learning_rate": 0.02}),
        ({"generator_learning_rate": 0.01}, {"learning_rate": 0.02}, {"generator_learning_rate": 0.01}),
        ({"record_every": 20}, {"iterations": 3_000_000}, {"record_every": 20, "snapshot_every": 3000}),
        ({}, {"iterations": 300_000, "defaults": {}}, {"record_every": 5, "generator_learning_rate": 0.01}),
    ],
)
def test_config_changed_and_posted_again(client: Client, settings: Json, change: Json, followed: Json) -> None:
    start_running_job(client)
    config = submit_job(client, **settings)["config"]
    changed = submit_job(client, **config | change)["config"]
    assert followed.items() <= changed.items()
    assert changed["seed"] == config["seed"]
    base = {name: value for name, value in (config | change).items() if name not in ("seed", "name")}
    sweep = client.post("/sweeps", json={"base": base, "seeds": 1})
    member = client.post(f"/sweeps/{sweep.json()['id']}/members/0/train").json()["config"]
    assert followed.items() <= member.items()
    assert member["defaults"] == changed["defaults"]


def test_accepted_job_has_location_and_retry_after(client: Client) -> None:
    start_running_job(client)
    for wait in ("0", "0.05"):
        response = client.post("/train", params={"wait": wait}, json=SHORT_JOB)
        assert (response.status_code, response.headers["retry-after"]) == (202, "1")
        assert response.headers["location"] == f"/jobs/{response.json()['id']}"
        assert (response.json()["status"], response.json()["result"]) == ("queued", None)
        assert client.get(response.headers["location"]).json() == response.json()


def test_same_key_and_body_give_the_same_job(client: Client) -> None:
    headers = {"Idempotency-Key": "once"}
    first = client.post("/train", json={"seed": 1, "iterations": 10}, headers=headers)
    again = client.post("/train", content=b'{"iterations" :10, "seed":1}', headers=headers | JSON, params={"wait": 9})
    assert again.json()["id"] == first.json()["id"]
    assert (again.status_code, again.json()["status"]) == (200, "succeeded")
    other = client.post("/train", json={"seed": 1, "iterations": 10}, headers={"Idempotency-Key": "twice"})
    assert other.json()["id"] != first.json()["id"]
    assert len(client.get("/jobs").json()["data"]) == 2
    without_seed = [client.post("/train", headers={"Idempotency-Key": "empty"}).json()["id"] for _ in range(2)]
    assert without_seed[0] == without_seed[1]


@pytest.mark.parametrize("other", [{"seed": 2}, {"seed": 1, "name": "n"}, {"seed": 1, "iterations": 11}, {}])
def test_same_key_with_another_body_is_refused(client: Client, other: Json) -> None:
    headers = {"Idempotency-Key": "once"}
    first = client.post("/train", json={"seed": 1}, headers=headers)
    check_problem(client.post("/train", json=other, headers=headers), 422, "idempotency-key-reused")
    assert [job["id"] for job in client.get("/jobs").json()["data"]] == [first.json()["id"]]


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
