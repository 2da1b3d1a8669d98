"""`gan1010 serve` and `demo`, as processes: what they print, how they end, and that each setting has its flag."""

import re
import socket
import sys
from pathlib import Path

import httpx
import pytest

from service.settings import Settings
from tests.service.cli.commands import GAN1010, run
from tests.support.clients import Server, running_server, server_process

MODULE = [sys.executable, "-m", "service"]


def test_every_setting_has_its_flag_and_says_its_variable(tmp_path: Path) -> None:
    shown = run([*GAN1010, "serve", "--help"], tmp_path)
    assert shown.returncode == 0
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in shown.stdout
        assert f"GAN1010_{name.upper()}" in shown.stdout


def test_module_is_the_serve_command(tmp_path: Path) -> None:
    one, other = run([*GAN1010, "serve", "--help"], tmp_path), run([*MODULE, "--help"], tmp_path)
    assert other.stdout.split() == one.stdout.replace("gan1010 serve", "python -m service").split()


@pytest.mark.parametrize("flags", [["--port", "x"], ["--queue-size", "0"], ["--none"]])
def test_bad_flag_is_named_and_nothing_is_made(tmp_path: Path, flags: list[str]) -> None:
    done = run([*MODULE, *flags], tmp_path)
    assert done.returncode != 0
    assert flags[0].strip("-").replace("-", "_") in done.stderr.replace("-", "_")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_flags_come_before_the_environment(tmp_path: Path) -> None:
    environment = {"GAN1010_MAX_BODY_BYTES": "2048", "GAN1010_DATA_DIR": str(tmp_path / "never")}
    with running_server(tmp_path / "flag", **environment) as (_, client):
        assert client.post("/train", content=b" " * 3000).status_code == 413
    assert not (tmp_path / "never").exists()
    assert (tmp_path / "flag").is_dir()


def test_port_that_is_taken_ends_it_with_a_word_and_a_code(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run([*MODULE, "--port", str(taken.getsockname()[1]), "--data-dir", str(tmp_path)], tmp_path)
    assert done.returncode not in (0, None)
    assert "address already in use" in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_folder_that_cannot_be_made_ends_it_with_a_word_and_a_code(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run([*MODULE, "--port", "0", "--data-dir", str(tmp_path / "file")], tmp_path)
    assert done.returncode not in (0, None)
    assert str(tmp_path / "file") in done.stderr
    assert "Traceback" not in done.stderr


def test_folder_of_another_process_ends_it_with_a_word_and_a_code(server: Server, tmp_path: Path) -> None:
    done = run([*MODULE, "--port", "0", "--data-dir", str(server.data_dir)], tmp_path)
    assert done.returncode not in (0, None)
    assert re.search(rf"another .* uses {re.escape(str(server.data_dir))}", done.stderr)
    assert "Traceback" not in done.stderr
    trained = httpx.post(f"{server.url}/train", params={"wait": 9})  # the first is none the worse
    assert (trained.status_code, trained.json()["status"]) == (200, "succeeded")


def test_stop_while_it_starts_is_a_clean_stop(tmp_path: Path) -> None:
    with server_process(tmp_path, fresh=True) as server:
        server.wait_for("(Waiting for application startup)")
        assert server.stop() == 0, "".join(server.log)
        assert "Traceback" not in "".join(server.log)


def test_demo_tells_the_article_and_draws_it(tmp_path: Path) -> None:
    done = run([*GAN1010, "demo", "--output", str(tmp_path / "here")], tmp_path)
    assert done.returncode == 0, done.stderr
    untrained, trained = (
        re.search(rf"^\s*{name}\s.*?([01]{{4}}).*?((?:[\d.]+\s+){{4}})", done.stdout, re.MULTILINE)
        for name in ("untrained", "trained")
    )
    assert untrained
    assert trained
    assert trained[1] == "1010"
    assert all(0.2 < float(value) < 0.8 for value in untrained[2].split())
    assert "real" in done.stdout
    assert "noise" in done.stdout
    for picture in ("losses.png", "evolution.png"):
        assert str(tmp_path / "here" / picture) in done.stdout.replace("\n", "")
        assert (tmp_path / "here" / picture).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
