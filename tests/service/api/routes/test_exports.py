"""Networks to serve elsewhere: the ONNX files answer as the service does, and Triton understands its folder."""

import importlib.util
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from google.protobuf import text_format

from tests.support.clients import Client
from tests.support.contract import Json, check_problem, content_type, train
from tests.support.inference_protocol import VECTORS

TYPE_FP32 = 11


@pytest.fixture(scope="module")
def job(shared_client: Client) -> Json:
    return train(shared_client, pattern="10110", hidden_size=7, iterations=500, seed=1)


def model_config() -> Any:
    """Triton's own form of a model's configuration; the module beside it would want gRPC."""
    found = importlib.util.find_spec("tritonclient")
    assert found is not None
    assert found.submodule_search_locations is not None
    path = Path(found.submodule_search_locations[0], "grpc", "model_config_pb2.py")
    spec = importlib.util.spec_from_file_location("model_config_pb2", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ModelConfig()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_onnx_answers_as_the_service_does(shared_client: Client, job: Json, name: str) -> None:
    answer = shared_client.get(f"/models/{job['id']}/{name}.onnx")
    assert content_type(answer) == "application/octet-stream"
    network, given = onnxruntime.InferenceSession(answer.content), np.random.default_rng(2)
    if name == "generator":
        numbers = given.normal(0, 2, (1000, 1)).astype(np.float32)
        served = shared_client.post("/sample", json={"seeds": numbers.ravel().tolist(), "job_id": job["id"]}).json()[
            "samples"
        ]
        (own,) = network.run(["sample"], {"seed": numbers})
    else:
        numbers = given.random((1000, 5), np.float32)
        served = shared_client.post("/score", json={"vectors": numbers.tolist(), "job_id": job["id"]}).json()["scores"]
        own = network.run(["score"], {"vector": numbers})[0][:, 0]
    assert np.abs(own - np.array(served)).max() < 1e-6


def test_triton_s_folder_says_what_the_protocol_says(shared_client: Client, job: Json) -> None:
    answer = shared_client.get(f"/models/{job['id']}/triton.zip")
    assert content_type(answer) == "application/zip"
    files = zipfile.ZipFile(io.BytesIO(answer.content))
    for name in ("generator", "discriminator"):
        config = text_format.Parse(files.read(f"{name}/config.pbtxt").decode(), model_config())
        assert (config.name, config.platform) == (name, "onnxruntime_onnx")
        assert config.max_batch_size == 100_000
        assert config.HasField("dynamic_batching")
        assert files.read(f"{name}/1/model.onnx") == shared_client.get(f"/models/{job['id']}/{name}.onnx").content
        metadata = shared_client.get(f"/v2/models/{name}/versions/{job['id']}").json()
        network = onnxruntime.InferenceSession(files.read(f"{name}/1/model.onnx"))
        for kind, own in (("input", network.get_inputs()), ("output", network.get_outputs())):
            (tensor,), (said,), (node,) = getattr(config, kind), metadata[f"{kind}s"], own
            assert tensor.name == said["name"] == node.name
            assert tensor.data_type == TYPE_FP32
            assert [-1, *tensor.dims] == said["shape"] == [-1, *node.shape[1:]]


def test_files_are_known_by_their_content(shared_client: Client, job: Json) -> None:
    again = train(shared_client, **job["config"])
    for file in ("generator.onnx", "discriminator.onnx", "triton.zip"):
        first = shared_client.get(f"/models/{job['id']}/{file}")
        assert shared_client.get(f"/models/{again['id']}/{file}").headers["etag"] == first.headers["etag"]


def test_discriminator_experiment_leaves_one_network(shared_client: Client, discriminator_job: Json) -> None:
    check_problem(shared_client.get(f"/models/{discriminator_job['id']}/generator.onnx"), 404, "file-not-found")
    files = zipfile.ZipFile(io.BytesIO(shared_client.get(f"/models/{discriminator_job['id']}/triton.zip").content))
    assert {name.partition("/")[0] for name in files.namelist()} == {"discriminator"}


def test_folder_answers_a_vector_as_the_service_does(shared_client: Client, article_job: Json, tmp_path: Path) -> None:
    zipfile.ZipFile(io.BytesIO(shared_client.get(f"/models/{article_job['id']}/triton.zip").content)).extractall(
        tmp_path
    )
    network = onnxruntime.InferenceSession(tmp_path / "discriminator/1/model.onnx")
    served = shared_client.post("/score", json={"vectors": VECTORS.tolist(), "job_id": article_job["id"]}).json()[
        "scores"
    ]
    assert np.abs(network.run(None, {"vector": VECTORS})[0][:, 0] - served).max() < 1e-6
