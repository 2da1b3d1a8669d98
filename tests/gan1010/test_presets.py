import dataclasses
from typing import Any

import numpy as np
import pytest

from gan1010 import PRESETS, TrainConfig, sweep


@pytest.mark.parametrize("name", PRESETS)
def test_preset_is_a_config_with_a_description(name: str) -> None:
    preset = PRESETS[name]
    assert preset.name == name
    assert preset.summary.endswith(".")
    assert preset.known.endswith(".")
    assert dataclasses.replace(preset.config(seed=3), **preset.settings) == preset.config(seed=3)


@pytest.mark.parametrize(
    ("name", "overrides", "in_range", "covers_all"),
    [
        ("chase", {}, 0.88, 0.88),
        ("chase", {"r1": 0.1}, 1, 1),
        ("two-patterns", {}, 0.76, 0.56),
        ("two-patterns-r1", {}, 0.96, 0.85),
    ],
)
def test_preset_does_what_is_known(name: str, overrides: dict[str, Any], in_range: float, covers_all: float) -> None:
    settings = PRESETS[name].settings | overrides
    members = sweep(settings, seeds=range(5000, 5192)).members  # others than those from which the shares are known
    assert members.in_range.mean() == pytest.approx(in_range, abs=0.08)
    patterns = len(settings.get("pattern", "1010").split("+"))
    assert (members.covered == patterns).mean() == pytest.approx(covers_all, abs=0.08)
    if name == "chase":  # with R1, early; without, late or never
        settled = np.where(members.settled_at < 0, np.inf, members.settled_at)
        assert np.median(settled) == pytest.approx(780 if overrides else 8000, rel=0.15)


def test_overrides_of_a_preset_take_precedence() -> None:
    assert PRESETS["article"].config(seed=3) == TrainConfig(seed=3)
    assert PRESETS["article-bce"].config(seed=3) == TrainConfig(seed=3, loss="bce")
    assert PRESETS["article-bce"].config(seed=3, loss="mse", pattern="11") == TrainConfig(seed=3, pattern="11")


def test_preset_rejects_unknown_settings() -> None:
    with pytest.raises(TypeError, match="'rate'"):
        PRESETS["article"].config(rate=0.1)
