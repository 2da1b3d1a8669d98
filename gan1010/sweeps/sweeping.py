"""Sweep training: hundreds of thousands of GANs, side by side in the lanes of the processor."""

import dataclasses
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gan1010 import kernel_inputs
from gan1010.compiled import kernel
from gan1010.compiled.lanes import LANES, aligned_copy
from gan1010.config import TrainConfig
from gan1010.kernel_inputs import LaneSettings
from gan1010.results import MEANS
from gan1010.sweeps.grid import ShardSettings, SweepConfig, number_of_weights
from gan1010.sweeps.results import NEVER_SETTLED, Cells, Members, concatenate
from gan1010.types import Array

# Between two checkpoints of a shard: random numbers of a lane, of which the second-level cache holds all lanes', and
# iterations times weights, about a hundredth of a second.
DRAWS_PER_STRIDE, WEIGHTS_PER_STRIDE = 4096, 100_000
NO_WEIGHTS = np.empty((0, 0, LANES), np.float32)
NO_RECORDS = kernel.Records(
    losses=np.empty((3, 0, LANES), np.float32), discriminators=NO_WEIGHTS, generators=NO_WEIGHTS
)
FINISHED = "finished."
Columns = dict[str, Array]


@dataclass(frozen=True, kw_only=True, eq=False)
class ShardProgress:
    """A checkpoint of a shard: the members trained so far, and the state of those in training; lanes are the last axis.

    The state is the training's own and changes with the next step; copy it to keep it.
    """

    iteration: int
    state: kernel.State
    finished: tuple[Columns, ...] = ()  # of the members before those in the state

    @property
    def arrays(self) -> Columns:
        """The checkpoint's arrays by name, as `from_arrays` reads them."""
        finished = {f"{FINISHED}{name}": column for name, column in _concatenated(self.finished).items()}
        return {**self.state._asdict(), **finished}

    @classmethod
    def from_arrays(cls, iteration: int, arrays: Columns) -> "ShardProgress":
        """Build a checkpoint from its arrays, which need not be aligned."""
        state = kernel.State(**{name: array for name, array in arrays.items() if not name.startswith(FINISHED)})
        finished = {name.removeprefix(FINISHED): array for name, array in arrays.items() if name.startswith(FINISHED)}
        return cls(iteration=iteration, state=state, finished=(finished,) if finished else ())


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
    seeds: int | range = 100,
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
        threads: default: one for each core.
        executor: any executor of `concurrent.futures` in place of threads, such as a `ProcessPoolExecutor` or Dask's
            `client.get_executor()`. It stays open.
        progress: show a progress bar on stderr.

    Raises:
        ValueError: a setting is invalid, or both `threads` and `executor` are given.
    """
    seeds = range(seeds) if isinstance(seeds, int) else seeds
    if seeds.step != 1:
        raise ValueError(f"seeds must be a number or a range without gaps, not {seeds}")
    if threads is not None and executor is not None:
        raise ValueError("threads must not be given with an executor, which has its own")
    config = SweepConfig(base=dict(base or {}), grid=dict(grid or {}), first_seed=seeds.start, seeds=len(seeds))
    cells, parts = Cells(config), list[Members]()
    with ExitStack() as stack:
        executor = executor or stack.enter_context(ThreadPoolExecutor(threads or os.cpu_count()))
        advance = stack.enter_context(_progress_bar(config.members)) if progress else None
        shards = map(config.shard_settings, config.shards)
        for members in stack.enter_context(closing(_finished(executor, shards))):
            cells.add(members)
            parts.append(members)
            if advance:
                advance(len(members))
    return Sweep(config=config, members=concatenate(parts), cells=cells.table())


def train_shard(settings: ShardSettings, resume_from: ShardProgress | None = None) -> Iterator[Members | ShardProgress]:
    """Train a shard: yield a checkpoint some hundred times a second, and at the end its members."""
    finished, count = resume_from.finished if resume_from else (), len(settings.index)
    for start in range(sum(len(part["settled_at"]) for part in finished), count, LANES):
        rows = np.minimum(np.arange(start, start + LANES), count - 1)  # lanes too many do the last one again
        for step in _train_side_by_side(settings.config, settings.lanes_at(rows), resume_from):
            if isinstance(step, ShardProgress):
                yield dataclasses.replace(step, finished=finished)
            else:
                finished, resume_from = (*finished, step), None
    columns = {name: column[..., :count] for name, column in _concatenated(finished).items()}
    yield _members(settings, columns)


def train_whole_shard(settings: ShardSettings) -> Members:
    """Train a shard without a stop; also in another process."""
    for step in train_shard(settings):
        if isinstance(step, Members):
            members = step
    return members


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


def _train_side_by_side(
    config: TrainConfig, lanes: LaneSettings, resume_from: ShardProgress | None
) -> Iterator[ShardProgress | Columns]:
    """Train LANES members: yield checkpoints, and at the end the members' columns; lanes are the last axis."""
    plan = kernel_inputs.plan(config, lanes)._replace(snapshot_every=config.iterations + 1)
    state = (
        kernel.State(*(aligned_copy(array) for array in resume_from.state))
        if resume_from
        else kernel_inputs.initial_state(config, lanes)
    )
    scratch = kernel.scratch_for(plan, state)
    stride = max(min(DRAWS_PER_STRIDE // config.width, WEIGHTS_PER_STRIDE // number_of_weights(config)), 1)
    for start in range(resume_from.iteration if resume_from else 0, config.iterations, stride):
        count = min(stride, config.iterations - start)
        kernel.advance(plan, state, kernel_inputs.draws(config, lanes, start, count), NO_RECORDS, scratch, start)
        yield ShardProgress(iteration=start + count, state=state)
    if plan.adversarial:
        kernel.sample_at_latent_value(plan, state, scratch)
    inside = (plan.low <= scratch.sample) & (scratch.sample <= plan.high)
    yield {
        "discriminators": state.discriminator,
        "generators": state.generator,
        "means": state.totals / max(config.iterations // 10, 1),
        "settled_at": state.settled[0],
        "sample": scratch.sample,
        "in_range": np.all(inside, axis=0),
    }


def _concatenated(parts: tuple[Columns, ...]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts], axis=-1) for name in (parts[0] if parts else ())}


def _members(settings: ShardSettings, columns: Columns) -> Members:
    """Build members from the columns of their training."""
    config = settings.config
    adversarial = config.experiment == "gan"
    sample = np.ascontiguousarray(columns["sample"].T if adversarial else columns["sample"].T[:, :0])
    in_range = columns["in_range"] & adversarial
    ones = np.array([bit == "1" for bit in config.pattern])[: sample.shape[1]]
    d, g = np.ascontiguousarray(columns["discriminators"].T), np.ascontiguousarray(columns["generators"].T)
    finite = np.isfinite(d).all(axis=1) & np.isfinite(g).all(axis=1) & np.isfinite(columns["means"]).all(axis=0)
    means = np.where(finite, columns["means"], np.nan)
    if not adversarial:
        means[kernel.GENERATOR_LOSS] = np.nan
    return Members(
        index=settings.index,
        sample=sample,
        bits_right=((sample >= 0.5) == ones).all(axis=1) & adversarial & finite,
        in_range=in_range & finite,
        settled_at=np.where(in_range & finite & (columns["settled_at"] > 0), columns["settled_at"], NEVER_SETTLED),
        **dict(zip(MEANS, means, strict=True)),
        discriminators=d,
        generators=g,
    )
