"""Sweeps of hundreds of thousands of GANs: training on all cores or on another executor, and the results."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from gan1010.cores import usable_cores
from gan1010.sweeps.grid import ShardSettings, SweepConfig, seed_fields
from gan1010.sweeps.results import Cells, Members, concatenate
from gan1010.sweeps.sweeping import train_whole_shard
from gan1010.types import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """A finished sweep: the figures of its members and cells."""

    config: SweepConfig
    members: Members
    cells: dict[str, Array]  # as in `Cells.table`, each (cells,)

    def on_grid(self, figure: str) -> Array:
        """Return a figure of the cells, such as in_range_rate, with one axis for each field of the grid."""
        return self.cells[figure].reshape(self.config.shape)


def sweep(
    base: Mapping[str, Any] | None = None,
    grid: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | Iterable[int] = 100,
    threads: int | None = None,
    executor: Executor | None = None,
    progress: bool = False,
) -> Sweep:
    """Train a GAN for every combination of the grid's values and every seed.

    `train(sweep.config.config(index))` trains a member alone, with the same bits. Every executor gives the same arrays,
    to the last bit. Ctrl-C ends the sweep when the shards in training have ended, within about a second.

    Args:
        base: settings of all members.
        grid: values of the settings that vary.
        seeds: a range without gaps, or the number of seeds from 0 on.
        threads: default: one for each core that this process may use.
        seeds: the number of seeds from 0 on, or the seeds: a range, a list or an array.
        threads: default: one for each core.
        executor: any executor of `concurrent.futures` in place of threads, such as a `ProcessPoolExecutor` or Dask's
            `client.get_executor()`. It stays open.
        progress: show a progress bar on stderr.

    Raises:
        ValueError: a setting is invalid, or both `threads` and `executor` are given.
    """
    if threads is not None and executor is not None:
        raise ValueError("threads must not be given with an executor, which has its own")
    config = SweepConfig(base=base or {}, grid=grid or {}, **seed_fields(seeds))  # type: ignore[arg-type]
    cells, parts = Cells(config), list[Members]()
    with ExitStack() as stack:
        executor = executor or stack.enter_context(ThreadPoolExecutor(threads or usable_cores()))
        advance = stack.enter_context(_progress_bar(config.members)) if progress else None
        shards = map(config.shard_settings, config.shards)
        for members in stack.enter_context(closing(_finished(executor, shards))):
            cells.add(members)
            parts.append(members)
            if advance:
                advance(len(members))
    return Sweep(config=config, members=concatenate(parts), cells=cells.table())


def _finished(executor: Executor, shards: Iterable[ShardSettings]) -> Generator[Members]:
    """Yield the members of each shard as it finishes; cancel the shards that have not begun if the caller stops."""
    futures = [executor.submit(train_whole_shard, shard) for shard in shards]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


@contextmanager
def _progress_bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr; yield the function that advances it."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = *Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield partial(bar.advance, bar.add_task("Sweep", total=total))
