"""Safetensors export: a whole model as a file, or one network for PyTorch.

The same model always gives the same bytes. `load` notices all damage.
"""

import hashlib
import json
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from gan1010.config import TrainConfig
from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.model import Model, Network
from gan1010.types import Array, Float32s

Tensors = dict[str, Array]

MAX_FILE_BYTES = 64 * 1024  # the largest model takes 11 KiB
LENGTH_BYTES = 8  # a file begins with the length of its header; the header is padded to a multiple of these bytes


def dump(model: Model) -> bytes:
    """Serialise a model: tensors `discriminator.0.weight` to `generator.2.bias`, and its settings as metadata."""
    tensors = {
        f"{name}.{key}": part
        for name, (layout, weights) in model.networks.items()
        for key, part in layout.split(weights).items()
    }
    return _in_fixed_order(save_tensors(tensors, metadata=_metadata(model)))


def dump_network(model: Model, name: Network) -> bytes:
    """Serialise one network with the keys of a `torch.nn.Sequential`; ValueError if the model has no generator."""
    layout, weights = model.network(name)
    return save_tensors(layout.split(weights))


def load(data: bytes) -> Model:
    """Read the bytes of `dump`; ValueError if they are damaged, or not from `dump`."""
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"not a model file: it has {len(data):,} bytes; the maximum is {MAX_FILE_BYTES:,}")
    try:
        tensors = load_tensors(data)
    except SafetensorError as error:
        raise ValueError(f"not a model file, or a damaged one: {error}") from error
    except KeyError as error:  # NumPy lacks the type
        raise ValueError(f"every tensor must be float32, not {error.args[0]}") from error
    metadata = _header(data).get("__metadata__") or {}
    model = _model(metadata, tensors)
    if metadata != _metadata(model):
        raise ValueError("the model file is damaged: its content does not match its sha256")
    return model


def _model(metadata: dict[str, str], tensors: Tensors) -> Model:
    """Build a model; ValueError if a setting or a tensor is missing, unknown or invalid."""
    if missing := {"pattern", "spread", "hidden_size", "sha256"} - set(metadata):
        raise ValueError(f"the model file's metadata lacks {', '.join(sorted(missing))}")
    config = TrainConfig(
        pattern=metadata["pattern"], spread=float(metadata["spread"]), hidden_size=int(metadata["hidden_size"]), seed=0
    )
    parts: dict[str, Tensors] = {"discriminator": {}, "generator": {}}
    for name, tensor in tensors.items():
        network, _, key = name.partition(".")
        if network not in parts:
            raise ValueError(f"tensors must be the discriminator's or the generator's, not {name!r}")
        parts[network][key] = tensor

    def join(network: str, layout: Layout) -> Float32s:
        try:
            weights = layout.join(parts[network])
        except ValueError as error:
            raise ValueError(f"the {network}'s {error}") from error
        if not np.isfinite(weights).all():
            raise ValueError(f"the {network}'s weights are not all finite numbers")
        return weights

    return Model(
        pattern=config.pattern,
        spread=config.spread,
        hidden_size=config.hidden_size,
        discriminator=join("discriminator", discriminator_layout(config.width, config.hidden_size)),
        generator=join("generator", generator_layout(config.width, config.hidden_size)) if parts["generator"] else None,
    )


def _metadata(model: Model) -> dict[str, str]:
    """Return the model's settings, and a checksum of them and the weights, which safetensors itself does not have."""
    settings = {"hidden_size": str(model.hidden_size), "pattern": model.pattern, "spread": repr(float(model.spread))}
    digest = hashlib.sha256(json.dumps(settings).encode())
    for _, weights in model.networks.values():
        digest.update(weights.astype("<f4").tobytes())
    return {**settings, "sha256": digest.hexdigest()}


def _header(data: bytes) -> dict[str, Any]:
    end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
    header: dict[str, Any] = json.loads(data[LENGTH_BYTES:end])
    return header


def _in_fixed_order(data: bytes) -> bytes:
    """Sort a file's metadata, which safetensors writes in random order."""
    header = _header(data)
    tensors = data[LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little") :]
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text + tensors
