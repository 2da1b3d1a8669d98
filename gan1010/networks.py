"""The two networks as torch modules, and the way from flat weights into them and back."""

import torch
from torch import Tensor, nn

from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.types import Float32s


class _TwoLayers(nn.Module):
    """Linear, Sigmoid, Linear, Sigmoid, initialised as `torch.nn.Linear` does."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.model = nn.Sequential(
            nn.Linear(layout.inputs, layout.hidden),
            nn.Sigmoid(),
            nn.Linear(layout.hidden, layout.outputs),
            nn.Sigmoid(),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """The network's answer, (..., outputs), to inputs (..., inputs)."""
        answer: Tensor = self.model(inputs)
        return answer

    def flat(self) -> Float32s:
        """A copy of the weights, flat as in `layout`: (N,)."""
        weights: Float32s = nn.utils.parameters_to_vector(self.parameters()).detach().numpy()
        return weights

    @torch.no_grad()
    def load_flat(self, weights: Float32s) -> None:
        """Copy flat weights (N,) into the module.

        Raises:
            ValueError: there are more or fewer weights than the module has.
        """
        if weights.shape != (self.layout.size,):
            raise ValueError(f"weights must be of shape ({self.layout.size},), not {weights.shape}")
        for parameter, values in zip(self.parameters(), self.layout.split(weights).values(), strict=True):
            parameter.copy_(torch.tensor(values))


class Discriminator(_TwoLayers):
    """D: a sample (..., W) to one number (..., 1), 0 fake to 1 real."""

    def __init__(self, width: int = 4, hidden_size: int = 3) -> None:
        super().__init__(discriminator_layout(width, hidden_size))


class Generator(_TwoLayers):
    """G: one number (..., 1), its seed, to a sample (..., W)."""

    def __init__(self, width: int = 4, hidden_size: int = 3) -> None:
        super().__init__(generator_layout(width, hidden_size))
