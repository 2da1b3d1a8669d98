"""Optimisers, compiled: gradient descent and Adam."""

from typing import Any

import numpy as np

from gan1010.compiled.arithmetic import f32, inlined, power
from gan1010.compiled.elementwise import fma, narrow, sqrt
from gan1010.compiled.lanes import load, store

# Adam (Kingma and Ba, 2015, algorithm 1) with PyTorch's defaults.
BETA1, BETA2, EPSILON = 0.9, 0.999, f32(1e-8)
FRESH1, FRESH2, KEPT2 = f32(1 - BETA1), f32(1 - BETA2), f32(BETA2)


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
