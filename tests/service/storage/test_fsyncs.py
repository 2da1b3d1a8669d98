"""Fsyncs that fail, each by itself: the process ends with it, and the next one finds all that was acknowledged."""

import signal
from pathlib import Path

import httpx
import pytest

from tests.support.clients import Server, running_server, server_process
from tests.support.contract import LARGE_LOG_JOB, SHORT_JOB, Json, train
from tests.support.disks import inject_failures
from tests.support.server_setup import stop_at_start, wait_until_stopped

EX_IOERR = 74


def ended_and_lost_nothing(server: Server, data: Path, job: Json) -> None:
    """A process has said why it ended, and the next one has what was acknowledged."""
    assert "start it again" in "".join(server.log)
    with running_server(data) as (_, client):
        assert client.get(f"/jobs/{job['id']}").json() == job
        assert client.get("/sample", params={"job_id": job["id"]}).status_code == 200
        assert train(client, **SHORT_JOB)["status"] == "succeeded"


def test_of_the_folder_at_a_start_after_a_clean_stop(tmp_path: Path) -> None:
    with running_server(tmp_path) as (_, client):
        job = train(client, **SHORT_JOB)
    with server_process(tmp_path, setup=stop_at_start) as server:
        wait_until_stopped(server.process.pid)
        with inject_failures(server.process.pid, "fsync", "error=EIO", tmp_path):
            server.process.send_signal(signal.SIGCONT)
            assert server.wait(60) == EX_IOERR, "".join(server.log)
    ended_and_lost_nothing(server, tmp_path, job)


def test_of_the_database_at_a_clean_stop(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, client):
        job = train(client, **SHORT_JOB)
        with inject_failures(server.process.pid, "fdatasync", "error=EIO", tmp_path / "gan1010.sqlite"):
            assert server.stop() == EX_IOERR, "".join(server.log)
    ended_and_lost_nothing(server, tmp_path, job)


def test_of_the_database_when_a_long_log_is_copied_into_it(tmp_path: Path) -> None:
    with running_server(tmp_path) as (server, client):
        job = train(client, **SHORT_JOB)
        with inject_failures(server.process.pid, "fdatasync", "error=EIO", tmp_path / "gan1010.sqlite"):
            with pytest.raises(httpx.TransportError):
                client.post("/train", params={"wait": 30}, json=LARGE_LOG_JOB)
            assert server.wait(10) == EX_IOERR, "".join(server.log)
    ended_and_lost_nothing(server, tmp_path, job)
