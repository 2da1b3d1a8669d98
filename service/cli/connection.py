"""A service to ask, and what is said when it does not do what it was asked."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Literal, NoReturn

import httpx
import typer

from gan1010.client import Client, ClientError, NoResponseError, ProblemError
from gan1010.client.responses import Job

EXIT_FAILED, EXIT_NO_SERVICE, EXIT_INTERRUPTED = 1, 3, 130


def end(message: str, code: int = EXIT_FAILED) -> NoReturn:
    """End the program with a word."""
    print(f"gan1010: {message}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(code)


@contextlib.contextmanager
def connected(url: str | None) -> Iterator[Client]:
    """A client of the service; what goes wrong ends the program, with a word and a code."""
    with explained(), Client(url) as client:
        yield client


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Calls to a service; what goes wrong with one ends the program."""
    try:
        yield
    except NoResponseError as error:
        hint = "start one with gan1010 serve, or say with --url where it is"
        end(f"no service answers at {error.url} ({error.reason}); {hint}", EXIT_NO_SERVICE)
    except ProblemError as error:
        end(error.detail)
    except (ClientError, httpx.InvalidURL) as error:
        end(str(error))


def job_or_newest(client: Client, job_id: str | None, kind: Literal["train", "sweep"] | None = None) -> Job:
    """The job; if none is named, the newest there is."""
    if job_id is not None:
        return client.job(job_id)
    newest = client.jobs(kind=kind, limit=1).data
    if not newest:
        end("there is no job yet; gan1010 train starts one" if kind != "sweep" else "there is no sweep yet")
    return newest[0]
