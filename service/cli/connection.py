"""Connection to the service. A failed call ends the program with a message and an exit code.

The client is imported when a command connects, because httpx and pydantic load slowly.
"""

import contextlib
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NoReturn

import typer

if TYPE_CHECKING:
    from gan1010.client import Client
    from gan1010.client.responses import Job

EXIT_FAILED, EXIT_USAGE, EXIT_NO_SERVICE, EXIT_ENVIRONMENT, EXIT_INTERRUPTED = 1, 2, 3, 4, 130


JOB_ID, PREFIX = re.compile("[0-9a-f]{24}"), re.compile("[0-9a-f]{1,24}")
MAX_NAME_LENGTH = 100
COMMANDS_OF_CALLS = {
    "GET /jobs lists the jobs": "List the jobs with gan1010 jobs",
    "POST /train with an empty body trains the article's GAN": "Train the article's GAN with gan1010 train",
    "GET /sweeps/([0-9a-f]+)/results has its results": r"Show its results with gan1010 show \1",
    "GET /jobs/([0-9a-f]+) has its result": r"Show its result with gan1010 show \1",
    "Send one as Authorization: Bearer KEY, or as X-API-Key: KEY": "Set GAN1010_API_KEY to one",
}


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
        fail(_as_commands(error.detail))
    except (ClientError, httpx.InvalidURL) as error:
        fail(str(error))


def _as_commands(detail: str) -> str:
    """Replace the HTTP calls that a problem advises by commands."""
    for call, command in COMMANDS_OF_CALLS.items():
        detail = re.sub(call, command, detail)
    return detail


def find_job_id(client: "Client", job: str) -> str:
    """Return the id of the job with this id, with this name, or whose id alone begins so; exit if there is none."""
    if JOB_ID.fullmatch(job):
        return job
    found = client.jobs(name=job, limit=3).data if len(job) <= MAX_NAME_LENGTH else []
    if not found and PREFIX.fullmatch(job):
        found = client.jobs(prefix=job, limit=3).data
    if len(found) == 1:
        return found[0].id
    if found:
        ids = ", ".join(other.id for other in found)
        fail(f"Several jobs have this name or an id that begins so: {ids}. Name one of them by its id.")
    fail("No job has this id or name. List the jobs with gan1010 jobs.")


def job_or_newest(client: "Client", job_id: str | None, kind: Literal["train", "sweep"] | None = None) -> "Job":
    """Get a job by its id, its name or the beginning of its id, or the newest one."""
    if job_id is not None:
        return client.job(find_job_id(client, job_id))
    newest = client.jobs(kind=kind, limit=1).data
    if not newest:
        fail(f"There is no {kind or 'job'} yet. Start one with gan1010 {kind or 'train'}.")
    return newest[0]
