"""Container image, built and run by a real engine with few privileges."""

import json
import os
import re
import shlex
import shutil
import ssl
import subprocess
import sysconfig
import threading
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from subprocess import PIPE, STDOUT
from uuid import uuid4

import httpx
import pytest
import yaml

from tests.support.clients import Server, free_port
from tests.support.container import DOCKERFILE, run_health_check
from tests.support.contract import SHORT_JOB, Json, run_sweep, start_running_job, submit_job, train, wait_until
from tests.support.recipes import NGINX, recipes, running_nginx

ROOT = Path(__file__).parents[1]
NAME = f"gan1010-test-{uuid4().hex[:8]}"
STATE = "{{.State.Status}}, {{.State.Health.Status}}"
HARDENED = shlex.split(recipes("Container", "sh")[1].replace("\\\n", ""))
FEW_PRIVILEGES, DATA_AND_KEYS = HARDENED[2 : HARDENED.index("-p")], HARDENED[HARDENED.index("-v") : -1]
KEY = "s3cret"
MAX_PACKAGES_MIB = 1150  # docs/operations.md explains them
FIND_NEW_CACHE_FILES = ["find", "/var/cache/gan1010", "-newer", "/etc/hostname", "-type", "f"]


def docker(*arguments: str) -> str:
    process = subprocess.run(["docker", *arguments], stdout=PIPE, stderr=STDOUT, text=True, check=False)
    assert process.returncode == 0, f"docker {' '.join(arguments)}\n{process.stdout[-4000:]}"
    return process.stdout.strip()


def wait_until_healthy(container: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while (state := docker("inspect", "--format", STATE, container)) != "running, healthy":
        assert state == "running, starting", docker("logs", container)
        assert time.monotonic() < deadline, docker("logs", container)
        time.sleep(0.25)


def test_health_check_follows_the_port_in_force(server: Server, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    assert (
        run_health_check(server.data_dir, http_proxy="http://127.0.0.1:9") == 0
    )  # the service runs at a port of its own
    assert run_health_check(tmp_path, GAN1010_PORT=port) == 0  # without the service's file, for example on a full disk
    assert run_health_check(tmp_path) == 1


def test_labels_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\S+)="(.*?)"', DOCKERFILE))
    assert labels == {
        "title": project["name"],
        "description": project["description"],
        "version": project["version"],
        "licenses": project["license"],
        "authors": project["authors"][0]["name"],
        "base.name": f"docker.io/library/{DOCKERFILE.split()[1]}",
    }


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["dask", "worker", "--help"], "Usage: dask worker"),
        (["jobs", "--help"], "Usage: gan1010 jobs"),
        (["sample", "two words", "dask"], "two words"),  # in the error
    ],
)
def test_entry_point_runs_gan1010_or_dask(arguments: list[str], output: str) -> None:
    (line,) = re.findall(r"^ENTRYPOINT (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    environment = {"PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"}
    command = [*json.loads(line), *arguments]
    done = subprocess.run(command, env=environment, stdout=PIPE, stderr=STDOUT, text=True, check=False)
    assert output in done.stdout


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    if not shutil.which("docker") or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        pytest.skip("no running container engine (`docker info` fails)")
    docker("build", "--network", "host", "--tag", NAME, str(ROOT))
    yield NAME
    docker("volume", "rm", "--force", NAME, f"{NAME}-hardened")
    docker("image", "rm", "--no-prune", NAME)  # keeps the layers for the next build


@contextmanager
def dask_container(image: str, *command: str) -> Iterator[None]:
    """Run Dask's command in a container."""
    container = docker(
        "run", "--detach", *FEW_PRIVILEGES, "--network=host", "--no-healthcheck", image, "dask", *command
    )
    try:
        yield
    finally:
        docker("rm", "--force", container)


@contextmanager
def running_container(image: str, *options: str) -> Iterator[tuple[str, httpx.Client]]:
    """Run a container until it is healthy; yield its name and a client of the service."""
    port = free_port()
    container = f"{NAME}-{port}"
    options = (*options, "--network=host", f"--env=GAN1010_PORT={port}", "--health-interval=1s")
    try:
        docker("run", "--detach", "--name", container, *FEW_PRIVILEGES, *options, image)
        wait_until_healthy(container)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            yield container, client
    finally:
        docker("rm", "--force", container)


def check_plots_and_caches(container: str, client: httpx.Client, job: Json) -> None:
    """Plot a job, and check that the image brought the compiled kernel and the font cache with it."""
    for file in ("losses.png", "evolution.svg"):
        assert client.get(f"/jobs/{job['id']}/plots/{file}").status_code == 200
    assert docker("exec", container, *FIND_NEW_CACHE_FILES) == ""


def test_jobs_survive_a_kill_and_the_container_stops_cleanly(image: str) -> None:
    volume = f"--volume={NAME}:/data"
    with running_container(image, volume) as (container, client):
        assert docker("exec", container, "id", "-u") != "0"
        finished_job = train(client, seed=1)
        assert finished_job["result"]["bits"] == "1010"
        check_plots_and_caches(container, client, finished_job)
        long_job = start_running_job(client)
        queued_jobs = [submit_job(client, **SHORT_JOB) for _ in range(5)]
        docker("kill", container)

    with running_container(image, volume) as (container, client):
        assert client.get(f"/jobs/{finished_job['id']}").json() == finished_job
        listed = client.get("/jobs").json()["data"]
        assert [job["id"] for job in reversed(listed)] == [job["id"] for job in (finished_job, long_job, *queued_jobs)]
        wait_until(lambda: client.get(f"/jobs/{long_job['id']}").json(), lambda job: job["status"] == "running")
        cancelled = client.post(f"/jobs/{long_job['id']}/cancel").json()
        assert [status["status"] for status in cancelled["transitions"]][-3:] == ["queued", "running", "cancelled"]
        for job in queued_jobs:
            assert client.get(f"/jobs/{job['id']}", params={"wait": 10}).json()["status"] == "succeeded"
        start_running_job(client)
        docker("stop", container)  # sends SIGKILL after 10 seconds, which would change the exit code
        assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"


def test_container_runs_as_any_user(image: str) -> None:
    with running_container(image, "--user=12345:12345", "--tmpfs=/data:uid=12345") as (container, client):
        assert docker("exec", container, "id", "-u") == "12345"
        check_plots_and_caches(container, client, train(client, seed=1))


def test_image_has_no_volumes_and_the_documented_size(image: str) -> None:
    assert docker("image", "inspect", "--format", "{{json .Config.Volumes}}", image) == "null"
    measure = ["run", "--rm", "--entrypoint=sh", image, "-c", "du -scm /usr/local/lib/python3.11/*-packages"]
    assert int(docker(*measure).splitlines()[-1].split()[0]) <= MAX_PACKAGES_MIB


def check_prefix(url: str, trusted: ssl.SSLContext) -> None:
    """Train behind a proxy under the prefix /gan1010."""
    with httpx.Client(verify=trusted, headers={"X-API-Key": KEY}) as client:
        trained = client.post(f"{url}/train?wait=30", json=SHORT_JOB)
        location = trained.headers["location"]
        assert location == f"/gan1010/jobs/{trained.json()['id']}"
        assert client.get(httpx.URL(url).join(location)).json() == trained.json()


@contextmanager
def load(client: httpx.Client) -> Iterator[None]:
    """Train short jobs one after another during the block, which must all succeed."""
    is_over = threading.Event()

    def train_jobs() -> int:
        return sum(train(client, **SHORT_JOB)["status"] == "succeeded" for _ in iter(is_over.is_set, True))

    with ThreadPoolExecutor(1) as pool:
        trained = pool.submit(train_jobs)
        try:
            yield
        finally:
            is_over.set()
        assert trained.result() > 0


def test_documented_command_serves_behind_a_proxy_is_backed_up_and_pruned(image: str, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"alice:{KEY}")
    places = {"$PWD": str(tmp_path), "gan1010:/data": f"{NAME}-hardened:/data"}
    options = [reduce(lambda text, place: text.replace(*place), places.items(), option) for option in DATA_AND_KEYS]
    with running_container(image, *options, "--env=GAN1010_TRUSTED_PROXIES=127.0.0.1") as (container, client):

        def gan1010(*arguments: str) -> str:
            return docker("exec", container, "gan1010", *arguments)

        assert client.get("/readyz", headers={"Host": "10.244.0.7:8000"}).status_code == 200
        assert client.get("/jobs").status_code == 401
        client.headers["X-API-Key"] = KEY
        in_pytorch = submit_job(client, backend="pytorch", iterations=100)  # in a process that takes seconds to start
        if NGINX:
            with running_nginx(tmp_path, str(client.base_url).rstrip("/")) as (url, trusted):
                check_prefix(url, trusted)
        for seed in range(5):
            train(client, iterations=100_000, record_every=5, seed=seed)
        with load(client):
            saved = gan1010("backup", "/data/backup")
        assert gan1010("restore", "/data/backup", "--data-dir", "/data/restored") == saved.replace("backup", "restored")
        assert gan1010("check", "/data/restored").startswith("/data/restored is whole. Jobs: ")
        ended = client.get(f"/jobs/{in_pytorch['id']}", params={"wait": 30}).json()
        assert ended["status"] == "succeeded"

        size = ["exec", container, "sh", "-c", "cat /data/gan1010.sqlite* | wc -c"]  # of the database and its log
        before = int(docker(*size))
        gan1010("prune", "--keep", "1", "--url", str(client.base_url))
        assert len(client.get("/jobs").json()["data"]) == 1
        assert int(docker(*size)) < before / 2
        assert "route=/readyz" not in docker("logs", container)


def test_compose_recipe_serves_and_reads_new_keys(image: str, tmp_path: Path) -> None:
    has_plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    program = ["docker", "compose"] if has_plugin else ["docker-compose"]
    if not has_plugin and not shutil.which("docker-compose"):
        pytest.skip("no Docker Compose")
    recipe = yaml.safe_load(recipes("Compose", "yaml")[0])
    service, port = recipe["services"]["gan1010"], free_port()
    assert service.pop("ports") == ["127.0.0.1:8000:8000"]  # an engine of tests may have no network of its own
    service |= {"image": image, "network_mode": "host"}
    service["environment"]["GAN1010_PORT"] = str(port)
    file = tmp_path / "compose.yaml"
    file.write_text(yaml.safe_dump(recipe))
    (tmp_path / "keys").write_text(KEY)

    def compose(*arguments: str) -> str:
        command = [*program, "--project-name", NAME, "--file", str(file), *arguments]
        done = subprocess.run(command, stdout=PIPE, stderr=STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout.strip()

    try:
        compose("up", "--detach")
        wait_until_healthy(compose("ps", "--quiet"))
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": KEY}, timeout=30) as client:
            assert train(client, **SHORT_JOB)["status"] == "succeeded"
            (tmp_path / "keys").write_text("another")
            compose("kill", "-s", "HUP", "gan1010")
            wait_until(lambda: client.get("/jobs").status_code, lambda status: status == 401)
    finally:
        compose("down", "--volumes")


def test_image_is_scheduler_worker_and_service(image: str) -> None:
    port = str(free_port())
    address = f"tcp://127.0.0.1:{port}"
    with (
        dask_container(image, "scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard"),
        dask_container(image, "worker", address, "--nthreads", "1", "--no-dashboard"),
        running_container(image, "--tmpfs=/data:uid=10001", f"--env=GAN1010_SCHEDULER={address}") as (_, client),
    ):
        wait_until(lambda: client.get("/cluster").json(), lambda cluster: cluster["threads"] == 1)
        assert run_sweep(client, base={"iterations": 200}, seeds=100)["status"] == "succeeded"
