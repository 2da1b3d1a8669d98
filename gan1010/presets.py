"""Presets: named configurations, with statistics of their runs."""

from dataclasses import dataclass, field
from typing import Any

from gan1010.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A named configuration: the settings that differ from the article's, and statistics of its runs (`known`)."""

    name: str
    summary: str
    known: str
    settings: dict[str, Any] = field(default_factory=dict)

    def config(self, **overrides: Any) -> TrainConfig:
        """Return the preset's configuration; overrides take precedence. Errors are those of `TrainConfig`."""
        return TrainConfig(**{**self.settings, **overrides})


TWO_PATTERNS: dict[str, Any] = {
    "pattern": "1010+0101",
    "hidden_size": 8,
    "latent": "normal",
    "loss": "bce",
    "optimizer": "adam",
    "learning_rate": 0.005,
    "batch_size": 16,
}

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            name="article",
            summary="The article's GAN: squared error and SGD at 0.01, one sample at a time.",
            known="All of 1,000 seeds ended with the right bits, 97 % of them in range. The median run stayed in range "
            "from iteration 6,630 on; 90 % of runs did from an iteration between 4,890 and 9,360 on.",
        ),
        Preset(
            name="article-bce",
            summary="The article's GAN with binary cross-entropy, as in the first paper on GANs.",
            known="All of 1,000 seeds ended with the right bits and in range, in half the iterations. The median run "
            "stayed in range from iteration 3,300 on; 90 % of runs did from an iteration between 2,420 and 4,660 on.",
            settings={"loss": "bce"},
        ),
        Preset(
            name="discriminator-alone",
            summary="The article's test of D without a generator: real data against noise.",
            known="D's mean score over the last tenth of 1,000 runs is 0.78 for real data and 0.20 for noise. 90 % of "
            "runs are between 0.72 and 0.82, and between 0.16 and 0.28.",
            settings={"experiment": "discriminator"},
        ),
        Preset(
            name="adam-orbit",
            summary="Binary cross-entropy with Adam at 0.001: G finds the pattern fast, then orbits it.",
            known="All of 1,000 seeds reached the range, half of them by iteration 700, and all left it again, most of "
            "them several times. 91 % ended with the right bits, 52 % in range.",
            settings={"loss": "bce", "optimizer": "adam", "learning_rate": 0.001},
        ),
        Preset(
            name="chase",
            summary="The article's GAN at ten times its learning rate: D and G chase each other around the pattern.",
            known="All of 1,000 seeds found the range, half of them by iteration 700, and all but a few left it again. "
            "88 % ended in range, but the median run stayed there only from iteration 7,970 on. With r1 at 0.1 all "
            "ended in range, and the median run stayed there from iteration 780 on.",
            settings={"learning_rate": 0.1},
        ),
        Preset(
            name="two-patterns",
            summary="Two patterns from normal latents, with Adam at 0.005 and batches of 16: many G collapse to one.",
            known="Of 1,000 seeds, 56 % ended with both patterns, 36 % with one and 8 % with neither. On average 67 % "
            "of a generator's samples belong to a pattern.",
            settings=TWO_PATTERNS,
        ),
        Preset(
            name="two-patterns-r1",
            summary="The same with a gradient penalty on D (R1): most G make both patterns.",
            known="Of 1,000 seeds, 85 % ended with both patterns, 14 % with one and 1 % with neither. On average 86 % "
            "of a generator's samples belong to a pattern.",
            settings={**TWO_PATTERNS, "r1": 0.3},
        ),
    )
}
"""The presets by name."""
