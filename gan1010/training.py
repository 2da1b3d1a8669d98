"""Training: `run` hands out progress as it goes, `train` waits for the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from gan1010 import kernel, metrics, source
from gan1010.config import TrainConfig
from gan1010.history import History, Snapshots
from gan1010.layout import discriminator_layout, generator_layout
from gan1010.metrics import Result
from gan1010.model import Model

# Iterations between two looks at a run, times the weights that each moves: some ten milliseconds.
WEIGHTS_PER_STRIDE = 2_000_000


class DivergedError(ValueError):
    """A loss or a weight is no longer a finite number; what was recorded until then is in the last progress."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Progress:
    """A run after `iteration` iterations; `result` is there at the end."""

    iteration: int
    history: History
    snapshots: Snapshots
    result: Result | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A finished run."""

    config: TrainConfig
    history: History
    snapshots: Snapshots
    result: Result

    def model(self, iteration: int | None = None) -> Model:
        """The networks at the end, or as they were at a kept iteration.

        Raises:
            ValueError: no snapshot at that iteration.
        """
        return model_at(self.config, self.snapshots, iteration)


def model_at(config: TrainConfig, snapshots: Snapshots, iteration: int | None = None) -> Model:
    """The networks of a kept iteration, the last one if none is named.

    Raises:
        ValueError: no snapshot at that iteration.
    """
    row = -1 if iteration is None else snapshots.row_of(iteration)
    return Model(
        pattern=config.pattern,
        spread=config.spread,
        hidden_size=config.hidden_size,
        discriminator=snapshots.discriminators[row],
        generator=snapshots.generators[row] if config.experiment == "gan" else None,
    )


def run(config: TrainConfig) -> Iterator[Progress]:
    """Train, and hand out the progress some hundred times a second; who asks for no more has cancelled.

    Raises:
        DivergedError: after the last finite progress.
    """
    plan, state = _plan(config), _initial_state(config)
    records, scratch = _records(config, state), kernel.scratch_for(plan, state)
    stride = max(WEIGHTS_PER_STRIDE // (state.discriminator.size + state.generator.size), 1)
    for start in range(0, config.iterations, stride):
        count = min(stride, config.iterations - start)
        kernel.advance(plan, state, draws(config, start, count), records, scratch, start)
        end = start + count
        if not all(np.isfinite(values).all() for values in (state.discriminator, state.generator, state.totals)):
            yield _progress_before(config, records, end)
            raise DivergedError(f"diverged by iteration {end}: a weight is no longer a finite number; lower the rates")
        if end == config.iterations:
            records.discriminators[-1], records.generators[-1] = state.discriminator, state.generator
            yield _progress(config, records, end, _result(config, state, records))
        else:
            yield _progress(config, records, end)


def train(config: TrainConfig) -> Run:
    """Train to the end.

    Raises:
        DivergedError: a loss or a weight is no longer a finite number.
    """
    for progress in run(config):
        if progress.result is not None:
            return Run(config=config, history=progress.history, snapshots=progress.snapshots, result=progress.result)
    raise AssertionError("a run ends with its result or raises")


def draws(config: TrainConfig, start: int, count: int) -> kernel.Draws:
    """The random numbers of iterations `start` to `start + count`: the same whoever asks, and in whatever pieces."""

    def latents(stream: int) -> kernel.Float32s:
        return source.latents(config.latent, config.latent_value, config.seed, stream, start, count)

    return kernel.Draws(
        real=source.real(config.pattern, config.spread, config.seed, start, count),
        noise=source.noise(config.width, config.seed, start, count if config.experiment == "discriminator" else 0),
        latent=latents(source.LATENT),
        generator_latent=latents(source.GENERATOR_LATENT),
    )


def initial_weights(config: TrainConfig) -> tuple[kernel.Float32s, kernel.Float32s]:
    """D's and G's weights before training, flat; G's are empty where the experiment has no generator."""
    d, g = discriminator_layout(config.width, config.hidden_size), generator_layout(config.width, config.hidden_size)
    return (
        source.initial_weights(d.inputs, d.hidden, d.outputs, config.seed, source.DISCRIMINATOR_WEIGHTS),
        source.initial_weights(g.inputs, g.hidden, g.outputs, config.seed, source.GENERATOR_WEIGHTS)[
            : None if config.experiment == "gan" else 0
        ],
    )


def _plan(config: TrainConfig) -> kernel.Plan:
    low, high = source.real_range(config.pattern, config.spread)
    return kernel.Plan(
        width=config.width,
        hidden=config.hidden_size,
        adversarial=config.experiment == "gan",
        cross_entropy=config.loss == "bce",
        adam=config.optimizer == "adam",
        constant_latent=config.latent == "constant",
        learning_rate=float(config.learning_rate),
        generator_learning_rate=float(cast(float, config.generator_learning_rate)),
        latent_value=np.float32(config.latent_value),
        low=low,
        high=high,
        iterations=config.iterations,
        record_every=cast(int, config.record_every),
        snapshot_every=cast(int, config.snapshot_every),
    )


def _initial_state(config: TrainConfig) -> kernel.State:
    d, g = initial_weights(config)
    return kernel.State(
        discriminator=d,
        generator=g,
        discriminator_moments=np.zeros((2, d.size), np.float32),
        generator_moments=np.zeros((2, g.size), np.float32),
        totals=np.zeros(5, np.float64),
        settled=np.full(1, -1, np.int64),
    )


def _records(config: TrainConfig, state: kernel.State) -> kernel.Records:
    points = config.iterations // cast(int, config.record_every)
    snapshots = len(_kept_iterations(config, config.iterations))
    records = kernel.Records(
        losses=np.empty((3, points), np.float32),
        discriminators=np.empty((snapshots, state.discriminator.size), np.float32),
        generators=np.empty((snapshots, state.generator.size), np.float32),
    )
    records.discriminators[0], records.generators[0] = state.discriminator, state.generator
    return records


def _kept_iterations(config: TrainConfig, iteration: int) -> kernel.Int64s:
    """The iterations whose weights are kept, up to this one: every snapshot_every-th, and the end."""
    kept = np.arange(0, iteration + 1, config.snapshot_every, dtype=np.int64)
    ended = iteration == config.iterations and kept[-1] != iteration
    return np.append(kept, iteration) if ended else kept


def _progress(config: TrainConfig, records: kernel.Records, iteration: int, result: Result | None = None) -> Progress:
    every = cast(int, config.record_every)
    points, iterations = iteration // every, _kept_iterations(config, iteration)
    losses = records.losses[:, :points]
    return Progress(
        iteration=iteration,
        history=History(
            iteration=np.arange(1, points + 1, dtype=np.int64) * every,
            discriminator_real_loss=losses[kernel.REAL_LOSS],
            discriminator_fake_loss=losses[kernel.FAKE_LOSS],
            generator_loss=losses[kernel.GENERATOR_LOSS] if config.experiment == "gan" else None,
        ),
        snapshots=Snapshots(
            iterations=iterations,
            discriminators=records.discriminators[: len(iterations)],
            generators=records.generators[: len(iterations)],
        ),
        result=result,
    )


def _progress_before(config: TrainConfig, records: kernel.Records, end: int) -> Progress:
    """The progress up to the last point at which everything recorded is finite, `end` being past it."""
    reached = _progress(config, records, end - 1)
    finite = np.isfinite(records.losses[:, : len(reached.history)]).all(axis=0)
    whole = [np.isfinite(w[: len(reached.snapshots)]).all(axis=1) for w in (records.discriminators, records.generators)]
    points, kept = (int(np.cumprod(flags).sum()) for flags in (finite, whole[0] & whole[1]))
    iteration = max(points * cast(int, config.record_every), int(reached.snapshots.iterations[kept - 1]))
    return Progress(
        iteration=iteration,
        history=reached.history.take(slice(points)),
        snapshots=Snapshots(
            iterations=reached.snapshots.iterations[:kept],
            discriminators=reached.snapshots.discriminators[:kept],
            generators=reached.snapshots.generators[:kept],
        ),
        result=None,
    )


def _result(config: TrainConfig, state: kernel.State, records: kernel.Records) -> Result:
    means = (state.totals / max(config.iterations // 10, 1)).tolist()
    settled = int(state.settled[0])
    model = model_at(config, _progress(config, records, config.iterations).snapshots)
    sample = None if model.generator is None else model.sample([config.latent_value])
    inside = None if sample is None else bool(metrics.in_range(sample, config.pattern, config.spread)[0])
    return Result(
        sample=None if sample is None else metrics.shortest(sample[0]),
        bits=None if sample is None else metrics.bits(sample)[0],
        in_range=inside,
        settled_at=settled if settled > 0 and inside else None,  # it may have left since the last recorded iteration
        discriminator_real_loss=means[kernel.REAL_LOSS],
        discriminator_fake_loss=means[kernel.FAKE_LOSS],
        generator_loss=means[kernel.GENERATOR_LOSS] if config.experiment == "gan" else None,
        real_score=means[kernel.REAL_SCORE],
        fake_score=means[kernel.FAKE_SCORE],
    )
