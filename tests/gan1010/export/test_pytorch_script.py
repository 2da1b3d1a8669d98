"""PyTorch export: the program of every configuration passes ruff and trains."""

import itertools
import json
import re
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import get_args

import pytest
from packaging.requirements import Requirement

from gan1010 import PRESETS, TrainConfig, train
from gan1010.export.pytorch_script import Draws, pytorch_script

RUFF = Path(sysconfig.get_path("scripts")) / "ruff"
CHOICES = {
    "experiment": ("gan", "discriminator"),
    "loss": ("mse", "bce"),
    "optimizer": ("sgd", "adam"),
    "latent": ("constant", "uniform", "normal"),
    "generator_learning_rate": (None, 0.5),
}
MORE_CHOICES = {
    "experiment": ("gan", "discriminator"),
    "loss": ("mse", "minimax"),
    "latent": ("constant", "normal"),
    "pattern": ("1010", "+".join(f"{number:016b}" for number in range(8))),
    "batch_size": (1, 64),
    "discriminator_steps": (1, 10),
    "r1": (0, 0.1),
}
CONFIGS = [
    TrainConfig(**dict(zip(choices, values, strict=True)), seed=7)
    for choices in (CHOICES, MORE_CHOICES)
    for values in itertools.product(*choices.values())
]
EXTREMES = [
    TrainConfig(pattern="1" * 16, spread=0.5, hidden_size=64, iterations=10_000_000, seed=2**53 - 1),
    TrainConfig(pattern="0", spread=1e-9, learning_rate=10, latent_value=-3.4028234663852886e38, seed=0),
]


# Runs programs one after the other, because each start of torch takes seconds.
RUNNER = """
import contextlib, io, json, runpy, sys

outputs = []
for program in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        runpy.run_path(program)
    outputs.append(output.getvalue())
print(json.dumps(outputs))
"""


def run(programs: list[str], folder: Path) -> list[str]:
    """Run programs with nothing on their path but torch and what it requires, and return their outputs."""
    packages = folder / "packages"
    packages.mkdir()
    for name in distributions("torch"):
        files = metadata.files(name) or []
        for root in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            (packages / root).symlink_to(metadata.distribution(name).locate_file(root))
    names = [f"program{number}.py" for number in range(len(programs))]
    for name, program in zip(names, programs, strict=True):
        (folder / name).write_text(program)
    quiet = ["-W", "ignore:Failed to initialize NumPy"]  # which torch does not require, but warns of
    command = [sys.executable, "-S", *quiet, "-c", RUNNER, *names]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env={"PYTHONPATH": str(packages)}
    )
    assert (done.returncode, done.stderr) == (0, "")
    outputs: list[str] = json.loads(done.stdout)
    return outputs


def distributions(name: str) -> set[str]:
    """Return a distribution and all that it requires."""
    requirements = [Requirement(text) for text in metadata.requires(name) or []]
    names = {r.name for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})}
    return {name}.union(*map(distributions, names))


def numbers(output: str, line: str) -> list[float]:
    """Return the numbers with a decimal point in the line of an output that begins so."""
    (found,) = re.findall(rf"^{line}(.*)", output, re.MULTILINE)
    return [float(number) for number in re.findall(r"-?\d+\.\d+", found)]


def test_programs_pass_ruff(tmp_path: Path) -> None:
    for number, config in enumerate(CONFIGS + EXTREMES):
        for draws in get_args(Draws):
            (tmp_path / f"run{number}_{draws}.py").write_text(pytorch_script(config, draws=draws))
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
        ({}, [], ["PATTERNS", "BATCH", "STEPS", "penalty", "sign", "philox"]),
        ({"pattern": "10+01"}, ['    "10",\n    "01",\n]', "randint"], ["PATTERN ="]),
        ({"batch_size": 4}, ["torch.rand(BATCH_SIZE, len(PATTERN))"], ["torch.tensor([1.0])"]),
        ({"r1": 0.3}, ["R1 = 0.3", "penalty=slope_penalty(real)"], ["sign"]),
        ({"loss": "minimax"}, ["sign=-1", "nn.BCELoss"], ["penalty"]),
    ],
)
def test_program_has_only_what_the_configuration_needs(
    settings: dict[str, object], there: list[str], not_there: list[str]
) -> None:
    script = pytorch_script(TrainConfig(seed=1010, **settings))  # type: ignore[arg-type]
    assert "SEED = 1010" in script
    assert [text for text in there if text not in script] == []
    assert [text for text in not_there if text in script] == []


def test_programs_train_reproducibly_and_print_their_results(tmp_path: Path) -> None:
    table = [
        {},
        {},
        {"experiment": "discriminator", "loss": "bce"},
        {"pattern": "110010", "hidden_size": 5, "loss": "bce", "optimizer": "adam", "latent": "normal"},
    ]
    configs = [TrainConfig(iterations=25, seed=3, **settings) for settings in table]  # type: ignore[arg-type]
    learning = PRESETS["adam-orbit"].config(iterations=800, seed=1)  # soon in range
    *outputs, learned = run([pytorch_script(config) for config in (*configs, learning)], tmp_path)
    for config, output in zip(configs, outputs, strict=True):
        assert re.findall(r"^ +(\d+) ", output, re.MULTILINE) == [str(iteration) for iteration in range(2, 25, 2)]
        assert re.search(r"^(Mean losses|D's mean loss): ", output, re.MULTILINE)
        assert bool(re.search(r"^As bits: [01]+ \(the pattern", output, re.MULTILINE)) == (config.experiment == "gan")
    assert outputs[0] == outputs[1]
    assert "As bits: 1010 (the pattern)" in learned


def test_program_with_the_same_draws_reproduces_the_run(tmp_path: Path) -> None:
    table = [
        {"iterations": 1500},
        {"pattern": "110", "hidden_size": 7, "loss": "bce", "latent": "uniform", "learning_rate": 0.1, "spread": 0.4},
        {"pattern": "1011001110001111", "hidden_size": 64, "latent": "normal", "generator_learning_rate": 0.05},
        {"optimizer": "adam", "loss": "bce", "hidden_size": 1, "learning_rate": 0.003, "latent_value": -1.5},
        {"optimizer": "adam", "pattern": "01", "latent": "normal", "iterations": 400, "seed": 3},
        {"experiment": "discriminator", "pattern": "11001", "hidden_size": 5, "learning_rate": 0.1},
        {"experiment": "discriminator", "optimizer": "adam", "loss": "bce", "iterations": 7},
        {"pattern": "1010+0101+1100", "batch_size": 16, "latent": "normal", "loss": "bce", "r1": 0.3},
        {"pattern": "101+011", "loss": "minimax", "latent": "uniform", "discriminator_steps": 3, "iterations": 150},
        {"batch_size": 3, "discriminator_steps": 2, "loss": "minimax", "r1": 0.1, "optimizer": "adam"},
        {
            "experiment": "discriminator", "pattern": "10+01", "batch_size": 3, "discriminator_steps": 2,
            "loss": "minimax", "iterations": 90,
        },
    ]  # fmt: skip
    configs = [TrainConfig(**{"seed": 2**53 - 1, "iterations": 200} | settings) for settings in table]  # type: ignore[arg-type]
    programs = [pytorch_script(config, draws="same") for config in configs]
    for config, output in zip(configs, run(programs, tmp_path), strict=True):
        result = train(config).result
        losses = [result.discriminator_real_loss, result.discriminator_fake_loss]
        printed = {"D's mean loss: ": losses, "D's mean score: ": [result.real_score, result.fake_score]}
        if result.generator_loss is not None:
            printed = {"Mean losses: ": [*losses, result.generator_loss], "Sample of G .*: ": result.sample or []}
            assert f"As bits: {result.bits} " in output
            assert f"In the range of real data: {'yes' if result.in_range else 'no'}" in output
        for line, expected in printed.items():
            assert numbers(output, line) == pytest.approx(expected, rel=0, abs=1e-6), f"{config}\n{output}"
