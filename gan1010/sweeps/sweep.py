"""Sweeps of hundreds of thousands of GANs: training on all cores or on another executor, and the results."""

import dataclasses
import os
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gan1010.config import plain
from gan1010.cores import usable_cores
from gan1010.frames import data_frame
from gan1010.sweeps import files
from gan1010.sweeps.grid import ShardSettings, SweepConfig, seed_fields
from gan1010.sweeps.results import COVERAGE, NEVER_SETTLED, Cells, Members, concatenate, pivot
from gan1010.sweeps.sweeping import train_shard, train_whole_shard
from gan1010.training import Run, train
from gan1010.types import Array

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_SEEDS = 100
DEFAULT_AXES = ("learning_rate", "loss")  # of the heat map, for a grid of fewer than two settings


@dataclass(frozen=True, kw_only=True, eq=False)
class Sweep:
    """A sweep, or what is finished of it: the figures of its members and cells."""

    config: SweepConfig
    parts: tuple[Members, ...]  # the finished shards in any order, without weights

    @property
    def done(self) -> int:
        """Number of finished members."""
        return sum(map(len, self.parts))

    @property
    def complete(self) -> bool:
        """False if members are missing; `sweep(resume=...)` trains them."""
        return self.done == self.config.members

    @cached_property
    def members(self) -> Members:
        """The finished members, in the order of their index."""
        return concatenate(self.parts)

    @cached_property
    def cells(self) -> dict[str, Array]:
        """The statistics of the cells, as in `Cells.table`, each (cells,)."""
        cells = Cells(self.config)
        for part in self.parts:
            cells.add(part)
        return cells.table()

    def on_grid(self, figure: str) -> Array:
        """Return a figure of the cells, such as in_range_rate, with one axis for each field of the grid."""
        return self._cell_figure(figure).reshape(self.config.shape)

    def best(self, figure: str, *, highest: bool | None = None) -> dict[str, Any]:
        """Return the grid's settings in the best cell, the first one of several.

        Args:
            figure: a name in `cells`, such as settled_at_p50.
            highest: if the highest figure is the best; by default True for rates and coverage, False for all others.

        Raises:
            ValueError: no cell has the figure, or there is none of that name.
        """
        values = self._cell_figure(figure)
        if np.isnan(values).all():
            remedy = "Train longer or with other settings" if figure.startswith("settled_at") else "Train members first"
            raise ValueError(f"no cell has a figure for {figure}. {remedy}.")
        highest = figure.endswith("rate") or figure in COVERAGE if highest is None else highest
        return self.config.cell(int(np.nanargmax(values) if highest else np.nanargmin(values)))

    def run(self, index: int) -> Run:
        """Train a member again alone, with its history and snapshots: the weights are the same to the last bit.

        IndexError if there is no member with this index; DivergedError if it diverges.
        """
        return train(self.config.config(index))

    def to_frame(self) -> "pd.DataFrame":
        """Return a pandas data frame with a row for each finished member, by index in the sweep.

        The columns are `cell`, the grid's settings, `seed`, the sample as `sample_0` and so on, the figures of
        `Members`, and the patterns' shares as `share_0` and so on; `settled_at` is NaN where the member has not
        settled. ImportError without pandas.
        """
        members = self.members
        cell, offset = np.divmod(members.index, self.config.seeds)
        settings = {"cell": cell, **self.config.cell_columns(cell), "seed": self.config.seed_values[offset]}
        figures = {name: column for name, column in members.columns.items() if name != "index"}
        settled = figures["settled_at"]
        figures["settled_at"] = np.where(settled == NEVER_SETTLED, np.nan, settled)
        sample = {f"sample_{place}": values for place, values in enumerate(figures.pop("sample").T)}
        shares = {f"share_{pattern}": values for pattern, values in enumerate(figures.pop("shares").T)}
        return data_frame(settings | sample | figures | shares, members.index, "index")

    def cells_frame(self) -> "pd.DataFrame":
        """Return a pandas data frame with a row for each cell: the grid's settings and the statistics of `cells`.

        ImportError without pandas.
        """
        cells = np.arange(self.config.cells)
        return data_frame(self.config.cell_columns(cells) | self.cells, cells, "cell")

    def merge(self, *others: "Sweep") -> "Sweep":
        """Return a sweep with the members of all these sweeps, which have the same base and grid.

        Its seeds are those of all, in ascending order where they differ. A member of several sweeps is taken from the
        first of them.

        Raises:
            ValueError: a base or a grid differs, or there are more than a million members.
        """
        config = self.config
        for other in others:
            if not isinstance(other, Sweep):
                raise TypeError(f"merge takes sweeps, not {type(other).__name__}")
            if difference := other.config.difference(config, seeds=False):
                raise ValueError(f"sweeps to merge must have the same base and grid, but {difference}")
        seeds = np.unique(np.concatenate([one.config.seed_values for one in (self, *others)]))
        if len(seeds) > config.seeds:
            config = dataclasses.replace(config, **{"seed_list": ()} | seed_fields(seeds))
        missing, parts = np.ones(config.members, np.bool_), []
        for one in (self, *others):
            for part in one.parts:
                index = _renumbered(part.index, one.config, config)
                new = missing[index]
                parts.append(dataclasses.replace(part, index=index)[new])
                missing[index] = False
        return Sweep(config=config, parts=tuple(parts))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sweep to an .npz file, also an incomplete one, with its configuration and a SHA-256.

        The file replaces an older one only once it is whole. OSError if it cannot be written.
        """
        files.write(path, self.config, self.members)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Sweep":
        """Read a file of `save`; ValueError if it is none, damaged or of a newer gan1010. No pickle is involved."""
        config, members = files.read(path)
        return cls(config=config, parts=(members,))

    def __repr__(self) -> str:
        config = self.config
        grid = ", ".join(f"{name} ({len(values)})" for name, values in config.grid.items())
        total = f"{config.members:,}" if self.complete else f"{self.done:,} of {config.members:,}"
        return f"<Sweep of {total} members: {grid + ', ' if grid else ''}seeds ({config.seeds:,})>"

    def _repr_html_(self) -> str:
        from gan1010 import plots

        config = self.config
        if not config.grid:
            return plots.html(repr(self))
        names = [*config.grid, *DEFAULT_AXES]
        x, y = names[0], next(name for name in names[1:] if name != names[0])
        x_labels, y_labels = (config.grid.get(name) or [getattr(config.config(0), name)] for name in (x, y))
        figure = "in_range_rate" if config.config(0).experiment == "gan" else "discriminator_real_loss"
        values = pivot(config, self.cells, figure, x, y)
        return plots.html(repr(self), plots.heatmap(values, x_labels, y_labels, x, y, figure))

    def _cell_figure(self, figure: str) -> Array:
        if figure not in self.cells:
            raise ValueError(f"figure must be one of {', '.join(self.cells)}, not {figure!r}")
        return self.cells[figure]


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


def _renumbered(index: Array, old: SweepConfig, new: SweepConfig) -> Array:
    """Return the indices in a sweep with more seeds."""
    cell, offset = np.divmod(index, old.seeds)
    order = np.argsort(new.seed_values)
    place = order[np.searchsorted(new.seed_values, old.seed_values[offset], sorter=order)]
    return cell * new.seeds + place


@contextmanager
def _progress_bar(done: Sweep) -> Iterator[Callable[[int], None]]:
    """Show a progress bar on stderr; yield the function that advances it."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = *Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn(elapsed_when_finished=True)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield partial(bar.advance, bar.add_task("Sweep", total=done.config.members, completed=done.done))
