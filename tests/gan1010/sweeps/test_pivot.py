import numpy as np
import pytest

from gan1010 import SweepConfig
from gan1010.sweeps.pivot import pivot
from gan1010.sweeps.results import Cells
from tests.gan1010.sweeps.test_results import random_members


def test_pivot_is_the_mean_over_the_members_of_all_other_settings() -> None:
    grid = {"loss": ["mse", "bce"], "spread": [0.1, 0.2, 0.3], "learning_rate": [0.01, 0.02, 0.03, 0.04]}
    config = SweepConfig(grid=grid, seeds=2)
    members, cells = random_members(config, list(range(48))), Cells(config)
    cells.add(members.take(slice(0, 46)))  # the last cell has none
    inside = members.in_range[:46]
    numbers = np.arange(46) // 2
    rate, spread, loss = numbers % 4, numbers // 4 % 3, numbers // 12
    table = cells.table()
    by_rate_and_loss = pivot(config, table, "in_range_rate", "learning_rate", "loss")
    assert by_rate_and_loss.shape == (2, 4)
    assert by_rate_and_loss[1, 3] == pytest.approx(inside[(rate == 3) & (loss == 1)].mean())
    np.testing.assert_allclose(pivot(config, table, "in_range_rate", "loss", "learning_rate"), by_rate_and_loss.T)
    numbers = pivot(config, table, "in_range_rate", "hidden_size", "spread")
    assert numbers.shape == (3, 1)
    assert numbers[1, 0] == pytest.approx(inside[spread == 1].mean())
    assert pivot(config, table, "in_range_rate", "pattern", "latent").shape == (1, 1)
    settled = pivot(config, table | {"settled_at_p50": np.where(np.arange(24) == 17, np.nan, 100.0)}, "settled_at_p50",
                    "learning_rate", "loss")  # fmt: skip
    assert np.isnan(settled).tolist() == [[False] * 4, [False, True, False, False]]  # one of its cells settles too late
    assert settled[0].tolist() == [100] * 4
    assert settled[1, 3] == 100  # the last cell has no members yet
    losses = pivot(config, table | {"generator_loss": np.where(np.arange(24) == 17, np.nan, 0.5)}, "generator_loss",
                   "learning_rate", "loss")  # fmt: skip
    assert losses.tolist() == [[0.5] * 4] * 2  # the cell in which all members diverged is left out
    nothing = pivot(config, Cells(config).table(), "generator_loss", "loss", "spread")
    assert np.isnan(nothing).all()
