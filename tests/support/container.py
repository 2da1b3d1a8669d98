"""The image's definition, and commands of it that also run outside a container."""

import json
import re
import subprocess
from pathlib import Path

DOCKERFILE = (Path(__file__).parents[2] / "Dockerfile").read_text()


def run_health_check(data_dir: Path, **environment: str) -> int:
    """Run the image's health check against the service of a data folder, and return its exit code."""
    command = re.search(r"^HEALTHCHECK .*?CMD (\[.*?\])$", DOCKERFILE, re.DOTALL | re.MULTILINE)
    assert command
    program = json.loads(command.group(1).replace("\\\n", ""))
    environment = {"GAN1010_DATA_DIR": str(data_dir), "GAN1010_PORT": "9"} | environment
    return subprocess.run(program, env=environment, capture_output=True, check=False, timeout=3).returncode
