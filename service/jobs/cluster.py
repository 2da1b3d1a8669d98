"""Dask cluster: train the shards of sweeps on the workers of a Dask scheduler.

An event loop in a thread of its own talks to the scheduler, so requests never wait for the cluster. A worker receives
shards only after a test shard has given the same bits as here. Dask decides nothing: each shard is sent to one worker,
and is queued again if that worker or the scheduler is lost.
"""

import asyncio
import contextlib
import hashlib
import importlib.metadata
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, Literal

from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.results import Members
from gan1010.sweeps.sweeping import train_whole_shard
from service.errors import ENVIRONMENT_ERRORS
from service.jobs.active_job import ActiveJob
from service.jobs.queue import ShardTask
from service.jobs.registry import Registry
from service.jobs.scheduler import SchedulerError, SchedulerLostError, check_dask, connect
from service.jobs.worker import WorkerPool

RESPONSE_SECONDS = 5.0  # after which the scheduler counts as lost
RECONNECT_SECONDS = 1.0
LOOK_SECONDS = 0.1  # between two looks at the queue
WORKERS_SECONDS = 0.5  # between two looks at the workers
RETRY_SECONDS = 1.0  # after a failure of a worker's environment
SHARDS_PER_THREAD = 2  # one trains while the other is on its way
# Cross-entropy, Adam and the normal latent use every function of the compiled code whose bits could differ.
TEST_SWEEP = SweepConfig(
    base={"iterations": 300, "loss": "bce", "optimizer": "adam", "latent": "normal", "learning_rate": 0.01}, seeds=64
)
NO_WORKER = "The cluster has no usable worker. The sweep waits for one."
UNREACHABLE = "The scheduler cannot be reached. The sweep waits for it."
LOCAL = "The scheduler cannot be reached. The threads of the service train the sweep."
AGAIN = "The cluster trains the sweep again."
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


@dataclass(frozen=True, kw_only=True)
class ClusterStatus:
    """The cluster as it was last seen."""

    scheduler: str | None = None
    connected: bool = False
    detail: str | None = None  # why it is not connected
    dashboard: str | None = None
    threads: int = 0  # of all trusted workers
    in_flight: int = 0  # shards
    workers: tuple[ClusterWorker, ...] = ()


class Cluster:
    """The connection to a scheduler, if there is an address. `status` is a snapshot that any thread may read."""

    def __init__(self, registry: Registry, pool: WorkerPool, address: str | None, *, fallback: bool) -> None:
        self._registry, self._pool, self._address, self._fallback = registry, pool, address or "", fallback
        self.status = ClusterStatus(scheduler=address)
        self._workers: dict[str, ClusterWorker] = {}
        self._shards: dict[asyncio.Task[None], tuple[ShardTask, str]] = {}  # and the addresses of their workers
        self._other_tasks: set[asyncio.Task[None]] = set()
        self._announced: dict[str, str | None] = {}  # by job id, what its last transition says of the cluster
        self._stop: Callable[[], object] | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="cluster", daemon=True)
        self._first_contact = threading.Event()
        self._setup_error: SchedulerError | None = None

    def start(self) -> None:
        """Connect to the scheduler. If it cannot be reached, keep trying in the background.

        Raises:
            SchedulerError: Dask is not installed, or the address, the versions or the encryption do not fit.
        """
        if not self._address:
            return
        check_dask()
        self._registry.queue.trains_sweeps_locally = False
        self._thread.start()
        self._first_contact.wait()
        if self._setup_error is not None:
            self._thread.join()
            raise self._setup_error

    def stop(self) -> None:
        """Drop all shards and close the connection. The shards are trained again after the next start."""
        if self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._stop()
            self._thread.join(2 * RESPONSE_SECONDS)

    async def _run(self) -> None:
        connecting = asyncio.create_task(self._connect_again_and_again())
        self._stop = partial(asyncio.get_running_loop().call_soon_threadsafe, connecting.cancel)
        await asyncio.wait({connecting})

    async def _connect_again_and_again(self) -> None:
        while True:
            try:
                await self._use_scheduler()
            except SchedulerError as error:
                if not self._first_contact.is_set():
                    self._setup_error = error
                    self._first_contact.set()
                    return
                self._lose_scheduler(str(error))
            except (SchedulerLostError, OSError) as error:
                self._lose_scheduler(str(error))
            except Exception as error:
                log.exception("The connection to the cluster failed. It is opened again.")
                self._lose_scheduler(f"{type(error).__name__}: {error}")
            self._announce(LOCAL if self._fallback else UNREACHABLE)
            self._first_contact.set()
            await asyncio.sleep(RECONNECT_SECONDS)

    def _lose_scheduler(self, detail: str) -> None:
        if self.status.detail is None:
            taking_over = "The threads of the service train sweeps." if self._fallback else "Sweeps wait for it."
            log.warning("The scheduler %s cannot be reached. %s (%s)", self._address, taking_over, detail)
        self._workers.clear()
        self._publish(connected=False, detail=detail, dashboard=None)
        self._registry.queue.trains_sweeps_locally = self._fallback

    async def _use_scheduler(self) -> None:
        """Connect, and send shards to the workers until the service stops or the scheduler is lost."""
        client = await connect(self._address)
        try:
            log.info("The scheduler %s trains the sweeps.", self._address)
            self._registry.queue.trains_sweeps_locally = False
            self._publish(connected=True, detail=None, dashboard=client.dashboard_link)
            self._first_contact.set()
            await self._send_shards(client)
        finally:
            await self._drop([*self._shards, *self._other_tasks])
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.close(), RESPONSE_SECONDS)

    async def _send_shards(self, client: Any) -> None:
        seen = 0.0
        while True:
            if client.status != "running":
                raise SchedulerLostError("the connection was closed")
            if time.monotonic() - seen >= WORKERS_SECONDS:
                await self._look_at_workers(client)
                seen = time.monotonic()
            await self._drop([task for task, (shard, address) in self._shards.items() if self._is_lost(shard, address)])
            self._fill(client)
            self._publish()
            tick = asyncio.create_task(asyncio.sleep(LOOK_SECONDS))
            await asyncio.wait({tick, *self._shards}, return_when=asyncio.FIRST_COMPLETED)
            tick.cancel()

    async def _look_at_workers(self, client: Any) -> None:
        """Compare the scheduler's workers with the known ones; begin to check new ones."""
        try:
            found = (await asyncio.wait_for(client.scheduler.identity(n_workers=-1), RESPONSE_SECONDS))["workers"]
        except TimeoutError:
            raise SchedulerLostError(f"it has not responded for {RESPONSE_SECONDS:.0f} s") from None
        for address in self._workers.keys() - found.keys():
            log.warning("The worker %s has left the cluster.", address)
            del self._workers[address]
        for address, worker in found.items():
            if address not in self._workers:
                self._workers[address] = ClusterWorker(
                    address=address, name=str(worker["name"]), threads=worker["nthreads"]
                )
                self._begin(self._check(client, address))
        usable = any(worker.status != "refused" for worker in self._workers.values())
        self._announce(None if usable else NO_WORKER)

    async def _check(self, client: Any, address: str) -> None:
        """Let a new worker train the test shard, and trust it if it has the same version and gives the same bits."""
        ours, reason = importlib.metadata.version("gan1010"), None
        options = {"workers": [address], "pure": False}
        try:
            theirs = await client.submit(importlib.metadata.version, "gan1010", **options)
            if theirs != ours:
                reason = f"It has gan1010 {theirs} and the service {ours}. Install the same version."
            else:
                settings = TEST_SWEEP.shard_settings(TEST_SWEEP.shards[0])
                members = await client.submit(train_whole_shard, settings, **options)
                if digest(members) != await asyncio.to_thread(expected_digest):
                    reason = "Its processor or its libraries give other bits. Use the same image or libraries as here."
        except Exception as error:
            reason = f"The test shard failed with {type(error).__name__}: {error}"
        if (worker := self._workers.get(address)) is not None:
            self._workers[address] = replace(worker, status="refused" if reason else "trusted", reason=reason)
            if reason:
                log.error("The worker %s is not used. %s", address, reason)
            else:
                log.info("The worker %s is used, with %d threads.", address, worker.threads)

    def _is_lost(self, shard: ShardTask, address: str) -> bool:
        """Return whether a shard's sweep has stopped, or its worker has left."""
        return shard.generation != shard.sweep.generation or address not in self._workers

    def _fill(self, client: Any) -> None:
        """Send shards to the workers that have room, and start sweeps that wait."""
        while True:
            address = self._address_with_room()
            task = self._registry.queue.get_sweep_task(shards=address is not None)
            if task is None:
                return
            if isinstance(task, ActiveJob):
                self._begin(asyncio.to_thread(self._pool.run_task, task))
            elif address is not None:
                self._shards[asyncio.create_task(self._train(client, task, address))] = (task, address)

    def _address_with_room(self) -> str | None:
        """Return the trusted worker with the fewest shards for each of its threads."""
        load = {
            worker.address: count / worker.threads
            for worker, count in self._in_flight().items()
            if worker.status == "trusted" and count < SHARDS_PER_THREAD * worker.threads
        }
        return min(load, key=load.__getitem__, default=None)

    def _in_flight(self) -> dict[ClusterWorker, int]:
        """Count the shards in flight of each worker."""
        addresses = [address for _, address in self._shards.values()]
        return {worker: addresses.count(worker.address) for worker in self._workers.values()}

    async def _train(self, client: Any, task: ShardTask, address: str) -> None:
        """Train a shard on a worker and persist its members."""
        from distributed.client import FutureCancelledError
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        config, needed = task.sweep.job.sweep_config, True
        try:
            settings = config.shard_settings(config.shards[task.number])
            future = client.submit(train_whole_shard, settings, workers=[address], pure=False)
            try:
                members = await future
            finally:
                future.release()
            needed = False
            await asyncio.to_thread(self._pool.end_shard, task.sweep, task.number, members, task.generation)
        except (CommClosedError, FutureCancelledError, KilledWorker, *ENVIRONMENT_ERRORS) as error:
            log.warning("A shard is trained again: %s on %s: %s", type(error).__name__, address, error)
            await asyncio.sleep(RETRY_SECONDS)
        except Exception as failure:
            needed = False
            await asyncio.to_thread(self._pool.fail, task.sweep, failure)
        finally:
            self._shards.pop(asyncio.current_task(), None)  # type: ignore[arg-type]
            if needed:
                self._registry.queue.put_back(task)

    async def _drop(self, tasks: list["asyncio.Task[None]"]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._other_tasks.add(task)
        task.add_done_callback(self._other_tasks.discard)

    def _publish(self, **changes: Any) -> None:
        """Replace the status and set the metrics."""
        workers = tuple(replace(worker, in_flight=count) for worker, count in self._in_flight().items())
        trusted = [worker for worker in workers if worker.status == "trusted"]
        threads = sum(worker.threads for worker in trusted)
        self.status = replace(self.status, workers=workers, threads=threads, in_flight=len(self._shards), **changes)
        self._registry.metrics.cluster_workers.set(len(trusted))
        self._registry.metrics.cluster_shards_in_flight.set(len(self._shards))

    def _announce(self, detail: str | None) -> None:
        """Record in the transitions of each running sweep why it waits, or that it continues."""
        running = self._registry.running_sweeps()
        for sweep in running:
            if detail != self._announced.get(sweep.job.id):
                self._begin(asyncio.to_thread(self._pool.note, sweep, detail or AGAIN))
        self._announced = {sweep.job.id: detail for sweep in running}


@cache
def expected_digest() -> str:
    """Return the digest of the test shard as this process trains it."""
    return digest(train_whole_shard(TEST_SWEEP.shard_settings(TEST_SWEEP.shards[0])))


def digest(members: Members) -> str:
    """Return the SHA-256 of members, of every bit."""
    columns = [*members.columns.values(), members.discriminators, members.generators]
    return hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest()
