"""What is kept of sweeps: each finished shard's figures, a transaction each, from which all the rest can be told."""

from dataclasses import fields

import numpy as np
from safetensors import numpy as safetensors

from gan1010.cells import Members
from gan1010.grid import SweepConfig
from service.database import Database
from service.outcomes import Outcomes


class SweepStore:
    """The finished shards of all sweeps, by way of the database that they are part of."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, job_id: str, number: int, members: Members) -> None:
        """Keep a finished shard; not its members' weights, which take the most room and can be trained again."""
        row = (job_id, number, len(members), safetensors.save(members.columns))
        with self._database.transaction() as db:
            db.execute("INSERT INTO shards VALUES (?, ?, ?, ?)", row)

    def done(self, job_id: str) -> dict[int, int]:
        """The shards that are finished, by their number, and how many members each has."""
        return dict(self._database.rows("SELECT number, members FROM shards WHERE job_id = ?", job_id))

    def shard(self, job_id: str, number: int) -> Members | None:
        """A finished shard, without its members' weights; None if the sweep has been deleted."""
        rows = self._database.rows("SELECT columns FROM shards WHERE job_id = ? AND number = ?", job_id, number)
        return _members(rows[0][0]) if rows else None

    def outcomes(self, job_id: str, config: SweepConfig) -> Outcomes:
        """What has come of a sweep, as far as it is kept."""
        outcomes = Outcomes(config)
        for number in self.done(job_id):
            members = self.shard(job_id, number)
            if members is not None:
                outcomes.add(number, members)
        return outcomes


def _members(columns: bytes) -> Members:
    arrays = safetensors.load(columns)
    none = np.empty((len(arrays["index"]), 0), np.float32)
    return Members(**{field.name: arrays.get(field.name, none) for field in fields(Members)})
