"""kserve's client and storage against a real server, from a Python environment of its own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.contract import train

PROGRAM = Path(__file__).with_name("kserve_program.py")
PYTHON = os.environ.get("TEST_KSERVE_PYTHON") or (sys.executable if importlib.util.find_spec("kserve") else None)


DOWNLOAD = "import sys; from kserve_storage import Storage; Storage.download(*sys.argv[1:])"
needs_kserve = pytest.mark.skipif(PYTHON is None, reason="TEST_KSERVE_PYTHON names no Python that has kserve")


@needs_kserve
def test_kserve_client_works_as_documented(server_client: httpx.Client) -> None:
    ids = [train(server_client, pattern=pattern, seed=1)["id"] for pattern in ("110", "1010")]
    command = [str(PYTHON), PROGRAM, str(server_client.base_url).rstrip("/"), *ids]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stderr


@needs_kserve
def test_kserve_unpacks_the_triton_repository(server_client: httpx.Client, tmp_path: Path) -> None:
    job = train(server_client, seed=1)
    url = f"{server_client.base_url.join('/models')}/{job['id']}/triton.zip"
    subprocess.run([str(PYTHON), "-c", DOWNLOAD, url, str(tmp_path)], check=True, timeout=60)
    for name in ("generator", "discriminator"):
        network = server_client.get(f"/models/{job['id']}/{name}.onnx").content
        assert (tmp_path / name / "1" / "model.onnx").read_bytes() == network
        assert (tmp_path / name / "config.pbtxt").exists()
