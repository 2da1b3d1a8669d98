import numpy as np
import pytest
import torch

from gan1010 import Discriminator, Generator
from gan1010.networks import _TwoLayers


@pytest.mark.parametrize(("network", "inputs", "outputs"), [(Discriminator, 4, 1), (Generator, 1, 4)])
def test_default_networks_are_those_of_the_article(network: type[_TwoLayers], inputs: int, outputs: int) -> None:
    layers = list(network().model)
    assert [type(layer) for layer in layers] == [torch.nn.Linear, torch.nn.Sigmoid] * 2
    assert [layer.weight.shape for layer in layers[::2]] == [(3, inputs), (outputs, 3)]
    assert all(layer.bias is not None for layer in layers[::2])


@pytest.mark.parametrize("network", [Discriminator(6, 5), Generator(6, 5)])
def test_flat_weights_are_copied_in_and_out(network: _TwoLayers) -> None:
    weights = np.arange(network.layout.size, dtype=np.float32)
    network.load_flat(weights)
    weights[:] = 2
    network.flat()[:] = 3
    np.testing.assert_array_equal(network.flat(), np.arange(network.layout.size))


@pytest.mark.parametrize("weights", [np.zeros(18, np.float32), np.zeros(20, np.float32), np.zeros((1, 19), np.float32)])
def test_weights_of_another_shape_are_rejected(weights: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"weights must be of shape \(19,\), not"):
        Discriminator().load_flat(weights)
