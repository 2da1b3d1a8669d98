"""The Open Inference Protocol: what is there, what it answers, and its model repository."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.support.clients import Client, app_client
from tests.support.contract import SHORT_JOB, Json, start_running_job, train
from tests.support.inference_protocol import (
    INFER_PATH,
    JSON_LENGTH,
    VECTORS,
    binary_tensor,
    check_v2_error,
    json_tensor,
    post_infer,
    read_output,
)

MODELS = ("generator", "discriminator")


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


def scores(client: Client, vectors: np.ndarray = VECTORS, **asked: str) -> np.ndarray:
    answer = client.post("/score", json={"vectors": vectors.tolist(), **asked}).json()
    return np.array(answer["scores"], np.float32).reshape(-1, 1)


def test_server_says_what_it_is(client: Client) -> None:
    assert client.get("/v2").json() == {
        "name": "gan1010",
        "version": client.get("/openapi.json").json()["info"]["version"],
        "extensions": ["binary_tensor_data", "model_repository"],
    }
    for path in ("/v2/health/live", "/v2/health/ready"):
        assert client.get(path).json() == {"live": True, "ready": True}
    assert client.get("/v2/models").json() == {"models": list(MODELS)}


def test_stopping_server_is_not_ready(tmp_path: Path) -> None:
    with app_client(tmp_path) as client:
        client.app.state.services.stop_waiting()
        assert client.get("/v2/health/live").json() == {"live": True, "ready": False}
        answer = client.get("/v2/health/ready")
        assert answer.status_code == 503
        assert answer.json()["ready"] is False


def test_model_says_what_it_takes_and_answers(client: Client, older: Json, newest: Json) -> None:
    for name, inputs, outs in (
        ("generator", ("seed", 1), ("sample", 4)),
        ("discriminator", ("vector", 4), ("score", 1)),
    ):
        assert client.get(f"/v2/models/{name}").json() == {
            "name": name,
            "versions": [newest["id"], older["id"]],
            "platform": "gan1010",
            "inputs": [{"name": inputs[0], "datatype": "FP32", "shape": [-1, inputs[1]]}],
            "outputs": [{"name": outs[0], "datatype": "FP32", "shape": [-1, outs[1]]}],
        }
    of_older = client.get(f"/v2/models/generator/versions/{older['id']}").json()
    assert of_older["versions"] == [older["id"]]
    assert of_older["outputs"][0]["shape"] == [-1, 3]


def test_model_is_ready_once_it_is_trained(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        for name in MODELS:
            for path in ("", "/ready"):
                check_v2_error(client.get(f"/v2/models/{name}{path}"), 409, "no-model")
        check_v2_error(post_infer(client, {"inputs": [json_tensor()]}), 409, "no-model")
        check_v2_error(client.post("/v2/repository/models/generator/load"), 409, "no-model")
        entries = client.post("/v2/repository/index").json()
        assert [(entry["name"], entry["state"]) for entry in entries] == [(name, "UNAVAILABLE") for name in MODELS]
        job = train(client, **SHORT_JOB, experiment="discriminator")
        assert client.get("/v2/models/discriminator/ready").json() == {"name": "discriminator", "ready": True}
        check_v2_error(client.get("/v2/models/generator/ready"), 409, "no-model")
        check_v2_error(client.get(f"/v2/models/generator/versions/{job['id']}/ready"), 409, "no-generator")


def test_version_is_a_job(client: Client, older: Json, newest: Json) -> None:
    for job in (older, newest):
        assert client.get(f"/v2/models/generator/versions/{job['id']}/ready").status_code == 200
        path = f"/v2/models/generator/versions/{job['id']}/infer"
        seeds = np.array([[0.5], [0.25]], np.float32)
        answer = post_infer(client, {"inputs": [json_tensor(seeds, "seed")]}, path=path)
        assert (answer.json()["model_name"], answer.json()["model_version"]) == ("generator", job["id"])
        samples = client.get("/sample", params={"seed": [0.5, 0.25], "job_id": job["id"]}).json()["samples"]
        assert read_output(answer).tolist() == np.array(samples, np.float32).tolist()


def test_job_that_runs_is_a_version_too(tmp_path: Path) -> None:
    with app_client(tmp_path, workers=1) as client:
        job = start_running_job(client, iterations=10_000_000, seed=1)
        path = f"/v2/models/discriminator/versions/{job['id']}/infer"
        assert read_output(post_infer(client, {"inputs": [json_tensor()]}, path=path)).shape == (2, 1)
        check_v2_error(client.get("/v2/models/discriminator"), 409, "no-model")


@pytest.mark.parametrize("wanted", [{}, {"parameters": {"binary_data_output": True}}])
@pytest.mark.parametrize("given", [json_tensor(), json_tensor(data=VECTORS.tolist()), binary_tensor()])
def test_tensors_are_json_or_bytes_both_ways(client: Client, newest: Json, given: Json, wanted: Json) -> None:
    values = b"" if "data" in given else VECTORS.tobytes()
    answer = post_infer(client, {"inputs": [given], **wanted}, values)
    assert read_output(answer).tolist() == scores(client).tolist()
    kind = "application/octet-stream" if wanted else "application/json"
    assert answer.headers["content-type"] == kind
    assert (JSON_LENGTH in answer.headers) == bool(wanted)


@pytest.mark.parametrize(
    ("all_binary", "own", "is_binary"),
    [(None, None, False), (True, None, True), (True, False, False), (False, True, True), (None, True, True)],
)
def test_an_output_s_own_wish_comes_first(
    client: Client, newest: Json, all_binary: bool | None, own: bool | None, is_binary: bool
) -> None:
    request: Json = {"inputs": [json_tensor()], "outputs": [{"name": "score"}]}
    if all_binary is not None:
        request["parameters"] = {"binary_data_output": all_binary}
    if own is not None:
        request["outputs"][0]["parameters"] = {"binary_data": own}
    answer = post_infer(client, request)
    assert read_output(answer).tolist() == scores(client).tolist()
    assert (JSON_LENGTH in answer.headers) == is_binary


def test_raw_binary_request_has_only_numbers(client: Client, newest: Json) -> None:
    answer = client.post(INFER_PATH, content=VECTORS.tobytes(), headers={JSON_LENGTH: "0"})
    assert read_output(answer).tolist() == scores(client).tolist()
    assert JSON_LENGTH in answer.headers


@pytest.mark.parametrize("id", ["", "42", "an id\n\u2028\U0001f600"])
def test_id_comes_back(client: Client, newest: Json, id: str) -> None:
    assert post_infer(client, {"id": id, "inputs": [json_tensor()]}).json()["id"] == id
    assert "id" not in post_infer(client, {"inputs": [json_tensor()]}).json()


def test_what_some_clients_add_is_ignored(client: Client, newest: Json) -> None:
    request = {"model_name": "discriminator", "inputs": [json_tensor(parameters={"content_type": "np"})], "outputs": []}
    answer = post_infer(client, request | {"parameters": {"priority": 1, "timeout": 5}}, content_type="text/plain")
    assert read_output(answer).tolist() == scores(client).tolist()


def test_many_rows(client: Client, newest: Json) -> None:
    rows = np.random.default_rng(1).random((10_000, 4), np.float32)
    for given, values in ((json_tensor(rows), b""), (binary_tensor(rows), rows.tobytes())):
        assert read_output(post_infer(client, {"inputs": [given]}, values)).tolist() == scores(client, rows).tolist()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_long_answers_are_compressed_for_who_asks(client: Client, newest: Json, coding: str) -> None:
    rows = np.tile(VECTORS, (500, 1))
    for wanted in ({}, {"parameters": {"binary_data_output": True}}):
        request = {"inputs": [binary_tensor(rows)], **wanted}
        answer = post_infer(client, request, rows.tobytes(), accept_encoding=coding)
        assert answer.headers["content-encoding"] == coding
        assert read_output(answer).tolist() == scores(client, rows).tolist()
    for accepts in ("identity", "br", f"{coding};q=0", ""):
        assert "content-encoding" not in post_infer(client, request, rows.tobytes(), accept_encoding=accepts).headers
    assert "content-encoding" not in post_infer(client, {"inputs": [json_tensor()]}, accept_encoding=coding).headers


def test_unknown_models_and_versions_are_not_found(client: Client, newest: Json) -> None:
    for path in ("/v2/models/other", "/v2/models/other/ready", f"/v2/models/other/versions/{newest['id']}"):
        check_v2_error(client.get(path), 404, "model-not-found")
    for path in ("/v2/models/generator/versions/1", "/v2/models/generator/versions/1/ready"):
        check_v2_error(client.get(path), 404, "job-not-found")
    check_v2_error(client.post("/v2/models/other/infer"), 404, "model-not-found")
    check_v2_error(client.post("/v2/models/generator/versions/1/infer"), 404, "job-not-found")
    for what in ("load", "unload"):
        check_v2_error(client.post(f"/v2/repository/models/other/{what}"), 404, "model-not-found")


def test_errors_of_the_whole_service_are_for_its_clients_too(client: Client) -> None:
    check_v2_error(client.get("/v2/nothing"), 404, "not-found")
    check_v2_error(client.put("/v2"), 405)
    check_v2_error(client.get("/v2", headers={"host": "elsewhere.example"}), 403, "host-not-allowed")
    assert client.get("/v2nothing").headers["content-type"] == "application/problem+json"


def test_key_is_asked_for(tmp_path: Path) -> None:
    with app_client(tmp_path, api_key="secret") as client:
        check_v2_error(client.get("/v2"), 401, "key-needed")
        assert client.get("/v2", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_body_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with app_client(tmp_path, max_body_bytes=2048) as client:
        train(client, **SHORT_JOB)
        check_v2_error(client.post(INFER_PATH, content=b" " * 3000), 413, "body-too-large")


def test_index_lists_the_versions_of_both(client: Client, older: Json, newest: Json) -> None:
    expected = [
        {"name": name, "version": job["id"], "state": "READY", "reason": ""}
        for name in MODELS
        for job in (newest, older)
    ]
    for body in (b"", b"{}", b'{"ready": true}', b'{"ready": false}'):
        assert client.post("/v2/repository/index", content=body).json() == expected


def test_unloaded_model_does_not_answer_until_it_is_loaded(client: Client, older: Json, newest: Json) -> None:
    assert unload(client).json() == {"name": "discriminator", "ready": False}
    try:
        assert unload(client).status_code == 200
        for path in ("", "/ready", f"/versions/{older['id']}", f"/versions/{older['id']}/ready"):
            check_v2_error(client.get(f"/v2/models/discriminator{path}"), 409, "model-unloaded")
        check_v2_error(post_infer(client, {"inputs": [json_tensor()]}), 409, "model-unloaded")
        states = {(entry["name"], entry["state"]) for entry in client.post("/v2/repository/index").json()}
        assert states == {("generator", "READY"), ("discriminator", "UNAVAILABLE")}
        ready = client.post("/v2/repository/index", json={"ready": True}).json()
        assert {entry["name"] for entry in ready} == {"generator"}
        assert client.get("/v2/models/generator/ready").status_code == 200
        assert scores(client).shape == (2, 1)
    finally:
        loaded = client.post("/v2/repository/models/discriminator/load", content=b"{}")
    assert loaded.json() == {"name": "discriminator", "ready": True}
    assert read_output(post_infer(client, {"inputs": [json_tensor()]})).tolist() == scores(client).tolist()


def unload(client: Client) -> httpx.Response:
    body = {"parameters": {"unload_dependents": False}}
    return client.post("/v2/repository/models/discriminator/unload", json=body)


def test_models_are_not_loaded_from_what_is_sent(client: Client, newest: Json) -> None:
    for name in ("config", "file:1/model.onnx"):
        answer = client.post("/v2/repository/models/generator/load", json={"parameters": {name: "e30="}})
        check_v2_error(answer, 422, "invalid-input")
    for body, status in ((b"{", 400), (b"[]", 422), (b'{"parameters": 1}', 422), (b'{"ready": "yes"}', 422)):
        check_v2_error(client.post("/v2/repository/index", content=body), status)
