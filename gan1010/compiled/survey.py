"""Survey of a generator, compiled: the patterns to which its samples belong, and their diversity.

Sizes and lanes are those of `kernel`; P is the number of patterns.
"""

from typing import Any

from gan1010.compiled.arithmetic import ONE, ZERO, compiled, inlined
from gan1010.compiled.elementwise import sqrt, widen
from gan1010.compiled.forward import generate
from gan1010.compiled.lanes import load, select, store


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
