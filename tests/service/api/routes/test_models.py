"""Finished models to take away: listed, whole, and readable by torch and nothing of ours."""

import hashlib

import pytest
import torch
from safetensors.torch import load
from torch import nn

from tests.support.clients import Client
from tests.support.contract import SHORT_JOB, TIME_PATTERN, Json, check_problem, content_type, start_running_job, train

NETWORKS = ["generator", "discriminator"]


@pytest.fixture(scope="module")
def job(shared_client: Client) -> Json:
    return train(shared_client, pattern="10110", hidden_size=7, iterations=500, name="mine", seed=1)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_loads_into_plain_torch(shared_client: Client, job: Json, name: str) -> None:
    answer = shared_client.get(f"/models/{job['id']}/{name}.safetensors")
    assert answer.status_code == 200
    assert content_type(answer) == "application/octet-stream"
    inputs, outputs = (1, 5) if name == "generator" else (5, 1)
    module = nn.Sequential(nn.Linear(inputs, 7), nn.Sigmoid(), nn.Linear(7, outputs), nn.Sigmoid())
    module.load_state_dict(load(answer.content), strict=True)
    weights = shared_client.get(f"/jobs/{job['id']}/snapshots", params={"weights": True}).json()["weights"][name][-1]
    assert nn.utils.parameters_to_vector(module.parameters()).tolist() == torch.tensor(weights).tolist()


def test_whole_model_holds_both_networks(shared_client: Client, job: Json) -> None:
    whole = load(shared_client.get(f"/models/{job['id']}/model.safetensors").content)
    for name in NETWORKS:
        for key, tensor in load(shared_client.get(f"/models/{job['id']}/{name}.safetensors").content).items():
            assert whole.pop(f"{name}.{key}").equal(tensor)
    assert whole == {}


def test_listed_model_is_the_one_to_download(client: Client) -> None:
    for settings in ({"name": "a"}, {"pattern": "1", "experiment": "discriminator"}):
        job = train(client, **SHORT_JOB, **settings)
        listed = client.get("/models").json()["data"][0]
        content = client.get(f"/models/{job['id']}/model.safetensors").content
        assert TIME_PATTERN.fullmatch(listed.pop("created_at"))
        assert listed == {
            "job_id": job["id"],
            "name": job["name"],
            "pattern": job["config"]["pattern"],
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }


def test_same_run_gives_the_same_file(shared_client: Client, job: Json) -> None:
    again = train(shared_client, **job["config"])
    files = ["model.safetensors", *(f"{name}.safetensors" for name in NETWORKS)]
    for file in files:
        contents = {shared_client.get(f"/models/{id}/{file}").content for id in (job["id"], again["id"])}
        assert len(contents) == 1


def test_models_are_listed_newest_first_in_pages(client: Client) -> None:
    jobs = [train(client, **SHORT_JOB)["id"] for _ in range(5)]
    cancelled = start_running_job(client)["id"]
    client.post(f"/jobs/{cancelled}/cancel")
    jobs.reverse()
    for limit in range(1, 7):
        found, after = [], None
        while True:
            page = client.get("/models", params={"limit": limit} | ({"after": after} if after else {})).json()
            assert page.keys() == {"data", "has_more", "next"}
            found += [model["job_id"] for model in page["data"]]
            after = page["next"]
            assert page["has_more"] == (after is not None)
            if after is None:
                break
        assert found == jobs


def test_known_file_is_not_sent_again(shared_client: Client, job: Json) -> None:
    path = f"/models/{job['id']}/generator.safetensors"
    etag = shared_client.get(path).headers["etag"]
    again = shared_client.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert shared_client.get(f"/models/{job['id']}/discriminator.safetensors").headers["etag"] != etag


@pytest.mark.parametrize("file", ["generator", "generator.pt", "GENERATOR.safetensors", "..%2Fgan1010.sqlite", "%00"])
def test_unknown_file_is_not_found(shared_client: Client, job: Json, file: str) -> None:
    check_problem(shared_client.get(f"/models/{job['id']}/{file}"), 404)


def test_unknown_job_has_no_files(shared_client: Client) -> None:
    check_problem(shared_client.get("/models/none/generator.safetensors"), 404, "job-not-found")
    check_problem(shared_client.get("/models/none/unknown.file"), 404)


def test_discriminator_experiment_has_no_generator_to_download(shared_client: Client, discriminator_job: Json) -> None:
    check_problem(shared_client.get(f"/models/{discriminator_job['id']}/generator.safetensors"), 404, "file-not-found")
    assert shared_client.get(f"/models/{discriminator_job['id']}/discriminator.safetensors").status_code == 200
    whole = load(shared_client.get(f"/models/{discriminator_job['id']}/model.safetensors").content)
    assert all(key.startswith("discriminator.") for key in whole)


def test_job_that_has_not_succeeded_has_no_files(client: Client) -> None:
    job = start_running_job(client)
    for _ in range(2):
        check_problem(client.get(f"/models/{job['id']}/generator.safetensors"), 404, "file-not-found")
        client.post(f"/jobs/{job['id']}/cancel")
    assert client.get("/models").json()["data"] == []
