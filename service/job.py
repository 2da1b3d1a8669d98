"""Jobs: a training or a sweep, its configuration and its state."""

import dataclasses
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Tag

from gan1010 import Result, TrainConfig
from gan1010.sweeps.grid import SweepConfig
from service.errors import WrongJobKindError

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
EndedStatus = Literal["succeeded", "failed", "cancelled"]
StopStatus = Literal["cancelled", "paused"]
Kind = Literal["train", "sweep"]
JOB_ID_PATTERN = "^[0-9a-f]{24}$"
ENDED: frozenset[Status] = frozenset(get_args(EndedStatus))


def _kind(config: object) -> Kind:
    """Return the kind of a config, parsed or as a dictionary: only a sweep's has `seeds`."""
    is_sweep = "seeds" in config if isinstance(config, dict) else isinstance(config, SweepConfig)
    return "sweep" if is_sweep else "train"


Config = Annotated[  # without the discriminator, pydantic validates each config against both types
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
    """The reason why a job failed."""

    type: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training or a sweep with its state; a change of state is a new `Job`. A sweep's `iteration` counts members."""

    id: str
    kind: Kind = "train"
    name: str | None = None
    note: str | None = None
    tags: tuple[str, ...] = ()
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
    attempts: int = 0  # crashes in a row without a checkpoint in between
    transitions: tuple[Transition, ...] = ()

    @property
    def iterations(self) -> int:
        """The value of `iteration` at the end."""
        return self.config.members if isinstance(self.config, SweepConfig) else self.config.iterations

    @property
    def train_config(self) -> TrainConfig:
        """A training's configuration; a sweep raises `WrongJobKindError`."""
        if isinstance(self.config, SweepConfig):
            raise WrongJobKindError(f"The job is a sweep. GET /sweeps/{self.id}/results has its results.")
        return self.config

    @property
    def sweep_config(self) -> SweepConfig:
        """A sweep's configuration; a training raises `WrongJobKindError`."""
        if not isinstance(self.config, SweepConfig):
            raise WrongJobKindError(f"The job is a training, not a sweep. GET /jobs/{self.id} has its result.")
        return self.config

    @property
    def has_ended(self) -> bool:
        """True once the status is final."""
        return self.status in ENDED

    def with_status(self, status: Status, detail: str | None = None, **changes: Any) -> "Job":
        """Return the job with a new status, recorded as a transition."""
        at = max(datetime.now(UTC), self.created_at, *(before.at for before in self.transitions))  # clocks are set back
        if status == "running":
            changes["started_at"] = self.started_at or at
        elif status in ENDED:
            changes["finished_at"] = at
        else:
            changes["iterations_per_second"] = None
        transition = Transition(status=status, at=at, detail=detail)
        return dataclasses.replace(self, status=status, transitions=(*self.transitions, transition), **changes)


def new_job(id: str, preset: str, config: TrainConfig | SweepConfig, name: str | None) -> Job:
    """Return a queued job."""
    at = datetime.now(UTC)
    queued = Transition(status="queued", at=at)
    return Job(id=id, kind=_kind(config), name=name, preset=preset, config=config, created_at=at, transitions=(queued,))


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Jobs that have ended, by all of these criteria.

    Args:
        statuses: their statuses.
        before: they ended before this time.
        name: they have this name.
        keep: they are not among the newest of these statuses, so many of them.
        ids: they have one of these ids.
    """

    statuses: frozenset[Status] = ENDED
    before: datetime | None = None
    name: str | None = None
    keep: int = 0
    ids: frozenset[str] | None = None

    def has(self, id: str, status: str, name: str | None, finished_at: str | None) -> bool:
        """Return whether a job is selected; `keep` is up to the caller."""
        if self.ids is not None and id not in self.ids:
            return False
        if status not in self.statuses or self.name not in (None, name):
            return False
        return self.before is None or (finished_at is not None and datetime.fromisoformat(finished_at) < self.before)


def created_at(id: str) -> float:
    """Return when a job was created, as Unix time."""
    return int(id[:16], 16) / 1e9


def job_ids(last: str | None) -> Iterator[str]:
    """Yield ids that sort by creation, after `last` even if the clock went back: nanoseconds and random bits in hex."""
    latest = int(last[:16], 16) if last else 0
    while True:
        latest = max(time.time_ns(), latest + 1)
        yield f"{latest:016x}{secrets.token_hex(4)}"
