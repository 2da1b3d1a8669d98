"""`tritonclient[http]` in its default settings, used as documented, against a real server."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from tritonclient.http import InferenceServerClient as Client
from tritonclient.http import InferInput, InferRequestedOutput, aio
from tritonclient.utils import InferenceServerException

from tests.support.contract import train
from tests.support.inference_protocol import VECTORS, scores

MANY = np.random.default_rng(3).random((10_000, 4), np.float32)


@pytest.fixture(scope="module")
def jobs(server_client: httpx.Client) -> tuple[str, str]:
    """The ids of an older job with another pattern and of the newest one."""
    return train(server_client, pattern="110", seed=1)["id"], train(server_client, seed=2)["id"]


@pytest.fixture(scope="module")
def client(server_url: str, jobs: tuple[str, str]) -> Iterator[Client]:
    with Client(server_url.removeprefix("http://")) as client:
        yield client


def inputs(rows: np.ndarray, name: str = "vector", *, binary: bool = True) -> list[InferInput]:
    tensor = InferInput(name, list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return [tensor]


def test_health_metadata_and_versions(client: Client, jobs: tuple[str, str]) -> None:
    older, newest = jobs
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.get_server_metadata()["name"] == "gan1010"
    assert client.is_model_ready("generator")
    assert client.is_model_ready("generator", older)
    assert not client.is_model_ready("other")
    assert client.get_model_metadata("generator")["versions"][:2] == [newest, older]
    assert client.get_model_metadata("generator", older)["outputs"][0]["shape"] == [-1, 3]
    result = client.infer("generator", inputs(np.float32([[0.5]]), "seed"), model_version=older)
    assert (result.get_response()["model_version"], result.as_numpy("sample").shape) == (older, (1, 3))


@pytest.mark.parametrize("rows", [VECTORS[:1], MANY], ids=["one row", "10,000 rows"])
@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [None, True, False])
def test_infer(
    client: Client, server_client: httpx.Client, rows: np.ndarray, binary_in: bool, binary_out: bool | None
) -> None:
    outputs = None if binary_out is None else [InferRequestedOutput("score", binary_data=binary_out)]
    result = client.infer("discriminator", inputs(rows, binary=binary_in), outputs=outputs, request_id="42")
    assert result.as_numpy("score").tolist() == scores(server_client, rows)
    assert result.as_numpy("score").dtype == np.float32
    response = result.get_response()
    assert (response["id"], response["model_name"]) == ("42", "discriminator")
    assert ("data" in response["outputs"][0]) == (binary_out is False)


@pytest.mark.parametrize(("request_coding", "response_coding"), [("gzip", "deflate"), ("deflate", "gzip")])
def test_infer_compressed(
    client: Client, server_client: httpx.Client, request_coding: str, response_coding: str
) -> None:
    codings = {"request_compression_algorithm": request_coding, "response_compression_algorithm": response_coding}
    result = client.infer("discriminator", inputs(MANY), **codings)
    assert result.as_numpy("score").tolist() == scores(server_client, MANY)


def test_async_infer(client: Client, server_client: httpx.Client) -> None:
    sent = {count: client.async_infer("discriminator", inputs(MANY[:count])) for count in (1, 10, 100)}
    for count, request in sent.items():
        assert request.get_result().as_numpy("score").tolist() == scores(server_client, MANY[:count])


def test_errors_have_the_status_and_the_message(client: Client) -> None:
    for model, version, tensors, status, message in (
        ("other", "", inputs(VECTORS), "404", "generator and discriminator"),
        ("discriminator", "1", inputs(VECTORS), "404", "No job has this id"),
        ("discriminator", "", inputs(VECTORS[:, :3].copy()), "422", "of shape [-1, 4]"),
    ):
        with pytest.raises(InferenceServerException) as raised:
            client.infer(model, tensors, model_version=version)
        assert raised.value.status() == status
        assert message in raised.value.message()


def test_repository(client: Client, jobs: tuple[str, str]) -> None:
    index = client.get_model_repository_index()
    assert {"name": "generator", "version": jobs[1], "state": "READY", "reason": ""} in index
    client.unload_model("discriminator")
    try:
        assert not client.is_model_ready("discriminator")
        with pytest.raises(InferenceServerException, match="not loaded"):
            client.infer("discriminator", inputs(VECTORS))
    finally:
        client.load_model("discriminator")
    assert client.is_model_ready("discriminator")
    with pytest.raises(InferenceServerException, match="Model not found"):
        client.load_model("other")


def test_asyncio_client(server_url: str, server_client: httpx.Client, jobs: tuple[str, str]) -> None:
    async def infer() -> list[list[float]]:
        async with aio.InferenceServerClient(server_url.removeprefix("http://")) as client:
            assert await client.is_model_ready("discriminator", jobs[1])
            with pytest.raises(InferenceServerException, match="Model not found"):
                await client.get_model_metadata("other")
            result = await client.infer("discriminator", inputs(MANY))
            return result.as_numpy("score").tolist()

    with start_blocking_portal() as portal:  # an event loop of its own, even if this thread runs one
        assert portal.call(infer) == scores(server_client, MANY)
