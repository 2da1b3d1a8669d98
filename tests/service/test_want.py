"""Where descriptors or memory are wanting, a file is not taken for damaged: it is there when they are again."""

from pathlib import Path

import pytest

from tests.service.clients import serving
from tests.service.contract import QUICK, problem, train
from tests.service.disks import failing


@pytest.mark.parametrize(("call", "error"), [("openat", "EMFILE"), ("openat", "ENFILE"), ("read", "ENOMEM")])
def test_model_that_cannot_be_read_for_now_is_not_damaged(tmp_path: Path, call: str, error: str) -> None:
    with serving(tmp_path) as (server, client):
        job = train(client, **QUICK)
        file = tmp_path / "models" / f"{job['id']}.safetensors"
        with failing(server.process.pid, call, f"error={error}", file):
            problem(client.get("/sample"), 500, "storage-failed")
            problem(client.get(f"/models/{job['id']}/model.safetensors"), 500, "storage-failed")
        assert client.get("/sample").status_code == 200
        assert client.get(f"/models/{job['id']}/model.safetensors").content == file.read_bytes()
    assert "could not be read" in "".join(server.log)
