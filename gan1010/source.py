"""Where numbers come from: real patterns, noise, latents and initial weights, each draw a function of its place alone.

Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) turns a counter (stream,
iteration, block) and a key (the seed) into random bits. Nothing is carried from one draw to the next, so a run can
stop and go on anywhere, and whoever asks for the same place gets the same number.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from gan1010.arithmetic import ONE, TWO, compiled, f32, fma, inlined, log

Float32s = npt.NDArray[np.float32]

# The streams of a run. A new one takes a new number: an old number never changes its meaning.
DISCRIMINATOR_WEIGHTS, GENERATOR_WEIGHTS, REAL, NOISE, LATENT, GENERATOR_LATENT = range(6)

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (np.uint64(0x9E3779B9), np.uint64(0xBB67AE85))
LOW_BITS = np.uint64(0xFFFFFFFF)
EIGHT, WORD = np.uint64(8), np.uint64(32)
ULP = f32(2**-24)


@inlined
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Philox4x32-10: four random words for four words of counter and two of key, all 32 bits kept in 64."""
    for _ in range(10):
        even, odd = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (odd >> WORD) ^ c1 ^ k0, odd & LOW_BITS, (even >> WORD) ^ c3 ^ k1, even & LOW_BITS
        k0, k1 = (k0 + WEYL[0]) & LOW_BITS, (k1 + WEYL[1]) & LOW_BITS
    return c0, c1, c2, c3


@compiled
def _fill(seed: Any, stream: Any, block: Any, start: int, out: Any) -> None:
    """Four places of each iteration, uniform [0, 1) with 24 random bits: out is (4, count)."""
    for t in range(out.shape[1]):
        iteration = np.uint64(start + t)
        words = philox(iteration & LOW_BITS, iteration >> WORD, stream, block, seed & LOW_BITS, seed >> WORD)
        out[0, t] = f32(np.int64(words[0] >> EIGHT)) * ULP
        out[1, t] = f32(np.int64(words[1] >> EIGHT)) * ULP
        out[2, t] = f32(np.int64(words[2] >> EIGHT)) * ULP
        out[3, t] = f32(np.int64(words[3] >> EIGHT)) * ULP


def uniforms(seed: int, stream: int, places: int, start: int, count: int) -> Float32s:
    """Uniform draws in [0, 1) for iterations `start` to `start + count`: (places, count)."""
    blocks = -(-places // 4)
    out = np.empty((4 * blocks, count), np.float32)
    for block in range(blocks):
        _fill(np.uint64(seed), np.uint64(stream), np.uint64(block), start, out[4 * block : 4 * block + 4])
    return out[:places]


def real_range(pattern: str, spread: float) -> tuple[Float32s, Float32s]:
    """The lowest and the highest real value of each place, both (W,): [1 - spread, 1] for a 1, [0, spread] for a 0."""
    ones = np.array([bit == "1" for bit in pattern])
    return np.where(ones, f32(1 - spread), f32(0)), np.where(ones, f32(1), f32(spread))


def real(pattern: str, spread: float, seed: int, start: int, count: int) -> Float32s:
    """Real data: one sample of the pattern for each iteration, (W, count)."""
    low, high = real_range(pattern, spread)
    draws = uniforms(seed, REAL, len(pattern), start, count)
    draws *= (high - low)[:, None]
    draws += low[:, None]
    return draws


def noise(width: int, seed: int, start: int, count: int) -> Float32s:
    """What is not real data: uniform [0, 1) in every place, (W, count)."""
    return uniforms(seed, NOISE, width, start, count)


def latents(kind: str, value: float, seed: int, stream: int, start: int, count: int) -> Float32s:
    """What G is fed, (count,): the constant `value`, uniform [0, 1), or normal with mean 0 and deviation 1."""
    if kind == "constant":
        return np.full(count, value, np.float32)
    draws: Float32s = uniforms(seed, stream, 1, start, count)[0]
    if kind == "normal":
        _to_normal(draws)
    return draws


def initial_weights(inputs: int, hidden: int, outputs: int, seed: int, stream: int) -> Float32s:
    """The weights of one network before training, flat, distributed as `torch.nn.Linear` draws them.

    Weights and biases of a layer are uniform in +-1/sqrt(the layer's inputs).
    """
    first, second = hidden * (inputs + 1), outputs * (hidden + 1)
    bounds = np.repeat(ONE / np.sqrt(np.array([inputs, hidden], np.float32)), [first, second])
    weights: Float32s = bounds * (TWO * uniforms(seed, stream, first + second, 0, 1)[:, 0] - ONE)
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
        x = fma(TWO, draws[i], ULP - ONE)  # the middle of the draw's interval: never +-1
        w = -log((ONE - x) * (ONE + x))
        coefficients = CENTRE
        if w < f32(5):
            w = w - f32(2.5)
        else:
            w = np.sqrt(w) - f32(3)
            coefficients = TAIL
        p = coefficients[0]
        for k in range(1, 9):
            p = fma(p, w, coefficients[k])
        draws[i] = p * x * np.sqrt(TWO)
