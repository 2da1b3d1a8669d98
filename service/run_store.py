"""What is kept of trainings: their histories, piece by piece, and of those that have not ended how to go on."""

import sqlite3
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import numpy as safetensors

from gan1010 import History, Progress, Snapshots
from gan1010.history import FAKE, GENERATOR, REAL
from gan1010.kernel import State
from service.database import Database
from service.jobs import Job

Arrays = dict[str, npt.NDArray[Any]]


class RunStore:
    """The histories and checkpoints of all trainings, by way of the database that they are part of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, db: sqlite3.Connection, job: Job, progress: Progress | None) -> None:
        """Add what is new since the last time; and while the job has not ended, what it needs to go on.

        From the last progress of a run there is no going on, so it is kept with the job's end or not at all.
        """
        if progress is not None and (job.ended or progress.state is not None):
            row = db.execute("SELECT iteration FROM checkpoints WHERE job_id = ?", (job.id,)).fetchone()
            new = _arrays_after(progress, row[0] if row else -1)
            if len(new["iteration"]) or len(new["snapshot_iterations"]):
                row = (job.id, progress.iteration, safetensors.save(new))
                db.execute("INSERT INTO histories VALUES (?, ?, ?)", row)
        if job.ended:
            db.execute("DELETE FROM checkpoints WHERE job_id = ?", (job.id,))
        elif progress is not None and progress.state is not None:
            state = safetensors.save(progress.state._asdict())
            db.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?)", (job.id, progress.iteration, state))

    def progress(self, job: Job) -> Progress | None:
        """How far a training had come when it was last kept; None if it has left nothing."""
        rows = self._database.rows("SELECT arrays FROM histories WHERE job_id = ? ORDER BY iteration", job.id)
        if not rows:
            return None
        pieces = [safetensors.load(arrays) for (arrays,) in rows]
        whole = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
        row = self._database.row("SELECT iteration, state FROM checkpoints WHERE job_id = ?", job.id)
        return Progress(
            iteration=row[0] if row else job.iteration,
            history=History(
                iteration=whole["iteration"],
                discriminator_real_loss=whole[REAL],
                discriminator_fake_loss=whole[FAKE],
                generator_loss=whole.get(GENERATOR),
            ),
            snapshots=Snapshots(
                iterations=whole["snapshot_iterations"],
                discriminators=whole["discriminators"],
                generators=whole["generators"],
            ),
            result=job.result,
            state=State(**safetensors.load(row[1])) if row else None,
        )


def _arrays_after(progress: Progress, iteration: int) -> Arrays:
    """What was recorded and what was kept past an iteration."""
    history, snapshots = progress.history.after(iteration), progress.snapshots
    new = slice(int(np.searchsorted(snapshots.iterations, iteration, side="right")), None)
    return {
        "iteration": history.iteration,
        **history.series,
        "snapshot_iterations": snapshots.iterations[new],
        "discriminators": snapshots.discriminators[new],
        "generators": snapshots.generators[new],
    }
