"""Metadata of the Open Inference Protocol: the server, and the tensors of each model."""

from importlib.metadata import version
from typing import Any

from gan1010 import Model
from service.api.inference.v2_tensors import DATATYPE, TensorSpec
from service.api.v2_models import DISCRIMINATOR
from service.errors import NoGeneratorError

SERVER = {
    "name": "gan1010",
    "version": version("gan1010"),
    "extensions": ["binary_tensor_data", "model_repository"],
}


def tensors_of(name: str, model: Model) -> tuple[TensorSpec, TensorSpec]:
    """What a job's network of that name takes, and what it answers.

    Raises:
        NoGeneratorError: the job trained none.
    """
    width = len(model.pattern)
    if name == DISCRIMINATOR:
        return TensorSpec(name="vector", width=width), TensorSpec(name="score", width=1)
    if model.generator is None:
        raise NoGeneratorError("the job is a discriminator experiment, which trains no generator; name another version")
    return TensorSpec(name="seed", width=1), TensorSpec(name="sample", width=width)


def metadata_of(name: str, model: Model, versions: list[str]) -> dict[str, Any]:
    """What is said of a model.

    Raises:
        NoGeneratorError: the job trained none.
    """
    takes, answers = tensors_of(name, model)
    tensors = {
        kind: [{"name": spec.name, "datatype": DATATYPE, "shape": [-1, spec.width]}]
        for kind, spec in (("inputs", takes), ("outputs", answers))
    }
    return {"name": name, "versions": versions, "platform": "gan1010", **tensors}
