"""Training kernel: the three-step training loop, compiled.

One compiled function serves all shapes and settings, so no request waits for a compilation. Sizes: W values in a
sample, H units in a hidden layer, T iterations of one call, N weights of a network. Weights are flat, as in `layout`.
With LANES as one more, last axis of every array the same code trains as many GANs side by side (see `lanes`).
"""

from typing import Any, NamedTuple

from gan1010.compiled.arithmetic import ONE, ZERO, compiled, f32, inlined
from gan1010.compiled.elementwise import widen
from gan1010.compiled.forward import generate
from gan1010.compiled.gradients import (
    add,
    add_discriminator_gradient,
    add_generator_gradient,
    add_penalty_gradient,
    generator_loss,
    loss,
)
from gan1010.compiled.lanes import empty, load, select, store
from gan1010.compiled.optimizers import descend
from gan1010.compiled.survey import in_range
from gan1010.types import Float32s, Float64s, Int64s

# Indices into `State.totals`; the first three are also rows of `Records.losses`.
REAL_LOSS, FAKE_LOSS, GENERATOR_LOSS, REAL_SCORE, FAKE_SCORE = range(5)


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
