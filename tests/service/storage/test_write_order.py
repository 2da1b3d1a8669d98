"""In which order the disk is told things, and clients of them, as the process's own system calls show it."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.clients import Server, running_server, server_process
from tests.support.contract import SHORT_JOB, start_running_job, train
from tests.support.disks import trace_calls
from tests.support.server_setup import stop_at_start, wait_until_stopped

CALLS = "openat,read,recvfrom,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync,rename,unlink"


def in_order(trace: Path, *patterns: str) -> None:
    """Each of the calls is there, after the one before."""
    calls = iter(trace.read_text().splitlines())
    for pattern in patterns:
        assert any(re.search(pattern, call) for call in calls), f"no {pattern}, where it should be, in {trace}"


@contextmanager
def starting_traced(data: Path, into: Path) -> Iterator[Server]:
    """A process whose every call is written down from its start on."""
    with server_process(data, setup=stop_at_start) as server:
        wait_until_stopped(server.process.pid)
        with trace_calls(server.process.pid, f"mkdir,{CALLS}", into):
            server.process.send_signal(signal.SIGCONT)
            yield server


def test_each_folder_that_is_made_has_its_name_on_disk(tmp_path: Path) -> None:
    with starting_traced(tmp_path / "d" / "x" / "y", tmp_path / "trace") as server:
        server.wait_until_ready()
    in_order(
        tmp_path / "trace",
        rf'mkdir\("{tmp_path}/d", .* = 0',
        rf"fsync\(\d+<{tmp_path}>",
        rf'mkdir\("{tmp_path}/d/x", .* = 0',
        rf"fsync\(\d+<{tmp_path}/d>",
        rf'mkdir\("{tmp_path}/d/x/y", .* = 0',
        rf"fsync\(\d+<{tmp_path}/d/x>",
        rf'mkdir\("{tmp_path}/d/x/y/models", .* = 0',
        rf"fsync\(\d+<{tmp_path}/d/x/y>",
    )


def test_log_has_its_name_on_disk_before_the_process_is_ready(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as (_, client):
        train(client, **SHORT_JOB)
    assert not (tmp_path / "data" / "gan1010.sqlite-wal").exists()  # a clean stop takes it away
    with starting_traced(tmp_path / "data", tmp_path / "trace") as server:
        server.wait_until_ready()
    in_order(tmp_path / "trace", r"openat\(.*sqlite-wal.*O_CREAT.* = \d", r"fsync\(.*/data>", r"write\(2<.*http://")


def test_job_is_on_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", "--workers", "1") as (server, client):
        endless = start_running_job(client)  # so that no thread takes the other one
        with trace_calls(server.process.pid, CALLS, tmp_path / "trace"):
            answer = client.post("/train", json=SHORT_JOB)
        client.post(f"/jobs/{endless['id']}/cancel")
    assert answer.status_code == 202
    in_order(
        tmp_path / "trace",
        r"<(socket|TCP).*POST /train",
        r"pwrite64\(.*sqlite-wal>",
        r"fdatasync\(.*sqlite-wal>",
        r"<(socket|TCP).*HTTP/1.1 202",
    )


def test_model_is_whole_on_disk_before_its_row_and_that_before_the_answer(tmp_path: Path) -> None:
    with (
        running_server(tmp_path / "data", "--workers", "1") as (server, client),
        trace_calls(server.process.pid, CALLS, tmp_path / "trace"),
    ):
        job = train(client, **SHORT_JOB)
    in_order(
        tmp_path / "trace",
        rf"openat\(.*{job['id']}.tmp.*O_CREAT",
        rf"write\(.*{job['id']}.tmp>",
        rf"fsync\(.*{job['id']}.tmp>",
        rf"rename\(.*{job['id']}.tmp.*{job['id']}.safetensors",
        r"fsync\(.*/models>",
        r"pwrite64\(.*sqlite-wal>",
        r"fdatasync\(.*sqlite-wal>",
        r"<(socket|TCP).*HTTP/1.1 200",
    )
