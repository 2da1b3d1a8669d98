"""The models of the Open Inference Protocol: a generator and a discriminator, whose versions are the jobs."""

from service.errors import ModelNotFoundError, ModelNotLoadedError
from service.jobs.registry import Registry

MODEL_NAMES = GENERATOR, DISCRIMINATOR = "generator", "discriminator"
MAX_VERSIONS = 1000  # listed, newest first; older versions serve requests all the same


class V2Models:
    """The models of one application. Any thread may call it.

    An unloaded model serves no requests of the protocol, in any version, until it is loaded or the service restarts.
    `/sample` and `/score` are not affected.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._unloaded: frozenset[str] = frozenset()

    def job_id(self, name: str, version: str | None) -> str:
        """Return the job of a version, or of the newest version.

        Raises:
            ModelNotFoundError: no model has this name.
            ModelNotLoadedError: the model is unloaded.
            NoModelError: the model has no version yet.
        """
        _check_name(name)
        if not self.is_loaded(name):
            raise ModelNotLoadedError(f"POST /v2/repository/models/{name}/load loads it again.")
        return version if version is not None else self._newest(name)

    def versions(self, name: str) -> list[str]:
        """List the succeeded jobs that trained this network, newest first."""
        jobs = self._registry.jobs(status="succeeded", kind="train", after=None, limit=MAX_VERSIONS)
        return [job.id for job in jobs if name == DISCRIMINATOR or job.train_config.experiment == "gan"]

    def is_loaded(self, name: str) -> bool:
        """Return False if the model is unloaded."""
        return name not in self._unloaded

    def load(self, name: str) -> None:
        """Load a model. Raise ModelNotFoundError or NoModelError as `job_id` does."""
        _check_name(name)
        self._newest(name)
        self._unloaded -= {name}

    def unload(self, name: str) -> None:
        """Unload a model. Raise ModelNotFoundError if no model has this name."""
        _check_name(name)
        self._unloaded |= {name}

    def _newest(self, name: str) -> str:
        return self._registry.models.latest(with_generator=name == GENERATOR)


def _check_name(name: str) -> None:
    if name not in MODEL_NAMES:
        raise ModelNotFoundError(
            f"The models are {' and '.join(MODEL_NAMES)}. The id of a training is a version of both."
        )
