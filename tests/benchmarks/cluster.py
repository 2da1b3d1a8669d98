"""Sweeps on a Dask cluster: its speed, and the processor time of the service and of the scheduler for each shard."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import psutil

from gan1010.client import Client
from gan1010.cores import usable_cores
from gan1010.sweeps.grid import SweepConfig
from tests.benchmarks import servers
from tests.benchmarks.rows import Row, measure_alternately, ratio, seconds
from tests.benchmarks.servers import Server
from tests.support.dask_cluster import DaskCluster, dask_cluster

THREADS = 2


def cluster(quick: bool) -> Iterator[Row]:
    """Compare a sweep on two workers of one thread with the same sweep on two threads of the service."""
    members, rounds = (20_000, 2) if quick else (40_000, 5)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        dask = stack.enter_context(dask_cluster(folder / "dask", workers=THREADS))
        options = ("--workers", str(THREADS))
        alone = stack.enter_context(servers.gan1010(folder / "alone", *options))
        service = stack.enter_context(servers.gan1010(folder / "cluster", *options, "--scheduler", dask.address))
        local, remote = (stack.enter_context(Client(f"http://127.0.0.1:{server.port}")) for server in (alone, service))
        _wait_for_workers(remote)
        _sweep(local, 100), _sweep(remote, 100)
        before = _processor_seconds(service, dask)
        on_threads, on_cluster = measure_alternately(
            rounds,
            lambda: seconds(lambda: _sweep(local, members)) / members,
            lambda: seconds(lambda: _sweep(remote, members)) / members,
        )
        used = [after - start for after, start in zip(_processor_seconds(service, dask), before, strict=True)]
    speed = ratio(on_threads, on_cluster)
    enough = usable_cores() >= THREADS
    yield Row(
        name=f"sweep: {members:,} members, {THREADS} Dask workers",
        measured=f"{1 / median(on_cluster):,.0f} runs/s",
        baseline=f"{1 / median(on_threads):,.0f} runs/s on {THREADS} threads of the service",
        ratio=f"{speed:.2f}",
        target=">= 0.85" if enough else "",
        is_met=speed >= 0.85 if enough else None,
    )
    shards = rounds * len(SweepConfig(seeds=members).shards)
    shard_seconds = THREADS * median(on_cluster) * members * rounds / shards
    for name, processor_seconds in zip(("service", "scheduler"), used, strict=True):
        yield Row(
            name=f"sweep: processor time of the {name} for a shard",
            measured=f"{processor_seconds / shards * 1000:.1f} ms",
            baseline=f"{shard_seconds * 1000:,.0f} ms of a worker's thread",
            ratio=f"1/{shard_seconds * shards / processor_seconds:,.0f}",
        )


def _sweep(client: Client, members: int) -> None:
    """Train a sweep to its end."""
    *_, job = client.watch(client.sweep(seeds=members).id, every=0.02)
    if job.status != "succeeded":
        raise RuntimeError(f"the sweep is {job.status}")
    client.delete(job.id)


def _wait_for_workers(client: Client) -> None:
    while client.cluster().threads < THREADS:
        time.sleep(0.1)


def _processor_seconds(service: Server, dask: DaskCluster) -> list[float]:
    """Return the processor time that the service and the scheduler have used."""
    times = [psutil.Process(pid).cpu_times() for pid in (service.pid, dask.scheduler.pid)]
    return [time.user + time.system for time in times]
