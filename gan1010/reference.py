"""The same training in plain PyTorch, step by step as the article reads: the oracle that the kernel is held against.

It trains on the kernel's draws and from its initial weights, so both must leave the same losses and weights.
Nothing else uses it: it takes seconds where the kernel takes milliseconds.
"""

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from gan1010.config import Optimizer, TrainConfig
from gan1010.history import FAKE, GENERATOR, REAL, History
from gan1010.kernel_inputs import draws, initial_weights, single_run
from gan1010.model import Model
from gan1010.networks import Discriminator, Generator

REAL_TARGET, FAKE_TARGET = torch.tensor([1.0]), torch.tensor([0.0])


class Reference:
    """Both networks with their optimisers and the one loss. Each method is one step, and returns its loss."""

    def __init__(self, config: TrainConfig) -> None:
        self.discriminator = Discriminator(config.width, config.hidden_size)
        self.generator = Generator(config.width, config.hidden_size)
        self.loss_function = nn.MSELoss() if config.loss == "mse" else nn.BCELoss()
        self.discriminator_optimizer = _optimizer(config.optimizer, self.discriminator, config.learning_rate)
        self.generator_optimizer = _optimizer(
            config.optimizer, self.generator, cast(float, config.generator_learning_rate)
        )

    def train_on_real(self, sample: Tensor) -> Tensor:
        """D on a real sample (W,), target 1."""
        return self._train_discriminator(sample, REAL_TARGET)

    def train_on_fake(self, sample: Tensor) -> Tensor:
        """D on noise (W,), target 0."""
        return self._train_discriminator(sample, FAKE_TARGET)

    def train_on_generated(self, seed: Tensor) -> Tensor:
        """D on what G makes of a seed (1,), target 0; detached, so that no gradient reaches G."""
        return self._train_discriminator(self.generator(seed).detach(), FAKE_TARGET)

    def _train_discriminator(self, sample: Tensor, target: Tensor) -> Tensor:
        loss: Tensor = self.loss_function(self.discriminator(sample), target)
        self.discriminator_optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.discriminator_optimizer.step()
        return loss

    def train_generator(self, seed: Tensor) -> Tensor:
        """G on a seed (1,): D's loss, target 1, carried back through D, where only G learns."""
        loss: Tensor = self.loss_function(self.discriminator(self.generator(seed)), REAL_TARGET)
        self.generator_optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.generator_optimizer.step()
        return loss


def train_reference(config: TrainConfig) -> tuple[History, Model]:
    """Train as `training.train` does: the recorded losses, and both networks at the end."""
    reference = Reference(config)
    discriminator, generator = initial_weights(config, single_run(config))
    reference.discriminator.load_flat(discriminator)
    if config.experiment == "gan":
        reference.generator.load_flat(generator)
    losses = [
        [loss.item() for loss in iteration_losses]
        for k, iteration_losses in enumerate(_iterations(config, reference), start=1)
        if k % cast(int, config.record_every) == 0
    ]
    return _history(config, losses), Model(
        pattern=config.pattern,
        spread=config.spread,
        hidden_size=config.hidden_size,
        discriminator=reference.discriminator.flat(),
        generator=reference.generator.flat() if config.experiment == "gan" else None,
    )


def _iterations(config: TrainConfig, reference: Reference) -> Iterator[tuple[Tensor, ...]]:
    """Train, and hand out each iteration's losses: D on real, D on fake, and G's where there is one."""
    drawn = draws(config, single_run(config), 0, config.iterations)
    real, noise = torch.tensor(drawn.real.T), torch.tensor(drawn.noise.T)
    if config.latent == "constant":
        seeds = generator_seeds = torch.full((config.iterations, 1), config.latent_value)
    else:
        seeds, generator_seeds = torch.tensor(drawn.latent[:, None]), torch.tensor(drawn.generator_latent[:, None])
    for k in range(config.iterations):
        if config.experiment == "discriminator":
            yield reference.train_on_real(real[k]), reference.train_on_fake(noise[k])
        else:
            yield (
                reference.train_on_real(real[k]),
                reference.train_on_generated(seeds[k]),
                reference.train_generator(generator_seeds[k]),
            )


def _optimizer(name: Optimizer, network: nn.Module, learning_rate: float) -> torch.optim.Optimizer:
    if name == "sgd":
        return torch.optim.SGD(network.parameters(), lr=learning_rate)
    return torch.optim.Adam(network.parameters(), lr=learning_rate)


def _history(config: TrainConfig, losses: list[list[float]]) -> History:
    names = (REAL, FAKE, GENERATOR) if config.experiment == "gan" else (REAL, FAKE)
    columns = np.array(losses, np.float32).reshape(len(losses), len(names)).T  # (losses of an iteration, points)
    series = dict(zip(names, columns, strict=True))
    return History(
        iteration=np.arange(1, len(losses) + 1, dtype=np.int64) * cast(int, config.record_every),
        discriminator_real_loss=series[REAL],
        discriminator_fake_loss=series[FAKE],
        generator_loss=series.get(GENERATOR),
    )
