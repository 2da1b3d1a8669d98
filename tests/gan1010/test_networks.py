import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from gan1010 import Discriminator, Generator, TrainConfig, train
from gan1010.model_file import Network
from gan1010.networks import TwoLayers

MODEL = train(TrainConfig(seed=1, iterations=10, pattern="110", hidden_size=5)).model()


@pytest.mark.parametrize(("network", "inputs", "outputs"), [(Discriminator, 4, 1), (Generator, 1, 4)])
def test_default_networks_are_those_of_the_article(network: type[TwoLayers], inputs: int, outputs: int) -> None:
    layers = list(network())
    assert [type(layer) for layer in layers] == [torch.nn.Linear, torch.nn.Sigmoid] * 2
    assert [layer.weight.shape for layer in layers[::2]] == [(3, inputs), (outputs, 3)]
    assert all(layer.bias is not None for layer in layers[::2])


@pytest.mark.parametrize("network", [Discriminator(6, 5), Generator(6, 5)])
def test_flat_weights_are_copied_in_and_out(network: TwoLayers) -> None:
    weights = np.arange(network.layout.size, dtype=np.float32)
    network.load_flat(weights)
    weights[:] = 2
    network.flat()[:] = 3
    np.testing.assert_array_equal(network.flat(), np.arange(network.layout.size))


@pytest.mark.parametrize("weights", [np.zeros(18, np.float32), np.zeros(20, np.float32), np.zeros((1, 19), np.float32)])
def test_weights_of_another_shape_are_rejected(weights: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"weights must be of shape \(19,\), not"):
        Discriminator().load_flat(weights)


@pytest.mark.parametrize(("network", "name"), [(Discriminator, "discriminator"), (Generator, "generator")])
@pytest.mark.parametrize("prefix", ["", "model.", "{name}."])
def test_exported_files_and_older_states_load(network: type[TwoLayers], name: Network, prefix: str) -> None:
    file = MODEL.network_bytes(name)
    module = network(3, 5)
    module.load_state_dict({f"{prefix.format(name=name)}{key}": tensor for key, tensor in load(file).items()})
    np.testing.assert_array_equal(module.flat(), MODEL.network(name)[1])
    assert save(module.state_dict()) == file


def test_whole_model_file_loads_into_both_networks() -> None:
    state = load(MODEL.to_bytes())
    discriminator, generator = Discriminator(3, 5), Generator(3, 5)
    for module in (discriminator, generator):
        module.load_state_dict(state)
    np.testing.assert_array_equal(discriminator.flat(), MODEL.discriminator)
    np.testing.assert_array_equal(generator.flat(), MODEL.generator)


def test_keys_within_another_module_load_too() -> None:
    both = torch.nn.ModuleDict({"generator": Generator(3, 5), "model": Discriminator(3, 5)})
    states = {f"generator.model.{key}": tensor for key, tensor in load(MODEL.network_bytes("generator")).items()}
    states |= {f"model.{key}": tensor for key, tensor in load(MODEL.network_bytes("discriminator")).items()}
    both.load_state_dict(states)
    np.testing.assert_array_equal(both["generator"].flat(), MODEL.generator)
    np.testing.assert_array_equal(both["model"].flat(), MODEL.discriminator)


def test_state_of_another_network_is_rejected() -> None:
    with pytest.raises(RuntimeError, match=r"Missing key.*0.weight"):
        Generator(3, 5).load_state_dict({"discriminator.0.weight": torch.zeros(5, 3)})
    with pytest.raises(RuntimeError, match=r"Unexpected key.*4.weight"):
        Generator(3, 5).load_state_dict({**load(MODEL.network_bytes("generator")), "4.weight": torch.zeros(1)})


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))])  # noqa: S301
def test_networks_can_be_copied(copied: Any) -> None:
    network = Generator(3, 5)
    copy_of = copied(network)
    copy_of.load_state_dict({f"model.{key}": tensor for key, tensor in network.state_dict().items()})
    np.testing.assert_array_equal(copy_of.flat(), network.flat())
