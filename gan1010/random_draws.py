"""Random draws: real samples, noise, latents and initial weights, each a pure function of its place.

Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) maps a counter (stream, iteration,
block) and a key (the random seed) to random bits. No state passes from one draw to the next, so a run can resume at any
iteration, and the same place always gets the same number.

A seed or spread is a number, or an array (LANES,); with an array, results have lanes as their last axis.
"""

from typing import Any

import numpy as np

from gan1010 import patterns
from gan1010.compiled.arithmetic import ONE, TWO, compiled, f32, inlined, log
from gan1010.compiled.elementwise import fma, sqrt, to_float
from gan1010.compiled.lanes import LANES, WORDS, empty, load, load_words, select, store, store_words
from gan1010.layout import Layout
from gan1010.types import Float32s, Float64s, Int64s

Seeds = int | Int64s
Spreads = float | Float64s

# The streams of a run. A new stream takes a new number, because saved seeds must keep giving the same runs.
DISCRIMINATOR_WEIGHTS, GENERATOR_WEIGHTS, REAL, NOISE, LATENT, GENERATOR_LATENT, PATTERN, SURVEY = range(8)

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
LOW_BITS = np.uint64(0xFFFFFFFF)
EIGHT, WORD = np.uint64(8), np.uint64(32)
ULP = f32(2**-24)


@inlined
def philox(iteration: Any, stream: Any, block: Any, seed: Any) -> Any:
    """Compute Philox4x32-10: four random words from a counter of four words and a key of two.

    A word is the low half of 64 bits. The high halves hold garbage on the way, which never reaches the low ones.
    """
    c0, c1, c2, c3 = iteration, iteration >> WORD, stream, block
    k0, k1 = seed, seed >> WORD
    for _ in range(10):
        even, odd = (c0 & LOW_BITS) * MULTIPLIERS[0], (c2 & LOW_BITS) * MULTIPLIERS[1]
        c0, c1, c2, c3 = (odd >> WORD) ^ c1 ^ k0, odd, (even >> WORD) ^ c3 ^ k1, even
        k0, k1 = k0 + WEYL[0], k1 + WEYL[1]
    return c0 & LOW_BITS, c1 & LOW_BITS, c2 & LOW_BITS, c3 & LOW_BITS


@inlined
def unit(word: Any) -> Any:
    """Map the upper 24 of a word's 32 bits to [0, 1)."""
    return to_float(word >> EIGHT) * ULP


@compiled
def _fill(seed: Any, stream: Any, start: int, low: Any, extent: Any, out: Any) -> None:
    """Draw from [low, low + extent), both (4 blocks,), for each place and iteration: out is (4 blocks, count)."""
    for block in range(out.shape[0] // 4):
        p = 4 * block
        l0, l1, l2, l3 = low[p], low[p + 1], low[p + 2], low[p + 3]
        e0, e1, e2, e3 = extent[p], extent[p + 1], extent[p + 2], extent[p + 3]
        for t in range(out.shape[1]):
            w0, w1, w2, w3 = philox(np.uint64(start + t), stream, np.uint64(block), seed)
            out[p, t] = unit(w0) * e0 + l0
            out[p + 1, t] = unit(w1) * e1 + l1
            out[p + 2, t] = unit(w2) * e2 + l2
            out[p + 3, t] = unit(w3) * e3 + l3


@inlined
def put(words: Any, low: Any, extent: Any, out: Any, place: int, t: int, part: int) -> None:
    """Store the draws for the words of one part of the lanes."""
    draw = unit(words) * load_words(extent, (place, part)) + load_words(low, (place, part))
    store_words(out, (place, t, part), draw)


@compiled
def _fill_lanes(seeds: Any, stream: Any, start: int, low: Any, extent: Any, out: Any) -> None:
    """Draw as `_fill` does for lanes, in parts of WORDS lanes, whose intermediate values fit into the registers.

    Seeds are (parts, WORDS), low and extent (4 blocks, parts, WORDS), out is (4 blocks, count, parts, WORDS).
    """
    for block in range(out.shape[0] // 4):
        p = 4 * block
        for t in range(out.shape[1]):
            for part in range(out.shape[2]):
                seed = load_words(seeds, part)
                w0, w1, w2, w3 = philox(np.uint64(start + t), stream, np.uint64(block), seed)
                put(w0, low, extent, out, p, t, part)
                put(w1, low, extent, out, p + 1, t, part)
                put(w2, low, extent, out, p + 2, t, part)
                put(w3, low, extent, out, p + 3, t, part)


def _draw(seed: Seeds, stream: int, low: Float32s, extent: Float32s, start: int, count: int) -> Float32s:
    """Draw from [low, low + extent), both (places,), for `count` iterations from `start` on: (places, count)."""
    places = len(low)
    if missing := -places % 4:
        low, extent = (np.concatenate([a, np.zeros((missing, *a.shape[1:]), np.float32)]) for a in (low, extent))
    out = empty((len(low), count, *low.shape[1:]))
    if np.ndim(seed) == 0:
        _fill(np.uint64(seed), np.uint64(stream), start, low, extent, out)
    else:
        parts = LANES // WORDS, WORDS
        seeds = np.asarray(seed, np.uint64).reshape(parts)
        low, extent = low.reshape(-1, *parts), extent.reshape(-1, *parts)
        _fill_lanes(seeds, np.uint64(stream), start, low, extent, out.reshape(*out.shape[:2], *parts))
    return out[:places]


def uniforms(seed: Seeds, stream: int, places: int, start: int, count: int) -> Float32s:
    """Draw uniformly from [0, 1) for iterations `start` to `start + count`: (places, count)."""
    shape = places, *np.shape(seed)
    return _draw(seed, stream, np.zeros(shape, np.float32), np.ones(shape, np.float32), start, count)


def real_ranges(pattern: str, spread: Spreads) -> tuple[Float32s, Float32s]:
    """Return the bounds of real data, low and high: [1 - spread, 1] for a 1, [0, spread] for a 0.

    Both are (patterns, W), with a row for each pattern.
    """
    spread, words = np.asarray(spread), patterns.words(pattern)
    ones = np.array([[bit == "1" for bit in word] for word in words]).reshape(len(words), -1, *[1] * spread.ndim)
    return np.where(ones, (1 - spread).astype(f32), f32(0)), np.where(ones, f32(1), spread.astype(f32))


def real_samples(pattern: str, spread: Spreads, seed: Seeds, start: int, count: int, samples: int = 1) -> Float32s:
    """Draw real samples for each iteration, each uniform in the ranges of a pattern: (samples W, count).

    Of several patterns, each sample picks one, all equally likely.
    """
    low, high = real_ranges(pattern, spread)
    extent = high - low
    if len(low) == 1:
        repeats = samples, *[1] * (low.ndim - 2)
        return _draw(seed, REAL, np.tile(low[0], repeats), np.tile(extent[0], repeats), start, count)
    draws = uniforms(seed, REAL, samples * low.shape[1], start, count)
    _to_ranges(draws, uniforms(seed, PATTERN, samples, start, count), low, extent)
    return draws


@compiled
def _to_ranges(draws: Any, choices: Any, low: Any, extent: Any) -> None:
    """Turn uniform draws into draws from the ranges of a pattern of P, in place.

    Draws are (samples W, count), choices (samples, count) in [0, 1), low and extent (P, W).
    """
    words, width = low.shape[0], low.shape[1]
    for sample in range(choices.shape[0]):
        for t in range(choices.shape[1]):
            choice = load(choices, (sample, t)) * f32(words)
            for i in range(width):
                lowest, length = load(low, (0, i)), load(extent, (0, i))
                for word in range(1, words):
                    reached = f32(word) <= choice
                    lowest = select(reached, load(low, (word, i)), lowest)
                    length = select(reached, load(extent, (word, i)), length)
                place = sample * width + i
                store(draws, (place, t), load(draws, (place, t)) * length + lowest)


def noise(values: int, seed: Seeds, start: int, count: int) -> Float32s:
    """Draw the values of noise samples for each iteration, uniform in [0, 1): (values, count)."""
    return uniforms(seed, NOISE, values, start, count)


def latents(kind: str, seed: Seeds, stream: int, start: int, count: int, samples: int) -> Float32s:
    """Draw latents for each iteration, uniform in [0, 1), or normal with mean 0 and variance 1: (samples, count).

    There are none, (samples, 0), for a constant latent.
    """
    if kind == "constant":
        return np.empty((samples, 0, *np.shape(seed)), np.float32)
    draws = uniforms(seed, stream, samples, start, count)
    if kind == "normal":
        _to_normal(draws.reshape(-1, *np.shape(seed)))
    return draws


def initial_weights(layout: Layout, seed: Seeds, stream: int) -> Float32s:
    """Draw the initial weights of a network, flat (N,), uniform in +-1/sqrt(inputs of the layer).

    `torch.nn.Linear` uses the same distribution for weights and biases.
    """
    sizes = layout.hidden * (layout.inputs + 1), layout.outputs * (layout.hidden + 1)
    bounds = np.repeat(ONE / np.sqrt(np.array([layout.inputs, layout.hidden], np.float32)), sizes)
    draws = uniforms(seed, stream, sum(sizes), 0, 1)[:, 0]
    weights: Float32s = bounds.reshape(-1, *[1] * (draws.ndim - 1)) * (TWO * draws - ONE)
    return weights


# Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011), single precision, highest power first.
# fmt: off
CENTRE = np.array([
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
], np.float32)
TAIL = np.array([
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
    -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
], np.float32)
# fmt: on


@compiled
def _to_normal(draws: Any) -> None:
    """Turn uniform draws into normal ones in place, by the inverse normal distribution: sqrt 2 erfinv(2 u - 1)."""
    for i in range(draws.shape[0]):
        x = fma(TWO, load(draws, i), ULP - ONE)  # the middle of the interval of a draw of 24 bits: never +-1
        w = -log((ONE - x) * (ONE + x))
        central = w < f32(5)
        w = select(central, w - f32(2.5), sqrt(w) - f32(3))
        p = select(central, CENTRE[0], TAIL[0])
        for k in range(1, 9):
            p = fma(p, w, select(central, CENTRE[k], TAIL[k]))
        store(draws, i, p * x * sqrt(TWO))
