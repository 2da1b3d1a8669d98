"""Sweeps from the caller's side: against the article, executors, interruptions, tables, merging."""

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
import pandas as pd
import pytest

from gan1010 import Member, Sweep, SweepConfig, sweep, sweeping, train
from gan1010.compiled.lanes import LANES
from gan1010.results import MEANS
from gan1010.sweeps.results import COVERAGE
from tests.support.dask_cluster import dask_cluster

SETTINGS: dict[str, Any] = {"base": {"iterations": 300}, "grid": {"loss": ["mse", "bce"]}, "seeds": 40 * LANES}


@pytest.fixture(scope="module")
def whole() -> Sweep:
    """A finished sweep of two cells and eighty shards' worth of members."""
    return sweep(**SETTINGS, threads=2)


@pytest.fixture(scope="module")
def small() -> Sweep:
    """A finished sweep in which some members settle, with seeds that have gaps."""
    return sweep({"loss": "bce"}, {"learning_rate": [0.01, 0.03], "pattern": ["10", "1010"]}, [1, 5, 9, 2])


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


def test_on_grid_has_the_shape_of_the_grid() -> None:
    done = sweep({"iterations": 10}, {"loss": ["mse", "bce"], "spread": [0.1, 0.2, 0.3]}, seeds=range(5, 7), threads=2)
    assert done.on_grid("count").tolist() == [[2, 2, 2], [2, 2, 2]]
    real_loss = done.members.discriminator_real_loss[2:4].mean()
    assert done.on_grid("discriminator_real_loss")[0, 1] == pytest.approx(real_loss)
    assert done.config.config(2).seed == 5


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
def test_sweep_of_other_settings_is_not_resumed(small: Sweep, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sweep(**settings, resume=small)
    with pytest.raises(ValueError, match=message):
        sweeping(**settings, resume=small)


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


def test_members_frame_has_the_settings_the_seed_and_every_figure(small: Sweep) -> None:
    frame = small.to_frame()
    samples = [f"sample_{place}" for place in range(4)]
    figures = ["bits_right", "in_range", "settled_at", *COVERAGE, *MEANS]
    assert list(frame) == ["cell", "learning_rate", "pattern", "seed", *samples, *figures, "share_0"]
    assert (frame.index.name, list(frame.index)) == ("index", list(range(16)))
    for index, row in frame.iterrows():
        config, result = small.config.config(int(index)), small.run(int(index)).result  # type: ignore[call-overload]
        assert (row.cell, row.seed) == (index // 4, config.seed)  # type: ignore[operator]
        assert (row.learning_rate, row.pattern) == (config.learning_rate, config.pattern)
        assert row[samples].dropna().tolist() == pytest.approx(result.sample)
        assert (row.bits_right, row.in_range) == (result.bits == config.pattern, result.in_range)
        for name in (*MEANS, *COVERAGE):
            assert row[name] == getattr(result, name)
        assert [row.share_0] == result.shares
        assert row.settled_at == result.settled_at or (np.isnan(row.settled_at) and result.settled_at is None)


def test_cells_frame_has_the_settings_and_the_statistics(small: Sweep) -> None:
    frame = small.cells_frame()
    assert list(frame) == ["learning_rate", "pattern", *small.cells]
    assert list(frame.index) == [0, 1, 2, 3]
    assert frame.learning_rate.tolist() == [0.01, 0.01, 0.03, 0.03]
    assert frame.pattern.tolist() == ["10", "1010"] * 2
    for name, figures in small.cells.items():
        np.testing.assert_array_equal(frame[name].to_numpy(), figures)


def test_frames_of_sweeps_without_a_grid_or_with_unset_settings() -> None:
    frame = sweep({"iterations": 10}, seeds=2).to_frame()
    assert list(frame)[:2] == ["cell", "seed"]
    frame = sweep({"iterations": 10}, {"generator_learning_rate": [None, 0.5]}, seeds=1).cells_frame()
    pd.testing.assert_series_equal(
        frame["generator_learning_rate"].reset_index(drop=True), pd.Series([np.nan, 0.5]), check_names=False
    )


def test_members_are_a_sequence(small: Sweep) -> None:
    members = small.members
    assert len(members) == 16
    assert [member.index for member in members] == list(range(16))
    assert all(isinstance(member, Member) and member.result == small.run(member.index).result for member in members)
    assert members[3] == members[-13] == members[np.int64(3)] == members[2:9][1]
    for rows in (slice(3, 12, 2), members.in_range, [5, 1], np.array([5, 1]), [], members.settled_at > 5000):
        expected = np.arange(16)[rows if rows != [] else slice(0)] if isinstance(rows, list) else np.arange(16)[rows]
        assert members[rows].index.tolist() == expected.tolist()
    assert members[members.in_range][0].index == np.flatnonzero(members.in_range)[0]
    for row in (16, -17):
        with pytest.raises(IndexError):
            members[row]


def test_best_is_the_cell_with_the_lowest_figure_or_the_highest_rate(small: Sweep) -> None:
    frame = small.cells_frame()
    for figure in small.cells:
        is_highest = figure.endswith("rate") or figure in COVERAGE
        place = frame[figure].idxmax() if is_highest else frame[figure].idxmin()
        assert small.best(figure) == {name: frame.loc[place, name] for name in ("learning_rate", "pattern")}
        opposite = frame[figure].idxmin() if is_highest else frame[figure].idxmax()
        assert small.best(figure, highest=not is_highest) == small.config.cell(int(opposite))


def test_best_leaves_out_cells_in_which_fewer_than_half_have_settled() -> None:
    rates = sweep(grid={"iterations": [6000, 10_000]}, seeds=200)
    settled = rates.members.settled_at[:200]
    assert 0 < (settled > 0).mean() < 0.5
    assert np.isnan(rates.cells["settled_at_p50"][0])
    assert rates.best("settled_at_p50") == {"iterations": 10_000}
    assert rates.best("settled_at_p5") == {"iterations": 6000}


def test_missing_figures_and_unknown_names_are_rejected() -> None:
    rates = sweep({"iterations": 10}, seeds=3)
    with pytest.raises(ValueError, match=r"no cell has a figure for settled_at_p50\. Train longer"):
        rates.best("settled_at_p50")
    for method in (rates.best, rates.on_grid):
        with pytest.raises(ValueError, match=r"figure must be one of count, bits_rate, .*, not 'nonsense'"):
            method("nonsense")


def test_run_is_the_member_with_its_history(small: Sweep) -> None:
    run = small.run(np.int64(6))  # type: ignore[arg-type]
    assert run.config == small.config.config(6)
    assert run.result == small.members[6].result
    assert len(run.history) == 2000
    with pytest.raises(IndexError, match="index must be 0 to 15, not 16"):
        small.run(16)


def test_merged_sweeps_equal_one_sweep_of_all_seeds() -> None:
    base, grid = {"iterations": 200}, {"loss": ["mse", "bce"], "pattern": ["10", "1010"]}
    parts = [sweep(base, grid, seeds) for seeds in (range(40, 70), range(50), [99, 80])]
    merged = parts[0].merge(*parts[1:])
    assert_same(merged, sweep(base, grid, [*range(70), 80, 99]))
    assert_same(parts[1].merge(parts[0]), sweep(base, grid, 70))
    assert_same(parts[2].merge(parts[2]), parts[2])
    assert_same(parts[2].merge(), parts[2])


def test_merged_incomplete_sweeps_are_resumed(whole: Sweep) -> None:
    halves = [Sweep(config=whole.config, parts=(whole.members[rows],)) for rows in (slice(0, 3000), slice(2000, 4500))]
    merged = halves[0].merge(halves[1])
    assert (merged.done, merged.complete) == (4500, False)
    assert_same(sweep(resume=merged), whole)
    later = halves[0].merge(sweep(SETTINGS["base"], SETTINGS["grid"], range(40 * LANES, 40 * LANES + 9)))
    assert not later.complete
    assert_same(sweep(resume=later), sweep(SETTINGS["base"], SETTINGS["grid"], 40 * LANES + 9))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (SweepConfig(base={"loss": "bce"}), "but base.loss is 'bce', not 'mse'"),
        (SweepConfig(grid={"spread": [0.2]}), r"but the grid is \{'spread': \(0.2,\)\}, not \{\}"),
    ],
    ids=["base", "grid"],
)
def test_sweeps_of_other_settings_are_not_merged(other: SweepConfig, message: str) -> None:
    article = Sweep(config=SweepConfig(base={"loss": "mse"}), parts=())
    assert article.merge(Sweep(config=SweepConfig(seeds=150), parts=())).config.seeds == 150
    with pytest.raises(ValueError, match=message):
        article.merge(Sweep(config=other, parts=()))
    with pytest.raises(TypeError, match="merge takes sweeps, not SweepConfig"):
        article.merge(other)  # type: ignore[arg-type]
