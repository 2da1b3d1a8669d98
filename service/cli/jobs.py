"""Commands that manage jobs."""

from typing import Annotated, Literal

import typer

from service.cli.connection import connected, job_or_newest
from service.cli.options import AsJson, JobId, JobOrNewest, Url
from service.cli.output import cell_table, job_card, job_line, job_table, print_response, stdout
from service.cli.progress import follow_job

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]  # the client's, which loads slowly


def jobs(
    status: Annotated[Status | None, typer.Option(help="Only jobs with this status.")] = None,
    kind: Annotated[Literal["train", "sweep"] | None, typer.Option(help="Only jobs of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of jobs.")] = 20,
    after: Annotated[str | None, typer.Option(metavar="JOB", help="Only jobs older than this one.")] = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List jobs, newest first."""
    with connected(url) as client:
        page = client.jobs(status=status, kind=kind, limit=limit, after=after)
    print_response(page, job_table, as_json=as_json)


def show(job: JobOrNewest = None, as_json: AsJson = False, url: Url = None) -> None:
    """Show a job: its status, settings, results and history."""
    with connected(url) as client:
        found = job_or_newest(client, job)
        print_response(found, job_card, as_json=as_json)
        if found.kind == "sweep" and not as_json:
            stdout().print(cell_table(found, list(client.each(client.results, found.id))))


def watch(job: JobOrNewest = None, as_json: AsJson = False, url: Url = None) -> None:
    """Follow a job until it ends, with a progress bar and its losses."""
    with connected(url) as client:
        follow_job(client, job_or_newest(client, job), losses=True, as_json=as_json)


def pause(job: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Pause a job. It can be resumed, also after a restart of the service."""
    with connected(url) as client:
        print_response(client.pause(job), job_line, as_json=as_json)


def resume(job: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Resume a paused job where it stopped."""
    with connected(url) as client:
        print_response(client.resume(job), job_line, as_json=as_json)


def cancel(job: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Cancel a job. Its losses and snapshots up to then are kept."""
    with connected(url) as client:
        print_response(client.cancel(job), job_line, as_json=as_json)


def delete(job: JobId, url: Url = None) -> None:
    """Delete a job that has ended, with its history and its model."""
    with connected(url) as client:
        client.delete(job)
