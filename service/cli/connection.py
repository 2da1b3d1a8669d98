"""Connection to the service. A failed call ends the program with a message and an exit code.

The client is imported when a command connects, because httpx and pydantic load slowly.
"""

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from gan1010.client import Client
    from gan1010.client.responses import Job

EXIT_FAILED, EXIT_USAGE, EXIT_NO_SERVICE, EXIT_ENVIRONMENT, EXIT_INTERRUPTED = 1, 2, 3, 4, 130


def fail(message: str, code: int = EXIT_FAILED) -> NoReturn:
    """Print a message to stderr and exit."""
    print(f"gan1010: {message}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(code)


@contextlib.contextmanager
def connected(url: str | None, api_key: str | None = None) -> Iterator["Client"]:
    """Connect to the service; exit if a call fails."""
    import httpx

    from gan1010.client import Client, ClientError, ConfigurationError, NoResponseError, ProblemError, TlsError

    try:
        with Client(url, api_key=api_key) as client:
            yield client
    except ConfigurationError as error:
        fail(str(error), EXIT_USAGE)
    except UnicodeEncodeError:  # from the bytes of an argument
        fail("An argument is not text in the encoding of this terminal. Write it in that encoding.", EXIT_USAGE)
    except TlsError as error:
        fail(f"TLS with {error.url} fails: {error.reason}")
    except NoResponseError as error:
        remedy = "Start one with gan1010 serve, or name its URL with --url."
        fail(f"No service answers at {error.url} ({error.reason}). {remedy}", EXIT_NO_SERVICE)
    except ProblemError as error:
        fail(error.detail)
    except (ClientError, httpx.InvalidURL) as error:
        fail(str(error))


def job_or_newest(client: "Client", job_id: str | None, kind: Literal["train", "sweep"] | None = None) -> "Job":
    """Get a job, or the newest one if no id is given."""
    if job_id is not None:
        return client.job(job_id)
    newest = client.jobs(kind=kind, limit=1).data
    if not newest:
        fail(f"There is no {kind or 'job'} yet. Start one with gan1010 {kind or 'train'}.")
    return newest[0]
