"""Order of writes: what the process's system calls show to be on disk before it is acknowledged."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from tests.support.clients import Server, running_server, server_process
from tests.support.contract import SHORT_JOB, start_running_job, train
from tests.support.disks import trace_calls
from tests.support.server_setup import stop_at_start, wait_until_stopped

CALLS = "openat,read,recvfrom,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync,rename,unlink"


def check_order(trace: Path, *patterns: str) -> None:
    """Check that the trace has a call for each pattern, each after the one before."""
    calls = iter(trace.read_text().splitlines())
    for pattern in patterns:
        assert any(re.search(pattern, call) for call in calls), f"no {pattern} at its place in {trace}"


@contextmanager
def traced_server(data: Path, trace: Path) -> Iterator[Server]:
    """Start a process whose calls are traced from the first one on."""
    with server_process(data, setup=stop_at_start) as server:
        wait_until_stopped(server.process.pid)
        with trace_calls(server.process.pid, f"mkdir,{CALLS}", trace):
            server.process.send_signal(signal.SIGCONT)
            server.wait_until_ready()
            yield server


def test_each_new_folder_has_its_name_on_disk(tmp_path: Path) -> None:
    with traced_server(tmp_path / "d" / "x" / "y", tmp_path / "trace"):
        pass
    folders = ("", "/d", "/d/x", "/d/x/y", "/d/x/y/models")
    patterns = [
        (rf'mkdir\("{tmp_path}{folder}", .* = 0', rf"fsync\(\d+<{tmp_path}{parent}>")
        for parent, folder in pairwise(folders)
    ]
    check_order(tmp_path / "trace", *(pattern for pair in patterns for pattern in pair))


def test_log_has_its_name_on_disk_before_the_process_is_ready(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as (_, client):
        train(client, **SHORT_JOB)
    assert not (tmp_path / "data" / "gan1010.sqlite-wal").exists()  # a clean stop deletes it
    with traced_server(tmp_path / "data", tmp_path / "trace"):
        pass
    check_order(tmp_path / "trace", r"openat\(.*sqlite-wal.*O_CREAT.* = \d", r"fsync\(.*/data>", r"write\(2<.*http://")


def test_job_is_on_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", "--workers", "1") as (server, client):
        running = start_running_job(client)  # so that the other job stays queued
        with trace_calls(server.process.pid, CALLS, tmp_path / "trace"):
            response = client.post("/train", json=SHORT_JOB)
        client.post(f"/jobs/{running['id']}/cancel")
    assert response.status_code == 202
    check_order(
        tmp_path / "trace",
        r"read.*POST /train",
        r"pwrite64\(.*sqlite-wal>",
        r"fdatasync\(.*sqlite-wal>",
        r"<(socket|TCP).*HTTP/1.1 202",
    )


def test_model_file_is_on_disk_before_its_row_and_the_response(tmp_path: Path) -> None:
    with (
        running_server(tmp_path / "data", "--workers", "1") as (server, client),
        trace_calls(server.process.pid, CALLS, tmp_path / "trace"),
    ):
        id = train(client, **SHORT_JOB)["id"]
    check_order(
        tmp_path / "trace",
        rf"openat\(.*{id}.tmp.*O_CREAT",
        rf"write\(.*{id}.tmp>",
        rf"fsync\(.*{id}.tmp>",
        rf"rename\(.*{id}.tmp.*{id}.safetensors",
        r"fsync\(.*/models>",
        r"pwrite64\(.*sqlite-wal>",
        r"fdatasync\(.*sqlite-wal>",
        r"<(socket|TCP).*HTTP/1.1 200",
    )
