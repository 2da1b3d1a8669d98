import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gan1010.layout import Layout, discriminator_layout, generator_layout

SIZES = st.integers(1, 64)


def test_default_shapes_are_those_of_the_article() -> None:
    d, g = discriminator_layout(4, 3), generator_layout(4, 3)
    assert (d, g) == (Layout(inputs=4, hidden=3, outputs=1), Layout(inputs=1, hidden=3, outputs=4))
    assert (d.size, g.size) == (19, 22)
    assert d.tensors == {"0.weight": (3, 4), "0.bias": (3,), "2.weight": (1, 3), "2.bias": (1,)}


@given(inputs=SIZES, hidden=SIZES, outputs=SIZES)
def test_flat_weights_are_in_the_order_of_torch(inputs: int, hidden: int, outputs: int) -> None:
    layout = Layout(inputs, hidden, outputs)
    module = torch.nn.Sequential(
        torch.nn.Linear(inputs, hidden), torch.nn.Sigmoid(), torch.nn.Linear(hidden, outputs), torch.nn.Sigmoid()
    )
    flat = torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    tensors = {key: tensor.numpy() for key, tensor in module.state_dict().items()}
    assert layout.size == flat.size
    np.testing.assert_array_equal(layout.join(tensors), flat)
    np.testing.assert_array_equal(layout.join(dict(reversed(tensors.items()))), flat)
    split = layout.split(flat)
    assert list(split) == list(tensors)
    for key, tensor in tensors.items():
        np.testing.assert_array_equal(split[key], tensor)


def test_split_returns_views() -> None:
    flat = np.zeros(19, np.float32)
    discriminator_layout(4, 3).split(flat)["2.bias"][0] = 5
    assert flat[-1] == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0.bias": None}, "tensors must be 0.weight, 0.bias, 2.weight, 2.bias, not 0.weight, 2.bias, 2.weight"),
        ({"4.bias": np.zeros(1, np.float32)}, "tensors must be .*, not .*4.bias"),
        ({"0.weight": np.zeros((4, 3), np.float32)}, r"0.weight must be float32 \(3, 4\), not float32 \(4, 3\)"),
        ({"0.bias": np.zeros(3, np.float64)}, r"0.bias must be float32 \(3,\), not float64"),
    ],
)
def test_join_rejects_other_tensors(change: dict[str, np.ndarray | None], message: str) -> None:
    layout = discriminator_layout(4, 3)
    tensors = {**layout.split(np.zeros(19, np.float32)), **change}
    with pytest.raises(ValueError, match=message):
        layout.join({key: tensor for key, tensor in tensors.items() if tensor is not None})
