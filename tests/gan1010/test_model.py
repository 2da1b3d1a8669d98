import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gan1010 import Model, TrainConfig, load_model, train
from gan1010.compiled import forward
from gan1010.networks import Discriminator, Generator

MODEL = train(TrainConfig(seed=1, iterations=300, pattern="110", hidden_size=5)).model()
DISCRIMINATOR_ONLY = train(TrainConfig(seed=1, iterations=10, experiment="discriminator")).model()


def test_samples_and_scores_agree_with_torch() -> None:
    generator, discriminator = Generator(3, 5), Discriminator(3, 5)
    assert MODEL.generator is not None
    generator.load_flat(MODEL.generator)
    discriminator.load_flat(MODEL.discriminator)
    latents, vectors = torch.linspace(-50, 50, 200), 10 * torch.randn(200, 3)
    with torch.no_grad():
        np.testing.assert_allclose(MODEL.sample(latents.numpy()), generator(latents[:, None]), atol=1e-6)
        np.testing.assert_allclose(MODEL.score(vectors.numpy()), discriminator(vectors)[:, 0], atol=1e-6)


def test_batch_gives_the_same_bits_as_single_rows() -> None:
    latents, vectors = [0.5, 0.7, -3.0], [[1.0, 1.0, 0.0], [0.0, 0.5, 1.0]]
    np.testing.assert_array_equal(MODEL.sample(latents), [MODEL.sample([latent])[0] for latent in latents])
    np.testing.assert_array_equal(MODEL.sample(latents), [MODEL.sample_one(latent) for latent in latents])
    np.testing.assert_array_equal(MODEL.score(vectors), [MODEL.score([vector])[0] for vector in vectors])
    assert MODEL.sample([]).shape == (0, 3)
    assert MODEL.score(np.empty((0, 3), np.float32)).shape == (0,)


@pytest.mark.parametrize("latents", [[0.5, 0.25], np.array([0.5, 0.25]), np.array([0.5, 9, 0.25], np.float32)[::2]])
def test_lists_and_arrays_are_accepted(latents: np.ndarray) -> None:
    np.testing.assert_array_equal(MODEL.sample(latents), MODEL.sample(np.array([0.5, 0.25], np.float32)))


def test_other_kinds_of_arrays_compile_nothing() -> None:
    MODEL.sample([0.5, 0.25])
    MODEL.score([[1, 1, 0]])
    compiled = len(forward.sample.signatures), len(forward.score.signatures)
    read_only = {
        "discriminator": np.frombuffer(MODEL.discriminator.tobytes(), np.float32),
        "generator": np.frombuffer(MODEL.generator.tobytes(), np.float32),
    }
    model = Model(**{**vars(MODEL), **read_only})
    model.sample(np.frombuffer(b"\0" * 8, np.float32))
    model.sample(np.zeros(8, np.float32)[::2])
    model.score(np.zeros((3, 8), np.float32).T[:4])
    assert (len(forward.sample.signatures), len(forward.score.signatures)) == compiled


@pytest.mark.parametrize("latents", [[[0.5]], 0.5])
def test_latents_of_another_shape_are_rejected(latents: object) -> None:
    with pytest.raises(ValueError, match="latents must be one row of numbers, not of shape"):
        MODEL.sample(latents)


@pytest.mark.parametrize("vectors", [[[1, 0]], [[1, 0, 1, 0]], [1, 0, 1], []])
def test_vectors_of_another_width_are_rejected(vectors: list[float]) -> None:
    with pytest.raises(ValueError, match="vectors must be rows of 3 numbers, not of shape"):
        MODEL.score(vectors)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e39, -1e300])
def test_numbers_that_are_not_finite_are_rejected_by_row(bad: float) -> None:
    with pytest.raises(ValueError, match="row 1 is not a finite number"):
        MODEL.sample([0.5, bad])
    with pytest.raises(ValueError, match="row 1 is not a finite number"):
        MODEL.score([[1, 1, 0], [0, bad, 0]])
    with pytest.raises(ValueError, match="the latent is not a finite number"):
        MODEL.sample_one(bad)


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(latent=FLOATS, vector=st.tuples(FLOATS, FLOATS, FLOATS), steepness=st.sampled_from([1, 1e10, 1e38]))
def test_finite_inputs_give_outputs_in_0_to_1(latent: float, vector: tuple[float, ...], steepness: float) -> None:
    weights = {"discriminator": MODEL.discriminator, "generator": MODEL.generator}
    steep = Model(**{**vars(MODEL), **{name: values * np.float32(steepness) for name, values in weights.items()}})
    for outputs in (steep.sample([latent]), steep.score([vector])):
        assert ((outputs >= 0) & (outputs <= 1)).all()


def test_model_without_a_generator_cannot_sample() -> None:
    assert DISCRIMINATOR_ONLY.generator is None
    assert DISCRIMINATOR_ONLY.score([[1, 0, 1, 0]]).shape == (1,)
    with pytest.raises(ValueError, match="trains no generator"):
        DISCRIMINATOR_ONLY.sample([0.5])
    with pytest.raises(ValueError, match="trains no generator"):
        DISCRIMINATOR_ONLY.sample_one(0.5)


@pytest.mark.parametrize("model", [MODEL, DISCRIMINATOR_ONLY])
def test_saved_model_is_the_same(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    model.save(path)
    np.testing.assert_equal(vars(load_model(str(path))), vars(model))
    assert path.read_bytes() == model.to_bytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (MODEL.network_bytes("generator"), "one network and no settings"),
        (MODEL.to_bytes()[:-1], "damaged"),
        (b"\0" * 100_000, "maximum"),
        (b"", "not a model file"),
    ],
)
def test_file_that_is_no_model_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{re.escape(str(path))}: .*{message}"):
        load_model(path)
    with pytest.raises(FileNotFoundError, match="absent"):
        load_model(tmp_path / "absent")


def test_representation_is_short() -> None:
    assert repr(MODEL) == "Model(pattern='110', spread=0.2, hidden_size=5)"
