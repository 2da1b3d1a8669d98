"""A sweep's figures: tables, frames, the best cell, members, merging."""

import numpy as np
import pandas as pd
import pytest

from gan1010 import Member, Sweep, SweepConfig, sweep
from gan1010.results import MEANS
from gan1010.sweeps.results import COVERAGE
from tests.gan1010.sweeps.test_sweeping import assert_same


@pytest.fixture(scope="module")
def small() -> Sweep:
    """A finished sweep in which some members settle, with seeds that have gaps."""
    return sweep({"loss": "bce"}, {"learning_rate": [0.01, 0.03], "pattern": ["10", "1010"]}, [1, 5, 9, 2])


def test_on_grid_has_the_shape_of_the_grid() -> None:
    done = sweep({"iterations": 10}, {"loss": ["mse", "bce"], "spread": [0.1, 0.2, 0.3]}, seeds=range(5, 7), threads=2)
    assert done.on_grid("count").tolist() == [[2, 2, 2], [2, 2, 2]]
    real_loss = done.members.discriminator_real_loss[2:4].mean()
    assert done.on_grid("discriminator_real_loss")[0, 1] == pytest.approx(real_loss)
    assert done.config.config(2).seed == 5


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
