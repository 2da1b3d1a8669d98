"""Weight layout: one flat array per network, in the order of `torch.nn.Sequential.parameters()`."""

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
        """The tensors' shapes by their keys in `torch.nn.Sequential.state_dict()`, in order."""
        return {
            "0.weight": (self.hidden, self.inputs),
            "0.bias": (self.hidden,),
            "2.weight": (self.outputs, self.hidden),
            "2.bias": (self.outputs,),
        }

    @property
    def size(self) -> int:
        """Number of weights."""
        return sum(prod(shape) for shape in self.tensors.values())

    def split(self, flat: Float32s) -> dict[str, Float32s]:
        """Split flat weights (..., size) into the tensors, each (..., *shape)."""
        ends = np.cumsum([prod(shape) for shape in self.tensors.values()])
        parts = np.split(flat, ends[:-1], axis=-1)
        shapes = self.tensors.items()
        return {key: part.reshape(flat.shape[:-1] + shape) for (key, shape), part in zip(shapes, parts, strict=True)}

    def join(self, tensors: dict[str, Float32s]) -> Float32s:
        """Join tensors into flat weights (size,); ValueError if one is missing, unknown, of another shape or type."""
        if set(tensors) != set(self.tensors):
            raise ValueError(f"tensors must be {', '.join(self.tensors)}, not {', '.join(sorted(tensors))}")
        for key, shape in self.tensors.items():
            if tensors[key].shape != shape or tensors[key].dtype != np.float32:
                raise ValueError(f"{key} must be float32 {shape}, not {tensors[key].dtype} {tensors[key].shape}")
        return np.concatenate([tensors[key].reshape(-1) for key in self.tensors])


def discriminator_layout(width: int, hidden: int) -> Layout:
    """Return D's layout: a sample of `width` values in, one score out."""
    return Layout(width, hidden, 1)


def generator_layout(width: int, hidden: int) -> Layout:
    """Return G's layout: one latent in, a sample of `width` values out."""
    return Layout(1, hidden, width)
