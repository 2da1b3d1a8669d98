"""Reference training in plain PyTorch, step by step as in the article: the test oracle of the kernel.

It uses the kernel's draws and initial weights, so both must give the same losses and weights. It takes seconds where
the kernel takes milliseconds.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from gan1010.config import TrainConfig
from gan1010.history import History
from gan1010.kernel_inputs import draws, initial_weights, single_run
from gan1010.model import Model
from gan1010.networks import Discriminator, Generator

REAL_TARGET, FAKE_TARGET = torch.tensor([1.0]), torch.tensor([0.0])
OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


class Reference:
    """Both networks with their optimisers and the loss function. Each training method is one step."""

    def __init__(self, config: TrainConfig) -> None:
        self.discriminator = Discriminator(config.width, config.hidden_size)
        self.generator = Generator(config.width, config.hidden_size)
        self.loss_function = nn.MSELoss() if config.loss == "mse" else nn.BCELoss()
        optimizer, generator_rate = OPTIMIZERS[config.optimizer], config.resolved.generator_learning_rate
        self.discriminator_optimizer = optimizer(self.discriminator.parameters(), lr=config.learning_rate)
        self.generator_optimizer = optimizer(self.generator.parameters(), lr=generator_rate)

    def train_on_real(self, sample: Tensor) -> Tensor:
        """Train D on a real sample (W,), target 1, and return the loss."""
        return self._step(self.discriminator_optimizer, sample, REAL_TARGET)

    def train_on_fake(self, sample: Tensor) -> Tensor:
        """Train D on noise (W,), target 0, and return the loss."""
        return self._step(self.discriminator_optimizer, sample, FAKE_TARGET)

    def train_on_generated(self, latent: Tensor) -> Tensor:
        """Train D on G's sample for a latent (1,), target 0, and return the loss. No gradient reaches G."""
        return self._step(self.discriminator_optimizer, self.generator(latent).detach(), FAKE_TARGET)

    def train_generator(self, latent: Tensor) -> Tensor:
        """Train G on D's loss for G's sample, target 1, and return the loss. The gradient passes through D."""
        return self._step(self.generator_optimizer, self.generator(latent), REAL_TARGET)

    def _step(self, optimizer: torch.optim.Optimizer, sample: Tensor, target: Tensor) -> Tensor:
        loss: Tensor = self.loss_function(self.discriminator(sample), target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss


def train_reference(config: TrainConfig) -> tuple[History, Model]:
    """Train as `training.train` does, and return the recorded losses and the final networks."""
    reference = Reference(config)
    discriminator, generator = initial_weights(config, single_run(config))
    reference.discriminator.load_flat(discriminator)
    if config.experiment == "gan":
        reference.generator.load_flat(generator)
    every = config.resolved.record_every
    steps = islice(_iterations(config, reference), every - 1, None, every)
    losses = [[loss.item() for loss in losses] for losses in steps]
    rows = 3 if config.experiment == "gan" else 2
    series = np.array(losses, np.float32).reshape(len(losses), rows).T  # (rows, points)
    return History.of(series, every), Model(
        pattern=config.pattern,
        spread=config.spread,
        hidden_size=config.hidden_size,
        discriminator=reference.discriminator.flat(),
        generator=reference.generator.flat() if config.experiment == "gan" else None,
    )


def _iterations(config: TrainConfig, reference: Reference) -> Iterator[tuple[Tensor, ...]]:
    """Train, and yield each iteration's losses: D on real data, D on fakes, and G if there is one."""
    drawn = draws(config, single_run(config), 0, config.iterations)
    real, noise = torch.tensor(drawn.real.T), torch.tensor(drawn.noise.T)
    if config.latent == "constant":
        latents = generator_latents = torch.full((config.iterations, 1), config.latent_value)
    else:
        latents, generator_latents = torch.tensor(drawn.latent[:, None]), torch.tensor(drawn.generator_latent[:, None])
    for k in range(config.iterations):
        if config.experiment == "discriminator":
            yield reference.train_on_real(real[k]), reference.train_on_fake(noise[k])
        else:
            yield (
                reference.train_on_real(real[k]),
                reference.train_on_generated(latents[k]),
                reference.train_generator(generator_latents[k]),
            )
