"""Two ways to run a command: as a process of its own, and, which is quicker, in this one."""

import re
import subprocess
import sysconfig
from pathlib import Path

from typer.testing import CliRunner, Result

from service.cli import command_line
from tests.support.clients import clean_environment

GAN1010 = [str(Path(sysconfig.get_path("scripts")) / "gan1010")]
PLAIN = {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it as a process."""
    return subprocess.run(
        command,
        cwd=folder,
        env=clean_environment(**PLAIN, **environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def gan1010(*arguments: object, url: str | None = None, piped: str | None = None) -> Result:
    """Run it here, at a service if one is named."""
    environment = PLAIN | ({"GAN1010_URL": url} if url else {})
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments], input=piped, env=environment)


def done(*arguments: object, url: str | None = None, piped: str | None = None) -> str:
    """What it prints, having done what it was asked, without the spaces that fill a table's lines."""
    result = gan1010(*arguments, url=url, piped=piped)
    assert result.exit_code == 0, result.output
    return re.sub(" +$", "", result.stdout, flags=re.MULTILINE)


def refused(*arguments: object, url: str | None = None) -> tuple[int, str]:
    """The code that it ends with when it cannot do that, and why, in one line; it prints nothing else."""
    result = gan1010(*arguments, url=url)
    assert result.stdout == ""
    return result.exit_code, " ".join(result.stderr.replace("│", " ").split())
