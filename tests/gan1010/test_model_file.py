import json
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import numpy as safetensors_numpy
from safetensors import torch as safetensors_torch

from gan1010 import Model, TrainConfig, model_file, train

MODEL = train(TrainConfig(seed=1, iterations=300)).model()
DISCRIMINATOR_ONLY = train(TrainConfig(seed=1, iterations=10, experiment="discriminator")).model()
DATA = MODEL.to_bytes()
HEADER_END = 8 + int.from_bytes(DATA[:8], "little")


def rebuilt(metadata: dict[str, Any] | None = None, tensors: dict[str, Any] | None = None) -> bytes:
    """Return DATA with other metadata or tensors; None removes an entry."""
    original = json.loads(DATA[8:HEADER_END])["__metadata__"]
    all_tensors = {**safetensors_numpy.load(DATA), **(tensors or {})}
    return safetensors_numpy.save(
        {key: value for key, value in all_tensors.items() if value is not None},
        metadata={key: value for key, value in {**original, **(metadata or {})}.items() if value is not None},
    )


@given(
    pattern=st.text("01", min_size=1, max_size=16),
    spread=st.floats(0, 0.5, exclude_min=True),
    hidden_size=st.integers(1, 64),
    seed=st.integers(0, 9),
    experiment=st.sampled_from(["gan", "discriminator"]),
)
def test_model_round_trips(**settings: Any) -> None:
    model = train(TrainConfig(iterations=1, **settings)).model()
    data = model.to_bytes()
    np.testing.assert_equal(vars(Model.from_bytes(data)), vars(model))
    assert len(data) < model_file.MAX_FILE_BYTES / 4


def test_same_model_gives_the_same_bytes() -> None:
    assert {MODEL.to_bytes() for _ in range(50)} == {DATA}
    assert Model.from_bytes(DATA).to_bytes() == DATA
    assert len({MODEL.network_bytes("generator") for _ in range(50)}) == 1


def test_file_has_both_networks_and_their_settings() -> None:
    keys = ["0.bias", "0.weight", "2.bias", "2.weight"]
    tensors = safetensors_numpy.load(DATA)
    assert sorted(tensors) == [f"{name}.{key}" for name in ("discriminator", "generator") for key in keys]
    np.testing.assert_array_equal(
        tensors["generator.2.bias"], MODEL.networks["generator"][0].split(MODEL.generator)["2.bias"]
    )
    metadata = json.loads(DATA[8:HEADER_END])["__metadata__"]
    assert {**metadata, "sha256": "..."} == {"hidden_size": "3", "pattern": "1010", "spread": "0.2", "sha256": "..."}


def test_discriminator_experiment_saves_no_generator() -> None:
    assert all(key.startswith("discriminator.") for key in safetensors_numpy.load(DISCRIMINATOR_ONLY.to_bytes()))
    assert Model.from_bytes(DISCRIMINATOR_ONLY.to_bytes()).generator is None
    with pytest.raises(ValueError, match="trains no generator"):
        DISCRIMINATOR_ONLY.network_bytes("generator")


def test_networks_load_into_plain_torch() -> None:
    def load(name: Any, inputs: int, outputs: int) -> torch.nn.Module:
        layers = torch.nn.Linear(inputs, 3), torch.nn.Sigmoid(), torch.nn.Linear(3, outputs), torch.nn.Sigmoid()
        module = torch.nn.Sequential(*layers)
        module.load_state_dict(safetensors_torch.load(MODEL.network_bytes(name)))
        return module

    latents, vectors = torch.linspace(-10, 10, 100), torch.rand(100, 4)
    with torch.no_grad():
        samples, scores = load("generator", 1, 4)(latents[:, None]), load("discriminator", 4, 1)(vectors)
    np.testing.assert_allclose(MODEL.sample(latents.numpy()), samples, atol=1e-6)
    np.testing.assert_allclose(MODEL.score(vectors.numpy()), scores[:, 0], atol=1e-6)


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_flipped_bit_anywhere_is_noticed(flip: int) -> None:
    for place in range(len(DATA)):
        damaged = bytearray(DATA)
        damaged[place] ^= flip
        with pytest.raises(ValueError, match=r"."):
            Model.from_bytes(bytes(damaged))


def test_truncated_or_extended_file_is_noticed() -> None:
    for length in range(len(DATA)):
        with pytest.raises(ValueError, match="not a model file, or a damaged one"):
            Model.from_bytes(DATA[:length])
    with pytest.raises(ValueError, match="not a model file, or a damaged one"):
        Model.from_bytes(DATA + b"\0")


@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_are_rejected(data: bytes) -> None:
    for file in (data, len(data).to_bytes(8, "little") + data, DATA[: HEADER_END - len(data)] + data):
        with pytest.raises(ValueError, match=r"."):
            Model.from_bytes(file)


def file_of(header: bytes, tensors: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + tensors


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a model file, or a damaged one"),
        (b"\x80\x04K\x01.", "not a model file, or a damaged one"),
        ((2**63).to_bytes(8, "little") + b"{}", "not a model file, or a damaged one"),
        (file_of(b"{" + b" " * 100_000), "has 100,009 bytes; the maximum is 65,536"),
        (file_of(b'{"a":' + b"[" * 50_000), "not a model file, or a damaged one"),
        (file_of(b"{}"), "metadata lacks hidden_size, pattern, sha256, spread"),
        (file_of(b'{"__metadata__":null}'), "metadata lacks"),
        (file_of(b'{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}', b"\0"), "float32, not F8_E4M3"),
        (rebuilt({"pattern": None}), "metadata lacks pattern"),
        (rebuilt({"pattern": "12"}), "pattern must be"),
        (rebuilt({"pattern": "11"}), r"discriminator's 0.weight must be float32 \(3, 2\)"),
        (rebuilt({"pattern": "0101"}), "does not match its sha256"),
        (rebuilt({"spread": "nan"}), "spread must be"),
        (rebuilt({"spread": "0.3"}), "does not match its sha256"),
        (rebuilt({"hidden_size": "65"}), "hidden_size must be at most 64"),
        (rebuilt({"hidden_size": "9" * 5000}), "."),
        (rebuilt({"note": "mine"}), "does not match its sha256"),
        (rebuilt(tensors={"generator.2.bias": None}), "the generator's tensors must be"),
        (rebuilt(tensors={"generator.4.bias": np.zeros(1, np.float32)}), "the generator's tensors must be"),
        (rebuilt(tensors={"critic.0.bias": np.zeros(1, np.float32)}), "not 'critic.0.bias'"),
        (rebuilt(tensors={"generator.2.bias": np.zeros(4)}), "2.bias must be float32 .*, not float64"),
        (rebuilt(tensors={"generator.2.bias": np.zeros((4, 1), np.float32)}), "2.bias must be float32"),
        (rebuilt(tensors={"generator.2.bias": np.zeros(4, np.float32)}), "does not match its sha256"),
        (rebuilt(tensors={"discriminator.0.bias": np.full(3, np.nan, np.float32)}), "discriminator's weights are not"),
        (rebuilt(tensors={"generator.2.bias": np.full(4, np.inf, np.float32)}), "generator's weights are not all"),
        (MODEL.network_bytes("generator"), "one network and no settings. Use the model.safetensors"),
    ],
)
def test_invalid_file_is_rejected_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Model.from_bytes(data)
