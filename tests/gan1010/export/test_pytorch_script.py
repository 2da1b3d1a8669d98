"""PyTorch export: the program of every configuration passes ruff and trains."""

import itertools
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from gan1010 import PRESETS, TrainConfig
from gan1010.export.pytorch_script import pytorch_script

RUFF = Path(sysconfig.get_path("scripts")) / "ruff"
CHOICES = {
    "experiment": ("gan", "discriminator"),
    "loss": ("mse", "bce"),
    "optimizer": ("sgd", "adam"),
    "latent": ("constant", "uniform", "normal"),
    "generator_learning_rate": (None, 0.5),
}
CONFIGS = [
    TrainConfig(**dict(zip(CHOICES, values, strict=True)), seed=7) for values in itertools.product(*CHOICES.values())
]
EXTREMES = [
    TrainConfig(pattern="1" * 16, spread=0.5, hidden_size=64, iterations=10_000_000, seed=2**53 - 1),
    TrainConfig(pattern="0", spread=1e-9, learning_rate=10, latent_value=-3.4028234663852886e38, seed=0),
]


def run(script: str, folder: Path) -> str:
    """Run a program without access to gan1010, and return its output."""
    file = folder / "run.py"
    file.write_text(script)
    done = subprocess.run([sys.executable, "-I", file], capture_output=True, text=True, check=True, cwd=folder)
    assert done.stderr == ""
    return done.stdout


def test_programs_pass_ruff(tmp_path: Path) -> None:
    for number, config in enumerate(CONFIGS + EXTREMES):
        (tmp_path / f"run{number}.py").write_text(pytorch_script(config))
    rules = "--select=E,F,I,B,UP,N,C4,SIM,RET,PERF,RUF"
    for command in (["check", rules], ["format", "--check"]):
        options = ["--isolated", "--no-cache", "--line-length=120"]
        done = subprocess.run([RUFF, *command, *options, tmp_path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("settings", "there", "not_there"),
    [
        (
            {},
            ["nn.MSELoss()", "torch.optim.SGD", "LEARNING_RATE = 0.01", "INPUT"],
            ["BCE", "Adam", "latent()"],
        ),
        ({"loss": "bce", "optimizer": "adam"}, ["nn.BCELoss()", "torch.optim.Adam"], ["MSE", "SGD"]),
        ({"latent": "uniform"}, ["torch.rand(1)", "latent()"], ["randn", "always the same"]),
        ({"latent": "normal"}, ["torch.randn(1)", "latent()"], ["torch.rand(1)"]),
        ({"generator_learning_rate": 0.5}, ["GENERATOR_LEARNING_RATE = 0.5"], ["\nLEARNING_RATE"]),
        ({"experiment": "discriminator"}, ["def noise()"], ["generator_optimizer", "INPUT", "detach"]),
    ],
)
def test_program_has_only_what_the_configuration_needs(
    settings: dict[str, object], there: list[str], not_there: list[str]
) -> None:
    script = pytorch_script(TrainConfig(seed=1010, **settings))  # type: ignore[arg-type]
    assert "SEED = 1010" in script
    assert [text for text in there if text not in script] == []
    assert [text for text in not_there if text in script] == []


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"experiment": "discriminator", "loss": "bce"},
        {"pattern": "110010", "hidden_size": 5, "loss": "bce", "optimizer": "adam", "latent": "normal"},
    ],
)
def test_program_runs_and_prints_its_results(settings: dict[str, object], tmp_path: Path) -> None:
    script = pytorch_script(TrainConfig(iterations=25, seed=3, **settings))  # type: ignore[arg-type]
    output = run(script, tmp_path)
    assert re.findall(r"^ +(\d+) ", output, re.MULTILINE) == [str(iteration) for iteration in range(2, 25, 2)]
    assert "Mean losses: " in output
    if "experiment" not in settings:
        assert re.search(r"^As bits: [01]+ \(the pattern", output, re.MULTILINE)


def test_program_learns_the_pattern_reproducibly(tmp_path: Path) -> None:
    script = pytorch_script(PRESETS["adam-orbit"].config(iterations=1500, seed=1))  # soon in range
    output = run(script, tmp_path)
    assert "As bits: 1010 (the pattern)" in output
    assert run(script, tmp_path) == output
