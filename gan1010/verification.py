"""Verification: the same run with the other backend, and the largest differences between the two."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gan1010.config import Backend, TrainConfig
from gan1010.history import LOSSES, History, Snapshots
from gan1010.results import Result
from gan1010.training import Progress, Run, run, samples_at, train
from gan1010.types import Array, Float32s, Float64s

LOSS_TOLERANCE = 1e-4
ROUNDING = 1e-6
ADAM_ITERATIONS = 1_000
ADAM_NOTE = (
    f"With Adam, only the losses of the first {ADAM_ITERATIONS:,} iterations count: it divides by the root of its "
    "second moments, and where these are tiny, that amplifies rounding."
)
OTHER_BACKEND: dict[Backend, Backend] = {"compiled": "pytorch", "pytorch": "compiled"}


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The largest differences between a run and the same run with the other backend, up to `iteration`.

    Differences are absolute: of all recorded losses and, at the end, those of the result; of all weights in the
    snapshots; and of G's samples at the snapshots, which are None in the discriminator experiment. `exceeded_at` is the
    first iteration at which one of them was seen to exceed 1e-6. Losses must agree up to `checked_iterations`, and
    `checked_loss_difference` is their largest difference until then. The seconds of a run that is only passed are None.
    """

    iteration: int
    iterations: int
    loss_difference: float
    weight_difference: float
    sample_difference: float | None
    exceeded_at: int | None
    checked_iterations: int
    checked_loss_difference: float
    compiled_seconds: float | None
    pytorch_seconds: float | None

    @property
    def agrees(self) -> bool:
        """True if the losses that count differ by at most 1e-4."""
        return self.checked_loss_difference <= LOSS_TOLERANCE

    @property
    def ratio(self) -> float | None:
        """PyTorch's time divided by that of the compiled backend, if both are known."""
        return self.pytorch_seconds / self.compiled_seconds if self.pytorch_seconds and self.compiled_seconds else None

    @property
    def note(self) -> str | None:
        """The reason why only some losses count, or None if all do."""
        return ADAM_NOTE if self.checked_iterations < self.iterations else None


def verify(subject: TrainConfig | Run) -> Verification:
    """Train with both backends, or a finished run again with the other, and return the largest differences.

    Raises:
        DivergedError: a loss or a weight of one of the runs is no longer finite.
    """
    (last,) = deque(verifying(subject), maxlen=1)
    return last


def verifying(subject: TrainConfig | Run) -> Iterator[Verification]:
    """Yield the verification so far, while the second backend trains; `verify` returns the last."""
    config = subject.config if isinstance(subject, Run) else replace(subject, backend="compiled")  # the fast one first
    seconds: dict[Backend, float | None] = dict.fromkeys(OTHER_BACKEND)
    _load_backends(config)
    if not isinstance(subject, Run):
        start = time.perf_counter()
        subject = train(config)
        seconds[config.backend] = time.perf_counter() - start
    backend = OTHER_BACKEND[config.backend]
    verification = _initial(config)
    for progress, elapsed in _timed(run(replace(config, backend=backend))):
        seconds[backend] = elapsed
        verification = _compared(verification, subject, progress, seconds)
        yield verification


def compare(first: Run, second: Run, seconds: dict[Backend, float | None]) -> Verification:
    """Compare two finished runs of the same settings, which have taken so many seconds by backend."""
    last = Progress(**vars(second), iteration=second.config.iterations)
    return _compared(_initial(first.config), first, last, seconds)


def _load_backends(config: TrainConfig) -> None:
    """Load compiled code and torch, so that the times are those of the training alone."""
    for backend in OTHER_BACKEND:
        train(replace(config, backend=backend, iterations=1, record_every=None, snapshot_every=None))


def _timed(progresses: Iterator[Progress]) -> Iterator[tuple[Progress, float]]:
    """Yield each progress with the seconds that the training has taken, without those of the caller."""
    seconds, start = 0.0, time.perf_counter()
    for progress in progresses:
        seconds += time.perf_counter() - start
        yield progress, seconds
        start = time.perf_counter()


def _initial(config: TrainConfig) -> Verification:
    """Return the verification before the first comparison."""
    limit = ADAM_ITERATIONS if config.optimizer == "adam" else config.iterations
    return Verification(
        iteration=-1,  # no snapshot has been compared
        iterations=config.iterations,
        loss_difference=0.0,
        weight_difference=0.0,
        sample_difference=0.0 if config.experiment == "gan" else None,
        exceeded_at=None,
        checked_iterations=min(limit, config.iterations),
        checked_loss_difference=0.0,
        compiled_seconds=None,
        pytorch_seconds=None,
    )


def _compared(before: Verification, first: Run, second: Progress, seconds: dict[Backend, float | None]) -> Verification:
    """Extend a verification by what the second run has recorded since then."""
    start = int(np.searchsorted(second.snapshots.iterations, before.iteration, side="right"))
    rows = slice(start, len(second.snapshots))
    iterations, snapshots = second.snapshots.iterations[rows], (first.snapshots.take(rows), second.snapshots.take(rows))
    weights = np.maximum(
        _gaps(*(side.discriminators for side in snapshots)), _gaps(*(side.generators for side in snapshots))
    )
    samples = _gaps(*(_samples(first.config, side) for side in snapshots))
    recorded = second.history.after(before.iteration)
    losses = _gaps(_losses(first.history.after(before.iteration).take(slice(len(recorded)))), _losses(recorded))
    points = recorded.iteration
    if second.result is not None:
        points = np.append(points, second.iteration)
        losses = np.append(losses, _gaps(_mean_losses(first.result), _mean_losses(second.result)))
    checked = losses[points <= before.checked_iterations]
    exceeded = [points[losses > ROUNDING], iterations[(weights > ROUNDING) | (samples > ROUNDING)]]
    first_seen = min(np.concatenate(exceeded).tolist(), default=None)
    return replace(
        before,
        iteration=second.iteration,
        loss_difference=_maximum(before.loss_difference, losses),
        weight_difference=_maximum(before.weight_difference, weights),
        sample_difference=None if before.sample_difference is None else _maximum(before.sample_difference, samples),
        exceeded_at=first_seen if before.exceeded_at is None else before.exceeded_at,
        checked_loss_difference=_maximum(before.checked_loss_difference, checked),
        compiled_seconds=seconds["compiled"],
        pytorch_seconds=seconds["pytorch"],
    )


def _gaps(first: Array, second: Array) -> Float64s:
    """Return the largest absolute difference in each row of two arrays (n, values): (n,), 0 if a row has no values."""
    gaps: Float64s = np.abs(first.astype(np.float64) - second).max(axis=1, initial=0)
    return gaps


def _maximum(before: float, gaps: Float64s) -> float:
    return float(gaps.max(initial=before))


def _losses(history: History) -> Float32s:
    return np.stack(list(history.series.values()), axis=1)


def _mean_losses(result: Result) -> Float64s:
    losses = [getattr(result, name) for name in LOSSES]
    return np.array([[loss for loss in losses if loss is not None]])


def _samples(config: TrainConfig, snapshots: Snapshots) -> Float32s:
    """Return G's samples at the snapshots (n, W), or (n, 0) without a generator."""
    return samples_at(config, snapshots) if config.experiment == "gan" else snapshots.generators
