"""Where numbers come from: real patterns, noise, latents and initial weights, each draw a function of its place alone.

Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) turns a counter (stream,
iteration, block) and a key (the seed) into random bits. Nothing is carried from one draw to the next, so a run can
stop and go on anywhere, and whoever asks for the same place gets the same number.

Where a seed (or a spread) may be an array (LANES,) instead of a number, every answer has lanes as its last axis.
"""

from typing import Any

import numpy as np

from gan1010.compiled.arithmetic import ONE, TWO, compiled, f32, inlined, log
from gan1010.compiled.elementwise import fma, sqrt, to_float
from gan1010.compiled.lanes import LANES, WORDS, empty, load, load_words, select, store, store_words
from gan1010.types import Float32s, Float64s, Int64s

Seeds = int | Int64s
Numbers = float | Float64s

# The streams of a run. A new one takes a new number: an old number never changes its meaning.
DISCRIMINATOR_WEIGHTS, GENERATOR_WEIGHTS, REAL, NOISE, LATENT, GENERATOR_LATENT = range(6)

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
LOW_BITS = np.uint64(0xFFFFFFFF)
EIGHT, WORD = np.uint64(8), np.uint64(32)
ULP = f32(2**-24)


@inlined
def philox(iteration: Any, stream: Any, block: Any, seed: Any) -> Any:
    """Philox4x32-10: four random words for a counter of four words and a key of two, each in the low half of 64 bits.

    What the high halves hold on the way never reaches the low ones.
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
    """The upper 24 of a word's 32 bits as a number in [0, 1)."""
    return to_float(word >> EIGHT) * ULP


@compiled
def _fill(seed: Any, stream: Any, start: int, low: Any, extent: Any, out: Any) -> None:
    """Draws from [low, low + extent), both (4 blocks,), for each place and iteration: out is (4 blocks, count)."""
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
    """The words of some lanes as draws."""
    draw = unit(words) * load_words(extent, (place, part)) + load_words(low, (place, part))
    store_words(out, (place, t, part), draw)


@compiled
def _fill_lanes(seeds: Any, stream: Any, start: int, low: Any, extent: Any, out: Any) -> None:
    """The same for lanes, WORDS at a time: as many as leave room in the registers for what is computed on the way.

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
    """For places with the given ranges, each (places,), the draws of `count` iterations from `start` on."""
    places = len(low)
    if missing := -places % 4:
        low, extent = (np.concatenate([a, np.zeros((missing, *a.shape[1:]), np.float32)]) for a in (low, extent))
    out = empty((len(low), count, *low.shape[1:]))
    if np.ndim(seed) == 0:
        _fill(np.uint64(seed), np.uint64(stream), start, low, extent, out)
    else:
        parts = LANES // WORDS, WORDS
        _fill_lanes(
            np.asarray(seed, np.uint64).reshape(parts),
            np.uint64(stream),
            start,
            low.reshape(len(low), *parts),
            extent.reshape(len(low), *parts),
            out.reshape(len(low), count, *parts),
        )
    return out[:places]


def uniforms(seed: Seeds, stream: int, places: int, start: int, count: int) -> Float32s:
    """Uniform draws in [0, 1) for iterations `start` to `start + count`: (places, count)."""
    shape = places, *np.shape(seed)
    return _draw(
        seed,
        stream,
        np.zeros(shape, np.float32),
        np.ones(shape, np.float32),
        start,
        count,
    )


def real_range(pattern: str, spread: Numbers) -> tuple[Float32s, Float32s]:
    """The lowest and the highest real value of each place, both (W,): [1 - spread, 1] for a 1, [0, spread] for a 0."""
    spread = np.asarray(spread)
    ones = np.array([bit == "1" for bit in pattern]).reshape(-1, *[1] * spread.ndim)
    return np.where(ones, (1 - spread).astype(f32), f32(0)), np.where(ones, f32(1), spread.astype(f32))


def real_samples(pattern: str, spread: Numbers, seed: Seeds, start: int, count: int) -> Float32s:
    """Real data: one sample of the pattern for each iteration, (W, count)."""
    low, high = real_range(pattern, spread)
    return _draw(seed, REAL, low, high - low, start, count)


def noise(width: int, seed: Seeds, start: int, count: int) -> Float32s:
    """What is not real data: uniform [0, 1) in every place, (W, count)."""
    return uniforms(seed, NOISE, width, start, count)


def latents(kind: str, seed: Seeds, stream: int, start: int, count: int) -> Float32s:
    """What G is fed, (count,): uniform [0, 1), or normal with mean 0 and deviation 1; (0,) where it is a constant."""
    if kind == "constant":
        return np.empty((0, *np.shape(seed)), np.float32)
    draws: Float32s = uniforms(seed, stream, 1, start, count)[0]
    if kind == "normal":
        _to_normal(draws)
    return draws


def initial_weights(inputs: int, hidden: int, outputs: int, seed: Seeds, stream: int) -> Float32s:
    """The weights of one network before training, flat (N,), distributed as `torch.nn.Linear` draws them.

    Weights and biases of a layer are uniform in +-1/sqrt(the layer's inputs).
    """
    first, second = hidden * (inputs + 1), outputs * (hidden + 1)
    bounds = np.repeat(ONE / np.sqrt(np.array([inputs, hidden], np.float32)), [first, second])
    draws = uniforms(seed, stream, first + second, 0, 1)[:, 0]
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
    """Uniform draws to normal ones, in place, by the inverse of the normal distribution: sqrt 2 erfinv(2 u - 1)."""
    for i in range(draws.shape[0]):
        x = fma(TWO, load(draws, i), ULP - ONE)  # the middle of the draw's interval: never +-1
        w = -log((ONE - x) * (ONE + x))
        central = w < f32(5)
        w = select(central, w - f32(2.5), sqrt(w) - f32(3))
        p = select(central, CENTRE[0], TAIL[0])
        for k in range(1, 9):
            p = fma(p, w, select(central, CENTRE[k], TAIL[k]))
        store(draws, i, p * x * sqrt(TWO))
