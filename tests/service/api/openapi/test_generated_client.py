"""The client that openapi-python-client generates from `/openapi.json`, without warnings."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.support.clients import clean_environment

PROGRAM = Path(__file__).with_name("generated_client_program.py")
SCRIPTS = sysconfig.get_path("scripts")


def test_generated_client_trains_and_samples(server_url: str, tmp_path: Path) -> None:
    generated = subprocess.run(
        ["openapi-python-client", "generate", "--url", f"{server_url}/openapi.json", "--output-path", "made"],
        cwd=tmp_path,
        env=clean_environment(PATH=f"{SCRIPTS}:/usr/bin:/bin"),  # it formats its output with ruff
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (generated.returncode, generated.stdout.split()) == (0, ["Generating", "made"]), generated.stdout
    environment = clean_environment(PYTHONPATH=str(tmp_path / "made"))
    program = subprocess.run(
        [sys.executable, PROGRAM, server_url], env=environment, capture_output=True, text=True, check=False
    )
    assert program.returncode == 0, program.stderr
