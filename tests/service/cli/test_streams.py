"""Output of commands as processes: every encoding, local times, and streams that are closed or full."""

import json
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.service.cli.commands import GAN1010, run_process
from tests.support.contract import Json, train

NAME = "Müller ✓"


@pytest.fixture(scope="module")
def job(server_client: httpx.Client) -> Json:
    return train(server_client, name=NAME, iterations=2000, seed=1)


@pytest.mark.parametrize(
    ("encoding", "name", "bars", "line"),
    [("ascii", r"M\xfcller +", "[.:=+*#@-]", "-"), ("utf-8", NAME, "[▁-█]", "━")],
)
def test_text_appears_in_any_encoding(
    server_url: str, job: Json, tmp_path: Path, encoding: str, name: str, bars: str, line: str
) -> None:
    variables = {"PYTHONIOENCODING": encoding, "TZ": "Asia/Tokyo", "GAN1010_URL": server_url}
    watched = run_process([*GAN1010, "watch", job["id"]], tmp_path, **variables)
    assert watched.returncode == 0, watched.stderr
    assert f"Train {line * 20} 2000/2000" in watched.stderr
    assert f"{job['id']}  {name}" in watched.stdout
    assert re.search(f"^Sample +[ {bars[1:]}+ +[01]{{4}}", watched.stdout, re.MULTILINE)
    created = datetime.fromisoformat(job["created_at"]) + timedelta(hours=9)
    assert re.search(f"^History +queued {created:%H:%M:%S}", watched.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", ["show --json", "watch --json"])
def test_json_is_readable_in_any_encoding(server_url: str, job: Json, tmp_path: Path, command: str) -> None:
    arguments = [*GAN1010, *command.split(), job["id"], "--url", server_url]
    shown = run_process(arguments, tmp_path, PYTHONIOENCODING="latin-1")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.isascii()
    content = shown.stdout if command == "show --json" else shown.stdout.splitlines()[-1]
    assert json.loads(content) == job


@pytest.mark.parametrize("columns", ["0", "", "60"])
def test_ids_are_shown_at_any_width(server_url: str, job: Json, columns: str) -> None:
    environment = {"COLUMNS": columns, "GAN1010_URL": server_url}
    assert job["id"] in subprocess.check_output([*GAN1010, "jobs"], env=environment, text=True)


@pytest.mark.parametrize(
    ("redirection", "code", "message"),
    [
        (">&-", 0, ""),
        ("<&- >&- 2>&-", 0, ""),
        (">/dev/full", 1, "gan1010: The output cannot be written: No space left on device.\n"),
        ("| :", 1, ""),
    ],
)
@pytest.mark.parametrize("command", ["jobs", "show --json"])
def test_output_that_cannot_be_written(
    server_url: str, job: Json, command: str, redirection: str, code: int, message: str
) -> None:
    line = f"{GAN1010[0]} {command} {redirection}; exit ${{PIPESTATUS[0]}}"
    process = subprocess.run(["bash", "-c", line], env={"GAN1010_URL": server_url}, capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (code, message)
