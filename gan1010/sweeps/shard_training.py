"""Shard training: many GANs side by side in the lanes of the processor."""

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gan1010 import kernel_inputs, patterns
from gan1010.compiled import kernel, survey
from gan1010.compiled.lanes import LANES, aligned_copy
from gan1010.config import TrainConfig
from gan1010.coverage import coverage
from gan1010.kernel_inputs import LaneSettings
from gan1010.results import MEANS
from gan1010.sweeps.results import COVERAGE, NEVER_SETTLED, Members
from gan1010.sweeps.shards import ShardSettings, number_of_weights, samples_of
from gan1010.types import Array, Bools

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


def advance_shard(
    settings: ShardSettings, resume_from: ShardProgress | None, seconds: float
) -> Members | ShardProgress:
    """Train a shard to its end, or to the first checkpoint after some seconds; also in another process."""
    stop = time.monotonic() + seconds
    steps = train_shard(settings, resume_from)
    step = next(steps)
    while isinstance(step, ShardProgress) and time.monotonic() < stop:
        step = next(steps)
    return step


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
    stride = min(DRAWS_PER_STRIDE // config.width, WEIGHTS_PER_STRIDE // number_of_weights(config))
    stride = max(stride // samples_of(config), 1)
    for start in range(resume_from.iteration if resume_from else 0, config.iterations, stride):
        count = min(stride, config.iterations - start)
        kernel.advance(plan, state, kernel_inputs.draws(config, lanes, start, count), NO_RECORDS, scratch, start)
        yield ShardProgress(iteration=start + count, state=state)
    if plan.adversarial:
        survey.sample_at_latent_value(plan, state, scratch)
    inside = (plan.low <= scratch.sample) & (scratch.sample <= plan.high)  # (P, W, LANES)
    yield {
        "discriminators": state.discriminator,
        "generators": state.generator,
        "means": state.totals / max(config.iterations // 10, 1),
        "settled_at": state.settled[0],
        "sample": scratch.sample,
        "in_range": np.logical_or.reduce(np.logical_and.reduce(inside, axis=1), axis=0),
    }


def _concatenated(parts: tuple[Columns, ...]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts], axis=-1) for name in (parts[0] if parts else ())}


def _members(settings: ShardSettings, columns: Columns) -> Members:
    """Build members from the columns of their training."""
    config = settings.config
    adversarial = config.experiment == "gan"
    sample = np.ascontiguousarray(columns["sample"].T if adversarial else columns["sample"].T[:, :0])
    in_range = columns["in_range"] & adversarial
    words = np.array([[bit == "1" for bit in word] for word in patterns.words(config.pattern)])[:, : sample.shape[1]]
    d, g = np.ascontiguousarray(columns["discriminators"].T), np.ascontiguousarray(columns["generators"].T)
    finite = np.isfinite(d).all(axis=1) & np.isfinite(g).all(axis=1) & np.isfinite(columns["means"]).all(axis=0)
    means = np.where(finite, columns["means"], np.nan)
    if not adversarial:
        means[kernel.GENERATOR_LOSS] = np.nan
    return Members(
        index=settings.index,
        sample=sample,
        bits_right=((sample >= 0.5)[:, None] == words).all(axis=2).any(axis=1) & adversarial & finite,
        in_range=in_range & finite,
        settled_at=np.where(in_range & finite & (columns["settled_at"] > 0), columns["settled_at"], NEVER_SETTLED),
        **_coverage(settings, columns["generators"], finite & adversarial),
        **dict(zip(MEANS, means, strict=True)),
        discriminators=d,
        generators=g,
    )


def _coverage(settings: ShardSettings, generators: Array, known: Bools) -> Columns:
    """Return the figures of `Coverage` for the members, whose generators are (N_g, n); NaN where they are not known."""
    parts, count = [], len(settings.index)
    for start in range(0, count if known.any() else 0, LANES):
        rows = np.minimum(np.arange(start, start + LANES), count - 1)
        lanes = settings.lanes_at(rows)
        parts.append(vars(coverage(settings.config, lanes, aligned_copy(generators[:, rows]))))
    if not parts:
        return {name: np.full(count, np.nan) for name in COVERAGE} | {"shares": np.empty((count, 0))}
    figures = {name: column[..., :count].T for name, column in _concatenated(tuple(parts)).items()}
    return {
        name: np.where(known.reshape(count, *[1] * (column.ndim - 1)), column, np.nan)
        for name, column in figures.items()
    }
