"""`gan1010 train`, on a service and without one."""

import json
import re
from pathlib import Path

from gan1010 import TrainConfig, train
from tests.service.cli.commands import GAN1010, interrupt, invoke, output_of, run_process


def test_article_is_trained_and_shown(server_url: str) -> None:
    training = invoke("train", "--seed", 1010, "--name", "mine", url=server_url)
    assert training.exit_code == 0, training.output
    assert "10000/10000 in" in training.stderr
    assert re.search(r"^Job +\w+  mine", training.stdout, re.MULTILINE)
    assert re.search(r"^Sample .* 1010 .* in range: yes since iteration 6,650", training.stdout, re.MULTILINE)


def test_every_setting_has_an_option(server_url: str) -> None:
    settings = {
        "experiment": "gan", "pattern": "01+10", "spread": 0.3, "iterations": 400, "learning_rate": 0.02,
        "generator_learning_rate": 0.03, "hidden_size": 5, "loss": "bce", "optimizer": "adam", "latent": "normal",
        "latent_value": -0.25, "batch_size": 4, "discriminator_steps": 2, "r1": 0.1,
        "seed": 8, "backend": "compiled", "record_every": 10, "snapshot_every": 20,
    }  # fmt: skip
    assert settings == vars(TrainConfig(**settings))  # type: ignore[arg-type]
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    config = json.loads(output_of("train", *flags, "--preset", "article-bce", "--json", url=server_url))["config"]
    assert config == {**settings, "preset": "article-bce", "name": None, "defaults": {}}
    assert json.loads(output_of("train", *flags, "--local", "--json"))["config"] == settings | {"defaults": {}}


def test_follow_prints_the_losses(server_url: str) -> None:
    training = invoke("train", "--follow", "--seed", 3, url=server_url)
    assert training.exit_code == 0, training.output
    lines = re.findall(r"^ +([\d,]+)  +0\.\d+ +0\.\d+ +0\.\d+$", training.stderr, re.MULTILINE)
    assert lines == [f"{iteration:,}" for iteration in range(500, 10_001, 500)]
    assert "Sample" in training.stdout


def test_no_wait_returns_while_the_job_runs(server_url: str) -> None:
    line = output_of("train", "--no-wait", "--iterations", 10_000_000, "--hidden-size", 64, url=server_url)
    id, status = re.fullmatch(r"(\w+)  (\w+), at [\d,]+ of 10,000,000\s+", line).groups()  # type: ignore[union-attr]
    assert status in {"queued", "running"}
    assert json.loads(output_of("show", id, "--json", url=server_url))["id"] == id
    output_of("cancel", id, url=server_url)


def test_local_training_saves_the_same_bits(tmp_path: Path) -> None:
    file = tmp_path / "new" / "networks.safetensors"
    training = invoke("train", "--local", "--seed", 7, "--iterations", 300, "--save", file)
    assert training.exit_code == 0, training.output
    assert "300/300 in" in training.stderr
    assert re.search(r"^Settings +seed 7, iterations 300 *$", training.stdout, re.MULTILINE)
    assert file.read_bytes() == train(TrainConfig(seed=7, iterations=300)).model().to_bytes()
    assert list(file.parent.iterdir()) == [file]


def test_local_discriminator_has_no_sample() -> None:
    content = json.loads(output_of("train", "--local", "--preset", "discriminator-alone", "--seed", 1, "--json"))
    assert (content["result"]["sample"], content["config"]["experiment"]) == (None, "discriminator")


def test_ctrl_c_leaves_the_job_running(server_url: str, tmp_path: Path) -> None:
    arguments = ["train", "--iterations", "10000000", "--hidden-size", "64"]
    code, _, stderr, job = interrupt(arguments, server_url, lambda job: bool(job["iteration"]))
    assert code == 130, stderr
    assert f"gan1010 cancel {job['id']}" in stderr
    assert job["status"] == "running"
    cancelled = run_process([*GAN1010, "cancel", job["id"], "--url", server_url], tmp_path)
    assert cancelled.stdout.startswith(f"{job['id']}  cancelled")
