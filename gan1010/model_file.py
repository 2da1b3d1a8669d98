"""Model file: both networks and their settings, in the safetensors format.

The same model always gives the same bytes. `load` notices all damage. safetensors is imported when it is used.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np

from gan1010.config import TrainConfig
from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.types import Array, Float32s

Network = Literal["generator", "discriminator"]
Networks = Mapping[Network, tuple[Layout, Float32s]]  # their flat weights
Tensors = dict[str, Array]

MAX_FILE_BYTES = 64 * 1024  # the largest model takes 11 KiB
LENGTH_BYTES = 8  # a file begins with the length of its header; the header is padded to a multiple of these bytes


def dump(networks: Networks, *, pattern: str, spread: float, hidden_size: int) -> bytes:
    """Serialise a model: tensors `discriminator.0.weight` to `generator.2.bias`, and its settings as metadata."""
    from safetensors.numpy import save

    tensors = {
        f"{name}.{key}": part
        for name, (layout, weights) in networks.items()
        for key, part in layout.split(weights).items()
    }
    metadata = _metadata(pattern, spread, hidden_size, (weights for _, weights in networks.values()))
    return _in_fixed_order(save(tensors, metadata=metadata))


def dump_network(layout: Layout, weights: Float32s) -> bytes:
    """Serialise one network with the keys of a `torch.nn.Sequential`."""
    from safetensors.numpy import save

    return save(layout.split(weights))


def load(data: bytes) -> tuple[TrainConfig, dict[Network, Float32s]]:
    """Read the settings and the flat weights from the bytes of `dump`; ValueError if these are damaged or others.

    All other settings of the configuration have no meaning.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as load_tensors

    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"not a model file: it has {len(data):,} bytes; the maximum is {MAX_FILE_BYTES:,}")
    try:
        tensors = load_tensors(data)
    except SafetensorError as error:
        raise ValueError(f"not a model file, or a damaged one: {error}") from error
    except KeyError as error:  # NumPy lacks the type
        raise ValueError(f"every tensor must be float32, not {error.args[0]}") from error
    metadata = _header(data).get("__metadata__") or {}
    config = _config(metadata, tensors)
    weights = _weights(config, tensors)
    if metadata != _metadata(config.pattern, config.spread, config.hidden_size, weights.values()):
        raise ValueError("the model file is damaged: its content does not match its sha256")
    return config, weights


def _config(metadata: dict[str, str], tensors: Tensors) -> TrainConfig:
    """Build the configuration; ValueError if a setting is missing or invalid."""
    if missing := {"pattern", "spread", "hidden_size", "sha256"} - set(metadata):
        if set(tensors) == set(generator_layout(1, 1).tensors):
            remedy = "Use the model.safetensors of its job, or load the file into gan1010.Generator or Discriminator"
            raise ValueError(f"the file has one network and no settings. {remedy}")
        raise ValueError(f"the model file's metadata lacks {', '.join(sorted(missing))}")
    return TrainConfig(
        pattern=metadata["pattern"], spread=float(metadata["spread"]), hidden_size=int(metadata["hidden_size"]), seed=0
    )


def _weights(config: TrainConfig, tensors: Tensors) -> dict[Network, Float32s]:
    """Join the tensors of each network; ValueError if one is missing, unknown or invalid."""
    parts: dict[str, Tensors] = {"discriminator": {}, "generator": {}}
    for name, tensor in tensors.items():
        network, _, key = name.partition(".")
        if network not in parts:
            raise ValueError(f"tensors must be the discriminator's or the generator's, not {name!r}")
        parts[network][key] = tensor

    def join(network: Network, layout: Layout) -> Float32s:
        try:
            weights = layout.join(parts[network])
        except ValueError as error:
            raise ValueError(f"the {network}'s {error}") from error
        if not np.isfinite(weights).all():
            raise ValueError(f"the {network}'s weights are not all finite numbers")
        return weights

    shape = config.width, config.hidden_size
    joined: dict[Network, Float32s] = {"discriminator": join("discriminator", discriminator_layout(*shape))}
    if parts["generator"]:
        joined["generator"] = join("generator", generator_layout(*shape))
    return joined


def _metadata(pattern: str, spread: float, hidden_size: int, weights: Iterable[Float32s]) -> dict[str, str]:
    """Return the model's settings, and a checksum of them and the weights, which safetensors itself does not have."""
    settings = {"hidden_size": str(hidden_size), "pattern": pattern, "spread": repr(float(spread))}
    digest = hashlib.sha256(json.dumps(settings).encode())
    for values in weights:
        digest.update(values.astype("<f4").tobytes())
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
