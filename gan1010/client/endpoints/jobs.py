"""Endpoints of jobs: trainings and what they record, and the life of any job."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Unpack

from gan1010.client import responses
from gan1010.client.calls import Call, Endpoint, Format, content, get, parse_as, post, start, text, url_path
from gan1010.client.responses import EndedStatus, Job, Kind, Page, Status
from gan1010.client.settings import JobEdit, TrainSettings

Plot = Literal["losses", "evolution", "surface"]
Draws = Literal["torch", "same"]


class JobEndpoints:
    """The methods for jobs."""

    @Endpoint
    def train(
        self,
        *,
        name: str | None = None,
        wait: float = 0,
        idempotency_key: str | None = None,
        **settings: Unpack[TrainSettings],
    ) -> Call[Job]:
        """Start a training, by default the article's; the response comes when it has ended or after `wait` seconds."""
        return start("/train", wait, idempotency_key, {"name": name, **settings})

    @Endpoint
    def jobs(
        self,
        *,
        status: Status | None = None,
        kind: Kind | None = None,
        name: str | None = None,
        prefix: str | None = None,
        q: str | None = None,
        sort: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> Call[Page[Job]]:
        """List the jobs, newest first.

        Args:
            status: only jobs in this status.
            kind: only jobs of this kind.
            name: only jobs of this name.
            prefix: the beginning of their ids.
            q: words that a job has in its name, note, tags, id or settings, such as `loss=bce`.
            sort: another order: `name`, `generator_loss` and others, descending with `-` before it.
            limit: the length of the page.
            after: `next` of the previous page.
        """
        filters = {"status": status, "kind": kind, "name": name, "prefix": prefix, "q": q, "sort": sort}
        return Call(path="/jobs", parser=parse_as(Page[Job]), params=filters | {"limit": limit, "after": after})

    @Endpoint
    def job(self, job_id: str, *, wait: float = 0) -> Call[Job]:
        """Get a job; the response comes when it has ended or after `wait` seconds."""
        return get(url_path("jobs", job_id), parse_as(Job), wait=wait)

    @Endpoint
    def edit(self, job_id: str, **changes: Unpack[JobEdit]) -> Call[Job]:
        """Change the name, the note or the tags of a job, whatever its status."""
        return Call(method="PATCH", path=url_path("jobs", job_id), json=changes, parser=parse_as(Job))

    @Endpoint
    def cancel(self, job_id: str) -> Call[Job]:
        """Cancel a job and wait until it has stopped."""
        return post(url_path("jobs", job_id, "cancel"), Job)

    @Endpoint
    def pause(self, job_id: str) -> Call[Job]:
        """Pause a job and wait until it has stopped and its checkpoint is persisted."""
        return post(url_path("jobs", job_id, "pause"), Job, is_idempotent=False)

    @Endpoint
    def resume(self, job_id: str) -> Call[Job]:
        """Resume a paused job."""
        return post(url_path("jobs", job_id, "resume"), Job, is_idempotent=False)

    @Endpoint
    def delete(self, job_id: str) -> Call[None]:
        """Delete a job that has ended, with its history and its model."""
        return Call(method="DELETE", path=url_path("jobs", job_id), parser=lambda _: None, is_idempotent=False)

    @Endpoint
    def delete_jobs(
        self,
        *,
        status: Sequence[EndedStatus] | None = None,
        before: datetime | None = None,
        name: str | None = None,
        keep: int | None = None,
        ids: Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> Call[responses.DeletedJobs]:
        """Delete ended jobs that meet all conditions, for some seconds. Repeat the call while jobs remain.

        Args:
            status: only jobs in one of these statuses.
            before: only jobs that ended before this time, which has a time zone.
            name: only jobs of this name.
            keep: keep so many of the newest jobs in these statuses.
            ids: only jobs with one of these ids; about 500 fit into a request.
            dry_run: delete nothing, and count the jobs.

        Raises:
            ValueError: `ids` is empty, which would select jobs with any id.
        """
        if ids is not None and not ids:
            raise ValueError("ids is empty. Pass None for jobs with any id.")
        time = None if before is None else before.isoformat()
        params = {"status": status, "before": time, "name": name, "keep": keep, "id": ids, "dry_run": dry_run}
        return Call(method="DELETE", path="/jobs", params=params, parser=parse_as(responses.DeletedJobs))

    @Endpoint
    def presets(self) -> Call[list[responses.Preset]]:
        """List the presets."""
        return get("/presets", lambda response: responses.PresetList.model_validate_json(response.content).data)

    @Endpoint
    def progress(self, job_id: str, *, after: int = 0, max_points: int | None = None) -> Call[responses.JobProgress]:
        """Get a job's losses after an iteration, thinned to at most `max_points`."""
        path = url_path("jobs", job_id, "progress")
        return get(path, parse_as(responses.JobProgress), after=after, max_points=max_points)

    @Endpoint
    def progress_csv(self, job_id: str, *, after: int = 0, max_points: int | None = None) -> Call[str]:
        """Get a job's losses as CSV."""
        return get(url_path("jobs", job_id, "progress"), text, "text/csv", after=after, max_points=max_points)

    @Endpoint
    def article_progress(self, job_id: str) -> Call[responses.ArticleProgress]:
        """Get the two lists of losses that the article's program records."""
        return get(url_path("jobs", job_id, "progress"), parse_as(responses.ArticleProgress), view="article")

    @Endpoint
    def snapshots(self, job_id: str, *, weights: bool = False) -> Call[responses.Snapshots]:
        """Get G's output at each snapshot, and the weights of both networks on request."""
        return get(url_path("jobs", job_id, "snapshots"), parse_as(responses.Snapshots), weights=weights)

    @Endpoint
    def snapshots_npz(self, job_id: str) -> Call[bytes]:
        """Get the snapshots with all weights as an `.npz` file of NumPy arrays."""
        return get(url_path("jobs", job_id, "snapshots"), content, "application/x-npz", weights=True)

    @Endpoint
    def plot(
        self, job_id: str, plot: Plot = "losses", format: Format = "png", *, iteration: int | None = None
    ) -> Call[bytes]:
        """Get a plot of a job; `iteration` selects the snapshot of the surface."""
        return get(url_path("jobs", job_id, "plots", f"{plot}.{format}"), content, iteration=iteration)

    @Endpoint
    def script(self, job_id: str, *, draws: Draws = "torch") -> Call[str]:
        """Get the training as a program in plain PyTorch.

        It uses torch's own random numbers, or with `draws` "same" those of the job: then it prints the job's results.
        """
        return get(url_path("jobs", job_id, "script.py"), text, draws=draws)
