"""Dask cluster: train the shards of sweeps on the workers of a Dask scheduler.

An event loop in a thread of its own talks to the scheduler, so requests never wait for the cluster. A worker receives
shards once it is verified. Dask decides nothing: each shard is sent to one worker, a second of training at a time, and
is queued again if that worker or the scheduler is lost.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from gan1010.sweeps.results import Members
from gan1010.sweeps.shard_training import advance_shard
from service.errors import ENVIRONMENT_ERRORS
from service.jobs.cluster_workers import ClusterWorker, ClusterWorkers
from service.jobs.queue import ShardTask
from service.jobs.registry import Registry
from service.jobs.scheduler import (
    CLOSE_SECONDS,
    SchedulerError,
    SchedulerLostError,
    check_dask,
    close,
    connect,
    dashboard_of,
    loss_errors,
)
from service.jobs.worker import WorkerPool

RECONNECT_SECONDS = 1.0
LOOK_SECONDS = 0.1  # between two looks at the queue
WORKERS_SECONDS = 0.5  # between two looks at the workers
STEP_SECONDS = 1.0  # of a shard's training, after which it returns as a checkpoint
RETRY_SECONDS = 1.0  # after a failure of a worker's environment
STOP_SECONDS = 5.0
NO_WORKER = "The cluster has no usable worker. The sweep waits for one."
UNREACHABLE = "The scheduler cannot be used. The sweep waits for it."
LOCAL = "The scheduler cannot be used. The threads of the service train the sweep."
AGAIN = "The cluster trains the sweep again."
T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ClusterStatus:
    """The cluster as it was last seen."""

    scheduler: str | None
    fallback: bool  # whether the threads of the service train sweeps while it is not connected
    connected: bool
    detail: str | None  # why it is not connected
    dashboard: str | None
    threads: int  # of all trusted workers
    in_flight: int  # shards
    workers: tuple[ClusterWorker, ...]


class Cluster:
    """The connection to a scheduler, if there is an address."""

    def __init__(self, registry: Registry, pool: WorkerPool, address: str | None, *, fallback: bool) -> None:
        self._registry, self._queue, self._pool = registry, registry.queue, pool
        self._address, self._fallback = address, fallback
        self._connected = False
        self._dashboard: str | None = None
        self._detail: str | None = None
        self._workers = ClusterWorkers()
        self._shards: dict[asyncio.Task[None], tuple[ShardTask, str]] = {}  # and the addresses of their workers
        self._starting: asyncio.Future[None] | None = None  # the start of a sweep
        self._closing: asyncio.Task[None] | None = None  # the end of the last connection
        self._obstacle: str | None = None  # why the cluster trains no sweep
        self._announced: dict[str, str | None] = {}  # by job id, the obstacle that its last transition names
        self._stop: Callable[[], object] | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="cluster", daemon=True)
        self._first_contact = threading.Event()
        self._setup_error: SchedulerError | None = None
        registry.metrics.cluster_workers.set_function(lambda: len(self._workers.trusted()))
        registry.metrics.cluster_shards_in_flight.set_function(lambda: len(self._shards))

    @property
    def status(self) -> ClusterStatus:
        """The cluster as it was last seen. Any thread may read it."""
        return ClusterStatus(
            scheduler=self._address,
            fallback=self._fallback,
            connected=self._connected,
            detail=self._detail,
            dashboard=self._dashboard,
            threads=sum(worker.threads for worker in self._workers.trusted()),
            in_flight=len(self._shards),
            workers=self._workers.all(),
        )

    def start(self) -> None:
        """Connect to the scheduler. If it cannot be reached, keep trying in the background.

        Raises:
            SchedulerError: Dask is not installed, or the versions or the encryption do not fit.
        """
        if self._address is None:
            return
        check_dask()
        self._queue.trains_sweeps_locally = False
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
            self._thread.join(STOP_SECONDS)

    async def _run(self) -> None:
        connecting, starting = asyncio.create_task(self._stay_connected()), asyncio.create_task(self._start_sweeps())
        self._stop = partial(asyncio.get_running_loop().call_soon_threadsafe, connecting.cancel)
        await asyncio.wait({connecting})
        starting.cancel()
        if self._closing is not None:
            await asyncio.wait({self._closing}, timeout=CLOSE_SECONDS)

    async def _stay_connected(self) -> None:
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
                log.exception("The connection to the scheduler failed. It is opened again.")
                self._lose_scheduler(f"The connection failed with {type(error).__name__}.")
            self._first_contact.set()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _use_scheduler(self) -> None:
        """Connect, and send shards to the workers until the service stops or the scheduler is lost."""
        client = await connect(str(self._address))
        log.info("The scheduler %s trains the sweeps.", self._address)
        self._connected, self._dashboard, self._detail = True, dashboard_of(client), None
        self._queue.trains_sweeps_locally = False
        self._first_contact.set()
        try:
            await self._send_shards(client)
        finally:
            self._connected, self._dashboard = False, None
            await self._drop([*self._workers.clear(), *self._shards])
            self._closing = asyncio.create_task(close(client))  # seconds, if the scheduler does not respond

    def _lose_scheduler(self, detail: str) -> None:
        if detail != self._detail:
            effect = "The threads of the service train sweeps." if self._fallback else "Sweeps wait for it."
            log.warning("The scheduler %s cannot be used: %s %s", self._address, detail, effect)
        self._detail = detail
        self._obstacle = LOCAL if self._fallback else UNREACHABLE
        self._queue.trains_sweeps_locally = self._fallback

    async def _send_shards(self, client: Any) -> None:
        seen = 0.0
        while True:
            if client.status != "running":
                raise SchedulerLostError("The connection was closed.")
            if time.monotonic() - seen >= WORKERS_SECONDS:
                await self._workers.look(client)
                if self._workers.are_all_refused():
                    self._obstacle = NO_WORKER
                seen = time.monotonic()
            if self._workers.trusted():
                self._obstacle = None
            await self._drop(task for task, (shard, address) in self._shards.items() if self._is_lost(shard, address))
            self._fill(client)
            await asyncio.sleep(LOOK_SECONDS)

    def _is_lost(self, shard: ShardTask, address: str) -> bool:
        """Return whether a shard's sweep has stopped, or its worker has left."""
        return shard.generation != shard.sweep.generation or address not in self._workers

    def _fill(self, client: Any) -> None:
        """Send shards to the workers that have room."""
        while client.status == "running" and (address := self._workers.address_with_room()):
            if (shard := self._queue.get_shard()) is None:
                return
            self._workers.in_flight[address] += 1
            self._shards[asyncio.create_task(self._train(client, shard, address))] = (shard, address)

    async def _train(self, client: Any, shard: ShardTask, address: str) -> None:
        """Train a shard on a worker, and persist its checkpoints and its members."""
        needed = True
        try:
            members = await self._advance(client, shard, address)
            needed = False
            await _in_thread(self._pool.end_shard, shard, members)
        except loss_errors():  # of the scheduler or the worker, which is logged once
            await asyncio.sleep(RETRY_SECONDS)
        except ENVIRONMENT_ERRORS as error:
            log.warning("A shard is trained again: %s on %s: %s", type(error).__name__, address, error)
            await asyncio.sleep(RETRY_SECONDS)
        except Exception as failure:
            if client.status == "running":
                needed = False
                await _in_thread(self._pool.fail, shard.sweep, failure)
        finally:
            del self._shards[asyncio.current_task()]  # type: ignore[arg-type]
            self._workers.in_flight[address] -= 1
            if needed:
                self._queue.put_back(shard)
        self._fill(client)

    async def _advance(self, client: Any, shard: ShardTask, address: str) -> Members:
        """Train a shard from its checkpoint, in steps of which each ends soon after its sweep has stopped."""
        config = shard.sweep.job.sweep_config
        settings = config.shard_settings(config.shards[shard.number])
        step = await _in_thread(self._registry.sweeps.load_checkpoint, shard.sweep, shard.number)
        while True:
            future = client.submit(advance_shard, settings, step, STEP_SECONDS, workers=[address], pure=False)
            try:
                step = await future
            finally:
                future.release()
            if isinstance(step, Members):
                return step
            await _in_thread(self._pool.checkpoint_shard, shard, step)

    async def _drop(self, tasks: "Iterable[asyncio.Task[None]]") -> None:
        tasks = list(tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_sweeps(self) -> None:
        """Start waiting sweeps, and record in the transitions of running ones why they wait, or that they continue."""
        loop = asyncio.get_running_loop()
        while True:
            if (self._starting is None or self._starting.done()) and (sweep := self._queue.get_sweep()):
                self._starting = loop.run_in_executor(None, self._pool.run_task, sweep)
            running, obstacle = self._registry.running_sweeps(), self._obstacle
            for sweep in running:
                if obstacle != self._announced.get(sweep.job.id):
                    loop.run_in_executor(None, self._pool.note, sweep, obstacle or AGAIN)
            self._announced = {sweep.job.id: obstacle for sweep in running}
            await asyncio.sleep(LOOK_SECONDS)


async def _in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function that may wait for the disk. Once called, it is not cancelled with the task."""
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, function, *arguments))
