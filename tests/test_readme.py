"""The README's examples, run as they stand; and nothing of the service is left out of it."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from typer.main import get_command

from service.cli import command_line
from service.settings import Settings
from tests.support.clients import app_client, clean_environment

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SCRIPTS = sysconfig.get_path("scripts")
TAKEN_AWAY = {
    "generator.safetensors", "discriminator.safetensors", "losses.svg", "evolution.png", "surface.png", "script.py",
    "heatmap.png", "snapshots.npz", "vectors.f32", "scores.f32", "generator.onnx", "triton.zip",
}  # fmt: skip


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def followed(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the curl examples have been run one after the other, each refused if its status is an error."""
    folder = tmp_path_factory.mktemp("readme")
    preamble = 'set -euo pipefail\ncurl() { command curl --fail-with-body --silent --show-error "$@"; }\n'
    script = preamble + "\n".join(_blocks("bash")).replace("localhost:8000", server_url.removeprefix("http://"))
    script = script.replace("python3 ", f"{sys.executable} ")
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return folder


def test_the_curl_examples_work_one_after_the_other(followed: Path) -> None:
    assert {file.name for file in followed.iterdir()} == TAKEN_AWAY


@pytest.mark.parametrize("block", _blocks("python"))
def test_the_python_examples_work(block: str, followed: Path, server_url: str, tmp_path: Path) -> None:
    folder = shutil.copytree(followed, tmp_path / "here")
    program = block.replace("localhost:8000", server_url.removeprefix("http://"))
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True, timeout=120)


def test_the_commands_work_one_after_the_other(server_url: str, tmp_path: Path) -> None:
    environment = clean_environment(GAN1010_URL=server_url, PATH=f"{SCRIPTS}:{os.environ['PATH']}")
    script = "set -euo pipefail\n" + "\n".join(_blocks("shell"))
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert {file.name for file in tmp_path.iterdir()} == {"evolution.svg", "taken-away", "networks.safetensors"}


def test_every_command_and_option_is_shown() -> None:
    for name, command in get_command(command_line()).commands.items():  # type: ignore[attr-defined]
        row = next(line for line in README.splitlines() if re.match(rf"\| `{name}( .*)?` \|", line))
        options = [text for option in command.params for text in (*option.opts, *option.secondary_opts)]
        place = README if name == "serve" else row
        missing = [text for text in options if text.startswith("-") and text != "--help" and f"`{text}`" not in place]
        assert missing == [], f"gan1010 {name}"


def test_every_curl_stands_in_a_block_that_is_run() -> None:
    assert README.count("curl ") == sum(block.count("curl ") for block in _blocks("bash"))


def test_every_route_is_shown(tmp_path: Path) -> None:
    with app_client(tmp_path) as client:
        paths = client.get("/openapi.json").json()["paths"]
    shown = re.sub(r"\$JOB|\$LONG|\$SWEEP", "{job_id}", README).replace("members/42/", "members/{index}/")
    shown = re.sub("generator.safetensors|surface.png|heatmap.png", "{file}", shown)
    shown = re.sub("(/v2/(repository/)?models/)(generator|discriminator)", r"\1{name}", shown)
    missing = [path for path in paths if not re.search(rf"localhost:8000{re.escape(path)}(?![/\w])", shown)]
    assert missing == []


def test_every_setting_is_shown_with_its_flag_and_default() -> None:
    for name, field in Settings.model_fields.items():
        row = next(line for line in README.splitlines() if line.startswith(f"| `GAN1010_{name.upper()}`"))
        assert f"`--{name.replace('_', '-')}`" in row
        assert name == "workers" or f"| {field.default or 'none'} |" in row
