"""The client that openapi-python-client makes of `/openapi.json`, without a word of warning, and that works."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.support.clients import clean_environment

PROGRAM = Path(__file__).with_name("generated_client_program.py")
SCRIPTS = sysconfig.get_path("scripts")


def test_generated_client_trains_and_samples(server_url: str, tmp_path: Path) -> None:
    made = subprocess.run(
        ["openapi-python-client", "generate", "--url", f"{server_url}/openapi.json", "--output-path", "made"],
        cwd=tmp_path,
        env=clean_environment(PATH=f"{SCRIPTS}:/usr/bin:/bin"),  # it formats what it makes, with ruff
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert (made.returncode, made.stdout.split()) == (0, ["Generating", "made"]), made.stdout
    environment = clean_environment(PYTHONPATH=str(tmp_path / "made"))
    done = subprocess.run(
        [sys.executable, PROGRAM, server_url], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
