"""A job followed to its end: a progress bar on stderr, and on stdout what comes of it."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bar

from gan1010.client import Client
from gan1010.client.responses import Job, JobProgress
from service.cli.connection import EXIT_INTERRUPTED, connected, end
from service.cli.output import duration, job_card, job_line, show

LOOK_SECONDS = 0.1
LINES = 20  # of losses, over the whole run
HEADING = f"{'iteration':>12}  {'D on real':>9}  {'D on fake':>9}  {'G':>9}"


def train_there(settings: dict[str, Any], url: str | None, *, wait: bool, follow: bool, as_json: bool) -> None:
    """Train at a service."""
    with connected(url) as client:
        job = client.train(**settings)
        if wait or follow:
            follow_job(client, job, losses=follow, as_json=as_json)
        else:
            show(job, job_line, as_json=as_json)


def follow_job(client: Client, job: Job, *, losses: bool, as_json: bool) -> None:
    """Show a job until it has ended, and then what has come of it; if that is nothing good, so is the exit code."""
    try:
        if losses and as_json:
            job = _told(client, job)
        else:
            job = with_bar(client, job, Console(stderr=True), losses=losses)
            show(job, job_card, as_json=as_json)
    except KeyboardInterrupt:
        end(f"the job goes on; gan1010 watch {job.id} shows it, gan1010 cancel {job.id} stops it", EXIT_INTERRUPTED)
    if job.status != "succeeded":
        end(f"the job has not succeeded: it is {job.status}")


def bar_on(console: Console) -> Bar:
    """A progress bar, with a note behind it."""
    columns = (SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"), BarColumn(20))
    return Bar(*columns, MofNCompleteColumn(), TextColumn("{task.fields[note]}"), console=console)


def with_bar(client: Client, job: Job, console: Console, title: str = "", *, losses: bool = False) -> Job:
    """The job when it has ended; a progress bar until then, with its losses above if they are wanted."""
    with bar_on(console) as bar:
        task = bar.add_task(title or ("Train" if job.kind == "train" else "Sweep"), total=job.iterations, note="")
        if losses and job.kind == "train":
            bar.console.print(HEADING, style="dim", highlight=False)
        for event in client.events(job.id) if losses else client.watch(job.id, every=LOOK_SECONDS):
            if isinstance(event, Job):
                job = event
                bar.update(task, completed=job.iteration, note=_note(job))
            else:
                bar.update(task, completed=event.iteration)
                for line in _lines(event):
                    bar.console.print(line, highlight=False)
        bar.update(task, completed=job.iteration, note=_note(job))
    return job


def _told(client: Client, job: Job) -> Job:
    """The job when it has ended; until then each of its events as a line of JSON."""
    for event in client.events(job.id):
        print(event.model_dump_json(), flush=True)  # noqa: T201
        job = event if isinstance(event, Job) else job
    return job


def _lines(progress: JobProgress) -> Iterator[str]:
    """A line of losses for each twentieth of the run that has been passed."""
    step, series = max(progress.iterations // LINES, 1), progress.series
    columns = [series.discriminator_real_loss, series.discriminator_fake_loss, series.generator_loss]
    for row, iteration in enumerate(series.iteration):
        if iteration // step > (iteration - progress.record_every) // step:
            yield f"{iteration:12,}" + "".join(f"  {losses[row]:9.3f}" for losses in columns if losses)


def _note(job: Job) -> str:
    """How fast it is, and how long it takes."""
    if job.status in ("queued", "paused", "failed", "cancelled") or not job.iterations_per_second:
        return "" if job.status == "running" else job.status
    if job.has_ended:
        return f"in {duration(job.iteration / job.iterations_per_second)}"
    left = f", {duration(job.eta_seconds)} left" if job.eta_seconds else ""
    return f"{job.iterations_per_second:,.0f} {'iterations' if job.kind == 'train' else 'GANs'}/s{left}"
