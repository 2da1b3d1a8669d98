import contextlib
import copy
import hashlib
import subprocess
import sys
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan1010 import PRESETS, DivergedError, Progress, Run, TrainConfig, kernel_inputs, results, run, train, training

KINDS: list[dict[str, Any]] = [
    {},
    {"loss": "bce", "latent": "uniform", "pattern": "110", "hidden_size": 5},
    {"optimizer": "adam", "latent": "normal", "learning_rate": 0.001},
    {"experiment": "discriminator", "optimizer": "adam"},
]


def digest(run: Run | Progress) -> str:
    """Of every bit that a run leaves behind."""
    arrays = [run.history.iteration, *run.history.series.values()]
    arrays += [run.snapshots.iterations, run.snapshots.discriminators, run.snapshots.generators]
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays) + repr(run.result).encode()).hexdigest()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_same_seed_gives_the_same_bits(kind: dict[str, Any]) -> None:
    first, again, other = (train(TrainConfig(seed=seed, iterations=3_000, **kind)) for seed in (5, 5, 6))
    assert digest(first) == digest(again)
    assert digest(first) != digest(other)


def test_another_process_gives_the_same_bits() -> None:
    program = f"""
from gan1010 import TrainConfig, train
from {__name__} import KINDS, digest
print(*(digest(train(TrainConfig(seed=5, iterations=3_000, **kind))) for kind in KINDS))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [digest(train(TrainConfig(seed=5, iterations=3_000, **kind))) for kind in KINDS]


def test_the_bits_are_those_of_every_machine_and_release() -> None:
    # A run is remembered by its config and seed alone: whoever changes these bits changes every run ever made.
    assert [digest(train(TrainConfig(seed=5, iterations=3_000, **kind)))[:16] for kind in KINDS] == [
        "270c96f01b0b50ba",
        "8c1b678e7435d26e",
        "2e8e0c465869ca01",
        "76ce663290c69ba0",
    ]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("stride", [1, 7, 250])
def test_a_run_in_pieces_ends_with_the_same_bits(
    kind: dict[str, Any], stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig(seed=5, iterations=503, snapshot_every=50, **kind)
    whole = train(config)
    weights = whole.snapshots.discriminators.shape[1] + whole.snapshots.generators.shape[1]
    monkeypatch.setattr(training, "WEIGHTS_PER_STRIDE", stride * weights)
    assert [progress.iteration for progress in run(config)] == [*range(stride, 503, stride), 503]
    assert digest(train(config)) == digest(whole)


def test_progress_only_ever_grows_and_ends_with_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "WEIGHTS_PER_STRIDE", 41 * 333)
    steps = list(run(TrainConfig(seed=5, iterations=2_000)))
    whole = steps[-1]
    assert [step.result is None for step in steps] == [True] * (len(steps) - 1) + [False]
    for step in steps:
        np.testing.assert_array_equal(step.history.iteration, np.arange(5, step.iteration + 1, 5))
        np.testing.assert_array_equal(step.snapshots.iterations, np.arange(0, step.iteration + 1, 100))
        for name, values in step.history.series.items():
            np.testing.assert_array_equal(values, whole.history.series[name][: len(values)])
        np.testing.assert_array_equal(step.snapshots.generators, whole.snapshots.generators[: len(step.snapshots)])


def test_whoever_asks_for_no_more_has_cancelled() -> None:
    steps = run(TrainConfig(seed=5, iterations=10_000_000))
    assert next(steps).iteration < 10_000_000
    steps.close()


@pytest.mark.parametrize(
    ("iterations", "points", "snapshots"),
    [
        (1, [], [0, 1]),
        (29, [10, 20], [0, 25, 29]),
        (30, [10, 20, 30], [0, 25, 30]),
        (50, [10, 20, 30, 40, 50], [0, 25, 50]),
    ],
)
def test_what_is_kept_when(iterations: int, points: list[int], snapshots: list[int]) -> None:
    result = train(TrainConfig(seed=5, iterations=iterations, record_every=10, snapshot_every=25))
    assert result.history.iteration.tolist() == points
    assert result.snapshots.iterations.tolist() == snapshots


def test_keeping_less_changes_nothing_else() -> None:
    all_of_it = train(TrainConfig(seed=5, iterations=1_000, record_every=1, snapshot_every=1))
    some_of_it = train(TrainConfig(seed=5, iterations=1_000, record_every=50, snapshot_every=300))
    for name, values in all_of_it.history.series.items():
        np.testing.assert_array_equal(some_of_it.history.series[name], values[49::50])
    for row, iteration in enumerate([0, 300, 600, 900, 1000]):
        np.testing.assert_array_equal(
            some_of_it.snapshots.discriminators[row], all_of_it.snapshots.discriminators[iteration]
        )
        np.testing.assert_array_equal(some_of_it.snapshots.generators[row], all_of_it.snapshots.generators[iteration])


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    short, long = (train(TrainConfig(seed=5, iterations=iterations)) for iterations in (500, 2_000))
    np.testing.assert_array_equal(short.model().discriminator, long.model(500).discriminator)
    np.testing.assert_array_equal(short.history.generator_loss, long.history.generator_loss[:100])


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_losses_and_scores_are_means_over_the_last_tenth(kind: dict[str, Any]) -> None:
    config = TrainConfig(seed=5, iterations=2_345, record_every=1, snapshot_every=1, **kind)
    finished = train(config)
    for name, values in finished.history.series.items():
        assert getattr(finished.result, name) == pytest.approx(values[-234:].mean(dtype=np.float64), rel=1e-6)
    drawn = kernel_inputs.draws(config, kernel_inputs.single_run(config), 0, config.iterations)
    real = [finished.model(k).score([drawn.real[:, k]])[0] for k in range(2_345 - 234, 2_345)]
    assert finished.result.real_score == pytest.approx(np.mean(real), rel=1e-6)
    assert 0 < finished.result.fake_score < 1


@pytest.mark.parametrize("iterations", [1, 9, 10, 19])
def test_the_last_tenth_is_never_empty(iterations: int) -> None:
    finished = train(TrainConfig(seed=5, iterations=iterations, record_every=1))
    assert finished.result.generator_loss == finished.history.series["generator_loss"][-1]


@given(
    seed=st.integers(0, 1_000),
    iterations=st.integers(1, 9_000),
    record_every=st.integers(1, 700),
    orbit=st.booleans(),
)
def test_the_result_says_what_the_snapshots_show(seed: int, iterations: int, record_every: int, orbit: bool) -> None:
    config = PRESETS["adam-orbit" if orbit else "article-bce"].config(
        seed=seed, iterations=iterations, record_every=record_every, snapshot_every=record_every
    )
    finished = train(config)
    sample = finished.model().sample([config.latent_value])
    assert finished.result.sample == results.shortest_decimals(sample[0])
    assert [finished.result.bits] == results.bits(sample)
    kept = finished.snapshots.iterations.tolist()
    inside = [
        bool(results.in_range(finished.model(k).sample([config.latent_value]), *finished.model().real_range)[0])
        for k in kept
    ]
    assert finished.result.in_range == inside[-1]
    since = [k for k, ok, rest in zip(kept, inside, (inside[i:] for i in range(len(kept))), strict=True) if all(rest)]
    recorded = [k for k in since if k > 0 and k % record_every == 0]
    assert finished.result.settled_at == (recorded[0] if recorded else None)


def test_a_run_that_has_left_its_range_is_not_settled() -> None:
    orbit = PRESETS["adam-orbit"]
    at_1000 = train(orbit.config(seed=5, iterations=1_000, record_every=1_000)).result
    at_1999 = train(orbit.config(seed=5, iterations=1_999, record_every=1_000)).result
    assert (at_1000.in_range, at_1000.settled_at) == (True, 1_000)
    assert (at_1999.in_range, at_1999.settled_at) == (False, None)


def test_a_discriminator_alone_has_no_sample() -> None:
    result = train(TrainConfig(seed=5, iterations=100, experiment="discriminator")).result
    assert (result.sample, result.bits, result.in_range, result.settled_at) == (None, None, None, None)
    assert result.generator_loss is None


def test_models_are_those_of_the_snapshots() -> None:
    finished = train(TrainConfig(seed=5, iterations=250))
    np.testing.assert_array_equal(finished.model().generator, finished.snapshots.generators[-1])
    np.testing.assert_array_equal(finished.model(100).discriminator, finished.snapshots.discriminators[1])
    discriminator, generator = kernel_inputs.initial_weights(finished.config, kernel_inputs.single_run(finished.config))
    np.testing.assert_array_equal(finished.model(0).discriminator, discriminator)
    np.testing.assert_array_equal(finished.model(0).generator, generator)
    with pytest.raises(ValueError, match="no snapshot at that iteration; the nearest: 0, 100"):
        finished.model(50)


def test_the_untrained_generator_is_around_one_half() -> None:
    samples = [train(TrainConfig(seed=seed, iterations=1)).model(0).sample([0.5])[0] for seed in range(200)]
    assert np.abs(np.mean(samples, axis=0) - 0.5).max() < 0.05
    assert np.abs(np.array(samples) - 0.5).max() < 0.35


def results(**settings: Any) -> list[results.Result]:
    return [train(TrainConfig(seed=seed, **settings)).result for seed in range(200)]


@pytest.mark.parametrize(
    ("settings", "in_range", "settled"),
    [({}, (0.95, 1), (6_300, 7_000)), ({"loss": "bce"}, (1, 1), (3_100, 3_600))],
    ids=str,
)
def test_two_hundred_seeds_do_what_the_article_did(
    settings: dict[str, Any], in_range: tuple[float, float], settled: tuple[int, int]
) -> None:
    found = results(**settings)
    assert {result.bits for result in found} == {"1010"}
    assert in_range[0] <= np.mean([cast(bool, result.in_range) for result in found]) <= in_range[1]
    assert all((result.settled_at is not None) == result.in_range for result in found)
    median = np.median([result.settled_at for result in found if result.settled_at is not None])
    assert settled[0] <= median <= settled[1]


def test_the_articles_losses_end_near_a_quarter() -> None:
    found = results()
    assert np.median([result.discriminator_real_loss for result in found]) == pytest.approx(0.258, abs=0.004)
    assert np.median([result.discriminator_fake_loss for result in found]) == pytest.approx(0.261, abs=0.004)
    assert np.median([cast(float, result.generator_loss) for result in found]) == pytest.approx(0.240, abs=0.004)


def test_the_generator_ignores_its_seed_once_trained() -> None:
    for seed in range(20):
        at_0, at_1 = train(TrainConfig(seed=seed)).model().sample([0, 1])
        assert np.abs(at_1 - at_0).max() < 0.05


def test_a_discriminator_alone_learns_to_tell_real_data_from_noise() -> None:
    found = results(experiment="discriminator")
    assert np.mean([result.real_score for result in found]) > 0.75
    assert np.mean([result.fake_score for result in found]) < 0.3


@pytest.mark.parametrize("seed", range(9))
def test_a_run_that_diverges_says_so_and_leaves_what_was_finite(seed: int) -> None:
    config = TrainConfig(seed=seed, loss="bce", latent="normal", iterations=5_000, record_every=1)
    # Rates within the bounds are not known to make any run diverge: every answer is bounded, and so is every slope.
    object.__setattr__(config, "learning_rate", 1e30)
    object.__setattr__(config, "generator_learning_rate", 1e30)
    with pytest.raises(DivergedError, match=r"diverged by iteration \d+"):
        train(config)
    steps = until_diverged(config)
    assert steps
    for step in steps:
        assert step.result is None
        assert step.iteration == step.history.iteration[-1] > 0
        assert step.snapshots.iterations.tolist() == [0]
        arrays = [*step.history.series.values(), step.snapshots.discriminators, step.snapshots.generators]
        assert all(np.isfinite(array).all() for array in arrays)


def until_diverged(config: TrainConfig) -> list[Progress]:
    steps = []
    with contextlib.suppress(DivergedError):
        for step in run(config):
            steps.append(step)  # noqa: PERF402, what came before the error counts
    return steps


@pytest.mark.parametrize("latent_value", [-3.4e38, 1e38, 3.4028234663852886e38])
def test_an_extreme_latent_value_is_trained_or_diverges(latent_value: float) -> None:
    for seed in range(10):
        try:
            finished = train(TrainConfig(seed=seed, latent_value=latent_value, learning_rate=10.0))
        except DivergedError:
            continue
        assert np.isfinite(finished.snapshots.generators).all()


@given(
    seed=st.integers(0, 1000),
    stride=st.integers(1, 400),
    left=st.lists(st.integers(0, 5), min_size=1, max_size=3),
    optimizer=st.sampled_from(["sgd", "adam"]),
    latent=st.sampled_from(["constant", "uniform", "normal"]),
    experiment=st.sampled_from(["gan", "discriminator"]),
)
def test_a_run_that_was_left_ends_with_the_very_same_bits(
    seed: int, stride: int, left: list[int], **settings: Any
) -> None:
    config = TrainConfig(seed=seed, iterations=997, record_every=3, snapshot_every=50, **settings)
    progress: Progress | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "WEIGHTS_PER_STRIDE", stride * 41)
        for looks in left:
            for seen, now in enumerate(run(config, progress)):
                if seen == looks or now.result is not None:
                    progress = copy.deepcopy(now)  # the rest of that attempt is lost
                    break
            assert progress is not None
            if progress.result is not None:
                break
    last = progress if progress and progress.result else list(run(config, progress))[-1]
    assert digest(last) == digest(train(config))


def test_a_progress_without_its_state_cannot_be_gone_on_from() -> None:
    *_, last = run(TrainConfig(seed=1, iterations=10))
    with pytest.raises(ValueError, match="has its state"):
        next(run(TrainConfig(seed=1, iterations=20), last))
