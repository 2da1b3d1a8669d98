"""Where descriptors or memory are wanting, a file is not taken for damaged: it is there when they are again."""

import os
from pathlib import Path

import pytest

from tests.support.clients import running_server
from tests.support.contract import SHORT_JOB, check_problem, train
from tests.support.disks import inject_failures


@pytest.mark.parametrize(("call", "error"), [("openat", "EMFILE"), ("openat", "ENFILE"), ("read", "ENOMEM")])
def test_model_that_cannot_be_read_for_now_is_not_damaged(tmp_path: Path, call: str, error: str) -> None:
    with running_server(tmp_path) as (server, client):
        job = train(client, **SHORT_JOB)
        file = tmp_path / "models" / f"{job['id']}.safetensors"
        with inject_failures(server.process.pid, call, f"error={error}", file):
            check_problem(client.get("/sample"), 500, "storage-failed")
            check_problem(client.get(f"/models/{job['id']}/model.safetensors"), 500, "storage-failed")
        assert client.get("/sample").status_code == 200
        assert client.get(f"/models/{job['id']}/model.safetensors").content == file.read_bytes()
    assert "could not be read" in "".join(server.log)


def test_model_file_of_whatever_size_is_refused_without_being_read(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, client):
        job = train(client, **SHORT_JOB)
        server.reset_peak_memory()
        before = server.memory("VmHWM")
        os.truncate(tmp_path / "models" / f"{job['id']}.safetensors", 2**33)  # which takes no room on the disk
        check_problem(client.get("/sample", params={"job_id": job["id"]}), 409, "model-damaged")
        check_problem(client.get(f"/models/{job['id']}/model.safetensors"), 409, "model-damaged")
        assert server.memory("VmHWM") - before < 2**26
