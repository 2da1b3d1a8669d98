"""Training: runs that are bitwise reproducible, in pieces and resumed; results, snapshots and divergence."""

import copy
import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan1010 import PRESETS, DivergedError, Progress, Run, TrainConfig, kernel_inputs, run, train, training
from gan1010.results import bits, in_range, shortest_decimals

# Digests of everything that a run records, by its settings: the same on every machine and in every release.
DIGESTS: list[tuple[dict[str, Any], str]] = [
    ({}, "270c96f01b0b50ba"),
    ({"loss": "bce", "latent": "uniform", "pattern": "110", "hidden_size": 5}, "8c1b678e7435d26e"),
    ({"optimizer": "adam", "latent": "normal", "learning_rate": 0.001}, "2e8e0c465869ca01"),
    ({"experiment": "discriminator", "optimizer": "adam"}, "76ce663290c69ba0"),
]


def digest(run: Run | Progress) -> str:
    arrays = [run.history.iteration, *run.history.series.values()]
    arrays += [run.snapshots.iterations, run.snapshots.discriminators, run.snapshots.generators]
    figures, _, _ = repr(run.result).partition(", covered=")  # the digests are older than coverage
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays) + f"{figures})".encode()).hexdigest()


@pytest.mark.parametrize(("settings", "expected"), DIGESTS, ids=str)
def test_run_has_the_same_bits_everywhere(settings: dict[str, Any], expected: str) -> None:
    first, other = (train(TrainConfig(seed=seed, iterations=3_000, **settings)) for seed in (5, 6))
    assert digest(first)[:16] == expected != digest(other)[:16]


def test_progress_grows_and_ends_with_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "WEIGHTS_PER_STRIDE", 41 * 333)
    steps = list(run(TrainConfig(seed=5, iterations=2_000)))
    last = steps[-1]
    assert [step.iteration for step in steps] == [*range(333, 2_000, 333), 2_000]
    assert [step.result is None for step in steps] == [True] * (len(steps) - 1) + [False]
    for step in steps:
        np.testing.assert_array_equal(step.history.iteration, np.arange(5, step.iteration + 1, 5))
        np.testing.assert_array_equal(step.snapshots.iterations, np.arange(0, step.iteration + 1, 100))
        for name, values in step.history.series.items():
            np.testing.assert_array_equal(values, last.history.series[name][: len(values)])
        np.testing.assert_array_equal(step.snapshots.generators, last.snapshots.generators[: len(step.snapshots)])


@pytest.mark.parametrize(
    ("iterations", "points", "snapshots"),
    [
        (1, [], [0, 1]),
        (29, [10, 20], [0, 25, 29]),
        (30, [10, 20, 30], [0, 25, 30]),
        (50, [10, 20, 30, 40, 50], [0, 25, 50]),
    ],
)
def test_losses_and_snapshots_are_recorded_at_their_intervals(
    iterations: int, points: list[int], snapshots: list[int]
) -> None:
    finished = train(TrainConfig(seed=5, iterations=iterations, record_every=10, snapshot_every=25))
    assert finished.history.iteration.tolist() == points
    assert finished.snapshots.iterations.tolist() == snapshots


def test_run_is_the_beginning_of_a_longer_one_with_other_intervals() -> None:
    dense = train(TrainConfig(seed=5, iterations=2_000, record_every=1, snapshot_every=1))
    sparse = train(TrainConfig(seed=5, iterations=1_000, record_every=50, snapshot_every=300))
    for name, values in dense.history.series.items():
        np.testing.assert_array_equal(sparse.history.series[name], values[49:1_000:50])
    rows = [0, 300, 600, 900, 1000]
    np.testing.assert_array_equal(sparse.snapshots.discriminators, dense.snapshots.discriminators[rows])
    np.testing.assert_array_equal(sparse.snapshots.generators, dense.snapshots.generators[rows])


@pytest.mark.parametrize("settings", [settings for settings, _ in DIGESTS], ids=str)
def test_losses_and_scores_are_means_over_the_last_tenth(settings: dict[str, Any]) -> None:
    config = TrainConfig(seed=5, iterations=2_345, record_every=1, snapshot_every=1, **settings)
    finished = train(config)
    for name, values in finished.history.series.items():
        assert getattr(finished.result, name) == pytest.approx(values[-234:].mean(dtype=np.float64), rel=1e-6)
    draws = kernel_inputs.draws(config, kernel_inputs.single_run(config), 0, config.iterations)
    real = [finished.model(k).score([draws.real[:, k]])[0] for k in range(2_345 - 234, 2_345)]
    assert finished.result.real_score == pytest.approx(np.mean(real), rel=1e-6)
    assert 0 < finished.result.fake_score < 1


@pytest.mark.parametrize("iterations", [1, 9, 10, 19])
def test_last_tenth_has_at_least_one_iteration(iterations: int) -> None:
    finished = train(TrainConfig(seed=5, iterations=iterations, record_every=1))
    assert finished.result.generator_loss == finished.history.series["generator_loss"][-1]


@given(
    seed=st.integers(0, 1_000),
    iterations=st.integers(1, 9_000),
    record_every=st.integers(1, 700),
    preset=st.sampled_from(["adam-orbit", "article-bce"]),
)
def test_result_agrees_with_the_snapshots(seed: int, iterations: int, record_every: int, preset: str) -> None:
    config = PRESETS[preset].config(
        seed=seed, iterations=iterations, record_every=record_every, snapshot_every=record_every
    )
    finished = train(config)
    kept = finished.snapshots.iterations.tolist()
    samples = np.concatenate([finished.model(k).sample([config.latent_value]) for k in kept])
    inside = in_range(samples, *finished.model().real_range).tolist()
    assert finished.result.sample == shortest_decimals(samples[-1])
    assert finished.result.bits == bits(samples)[-1]
    assert finished.result.in_range == inside[-1]
    settled = [k for i, k in enumerate(kept) if all(inside[i:]) and k > 0 and k % record_every == 0]
    assert finished.result.settled_at == (settled[0] if settled else None)


def test_run_that_left_the_range_is_not_settled() -> None:
    at_1000, at_1999 = (
        train(PRESETS["adam-orbit"].config(seed=5, iterations=iterations, record_every=1_000)).result
        for iterations in (1_000, 1_999)
    )
    assert (at_1000.in_range, at_1000.settled_at) == (True, 1_000)
    assert (at_1999.in_range, at_1999.settled_at) == (False, None)


def test_models_have_the_weights_of_the_snapshots() -> None:
    finished = train(TrainConfig(seed=5, iterations=250))
    np.testing.assert_array_equal(finished.model().generator, finished.snapshots.generators[-1])
    np.testing.assert_array_equal(finished.model(100).discriminator, finished.snapshots.discriminators[1])
    discriminator, generator = kernel_inputs.initial_weights(finished.config, kernel_inputs.single_run(finished.config))
    np.testing.assert_array_equal(finished.model(0).discriminator, discriminator)
    np.testing.assert_array_equal(finished.model(0).generator, generator)
    with pytest.raises(ValueError, match=r"no snapshot at that iteration\. The nearest: 0, 100\."):
        finished.model(50)


def test_untrained_generator_samples_around_one_half() -> None:
    samples = [train(TrainConfig(seed=seed, iterations=1)).model(0).sample([0.5])[0] for seed in range(200)]
    assert np.abs(np.mean(samples, axis=0) - 0.5).max() < 0.05
    assert np.abs(np.array(samples) - 0.5).max() < 0.35


@pytest.mark.parametrize(
    ("settings", "in_range", "settled"),
    [({}, (0.95, 1), (6_300, 7_000)), ({"loss": "bce"}, (1, 1), (3_100, 3_600))],
    ids=str,
)
def test_200_seeds_reproduce_the_article(
    settings: dict[str, Any], in_range: tuple[float, float], settled: tuple[int, int]
) -> None:
    results = [train(TrainConfig(seed=seed, **settings)).result for seed in range(200)]
    assert {result.bits for result in results} == {"1010"}
    assert in_range[0] <= np.mean([bool(result.in_range) for result in results]) <= in_range[1]
    assert all((result.settled_at is not None) == result.in_range for result in results)
    assert settled[0] <= np.median([result.settled_at for result in results if result.in_range]) <= settled[1]
    if not settings:
        for loss, median in (("discriminator_real", 0.258), ("discriminator_fake", 0.261), ("generator", 0.240)):
            losses = [getattr(result, f"{loss}_loss") for result in results]
            assert np.median(losses) == pytest.approx(median, abs=0.004)


def test_trained_generator_ignores_its_latent() -> None:
    for seed in range(20):
        at_0, at_1 = train(TrainConfig(seed=seed)).model().sample([0, 1])
        assert np.abs(at_1 - at_0).max() < 0.05


def test_discriminator_alone_learns_to_tell_real_data_from_noise() -> None:
    results = [train(TrainConfig(seed=seed, experiment="discriminator")).result for seed in range(200)]
    assert np.mean([result.real_score for result in results]) > 0.75
    assert np.mean([result.fake_score for result in results]) < 0.3


@pytest.mark.parametrize("seed", range(9))
def test_diverged_run_raises_after_its_finite_part(seed: int) -> None:
    config = TrainConfig(seed=seed, loss="bce", latent="normal", iterations=5_000, record_every=1)
    # No rate within the bounds is known to make a run diverge, because all scores and slopes are bounded.
    object.__setattr__(config, "learning_rate", 1e30)
    object.__setattr__(config, "generator_learning_rate", 1e30)
    steps: list[Progress] = []
    with pytest.raises(DivergedError, match=r"diverged by iteration \d+"):
        steps.extend(run(config))
    assert steps
    for step in steps:
        assert step.result is None
        assert step.iteration == step.history.iteration[-1] > 0
        assert step.snapshots.iterations.tolist() == [0]
        arrays = [*step.history.series.values(), step.snapshots.discriminators, step.snapshots.generators]
        assert all(np.isfinite(array).all() for array in arrays)


@pytest.mark.parametrize("latent_value", [-3.4e38, 1e38, 3.4028234663852886e38])
def test_extreme_latent_value_trains_or_diverges(latent_value: float) -> None:
    for seed in range(10):
        try:
            finished = train(TrainConfig(seed=seed, latent_value=latent_value, learning_rate=10.0))
        except DivergedError:
            continue
        assert np.isfinite(finished.snapshots.generators).all()


@given(
    seed=st.integers(0, 1000),
    stride=st.integers(1, 400),
    interruptions=st.lists(st.integers(0, 5), min_size=1, max_size=3),
    optimizer=st.sampled_from(["sgd", "adam"]),
    latent=st.sampled_from(["constant", "uniform", "normal"]),
    experiment=st.sampled_from(["gan", "discriminator"]),
)
def test_resumed_run_has_the_same_bits(seed: int, stride: int, interruptions: list[int], **settings: Any) -> None:
    config = TrainConfig(seed=seed, iterations=997, record_every=3, snapshot_every=50, **settings)
    progress: Progress | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "WEIGHTS_PER_STRIDE", stride * 41)
        for steps in interruptions:
            for step, now in enumerate(run(config, progress)):
                if step == steps or now.result is not None:
                    progress = copy.deepcopy(now)  # the rest of this attempt is lost
                    break
            assert progress is not None
            if progress.result is not None:
                break
    last = progress if progress and progress.result else list(run(config, progress))[-1]
    assert digest(last) == digest(train(config))


def test_run_cannot_resume_from_a_progress_without_state() -> None:
    *_, last = run(TrainConfig(seed=1, iterations=10))
    with pytest.raises(ValueError, match="resume_from must be a progress that has its state"):
        next(run(TrainConfig(seed=1, iterations=20), last))


@pytest.fixture
def many_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Yield progress about every fifty iterations."""
    monkeypatch.setattr(training, "WEIGHTS_PER_STRIDE", 1000)


def interrupted(config: TrainConfig, iteration: int) -> Progress:
    """Train up to an iteration or just past it, and return a copy of the progress."""
    return copy.deepcopy(next(progress for progress in run(config) if progress.iteration >= iteration))


@pytest.mark.parametrize(
    ("before", "after"),
    [(10_000, 9000), (10_000, 5000), (6000, 10_000), (4100, 10_000)],
    ids=["shorter", "much shorter", "longer", "after the last tenth has begun"],
)
@pytest.mark.parametrize("experiment", ["gan", "discriminator"])
@pytest.mark.usefixtures("many_checkpoints")
def test_resumed_run_with_other_iterations_ends_as_one_that_has_them_from_the_start(
    experiment: Any, before: int, after: int
) -> None:
    config = TrainConfig(experiment=experiment, iterations=before, record_every=5, snapshot_every=100, seed=3)
    changed = dataclasses.replace(config, iterations=after)
    progress = interrupted(config, 3900)
    with pytest.raises(ValueError, match=rf"its iterations is {before}, not {after}\. Add it to `changed`"):
        next(run(changed, progress))
    *_, last = run(changed, progress, changed=["iterations"])
    assert digest(last) == digest(train(changed))


@pytest.mark.parametrize("settings", [{}, {"generator_learning_rate": 0.02}], ids=["follows", "set"])
def test_resumed_run_takes_another_learning_rate_on_purpose(settings: dict[str, Any]) -> None:
    config = TrainConfig(iterations=100_000, seed=3, **settings)
    slower, progress = dataclasses.replace(config, learning_rate=0.001), interrupted(config, 20_000)
    with pytest.raises(ValueError, match=r"its learning_rate is 0\.01, not 0\.001\. Add it to `changed`"):
        next(run(slower, progress))
    *_, last = run(slower, progress, changed="learning_rate")
    *_, same = run(config, progress)
    points = progress.iteration // 5
    for name, losses in last.history.series.items():
        assert losses[:points].tobytes() == same.history.series[name][:points].tobytes()
        assert (losses[points + 1 :] != same.history.series[name][points + 1 :]).mean() > 0.9
    assert last.result != same.result


@pytest.mark.parametrize(
    ("change", "changed", "message"),
    [
        ({"seed": 4}, [], r"a progress of the same settings, but its seed is 3, not 4\.$"),
        ({"hidden_size": 5}, [], r"its hidden_size is 3, not 5\.$"),
        ({"pattern": "10"}, ["learning_rate"], r"its pattern is '1010', not '10'\.$"),
        ({"iterations": 300_000}, "iterations", r"its record_every is 5, not 15\.$"),
        ({"generator_learning_rate": 0.1}, "learning_rate", r"its generator_learning_rate is 0\.01, not 0\.1\. Add it"),
        ({"loss": "bce"}, ["loss"], "changed must name only iterations, learning_rate, generator_learning_rate, not"),
        (
            {"iterations": 100, "snapshot_every": 100},
            "iterations",
            "iterations must be at least 54199, so that the",
        ),
    ],
    ids=str,
)
def test_progress_of_another_run_is_refused(change: dict[str, Any], changed: Any, message: str) -> None:
    config = TrainConfig(iterations=100_000, seed=3)
    progress = interrupted(config, 1)
    with pytest.raises(ValueError, match=message):
        next(run(dataclasses.replace(config, **change), progress, changed))
    with pytest.raises(TypeError, match="resume_from must be a Progress, not str"):
        next(run(config, "progress"))  # type: ignore[arg-type]


@pytest.mark.usefixtures("many_checkpoints")
def test_shortest_run_that_can_be_resumed_has_its_last_tenth_to_come() -> None:
    config = TrainConfig(iterations=10_000, record_every=5, snapshot_every=100, seed=3)
    progress = interrupted(config, 900)
    with pytest.raises(ValueError, match="iterations must be at least") as refused:
        next(run(dataclasses.replace(config, iterations=1), progress, "iterations"))
    minimum = int(str(refused.value).split(",")[0].split()[-1])
    shortest = dataclasses.replace(config, iterations=minimum)
    assert minimum - max(minimum // 10, 1) >= progress.iteration > minimum - 1 - max((minimum - 1) // 10, 1)
    *_, last = run(shortest, progress, "iterations")
    assert digest(last) == digest(train(shortest))
