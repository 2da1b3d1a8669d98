"""Histories and checkpoints of trainings, in the store's database."""

import sqlite3
from dataclasses import fields, replace
from typing import Any

import numpy as np

from gan1010 import History, Progress, Snapshots
from gan1010.compiled.kernel import State
from gan1010.history import GENERATOR
from service.job import Job
from service.storage.checksums import Arrays, decoding, pack_arrays, unpack_arrays
from service.storage.database import Database


class RunStore:
    """The tables `histories`, with a part for each checkpoint, and `checkpoints`, with the newest of each training."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def persist(self, db: sqlite3.Connection, job: Job, progress: Progress | None) -> None:
        """Append what is new in the history; replace the checkpoint, or delete it if the job has ended.

        A finished run has no state to resume from, so its history is stored together with the end of the job.
        """
        if progress is not None and (job.has_ended or progress.state is not None):
            row = db.execute("SELECT iteration FROM checkpoints WHERE job_id = ?", (job.id,)).fetchone()
            new = _arrays_after(progress, row[0] if row else -1)
            if len(new["iteration"]) or len(new["iterations"]):
                part = (job.id, progress.iteration, *pack_arrays(new, progress.iteration))
                db.execute("INSERT INTO histories VALUES (?, ?, ?, ?)", part)
        if job.has_ended:
            db.execute("DELETE FROM checkpoints WHERE job_id = ?", (job.id,))
        elif progress is not None and progress.state is not None:
            row = (job.id, progress.iteration, *pack_arrays(progress.state._asdict(), progress.iteration))
            db.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)", row)

    def delete(self, job_id: str) -> None:
        """Delete a training's history and checkpoint, so that it starts again."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM histories WHERE job_id = ?", (job_id,))
            db.execute("DELETE FROM checkpoints WHERE job_id = ?", (job_id,))

    def progress(self, job: Job) -> Progress | None:
        """Load the last persisted progress of a training.

        Raises:
            CorruptDataError: it is damaged.
        """
        parts = self._database.rows(
            "SELECT arrays, sha256, iteration FROM histories WHERE job_id = ? ORDER BY iteration", job.id
        )
        if not parts:
            return None
        checkpoint = self._database.row("SELECT state, sha256, iteration FROM checkpoints WHERE job_id = ?", job.id)
        with decoding("The job's history"):
            history, snapshots = _history([unpack_arrays(*part) for part in parts])
        progress = Progress(
            config=job.train_config, iteration=job.iteration, history=history, snapshots=snapshots, result=job.result
        )
        if checkpoint is None:
            return progress
        with decoding("The job's checkpoint"):
            return replace(progress, iteration=checkpoint[-1], state=State(**unpack_arrays(*checkpoint)))


def _history(parts: list[Arrays]) -> tuple[History, Snapshots]:
    """Join the parts of a history, oldest first."""
    whole: dict[str, Any] = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    snapshots = Snapshots(**{field.name: whole.pop(field.name) for field in fields(Snapshots)})
    return History(**{GENERATOR: None, **whole}), snapshots


def _arrays_after(progress: Progress, iteration: int) -> Arrays:
    """Return the part of the history after an iteration."""
    history, snapshots = progress.history.after(iteration), progress.snapshots
    first = int(np.searchsorted(snapshots.iterations, iteration, side="right"))
    return {"iteration": history.iteration, **history.series, **vars(snapshots.take(slice(first, None)))}
