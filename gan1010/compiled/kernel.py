"""Training kernel: the three-step training loop, compiled.

One compiled function serves all shapes and settings, so no request waits for a compilation. Sizes: W values in a
sample, H units in a hidden layer, T iterations of one call, N weights of a network. Weights are flat, as in `layout`.
With LANES as one more, last axis of every array the same code trains as many GANs side by side (see `lanes`).

A unit computes s = sigmoid(z), z = w x + b. D's score is y, its loss L(y). By the chain rule:

    at D's output       dL/dz = 2 (y - target) y (1 - y) for squared error, y - target for cross-entropy
    at a hidden unit    dL/dz_h = dL/dz w_h s_h (1 - s_h)
    for a weight        dL/dw = dL/dz x; a bias is a weight whose x is 1

In the code, a `slope` is such a derivative of the loss.
"""

from typing import Any, NamedTuple

import numpy as np

from gan1010.compiled.arithmetic import ONE, TWO, ZERO, compiled, f32, inlined, log, power
from gan1010.compiled.elementwise import fma, narrow, sqrt, widen
from gan1010.compiled.forward import discriminate, generate
from gan1010.compiled.lanes import empty, load, select, store
from gan1010.types import Float32s, Float64s, Int64s

# Indices into `State.totals`; the first three are also rows of `Records.losses`.
REAL_LOSS, FAKE_LOSS, GENERATOR_LOSS, REAL_SCORE, FAKE_SCORE = range(5)

# Adam (Kingma and Ba, 2015, algorithm 1) with PyTorch's defaults.
BETA1, BETA2, EPSILON = 0.9, 0.999, f32(1e-8)
FRESH1, FRESH2, KEPT2 = f32(1 - BETA1), f32(1 - BETA2), f32(BETA2)
MAX_LOSS = f32(100)  # bound of cross-entropy, as in PyTorch


class Plan(NamedTuple):
    """The constants of a run."""

    width: int
    hidden: int
    adversarial: bool  # False in the discriminator experiment
    cross_entropy: bool
    adam: bool
    constant_latent: bool
    learning_rate: Float64s  # (1,)
    generator_learning_rate: Float64s  # (1,)
    latent_value: Float32s  # (1,)
    low: Float32s  # (W,) a sample is in range if low <= sample <= high
    high: Float32s  # (W,)
    iterations: int
    record_every: int
    snapshot_every: int


class State(NamedTuple):
    """The state between two iterations: with the number of the iteration, a complete checkpoint."""

    discriminator: Float32s  # (N_d,)
    generator: Float32s  # (N_g,)
    discriminator_moments: Float32s  # (2, N_d) Adam's running means of the gradient and its square
    generator_moments: Float32s  # (2, N_g)
    totals: Float64s  # (5,) sums over the last tenth of the run
    settled: Int64s  # (1,) first recorded iteration since which the sample is in range, or -1


class Draws(NamedTuple):
    """The random numbers of T iterations."""

    real: Float32s  # (W, T)
    noise: Float32s  # (W, T), or (W, 0) if G makes the fakes
    latent: Float32s  # (T,) G's input in D's step, or (0,) if it is constant
    generator_latent: Float32s  # (T,) G's input in G's step, or (0,)


class Records(NamedTuple):
    """Recorded losses and snapshots, allocated for the whole run."""

    losses: Float32s  # (3, points), or (3, 0) to record none
    discriminators: Float32s  # (snapshots, N_d)
    generators: Float32s  # (snapshots, N_g)


class Scratch(NamedTuple):
    """Buffers for the layers of one forward and backward pass."""

    real: Float32s  # (W,)
    sample: Float32s  # (W,)
    sample_slope: Float32s  # (W,) dL/d sample
    discriminator_hidden: Float32s  # (H,)
    generator_hidden: Float32s  # (H,)
    generator_hidden_slope: Float32s  # (H,) dL/d hidden
    discriminator_gradient: Float32s  # (N_d,) dL/d weights
    generator_gradient: Float32s  # (N_g,)


def scratch_for(plan: Plan, state: State) -> Scratch:
    """Allocate buffers of the sizes of a run."""
    sizes = [plan.width] * 3 + [plan.hidden] * 3 + [len(state.discriminator), len(state.generator)]
    return Scratch(*(empty((size, *state.discriminator.shape[1:])) for size in sizes))


@inlined
def loss(score: Any, target: Any, cross_entropy: bool) -> Any:
    """Compute (y - t)^2, or the cross-entropy -ln(y) for t = 1 and -ln(1 - y) for t = 0."""
    if not cross_entropy:
        return (score - target) * (score - target)
    probability = score if target == ONE else ONE - score
    entropy = -log(probability)
    return select(probability <= ZERO, MAX_LOSS, select(entropy > MAX_LOSS, MAX_LOSS, entropy))


@inlined
def output_slope(score: Any, target: Any, cross_entropy: bool) -> Any:
    """Compute dL/dz at D's output unit."""
    error = score - target
    return error if cross_entropy else error * (TWO * (score * (ONE - score)))


@inlined
def descend(weights: Any, gradient: Any, moments: Any, learning_rate: Any, count: int, adam: bool) -> None:
    """Make optimiser step number `count` (1, 2, ...) for weights (N,): w - rate dL/dw (SGD), or Adam's step."""
    if adam:
        rate = narrow(load(learning_rate, 0) / (1 - power(BETA1, count)))
        scale = f32(1 / np.sqrt(1 - power(BETA2, count)))
        for k in range(weights.shape[0]):
            slope, mean = load(gradient, k), load(moments, (0, k))
            mean = fma(FRESH1, slope - mean, mean)
            square = fma(FRESH2 * slope, slope, KEPT2 * load(moments, (1, k)))
            store(moments, (0, k), mean)
            store(moments, (1, k), square)
            store(weights, k, load(weights, k) - rate * mean / fma(sqrt(square), scale, EPSILON))
    else:
        rate = narrow(load(learning_rate, 0))
        for k in range(weights.shape[0]):
            store(weights, k, fma(-rate, load(gradient, k), load(weights, k)))


@inlined
def train_discriminator(plan: Any, state: Any, x: Any, target: Any, count: int, scratch: Any) -> Any:
    """Train D on x (W,) with target 1, real, or 0, fake. Return D's score before the step."""
    d, hidden, gradient = state.discriminator, scratch.discriminator_hidden, scratch.discriminator_gradient
    width, units = x.shape[0], hidden.shape[0]
    bias, out = units * width, units * (width + 1)
    score = discriminate(d, x, hidden)
    slope = output_slope(score, target, plan.cross_entropy)
    store(gradient, out + units, slope)
    for h in range(units):
        s = load(hidden, h)
        hidden_slope = slope * (load(d, out + h) * (s * (ONE - s)))
        store(gradient, out + h, slope * s)
        store(gradient, bias + h, hidden_slope)
        for i in range(width):
            store(gradient, h * width + i, hidden_slope * load(x, i))
    descend(d, gradient, state.discriminator_moments, plan.learning_rate, count, plan.adam)
    return score


@inlined
def train_generator(plan: Any, state: Any, latent: Any, sample: Any, count: int, scratch: Any) -> Any:
    """Train G on D's loss with target 1: the gradient passes through D to G's sample (W,), and only G changes.

    `sample` and `scratch.generator_hidden` hold G's sample and hidden layer for `latent`. Return D's score.
    """
    d, g, gradient = state.discriminator, state.generator, scratch.generator_gradient
    hidden, hidden_slope, sample_slope = scratch.generator_hidden, scratch.generator_hidden_slope, scratch.sample_slope
    width, units = sample.shape[0], hidden.shape[0]
    out, out_bias = 2 * units, units * (2 + width)
    score = discriminate(d, sample, scratch.discriminator_hidden)
    slope = output_slope(score, ONE, plan.cross_entropy)
    for i in range(width):
        store(sample_slope, i, ZERO)
    for h in range(units):
        s = load(scratch.discriminator_hidden, h)
        through = slope * (load(d, units * (width + 1) + h) * (s * (ONE - s)))
        for i in range(width):
            store(sample_slope, i, fma(through, load(d, h * width + i), load(sample_slope, i)))
    for h in range(units):
        store(hidden_slope, h, ZERO)
    for i in range(width):
        y = load(sample, i)
        at_output = load(sample_slope, i) * (y * (ONE - y))
        store(gradient, out_bias + i, at_output)
        for h in range(units):
            store(hidden_slope, h, fma(at_output, load(g, out + i * units + h), load(hidden_slope, h)))
            store(gradient, out + i * units + h, at_output * load(hidden, h))
    for h in range(units):
        s = load(hidden, h)
        at_hidden = load(hidden_slope, h) * (s * (ONE - s))
        store(gradient, units + h, at_hidden)
        store(gradient, h, at_hidden * latent)
    descend(g, gradient, state.generator_moments, plan.generator_learning_rate, count, plan.adam)
    return score


@inlined
def in_range(plan: Any, state: Any, scratch: Any) -> Any:
    """Test if G's sample for `latent_value` is in range."""
    generate(state.generator, load(plan.latent_value, 0), scratch.generator_hidden, scratch.sample)
    first = load(scratch.sample, 0)
    inside = (load(plan.low, 0) <= first) & (first <= load(plan.high, 0))
    for i in range(1, plan.width):
        y = load(scratch.sample, i)
        inside = inside & (load(plan.low, i) <= y) & (y <= load(plan.high, i))
    return inside


@inlined
def copy(values: Any, out: Any, row: int) -> None:
    """Copy values (N,) to out[row], for out (rows, N)."""
    for i in range(values.shape[0]):
        store(out, (row, i), load(values, i))


@inlined
def add_to_totals(plan: Any, state: Any, losses: Any, scores: Any) -> None:
    """Add an iteration's losses and scores to the totals of the last tenth."""
    for i in range(3):
        store(state.totals, i, load(state.totals, i) + widen(losses[i]))
    for i in range(2):
        store(state.totals, REAL_SCORE + i, load(state.totals, REAL_SCORE + i) + widen(scores[i]))


@inlined
def record(plan: Any, state: Any, records: Any, scratch: Any, k: int, losses: Any) -> None:
    """Record the losses of iteration k, and update the iteration since which the sample is in range."""
    point = k // plan.record_every - 1
    if point < records.losses.shape[1]:
        for i in range(3):
            store(records.losses, (i, point), losses[i])
    if plan.adversarial:
        settled = load(state.settled, 0)
        since = select(settled < 0, k, settled)
        store(state.settled, 0, select(in_range(plan, state, scratch), since, -1))


@compiled
def advance(plan: Any, state: Any, draws: Any, records: Any, scratch: Any, start: int) -> None:
    """Train for the T iterations of `draws` after iteration `start`; state and records change in place.

    Iteration k (1, 2, ...) trains D on a real sample, D on a fake, and G. Losses and snapshots are recorded after it.
    """
    x, fake = scratch.real, scratch.sample
    latent = generator_latent = load(plan.latent_value, 0)
    generator_score = ZERO
    for t in range(draws.real.shape[1]):
        k = start + t + 1
        for i in range(plan.width):
            store(x, i, load(draws.real, (i, t)))
        real_score = train_discriminator(plan, state, x, ONE, 2 * k - 1, scratch)
        if not plan.constant_latent:
            latent, generator_latent = load(draws.latent, t), load(draws.generator_latent, t)
        if plan.adversarial:
            generate(state.generator, latent, scratch.generator_hidden, fake)
        else:
            for i in range(plan.width):
                store(fake, i, load(draws.noise, (i, t)))
        fake_score = train_discriminator(plan, state, fake, ZERO, 2 * k, scratch)
        if plan.adversarial:
            if not plan.constant_latent:
                generate(state.generator, generator_latent, scratch.generator_hidden, fake)
            generator_score = train_generator(plan, state, generator_latent, fake, k, scratch)
        recorded = k % plan.record_every == 0
        in_tail = k > plan.iterations - max(plan.iterations // 10, 1)
        if recorded or in_tail:
            losses = (
                loss(real_score, ONE, plan.cross_entropy),
                loss(fake_score, ZERO, plan.cross_entropy),
                loss(generator_score, ONE, plan.cross_entropy),
            )
            if in_tail:
                add_to_totals(plan, state, losses, (real_score, fake_score))
            if recorded:
                record(plan, state, records, scratch, k, losses)
        if k % plan.snapshot_every == 0:
            copy(state.discriminator, records.discriminators, k // plan.snapshot_every)
            copy(state.generator, records.generators, k // plan.snapshot_every)


@compiled
def sample_at_latent_value(plan: Any, state: Any, scratch: Any) -> None:
    """Store G's sample for `latent_value` in scratch.sample (W,)."""
    generate(state.generator, load(plan.latent_value, 0), scratch.generator_hidden, scratch.sample)
