"""What has come of sweeps: from memory of those that run and of the last few that have ended, from disk of the rest."""

import threading

import numpy as np
import numpy.typing as npt

from gan1010 import Result
from gan1010.cells import Members
from service.errors import JobNotFound
from service.jobs import Job
from service.live import LiveJob, LiveSweep
from service.outcomes import Outcomes
from service.recovery import without_suspicion
from service.sweep_store import SweepStore

SWEEPS_IN_MEMORY = 4


class Sweeps:
    """The figures of all sweeps. Any thread may call it."""

    def __init__(self, store: SweepStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._ended: dict[str, tuple[Job, Outcomes]] = {}

    def prepare(self, live: LiveSweep) -> bool:
        """Have a sweep go on where it was left: find what is kept of it and which shards are missing.

        False if meanwhile it is not wanted to any more.
        """
        turn, config = live.turn, live.job.sweep_config
        done, outcomes = self._store.done(live.job.id), self._store.outcomes(live.job.id, config)
        with live.keeping:
            if live.turn != turn or live.prepared == turn or live.job.status != "running":
                return False
            live.prepared, live.outcomes = turn, outcomes
            live.missing.extend(number for number in range(len(config.shards)) if number not in done)
        return True

    def keep(self, live: LiveSweep, number: int, members: Members, turn: int) -> bool:
        """Keep a shard that is done; False if the turn in which it was is over."""
        with live.keeping:
            if turn != live.turn or live.outcomes is None:
                return False
            self._store.add(live.job.id, number, members)
            live.outcomes.add(number, members)
            live.job = without_suspicion(live.job)
        return True

    def outcomes(self, job: Job, live: LiveJob | None) -> Outcomes:
        """What has come of a sweep so far."""
        if isinstance(live, LiveSweep) and live.outcomes is not None:
            return live.outcomes
        kept = self._ended.get(job.id)
        if kept is not None:
            return kept[1]
        outcomes = self._store.outcomes(job.id, job.sweep_config)
        if job.ended:
            self.remember(job, outcomes)
        return outcomes

    def results(self, job: Job, outcomes: Outcomes, index: npt.NDArray[np.int64]) -> list[Result | None]:
        """What came of some members that are done, one by one; None of one that has diverged.

        Raises:
            JobNotFound: the sweep has just been deleted.
        """
        results: dict[int, Result | None] = {}
        for number, wanted in outcomes.by_shard(index).items():
            members = self._store.shard(job.id, number)
            if members is None:
                raise JobNotFound("the sweep has been deleted")
            rows = np.searchsorted(members.index, wanted)
            results |= {int(i): members.result(int(row)) for i, row in zip(wanted, rows, strict=True)}
        return [results[int(i)] for i in index]

    def job(self, job_id: str) -> Job | None:
        """A sweep that has ended, if it is in memory."""
        kept = self._ended.get(job_id)
        return kept[0] if kept else None

    def remember(self, job: Job, outcomes: Outcomes) -> None:
        """A sweep has ended, and somebody will look at it."""
        with self._lock:
            if len(self._ended) >= SWEEPS_IN_MEMORY:
                self._ended.pop(next(iter(self._ended)))
            self._ended[job.id] = job, outcomes

    def forget(self, job_id: str) -> None:
        """A sweep has been deleted."""
        with self._lock:
            self._ended.pop(job_id, None)
