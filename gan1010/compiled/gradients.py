"""Losses and their gradients, compiled. Sizes and lanes are those of `kernel`.

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

from typing import Any

from gan1010.compiled.arithmetic import HALF, ONE, TWO, ZERO, f32, inlined, log
from gan1010.compiled.elementwise import fma
from gan1010.compiled.forward import discriminate
from gan1010.compiled.lanes import load, select, store

MAX_LOSS = f32(100)  # bound of cross-entropy, as in PyTorch


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
