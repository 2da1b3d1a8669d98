"""Forward passes of both networks, compiled. Weights are flat, as in `layout`.

A unit computes s = sigmoid(w x + b). Sizes: W values in a sample, H units in a hidden layer, n rows. With LANES as one
more axis, all arrays are lanes of these.
"""

from typing import Any

import numpy as np

from gan1010.compiled.arithmetic import compiled, inlined, sigmoid
from gan1010.compiled.elementwise import fma
from gan1010.compiled.lanes import load, store


@inlined
def discriminate(d: Any, x: Any, hidden: Any) -> Any:
    """Return D's score of x (W,), and store its hidden layer in `hidden` (H,)."""
    width, units = x.shape[0], hidden.shape[0]
    bias, out = units * width, units * (width + 1)
    z_out = load(d, out + units)
    for h in range(units):
        z = load(d, bias + h)
        for i in range(width):
            z = fma(load(d, h * width + i), load(x, i), z)
        s = sigmoid(z)
        store(hidden, h, s)
        z_out = fma(load(d, out + h), s, z_out)
    return sigmoid(z_out)


@inlined
def generate(g: Any, latent: Any, hidden: Any, sample: Any) -> None:
    """Store G's sample for a latent in `sample` (W,), and its hidden layer in `hidden` (H,)."""
    width, units = sample.shape[0], hidden.shape[0]
    out, out_bias = 2 * units, units * (2 + width)
    for h in range(units):
        store(hidden, h, sigmoid(fma(load(g, h), latent, load(g, units + h))))
    for i in range(width):
        z = load(g, out_bias + i)
        for h in range(units):
            z = fma(load(g, out + i * units + h), load(hidden, h), z)
        store(sample, i, sigmoid(z))


@compiled
def sample(g: Any, latents: Any, hidden: Any, out: Any) -> Any:
    """Store G's samples for latents (n,) in out (n, W); return the first row that is not finite, or -1."""
    for row in range(latents.shape[0]):
        if not np.isfinite(latents[row]):
            return row
        generate(g, latents[row], hidden, out[row])
    return -1


@compiled
def sample_one(g: Any, latent: Any, hidden: Any, out: Any) -> None:
    """Store G's sample for a latent, a Python float, in out (W,)."""
    generate(g, np.float32(latent), hidden, out)


@compiled
def score(d: Any, vectors: Any, hidden: Any, out: Any) -> Any:
    """Store D's scores of vectors (n, W) in out (n,); return the first row that is not finite, or -1."""
    for row in range(vectors.shape[0]):
        for value in vectors[row]:
            if not np.isfinite(value):
                return row
        out[row] = discriminate(d, vectors[row], hidden)
    return -1
