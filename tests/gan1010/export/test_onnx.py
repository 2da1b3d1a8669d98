"""Networks as ONNX: the same answers, the same names, the same bytes; and as a folder for Triton."""

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


def test_generator_answers_as_the_model_does(model: Model) -> None:
    seeds = RANDOM.normal(0, 3, 1000).astype(np.float32)
    (samples,) = session(dump_onnx(model, "generator")).run(["sample"], {"seed": seeds.reshape(-1, 1)})
    assert samples.shape == (1000, len(model.pattern))
    assert np.abs(samples - model.sample(seeds)).max() < 1e-6


def test_discriminator_answers_as_the_model_does(model: Model) -> None:
    vectors = RANDOM.normal(0, 3, (1000, len(model.pattern))).astype(np.float32)
    (scores,) = session(dump_onnx(model, "discriminator")).run(["score"], {"vector": vectors})
    assert scores.shape == (1000, 1)
    assert np.abs(scores[:, 0] - model.score(vectors)).max() < 1e-6


@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_file_is_one_that_old_readers_know(model: Model, name: Network) -> None:
    content = dump_onnx(model, name)
    assert content == dump_onnx(model, name)
    whole = onnx.load_from_string(content)
    onnx.checker.check_model(whole, full_check=True)
    assert (whole.ir_version, whole.opset_import[0].version) == (7, 13)
    assert {prop.key: prop.value for prop in whole.metadata_props} == {
        "pattern": model.pattern,
        "spread": repr(model.spread),
    }


def test_folder_has_a_configuration_and_a_file_for_each_network(model: Model) -> None:
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


def test_discriminator_experiment_has_only_a_discriminator() -> None:
    model = train(TrainConfig(experiment="discriminator", iterations=100, seed=1)).model()
    with pytest.raises(ValueError, match="trains no generator"):
        dump_onnx(model, "generator")
    with zipfile.ZipFile(io.BytesIO(triton_repository(model))) as files:
        assert files.namelist() == ["discriminator/config.pbtxt", "discriminator/1/model.onnx"]


def test_onnx_is_loaded_by_who_needs_it() -> None:
    program = "import sys, service.app, gan1010.export.onnx; sys.exit('onnx' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
