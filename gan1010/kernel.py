"""The three-step training loop, compiled: arrays in, arrays out.

One program serves every shape and setting, so nothing is ever compiled for a request. Legend of sizes: W numbers in a
sample, H units in a hidden layer, T iterations in this call, N weights of a network. Weights are flat, as in `layout`.

Each unit is s = sigmoid(z), z = w x + b. With L(y) the loss of D's answer y, the chain rule gives at D's output
dL/dz = 2 (y - target) y (1 - y) for squared error and y - target for cross-entropy, at a hidden unit
dL/dz_h = dL/dz w_h s_h (1 - s_h), and for each weight dL/dw = dL/dz x, the bias being a weight whose x is 1.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from gan1010.arithmetic import ONE, TWO, ZERO, compiled, f32, fma, inlined, log, power, sigmoid

Float32s = npt.NDArray[np.float32]
Int64s = npt.NDArray[np.int64]

# Rows of `Records.losses`, and with the two after them places of `State.totals`.
REAL_LOSS, FAKE_LOSS, GENERATOR_LOSS, REAL_SCORE, FAKE_SCORE = range(5)

# Adam (Kingma and Ba, 2015, algorithm 1) with PyTorch's defaults.
BETA1, BETA2, EPSILON = 0.9, 0.999, f32(1e-8)
FRESH1, FRESH2, KEPT2 = f32(1 - BETA1), f32(1 - BETA2), f32(BETA2)
LARGEST_LOSS = f32(100)  # of cross-entropy, as PyTorch bounds it


class Plan(NamedTuple):
    """What stays the same for a whole run."""

    width: int
    hidden: int
    adversarial: bool  # False: the discriminator experiment, real against noise
    cross_entropy: bool
    adam: bool
    constant_latent: bool
    learning_rate: float
    generator_learning_rate: float
    latent_value: np.float32
    low: Float32s  # (W,) a sample is in range when low <= sample <= high
    high: Float32s  # (W,)
    iterations: int
    record_every: int
    snapshot_every: int


class State(NamedTuple):
    """What a run carries from one iteration to the next: with the iteration's number, a complete checkpoint."""

    discriminator: Float32s  # (N_d,)
    generator: Float32s  # (N_g,)
    discriminator_moments: Float32s  # (2, N_d) Adam's running means of the gradient and of its square
    generator_moments: Float32s  # (2, N_g)
    totals: npt.NDArray[np.float64]  # (5,) sums over the last tenth of the run
    settled: Int64s  # (1,) first recorded iteration since which the sample is in range, or -1


class Draws(NamedTuple):
    """The random numbers of T iterations."""

    real: Float32s  # (W, T)
    noise: Float32s  # (W, T), or (W, 0) where the generator makes the fakes
    latent: Float32s  # (T,) fed to G for the fake that D sees
    generator_latent: Float32s  # (T,) fed to G for its own step


class Records(NamedTuple):
    """What the run leaves behind, allocated for the whole of it."""

    losses: Float32s  # (3, points)
    discriminators: Float32s  # (snapshots, N_d)
    generators: Float32s  # (snapshots, N_g)


class Scratch(NamedTuple):
    """Room for the layers of one forward and backward pass."""

    real: Float32s  # (W,)
    sample: Float32s  # (W,)
    sample_slope: Float32s  # (W,) dL/d sample
    discriminator_hidden: Float32s  # (H,)
    generator_hidden: Float32s  # (H,)
    generator_hidden_slope: Float32s  # (H,) dL/d hidden
    discriminator_gradient: Float32s  # (N_d,) dL/d weights
    generator_gradient: Float32s  # (N_g,)


def scratch_for(plan: Plan, state: State) -> Scratch:
    """Scratch of the right sizes."""
    sizes = [plan.width] * 3 + [plan.hidden] * 3 + [state.discriminator.size, state.generator.size]
    return Scratch(*(np.empty(size, np.float32) for size in sizes))


@inlined
def discriminate(d: Any, x: Any, hidden: Any) -> Any:
    """D's answer to x (W,); leaves its hidden layer (H,) in `hidden`."""
    width, units = x.shape[0], hidden.shape[0]
    bias, out = units * width, units * (width + 1)
    z_out = d[out + units]
    for h in range(units):
        z = d[bias + h]
        for i in range(width):
            z = fma(d[h * width + i], x[i], z)
        hidden[h] = sigmoid(z)
        z_out = fma(d[out + h], hidden[h], z_out)
    return sigmoid(z_out)


@inlined
def generate(g: Any, seed: Any, hidden: Any, sample: Any) -> None:
    """G's output for one seed, left in `sample` (W,), and its hidden layer in `hidden` (H,)."""
    width, units = sample.shape[0], hidden.shape[0]
    out, out_bias = 2 * units, units * (2 + width)
    for h in range(units):
        hidden[h] = sigmoid(fma(g[h], seed, g[units + h]))
    for i in range(width):
        z = g[out_bias + i]
        for h in range(units):
            z = fma(g[out + i * units + h], hidden[h], z)
        sample[i] = sigmoid(z)


@inlined
def loss(answer: Any, target: Any, cross_entropy: bool) -> Any:
    """(y - t)^2, or -ln of the probability that y gives to the truth."""
    if not cross_entropy:
        return (answer - target) * (answer - target)
    probability = answer if target == ONE else ONE - answer
    return LARGEST_LOSS if probability <= ZERO else min(-log(probability), LARGEST_LOSS)


@inlined
def output_slope(answer: Any, target: Any, cross_entropy: bool) -> Any:
    """dL/dz at D's output unit."""
    error = answer - target
    return error if cross_entropy else error * (TWO * (answer * (ONE - answer)))


@inlined
def descend(weights: Any, gradient: Any, moments: Any, learning_rate: float, count: int, adam: bool) -> None:
    """Step number `count` (1, 2, ...) of all weights (N,): w - rate gradient (SGD), or Adam's."""
    if adam:
        rate = f32(learning_rate / (1 - power(BETA1, count)))
        scale = f32(1 / np.sqrt(1 - power(BETA2, count)))
        for k in range(weights.shape[0]):
            moments[0, k] = fma(FRESH1, gradient[k] - moments[0, k], moments[0, k])
            moments[1, k] = fma(FRESH2 * gradient[k], gradient[k], KEPT2 * moments[1, k])
            weights[k] -= rate * moments[0, k] / fma(np.sqrt(moments[1, k]), scale, EPSILON)
    else:
        rate = f32(learning_rate)
        for k in range(weights.shape[0]):
            weights[k] = fma(-rate, gradient[k], weights[k])


@inlined
def train_discriminator(plan: Any, state: Any, x: Any, target: Any, count: int, scratch: Any) -> Any:
    """D's step on x (W,) against its target, 1 real or 0 fake; its answer before the step."""
    d, hidden, gradient = state.discriminator, scratch.discriminator_hidden, scratch.discriminator_gradient
    width, units = x.shape[0], hidden.shape[0]
    bias, out = units * width, units * (width + 1)
    answer = discriminate(d, x, hidden)
    slope = output_slope(answer, target, plan.cross_entropy)
    gradient[out + units] = slope
    for h in range(units):
        s = hidden[h]
        hidden_slope = slope * (d[out + h] * (s * (ONE - s)))
        gradient[out + h] = slope * s
        gradient[bias + h] = hidden_slope
        for i in range(width):
            gradient[h * width + i] = hidden_slope * x[i]
    descend(d, gradient, state.discriminator_moments, plan.learning_rate, count, plan.adam)
    return answer


@inlined
def train_generator(plan: Any, state: Any, seed: Any, sample: Any, count: int, scratch: Any) -> Any:
    """G's step: D's loss against "real", carried back through D to G's output (W,), where only G learns.

    `sample` and `scratch.generator_hidden` hold G's output and hidden layer for `seed`. Returns D's answer.
    """
    d, g, gradient = state.discriminator, state.generator, scratch.generator_gradient
    hidden, hidden_slope, sample_slope = scratch.generator_hidden, scratch.generator_hidden_slope, scratch.sample_slope
    width, units = sample.shape[0], hidden.shape[0]
    out, out_bias = 2 * units, units * (2 + width)
    answer = discriminate(d, sample, scratch.discriminator_hidden)
    slope = output_slope(answer, ONE, plan.cross_entropy)
    for i in range(width):
        sample_slope[i] = ZERO
    for h in range(units):
        s = scratch.discriminator_hidden[h]
        through = slope * (d[units * (width + 1) + h] * (s * (ONE - s)))
        for i in range(width):
            sample_slope[i] = fma(through, d[h * width + i], sample_slope[i])
    for h in range(units):
        hidden_slope[h] = ZERO
    for i in range(width):
        at_output = sample_slope[i] * (sample[i] * (ONE - sample[i]))
        gradient[out_bias + i] = at_output
        for h in range(units):
            hidden_slope[h] = fma(at_output, g[out + i * units + h], hidden_slope[h])
            gradient[out + i * units + h] = at_output * hidden[h]
    for h in range(units):
        at_hidden = hidden_slope[h] * (hidden[h] * (ONE - hidden[h]))
        gradient[units + h] = at_hidden
        gradient[h] = at_hidden * seed
    descend(g, gradient, state.generator_moments, plan.generator_learning_rate, count, plan.adam)
    return answer


@inlined
def in_range(plan: Any, state: Any, scratch: Any) -> bool:
    """Whether every number that G makes of `latent_value` lies in its real range."""
    generate(state.generator, plan.latent_value, scratch.generator_hidden, scratch.sample)
    for i in range(plan.width):
        if not plan.low[i] <= scratch.sample[i] <= plan.high[i]:
            return False
    return True


@inlined
def copy(values: Any, out: Any) -> None:
    """out[:] = values, without making an array for it."""
    for i in range(out.shape[0]):
        out[i] = values[i]


@inlined
def record(plan: Any, state: Any, records: Any, scratch: Any, k: int, losses: Any) -> None:
    """Keep the three losses of iteration k, and note since when the sample has been in range."""
    point = k // plan.record_every - 1
    records.losses[REAL_LOSS, point], records.losses[FAKE_LOSS, point] = losses[REAL_LOSS], losses[FAKE_LOSS]
    records.losses[GENERATOR_LOSS, point] = losses[GENERATOR_LOSS]
    if not (plan.adversarial and in_range(plan, state, scratch)):
        state.settled[0] = -1
    elif state.settled[0] < 0:
        state.settled[0] = k


@compiled
def advance(plan: Any, state: Any, draws: Any, records: Any, scratch: Any, start: int) -> None:
    """Train on from iteration `start` by the T iterations of `draws`; state and records change in place.

    Iteration k (1, 2, ...) is D on a real sample, D on a fake, and G; a record or snapshot of k is taken after it.
    """
    x, fake = scratch.real, scratch.sample
    generator_score = ZERO
    for t in range(draws.real.shape[1]):
        k = start + t + 1
        copy(draws.real[:, t], x)
        real_score = train_discriminator(plan, state, x, ONE, 2 * k - 1, scratch)
        if plan.adversarial:
            generate(state.generator, draws.latent[t], scratch.generator_hidden, fake)
        else:
            copy(draws.noise[:, t], fake)
        fake_score = train_discriminator(plan, state, fake, ZERO, 2 * k, scratch)
        if plan.adversarial:
            if not plan.constant_latent:
                generate(state.generator, draws.generator_latent[t], scratch.generator_hidden, fake)
            generator_score = train_generator(plan, state, draws.generator_latent[t], fake, k, scratch)
        recorded = k % plan.record_every == 0
        in_tail = k > plan.iterations - max(plan.iterations // 10, 1)
        if recorded or in_tail:
            losses = (
                loss(real_score, ONE, plan.cross_entropy),
                loss(fake_score, ZERO, plan.cross_entropy),
                loss(generator_score, ONE, plan.cross_entropy),
            )
            if in_tail:
                for i in range(3):
                    state.totals[i] += losses[i]
                state.totals[REAL_SCORE] += real_score
                state.totals[FAKE_SCORE] += fake_score
            if recorded:
                record(plan, state, records, scratch, k, losses)
        if k % plan.snapshot_every == 0:
            copy(state.discriminator, records.discriminators[k // plan.snapshot_every])
            copy(state.generator, records.generators[k // plan.snapshot_every])


@compiled
def sample(g: Any, seeds: Any, hidden: Any, out: Any) -> None:
    """G's output for each of the seeds (n,), left in out (n, W)."""
    for row in range(seeds.shape[0]):
        generate(g, seeds[row], hidden, out[row])


@compiled
def score(d: Any, vectors: Any, hidden: Any, out: Any) -> None:
    """D's answer to each of the vectors (n, W), left in out (n,)."""
    for row in range(vectors.shape[0]):
        out[row] = discriminate(d, vectors[row], hidden)
