"""Runs and sweeps in a notebook: one line of text, and HTML with the plots inside it."""

import base64
import re
from html import unescape
from typing import Any

import numpy as np
import pytest

from gan1010 import Run, Sweep, TrainConfig, plots, sweep, train
from tests.gan1010.plots.pictures import pixels


def trained(**settings: Any) -> Run:
    return train(TrainConfig(seed=1010, **settings))


def pictures(shown: Run | Sweep) -> list[bytes]:
    html = shown._repr_html_()
    assert unescape(re.search("<code>(.*?)</code>", html)[1]) == repr(shown)  # type: ignore[index]
    assert len(html) < 250_000
    found = re.findall(r'<img .*?width="(\d+)".*?src="data:image/png;base64,(.*?)">', html)
    for width, data in found:
        assert abs(int(width) - pixels(base64.b64decode(data)).shape[1] / 1.5) < 1
    return [base64.b64decode(data) for _, data in found]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "<Run of seed 1010: bits 1010, in range since iteration 6,650>"),
        ({"iterations": 5, "loss": "bce"}, "<Run of seed 1010, iterations 5, loss bce: bits 0001, not in range>"),
        (
            {"iterations": 5, "experiment": "discriminator"},
            r"<Run of .*: mean score 0.\d\d of real data, 0.\d\d of noise>",
        ),
    ],
)
def test_run_is_shown_with_its_plots(settings: dict[str, Any], text: str) -> None:
    run = trained(**settings)
    assert re.fullmatch(text, repr(run))
    series: dict[str, Any] = {"iteration": run.history.iteration, **run.history.series}
    losses, *evolution = pictures(run)
    assert losses == plots.losses(series, equilibrium=plots.EQUILIBRIA[run.config.loss])
    if run.config.experiment == "gan":
        assert evolution == [plots.evolution(run.samples, run.snapshots.iterations, pattern="1010")]
    else:
        assert evolution == []


def test_samples_are_those_of_the_snapshots() -> None:
    run = trained(iterations=300, latent_value=0.25)
    for iteration, sample in zip(run.snapshots.iterations, run.samples, strict=True):
        np.testing.assert_array_equal(sample, run.model(int(iteration)).sample([0.25])[0])
    with pytest.raises(ValueError, match="trains no generator"):
        trained(iterations=5, experiment="discriminator").samples  # noqa: B018


def test_sweep_is_shown_as_a_heat_map() -> None:
    small: dict[str, Any] = {"base": {"iterations": 20}, "seeds": 3}
    both = sweep(grid={"spread": [0.1, 0.2], "loss": ["mse", "bce"], "learning_rate": [0.1, 0.2]}, **small)
    assert repr(both) == "<Sweep of 24 members: spread (2), loss (2), learning_rate (2), seeds (3)>"
    rates = both.on_grid("in_range_rate").mean(axis=2).T
    assert pictures(both) == [plots.heatmap(rates, [0.1, 0.2], ["mse", "bce"], "spread", "loss", "in_range_rate")]
    one = sweep(grid={"loss": ["mse", "bce"]}, **small)
    rates = one.on_grid("in_range_rate")[None]
    assert pictures(one) == [plots.heatmap(rates, ["mse", "bce"], [0.01], "loss", "learning_rate", "in_range_rate")]
    assert pictures(sweep(**small)) == []
    alone = sweep({"iterations": 20, "experiment": "discriminator"}, {"loss": ["mse", "bce"]}, 3)
    assert len(pictures(alone)) == 1
    unfinished = Sweep(config=both.config, parts=(both.members[:10],))
    assert repr(unfinished).startswith("<Sweep of 10 of 24 members: ")
    assert len(pictures(unfinished)) == 1
