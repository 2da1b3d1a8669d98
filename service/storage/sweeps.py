"""What is kept of sweeps: each finished shard's figures, from which all else can be told, and how far others are."""

import sqlite3

import numpy as np

from gan1010.compiled.kernel import State
from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members
from gan1010.sweeps.summary import SweepSummary
from service.storage.checksums import Arrays, decoding, pack_arrays, unpack_arrays
from service.storage.database import Database

REMEDY = "start the sweep again"


class SweepStore:
    """The shards of all sweeps, by way of the database that they are part of. Each call that writes is a transaction.

    Raises:
        CorruptDataError: by all that read a blob, where it is not what was written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_shard(self, job_id: str, number: int, members: Members) -> None:
        """Keep a finished shard; not its members' weights, which take the most room and can be trained again."""
        row = (job_id, number, len(members), *pack_arrays(members.columns, number))
        with self._database.transaction() as db:
            db.execute("INSERT INTO shards VALUES (?, ?, ?, ?, ?)", row)
            db.execute("DELETE FROM shard_checkpoints WHERE job_id = ? AND number = ?", (job_id, number))

    def checkpoint_shard(self, job_id: str, number: int, iteration: int, state: State) -> None:
        """Keep how far a shard is, in place of how far it was."""
        row = (job_id, number, iteration, *pack_arrays(state._asdict(), number, iteration))
        with self._database.transaction() as db:
            db.execute("INSERT OR REPLACE INTO shard_checkpoints VALUES (?, ?, ?, ?, ?)", row)

    def shard_checkpoint(self, job_id: str, number: int) -> tuple[int, State] | None:
        """How far a shard that has not finished is: its iteration, and its state, whose arrays may not be aligned."""
        row = self._database.row(
            "SELECT iteration, state, sha256 FROM shard_checkpoints WHERE job_id = ? AND number = ?", job_id, number
        )
        if row is None:
            return None
        with decoding(f"the checkpoint of the sweep's shard {number}", REMEDY):
            return row[0], State(**unpack_arrays(*row[1:], number, row[0]))

    def delete_shard(self, job_id: str, number: int) -> None:
        """Forget a shard and its checkpoint: it is to be trained anew."""
        with self._database.transaction() as db:
            for table in ("shards", "shard_checkpoints"):
                db.execute(f"DELETE FROM {table} WHERE job_id = ? AND number = ?", (job_id, number))  # noqa: S608  # nosec B608

    def delete_checkpoints(self, db: sqlite3.Connection, job_id: str) -> None:
        """A sweep has ended: forget how far the shards were that have not."""
        db.execute("DELETE FROM shard_checkpoints WHERE job_id = ?", (job_id,))

    def finished_shards(self, job_id: str) -> dict[int, int]:
        """The shards that are finished, by their number, and how many members each has."""
        return dict(self._database.rows("SELECT number, members FROM shards WHERE job_id = ?", job_id))

    def shard(self, job_id: str, number: int) -> Members | None:
        """A finished shard, without its members' weights; None if the sweep has been deleted."""
        row = self._database.row("SELECT columns, sha256 FROM shards WHERE job_id = ? AND number = ?", job_id, number)
        if row is None:
            return None
        with decoding(f"the sweep's shard {number}", REMEDY):
            return _members(unpack_arrays(*row, number))

    def summary(self, job_id: str, config: SweepConfig) -> SweepSummary:
        """What has come of a sweep, as far as it is kept."""
        summary = SweepSummary(config)
        for number in self.finished_shards(job_id):
            members = self.shard(job_id, number)
            if members is not None:
                summary.add(number, members)
        return summary


def _members(arrays: Arrays) -> Members:
    none = np.empty((len(arrays["index"]), 0), np.float32)
    return Members(**arrays, discriminators=none, generators=none)
