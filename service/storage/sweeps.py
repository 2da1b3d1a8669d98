"""Shards of sweeps, in the store's database: the results of finished ones, and checkpoints of the others."""

import sqlite3

from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members, SweepSummary
from gan1010.sweeps.shard_training import ShardProgress
from service.errors import JobNotFoundError
from service.storage.checksums import decoding, pack_arrays, unpack_arrays
from service.storage.database import Database

REMEDY = "Start the sweep again."


class SweepStore:
    """The tables `shards` and `shard_checkpoints`. Reading damaged arrays raises `CorruptDataError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def persist(self, db: sqlite3.Connection, job_id: str, number: int, shard: ShardProgress | Members) -> None:
        """Persist a shard's checkpoint in place of the one before, or a finished shard in place of its checkpoint.

        The weights of a finished shard are not stored: they are large, and any member can be trained again.
        """
        if isinstance(shard, ShardProgress):
            row = (job_id, number, shard.iteration, *pack_arrays(shard.arrays, number, shard.iteration))
            db.execute("INSERT OR REPLACE INTO shard_checkpoints VALUES (?, ?, ?, ?, ?)", row)
        else:
            row = (job_id, number, len(shard), *pack_arrays(shard.columns, number))
            db.execute("INSERT INTO shards VALUES (?, ?, ?, ?, ?)", row)
            db.execute("DELETE FROM shard_checkpoints WHERE job_id = ? AND number = ?", (job_id, number))

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

    def finished_shards(self, job_id: str) -> dict[int, int]:
        """Return the number of members of each finished shard, by the shard's number."""
        return dict(self._database.rows("SELECT number, members FROM shards WHERE job_id = ?", job_id))

    def shard(self, job_id: str, number: int) -> Members:
        """Load a finished shard, without weights; raise `JobNotFoundError` if the sweep has been deleted meanwhile."""
        row = self._database.row("SELECT columns, sha256 FROM shards WHERE job_id = ? AND number = ?", job_id, number)
        if row is None:
            raise JobNotFoundError
        with decoding(f"The sweep's shard {number}", REMEDY):
            return Members.of(unpack_arrays(*row, number))

    def summary(self, job_id: str, config: SweepConfig) -> SweepSummary:
        """Summarise the finished shards of a sweep."""
        summary = SweepSummary(config)
        for number in self.finished_shards(job_id):
            summary.add_shard(number, self.shard(job_id, number))
        return summary
