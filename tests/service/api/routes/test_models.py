"""Exports: finished models as safetensors, ONNX and Triton files, and jobs as PyTorch programs."""

import hashlib
import io
import runpy
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import tritonclient
from google.protobuf import text_format
from safetensors.torch import load
from torch import nn

from gan1010 import TrainConfig
from gan1010.export.pytorch_script import Draws, pytorch_script
from tests.support.clients import Client
from tests.support.contract import (
    SHORT_JOB,
    TIME_PATTERN,
    Json,
    check_problem,
    content_type,
    read_pages,
    start_running_job,
    submit_job,
    train,
)

TYPE_FP32 = 11
NETWORKS = ["generator", "discriminator"]


@pytest.fixture(scope="module")
def job(shared_client: Client) -> Json:
    return train(shared_client, pattern="10110", hidden_size=7, iterations=500, name="mine", seed=1)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_loads_into_torch(shared_client: Client, job: Json, name: str) -> None:
    response = shared_client.get(f"/models/{job['id']}/{name}.safetensors")
    assert response.status_code == 200
    assert content_type(response) == "application/octet-stream"
    inputs, outputs = (1, 5) if name == "generator" else (5, 1)
    module = nn.Sequential(nn.Linear(inputs, 7), nn.Sigmoid(), nn.Linear(7, outputs), nn.Sigmoid())
    module.load_state_dict(load(response.content), strict=True)
    weights = shared_client.get(f"/jobs/{job['id']}/snapshots", params={"weights": True}).json()["weights"][name][-1]
    assert nn.utils.parameters_to_vector(module.parameters()).tolist() == torch.tensor(weights).tolist()


def test_whole_model_holds_both_networks(shared_client: Client, job: Json) -> None:
    whole = load(shared_client.get(f"/models/{job['id']}/model.safetensors").content)
    for name in NETWORKS:
        for key, tensor in load(shared_client.get(f"/models/{job['id']}/{name}.safetensors").content).items():
            assert whole.pop(f"{name}.{key}").equal(tensor)
    assert whole == {}


def test_listed_model_has_the_size_and_digest_of_its_file(client: Client) -> None:
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
    of_networks = [f"{name}.{kind}" for name in NETWORKS for kind in ("safetensors", "onnx")]
    for file in ("model.safetensors", "triton.zip", *of_networks):
        contents = {shared_client.get(f"/models/{id}/{file}").content for id in (job["id"], again["id"])}
        assert len(contents) == 1


def test_models_are_listed_newest_first_in_pages(client: Client) -> None:
    jobs = [train(client, **SHORT_JOB)["id"] for _ in range(5)]
    cancelled = start_running_job(client)["id"]
    client.post(f"/jobs/{cancelled}/cancel")
    jobs.reverse()
    for limit in range(1, 7):
        assert [model["job_id"] for model in read_pages(client, "/models", limit=limit)] == jobs


@pytest.mark.parametrize("file", ["generator", "generator.pt", "GENERATOR.safetensors", "..%2Fgan1010.sqlite", "%00"])
def test_unknown_file_is_not_found(shared_client: Client, job: Json, file: str) -> None:
    check_problem(shared_client.get(f"/models/{job['id']}/{file}"), 404)


def test_files_of_a_discriminator_experiment(shared_client: Client, discriminator_job: Json) -> None:
    path = f"/models/{discriminator_job['id']}"
    for file in ("generator.safetensors", "generator.onnx"):
        check_problem(shared_client.get(f"{path}/{file}"), 404, "file-not-found")
    assert shared_client.get(f"{path}/discriminator.safetensors").status_code == 200
    whole = load(shared_client.get(f"{path}/model.safetensors").content)
    repository = zipfile.ZipFile(io.BytesIO(shared_client.get(f"{path}/triton.zip").content))
    assert {key.partition(".")[0] for key in whole} == {"discriminator"}
    assert {name.partition("/")[0] for name in repository.namelist()} == {"discriminator"}


def test_job_that_has_not_succeeded_has_no_files(client: Client) -> None:
    job = start_running_job(client)
    for _ in range(2):
        check_problem(client.get(f"/models/{job['id']}/generator.safetensors"), 404, "file-not-found")
        client.post(f"/jobs/{job['id']}/cancel")
    assert client.get("/models").json()["data"] == []


def model_config() -> Any:
    """Create Triton's protobuf message, without the package around it, which imports gRPC."""
    path = Path(tritonclient.__path__[0], "grpc", "model_config_pb2.py")
    return runpy.run_path(str(path))["ModelConfig"]()


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_onnx_network_equals_the_service(shared_client: Client, job: Json, name: str) -> None:
    response = shared_client.get(f"/models/{job['id']}/{name}.onnx")
    assert content_type(response) == "application/octet-stream"
    network, random = onnxruntime.InferenceSession(response.content), np.random.default_rng(2)
    if name == "generator":
        numbers = random.normal(0, 2, (1000, 1)).astype(np.float32)
        (own,) = network.run(["sample"], {"seed": numbers})
        body: Json = {"seeds": numbers.ravel().tolist(), "job_id": job["id"]}
        served = shared_client.post("/sample", json=body).json()["samples"]
    else:
        numbers = random.random((1000, 5), np.float32)
        own = network.run(["score"], {"vector": numbers})[0][:, 0]
        body = {"vectors": numbers.tolist(), "job_id": job["id"]}
        served = shared_client.post("/score", json=body).json()["scores"]
    assert np.abs(own - np.array(served)).max() < 1e-6


def test_triton_repository_matches_the_protocol(shared_client: Client, job: Json) -> None:
    response = shared_client.get(f"/models/{job['id']}/triton.zip")
    assert content_type(response) == "application/zip"
    files = zipfile.ZipFile(io.BytesIO(response.content))
    for name in ("generator", "discriminator"):
        config = text_format.Parse(files.read(f"{name}/config.pbtxt").decode(), model_config())
        assert (config.name, config.platform) == (name, "onnxruntime_onnx")
        assert config.max_batch_size == 100_000
        assert config.HasField("dynamic_batching")
        assert files.read(f"{name}/1/model.onnx") == shared_client.get(f"/models/{job['id']}/{name}.onnx").content
        metadata = shared_client.get(f"/v2/models/{name}/versions/{job['id']}").json()
        network = onnxruntime.InferenceSession(files.read(f"{name}/1/model.onnx"))
        for kind, own in (("input", network.get_inputs()), ("output", network.get_outputs())):
            (tensor,), (described,), (node,) = getattr(config, kind), metadata[f"{kind}s"], own
            assert tensor.name == described["name"] == node.name
            assert tensor.data_type == TYPE_FP32
            assert [-1, *tensor.dims] == described["shape"] == [-1, *node.shape[1:]]


@pytest.mark.parametrize(
    "settings", [{}, {"experiment": "discriminator"}, {"pattern": "110", "preset": "adam-orbit", "latent": "normal"}]
)
def test_scripts_have_the_jobs_settings(shared_client: Client, settings: dict[str, str]) -> None:
    job = train(shared_client, **SHORT_JOB | settings)
    config = {name: value for name, value in job["config"].items() if name not in ("preset", "name", "defaults")}
    scripts: list[tuple[str, Draws, str]] = [
        ("", "torch", ""),
        ("?draws=torch", "torch", ""),
        ("?draws=same", "same", "-same-draws"),
    ]
    for query, draws, suffix in scripts:
        response = shared_client.get(f"/jobs/{job['id']}/script.py{query}")
        assert response.text == pytorch_script(TrainConfig(**config), draws=draws)
        assert content_type(response) == "text/x-python"
        assert response.headers["content-disposition"] == f'attachment; filename="gan1010-{job["id"]}{suffix}.py"'


def test_script_with_unknown_draws_is_rejected(shared_client: Client, job: Json) -> None:
    content = check_problem(shared_client.get(f"/jobs/{job['id']}/script.py?draws=mine"), 422, "invalid-input")
    assert content["errors"][0]["loc"] == ["query", "draws"]


def test_queued_job_has_a_script(client: Client) -> None:
    start_running_job(client)
    assert client.get(f"/jobs/{submit_job(client, **SHORT_JOB)['id']}/script.py").status_code == 200
