"""`gan1010 train`: at a service and without one, waited for, followed or left alone."""

import json
import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from gan1010 import TrainConfig, train
from gan1010.export import safetensors
from tests.service.cli.commands import GAN1010, PLAIN, done, gan1010, refused, run
from tests.support.clients import clean_environment
from tests.support.contract import wait_until


def test_article_is_trained_and_shown(server_url: str) -> None:
    trained = gan1010("train", "--seed", 1010, "--name", "mine", url=server_url)
    assert trained.exit_code == 0, trained.output
    assert "10000/10000 in" in trained.stderr
    assert re.search(r"^Job +\w+  mine", trained.stdout, re.MULTILINE)
    assert re.search(r"^Sample .* 1010 .* in range: yes since iteration 6,650", trained.stdout, re.MULTILINE)


def test_every_setting_is_asked_for(server_url: str) -> None:
    settings = {
        "experiment": "gan", "pattern": "01", "spread": 0.3, "iterations": 400, "learning_rate": 0.02,
        "generator_learning_rate": 0.03, "hidden_size": 5, "loss": "bce", "optimizer": "adam", "latent": "normal",
        "latent_value": -0.25, "seed": 8, "record_every": 10, "snapshot_every": 20,
    }  # fmt: skip
    assert settings == vars(TrainConfig(**settings))  # type: ignore[arg-type]
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    config = json.loads(done("train", *flags, "--preset", "article-bce", "--json", url=server_url))["config"]
    assert config == {**settings, "preset": "article-bce", "name": None}
    assert json.loads(done("train", *flags, "--local", "--json"))["config"] == settings


def test_followed_losses_are_printed_as_they_come(server_url: str) -> None:
    trained = gan1010("train", "--follow", "--seed", 3, url=server_url)
    assert trained.exit_code == 0, trained.output
    lines = re.findall(r"^ +([\d,]+)  +0\.\d+ +0\.\d+ +0\.\d+$", trained.stderr, re.MULTILINE)
    assert lines == [f"{iteration:,}" for iteration in range(500, 10_001, 500)]
    assert "Sample" in trained.stdout


def test_job_that_is_not_waited_for_goes_on(server_url: str) -> None:
    line = done("train", "--no-wait", "--iterations", 2_000_000, url=server_url)
    id, status = re.fullmatch(r"(\w+)  (\w+), at [\d,]+ of 2,000,000\s+", line).groups()  # type: ignore[union-attr]
    assert status in {"queued", "running"}
    assert json.loads(done("show", id, "--json", url=server_url))["id"] == id
    done("cancel", id, url=server_url)


def test_same_bits_come_of_it_without_a_service(tmp_path: Path) -> None:
    file = tmp_path / "new" / "networks.safetensors"
    trained = gan1010("train", "--local", "--seed", 7, "--iterations", 300, "--save", file)
    assert trained.exit_code == 0, trained.output
    assert "300/300 in" in trained.stderr
    assert re.search(r"^Settings +seed 7, iterations 300 *$", trained.stdout, re.MULTILINE)
    expected = safetensors.dump(train(TrainConfig(seed=7, iterations=300)).model())
    assert file.read_bytes() == expected
    assert list(file.parent.iterdir()) == [file]


def test_local_discriminator_has_no_sample() -> None:
    content = json.loads(done("train", "--local", "--preset", "discriminator-alone", "--seed", 1, "--json"))
    assert (content["result"]["sample"], content["config"]["experiment"]) == (None, "discriminator")


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--loss", "mae"], 2, ["'mae'", "'mse', 'bce'"]),
        (["--learning-rate", "11"], 1, ["learning_rate", "less than or equal to 10"]),
        (["--preset", "best"], 1, ["preset", "'article-bce'"]),
        (["--save", "m.safetensors"], 2, ["--local", "gan1010 export"]),
        (["--url", "http://127.0.0.1:9"], 3, ["http://127.0.0.1:9", "gan1010 serve"]),
        (["--url", "nowhere"], 3, ["nowhere", "http://"]),
        (["--local", "--learning-rate", "11"], 2, ["learning_rate must be at most 10"]),
        (["--local", "--preset", "best"], 2, ["article-bce", "best"]),
        (["--local", "--name", "mine"], 2, ["--name", "--local"]),
        (["--local", "--no-wait"], 2, ["--no-wait", "--local"]),
        (["--local", "--save", "model.pt"], 2, [".safetensors", "model.pt"]),
        (["--local", "--iterations", "9", "--save", "/dev/null/x.safetensors"], 1, ["cannot be written", "/dev/null"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said(server_url: str, flags: list[str], code: int, words: list[str]) -> None:
    exit_code, said = refused("train", *flags, url=server_url)
    assert exit_code == code, said
    assert all(word in said for word in words), said


def test_ctrl_c_leaves_the_job_to_the_service(server_url: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*GAN1010, "train", "--iterations", "10000000", "--hidden-size", "64", "--name", "left", "--url", server_url],
        cwd=tmp_path,
        env=clean_environment(**PLAIN),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with httpx.Client(base_url=server_url) as client:
        newest = {"limit": 1, "kind": "train"}
        page = wait_until(
            lambda: client.get("/jobs", params=newest).json(),
            lambda page: any(job["name"] == "left" and job["iteration"] for job in page["data"]),
        )
        id = page["data"][0]["id"]
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 130, said
        assert f"gan1010 cancel {id}" in said
        assert "Traceback" not in said
        assert client.get(f"/jobs/{id}").json()["status"] == "running"
        assert run([*GAN1010, "cancel", id, "--url", server_url], tmp_path).stdout.startswith(f"{id}  cancelled")
