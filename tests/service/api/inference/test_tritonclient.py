"""`tritonclient[http]` as it comes, against a real server: what its documentation shows, in its default settings."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from tritonclient import http as triton
from tritonclient.http import aio
from tritonclient.utils import InferenceServerException

from tests.support.contract import Json, train
from tests.support.inference_protocol import VECTORS

MANY = np.random.default_rng(3).random((10_000, 4), np.float32)


@pytest.fixture(scope="module")
def web(server_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server_url, timeout=60) as web:
        yield web


@pytest.fixture(scope="module")
def older(web: httpx.Client) -> Json:
    return train(web, pattern="110", seed=1)


@pytest.fixture(scope="module")
def newest(web: httpx.Client, older: Json) -> Json:
    return train(web, seed=2)


@pytest.fixture(scope="module")
def client(server_url: str, newest: Json) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(server_url.removeprefix("http://")) as client:
        yield client


def given(rows: np.ndarray, name: str = "vector", *, binary: bool = True) -> list[triton.InferInput]:
    tensor = triton.InferInput(name, list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return [tensor]


def scores(web: httpx.Client, rows: np.ndarray) -> list[list[float]]:
    answer = web.post("/score", json={"vectors": rows.tolist()}).json()
    return np.array(answer["scores"], np.float32).reshape(-1, 1).tolist()


def test_health_and_metadata(client: triton.InferenceServerClient, newest: Json, older: Json) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.get_server_metadata()["name"] == "gan1010"
    assert client.is_model_ready("generator")
    assert client.is_model_ready("generator", older["id"])
    assert not client.is_model_ready("other")
    assert not client.is_model_ready("generator", "1")
    metadata = client.get_model_metadata("generator")
    assert metadata["versions"][:2] == [newest["id"], older["id"]]
    assert metadata["inputs"] == [{"name": "seed", "datatype": "FP32", "shape": [-1, 1]}]
    assert client.get_model_metadata("generator", older["id"])["outputs"][0]["shape"] == [-1, 3]


@pytest.mark.parametrize("rows", [VECTORS[:1], MANY], ids=["one row", "10,000 rows"])
@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [None, True, False])
def test_infer(
    client: triton.InferenceServerClient,
    web: httpx.Client,
    newest: Json,
    rows: np.ndarray,
    binary_in: bool,
    binary_out: bool | None,
) -> None:
    outputs = None if binary_out is None else [triton.InferRequestedOutput("score", binary_data=binary_out)]
    result = client.infer("discriminator", given(rows, binary=binary_in), outputs=outputs, request_id="42")
    assert result.as_numpy("score").tolist() == scores(web, rows)
    assert result.as_numpy("score").dtype == np.float32
    response = result.get_response()
    assert (response["id"], response["model_name"], response["model_version"]) == ("42", "discriminator", newest["id"])
    assert ("data" in response["outputs"][0]) == (binary_out is False)


@pytest.mark.parametrize("question", [None, "gzip", "deflate"])
@pytest.mark.parametrize("answer", [None, "gzip", "deflate"])
def test_infer_compressed(
    client: triton.InferenceServerClient, web: httpx.Client, question: str | None, answer: str | None
) -> None:
    result = client.infer(
        "discriminator",
        given(MANY),
        request_compression_algorithm=question,
        response_compression_algorithm=answer,
    )
    assert result.as_numpy("score").tolist() == scores(web, MANY)


def test_infer_without_waiting(client: triton.InferenceServerClient, web: httpx.Client) -> None:
    asked = [client.async_infer("discriminator", given(MANY[:count])) for count in (1, 10, 100)]
    for count, request in zip((1, 10, 100), asked, strict=True):
        assert request.get_result().as_numpy("score").tolist() == scores(web, MANY[:count])


def test_named_version(client: triton.InferenceServerClient, web: httpx.Client, older: Json) -> None:
    result = client.infer("generator", given(np.array([[0.5]], np.float32), "seed"), model_version=older["id"])
    served = web.get("/sample", params={"job_id": older["id"]}).json()["samples"]
    assert result.as_numpy("sample").tolist() == np.array(served, np.float32).tolist()


def test_errors_say_what_is_wrong(client: triton.InferenceServerClient) -> None:
    wrong_shape = given(np.zeros((2, 3), np.float32))
    wrong_type = [triton.InferInput("vector", [2, 4], "FP64")]
    wrong_type[0].set_data_from_numpy(np.zeros((2, 4)))
    for model, version, tensors, status, message in (
        ("other", "", given(VECTORS), "404", "generator and discriminator"),
        ("discriminator", "1", given(VECTORS), "404", "No job has this id"),
        ("discriminator", "", wrong_shape, "422", "of shape [-1, 4]"),
        ("discriminator", "", wrong_type, "422", "vector is FP32"),
        ("discriminator", "", given(VECTORS, "seed"), "422", "one input, vector"),
        ("discriminator", "", given(np.full((1, 4), np.nan, np.float32)), "422", "not a finite number"),
    ):
        with pytest.raises(InferenceServerException) as raised:
            client.infer(model, tensors, model_version=version)
        assert raised.value.status() == status
        assert message in raised.value.message()


def test_repository(client: triton.InferenceServerClient, newest: Json) -> None:
    index = client.get_model_repository_index()
    assert {"name": "generator", "version": newest["id"], "state": "READY", "reason": ""} in index
    client.unload_model("discriminator")
    try:
        assert not client.is_model_ready("discriminator")
        with pytest.raises(InferenceServerException, match="not loaded"):
            client.infer("discriminator", given(VECTORS))
    finally:
        client.load_model("discriminator")
    assert client.is_model_ready("discriminator")
    with pytest.raises(InferenceServerException, match="No such model"):
        client.load_model("other")


def test_its_asynchronous_client(server_url: str, web: httpx.Client, newest: Json) -> None:
    async def ask() -> list[list[float]]:
        async with aio.InferenceServerClient(server_url.removeprefix("http://")) as client:
            assert await client.is_model_ready("discriminator", newest["id"])
            with pytest.raises(InferenceServerException, match="No such model"):
                await client.get_model_metadata("other")
            result = await client.infer("discriminator", given(MANY))
            return result.as_numpy("score").tolist()

    with start_blocking_portal() as portal:  # a loop of its own, whatever this thread runs
        assert portal.call(ask) == scores(web, MANY)
