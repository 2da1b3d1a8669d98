"""The models that the Open Inference Protocol knows: two names, and every job with weights is a version of them.

A model that is unloaded does not answer, in any version, until it is loaded or the service starts anew. Only clients
of the protocol see that: `/sample` and `/score` go on.
"""

from importlib.metadata import version
from typing import Any

from gan1010 import Model
from service.api.inference.v2_tensors import DATATYPE, TensorSpec
from service.errors import ModelNotFoundError, ModelNotLoadedError, NoGeneratorError
from service.jobs.registry import Registry

SERVER = {
    "name": "gan1010",
    "version": version("gan1010"),
    "extensions": ["binary_tensor_data", "model_repository"],
}
NAMES = GENERATOR, DISCRIMINATOR = "generator", "discriminator"
MAX_VERSIONS = 1000  # that are listed, the newest; others answer all the same


class V2Models:
    """Both models of one application. Any thread may call it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._unloaded: frozenset[str] = frozenset()

    def version(self, name: str, version: str | None) -> str:
        """The job that a version is: the one that is named, or the newest.

        Raises:
            ModelNotFoundError: there is no model of this name.
            ModelNotLoadedError: there is, but it does not answer now.
            NoModelError: it has no version.
        """
        _check(name)
        if name in self._unloaded:
            raise ModelNotLoadedError(f"POST /v2/repository/models/{name}/load makes it answer again")
        return version if version is not None else self._registry.models.latest(with_generator=name == GENERATOR)

    def versions(self, name: str) -> list[str]:
        """The jobs that have trained such a network to the end, the newest first."""
        jobs = self._registry.jobs(status="succeeded", kind="train", after=None, limit=MAX_VERSIONS)
        return [job.id for job in jobs if name == DISCRIMINATOR or job.train_config.experiment == "gan"]

    def is_loaded(self, name: str) -> bool:
        """Whether it answers."""
        return name not in self._unloaded

    def load(self, name: str) -> None:
        """Have it answer again.

        Raises:
            ModelNotFoundError: there is no model of this name.
            NoModelError: it has no version.
        """
        _check(name)
        self._registry.models.latest(with_generator=name == GENERATOR)
        self._unloaded -= {name}

    def unload(self, name: str) -> None:
        """Have it not answer.

        Raises:
            ModelNotFoundError: there is no model of this name.
        """
        _check(name)
        self._unloaded |= {name}


def _check(name: str) -> None:
    if name not in NAMES:
        raise ModelNotFoundError(f"the models are {' and '.join(NAMES)}; the id of a training is a version of both")


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
