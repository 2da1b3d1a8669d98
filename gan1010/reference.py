"""Reference training in plain PyTorch, step by step as in the article: the backend "pytorch".

It uses the kernel's draws and initial weights, so both backends give the same losses and weights up to rounding. It
takes seconds where the kernel takes milliseconds.
"""

import numpy as np
import torch
from torch import Tensor, nn

from gan1010.compiled import kernel
from gan1010.config import TrainConfig
from gan1010.kernel_inputs import plan, single_run
from gan1010.networks import Discriminator, Generator, TwoLayers
from gan1010.results import in_range
from gan1010.types import Float32s

STRIDE = 50  # iterations between two progresses: some tens of milliseconds
REAL_TARGET, FAKE_TARGET = torch.tensor([1.0]), torch.tensor([0.0])
OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


class Reference:
    """Both networks with their optimisers and the loss function.

    Each training method is one step, and returns the loss and D's score, both before the step.
    """

    def __init__(self, config: TrainConfig) -> None:
        """Draw the weights as PyTorch does."""
        self.discriminator = Discriminator(config.width, config.hidden_size)
        self.generator = Generator(config.width, config.hidden_size)
        self.loss_function = nn.MSELoss() if config.loss == "mse" else nn.BCELoss()
        optimizer, generator_rate = OPTIMIZERS[config.optimizer], config.resolved.generator_learning_rate
        self.discriminator_optimizer = optimizer(self.discriminator.parameters(), lr=config.learning_rate)
        self.generator_optimizer = optimizer(self.generator.parameters(), lr=generator_rate)

    def train_on_real(self, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Train D on a real sample (W,), target 1."""
        return self._step(self.discriminator_optimizer, sample, REAL_TARGET)

    def train_on_fake(self, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Train D on noise (W,), target 0."""
        return self._step(self.discriminator_optimizer, sample, FAKE_TARGET)

    def train_on_generated(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Train D on G's sample for a latent (1,), target 0. No gradient reaches G."""
        return self._step(self.discriminator_optimizer, self.generator(latent).detach(), FAKE_TARGET)

    def train_generator(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Train G on D's loss for G's sample of a latent (1,), target 1. The gradient passes through D."""
        return self._step(self.generator_optimizer, self.generator(latent), REAL_TARGET)

    def _step(self, optimizer: torch.optim.Optimizer, sample: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        score: Tensor = self.discriminator(sample)
        if score.isnan():
            return score, score  # the run has diverged, and the loss function may raise an error for NaN
        loss: Tensor = self.loss_function(score, target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss, score

    @torch.no_grad()
    def is_in_range(self, constants: kernel.Plan) -> bool:
        """Test if G's sample for `latent_value` is in range."""
        sample = self.generator(torch.tensor(constants.latent_value)).numpy()
        return bool(in_range(sample[None], constants.low, constants.high)[0])

    def load(self, state: kernel.State, iteration: int) -> None:
        """Copy the weights and the optimisers' moments from the state after an iteration."""
        d_steps, g_steps = 2 * iteration, iteration
        self.discriminator.load_flat(state.discriminator)
        _load_moments(self.discriminator_optimizer, self.discriminator, state.discriminator_moments, d_steps)
        if len(state.generator):
            self.generator.load_flat(state.generator)
            _load_moments(self.generator_optimizer, self.generator, state.generator_moments, g_steps)

    def store(self, state: kernel.State) -> None:
        """Copy the weights and the optimisers' moments to the state."""
        state.discriminator[:] = self.discriminator.flat()
        _store_moments(self.discriminator_optimizer, self.discriminator, state.discriminator_moments)
        if len(state.generator):
            state.generator[:] = self.generator.flat()
            _store_moments(self.generator_optimizer, self.generator, state.generator_moments)


def advance(config: TrainConfig, state: kernel.State, draws: kernel.Draws, records: kernel.Records, start: int) -> None:
    """Train for the T iterations of `draws` after iteration `start`, as `kernel.advance` does for one GAN.

    State and records change in place.
    """
    reference, constants = Reference(config), plan(config, single_run(config))
    reference.load(state, start)
    real, noise = torch.tensor(draws.real.T), torch.tensor(draws.noise.T)
    if config.latent == "constant":
        latents = generator_latents = torch.full((len(real), 1), config.latent_value)
    else:
        latents, generator_latents = torch.tensor(draws.latent[:, None]), torch.tensor(draws.generator_latent[:, None])
    tail = config.iterations - max(config.iterations // 10, 1)
    for t in range(len(real)):
        k = start + t + 1
        steps = [reference.train_on_real(real[t])]
        if config.experiment == "discriminator":
            steps.append(reference.train_on_fake(noise[t]))
        else:
            steps += [reference.train_on_generated(latents[t]), reference.train_generator(generator_latents[t])]
        losses = [loss.item() for loss, _ in steps]
        if k > tail:
            state.totals[: len(losses)] += losses
            state.totals[kernel.REAL_SCORE :] += [score.item() for _, score in steps[:2]]
        if k % constants.record_every == 0:
            records.losses[: len(losses), k // constants.record_every - 1] = losses
            inside = config.experiment == "gan" and reference.is_in_range(constants)
            state.settled[0] = (k if state.settled[0] < 0 else state.settled[0]) if inside else -1
        if k % constants.snapshot_every == 0:
            row = k // constants.snapshot_every
            records.discriminators[row] = reference.discriminator.flat()
            records.generators[row] = reference.generator.flat()[: len(state.generator)]
    reference.store(state)


def _load_moments(optimizer: torch.optim.Optimizer, network: TwoLayers, moments: Float32s, steps: int) -> None:
    """Set Adam's means of the gradient and its square from moments (2, N); SGD has none."""
    if not isinstance(optimizer, torch.optim.Adam):
        return
    means, squares = (network.layout.split(row).values() for row in moments)
    for parameter, mean, square in zip(network.parameters(), means, squares, strict=True):
        optimizer.state[parameter] = {
            "step": torch.tensor(float(steps)),
            "exp_avg": torch.tensor(mean),
            "exp_avg_sq": torch.tensor(square),
        }


def _store_moments(optimizer: torch.optim.Optimizer, network: TwoLayers, moments: Float32s) -> None:
    if isinstance(optimizer, torch.optim.Adam):
        for row, name in zip(moments, ("exp_avg", "exp_avg_sq"), strict=True):
            row[:] = np.concatenate([optimizer.state[p][name].numpy().ravel() for p in network.parameters()])
