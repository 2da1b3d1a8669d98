"""PyTorch modules of both networks, and the conversion from and to flat weights."""

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
        """Return the outputs (..., outputs) for inputs (..., inputs)."""
        outputs: Tensor = self.model(inputs)
        return outputs

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


class Discriminator(_TwoLayers):
    """D: a sample (..., W) in, a score (..., 1) from 0, fake, to 1, real, out."""

    def __init__(self, width: int = 4, hidden_size: int = 3) -> None:
        super().__init__(discriminator_layout(width, hidden_size))


class Generator(_TwoLayers):
    """G: a latent (..., 1) in, a sample (..., W) out."""

    def __init__(self, width: int = 4, hidden_size: int = 3) -> None:
        super().__init__(generator_layout(width, hidden_size))
