"""The Open Inference Protocol's models: health, metadata, versions, and the model repository."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.support.clients import Client, app_client
from tests.support.contract import SHORT_JOB, Json, start_running_job, train
from tests.support.inference_protocol import INFER_PATH, check_v2_error, json_tensor, post_infer, read_output

MODELS = ("generator", "discriminator")
BODY = {"inputs": [json_tensor()]}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with app_client(tmp_path_factory.mktemp("v2"), workers=1) as client:
        yield client


@pytest.fixture(scope="module")
def older(client: Client) -> Json:
    return train(client, pattern="110", hidden_size=5, iterations=500, seed=1)


@pytest.fixture(scope="module")
def newest(client: Client, older: Json) -> Json:
    return train(client, seed=4)


def test_server_describes_itself(client: Client) -> None:
    assert client.get("/v2").json() == {
        "name": "gan1010",
        "version": client.get("/openapi.json").json()["info"]["version"],
        "extensions": ["binary_tensor_data", "model_repository"],
    }
    for path in ("/v2/health/live", "/v2/health/ready"):
        assert client.get(path).json() == {"live": True, "ready": True}
    assert client.get("/v2/models").json() == {"models": list(MODELS)}


def test_metadata_names_tensors_and_versions(client: Client, older: Json, newest: Json) -> None:
    for name, inputs, outputs in (
        ("generator", ("seed", 1), ("sample", 4)),
        ("discriminator", ("vector", 4), ("score", 1)),
    ):
        assert client.get(f"/v2/models/{name}").json() == {
            "name": name, "versions": [newest["id"], older["id"]], "platform": "gan1010",
            "inputs": [{"name": inputs[0], "datatype": "FP32", "shape": [-1, inputs[1]]}],
            "outputs": [{"name": outputs[0], "datatype": "FP32", "shape": [-1, outputs[1]]}],
        }  # fmt: skip
    metadata = client.get(f"/v2/models/generator/versions/{older['id']}").json()
    assert metadata["versions"] == [older["id"]]
    assert metadata["outputs"][0]["shape"] == [-1, 3]


def test_models_are_ready_once_trained(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        for name in MODELS:
            for path in ("", "/ready"):
                check_v2_error(client.get(f"/v2/models/{name}{path}"), 409, "no-model")
        check_v2_error(post_infer(client, BODY), 409, "no-model")
        check_v2_error(client.post("/v2/repository/models/generator/load"), 409, "no-model")
        entries = client.post("/v2/repository/index").json()
        assert [(entry["name"], entry["state"]) for entry in entries] == [(name, "UNAVAILABLE") for name in MODELS]
        job = train(client, **SHORT_JOB, experiment="discriminator")
        assert client.get("/v2/models/discriminator/ready").json() == {"name": "discriminator", "ready": True}
        check_v2_error(client.get("/v2/models/generator/ready"), 409, "no-model")
        check_v2_error(client.get(f"/v2/models/generator/versions/{job['id']}/ready"), 409, "no-generator")


def test_running_job_is_a_version(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = start_running_job(client)
        path = f"/v2/models/discriminator/versions/{job['id']}/infer"
        rows = np.zeros((2, len(job["config"]["pattern"])), np.float32)
        assert read_output(post_infer(client, {"inputs": [json_tensor(rows)]}, path=path)).shape == (2, 1)
        check_v2_error(client.get("/v2/models/discriminator"), 409, "no-model")


@pytest.mark.parametrize(
    ("calls", "type"),
    [
        (["GET /models/other", "GET /models/other/ready", "GET /models/other/versions/0"], "model-not-found"),
        (["GET /models/generator/versions/1", "GET /models/generator/versions/1/ready"], "job-not-found"),
        (["POST /models/other/infer", "POST /models/other/versions/1/infer"], "model-not-found"),
        (["POST /models/generator/versions/1/infer"], "job-not-found"),
        (["POST /repository/models/other/load", "POST /repository/models/other/unload"], "model-not-found"),
    ],
)
def test_unknown_models_and_versions_are_not_found(client: Client, newest: Json, calls: list[str], type: str) -> None:
    for method, path in map(str.split, calls):
        check_v2_error(client.request(method, f"/v2{path}"), 404, type)


def test_errors_of_the_whole_service_have_the_protocols_form(tmp_path: Path, client: Client) -> None:
    check_v2_error(client.get("/v2", headers={"host": "elsewhere.example"}), 403, "host-not-allowed")
    check_v2_error(client.get("/v2/nothing"), 404, "not-found")
    assert client.get("/v2nothing").headers["content-type"] == "application/problem+json"
    with app_client(tmp_path, api_key="secret", max_body_bytes=2048) as client:
        check_v2_error(client.get("/v2"), 401, "key-needed")
        client.headers["Authorization"] = "Bearer secret"
        assert client.get("/v2").status_code == 200
        train(client, **SHORT_JOB)
        check_v2_error(client.post(INFER_PATH, content=b" " * 3000), 413, "body-too-large")


def test_repository_index_lists_the_versions_of_both_models(client: Client, older: Json, newest: Json) -> None:
    versions = [(name, job["id"]) for name in MODELS for job in (newest, older)]
    expected = [{"name": name, "version": version, "state": "READY", "reason": ""} for name, version in versions]
    for body in (b"", b"{}", b'{"ready": true}', b'{"ready": false}'):
        assert client.post("/v2/repository/index", content=body).json() == expected


def test_unloaded_model_serves_nothing_until_loaded(client: Client, older: Json, newest: Json) -> None:
    assert unload(client).json() == {"name": "discriminator", "ready": False}
    try:
        assert unload(client).status_code == 200
        for path in ("", "/ready", f"/versions/{older['id']}", f"/versions/{older['id']}/ready"):
            check_v2_error(client.get(f"/v2/models/discriminator{path}"), 409, "model-unloaded")
        check_v2_error(post_infer(client, BODY), 409, "model-unloaded")
        states = {(entry["name"], entry["state"]) for entry in client.post("/v2/repository/index").json()}
        assert states == {("generator", "READY"), ("discriminator", "UNAVAILABLE")}
        ready = client.post("/v2/repository/index", json={"ready": True}).json()
        assert {entry["name"] for entry in ready} == {"generator"}
        assert client.get("/v2/models/generator/ready").status_code == 200
        assert client.post("/score", json={"vectors": [[0, 0, 0, 0]]}).status_code == 200
    finally:
        loaded = client.post("/v2/repository/models/discriminator/load", content=b"{}")
    assert loaded.json() == {"name": "discriminator", "ready": True}
    assert read_output(post_infer(client, BODY)).shape == (2, 1)


def unload(client: Client) -> httpx.Response:
    body = {"parameters": {"unload_dependents": False}}
    return client.post("/v2/repository/models/discriminator/unload", json=body)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("index", b"{", 400),
        *(("index", body, 422) for body in (b"[]", b'{"parameters": 1}', b'{"ready": "yes"}')),
        ("models/generator/load", b'{"parameters": {"config": "e30="}}', 422),  # an upload
        ("models/generator/load", b'{"parameters": {"file:1/model.onnx": "e30="}}', 422),
    ],
)
def test_bad_repository_request_is_refused(client: Client, newest: Json, path: str, body: bytes, status: int) -> None:
    check_v2_error(client.post(f"/v2/repository/{path}", content=body), status)
