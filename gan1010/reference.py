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

OPTIMIZERS = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}


class Reference:
    """Both networks with their optimisers and the loss function.

    Each training method is one step for one sample (W,) or a batch (B, W), and returns the loss and D's scores, both
    before the step. The loss of a batch is the mean over it.
    """

    def __init__(self, config: TrainConfig) -> None:
        """Draw the weights as PyTorch does."""
        self.discriminator = Discriminator(config.width, config.hidden_size)
        self.generator = Generator(config.width, config.hidden_size)
        self.loss_function = nn.MSELoss() if config.loss == "mse" else nn.BCELoss()
        self.is_minimax = config.loss == "minimax"
        self.r1, self.discriminator_steps = config.r1, config.discriminator_steps
        optimizer, generator_rate = OPTIMIZERS[config.optimizer], config.resolved.generator_learning_rate
        self.discriminator_optimizer = optimizer(self.discriminator.parameters(), lr=config.learning_rate)
        self.generator_optimizer = optimizer(self.generator.parameters(), lr=generator_rate)

    def train_on_real(self, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Train D on real samples, target 1."""
        return self._step(self.discriminator_optimizer, sample, 1.0, penalty=self._slope_penalty(sample))

    def train_on_generated(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Train D on G's samples for latents (1,) or (B, 1), target 0. No gradient reaches G."""
        return self._step(self.discriminator_optimizer, self.generator(latent).detach(), 0.0)

    def train_generator(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Train G on G's samples for latents (1,) or (B, 1). The gradient passes through D.

        The loss is D's with target 1; minimax: minus D's with target 0.
        """
        if self.is_minimax:
            return self._step(self.generator_optimizer, self.generator(latent), 0.0, sign=-1)
        return self._step(self.generator_optimizer, self.generator(latent), 1.0)

    def train_on_fake(self, sample: Tensor) -> tuple[Tensor, Tensor]:
        """Train D on noise, target 0."""
        return self._step(self.discriminator_optimizer, sample, 0.0)

    def _step(
        self,
        optimizer: torch.optim.Optimizer,
        sample: Tensor,
        target: float,
        penalty: Tensor | float = 0.0,
        sign: float = 1,
    ) -> tuple[Tensor, Tensor]:
        score: Tensor = self.discriminator(sample)
        if score.isnan().any():
            return score.sum(), score  # the run has diverged, and the loss function may raise an error for NaN
        loss: Tensor = sign * self.loss_function(score, torch.full_like(score, target)) + penalty
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss, score

    def _slope_penalty(self, sample: Tensor) -> Tensor | float:
        """Compute the R1 penalty: r1/2 times the squared gradient of D's logit with respect to real samples."""
        if not self.r1:
            return 0.0
        sample = sample.clone().requires_grad_()
        logit = sample
        for layer in list(self.discriminator)[:-1]:  # all but the last sigmoid
            logit = layer(logit)
        (gradient,) = torch.autograd.grad(logit.sum(), sample, create_graph=True)
        return self.r1 / 2 * gradient.square().sum(dim=-1).mean()

    @torch.no_grad()
    def is_in_range(self, constants: kernel.Plan) -> bool:
        """Test if G's sample for `latent_value` is in range."""
        sample = self.generator(torch.tensor(constants.latent_value)).numpy()
        return bool(in_range(sample[None], constants.low, constants.high)[0])

    def load(self, state: kernel.State, iteration: int) -> None:
        """Copy the weights and the optimisers' moments from the state after an iteration."""
        d_steps, g_steps = 2 * self.discriminator_steps * iteration, iteration
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
    real, noise, latents, generator_latents = _batches(config, draws)
    tail = config.iterations - max(config.iterations // 10, 1)
    for t in range(len(real)):
        k = start + t + 1
        for step in range(config.discriminator_steps):
            steps = [reference.train_on_real(real[t, step])]
            if config.experiment == "discriminator":
                steps.append(reference.train_on_fake(noise[t, step]))
            else:
                steps.append(reference.train_on_generated(latents[t, step]))
        if config.experiment == "gan":
            steps.append(reference.train_generator(generator_latents[t]))
        losses = [loss.item() for loss, _ in steps]
        if k > tail:
            state.totals[: len(losses)] += losses
            state.totals[kernel.REAL_SCORE :] += [score.mean().item() for _, score in steps[:2]]
        if k % constants.record_every == 0:
            records.losses[: len(losses), k // constants.record_every - 1] = losses
            inside = config.experiment == "gan" and reference.is_in_range(constants)
            state.settled[0] = (k if state.settled[0] < 0 else state.settled[0]) if inside else -1
        if k % constants.snapshot_every == 0:
            row = k // constants.snapshot_every
            records.discriminators[row] = reference.discriminator.flat()
            records.generators[row] = reference.generator.flat()[: len(state.generator)]
    reference.store(state)


def _batches(config: TrainConfig, draws: kernel.Draws) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return real samples and noise (T, S, B, W), and latents for the steps of D (T, S, B, 1) and of G (T, B, 1)."""
    count, steps, batch = draws.real.shape[1], config.discriminator_steps, config.batch_size
    real, noise = (
        torch.tensor(values.T).reshape(-1, steps, batch, config.width) for values in (draws.real, draws.noise)
    )
    if config.latent == "constant":
        latents = torch.full((count, steps, batch, 1), config.latent_value)
        return real, noise, latents, latents[:, 0]
    latents = torch.tensor(draws.latent.T).reshape(count, steps, batch, 1)
    return real, noise, latents, torch.tensor(draws.generator_latent.T).reshape(count, batch, 1)


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
