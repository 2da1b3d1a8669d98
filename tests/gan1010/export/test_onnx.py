"""ONNX export: the same outputs as the model, reproducible bytes, and a repository for Triton."""

import io
import subprocess
import sys
import zipfile

import numpy as np
import onnx
import onnxruntime
import pytest

from gan1010 import Model, TrainConfig, train
from gan1010.export.onnx import TENSORS, Network, dump_onnx, triton_repository

CONFIGS = {
    "article": TrainConfig(seed=1010),
    "wide": TrainConfig(pattern="1100110", hidden_size=5, iterations=500, seed=1),
    "narrow": TrainConfig(pattern="1", hidden_size=1, iterations=500, seed=1),
}
RANDOM = np.random.default_rng(1)


@pytest.fixture(scope="module", params=CONFIGS.values(), ids=CONFIGS)
def model(request: pytest.FixtureRequest) -> Model:
    return train(request.param).model()


def session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options)


def test_both_networks_agree_with_the_model(model: Model) -> None:
    latents = RANDOM.normal(0, 3, 1000).astype(np.float32)
    (samples,) = session(dump_onnx(model, "generator")).run(["sample"], {"seed": latents.reshape(-1, 1)})
    np.testing.assert_allclose(samples, model.sample(latents), atol=1e-6, rtol=0, strict=True)
    vectors = RANDOM.normal(0, 3, (1000, len(model.pattern))).astype(np.float32)
    (scores,) = session(dump_onnx(model, "discriminator")).run(["score"], {"vector": vectors})
    np.testing.assert_allclose(scores, model.score(vectors)[:, None], atol=1e-6, rtol=0, strict=True)


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_file_is_valid_reproducible_and_of_an_old_version(model: Model, name: Network) -> None:
    content = dump_onnx(model, name)
    assert content == dump_onnx(model, name)
    whole = onnx.load_from_string(content)
    onnx.checker.check_model(whole, full_check=True)
    assert (whole.ir_version, whole.opset_import[0].version) == (7, 13)
    assert {prop.key: prop.value for prop in whole.metadata_props} == {
        "pattern": model.pattern,
        "spread": repr(model.spread),
    }


def test_repository_has_a_configuration_and_a_file_for_each_network(model: Model) -> None:
    content = triton_repository(model)
    with zipfile.ZipFile(io.BytesIO(content)) as files:
        assert files.testzip() is None
        assert files.namelist() == [
            "generator/config.pbtxt",
            "generator/1/model.onnx",
            "discriminator/config.pbtxt",
            "discriminator/1/model.onnx",
        ]
        for name in TENSORS:
            assert files.read(f"{name}/1/model.onnx") == dump_onnx(model, name)
    assert content == triton_repository(model)


def test_discriminator_experiment_exports_only_a_discriminator() -> None:
    model = train(TrainConfig(experiment="discriminator", iterations=100, seed=1)).model()
    with pytest.raises(ValueError, match="trains no generator"):
        dump_onnx(model, "generator")
    with zipfile.ZipFile(io.BytesIO(triton_repository(model))) as files:
        assert files.namelist() == ["discriminator/config.pbtxt", "discriminator/1/model.onnx"]


def test_service_start_does_not_load_onnx() -> None:
    program = "import sys, service.app, gan1010.export.onnx; sys.exit('onnx' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
