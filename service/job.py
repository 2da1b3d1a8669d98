"""A job: what was asked for, and what has become of it."""

import dataclasses
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

from gan1010 import Result, TrainConfig
from gan1010.sweeps.grid import SweepConfig
from service.errors import WrongJobKindError

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
StopStatus = Literal["cancelled", "paused"]
Kind = Literal["train", "sweep"]
ENDED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})


def _kind(config: object) -> Kind:
    """Of which kind a config is, also one that has just been read: only a sweep's counts seeds."""
    is_sweep = "seeds" in config if isinstance(config, dict) else isinstance(config, SweepConfig)
    return "sweep" if is_sweep else "train"


Config = Annotated[  # left to itself, pydantic would read each as both and see which fits better
    Annotated[TrainConfig, Tag("train")] | Annotated[SweepConfig, Tag("sweep")], Discriminator(_kind)
]


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One change of a job's status."""

    status: Status
    at: datetime
    detail: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobError:
    """Why a job failed."""

    type: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training or a sweep of trainings, and its state; a change of state is a new `Job`.

    A sweep's `iteration` counts its members that are done, and its figures are kept apart from it.
    """

    id: str
    kind: Kind = "train"
    name: str | None = None
    preset: str
    config: Config
    status: Status = "queued"
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    iteration: int = 0
    iterations_per_second: float | None = None
    result: Result | None = None
    error: JobError | None = None
    attempts: int = 0  # runs in a row that ended with the process's death before a checkpoint
    transitions: tuple[Transition, ...] = ()

    @property
    def iterations(self) -> int:
        """What `iteration` comes to at the end."""
        return self.config.members if isinstance(self.config, SweepConfig) else self.config.iterations

    @property
    def train_config(self) -> TrainConfig:
        """What a training is made with.

        Raises:
            WrongJobKindError: it is a sweep.
        """
        if isinstance(self.config, SweepConfig):
            raise WrongJobKindError(f"the job is a sweep; GET /sweeps/{self.id}/results has what came of it")
        return self.config

    @property
    def sweep_config(self) -> SweepConfig:
        """What a sweep is made of.

        Raises:
            WrongJobKindError: it is a training.
        """
        if not isinstance(self.config, SweepConfig):
            raise WrongJobKindError(f"the job is a training, not a sweep; GET /jobs/{self.id} has what came of it")
        return self.config

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED

    def with_status(self, status: Status, detail: str | None = None, **changes: Any) -> "Job":
        """The job in another status from now on."""
        at = datetime.now(UTC)
        if status == "running":
            changes["started_at"] = self.started_at or at
        elif status in ENDED:
            changes["finished_at"] = at
        else:
            changes["iterations_per_second"] = None
        transition = Transition(status=status, at=at, detail=detail)
        return dataclasses.replace(self, status=status, transitions=(*self.transitions, transition), **changes)


def new_job(id: str, preset: str, config: TrainConfig | SweepConfig, name: str | None) -> Job:
    """A job that waits for a thread."""
    at = datetime.now(UTC)
    queued = Transition(status="queued", at=at)
    return Job(id=id, kind=_kind(config), name=name, preset=preset, config=config, created_at=at, transitions=(queued,))


JOB_ID_PATTERN = "^[0-9a-f]{24}$"


def job_ids(last: str | None) -> Iterator[str]:
    """Ids that sort by creation, after `last` even when the clock went back: nanoseconds, then chance, in hex."""
    latest = int(last[:16], 16) if last else 0
    while True:
        latest = max(time.time_ns(), latest + 1)
        yield f"{latest:016x}{secrets.token_hex(4)}"
