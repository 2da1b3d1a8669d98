"""The kernel against autograd, for one iteration."""

from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gan1010 import TrainConfig, kernel_inputs
from gan1010.compiled import kernel
from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.reference import Reference
from gan1010.types import Float32s


def settings_of(optimizer: str, rates: st.SearchStrategy[float]) -> st.SearchStrategy[TrainConfig]:
    return st.builds(
        TrainConfig,
        experiment=st.sampled_from(["gan", "gan", "discriminator"]),
        pattern=st.text("01", min_size=1, max_size=16),
        hidden_size=st.integers(1, 64),
        loss=st.sampled_from(["mse", "bce"]),
        optimizer=st.just(optimizer),
        latent=st.sampled_from(["constant", "uniform", "normal"]),
        latent_value=st.floats(-2, 2, width=32),
        learning_rate=rates,
        generator_learning_rate=rates,
        seed=st.integers(0, 2**53 - 1),
    )


# High rates show errors of SGD's gradients. Adam divides a gradient by its own size, so high rates would magnify the
# last bit of a tiny one.
SETTINGS = settings_of("sgd", st.floats(0.1, 1)) | settings_of("adam", st.floats(0.001, 0.02))


@dataclass
class Moment:
    """A training after `done` iterations: weights, Adam's moments, and the draws of the next iteration."""

    config: TrainConfig
    done: int
    discriminator: Float32s  # (N_d,)
    generator: Float32s  # (N_g,)
    discriminator_moments: Float32s  # (2, N_d)
    generator_moments: Float32s  # (2, N_g)
    draws: kernel.Draws  # T is 1


def random_moment(config: TrainConfig, done: int) -> Moment:
    rng = np.random.default_rng(config.seed)

    def weights(layout: Layout) -> Float32s:
        sizes = [layout.hidden * (layout.inputs + 1), layout.outputs * (layout.hidden + 1)]
        fan_in = np.repeat([layout.inputs, layout.hidden], sizes)
        return (2 * rng.standard_normal(layout.size) / np.sqrt(fan_in)).astype(np.float32)

    def moments(size: int) -> Float32s:
        means = rng.normal(0, 0.1, size)
        squares = means**2 + rng.uniform(1e-4, 0.1, size)  # a mean square is no less than the mean's square
        return np.stack([means, squares]).astype(np.float32) * np.float32(done > 0)

    width, hidden = config.width, config.hidden_size
    d = weights(discriminator_layout(width, hidden))
    g = weights(generator_layout(width, hidden)) if config.experiment == "gan" else np.empty(0, np.float32)
    latents = rng.standard_normal((2, 1)).astype(np.float32)
    if config.latent == "constant":
        latents[:] = config.latent_value
    vectors = rng.random((2, width, 1)).astype(np.float32)
    noise = vectors[1] if config.experiment == "discriminator" else np.empty((width, 0), np.float32)
    draws = kernel.Draws(real=vectors[0], noise=noise, latent=latents[0], generator_latent=latents[1])
    return Moment(config, done, d, g, moments(d.size), moments(g.size), draws)


def iterate_in_kernel(moment: Moment) -> tuple[kernel.State, list[float]]:
    """Return the state after one more iteration, and that iteration's losses."""
    config, k = moment.config, moment.done + 1
    plan = kernel_inputs.plan(config, kernel_inputs.single_run(config))
    plan = plan._replace(iterations=k, record_every=k, snapshot_every=k)
    state = kernel.State(
        discriminator=moment.discriminator.copy(),
        generator=moment.generator.copy(),
        discriminator_moments=moment.discriminator_moments.copy(),
        generator_moments=moment.generator_moments.copy(),
        totals=np.zeros(5),
        settled=np.full(1, -1),
    )
    records = kernel.Records(
        losses=np.empty((3, 1), np.float32),
        discriminators=np.empty((2, state.discriminator.size), np.float32),
        generators=np.empty((2, state.generator.size), np.float32),
    )
    kernel.advance(plan, state, moment.draws, records, kernel.scratch_for(plan, state), moment.done)
    np.testing.assert_array_equal(records.discriminators[1], state.discriminator)
    np.testing.assert_array_equal(records.generators[1], state.generator)
    return state, records.losses[: 3 if config.experiment == "gan" else 2, 0].tolist()


def set_moments(optimizer: torch.optim.Optimizer, layout: Layout, moments: Float32s, steps: int) -> None:
    """Set Adam's moments as after so many steps."""
    if isinstance(optimizer, torch.optim.Adam) and steps:
        parts = zip(*(layout.split(row.copy()).values() for row in moments), strict=True)
        for parameter, (mean, square) in zip(optimizer.param_groups[0]["params"], parts, strict=True):
            optimizer.state[parameter] = {
                "step": torch.tensor(float(steps)),
                "exp_avg": torch.tensor(mean),
                "exp_avg_sq": torch.tensor(square),
            }


def moments_of(optimizer: torch.optim.Optimizer, which: str) -> Float32s:
    parameters = optimizer.param_groups[0]["params"]
    return np.concatenate([optimizer.state[parameter][which].numpy().ravel() for parameter in parameters])


def iterate_by_autograd(moment: Moment) -> tuple[Reference, list[float]]:
    reference, draws = Reference(moment.config), moment.draws
    d, g = reference.discriminator, reference.generator
    d.load_flat(moment.discriminator)
    set_moments(reference.discriminator_optimizer, d.layout, moment.discriminator_moments, 2 * moment.done)
    losses = [reference.train_on_real(torch.tensor(draws.real[:, 0]))]
    if moment.config.experiment == "discriminator":
        losses += [reference.train_on_fake(torch.tensor(draws.noise[:, 0]))]
    else:
        g.load_flat(moment.generator)
        set_moments(reference.generator_optimizer, g.layout, moment.generator_moments, moment.done)
        losses += [reference.train_on_generated(torch.tensor(draws.latent))]
        losses += [reference.train_generator(torch.tensor(draws.generator_latent))]
    return reference, [loss.item() for loss in losses]


@settings(max_examples=200, derandomize=True)
@given(config=SETTINGS, done=st.sampled_from([0, 1, 7, 1000]))
def test_iteration_agrees_with_autograd(config: TrainConfig, done: int) -> None:
    moment = random_moment(config, done)
    state, losses = iterate_in_kernel(moment)
    reference, reference_losses = iterate_by_autograd(moment)
    np.testing.assert_allclose(losses, reference_losses, atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(state.discriminator, reference.discriminator.flat(), atol=1e-6)
    if config.experiment == "gan":
        np.testing.assert_allclose(state.generator, reference.generator.flat(), atol=1e-6)
    if config.optimizer == "adam":
        for row, which in enumerate(["exp_avg", "exp_avg_sq"]):
            expected = moments_of(reference.discriminator_optimizer, which)
            np.testing.assert_allclose(state.discriminator_moments[row], expected, atol=1e-6)
            if config.experiment == "gan":
                expected = moments_of(reference.generator_optimizer, which)
                np.testing.assert_allclose(state.generator_moments[row], expected, atol=1e-6)
