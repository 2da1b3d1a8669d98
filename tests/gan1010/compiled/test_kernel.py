"""The kernel against autograd, for one iteration."""

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


def random_moment(config: TrainConfig, done: int) -> tuple[kernel.State, kernel.Draws]:
    """Return a random state after `done` iterations, and the draws of the next."""
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
    return kernel.State(d, g, moments(d.size), moments(g.size), np.zeros(5), np.full(1, -1)), draws


def iterate_in_kernel(config: TrainConfig, done: int, state: kernel.State, draws: kernel.Draws) -> list[float]:
    """Advance the state by one more iteration, and return that iteration's losses."""
    plan = kernel_inputs.plan(config, kernel_inputs.single_run(config))
    plan = plan._replace(iterations=done + 1, record_every=done + 1, snapshot_every=done + 1)
    records = kernel.Records(
        losses=np.empty((3, 1), np.float32),
        discriminators=np.empty((2, state.discriminator.size), np.float32),
        generators=np.empty((2, state.generator.size), np.float32),
    )
    kernel.advance(plan, state, draws, records, kernel.scratch_for(plan, state), done)
    np.testing.assert_array_equal(records.discriminators[1], state.discriminator)
    np.testing.assert_array_equal(records.generators[1], state.generator)
    return records.losses[: 3 if config.experiment == "gan" else 2, 0].tolist()


def iterate_by_autograd(config: TrainConfig, done: int, state: kernel.State, draws: kernel.Draws) -> list[float]:
    """Advance the state by one more iteration, and return that iteration's losses."""
    reference = Reference(config)
    reference.load(state, done)
    steps = [reference.train_on_real(torch.tensor(draws.real[:, 0]))]
    if config.experiment == "discriminator":
        steps += [reference.train_on_fake(torch.tensor(draws.noise[:, 0]))]
    else:
        steps += [reference.train_on_generated(torch.tensor(draws.latent))]
        steps += [reference.train_generator(torch.tensor(draws.generator_latent))]
    reference.store(state)
    return [loss.item() for loss, _ in steps]


@settings(max_examples=200, derandomize=True)
@given(config=SETTINGS, done=st.sampled_from([0, 1, 7, 1000]))
def test_iteration_agrees_with_autograd(config: TrainConfig, done: int) -> None:
    state, draws = random_moment(config, done)
    expected = kernel.State(*(values.copy() for values in state))
    expected_losses = iterate_by_autograd(config, done, expected, draws)
    losses = iterate_in_kernel(config, done, state, draws)
    np.testing.assert_allclose(losses, expected_losses, atol=1e-6, rtol=1e-6)
    for name in ("discriminator", "generator", "discriminator_moments", "generator_moments"):
        np.testing.assert_allclose(getattr(state, name), getattr(expected, name), atol=1e-6, err_msg=name)
