import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan1010 import History, Snapshots


def a_history(points: int, every: int = 5, generator: bool = True, seed: int = 0) -> History:
    rng = np.random.default_rng(seed)
    return History(
        iteration=np.arange(1, points + 1) * every,
        discriminator_real_loss=rng.random(points, np.float32),
        discriminator_fake_loss=rng.random(points, np.float32),
        generator_loss=rng.random(points, np.float32) if generator else None,
    )


def test_series_are_the_losses_that_there_are() -> None:
    assert list(a_history(3).series) == ["discriminator_real_loss", "discriminator_fake_loss", "generator_loss"]
    assert list(a_history(3, generator=False).series) == ["discriminator_real_loss", "discriminator_fake_loss"]


@pytest.mark.parametrize(
    ("iteration", "left"), [(0, [5, 10, 15]), (4, [5, 10, 15]), (5, [10, 15]), (14, [15]), (15, []), (99, [])]
)
def test_after_gives_the_points_past_an_iteration(iteration: int, left: list[int]) -> None:
    later = a_history(3).after(iteration)
    assert later.iteration.tolist() == left
    assert [len(values) for values in later.series.values()] == [len(left)] * 3
    np.testing.assert_array_equal(later.generator_loss, a_history(3).series["generator_loss"][3 - len(left) :])


@given(points=st.integers(0, 400), most=st.integers(1, 500), generator=st.booleans(), seed=st.integers(0, 99))
def test_thinning_keeps_each_buckets_extremes_and_the_last_point(
    points: int, most: int, generator: bool, seed: int
) -> None:
    history = a_history(points, generator=generator, seed=seed)
    thin = history.thinned(most)
    assert len(thin) <= most
    assert thin.iteration[-1:].tolist() == history.iteration[-1:].tolist()
    assert (np.diff(thin.iteration) > 0).all()
    kept = np.isin(history.iteration, thin.iteration)
    for name, values in history.series.items():
        np.testing.assert_array_equal(thin.series[name], values[kept])
    buckets = (most - 1) // (2 * len(history.series))
    if points > most and buckets > 0:
        for bucket in np.array_split(np.arange(points), buckets):
            for values in history.series.values():
                shown = values[bucket][kept[bucket]]
                assert (shown.min(), shown.max()) == (values[bucket].min(), values[bucket].max())


@pytest.mark.parametrize("most", [100, 101, 1000])
def test_a_history_that_is_short_enough_stays_whole(most: int) -> None:
    assert len(a_history(100).thinned(most)) == 100


def test_a_single_spike_survives_thinning() -> None:
    history = a_history(20_000)
    history.discriminator_fake_loss[12_345] = 9
    assert history.thinned(100).discriminator_fake_loss.max() == 9


def test_articles_lists_are_the_fake_losses_and_every_other_of_the_generators() -> None:
    history = a_history(7)
    lists = history.article_losses()
    assert lists["discriminator"] is history.discriminator_fake_loss
    assert history.generator_loss is not None
    assert lists["generator"].tolist() == history.generator_loss[[1, 3, 5]].tolist()


@pytest.mark.parametrize("every", [1, 4, 10])
def test_articles_lists_need_losses_of_every_fifth_iteration(every: int) -> None:
    with pytest.raises(ValueError, match="record_every 5"):
        a_history(7, every).article_losses()


SNAPSHOTS = Snapshots(
    iterations=np.array([0, 100, 200, 250]), discriminators=np.empty((4, 19)), generators=np.empty((4, 22))
)


def test_rows_are_found_by_iteration() -> None:
    assert [SNAPSHOTS.row_of(iteration) for iteration in (0, 100, 200, 250)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("iteration", "nearest"), [(1, "0, 100"), (199, "100, 200"), (249, "200, 250"), (251, "200, 250")]
)
def test_an_iteration_that_was_not_kept_is_refused_with_the_nearest(iteration: int, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"no snapshot at that iteration; the nearest: {nearest}$"):
        SNAPSHOTS.row_of(iteration)


def test_where_only_one_was_kept_that_is_the_nearest() -> None:
    only = Snapshots(iterations=np.array([0]), discriminators=np.empty((1, 19)), generators=np.empty((1, 22)))
    with pytest.raises(ValueError, match=r"no snapshot at that iteration; the nearest: 0$"):
        only.row_of(5)
