"""The README's examples, run as they stand; and nothing of the service is left out of it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from service.settings import Settings
from tests.service.clients import in_process

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
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
def test_the_python_examples_work(block: str, followed: Path, server_url: str) -> None:
    program = block.replace("localhost:8000", server_url.removeprefix("http://"))
    subprocess.run([sys.executable, "-c", program], cwd=followed, check=True, timeout=120)


def test_every_curl_stands_in_a_block_that_is_run() -> None:
    assert README.count("curl ") == sum(block.count("curl ") for block in _blocks("bash"))


def test_every_route_is_shown(tmp_path: Path) -> None:
    with in_process(tmp_path) as client:
        paths = client.get("/openapi.json").json()["paths"]
    shown = re.sub(r"\$JOB|\$LONG|\$SWEEP", "{job_id}", README).replace("members/42/", "members/{index}/")
    shown = re.sub("generator.safetensors|surface.png|heatmap.png", "{file}", shown)
    shown = re.sub("(/v2/(repository/)?models/)(generator|discriminator)", r"\1{name}", shown)
    missing = [path for path in paths if not re.search(rf"localhost:8000{re.escape(path)}(?![/\w])", shown)]
    assert missing == []


def test_every_setting_is_shown_with_its_flag_and_default() -> None:
    for name, field in Settings.model_fields.items():
        row = next(line for line in README.splitlines() if f"`GAN1010_{name.upper()}`" in line)
        assert f"`--{name.replace('_', '-')}`" in row
        assert name == "workers" or f"| {field.default or 'none'} |" in row
