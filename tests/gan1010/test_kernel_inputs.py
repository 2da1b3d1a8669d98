from itertools import pairwise

import numpy as np

from gan1010 import SweepConfig, TrainConfig, kernel_inputs
from gan1010.compiled.lanes import LANES


def shapes(draws: object) -> list[tuple[int, ...]]:
    return [array.shape for array in draws]  # type: ignore[attr-defined]


def test_draws_have_the_shapes_of_the_config() -> None:
    for config, expected in (
        (TrainConfig(seed=5), [(4, 7), (4, 0), (0,), (0,)]),
        (TrainConfig(seed=5, latent="uniform"), [(4, 7), (4, 0), (7,), (7,)]),
        (TrainConfig(seed=5, experiment="discriminator"), [(4, 7), (4, 7), (0,), (0,)]),
    ):
        assert shapes(kernel_inputs.draws(config, kernel_inputs.single_run(config), 10, 7)) == expected


def test_draws_of_lanes_have_lanes_as_their_last_axis() -> None:
    (group,) = SweepConfig(base={"latent": "uniform"}, seeds=LANES).groups
    drawn = kernel_inputs.draws(group.config, group.lane_settings(np.arange(LANES)), 10, 7)
    assert shapes(drawn) == [(4, 7, LANES), (4, 0, LANES), (7, LANES), (7, LANES)]


def test_iterations_and_streams_differ() -> None:
    config = TrainConfig(seed=5, latent="uniform")
    for earlier, later in pairwise(
        kernel_inputs.draws(config, kernel_inputs.single_run(config), start, 1) for start in range(5)
    ):
        assert earlier.real[0, 0] != later.real[0, 0]
        assert earlier.latent[0] != later.latent[0]
        assert earlier.latent[0] != earlier.generator_latent[0]
