"""The kernel against the reference over whole runs: the same draws give the same losses and weights."""

from typing import Any

import numpy as np
import pytest
import torch

from gan1010 import TrainConfig, kernel_inputs, train
from gan1010.reference import Reference, train_reference


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"loss": "bce"},
        {"latent": "uniform", "loss": "bce", "generator_learning_rate": 0.02, "iterations": 4_000},
        {"latent": "normal", "iterations": 4_000},
        {"experiment": "discriminator"},
        {"experiment": "discriminator", "loss": "bce", "iterations": 2_000},
        {"optimizer": "adam", "iterations": 1_000},
        {"optimizer": "adam", "loss": "bce", "learning_rate": 0.001, "iterations": 1_000},
        {"optimizer": "adam", "latent": "normal", "iterations": 1_000},
        {"optimizer": "adam", "experiment": "discriminator", "iterations": 1_000},
        {"pattern": "110", "hidden_size": 7, "spread": 0.4, "latent_value": -1.5, "iterations": 2_000},
    ],
    ids=str,
)
def test_losses_and_weights_agree_with_the_reference(settings: dict[str, Any]) -> None:
    config = TrainConfig(seed=3, **settings)
    run = train(config)
    history, model = train_reference(config)
    np.testing.assert_array_equal(run.history.iteration, history.iteration)
    assert list(run.history.series) == list(history.series)
    for name, values in history.series.items():
        np.testing.assert_allclose(run.history.series[name], values, atol=1e-4, err_msg=name)
    np.testing.assert_allclose(run.model().discriminator, model.discriminator, atol=1e-3)
    if model.generator is not None:
        np.testing.assert_allclose(run.model().generator, model.generator, atol=1e-3)


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
        discriminator.append(reference.train_on_real(torch.tensor(draws.real[:, k])))
        discriminator.append(reference.train_on_generated(latent))
        generator.append(reference.train_generator(latent))
    kept = train(config).history.article_losses()
    np.testing.assert_allclose(kept["discriminator"], [loss.item() for loss in discriminator[9::10]], atol=1e-6)
    np.testing.assert_allclose(kept["generator"], [loss.item() for loss in generator[9::10]], atol=1e-6)


def test_article_losses_have_the_lengths_of_the_article() -> None:
    lists = train(TrainConfig(seed=3)).history.article_losses()
    assert {name: len(values) for name, values in lists.items()} == {"discriminator": 2000, "generator": 1000}
    lists = train(TrainConfig(seed=3, experiment="discriminator")).history.article_losses()
    assert {name: len(values) for name, values in lists.items()} == {"discriminator": 2000, "generator": 0}


def test_reference_of_a_short_run_has_no_history() -> None:
    history, model = train_reference(TrainConfig(seed=3, iterations=2))
    assert len(history) == 0
    np.testing.assert_allclose(model.sample([0.5]), train(TrainConfig(seed=3, iterations=2)).model().sample([0.5]))
