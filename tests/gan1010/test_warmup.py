"""Warm-up: afterwards no job compiles anything, so none fails or waits for that."""

from gan1010 import TrainConfig, random_draws, train
from gan1010.compiled import forward, kernel, survey
from gan1010.sweeps.grid import SweepConfig
from gan1010.sweeps.shard_training import train_whole_shard
from tests.support.forking import CONTEXT

COMPILED = (
    kernel.advance_article, kernel.advance_batches, survey.sample_at_latent_value, survey.survey,
    forward.sample, forward.sample_one, forward.score,
    random_draws._fill, random_draws._fill_lanes, random_draws._to_normal, random_draws._to_ranges,
)  # fmt: skip
SETTINGS = (
    {"experiment": "discriminator"}, {"optimizer": "adam"}, {"loss": "bce"}, {"latent": "uniform"},
    {"latent": "normal"}, {"pattern": "1", "hidden_size": 1}, {"pattern": "1" * 16, "hidden_size": 64},
    {"batch_size": 3, "discriminator_steps": 2}, {"r1": 0.1}, {"loss": "minimax"}, {"pattern": "10+01+11"},
)  # fmt: skip


def versions() -> int:
    return sum(len(function.signatures) for function in COMPILED)


def check_that_nothing_compiles() -> None:
    before = versions()
    for settings in SETTINGS:
        train(TrainConfig(iterations=20, **settings))
        sweep = SweepConfig(base={"iterations": 20, **settings}, grid={"learning_rate": [0.01, 0.1]}, seeds=2)
        for shard in sweep.shards:
            train_whole_shard(sweep.shard_settings(shard))
    assert versions() == before


def test_nothing_is_compiled_after_the_warm_up() -> None:
    process = CONTEXT.Process(target=check_that_nothing_compiles)  # forked after the warm-up
    process.start()
    process.join()
    assert process.exitcode == 0
