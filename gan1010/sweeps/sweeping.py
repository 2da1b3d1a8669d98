"""Training of sweeps of hundreds of thousands of GANs, on all cores or on another executor."""

import dataclasses
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Any

import numpy as np

from gan1010.config import plain
from gan1010.cores import usable_cores
from gan1010.sweeps.grid import SweepConfig, seed_fields
from gan1010.sweeps.results import Members
from gan1010.sweeps.shard_training import train_shard, train_whole_shard
from gan1010.sweeps.shards import ShardSettings
from gan1010.sweeps.sweep import Sweep

DEFAULT_SEEDS = 100


def sweep(
    base: Mapping[str, Any] | None = None,
    grid: Mapping[str, Any] | None = None,
    seeds: int | Iterable[int] | None = None,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: bool = False,
    resume: Sweep | None = None,
) -> Sweep:
    """Train a GAN for every combination of the grid's values and every seed.

    `sweep.run(index)` trains a member alone, with the same bits. Every executor gives the same arrays, to the last bit.
    Ctrl-C ends the sweep at once and returns the finished part of it, with `complete` False.

    Args:
        base: settings of all members.
        grid: the value or the values of each setting that varies.
        seeds: the number of seeds from 0 on, or the seeds: a range, a list or an array. The default is 100.
        threads: default: one for each core that this process may use.
        executor: any executor of `concurrent.futures` in place of threads, such as a `ProcessPoolExecutor` or Dask's
            `client.get_executor()`. It stays open.
        progress: show a progress bar on stderr.
        resume: an incomplete sweep, whose missing members are trained. Settings that are left out are those of this
            sweep, and others must equal them.

    Raises:
        ValueError: a setting is invalid, `resume` has others, or both `threads` and `executor` are given.
    """
    done = _begin(base, grid, seeds, resume)
    shards = _extended(done, threads, executor)
    with ExitStack() as stack:
        advance = stack.enter_context(_progress_bar(done)) if progress else None
        stack.enter_context(closing(shards))
        try:
            for done in shards:
                if advance:
                    advance(len(done.parts[-1]))
        except KeyboardInterrupt:
            message = f"The sweep was interrupted after {done.done:,} of {done.config.members:,} members."
            warnings.warn(f"{message} sweep(resume=...) trains the others.", stacklevel=2)
    return done


def sweeping(
    base: Mapping[str, Any] | None = None,
    grid: Mapping[str, Any] | None = None,
    seeds: int | Iterable[int] | None = None,
    threads: int | None = None,
    executor: Executor | None = None,
    resume: Sweep | None = None,
) -> Iterator[Sweep]:
    """Train as `sweep` does, and yield the sweep so far each time that a shard has finished, the last time complete.

    A shard is some tenths of a second of work. Stop iterating to cancel. Arguments and errors are those of `sweep`.
    """
    done = _begin(base, grid, seeds, resume)
    return iter([done]) if done.complete else _extended(done, threads, executor)


def train_figures(settings: ShardSettings) -> Members:
    """Train a shard without a stop, and return its members without weights; also in another process."""
    return train_whole_shard(settings).without_weights()


def _begin(base: Any, grid: Any, seeds: Any, resume: Sweep | None) -> Sweep:
    """Return the sweep before training: empty, or the one to resume if its settings are those given."""
    if resume is None:
        fields = seed_fields(DEFAULT_SEEDS if seeds is None else seeds)
        config = SweepConfig(base={} if base is None else base, grid={} if grid is None else grid, **fields)
        return Sweep(config=config, parts=())
    if not isinstance(resume, Sweep):
        raise TypeError(f"resume must be a Sweep, not {type(resume).__name__}; Sweep.load reads one from a file")
    given = {name: value for name, value in (("base", base), ("grid", grid)) if value is not None}
    if seeds is not None:
        given |= {"seed_list": ()} | seed_fields(seeds)
    difference = resume.config.difference(dataclasses.replace(resume.config, **given), seeds=True)
    if difference:
        raise ValueError(f"resume must be a sweep of the same settings, but its {difference.removeprefix('the ')}")
    return resume


def _extended(done: Sweep, threads: int | None, executor: Executor | None) -> Generator[Sweep]:
    """Check the arguments, and return an iterator that yields the sweep as its missing members finish."""
    threads = plain(threads)
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise ValueError(f"threads must be an integer of at least 1, not {threads!r}")
    if threads is not None and executor is not None:
        raise ValueError("threads must not be given with an executor, which has its own")
    if executor is not None and not isinstance(executor, Executor):
        remedy = "an Executor of concurrent.futures, such as client.get_executor() of Dask"
        raise TypeError(f"executor must be {remedy}, not {type(executor).__name__}")
    return _extend(done, threads or usable_cores(), executor)


def _extend(done: Sweep, threads: int, executor: Executor | None) -> Generator[Sweep]:
    with ExitStack() as stack:
        task = train_figures
        if executor is None:
            executor = stack.enter_context(ThreadPoolExecutor(threads))
            stop = threading.Event()
            stack.callback(stop.set)  # before the executor waits for its threads
            task = partial(_train_unless_stopped, stop)
        for members in stack.enter_context(closing(_finished(executor, task, _missing_shards(done)))):
            done = Sweep(config=done.config, parts=(*done.parts, members))
            yield done


def _missing_shards(done: Sweep) -> Iterator[ShardSettings]:
    """Yield the settings of the shards, without the members that have finished."""
    missing = np.ones(done.config.members, np.bool_)
    for part in done.parts:
        missing[part.index] = False
    for shard in done.config.shards:
        settings = done.config.shard_settings(shard)
        rows = missing[settings.index]
        if rows.any():
            yield settings if rows.all() else settings.take(rows)


def _finished(
    executor: Executor, task: Callable[[ShardSettings], Members], shards: Iterable[ShardSettings]
) -> Generator[Members]:
    """Yield the members of each shard as it finishes; cancel the shards that have not begun if the caller stops."""
    futures = set()
    try:
        for shard in shards:
            futures.add(executor.submit(task, shard))
        for future in as_completed(futures):
            futures.remove(future)  # so that its result can be freed
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _train_unless_stopped(stop: threading.Event, settings: ShardSettings) -> Members:
    """Train a shard in a thread of this process, which can end between two checkpoints."""
    for step in train_shard(settings):
        if stop.is_set():
            raise CancelledError
        if isinstance(step, Members):
            members = step.without_weights()
    return members


@contextmanager
def _progress_bar(done: Sweep) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr; yield the function that advances it."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = *Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield partial(bar.advance, bar.add_task("Sweep", total=done.config.members, completed=done.done))
