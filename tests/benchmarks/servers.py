"""Servers to measure: each is a process on a free port, ready when yielded and stopped afterwards."""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.load import Connection, request

GAN1010 = Path(sysconfig.get_path("scripts"), "gan1010")
START_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Server:
    """Running server on a port of this machine."""

    port: int
    pid: int
    seconds_to_ready: float


@contextmanager
def gan1010(data_dir: Path, *options: str) -> Iterator[Server]:
    """Run the service on a data folder."""
    port = _free_port()
    command = [str(GAN1010), "serve", "--port", str(port), "--data-dir", str(data_dir), *options]
    with _process(command, port, "/readyz") as server:
        yield server


@contextmanager
def uvicorn(factory: str, *options: str, **environment: str) -> Iterator[Server]:
    """Run an app of `baselines` with uvicorn's fastest settings."""
    port = _free_port()
    fast = ["--http", "httptools", "--loop", "uvloop", "--port", str(port)]
    command = [sys.executable, "-m", "uvicorn", "--factory", f"tests.benchmarks.baselines:{factory}", *fast, *options]
    with _process(command, port, "/", **environment) as server:
        yield server


@contextmanager
def mlserver(python: Path, folder: Path, network: bytes) -> Iterator[Server]:
    """Run MLServer from another Python with an ONNX file, with its fastest settings."""
    port, grpc_port = _free_port(), _free_port()
    settings = {"debug": False, "parallel_workers": 0, "http_port": port, "grpc_port": grpc_port, "host": "127.0.0.1"}
    settings["metrics_endpoint"] = None
    model = {"name": "discriminator", "implementation": "mlserver_model.Discriminator"}
    model["parameters"] = {"uri": str(folder / "model.onnx")}
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    (folder / "model.onnx").write_bytes(network)
    shutil.copy(Path(__file__).with_name("mlserver_model.py"), folder)
    command = [str(python.with_name("mlserver")), "start", str(folder)]
    with _process(command, port, "/v2/models/discriminator/ready") as server:
        yield server


@contextmanager
def _process(command: list[str], port: int, ready: str, **environment: str) -> Iterator[Server]:
    start = time.perf_counter()
    env = {name: value for name, value in os.environ.items() if not name.startswith("GAN1010_")} | environment
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    try:
        while not _is_ready(port, request("GET", ready)):
            if process.poll() is not None or time.perf_counter() - start > START_TIMEOUT_SECONDS:
                raise RuntimeError(f"{' '.join(command)} did not start")
            time.sleep(0.002)
        yield Server(port=port, pid=process.pid, seconds_to_ready=time.perf_counter() - start)
    finally:
        process.terminate()
        process.wait()


def _is_ready(port: int, message: bytes) -> bool:
    """Return whether the server responds. A baseline may respond with 404."""
    try:
        with closing(Connection(port)) as connection:
            status, _ = connection.fetch(message)
    except OSError:
        return False
    return status != 503


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
