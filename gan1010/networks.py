"""PyTorch modules of both networks, and the conversion from and to flat weights."""

import torch
from torch import Tensor, nn

from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.types import Float32s


class TwoLayers(nn.Sequential):
    """Linear, Sigmoid, Linear, Sigmoid, initialised as `torch.nn.Linear` does.

    `load_state_dict` also accepts the keys that this module had before it was an `nn.Sequential`: `model.0.weight`.
    """

    _names: tuple[str, str]  # of this network and of the other one in a whole model's file

    def __init__(self, layout: Layout) -> None:
        super().__init__(
            nn.Linear(layout.inputs, layout.hidden),
            nn.Sigmoid(),
            nn.Linear(layout.hidden, layout.outputs),
            nn.Sigmoid(),
        )
        self.layout = layout
        self.register_load_state_dict_pre_hook(_rename_keys)  # type: ignore[no-untyped-call]

    def flat(self) -> Float32s:
        """Return a copy of the weights, flat as in `layout`: (N,)."""
        weights: Float32s = nn.utils.parameters_to_vector(self.parameters()).detach().numpy()
        return weights

    @torch.no_grad()
    def load_flat(self, weights: Float32s) -> None:
        """Copy flat weights (N,) into the module; ValueError if N is not its number of weights."""
        if weights.shape != (self.layout.size,):
            raise ValueError(f"weights must be of shape ({self.layout.size},), not {weights.shape}")
        for parameter, values in zip(self.parameters(), self.layout.split(weights).values(), strict=True):
            parameter.copy_(torch.tensor(values))


def _rename_keys(network: TwoLayers, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Change the accepted keys of a state to those of the network, and remove the other network's."""
    own, other = network._names
    for key in list(state):
        for alias in ("model.", f"{own}."):
            if key.startswith(prefix + alias):
                state[prefix + key.removeprefix(prefix + alias)] = state.pop(key)
        if key.startswith(f"{prefix}{other}."):
            del state[key]


class Discriminator(TwoLayers):
    """D: a sample (..., W) in, a score (..., 1) from 0, fake, to 1, real, out.

    The keys of `state_dict` are those of the exported `discriminator.safetensors`. `load_state_dict` takes its tensors,
    and those of a whole `model.safetensors`. `load_flat` takes `Model.discriminator`, and `flat` returns such weights.
    """

    _names = "discriminator", "generator"

    def __init__(self, width: int = 4, hidden_size: int = 3) -> None:
        """Draw the weights as PyTorch does."""
        super().__init__(discriminator_layout(width, hidden_size))


class Generator(TwoLayers):
    """G: a latent (..., 1) in, a sample (..., W) out.

    The keys of `state_dict` are those of the exported `generator.safetensors`. `load_state_dict` takes its tensors, and
    those of a whole `model.safetensors`. `load_flat` takes `Model.generator`, and `flat` returns such weights.
    """

    _names = "generator", "discriminator"

    def __init__(self, width: int = 4, hidden_size: int = 3) -> None:
        """Draw the weights as PyTorch does."""
        super().__init__(generator_layout(width, hidden_size))
