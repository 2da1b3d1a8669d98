"""How a network's weights lie in one flat array: layer by layer, as `torch.nn.Sequential.parameters()` yields them."""

from dataclasses import dataclass
from math import prod

import numpy as np

from gan1010.types import Float32s


@dataclass(frozen=True)
class Layout:
    """The shape of Linear(inputs, hidden), Sigmoid, Linear(hidden, outputs), Sigmoid."""

    inputs: int
    hidden: int
    outputs: int

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Each tensor's shape under its key in `torch.nn.Sequential.state_dict()`, in order."""
        return {
            "0.weight": (self.hidden, self.inputs),
            "0.bias": (self.hidden,),
            "2.weight": (self.outputs, self.hidden),
            "2.bias": (self.outputs,),
        }

    @property
    def size(self) -> int:
        """Weights in all."""
        return sum(prod(shape) for shape in self.tensors.values())

    def split(self, flat: Float32s) -> dict[str, Float32s]:
        """The flat weights (size,) as one array for each tensor: views, not copies."""
        ends = np.cumsum([prod(shape) for shape in self.tensors.values()])
        parts = np.split(flat, ends[:-1])
        return {key: part.reshape(shape) for (key, shape), part in zip(self.tensors.items(), parts, strict=True)}

    def join(self, tensors: dict[str, Float32s]) -> Float32s:
        """The flat weights (size,) of the named tensors.

        Raises:
            ValueError: a tensor is missing, is one too many, or has another shape or type.
        """
        if set(tensors) != set(self.tensors):
            raise ValueError(f"tensors must be {', '.join(self.tensors)}, not {', '.join(sorted(tensors))}")
        for key, shape in self.tensors.items():
            if tensors[key].shape != shape or tensors[key].dtype != np.float32:
                raise ValueError(f"{key} must be float32 {shape}, not {tensors[key].dtype} {tensors[key].shape}")
        return np.concatenate([tensors[key].reshape(-1) for key in self.tensors])


def discriminator_layout(width: int, hidden: int) -> Layout:
    """D takes a sample of `width` numbers and answers one: 0 fake to 1 real."""
    return Layout(width, hidden, 1)


def generator_layout(width: int, hidden: int) -> Layout:
    """G takes one number, its seed, and answers a sample of `width` numbers."""
    return Layout(1, hidden, width)
