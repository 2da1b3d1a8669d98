"""Models as bytes in the safetensors format: both networks in one file, or one of them for anybody's torch. No pickle.

`dump` and `load` are the way to disk and back: the same model always gives the same bytes, and whatever has happened
to the bytes, `load` gives the same model or says what is wrong.
"""

import hashlib
import json
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from gan1010.config import TrainConfig
from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.model import Model
from gan1010.types import Array, Float32s

Tensors = dict[str, Array]

MAX_FILE_BYTES = 64 * 1024  # the largest model there can be takes 11 KiB; so no header is huge either
LENGTH_BYTES = 8  # a file opens with the length of its header, which is padded to a multiple of as much


def dump(model: Model) -> bytes:
    """Both networks (the keys are `discriminator.0.weight` ... `generator.2.bias`) and what the model is of."""
    tensors = {
        f"{name}.{key}": part
        for name, (layout, weights) in _networks(model).items()
        for key, part in layout.split(weights).items()
    }
    return _in_fixed_order(save_tensors(tensors, metadata=_metadata(model)))


def dump_network(model: Model, name: Literal["discriminator", "generator"]) -> bytes:
    """One network under the keys of `torch.nn.Sequential(Linear, Sigmoid, Linear, Sigmoid)`, for `load_state_dict`.

    Raises:
        ValueError: the model has no generator.
    """
    networks = _networks(model)
    if name not in networks:
        raise ValueError("the discriminator experiment trains no generator, so there is none to save")
    layout, weights = networks[name]
    return save_tensors(layout.split(weights))


def load(data: bytes) -> Model:
    """The model that `dump` made these bytes of.

    Raises:
        ValueError: the bytes are damaged or not such a file; the message says what is wrong.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"not a model file: it has {len(data):,} bytes, and none has over {MAX_FILE_BYTES:,}")
    try:
        tensors = load_tensors(data)
    except SafetensorError as error:
        raise ValueError(f"not a model file, or a damaged one: {error}") from error
    except KeyError as error:  # a type that numpy does not have
        raise ValueError(f"every tensor must be float32, not {error.args[0]}") from error
    metadata = _header(data).get("__metadata__") or {}
    model = _model(metadata, tensors)
    if metadata != _metadata(model):
        raise ValueError("the model file is damaged: its content is not what its sha256 says")
    return model


def _model(metadata: dict[str, str], tensors: Tensors) -> Model:
    """Raises ValueError: a setting or a tensor is missing, is one too many, or cannot be."""
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


def _networks(model: Model) -> dict[str, tuple[Layout, Float32s]]:
    """The networks that there are: how the weights lie, and the weights."""
    networks = {"discriminator": (model.discriminator_layout, model.discriminator)}
    if model.generator is not None:
        networks["generator"] = (model.generator_layout, model.generator)
    return networks


def _metadata(model: Model) -> dict[str, str]:
    """What the model is of, and a digest of that and the weights: safetensors itself notices no changed digit."""
    settings = {"hidden_size": str(model.hidden_size), "pattern": model.pattern, "spread": repr(float(model.spread))}
    digest = hashlib.sha256(json.dumps(settings).encode())
    for _, weights in _networks(model).values():
        digest.update(weights.astype("<f4").tobytes())
    return {**settings, "sha256": digest.hexdigest()}


def _header(data: bytes) -> dict[str, Any]:
    end = LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little")
    header: dict[str, Any] = json.loads(data[LENGTH_BYTES:end])
    return header


def _in_fixed_order(data: bytes) -> bytes:
    """The same file with its metadata sorted: safetensors writes them in another order every time."""
    header = _header(data)
    tensors = data[LENGTH_BYTES + int.from_bytes(data[:LENGTH_BYTES], "little") :]
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH_BYTES)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text + tensors
