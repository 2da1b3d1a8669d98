"""Training kernel: the three-step training loop, compiled.

One compiled function serves all shapes and settings, so no request waits for a compilation. Sizes: W values in a
sample, H units in a hidden layer, T iterations of one call, N weights of a network. Weights are flat, as in `layout`.
With LANES as one more, last axis of every array the same code trains as many GANs side by side (see `lanes`).

A unit computes s = sigmoid(z), z = w x + b. D's score is y, its loss L(y). By the chain rule:

    at D's output       dL/dz = 2 (y - target) y (1 - y) for squared error, y - target for cross-entropy,
                        and -y for G's minimax loss ln(1 - y)
    at a hidden unit    dL/dz_h = dL/dz w_h s_h (1 - s_h)
    for a weight        dL/dw = dL/dz x; a bias is a weight whose x is 1

In the code, a `slope` is such a derivative of the loss. The loss of a batch is the mean, so a sample of B has the share
1/B in each derivative, and the samples' parts add up before the optimiser's step.

R1 (Mescheder, Geiger, Nowozin, 2018, eq. 9) adds r1/2 |g|^2 to D's loss on a real sample x, where g is the gradient of
D's logit z. With the output unit's weights v_h, the hidden units' w_h and their sums z_h:

    s' = s (1 - s),  s'' = s' (1 - 2 s)         the derivatives of a hidden unit by its sum
    u_h = v_h s'_h,  g = sum of u_h w_h         the gradient of z, by the chain rule
    q = r1 g                                    the derivative of the penalty by g
    t_h = q . w_h                               by u_h
    dR/dv_h = t_h s'_h
    dR/dz_h = t_h v_h s''_h                     which is also that for the hidden unit's bias
    dR/dw_h = dR/dz_h x + u_h q                 through the unit's sum, and through g itself
"""

from typing import Any, NamedTuple

import numpy as np

from gan1010.compiled.arithmetic import HALF, ONE, TWO, ZERO, compiled, f32, inlined, log, power
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
    minimax: bool  # G minimises ln(1 - D)
    constant_latent: bool
    penalised: bool  # r1 is not 0, in any lane
    batch_size: int  # B
    discriminator_steps: int  # S in each iteration
    r1: Float32s  # (1,)
    learning_rate: Float64s  # (1,)
    generator_learning_rate: Float64s  # (1,)
    latent_value: Float32s  # (1,)
    low: Float32s  # (P, W) a sample belongs to a pattern if low <= sample <= high
    high: Float32s  # (P, W)
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

    real: Float32s  # (S B W, T)
    noise: Float32s  # (S B W, T), or (S B W, 0) if G makes the fakes
    latent: Float32s  # (S B, T) G's input in D's steps, or (S B, 0) if it is constant
    generator_latent: Float32s  # (B, T) G's input in G's step, or (B, 0)


class Records(NamedTuple):
    """Recorded losses and snapshots, allocated for the whole run."""

    losses: Float32s  # (3, points), or (3, 0) to record none
    discriminators: Float32s  # (snapshots, N_d)
    generators: Float32s  # (snapshots, N_g)


class Scratch(NamedTuple):
    """Buffers for the layers of one forward and backward pass, and for the figures of a batch."""

    real: Float32s  # (W,)
    sample: Float32s  # (W,)
    sample_slope: Float32s  # (W,) dL/d sample
    discriminator_hidden: Float32s  # (H,)
    generator_hidden: Float32s  # (H,)
    generator_hidden_slope: Float32s  # (H,) dL/d hidden
    discriminator_gradient: Float32s  # (N_d,) dL/d weights
    generator_gradient: Float32s  # (N_g,)
    penalty: Float32s  # (1,) mean R1 penalty of the last real batch
    scores: Float32s  # (3, B) D's scores in the last steps on real data, on fakes, and of G


def scratch_for(plan: Plan, state: State) -> Scratch:
    """Allocate buffers of the sizes of a run."""
    sizes = [plan.width] * 3 + [plan.hidden] * 3 + [len(state.discriminator), len(state.generator), 1]
    shapes: list[tuple[int, ...]] = [*((size,) for size in sizes), (3, plan.batch_size)]
    return Scratch(*(empty((*shape, *state.discriminator.shape[1:])) for shape in shapes))


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
def generator_loss(score: Any, cross_entropy: bool, minimax: bool) -> Any:
    """Compute G's loss: that of D with target 1, or ln(1 - y)."""
    return -loss(score, ZERO, cross_entropy) if minimax else loss(score, ONE, cross_entropy)


@inlined
def generator_slope(score: Any, cross_entropy: bool, minimax: bool) -> Any:
    """Compute the derivative of G's loss by z at D's output unit."""
    return -score if minimax else output_slope(score, ONE, cross_entropy)


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
def add(sums: Any, k: int, value: Any, is_first: bool) -> None:
    """Add a sample's part to sums[k]; the first sample replaces what is left from the step before."""
    store(sums, k, value if is_first else load(sums, k) + value)


@inlined
def add_discriminator_gradient(
    plan: Any, state: Any, x: Any, target: Any, share: Any, first: bool, scratch: Any
) -> Any:
    """Add a sample's gradient for D: x (W,) with target 1, real, or 0, fake, counts as `share` of the batch.

    Return D's score.
    """
    d, hidden, gradient = state.discriminator, scratch.discriminator_hidden, scratch.discriminator_gradient
    width, units = x.shape[0], hidden.shape[0]
    bias, out = units * width, units * (width + 1)
    score = discriminate(d, x, hidden)
    slope = output_slope(score, target, plan.cross_entropy) * share
    add(gradient, out + units, slope, first)
    for h in range(units):
        s = load(hidden, h)
        hidden_slope = slope * (load(d, out + h) * (s * (ONE - s)))
        add(gradient, out + h, slope * s, first)
        add(gradient, bias + h, hidden_slope, first)
        for i in range(width):
            add(gradient, h * width + i, hidden_slope * load(x, i), first)
    return score


@inlined
def add_penalty_gradient(plan: Any, state: Any, x: Any, share: Any, scratch: Any) -> Any:
    """Add the gradient of R1 at a real sample x (W,), for which `discriminator_hidden` holds D's hidden layer.

    Return its part of the penalty.
    """
    d, hidden, gradient = state.discriminator, scratch.discriminator_hidden, scratch.discriminator_gradient
    q, r1, width, units = scratch.sample_slope, load(plan.r1, 0), x.shape[0], hidden.shape[0]
    bias, out = units * width, units * (width + 1)
    for i in range(width):
        store(q, i, ZERO)
    for h in range(units):
        s = load(hidden, h)
        u = load(d, out + h) * (s * (ONE - s))
        for i in range(width):
            store(q, i, fma(u, load(d, h * width + i), load(q, i)))
    squares = ZERO
    for i in range(width):
        g = load(q, i)
        squares = fma(g, g, squares)
        store(q, i, select(r1 > ZERO, share * r1 * g, ZERO))  # a lane without the penalty is left as it is
    for h in range(units):
        v, s = load(d, out + h), load(hidden, h)
        bend = s * (ONE - s)
        t = ZERO
        for i in range(width):
            t = fma(load(q, i), load(d, h * width + i), t)
        hidden_slope = t * v * (bend * (ONE - TWO * s))
        store(gradient, out + h, fma(t, bend, load(gradient, out + h)))
        store(gradient, bias + h, load(gradient, bias + h) + hidden_slope)
        for i in range(width):
            slope = fma(hidden_slope, load(x, i), v * bend * load(q, i))
            store(gradient, h * width + i, load(gradient, h * width + i) + slope)
    return select(r1 > ZERO, share * HALF * r1 * squares, ZERO)


@inlined
def add_generator_gradient(plan: Any, state: Any, latent: Any, share: Any, first: bool, scratch: Any) -> Any:
    """Add a sample's gradient for G: it passes through D to G's sample and counts as `share` of the batch.

    `scratch.sample` and `scratch.generator_hidden` hold G's sample and hidden layer for `latent`. Return D's score.
    """
    d, g, gradient, sample = state.discriminator, state.generator, scratch.generator_gradient, scratch.sample
    hidden, hidden_slope, sample_slope = scratch.generator_hidden, scratch.generator_hidden_slope, scratch.sample_slope
    width, units = sample.shape[0], hidden.shape[0]
    out, out_bias = 2 * units, units * (2 + width)
    score = discriminate(d, sample, scratch.discriminator_hidden)
    slope = generator_slope(score, plan.cross_entropy, plan.minimax) * share
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
        add(gradient, out_bias + i, at_output, first)
        for h in range(units):
            store(hidden_slope, h, fma(at_output, load(g, out + i * units + h), load(hidden_slope, h)))
            add(gradient, out + i * units + h, at_output * load(hidden, h), first)
    for h in range(units):
        s = load(hidden, h)
        at_hidden = load(hidden_slope, h) * (s * (ONE - s))
        add(gradient, units + h, at_hidden, first)
        add(gradient, h, at_hidden * latent, first)
    return score


@inlined
def train_on_real(
    plan: Any, state: Any, draws: Any, scratch: Any, t: int, step: int, count: int, batch: int, penalised: bool
) -> None:
    """Train D on real samples with target 1."""
    x, share = scratch.real, ONE / f32(batch)
    for b in range(batch):
        place = (step * batch + b) * plan.width
        for i in range(plan.width):
            store(x, i, load(draws.real, (place + i, t)))
        score = add_discriminator_gradient(plan, state, x, ONE, share, b == 0, scratch)
        store(scratch.scores, (REAL_LOSS, b), score)
        if penalised:
            add(scratch.penalty, 0, add_penalty_gradient(plan, state, x, share, scratch), b == 0)
    descend_discriminator(plan, state, scratch, count)


@inlined
def train_on_fakes(plan: Any, state: Any, draws: Any, scratch: Any, t: int, step: int, count: int, batch: int) -> None:
    """Train D on G's samples, or on noise, with target 0."""
    fake, share, latent = scratch.sample, ONE / f32(batch), load(plan.latent_value, 0)
    for b in range(batch):
        place = step * batch + b
        if not plan.adversarial:
            for i in range(plan.width):
                store(fake, i, load(draws.noise, (place * plan.width + i, t)))
        elif place == 0 or not plan.constant_latent:  # for a constant latent all samples of an iteration are the same
            if not plan.constant_latent:
                latent = load(draws.latent, (place, t))
            generate(state.generator, latent, scratch.generator_hidden, fake)
        score = add_discriminator_gradient(plan, state, fake, ZERO, share, b == 0, scratch)
        store(scratch.scores, (FAKE_LOSS, b), score)
    descend_discriminator(plan, state, scratch, count)


@inlined
def train_generator(plan: Any, state: Any, draws: Any, scratch: Any, t: int, count: int, batch: int) -> None:
    """Train G on its loss: only G changes."""
    latent, share = load(plan.latent_value, 0), ONE / f32(batch)
    for b in range(batch):
        if not plan.constant_latent:
            latent = load(draws.generator_latent, (b, t))
            generate(state.generator, latent, scratch.generator_hidden, scratch.sample)
        score = add_generator_gradient(plan, state, latent, share, b == 0, scratch)
        store(scratch.scores, (GENERATOR_LOSS, b), score)
    gradient, moments = scratch.generator_gradient, state.generator_moments
    descend(state.generator, gradient, moments, plan.generator_learning_rate, count, plan.adam)


@inlined
def descend_discriminator(plan: Any, state: Any, scratch: Any, count: int) -> None:
    """Make D's optimiser step number `count`."""
    gradient, moments = scratch.discriminator_gradient, state.discriminator_moments
    descend(state.discriminator, gradient, moments, plan.learning_rate, count, plan.adam)


@inlined
def belongs(plan: Any, sample: Any, pattern: int) -> Any:
    """Test if a sample (W,) is in the ranges of a pattern."""
    first = load(sample, 0)
    inside = (load(plan.low, (pattern, 0)) <= first) & (first <= load(plan.high, (pattern, 0)))
    for i in range(1, plan.width):
        y = load(sample, i)
        inside = inside & (load(plan.low, (pattern, i)) <= y) & (y <= load(plan.high, (pattern, i)))
    return inside


@inlined
def in_range(plan: Any, state: Any, scratch: Any) -> Any:
    """Test if G's sample for `latent_value` is in the ranges of any pattern."""
    generate(state.generator, load(plan.latent_value, 0), scratch.generator_hidden, scratch.sample)
    inside = belongs(plan, scratch.sample, 0)
    for pattern in range(1, plan.low.shape[0]):
        inside = inside | belongs(plan, scratch.sample, pattern)
    return inside


@inlined
def copy(values: Any, out: Any, row: int) -> None:
    """Copy values (N,) to out[row], for out (rows, N)."""
    for i in range(values.shape[0]):
        store(out, (row, i), load(values, i))


@inlined
def mean_losses(plan: Any, scratch: Any, batch: int, penalised: bool) -> Any:
    """Compute the losses of the last steps on real data, on fakes and of G: each the mean over its batch."""
    scores, share = scratch.scores, ONE / f32(batch)
    real = loss(load(scores, (REAL_LOSS, 0)), ONE, plan.cross_entropy)
    fake = loss(load(scores, (FAKE_LOSS, 0)), ZERO, plan.cross_entropy)
    generated = generator_loss(load(scores, (GENERATOR_LOSS, 0)), plan.cross_entropy, plan.minimax)
    for b in range(1, batch):
        real = real + loss(load(scores, (REAL_LOSS, b)), ONE, plan.cross_entropy)
        fake = fake + loss(load(scores, (FAKE_LOSS, b)), ZERO, plan.cross_entropy)
        generated = generated + generator_loss(load(scores, (GENERATOR_LOSS, b)), plan.cross_entropy, plan.minimax)
    real = real * share
    if penalised:
        real = real + load(scratch.penalty, 0)
    return real, fake * share, generated * share


@inlined
def mean_score(scratch: Any, row: int, batch: int) -> Any:
    """Compute the mean of D's scores of a batch."""
    score = load(scratch.scores, (row, 0))
    for b in range(1, batch):
        score = score + load(scratch.scores, (row, b))
    return score * (ONE / f32(batch))


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


@inlined
def iterate(
    plan: Any, state: Any, draws: Any, records: Any, scratch: Any, start: int, batch: int, steps: int, penalised: bool
) -> None:
    """Train for the iterations of `draws` with a batch size and a number of D's steps, which may be constants."""
    if not plan.adversarial:
        for b in range(batch):
            store(scratch.scores, (GENERATOR_LOSS, b), ZERO)
    for t in range(draws.real.shape[1]):
        k = start + t + 1
        for step in range(steps):
            count = 2 * (steps * (k - 1) + step) + 1
            train_on_real(plan, state, draws, scratch, t, step, count, batch, penalised)
            train_on_fakes(plan, state, draws, scratch, t, step, count + 1, batch)
        if plan.adversarial:
            train_generator(plan, state, draws, scratch, t, k, batch)
        recorded = k % plan.record_every == 0
        in_tail = k > plan.iterations - max(plan.iterations // 10, 1)
        if recorded or in_tail:
            losses = mean_losses(plan, scratch, batch, penalised)
            if in_tail:
                scores = mean_score(scratch, REAL_LOSS, batch), mean_score(scratch, FAKE_LOSS, batch)
                add_to_totals(plan, state, losses, scores)
            if recorded:
                record(plan, state, records, scratch, k, losses)
        if k % plan.snapshot_every == 0:
            copy(state.discriminator, records.discriminators, k // plan.snapshot_every)
            copy(state.generator, records.generators, k // plan.snapshot_every)


@compiled
def advance_article(plan: Any, state: Any, draws: Any, records: Any, scratch: Any, start: int) -> None:
    """Train as the article does: with the constants, the compiler leaves out all that only batches need."""
    iterate(plan, state, draws, records, scratch, start, 1, 1, False)


@compiled
def advance_batches(plan: Any, state: Any, draws: Any, records: Any, scratch: Any, start: int) -> None:
    """Train with any settings; where the article's would do, to the same last bit."""
    batch, steps = plan.batch_size, plan.discriminator_steps
    iterate(plan, state, draws, records, scratch, start, batch, steps, plan.penalised)


def advance(plan: Plan, state: State, draws: Draws, records: Records, scratch: Scratch, start: int) -> None:
    """Train for the T iterations of `draws` after iteration `start`; state and records change in place.

    Iteration k (1, 2, ...) trains D on real samples and on fakes, `discriminator_steps` times, and then G. The losses
    of the last steps and snapshots are recorded after it.
    """
    as_article = plan.batch_size == 1 and plan.discriminator_steps == 1 and not plan.penalised
    (advance_article if as_article else advance_batches)(plan, state, draws, records, scratch, start)


@compiled
def sample_at_latent_value(plan: Any, state: Any, scratch: Any) -> None:
    """Store G's sample for `latent_value` in scratch.sample (W,)."""
    generate(state.generator, load(plan.latent_value, 0), scratch.generator_hidden, scratch.sample)


@compiled
def survey(
    plan: Any, generator: Any, latents: Any, hidden: Any, sample: Any, counts: Any, moments: Any, diversity: Any
) -> None:
    """Count to which patterns G's samples for latents (n,) belong, in counts (P,), and measure their diversity (1,).

    The diversity is the mean over places of the standard deviation, sqrt(mean of y^2 - (mean of y)^2). `moments` (2, W)
    is a buffer of zeros for both sums; `hidden` (H,) and `sample` (W,) are buffers, too.
    """
    for n in range(latents.shape[0]):
        generate(generator, load(latents, n), hidden, sample)
        left = ONE
        for pattern in range(plan.low.shape[0]):  # with a spread of 0.5, a sample counts for the first of its patterns
            share = select(belongs(plan, sample, pattern), left, ZERO)
            store(counts, pattern, load(counts, pattern) + share)
            left = left - share
        for i in range(plan.width):
            y = widen(load(sample, i))
            store(moments, (0, i), load(moments, (0, i)) + y)
            store(moments, (1, i), load(moments, (1, i)) + y * y)
    total = 0.0
    for i in range(plan.width):
        mean = load(moments, (0, i)) / latents.shape[0]
        variance = load(moments, (1, i)) / latents.shape[0] - mean * mean
        total = total + sqrt(select(variance > 0.0, variance, 0.0))
    store(diversity, 0, total / plan.width)
