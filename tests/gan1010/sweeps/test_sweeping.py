"""Sweeps against single runs, and against the article."""

import itertools
import multiprocessing
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from subprocess import PIPE
from typing import Any

import numpy as np
import pytest

from gan1010 import Members, SweepConfig, sweep, train
from gan1010.compiled.lanes import LANES
from gan1010.sweeps.grid import Shard
from gan1010.sweeps.sweeping import ShardProgress, train_shard, train_whole_shard

# Every shape, loss, optimiser, latent and experiment meets every other; rates, spreads and latent values vary by lane.
GRID: dict[str, Any] = {
    "experiment": ["gan", "discriminator"],
    "pattern": ["1010", "1", "110010111010001"],
    "hidden_size": [3, 9],
    "loss": ["mse", "bce"],
    "optimizer": ["sgd", "adam"],
    "latent": ["constant", "uniform", "normal"],
    "learning_rate": [0.01, 0.2],
    "generator_learning_rate": [None, 0.05],
    "spread": [0.2, 0.45],
    "latent_value": [0.5, -1],
}


def all_members(config: SweepConfig) -> list[Members]:
    """Train all shards, and return their members with weights."""
    return [train_whole_shard(config.shard_settings(shard)) for shard in config.shards]


def check_member(config: SweepConfig, members: Members, row: int) -> None:
    """Train a member alone, and compare its weights and its result."""
    run = train(config.config(int(members.index[row])))
    generator = run.model().generator
    assert members.discriminators[row].tobytes() == run.model().discriminator.tobytes()
    assert members.generators[row].tobytes() == (b"" if generator is None else generator.tobytes())
    assert members.result(row) == run.result


def test_200_random_members_trained_alone_have_the_same_bits() -> None:
    config = SweepConfig(base={"iterations": 137, "record_every": 7}, grid=GRID, first_seed=11, seeds=2)
    chosen = set(np.random.default_rng(1).choice(config.members, 200, replace=False).tolist())
    for members in all_members(config):
        for row, index in enumerate(members.index.tolist()):
            if index in chosen:
                chosen.remove(index)
                check_member(config, members, row)
    assert not chosen


@pytest.mark.parametrize("base", [{}, {"loss": "bce", "optimizer": "adam", "latent": "normal", "learning_rate": 0.001}])
def test_full_length_members_have_the_same_bits(base: dict[str, Any]) -> None:
    config = SweepConfig(base=base, seeds=LANES + 3)
    for members in all_members(config):
        check_member(config, members, 0)
        check_member(config, members, len(members) - 1)


@pytest.mark.parametrize("base", [
    {"latent": "normal", "optimizer": "adam", "loss": "bce"},
    {"experiment": "discriminator", "pattern": "110010"},
])  # fmt: skip
@pytest.mark.parametrize("seeds", [20, LANES + 1])
def test_shard_resumed_from_any_checkpoint_has_the_same_bits(base: dict[str, Any], seeds: int) -> None:
    config = SweepConfig(base={"iterations": 7001} | base, grid={"learning_rate": [0.01, 0.02]}, seeds=seeds)
    shard = config.shard_settings(Shard(group=0, start=0, stop=2 * seeds))
    *on_the_way, whole = train_shard(shard)
    assert isinstance(whole, Members)
    assert len(on_the_way) > 5
    for step in range(1, len(on_the_way) + 1):
        *_, left = itertools.islice(train_shard(shard), step)
        assert isinstance(left, ShardProgress)
        arrays = {name: array.copy() for name, array in left.arrays.items()}  # as if they came from elsewhere
        *_, resumed = train_shard(shard, ShardProgress.from_arrays(left.iteration, arrays))
        assert isinstance(resumed, Members)
        for name, column in whole.columns.items():
            assert getattr(resumed, name).tobytes() == column.tobytes(), (step, name)
        assert resumed.discriminators.tobytes() == whole.discriminators.tobytes()
        assert resumed.generators.tobytes() == whole.generators.tobytes()


@pytest.mark.parametrize(
    ("loss", "in_range", "settled"), [("mse", (0.96, 0.99), (6400, 6900)), ("bce", (0.995, 1), (3200, 3500))]
)
def test_5000_seeds_reproduce_the_article(
    loss: str, in_range: tuple[float, float], settled: tuple[float, float]
) -> None:
    cells = sweep({"loss": loss}, seeds=5000).cells
    assert cells["count"][0] == 5000
    assert cells["bits_rate"][0] > 0.999
    assert in_range[0] <= cells["in_range_rate"][0] <= in_range[1]
    assert settled[0] <= cells["settled_at_p50"][0] <= settled[1]


def test_on_grid_has_the_shape_of_the_grid() -> None:
    done = sweep({"iterations": 10}, {"loss": ["mse", "bce"], "spread": [0.1, 0.2, 0.3]}, seeds=range(5, 7), threads=2)
    assert done.on_grid("count").tolist() == [[2, 2, 2], [2, 2, 2]]
    real_loss = done.members.discriminator_real_loss[2:4].mean()
    assert done.on_grid("discriminator_real_loss")[0, 1] == pytest.approx(real_loss)
    assert done.config.config(2).seed == 5


def test_processes_give_the_same_bits_and_the_bar_counts_members(capfd: pytest.CaptureFixture[str]) -> None:
    settings: dict[str, Any] = {"base": {"iterations": 300}, "grid": {"loss": ["mse", "bce"]}, "seeds": 40 * LANES}
    expected = sweep(**settings, threads=2)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        done = sweep(**settings, executor=executor, progress=True)
        assert executor.submit(len, "open").result() == 4
    for name, column in expected.members.columns.items():
        assert done.members.columns[name].tobytes() == column.tobytes(), name
    for name, figures in expected.cells.items():
        assert done.cells[name].tobytes() == figures.tobytes(), name
    assert f"{80 * LANES}/{80 * LANES}" in capfd.readouterr().err


def test_ctrl_c_ends_a_sweep_when_the_running_shards_have_ended() -> None:
    program = "from gan1010 import sweep; print('begins', flush=True); sweep(seeds=1_000_000, threads=2)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "begins\n"
        time.sleep(0.5)  # a shard trains or the kernel is loaded
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)  # the whole sweep takes minutes
    assert errors.count("Traceback") == 1
    assert errors.endswith("KeyboardInterrupt\n")


def test_threads_of_an_executor_are_its_own() -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match="threads must not be given with an exec"):
        sweep(seeds=1, threads=2, executor=executor)


@pytest.mark.parametrize("seeds", [range(20, 0, -7), [3, 1, 4], np.array([2**53 - 1, 7])], ids=str)
def test_members_of_seeds_with_gaps_have_the_bits_of_single_runs(seeds: Any) -> None:
    done = sweep({"iterations": 50}, {"loss": ["mse", "bce"], "hidden_size": 4}, seeds)
    assert [done.config.config(index).seed for index in done.members.index] == 2 * list(seeds)
    for row, index in enumerate(done.members.index):
        assert done.members.result(row) == train(done.config.config(index)).result
