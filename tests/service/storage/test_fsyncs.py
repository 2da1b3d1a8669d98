"""Fsyncs that fail, each by itself: the process ends with it, and the next one finds all that was acknowledged."""

import signal
from pathlib import Path

import httpx
import pytest

from tests.support.clients import Server, serving, starting
from tests.support.contract import LONG_LOG, QUICK, Json, train
from tests.support.disks import failing
from tests.support.first import stopped, until_stopped

EX_IOERR = 74


def ended_and_lost_nothing(server: Server, data: Path, job: Json) -> None:
    """A process has said why it ended, and the next one has what was acknowledged."""
    assert "start it again" in "".join(server.log)
    with serving(data) as (_, client):
        assert client.get(f"/jobs/{job['id']}").json() == job
        assert client.get("/sample", params={"job_id": job["id"]}).status_code == 200
        assert train(client, **QUICK)["status"] == "succeeded"


def test_of_the_folder_at_a_start_after_a_clean_stop(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, client):
        job = train(client, **QUICK)
    with starting(tmp_path, first=stopped) as server:
        until_stopped(server.process.pid)
        with failing(server.process.pid, "fsync", "error=EIO", tmp_path):
            server.process.send_signal(signal.SIGCONT)
            assert server.wait(60) == EX_IOERR, "".join(server.log)
    ended_and_lost_nothing(server, tmp_path, job)


def test_of_the_database_at_a_clean_stop(tmp_path: Path) -> None:
    with serving(tmp_path) as (server, client):
        job = train(client, **QUICK)
        with failing(server.process.pid, "fdatasync", "error=EIO", tmp_path / "gan1010.sqlite"):
            assert server.stop() == EX_IOERR, "".join(server.log)
    ended_and_lost_nothing(server, tmp_path, job)


def test_of_the_database_when_a_long_log_is_copied_into_it(tmp_path: Path) -> None:
    with serving(tmp_path) as (server, client):
        job = train(client, **QUICK)
        with failing(server.process.pid, "fdatasync", "error=EIO", tmp_path / "gan1010.sqlite"):
            with pytest.raises(httpx.TransportError):
                client.post("/train", params={"wait": 30}, json=LONG_LOG)
            assert server.wait(10) == EX_IOERR, "".join(server.log)
    ended_and_lost_nothing(server, tmp_path, job)
