"""Import of the client: light, lazy, and independent of the service."""

import json
import subprocess
import sys
from pathlib import Path

import gan1010


def test_client_works_beside_a_file_called_service(server_url: str, tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text("raise ImportError('the service.py of a user')")
    program = tmp_path / "program.py"
    program.write_text(
        f"""
import json, sys
import gan1010
before = set(sys.modules)
from gan1010.client import Client
with Client("{server_url}") as client:
    print(client.train(iterations=50, wait=30).status)
print(json.dumps([sorted(before), sorted(sys.modules)]))
"""
    )
    output = subprocess.run([sys.executable, program], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    status, modules = output.splitlines()
    without_client, with_client = map(set, json.loads(modules))
    assert status == "succeeded"
    assert without_client & {"gan1010.client", "httpx", "pydantic"} == set()
    assert with_client & {"service", "torch", "numba", "numpy", "fastapi"} == set()


def test_package_is_typed() -> None:
    assert (Path(gan1010.__file__).parent / "py.typed").exists()
