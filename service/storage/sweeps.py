"""Shards of sweeps, in the store's database: the results of finished ones, and checkpoints of the others."""

import sqlite3

import numpy as np

from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members
from gan1010.sweeps.summary import SweepSummary
from gan1010.sweeps.sweeping import ShardProgress
from service.storage.checksums import Arrays, decoding, pack_arrays, unpack_arrays
from service.storage.database import Database

REMEDY = "Start the sweep again."


class SweepStore:
    """The tables `shards` and `shard_checkpoints`. Reading damaged arrays raises `CorruptDataError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_shard(self, db: sqlite3.Connection, job_id: str, number: int, members: Members) -> None:
        """Persist a finished shard, without the weights: they are large, and a member can be trained again."""
        row = (job_id, number, len(members), *pack_arrays(members.columns, number))
        db.execute("INSERT INTO shards VALUES (?, ?, ?, ?, ?)", row)
        db.execute("DELETE FROM shard_checkpoints WHERE job_id = ? AND number = ?", (job_id, number))

    def checkpoint_shard(self, db: sqlite3.Connection, job_id: str, number: int, progress: ShardProgress) -> None:
        """Persist a shard's checkpoint in place of the one before."""
        row = (job_id, number, progress.iteration, *pack_arrays(progress.arrays, number, progress.iteration))
        db.execute("INSERT OR REPLACE INTO shard_checkpoints VALUES (?, ?, ?, ?, ?)", row)

    def shard_checkpoint(self, job_id: str, number: int) -> ShardProgress | None:
        """Load a shard's checkpoint; None if it has none."""
        row = self._database.row(
            "SELECT iteration, state, sha256 FROM shard_checkpoints WHERE job_id = ? AND number = ?", job_id, number
        )
        if row is None:
            return None
        with decoding(f"The checkpoint of the sweep's shard {number}", REMEDY):
            return ShardProgress.from_arrays(row[0], unpack_arrays(*row[1:], number, row[0]))

    def delete_shard(self, job_id: str, number: int) -> None:
        """Delete a shard and its checkpoint, so that it is trained again."""
        with self._database.transaction() as db:
            db.execute("DELETE FROM shards WHERE job_id = ? AND number = ?", (job_id, number))
            db.execute("DELETE FROM shard_checkpoints WHERE job_id = ? AND number = ?", (job_id, number))

    def delete_checkpoints(self, db: sqlite3.Connection, job_id: str) -> None:
        """Delete the checkpoints of a sweep that has ended."""
        db.execute("DELETE FROM shard_checkpoints WHERE job_id = ?", (job_id,))

    def finished_shards(self, job_id: str) -> dict[int, int]:
        """Return the number of members of each finished shard, by the shard's number."""
        return dict(self._database.rows("SELECT number, members FROM shards WHERE job_id = ?", job_id))

    def shard(self, job_id: str, number: int) -> Members | None:
        """Load a finished shard, without weights; None if the sweep has been deleted."""
        row = self._database.row("SELECT columns, sha256 FROM shards WHERE job_id = ? AND number = ?", job_id, number)
        if row is None:
            return None
        with decoding(f"The sweep's shard {number}", REMEDY):
            return _members(unpack_arrays(*row, number))

    def summary(self, job_id: str, config: SweepConfig) -> SweepSummary:
        """Summarise the finished shards of a sweep."""
        summary = SweepSummary(config)
        for number in self.finished_shards(job_id):
            members = self.shard(job_id, number)
            if members is not None:
                summary.add(number, members)
        return summary


def _members(arrays: Arrays) -> Members:
    no_weights = np.empty((len(arrays["index"]), 0), np.float32)
    return Members(**arrays, discriminators=no_weights, generators=no_weights)
