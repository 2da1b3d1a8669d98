"""The kernel against autograd, for one iteration."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan1010 import TrainConfig, kernel_inputs, reference
from gan1010.compiled import kernel
from gan1010.layout import Layout, discriminator_layout, generator_layout
from gan1010.types import Float32s

# One pattern, or several of one length.
PATTERNS = (
    st.integers(1, 16)
    .flatmap(lambda width: st.lists(st.text("01", min_size=width, max_size=width), min_size=1, max_size=8, unique=True))
    .map("+".join)
)


def settings_of(optimizer: str, rates: st.SearchStrategy[float]) -> st.SearchStrategy[TrainConfig]:
    return st.builds(
        TrainConfig,
        experiment=st.sampled_from(["gan", "gan", "discriminator"]),
        pattern=PATTERNS,
        hidden_size=st.integers(1, 64),
        loss=st.sampled_from(["mse", "bce", "minimax"]),
        optimizer=st.just(optimizer),
        latent=st.sampled_from(["constant", "uniform", "normal"]),
        latent_value=st.floats(-2, 2, width=32),
        batch_size=st.sampled_from([1, 1, 2, 3, 16, 64]),
        discriminator_steps=st.sampled_from([1, 1, 2, 5]),
        r1=st.sampled_from([0.0, 0.0, 0.1, 1.0]),
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
    batch = config.batch_size
    samples = config.discriminator_steps * batch
    latents = rng.standard_normal((samples + batch, 1)).astype(np.float32)
    vectors = rng.random((2, samples * width, 1)).astype(np.float32)
    noise = vectors[1] if config.experiment == "discriminator" else vectors[1, :, :0]
    draws = kernel.Draws(real=vectors[0], noise=noise, latent=latents[:samples], generator_latent=latents[samples:])
    return kernel.State(d, g, moments(d.size), moments(g.size), np.zeros(5), np.full(1, -1)), draws


def records_for(state: kernel.State, points: int = 1, snapshots: int = 2) -> kernel.Records:
    return kernel.Records(
        losses=np.zeros((3, points), np.float32),
        discriminators=np.empty((snapshots, state.discriminator.size), np.float32),
        generators=np.empty((snapshots, state.generator.size), np.float32),
    )


@settings(max_examples=200, derandomize=True)
@given(config=SETTINGS, done=st.sampled_from([0, 1, 7, 1000]))
def test_iteration_agrees_with_autograd(config: TrainConfig, done: int) -> None:
    """Batches, steps of D and R1, which takes a double backward pass, included."""
    config = replace(config, iterations=done + 1, record_every=done + 1, snapshot_every=done + 1)
    state, draws = random_moment(config, done)
    expected = kernel.State(*(values.copy() for values in state))
    records, expected_records = records_for(state), records_for(state)
    reference.advance(config, expected, draws, expected_records, done)
    plan = kernel_inputs.plan(config, kernel_inputs.single_run(config))
    kernel.advance(plan, state, draws, records, kernel.scratch_for(plan, state), done)
    losses = 3 if config.experiment == "gan" else 2
    np.testing.assert_allclose(records.losses[:losses], expected_records.losses[:losses], atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(state.totals[3:], expected.totals[3:], atol=1e-6)
    for name in ("discriminator", "generator", "discriminator_moments", "generator_moments"):
        np.testing.assert_allclose(getattr(state, name), getattr(expected, name), atol=1e-6, err_msg=name)
    np.testing.assert_array_equal(records.discriminators[1], state.discriminator)
    np.testing.assert_array_equal(records.generators[1], state.generator)


@pytest.mark.parametrize("loss", ["mse", "minimax"])
@pytest.mark.parametrize("penalised", [False, True])
def test_article_is_the_case_of_one_sample(penalised: bool, loss: Any) -> None:
    config = TrainConfig(seed=3, loss=loss, latent="normal", iterations=200)
    lanes = kernel_inputs.single_run(config)
    plan, draws = kernel_inputs.plan(config, lanes), kernel_inputs.draws(config, lanes, 0, 200)
    weights = []
    plans = plan, plan._replace(penalised=penalised)  # as in lanes of which others have a penalty
    for advance, plan in zip((kernel.advance_article, kernel.advance_batches), plans, strict=True):
        state = kernel_inputs.initial_state(config, lanes)
        records = records_for(state, points=40, snapshots=3)
        advance(plan, state, draws, records, kernel.scratch_for(plan, state), 0)
        weights.append(state.discriminator.tobytes() + state.generator.tobytes() + records.losses.tobytes())
    assert weights[0] == weights[1]
