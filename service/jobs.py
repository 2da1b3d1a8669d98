"""A job: what was asked for, and what has become of it."""

import dataclasses
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from gan1010 import Result, TrainConfig

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
Kind = Literal["train", "sweep"]
ENDED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})


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
    """A training and its state; a change of state is a new `Job`."""

    id: str
    kind: Kind = "train"
    name: str | None = None
    preset: str
    config: TrainConfig
    status: Status = "queued"
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    iteration: int = 0
    iterations_per_second: float | None = None
    result: Result | None = None
    error: JobError | None = None
    transitions: tuple[Transition, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED

    def moved(self, status: Status, detail: str | None = None, **changes: Any) -> "Job":
        """The job in another status from now on."""
        at = datetime.now(UTC)
        if status == "running":
            changes["started_at"] = at
        elif status == "queued":
            changes |= {"started_at": None, "iteration": 0, "iterations_per_second": None}
        elif status in ENDED:
            changes["finished_at"] = at
        transition = Transition(status=status, at=at, detail=detail)
        return dataclasses.replace(self, status=status, transitions=(*self.transitions, transition), **changes)


def new_job(id: str, preset: str, config: TrainConfig, name: str | None) -> Job:
    """A job that waits for a thread."""
    at = datetime.now(UTC)
    queued = Transition(status="queued", at=at)
    return Job(id=id, name=name, preset=preset, config=config, created_at=at, transitions=(queued,))


def job_ids(last: str | None) -> Iterator[str]:
    """Ids that sort by creation, after `last` even when the clock went back: nanoseconds, then chance, in hex."""
    latest = int(last[:16], 16) if last else 0
    while True:
        latest = max(time.time_ns(), latest + 1)
        yield f"{latest:016x}{secrets.token_hex(4)}"
