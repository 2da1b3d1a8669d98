"""Commands that manage jobs."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import typer

from service.cli.connection import connected, find_job_id, job_or_newest
from service.cli.options import AsJson, JobId, JobOrNewest, Url
from service.cli.output import cell_table, deletion_text, job_card, job_line, job_table, print_response, stdout
from service.cli.progress import follow_job
from service.retention import parse_age

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]  # the client's, which loads slowly
EndedStatus = Literal["succeeded", "failed", "cancelled"]


def _age(text: str) -> timedelta:
    try:
        return parse_age(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None


def jobs(
    status: Annotated[Status | None, typer.Option(help="Only jobs with this status.")] = None,
    kind: Annotated[Literal["train", "sweep"] | None, typer.Option(help="Only jobs of this kind.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Maximum number of jobs.")] = 20,
    after: Annotated[str | None, typer.Option(metavar="JOB", help="Only jobs older than this one.")] = None,
    search: Annotated[
        str | None, typer.Option(help="Only jobs with these words in name, note, tags, id or settings.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="Order, such as name or generator_loss; descending with - before it.")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """List jobs, newest first."""
    with connected(url) as client:
        page = client.jobs(status=status, kind=kind, q=search, sort=sort, limit=limit, after=after)
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
        print_response(client.pause(find_job_id(client, job)), job_line, as_json=as_json)


def resume(job: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Resume a paused job where it stopped."""
    with connected(url) as client:
        print_response(client.resume(find_job_id(client, job)), job_line, as_json=as_json)


def cancel(job: JobId, as_json: AsJson = False, url: Url = None) -> None:
    """Cancel a job. Its losses and snapshots up to then are kept."""
    with connected(url) as client:
        print_response(client.cancel(find_job_id(client, job)), job_line, as_json=as_json)


def edit(
    job: JobId,
    name: Annotated[str | None, typer.Option(help="The new name; '' for none.")] = None,
    note: Annotated[str | None, typer.Option(help="The new note; '' for none.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag to add. May be repeated.")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="A tag to remove. May be repeated.")] = None,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Change the name, the note and the tags of a job."""
    with connected(url) as client:
        changes: dict[str, Any] = {
            field: text or None for field, text in (("name", name), ("note", note)) if text is not None
        }
        if tag or untag:
            changes["tags"] = [*(old for old in client.job(job).tags if old not in (untag or ())), *(tag or ())]
        print_response(client.edit(find_job_id(client, job), **changes), job_card, as_json=as_json)


def delete(job: JobId, url: Url = None) -> None:
    """Delete a job that has ended, with its history and its model."""
    with connected(url) as client:
        client.delete(find_job_id(client, job))


def prune(
    older_than: Annotated[
        timedelta | None,
        typer.Option(parser=_age, metavar="AGE", help="Only jobs that ended before, such as '30 days'."),
    ] = None,
    status: Annotated[EndedStatus | None, typer.Option(help="Only jobs with this status.")] = None,
    name: Annotated[str | None, typer.Option(help="Only jobs of this name.")] = None,
    keep: Annotated[int | None, typer.Option(min=1, help="Keep so many of the newest jobs.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Delete nothing, and count the jobs.")] = False,
    as_json: AsJson = False,
    url: Url = None,
) -> None:
    """Delete the ended jobs that meet all conditions, and give their space back to the disk."""
    if not (older_than or status or name is not None or keep):
        raise typer.BadParameter("The command names no jobs. Give --older-than, --status, --name or --keep.")
    before = datetime.now(UTC) - older_than if older_than else None
    conditions: dict[str, Any] = {"before": before, "status": status and [status], "name": name, "keep": keep}
    with connected(url) as client:
        found = first = client.delete_jobs(**conditions, dry_run=dry_run)
        deleted = found.deleted
        while found.remaining and not dry_run:  # a request ends after some seconds
            print(f"{deleted:,} deleted, {found.remaining:,} left", file=sys.stderr)  # noqa: T201
            found = client.delete_jobs(**conditions)
            deleted += found.deleted
    total = first.model_copy(update={"deleted": deleted, "remaining": found.remaining})
    print_response(total, deletion_text, as_json=as_json)
