"""The rules of the house: what the linters, the type checker and the import rules say, and what files may be."""

import json
import subprocess
import sysconfig
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sysconfig.get_path("scripts"))
VENDOR = ROOT / "service/page/vendor"


@pytest.mark.parametrize(
    "command",
    [
        "ruff check",
        "ruff format --check",
        "bandit -q -r gan1010 service",
        "mypy",
        "lint-imports",
        "hadolint Dockerfile",
        "shellcheck .ci/run",
    ],
)
def test_tool_finds_nothing(command: str) -> None:
    tool, *arguments = command.split()
    done = subprocess.run([SCRIPTS / tool, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_source_file_is_over_300_lines() -> None:
    sources = [*(ROOT / "gan1010").rglob("*.py"), *(ROOT / "service").rglob("*.py")]
    sources += [path for path in (ROOT / "service/page").rglob("*.js") if VENDOR not in path.parents]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in sources}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_vendored_files_are_those_of_the_manifest() -> None:
    listed = {
        f"{package['folder']}/{name}": checksum
        for package in json.loads((VENDOR / "manifest.json").read_text())
        for name, checksum in package["files"].items()
    }
    files = [path for path in VENDOR.glob("*/**/*") if path.is_file()]
    assert {path.relative_to(VENDOR).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files} == listed
