import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan1010 import Members, Result, SweepConfig, TrainConfig, sweep, train
from gan1010.history import LOSSES
from gan1010.results import MEANS
from gan1010.sweeps.results import Cells, concatenate

GRID = {"loss": ["mse", "bce"], "learning_rate": [0.01, 0.1]}


def random_members(config: SweepConfig, index: list[int], seed: int = 1) -> Members:
    """Return random members with these indices: a third never settled, some diverged."""
    rng, n = np.random.default_rng(seed), len(index)
    settled = np.where(rng.random(n) < 1 / 3, -1, rng.integers(1, 10_000, n))
    losses = np.where(rng.random(n) < 0.1, np.nan, rng.random((5, n)))
    return Members(
        index=np.array(index, np.int64),
        sample=rng.random((n, 4)).astype(np.float32),
        bits_right=rng.random(n) < 0.9,
        in_range=settled > 0,
        settled_at=settled,
        covered=np.where(np.isnan(losses[0]), np.nan, rng.integers(0, 2, n)),
        quality=np.where(np.isnan(losses[0]), np.nan, rng.integers(0, 513, n) / 512),
        diversity=np.where(np.isnan(losses[0]), np.nan, rng.random(n).astype(np.float32)),
        shares=rng.random((n, 1)),
        **dict(zip(MEANS, losses, strict=True)),
        discriminators=np.empty((n, 0), np.float32),
        generators=np.empty((n, 0), np.float32),
    )


def test_cells_have_the_statistics_of_their_members() -> None:
    config = SweepConfig(grid=GRID, seeds=50)
    members, cells = random_members(config, list(range(200))), Cells(config)
    cells.add(members)
    table = cells.table()
    for number in range(4):
        own = members.take(slice(50 * number, 50 * number + 50))
        settled = own.settled_at[own.settled_at > 0]
        assert 25 < len(settled) < 45
        assert table["count"][number] == 50
        assert table["bits_rate"][number] == own.bits_right.mean()
        assert table["in_range_rate"][number] == own.in_range.mean()
        assert table["covers_all_rate"][number] == (own.covered == 1).mean()
        for name in ("covered", "quality", "diversity"):
            assert table[name][number] == pytest.approx(np.nanmean(getattr(own, name)), rel=1e-6)
        late = np.where(own.settled_at > 0, own.settled_at, settled.max())
        for percent in (5, 50):
            assert table[f"settled_at_p{percent}"][number] == pytest.approx(np.percentile(late, percent))
        assert np.isnan(table["settled_at_p95"][number])
        for name in LOSSES:
            assert table[name][number] == pytest.approx(np.nanmean(getattr(own, name)))


@given(st.lists(st.integers(1, 9) | st.just(-1), max_size=41), st.integers(0, 3))
def test_percentile_is_given_where_that_share_has_settled(settled_at: list[int], unfinished: int) -> None:
    count, settled = len(settled_at), [iteration for iteration in settled_at if iteration > 0]
    config = SweepConfig(seeds=count + unfinished or 1)
    cells = Cells(config)
    members = random_members(config, list(range(count)))
    cells.add(dataclasses.replace(members, settled_at=np.array(settled_at, np.int64)))
    table = cells.table()
    for percent in (5, 50, 95):
        value = table[f"settled_at_p{percent}"][0]
        assert np.isnan(value) == (not settled or len(settled) < percent / 100 * count)
        if len(settled) == count:
            assert np.isnan(value) if not count else value == pytest.approx(np.percentile(settled, percent))
        elif not np.isnan(value):  # at least that share settles before it, or at it
            rank = int(percent / 100 * (count - 1))
            assert sorted(settled)[rank] <= value <= sorted(settled)[min(rank + 1, len(settled) - 1)]


def test_statistics_do_not_depend_on_the_order_of_adding() -> None:
    config = SweepConfig(grid=GRID, seeds=50)
    members, forth, back = random_members(config, list(range(200))), Cells(config), Cells(config)
    for start in range(0, 200, 20):
        forth.add(members.take(slice(start, start + 20)))
        back.add(members.take(slice(180 - start, 200 - start)))
    for name, figures in forth.table().items():
        np.testing.assert_array_equal(figures, back.table()[name])
        np.testing.assert_array_equal(figures[1:3], back.table(slice(1, 3))[name])


def test_unfinished_cells_count_finished_members() -> None:
    config = SweepConfig(grid=GRID, seeds=50)
    cells = Cells(config)
    cells.add(random_members(config, [3, 60, 61]))
    table = cells.table()
    assert (cells.done, table["count"].tolist()) == (3, [1, 2, 0, 0])
    for name, figures in table.items():
        if name != "count":
            assert np.isnan(figures[2:]).all()


def test_cells_without_settled_members_have_no_percentiles() -> None:
    table = sweep({"iterations": 5}, seeds=10).cells
    assert table["count"].tolist() == [10]
    assert np.isnan(table["settled_at_p50"]).all()


@pytest.mark.parametrize("base", [{}, {"experiment": "discriminator"}, {"pattern": "1", "iterations": 50}])
def test_result_of_a_member_is_that_of_a_single_run(base: dict[str, object]) -> None:
    members = sweep(base, seeds=range(3, 6)).members
    for row in range(3):
        assert members.result(row) == train(TrainConfig(**base, seed=3 + row)).result  # type: ignore[arg-type]


def test_diverged_member_has_no_result() -> None:
    config = SweepConfig(seeds=60)
    members = random_members(config, list(range(60)))
    diverged = np.isnan(members.discriminator_real_loss)
    assert 0 < diverged.sum() < 60
    for row in range(60):
        assert (members.result(row) is None) == diverged[row]


def test_concatenate_of_nothing_has_no_members() -> None:
    none, some = concatenate([]), sweep({"iterations": 5}, seeds=1).members
    assert len(none) == 0
    for name, column in some.columns.items():
        assert none.columns[name].dtype == column.dtype
    assert list(none) == []


def test_concatenate_orders_by_index_and_pads_patterns() -> None:
    grid = {"pattern": ["10", "1010"]}
    members = sweep({"iterations": 30}, grid, seeds=3).members
    assert members.index.tolist() == list(range(6))
    assert np.isnan(members.sample).tolist() == [[False, False, True, True]] * 3 + [[False] * 4] * 3
    assert members.discriminators.shape == (6, 0)
    result = members.result(1)
    assert isinstance(result, Result)
    assert result.sample == train(TrainConfig(iterations=30, pattern="10", seed=1)).result.sample
    again = concatenate([members.take(slice(3, 6)), members.take(slice(0, 3))])
    np.testing.assert_array_equal(again.sample, members.sample)
