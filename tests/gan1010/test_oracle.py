"""The kernel against the reference over whole runs: the same draws give the same losses and weights."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gan1010 import DivergedError, TrainConfig, kernel_inputs, run, train, training
from gan1010.reference import Reference


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"loss": "bce", "iterations": 500},
        {"latent": "uniform", "loss": "bce", "generator_learning_rate": 0.02, "iterations": 500},
        {"latent": "normal", "iterations": 500},
        {"experiment": "discriminator", "iterations": 500},
        {"experiment": "discriminator", "loss": "bce", "iterations": 500},
        {"optimizer": "adam", "iterations": 300},
        {"optimizer": "adam", "loss": "bce", "learning_rate": 0.001, "iterations": 300},
        {"optimizer": "adam", "latent": "normal", "iterations": 300},
        {"optimizer": "adam", "experiment": "discriminator", "iterations": 300},
        {"pattern": "110", "hidden_size": 7, "spread": 0.4, "latent_value": -1.5, "iterations": 500},
        {"pattern": "110+001+111", "latent": "normal", "batch_size": 4, "r1": 1.0, "iterations": 2_000},
        {"loss": "minimax", "latent": "uniform", "discriminator_steps": 2, "learning_rate": 0.1, "iterations": 2_000},
        {"pattern": "10+01", "latent": "normal", "optimizer": "adam", "batch_size": 3, "r1": 0.1, "iterations": 300},
        {"experiment": "discriminator", "batch_size": 5, "discriminator_steps": 2, "r1": 0.3, "iterations": 300},
    ],
    ids=str,
)
def test_losses_and_weights_agree_with_the_reference(settings: dict[str, Any]) -> None:
    config = TrainConfig(seed=3, **settings)
    compiled, reference = train(config), train(replace(config, backend="pytorch"))
    np.testing.assert_array_equal(compiled.history.iteration, reference.history.iteration)
    assert list(compiled.history.series) == list(reference.history.series)
    for name, values in reference.history.series.items():
        np.testing.assert_allclose(compiled.history.series[name], values, atol=1e-4, err_msg=name)
    np.testing.assert_array_equal(compiled.snapshots.iterations, reference.snapshots.iterations)
    np.testing.assert_allclose(compiled.snapshots.discriminators, reference.snapshots.discriminators, atol=1e-3)
    np.testing.assert_allclose(compiled.snapshots.generators, reference.snapshots.generators, atol=1e-3)
    for name, value in vars(reference.result).items():
        assert getattr(compiled.result, name) == (value if value is None else pytest.approx(value, abs=1e-4)), name


def test_article_losses_are_every_tenth_step_of_each_network() -> None:
    config = TrainConfig(seed=3, iterations=303)
    settings, reference = kernel_inputs.single_run(config), Reference(config)
    draws = kernel_inputs.draws(config, settings, 0, config.iterations)
    for network, weights in zip(
        (reference.discriminator, reference.generator), kernel_inputs.initial_weights(config, settings), strict=True
    ):
        network.load_flat(weights)
    discriminator, generator, latent = [], [], torch.tensor([config.latent_value])
    for k in range(config.iterations):
        discriminator.append(reference.train_on_real(torch.tensor(draws.real[:, k]))[0])
        discriminator.append(reference.train_on_generated(latent)[0])
        generator.append(reference.train_generator(latent)[0])
    kept = train(config).history.article_losses()
    np.testing.assert_allclose(kept["discriminator"], [loss.item() for loss in discriminator[9::10]], atol=1e-6)
    np.testing.assert_allclose(kept["generator"], [loss.item() for loss in generator[9::10]], atol=1e-6)


def test_article_losses_have_the_lengths_of_the_article() -> None:
    lists = train(TrainConfig(seed=3)).history.article_losses()
    assert {name: len(values) for name, values in lists.items()} == {"discriminator": 2000, "generator": 1000}
    lists = train(TrainConfig(seed=3, experiment="discriminator")).history.article_losses()
    assert {name: len(values) for name, values in lists.items()} == {"discriminator": 2000, "generator": 0}


@pytest.mark.parametrize("settings", [{}, {"optimizer": "adam", "loss": "bce", "latent": "normal"}], ids=str)
@pytest.mark.parametrize("backends", [("pytorch", "pytorch"), ("compiled", "pytorch"), ("pytorch", "compiled")])
def test_run_is_resumed_with_either_backend(
    backends: tuple[Any, Any], settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "WEIGHTS_PER_STRIDE", 50 * 34)
    monkeypatch.setattr(training, "PYTORCH_STRIDE", 50)
    first, second = (TrainConfig(seed=3, iterations=120, snapshot_every=7, backend=b, **settings) for b in backends)
    whole = train(first)
    checkpoint = next(progress for progress in run(first) if progress.iteration >= 50)
    *_, last = run(second, checkpoint)
    tolerance = 0 if backends == ("pytorch", "pytorch") else 1e-5
    for name, values in whole.history.series.items():
        np.testing.assert_allclose(last.history.series[name], values, atol=tolerance, rtol=0)
    np.testing.assert_allclose(last.snapshots.generators, whole.snapshots.generators, atol=tolerance, rtol=0)


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_reference_that_diverges_raises_after_its_finite_part(loss: Any) -> None:
    # No settings within the bounds are known to make a run diverge, so a weight is changed.
    progresses = run(TrainConfig(seed=3, iterations=450, backend="pytorch", loss=loss, record_every=1))
    checkpoint = next(progresses)
    assert checkpoint.state is not None
    checkpoint.state.discriminator[0] = np.nan
    last = next(progresses)
    assert last.iteration == len(last.history) == checkpoint.iteration
    with pytest.raises(DivergedError, match=f"diverged by iteration {2 * checkpoint.iteration}"):
        next(progresses)
