"""`gan1010 serve` and `demo`, as processes."""

import fcntl
import json
import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from service.settings import Settings
from tests.service.cli.commands import GAN1010, UNUSABLE_VARIABLES, run_process
from tests.support.clients import (
    START_TIMEOUT_SECONDS,
    STOP_TIMEOUT_SECONDS,
    Server,
    clean_environment,
    free_port,
    running_server,
    server_process,
    wait_until_up,
)
from tests.support.container import run_health_check
from tests.support.contract import SHORT_JOB, train, wait_until
from tests.support.forking import ForkedProcess, run_service
from tests.support.server_setup import become_nobody, break_kernel, hide_dask

MODULE = [sys.executable, "-m", "service"]


def error_of_serve(folder: Path, *flags: object, code: int = 4, **environment: str) -> str:
    """Run `serve`, which must fail with this exit code, and return the one line that it logs."""
    variables = {"GAN1010_DATA_DIR": str(folder / "data"), "GAN1010_LOG_FORMAT": "json"} | environment
    process = ForkedProcess(run_service, [str(flag) for flag in flags], clean_environment(**variables))
    with process.stderr:
        (line,) = process.stderr
    assert process.wait(START_TIMEOUT_SECONDS) == code
    if variables["GAN1010_LOG_FORMAT"] != "text":
        content = json.loads(line)
        assert content["level"] == "error"
        line = content["message"]
    prefix, text = re.split("(?<=gan1010 cannot start: )", line.rstrip())
    assert len(prefix) < 70
    return text


def test_help_has_the_flag_and_the_variable_of_every_setting(tmp_path: Path) -> None:
    help = run_process([*GAN1010, "serve", "--help"], tmp_path).stdout
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in help
        assert f"GAN1010_{name.upper()}" in help
    module_help = run_process([*MODULE, "--help"], tmp_path).stdout
    assert module_help.split() == help.replace("gan1010 serve", "python -m service").split()


@pytest.mark.parametrize("flags", [["--port", "x"], ["--queue-size", "0"], ["--api-key", ""]])
def test_invalid_flag_is_named_and_nothing_is_written(tmp_path: Path, flags: list[str]) -> None:
    assert error_of_serve(tmp_path, *flags, code=2).startswith(f"{flags[0]}: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", ["text", "json\r"])
def test_all_invalid_variables_are_named_in_one_line(tmp_path: Path, form: str) -> None:
    variables = {"GAN1010_WORKERS": "two", "GAN1010_DATA_DIR": "~nobody-of-this-name", "GAN1010_APIKEY": "hunter2"}
    error = error_of_serve(tmp_path, code=2, GAN1010_LOG_FORMAT=form, **variables)
    assert re.fullmatch(r"GAN1010_APIKEY: .+ GAN1010_DATA_DIR: .+\. GAN1010_WORKERS: .+\.", error)
    assert "hunter2" not in error
    assert list(tmp_path.iterdir()) == []


def test_keys_are_read_again_on_sighup(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("alice:s3cret\n")
    with running_server(tmp_path / "data", GAN1010_API_KEY_FILE=str(file)) as (server, client):

        def status(key: str) -> int:
            return client.get("/jobs", headers={"X-API-Key": key}).status_code

        assert (status("s3cret"), status("t0ken")) == (200, 401)
        file.write_text("alice:s3cret2\nbob:t0ken\n")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("(keys have been read again: alice, bob)")
        assert (status("s3cret"), status("s3cret2"), status("t0ken")) == (401, 200, 200)
        for content in ("", "a b"):
            file.write_text(content)
            server.process.send_signal(signal.SIGHUP)
            assert str(file) in server.wait_for("keys have not been changed: (.*)")
        file.unlink()
        server.process.send_signal(signal.SIGHUP)
        assert "No such file" in server.wait_for("keys have not been changed: (.*)")
        assert (status("s3cret2"), status("t0ken")) == (200, 200)


def test_keys_of_a_secrets_folder_do_not_vanish_on_sighup(tmp_path: Path) -> None:
    (tmp_path / "gan1010_api_key").write_text("s3cret")
    (tmp_path / "gan1010_workers").write_text("1")
    with running_server(tmp_path / "data", GAN1010_SECRETS_DIR=str(tmp_path)) as (server, client):
        assert client.get("/jobs").status_code == 401
        (tmp_path / "gan1010_api_key").unlink()
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("(keys have not been changed: there is none any more)")
        assert client.get("/jobs", headers={"X-API-Key": "s3cret"}).status_code == 200


def test_sighup_of_a_closed_terminal_is_a_clean_stop(tmp_path: Path) -> None:
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [*MODULE, "--port", "0", "--data-dir", str(tmp_path / "data")],
        env=clean_environment(), stdin=its_end, stdout=its_end, stderr=its_end, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(its_end)
    try:
        log = b""
        while b"Serving at" not in log:
            log += os.read(terminal, 4096)
        os.kill(process.pid, signal.SIGHUP)  # of an operator
        while b"read again" not in log:
            log += os.read(terminal, 4096)
        os.close(terminal)
        assert process.wait(STOP_TIMEOUT_SECONDS) == 0
    finally:
        process.kill()
        process.wait()


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
        assert run_health_check(tmp_path) == 0
    assert run_health_check(tmp_path) == 1
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
    for folder in (file, file / "data"):
        error = error_of_serve(tmp_path, "--port", 0, "--data-dir", folder)
        assert error.startswith(f"The data folder {folder} cannot be used ({file}")
        assert error.endswith("choose another --data-dir.")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("folder", ["new/folder", "existing"])
def test_folder_that_cannot_be_written_is_an_error(tmp_path: Path, folder: str) -> None:
    (tmp_path / "existing" / "models").mkdir(parents=True)
    with server_process(tmp_path / folder, setup=become_nobody) as server:
        assert server.wait(60) == 4
    (line,) = server.log
    assert f"The data folder {tmp_path / folder} cannot be used (" in line
    assert "Permission denied). Let this user create it and write there, or choose another --data-dir." in line
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*")] == ["existing", "existing/models"]


def test_missing_dask_is_an_error_before_a_folder_is_made(tmp_path: Path) -> None:
    with server_process(tmp_path / "data", "--scheduler", "tcp://127.0.0.1:9", setup=hide_dask) as server:
        assert server.wait(60) == 4
    assert "gan1010[dask]" in server.log[-1]
    assert list(tmp_path.iterdir()) == []


def test_folder_of_another_process_is_an_error_and_does_not_harm_that_process(server: Server, tmp_path: Path) -> None:
    error = error_of_serve(tmp_path, "--port", 0, "--data-dir", server.data_dir)
    assert error == f"Another gan1010 process uses {server.data_dir}. Stop it, or use another --data-dir."
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


def test_folder_in_use_stops_a_command_that_needs_a_service(server: Server, tmp_path: Path) -> None:
    process = run_process([*GAN1010, "sweep"], tmp_path, GAN1010_DATA_DIR=str(server.data_dir))
    assert (process.returncode, process.stdout) == (4, "")
    assert re.fullmatch("gan1010: The service cannot start: Another gan1010 process uses .*\n", process.stderr)


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
    assert re.search(r"in PyTorch .*10000/10000 in", demo.stdout)
    assert re.search(r"PyTorch: .+, gan1010: .+, 1/[\d,]+\. Losses differ by at most \d", demo.stdout)
    assert re.search(r"trained alone +0\.[6-9]\d +0\.[0-3]\d", demo.stdout)
    for plot in ("losses.png", "evolution.png"):
        assert str(tmp_path / "here" / plot) in demo.stdout.replace("\n", "")
        assert (tmp_path / "here" / plot).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
