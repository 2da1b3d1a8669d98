"""`gan1010 serve` and `demo`, as processes."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from service.settings import Settings
from tests.service.cli.commands import GAN1010, UNUSABLE_VARIABLES, run_process
from tests.support.clients import (
    STOP_TIMEOUT_SECONDS,
    Server,
    clean_environment,
    free_port,
    running_server,
    server_process,
    wait_until_up,
)
from tests.support.contract import SHORT_JOB, train, wait_until
from tests.support.server_setup import break_kernel

MODULE = [sys.executable, "-m", "service"]


def error_of_serve(folder: Path, *flags: object, code: int = 1) -> str:
    """Run `serve`, which must fail with this exit code, and return what it writes to stderr."""
    process = run_process([*MODULE, *map(str, flags)], folder)
    assert process.returncode == code, process.stderr
    assert "Traceback" not in process.stderr
    return process.stderr


def test_help_has_the_flag_and_the_variable_of_every_setting(tmp_path: Path) -> None:
    help = run_process([*GAN1010, "serve", "--help"], tmp_path).stdout
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in help
        assert f"GAN1010_{name.upper()}" in help
    module_help = run_process([*MODULE, "--help"], tmp_path).stdout
    assert module_help.split() == help.replace("gan1010 serve", "python -m service").split()


@pytest.mark.parametrize("flags", [["--port", "x"], ["--queue-size", "0"], ["--api-key", ""], ["--none"]])
def test_invalid_flag_is_named_and_nothing_is_written(tmp_path: Path, flags: list[str]) -> None:
    assert flags[0] in error_of_serve(tmp_path, *flags, code=2)
    assert list(tmp_path.iterdir()) == []


def test_all_invalid_variables_are_named_in_one_line(tmp_path: Path) -> None:
    process = run_process(MODULE, tmp_path, GAN1010_WORKERS="two", GAN1010_DATA_DIR="~nobody-of-this-name")
    assert (process.returncode, process.stdout) == (2, "")
    (line,) = process.stderr.splitlines()
    assert re.fullmatch(r"gan1010: GAN1010_DATA_DIR: .+\. GAN1010_WORKERS: .+\.", line)
    assert list(tmp_path.iterdir()) == []


def test_flags_override_the_environment(tmp_path: Path) -> None:
    environment = {"GAN1010_MAX_BODY_BYTES": "2048", "GAN1010_DATA_DIR": str(tmp_path / "never")}
    with running_server(tmp_path / "flag", **environment) as (_, client):
        assert client.post("/train", content=b" " * 3000).status_code == 413
    assert not (tmp_path / "never").exists()
    assert (tmp_path / "flag").is_dir()


def test_port_in_use_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = error_of_serve(tmp_path, "--port", port, "--data-dir", tmp_path / "data")
    assert f"127.0.0.1, port {port}: Address already in use. Choose another --host or --port." in error
    assert list(tmp_path.iterdir()) == []


def test_failure_of_the_start_is_logged_and_has_an_exit_code(tmp_path: Path) -> None:
    with server_process(tmp_path, setup=break_kernel) as server:
        assert server.wait(60) == 1
    assert any("RuntimeError: a broken kernel" in line for line in server.log)


@pytest.mark.parametrize(
    ("host", "printed"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost"),
        ("127.0.0.2", "127.0.0.2"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104
        ("::1", "[::1]"),
        ("[::]", "[::1]"),
    ],
)
def test_printed_url_works(tmp_path: Path, host: str, printed: str) -> None:
    if ":" in host and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with running_server(tmp_path, "--host", host) as (server, client):
        assert re.fullmatch(rf"http://{re.escape(printed)}:[1-9]\d+", server.url)
        assert client.get("/jobs").status_code == 200
    is_open = host in ("0.0.0.0", "[::]")  # noqa: S104
    assert sum("WARNING" in line for line in server.log) == is_open
    assert any("any client of a private network" in line for line in server.log) == is_open


def test_address_that_is_not_allowed_as_a_host_is_warned_of(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route, suppress(OSError):
        route.connect(("192.0.2.1", 9))  # sends nothing
        address = route.getsockname()[0]
    if address in ("0.0.0.0", "127.0.0.1"):  # noqa: S104
        pytest.skip("no network here")
    for environment, status in (
        ({}, 403),
        ({"GAN1010_ALLOWED_HOSTS": address}, 200),
        ({"GAN1010_API_KEY": "key"}, 200),
    ):
        with running_server(tmp_path, "--host", address, **environment) as (server, client):
            assert client.get("/jobs", headers={"X-API-Key": "key"}).status_code == status
        is_warned_of = any(f"Requests to {address} are refused" in line for line in server.log)
        assert is_warned_of == (status == 403)


def test_closed_standard_streams_get_no_other_files(tmp_path: Path) -> None:
    port = str(free_port())
    command = shlex.join(["exec", *MODULE, "--port", port, "--data-dir", str(tmp_path)])
    process = subprocess.Popen(["bash", "-c", f"{command} <&- >&- 2>&-"], cwd=tmp_path, env=clean_environment())
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            wait_until_up(client)
            assert {Path(f"/proc/{process.pid}/fd/{number}").readlink() for number in range(3)} == {Path(os.devnull)}
            assert train(client, **SHORT_JOB)["status"] == "succeeded"
        process.terminate()
        assert process.wait(STOP_TIMEOUT_SECONDS) == 0
    finally:
        process.kill()


def test_service_link_of_kubernetes_is_ignored(tmp_path: Path) -> None:
    link = {"GAN1010_PORT": "tcp://10.96.0.12:8000", "GAN1010_SERVICE_HOST": "10.96.0.12"}
    with running_server(tmp_path, GAN1010_PORT_8000_TCP="tcp://10.96.0.12:8000", **link) as (server, _):
        pass
    assert any("GAN1010_PORT" in line and "ignored" in line for line in server.log)


def test_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("in the way")
    assert str(file) in error_of_serve(tmp_path, "--port", 0, "--data-dir", file)


def test_folder_of_another_process_is_an_error_and_does_not_harm_that_process(server: Server, tmp_path: Path) -> None:
    error = error_of_serve(tmp_path, "--port", 0, "--data-dir", server.data_dir)
    assert "another" in error.lower()
    assert str(server.data_dir) in error
    trained = httpx.post(f"{server.url}/train", params={"wait": 30}, timeout=60)
    assert (trained.status_code, trained.json()["status"]) == (200, "succeeded")


def test_sigterm_during_the_imports_is_a_clean_stop(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", fresh=True) as server:
        status = Path(f"/proc/{server.process.pid}/status")
        wait_until(lambda: int(re.findall(r"SigCgt:\s+(\w+)", status.read_text())[0], 16) >> (signal.SIGTERM - 1) & 1)
        assert not (tmp_path / "data").exists()  # the process is still importing
        assert server.stop() == 0
    assert server.log == []


def test_sigterm_during_startup_is_a_clean_stop(tmp_path: Path) -> None:
    with server_process(tmp_path, fresh=True) as server:
        server.wait_for("(Waiting for application startup)")
        assert server.stop() == 0, "".join(server.log)
        assert "Traceback" not in "".join(server.log)


@pytest.mark.parametrize("command", ["demo", "sweep"])
def test_invalid_variable_of_the_service_is_named(tmp_path: Path, command: str) -> None:
    process = run_process([*GAN1010, command], tmp_path, GAN1010_WORKERS="many")
    assert (process.returncode, process.stdout) == (2, "")
    assert re.fullmatch("gan1010: GAN1010_WORKERS: .*integer.*\n", process.stderr)
    assert list(tmp_path.iterdir()) == []


def test_demo_shows_the_article_and_writes_its_plots(tmp_path: Path) -> None:
    variables = UNUSABLE_VARIABLES | {"PYTHONIOENCODING": "ascii"}
    demo = run_process([*GAN1010, "demo", "--output", str(tmp_path / "here")], tmp_path, **variables)
    assert demo.returncode == 0, demo.stderr
    rows = {
        row[1]: (row[2], [float(value) for value in row[3].split()])
        for row in re.finditer(r"^\s*((?:un)?trained)\s.*?([01]{4}).*?((?:[\d.]+\s+){4})", demo.stdout, re.MULTILINE)
    }
    assert rows["trained"][0] == "1010"
    assert all(0.2 < value < 0.8 for value in rows["untrained"][1])
    assert re.search(r"trained alone +0\.[6-9]\d +0\.[0-3]\d", demo.stdout)
    for plot in ("losses.png", "evolution.png"):
        assert str(tmp_path / "here" / plot) in demo.stdout.replace("\n", "")
        assert (tmp_path / "here" / plot).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
