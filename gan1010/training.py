"""Training: `run` yields progress, `train` runs to the end."""

import dataclasses
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gan1010 import kernel_inputs
from gan1010.compiled import kernel
from gan1010.config import TrainConfig
from gan1010.coverage import coverage
from gan1010.history import History, Snapshots
from gan1010.model import Model
from gan1010.results import MEANS, Result, bits, in_range, shortest_decimals
from gan1010.types import Float32s, Int64s

# Iterations between two progresses times the weights of both networks: about ten milliseconds.
WEIGHTS_PER_STRIDE = 2_000_000
PYTORCH_STRIDE = 200  # of the backend "pytorch": iterations times steps of D, some tenths of a second
Advance = Callable[[TrainConfig, kernel.State, kernel.Draws, kernel.Records, int], None]
CHANGEABLE_SETTINGS = ("iterations", "learning_rate", "generator_learning_rate")


class DivergedError(ValueError):
    """A loss or a weight is not finite; the last progress holds the finite part of the run."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Progress:
    """A run after `iteration` iterations; the last progress has the `result`, all others the `state`.

    A progress with its state is a complete checkpoint. The run changes the state in place when it continues, so copy
    it to keep it.
    """

    config: TrainConfig
    iteration: int
    history: History
    snapshots: Snapshots
    result: Result | None
    state: kernel.State | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A finished run."""

    config: TrainConfig
    history: History
    snapshots: Snapshots
    result: Result

    def model(self, iteration: int | None = None) -> Model:
        """Return the networks of a snapshot, by default the last; ValueError if there is none at that iteration."""
        return model_at(self.config, self.snapshots, iteration)

    @property
    def samples(self) -> Float32s:
        """G's sample for `latent_value` at each snapshot (snapshots, W); ValueError if there is no generator."""
        return samples_at(self.config, self.snapshots)

    def __repr__(self) -> str:
        config, result = self.config, self.result
        changed = {f.name: getattr(config, f.name) for f in dataclasses.fields(config) if f.name != "seed"}
        changed = {name: value for name, value in changed.items() if value != getattr(TrainConfig, name)}
        settings = ", ".join(f"{name} {value}" for name, value in ({"seed": config.seed} | changed).items())
        outcome = f"mean score {result.real_score:.2f} of real data, {result.fake_score:.2f} of noise"
        if result.bits is not None:
            since = f" since iteration {result.settled_at:,}" if result.settled_at else ""
            outcome = f"bits {result.bits}, {'in range' if result.in_range else 'not in range'}{since}"
        return f"<Run of {settings}: {outcome}>"

    def _repr_html_(self) -> str:
        from gan1010 import plots

        config = self.config
        series: dict[str, Any] = {"iteration": self.history.iteration, **self.history.series}
        drawn = [plots.losses(series, equilibrium=plots.EQUILIBRIA[config.loss])]
        if config.experiment == "gan":
            drawn.append(plots.evolution(self.samples, self.snapshots.iterations, pattern=config.pattern))
        return plots.html(repr(self), *drawn)


def model_at(config: TrainConfig, snapshots: Snapshots, iteration: int | None = None) -> Model:
    """Return the networks of a snapshot, by default the last; ValueError if there is none at that iteration."""
    row = -1 if iteration is None else snapshots.row_of(iteration)
    return Model(
        pattern=config.pattern,
        spread=config.spread,
        hidden_size=config.hidden_size,
        discriminator=snapshots.discriminators[row],
        generator=snapshots.generators[row] if config.experiment == "gan" else None,
    )


def samples_at(config: TrainConfig, snapshots: Snapshots) -> Float32s:
    """Return G's sample for `latent_value` at each snapshot (snapshots, W); ValueError if there is no generator."""
    models = [model_at(config, snapshots, int(iteration)) for iteration in snapshots.iterations]
    samples = [model.sample([config.latent_value]) for model in models]
    return np.concatenate([np.empty((0, config.width), np.float32), *samples])


def run(
    config: TrainConfig,
    resume_from: Progress | None = None,
    changed: str | Collection[str] = (),
    advance_pytorch: Advance | None = None,
) -> Iterator[Progress]:
    """Train and yield progress about a hundred times a second; stop iterating to cancel.

    A resumed run ends with the same bits as an uninterrupted one. With other `iterations`, it ends with those of a run
    that has them from the start. DivergedError follows the last finite progress of a run that diverges.

    Args:
        config: the settings.
        resume_from: a progress of the same settings, with its state; the backend may be another one.
        changed: the settings that differ from those of the progress on purpose, of `CHANGEABLE_SETTINGS`. G's learning
            rate follows D's where it is not set.
        advance_pytorch: trains for the backend "pytorch" as `reference.advance` does, which is the default, for example
            in another process.

    Raises:
        ValueError: `resume_from` has no state or other settings, or too few iterations are left.
    """
    lanes = kernel_inputs.single_run(config)
    state = kernel_inputs.initial_state(config, lanes)
    records, first = new_records(config, state), 0
    if resume_from is not None:
        _check_resumable(config, resume_from, (changed,) if isinstance(changed, str) else changed)
        _restore(resume_from, state, records)
        if config.iterations != resume_from.config.iterations:
            state.totals[:] = 0  # the last tenth is another one, and begins later
        first = resume_from.iteration
    advance, stride = _backend(config, state, records, advance_pytorch)
    for start in range(first, config.iterations, stride):
        count = min(stride, config.iterations - start)
        advance(kernel_inputs.draws(config, lanes, start, count), start)
        end = start + count
        if not all(np.isfinite(values).all() for values in (state.discriminator, state.generator, state.totals)):
            yield _progress_before(config, records, end)
            raise DivergedError(f"The run diverged by iteration {end}. Lower the learning rates.")
        if end == config.iterations:
            records.discriminators[-1], records.generators[-1] = state.discriminator, state.generator
            yield _progress(config, records, end, _result(config, state, records))
        else:
            yield dataclasses.replace(_progress(config, records, end), state=state)


def train(config: TrainConfig) -> Run:
    """Train to the end; DivergedError if a loss or a weight is no longer finite."""
    (last,) = deque(run(config), maxlen=1)
    assert last.result is not None  # noqa: S101  # nosec B101
    return Run(config=config, history=last.history, snapshots=last.snapshots, result=last.result)


def new_records(config: TrainConfig, state: kernel.State) -> kernel.Records:
    """Allocate the records of a whole run, which begins with this state."""
    points = config.iterations // config.resolved.record_every
    snapshots = len(_snapshot_iterations(config, config.iterations))
    records = kernel.Records(
        losses=np.empty((3, points), np.float32),
        discriminators=np.empty((snapshots, state.discriminator.size), np.float32),
        generators=np.empty((snapshots, state.generator.size), np.float32),
    )
    records.discriminators[0], records.generators[0] = state.discriminator, state.generator
    return records


def recorded_between(config: TrainConfig, records: kernel.Records, start: int, end: int) -> kernel.Records:
    """Return views of what is recorded in the iterations after `start` up to `end`."""
    points, rows = (
        slice(start // every + offset, end // every + offset)
        for every, offset in ((config.resolved.record_every, 0), (config.resolved.snapshot_every, 1))
    )
    return kernel.Records(records.losses[:, points], records.discriminators[rows], records.generators[rows])


def _backend(
    config: TrainConfig, state: kernel.State, records: kernel.Records, advance_pytorch: Advance | None
) -> tuple[Callable[[kernel.Draws, int], None], int]:
    """Return the backend's function that trains on draws after an iteration, and its iterations between progresses."""
    if config.backend == "pytorch":
        train = advance_pytorch or _advance_here()
        stride = max(PYTORCH_STRIDE // config.discriminator_steps, 1)
        return lambda draws, start: train(config, state, draws, records, start), stride
    plan = kernel_inputs.plan(config, kernel_inputs.single_run(config))
    scratch = kernel.scratch_for(plan, state)
    weights, samples = state.discriminator.size + state.generator.size, config.batch_size * config.discriminator_steps
    stride = max(WEIGHTS_PER_STRIDE // (weights * samples), 1)
    return lambda draws, start: kernel.advance(plan, state, draws, records, scratch, start), stride


def _advance_here() -> Advance:
    from gan1010 import reference  # imports torch

    return reference.advance


def _check_resumable(config: TrainConfig, progress: Progress, changed: Collection[str]) -> None:
    """Check that the progress has a state, and that only the named settings have changed."""
    if not isinstance(progress, Progress):
        raise TypeError(f"resume_from must be a Progress, not {type(progress).__name__}")
    if progress.state is None:
        raise ValueError("resume_from must be a progress that has its state, which the last one of a run has not")
    for name in changed:
        if name not in CHANGEABLE_SETTINGS:
            raise ValueError(f"changed must name only {', '.join(CHANGEABLE_SETTINGS)}, not {name!r}")
    follows = ("generator_learning_rate",) if "learning_rate" in changed and not config.generator_learning_rate else ()
    before = vars(progress.config.resolved)
    for name, value in vars(config.resolved).items():
        if value != before[name] and name not in (*changed, *follows, "backend"):
            remedy = " Add it to `changed` if this is on purpose." if name in CHANGEABLE_SETTINGS else ""
            difference = f"its {name} is {before[name]!r}, not {value!r}."
            raise ValueError(f"resume_from must be a progress of the same settings, but {difference}{remedy}")
    minimum = progress.iteration + max((progress.iteration - 1) // 9, 1)
    if config.iterations != before["iterations"] and config.iterations < minimum:
        reason = "so that the last tenth, over which a result is the mean, is still to come"
        raise ValueError(f"iterations must be at least {minimum}, {reason}, not {config.iterations}")


def _restore(progress: Progress, state: kernel.State, records: kernel.Records) -> None:
    for name in kernel.State._fields:
        np.copyto(getattr(state, name), getattr(progress.state, name))
    for row, losses in enumerate(progress.history.series.values()):
        records.losses[row, : len(losses)] = losses
    records.discriminators[: len(progress.snapshots)] = progress.snapshots.discriminators
    records.generators[: len(progress.snapshots)] = progress.snapshots.generators


def _snapshot_iterations(config: TrainConfig, iteration: int) -> Int64s:
    """Return the iterations up to this one that have a snapshot: every snapshot_every-th, and the end."""
    regular = np.arange(0, iteration + 1, config.resolved.snapshot_every, dtype=np.int64)
    ended = iteration == config.iterations and regular[-1] != iteration
    return np.append(regular, iteration) if ended else regular


def _progress(config: TrainConfig, records: kernel.Records, iteration: int, result: Result | None = None) -> Progress:
    every, losses = config.resolved.record_every, records.losses[: 3 if config.experiment == "gan" else 2]
    iterations = _snapshot_iterations(config, iteration)
    return Progress(
        config=config,
        iteration=iteration,
        history=History.of(losses[:, : iteration // every], every),
        snapshots=Snapshots(
            iterations=iterations,
            discriminators=records.discriminators[: len(iterations)],
            generators=records.generators[: len(iterations)],
        ),
        result=result,
    )


def _progress_before(config: TrainConfig, records: kernel.Records, end: int) -> Progress:
    """Return the progress up to the last record before `end` at which all recorded values are finite."""
    reached = _progress(config, records, end - 1)
    finite = np.isfinite(records.losses[:, : len(reached.history)]).all(axis=0)
    weights = np.hstack([reached.snapshots.discriminators, reached.snapshots.generators])
    points, rows = (int(np.cumprod(flags).sum()) for flags in (finite, np.isfinite(weights).all(axis=1)))
    iteration = max(points * config.resolved.record_every, int(reached.snapshots.iterations[rows - 1]))
    snapshots = reached.snapshots.take(slice(rows))
    history = reached.history.take(slice(points))
    return Progress(config=config, iteration=iteration, history=history, snapshots=snapshots, result=None)


def _result(config: TrainConfig, state: kernel.State, records: kernel.Records) -> Result:
    means: dict[str, Any] = dict(zip(MEANS, (state.totals / max(config.iterations // 10, 1)).tolist(), strict=True))
    model = model_at(config, _progress(config, records, config.iterations).snapshots)
    if model.generator is None:
        return Result(sample=None, bits=None, in_range=None, settled_at=None, **means | {"generator_loss": None})
    sample = model.sample([config.latent_value])
    inside, settled = bool(in_range(sample, *model.real_range)[0]), int(state.settled[0])
    figures = coverage(config, kernel_inputs.single_run(config), model.generator)
    return Result(
        sample=shortest_decimals(sample[0]),
        bits=bits(sample)[0],
        in_range=inside,
        settled_at=settled if settled > 0 and inside else None,  # it may have left the range since the last record
        **means,
        covered=int(figures.covered),
        quality=float(figures.quality),
        diversity=float(figures.diversity),
        shares=figures.shares.tolist(),
    )
