"""Verification: the largest differences between both backends."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gan1010 import Run, TrainConfig, train, verification, verify, verifying
from gan1010.compiled import kernel

NAMES = ("discriminator_real_loss", "discriminator_fake_loss", "generator_loss")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"loss": "bce", "latent": "uniform", "pattern": "110", "hidden_size": 2, "record_every": 7},
        {"optimizer": "adam", "experiment": "discriminator", "backend": "pytorch"},
        {"iterations": 1},
    ],
    ids=str,
)
def test_differences_are_the_largest_of_both_runs(settings: dict[str, Any]) -> None:
    config = TrainConfig(**{"seed": 3, "iterations": 130, "snapshot_every": 40} | settings)
    runs = [train(replace(config, backend=backend)) for backend in ("compiled", "pytorch")]  # type: ignore[arg-type]
    verified = verify(config)
    names = NAMES if config.experiment == "gan" else NAMES[:2]
    losses = _largest(runs, *(lambda run, name=name: getattr(run.history, name) for name in names))
    means = _largest(runs, lambda run: [getattr(run.result, name) for name in names])
    assert verified.loss_difference == max(losses, means)
    assert verified.weight_difference == _largest(
        runs, lambda run: run.snapshots.discriminators, lambda run: run.snapshots.generators
    )
    sample_difference = _largest(runs, lambda run: run.samples) if config.experiment == "gan" else None
    assert verified.sample_difference == sample_difference
    assert (verified.agrees, verified.exceeded_at, verified.note) == (True, None, None)
    assert verified.compiled_seconds
    assert verified.pytorch_seconds
    assert verified.ratio == verified.pytorch_seconds / verified.compiled_seconds


def _largest(runs: list[Run], *values: Any) -> float:
    """Return the largest absolute difference of some values of two runs."""
    pairs = [[np.asarray(value(run), np.float64) for run in runs] for value in values]
    return max(float(np.abs(first - second).max(initial=0)) for first, second in pairs)


def test_verification_grows_with_the_second_run() -> None:
    steps = list(verifying(TrainConfig(seed=3, iterations=450)))
    assert [step.iteration for step in steps] == [200, 400, 450]
    for before, after in itertools.pairwise(steps):
        for name in ("loss_difference", "weight_difference", "sample_difference", "pytorch_seconds"):
            assert getattr(before, name) <= getattr(after, name)


def test_finished_run_is_trained_again_with_the_other_backend() -> None:
    run = train(TrainConfig(seed=3, iterations=60, backend="pytorch"))
    verified = verify(run)
    assert verified.agrees
    assert (verified.pytorch_seconds, verified.ratio) == (None, None)
    assert verified.compiled_seconds is not None


@pytest.mark.parametrize(("optimizer", "agrees"), [("sgd", False), ("adam", True)])
def test_adam_counts_the_first_iterations_only(optimizer: Any, agrees: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    advance = kernel.advance

    def late_change(plan: Any, state: Any, draws: Any, records: Any, scratch: Any, start: int) -> None:
        rate = plan.learning_rate * (10 if start >= 60 else 1)
        advance(plan._replace(learning_rate=rate), state, draws, records, scratch, start)

    monkeypatch.setattr(kernel, "advance", late_change)
    monkeypatch.setattr("gan1010.training.WEIGHTS_PER_STRIDE", 20 * (19 + 22))
    monkeypatch.setattr(verification, "ADAM_ITERATIONS", 60)
    verified = verify(TrainConfig(seed=3, iterations=100, optimizer=optimizer))
    assert (verified.agrees, verified.note is not None, verified.exceeded_at) == (agrees, agrees, 65)
    assert verified.loss_difference > 1e-4
