"""Training of sweeps: against the article, executors, interruptions, resuming."""

import contextlib
import gc
import multiprocessing
import signal
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import pytest

from gan1010 import Sweep, SweepConfig, sweep, sweeping, train
from gan1010.compiled.lanes import LANES
from gan1010.sweeps.grid import seed_fields
from tests.support.dask_cluster import dask_cluster

SETTINGS: dict[str, Any] = {"base": {"iterations": 300}, "grid": {"loss": ["mse", "bce"]}, "seeds": 40 * LANES}


@pytest.fixture(scope="module")
def whole() -> Sweep:
    """A finished sweep of two cells and eighty shards' worth of members."""
    return sweep(**SETTINGS, threads=2)


def assert_same(one: Sweep, other: Sweep) -> None:
    """Compare two sweeps to the last bit."""
    assert one.config == other.config
    for name, column in one.members.columns.items():
        assert other.members.columns[name].tobytes() == column.tobytes(), name
    for name, figures in one.cells.items():
        assert other.cells[name].tobytes() == figures.tobytes(), name


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Interrupt the block as Ctrl-C does."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    gc.disable()  # an interrupt during Hypothesis's callback of the garbage collector would be lost
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()


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


def test_dask_cluster_gives_the_same_bits(whole: Sweep, tmp_path: Path) -> None:
    with dask_cluster(tmp_path / "dask", workers=2) as cluster, distributed.Client(cluster.address) as client:
        assert_same(sweep(**SETTINGS, executor=client.get_executor()), whole)
        assert client.submit(len, "open").result() == 4


def test_processes_give_the_same_bits_and_the_bar_counts_members(
    whole: Sweep, capfd: pytest.CaptureFixture[str]
) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as executor:
        assert_same(sweep(**SETTINGS, executor=executor, progress=True), whole)
        assert executor.submit(len, "open").result() == 4
    assert f"{80 * LANES}/{80 * LANES}" in capfd.readouterr().err


def test_sweeping_yields_the_growing_sweep_until_it_is_complete(whole: Sweep) -> None:
    steps = list(sweeping(**SETTINGS))
    assert [step.done for step in steps] == sorted({step.done for step in steps})
    assert [step.complete for step in steps] == [False] * (len(steps) - 1) + [True]
    assert all(len(step.members) == step.cells["count"].sum() == step.done for step in steps)
    assert_same(steps[-1], whole)


@pytest.mark.parametrize("given", [{}, SETTINGS, {"seeds": np.arange(40 * LANES)}], ids=["none", "all", "seeds"])
def test_resumed_sweep_has_the_bits_of_an_uninterrupted_one(
    whole: Sweep, given: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    done = next(iter(sweeping(**SETTINGS)))
    assert 0 < done.done < whole.done
    assert not done.complete
    part = Sweep(config=done.config, parts=(done.members[::3],))  # some members of each shard are missing
    assert_same(sweep(**given, resume=part, progress=True), whole)
    assert f"{whole.done}/{whole.done}" in capfd.readouterr().err
    assert_same(sweep(resume=whole), whole)
    assert [step.done for step in sweeping(resume=whole)] == [whole.done]


def test_ctrl_c_returns_what_is_done_and_resume_trains_the_rest() -> None:
    settings: dict[str, Any] = {"base": {"hidden_size": 2}, "seeds": 60 * LANES}
    done, seconds, messages = Sweep(config=SweepConfig(**settings), parts=()), 0.01, list[str]()
    while not done.complete:
        with contextlib.suppress(KeyboardInterrupt), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with interrupted_after(seconds):
                done = sweep(**settings, resume=done)
        messages += [str(warning.message) for warning in caught]
        seconds *= 1.5
    assert f"The sweep was interrupted after 0 of {60 * LANES:,} members. sweep(resume=...)" in messages[0]
    assert len(messages) > 2
    assert_same(done, sweep(**settings))


def test_ctrl_c_ends_long_shards_at_once() -> None:
    with interrupted_after(0.2), pytest.warns(UserWarning, match="interrupted after 0 of 1,000 members"):
        done = sweep({"iterations": 10_000_000, "hidden_size": 64}, seeds=1000, threads=2)  # a shard takes minutes
    assert (done.done, done.complete, len(done.members)) == (0, False, 0)
    assert done.cells["count"].tolist() == [0]
    assert list(done.cells_frame()["in_range_rate"].isna()) == [True]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"seeds": 5},
            r"resume must be a sweep of the same settings, but its seeds are \[1, 5, 9, 2\], not \[0, 1, 2, ",
        ),
        ({"base": {}}, "resume must be .* but its base.loss is 'bce', not 'mse'"),
        (
            {"grid": {"pattern": ["10", "1010"], "learning_rate": [0.01, 0.03]}},
            "resume must be .* but its grid is {'lear",
        ),
        ({"base": {"seed": 1}}, "base must name only settings"),
    ],
    ids=str,
)
def test_sweep_of_other_settings_is_not_resumed(settings: dict[str, Any], message: str) -> None:
    grid = {"learning_rate": [0.01, 0.03], "pattern": ["10", "1010"]}
    done = Sweep(config=SweepConfig(base={"loss": "bce"}, grid=grid, **seed_fields([1, 5, 9, 2])), parts=())
    with pytest.raises(ValueError, match=message):
        sweep(**settings, resume=done)
    with pytest.raises(ValueError, match=message):
        sweeping(**settings, resume=done)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"threads": 0}, ValueError, "threads must be an integer of at least 1, not 0"),
        ({"threads": 1.5}, ValueError, "threads must be an integer of at least 1, not 1.5"),
        ({"executor": 3}, TypeError, "executor must be an Executor of concurrent.futures, such as .*, not int"),
        ({"resume": "rates.npz"}, TypeError, "resume must be a Sweep, not str; Sweep.load reads one from a file"),
        ({"seeds": "many"}, ValueError, "seeds must be an integer"),
        ({"grid": {"learning_rate": 11}}, ValueError, "grid.learning_rate must be at most 10, not 11"),
        ({"base": {"loss": ["mse", "bce"]}}, ValueError, "base.loss must be one of mse, bce, minimax, not"),
    ],
    ids=str,
)
def test_invalid_arguments_are_rejected_by_name(arguments: dict[str, Any], error: Any, message: str) -> None:
    for function in (sweep, sweeping):
        with pytest.raises(error, match=message):
            function(**arguments)


def test_threads_of_an_executor_are_its_own() -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match="threads must not be given with an exec"):
        sweep(seeds=1, threads=2, executor=executor)


@pytest.mark.parametrize("seeds", [range(20, 0, -7), [3, 1, 4], np.array([2**53 - 1, 7])], ids=str)
def test_members_of_seeds_with_gaps_have_the_bits_of_single_runs(seeds: Any) -> None:
    done = sweep({"iterations": 50}, {"loss": ["mse", "bce"], "hidden_size": 4}, seeds)
    assert [done.config.config(index).seed for index in done.members.index] == 2 * list(seeds)
    for row, index in enumerate(done.members.index):
        assert done.members.result(row) == train(done.config.config(index)).result


def test_merged_incomplete_sweeps_are_resumed(whole: Sweep) -> None:
    halves = [Sweep(config=whole.config, parts=(whole.members[rows],)) for rows in (slice(0, 3000), slice(2000, 4500))]
    merged = halves[0].merge(halves[1])
    assert (merged.done, merged.complete) == (4500, False)
    assert_same(sweep(resume=merged), whole)
    later = halves[0].merge(sweep(SETTINGS["base"], SETTINGS["grid"], range(40 * LANES, 40 * LANES + 9)))
    assert not later.complete
    assert_same(sweep(resume=later), sweep(SETTINGS["base"], SETTINGS["grid"], 40 * LANES + 9))
