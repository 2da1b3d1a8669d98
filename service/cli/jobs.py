"""The commands that look after jobs."""

from typing import Annotated, Literal

import typer

from service.cli.options import AsJson, JobId, JobOrNewest, Url

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
Change = Literal["pause", "resume", "cancel"]


def jobs(
    status: Annotated[Status | None, typer.Option(help="Only these.")] = None,
    kind: Annotated[Literal["train", "sweep"] | None, typer.Option(help="Only these.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    after: Annotated[str | None, typer.Option(metavar="JOB", help="Only those that are older than this one.")] = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List the jobs, newest first."""
    from service.cli.connection import connected
    from service.cli.output import job_table, show

    with connected(url) as client:
        page = client.jobs(status=status, kind=kind, limit=limit, after=after)
    show(page, job_table, as_json=as_json)


def show(job: JobOrNewest = None, as_json: AsJson = False, url: Url = None) -> None:
    """Show a job: its settings, what has come of it, and what has happened to it."""
    from service.cli.connection import connected, job_or_newest
    from service.cli.output import cell_table, job_card, show, stdout

    with connected(url) as client:
        found = job_or_newest(client, job)
        show(found, job_card, as_json=as_json)
        if found.kind == "sweep" and not as_json:
            stdout().print(cell_table(found, list(client.each(client.results, found.id))))


def watch(job: JobOrNewest = None, as_json: AsJson = False, url: Url = None) -> None:
    """Watch a job learn until it has ended: a progress bar, and its losses as they come."""
    from service.cli.connection import connected, job_or_newest
    from service.cli.progress import follow_job

    with connected(url) as client:
        follow_job(client, job_or_newest(client, job), losses=True, as_json=as_json)


def pause(job: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Pause a job: it stops, and all that it needs to go on is kept."""
    _change("pause", job, url, as_json=as_json)


def resume(job: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Have a paused job go on where it was."""
    _change("resume", job, url, as_json=as_json)


def cancel(job: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Stop a job for good; what it has learned until then stays."""
    _change("cancel", job, url, as_json=as_json)


def delete(job: JobId, url: Url = None) -> None:
    """Forget a job that has ended, with its history and its model."""
    from service.cli.connection import connected

    with connected(url) as client:
        client.delete(job)


def _change(change: Change, job: str, url: str | None, *, as_json: bool) -> None:
    from service.cli.connection import connected
    from service.cli.output import job_line, show

    with connected(url) as client:
        show(getattr(client, change)(job), job_line, as_json=as_json)
