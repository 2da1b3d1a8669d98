"""Helpers that run a command, in this process or, more slowly, in one of its own."""

import os
import re
import signal
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import httpx
from typer.testing import CliRunner, Result

from service.cli import command_line
from tests.support.clients import clean_environment
from tests.support.contract import Json, wait_until

GAN1010 = [str(Path(sysconfig.get_path("scripts")) / "gan1010")]
UNUSABLE_VARIABLES = {  # which nothing on this machine needs
    "HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "socks5://127.0.0.1:9", "SSL_CERT_FILE": "/nosuch",
    "SSL_CERT_DIR": "/nosuch", "SSLKEYLOGFILE": "/nosuch/file",
}  # fmt: skip
PLAIN_TERMINAL = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


def run_process(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    env = clean_environment(**PLAIN_TERMINAL, **environment)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def interrupt(arguments: list[str], url: str, started: Callable[[Json], bool]) -> tuple[int, str, str, Json]:
    """Send Ctrl-C to a command once its job has started; return its exit code, stdout and stderr, and the job."""
    command = [*GAN1010, *arguments, "--name", "to be interrupted", "--url", url]
    env = clean_environment(**PLAIN_TERMINAL)
    # A shell that runs the tests in the background has SIGINT ignored, and its processes inherit that.
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    signal.signal(signal.SIGINT, previous)
    newest = f"{url}/jobs?limit=1&kind={arguments[0]}"
    page = wait_until(
        lambda: httpx.get(newest).json(),
        lambda page: any(job["name"] == "to be interrupted" and started(job) for job in page["data"]),
    )
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert "Traceback" not in stderr
    return process.returncode, stdout, stderr, httpx.get(f"{url}/jobs/{page['data'][0]['id']}").json()


def invoke(*arguments: object, url: str | None = None, stdin: str | None = None) -> Result:
    """Run `gan1010` in this process, with the service at a URL."""
    unset = {name: None for name in os.environ if name.startswith("GAN1010_")}  # also those of the tests
    environment = unset | PLAIN_TERMINAL | ({"GAN1010_URL": url} if url else {})
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments], input=stdin, env=environment)


def output_of(*arguments: object, url: str | None = None, stdin: str | None = None) -> str:
    """Run a command that succeeds; return its output without the spaces at the ends of table lines."""
    result = invoke(*arguments, url=url, stdin=stdin)
    assert result.exit_code == 0, result.output
    return re.sub(" +$", "", result.stdout, flags=re.MULTILINE)
