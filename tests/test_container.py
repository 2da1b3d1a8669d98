"""The image, built and run by a real engine with few rights: healthy, stopped cleanly, and its jobs outlive it."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, STDOUT
from uuid import uuid4

import httpx
import pytest

ROOT = Path(__file__).parents[1]
NAME = f"gan1010-test-{uuid4().hex[:8]}"
STATE = "{{.State.Status}}, {{.State.Health.Status}}"
FEW_RIGHTS = [
    "--init", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=256",
    "--memory=2g",
]  # fmt: skip
COMPILED_HERE = ["find", "/var/cache/gan1010", "-newer", "/etc/hostname", "-name", "*.nb?"]


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], stdout=PIPE, stderr=STDOUT, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}\n{done.stdout[-4000:]}"
    return done.stdout.strip()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until_healthy(container: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while (state := docker("inspect", "--format", STATE, container)) != "running, healthy":
        assert state == "running, starting", docker("logs", container)
        assert time.monotonic() < deadline, docker("logs", container)
        time.sleep(0.25)


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        pytest.skip("no running container engine (`docker info` fails)")
    docker("build", "--network", "host", "--tag", NAME, str(ROOT))
    yield NAME
    docker("volume", "rm", "--force", NAME)
    docker("image", "rm", "--no-prune", NAME)  # its layers stay, so that the next build is quick


@contextmanager
def running(image: str) -> Iterator[tuple[str, str]]:
    """A healthy container on the one volume: its name and the service's address."""
    port = free_port()
    container = f"{NAME}-{port}"
    options = ["--network=host", f"--env=GAN1010_PORT={port}", f"--volume={NAME}:/data", "--health-interval=1s"]
    try:
        docker("run", "--detach", "--name", container, *FEW_RIGHTS, *options, image)
        wait_until_healthy(container)
        yield container, f"http://127.0.0.1:{port}"
    finally:
        docker("rm", "--force", "--volumes", container)


def test_container_trains_stops_cleanly_and_keeps_its_jobs(image: str) -> None:
    with running(image) as (container, url):
        assert docker("exec", container, "id", "-u") != "0"
        assert docker("exec", container, *COMPILED_HERE) == "", "what the image brings is of no use"
        trained = httpx.post(f"{url}/train", params={"wait": 10}, json={"seed": 1}, timeout=20)
        assert trained.status_code == 200, trained.text
        assert trained.json()["result"]["bits"] == "1010"
        path = f"/jobs/{trained.json()['id']}"
        job = httpx.get(url + path).content

        asked = time.monotonic()
        docker("stop", "-t", "20", container)
        assert time.monotonic() - asked < 8
        assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"

    with running(image) as (_, url):
        assert httpx.get(url + path).content == job
