"""Metadata of the Open Inference Protocol: the server, and the tensors of each model."""

from importlib.metadata import version
from typing import Any

from gan1010 import Model
from service.api.inference.v2_tensors import DATATYPE, TensorSpec
from service.api.v2_models import DISCRIMINATOR
from service.errors import NoGeneratorError

SERVER_METADATA = {
    "name": "gan1010",
    "version": version("gan1010"),
    "extensions": ["binary_tensor_data", "model_repository"],
}


def tensor_specs(name: str, model: Model) -> tuple[TensorSpec, TensorSpec]:
    """Return the input and the output of a model's version.

    Raises:
        NoGeneratorError: the version's job trained no generator.
    """
    width = len(model.pattern)
    if name == DISCRIMINATOR:
        return TensorSpec(name="vector", width=width), TensorSpec(name="score", width=1)
    if model.generator is None:
        raise NoGeneratorError
    return TensorSpec(name="seed", width=1), TensorSpec(name="sample", width=width)


def describe_model(name: str, model: Model, versions: list[str]) -> dict[str, Any]:
    """Return the protocol's metadata of a model."""
    input_spec, output_spec = (
        [{"name": spec.name, "datatype": DATATYPE, "shape": [-1, spec.width]}] for spec in tensor_specs(name, model)
    )
    return {"name": name, "versions": versions, "platform": "gan1010", "inputs": input_spec, "outputs": output_spec}
