"""Workers of the Dask cluster: which there are, which are trusted, and which have room for a shard."""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any, Literal

from service.jobs.scheduler import SchedulerLostError, loss_errors
from service.jobs.verification import reason_to_refuse

RESPONSE_SECONDS = 5.0  # after which the scheduler counts as lost
SHARDS_PER_THREAD = 2  # one trains while the other is on its way
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClusterWorker:
    """A worker of the cluster."""

    address: str
    name: str
    threads: int
    status: Literal["checking", "trusted", "refused"] = "checking"
    reason: str | None = None  # why it is refused
    in_flight: int = 0  # shards that it trains or that wait for it


class ClusterWorkers:
    """The workers of a scheduler. Each is checked once, and trusted if it passes. Any thread may read them."""

    def __init__(self) -> None:
        self._workers: dict[str, ClusterWorker] = {}
        self._checks: dict[str, asyncio.Task[None]] = {}
        self.in_flight: Counter[str] = Counter()  # shards, by the address of the worker

    def __contains__(self, address: str) -> bool:
        return address in self._workers

    def all(self) -> tuple[ClusterWorker, ...]:
        """Return all workers."""
        return tuple(replace(it, in_flight=self.in_flight[it.address]) for it in list(self._workers.values()))

    def trusted(self) -> list[ClusterWorker]:
        """Return the workers that have passed their checks."""
        return [worker for worker in list(self._workers.values()) if worker.status == "trusted"]

    def are_all_refused(self) -> bool:
        """Return whether no worker can be used, also because there is none."""
        return all(worker.status == "refused" for worker in self._workers.values())

    def address_with_room(self) -> str | None:
        """Return the trusted worker with the fewest shards for each of its threads."""
        load = {
            worker.address: count / worker.threads
            for worker in self.trusted()
            if (count := self.in_flight[worker.address]) < SHARDS_PER_THREAD * worker.threads
        }
        return min(load, key=load.__getitem__, default=None)

    async def look(self, client: Any) -> None:
        """Compare the scheduler's workers with the known ones, and check new ones.

        Raises:
            SchedulerLostError: the scheduler does not respond.
        """
        try:
            found = (await asyncio.wait_for(client.scheduler.identity(n_workers=-1), RESPONSE_SECONDS))["workers"]
        except TimeoutError:
            raise SchedulerLostError(f"It has not responded for {RESPONSE_SECONDS:.0f} s.") from None
        for address in self._workers.keys() - found.keys():
            log.warning("The worker %s has left the cluster.", address)
            del self._workers[address]
            self._checks.pop(address).cancel()
        for address in found.keys() - self._workers.keys():
            name, threads = str(found[address]["name"]), found[address]["nthreads"]
            self._workers[address] = ClusterWorker(address=address, name=name, threads=threads)
            self._checks[address] = asyncio.create_task(self._check(client, address))

    def clear(self) -> Collection["asyncio.Task[None]"]:
        """Forget all workers, and return their checks, which may still run."""
        checks = list(self._checks.values())
        self._workers.clear()
        self._checks.clear()
        return checks

    async def _check(self, client: Any, address: str) -> None:
        try:
            reason = await reason_to_refuse(client, address)
        except loss_errors():  # the next look finds it again, if it is still there
            del self._workers[address], self._checks[address]
            return
        worker = self._workers[address]
        self._workers[address] = replace(worker, status="refused" if reason else "trusted", reason=reason)
        if reason:
            log.error("The worker %s is not used. %s", address, reason)
        else:
            log.info("The worker %s is used. Threads: %d.", address, worker.threads)
