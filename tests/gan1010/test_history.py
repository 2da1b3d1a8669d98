import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan1010 import History, Snapshots


def random_history(points: int, every: int = 5, generator: bool = True, seed: int = 0) -> History:
    rng = np.random.default_rng(seed)
    return History(
        iteration=np.arange(1, points + 1) * every,
        discriminator_real_loss=rng.random(points, np.float32),
        discriminator_fake_loss=rng.random(points, np.float32),
        generator_loss=rng.random(points, np.float32) if generator else None,
    )


def test_series_has_the_losses_of_the_experiment() -> None:
    assert list(random_history(3).series) == ["discriminator_real_loss", "discriminator_fake_loss", "generator_loss"]
    assert list(random_history(3, generator=False).series) == ["discriminator_real_loss", "discriminator_fake_loss"]


@pytest.mark.parametrize(
    ("iteration", "left"), [(0, [5, 10, 15]), (4, [5, 10, 15]), (5, [10, 15]), (14, [15]), (15, []), (99, [])]
)
def test_after_selects_later_points(iteration: int, left: list[int]) -> None:
    later = random_history(3).after(iteration)
    assert later.iteration.tolist() == left
    assert [len(values) for values in later.series.values()] == [len(left)] * 3
    np.testing.assert_array_equal(later.generator_loss, random_history(3).series["generator_loss"][3 - len(left) :])


@given(points=st.integers(0, 400), max_points=st.integers(1, 500), generator=st.booleans(), seed=st.integers(0, 99))
def test_thinning_keeps_each_buckets_extremes_and_the_last_point(
    points: int, max_points: int, generator: bool, seed: int
) -> None:
    history = random_history(points, generator=generator, seed=seed)
    thin = history.thinned(max_points)
    assert len(thin) <= max_points
    assert thin.iteration[-1:].tolist() == history.iteration[-1:].tolist()
    assert (np.diff(thin.iteration) > 0).all()
    kept = np.isin(history.iteration, thin.iteration)
    for name, values in history.series.items():
        np.testing.assert_array_equal(thin.series[name], values[kept])
    if points <= max_points:
        assert len(thin) == points
    buckets = (max_points - 1) // (2 * len(history.series))
    if points > max_points and buckets > 0:
        for bucket in np.array_split(np.arange(points), buckets):
            for values in history.series.values():
                shown = values[bucket][kept[bucket]]
                assert (shown.min(), shown.max()) == (values[bucket].min(), values[bucket].max())


@pytest.mark.parametrize("every", [1, 4, 10])
def test_article_losses_need_losses_of_every_fifth_iteration(every: int) -> None:
    with pytest.raises(ValueError, match="record_every 5"):
        random_history(7, every).article_losses()


def snapshots(*iterations: int) -> Snapshots:
    n = len(iterations)
    return Snapshots(iterations=np.array(iterations), discriminators=np.empty((n, 19)), generators=np.empty((n, 22)))


def test_rows_are_found_by_iteration() -> None:
    assert [snapshots(0, 100, 200, 250).row_of(iteration) for iteration in (0, 100, 200, 250)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("iterations", "missing", "nearest"),
    [
        ([0, 100, 200, 250], 1, "0, 100"),
        ([0, 100, 200, 250], 199, "100, 200"),
        ([0, 100, 200, 250], 249, "200, 250"),
        ([0, 100, 200, 250], 251, "200, 250"),
        ([0], 5, "0"),
    ],
)
def test_missing_snapshot_is_reported_with_the_nearest(iterations: list[int], missing: int, nearest: str) -> None:
    with pytest.raises(ValueError, match=rf"no snapshot at that iteration\. The nearest: {nearest}\.$"):
        snapshots(*iterations).row_of(missing)


@pytest.mark.parametrize("generator", [True, False])
def test_frame_has_the_losses_by_iteration(generator: bool) -> None:
    history = random_history(10, generator=generator)
    frame = history.to_frame()
    assert frame.index.name == "iteration"
    assert frame.index.tolist() == list(range(5, 51, 5))
    assert list(frame) == list(history.series)
    for name, losses in history.series.items():
        assert frame[name].to_numpy().tobytes() == losses.tobytes()
