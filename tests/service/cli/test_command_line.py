"""The command line as a whole: what it has, what it loads, and that a shell can complete it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.cli.commands import GAN1010, done, run

COMMANDS = {
    "serve", "demo", "train", "sweep", "presets", "jobs", "show", "watch", "pause", "resume", "cancel", "delete",
    "sample", "score", "plot", "export",
}  # fmt: skip
HEAVY = {"torch", "numba", "numpy", "matplotlib", "fastapi", "uvicorn", "httpx", "pydantic"}
WITH_JSON = COMMANDS - {"serve", "demo", "delete", "plot", "export"}


def test_help_names_the_commands_and_loads_nothing_that_takes_long() -> None:
    program = f"import sys; from service.cli import main\ntry: main()\nfinally: print({HEAVY} & set(sys.modules))"
    shown = subprocess.run(
        [sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert {line.strip("│ ").partition(" ")[0] for line in shown} >= COMMANDS
    assert shown[-1] == "set()"


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_command_explains_itself(command: str) -> None:
    shown = done(command, "--help")
    assert f"gan1010 {command}" in shown or f"root {command}" in shown
    assert ("--json" in shown) == (command in WITH_JSON)


def test_talking_to_a_service_needs_no_torch() -> None:
    program = "import sys; import service.cli.progress, service.cli.files; print({'torch', 'numba'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"


def test_shell_completes_commands_and_options(tmp_path: Path) -> None:
    completing = {"_GAN1010_COMPLETE": "complete_bash", "COMP_WORDS": "gan1010 wa", "COMP_CWORD": "1"}
    assert run(GAN1010, tmp_path, **completing).stdout.split() == ["watch"]
    completing |= {"COMP_WORDS": "gan1010 train --lat", "COMP_CWORD": "2"}
    assert run(GAN1010, tmp_path, **completing).stdout.split() == ["--latent", "--latent-value"]
