"""What is kept of trainings: their histories, piece by piece, and of those that have not ended how to go on."""

import sqlite3
from dataclasses import replace

import numpy as np

from gan1010 import History, Progress, Snapshots
from gan1010.compiled.kernel import State
from gan1010.history import FAKE, GENERATOR, REAL
from service.job import Job
from service.storage.checksums import Arrays, decoding, pack_arrays, unpack_arrays
from service.storage.database import Database


class RunStore:
    """The histories and checkpoints of all trainings, by way of the database that they are part of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def persist(self, db: sqlite3.Connection, job: Job, progress: Progress | None) -> None:
        """Add what is new since the last time; and while the job has not ended, what it needs to go on.

        From the last progress of a run there is no going on, so it is kept with the job's end or not at all.
        """
        if progress is not None and (job.has_ended or progress.state is not None):
            row = db.execute("SELECT iteration FROM checkpoints WHERE job_id = ?", (job.id,)).fetchone()
            new = _arrays_after(progress, row[0] if row else -1)
            if len(new["iteration"]) or len(new["snapshot_iterations"]):
                piece = (job.id, progress.iteration, *pack_arrays(new, progress.iteration))
                db.execute("INSERT INTO histories VALUES (?, ?, ?, ?)", piece)
        if job.has_ended:
            db.execute("DELETE FROM checkpoints WHERE job_id = ?", (job.id,))
        elif progress is not None and progress.state is not None:
            row = (job.id, progress.iteration, *pack_arrays(progress.state._asdict(), progress.iteration))
            db.execute("INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?)", row)

    def delete(self, job_id: str) -> None:
        """Forget a training's history and how to go on: it is to be trained anew."""
        with self._database.transaction() as db:
            for table in ("histories", "checkpoints"):
                db.execute(f"DELETE FROM {table} WHERE job_id = ?", (job_id,))  # noqa: S608  # nosec B608

    def progress(self, job: Job) -> Progress | None:
        """How far a training had come when it was last kept; None if it has left nothing.

        Raises:
            ModelDamaged: what was kept is not what was written.
        """
        rows = self._database.rows(
            "SELECT arrays, sha256, iteration FROM histories WHERE job_id = ? ORDER BY iteration", job.id
        )
        if not rows:
            return None
        row = self._database.row("SELECT state, sha256, iteration FROM checkpoints WHERE job_id = ?", job.id)
        with decoding("the job's history"):
            history, snapshots = _history([unpack_arrays(*row) for row in rows])
        progress = Progress(iteration=job.iteration, history=history, snapshots=snapshots, result=job.result)
        if row is None:
            return progress
        with decoding("the job's checkpoint"):
            return replace(progress, iteration=row[-1], state=State(**unpack_arrays(*row)))


def _history(pieces: list[Arrays]) -> tuple[History, Snapshots]:
    """The losses and the weights of all pieces, oldest first."""
    whole = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    return History(
        iteration=whole["iteration"],
        discriminator_real_loss=whole[REAL],
        discriminator_fake_loss=whole[FAKE],
        generator_loss=whole.get(GENERATOR),
    ), Snapshots(
        iterations=whole["snapshot_iterations"],
        discriminators=whole["discriminators"],
        generators=whole["generators"],
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
