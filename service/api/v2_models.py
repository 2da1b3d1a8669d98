"""The models of the Open Inference Protocol: two names, each with a version for every job that left weights.

An unloaded model serves no version until a client loads it or the service restarts. `/sample` and `/score` ignore this.
"""

from service.errors import ModelNotFoundError, ModelNotLoadedError
from service.jobs.registry import Registry

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
