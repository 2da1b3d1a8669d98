from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gan1010 import random_draws
from gan1010.layout import Layout

SEEDS = st.integers(0, 2**53 - 1)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # the test vectors of Random123: zeros, ones, and the digits of pi
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_published_words(counter: str, key: str, expected: str) -> None:
    c = [int(word, 16) for word in counter.split()]
    k = [int(word, 16) for word in key.split()]
    words = random_draws.philox(*map(np.uint64, (c[1] << 32 | c[0], c[2], c[3], k[1] << 32 | k[0])))
    assert " ".join(f"{int(word):08x}" for word in words) == expected


@given(
    seed=SEEDS,
    stream=st.integers(0, 5),
    place=st.integers(0, 999),
    start=st.integers(0, 2**40),
    at=st.integers(0, 300),
    more=st.integers(1, 9),
)
def test_draw_is_philox_of_its_place(seed: int, stream: int, place: int, start: int, at: int, more: int) -> None:
    block, word = divmod(place, 4)
    bits = int(random_draws.philox(*map(np.uint64, (start + at, stream, block, seed)))[word]) >> 8
    assert random_draws.uniforms(seed, stream, place + 1, start, at + more)[place, at] == bits / 2**24


def test_seeds_streams_places_and_iterations_differ() -> None:
    draws = np.concatenate(
        [random_draws.uniforms(seed, stream, 16, 0, 100).ravel() for seed in (0, 1, 2**52) for stream in range(6)]
    )
    assert len(np.unique(draws)) > 0.999 * len(draws)


def test_uniform_draws_are_uniform_and_uncorrelated() -> None:
    draws = random_draws.uniforms(1, random_draws.NOISE, 4, 0, 250_000)
    assert draws.min() >= 0
    assert draws.max() < 1
    shares = np.histogram(draws, bins=100, range=(0, 1))[0] / draws.size
    np.testing.assert_allclose(shares, 0.01, atol=5e-4)
    np.testing.assert_allclose(np.corrcoef(draws), np.eye(4), atol=0.01)


@given(
    pattern=st.text("01", min_size=1, max_size=16),
    spread=st.floats(0, 0.5, exclude_min=True),
    seed=SEEDS,
    start=st.integers(0, 10_000_000),
)
def test_real_samples_are_in_range(pattern: str, spread: float, seed: int, start: int) -> None:
    samples = random_draws.real_samples(pattern, spread, seed, start, 200, 1)
    assert samples.shape == (len(pattern), 200)
    (low,), (high,) = random_draws.real_ranges(pattern, spread)
    for bit, values, lowest, highest in zip(pattern, samples, low, high, strict=True):
        wanted = (1 - spread, 1) if bit == "1" else (0, spread)
        np.testing.assert_allclose((lowest, highest), wanted, rtol=1e-7, atol=1e-45)
        assert ((values >= lowest) & (values <= highest)).all()


@pytest.mark.parametrize("pattern", ["1010", "1010+0101", "110+001+111"])
def test_samples_of_a_batch_have_places_of_their_own(pattern: str) -> None:
    one, batch = (random_draws.real_samples(pattern, 0.2, 7, 3, 50, samples) for samples in (1, 5))
    np.testing.assert_array_equal(batch[: len(one)], one)
    assert len(np.unique(batch)) > 0.99 * batch.size
    for kind in ("uniform", "normal"):
        few, many = (random_draws.latents(kind, 7, random_draws.LATENT, 3, 50, samples) for samples in (1, 5))
        np.testing.assert_array_equal(many[:1], few)


@pytest.mark.parametrize("words", [["1010", "0101"], ["1010", "0101", "1100"], [f"{n:04b}" for n in range(8)]])
def test_each_pattern_is_as_likely_as_the_others(words: list[str]) -> None:
    low, high = random_draws.real_ranges("+".join(words), 0.2)
    samples = random_draws.real_samples("+".join(words), 0.2, 1, 0, 100_000, 2).reshape(2, 4, -1)
    for rows in samples.transpose(0, 2, 1):
        inside = ((low <= rows[:, None]) & (rows[:, None] <= high)).all(axis=2)
        assert (inside.sum(axis=1) == 1).all()
        np.testing.assert_allclose(inside.mean(axis=0), 1 / len(words), atol=0.005)
        np.testing.assert_allclose(rows[inside[:, 0]].mean(axis=0), (low[0] + high[0]) / 2, atol=2e-3)


def test_real_samples_fill_their_range() -> None:
    samples = random_draws.real_samples("1010", 0.2, 1, 0, 100_000, 1)
    np.testing.assert_allclose(samples.min(axis=1), [0.8, 0, 0.8, 0], atol=1e-4)
    np.testing.assert_allclose(samples.max(axis=1), [1, 0.2, 1, 0.2], atol=1e-4)
    np.testing.assert_allclose(samples.mean(axis=1), [0.9, 0.1, 0.9, 0.1], atol=1e-3)


def test_noise_is_uniform_and_differs_from_real_samples() -> None:
    noise = random_draws.noise(4, 1, 0, 1000)
    np.testing.assert_array_equal(noise, random_draws.uniforms(1, random_draws.NOISE, 4, 0, 1000))
    assert not np.isin(noise, random_draws.uniforms(1, random_draws.REAL, 4, 0, 1000)).all()


def test_latents_have_their_distribution() -> None:
    def latents(kind: str, stream: int = random_draws.LATENT) -> np.ndarray:
        return random_draws.latents(kind, 1, stream, 10, 50_000, 1)

    assert latents("constant").shape == (1, 0)
    np.testing.assert_array_equal(latents("uniform"), random_draws.uniforms(1, random_draws.LATENT, 1, 10, 50_000))
    assert abs(latents("normal").mean()) < 0.01
    assert abs(latents("normal").std() - 1) < 0.01
    assert not np.isin(latents("uniform"), latents("uniform", random_draws.GENERATOR_LATENT)).all()


def test_normal_latents_are_the_inverse_distribution_of_uniforms() -> None:
    uniforms = random_draws.uniforms(1, random_draws.LATENT, 1, 0, 20_000)[0].astype(np.float64)
    middle = uniforms + 2**-25  # of the interval that a draw of 24 bits stands for
    exact = [NormalDist().inv_cdf(u) for u in middle]
    np.testing.assert_allclose(
        random_draws.latents("normal", 1, random_draws.LATENT, 0, 20_000, 1)[0], exact, rtol=2e-6, atol=2e-7
    )


def test_normal_latents_are_finite_at_both_ends() -> None:
    ends = np.array([0, 2**-24, 0.5, 1 - 2**-23, 1 - 2**-24], np.float32)
    exact = [NormalDist().inv_cdf(u + 2**-25) for u in ends.astype(np.float64)]
    random_draws._to_normal(ends)
    np.testing.assert_allclose(ends, exact, rtol=2e-6, atol=2e-7)


@pytest.mark.parametrize(("inputs", "hidden", "outputs"), [(4, 3, 1), (1, 3, 4), (16, 64, 1), (1, 64, 16), (1, 1, 1)])
def test_initial_weights_have_the_distribution_of_torch(inputs: int, hidden: int, outputs: int) -> None:
    draws = np.stack([random_draws.initial_weights(Layout(inputs, hidden, outputs), seed, 0) for seed in range(4000)])
    first = hidden * (inputs + 1)
    torch.manual_seed(0)
    for ours, layer in (
        (draws[:, :first], torch.nn.Linear(inputs, 100_000 // inputs)),
        (draws[:, first:], torch.nn.Linear(hidden, 100_000 // hidden)),
    ):
        for theirs in (layer.weight.detach().numpy(), layer.bias.detach().numpy()):
            bound = layer.in_features**-0.5
            assert np.abs(ours).max() <= bound * (1 + 1e-7)
            at = np.linspace(0, 1, 11)
            tolerance = 5 * bound / np.sqrt(min(theirs.size, ours.size))
            np.testing.assert_allclose(np.quantile(ours, at), np.quantile(theirs, at), atol=tolerance)
