"""What the networks answer, compiled: forward passes, of weights that are flat, as in `layout`.

Legend of sizes: W numbers in a sample, H units in a hidden layer, n rows; with LANES as one axis more, lanes of each.
"""

from typing import Any

from gan1010.compiled.arithmetic import compiled, inlined, sigmoid
from gan1010.compiled.elementwise import fma
from gan1010.compiled.lanes import load, store


@inlined
def discriminate(d: Any, x: Any, hidden: Any) -> Any:
    """D's answer to x (W,); leaves its hidden layer (H,) in `hidden`."""
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
def generate(g: Any, seed: Any, hidden: Any, sample: Any) -> None:
    """G's output for one seed, left in `sample` (W,), and its hidden layer in `hidden` (H,)."""
    width, units = sample.shape[0], hidden.shape[0]
    out, out_bias = 2 * units, units * (2 + width)
    for h in range(units):
        store(hidden, h, sigmoid(fma(load(g, h), seed, load(g, units + h))))
    for i in range(width):
        z = load(g, out_bias + i)
        for h in range(units):
            z = fma(load(g, out + i * units + h), load(hidden, h), z)
        store(sample, i, sigmoid(z))


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
